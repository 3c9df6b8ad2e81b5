//! What the cluster's controllers do about a write: each answers as the real one would, a few seconds later. They act
//! on the story's clock and only on what somebody wrote to; whether an attempt succeeds is what the story says of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::overlay::{Key, key};
use super::world::World;

/// One thing that a controller has yet to do.
#[derive(Clone, Debug)]
enum Task {
}

/// What is left to do, and how fast.
#[derive(Debug)]
pub struct Desk {
    /// The time of one step: a pod that starts, a release that is upgraded.
    pub step: SignedDuration,
    agenda: BTreeMap<(Timestamp, u64), Task>,
    numbered: u64,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk { step: SignedDuration::from_secs(2), agenda: BTreeMap::new(), numbered: 0 }
    }
}
pub fn noticed(_world: &mut World, _before: Option<&Value>, _after: &Value) {}
pub fn gone(_world: &mut World, _object: &Value) {}
pub fn tick(_world: &mut World) {}
pub fn run(_world: &mut World) {}
pub fn end_pod(world: &mut World, pod: Value, grace: i64) -> Value {
    if grace == 0 { let k = key(&pod); world.remove(&k.0,&k.1,&k.2); return pod; }
    world.write(pod)
}
pub fn budgets_of<'a>(world: &'a World, pod: &Value) -> Vec<&'a Value> {
    let labels = pod["metadata"]["labels"].as_object();
    let fits = |budget: &&Value| {
        let wanted = budget["spec"]["selector"]["matchLabels"].as_object();
        budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
            && wanted.is_some_and(|wanted| {
                wanted.iter().all(|(key, value)| labels.is_some_and(|labels| labels.get(key) == Some(value)))
            })
    };
    world.list("PodDisruptionBudget").into_iter().filter(fits).collect()
}
pub fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready["status"] == "True")
}
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}
