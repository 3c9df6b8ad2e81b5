//! One stored event in its two API forms, core/v1 and events.k8s.io/v1. Whichever form the story wrote, both are served.

use jiff::Timestamp;
use serde_json::Value;

/// The fields that differ by name: core/v1, events.k8s.io/v1.
const RENAMED: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// The event as the group (`""` or `events.k8s.io`) names its fields.
pub fn convert(event: &mut Value, group: &str) {
    let to_core = group.is_empty();
    let Some(map) = event.as_object_mut() else { return };
    for (core, new) in RENAMED {
        let (from, to) = if to_core { (*new, *core) } else { (*core, *new) };
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
    let api_version = if to_core { "v1" } else { "events.k8s.io/v1" };
    map.insert("apiVersion".to_owned(), Value::from(api_version));
}

/// When the event was last seen, in Unix seconds.
#[must_use]
pub fn last_seen(event: &Value) -> Option<i64> {
    let paths = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ];
    let text = paths.iter().find_map(|path| event.pointer(path).and_then(Value::as_str))?;
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_survives_the_way_there_and_back() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "message": "m", "count": 3,
            "involvedObject": {"name": "a"}, "lastTimestamp": "2026-01-01T00:00:00Z"});
        let mut event = core.clone();
        convert(&mut event, "events.k8s.io");
        assert_eq!(event["note"], "m");
        assert_eq!(event["regarding"]["name"], "a");
        assert_eq!(event["deprecatedCount"], 3);
        convert(&mut event, "");
        assert_eq!(event, core);
    }
}
