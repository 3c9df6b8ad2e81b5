//! Horizontal autoscalers: a number of replicas that somebody set by hand is raised again at the next look, and lowered
//! when it has been too high for long enough. What they want is what the story says of the load.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Task, after_time};
use crate::demo::birth;
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

/// Seconds between two looks.
const PERIOD: i64 = 15;
/// Seconds for which a lower number must have been enough.
const STABLE: i64 = 300;

/// Somebody changed a workload's replicas.
pub fn noticed(world: &mut World, at: &Key) {
    for seconds in [PERIOD, STABLE] {
        let task = Task::Autoscale(at.clone(), seconds == STABLE);
        after_time(world, SignedDuration::from_secs(seconds), task);
    }
}

/// One look at a workload; `down` when it may also be made smaller.
pub fn look(world: &mut World, at: &Key, down: bool) {
    let targets = |scaler: &&Value| {
        let target = &scaler["spec"]["scaleTargetRef"];
        scaler["metadata"]["namespace"] == at.1.as_str()
            && target["kind"] == at.0.as_str()
            && target["name"] == at.2.as_str()
    };
    let Some(scaler) = world.list("HorizontalPodAutoscaler").into_iter().find(targets).cloned() else { return };
    let Some(current) = world.get(&at.0, &at.1, &at.2).and_then(|object| object["spec"]["replicas"].as_i64()) else {
        return;
    };
    let number = |value: &Value, otherwise: i64| value.as_i64().unwrap_or(otherwise);
    let (least, most) = (number(&scaler["spec"]["minReplicas"], 1), number(&scaler["spec"]["maxReplicas"], i64::MAX));
    let wanted = number(&scaler["status"]["desiredReplicas"], current).clamp(least, most.max(least));
    // None at all switches the autoscaler off.
    let wrong = current < wanted || current > most || (down && current > wanted);
    if current == 0 || !wrong {
        return;
    }
    let now = birth::time(world.now());
    world.say(at, |object| object["spec"]["replicas"] = json!(wanted));
    world.say(&key(&scaler), |scaler| {
        scaler["status"]["currentReplicas"] = json!(wanted);
        scaler["status"]["lastScaleTime"] = json!(now);
    });
}
