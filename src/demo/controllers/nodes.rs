//! Where a new pod may run: the scheduler, with spreading as its only wish.

use serde_json::Value;

use super::parts;
use crate::demo::world::World;

/// The node for a pod of this owner: schedulable, with the fewest pods of the same kind, then the fewest pods.
pub fn choose(world: &World, namespace: &str, app: &Value) -> Option<String> {
    let pods = world.list("Pod");
    let load = |node: &str| {
        let here = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node);
        let (mut own, mut all) = (0, 0);
        for pod in here {
            all += 1;
            own += usize::from(pod["metadata"]["namespace"] == namespace && pod["metadata"]["labels"]["app"] == *app);
        }
        (own, all)
    };
    let open = world.list("Node").into_iter().filter(|node| takes_pods(node));
    let names = open.filter_map(|node| node["metadata"]["name"].as_str());
    names.min_by_key(|name| load(name)).map(str::to_owned)
}

fn takes_pods(node: &Value) -> bool {
    let taints = node["spec"]["taints"].as_array();
    let tainted = taints.into_iter().flatten().any(|taint| taint["effect"] != "PreferNoSchedule");
    node["spec"]["unschedulable"] != true && !tainted && parts::holds(node, "Ready")
}
