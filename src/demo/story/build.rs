//! Small pieces that many objects are made of: metadata, owners, conditions, times.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Replaced by the generation that the object gets in the world, wherever an `observedGeneration` is due.
pub const NOW: i64 = 0;
/// Replaced by the generation before that one.
pub const BEHIND: i64 = -2;

/// Seconds-precise RFC 3339, as the API server writes times.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 3339 with microseconds, as events have it.
pub fn micro_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// `metadata` with the platform's label; `labels` come on top.
pub fn meta(namespace: &str, name: &str, created: Timestamp, labels: &[(&str, &str)]) -> Value {
    let mut meta = json!({ "name": name, "creationTimestamp": time(created), "labels": { "app.kubernetes.io/part-of": "sre-platform" } });
    if !namespace.is_empty() {
        meta["namespace"] = json!(namespace);
    }
    for (key, value) in labels {
        meta["labels"][*key] = json!(value);
    }
    meta
}

/// A controlling owner reference. Its uid is put in when the object enters the world, which gives out the uids.
pub fn owner(api: &str, kind: &str, name: &str) -> Value {
    json!([{ "apiVersion": api, "kind": kind, "name": name, "uid": "", "controller": true, "blockOwnerDeletion": true }])
}

/// A condition as Flux, cert-manager and most controllers write it.
pub fn condition(kind: &str, status: &str, reason: &str, message: &str, since: Timestamp, generation: i64) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time(since), "observedGeneration": generation })
}

/// `managedFields` that say who wrote these fields of the spec, and when.
pub fn managed(manager: &str, api: &str, at: Timestamp, field: &str) -> Value {
    json!({ "manager": manager, "operation": "Update", "apiVersion": api, "time": time(at), "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { field: {} } } })
}
