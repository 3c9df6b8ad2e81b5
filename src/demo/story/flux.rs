//! The `HelmReleases` with their dependencies, and the ways in which four of them fail.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::build::{BEHIND, NOW, condition, managed, meta, time};
use super::moment::{LEDGER_FAILING, LEDGER_STALLED, MONITORING_RETRY, MONITORING_UPGRADE, Moment, SHOP_ROLLED_BACK};

/// A row of the releases: `chart` is `repository/chart`, or only a name when an OCIRepository brings it.
#[derive(Debug)]
pub struct Release {
    pub namespace: &'static str,
    pub name: &'static str,
    pub chart: &'static str,
    pub version: &'static str,
    /// `namespace/name` of each.
    pub depends: &'static [&'static str],
}

const fn r(
    at: (&'static str, &'static str),
    chart: &'static str,
    version: &'static str,
    depends: &'static [&'static str],
) -> Release {
    Release { namespace: at.0, name: at.1, chart, version, depends }
}

const BASE: &str = "istio-system/istio-base";
const CERTS: &str = "cert-manager/cert-manager";
const MONITORING: &str = "monitoring/monitoring";

#[rustfmt::skip]
pub const RELEASES: &[Release] = &[
    r(("istio-system", "istio-base"), "istio/base", "1.27.1", &[]),
    r(("istio-system", "istiod"), "istio/istiod", "1.27.1", &[BASE]),
    r(("istio-system", "istio-gateway"), "istio/gateway", "1.27.1", &["istio-system/istiod"]),
    r(("cert-manager", "cert-manager"), "jetstack/cert-manager", "v1.14.4", &[BASE]),
    r(("kyverno", "kyverno"), "kyverno/kyverno", "3.5.2", &[CERTS]),
    r(("monitoring", "monitoring"), "prometheus-community/kube-prometheus-stack", "57.2.0", &[CERTS]),
    r(("logging", "logging"), "grafana/loki", "5.47.2", &[CERTS]),
    r(("logging", "alloy"), "grafana/alloy", "0.3.2", &["logging/logging", MONITORING]),
    r(("openbao", "openbao"), "openbao/openbao", "0.29.2", &[CERTS]),
    r(("external-secrets", "external-secrets"), "external-secrets/external-secrets", "2.9.0", &["openbao/openbao"]),
    r(("neuvector", "runtime-security"), "neuvector/core", "2.7.3", &[CERTS]),
    r(("tempo", "tempo"), "grafana/tempo-distributed", "1.7.2", &[CERTS, MONITORING]),
    r(("velero", "backup"), "vmware-tanzu/velero", "6.0.0", &[CERTS]),
    r(("slopilot", "slopilot-rightsizing"), "harbor/slopilot-rightsizing", "1.6.2", &[MONITORING]),
    r(("slo-scout", "slo-scout"), "slo-scout", "0.3.0", &[MONITORING]),
    r(("kubeop-system", "kubeop"), "harbor/kubeop", "0.14.2", &[MONITORING, CERTS]),
    r(("team-alpha", "shop"), "harbor/shop", "1.4.0", &[]),
    r(("team-alpha", "payments"), "harbor/payments", "3.2.1", &["team-alpha/shop"]),
    r(("team-beta", "orders"), "harbor/orders", "0.9.4", &[]),
    r(("team-beta", "catalog"), "harbor/catalog", "2.0.3", &[]),
    r(("team-beta", "ledger"), "harbor/ledger", "1.1.0", &["team-beta/orders"]),
];

/// The name of the `HelmChart` that helm-controller makes for a release.
pub fn chart_name(release: &Release) -> String {
    format!("{}-{}", release.namespace, release.name)
}

/// A failure as the status shows it.
struct Failing<'a> {
    since: Timestamp,
    reason: &'a str,
    message: String,
    failures: i64,
}

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    for release in RELEASES {
        all.push(object(m, release));
    }
}

fn object(m: &Moment, r: &Release) -> Value {
    let mut depends: Vec<Value> = Vec::new();
    for on in r.depends {
        if let Some((namespace, name)) = on.split_once('/') {
            depends.push(json!({ "name": name, "namespace": namespace }));
        }
    }
    let mut spec = json!({ "interval": "10m0s", "timeout": "5m0s", "releaseName": r.name, "targetNamespace": r.namespace, "storageNamespace": r.namespace,
        "install": { "remediation": { "retries": 3 } }, "upgrade": { "remediation": { "retries": 3 } }, "driftDetection": { "mode": "warn" } });
    if !depends.is_empty() {
        spec["dependsOn"] = json!(depends);
    }
    match r.chart.split_once('/') {
        Some((repository, chart)) => {
            spec["chart"] = json!({ "spec": { "chart": chart, "version": wanted_version(m, r), "sourceRef": { "kind": "HelmRepository", "name": repository, "namespace": "flux-system" } } });
        }
        None => spec["chartRef"] = json!({ "kind": "OCIRepository", "name": r.chart }),
    }
    let part_of = if r.namespace.starts_with("team-") { r.namespace } else { "sre-platform" };
    let parent = if r.namespace.starts_with("team-") { ("apps", r.namespace) } else { ("platform", "flux-system") };
    let mut meta = meta(
        r.namespace,
        r.name,
        m.days_ago(180),
        &[
            ("app.kubernetes.io/part-of", part_of),
            ("kustomize.toolkit.fluxcd.io/name", parent.0),
            ("kustomize.toolkit.fluxcd.io/namespace", parent.1),
        ],
    );
    let mut status = healthy_status(m, r);
    fail(m, r, &mut status);
    if !m.healthy && r.name == "runtime-security" {
        // Somebody suspended it two days ago and forgot: Ready=True is frozen.
        spec["suspend"] = json!(true);
        meta["managedFields"] = json!([
            managed("kustomize-controller", "helm.toolkit.fluxcd.io/v2", m.days_ago(180), "f:chart"),
            managed("flux", "helm.toolkit.fluxcd.io/v2", m.at(-2 * 86_400 - 4000), "f:suspend")
        ]);
    }
    json!({ "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": meta, "spec": spec, "status": status })
}

/// The version in Git: newer than what runs while an upgrade fails.
fn wanted_version(m: &Moment, r: &Release) -> &'static str {
    match (r.namespace, r.name) {
        ("monitoring", "monitoring") if m.is(MONITORING_UPGRADE) || m.is(MONITORING_RETRY) => "58.0.0",
        ("team-alpha", "shop") if m.is(SHOP_ROLLED_BACK) => "1.5.0",
        ("team-beta", "ledger") if m.is(LEDGER_FAILING) || m.is(LEDGER_STALLED) => "1.2.0",
        _ => r.version,
    }
}

fn snapshot(
    m: &Moment,
    r: &Release,
    version: i64,
    chart: &str,
    status: &str,
    deployed: Timestamp,
    action: &str,
) -> Value {
    let mut entry = json!({ "name": r.name, "namespace": r.namespace, "version": version, "status": status, "chartName": r.chart.rsplit('/').next().unwrap_or(r.chart), "chartVersion": chart, "appVersion": chart.trim_start_matches('v'),
        "configDigest": format!("sha256:{}", m.hex(&format!("config/{}/{version}", r.name), 64)), "digest": format!("sha256:{}", m.hex(&format!("release/{}/{version}", r.name), 64)), "firstDeployed": time(m.days_ago(180)), "lastDeployed": time(deployed) });
    if !action.is_empty() {
        entry["action"] = json!(action);
    }
    entry
}

fn healthy_status(m: &Moment, r: &Release) -> Value {
    let since = m.days_ago(9);
    let message = format!(
        "Helm upgrade succeeded for release {}/{}.v9 with chart {}@{}",
        r.namespace,
        r.name,
        r.chart.rsplit('/').next().unwrap_or(r.chart),
        r.version
    );
    let mut status = json!({ "observedGeneration": NOW, "storageNamespace": r.namespace, "lastAttemptedRevision": r.version, "lastAttemptedReleaseAction": "upgrade",
        "lastAttemptedConfigDigest": format!("sha256:{}", m.hex(&format!("config/{}/9", r.name), 64)),
        "history": [snapshot(m, r, 9, r.version, "deployed", since, "upgrade"), snapshot(m, r, 4, "0.9.0", "superseded", m.days_ago(100), ""), snapshot(m, r, 8, r.version, "superseded", m.days_ago(30), "upgrade")],
        "conditions": [condition("Ready", "True", "UpgradeSucceeded", &message, since, NOW), condition("Released", "True", "UpgradeSucceeded", &message, since, NOW)] });
    if r.chart.contains('/') {
        status["helmChart"] = json!(format!("flux-system/{}", chart_name(r)));
    }
    status
}

/// Writes the trouble that a release is in.
fn fail(m: &Moment, r: &Release, status: &mut Value) {
    let key = format!("{}/{}", r.namespace, r.name);
    match key.as_str() {
        MONITORING => {
            if let Some(span) = m.during(MONITORING_UPGRADE) {
                let message = "Helm upgrade failed for release monitoring/monitoring with chart kube-prometheus-stack@58.0.0: context deadline exceeded: resource Deployment/monitoring/monitoring-grafana not ready. status: InProgress, message: Available: 1/2".to_owned();
                let failures = 1 + span.age / 200;
                blocked_or_failed(status, &Failing { since: span.since, reason: "UpgradeFailed", message, failures });
                status["lastAttemptedRevision"] = json!("58.0.0");
                status["upgradeFailures"] = json!(failures);
                push_history(status, snapshot(m, r, 10, "58.0.0", "failed", span.since, "upgrade"));
            } else if let Some(span) = m.during(MONITORING_RETRY) {
                let message = "Running 'upgrade' action with timeout of 5m0s";
                status["conditions"] = json!([
                    condition("Reconciling", "True", "Progressing", message, span.since, NOW),
                    condition("Ready", "Unknown", "Progressing", message, span.since, NOW)
                ]);
                status["observedGeneration"] = json!(BEHIND);
            }
        }
        "team-alpha/shop" => {
            if let Some(span) = m.during(SHOP_ROLLED_BACK) {
                let done = span.since.checked_add(SignedDuration::from_secs(40)).unwrap_or(span.since);
                let failed = "Helm upgrade failed for release team-alpha/shop with chart shop@1.5.0: post-upgrade hooks failed: job shop-migrate failed: BackoffLimitExceeded";
                let message = "Helm rollback to previous release team-alpha/shop.v9 with chart shop@1.4.0 succeeded";
                status["conditions"] = json!([
                    condition("Ready", "False", "RollbackSucceeded", message, done, NOW),
                    condition("Released", "False", "UpgradeFailed", failed, span.since, NOW),
                    condition("Remediated", "True", "RollbackSucceeded", message, done, NOW)
                ]);
                status["lastAttemptedRevision"] = json!("1.5.0");
                status["failures"] = json!(1);
                status["upgradeFailures"] = json!(1);
                push_history(status, snapshot(m, r, 10, "1.5.0", "failed", span.since, "upgrade"));
                push_history(status, snapshot(m, r, 11, "1.4.0", "deployed", done, "rollback"));
            }
        }
        "team-beta/ledger" => {
            let message = "Helm upgrade failed for release team-beta/ledger with chart ledger@1.2.0: admission webhook \"validate.kyverno.svc-fail\" denied the request: resource Deployment/team-beta/ledger was blocked due to the following policies: disallow-latest-tag";
            if let Some(span) = m.during(LEDGER_FAILING) {
                let failures = (1 + span.age / 40).min(3);
                blocked_or_failed(
                    status,
                    &Failing { since: span.since, reason: "UpgradeFailed", message: message.to_owned(), failures },
                );
                status["lastAttemptedRevision"] = json!("1.2.0");
                status["upgradeFailures"] = json!(failures);
            } else if let Some(span) = m.during(LEDGER_STALLED) {
                let stalled = "Failed to upgrade after 4 attempt(s)";
                status["conditions"] = json!([
                    condition("Stalled", "True", "RetriesExceeded", stalled, span.since, NOW),
                    condition("Ready", "False", "UpgradeFailed", message, span.since, NOW),
                    condition("Released", "False", "UpgradeFailed", message, span.since, NOW)
                ]);
                status["lastAttemptedRevision"] = json!("1.2.0");
                status["failures"] = json!(4);
                status["upgradeFailures"] = json!(4);
            }
        }
        _ => depend(m, r, status),
    }
}

/// What a release says while something before it in the chain is not ready.
fn depend(m: &Moment, r: &Release, status: &mut Value) {
    let late = |since: Timestamp| since.checked_add(SignedDuration::from_secs(30)).unwrap_or(since);
    for on in r.depends {
        let span = match *on {
            MONITORING => m.during(MONITORING_UPGRADE).or_else(|| m.during(MONITORING_RETRY)),
            "team-alpha/shop" => m.during(SHOP_ROLLED_BACK),
            _ => None,
        };
        if let Some(span) = span {
            let message = format!("dependency '{on}' is not ready");
            blocked_or_failed(
                status,
                &Failing { since: late(span.since), reason: "DependencyNotReady", message, failures: 0 },
            );
            return;
        }
    }
}

/// helm-controller 1.6 keeps Reconciling=True and observedGeneration -1 together with Ready=False.
fn blocked_or_failed(status: &mut Value, failing: &Failing<'_>) {
    let doing = if failing.failures == 0 {
        "Fulfilling prerequisites"
    } else {
        "Running 'upgrade' action with timeout of 5m0s"
    };
    let mut conditions = vec![
        condition("Reconciling", "True", "Progressing", doing, failing.since, NOW),
        condition("Ready", "False", failing.reason, &failing.message, failing.since, NOW),
    ];
    if failing.failures > 0 {
        conditions.push(condition("Released", "False", failing.reason, &failing.message, failing.since, NOW));
        status["failures"] = json!(failing.failures);
    }
    status["conditions"] = json!(conditions);
    status["observedGeneration"] = json!(-1);
}

fn push_history(status: &mut Value, entry: Value) {
    if let Some(history) = status["history"].as_array_mut() {
        if let Some(first) = history.first_mut() {
            let done = entry["status"] == json!("deployed");
            if done && first["status"] == json!("deployed") {
                first["status"] = json!("superseded");
            }
        }
        history.insert(0, entry);
        history.truncate(5);
    }
}
