//! Small pieces of objects that several controllers read and write.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::demo::birth;

pub fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// The owner that controls an object.
pub fn controller(object: &Value) -> Option<&Value> {
    object["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)
}

pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

pub fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Ready, and not on its way out.
pub fn is_ready(object: &Value) -> bool {
    holds(object, "Ready") && object["metadata"]["deletionTimestamp"].is_null()
}

/// A condition with the fields that Flux and cert-manager write.
pub fn a_condition(kind: &str, status: &str, reason: &str, message: &str, now: Timestamp, generation: &Value) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": birth::time(now), "observedGeneration": generation})
}

/// Puts a condition among others; its transition is kept when its status is the same.
pub fn put_condition(conditions: &mut Vec<Value>, mut new: Value) {
    match conditions.iter_mut().find(|one| one["type"] == new["type"]) {
        Some(old) => {
            if old["status"] == new["status"] {
                new["lastTransitionTime"] = old["lastTransitionTime"].clone();
            }
            if old.get("lastUpdateTime").is_some() {
                let same = ["status", "reason", "message"].iter().all(|key| old[*key] == new[*key]);
                new["lastUpdateTime"] =
                    if same { old["lastUpdateTime"].clone() } else { new["lastUpdateTime"].clone() };
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}

/// Letters as Kubernetes puts behind generated names, from a text.
pub fn suffix(text: &str, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut number = text.bytes().fold(birth::mix(0), |hash, byte| birth::mix(hash ^ u64::from(byte)));
    let letters = (0..length).map(|_| {
        number = birth::mix(number);
        char::from(LETTERS[usize::try_from(number % 27).unwrap_or(0)])
    });
    letters.collect()
}

/// An absolute number, or a percentage of a whole: rounded up or down.
pub fn share(value: &Value, whole: i64, up: bool, otherwise: i64) -> i64 {
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse::<i64>().ok());
    match percent {
        Some(percent) if up => (whole * percent + 99) / 100,
        Some(percent) => whole * percent / 100,
        None => value.as_i64().unwrap_or(otherwise),
    }
}

/// Takes fields with the number zero out, as Go leaves them out.
pub fn without_zeros(mut status: Value, fields: &[&str]) -> Value {
    if let Some(map) = status.as_object_mut() {
        map.retain(|key, value| !(fields.contains(&key.as_str()) && *value == 0));
    }
    status
}

/// Without empty maps and lists, which clients with typed objects add: for comparing.
pub fn lean(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, value)| (key.clone(), lean(value)));
            Value::Object(kept.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => items.iter().map(lean).collect(),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null()
        || value.as_object().is_some_and(serde_json::Map::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
}
