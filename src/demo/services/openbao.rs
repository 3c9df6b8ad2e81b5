//! One OpenBao replica: seal status, health and leader, without a token. It knows its own state only, as in life.
//! It never unseals and holds no secrets.

use serde_json::{Value, json};

use super::http::{Params, json as reply};
use super::{Reply, Request};
use crate::demo::world::World;

const VERSION: &str = "2.6.0";

struct Replica {
    initialized: bool,
    sealed: bool,
    active: bool,
    /// The name of the active replica, when this one can know it.
    leader: Option<String>,
    hash: i64,
}

pub fn answer(world: &World, namespace: &str, pod: &str, request: &Request<'_>) -> Reply {
    let replica = look(world, namespace, pod);
    let reads = matches!(request.method, "GET" | "HEAD");
    match request.path {
        "/v1/sys/seal-status" if reads => reply(200, &seal_status(&replica)),
        "/v1/sys/health" if reads => health(&replica, world, &Params::of(request)),
        "/v1/sys/leader" if reads => leader(&replica),
        "/v1/sys/seal-status" | "/v1/sys/health" | "/v1/sys/leader" => reply(405, &json!({ "errors": [] })),
        path if !path.starts_with("/v1/") => super::http::not_found(),
        _ if replica.sealed => reply(503, &json!({ "errors": ["Vault is sealed"] })),
        _ => reply(403, &json!({ "errors": ["permission denied"] })),
    }
}

fn look(world: &World, namespace: &str, pod: &str) -> Replica {
    let label = |object: &Value, name: &str| object["metadata"]["labels"][name] == json!("true");
    let peers: Vec<&Value> = world
        .list("Pod")
        .into_iter()
        .filter(|p| p["metadata"]["namespace"] == namespace && p["metadata"]["labels"]["component"] == "server")
        .collect();
    let own = world.get("Pod", namespace, pod);
    let leader = peers.iter().find(|p| label(p, "openbao-active")).and_then(|p| p["metadata"]["name"].as_str());
    Replica {
        initialized: own.is_none_or(|p| p["metadata"]["labels"]["openbao-initialized"] != json!("false")),
        sealed: own.is_some_and(|p| label(p, "openbao-sealed")),
        active: own.is_some_and(|p| label(p, "openbao-active")),
        leader: leader.map(str::to_owned),
        hash: world.now().as_second() / 10,
    }
}

fn seal_status(replica: &Replica) -> Value {
    let mut status = json!({ "type": "shamir", "initialized": replica.initialized, "sealed": replica.sealed, "t": 3, "n": 5, "progress": 0, "nonce": "", "version": VERSION,
        "build_date": "2026-09-02T10:00:00Z", "migration": false, "recovery_seal": false, "storage_type": "raft" });
    if !replica.initialized {
        status["t"] = json!(0);
        status["n"] = json!(0);
    }
    if !replica.sealed && replica.initialized {
        status["cluster_name"] = json!("vault-cluster-sre");
        status["cluster_id"] = json!("6f2cbb2a-44c1-4d5c-9a0e-0c2a7d8f51b3");
    }
    status
}

fn health(replica: &Replica, world: &World, params: &Params) -> Reply {
    let code = |name: &str, normal: u16| params.get(name).and_then(|text| text.parse().ok()).unwrap_or(normal);
    let status = match (replica.initialized, replica.sealed, replica.active) {
        (false, ..) => code("uninitcode", 501),
        (_, true, _) => code("sealedcode", 503),
        (.., true) => code("activecode", 200),
        _ if params.has("standbyok") && params.get("standbyok") != Some("false") => code("activecode", 200),
        _ => code("standbycode", 429),
    };
    let mut body = json!({ "initialized": replica.initialized, "sealed": replica.sealed, "standby": !replica.active, "server_time_utc": world.now().as_second(), "version": VERSION });
    if !replica.sealed && replica.initialized {
        body["cluster_name"] = json!("vault-cluster-sre");
        body["cluster_id"] = json!("6f2cbb2a-44c1-4d5c-9a0e-0c2a7d8f51b3");
    }
    reply(status, &body)
}

fn leader(replica: &Replica) -> Reply {
    if replica.sealed || !replica.initialized {
        return reply(503, &json!({ "errors": ["Vault is sealed"] }));
    }
    let address = |port: u16| {
        replica.leader.as_ref().map_or_else(String::new, |name| format!("https://{name}.openbao-internal:{port}"))
    };
    let mut body = json!({ "ha_enabled": true, "is_self": replica.active, "active_time": "0001-01-01T00:00:00Z", "leader_address": address(8200), "leader_cluster_address": address(8201),
        "raft_committed_index": replica.hash, "raft_applied_index": replica.hash });
    if replica.active {
        body["active_time"] = json!("2026-01-05T06:12:44.101Z");
    }
    reply(200, &body)
}
