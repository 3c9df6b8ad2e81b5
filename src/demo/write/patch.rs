//! The patches by their media types, applied to an object. What an object may become is checked elsewhere.

use serde_json::{Map, Value};

use super::Ask;
use super::{json_patch, strategic};
use crate::demo::resources::Origin;
use crate::demo::status::Failure;

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// The object after the patch of this request.
pub fn apply(ask: &Ask<'_>, current: &Value) -> Result<Value, Failure> {
    let builtin = ask.resource.origin == Origin::Builtin;
    let known: &[&str] = if builtin { &[JSON, MERGE, STRATEGIC] } else { &[JSON, MERGE] };
    let Some(kind) = ask.content_type.filter(|kind| known.contains(kind)) else {
        return Err(Failure::unsupported_media(known));
    };
    let patch: Value = serde_json::from_slice(ask.body)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    if kind == JSON {
        return json_patch::apply(ask, current, &patch);
    }
    if !patch.is_object() {
        return Err(Failure::bad_request("error decoding patch: json: cannot unmarshal into an object"));
    }
    let mut object = current.clone();
    if kind == MERGE {
        merge(&mut object, &patch);
    } else {
        strategic::merge(&mut object, &patch).map_err(Failure::bad_request)?;
    }
    Ok(object)
}

/// RFC 7386: null removes, objects merge, everything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_removes_with_null_and_replaces_lists_whole() {
        let mut object = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        merge(&mut object, &json!({"a": {"b": null, "c": [3], "e": {"f": null}}, "d": {"g": 1}}));
        assert_eq!(object, json!({"a": {"c": [3], "e": {}}, "d": {"g": 1}}));
    }
}
