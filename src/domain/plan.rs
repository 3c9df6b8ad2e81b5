//! What an action will do, as data: the same value is previewed, sent, audited and verified. It sends nothing and
//! reads no clock.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evictions::Evictions;
use super::proof::Check;
use super::record::Key;
use super::way::Way;

/// An action on one object or several, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The action's name: `suspend`.
    pub action: &'static str,
    /// In words: `suspend HelmRelease monitoring/monitoring`.
    pub title: String,
    pub targets: Vec<Key>,
    pub steps: Vec<Step>,
    pub risk: Risk,
    /// What else is affected: dependents, pods, alerts, budgets.
    pub reach: Vec<String>,
    /// Warnings, and what else must be known before.
    pub warnings: Vec<String>,
    /// How to undo exactly what it does, a line of words or a command each; empty when that is not possible.
    pub undo: String,
    /// Why, in the operator's words; recorded with it.
    pub reason: String,
    /// It is not run without a reason.
    pub needs_reason: bool,
    pub origin: Origin,
}

/// The input of a plan, so that it can be made again when it was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// `KIND/NAMESPACE/NAME` of each target.
    pub objects: Vec<String>,
    pub set: BTreeMap<String, String>,
    /// The audit's name of the interrupted run that this one continues.
    pub continues: Option<String>,
    /// How its cluster is reached.
    pub way: Way,
}

/// What the operator must do to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Risk {
    /// One key.
    Press,
    /// Type the object's name.
    Name(String),
    /// Type the name of the context: for core components, and for several objects at once.
    Context(String),
}

impl Risk {
    /// The larger of two risks.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let rank = |risk: &Self| match risk {
            Self::Press => 0,
            Self::Name(_) => 1,
            Self::Context(_) => 2,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }

    /// What has to be typed, if anything.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Press => None,
            Self::Name(word) | Self::Context(word) => Some(word),
        }
    }
}

/// One thing that is done or awaited.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// In words: `suspend it`, `wait for the rollout`.
    pub what: String,
    pub act: Act,
    /// The command that would do the same: kubectl, flux, amtool, velero; empty when there is none.
    pub twin: String,
    /// Which of the plan's targets it is for.
    pub target: usize,
    /// What it leaves behind until a later step, or a later plan, reverts it.
    pub leaves: Leaves,
    /// The uid of the object that is awaited; empty where an earlier step of the plan says it, or where it is not known.
    pub uid: String,
}

/// What a step does to an object that must not be forgotten when the plan ends early.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaves {
    #[default]
    Nothing,
    /// From then on the object (`KIND/NAMESPACE/NAME`) is this: `suspended`, `cordoned`, `scaled`, `paused`.
    Held { word: String, object: String },
    /// The object is as before again.
    Freed { object: String },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    Send(Box<Request>),
    Await(Proof),
    Fetch(Box<Fetch>),
    /// Evicts pods in parallel, until none is left that has to go.
    Evict(Box<Evictions>),
    /// A program on this machine, without a shell.
    Local(Vec<String>),
    /// A program on this machine that changes nothing: its output, as JSON, is judged.
    Ask {
        argv: Vec<String>,
        check: Check,
    },
    /// A manual step elsewhere; the plan continues when the operator confirms it.
    Manual(String),
}

impl Step {
    /// `twin` is a line of a [`super::command_line::CommandLine`], or empty.
    pub fn new(what: impl Into<String>, twin: impl fmt::Display, act: Act) -> Self {
        Self { what: what.into(), act, twin: twin.to_string(), target: 0, leaves: Leaves::Nothing, uid: String::new() }
    }

    pub fn send(what: impl Into<String>, twin: impl fmt::Display, request: Request) -> Self {
        Self::new(what, twin, Act::Send(Box::new(request)))
    }

    pub fn wait(what: impl Into<String>, proof: Proof) -> Self {
        Self::new(what, "", Act::Await(proof))
    }

    pub fn fetch(what: impl Into<String>, fetch: Fetch) -> Self {
        Self::new(what, "", Act::Fetch(Box::new(fetch)))
    }

    /// It leaves an object suspended, cordoned, scaled or paused.
    #[must_use]
    pub fn holding(mut self, word: &str, object: String) -> Self {
        self.leaves = Leaves::Held { word: word.to_owned(), object };
        self
    }

    /// It reverts what an earlier step left.
    #[must_use]
    pub fn freeing(mut self, object: String) -> Self {
        self.leaves = Leaves::Freed { object };
        self
    }

    /// Whether it reverts what was done to this object.
    pub fn frees(&self, object: &str) -> bool {
        matches!(&self.leaves, Leaves::Freed { object: freed } if freed == object)
    }

    /// What it changes, in a form that is the same in a later plan: method and path, or a program's words. Empty for
    /// what only waits.
    pub fn sends(&self) -> String {
        match &self.act {
            Act::Send(request) => format!("{} {}", request.method, request.path),
            Act::Local(argv) => argv.join(" "),
            Act::Evict(evictions) => format!("POST pods/eviction {}", evictions.node),
            Act::Await(_) | Act::Fetch(_) | Act::Ask { .. } | Act::Manual(_) => String::new(),
        }
    }

    pub fn evict(what: impl Into<String>, twin: impl fmt::Display, evictions: Evictions) -> Self {
        Self::new(what, twin, Act::Evict(Box::new(evictions)))
    }

    /// What this step sends, if it sends.
    pub fn request(&self) -> Option<&Request> {
        match &self.act {
            Act::Send(request) => Some(request),
            _ => None,
        }
    }
}

/// The field manager of our writes: the API server's own audit shows it, and Kustomize's controller leaves them alone.
pub const MANAGER: &str = "watchkeeper";

/// Prefix of a path that is read from Alertmanager instead of the API server.
pub const ALERTMANAGER: &str = "alertmanager:";

/// The server of a request.
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
    /// Whether the server supports a dry run of it.
    pub dry_run: bool,
    /// Answers that mean that nothing is left to do: already gone, already there.
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
    /// The current object when it is sent, with one condition set and nothing else changed.
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

/// An object as it was previewed. Its resource version is put into the request; when only the status has changed since,
/// the request is made again for the new version, and otherwise it is not sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// Where it is read.
    pub path: String,
    pub uid: String,
    pub version: String,
    /// 0 where it has none, or where its controller raises it by writing a status.
    pub generation: i64,
    /// JSON pointers and the previous values.
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

    /// For the preview: the object that this is valid for.
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

    /// Whether an object read later is still as previewed, apart from its version. The words say what differs.
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

/// What must be seen before a step counts as done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    pub via: Via,
    /// What is read, again and again. `{/metadata/name}` is replaced by a field of the last answer.
    pub path: String,
    pub check: Check,
    /// Seconds until it is called unknown.
    pub limit: u32,
}

/// A text at an address that an object gives out. Everyone with the address may read it: the address is never shown,
/// logged or recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetch {
    /// The object, read again and again until the address is there.
    pub path: String,
    /// Where in it the address is.
    pub pointer: &'static str,
    /// The right to read it.
    pub right: Right,
    /// Addresses that it may lead to besides a public https one: `http://minio.velero.svc:9000`, as storage is
    /// configured.
    pub origins: Vec<String>,
    /// Seconds until there must be an address.
    pub limit: u32,
    /// Where else to look when it is not available: `see the logs of the pod`.
    pub instead: String,
}

impl Fetch {
    /// In words, for the preview.
    pub fn told(&self) -> String {
        let more = self.origins.iter().map(|origin| format!(" or {origin}")).collect::<Vec<_>>().concat();
        format!("GET {}, then the address at {} (https{more})", self.path, dotted(self.pointer))
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// These paths have to be read first.
    Need(Vec<String>),
    /// It would be wrong; why, and the way out.
    Refuse(String),
}

impl Stop {
    pub fn refuse(why: impl Into<String>) -> Self {
        Self::Refuse(why.into())
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

    #[test]
    fn the_larger_risk_wins() {
        assert_eq!(Risk::Press.or(Risk::Name("a".into())), Risk::Name("a".into()));
        assert_eq!(Risk::Context("c".into()).or(Risk::Press), Risk::Context("c".into()));
    }
}
