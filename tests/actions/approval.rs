//! What has to be said before anything is sent: which word, by where the workloads are; what a read-only context is
//! opened by and what is not; and as whom one acts.

use rstest::rstest;
use serde_json::{Value, json};
use watchkeeper::demo::Demo;

use super::driver::{State, demo, order, web_pod, writes};

/// A release in a tenant's namespace whose workloads are those of logging.
fn release_into_logging(demo: &Demo) {
    demo.control().with_world(|world| {
        assert!(world.edit("HelmRelease", "team-alpha", "shop", |o| o["spec"]["targetNamespace"] = json!("logging")));
        let labels = json!({ "helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "team-alpha" });
        assert!(world.edit("DaemonSet", "logging", "alloy", |o| {
            let own = o["metadata"]["labels"].as_object_mut().unwrap();
            own.extend(labels.as_object().unwrap().clone());
        }));
    });
}

fn worker_of_the_control_plane(demo: &Demo) -> String {
    demo.control().with_world(|world| {
        let is = |node: &&Value| node["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some();
        world.list("Node").into_iter().find(is).unwrap()["metadata"]["name"].as_str().unwrap().to_owned()
    })
}

#[rstest]
#[case::pause("pause-rollout deploy/kube-system/rke2-metrics-server", "--confirm sre-demo")]
#[case::scale("scale deploy/kube-system/rke2-metrics-server replicas=2", "--confirm sre-demo")]
#[case::restart("restart ds/kube-system/rke2-canal", "--confirm sre-demo")]
#[case::pause_elsewhere("pause-rollout deploy/team-alpha/shop-web", "--yes")]
#[case::node("cordon node/CONTROL", "--confirm sre-demo")]
#[case::worker("cordon node/worker-1", "--yes")]
#[case::a_release_whose_workloads_are_core("emergency-restart hr/team-alpha/shop", "--confirm sre-demo")]
#[case::so_for_its_suspend("suspend hr/team-alpha/shop", "--confirm shop")]
fn the_word_is_decided_by_where_the_workloads_are(#[case] line: &str, #[case] needs: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    release_into_logging(&demo);
    let line = line.replace("CONTROL", &worker_of_the_control_plane(&demo));
    // no configuration takes kube-system out of what is core
    let more = "core-namespaces = [\"logging\"]";
    let run = |line: &str| State::run(state.settings(demo.kubeconfig(), None, more), line);
    let seen = run(&format!("{line} --dry-run"));
    assert!(seen.code == 0 && seen.out.lines().any(|said| said == format!("needs {needs}")), "{needs}: {seen:#?}");
    if needs != "--yes" {
        run(&format!("{line} --yes")).is(4, needs);
    }
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[test]
fn a_pod_that_is_replaced_is_ended_by_a_key_and_one_of_core_by_the_context() {
    let (demo, state) = (demo("quiet"), State::new());
    let own = web_pod(&demo);
    let core = demo.control().with_world(|world| {
        let is =
            |pod: &&Value| pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("rke2-metrics-server"));
        world.list("Pod").into_iter().find(is).unwrap()["metadata"]["name"].as_str().unwrap().to_owned()
    });
    let needs = |line: &str, wanted: &str| {
        let seen = state.on(&demo, &format!("{line} --dry-run"));
        assert!(seen.out.lines().any(|said| said == format!("needs {wanted}")), "{wanted}: {seen:#?}");
    };
    for verb in ["delete-pod", "evict"] {
        needs(&format!("{verb} pod/team-alpha/{own}"), "--yes");
        needs(&format!("{verb} pod/kube-system/{core}"), "--confirm sre-demo");
    }
    // nothing creates this one again
    demo.control().with_world(|world| {
        assert!(world.edit("Pod", "team-alpha", &own, |pod| drop(
            pod["metadata"].as_object_mut().unwrap().remove("ownerReferences")
        )));
    });
    needs(&format!("delete-pod pod/team-alpha/{own}"), &format!("--confirm {own}"));
}

#[rstest]
#[case("")]
#[case(" \t")]
#[case("\u{200b}")]
#[case("...")]
fn a_reason_says_something(#[case] reason: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let mut order = order(r#"silence hr/team-alpha/shop matchers=alertname="X" --yes"#);
    order.reason = reason.to_owned();
    State::carry_out(state.settings(demo.kubeconfig(), None, ""), order).is(4, "silence needs a reason");
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[test]
fn a_dry_run_says_what_approves_it_and_a_right_word_is_as_good_as_a_key() {
    let (demo, state) = (demo("quiet"), State::new());
    let seen = state.on(&demo, r#"silence hr/team-alpha/shop matchers=alertname="X" --dry-run"#);
    assert!(seen.out.contains("\nneeds --yes\nneeds --reason TEXT\n"), "{seen:#?}");
    let seen = state.on(&demo, "restart deploy/team-alpha/shop-web --dry-run");
    assert!(seen.out.contains("\nneeds --confirm shop-web\n") && !seen.out.contains("--reason"), "{seen:#?}");
    assert_eq!(writes(&demo), Vec::<String>::new());
    state
        .on(&demo, "suspend hr/team-alpha/shop confirm=shap")
        .is(4, "shap is neither the object's name nor the context's");
    state.on(&demo, "suspend hr/team-alpha/shop confirm=sre-prod --yes").is(4, "sre-prod is neither");
    assert_eq!(writes(&demo), Vec::<String>::new());
    state.on(&demo, "suspend hr/team-alpha/shop confirm=shop").is(0, "done: ");
    state.on(&demo, "resume hr/team-alpha/shop confirm=sre-demo").is(0, "done: ");
}

#[rstest]
#[case::everywhere("readonly = true")]
#[case::in_this_context("[contexts.\"sre-demo\"]\nreadonly = true")]
#[case::not_undone_by_the_context("readonly = true\n[contexts.\"sre-demo\"]\nreadonly = false")]
fn what_is_set_read_only_is_not_unlocked(#[case] more: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let run = |line: &str| State::run(state.settings(demo.kubeconfig(), None, more), line);
    let seen = run("suspend hr/team-alpha/shop --yes unlock=incident");
    seen.is(4, "cannot be unlocked: change it there (");
    assert!(seen.err.contains("config.toml"), "it says where: {seen:#?}");
    let seen = run("suspend hr/team-alpha/shop --dry-run");
    assert!(seen.out.contains("cannot be run, read-only: readonly is set by"), "{seen:#?}");
    assert_eq!(writes(&demo), Vec::<String>::new());
    assert!(state.audited().is_empty());
}

#[rstest]
#[case("")]
#[case("  ")]
#[case("\u{200b}")]
fn unlocking_needs_a_reason_in_words(#[case] reason: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let settings = state.settings(demo.kubeconfig(), None, "readonly-contexts = [\"sre*\"]");
    let mut order = order("suspend hr/team-alpha/shop --yes");
    order.unlock = Some(reason.to_owned());
    State::carry_out(settings, order).is(4, "--unlock needs a reason");
    assert_eq!(writes(&demo), Vec::<String>::new());
    assert!(state.audited().is_empty());
}

#[test]
fn an_approval_that_fails_unlocks_nothing() {
    let (demo, state) = (demo("quiet"), State::new());
    let settings = state.settings(demo.kubeconfig(), None, "readonly-contexts = [\"sre*\"]");
    State::run(settings, "restart deploy/team-alpha/shop-web --yes unlock=incident").is(4, "--confirm shop-web");
    assert!(state.audited().is_empty(), "a context that was opened for nothing stays open for a quarter of an hour");
}

#[rstest]
#[case::its_cluster("eu1", "sre-demo", "*demo*", "the cluster sre-demo matches *demo* of readonly-contexts")]
#[case::its_server("eu1", "c", "127.0.0.*", "the server 127.0.0.1 matches 127.0.0.* of readonly-contexts")]
fn a_context_of_a_harmless_name_is_known_by_its_cluster_and_server(
    #[case] context: &str,
    #[case] cluster: &str,
    #[case] pattern: &str,
    #[case] says: &str,
) {
    let (demo, state) = (demo("quiet"), State::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {context}\n\
         clusters: [{{name: {cluster}, cluster: {{server: \"http://{}\"}}}}]\n\
         contexts: [{{name: {context}, context: {{cluster: {cluster}, user: u}}}}]\nusers: [{{name: u, user: {{token: demo}}}}]\n",
        demo.address()
    );
    std::fs::write(&path, text).unwrap();
    let more = format!("readonly-contexts = [\"{pattern}\"]");
    State::run(state.settings(&path, None, &more), "suspend hr/team-alpha/shop --yes").is(4, says);
    assert_eq!(writes(&demo), Vec::<String>::new());
    // a table of its own that says so opens it, as it did for a pattern that its name fits
    let more = format!("{more}\n[contexts.\"{context}\"]\nreadonly = false");
    State::run(state.settings(&path, None, &more), "suspend hr/team-alpha/shop --yes").is(0, "done: ");
}

#[rstest]
#[case::of_the_configuration("as-groups = [\"system:masters\"]", "token: demo", "they need one (--as")]
#[case::of_its_context("[contexts.\"c\"]\nas-groups = [\"system:masters\"]", "token: demo", "they need one (--as")]
#[case::of_the_kubeconfig("", "token: demo, as-groups: [\"system:masters\"]", "names no user to impersonate (as)")]
#[case::a_uid_of_the_kubeconfig("", "token: demo, as-uid: \"7\"", "names no user to impersonate (as)")]
fn groups_without_a_user_to_impersonate_are_refused(#[case] more: &str, #[case] user: &str, #[case] says: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"http://{}\"}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n",
        demo.address()
    );
    std::fs::write(&path, text).unwrap();
    State::run(state.settings(&path, None, more), "suspend hr/team-alpha/shop --yes").is(3, says);
    assert!(demo.control().requests().is_empty(), "nothing is asked with rights that were not meant");
}
