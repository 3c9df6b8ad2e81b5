//! What a Kustomization undoes when it is applied: what kubectl wrote, which it takes over, and what Git says otherwise.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Stage, noticed, suspended};
use crate::demo::birth;
use crate::demo::controllers::{Task, after_time};
use crate::demo::overlay::Key;
use crate::demo::world::World;

/// Seconds until the parent of an object is applied again by itself.
const INTERVAL: i64 = 60;

impl World {
    /// Git says from now on that this Flux object is not suspended: its parent takes a suspend back within a minute,
    /// whoever wrote it.
    pub fn declare_running(&mut self, kind: &str, namespace: &str, name: &str) {
        self.desk.declared.insert((kind.to_owned(), namespace.to_owned(), name.to_owned()));
    }
}

/// An object was suspended: its parent will see it at its next interval, if Git has a word on it.
pub fn suspended_now(world: &mut World, at: &Key) {
    if world.desk.declared.contains(at) {
        after_time(world, SignedDuration::from_secs(INTERVAL), Task::Flux(at.clone(), Stage::Revert));
    }
}

/// A Kustomization is applied.
pub fn all(world: &mut World, kustomization: &Value) {
    let entries = kustomization["status"]["inventory"]["entries"].as_array().cloned().unwrap_or_default();
    for entry in entries {
        let id: Vec<&str> = entry["id"].as_str().unwrap_or_default().split('_').collect();
        let [namespace, name, _, kind] = id.as_slice() else { continue };
        let at = ((*kind).to_owned(), (*namespace).to_owned(), (*name).to_owned());
        let Some(object) = world.get(kind, namespace, name) else { continue };
        let managers = object["metadata"]["managedFields"].as_array();
        let by_kubectl = managers.into_iter().flatten().any(|entry| {
            entry["manager"].as_str().is_some_and(|manager| manager.starts_with("kubectl"))
                && entry["fieldsV1"]["f:spec"]["f:suspend"].is_object()
        });
        if by_kubectl || world.desk.declared.contains(&at) {
            one(world, &at);
        }
    }
}

/// Takes the suspend of one object back.
pub fn one(world: &mut World, at: &Key) {
    let Some(object) = world.get(&at.0, &at.1, &at.2).cloned().filter(suspended) else { return };
    let declared = world.desk.declared.contains(at);
    let now = birth::time(world.now());
    world.say(at, |object| {
        let api_version = object["apiVersion"].clone();
        let spec = &mut object["spec"];
        if declared {
            spec["suspend"] = json!(false);
        } else {
            spec.as_object_mut().and_then(|spec| spec.remove("suspend"));
        }
        let Some(entries) = object["metadata"]["managedFields"].as_array_mut() else { return };
        for entry in entries.iter_mut() {
            entry["fieldsV1"]["f:spec"].as_object_mut().and_then(|fields| fields.remove("f:suspend"));
        }
        if declared {
            entries.push(
                json!({"manager": "kustomize-controller", "operation": "Apply", "apiVersion": api_version, "time": now,
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:suspend": {}}}}),
            );
        }
    });
    if let Some(after) = world.get(&at.0, &at.1, &at.2).cloned() {
        noticed(world, Some(&object), &after);
    }
}
