//! One object, or the events about it, read now. Nothing is cached and nothing is written.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::http::Http;
use crate::domain::ages::Time;
use crate::domain::reply::Event;
use crate::domain::served::{Served, escape};
use crate::domain::{redact, text};

const DEADLINE: Duration = Duration::from_secs(15);

/// The whole object as it is now.
pub async fn object(cluster: &Cluster, served: &Served, namespace: &str, name: &str) -> Result<Value, RequestError> {
    Http::api(cluster).get(&served.object(namespace, name), DEADLINE).await?.into_result()?.json()
}

#[derive(Deserialize)]
struct Events {
    #[serde(default)]
    items: Vec<Value>,
}

/// The events about an object, newest first. Events of cluster-wide objects live in the namespace `default`.
pub async fn events(cluster: &Cluster, kind: &str, namespace: &str, name: &str) -> Result<Vec<Event>, RequestError> {
    let place = if namespace.is_empty() { String::new() } else { format!("namespaces/{}/", escape(namespace)) };
    let selector = escape(&format!("involvedObject.kind={kind},involvedObject.name={name}"));
    let path = format!("/api/v1/{place}events?fieldSelector={selector}&limit=500");
    let list: Events = Http::api(cluster).get(&path, DEADLINE).await?.into_result()?.json()?;
    let mut events: Vec<Event> = list.items.iter().map(event).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.last));
    Ok(events)
}

/// Reads either API's form of an event.
fn event(value: &Value) -> Event {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_i64);
    let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
        .iter()
        .find_map(|p| Time::parse(text(p)));
    let from = [text("/reportingComponent"), text("/source/component")];
    Event {
        last: last.unwrap_or_default(),
        count: number("/series/count").or_else(|| number("/count")).unwrap_or(1),
        warning: text("/type") == "Warning",
        reason: text::line(text("/reason")).into_owned(),
        from: text::line(from.iter().find(|f| !f.is_empty()).unwrap_or(&"")).into_owned(),
        note: text::line(&redact::urls(text("/message"))).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_of_either_form_is_read_and_sanitised() {
        let old = event(&json!({"type": "Warning", "reason": "BackOff", "message": "a\u{1b}[2J", "count": 7,
            "lastTimestamp": "2026-11-21T10:00:00Z"}));
        assert_eq!((old.count, old.warning, &*old.note), (7, true, "a␛[2J"));
        let new = event(&json!({"eventTime": "2026-11-21T10:00:00.000001Z", "lastTimestamp": null,
            "series": {"count": 3, "lastObservedTime": "2026-11-21T10:05:00.000001Z"}}));
        assert_eq!((new.count, new.last), (3, Time::parse("2026-11-21T10:05:00Z").unwrap()));
        assert_eq!(event(&json!({})).count, 1);
    }
}
