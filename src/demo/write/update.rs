//! PUT and PATCH of an object or of its status.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Ask, guard, managed, patch, validate};
use crate::demo::birth;
use crate::demo::controllers;
use crate::demo::resources::Origin;
use crate::demo::status::Failure;
use crate::demo::world::World;

/// Which half of an object a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    Status,
}

/// What a client may say about the metadata of an existing object.
const METADATA: &[&str] = &["labels", "annotations", "finalizers", "ownerReferences"];

pub fn answer(world: &mut World, ask: &Ask<'_>, method: &str, part: Part) -> Result<Response<Body>, Failure> {
    let current = current(world, ask)?;
    let put = method == "PUT";
    let next = if put {
        let mut next = ask.json()?;
        guard::typed(ask, &mut next)?;
        next
    } else {
        let mut next = patch::apply(ask, &current)?;
        next["kind"] = current["kind"].clone();
        next["apiVersion"] = current["apiVersion"].clone();
        next
    };
    guard::placed(ask, &next)?;
    guard::seen(ask, &current, &next, put)?;
    let mut next = settle(ask, &current, next, part);
    without_nulls(&mut next);
    validate::check(ask, &next, Some(&current))?;
    let stored = store(world, ask, &current, next, if part == Part::Status { "status" } else { "" });
    ask.show(world, &stored, StatusCode::OK)
}

/// The object that the request is about, in the version of the URL.
pub fn current(world: &World, ask: &Ask<'_>) -> Result<Value, Failure> {
    let kind = ask.resource.kind;
    let Some(object) = world.get(kind, ask.namespace(), ask.name()) else {
        if kind == "Pod" && world.load().is_some_and(|load| load.find(ask.namespace(), ask.name()).is_some()) {
            return Err(Failure::method_not_allowed("the demo's synthetic pods are for reading only"));
        }
        return Err(Failure::not_found(ask.resource, ask.name()));
    };
    let mut object = object.clone();
    without_nulls(&mut object);
    if kind != "Event" {
        object["apiVersion"] = json!(ask.api_version());
    }
    Ok(object)
}

/// Takes over from `next` what this half may change; the rest stays.
fn settle(ask: &Ask<'_>, current: &Value, next: Value, part: Part) -> Value {
    let mut object = if part == Part::Status {
        let mut object = current.clone();
        if let Some(map) = object.as_object_mut() {
            match next.get("status") {
                Some(status) => drop(map.insert("status".to_owned(), status.clone())),
                None => drop(map.remove("status")),
            }
        }
        return object;
    } else {
        next
    };
    let mut metadata = current["metadata"].clone();
    for key in METADATA {
        match object["metadata"].get(*key).filter(|value| !value.is_null()) {
            Some(value) => metadata[*key] = value.clone(),
            None => drop(metadata.as_object_mut().and_then(|metadata| metadata.remove(*key))),
        }
    }
    object["metadata"] = metadata;
    if ask.resource.has_status() {
        match current.get("status") {
            Some(status) => object["status"] = status.clone(),
            None => drop(object.as_object_mut().and_then(|object| object.remove("status"))),
        }
    }
    object
}

/// Whether this change counts as a new generation.
fn renews(ask: &Ask<'_>, current: &Value, next: &Value) -> bool {
    if ask.resource.origin == Origin::Custom && !ask.resource.has_status() {
        // Without a status subresource everything but the metadata is content.
        let content = |object: &Value| {
            let mut object = object.clone();
            object.as_object_mut().and_then(|object| object.remove("metadata"));
            object
        };
        return content(current) != content(next);
    }
    current.get("spec") != next.get("spec")
}

/// Stores a checked object and tells the controllers, unless nothing differs or it was a rehearsal. Returns what to show.
pub fn store(world: &mut World, ask: &Ask<'_>, current: &Value, mut next: Value, subresource: &str) -> Value {
    if *current == next {
        return next;
    }
    if renews(ask, current, &next) {
        let generation = current["metadata"]["generation"].as_i64().unwrap_or(1) + 1;
        next["metadata"]["generation"] = json!(generation);
    }
    let api_version = ask.api_version();
    let writer = managed::Writer { manager: &ask.manager, api_version: &api_version, subresource, now: world.now() };
    managed::note(&mut next, current, &writer);
    if ask.dry {
        return next;
    }
    let kind = ask.resource.kind;
    let before = world.get(kind, ask.namespace(), ask.name()).cloned().unwrap_or(Value::Null);
    next["apiVersion"] = before["apiVersion"].clone();
    let stored = world.write(next);
    controllers::noticed(world, Some(&before), &stored);
    let ends = !stored["metadata"]["deletionTimestamp"].is_null()
        && kind != "Pod"
        && stored["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    if ends {
        world.remove(kind, ask.namespace(), ask.name());
    }
    stored
}

/// A null is no value: the server's decoders drop it.
pub fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Seconds-precise, as the API server writes times.
pub fn later(world: &World, seconds: i64) -> String {
    let at = world.now().checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or_else(|_| world.now());
    birth::time(at)
}
