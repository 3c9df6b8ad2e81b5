//! What is said of an outcome is true: nothing is done that was not sent, nothing is refused that may have arrived,
//! and what is between us and the server proves nothing.

use rstest::rstest;
use watchkeeper::demo::Faults;
use watchkeeper::demo::faults::{Act, Rule};

use super::driver::{State, ask, demo, overtaken, patch, web_pod, writes};
use super::faults::stir;

const WEB: &str = "/apis/apps/v1/namespaces/team-alpha/deployments/shop-web";
const SHOP: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/team-alpha/helmreleases/shop";

fn answered(code: u16) -> Act {
    Act::Status { code, retry_after: None, body: None }
}

fn html(code: u16) -> Act {
    Act::Status { code, retry_after: None, body: Some("<html>default backend</html>".to_owned()) }
}

/// The first write is the dry run, the second is meant; it is met by this.
fn meant(path: &str, verb: &str, act: Act) -> Faults {
    Faults::one(Rule::new(act).path(path).verb(verb).only(2, 1))
}

/// Each waits for half a minute, so they wait together.
fn together<C: Copy + Sync + std::fmt::Debug>(cases: &[C], one: impl Fn(C) + Sync) {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| (case, scope.spawn(|| one(*case)))).collect();
        running.into_iter().filter_map(|(case, run)| run.join().err().map(|_| format!("{case:?}"))).collect()
    });
    assert!(failed.is_empty(), "failed, as printed above: {failed:?}");
}

#[test]
fn what_was_never_carried_out_is_never_done() {
    let cases = [
        ("restart deploy/team-alpha/shop-web confirm=shop-web", WEB, 503),
        ("restart deploy/team-alpha/shop-web confirm=shop-web", WEB, 0),
        (
            "restart sts/logging/loki-write confirm=sre-demo",
            "/apis/apps/v1/namespaces/logging/statefulsets/loki-write",
            503,
        ),
        ("restart ds/logging/alloy confirm=sre-demo", "/apis/apps/v1/namespaces/logging/daemonsets/alloy", 0),
        ("scale deploy/team-alpha/shop-web replicas=5 confirm=shop-web", WEB, 503),
        (
            "force-sync es/kubeop-system/kubeop-database --yes",
            "/apis/external-secrets.io/v1/namespaces/kubeop-system/externalsecrets/kubeop-database",
            503,
        ),
    ];
    together(&cases, |(line, path, code)| {
        let (demo, state) = (demo("quiet"), State::new());
        let before = ask(&demo, path);
        demo.control().set_faults(meant(path, "patch", if code == 0 { Act::Drop } else { answered(code) }));
        let seen = state.on(&demo, line);
        assert_eq!(seen.code, 5, "{seen:#?}");
        assert_eq!(ask(&demo, path)["metadata"]["generation"], before["metadata"]["generation"]);
        assert_eq!(state.audited().last().unwrap()["outcome"], "unknown");
    });
}

#[test]
fn a_lost_answer_is_unknown_until_the_proof_is_there() {
    let cases = [
        ("reconcile hr/team-alpha/shop --yes", SHOP, "patch"),
        (
            "reconcile rset/flux-system/tenants --yes",
            "/apis/fluxcd.controlplane.io/v1/namespaces/flux-system/resourcesets/tenants",
            "patch",
        ),
        ("backup schedule/velero/daily-backup --yes", "/apis/velero.io/v1/namespaces/velero/backups", "create"),
        (
            "restore backup/velero/before-istio-1-27 namespace=istio-system reason=look confirm=before-istio-1-27",
            "/apis/velero.io/v1/namespaces/velero/restores",
            "create",
        ),
    ];
    together(&cases, |(line, path, verb)| {
        let (demo, state) = (demo("quiet"), State::new());
        demo.control().set_faults(meant(path, verb, answered(503)));
        let seen = state.on(&demo, line);
        assert_eq!(seen.code, 5, "it was not carried out, and nobody can know: {seen:#?}");
        demo.control().set_faults(meant(path, verb, Act::Lose));
        let seen = state.on(&demo, line);
        assert_eq!(seen.code, 0, "it was carried out, and is found: {seen:#?}");
        assert!(seen.out.contains("the answer was lost"), "{seen:#?}");
    });
}

#[test]
fn what_was_never_resumed_is_not_ready_for_it() {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, "suspend hr/team-alpha/shop --yes").is(0, "done");
    demo.control().set_faults(meant(SHOP, "patch", answered(503)));
    assert_eq!(state.on(&demo, "resume hr/team-alpha/shop --yes").code, 5);
    demo.control().set_faults(meant(SHOP, "patch", Act::Lose));
    state.on(&demo, "resume hr/team-alpha/shop --yes").is(0, "done");
}

#[test]
fn a_default_backend_proves_no_deletion() {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = web_pod(&demo);
    let path = format!("/api/v1/namespaces/team-alpha/pods/{pod}");
    demo.control().set_faults(meant(&path, "delete", html(404)));
    let seen = state.on(&demo, &format!("delete-pod pod/team-alpha/{pod} confirm={pod} --yes"));
    assert_eq!(seen.code, 5, "{seen:#?}");
    assert_eq!(ask(&demo, &path)["metadata"]["name"], pod.as_str(), "it still runs");
}

#[rstest]
#[case::a_login_page(200)]
#[case::a_firewall(403)]
#[case::a_backend(404)]
fn an_answer_of_somebody_else_says_nothing_about_a_write(#[case] code: u16) {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(meant(SHOP, "patch", html(code)));
    let seen = state.on(&demo, "suspend hr/team-alpha/shop --yes");
    assert!(seen.code == 5 && seen.out.contains("not by the API server"), "{seen:#?}");
    assert_ne!(state.audited().last().unwrap()["outcome"], "refused", "it may have been carried out");
}

#[test]
fn a_connection_that_was_never_made_is_a_refusal_and_one_that_broke_is_not() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(meant(SHOP, "patch", Act::Drop));
    let seen = state.on(&demo, "suspend hr/team-alpha/shop --yes");
    assert_eq!(seen.code, 5, "the request had left: {seen:#?}");
}

/// Every attempt at a version of the object is a line of its own, with what was sent.
#[test]
fn each_request_that_is_sent_has_its_intent_with_uid_version_and_body() {
    let (demo, state) = (demo("quiet"), State::new());
    let run = || state.on(&demo, "suspend hr/team-alpha/shop --yes");
    overtaken(&demo, (SHOP, "patch"), &[], || stir(&demo), run).is(0, "done");
    let audit = state.audited();
    let intents: Vec<_> = audit.iter().filter(|line| line["event"] == "intent").collect();
    let answers = audit.iter().filter(|line| line["event"] == "answer").count();
    assert_eq!((intents.len(), answers), (writes(&demo).len(), writes(&demo).len()));
    assert_eq!(intents.len(), 2, "its status has moved meanwhile");
    for intent in &intents {
        let metadata = &intent["body"]["metadata"];
        assert_eq!((&metadata["uid"], &metadata["resourceVersion"]), (&intent["uid"], &intent["version"]));
        assert_eq!(intent["body"]["spec"]["suspend"], true);
    }
    let versions: std::collections::BTreeSet<_> = intents.iter().map(|i| i["version"].to_string()).collect();
    assert_eq!(versions.len(), intents.len(), "each for another version");
}

#[test]
fn a_suspend_says_on_the_object_who_and_why_and_our_resume_takes_it_away() {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, "suspend hr/team-alpha/shop reason=disk --yes").is(0, "done");
    let marks = |name: &str| ask(&demo, SHOP)["metadata"]["annotations"][format!("watchkeeper.dev/{name}")].clone();
    assert_eq!((marks("by"), marks("reason"), marks("before")), ("demo".into(), "disk".into(), "false".into()));
    state.on(&demo, "resume hr/team-alpha/shop --yes").is(0, "done");
    assert!(["by", "reason", "before", "run"].iter().all(|name| marks(name).is_null()));
}

/// A write of ours that was never carried out, while somebody else has made the same change.
#[test]
fn what_somebody_else_did_while_ours_was_lost_is_not_ours() {
    const NODE: &str = "/api/v1/nodes/worker-1";
    const DAILY: &str = "/apis/velero.io/v1/namespaces/velero/schedules/daily-backup";
    let cases = [
        ("suspend hr/team-alpha/shop --yes", SHOP, "suspend", true.into()),
        ("cordon node/worker-1 --yes", NODE, "unschedulable", true.into()),
        ("pause-rollout deploy/team-alpha/shop-web --yes", WEB, "paused", true.into()),
        ("pause-schedule schedule/velero/daily-backup --yes", DAILY, "paused", true.into()),
        ("scale deploy/team-alpha/shop-web replicas=5 confirm=shop-web", WEB, "replicas", serde_json::json!(5)),
        ("emergency-restart hr/team-alpha/shop confirm=shop", SHOP, "suspend", true.into()),
    ];
    let cases: Vec<(usize, _)> = cases.iter().enumerate().collect();
    together(&cases, |(_, (line, path, field, value))| {
        let (demo, state) = (demo("quiet"), State::new());
        let theirs = serde_json::json!({ "spec": { (*field): value } });
        let run = || state.on(&demo, line);
        let seen = overtaken(&demo, (*path, "patch"), &[answered(503)], || patch(&demo, path, &theirs), run);
        assert_eq!(seen.code, 5, "{seen:#?}");
        assert!(
            seen.out.contains("true, but not by this plan") || seen.out.contains("5, but not by this plan"),
            "{seen:#?}"
        );
        assert_eq!(ask(&demo, path)["spec"][*field], *value, "what they did is left alone");
        let others = writes(&demo).iter().filter(|write| !write.contains("fieldManager=watchkeeper")).count();
        assert_eq!(writes(&demo).len() - others, 1, "nothing more is sent");
    });
}

#[test]
fn a_scale_whose_answer_was_lost_is_known_by_its_owner() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(meant(WEB, "patch", Act::Lose));
    state.on(&demo, "scale deploy/team-alpha/shop-web replicas=5 confirm=shop-web").is(0, "done: rolled out, 5 of 5");
}

#[test]
fn a_backup_of_somebody_else_is_not_ours_whatever_its_name() {
    const BACKUPS: &str = "/apis/velero.io/v1/namespaces/velero/backups";
    let (demo, state) = (demo("quiet"), State::new());
    let theirs = || {
        demo.control().with_world(|world| {
            world.apply(serde_json::json!({"apiVersion": "velero.io/v1", "kind": "Backup",
                "metadata": {"name": "foo", "namespace": "velero", "labels": {}}, "spec": {},
                "status": {"phase": "Completed"}}));
        });
    };
    let run = || state.on(&demo, "backup bsl/velero/default name=foo --yes");
    let seen = overtaken(&demo, (BACKUPS, "create"), &[answered(503)], theirs, run);
    seen.is(5, "is not what was sent");
}

#[test]
fn a_renewal_that_never_arrived_is_not_the_failure_of_before() {
    const CERTIFICATE: &str = "/apis/cert-manager.io/v1/namespaces/logging/certificates/loki-gateway-tls/status";
    let (demo, state) = (demo("platform"), State::new());
    demo.control().set_faults(meant(CERTIFICATE, "update", answered(503)));
    let seen = state.on(&demo, "renew cert/logging/loki-gateway-tls confirm=loki-gateway-tls");
    assert_eq!(seen.code, 5, "{seen:#?}");
}

#[test]
fn a_silence_whose_answer_was_lost_is_found_among_all() {
    const POSTED: &str = "/api/v1/namespaces/monitoring/services/http:monitoring-kube-prometheus-alertmanager:9093/proxy/api/v2/silences";
    let (demo, state) = (demo("quiet"), State::new());
    let lost = |act: Act| demo.control().set_faults(Faults::one(Rule::new(act).path(POSTED).verb("create").only(1, 1)));
    let line = r#"silence hr/team-alpha/shop reason=rack matchers=alertname="X" --yes"#;
    lost(answered(503));
    state.on(&demo, line).is(5, "there is no such silence");
    lost(Act::Lose);
    let seen = state.on(&demo, line);
    seen.is(0, "on 2 replicas");
    assert!(seen.last().contains("silence/") && seen.out.contains("the answer was lost"), "{seen:#?}");
}

#[test]
fn a_backup_that_was_made_again_since_the_preview_is_not_deleted() {
    const BACKUP: &str = "/apis/velero.io/v1/namespaces/velero/backups/before-istio-1-27";
    for line in [
        "delete-backup backup/velero/before-istio-1-27 reason=old confirm=sre-demo",
        "restore backup/velero/before-istio-1-27 namespace=istio-system reason=look confirm=before-istio-1-27",
    ] {
        let (demo, state) = (demo("quiet"), State::new());
        let control = demo.control();
        let uid = ask(&demo, BACKUP)["metadata"]["uid"].clone();
        // from the third look on it is another one: read for the plan, for the rehearsal, and before it is sent
        let another = ask(&demo, BACKUP).to_string().replace(uid.as_str().unwrap(), "another-uid");
        let other = Act::Status { code: 200, retry_after: None, body: Some(another) };
        let looks = || control.requests().iter().filter(|r| r.method == "GET" && r.path == BACKUP).count();
        let before = looks();
        state.on(&demo, &format!("{} --dry-run", line.split(" confirm").next().unwrap()));
        let usual = looks() - before;
        control.set_faults(Faults::one(Rule::new(other).path(BACKUP).verb("get").only(usual as u64 + 1, 1)));
        state.on(&demo, line).is(4, "deleted and created again since the preview");
        assert_eq!(writes(&demo), Vec::<String>::new());
    }
}

#[test]
fn what_velero_says_against_a_deletion_ends_it() {
    const REQUESTS: &str = "/apis/velero.io/v1/namespaces/velero/deletebackuprequests";
    let (demo, state) = (demo("quiet"), State::new());
    let gone = || {
        demo.control().with_world(|world| {
            world.edit("BackupStorageLocation", "velero", "default", |one| {
                one["spec"]["accessMode"] = "ReadOnly".into();
            });
        });
    };
    let run = || state.on(&demo, "delete-backup backup/velero/before-istio-1-27 reason=old confirm=sre-demo");
    let seen = overtaken(&demo, (REQUESTS, "create"), &[], gone, run);
    seen.is(1, "Velero did not delete it: cannot delete backup because backup storage location");
}
