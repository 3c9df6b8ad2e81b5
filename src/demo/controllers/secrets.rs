//! External Secrets: any change of an object's metadata or spec makes it sync again, unless it syncs only once.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::parts::holds;
use super::{Task, later};
use crate::demo::birth;
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

pub fn noticed(world: &mut World, before: Option<&Value>, after: &Value) {
    let part = |object: &Value| {
        (object["metadata"]["annotations"].clone(), object["metadata"]["labels"].clone(), object["spec"].clone())
    };
    if before.map(part) != Some(part(after)) {
        later(world, 1, Task::Secret(key(after)));
    }
}

pub fn sync(world: &mut World, at: &Key) {
    let Some(secret) = world.get(&at.0, &at.1, &at.2).cloned() else { return };
    let once = secret["spec"]["refreshPolicy"] == "CreatedOnce"
        || matches!(secret["spec"]["refreshInterval"].as_str(), Some("0" | "0s" | "0h0m0s"));
    let synced = secret["status"]["refreshTime"].is_string();
    // Without a status it is new: then the store decides.
    let store = &secret["spec"]["secretStoreRef"];
    let kind = store["kind"].as_str().unwrap_or("SecretStore");
    let place = if kind == "ClusterSecretStore" { "" } else { at.1.as_str() };
    let valid =
        world.get(kind, place, store["name"].as_str().unwrap_or_default()).is_some_and(|store| holds(store, "Ready"));
    let well = world.base(at).is_some_and(|told| holds(told, "Ready")) || (!synced && valid);
    if (once && synced) || !well {
        return;
    }
    let now = birth::time(world.now());
    world.say(at, |object| {
        // as External Secrets does: for which generation, labels and annotations it was synced
        let mut hasher = DefaultHasher::new();
        [&object["metadata"]["annotations"], &object["metadata"]["labels"]].map(Value::to_string).hash(&mut hasher);
        let version = format!("{}-{:x}", object["metadata"]["generation"], hasher.finish());
        let status = &mut object["status"];
        status["refreshTime"] = json!(now);
        status["syncedResourceVersion"] = json!(version);
        if !status["conditions"].is_array() {
            status["conditions"] = json!([{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced", "lastTransitionTime": now}]);
        }
    });
}
