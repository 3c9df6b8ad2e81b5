//! The workloads that somebody wrote to, or whose pods somebody ended: from then on their pods are counted, no longer
//! scripted.

use jiff::Timestamp;
use serde_json::Value;

use super::{autoscalers, budgets, ordered, parts, rollout};
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

/// What is kept of such a workload.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Pod templates with the names of their revisions, the newest last.
    pub revisions: Vec<(Value, String)>,
    /// Where a `DaemonSet` runs.
    pub nodes: Vec<String>,
    /// When its numbers last changed, and what they were.
    pub moved: Timestamp,
    pub seen: (i64, i64, i64),
}

pub fn noticed(world: &mut World, before: Option<&Value>, after: &Value) {
    // A note on the workload itself is nothing to its controller.
    if before.is_some_and(|before| before["spec"] == after["spec"]) {
        return;
    }
    take(world, &key(after), before);
    if before.is_some_and(|before| before["spec"]["replicas"] != after["spec"]["replicas"]) {
        autoscalers::noticed(world, &key(after));
    }
}

/// Takes the workload of this pod, if it has one.
pub fn take_of(world: &mut World, pod: &Value) {
    if let Some(at) = of_pod(world, pod) {
        take(world, &at, None);
    }
}

fn take(world: &mut World, at: &Key, before: Option<&Value>) {
    if world.desk.workloads.contains_key(at) {
        return;
    }
    let Some(object) = world.get(&at.0, &at.1, &at.2).cloned() else { return };
    let members: Vec<Value> = pods(world, at).into_iter().cloned().collect();
    let name = format!("{}/{}", at.0, at.2);
    for pod in &members {
        world.role_of(&at.1, pod["metadata"]["name"].as_str().unwrap_or_default(), &name);
        let guarded: Vec<Key> = budgets::of(world, pod).into_iter().map(key).collect();
        world.desk.budgets.extend(guarded);
    }
    let template = before.unwrap_or(&object)["spec"]["template"].clone();
    let revision = members
        .first()
        .and_then(|pod| pod["metadata"]["labels"]["controller-revision-hash"].as_str())
        .or_else(|| object["status"]["updateRevision"].as_str())
        .unwrap_or_default();
    let mut nodes: Vec<String> =
        members.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned)).collect();
    nodes.sort();
    let revisions = if revision.is_empty() { Vec::new() } else { vec![(template, revision.to_owned())] };
    let taken = Taken { revisions, nodes, moved: world.now(), seen: (0, 0, 0) };
    world.desk.workloads.insert(at.clone(), taken);
    world.freeze(at);
    if at.0 == "Deployment" {
        let sets: Vec<Key> = rollout::sets(world, &parts::uid(&object)).iter().map(|set| key(set)).collect();
        for set in sets {
            world.freeze(&set);
        }
    }
}

/// The Deployment, `StatefulSet` or `DaemonSet` behind a pod.
pub fn of_pod(world: &World, pod: &Value) -> Option<Key> {
    let owner = parts::controller(pod)?;
    let namespace = pod["metadata"]["namespace"].as_str()?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    match kind {
        "StatefulSet" | "DaemonSet" => Some((kind.to_owned(), namespace.to_owned(), name.to_owned())),
        "ReplicaSet" => {
            let above = parts::controller(world.get("ReplicaSet", namespace, name)?)?;
            Some(("Deployment".to_owned(), namespace.to_owned(), above["name"].as_str()?.to_owned()))
        }
        _ => None,
    }
}

/// The pods of a workload, by the uids of their owners.
pub fn pods<'a>(world: &'a World, at: &Key) -> Vec<&'a Value> {
    let Some(object) = world.get(&at.0, &at.1, &at.2) else { return Vec::new() };
    let uid = parts::uid(object);
    let owners: Vec<String> =
        if at.0 == "Deployment" { rollout::sets(world, &uid).into_iter().map(parts::uid).collect() } else { vec![uid] };
    let owned = |pod: &&Value| {
        parts::controller(pod)
            .and_then(|owner| owner["uid"].as_str())
            .is_some_and(|by| owners.iter().any(|one| one == by))
    };
    world.list("Pod").into_iter().filter(owned).collect()
}

pub fn tick(world: &mut World) {
    let all: Vec<Key> = world.desk.workloads.keys().cloned().collect();
    for at in all {
        let Some(object) = world.get(&at.0, &at.1, &at.2).cloned() else {
            world.desk.workloads.remove(&at);
            continue;
        };
        match at.0.as_str() {
            "Deployment" => rollout::step(world, &at, &object),
            "StatefulSet" => ordered::stateful_set(world, &at, &object),
            _ => ordered::daemon_set(world, &at, &object),
        }
    }
}

/// A controlling reference to an object.
pub fn reference(object: &Value) -> Value {
    serde_json::json!({"apiVersion": "apps/v1", "kind": object["kind"], "name": object["metadata"]["name"], "uid": object["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true})
}
