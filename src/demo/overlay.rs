//! What was written over the story. Of each object that somebody wrote to, the story's own version is kept below what
//! was written: the story goes on telling it, and what a person said stays on top until it is undone. A controller's
//! word on a part of the status holds until the story has something new to say about that part.

mod roles;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::birth;
use super::world::World;
use super::write::patch;

/// kind, namespace, name.
pub type Key = (String, String, String);

/// What a client or a controller may change in the metadata.
const METADATA: &[&str] = &[
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

#[must_use]
pub fn key(object: &Value) -> Key {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}

/// What was said about one part of a status; `value` is none where it was taken out.
#[derive(Debug)]
struct Said {
    value: Option<Value>,
    over: Option<Value>,
}

#[derive(Debug)]
struct Overlay {
    /// The object as it would be if nobody had written.
    base: Value,
    /// What was written outside of the status, as a merge patch.
    patch: Value,
    status: BTreeMap<String, Said>,
    /// A status that the story cannot change: of what is suspended, or counted by a controller.
    frozen: Option<Value>,
}

impl Overlay {
    fn over(base: &Value) -> Overlay {
        Overlay { base: base.clone(), patch: json!({}), status: BTreeMap::new(), frozen: None }
    }

    fn record(&mut self, object: &Value) {
        self.patch = difference(&content(&self.base), &content(object));
        if let Some(frozen) = &mut self.frozen {
            *frozen = object["status"].clone();
            return;
        }
        let nothing = Map::new();
        let (base, new) = (self.base["status"].as_object().unwrap_or(&nothing), object["status"].as_object());
        let new = new.unwrap_or(&nothing);
        let parts: BTreeSet<&String> = base.keys().chain(new.keys()).collect();
        for part in parts {
            if base.get(part) == new.get(part) {
                self.status.remove(part);
            } else {
                let said = Said { value: new.get(part).cloned(), over: base.get(part).cloned() };
                self.status.insert(part.clone(), said);
            }
        }
    }

    /// Forgets what was said about parts of the status that the story has changed.
    fn hear(&mut self) {
        let base = &self.base["status"];
        self.status.retain(|part, said| base.get(part) == said.over.as_ref());
    }

    fn shown(&self) -> Value {
        let mut object = self.base.clone();
        patch::merge(&mut object, &self.patch);
        if let Some(frozen) = &self.frozen {
            object["status"] = frozen.clone();
            return object;
        }
        for (part, said) in &self.status {
            match &said.value {
                Some(value) => object["status"][part] = value.clone(),
                None => drop(object["status"].as_object_mut().and_then(|status| status.remove(part))),
            }
        }
        object
    }

    fn is_void(&self) -> bool {
        self.frozen.is_none() && self.status.is_empty() && self.patch.as_object().is_some_and(Map::is_empty)
    }
}

/// An object without status and identity.
fn content(object: &Value) -> Value {
    let mut map = object.as_object().cloned().unwrap_or_default();
    for part in ["kind", "apiVersion", "status"] {
        map.remove(part);
    }
    let mut metadata = Map::new();
    for part in METADATA {
        if let Some(value) = object["metadata"].get(*part) {
            metadata.insert((*part).to_owned(), value.clone());
        }
    }
    map.insert("metadata".to_owned(), Value::Object(metadata));
    Value::Object(map)
}

/// The merge patch that makes `to` out of `from`.
fn difference(from: &Value, to: &Value) -> Value {
    let (Some(old), Some(new)) = (from.as_object(), to.as_object()) else { return to.clone() };
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        match old.get(key) {
            Some(before) if before == value => {}
            Some(before) if before.is_object() && value.is_object() => {
                patch.insert(key.clone(), difference(before, value));
            }
            _ => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(patch)
}

/// Everything that was written over the story.
#[derive(Debug, Default)]
pub struct Overlays {
    over: BTreeMap<Key, Overlay>,
    /// The pods that are part of the story, by namespace and name.
    told: BTreeSet<(String, String)>,
    roles: BTreeMap<(String, String), roles::Role>,
}

impl Overlays {
    pub fn forget(&mut self, kind: &str, namespace: &str, name: &str) {
        self.over.remove(&(kind.to_owned(), namespace.to_owned(), name.to_owned()));
    }

    /// A change that came past the API: it is kept like a written one.
    pub fn record(&mut self, kind: &str, namespace: &str, name: &str, object: &Value) {
        if let Some(overlay) = self.over.get_mut(&(kind.to_owned(), namespace.to_owned(), name.to_owned())) {
            overlay.record(object);
        }
    }
}

/// Writing over the story.
impl World {
    /// Writes an object over the existing one, and returns it as stored. What does not exist yet is created.
    pub(super) fn write(&mut self, object: Value) -> Value {
        let (kind, namespace, name) = key(&object);
        let Some(before) = self.shared(&kind, &namespace, &name) else {
            self.apply(object);
            return self.get(&kind, &namespace, &name).cloned().unwrap_or(Value::Null);
        };
        if birth::same(&object, &before) {
            return object;
        }
        let at = (kind.clone(), namespace.clone(), name.clone());
        let overlay = self.overlays.over.entry(at.clone()).or_insert_with(|| Overlay::over(&before));
        overlay.record(&object);
        if overlay.is_void() {
            self.overlays.over.remove(&at);
        }
        self.put(&kind, (namespace.clone(), name.clone()), object, Some(before));
        self.get(&kind, &namespace, &name).cloned().unwrap_or(Value::Null)
    }

    /// A controller's change of one object; its generation follows the spec. False when there is none.
    pub(super) fn say(&mut self, at: &Key, change: impl FnOnce(&mut Value)) -> bool {
        let Some(before) = self.shared(&at.0, &at.1, &at.2) else { return false };
        let mut object = Value::clone(&before);
        change(&mut object);
        birth::inherit(&mut object, &before);
        self.write(object);
        true
    }

    /// The object as it would be if nobody had written.
    pub(super) fn base(&self, at: &Key) -> Option<&Value> {
        self.overlays.over.get(at).map(|overlay| &overlay.base).or_else(|| self.get(&at.0, &at.1, &at.2))
    }

    /// From now on the story cannot change this object's status, until [`World::thaw`].
    pub(super) fn freeze(&mut self, at: &Key) {
        let Some(object) = self.shared(&at.0, &at.1, &at.2) else { return };
        let overlay = self.overlays.over.entry(at.clone()).or_insert_with(|| Overlay::over(&object));
        if overlay.frozen.is_none() {
            overlay.frozen = Some(object["status"].clone());
        }
    }

    /// Shows the story's status again.
    pub(super) fn thaw(&mut self, at: &Key) {
        let Some(overlay) = self.overlays.over.get_mut(at) else { return };
        if overlay.frozen.take().is_some() {
            overlay.hear();
            self.show(at);
        }
    }

    /// Stores the overlaid object as it is to be shown now.
    fn show(&mut self, at: &Key) {
        let (Some(overlay), Some(before)) = (self.overlays.over.get(at), self.shared(&at.0, &at.1, &at.2)) else {
            return;
        };
        let mut object = overlay.shown();
        birth::inherit(&mut object, &before);
        observe_no_future(&mut object);
        if !birth::same(&object, &before) {
            self.put(&at.0, (at.1.clone(), at.2.clone()), object, Some(before));
        }
    }
}

/// The story counts a change of the spec even where a person's word hides it.
fn observe_no_future(object: &mut Value) {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(1);
    let cap = |part: &mut Value| {
        if part["observedGeneration"].as_i64().is_some_and(|seen| seen > generation) {
            part["observedGeneration"] = json!(generation);
        }
    };
    let Some(status) = object.get_mut("status") else { return };
    cap(status);
    status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten().for_each(cap);
}

/// The story's hands: they change what lies below.
impl World {
    /// As [`World::apply`], for a pod whose role another may have taken over.
    pub(super) fn told(&mut self, mut object: Value) {
        let (kind, namespace, name) = key(&object);
        if kind == "Pod" {
            self.overlays.told.insert((namespace.clone(), name.clone()));
            if let Some(role) = self.overlays.roles.get_mut(&(namespace, name)) {
                match &role.pod {
                    Some(pod) => object["metadata"]["name"] = json!(pod),
                    None => {
                        role.last = object;
                        return;
                    }
                }
            }
        }
        self.apply(object);
    }

    /// As [`World::edit`], below what was written.
    pub(super) fn retold(&mut self, at: &Key, change: impl FnOnce(&mut Value)) -> bool {
        let mut at = at.clone();
        if at.0 == "Pod"
            && let Some(role) = self.overlays.roles.get_mut(&(at.1.clone(), at.2.clone()))
        {
            match &role.pod {
                Some(pod) => at.2.clone_from(pod),
                None => {
                    change(&mut role.last);
                    return true;
                }
            }
        }
        let Some(overlay) = self.overlays.over.get_mut(&at) else { return self.edit(&at.0, &at.1, &at.2, change) };
        change(&mut overlay.base);
        overlay.hear();
        self.show(&at);
        true
    }

    /// As [`World::remove`].
    pub(super) fn untold(&mut self, at: &Key) -> bool {
        let mut name = Some(at.2.clone());
        if at.0 == "Pod" {
            self.overlays.told.remove(&(at.1.clone(), at.2.clone()));
            if let Some(role) = self.overlays.roles.remove(&(at.1.clone(), at.2.clone())) {
                name = role.pod;
            }
        }
        name.is_some_and(|name| self.remove(&at.0, &at.1, &name))
    }

    /// Whether an object of the story, or the one that replaced it, exists; true also while its role is vacant.
    pub(super) fn stands(&self, at: &Key) -> bool {
        match self.overlays.roles.get(&(at.1.clone(), at.2.clone())).filter(|_| at.0 == "Pod") {
            Some(roles::Role { pod: None, .. }) => true,
            Some(roles::Role { pod: Some(pod), .. }) => self.get(&at.0, &at.1, pod).is_some(),
            None => self.get(&at.0, &at.1, &at.2).is_some(),
        }
    }

    /// The present name of a pod of the story.
    pub(super) fn played_by(&self, namespace: &str, name: &str) -> Option<&str> {
        self.overlays.roles.get(&(namespace.to_owned(), name.to_owned()))?.pod.as_deref()
    }
}

/// Looking below.
impl World {
    /// The story's version of an object whose own status is frozen.
    pub(super) fn below(&self, at: &Key) -> Option<&Value> {
        self.overlays.over.get(at).filter(|overlay| overlay.frozen.is_some()).map(|overlay| &overlay.base)
    }

    pub(super) fn shared(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.stock(kind)?.objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn world() -> (World, Key) {
        let mut world = World::new(1, Timestamp::UNIX_EPOCH);
        let object = json!({"apiVersion": "a/v1", "kind": "K", "metadata": {"name": "n", "namespace": "x"},
            "spec": {"a": 1, "b": 1}, "status": {"c": 1, "d": 1}});
        world.told(object);
        (world, ("K".to_owned(), "x".to_owned(), "n".to_owned()))
    }

    fn now(world: &World) -> Value {
        world.get("K", "x", "n").unwrap().clone()
    }

    #[test]
    fn what_a_person_wrote_stays_when_the_story_goes_on_and_goes_when_it_is_undone() {
        let (mut world, at) = world();
        let mut object = now(&world);
        object["spec"]["a"] = json!(2);
        world.write(object);
        world.retold(&at, |object| object["spec"] = json!({"a": 1, "b": 3}));
        assert_eq!(now(&world)["spec"], json!({"a": 2, "b": 3}));
        let mut object = now(&world);
        object["spec"]["a"] = json!(1);
        world.write(object);
        assert!(world.overlays.over.is_empty());
        world.retold(&at, |object| object["spec"]["a"] = json!(7));
        assert_eq!(now(&world)["spec"], json!({"a": 7, "b": 3}));
    }

    #[test]
    fn a_controller_s_word_on_a_status_ends_with_the_story_s_next_on_the_same_part() {
        let (mut world, at) = world();
        world.say(&at, |object| object["status"] = json!({"c": 2, "d": 2, "e": 2}));
        world.retold(&at, |object| object["status"]["c"] = json!(5));
        assert_eq!(now(&world)["status"], json!({"c": 5, "d": 2, "e": 2}));
    }

    #[test]
    fn a_frozen_status_shows_the_story_s_again_when_it_thaws() {
        let (mut world, at) = world();
        world.freeze(&at);
        world.retold(&at, |object| object["status"]["c"] = json!(5));
        assert_eq!(now(&world)["status"]["c"], 1);
        world.thaw(&at);
        assert_eq!(now(&world)["status"]["c"], 5);
    }
}
