//! The probes of `SLOpilot`, of kubeOP and of SLO-Scout.

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

/// The backend's metrics, and what Flink's `JobManager` says of its jobs.
pub fn slo_scout(pod: &Value, port: u16, request: &Request<'_>) -> Reply {
    let component = pod["metadata"]["labels"]["app.kubernetes.io/component"].as_str().unwrap_or_default();
    match (component, port, request.path) {
        ("backend", 8000, "/metrics") => {
            text(200, "# TYPE slo_scout_ingest_lag_seconds gauge\nslo_scout_ingest_lag_seconds 2\n".to_owned())
        }
        ("flink-jobmanager", 8081, "/overview") => reply(
            200,
            &json!({ "taskmanagers": 3, "jobs-running": 2, "jobs-finished": 0, "jobs-cancelled": 0, "jobs-failed": 0, "flink-version": "1.18.1" }),
        ),
        _ => not_found(),
    }
}
