//! A check as JSON. `docs/check-schema.json` says what is in it; a new version of that is a new number here.

use serde_json::{Value, json};

use super::report::{Found, Report};
use super::state::State;
use crate::domain::ages::Time;
use crate::domain::served::Unwatched;

/// Grows when a field changes its meaning or goes; a field that comes does not count.
pub const VERSION: u32 = 1;

/// All contexts.
pub fn document(reports: &[Report], worst: State) -> Value {
    json!({
        "schema": "watchkeeper.check",
        "version": VERSION,
        "program": env!("CARGO_PKG_VERSION"),
        "state": worst.word(),
        "exit_code": worst.code(),
        "contexts": reports.iter().map(context).collect::<Vec<_>>(),
    })
}

fn context(report: &Report) -> Value {
    let [p1, p2, p3, p4] = report.by_severity;
    let feeds = report.feeds.iter().map(|feed| {
        json!({
            "feed": feed.word, "title": feed.title, "state": feed.state, "unknown": feed.unknown,
            "since": feed.since.map(time), "objects": feed.objects, "blinds": feed.blinds, "why": feed.why,
        })
    });
    json!({
        "context": report.context,
        "server": report.server,
        "namespace": report.namespace,
        "state": report.state().word(),
        "exit_code": report.state().code(),
        "time": time(report.time),
        "duration_seconds": report.took.as_secs_f64(),
        "error": report.error,
        "counts": {
            "p1": p1, "p2": p2, "p3": p3, "p4": p4, "unknown": report.unknown, "silenced": report.silenced,
            "suspended": report.suspended, "explained": report.explained,
        },
        "incidents": report.incidents.iter().map(incident).collect::<Vec<_>>(),
        "feeds": feeds.collect::<Vec<_>>(),
        "unwatched": report.unwatched.iter().map(unwatched).collect::<Vec<_>>(),
    })
}

/// A kind that is served and not read.
pub fn unwatched(one: &Unwatched) -> Value {
    json!({"group": one.group, "kind": one.kind, "misses": one.misses})
}

/// One incident.
pub fn incident(found: &Found) -> Value {
    let by = found.by.iter().map(|by| json!({"rule": by.rule, "confidence": by.confidence, "count": by.count}));
    let symptoms = found.symptoms.iter().map(|symptom| {
        json!({
            "severity": symptom.severity.to_string(), "kind": symptom.kind, "name": symptom.name,
            "why": symptom.why, "because": symptom.because,
        })
    });
    json!({
        "severity": found.severity.to_string(),
        "kind": found.kind,
        "name": found.name,
        "since": found.since.map(time),
        "began": found.began.map(time),
        "why": found.why,
        "silenced": found.muted,
        "users": found.users,
        "dependents": found.dependents,
        "explains": found.explains,
        "rule": found.rule,
        "by": by.collect::<Vec<_>>(),
        "symptoms": symptoms.collect::<Vec<_>>(),
        "changed": found.changed.as_ref().map(|(what, at)| json!({"what": what, "time": time(*at)})),
    })
}

/// RFC 3339 in UTC.
pub fn time(at: Time) -> String {
    at.timestamp().to_string()
}
