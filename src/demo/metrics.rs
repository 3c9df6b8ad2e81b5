//! What metrics-server answers: usage computed from what the running pods request. Nothing is stored; the same pod in the
//! same minute uses the same.

use serde_json::{Value, json};

use super::birth::{mix, time};
use super::objects::{Item, Position, Scope};
use super::resources;
use super::selector::Selector;
use super::world::World;

/// Every `PodMetrics` or `NodeMetrics`, by kind.
#[must_use]
pub fn list(world: &World, kind: &str) -> Vec<Value> {
    if kind == "PodMetrics" { pods(world) } else { nodes(world) }
}

/// A number between 0 and 1 that moves each minute.
fn wave(name: &str, minute: i64) -> f64 {
    let hash = name.bytes().fold(minute.unsigned_abs(), |hash, byte| mix(hash ^ u64::from(byte)));
    let part = u32::try_from(hash >> 40).unwrap_or(0);
    f64::from(part) / f64::from(1_u32 << 24)
}

fn usage(name: &str, minute: i64, nanocores: f64, kibibytes: f64) -> Value {
    let cpu = nanocores * (0.2 + 0.6 * wave(name, minute));
    // Memory hardly moves from one minute to the next.
    let memory = kibibytes * (0.5 + 0.3 * wave(name, 0) + 0.02 * wave(name, minute));
    json!({"cpu": format!("{cpu:.0}n"), "memory": format!("{memory:.0}Ki")})
}

fn pods(world: &World) -> Vec<Value> {
    let Some(resource) = resources::find("", "pods") else { return Vec::new() };
    let scope = Scope { resource, namespace: None, selector: Selector::default() };
    let (now, minute) = (world.now(), world.now().as_second() / 60);
    let (items, _) = scope.scan(world, &Position::Start, usize::MAX);
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let (metadata, containers) = match &item {
            Item::Stored(pod) if pod["status"]["phase"] == "Running" => {
                let names = pod["spec"]["containers"].as_array().into_iter().flatten();
                let names: Vec<String> =
                    names.filter_map(|container| container["name"].as_str().map(str::to_owned)).collect();
                let metadata = &pod["metadata"];
                let labels = metadata["labels"].clone();
                (json!({"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels}), names)
            }
            Item::Stored(_) => continue,
            Item::Load(pod) => {
                let Some(load) = world.load() else { continue };
                let metadata =
                    json!({"name": load.name(pod.index), "namespace": super::load::Load::namespace(pod.index)});
                (metadata, vec!["api".to_owned(), "mesh".to_owned()])
            }
        };
        let name = metadata["name"].as_str().unwrap_or_default();
        let containers: Vec<Value> = containers
            .iter()
            .map(|container| {
                json!({"name": container, "usage": usage(&format!("{name}/{container}"), minute, 1.0e8, 262_144.0)})
            })
            .collect();
        let mut metadata = metadata.clone();
        metadata["creationTimestamp"] = json!(time(now));
        all.push(json!({
            "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata,
            "timestamp": time(now), "window": "15s", "containers": containers,
        }));
    }
    all
}

fn nodes(world: &World) -> Vec<Value> {
    let (now, minute) = (world.now(), world.now().as_second() / 60);
    let ready = |node: &&Value| {
        let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
        conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    world
        .list("Node")
        .into_iter()
        .filter(ready)
        .map(|node| {
            let name = node["metadata"]["name"].as_str().unwrap_or_default();
            json!({
                "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
                "metadata": {"name": name, "labels": node["metadata"]["labels"], "creationTimestamp": time(now)},
                "timestamp": time(now), "window": "20s", "usage": usage(name, minute, 4.0e9, 16_777_216.0),
            })
        })
        .collect()
}
