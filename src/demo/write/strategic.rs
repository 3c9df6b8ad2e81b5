//! Strategic merge: lists of the built-in kinds are merged by the key that names their items, with `$patch` directives.

use serde_json::{Map, Value};

/// The field that names the items of a list, by the list's own field; lists that are not here are replaced.
const MERGE_KEYS: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("volumes", &["name"]),
    ("env", &["name"]),
    ("imagePullSecrets", &["name"]),
    ("ports", &["containerPort", "port"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("conditions", &["type"]),
    ("addresses", &["type"]),
    ("ownerReferences", &["uid"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey"]),
];

/// Lists of plain values that are merged as sets.
const SETS: &[&str] = &["finalizers", "podCIDRs"];

/// Applies a strategic merge patch; `Err` says which directive or item is wrong.
pub fn merge(target: &mut Value, patch: &Value) -> Result<(), String> {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return Ok(());
    };
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut whole = changes.clone();
            whole.remove("$patch");
            *target = Value::Object(whole);
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        None | Some("merge") => {}
        Some(other) => return Err(format!("unknown patch type: {other}")),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return Ok(()) };
    if let Some(kept) = changes.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|key, _| kept.iter().any(|kept| kept == key.as_str()));
    }
    for (key, value) in changes {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(items), Some(gone)) = (map.get_mut(list).and_then(Value::as_array_mut), value.as_array()) {
                items.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            // The order of items that were set is of no consequence here.
        } else if value.is_null() {
            map.remove(key);
        } else {
            field(map, key, value)?;
        }
    }
    Ok(())
}

fn field(map: &mut Map<String, Value>, key: &str, value: &Value) -> Result<(), String> {
    let current = map.entry(key.to_owned()).or_insert(Value::Null);
    let (Some(items), Some(changes)) = (current.as_array_mut(), value.as_array()) else {
        if let Some(changes) = value.as_array() {
            let new = changes.iter().filter(|item| item["$patch"].is_null());
            *current = new.cloned().collect();
            return Ok(());
        }
        return merge(current, value);
    };
    if SETS.contains(&key) {
        let new: Vec<Value> = changes.iter().filter(|item| !items.contains(item)).cloned().collect();
        items.extend(new);
        return Ok(());
    }
    let Some((_, names)) = MERGE_KEYS.iter().find(|(list, _)| *list == key) else {
        *current = value.clone();
        return Ok(());
    };
    if changes.iter().any(|item| item["$patch"] == "replace") {
        *current = changes.iter().filter(|item| item["$patch"] != "replace").cloned().collect();
        return Ok(());
    }
    for change in changes {
        let Some(name) = names.iter().find(|name| !change[**name].is_null()) else {
            return Err(format!("map: {change} does not contain declared merge key: {}", names[0]));
        };
        let at = items.iter().position(|item| item[*name] == change[*name]);
        match (at, change["$patch"] == "delete") {
            (Some(at), true) => drop(items.remove(at)),
            (Some(at), false) => merge(&mut items[at], change)?,
            (None, true) => {}
            (None, false) => items.push(change.clone()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_are_merged_by_their_key_and_new_ones_appended() {
        let mut object =
            json!({"containers": [{"name": "a", "image": "1", "env": [{"name": "x", "value": "1"}]}, {"name": "b"}]});
        let patch = json!({"containers": [{"name": "a", "image": "2", "env": [{"name": "y"}]}, {"name": "c"}]});
        merge(&mut object, &patch).unwrap();
        let expected = json!({"containers": [
            {"name": "a", "image": "2", "env": [{"name": "x", "value": "1"}, {"name": "y"}]}, {"name": "b"}, {"name": "c"}]});
        assert_eq!(object, expected);
    }

    #[test]
    fn directives_delete_and_replace() {
        let mut object = json!({"containers": [{"name": "a"}, {"name": "b"}], "finalizers": ["x", "y"], "tolerations": [1], "m": {"k": 1}});
        let patch = json!({"containers": [{"name": "a", "$patch": "delete"}], "$deleteFromPrimitiveList/finalizers": ["x"],
            "tolerations": [2], "m": {"$patch": "replace", "n": 2}});
        merge(&mut object, &patch).unwrap();
        assert_eq!(
            object,
            json!({"containers": [{"name": "b"}], "finalizers": ["y"], "tolerations": [2], "m": {"n": 2}})
        );
        assert!(merge(&mut object, &json!({"containers": [{"image": "1"}]})).is_err(), "an item needs its key");
    }
}
