//! The services that run in the demo's pods: Prometheus, Alertmanager, OpenBao and two applications, answering as
//! the real ones do. They see the world as it stands, and change nothing in it but their own memory.

mod http;
mod openbao;
mod probes;

use jiff::Timestamp;
use serde_json::Value;

use crate::demo::world::World;

/// What the services remember between requests.
#[derive(Debug, Default)]
pub struct Platform {}

/// A request as it arrives in the pod: the path starts with `/` and is what follows the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Without the question mark; still percent-encoded.
    pub query: &'a str,
    pub body: &'a [u8],
}

/// What the pod answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// Answers what runs in this pod on this port (by the pod's labels); `None` when nothing listens there.
pub fn answer(world: &mut World, namespace: &str, pod: &str, port: u16, request: &Request<'_>) -> Option<Reply> {
    let object = world.get("Pod", namespace, pod)?;
    if !listens(object) {
        return None;
    }
    let app = object["metadata"]["labels"]["app.kubernetes.io/name"].as_str().unwrap_or_default().to_owned();
    match (app.as_str(), port) {
        ("openbao", 8200) => Some(openbao::answer(world, namespace, pod, request)),
        ("slopilot-rightsizing", 8080) => Some(probes::slopilot(object, request)),
        ("kubeop-manager", 8080) | ("kubeop-operator", 8081) => Some(probes::kubeop(world, pod, request)),
        _ => None,
    }
}

/// A process listens while its first container runs; readiness is another matter.
fn listens(pod: &Value) -> bool {
    let status = &pod["status"];
    let running = status["containerStatuses"][0]["state"]["running"].is_object();
    let lost = status["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "False")
            && conditions.iter().any(|c| c["type"] == "ContainersReady" && c["status"] == "True")
    });
    running && !lost && pod["metadata"]["deletionTimestamp"].is_null()
}

/// The story has begun: `troubled` says that a person had reason to silence something.
pub fn begin(world: &mut World, start: Timestamp, troubled: bool) {
    let _ = (world, start, troubled);
}

/// Prometheus looks at everything once.
pub fn scrape(world: &mut World, now: Timestamp) {
    let _ = (world, now);
}
