//! What is not sent: without the right, in a read-only context, without the typed word, where it would be wrong, and
//! where it could not be recorded.

use rstest::rstest;
use watchkeeper::actions::ACTIONS;

use super::driver::{State, demo, web_pod, writes};

/// A target of each action in the healthy platform, and what it needs to be set.
pub fn line(action: &str) -> &'static str {
    match action {
        "suspend" | "reconcile" | "reconcile-with-source" | "force" | "reset" | "emergency-restart" => {
            "hr/team-alpha/shop"
        }
        "resume" => "hr/neuvector/runtime-security",
        "recover" => "hr/monitoring/monitoring",
        "rollback" => "hr/team-alpha/shop revision=1",
        "restart" | "pause-rollout" | "resume-rollout" | "undo-rollout" => "deploy/team-alpha/shop-web",
        "scale" => "deploy/team-alpha/shop-web replicas=5",
        "delete-pod" | "evict" => "pod/openbao/openbao-0",
        "silence" => r#"hr/team-alpha/shop matchers=alertname="X""#,
        "edit-silence" | "expire-silence" => "silence/none",
        "renew" => "cert/team-alpha/shop-tls",
        "force-sync" | "rotate" => "es/kubeop-system/kubeop-database",
        "backup" | "pause-schedule" | "unpause-schedule" => "schedule/velero/daily-backup",
        "restore" => "backup/velero/before-istio-1-27 namespace=istio-system",
        "delete-backup" | "backup-logs" => "backup/velero/before-istio-1-27",
        "restore-logs" => "restore/velero/restore-test",
        "cordon" | "uncordon" => "node/worker-1",
        "drain" => "node/worker-1 delete-emptydir-data=yes unmanaged=yes leave-unevictable=yes",
        other => panic!("{other} has no target here: add one"),
    }
}

/// Every word that could be asked for, so that nothing but the lock is in the way.
fn with_every_word(action: &str) -> Vec<String> {
    let line = line(action);
    let name = line.split_whitespace().next().unwrap().rsplit('/').next().unwrap();
    ["--yes".to_owned(), format!("confirm={name}"), "confirm=sre-demo".to_owned()]
        .map(|word| format!("{action} {line} reason=test {word}"))
        .into()
}

#[test]
fn a_read_only_context_sends_nothing_whatever_is_asked() {
    let (demo, state) = (demo("platform"), State::new());
    for action in ACTIONS {
        for line in with_every_word(action.name) {
            let settings = state.settings(demo.kubeconfig(), None, "readonly = true");
            let seen = State::run(settings, &line);
            assert_eq!(seen.code, 4, "{line}: {seen:#?}");
        }
    }
    assert_eq!(writes(&demo), Vec::<String>::new());
    let dry: Vec<_> = demo.control().requests().into_iter().filter(|r| r.query.contains("dryRun")).collect();
    assert!(dry.is_empty(), "not even to ask what would happen: {dry:?}");
    assert!(state.audited().is_empty(), "what is not sent is not recorded as if it were");
}

#[test]
fn the_reader_is_told_which_right_is_missing_before_anything_is_sent() {
    let (demo, state) = (demo("platform"), State::new());
    for action in ACTIONS {
        let line = format!("{} {} reason=test --dry-run", action.name, line(action.name));
        let seen = state.as_user(&demo, "readonly", &line);
        assert_eq!(seen.code, 4, "{line}: {seen:#?}");
    }
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[rstest]
#[case::restarts("restart deploy/team-alpha/shop-web confirm=shop-web", 0, "done: rolled out")]
#[case::suspends_not("suspend hr/team-alpha/shop --yes", 4, "nothing was sent: it would be rejected")]
#[case::deletes_not("delete-pod pod/team-alpha/POD --yes", 4, "nothing was sent: it would be rejected")]
#[case::evicts("evict pod/team-alpha/POD --yes", 0, "done: gone")]
fn an_identity_of_one_namespace_may_do_what_its_reviews_allow(
    #[case] line: &str,
    #[case] code: u8,
    #[case] says: &str,
) {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = web_pod(&demo);
    state.as_user(&demo, "namespaced", &line.replace("POD", &pod)).is(code, says);
}

#[test]
fn an_unlocked_context_may_be_written_to_and_that_is_recorded() {
    let (demo, state) = (demo("quiet"), State::new());
    let locked = || state.settings(demo.kubeconfig(), None, "readonly-contexts = [\"sre*\"]");
    State::run(locked(), "suspend hr/team-alpha/shop --yes").is(4, "matches sre* of readonly-contexts");
    State::run(locked(), "suspend hr/team-alpha/shop --yes unlock=incident").is(0, "done");
    let audit = state.audited();
    assert_eq!((audit[0]["event"].as_str(), audit[0]["reason"].as_str()), (Some("unlock"), Some("incident")));
}

#[rstest]
#[case::no_approval("reconcile hr/team-alpha/shop", "--yes approves it")]
#[case::yes_is_no_name("restart deploy/team-alpha/shop-web --yes", "--confirm shop-web")]
#[case::wrong_name("restart deploy/team-alpha/shop-web confirm=shop", "--confirm shop-web")]
#[case::core_wants_the_context(
    "restart deploy/kyverno/kyverno-admission-controller confirm=kyverno",
    "--confirm sre-demo"
)]
#[case::bulk_wants_the_context("suspend hr/team-alpha/shop hr/team-beta/orders --yes", "--confirm sre-demo")]
#[case::no_reason(r#"silence hr/team-alpha/shop matchers=alertname="X" --yes"#, "needs a reason")]
#[case::on_delete("restart sts/openbao/openbao confirm=sre-demo", "OnDelete")]
#[case::already("resume hr/team-alpha/shop --yes", "it is not suspended")]
#[case::never_disabled("resume rset/team-beta/environments --yes", "it is not suspended")]
#[case::live_namespace(
    "restore backup/velero/before-istio-1-27 namespace=istio-system into=istio-system reason=x confirm=before-istio-1-27",
    "live=yes"
)]
#[case::not_ours("uncordon node/worker-1 --yes", "it is not cordoned")]
#[case::no_such_object("suspend hr/team-alpha/none --yes", "HelmRelease team-alpha/none is not there")]
#[case::static_source("reconcile helmrepo/flux-system/harbor --yes", "no controller reconciles it")]
#[case::static_source_again("suspend helmrepo/flux-system/harbor --yes", "no controller reconciles it")]
#[case::a_namespace_that_is_there(
    "restore backup/velero/before-istio-1-27 namespace=istio-system into=team-alpha reason=x confirm=before-istio-1-27",
    "--confirm sre-demo"
)]
#[case::kube_system(
    "restore backup/velero/before-istio-1-27 namespace=istio-system into=kube-system reason=x confirm=before-istio-1-27",
    "--confirm sre-demo"
)]
#[case::broad_regex(r#"silence hr/team-alpha/shop matchers=alertname=~"(" reason=x --yes"#, "is not a valid regex")]
fn it_says_why_it_is_not_done(#[case] line: &str, #[case] says: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, line).is(4, says);
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[rstest]
#[case::of_a_namespace(
    "namespaced",
    "restart deploy/kyverno/kyverno-admission-controller --dry-run",
    "Deployment kyverno/kyverno-admission-controller cannot be seen: you may not list Deployments in kyverno"
)]
#[case::of_the_cluster(
    "namespaced",
    "cordon node/worker-1 --dry-run",
    "Node worker-1 cannot be seen: you may not list Nodes"
)]
#[case::in_its_own("namespaced", "restart deploy/team-alpha/none --dry-run", "Deployment team-alpha/none is not there")]
#[case::of_everybody("demo", "restart deploy/team-alpha/none --dry-run", "Deployment team-alpha/none is not there")]
fn what_may_not_be_seen_is_not_said_to_be_gone(#[case] user: &str, #[case] line: &str, #[case] says: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let context = if user == "demo" { "sre-demo" } else { user };
    let seen = state.as_user(&demo, context, line);
    assert_eq!((seen.code, seen.last()), (4, &*format!("watchkeeper: {says}")), "{seen:#?}");
}

#[test]
fn what_a_kustomization_writes_back_is_not_gone_back_on() {
    let (demo, state) = (demo("quiet"), State::new());
    let line = "undo-rollout deploy/team-alpha/shop-web confirm=shop-web";
    // a HelmRelease without drift detection does not
    let seen = state.on(&demo, &format!("{line} --dry-run"));
    assert!(
        seen.code == 0 && seen.out.contains("HelmRelease team-alpha/shop manages it without drift detection"),
        "{seen:#?}"
    );
    demo.control().with_world(|world| {
        world.edit("Deployment", "team-alpha", "shop-web", |o| {
            o["metadata"]["labels"] = serde_json::json!({
                "kustomize.toolkit.fluxcd.io/name": "platform", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            });
        });
    });
    state.on(&demo, line).is(4, "Kustomization flux-system/platform would write it back");
    assert_eq!(writes(&demo), Vec::<String>::new());
}

/// What is set becomes a name, a part of a path, an argument of a command: it must be a name before anything is planned.
#[test]
fn what_is_set_and_is_no_name_is_refused_before_anything_is_planned() {
    let (demo, state) = (demo("quiet"), State::new());
    let restore = "restore backup/velero/before-istio-1-27 namespace=istio-system reason=x --dry-run";
    let backup = "backup bsl/velero/default --dry-run";
    for (line, value) in [
        (restore, "into=--all"),
        (restore, "into=../x"),
        (restore, "into=A"),
        (restore, "into=a.b"),
        (backup, "name=--all"),
        (backup, "name=../x"),
        (backup, "namespaces=team-alpha,--all"),
        (backup, "namespaces=../x"),
    ] {
        let seen = state.on(&demo, &line.replace("--dry-run", &format!("{value} --dry-run")));
        let told = format!("{:?} {}", seen.last(), seen.out);
        assert!(told.contains("is no name"), "{value}: {told}");
    }
    let patterns = backup.replace("--dry-run", "namespaces=team-*,velero name=before.it --dry-run");
    assert!(state.on(&demo, &patterns).out.contains("back up now: before.it"));
}

#[test]
fn nothing_that_was_there_before_is_part_of_the_undo_of_a_restore() {
    let (demo, state) = (demo("quiet"), State::new());
    let restore = |into: &str| {
        let line =
            format!("restore backup/velero/before-istio-1-27 namespace=istio-system into={into} reason=x --dry-run");
        state.on(&demo, &line).out
    };
    for there in ["kube-system", "team-alpha", "monitoring"] {
        let out = restore(there);
        assert!(!out.contains("undo:") && !out.contains("delete namespace"), "{out}");
        assert!(out.contains(&format!("warning: namespace {there} is there already")), "{out}");
    }
    let out = restore("restore-test");
    assert!(out.contains("undo: restore-test does not exist now, so this restore creates it"), "{out}");
    let undo = "undo: kubectl --context sre-demo delete namespace restore-test --kubeconfig ";
    assert!(out.lines().any(|line| line.starts_with(undo)), "{out}");
    // an identity without the right to look gets a message that says so, and nothing of it is undone
    demo.control().set_faults(watchkeeper::demo::Faults::one(
        watchkeeper::demo::faults::Rule::new(watchkeeper::demo::faults::Act::Status {
            code: 503,
            retry_after: None,
            body: None,
        })
        .path("/api/v1/namespaces/restore-test")
        .verb("get"),
    ));
    let out = restore("restore-test");
    assert!(
        out.contains("whether namespace restore-test is there could not be read") && !out.contains("undo:"),
        "{out}"
    );
}

#[test]
fn a_disabled_resource_set_is_neither_reconciled_nor_disabled_again() {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, "suspend rset/team-beta/environments --yes").is(0, "done: ");
    let sent = writes(&demo);
    state.on(&demo, "reconcile rset/team-beta/environments --yes").is(4, "it is suspended");
    state.on(&demo, "suspend rset/team-beta/environments --yes").is(4, "it is suspended");
    assert_eq!(writes(&demo), sent);
}

#[rstest]
#[case("fly hr/team-alpha/shop", "no action is called `fly`")]
#[case("suspend shop", "KIND/NAMESPACE/NAME")]
#[case("suspend pod/openbao/openbao-0 --yes", "no action for a Pod")]
#[case("suspend zebra/a/b --yes", "no kind is called zebra")]
fn a_command_line_that_cannot_be_meant_is_a_usage_error(#[case] line: &str, #[case] says: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, line).is(2, says);
}

#[test]
fn without_an_audit_nothing_is_written() {
    let (demo, state) = (demo("quiet"), State::new());
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut settings = state.settings(demo.kubeconfig(), None, "");
    settings.state_dir = Some(file.path().to_path_buf());
    State::run(settings, "suspend hr/team-alpha/shop --yes").is(4, "the audit in");
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[test]
fn without_a_connection_it_is_a_word_of_its_own() {
    let state = State::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(
        &path,
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\n\
         contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n",
    )
    .unwrap();
    State::run(state.settings(&path, None, ""), "suspend hr/a/b --yes").is(3, "nothing listens");
}
