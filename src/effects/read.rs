//! One object, or the events about it, read now. Nothing is cached and nothing is written.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::clients::bounds::Pages;
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::http::Http;
use crate::domain::ages::Time;
use crate::domain::record::Uid;
use crate::domain::reply::Event;
use crate::domain::served::{Served, escape};
use crate::domain::{redact, text};

const DEADLINE: Duration = Duration::from_secs(15);

/// The whole object as it is now.
pub async fn object(cluster: &Cluster, served: &Served, namespace: &str, name: &str) -> Result<Value, RequestError> {
    Http::api(cluster).get(&served.object(namespace, name), DEADLINE).await?.into_result()?.json()
}

const PAGE: usize = 500;
/// For all pages of a list.
const LIST: Duration = Duration::from_secs(60);
/// Events of one object that are read at most: the API server gives them in no order that would tell which to leave out.
const MOST: usize = 20_000;

#[derive(Deserialize)]
struct Events {
    #[serde(default)]
    metadata: Meta,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default, rename = "continue")]
    next: String,
}

/// The events about an object, newest first. Events of cluster-wide objects live in the namespace `default`.
pub async fn events(
    cluster: &Cluster,
    kind: &str,
    namespace: &str,
    name: &str,
    uid: Uid,
) -> Result<Vec<Event>, RequestError> {
    let place = if namespace.is_empty() { String::new() } else { format!("namespaces/{}/", escape(namespace)) };
    let selector = escape(&format!("involvedObject.kind={kind},involvedObject.name={name}"));
    let path = format!("/api/v1/{place}events?fieldSelector={selector}&limit={PAGE}");
    let mut events = Vec::new();
    let mut pages = Pages::within(LIST);
    let mut more = String::new();
    loop {
        let answer = Http::api(cluster).get(&format!("{path}{more}"), DEADLINE).await?.into_result();
        let list: Events = match answer {
            // the list expired, so it cannot be continued: what is there is most of it
            Err(RequestError::Gone) if !events.is_empty() => break,
            answer => answer?.json()?,
        };
        events.extend(list.items.iter().map(|value| event(value, uid)));
        if events.len() >= MOST {
            break;
        }
        let next = pages.turn(list.items.len(), Some(&list.metadata.next)).map_err(RequestError::Exceeded)?;
        let Some(token) = next else { break };
        more = format!("&continue={}", escape(&token));
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.last));
    Ok(events)
}

/// Reads either API's form of an event.
fn event(value: &Value, about: Uid) -> Event {
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
        other: is_of_another(value, about),
    }
}

/// Whether a uid is another object's. The kubelet gives a node's name for its uid; some events have none.
fn is_of_another(event: &Value, about: Uid) -> bool {
    let of = |field: &str| event.pointer(&format!("/involvedObject/{field}")).and_then(Value::as_str).unwrap_or("");
    let uid = of("uid");
    !uid.is_empty() && uid != of("name") && Uid::of(uid) != about
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[rstest::rstest]
    #[case::its_own("6a250000-0000-0000-0000-000000000001", false)]
    #[case::of_the_pod_before("4fb70000-0000-0000-0000-000000000002", true)]
    #[case::of_a_node_by_its_name("web-0", false)]
    #[case::without_a_uid("", false)]
    fn an_event_of_an_earlier_object_of_the_same_name_is_told_apart(#[case] uid: &str, #[case] other: bool) {
        let about = Uid::of("6a250000-0000-0000-0000-000000000001");
        let value = json!({"involvedObject": {"name": "web-0", "uid": uid}});
        assert_eq!(event(&value, about).other, other);
    }

    #[test]
    fn an_event_of_either_form_is_read_and_sanitised() {
        let old = event(
            &json!({"type": "Warning", "reason": "BackOff", "message": "a\u{1b}[2J", "count": 7,
            "lastTimestamp": "2026-11-21T10:00:00Z"}),
            Uid::default(),
        );
        assert_eq!((old.count, old.warning, &*old.note), (7, true, "a␛[2J"));
        let new = event(
            &json!({"eventTime": "2026-11-21T10:00:00.000001Z", "lastTimestamp": null,
            "series": {"count": 3, "lastObservedTime": "2026-11-21T10:05:00.000001Z"}}),
            Uid::default(),
        );
        assert_eq!((new.count, new.last), (3, Time::parse("2026-11-21T10:05:00Z").unwrap()));
        assert_eq!(event(&json!({}), Uid::default()).count, 1);
    }
}
