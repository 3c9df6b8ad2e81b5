//! The story itself: what should exist at a moment, and the differences that are written to the world. It writes only
//! what it changes, so that what a person did to an object stays until the story has something new to say about it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::build::{BEHIND, NOW};
use super::moment::Moment;
use super::{
    Story, certs, events, flux, flux_sources, ingresses, kustomizations, logs, nodes, policies, resource_sets, secrets,
    services, storage, velero, workloads,
};
use crate::demo::services as running;
use crate::demo::world::World;

/// Seconds between two looks at the story; a scrape comes with each third.
const STEP: i64 = 5;
/// Seconds between two scrapes of the demo's Prometheus.
const SCRAPE: i64 = 15;
/// Seconds between two looks at a story in which nothing moves but what is due by the clock: backups.
const RARELY: i64 = 600;
/// A jump further than this is not lived through step by step.
const CATCH_UP: i64 = 1800;

type Key = (String, String, String);

/// Both stories: `healthy` takes every trouble out.
pub struct Platform {
    seed: u64,
    healthy: bool,
    start: Timestamp,
    step: i64,
    put: BTreeMap<Key, Value>,
}

impl Platform {
    pub fn new(seed: u64, healthy: bool) -> Self {
        Self { seed, healthy, start: Timestamp::UNIX_EPOCH, step: 0, put: BTreeMap::new() }
    }

    fn moment(&self, elapsed: i64) -> Moment {
        Moment { seed: self.seed, start: self.start, elapsed, healthy: self.healthy }
    }

    fn move_to(&mut self, world: &mut World, elapsed: i64) {
        let moment = self.moment(elapsed);
        let mut all = objects(&moment);
        velero::serve_from(world.desk.address, &mut all);
        let wanted: BTreeMap<Key, (usize, Value)> =
            all.into_iter().enumerate().map(|(at, o)| (key_of(&o), (at, o))).collect();
        let gone: Vec<Key> = self.put.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        for key in gone {
            world.untold(&key);
            self.put.remove(&key);
        }
        // Owners come before what they own in the list, and must be in the world first: they lend their uid.
        let mut wanted: Vec<(Key, (usize, Value))> = wanted.into_iter().collect();
        wanted.sort_by_key(|(_, (at, _))| *at);
        for (key, (_, object)) in wanted {
            match self.put.get(&key) {
                Some(old) if *old == object => continue,
                Some(old) => change(world, &key, old, &object),
                None => world.told(linked(world, object.clone())),
            }
            self.put.insert(key, object);
        }
    }

    /// What a controller would do about a pod that somebody deleted.
    fn replace_deleted_pods(&self, world: &mut World) {
        for (key, object) in self.put.iter().filter(|(key, _)| key.0 == "Pod") {
            if !world.stands(key) {
                let mut object = linked(world, object.clone());
                object["metadata"]["creationTimestamp"] = Value::Null;
                world.told(object);
            }
        }
    }
}

impl Story for Platform {
    fn begin(&mut self, world: &mut World) {
        self.start = Timestamp::from_second(world.now().as_second()).unwrap_or_else(|_| world.now());
        self.step = 0;
        self.put.clear();
        world.show_group(resource_sets::GROUP);
        self.move_to(world, 0);
        for object in fixed(&self.moment(0)) {
            world.apply(linked(world, object));
        }
        running::begin(world, self.start, !self.healthy);
    }

    fn tick(&mut self, world: &mut World, elapsed: Duration) {
        let target = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX) / STEP * STEP;
        if self.step < target - CATCH_UP {
            self.step = (target - CATCH_UP) / SCRAPE * SCRAPE;
        }
        while self.step < target {
            let next_scrape = (self.step / SCRAPE + 1) * SCRAPE;
            self.step = next_scrape.min(target);
            if !self.healthy || self.step % RARELY == 0 {
                self.move_to(world, self.step);
            }
            if self.step % SCRAPE == 0 {
                running::scrape(world, self.moment(self.step).now());
            }
        }
        self.replace_deleted_pods(world);
    }

    fn logs(
        &self,
        world: &World,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Option<Vec<(Timestamp, String)>> {
        logs::of(world, self.seed, namespace, pod, container, previous)
    }
}

/// What exists from the beginning and never moves.
fn fixed(m: &Moment) -> Vec<Value> {
    let mut all = Vec::new();
    services::objects(m, &mut all);
    storage::objects(m, &mut all);
    policies::objects(m, &mut all);
    ingresses::objects(m, &mut all);
    all
}

/// What may move, as it is at a moment, owners before what they own.
fn objects(m: &Moment) -> Vec<Value> {
    let mut all = Vec::with_capacity(700);
    nodes::objects(m, &mut all);
    workloads::objects(m, &mut all);
    flux_sources::objects(m, &mut all);
    kustomizations::objects(m, &mut all);
    flux::objects(m, &mut all);
    resource_sets::objects(m, &mut all);
    storage::quotas(m, &mut all);
    certs::objects(m, &mut all);
    secrets::objects(m, &mut all);
    velero::objects(m, &mut all);
    events::objects(m, &mut all);
    all
}

fn key_of(object: &Value) -> Key {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}

/// Puts in what only the world knows: uids of owners and of what an event is about, and the object's generation.
fn linked(world: &World, mut object: Value) -> Value {
    let generation = generation(world, &object);
    if let Some(status) = object.get_mut("status") {
        observe(status, generation);
        for condition in status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten() {
            observe(condition, generation);
        }
    }
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let uid = |kind: &Value, namespace: &str, name: &Value| {
        let found = world.get(kind.as_str()?, namespace, name.as_str()?)?;
        found["metadata"]["uid"].as_str().map(|uid| json!(uid))
    };
    if let Some(owners) = object["metadata"].get_mut("ownerReferences").and_then(Value::as_array_mut) {
        for owner in owners {
            let found =
                uid(&owner["kind"], &namespace, &owner["name"]).or_else(|| uid(&owner["kind"], "", &owner["name"]));
            owner["uid"] = found.unwrap_or_else(|| json!("00000000-0000-4000-a000-000000000000"));
        }
    }
    if let Some(about) = object.get_mut("regarding") {
        let within = about["namespace"].as_str().unwrap_or_default().to_owned();
        let played = world.played_by(&within, about["name"].as_str().unwrap_or_default()).map(str::to_owned);
        if let Some(pod) = played.filter(|_| about["kind"] == "Pod") {
            about["name"] = json!(pod);
        }
        if let Some(found) = uid(&about["kind"], &within, &about["name"]) {
            about["uid"] = found;
        }
    }
    object
}

/// The generation that the world will give to this object: one more when its spec changes.
fn generation(world: &World, object: &Value) -> i64 {
    let key = key_of(object);
    let Some(old) = world.get(&key.0, &key.1, &key.2) else { return 1 };
    // What a person wrote is no change of the story's.
    let below = world.base(&key).unwrap_or(old);
    old["metadata"]["generation"].as_i64().unwrap_or(1) + i64::from(below["spec"] != object["spec"])
}

fn observe(part: &mut Value, generation: i64) {
    match part.get("observedGeneration").and_then(Value::as_i64) {
        Some(NOW) => part["observedGeneration"] = json!(generation),
        Some(BEHIND) => part["observedGeneration"] = json!(generation - 1),
        _ => {}
    }
}

/// Writes what differs between two wishes of the story onto the object as it is now.
fn change(world: &mut World, key: &Key, old: &Value, new: &Value) {
    let suspends = new["spec"]["suspend"] == json!(true);
    let linked = linked(world, new.clone());
    let found = world.retold(key, |object| {
        // A reconciler does not touch what a person has suspended.
        if object["spec"]["suspend"] == json!(true) && !suspends && old["spec"]["suspend"] != json!(true) {
            return;
        }
        let parts = new.as_object().into_iter().chain(old.as_object()).flat_map(|o| o.keys());
        for part in parts.filter(|part| *part != "metadata") {
            match linked.get(part) {
                Some(value) if old.get(part) != new.get(part) || (part == "status" && old["spec"] != new["spec"]) => {
                    object[part] = value.clone();
                }
                Some(_) => {}
                None => drop(object.as_object_mut().and_then(|o| o.remove(part))),
            }
        }
        for part in ["labels", "annotations"] {
            merge(&mut object["metadata"], part, &old["metadata"], &new["metadata"]);
        }
    });
    if !found && key.0 == "Pod" {
        world.told(linked);
    }
}

fn merge(object: &mut Value, part: &str, old: &Value, new: &Value) {
    let keys = |v: &Value| v[part].as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    for key in keys(old).into_iter().chain(keys(new)) {
        if old[part][&key] == new[part][&key] {
            continue;
        }
        match new[part].get(&key) {
            Some(value) => object[part][&key] = value.clone(),
            None => drop(object.get_mut(part).and_then(Value::as_object_mut).and_then(|o| o.remove(&key))),
        }
    }
}
