//! The few checks of content that an operator runs into: types, negative numbers, fields that may not change.

use serde_json::Value;

use super::Ask;
use super::guard::invalid;
use crate::demo::resources::Origin;
use crate::demo::status::Failure;

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Boolean,
    Integer,
    Text,
    List,
}

/// Fields of a spec with their types; a kind of `*` means every kind.
const TYPES: &[(&str, &str, Type)] = &[
    ("*", "suspend", Type::Boolean),
    ("*", "replicas", Type::Integer),
    ("*", "paused", Type::Boolean),
    ("Schedule", "skipImmediately", Type::Boolean),
    ("Schedule", "schedule", Type::Text),
    ("Node", "unschedulable", Type::Boolean),
    ("HelmRelease", "interval", Type::Text),
    ("Kustomization", "interval", Type::Text),
    ("Backup", "includedNamespaces", Type::List),
    ("Backup", "excludedNamespaces", Type::List),
    ("Backup", "ttl", Type::Text),
    ("Backup", "storageLocation", Type::Text),
    ("Restore", "backupName", Type::Text),
    ("Restore", "includedNamespaces", Type::List),
    ("DeleteBackupRequest", "backupName", Type::Text),
];

/// Parts of a spec that stay as they were made.
const IMMUTABLE: &[(&str, &str)] = &[
    ("Deployment", "selector"),
    ("ReplicaSet", "selector"),
    ("DaemonSet", "selector"),
    ("StatefulSet", "serviceName"),
];

/// Checks an object before it is stored; `before` is the existing one, if there is one.
pub fn check(ask: &Ask<'_>, object: &Value, before: Option<&Value>) -> Result<(), Failure> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let kind = ask.resource.kind;
    for part in ["labels", "annotations"] {
        let map = &object["metadata"][part];
        let wrong = map.as_object().map_or(!map.is_null(), |map| map.values().any(|value| !value.is_string()));
        if wrong {
            return Err(bad_type(ask, name, &format!("metadata.{part}"), map, "string"));
        }
    }
    let spec = &object["spec"];
    for (_, field, expected) in TYPES.iter().filter(|(of, ..)| *of == "*" || *of == kind) {
        let value = &spec[*field];
        let (fits, word) = match expected {
            Type::Boolean => (value.is_boolean(), "boolean"),
            Type::Integer => (value.is_i64() || value.is_u64(), "integer"),
            Type::Text => (value.is_string(), "string"),
            Type::List => (value.is_array(), "array"),
        };
        if !value.is_null() && !fits {
            return Err(bad_type(ask, name, &format!("spec.{field}"), value, word));
        }
    }
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        return Err(invalid(ask.resource, name, "FieldValueInvalid", "spec.replicas", &message));
    }
    let Some(before) = before else { return Ok(()) };
    for (_, field) in IMMUTABLE.iter().filter(|(of, _)| *of == kind) {
        if before["spec"][*field] != spec[*field] {
            let message = format!("Invalid value: {}: field is immutable", spec[*field]);
            return Err(invalid(ask.resource, name, "FieldValueInvalid", &format!("spec.{field}"), &message));
        }
    }
    if kind == "Pod" && pod_without_images(&before["spec"]) != pod_without_images(spec) {
        let message = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        return Err(invalid(ask.resource, name, "FieldValueForbidden", "spec", message));
    }
    Ok(())
}

fn pod_without_images(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for part in ["containers", "initContainers"] {
        for container in spec.get_mut(part).and_then(Value::as_array_mut).into_iter().flatten() {
            container.as_object_mut().and_then(|container| container.remove("image"));
        }
    }
    if let Some(map) = spec.as_object_mut() {
        map.remove("activeDeadlineSeconds");
        map.remove("tolerations");
    }
    spec
}

/// A value of another type, as the schema of a CRD or the decoder of a built-in kind says it.
fn bad_type(ask: &Ask<'_>, name: &str, field: &str, value: &Value, expected: &str) -> Failure {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if ask.resource.origin == Origin::Custom {
        let message = format!("Invalid value: {found:?}: {field} in body must be of type {expected}: {found:?}");
        return invalid(ask.resource, name, "FieldValueTypeInvalid", field, &message);
    }
    let error =
        format!("json: cannot unmarshal {found} into Go struct field {}.{field} of type {expected}", ask.resource.kind);
    let message = format!("Invalid value: \"{{...}}\": {error}");
    let mut failure = Failure::new(422, "Invalid", format!(" {:?} is invalid: patch: {message}", ""));
    failure.details =
        serde_json::json!({"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]});
    failure
}

/// A name as RFC 1123 has subdomains.
pub fn name(ask: &Ask<'_>, name: &str) -> Result<(), Failure> {
    let label = |label: &str| {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = label.as_bytes();
        bytes.first().copied().is_some_and(fine)
            && bytes.last().copied().is_some_and(fine)
            && bytes.iter().all(|byte| fine(*byte) || *byte == b'-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(());
    }
    let message = format!(
        "Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    );
    Err(invalid(ask.resource, name, "FieldValueInvalid", "metadata.name", &message))
}
