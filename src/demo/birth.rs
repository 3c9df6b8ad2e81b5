//! What the API server adds to an object when it is created or replaced: uid, times, generation, managedFields.
//! Pure functions of their arguments; nothing here stores.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// `SplitMix64`: spreads a number over all 64 bits.
#[must_use]
pub fn mix(value: u64) -> u64 {
    let mut x = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A version 4 UUID out of two numbers.
#[must_use]
pub fn uuid(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// The uid of the n-th object of this key.
#[must_use]
pub fn uid(seed: u64, kind: &str, key: &(String, String), births: u32) -> String {
    let bytes = [kind, "/", &key.0, "/", &key.1].map(str::bytes).into_iter().flatten();
    let hash = bytes.fold(mix(seed ^ u64::from(births)), |hash, byte| mix(hash ^ u64::from(byte)));
    uuid(hash, mix(hash))
}

/// RFC 3339 in whole seconds, as Kubernetes writes most times.
#[must_use]
pub fn time(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// A new object.
pub fn fill(object: &mut Value, uid: &str, now: Timestamp) {
    let manager = manager(object);
    let api_version = object["apiVersion"].clone();
    let fields = fields(object);
    let created = object.pointer("/metadata/creationTimestamp").cloned().unwrap_or_else(|| json!(time(now)));
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    metadata.entry("uid").or_insert_with(|| json!(uid));
    metadata.entry("generation").or_insert_with(|| json!(1));
    metadata.entry("managedFields").or_insert_with(|| {
        json!([{
            "manager": manager, "operation": "Update", "apiVersion": api_version, "time": created,
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        }])
    });
    metadata.insert("creationTimestamp".to_owned(), created);
}

/// A replaced object keeps its identity; its generation follows the spec.
pub fn inherit(object: &mut Value, before: &Value) {
    let mut generation = before["metadata"]["generation"].as_i64().unwrap_or(1);
    if object.get("spec") != before.get("spec") {
        generation += 1;
    }
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    for key in ["uid", "creationTimestamp", "resourceVersion"] {
        metadata.insert(key.to_owned(), before["metadata"][key].clone());
    }
    metadata.insert("generation".to_owned(), json!(generation));
    metadata.entry("managedFields").or_insert_with(|| before["metadata"]["managedFields"].clone());
}

/// Whether a write would change nothing.
#[must_use]
pub fn same(object: &Value, before: &Value) -> bool {
    object == before
}

/// Who usually writes this kind.
fn manager(object: &Value) -> &'static str {
    match object["kind"].as_str().unwrap_or_default() {
        "Pod" | "Node" => "kubelet",
        "HelmRelease" => "helm-controller",
        "Kustomization" => "kustomize-controller",
        "ResourceSet" => "flux-operator",
        "ArtifactGenerator" | "ExternalArtifact" => "source-watcher",
        "GitRepository" | "HelmRepository" | "HelmChart" | "OCIRepository" | "Bucket" => "source-controller",
        "Certificate" | "CertificateRequest" | "Issuer" | "ClusterIssuer" | "Order" | "Challenge" => {
            "cert-manager-certificates-trigger"
        }
        "Backup" | "Schedule" | "Restore" | "BackupStorageLocation" => "velero-server",
        _ => "kube-controller-manager",
    }
}

/// `FieldsV1` to the second level: enough to be read, not a full ownership set.
fn fields(object: &Value) -> Value {
    let mut owned = Map::new();
    for part in ["metadata", "spec", "status", "data"] {
        let Some(map) = object.get(part).and_then(Value::as_object) else { continue };
        let inner: Map<String, Value> = map
            .keys()
            .filter(|key| !matches!(key.as_str(), "name" | "namespace" | "managedFields" | "uid"))
            .map(|key| (format!("f:{key}"), json!({})))
            .collect();
        owned.insert(format!("f:{part}"), Value::Object(inner));
    }
    Value::Object(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_has_the_shape_of_a_version_4_uuid() {
        let uid = uid(1, "Pod", &("a".to_owned(), "b".to_owned()), 1);
        let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uid}");
        assert_eq!(uid.as_bytes()[14], b'4');
    }

    #[test]
    fn a_new_object_says_who_manages_its_fields() {
        let mut object = json!({"kind": "HelmRelease", "metadata": {"name": "a"}, "spec": {"suspend": true}});
        fill(&mut object, "u", Timestamp::UNIX_EPOCH);
        let entry = &object["metadata"]["managedFields"][0];
        assert_eq!(entry["manager"], "helm-controller");
        assert!(entry["fieldsV1"]["f:spec"]["f:suspend"].is_object());
        assert_eq!(object["metadata"]["creationTimestamp"], "1970-01-01T00:00:00Z");
    }
}
