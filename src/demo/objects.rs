//! Objects on their way out: selected from the stocks and the synthetic load, and written in the form that was asked for.

use std::borrow::Cow;
use std::io::Write as _;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use super::load::{Load, LoadPod};
use super::negotiate::{Form, Include};
use super::resources::{Origin, Resource};
use super::selector::Selector;
use super::world::World;
use super::{events, metrics, table};

/// One object of a list or a change.
#[derive(Clone, Debug)]
pub enum Item {
    Stored(Arc<Value>),
    Load(LoadPod),
}

/// Where the next page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    Start,
    After(String, String),
    Load(usize),
}

/// What a list or watch is about.
#[derive(Debug)]
pub struct Scope {
    pub resource: &'static Resource,
    pub namespace: Option<String>,
    pub selector: Selector,
}

impl Scope {
    /// Whether the synthetic pods belong to this kind.
    fn load<'a>(&self, world: &'a World) -> Option<&'a Load> {
        if self.resource.kind == "Pod" { world.load() } else { None }
    }

    /// Whether this object belongs to the scope.
    #[must_use]
    pub fn holds(&self, object: &Value) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
            && self.selector.matches(object)
    }

    #[must_use]
    pub fn holds_load(&self, load: &Load, index: usize) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| Load::namespace(index) == namespace)
            && (self.selector.is_empty() || self.selector.matches(&load.subject(index)))
    }

    /// At most `take` objects from a position on, and where the next ones are, if there are any.
    #[must_use]
    pub fn scan(&self, world: &World, from: &Position, take: usize) -> (Vec<Item>, Option<Position>) {
        if self.resource.origin == Origin::Metrics {
            let mut items = metrics::list(world, self.resource.kind);
            items.retain(|item| self.holds(item));
            return (items.into_iter().map(|item| Item::Stored(Arc::new(item))).collect(), None);
        }
        let mut items = Vec::with_capacity(take.min(1024));
        let mut last = from.clone();
        let mut first_load = 0;
        match from {
            Position::Load(index) => first_load = *index,
            Position::Start | Position::After(..) => {
                let start = match from {
                    Position::After(namespace, name) => Bound::Excluded((namespace.clone(), name.clone())),
                    _ => Bound::Included((self.namespace.clone().unwrap_or_default(), String::new())),
                };
                let stored = world.stock(self.resource.kind).into_iter();
                for ((namespace, name), object) in
                    stored.flat_map(|stock| stock.objects.range((start.clone(), Bound::Unbounded)))
                {
                    if self.namespace.as_ref().is_some_and(|only| only != namespace) {
                        break;
                    }
                    if !self.selector.matches(object.as_ref()) {
                        continue;
                    }
                    if items.len() == take {
                        return (items, Some(last));
                    }
                    items.push(Item::Stored(Arc::clone(object)));
                    last = Position::After(namespace.clone(), name.clone());
                }
            }
        }
        if let Some(load) = self.load(world) {
            for index in load.indices(self.namespace.as_deref(), first_load) {
                if !self.selector.is_empty() && !self.selector.matches(&load.subject(index)) {
                    continue;
                }
                if items.len() == take {
                    return (items, Some(Position::Load(index)));
                }
                items.push(Item::Load(load.get(index)));
            }
        }
        (items, None)
    }

    /// How many objects follow a position; the selector is not applied, as the API server does not either.
    #[must_use]
    pub fn remaining(&self, world: &World, position: &Position) -> usize {
        let load = |from| self.load(world).map_or(0, |load| load.indices(self.namespace.as_deref(), from).count());
        let start = match position {
            Position::Load(index) => return load(*index),
            Position::After(namespace, name) => Bound::Excluded((namespace.clone(), name.clone())),
            Position::Start => Bound::Included((self.namespace.clone().unwrap_or_default(), String::new())),
        };
        let Some(kept) = world.stock(self.resource.kind) else { return load(0) };
        let stored = kept.objects.range((start, Bound::Unbounded));
        let stored =
            stored.take_while(|((namespace, _), _)| self.namespace.as_ref().is_none_or(|only| only == namespace));
        stored.count() + load(0)
    }
}

/// Writes objects of one kind in one form.
#[derive(Clone, Debug)]
pub struct Printer {
    pub resource: &'static Resource,
    /// The version in which the group is served.
    pub version: String,
    pub form: Form,
    /// For ages in tables.
    pub now: Timestamp,
}

impl Printer {
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.resource.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.resource.group, self.version)
        }
    }

    /// kind and apiVersion of a list in this form.
    #[must_use]
    pub fn list_kind(&self) -> (String, String) {
        match self.form {
            Form::Full => (format!("{}List", self.resource.kind), self.api_version()),
            Form::Partial => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
            Form::Table(_) => ("Table".to_owned(), "meta.k8s.io/v1".to_owned()),
        }
    }

    /// An item of a list. Built-in kinds leave out kind and apiVersion there, as the API server does.
    pub fn item(&self, out: &mut Vec<u8>, item: &Item, load: Option<&Load>) {
        match (self.form, item) {
            (Form::Full, Item::Stored(object)) if self.resource.origin == Origin::Builtin => {
                let object = self.served(object);
                if let Some(map) = object.as_object() {
                    write_json(out, &Untyped(map));
                }
            }
            (Form::Full, Item::Load(pod)) => {
                if let Some(load) = load {
                    load.write(out, pod, false);
                }
            }
            (Form::Table(include), _) => self.row(out, item, load, include),
            _ => self.object(out, item, load),
        }
    }

    /// A whole object, or in a table form the row's object: with kind and apiVersion.
    pub fn object(&self, out: &mut Vec<u8>, item: &Item, load: Option<&Load>) {
        match (self.form, item) {
            (Form::Partial, Item::Stored(object)) => write_partial(out, |out| write_json(out, &object["metadata"])),
            (Form::Partial, Item::Load(pod)) => {
                if let Some(load) = load {
                    write_partial(out, |out| load.write_metadata(out, pod));
                }
            }
            (_, Item::Stored(object)) => write_json(out, self.served(object).as_ref()),
            (_, Item::Load(pod)) => {
                if let Some(load) = load {
                    load.write(out, pod, true);
                }
            }
        }
    }

    /// One object alone, as GET and watch events carry it; as a table it has a header unless it was sent before.
    pub fn single(&self, out: &mut Vec<u8>, item: &Item, load: Option<&Load>, with_header: bool) {
        let Form::Table(include) = self.form else {
            self.object(out, item, load);
            return;
        };
        let version = match item {
            Item::Stored(object) => object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned(),
            Item::Load(pod) => pod.version.to_string(),
        };
        let columns = if with_header { table::definitions(self.resource) } else { Value::Null };
        let head = json!({"resourceVersion": version});
        push(out, r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":"#);
        write_json(out, &head);
        push(out, r#","columnDefinitions":"#);
        write_json(out, &columns);
        push(out, r#","rows":["#);
        self.row(out, item, load, include);
        push(out, "]}");
    }

    fn row(&self, out: &mut Vec<u8>, item: &Item, load: Option<&Load>, include: Include) {
        push(out, r#"{"cells":"#);
        match item {
            Item::Stored(object) => {
                let object = self.served(object);
                write_json(out, &table::cells(self.resource, object.as_ref(), self.now));
            }
            Item::Load(pod) => match load {
                Some(load) => write_json(out, &load.cells(pod, self.now)),
                None => push(out, "[]"),
            },
        }
        push(out, r#","object":"#);
        match include {
            Include::Nothing => push(out, "null"),
            Include::Object => self.object(out, item, load),
            Include::Metadata => Printer { form: Form::Partial, ..self.clone() }.object(out, item, load),
        }
        push(out, "}");
    }

    /// The object in the served group and version.
    fn served<'a>(&self, object: &'a Arc<Value>) -> Cow<'a, Value> {
        let api_version = self.api_version();
        if object["apiVersion"] == api_version.as_str() {
            return Cow::Borrowed(object.as_ref());
        }
        let mut object = Value::clone(object);
        if self.resource.kind == "Event" {
            events::convert(&mut object, self.resource.group);
        } else {
            object["apiVersion"] = json!(api_version);
        }
        Cow::Owned(object)
    }
}

fn write_partial(out: &mut Vec<u8>, metadata: impl FnOnce(&mut Vec<u8>)) {
    push(out, r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#);
    metadata(out);
    push(out, "}");
}

/// An object without its two type fields.
struct Untyped<'a>(&'a Map<String, Value>);

impl Serialize for Untyped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.0.iter().filter(|(key, _)| *key != "kind" && *key != "apiVersion") {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

pub fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Serialises into memory; that cannot fail for values that came from JSON.
pub fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        tracing::error!(%error, "an object could not be serialised");
        let _ = out.write_all(b"null");
    }
}
