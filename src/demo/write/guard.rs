//! What a write may claim about the object: its name, its uid, the version that the client has seen. And the refusals
//! that name a field.

use serde_json::{Value, json};

use super::Ask;
use crate::demo::resources::{Origin, Resource};
use crate::demo::status::{Failure, details};

/// 422 for one field of an object. The reason is the API's, like `FieldValueInvalid`.
pub fn invalid(resource: &Resource, name: &str, reason: &str, field: &str, message: &str) -> Failure {
    let kind = if resource.group.is_empty() {
        resource.kind.to_owned()
    } else {
        format!("{}.{}", resource.kind, resource.group)
    };
    let mut failure = Failure::new(422, "Invalid", format!("{kind} {name:?} is invalid: {field}: {message}"));
    failure.details = details(resource, name);
    failure.details["kind"] = json!(resource.kind);
    failure.details["causes"] = json!([{"reason": reason, "message": message, "field": field}]);
    failure
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

/// The kind of a body that is to be stored whole. The decoder of built-in kinds knows it even where the body omits it.
pub fn typed(ask: &Ask<'_>, object: &mut Value) -> Result<(), Failure> {
    let resource = ask.resource;
    let api_version = ask.api_version();
    if let Some(map) = object.as_object_mut().filter(|_| resource.origin == Origin::Builtin) {
        for (key, value) in [("kind", resource.kind), ("apiVersion", api_version.as_str())] {
            if map.get(key).is_none_or(|given| given == "") {
                map.insert(key.to_owned(), json!(value));
            }
        }
    }
    if !object.is_object() || object["kind"].as_str().unwrap_or_default().is_empty() {
        return Err(Failure::bad_request(format!("Object 'Kind' is missing in '{object}'")));
    }
    if object["kind"] != resource.kind {
        return Err(Failure::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}",
            object["kind"].as_str().unwrap_or_default(),
            object["apiVersion"].as_str().unwrap_or_default(),
            resource.kind
        )));
    }
    if object["apiVersion"] != api_version.as_str() {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({}) does not match the expected API version ({api_version})",
            object["apiVersion"].as_str().unwrap_or_default()
        )));
    }
    Ok(())
}

/// Name and namespace must be those of the URL.
pub fn placed(ask: &Ask<'_>, next: &Value) -> Result<(), Failure> {
    let (name, namespace) = (text(next, "name"), text(next, "namespace"));
    if !name.is_empty() && name != ask.name() {
        return Err(Failure::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            ask.name()
        )));
    }
    if !namespace.is_empty() && namespace != ask.namespace() {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// The version and the uid, where the client names them.
pub fn seen(ask: &Ask<'_>, current: &Value, next: &Value, put: bool) -> Result<(), Failure> {
    let (uid, stored) = (text(next, "uid"), text(current, "uid"));
    if !uid.is_empty() && uid != stored {
        if put {
            // For a PUT the uid is a precondition of the storage, for a patch it is a field that may not change.
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {stored}");
            return Err(Failure::conflict(ask.resource, ask.name(), &why));
        }
        let message = format!("Invalid value: {uid:?}: field is immutable");
        return Err(invalid(ask.resource, ask.name(), "FieldValueInvalid", "metadata.uid", &message));
    }
    let version = text(next, "resourceVersion");
    if version.is_empty() {
        if put && ask.resource.origin == Origin::Custom {
            let message = "Invalid value: 0x0: must be specified for an update";
            return Err(invalid(ask.resource, ask.name(), "FieldValueInvalid", "metadata.resourceVersion", message));
        }
    } else if version != text(current, "resourceVersion") {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(Failure::conflict(ask.resource, ask.name(), why));
    }
    Ok(())
}
