//! The probes of `SLOpilot` and of kubeOP.

use serde_json::{Value, json};

use super::http::{json as reply, not_found, text};
use super::{Reply, Request};
use crate::demo::world::World;

/// `/health` says that the process lives, `/ready` names the dependency that is missing.
pub fn slopilot(pod: &Value, request: &Request<'_>) -> Reply {
    let ready = pod["status"]["containerStatuses"][0]["ready"] == true;
    match request.path {
        "/health" => reply(200, &json!({ "status": "ok" })),
        "/ready" if ready => {
            reply(200, &json!({ "status": "ready", "prometheus": "ok", "license": "ok", "informers": "synced" }))
        }
        "/ready" => reply(
            503,
            &json!({ "status": "not ready", "prometheus": "unreachable: context deadline exceeded", "license": "ok", "informers": "synced" }),
        ),
        _ => not_found(),
    }
}

/// The manager's and the operator's health and metrics.
pub fn kubeop(world: &World, pod: &str, request: &Request<'_>) -> Reply {
    match request.path {
        "/healthz" | "/readyz" => text(200, "ok"),
        "/metrics" => {
            let start = world.now().as_second();
            text(
                200,
                format!(
                    "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {start}\n# TYPE kubeop_build_info gauge\nkubeop_build_info{{pod=\"{pod}\"}} 1\n"
                ),
            )
        }
        _ => not_found(),
    }
}
