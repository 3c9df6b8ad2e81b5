//! RFC 6902: a list of operations on paths, all or nothing.

use serde_json::Value;

use super::Ask;
use crate::demo::status::{Failure, details};

/// The object after all operations; 422 with the operation that does not fit.
pub fn apply(ask: &Ask<'_>, current: &Value, patch: &Value) -> Result<Value, Failure> {
    let Some(operations) = patch.as_array() else {
        return Err(Failure::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ));
    };
    let mut object = current.clone();
    for operation in operations {
        step(&mut object, operation).map_err(|error| {
            let message = "the server rejected our request due to an error in our request";
            let mut failure = Failure::new(422, "Invalid", message);
            failure.details = details(ask.resource, ask.name());
            failure.details["causes"] = serde_json::json!([{"reason": "UnexpectedServerResponse", "message": error}]);
            failure
        })?;
    }
    Ok(object)
}

fn step(object: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| operation[key].as_str();
    let path = text("path").ok_or("an operation needs a path")?;
    let value = || operation.get("value").cloned().ok_or_else(|| format!("{path} needs a value"));
    match text("op").unwrap_or_default() {
        "add" => add(object, path, value()?),
        "remove" => remove(object, path).map(drop),
        "replace" => {
            let value = value()?;
            let place = object.pointer_mut(path).ok_or_else(|| missing("replace", path))?;
            *place = value;
            Ok(())
        }
        "test" => {
            let found = object.pointer(path).cloned().unwrap_or(Value::Null);
            if found == operation["value"] { Ok(()) } else { Err(format!("testing value {path} failed: test failed")) }
        }
        "move" => {
            let value = remove(object, text("from").unwrap_or_default())?;
            add(object, path, value)
        }
        "copy" => {
            let from = text("from").unwrap_or_default();
            let value = object.pointer(from).cloned().ok_or_else(|| missing("copy", from))?;
            add(object, path, value)
        }
        other => Err(format!("unexpected kind: {other}")),
    }
}

fn missing(operation: &str, path: &str) -> String {
    format!("{operation} operation does not apply: doc is missing path: {path}: missing value")
}

/// The parent of a path, and the last segment unescaped.
fn split(path: &str) -> Result<(&str, String), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("path {path:?} does not begin with a slash"))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(object: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *object = value;
        return Ok(());
    }
    let (parent, last) = split(path)?;
    match object.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.insert(last, value)),
        Some(Value::Array(items)) => {
            let at = if last == "-" { Some(items.len()) } else { last.parse().ok() };
            let at = at.filter(|at| *at <= items.len()).ok_or_else(|| missing("add", path))?;
            items.insert(at, value);
        }
        _ => return Err(missing("add", path)),
    }
    Ok(())
}

fn remove(object: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, last) = split(path)?;
    let removed = match object.pointer_mut(parent) {
        Some(Value::Object(map)) => map.remove(&last),
        Some(Value::Array(items)) => {
            last.parse::<usize>().ok().filter(|at| *at < items.len()).map(|at| items.remove(at))
        }
        _ => None,
    };
    removed.ok_or_else(|| missing("remove", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_change_maps_and_lists_and_escaped_keys() {
        let mut object = json!({"a": [1, 3], "b": {"c/d": 1}});
        for operation in [
            json!({"op": "add", "path": "/a/1", "value": 2}),
            json!({"op": "add", "path": "/a/-", "value": 4}),
            json!({"op": "replace", "path": "/b/c~1d", "value": 5}),
            json!({"op": "test", "path": "/b/c~1d", "value": 5}),
            json!({"op": "move", "from": "/b/c~1d", "path": "/e"}),
            json!({"op": "remove", "path": "/a/0"}),
        ] {
            step(&mut object, &operation).unwrap();
        }
        assert_eq!(object, json!({"a": [2, 3, 4], "b": {}, "e": 5}));
    }

    #[test]
    fn what_is_not_there_is_neither_removed_nor_replaced_nor_tested() {
        for operation in [
            json!({"op": "remove", "path": "/x"}),
            json!({"op": "replace", "path": "/x", "value": 1}),
            json!({"op": "test", "path": "/a", "value": 2}),
            json!({"op": "add", "path": "/x/y", "value": 1}),
            json!({"op": "fly", "path": "/a"}),
        ] {
            assert!(step(&mut json!({"a": 1}), &operation).is_err(), "{operation}");
        }
    }
}
