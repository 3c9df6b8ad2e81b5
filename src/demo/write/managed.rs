//! `metadata.managedFields`: who wrote which field last. Lists are owned whole; items with keys are not distinguished.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::demo::birth;

/// Fields that nobody owns.
const NOBODYS: &[&str] = &[
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "name",
    "namespace",
    "generateName",
];

/// Who writes, how and when.
pub struct Writer<'a> {
    pub manager: &'a str,
    pub api_version: &'a str,
    /// Empty for the object itself.
    pub subresource: &'a str,
    pub now: Timestamp,
}

/// Notes in `next` what changed against `before`: the writer owns what it set, and nobody what is gone.
pub fn note(next: &mut Value, before: &Value, writer: &Writer<'_>) {
    let (mut set, mut gone) = (Map::new(), Map::new());
    for part in keys(before, next).filter(|part| !matches!(part.as_str(), "kind" | "apiVersion")) {
        if part == "metadata" {
            let (mut old, mut new) = (before[&part].clone(), next[&part].clone());
            for key in NOBODYS {
                for side in [&mut old, &mut new] {
                    side.as_object_mut().and_then(|side| side.remove(*key));
                }
            }
            differ(&part, &old, &new, &mut set, &mut gone);
        } else {
            differ(
                &part,
                before.get(&part).unwrap_or(&Value::Null),
                next.get(&part).unwrap_or(&Value::Null),
                &mut set,
                &mut gone,
            );
        }
    }
    let mut entries: Vec<Value> = next["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let is_mine = |entry: &Value| {
        entry["manager"] == writer.manager
            && entry["operation"] == "Update"
            && entry["subresource"].as_str().unwrap_or_default() == writer.subresource
    };
    for entry in &mut entries {
        let mine = is_mine(entry);
        if let Some(fields) = entry["fieldsV1"].as_object_mut() {
            take(fields, &gone);
            if !mine {
                take(fields, &set);
            }
        }
    }
    entries.retain(|entry| entry["fieldsV1"].as_object().is_some_and(|fields| !fields.is_empty()));
    if !set.is_empty() {
        let at = entries.iter().position(is_mine).unwrap_or_else(|| {
            let mut entry =
                json!({"manager": writer.manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {}});
            if !writer.subresource.is_empty() {
                entry["subresource"] = json!(writer.subresource);
            }
            entries.push(entry);
            entries.len() - 1
        });
        entries[at]["apiVersion"] = json!(writer.api_version);
        entries[at]["time"] = json!(birth::time(writer.now));
        if let Some(fields) = entries[at]["fieldsV1"].as_object_mut() {
            give(fields, &set);
        }
    }
    next["metadata"]["managedFields"] = Value::Array(entries);
}

fn keys(one: &Value, other: &Value) -> impl Iterator<Item = String> + use<> {
    let both = [one, other].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
    both.cloned().collect::<std::collections::BTreeSet<_>>().into_iter()
}

/// Puts `f:key` into `set` or `gone` where the two differ, as deep as both are objects.
fn differ(key: &str, old: &Value, new: &Value, set: &mut Map<String, Value>, gone: &mut Map<String, Value>) {
    if old == new {
        return;
    }
    let field = format!("f:{key}");
    let (mut set_below, mut gone_below) = (Map::new(), Map::new());
    match (old.is_object() || old.is_null(), new) {
        (_, Value::Null) => drop(gone.insert(field, json!({}))),
        (true, Value::Object(map)) if !map.is_empty() => {
            for below in keys(old, new) {
                let side = |side: &Value| side.get(&below).cloned().unwrap_or(Value::Null);
                differ(&below, &side(old), &side(new), &mut set_below, &mut gone_below);
            }
            if !set_below.is_empty() {
                set.insert(field.clone(), Value::Object(set_below));
            }
            if !gone_below.is_empty() {
                gone.insert(field, Value::Object(gone_below));
            }
        }
        _ => drop(set.insert(field, json!({}))),
    }
}

/// Removes from `fields` what `taken` names; an empty branch takes everything below it.
fn take(fields: &mut Map<String, Value>, taken: &Map<String, Value>) {
    for (key, below) in taken {
        let Some(below) = below.as_object().filter(|below| !below.is_empty()) else {
            fields.remove(key);
            continue;
        };
        if let Some(inner) = fields.get_mut(key).and_then(Value::as_object_mut) {
            let was_empty = inner.is_empty();
            take(inner, below);
            if inner.is_empty() && !was_empty {
                fields.remove(key);
            }
        }
    }
}

fn give(fields: &mut Map<String, Value>, set: &Map<String, Value>) {
    for (key, below) in set {
        let inner = fields.entry(key.clone()).or_insert_with(|| json!({}));
        if let (Some(inner), Some(below)) = (inner.as_object_mut(), below.as_object()) {
            give(inner, below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(manager: &str) -> Writer<'_> {
        Writer { manager, api_version: "v1", subresource: "", now: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn the_last_writer_owns_a_field_and_nobody_one_that_is_gone() {
        let bare = json!({"metadata": {}, "spec": {"interval": "1m"}});
        let mut one = json!({"metadata": {}, "spec": {"interval": "1m", "suspend": true}});
        note(&mut one, &bare, &writer("a"));
        let entry = &one["metadata"]["managedFields"][0];
        assert_eq!((&entry["manager"], &entry["fieldsV1"]), (&json!("a"), &json!({"f:spec": {"f:suspend": {}}})));
        let mut two = one.clone();
        two["spec"]["suspend"] = json!(false);
        note(&mut two, &one, &writer("b"));
        let entries = two["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!((entries.len(), &entries[0]["manager"]), (1, &json!("b")));
        let mut three = two.clone();
        three["spec"].as_object_mut().unwrap().remove("suspend");
        note(&mut three, &two, &writer("c"));
        assert_eq!(three["metadata"]["managedFields"], json!([]));
    }
}
