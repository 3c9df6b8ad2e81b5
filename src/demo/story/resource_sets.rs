//! The ResourceSets of the Flux operator: the tenants' namespaces, and the environments of a team, which fail while its
//! repository cannot be read.

use serde_json::{Value, json};

use super::build::{NOW, condition, meta, time};
use super::moment::{Moment, TEAM_BETA_GIT};

pub const GROUP: &str = "fluxcd.controlplane.io";

/// namespace, name, inputs, the Kustomization that it depends on.
type Row = (&'static str, &'static str, &'static [&'static str], &'static str);

const ROWS: &[Row] = &[
    ("flux-system", "tenants", &["team-alpha", "team-beta"], "platform"),
    ("team-beta", "environments", &["staging", "demo"], "apps"),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    for (namespace, name, inputs, depends) in ROWS {
        let key = format!("{namespace}/{name}");
        let inputs_given: Vec<Value> = inputs.iter().map(|name| json!({ "name": name })).collect();
        let spec = json!({ "inputs": inputs_given, "wait": true,
            "dependsOn": [{ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "name": depends, "namespace": namespace, "ready": true }],
            "resources": [{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "<< inputs.name >>-settings", "namespace": namespace } }] });
        let mut meta = meta(namespace, name, m.days_ago(90), &[]);
        meta["annotations"] =
            json!({ "fluxcd.controlplane.io/reconcileEvery": "10m", "fluxcd.controlplane.io/reconcileTimeout": "5m" });
        let revision = format!("sha256:{}", m.hex(&key, 64));
        let applied = m.days_ago(3);
        let mut ready =
            condition("Ready", "True", "ReconciliationSucceeded", "Reconciliation finished in 212ms", applied, NOW);
        let mut history = vec![
            json!({ "digest": revision, "firstReconciled": time(applied), "lastReconciled": time(applied),
            "lastReconciledDuration": "212ms", "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 432 }),
        ];
        if *namespace == "team-beta"
            && let Some(span) = m.during(TEAM_BETA_GIT)
        {
            let message = "reconciliation failed: ConfigMap/team-beta/demo-settings dry-run failed (Forbidden): configmaps \"demo-settings\" is forbidden: exceeded quota: team-beta-quota, requested: count/configmaps=1, used: count/configmaps=20, limited: count/configmaps=20";
            ready = condition("Ready", "False", "ReconciliationFailed", message, span.since, NOW);
            history.insert(0, json!({ "digest": format!("sha256:{}", m.hex(&format!("{key}/next"), 64)), "firstReconciled": time(span.since),
                "lastReconciled": time(span.since), "lastReconciledDuration": "97ms", "lastReconciledStatus": "ReconciliationFailed", "totalReconciliations": 1 }));
        }
        let entries: Vec<Value> = inputs
            .iter()
            .map(|name| json!({ "id": format!("{namespace}_{name}-settings__ConfigMap"), "v": "v1" }))
            .collect();
        all.push(json!({ "apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet", "metadata": meta, "spec": spec,
            "status": { "conditions": [ready], "inventory": { "entries": entries }, "lastAppliedRevision": revision, "history": history } }));
    }
}
