//! DELETE of one object: its options from its body, and only without one from its query; preconditions, grace for pods, finalizers; owners' dependents follow in the background.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Ask, update};
use crate::demo::controllers;
use crate::demo::resources::Resource;
use crate::demo::status::{Failure, details, json_response};
use crate::demo::world::World;

/// The `DeleteOptions` that count.
#[derive(Debug, Default)]
pub struct Options {
    pub grace: Option<i64>,
    uid: Option<String>,
    version: Option<String>,
    dry: bool,
}

impl Options {
    pub fn read(options: &Value) -> Options {
        let text = |key: &str| options["preconditions"][key].as_str().map(str::to_owned);
        Options {
            grace: options["gracePeriodSeconds"].as_i64(),
            uid: text("uid"),
            version: text("resourceVersion"),
            dry: options["dryRun"].as_array().is_some_and(|all| all.iter().any(|one| one == "All")),
        }
    }

    pub fn is_dry(&self) -> bool {
        self.dry
    }

    /// 409 when the object is another than the client meant.
    pub fn check(&self, resource: &'static Resource, object: &Value) -> Result<(), Failure> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let stored = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
        if let Some(uid) = self.uid.as_ref().filter(|uid| **uid != stored("uid")) {
            let why = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
                stored("uid")
            );
            return Err(Failure::conflict(resource, name, &why));
        }
        if let Some(version) = self.version.as_ref().filter(|version| **version != stored("resourceVersion")) {
            let why = format!(
                "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
                stored("resourceVersion")
            );
            return Err(Failure::conflict(resource, name, &why));
        }
        Ok(())
    }
}

pub fn answer(world: &mut World, ask: &Ask<'_>) -> Result<Response<Body>, Failure> {
    let body = if ask.body.is_empty() { json!({}) } else { ask.json()? };
    let mut options = Options::read(&body);
    let grace = ask.route.parameter("gracePeriodSeconds").and_then(|text| text.parse().ok());
    if let Some(grace) = grace.filter(|_| ask.body.is_empty()) {
        options.grace = Some(grace);
    }
    if options.grace.is_some_and(|grace| grace < 0) {
        return Err(Failure::invalid(
            "DeleteOptions",
            "gracePeriodSeconds",
            "Invalid value: must be greater than or equal to 0",
        ));
    }
    let object = update::current(world, ask)?;
    options.check(ask.resource, &object)?;
    let dry = ask.dry || options.dry;
    if ask.resource.kind == "Pod" {
        let shown = pod(world, &object, options.grace, dry);
        return ask.show(world, &shown, StatusCode::OK);
    }
    if object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty()) {
        let mut ending = object.clone();
        ending["metadata"]["deletionTimestamp"] = json!(update::later(world, 0));
        ending["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        let shown =
            if dry || !object["metadata"]["deletionTimestamp"].is_null() { ending } else { world.write(ending) };
        return ask.show(world, &shown, StatusCode::OK);
    }
    if !dry {
        world.remove(ask.resource.kind, ask.namespace(), ask.name());
        controllers::gone(world, &object);
    }
    let mut about = details(ask.resource, ask.name());
    about["uid"] = object["metadata"]["uid"].clone();
    Ok(json_response(
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": about}),
    ))
}

/// A pod ends after its grace, at once when it has none. Returns what to show.
pub fn pod(world: &mut World, pod: &Value, grace: Option<i64>, dry: bool) -> Value {
    let grace = grace.or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(30);
    let mut ending = pod.clone();
    if ending["metadata"]["deletionTimestamp"].is_null() {
        ending["metadata"]["deletionTimestamp"] = json!(update::later(world, grace));
        ending["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    }
    if dry {
        return ending;
    }
    controllers::end_pod(world, ending, grace)
}
