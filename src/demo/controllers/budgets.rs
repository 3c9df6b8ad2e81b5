//! Disruption budgets: which one guards a pod, and how much each has left of the pods that are counted.

use serde_json::{Value, json};

use super::{parts, workloads};
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

/// Whether a budget picks an object with these labels: an empty selector picks all, and none at all picks nothing.
fn selects(budget: &Value, namespace: &Value, labels: &Value) -> bool {
    let selector = &budget["spec"]["selector"];
    let equal = selector["matchLabels"].as_object();
    selector.is_object()
        && budget["metadata"]["namespace"] == *namespace
        && equal.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
        && selector["matchExpressions"].as_array().into_iter().flatten().all(|one| holds(one, labels))
}

/// One requirement of a selector.
fn holds(one: &Value, labels: &Value) -> bool {
    let value = one["key"].as_str().and_then(|key| labels.get(key));
    let listed = value.is_some_and(|value| one["values"].as_array().is_some_and(|all| all.contains(value)));
    match one["operator"].as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        _ => false,
    }
}

/// The budgets that guard a pod.
pub fn of<'a>(world: &'a World, pod: &Value) -> Vec<&'a Value> {
    let guards = |budget: &&Value| selects(budget, &pod["metadata"]["namespace"], &pod["metadata"]["labels"]);
    world.list("PodDisruptionBudget").into_iter().filter(guards).collect()
}

/// Counts again for every budget of a workload that is counted.
pub fn tick(world: &mut World) {
    let all: Vec<Key> = world.desk.budgets.iter().cloned().collect();
    for at in all {
        count(world, &at);
    }
}

fn count(world: &mut World, at: &Key) {
    let Some(status) = world.get(&at.0, &at.1, &at.2).and_then(|budget| counted(world, budget)) else { return };
    world.say(at, |budget| budget["status"] = status);
}

/// The status of a budget by the pods that it guards as they are now; none where they belong to no workload.
pub fn counted(world: &World, budget: &Value) -> Option<Value> {
    let now = crate::demo::birth::time(world.now());
    let guarded: Vec<&Value> = world
        .list("Pod")
        .into_iter()
        .filter(|pod| selects(budget, &pod["metadata"]["namespace"], &pod["metadata"]["labels"]))
        .collect();
    let healthy = i64::try_from(guarded.iter().filter(|pod| parts::is_ready(pod)).count()).unwrap_or(0);
    let mut owners: Vec<Key> = guarded.iter().filter_map(|pod| workloads::of_pod(world, pod)).collect();
    for kind in ["Deployment", "StatefulSet"] {
        let picked = |one: &&Value| {
            selects(budget, &one["metadata"]["namespace"], &one["spec"]["template"]["metadata"]["labels"])
        };
        owners.extend(world.list(kind).into_iter().filter(picked).map(key));
    }
    owners.sort();
    owners.dedup();
    let replicas = |at: &Key| world.get(&at.0, &at.1, &at.2).and_then(|one| one["spec"]["replicas"].as_i64());
    let expected: i64 = owners.iter().filter_map(replicas).sum();
    if expected == 0 {
        return None;
    }
    let spec = &budget["spec"];
    let desired = if spec["maxUnavailable"].is_null() {
        parts::share(&spec["minAvailable"], expected, true, 1)
    } else {
        expected - parts::share(&spec["maxUnavailable"], expected, true, 1)
    };
    let desired = desired.max(0);
    let allowed = (healthy - desired).max(0);
    let mut status = budget["status"].clone();
    for (field, number) in [
        ("currentHealthy", healthy),
        ("desiredHealthy", desired),
        ("expectedPods", expected),
        ("disruptionsAllowed", allowed),
    ] {
        status[field] = json!(number);
    }
    status.as_object_mut().and_then(|status| status.remove("disruptedPods"));
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        let word = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        if condition["status"] != word.0 {
            condition["lastTransitionTime"] = json!(now);
        }
        condition["status"] = json!(word.0);
        condition["reason"] = json!(word.1);
    }
    Some(status)
}
