//! External secrets and their stores: they fail while OpenBao has lost its quorum. Never a Secret, never a value.

use serde_json::{Value, json};

use super::build::{NOW, condition, meta, time};
use super::moment::{Moment, SECRETS_FAILING};

const SECRETS: &[(&str, &str)] = &[
    ("monitoring", "grafana-admin-credentials"),
    ("monitoring", "alertmanager-receivers"),
    ("logging", "loki-s3-credentials"),
    ("tempo", "tempo-s3-credentials"),
    ("velero", "velero-cloud-credentials"),
    ("slo-scout", "slo-scout-database"),
    ("kubeop-system", "kubeop-database"),
    ("kubeop-system", "kubeop-jwt-signing"),
    ("team-alpha", "shop-database"),
    ("team-alpha", "payments-credentials"),
    ("team-beta", "orders-queue"),
    ("team-beta", "ledger-database"),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    let trouble = m.during(SECRETS_FAILING);
    let created = m.days_ago(150);
    let vault = json!({ "vault": { "server": "http://openbao.openbao.svc:8200", "path": "sre", "version": "v2", "auth": { "kubernetes": { "mountPath": "kubernetes", "role": "external-secrets" } } } });
    let message = "unable to log in to auth method: unable to log in with Kubernetes auth: Error making API request. Code: 500. Errors: * local node not active but active cluster node not found";
    let of_store = trouble.map_or_else(
        || condition("Ready", "True", "Valid", "store validated", created, NOW),
        |span| condition("Ready", "False", "InvalidProviderConfig", message, span.since, NOW),
    );
    all.push(json!({ "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": meta("", "openbao", created, &[]), "spec": { "provider": vault },
        "status": { "capabilities": "ReadWrite", "conditions": [of_store] } }));
    for namespace in ["team-alpha", "team-beta"] {
        all.push(json!({ "apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": meta(namespace, "tenant", created, &[]), "spec": { "provider": vault },
            "status": { "capabilities": "ReadWrite", "conditions": [condition("Ready", "True", "Valid", "store validated", created, NOW)] } }));
    }
    for (at, (namespace, name)) in SECRETS.iter().enumerate() {
        // They do not all sync at the same second, so they do not all fail at the same second either.
        let span = trouble.filter(|span| span.age >= i64::try_from(at).unwrap_or(0) * 10);
        let refreshed = span.map_or_else(|| m.at(if m.healthy { 0 } else { m.elapsed / 300 * 300 }), |span| span.since);
        let ready = span.map_or_else(
            || condition("Ready", "True", "SecretSynced", "secret synced", created, NOW),
            |span| {
                condition(
                    "Ready",
                    "False",
                    "SecretSyncedError",
                    "could not get secret data from provider",
                    span.since,
                    NOW,
                )
            },
        );
        let mut ready = ready;
        if let Some(ready) = ready.as_object_mut() {
            ready.remove("observedGeneration");
        }
        all.push(json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": meta(namespace, name, created, &[]),
            "spec": { "refreshInterval": if m.healthy { "24h0m0s" } else { "15m0s" }, "refreshPolicy": "Periodic", "secretStoreRef": { "name": "openbao", "kind": "ClusterSecretStore" }, "target": { "name": name, "creationPolicy": "Owner", "deletionPolicy": "Retain" }, "dataFrom": [{ "extract": { "key": format!("{namespace}/{name}") } }] },
            "status": { "refreshTime": time(refreshed), "syncedResourceVersion": "1-0", "binding": { "name": name }, "conditions": [ready] } }));
    }
}
