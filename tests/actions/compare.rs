//! Whole objects, compared: what must differ between two equal objects is taken out of both, and what is left is
//! compared, path by path.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// Fields that are never the same twice, wherever they are: identities, addresses, places, durations, key material.
const OWN: &[&str] = &[
    "uid",
    "resourceVersion",
    "managedFields",
    "creationTimestamp",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "nodeName",
    "containerID",
    "pod-template-hash",
    "controller-revision-hash",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "podCIDR",
    "podCIDRs",
    "addresses",
    "machineID",
    "systemUUID",
    "bootID",
    "lastReconciledDuration",
    "lastAttemptedReleaseActionDuration",
    "request",
    "certificate",
    "ca",
    // of a template that holds the time of its restart
    "controller.kubernetes.io/hash",
    // of silences
    "id",
    // what we say on top of what kubectl does: who did it, why, by which plan, and what was there before
    "watchkeeper.dev/by",
    "watchkeeper.dev/reason",
    "watchkeeper.dev/before",
    "watchkeeper.dev/run",
];
/// Digests of what holds the namespace or the time.
const DIGESTS: &[&str] = &["digest"];

/// How the API server and the controllers make names: no vowels, so that they are no words.
static MADE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"-[bcdfghjklmnpqrstvwxz2456789]{5,10}\b").unwrap());
static TIME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap());

/// An object, or a list of them, without what must differ. `names` are its own, and their placeholders.
pub fn bare(object: &Value, names: &[(&str, &str)]) -> Value {
    let tokens: Vec<&str> = object
        .pointer("/metadata/annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("reconcile.fluxcd.io/"))
        .filter_map(|(_, value)| value.as_str())
        .collect();
    strip(object, "", names, &tokens)
}

fn strip(value: &Value, at: &str, names: &[(&str, &str)], tokens: &[&str]) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !OWN.contains(&&***name));
            let kept = kept.filter(|(name, _)| !(at == "history" && DIGESTS.contains(&&***name)));
            // in a list, the name of the list goes down to its items
            let kept = kept.map(|(k, v)| (k.clone(), strip(v, k, names, tokens)));
            // annotations of which only ours are left are none
            let is_any = |(name, value): &(String, Value)| name != "annotations" || *value != Value::Object(Map::new());
            Value::Object(kept.filter(is_any).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            // an item of a list of objects has tokens of its own
            let one = |item: &Value| if at == "items" { bare(item, names) } else { strip(item, at, names, tokens) };
            let mut out: Vec<Value> = items.iter().map(one).collect();
            match at {
                "conditions" | "images" | "containerStatuses" => out.sort_by_key(|c| c["type"].to_string()),
                // generated names are in no order
                "items" => out.sort_by_key(Value::to_string),
                _ => {}
            }
            Value::Array(out)
        }
        Value::String(text) if tokens.contains(&&**text) => "TOKEN".into(),
        Value::String(text) => {
            let named = names.iter().fold(text.clone(), |text, (name, stands)| text.replace(name, stands));
            let timed = TIME.replace_all(&named, "TIME");
            MADE.replace_all(&timed, "-MADE").into_owned().into()
        }
        other => other.clone(),
    }
}

/// Where two values differ, as `.path: ours, theirs`.
pub fn differences(ours: &Value, theirs: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk(ours, theirs, "", &mut out);
    out
}

fn walk(ours: &Value, theirs: &Value, path: &str, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let all = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in all {
                let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
                walk(&of(a), &of(b), &format!("{path}.{name}"), out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (nth, (a, b)) in a.iter().zip(b).enumerate() {
                walk(a, b, &format!("{path}[{nth}]"), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: ours {a}, theirs {b}")),
    }
}

/// How many fields were compared.
pub fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(leaves).sum(),
        Value::Array(items) => items.iter().map(leaves).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_must_differ_is_taken_out_and_nothing_else() {
        let one = |name: &str, token: &str, handled: &str| {
            json!({
                "metadata": { "uid": name, "name": format!("{name}-x"), "generation": 2,
                    "annotations": { "reconcile.fluxcd.io/requestedAt": token } },
                "status": { "lastHandledReconcileAt": handled, "conditions": [{ "type": "Ready", "lastTransitionTime": token }] },
            })
        };
        let (t1, t2) = ("2026-01-01T00:00:00.1Z", "2026-01-02T00:00:00.2Z");
        let mine = bare(&one("mine", t1, t1), &[("mine", "N")]);
        assert!(differences(&mine, &bare(&one("theirs", t2, t2), &[("theirs", "N")])).is_empty());
        // another token than the one that was asked for was handled
        let late = bare(&one("theirs", t2, t1), &[("theirs", "N")]);
        assert_eq!(differences(&mine, &late), [r#".status.lastHandledReconcileAt: ours "TOKEN", theirs "TIME""#]);
    }

    #[test]
    fn a_field_that_one_side_lacks_and_a_longer_list_show() {
        let found = differences(&json!({"a": {"b": 1}, "c": [1]}), &json!({"c": [1, 2]}));
        assert_eq!(found, [r#".a: ours {"b":1}, theirs null"#, ".c: ours [1], theirs [1,2]"]);
    }
}
