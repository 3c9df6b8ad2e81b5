//! The objects of the demo cluster with one global resource version, and the bounded history that watches resume from.
//! It is given the time and never asks for it; it knows no HTTP.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::birth;
use super::controllers::Desk;
use super::load::Load;
use super::overlay::Overlays;
use super::resources::{self, HIDDEN_AT_FIRST};
use super::services::Platform;

/// Changes kept per kind; a watch that resumes from before them is answered 410.
const HISTORY: usize = 4096;
/// Churn of synthetic pods is remembered as two numbers each, so more of it fits.
const LOAD_HISTORY: usize = 65_536;
/// The first resource version, far from 0 and 1, which mean something special.
const FIRST_VERSION: u64 = 1000;
/// The API server forgets events after an hour.
const EVENT_LIFE: i64 = 3600;

/// One change of one kind.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub version: u64,
    pub change: Change,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    /// `after` carries the version of this change; when `gone`, it is the object as it was last.
    Stored { before: Option<Arc<Value>>, after: Arc<Value>, gone: bool },
    /// A synthetic pod, by its index, as it was after so many changes.
    Load { index: u32, changes: u32 },
}

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Stock {
    pub objects: BTreeMap<(String, String), Arc<Value>>,
    pub history: VecDeque<Event>,
    /// The version of the newest change that is no longer in the history.
    pub forgotten: u64,
    /// How often a key was created, so that a re-created object gets another uid.
    births: HashMap<(String, String), u32>,
    news: watch::Sender<u64>,
}

impl Stock {
    fn new() -> Stock {
        Stock {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            forgotten: 0,
            births: HashMap::new(),
            news: watch::Sender::new(0),
        }
    }

    fn record(&mut self, event: Event) {
        let limit = if matches!(event.change, Change::Load { .. }) { LOAD_HISTORY } else { HISTORY };
        let version = event.version;
        self.history.push_back(event);
        while self.history.len() > limit {
            if let Some(old) = self.history.pop_front() {
                self.forgotten = old.version;
            }
        }
        self.news.send_replace(version);
    }

    /// The changes after a version, oldest first.
    pub fn since(&self, version: u64) -> impl Iterator<Item = &Event> {
        let start = self.history.partition_point(|event| event.version <= version);
        self.history.range(start..)
    }
}

/// The state of the cluster and of the services in it.
pub struct World {
    /// What Prometheus, Alertmanager and OpenBao keep; theirs alone.
    pub platform: Platform,
    /// What lies over the story; `overlay.rs` knows.
    pub(super) overlays: Overlays,
    /// What the controllers have yet to do.
    pub(super) desk: Desk,
    seed: u64,
    /// When this world began, to the nanosecond.
    birth: u64,
    now: Timestamp,
    version: u64,
    compacted: u64,
    compacts_next: u64,
    stocks: BTreeMap<String, Stock>,
    hidden: BTreeSet<String>,
    served: BTreeMap<String, String>,
    streaming_lists: bool,
    load: Option<Load>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .field("now", &self.now)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl World {
    /// An empty cluster in which it is `now`.
    #[must_use]
    pub fn new(seed: u64, now: Timestamp) -> World {
        World {
            platform: Platform::default(),
            overlays: Overlays::default(),
            desk: Desk::default(),
            seed,
            birth: u64::try_from(now.as_nanosecond()).unwrap_or(0),
            now,
            version: FIRST_VERSION,
            compacted: 0,
            compacts_next: 0,
            stocks: BTreeMap::new(),
            hidden: HIDDEN_AT_FIRST.iter().map(|group| (*group).to_owned()).collect(),
            served: BTreeMap::new(),
            streaming_lists: true,
            load: None,
        }
    }

    /// The story's time; set by the server's clock before each tick and each request.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Creates or replaces by kind, namespace and name. Fills uid, resourceVersion, creationTimestamp, generation and
    /// managedFields where they are absent; the generation rises when `.spec` changes. Nothing is emitted, and the
    /// version stays, when nothing differs. An object without kind or name is a mistake of the story: it is logged and dropped.
    pub fn apply(&mut self, mut object: Value) {
        let (Some(kind), Some(name)) = (text(&object, "/kind"), text(&object, "/metadata/name")) else {
            tracing::error!(%object, "the story applied an object without kind or name");
            return;
        };
        let key = (text(&object, "/metadata/namespace").unwrap_or_default(), name);
        self.overlays.forget(&kind, &key.0, &key.1);
        let stock = self.stocks.entry(kind.clone()).or_insert_with(Stock::new);
        let before = stock.objects.get(&key).cloned();
        if let Some(before) = &before {
            birth::inherit(&mut object, before);
            if birth::same(&object, before) {
                return;
            }
        } else {
            let births = stock.births.entry(key.clone()).or_insert(0);
            *births += 1;
            // by this uid a cluster is known: each demo is one of its own, whatever its seed
            let is_cluster = kind == "Namespace" && key.1 == "kube-system";
            let seed = if is_cluster { self.seed ^ self.birth } else { self.seed };
            birth::fill(&mut object, &birth::uid(seed, &kind, &key, *births), self.now);
        }
        self.put(&kind, key, object, before);
    }

    /// Changes one object in place; false when there is none. An unchanged object emits nothing.
    pub fn edit(&mut self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> bool {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(before) = self.stocks.get(kind).and_then(|stock| stock.objects.get(&key)).cloned() else {
            return false;
        };
        let mut object = Value::clone(&before);
        change(&mut object);
        birth::inherit(&mut object, &before);
        if !birth::same(&object, &before) {
            self.overlays.record(kind, namespace, name, &object);
            self.put(kind, key, object, Some(before));
        }
        true
    }

    /// Deletes one object; false when there is none.
    pub fn remove(&mut self, kind: &str, namespace: &str, name: &str) -> bool {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(stock) = self.stocks.get_mut(kind) else { return false };
        let Some(before) = stock.objects.remove(&key) else { return false };
        self.overlays.forget(kind, namespace, name);
        self.version += 1;
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let change = Change::Stored { before: Some(before), after: Arc::new(last), gone: true };
        stock.record(Event { version: self.version, change });
        true
    }

    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        let key = (namespace.to_owned(), name.to_owned());
        self.stocks.get(kind)?.objects.get(&key).map(AsRef::as_ref)
    }

    /// Every stored object of a kind, ordered by namespace and name; synthetic pods are not among them.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<&Value> {
        self.stocks.get(kind).map(|stock| stock.objects.values().map(AsRef::as_ref).collect()).unwrap_or_default()
    }

    /// Makes an API group absent, as if its CRDs were not installed: its paths answer 404, discovery omits it.
    pub fn hide_group(&mut self, group: &str) {
        self.hidden.insert(group.to_owned());
        self.wake_all();
    }

    /// Installs a hidden group; its objects, if any were applied, appear.
    pub fn show_group(&mut self, group: &str) {
        self.hidden.remove(group);
    }

    /// Serves a group in another version than the usual one, and only in that one.
    pub fn serve_version(&mut self, group: &str, version: &str) {
        self.served.insert(group.to_owned(), version.to_owned());
        self.wake_all();
    }

    /// Whether `sendInitialEvents` is honoured (on at first); off, it is refused with 422 as in Kubernetes 1.33.
    pub fn set_streaming_lists(&mut self, on: bool) {
        self.streaming_lists = on;
    }

    /// Forgets all history: every older continue token and every resume from before now is answered 410.
    pub fn compact(&mut self) {
        self.compacted = self.version;
        for stock in self.stocks.values_mut() {
            stock.history.clear();
            stock.forgotten = self.version;
        }
    }

    pub(super) fn put(&mut self, kind: &str, key: (String, String), mut object: Value, before: Option<Arc<Value>>) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let after = Arc::new(object);
        let stock = self.stocks.entry(kind.to_owned()).or_insert_with(Stock::new);
        stock.objects.insert(key, Arc::clone(&after));
        stock.record(Event { version: self.version, change: Change::Stored { before, after, gone: false } });
    }

    fn wake_all(&mut self) {
        for stock in self.stocks.values() {
            stock.news.send_replace(self.version);
        }
    }
}

/// What the server's own halves see.
impl World {
    /// The uid that the next object of this key would get.
    pub(super) fn next_uid(&self, kind: &str, namespace: &str, name: &str) -> String {
        let key = (namespace.to_owned(), name.to_owned());
        let births = self.stocks.get(kind).and_then(|stock| stock.births.get(&key)).copied().unwrap_or(0);
        birth::uid(self.seed, kind, &key, births + 1)
    }

    /// Whether objects may be created there: it is an object itself, or something is in it already.
    pub(super) fn has_namespace(&self, namespace: &str) -> bool {
        self.get("Namespace", "", namespace).is_some()
            || self.stocks.values().any(|stock| stock.objects.keys().any(|(place, _)| place == namespace))
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Expires continue tokens from before the last call, as etcd's periodic compaction does.
    pub(super) fn compact_periodically(&mut self) {
        self.compacted = self.compacted.max(self.compacts_next);
        self.compacts_next = self.version;
    }

    pub(super) fn streaming_lists(&self) -> bool {
        self.streaming_lists
    }

    /// The version in which a group is served; none when it is absent.
    pub(super) fn served_version(&self, group: &str) -> Option<&str> {
        if self.hidden.contains(group) {
            return None;
        }
        if let Some(version) = self.served.get(group) {
            return Some(version);
        }
        resources::RESOURCES.iter().find(|resource| resource.group == group).map(|resource| resource.version)
    }

    pub(super) fn stock(&self, kind: &str) -> Option<&Stock> {
        self.stocks.get(kind)
    }

    /// Wakes when a kind changes; the kind need not exist yet.
    pub(super) fn news(&mut self, kind: &str) -> watch::Receiver<u64> {
        self.stocks.entry(kind.to_owned()).or_insert_with(Stock::new).news.subscribe()
    }

    pub(super) fn load(&self) -> Option<&Load> {
        self.load.as_ref()
    }

    /// Adds the synthetic pods with their nodes and namespaces.
    pub(super) fn begin_load(&mut self, pods: usize) {
        if pods == 0 {
            return;
        }
        for object in super::load::surroundings(self.now) {
            self.apply(object);
        }
        let load = Load::new(pods, self.seed, self.version, self.now);
        self.version += load.len() as u64;
        self.stocks.entry("Pod".to_owned()).or_insert_with(Stock::new);
        self.load = Some(load);
    }

    /// One MODIFIED: of a synthetic pod if there are any, else of a stored one.
    pub(super) fn churn_once(&mut self, turn: u64) {
        self.version += 1;
        let (version, now) = (self.version, self.now);
        if let Some(load) = &mut self.load {
            let (index, changes) = load.touch(turn, version, now);
            if let Some(stock) = self.stocks.get_mut("Pod") {
                stock.record(Event { version, change: Change::Load { index, changes } });
            }
            return;
        }
        let Some(stock) = self.stocks.get("Pod").filter(|stock| !stock.objects.is_empty()) else { return };
        let at = usize::try_from(turn).unwrap_or(0) % stock.objects.len();
        let Some((namespace, name)) = stock.objects.keys().nth(at).cloned() else { return };
        self.edit("Pod", &namespace, &name, |pod| {
            if !pod["metadata"]["annotations"].is_object() {
                pod["metadata"]["annotations"] = json!({});
            }
            pod["metadata"]["annotations"]["demo.watchkeeper.dev/turn"] = json!(turn.to_string());
        });
    }

    /// Removes events older than an hour, as the API server does.
    pub(super) fn expire_events(&mut self) {
        let now = self.now.as_second();
        let old: Vec<(String, String)> = self
            .stocks
            .get("Event")
            .into_iter()
            .flat_map(|stock| &stock.objects)
            .filter(|(_, event)| super::events::last_seen(event).is_some_and(|seen| now - seen > EVENT_LIFE))
            .map(|(key, _)| key.clone())
            .collect();
        for (namespace, name) in old {
            self.remove("Event", &namespace, &name);
        }
    }
}

fn text(object: &Value, pointer: &str) -> Option<String> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::new(7, Timestamp::UNIX_EPOCH)
    }

    fn pod(image: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "x"}, "spec": {"image": image}})
    }

    #[test]
    fn applying_the_same_object_again_emits_nothing() {
        let mut world = world();
        world.apply(pod("one"));
        let version = world.version();
        world.apply(pod("one"));
        assert_eq!(world.version(), version);
    }

    #[test]
    fn a_generation_rises_with_the_spec_and_not_with_the_status() {
        let mut world = world();
        world.apply(pod("one"));
        world.edit("Pod", "x", "a", |pod| pod["status"] = json!({"phase": "Running"}));
        assert_eq!(world.get("Pod", "x", "a").unwrap()["metadata"]["generation"], 1);
        world.apply(pod("two"));
        assert_eq!(world.get("Pod", "x", "a").unwrap()["metadata"]["generation"], 2);
    }

    #[test]
    fn a_recreated_object_has_another_uid_and_the_same_seed_the_same_ones() {
        let uids = || {
            let mut world = world();
            world.apply(pod("one"));
            let first = world.get("Pod", "x", "a").unwrap()["metadata"]["uid"].clone();
            assert!(world.remove("Pod", "x", "a"));
            world.apply(pod("one"));
            (first, world.get("Pod", "x", "a").unwrap()["metadata"]["uid"].clone())
        };
        let (first, second) = uids();
        assert_ne!(first, second);
        assert_eq!((first, second), uids());
    }

    #[test]
    fn history_is_bounded_and_says_what_it_forgot() {
        let mut world = world();
        for turn in 0..HISTORY + 10 {
            world.apply(pod(&turn.to_string()));
        }
        let stock = world.stock("Pod").unwrap();
        assert_eq!(stock.history.len(), HISTORY);
        assert_eq!(stock.forgotten, FIRST_VERSION + 10);
    }

    #[test]
    fn an_event_is_gone_after_an_hour() {
        let mut world = world();
        world.apply(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "x"}}));
        world.set_now(Timestamp::from_second(3500).unwrap());
        world.expire_events();
        assert_eq!(world.list("Event").len(), 1);
        world.set_now(Timestamp::from_second(3700).unwrap());
        world.expire_events();
        assert!(world.list("Event").is_empty());
    }
}
