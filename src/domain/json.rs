//! Fields of an object as the API server gave it, by JSON pointer: what is absent or of another type is empty.

use serde_json::Value;

pub fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

pub fn int(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

pub fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

pub fn list<'v>(object: &'v Value, pointer: &str) -> &'v [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    list(object, "/status/conditions").iter().find(|c| text(c, "/type") == kind)
}

pub fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| text(c, "/status") == "True")
}

/// An annotation or label; their names hold slashes.
pub fn annotation<'v>(object: &'v Value, name: &str) -> &'v str {
    object.pointer("/metadata/annotations").and_then(|a| a.get(name)).and_then(Value::as_str).unwrap_or("")
}

pub fn label<'v>(object: &'v Value, name: &str) -> &'v str {
    object.pointer("/metadata/labels").and_then(|a| a.get(name)).and_then(Value::as_str).unwrap_or("")
}
