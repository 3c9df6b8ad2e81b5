//! What a Kustomization undoes when it is applied: changes by managers that it takes over from, which are kubectl's.

use serde_json::Value;

use super::{noticed, suspended};
use crate::demo::world::World;

/// A Kustomization takes back what kubectl wrote to the objects that it applies: a suspend that Git does not know goes.
pub fn all(world: &mut World, kustomization: &Value) {
    let entries = kustomization["status"]["inventory"]["entries"].as_array().cloned().unwrap_or_default();
    for entry in entries {
        let id: Vec<&str> = entry["id"].as_str().unwrap_or_default().split('_').collect();
        let [namespace, name, _, kind] = id.as_slice() else { continue };
        let at = ((*kind).to_owned(), (*namespace).to_owned(), (*name).to_owned());
        let Some(object) = world.get(kind, namespace, name).cloned() else { continue };
        let managers = object["metadata"]["managedFields"].as_array();
        let by_kubectl = managers.into_iter().flatten().any(|entry| {
            entry["manager"].as_str().is_some_and(|manager| manager.starts_with("kubectl"))
                && entry["fieldsV1"]["f:spec"]["f:suspend"].is_object()
        });
        if by_kubectl && suspended(&object) {
            world.say(&at, |object| {
                object["spec"].as_object_mut().and_then(|spec| spec.remove("suspend"));
                let entries = object["metadata"]["managedFields"].as_array_mut();
                for entry in entries.into_iter().flatten() {
                    entry["fieldsV1"]["f:spec"].as_object_mut().and_then(|fields| fields.remove("f:suspend"));
                }
            });
            if let Some(after) = world.get(kind, namespace, name).cloned() {
                noticed(world, Some(&object), &after);
            }
        }
    }
}
