//! The `scale` subresource: one number of a workload as an object of its own.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Ask, guard, patch, update};
use crate::demo::status::{Failure, json_response};
use crate::demo::world::World;

pub fn answer(world: &mut World, ask: &Ask<'_>, method: &str) -> Result<Response<Body>, Failure> {
    let current = update::current(world, ask)?;
    let scale = of(&current);
    let next = match method {
        "PATCH" => patch::apply(ask, &scale)?,
        "PUT" => ask.json()?,
        _ => return Ok(json_response(&scale)),
    };
    guard::placed(ask, &next)?;
    guard::seen(ask, &current, &next, method == "PUT")?;
    let replicas = match &next["spec"]["replicas"] {
        Value::Null => 0,
        value => value.as_i64().ok_or_else(|| {
            let message = "Invalid value: \"{...}\": json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32";
            Failure::invalid("Scale", "patch", message)
        })?,
    };
    if replicas < 0 {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        let mut failure = Failure::new(
            422,
            "Invalid",
            format!("Scale.autoscaling {:?} is invalid: spec.replicas: {message}", ask.name()),
        );
        failure.details = json!({"name": ask.name(), "group": "autoscaling", "kind": "Scale",
            "causes": [{"reason": "FieldValueInvalid", "message": message, "field": "spec.replicas"}]});
        return Err(failure);
    }
    let mut object = current.clone();
    object["spec"]["replicas"] = json!(replicas);
    let stored = update::store(world, ask, &current, object, "scale");
    let mut response = json_response(&of(&stored));
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

/// The scale of a workload.
fn of(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let labels = object["spec"]["selector"]["matchLabels"].as_object();
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let mut scale = json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"]},
        "spec": {}, "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector.join(",")}});
    // As Go leaves a zero out.
    if let Some(replicas) = object["spec"]["replicas"].as_i64().filter(|replicas| *replicas != 0) {
        scale["spec"]["replicas"] = json!(replicas);
    }
    scale
}
