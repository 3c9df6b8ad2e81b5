//! `pods/NAME/eviction`: a delete that asks the disruption budgets first.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Ask, delete, update};
use crate::demo::controllers;
use crate::demo::reviews::protobuf;
use crate::demo::status::{Failure, json_response};
use crate::demo::world::World;

pub fn answer(world: &mut World, ask: &Ask<'_>) -> Result<Response<Body>, Failure> {
    let body = if ask.content_type == Some("application/vnd.kubernetes.protobuf") {
        protobuf::eviction(ask.body)
            .ok_or_else(|| Failure::bad_request("the object provided is unrecognized (must be of type Eviction)"))?
    } else {
        ask.json()?
    };
    // kube's client sends neither; the decoder takes what the path is for.
    let fits = |key: &str, value: &str| body[key].as_str().is_none_or(|given| given == value);
    if !fits("kind", "Eviction") || !fits("apiVersion", "policy/v1") {
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type Eviction): no kind {:?} is registered for version {:?}",
            body["kind"].as_str().unwrap_or_default(),
            body["apiVersion"].as_str().unwrap_or_default()
        )));
    }
    let named = body["metadata"]["name"].as_str().unwrap_or_default();
    if named != ask.name() {
        return Err(Failure::bad_request("name in URL does not match name in Eviction object"));
    }
    let options = delete::Options::read(&body["deleteOptions"]);
    let dry = ask.dry || options.is_dry();
    let pod = update::current(world, ask)?;
    options.check(ask.resource, &pod)?;
    if needs_budget(&pod) {
        spend(world, ask, &pod, dry)?;
    }
    delete::pod(world, &pod, options.grace, dry);
    let mut response =
        json_response(&json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// What is finished, has not begun or ends anyway disturbs nobody.
fn needs_budget(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_null()
        && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed" | "Pending"))
}

/// Takes one disruption from the pod's budget, if it has one.
fn spend(world: &mut World, ask: &Ask<'_>, pod: &Value, dry: bool) -> Result<(), Failure> {
    let budgets: Vec<Value> = controllers::budgets_of(world, pod).into_iter().cloned().collect();
    if budgets.len() > 1 {
        return Err(Failure::new(
            500,
            "",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    let Some(mut budget) = budgets.into_iter().next() else { return Ok(()) };
    // The story's budgets do not follow its pods; whoever evicts is told the truth.
    if budget["status"]["disruptedPods"].is_null()
        && let Some(status) = controllers::counted_budget(world, &budget)
    {
        budget["status"] = status;
    }
    let number = |key: &str| budget["status"][key].as_i64().unwrap_or(0);
    let (healthy, desired, allowed) =
        (number("currentHealthy"), number("desiredHealthy"), number("disruptionsAllowed"));
    if !controllers::is_ready(pod) {
        let always = budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
        if always || (desired > 0 && healthy >= desired) {
            return Ok(());
        }
    }
    if allowed == 0 {
        let name = budget["metadata"]["name"].as_str().unwrap_or_default();
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let mut failure = Failure::new(429, "TooManyRequests", message);
        failure.details = json!({"causes": [{"reason": "DisruptionBudget",
            "message": format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently")}]});
        return Err(failure);
    }
    if !dry {
        let mut spent = budget.clone();
        spent["status"]["disruptionsAllowed"] = json!(allowed - 1);
        spent["status"]["disruptedPods"][ask.name()] = json!(update::later(world, 0));
        world.write(spent);
    }
    Ok(())
}
