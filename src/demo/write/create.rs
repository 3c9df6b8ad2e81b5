//! POST of a new object.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Ask, guard, managed, update, validate};
use crate::demo::birth;
use crate::demo::controllers;
use crate::demo::status::Failure;
use crate::demo::world::World;

const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

pub fn answer(world: &mut World, ask: &Ask<'_>) -> Result<Response<Body>, Failure> {
    let resource = ask.resource;
    if resource.namespaced && ask.target.namespace.is_none() {
        return Err(super::not_here());
    }
    let mut object = ask.json()?;
    guard::typed(ask, &mut object)?;
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let given = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if resource.namespaced && !given.is_empty() && given != ask.namespace() {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let name = name(world, ask, &object)?;
    if resource.namespaced && !world.has_namespace(ask.namespace()) {
        let mut failure = Failure::new(404, "NotFound", format!("namespaces {:?} not found", ask.namespace()));
        failure.details = json!({"name": ask.namespace(), "kind": "namespaces"});
        return Err(failure);
    }
    if world.get(resource.kind, ask.namespace(), &name).is_some() {
        return Err(Failure::already_exists(resource, &name));
    }
    clean(world, ask, &mut object, &name);
    update::without_nulls(&mut object);
    validate::check(ask, &object, None)?;
    let api_version = ask.api_version();
    let writer =
        managed::Writer { manager: &ask.manager, api_version: &api_version, subresource: "", now: world.now() };
    let bare = json!({"metadata": {}});
    managed::note(&mut object, &bare, &writer);
    if ask.dry {
        let uid = world.next_uid(resource.kind, ask.namespace(), &name);
        birth::fill(&mut object, &uid, world.now());
        return ask.show(world, &object, StatusCode::CREATED);
    }
    world.apply(object);
    let stored = world.get(resource.kind, ask.namespace(), &name).cloned().unwrap_or(Value::Null);
    controllers::noticed(world, None, &stored);
    ask.show(world, &stored, StatusCode::CREATED)
}

/// The name that was given, or one made of `generateName`.
fn name(world: &World, ask: &Ask<'_>, object: &Value) -> Result<String, Failure> {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    if !text("name").is_empty() {
        validate::name(ask, text("name"))?;
        return Ok(text("name").to_owned());
    }
    if text("generateName").is_empty() {
        let message = "Required value: name or generateName is required";
        return Err(guard::invalid(ask.resource, "", "FieldValueRequired", "metadata.name", message));
    }
    let mut number = birth::mix(world.version());
    let mut name = text("generateName").to_owned();
    for _ in 0..5 {
        let at = usize::try_from(number % 27).unwrap_or(0);
        name.push(char::from(LETTERS[at]));
        number = birth::mix(number);
    }
    validate::name(ask, &name)?;
    Ok(name)
}

/// Leaves out what only the server may say.
fn clean(world: &World, ask: &Ask<'_>, object: &mut Value, name: &str) {
    let status =
        if ask.resource.kind == "Pod" { Some(json!({"phase": "Pending", "qosClass": "BestEffort"})) } else { None };
    if let Some(map) = object.as_object_mut() {
        if ask.resource.has_status() {
            map.remove("status");
        }
        if let Some(status) = status {
            map.insert("status".to_owned(), status);
        }
    }
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    for key in
        ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation", "managedFields", "selfLink"]
    {
        metadata.remove(key);
    }
    metadata.insert("name".to_owned(), json!(name));
    metadata.insert("creationTimestamp".to_owned(), json!(birth::time(world.now())));
    if ask.resource.namespaced {
        metadata.insert("namespace".to_owned(), json!(ask.namespace()));
    }
}
