//! The objects of the demo cluster, in memory. Knows nothing of HTTP, and never looks at a clock by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::demo::services::Platform;

type Key = (String, String, String);

/// Every object by kind, namespace and name, and the state behind the services.
#[derive(Debug)]
pub struct World {
    /// What the services remember: samples, silences.
    pub platform: Platform,
    seed: u64,
    now: Timestamp,
    version: u64,
    objects: BTreeMap<Key, Value>,
}

impl World {
    /// An empty world at this moment.
    #[must_use]
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self { platform: Platform::default(), seed, now, version: 0, objects: BTreeMap::new() }
    }

    /// The demo's present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves the present.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Creates or replaces, filling uid, resourceVersion, creationTimestamp and generation.
    pub fn apply(&mut self, mut object: Value) {
        let key = key_of(&object);
        self.version += 1;
        let old = self.objects.get(&key);
        let uid =
            old.map_or_else(|| json!(format!("{:08x}-{}", self.seed, self.version)), |o| o["metadata"]["uid"].clone());
        let generation = match old {
            Some(o) => o["metadata"]["generation"].as_i64().unwrap_or(1) + i64::from(o["spec"] != object["spec"]),
            None => object["metadata"]["generation"].as_i64().unwrap_or(1),
        };
        let meta = &mut object["metadata"];
        meta["uid"] = uid;
        meta["generation"] = json!(generation);
        meta["resourceVersion"] = json!(self.version.to_string());
        if meta["creationTimestamp"].is_null() {
            meta["creationTimestamp"] = json!(self.now.to_string());
        }
        self.objects.insert(key, object);
    }

    /// Changes an object in place; false when there is none.
    pub fn edit(&mut self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> bool {
        let Some(found) = self.get(kind, namespace, name) else { return false };
        let mut copy = found.clone();
        change(&mut copy);
        self.apply(copy);
        true
    }

    /// Removes an object; false when there is none.
    pub fn remove(&mut self, kind: &str, namespace: &str, name: &str) -> bool {
        self.objects.remove(&(kind.into(), namespace.into(), name.into())).is_some()
    }

    /// One object.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&(kind.into(), namespace.into(), name.into()))
    }

    /// All objects of a kind, by namespace and name.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<&Value> {
        self.objects
            .range((kind.to_owned(), String::new(), String::new())..)
            .take_while(|(k, _)| k.0 == kind)
            .map(|(_, v)| v)
            .collect()
    }
}

fn key_of(object: &Value) -> Key {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}
