//! One request of a plan as data: what is sent, for which state of its object, and by which right. It sends nothing.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// By which the API server's own audit knows our writes, and Kustomize's controller leaves them alone.
pub const MANAGER: &str = "watchkeeper";

/// Before a path that is to be read from Alertmanager instead of the API server.
pub const ALERTMANAGER: &str = "alertmanager:";

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Via {
    Kubernetes,
    /// Every known replica is read; one is written to, and they gossip.
    Alertmanager,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        })
    }
}

/// One request, as it will be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub via: Via,
    pub method: Method,
    /// Path without query; the field manager and dry run are added when it is sent.
    pub path: String,
    pub body: Body,
    /// The object as previewed; the request is sent only if it is still that.
    pub guard: Option<Guard>,
    /// The right that it needs; none where the service itself decides.
    pub right: Option<Right>,
    /// Whether the server can be asked what it would say.
    pub dry_run: bool,
    /// Answers that mean that nothing is to be done: already gone, already there.
    pub fine: &'static [u16],
    /// Refused for now (429): wait and send again until this many seconds have passed.
    pub patience: u32,
    /// What changes, before and after, for the preview and the audit.
    pub before: String,
    pub after: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    None,
    Json(Value),
    /// `application/merge-patch+json`.
    Merge(Value),
    /// `application/json-patch+json`.
    Patch(Value),
    /// `application/strategic-merge-patch+json`, for built-in kinds.
    Strategic(Value),
    /// The object as it is when it is sent, with one condition set and nothing else changed.
    WithCondition(Value),
}

impl Body {
    /// The content type, where there is a body.
    pub fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Json(_) | Self::WithCondition(_) => Some("application/json"),
            Self::Merge(_) => Some("application/merge-patch+json"),
            Self::Patch(_) => Some("application/json-patch+json"),
            Self::Strategic(_) => Some("application/strategic-merge-patch+json"),
        }
    }

    /// Whether the version of the guarded object is sent in it.
    pub fn holds_version(&self) -> bool {
        match self {
            Self::Merge(_) | Self::Patch(_) | Self::Strategic(_) | Self::WithCondition(_) => true,
            Self::None | Self::Json(_) => false,
        }
    }

    pub fn json(&self) -> Option<&Value> {
        match self {
            Self::None => None,
            Self::Json(v) | Self::Merge(v) | Self::Patch(v) | Self::Strategic(v) | Self::WithCondition(v) => Some(v),
        }
    }
}

/// An object as it was previewed. Its resource version is put into the request; when only the status has moved it
/// since, the request is made again for the new version, and otherwise it is not sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// Where it is read.
    pub path: String,
    pub uid: String,
    pub version: String,
    /// 0 where it has none, or where its controller raises it by writing a status.
    pub generation: i64,
    /// JSON pointers and the values that were previewed.
    pub fields: Vec<(String, Value)>,
}

/// A value of more characters than this is not shown.
const LONG: usize = 120;

impl Guard {
    /// `object` as read from `path`, with the fields that the plan rests on.
    pub fn of(path: impl Into<String>, object: &Value, fields: &[&str]) -> Self {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
        Self {
            path: path.into(),
            uid: text("/metadata/uid"),
            version: text("/metadata/resourceVersion"),
            generation: object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0),
            fields: fields.iter().map(|p| ((*p).to_owned(), value_at(object, p))).collect(),
        }
    }

    /// Any state of the very object that was read from `path`.
    pub fn identity(path: impl Into<String>, object: &Value) -> Self {
        Self { generation: 0, ..Self::of(path, object, &[]) }
    }

    /// For the preview: which object this holds for.
    pub fn told(&self) -> String {
        let told = |(pointer, value): &(String, Value)| match value.to_string() {
            // the request above says what it becomes
            long if long.len() > LONG => format!(", {} as it is now", dotted(pointer)),
            value => format!(", {} {value}", dotted(pointer)),
        };
        let fields: Vec<String> = self.fields.iter().map(told).collect();
        if self.uid.is_empty() {
            // not an object of Kubernetes
            return fields.concat().trim_start_matches(", ").to_owned();
        }
        let generation = if self.generation == 0 { String::new() } else { format!(", generation {}", self.generation) };
        format!("uid {}{generation}{}", self.uid, fields.concat())
    }

    /// Whether an object read later is still what was previewed, its version aside. The words say what is not.
    pub fn holds(&self, object: &Value) -> Result<(), String> {
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or("");
        if uid != self.uid {
            return Err("it was deleted and created again since the preview".to_owned());
        }
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
        if self.generation != 0 && generation != self.generation {
            return Err("its spec was changed since the preview".to_owned());
        }
        for (pointer, then) in &self.fields {
            let now = value_at(object, pointer);
            if now != *then {
                return Err(format!("{} was changed since the preview, from {then} to {now}", dotted(pointer)));
            }
        }
        Ok(())
    }
}

fn value_at(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or(Value::Null)
}

/// `/spec/suspend` as people write it: `.spec.suspend`.
pub fn dotted(pointer: &str) -> String {
    pointer.replace('/', ".").replace("~1", "/").replace("~0", "~")
}

/// A right as RBAC names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right {
    pub verb: String,
    pub group: String,
    pub resource: String,
    /// `status`, `scale`, `eviction`; empty for the resource itself.
    pub sub: String,
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.sub.is_empty() {
            write!(f, "/{}", self.sub)?;
        }
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in {}", self.namespace)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(uid: &str, version: &str, generation: i64, suspend: &Value) -> Value {
        json!({"metadata": {"uid": uid, "resourceVersion": version, "generation": generation}, "spec": {"suspend": suspend}})
    }

    #[test]
    fn a_guard_lets_a_newer_status_pass_and_nothing_else() {
        let guard = Guard::of("/x", &object("u", "1", 3, &Value::Null), &["/spec/suspend"]);
        assert_eq!(guard.holds(&object("u", "9", 3, &Value::Null)), Ok(()));
        let again = guard.holds(&object("v", "9", 3, &Value::Null)).unwrap_err();
        assert!(again.contains("created again"), "{again}");
        let spec = guard.holds(&object("u", "9", 4, &Value::Null)).unwrap_err();
        assert!(spec.contains("its spec was changed"), "{spec}");
        let field = guard.holds(&object("u", "9", 3, &json!(true))).unwrap_err();
        assert_eq!(field, ".spec.suspend was changed since the preview, from null to true");
    }

    #[test]
    fn an_identity_lets_every_state_of_the_same_object_pass() {
        let guard = Guard::identity("/x", &object("u", "1", 3, &Value::Null));
        assert_eq!(guard.holds(&object("u", "9", 4, &json!(true))), Ok(()));
        assert!(guard.holds(&object("v", "1", 3, &Value::Null)).is_err());
        assert_eq!(guard.told(), "uid u");
    }

    #[test]
    fn a_long_value_is_not_told_but_that_it_must_stay() {
        let long =
            json!({"metadata": {"uid": "u", "generation": 3}, "spec": {"template": "x".repeat(200), "paused": true}});
        let guard = Guard::of("/x", &long, &["/spec/template", "/spec/paused"]);
        assert_eq!(guard.told(), "uid u, generation 3, .spec.template as it is now, .spec.paused true");
    }
}
