//! What a plan says about the world is true: who writes a change back, whether a resume upgrades, where a backup goes,
//! whether anybody answers, and what an undo takes away.

use rstest::rstest;
use serde_json::{Value, json};
use watchkeeper::domain::plan::{Body, Plan, Risk};
use watchkeeper::domain::reply::Unread;

use super::planning::{Given, absent, forbidden, items, parts};

fn body(plan: &Plan) -> &Value {
    match &plan.steps[0].request().unwrap().body {
        Body::Json(body) | Body::Merge(body) | Body::Patch(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_address_in_a_reason_goes_out_without_its_login() {
    let mut given = Given::new("HelmRelease", "a", "app", |_| Ok(items(&[]))).set("matchers", r#"alertname="X""#);
    given.reason = "see https://bob:hunter2@x/y?token=hunter2".to_owned();
    let plan = given.plan("silence").unwrap();
    assert_eq!((&*plan.reason, &body(&plan)["comment"]), ("see https://x/y?…", &json!("see https://x/y?…")));
    assert!(!format!("{plan:?}").contains("hunter2"), "{plan:?}");
}

/// A HelmRelease with a chart of its own, and the chart that source-controller made for it.
fn release(wanted: &str, deployed: &str, given: Option<&str>, status: &Value) -> Given {
    let mut object = json!({
        "kind": "HelmRelease",
        "metadata": { "name": "app", "namespace": "a", "uid": "u", "generation": 5 },
        "spec": { "suspend": true, "chart": { "spec": { "chart": "app", "version": wanted, "sourceRef": { "name": "charts" } } } },
        "status": { "observedGeneration": 5, "helmChart": "a/a-app", "lastAttemptedGeneration": 4,
            "history": [{ "version": 3, "chartVersion": deployed, "name": "app" }, { "version": 9, "chartVersion": deployed, "name": "app" }],
            "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 4 }] },
    });
    for (name, value) in status.as_object().into_iter().flatten() {
        object["status"][name] = value.clone();
    }
    // the chart is what the release wanted when it was last reconciled
    let chart = given.map(|given| {
        let (wanted, revision) = given.split_once(':').unwrap();
        json!({ "spec": { "chart": "app", "version": wanted, "sourceRef": { "name": "charts" } }, "status": { "artifact": { "revision": revision } } })
    });
    Given::new("HelmRelease", "a", "app", move |path| match parts(path) {
        ("helmreleases", true) => Ok(object.clone()),
        ("helmcharts", true) => chart.clone().ok_or_else(absent),
        _ => Ok(items(&[])),
    })
}

#[rstest]
#[case::a_range_that_gives_the_same(
    "1.x",
    "1.1.0",
    Some("1.x:1.1.0"),
    "chart 1.1.0 is deployed, and its source has no other one for 1.x"
)]
#[case::a_range_that_gives_a_newer_one(
    "1.x",
    "1.1.0",
    Some("1.x:1.2.0"),
    "chart 1.1.0 is deployed, its source has 1.2.0 for 1.x: it will be upgraded"
)]
#[case::two_bounds(
    ">=1.2 <2",
    "1.3.0",
    Some(">=1.2 <2:1.9.0"),
    "its source has 1.9.0 for >=1.2 <2: it will be upgraded"
)]
#[case::a_range_that_gives_an_older_one(
    "1.x",
    "1.2.0",
    Some("1.x:1.1.0"),
    "its source has 1.1.0 for 1.x: it will be downgraded"
)]
#[case::a_build_decides_nothing("1.x", "1.1.0+abc", Some("1.x:1.1.0"), "its source has no other one for 1.x")]
#[case::another_build(
    "1.x",
    "1.1.0+abc",
    Some("1.x:1.1.0+def"),
    "its source has 1.1.0+def for 1.x: it will get that one"
)]
#[case::exact_and_there(
    "1.1.0",
    "1.1.0",
    Some("1.1.0:1.1.0"),
    "chart 1.1.0 is deployed, and its source has no other one"
)]
#[case::wanted_since(
    "1.2.0",
    "1.1.0",
    Some("1.1.0:1.1.0"),
    "chart 1.1.0 is deployed, 1.2.0 is wanted: it will be upgraded"
)]
#[case::taken_back_since(
    "1.0.0",
    "1.1.0",
    Some("1.1.0:1.1.0"),
    "chart 1.1.0 is deployed, 1.0.0 is wanted: it will be downgraded"
)]
#[case::a_range_that_was_widened(
    "1.x",
    "1.1.0",
    Some("1.1.0:1.1.0"),
    "chart 1.1.0 is deployed and fits 1.x; whether its source has a newer one is not known"
)]
#[case::a_range_that_it_does_not_fit(
    "2.x",
    "1.1.0",
    None,
    "chart 1.1.0 is deployed and does not fit 2.x: it will get another one"
)]
#[case::nothing_is_wanted("", "1.1.0", None, "chart 1.1.0 is deployed and fits *; whether")]
#[case::no_range_at_all(
    "latest",
    "1.1.0",
    None,
    "chart 1.1.0 is deployed, latest is wanted: whether that is another one is not known"
)]
#[case::first_of_all("1.x", "", None, "nothing is deployed yet: it will be installed")]
fn it_will_be_upgraded_is_said_only_when_it_will(
    #[case] wanted: &str,
    #[case] deployed: &str,
    #[case] given: Option<&str>,
    #[case] says: &str,
) {
    let plan = release(wanted, deployed, given, &Value::Null).plan("resume").unwrap();
    assert!(plan.reach[0].contains(says), "{:?}", plan.reach);
    assert!(says.contains("upgraded") || !plan.reach[0].contains("upgraded"), "{:?}", plan.reach);
    assert!(!plan.reach[0].contains("its spec was changed"), "the suspend alone is no change: {:?}", plan.reach);
}

#[rstest]
#[case::only_the_suspend(json!({}), false)]
#[case::one_more(json!({"lastAttemptedGeneration": 3}), true)]
// while it is suspended, its controller says that it has seen everything
#[case::although_it_was_observed(json!({"observedGeneration": 5, "lastAttemptedGeneration": 3}), true)]
#[case::of_an_older_controller(json!({"lastAttemptedGeneration": null, "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]}), true)]
#[case::never_tried(json!({"lastAttemptedGeneration": null, "conditions": []}), false)]
fn a_change_under_the_suspend_is_told(#[case] status: Value, #[case] expected: bool) {
    let plan = release("1.x", "1.1.0", Some("1.x:1.1.0"), &status).plan("resume").unwrap();
    assert_eq!(plan.reach[0].contains("its spec was changed since it was last tried"), expected, "{:?}", plan.reach);
}

#[rstest]
#[case::the_same(
    "main@sha1:0123456789",
    "main@sha1:0123456789",
    "revision main@01234567 is applied, and its source has no other one"
)]
#[case::another(
    "main@sha1:0123456789",
    "main@sha1:9876543210",
    "is applied, its source has main@98765432: it will be applied"
)]
#[case::unknown("main@sha1:0123456789", "", "what its source has now is not known")]
fn a_kustomization_is_told_by_what_its_source_has(#[case] applied: &str, #[case] has: &str, #[case] says: &str) {
    let object = json!({ "kind": "Kustomization", "metadata": { "name": "apps", "namespace": "a", "generation": 4 },
        "spec": { "suspend": true, "sourceRef": { "kind": "GitRepository", "name": "git" } },
        "status": { "observedGeneration": 4, "lastAppliedRevision": applied, "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 2 }] } });
    let source = json!({ "status": { "artifact": { "revision": has } } });
    let given = Given::new("Kustomization", "a", "apps", move |path| match parts(path) {
        ("kustomizations", true) => Ok(object.clone()),
        ("gitrepositories", true) => Ok(source.clone()),
        _ => Ok(items(&[])),
    });
    let plan = given.plan("resume").unwrap();
    assert!(plan.reach[0].contains(says) && plan.reach[0].contains("its spec was changed"), "{:?}", plan.reach);
}

/// A Deployment that Flux made, and who made it.
fn deployment(labels: &Value, manager: Result<Value, Unread>) -> Given {
    let mut object = json!({ "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "a", "uid": "u", "generation": 1, "annotations": { "deployment.kubernetes.io/revision": "2" } },
        "spec": { "replicas": 3, "template": { "metadata": { "labels": { "app": "web" } } } } });
    object["metadata"]["labels"] = labels.clone();
    let set = |revision: &str| {
        json!({ "metadata": { "name": "web-x", "annotations": { "deployment.kubernetes.io/revision": revision }, "ownerReferences": [{ "uid": "u" }] },
            "spec": { "template": {} } })
    };
    let sets = items(&[set("2"), set("1")]);
    Given::new("Deployment", "a", "web", move |path| match parts(path) {
        ("deployments", true) => Ok(object.clone()),
        ("helmreleases" | "kustomizations" | "resourcesets", true) => manager.clone(),
        ("replicasets", false) => Ok(sets.clone()),
        _ => Ok(items(&[])),
    })
    .set("replicas", "5")
}

fn of_release() -> Value {
    json!({ "helm.toolkit.fluxcd.io/name": "app", "helm.toolkit.fluxcd.io/namespace": "a" })
}

fn of_kustomization() -> Value {
    json!({ "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" })
}

#[rstest]
#[case::a_release(of_release(), json!({"kind": "HelmRelease"}), "HelmRelease a/app manages it without drift detection: this stays until its next upgrade")]
#[case::a_release_that_corrects(of_release(), json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "enabled"}}}), "HelmRelease a/app manages it with drift detection: what its chart declares is written back at its next reconcile")]
#[case::a_kustomization(of_kustomization(), json!({"kind": "Kustomization"}), "Kustomization flux-system/apps manages it: what Git declares is written back at its next reconcile")]
#[case::a_suspended_one(of_kustomization(), json!({"kind": "Kustomization", "spec": {"suspend": true}}), "is suspended: what is declared is written back once it is resumed")]
fn who_writes_back_what_was_scaled_is_told_as_it_is(#[case] labels: Value, #[case] manager: Value, #[case] says: &str) {
    let given = deployment(&labels, Ok(manager));
    for action in ["scale", "pause-rollout"] {
        let plan = given.plan(action).unwrap();
        assert!(plan.warnings.iter().any(|warning| warning.contains(says)), "{action}: {:?}", plan.warnings);
    }
}

#[rstest]
#[case::a_release(of_release(), Ok(json!({"kind": "HelmRelease"})), None)]
#[case::a_release_that_corrects(of_release(), Ok(json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "enabled"}}})), Some("would write it back"))]
#[case::a_kustomization(of_kustomization(), Ok(json!({"kind": "Kustomization"})), Some("would write it back"))]
#[case::a_suspended_one(of_kustomization(), Ok(json!({"kind": "Kustomization", "spec": {"suspend": true}})), None)]
#[case::one_that_is_gone(of_kustomization(), Err(absent()), None)]
#[case::one_that_may_not_be_read(of_kustomization(), Err(forbidden()), None)]
#[case::nobody(json!({}), Err(absent()), None)]
fn going_back_is_refused_only_where_it_is_written_back_at_once(
    #[case] labels: Value,
    #[case] manager: Result<Value, Unread>,
    #[case] refused: Option<&str>,
) {
    let unread = manager.is_err() && labels != json!({});
    let seen = deployment(&labels, manager.clone()).plan("undo-rollout");
    match (seen, refused) {
        (Err(why), Some(says)) => assert!(why.contains(says), "{why}"),
        (Ok(plan), None) => {
            let told = plan.warnings.iter().any(|warning| warning.contains("could not be read"));
            assert_eq!(told, unread && manager == Err(forbidden()), "{:?}", plan.warnings);
            assert_eq!(plan.undo, "kubectl --context prod rollout undo deployment/web -n a --to-revision=2");
        }
        (seen, _) => panic!("{seen:?}"),
    }
}

fn location(name: &str, phase: &str, mode: &str, validated: &str) -> Value {
    json!({ "metadata": { "name": name, "creationTimestamp": "2026-01-01T00:00:00Z" }, "spec": { "default": name == "default", "accessMode": mode },
        "status": { "phase": phase, "message": "dial tcp: timeout", "lastValidationTime": validated } })
}

const FRESH: &str = "2026-11-21T13:59:30Z";
const OLD: &str = "2026-11-21T13:24:00Z";

/// A backup in `offsite`, its schedule, both locations, and the namespaces that are there.
fn velero(kind: &'static str, name: &str, offsite: &Value, namespaces: &'static [&'static str]) -> Given {
    let locations = items(&[
        location("default", "Available", "ReadWrite", offsite["status"]["lastValidationTime"].as_str().unwrap()),
        offsite.clone(),
    ]);
    let backup = json!({ "metadata": { "name": "b1", "namespace": "velero", "uid": "u" }, "spec": { "includedNamespaces": ["*"], "storageLocation": "offsite" }, "status": { "phase": "Completed" } });
    let schedule = json!({
        "metadata": { "name": "daily", "namespace": "velero", "uid": "u", "labels": { "team": "sre" },
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x" } },
        "spec": { "schedule": "@daily", "template": { "metadata": { "labels": { "from": "template" } }, "ttl": "24h0m0s" } } });
    Given::new(kind, "velero", name, move |path| match parts(path) {
        ("backupstoragelocations", false) => Ok(locations.clone()),
        ("backups", true) => Ok(backup.clone()),
        ("schedules", true) => Ok(schedule.clone()),
        ("namespaces", true) => {
            let name = path.rsplit('/').next().unwrap();
            match namespaces.iter().find(|known| known.trim_start_matches(['!', '?']) == name) {
                Some(known) if known.starts_with('!') => Ok(json!({ "status": { "phase": "Terminating" } })),
                Some(known) if known.starts_with('?') => Err(forbidden()),
                Some(_) => Ok(json!({ "status": { "phase": "Active" } })),
                None => Err(absent()),
            }
        }
        _ => Ok(items(&[])),
    })
}

#[test]
fn a_backup_of_a_location_goes_to_that_location() {
    let offsite = location("offsite", "Available", "ReadWrite", FRESH);
    let plan = velero("BackupStorageLocation", "offsite", &offsite, &[]).plan("backup").unwrap();
    assert_eq!(body(&plan)["spec"]["storageLocation"], "offsite");
    assert!(plan.steps[0].twin.contains(" --storage-location=offsite "), "{}", plan.steps[0].twin);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    assert!(plan.steps[0].request().unwrap().after.ends_with(" in offsite"));
}

#[rstest]
#[case(
    "Unavailable",
    "ReadWrite",
    "storage location offsite is Unavailable: nothing can be stored there: dial tcp: timeout"
)]
#[case("Available", "ReadOnly", "storage location offsite is ReadOnly")]
fn a_location_that_takes_nothing_is_refused(#[case] phase: &str, #[case] mode: &str, #[case] says: &str) {
    let offsite = location("offsite", phase, mode, FRESH);
    let why = velero("BackupStorageLocation", "offsite", &offsite, &[]).plan("backup").unwrap_err();
    assert!(why.contains(says), "{why}");
    // where no location is named it is the default's, which is well
    let plan = velero("Schedule", "daily", &offsite, &[]).plan("backup").unwrap();
    assert!(plan.steps[0].request().unwrap().after.ends_with(" in default"));
}

#[rstest]
#[case("backup", "Schedule", "daily")]
#[case("backup", "BackupStorageLocation", "offsite")]
#[case("restore", "Backup", "b1")]
#[case("delete-backup", "Backup", "b1")]
#[case("backup-logs", "Backup", "b1")]
fn a_velero_that_is_silent_is_warned_of(#[case] action: &str, #[case] kind: &'static str, #[case] name: &str) {
    let given = |validated| {
        velero(kind, name, &location("offsite", "Available", "ReadWrite", validated), &[]).set("namespace", "a")
    };
    let warns = |plan: Plan| {
        plan.warnings.iter().any(|w| w.contains("Velero is silent: no storage location was validated for 36m"))
    };
    assert!(warns(given(OLD).plan(action).unwrap()));
    assert!(!warns(given(FRESH).plan(action).unwrap()));
}

#[test]
fn what_is_stored_where_nothing_is_deleted_stays() {
    let closed = location("offsite", "Available", "ReadOnly", FRESH);
    let why = velero("Backup", "b1", &closed, &[]).plan("delete-backup").unwrap_err();
    assert!(why.contains("ReadOnly: Velero deletes nothing there"), "{why}");
    let away = location("offsite", "Unavailable", "ReadWrite", FRESH);
    let plan = velero("Backup", "b1", &away, &[]).set("namespace", "a").plan("restore").unwrap();
    assert!(plan.warnings.iter().any(|w| w.contains("the backup cannot be read now")), "{:?}", plan.warnings);
}

#[test]
fn a_run_of_a_schedule_is_what_velero_makes_of_it() {
    let offsite = location("offsite", "Available", "ReadWrite", FRESH);
    let plan = velero("Schedule", "daily", &offsite, &[]).plan("backup").unwrap();
    let made = body(&plan);
    assert_eq!(made["metadata"]["labels"], json!({ "from": "template", "velero.io/schedule-name": "daily" }));
    assert_eq!(
        made["metadata"]["annotations"],
        json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x",
            "watchkeeper.dev/run": "2026-11-21T14:00:00.000000001Z" }),
        "and by which run of ours it was made"
    );
    assert_eq!(made["spec"], json!({ "metadata": { "labels": { "from": "template" } }, "ttl": "24h0m0s" }));
    let name = made["metadata"]["name"].as_str().unwrap();
    let twin = format!("velero --kubecontext prod backup create {name} --from-schedule=daily -n velero");
    assert_eq!(
        (&plan.steps[0].twin, &plan.undo),
        (&twin, &format!("velero --kubecontext prod backup delete {name} -n velero"))
    );
}

#[rstest]
#[case::pause("pause-schedule", false, &[], json!({"paused": true, "skipImmediately": null}), "pause daily -n velero", "unpause daily --skip-immediately=true -n velero")]
#[case::unpause("unpause-schedule", true, &[], json!({"paused": false, "skipImmediately": true}), "unpause daily --skip-immediately=true -n velero", "pause daily -n velero")]
#[case::make_up("unpause-schedule", true, &[("skip", "no")], json!({"paused": false, "skipImmediately": false}), "unpause daily --skip-immediately=false -n velero", "pause daily -n velero")]
fn the_velero_command_does_to_a_schedule_what_is_sent(
    #[case] action: &str,
    #[case] paused: bool,
    #[case] set: &[(&str, &str)],
    #[case] spec: Value,
    #[case] twin: &str,
    #[case] undo: &str,
) {
    let object =
        json!({ "metadata": { "name": "daily", "namespace": "velero", "uid": "u" }, "spec": { "paused": paused } });
    let mut given = Given::new("Schedule", "velero", "daily", move |_| Ok(object.clone()));
    for (name, value) in set {
        given = given.set(name, value);
    }
    let plan = given.plan(action).unwrap();
    assert_eq!(body(&plan)["spec"], spec);
    assert_eq!(plan.steps[0].twin, format!("velero --kubecontext prod schedule {twin}"));
    assert_eq!(plan.undo, format!("velero --kubecontext prod schedule {undo}"));
}

#[rstest]
#[case::a_new_one("restore-a", &[], true, false, "")]
#[case::one_that_is_there("team", &["team"], false, true, "namespace team is there already")]
#[case::one_that_may_not_be_read("team", &["?team"], false, true, "whether namespace team is there could not be read: no access")]
#[case::of_kubernetes("kube-system", &["kube-system"], false, true, "kube-system is a namespace of the platform itself")]
#[case::of_kubernetes_and_not_there("kube-public", &[], false, true, "kube-public is a namespace of the platform itself")]
#[case::a_core_one_that_is_not_there("monitoring", &[], false, true, "monitoring is a namespace of the platform itself")]
#[case::veleros_own("velero", &["velero"], false, true, "velero is a namespace of the platform itself")]
fn only_a_namespace_that_the_restore_makes_is_part_of_its_undo(
    #[case] into: &str,
    #[case] there: &'static [&'static str],
    #[case] undone: bool,
    #[case] context: bool,
    #[case] warning: &str,
) {
    let offsite = location("offsite", "Available", "ReadWrite", FRESH);
    let given = velero("Backup", "b1", &offsite, there).set("namespace", "a").set("into", into);
    let plan = given.plan("restore").unwrap();
    if undone {
        let lines: Vec<&str> = plan.undo.lines().collect();
        assert!(lines[0].contains("this restore creates it"), "{lines:?}");
        assert_eq!(lines[1], format!("kubectl --context prod delete namespace {into}"));
    } else {
        assert_eq!(plan.undo, "");
    }
    let risk = if context { Risk::Context("prod".into()) } else { Risk::Name("b1".into()) };
    assert_eq!(plan.risk, risk);
    assert!(warning.is_empty() || plan.warnings.iter().any(|w| w.contains(warning)), "{:?}", plan.warnings);
}

#[rstest]
#[case::live_and_there(&["a"], false)]
#[case::live_and_lost(&[], true)]
fn a_restore_into_its_own_namespace_asks_for_the_context(#[case] there: &'static [&'static str], #[case] undone: bool) {
    let offsite = location("offsite", "Available", "ReadWrite", FRESH);
    let plan =
        velero("Backup", "b1", &offsite, there).set("namespace", "a").set("live", "yes").plan("restore").unwrap();
    assert_eq!(plan.risk, Risk::Context("prod".into()));
    assert_eq!(plan.undo.contains("delete namespace a"), undone, "{}", plan.undo);
}

#[test]
fn nothing_is_restored_into_what_is_being_deleted() {
    let offsite = location("offsite", "Available", "ReadWrite", FRESH);
    let given = velero("Backup", "b1", &offsite, &["!team"]).set("namespace", "a").set("into", "team");
    assert!(given.plan("restore").unwrap_err().contains("is being deleted"));
}

/// A HelmRelease with a Helm history; suspended or not.
fn with_history(release: &str, suspended: bool) -> Given {
    let object = json!({ "kind": "HelmRelease", "metadata": { "name": "app", "namespace": "a", "uid": "u" }, "spec": { "suspend": suspended },
        "status": { "history": [{ "version": 3, "name": release, "status": "failed" }, { "version": 2, "name": release, "status": "superseded" }] } });
    let deploy = json!({ "metadata": { "name": "web" }, "spec": {} });
    Given::new("HelmRelease", "a", "app", move |path| match parts(path) {
        ("helmreleases", true) => Ok(object.clone()),
        ("deployments", false) => Ok(items(std::slice::from_ref(&deploy))),
        _ => Ok(items(&[])),
    })
}

#[test]
fn a_suspend_of_somebody_else_is_not_part_of_an_undo() {
    let undo = |suspended: bool, action: &str| with_history("app", suspended).plan(action).unwrap().undo;
    let helm = "helm --kube-context prod rollback app 3 -n a --wait";
    let resume = "flux --context prod resume helmrelease app -n a";
    assert_eq!(undo(false, "rollback"), format!("{helm}\n{resume}"));
    assert_eq!(undo(true, "rollback"), helm);
    assert!(undo(false, "emergency-restart").ends_with(resume));
    assert_eq!(undo(true, "emergency-restart"), "");
    let node = |cordoned: bool| {
        let node = json!({ "metadata": { "name": "n1", "uid": "u" }, "spec": { "unschedulable": cordoned } });
        let pod = json!({ "metadata": { "name": "p", "namespace": "a", "uid": "v", "ownerReferences": [{ "kind": "ReplicaSet", "name": "x", "controller": true }] } });
        let given = Given::new("Node", "", "n1", move |path| match parts(path) {
            ("nodes", true) => Ok(node.clone()),
            ("pods", false) => Ok(items(std::slice::from_ref(&pod))),
            _ => Ok(items(&[])),
        });
        given.plan("drain").unwrap().undo
    };
    assert_eq!((node(false).as_str(), node(true).as_str()), ("kubectl --context prod uncordon n1", ""));
}

#[rstest]
#[case("--kubeconfig=/tmp/evil", "", "is not a valid name of a Helm release")]
#[case("-evil", "", "is not a valid name of a Helm release")]
#[case("a;touch x", "", "is not a valid name of a Helm release")]
#[case("app", "-1", "they start at 1")]
#[case("app", "0", "they start at 1")]
fn helm_gets_nothing_that_is_no_name_or_revision(#[case] release: &str, #[case] revision: &str, #[case] says: &str) {
    let why = with_history(release, false).set("revision", revision).plan("rollback").unwrap_err();
    assert!(why.contains(says), "{why}");
}

#[rstest]
#[case::static_since_flux_2_3(Value::Null, false)]
#[case::of_an_older_flux(json!({"conditions": [{"type": "Ready", "status": "True"}]}), true)]
fn a_source_whose_status_nobody_writes_is_not_waited_for(#[case] status: Value, #[case] taken: bool) {
    let object = |suspended: bool| {
        json!({ "kind": "HelmRepository", "metadata": { "name": "harbor", "namespace": "a", "uid": "u" },
            "spec": { "type": "oci", "suspend": suspended }, "status": status })
    };
    let given = |object: Value| {
        Given::new("HelmRepository", "a", "harbor", move |path| match parts(path) {
            ("helmrepositories", true) => Ok(object.clone()),
            _ => Ok(items(&[])),
        })
    };
    let seen = given(object(false)).plan("reconcile");
    assert_eq!(seen.is_ok(), taken, "{seen:?}");
    assert!(taken || seen.unwrap_err().contains("no controller reconciles it"));
    // the switch can be reverted, and that is all that is waited for
    let plan = given(object(true)).plan("resume").unwrap();
    assert_eq!(plan.reach[0].contains("nothing is reconciled"), !taken, "{:?}", plan.reach);
}

#[test]
fn what_is_done_to_several_is_undone_for_all_of_them_the_last_first() {
    let object =
        json!({ "kind": "HelmRelease", "metadata": { "name": "app", "namespace": "a", "uid": "u" }, "spec": {} });
    let given = Given::new("HelmRelease", "a", "app", move |path| match parts(path) {
        ("helmreleases", true) => Ok(object.clone()),
        _ => Ok(items(&[])),
    });
    let plan = given.plan_of(&["app", "shop"], "suspend").unwrap();
    let resume = |name: &str| format!("flux --context prod resume helmrelease {name} -n a");
    assert_eq!(plan.undo, format!("{}\n{}", resume("shop"), resume("app")));
}

#[rstest]
#[case("namespaces", "team-alpha")]
#[case("ttl", "1h")]
fn what_a_schedule_says_itself_is_not_said_beside_it(#[case] name: &str, #[case] value: &str) {
    let offsite = location("offsite", "Available", "ReadWrite", FRESH);
    let why = velero("Schedule", "daily", &offsite, &[]).set(name, value).plan("backup").unwrap_err();
    assert!(why.contains(&format!("{name} is not for a Schedule: a run of a schedule uses its template")), "{why}");
    let plan = velero("BackupStorageLocation", "offsite", &offsite, &[]).set(name, value).plan("backup").unwrap();
    assert!(body(&plan)["spec"].to_string().contains(value), "{:?}", body(&plan));
}

/// A backup of these namespaces, and nothing else.
fn backup_of(namespaces: &Value) -> Given {
    let backup = json!({ "metadata": { "name": "b1", "namespace": "velero", "uid": "u" },
        "spec": { "includedNamespaces": namespaces }, "status": { "phase": "Completed" } });
    Given::new("Backup", "velero", "b1", move |path| match parts(path) {
        ("backups", true) => Ok(backup.clone()),
        ("backups", false) => Ok(items(std::slice::from_ref(&backup))),
        ("backupstoragelocations", false) => Ok(items(&[location("default", "Available", "ReadWrite", FRESH)])),
        _ => Err(absent()),
    })
}

#[rstest]
#[case::its_own(json!(["istio-system", "istio-ingress"]), "istio-system,istio-ingress")]
#[case::all(json!(["*"]), "*")]
#[case::unsaid(Value::Null, "*")]
fn a_backup_is_made_again_of_its_own_namespaces(#[case] namespaces: Value, #[case] expected: &str) {
    let plan = backup_of(&namespaces).plan("backup").unwrap();
    assert_eq!(body(&plan)["spec"]["includedNamespaces"], json!(expected.split(',').collect::<Vec<_>>()));
    assert!(plan.steps[0].twin.contains(&format!("--include-namespaces={expected}")) || expected == "*");
    let other = backup_of(&namespaces).set("namespaces", "a, b").plan("backup").unwrap();
    assert_eq!(body(&other)["spec"]["includedNamespaces"], json!(["a", "b"]));
}

#[test]
fn the_only_namespace_of_a_backup_is_the_one_that_is_restored() {
    let plan = backup_of(&json!(["istio-system"])).plan("restore").unwrap();
    assert_eq!(body(&plan)["spec"]["includedNamespaces"], json!(["istio-system"]));
    for (namespaces, says) in [(json!(["a", "b"]), "The backup holds a, b"), (json!(["*"]), "The backup holds *")] {
        let why = backup_of(&namespaces).plan("restore").unwrap_err();
        assert!(why.contains("namespace is not set") && why.contains(says), "{why}");
    }
}

#[rstest]
#[case::all_of_them(0, Ok(None))]
#[case::one_of_them(2, Ok(Some("only 1 of 3 pods restart: its partition is 2")))]
#[case::none_of_them(3, Err("has partition 3 and 3 pods: a rollout replaces none of them"))]
#[case::beyond_them(5, Err("has partition 5 and 3 pods"))]
fn a_restart_says_which_pods_a_partition_holds_back(
    #[case] partition: i64,
    #[case] expected: Result<Option<&str>, &str>,
) {
    let set = json!({ "kind": "StatefulSet", "metadata": { "name": "db", "namespace": "a", "uid": "u", "generation": 1 },
        "spec": { "replicas": 3, "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": partition } },
            "template": { "metadata": { "labels": { "app": "db" } } } } });
    let given = Given::new("StatefulSet", "a", "db", move |path| match parts(path) {
        ("statefulsets", true) => Ok(set.clone()),
        _ => Ok(items(&[])),
    });
    match (given.plan("restart"), expected) {
        (Ok(plan), Ok(None)) => assert!(!plan.warnings.iter().any(|w| w.contains("partition")), "{:?}", plan.warnings),
        (Ok(plan), Ok(Some(says))) => assert!(plan.warnings.iter().any(|w| w == says), "{:?}", plan.warnings),
        (Err(why), Err(says)) => assert!(why.contains(says), "{why}"),
        (seen, _) => panic!("{seen:?}"),
    }
}

#[rstest]
#[case::to_come("pending", "2026-11-21T16:00:00Z", "--start=2026-11-21T16:00:00Z --end=2026-11-21T22:00:00Z ")]
#[case::begun("active", "2026-11-21T13:00:00Z", "--comment=disk --end=2026-11-21T22:00:00Z ")]
fn other_matchers_of_a_silence_that_is_to_come_do_not_begin_at_once(
    #[case] state: &str,
    #[case] starts: &str,
    #[case] twin: &str,
) {
    let found = json!({ "id": "x", "status": { "state": state }, "comment": "disk", "createdBy": "al",
        "startsAt": starts, "endsAt": "2026-11-21T20:00:00Z",
        "matchers": [{ "name": "alertname", "value": "X", "isRegex": false, "isEqual": true }] });
    let given = Given::new("Silence", "", "x", move |_| Ok(found.clone())).set("matchers", "alertname=\"Y\"");
    let plan = given.plan("edit-silence").unwrap();
    assert_eq!(body(&plan)["startsAt"], starts);
    assert!(plan.steps[0].twin.contains(twin), "{}", plan.steps[0].twin);
    // and it ends after it has begun
    let early = given.set("duration", "90m").set("earlier", "yes").plan("edit-silence");
    assert_eq!(
        early.clone().err().is_some_and(|why| why.contains("it begins only at")),
        state == "pending",
        "{early:?}"
    );
}

#[test]
fn what_a_hold_of_ours_writes_besides_stands_in_its_change() {
    let after = |action: &str| {
        let plan = deployment(&json!({}), Err(absent())).plan(action).unwrap();
        plan.steps[0].request().unwrap().after.clone()
    };
    assert_eq!(after("pause-rollout"), "paused: true, watchkeeper.dev/by: jo");
}
