//! The events of what happens: one object for each trouble, whose count grows while it goes on.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::build::micro_time;
use super::moment::{
    BAO_ONE_SEALED, BAO_TWO_SEALED, CATALOG_PULL, EXPORT_FAILED, FLINK_PENDING, GRAFANA_CHARTS, LEDGER_FAILING,
    LOKI_CERT, MONITORING_UPGRADE, Moment, NODE_LOST, PAYMENTS_OOM, SECRET_MISSING, SECRETS_FAILING, SHOP_CRASH,
    SHOP_ROLLED_BACK, SLOPILOT_UNREADY, Span, TEAM_BETA_GIT, Trouble, WORKER_CRASH,
};

/// What an event is about: apiVersion, kind, namespace, the object's name or how it begins.
type About = (&'static str, &'static str, &'static str, &'static str);

const POD: &str = "v1";
const HELM: &str = "helm.toolkit.fluxcd.io/v2";
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";

/// trouble, about, reason, controller, seconds between two, note.
#[rustfmt::skip]
const ROWS: &[(Trouble, About, &str, &str, i64, &str)] = &[
    (BAO_ONE_SEALED, (POD, "Pod", "openbao", "openbao-1"), "Unhealthy", "kubelet", 10, "Readiness probe failed: HTTP probe failed with statuscode: 503"),
    (BAO_TWO_SEALED, (POD, "Pod", "openbao", "openbao-2"), "Unhealthy", "kubelet", 10, "Readiness probe failed: HTTP probe failed with statuscode: 503"),
    (SECRETS_FAILING, ("external-secrets.io/v1", "ExternalSecret", "team-alpha", "shop-database"), "UpdateFailed", "external-secrets", 30, "error processing spec.dataFrom[0].extract, err: local node not active but active cluster node not found"),
    (SECRET_MISSING, (POD, "Pod", "team-alpha", "payments-"), "Failed", "kubelet", 12, "Error: secret \"payments-credentials\" not found"),
    (MONITORING_UPGRADE, (HELM, "HelmRelease", "monitoring", "monitoring"), "UpgradeFailed", "helm-controller", 200, "Helm upgrade failed for release monitoring/monitoring with chart kube-prometheus-stack@58.0.0: context deadline exceeded"),
    (MONITORING_UPGRADE, (HELM, "HelmRelease", "tempo", "tempo"), "DependencyNotReady", "helm-controller", 30, "dependencies do not meet ready condition (dependency 'monitoring/monitoring' is not ready): retrying in 30s"),
    (SHOP_ROLLED_BACK, (HELM, "HelmRelease", "team-alpha", "shop"), "RollbackSucceeded", "helm-controller", 720, "Helm rollback to previous release team-alpha/shop.v9 with chart shop@1.4.0 succeeded"),
    (LEDGER_FAILING, (HELM, "HelmRelease", "team-beta", "ledger"), "UpgradeFailed", "helm-controller", 40, "Helm upgrade failed for release team-beta/ledger with chart ledger@1.2.0: admission webhook \"validate.kyverno.svc-fail\" denied the request"),
    (LEDGER_FAILING, ("apps/v1", "Deployment", "team-beta", "ledger"), "PolicyViolation", "kyverno-admission", 40, "policy disallow-latest-tag/require-image-tag fail: validation error: an image tag is required"),
    (TEAM_BETA_GIT, (SOURCE, "GitRepository", "team-beta", "apps"), "GitOperationFailed", "source-controller", 60, "failed to checkout and determine revision: unable to clone 'https://git.example.internal/team-beta/apps.git': authentication required: 401 Unauthorized"),
    (GRAFANA_CHARTS, (SOURCE, "HelmRepository", "flux-system", "grafana"), "IndexationFailed", "source-controller", 60, "failed to fetch Helm repository index: 503 Service Unavailable"),
    (WORKER_CRASH, (POD, "Pod", "team-beta", "orders-worker-"), "BackOff", "kubelet", 14, "Back-off restarting failed container worker"),
    (SHOP_CRASH, (POD, "Pod", "team-alpha", "shop-api-"), "BackOff", "kubelet", 14, "Back-off restarting failed container api"),
    (PAYMENTS_OOM, (POD, "Pod", "team-alpha", "payments-"), "BackOff", "kubelet", 20, "Back-off restarting failed container payments"),
    (CATALOG_PULL, (POD, "Pod", "team-beta", "catalog-"), "Failed", "kubelet", 25, "Failed to pull image \"harbor.example.internal/team-beta/catalog:2.1.0-rc1\": not found"),
    (FLINK_PENDING, (POD, "Pod", "slo-scout", "slo-scout-flink-taskmanager-"), "FailedScheduling", "default-scheduler", 60, "0/8 nodes are available: 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 5 Insufficient cpu."),
    (EXPORT_FAILED, ("batch/v1", "CronJob", "kubeop-system", "invoice-export"), "BackoffLimitExceeded", "job-controller", 720, "Job has reached the specified backoff limit"),
    (SLOPILOT_UNREADY, (POD, "Pod", "slopilot", "slopilot-rightsizing-"), "Unhealthy", "kubelet", 10, "Readiness probe failed: HTTP probe failed with statuscode: 503"),
    (NODE_LOST, (POD, "Node", "", "worker-4"), "NodeNotReady", "node-controller", 720, "Node worker-4 status is now: NodeNotReady"),
    (LOKI_CERT, ("cert-manager.io/v1", "Certificate", "logging", "loki-gateway-tls"), "Failed", "cert-manager-certificates-issuing", 720, "The certificate request has failed to complete and will be retried: order is in \"invalid\" state"),
];

/// Events are kept for an hour.
const KEPT: i64 = 3600;

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    let pods: Vec<(String, String, bool)> = all
        .iter()
        .filter(|o| o["kind"] == "Pod")
        .map(|o| {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            let ready = o["status"]["conditions"]
                .as_array()
                .is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"));
            (text(&o["metadata"]["namespace"]), text(&o["metadata"]["name"]), ready)
        })
        .collect();
    let mut made = Vec::new();
    for (trouble, about, reason, by, every, note) in ROWS {
        let Some(span) = m.newest(*trouble).filter(|span| span.age - span.length < KEPT) else { continue };
        // The pod in trouble is the one that is not ready; once it has healed, the first of that name keeps the event.
        let name = if about.3.ends_with('-') {
            let of: Vec<_> = pods.iter().filter(|(ns, name, _)| ns == about.2 && name.starts_with(about.3)).collect();
            of.iter().find(|(_, _, ready)| !ready).or(of.first()).map(|(_, name, _)| name.clone())
        } else {
            Some(about.3.to_owned())
        };
        if let Some(name) = name {
            made.push(event(m, &span, about, &name, reason, by, *every, note));
        }
    }
    all.extend(made);
}

#[expect(clippy::too_many_arguments, reason = "each is one field of the event")]
fn event(m: &Moment, span: &Span, about: &About, name: &str, reason: &str, by: &str, every: i64, note: &str) -> Value {
    let lasted = span.age.min(span.length);
    let count = 1 + lasted / every;
    let begun = span.since;
    let last = begun.checked_add(jiff::SignedDuration::from_secs((count - 1) * every)).unwrap_or(begun);
    let namespace = if about.2.is_empty() { "default" } else { about.2 };
    let own = format!("{name}.{}", m.hex(&format!("event/{name}/{reason}/{}", span.nth), 16));
    let kind = if matches!(reason, "RollbackSucceeded") { "Normal" } else { "Warning" };
    event_object(namespace, &own, about, name, (reason, kind, by, note), (begun, last, count))
}

fn event_object(
    namespace: &str,
    own: &str,
    about: &About,
    name: &str,
    what: (&str, &str, &str, &str),
    when: (Timestamp, Timestamp, i64),
) -> Value {
    let (reason, kind, by, note) = what;
    let (begun, last, count) = when;
    let mut regarding = json!({ "apiVersion": about.0, "kind": about.1, "name": name });
    if !about.2.is_empty() {
        regarding["namespace"] = json!(about.2);
    }
    let mut event = json!({ "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "namespace": namespace, "name": own, "creationTimestamp": super::build::time(begun) },
        "regarding": regarding, "reason": reason, "type": kind, "note": note, "action": reason, "reportingController": by, "reportingInstance": by, "eventTime": micro_time(begun) });
    if count > 1 {
        event["series"] = json!({ "count": count, "lastObservedTime": micro_time(last) });
    }
    event
}
