//! Actions that succeed, with their proof, and actions whose controllers say that they failed.

use rstest::rstest;

use super::driver::{State, ask, demo, patch, web_pod, writes};

const ALERTMANAGER: &str =
    "/api/v1/namespaces/monitoring/services/http:monitoring-kube-prometheus-alertmanager:9093/proxy";

#[rstest]
#[case::suspend("suspend hr/team-alpha/shop --yes", "done: .spec.suspend is true")]
#[case::suspend_core("suspend hr/monitoring/monitoring confirm=monitoring", "done: .spec.suspend is true")]
#[case::reconcile("reconcile hr/team-alpha/shop --yes", "done: ")]
#[case::reconcile_kustomization("reconcile ks/flux-system/platform --yes", "done: ReconciliationSucceeded")]
#[case::reconcile_source("reconcile git/flux-system/platform --yes", "done: ")]
#[case::suspend_by_annotation(
    "suspend rset/team-beta/environments --yes",
    "done: .metadata.annotations.fluxcd.controlplane.io/reconcile is \"disabled\""
)]
#[case::reconcile_resource_set("reconcile rset/flux-system/tenants --yes", "done: ReconciliationSucceeded")]
#[case::chain("reconcile-with-source hr/team-alpha/shop --yes", "done: ")]
#[case::chain_of_a_kustomization("reconcile-with-source ks/flux-system/platform --yes", "done: ")]
#[case::force("force hr/team-alpha/shop --yes", "done: ")]
#[case::reset("reset hr/team-alpha/shop --yes", "done: ")]
#[case::emergency("emergency-restart hr/team-alpha/shop confirm=shop", "done: ")]
#[case::restart("restart deploy/team-alpha/shop-web confirm=shop-web", "done: rolled out, 3 of 3")]
#[case::restart_stateful("restart sts/logging/loki-write confirm=sre-demo", "done: rolled out, 3 of 3")]
#[case::restart_daemons("restart ds/logging/alloy confirm=sre-demo", "done: rolled out, 8 of 8")]
#[case::scale("scale deploy/team-alpha/shop-web replicas=5 confirm=shop-web", "done: rolled out, 5 of 5")]
#[case::pause("pause-rollout deploy/team-alpha/shop-web --yes", "done: .spec.paused is true")]
#[case::silence(r#"silence pod/team-alpha/POD reason=rack matchers=alertname="X" --yes"#, "done: active until")]
#[case::silence_a_namespace(
    "silence hr/team-alpha/shop reason=rack scope=namespace confirm=sre-demo",
    "done: active until"
)]
#[case::renew("renew cert/team-alpha/shop-tls --yes", "done: revision")]
#[case::sync("force-sync es/kubeop-system/kubeop-database --yes", "done: SecretSynced")]
#[case::rotate("rotate es/kubeop-system/kubeop-database --yes", "done: ")]
#[case::backup("backup schedule/velero/daily-backup --yes", "done: Completed")]
#[case::own_backup("backup bsl/velero/default namespaces=team-alpha --yes", "done: Completed")]
#[case::pause_schedule("pause-schedule schedule/velero/daily-backup --yes", "done: .spec.paused is true")]
#[case::restore(
    "restore backup/velero/before-istio-1-27 namespace=istio-system reason=look confirm=before-istio-1-27",
    "done: Completed"
)]
#[case::delete_backup("delete-backup backup/velero/before-istio-1-27 reason=old confirm=sre-demo", "done: gone")]
#[case::cordon("cordon node/worker-1 --yes", "done: .spec.unschedulable is true")]
#[case::delete_pod("delete-pod pod/team-alpha/POD --yes", "done: gone")]
#[case::evict("evict pod/team-alpha/POD --yes", "done: gone")]
#[case::several("reconcile hr/team-alpha/shop hr/team-beta/orders confirm=sre-demo", "done: ")]
fn it_is_done_when_it_was_seen_to_be(#[case] line: &str, #[case] outcome: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = web_pod(&demo);
    let seen = state.on(&demo, &line.replace("POD", &pod));
    seen.is(0, outcome);
    assert!(!writes(&demo).is_empty());
    let audit = state.audited();
    let events: Vec<&str> = audit.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!((events[0], events[1], events[2]), ("plan", "intent", "answer"), "{events:?}");
    assert_eq!(events.last(), Some(&"outcome"));
    assert_eq!(audit.last().unwrap()["outcome"], "done");
    assert_eq!(audit[0]["operator"], "demo");
}

#[rstest]
#[case::of_a_backup("backup-logs backup/velero/before-istio-1-27 --yes", "Backup ended as Completed")]
#[case::of_a_restore("restore-logs restore/velero/restore-test --yes", "Restore ended as ")]
fn a_log_is_shown_and_its_address_never_is(#[case] line: &str, #[case] last: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let seen = state.on(&demo, line);
    seen.is(0, last);
    let after: Vec<&str> = seen.out.lines().skip_while(|line| !line.starts_with("done: ")).collect();
    assert!(after.len() > 2 && after[1].contains("temp file"), "the text comes after the outcome: {seen:#?}");
    assert_eq!(after[0], format!("done: {} lines", after.len() - 1));
    let downloads = demo.control().requests().into_iter().filter(|r| r.path.starts_with("/downloads/")).count();
    assert_eq!((downloads, writes(&demo).len()), (1, 1));
    let audit = serde_json::to_string(&state.audited()).unwrap();
    for told in [&audit, &seen.out, &seen.err] {
        assert!(!told.contains("downloads/") && !told.contains("signature="), "{told}");
    }
    assert!(audit.contains("\"outcome\":\"done\"") && !audit.contains("temp file"), "{audit}");
}

#[test]
fn a_backup_that_never_ended_has_no_log() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().with_world(|world| {
        world.edit("Backup", "velero", "before-istio-1-27", |backup| backup["status"]["phase"] = "InProgress".into());
    });
    state.on(&demo, "backup-logs backup/velero/before-istio-1-27 --yes").is(4, "it has not ended (InProgress)");
    assert_eq!(writes(&demo), Vec::<String>::new());
}

/// One after another on the same platform: each needs what the one before did.
#[rstest]
#[case::resume(&["suspend hr/team-alpha/shop --yes", "resume hr/team-alpha/shop --yes"], "done: ")]
#[case::enable(
    &["suspend rset/team-beta/environments --yes", "resume rset/team-beta/environments --yes"],
    "done: ReconciliationSucceeded"
)]
#[case::go_on(&["pause-rollout deploy/team-alpha/shop-web --yes", "resume-rollout deploy/team-alpha/shop-web --yes"], "done: rolled out")]
#[case::uncordon(&["cordon node/worker-1 --yes", "uncordon node/worker-1 --yes"], "done: .spec.unschedulable is null")]
#[case::unpause(&["pause-schedule schedule/velero/daily-backup --yes", "unpause-schedule schedule/velero/daily-backup --yes"], "done: .spec.paused is false")]
#[case::undo(
    &["suspend hr/team-alpha/shop --yes", "restart deploy/team-alpha/shop-web confirm=shop-web", "undo-rollout deploy/team-alpha/shop-web confirm=shop-web"],
    "done: rolled out"
)]
fn what_was_done_can_be_undone(#[case] lines: &[&str], #[case] outcome: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let (last, before) = lines.split_last().unwrap();
    for line in before {
        assert_eq!(state.on(&demo, line).code, 0, "{line}");
    }
    state.on(&demo, last).is(0, outcome);
}

#[test]
fn a_silence_is_extended_and_ended_by_its_id() {
    let (demo, state) = (demo("quiet"), State::new());
    let made = state.on(&demo, r#"silence hr/team-alpha/shop reason=rack matchers=alertname="X" --yes"#);
    made.is(0, "on 2 replicas");
    let list = || {
        let silences = ask(&demo, &format!("{ALERTMANAGER}/api/v2/silences"));
        let active = |s: &&serde_json::Value| s["status"]["state"] == "active";
        silences.as_array().unwrap().iter().filter(active).cloned().collect::<Vec<_>>()
    };
    let id = list()[0]["id"].as_str().unwrap().to_owned();
    state.on(&demo, &format!("edit-silence silence/{id} duration=4h reason=slow --yes")).is(0, "done: active until");
    assert_eq!(list()[0]["id"], id.as_str(), "with the same matchers and start the id stays");
    state.on(&demo, &format!("expire-silence silence/{id} --yes")).is(0, "done: expired");
    assert!(list().is_empty());
}

#[test]
fn a_backup_of_a_location_is_stored_there() {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, "backup bsl/velero/offsite name=there namespaces=team-alpha --yes").is(0, "done: Completed");
    let made = ask(&demo, "/apis/velero.io/v1/namespaces/velero/backups/there");
    assert_eq!(made["spec"]["storageLocation"], "offsite");
}

#[test]
fn a_change_under_a_suspend_is_told_when_it_is_resumed() {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, "suspend hr/team-alpha/shop --yes").is(0, "done");
    let told = |state: &State| state.on(&demo, "resume hr/team-alpha/shop --dry-run").out;
    let wanted = "its spec was changed since it was last tried";
    assert!(!told(&state).contains(wanted), "the suspend alone is no change");
    let path = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/team-alpha/helmreleases/shop";
    patch(&demo, path, &serde_json::json!({ "spec": { "values": { "replicas": 2 } } }));
    assert!(told(&state).contains(wanted), "{}", told(&state));
    // and its controller, which does nothing, has seen every generation all the same
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let release = ask(&demo, path);
        if release["status"]["observedGeneration"] == release["metadata"]["generation"] {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{release}");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    assert!(told(&state).contains(wanted), "{}", told(&state));
}

#[test]
fn a_rotated_secret_is_synced_before_its_users_are_restarted() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().with_world(|world| {
        world.edit("Deployment", "kubeop-system", "kubeop-manager", |o| {
            o["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
                serde_json::json!([{ "secretRef": { "name": "kubeop-database" } }]);
        });
    });
    let seen = state.on(&demo, "rotate es/kubeop-system/kubeop-database confirm=kubeop-database");
    seen.is(0, "done: rolled out");
    let writes = writes(&demo);
    assert!(writes[0].contains("externalsecrets") && writes[1].contains("deployments/kubeop-manager"), "{writes:?}");
    assert_eq!(writes.len(), 2, "{writes:?}");
}

#[test]
fn what_hangs_on_a_flux_object_is_told_by_name_before_anything_is_sent() {
    let (demo, state) = (demo("quiet"), State::new());
    for (line, wanted) in [
        ("suspend hr/istio-system/istio-base --dry-run", "HelmReleases depend on it: "),
        ("reconcile git/flux-system/platform --dry-run", "Kustomizations take from it: "),
    ] {
        let seen = state.on(&demo, line);
        assert!(seen.code == 0 && seen.out.contains(wanted), "{seen:#?}");
    }
    assert_eq!(writes(&demo), Vec::<String>::new());
}

#[test]
fn a_node_is_drained_as_budgets_allow_and_running_it_again_goes_on() {
    let (demo, state) = (demo("quiet"), State::new());
    let drain = "drain node/worker-1 delete-emptydir-data=yes unmanaged=yes timeout=20 confirm=sre-demo";
    state.on(&demo, drain).is(4, "is claimed by kafka-broker and slo-scout-kafka: the server never evicts it");
    assert_eq!(writes(&demo), Vec::<String>::new());
    let drain = format!("{drain} leave-unevictable=yes");
    let seen = state.on(&demo, &drain);
    let again = state.on(&demo, &drain);
    if seen.code == 0 {
        again.is(4, "is drained");
    } else {
        // a budget that allows nothing within the time is reported by name
        assert!(seen.last().contains("disruption budget"), "{seen:#?}");
        assert!(again.out.matches("evict pod").count() < seen.out.matches("evict pod").count(), "what is gone is done");
        assert!(!again.out.contains("cordon node"), "and so is the cordon");
    }
}

#[rstest]
#[case::failing_release("reconcile hr/monitoring/monitoring --yes", "failed: the attempt failed")]
#[case::failing_certificate("renew cert/logging/loki-gateway-tls confirm=loki-gateway-tls", "failed: ")]
#[case::recovery_that_does_not_help("recover hr/monitoring/monitoring confirm=monitoring", "failed: step")]
fn a_controllers_failure_is_told_in_its_words(#[case] line: &str, #[case] outcome: &str) {
    let (demo, state) = (demo("platform"), State::new());
    state.on(&demo, line).is(1, outcome);
    assert_eq!(state.audited().last().unwrap()["outcome"], "failed");
}
