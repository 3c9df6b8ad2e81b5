//! A very small quiet story: a few pods that never change.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::world::World;

/// What happens in the world.
pub trait Story: Send {
    fn begin(&mut self, world: &mut World);
    fn tick(&mut self, world: &mut World, elapsed: Duration);
    fn logs(
        &self,
        world: &World,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Option<Vec<(Timestamp, String)>>;
}

/// The names of the stories.
pub const NAMES: &[&str] = &["platform", "quiet"];

/// The story of that name.
#[must_use]
pub fn by_name(name: &str, _seed: u64) -> Option<Box<dyn Story>> {
    NAMES.contains(&name).then(|| Box::new(Quiet) as Box<dyn Story>)
}

struct Quiet;

impl Story for Quiet {
    fn begin(&mut self, world: &mut World) {
        for namespace in ["monitoring", "team-alpha"] {
            world.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "status": {"phase": "Active"}}));
            for name in ["one", "two", "three"] {
                world.apply(json!({
                    "apiVersion": "v1", "kind": "Pod",
                    "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
                    "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "example.internal/main:1", "ports": [{"name": "web", "containerPort": 9090}]}]},
                    "status": {"phase": "Running", "podIP": "10.0.0.1",
                        "conditions": [{"type": "Ready", "status": "True"}],
                        "containerStatuses": [{"name": "main", "ready": true, "restartCount": 0, "state": {"running": {}}}]},
                }));
            }
        }
    }

    fn tick(&mut self, _world: &mut World, _elapsed: Duration) {}

    fn logs(&self, world: &World, _: &str, _: &str, _: &str, previous: bool) -> Option<Vec<(Timestamp, String)>> {
        (!previous).then(|| vec![(world.now(), "hello".to_owned())])
    }
}
