//! What the cluster's controllers do about a write: each answers as the real one would, a few seconds later. They act
//! on the story's clock and only on what somebody wrote to; whether an attempt succeeds is what the story says of it.

mod autoscalers;
mod budgets;
mod certificates;
mod flux;
mod nodes;
mod ordered;
mod parts;
mod pods;
mod rollout;
mod secrets;
mod velero;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::overlay::{Key, key};
use super::world::World;

pub use budgets::{counted as counted_budget, of as budgets_of};
pub use parts::{a_condition, is_ready, put_condition};
pub use pods::end as end_pod;
pub use velero::download;

/// Tasks done in one go; what is left waits for the next tick.
const AT_ONCE: usize = 10_000;

/// One thing that a controller has yet to do. The uid says which object of that name is meant.
#[derive(Clone, Debug)]
enum Task {
    PodStarts(Key, String),
    PodEnds(Key, String),
    /// Whether it may also be made smaller.
    Autoscale(Key, bool),
    Flux(Key, flux::Stage),
    Certificate(Key, certificates::Stage),
    Secret(Key),
    Velero(Key, velero::Stage),
    /// Removes what this uid owned.
    Collect(String),
}

/// What is left to do, and how fast.
#[derive(Debug)]
pub struct Desk {
    /// The time of one step: a pod that starts, a release that is upgraded.
    pub step: SignedDuration,
    /// Where the demo listens, for URLs that it gives out.
    pub address: Option<SocketAddr>,
    agenda: BTreeMap<(Timestamp, u64), Task>,
    numbered: u64,
    workloads: BTreeMap<Key, workloads::Taken>,
    budgets: BTreeSet<Key>,
    /// Flux objects of which an attempt is under way.
    attempts: BTreeSet<Key>,
    /// Flux objects of which Git says that they are not suspended.
    declared: BTreeSet<Key>,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            step: SignedDuration::from_secs(2),
            address: None,
            agenda: BTreeMap::new(),
            numbered: 0,
            workloads: BTreeMap::new(),
            budgets: BTreeSet::new(),
            attempts: BTreeSet::new(),
            declared: BTreeSet::new(),
        }
    }
}

/// Puts a task so many steps ahead.
fn later(world: &mut World, steps: i32, task: Task) {
    let after = world.desk.step.checked_mul(steps).unwrap_or(SignedDuration::ZERO);
    after_time(world, after, task);
}

fn after_time(world: &mut World, after: SignedDuration, task: Task) {
    let due = world.now().checked_add(after).unwrap_or(Timestamp::MAX);
    world.desk.numbered += 1;
    let number = world.desk.numbered;
    world.desk.agenda.insert((due, number), task);
}

/// Somebody wrote: `before` is none for a new object.
pub fn noticed(world: &mut World, before: Option<&Value>, after: &Value) {
    match after["kind"].as_str().unwrap_or_default() {
        "Deployment" | "StatefulSet" | "DaemonSet" => workloads::noticed(world, before, after),
        "Pod" if before.is_none() => {
            let uid = parts::uid(after);
            later(world, 1, Task::PodStarts(key(after), uid));
        }
        "HelmRelease" | "Kustomization" | "GitRepository" | "HelmRepository" | "HelmChart" | "OCIRepository"
        | "Bucket" | "ArtifactGenerator" | "ResourceSet" => flux::noticed(world, before, after),
        "Certificate" => certificates::noticed(world, before, after),
        "ExternalSecret" => secrets::noticed(world, before, after),
        "Backup" | "Restore" | "Schedule" | "DeleteBackupRequest" | "DownloadRequest" => {
            velero::noticed(world, before, after);
        }
        _ => {}
    }
}

/// Somebody deleted an object that was no pod.
pub fn gone(world: &mut World, object: &Value) {
    later(world, 1, Task::Collect(parts::uid(object)));
    if object["kind"] == "Backup" {
        velero::deleted(world, object);
    }
}

/// A second has passed.
pub fn tick(world: &mut World) {
    run(world);
    workloads::tick(world);
    budgets::tick(world);
}

/// Does what is due.
pub fn run(world: &mut World) {
    for _ in 0..AT_ONCE {
        let now = world.now();
        let Some(entry) = world.desk.agenda.first_entry().filter(|entry| entry.key().0 <= now) else { return };
        match entry.remove() {
            Task::PodStarts(at, uid) => pods::starts(world, &at, &uid),
            Task::PodEnds(at, uid) => pods::ends(world, &at, &uid),
            Task::Autoscale(at, down) => autoscalers::look(world, &at, down),
            Task::Flux(at, stage) => flux::step(world, &at, stage),
            Task::Certificate(at, stage) => certificates::step(world, &at, stage),
            Task::Secret(at) => secrets::sync(world, &at),
            Task::Velero(at, stage) => velero::step(world, &at, stage),
            Task::Collect(uid) => collect(world, &uid),
        }
    }
}

/// What the garbage collector does about the dependents of an object that is gone.
fn collect(world: &mut World, owner: &str) {
    for kind in ["ReplicaSet", "Pod", "CertificateRequest", "Job", "Backup"] {
        let owned: Vec<Value> = world
            .list(kind)
            .into_iter()
            .filter(|object| parts::controller(object).is_some_and(|by| by["uid"] == owner))
            .cloned()
            .collect();
        for object in owned {
            let at = key(&object);
            if kind == "Pod" {
                pods::remove(world, &at);
            } else {
                world.remove(&at.0, &at.1, &at.2);
                later(world, 0, Task::Collect(parts::uid(&object)));
            }
        }
    }
}
