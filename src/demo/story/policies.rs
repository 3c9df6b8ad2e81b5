//! Peer authentications of the mesh and Kyverno's policy reports.

use serde_json::{Value, json};

use super::build::meta;
use super::moment::Moment;

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    let mut peers = vec![
        ("istio-system", "default", "STRICT"),
        ("team-alpha", "default", "STRICT"),
        ("team-beta", "default", "STRICT"),
        ("monitoring", "default", "STRICT"),
    ];
    if !m.healthy {
        peers.push(("team-beta", "debug-permissive", "PERMISSIVE"));
    }
    for (namespace, name, mode) in peers {
        all.push(json!({ "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": meta(namespace, name, m.days_ago(90), &[]), "spec": { "mtls": { "mode": mode } } }));
    }
    cluster_wide(m, all);
    for (namespace, deployment, fails) in [
        ("team-alpha", "shop-web", 0),
        ("team-alpha", "payments", 1),
        ("team-beta", "orders", 0),
        ("team-beta", "catalog", 2),
        ("slo-scout", "slo-scout-backend", 0),
        ("kubeop-system", "kubeop-manager", 1),
    ] {
        let fails = if m.healthy { 0 } else { fails };
        let stamp = m.days_ago(1).as_second();
        let result = |policy: &str, rule: &str, result: &str| {
            json!({ "policy": policy, "rule": rule, "result": result, "severity": "medium", "category": "Pod Security Standards", "scored": true, "source": "kyverno",
            "message": if result == "pass" { format!("validation rule '{rule}' passed.") } else { format!("validation error: {policy} requires {rule}") }, "timestamp": { "seconds": stamp, "nanos": 0 } })
        };
        let mut results = vec![
            result("disallow-latest-tag", "require-image-tag", if fails > 1 { "fail" } else { "pass" }),
            result("require-requests-limits", "validate-resources", if fails > 0 { "fail" } else { "pass" }),
        ];
        results.push(result("verify-image-signatures", "check-signature", "pass"));
        let name = m.hex(&format!("report/{namespace}/{deployment}"), 32);
        all.push(json!({ "apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport", "metadata": meta(namespace, &name, m.days_ago(30), &[("app.kubernetes.io/managed-by", "kyverno")]),
            "scope": { "apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace, "name": deployment },
            "results": results, "summary": { "pass": 3 - fails, "fail": fails, "warn": 0, "error": 0, "skip": 0 } }));
    }
}

/// What has no namespace is reported by itself.
fn cluster_wide(m: &Moment, all: &mut Vec<Value>) {
    for (namespace, fails) in [("team-alpha", 0), ("team-beta", 1), ("slo-scout", 0)] {
        let fails = if m.healthy { 0 } else { fails };
        let stamp = m.days_ago(1).as_second();
        let (policy, rule) = ("require-labels", "check-cost-centre");
        let (result, message) = if fails > 0 {
            (
                "fail",
                format!(
                    "validation error: the label cost-centre is required. rule {rule} failed at path /metadata/labels/cost-centre/"
                ),
            )
        } else {
            ("pass", format!("validation rule '{rule}' passed."))
        };
        all.push(json!({ "apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "ClusterPolicyReport", "metadata": meta("", &m.hex(&format!("report/{namespace}"), 32), m.days_ago(30), &[("app.kubernetes.io/managed-by", "kyverno")]),
            "scope": { "apiVersion": "v1", "kind": "Namespace", "name": namespace },
            "results": [{ "policy": policy, "rule": rule, "result": result, "message": message, "severity": "low", "scored": true, "source": "kyverno", "timestamp": { "seconds": stamp, "nanos": 0 } }],
            "summary": { "pass": 1 - fails, "fail": fails, "warn": 0, "error": 0, "skip": 0 } }));
    }
}
