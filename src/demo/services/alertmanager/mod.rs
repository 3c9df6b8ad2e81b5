//! The v2 API of Alertmanager. Each replica knows what it has received at once, and what the other has, a moment later.

mod alerts;
pub mod matcher;
mod silences;

use serde_json::{Value as Json, json};

use super::alerting::Prometheus;
use super::http::{Params, json as reply, not_found, text};
use super::{Reply, Request};

pub use silences::Silences;

/// The label that this platform's Prometheus puts on what it sends.
pub const CLUSTER: (&str, &str) = ("cluster", "sre-prod");

/// Answers as this replica; `now` in milliseconds.
pub fn answer(
    silences: &mut Silences,
    prometheus: &Prometheus,
    (now, replica): (i64, usize),
    request: &Request<'_>,
) -> Reply {
    let params = Params::of(request);
    match (request.method, request.path) {
        ("GET" | "HEAD", "/-/ready" | "/-/healthy") => text(200, "OK"),
        ("GET", "/api/v2/alerts") => alerts::list(silences, prometheus, (now, replica), &params),
        ("GET", "/api/v2/alerts/groups") => alerts::groups(silences, prometheus, (now, replica), &params),
        ("GET", "/api/v2/silences") => silences.list(now, &params, replica),
        ("POST", "/api/v2/silences") => silences.post(now, request.body, replica),
        ("GET", "/api/v2/status") => reply(200, &status(now, replica)),
        ("GET", "/api/v2/receivers") => {
            reply(200, &json!(alerts::RECEIVERS.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>()))
        }
        (method, path) => match path.strip_prefix("/api/v2/silence/") {
            Some(id) if method == "GET" => silences.get(now, id, replica),
            Some(id) if method == "DELETE" => silences.expire(now, id, replica),
            Some(_) => refused(405, "method not allowed"),
            None if path.starts_with("/api/v2/") => {
                refused(404, &format!("path {} was not found", path.trim_start_matches("/api/v2")))
            }
            None => not_found(),
        },
    }
}

/// How the generated API says no when the framework refuses.
fn refused(code: u16, message: &str) -> Reply {
    reply(code, &json!({ "code": code, "message": message }))
}

fn status(now: i64, replica: usize) -> Json {
    let peers: Vec<Json> = (0..2)
        .map(|i| json!({ "name": format!("01HDEMO{i}"), "address": format!("10.42.{}.17:9094", 3 + i) }))
        .collect();
    json!({ "cluster": { "name": format!("01HDEMO{replica}"), "status": "ready", "peers": peers },
        "config": { "original": "route:\n  receiver: default-webhook\n  group_by: [namespace, alertname]\n  group_wait: 30s\n  group_interval: 5m\n  repeat_interval: 12h\n  routes:\n  - receiver: \"null\"\n    matchers: [alertname=~\"InfoInhibitor|Watchdog\"]\n  - receiver: critical-webhook\n    matchers: [severity=\"critical\"]\n    repeat_interval: 1h\nreceivers:\n- name: \"null\"\n- name: default-webhook\n- name: critical-webhook\n" },
        "uptime": time(now - 9 * 86_400_000),
        "versionInfo": { "branch": "HEAD", "buildDate": "20240228-11:51:20", "buildUser": "", "goVersion": "go1.21.7", "revision": "demo", "version": "0.27.0" } })
}

/// RFC 3339 with milliseconds.
fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|t| t.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()).unwrap_or_default()
}
