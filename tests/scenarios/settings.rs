//! Every duration of the configuration is obeyed: written into a file, each changes a judgement or what is done. A key
//! that is new in the schema fails here until it has a case.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use watchkeeper::app::App;
use watchkeeper::app::keymap::Keymap;
use watchkeeper::config::schema;
use watchkeeper::config::{Kind, Request, ServiceName, Settings};
use watchkeeper::domain::ages::Time;
use watchkeeper::screens::world::{Facts, Link, Preferences};
use watchkeeper::sources::services;

use super::Seen;
use super::read::{Piece, Scenario};

/// How a setting is seen.
enum Look {
    /// In the incidents that these objects are.
    Objects(Value),
    /// In something else.
    Other(fn(&Settings) -> String),
}

/// A key, a value that is not its default, and where the difference is seen.
struct Case {
    key: &'static str,
    value: &'static str,
    look: Look,
}

fn objects(key: &'static str, value: &'static str, objects: Value) -> Case {
    Case { key, value, look: Look::Objects(objects) }
}

fn other(key: &'static str, value: &'static str, look: fn(&Settings) -> String) -> Case {
    Case { key, value, look: Look::Other(look) }
}

/// A condition of 13:50, ten minutes before.
fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": "2026-11-21T13:50:00Z"})
}

fn pod(status: &Value, meta: &Value) -> Value {
    let mut metadata = json!({"namespace": "shop", "name": "web"});
    metadata.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
    json!([{"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "main"}]}, "status": status}])
}

fn running(ready: bool, container: &Value) -> Value {
    let mut own = json!({"name": "main", "ready": ready, "restartCount": 0, "state": {"running": {}}});
    own.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
    let ready = condition("Ready", if ready { "True" } else { "False" }, "");
    json!({"phase": "Running", "conditions": [ready], "containerStatuses": [own]})
}

/// A certificate whose issuance fails, and which ends then.
fn failing_certificate(ends: &str) -> Value {
    let ready = condition("Ready", "True", "Ready");
    let issuing = condition("Issuing", "False", "Failed");
    json!([{"kind": "Certificate", "metadata": {"namespace": "shop", "name": "web"}, "spec": {"secretName": "web"},
        "status": {"conditions": [ready, issuing], "notAfter": ends, "renewalTime": "2026-11-20T00:00:00Z",
            "lastFailureTime": "2026-11-21T12:00:00Z", "failedIssuanceAttempts": 3}}])
}

fn cases() -> Vec<Case> {
    let mut cases = of_pods();
    cases.extend(of_controllers());
    cases.extend(of_certificates());
    cases.extend(of_backups());
    cases.push(other("thresholds.clock-skew", "1m", clock));
    cases.push(other("services.prometheus.poll-interval", "5s", monitoring));
    cases.push(other("services.alertmanager.poll-interval", "5s", monitoring));
    cases.push(other("services.openbao.poll-interval", "5s", |settings| {
        format!("{:?}", services::interval(settings, ServiceName::OpenBao))
    }));
    cases
}

fn of_pods() -> Vec<Case> {
    let node = json!([{"kind": "Node", "metadata": {"name": "n1"},
        "status": {"conditions": [condition("Ready", "False", "KubeletNotReady")]}}]);
    let restarted = json!({"restartCount": 12, "lastState": {"terminated":
        {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-21T13:40:00Z"}}});
    let leaving = json!({"deletionTimestamp": "2026-11-21T13:40:00Z", "deletionGracePeriodSeconds": 30});
    vec![
        objects("thresholds.pod-grace", "2h", node),
        objects(
            "thresholds.pending",
            "2h",
            pod(&json!({"phase": "Pending"}), &json!({"creationTimestamp": "2026-11-21T13:50:00Z"})),
        ),
        objects("thresholds.not-ready", "2h", pod(&running(false, &json!({})), &json!({}))),
        objects("thresholds.recent-restart", "1m", pod(&running(true, &restarted), &json!({}))),
        objects("thresholds.terminating", "2h", pod(&running(true, &json!({})), &leaving)),
    ]
}

fn of_controllers() -> Vec<Case> {
    let kustomization = |spec: Value, ready: Value| {
        json!([{"kind": "Kustomization", "spec": spec,
            "metadata": {"namespace": "flux-system", "name": "apps", "creationTimestamp": "2026-11-21T13:30:00Z"},
            "status": {"conditions": [ready]}}])
    };
    let mut waiting = condition("Ready", "Unknown", "Progressing");
    waiting["lastTransitionTime"] = "2026-11-21T13:30:00Z".into();
    let suspended = json!([{"kind": "HelmRelease", "metadata": {"namespace": "flux-system", "name": "shop",
            "managedFields": [{"manager": "kubectl", "time": "2026-11-21T10:00:00Z",
                "fieldsV1": {"f:spec": {"f:suspend": {}}}}]},
        "spec": {"suspend": true}, "status": {"conditions": [condition("Ready", "True", "UpgradeSucceeded")]}}]);
    let changed = json!([{"kind": "HelmRelease", "metadata": {"namespace": "flux-system", "name": "shop"}, "spec": {},
        "status": {"conditions": [condition("Ready", "False", "UpgradeFailed")],
            "history": [{"version": 1, "chartVersion": "1.0.0", "lastDeployed": "2026-11-21T13:40:00Z"}]}}]);
    vec![
        objects(
            "thresholds.reconcile-grace",
            "2h",
            kustomization(json!({"interval": "10h"}), condition("Ready", "False", "BuildFailed")),
        ),
        objects("thresholds.no-progress", "2h", kustomization(json!({}), waiting)),
        objects("thresholds.suspended-for", "1h", suspended),
        objects("thresholds.recent-change", "1m", changed),
    ]
}

fn of_certificates() -> Vec<Case> {
    let overdue = json!([{"kind": "Certificate", "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"secretName": "web"}, "status": {"conditions": [condition("Ready", "True", "Ready")],
            "notAfter": "2026-12-31T00:00:00Z", "renewalTime": "2026-11-21T10:00:00Z"}}]);
    let mut pending = condition("Ready", "False", "Pending");
    pending["lastTransitionTime"] = "2026-11-21T13:30:00Z".into();
    let request = json!([{"kind": "CertificateRequest",
        "metadata": {"namespace": "shop", "name": "web-1", "creationTimestamp": "2026-11-21T13:30:00Z"},
        "spec": {"issuerRef": {"kind": "ClusterIssuer", "name": "ca"}}, "status": {"conditions": [pending]}}]);
    vec![
        objects("thresholds.certificate-urgent", "6d", failing_certificate("2026-11-25T14:00:00Z")),
        objects("thresholds.certificate-soon", "20d", failing_certificate("2026-12-01T14:00:00Z")),
        objects("thresholds.renewal-overdue", "3d", overdue),
        objects("thresholds.issuing", "2h", request),
    ]
}

fn of_backups() -> Vec<Case> {
    let running = json!([{"kind": "Backup", "metadata": {"namespace": "velero", "name": "daily-1"}, "spec": {},
        "status": {"phase": "InProgress", "startTimestamp": "2026-11-21T06:00:00Z"}}]);
    let missed = json!([{"kind": "Schedule", "metadata": {"namespace": "velero", "name": "daily"},
        "spec": {"schedule": "0 1 * * *"}, "status": {"phase": "Enabled", "lastBackup": "2026-11-20T01:00:00Z"}}]);
    vec![objects("thresholds.backup-running", "12h", running), objects("thresholds.backup-overdue", "20h", missed)]
}

/// The head of the console when the server's clock is half a minute ahead, and which time it counts by.
fn clock(settings: &Settings) -> String {
    let keymap = Keymap::new(std::iter::empty::<(&str, &[String])>()).unwrap();
    let preferences = Preferences { thresholds: settings.thresholds, ..Preferences::default() };
    let facts = Facts { link: Link::Up, skew: 30, ..Facts::default() };
    let mut app = App::new(preferences, facts, keymap);
    app.resize(80, 24);
    app.world.set_time(Time(1_795_255_200));
    format!("{:?}\n{}", app.world.facts.now, app.scene().text().lines().next().unwrap_or_default())
}

fn monitoring(settings: &Settings) -> String {
    format!("{:?}", services::monitoring_interval(settings))
}

fn settings(text: &str) -> Settings {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Settings::load(Request { file: Some(file.path().to_path_buf()), ..Request::default() }).unwrap()
}

impl Case {
    /// What is seen with these settings.
    fn seen(&self, settings: &Settings) -> String {
        let objects = match &self.look {
            Look::Objects(objects) => objects,
            Look::Other(look) => return look(settings),
        };
        let scenario = Scenario::of(self.key, objects);
        let mut seen = Seen::new(&scenario);
        seen.thresholds = settings.thresholds;
        seen.tell(&scenario.pieces.iter().collect::<Vec<&Piece>>(), false);
        seen.found().iter().map(|found| found.told() + "\n").collect()
    }
}

#[test]
fn every_duration_of_the_configuration_is_obeyed() {
    let cases = cases();
    let mut without: BTreeSet<String> =
        schema::rows().into_iter().filter(|row| row.kind == Kind::Seconds).map(|row| row.path).collect();
    let mut idle = Vec::new();
    for case in &cases {
        assert!(without.remove(case.key), "{} is no duration of the configuration, or has two cases", case.key);
        let (before, after) =
            (case.seen(&settings("")), case.seen(&settings(&format!("{} = \"{}\"", case.key, case.value))));
        if before == after {
            idle.push(format!("{} = {}: {before}", case.key, case.value));
        }
    }
    assert!(idle.is_empty(), "these change nothing:\n{}", idle.join("\n"));
    assert!(without.is_empty(), "without a case that shows what they change: {without:?}");
}
