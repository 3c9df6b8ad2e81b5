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
    // the query counts where the options do not speak of it
    let dry = ask.dry || options.is_dry();
    let mut pod = update::current(world, ask)?;
    if needs_budget(&pod) {
        spend(world, ask, &pod, dry)?;
    }
    // which pod is meant is looked at when it is deleted, after its budget was asked
    options.check(ask.resource, &pod)?;
    if let Some(conditions) = pod["status"]["conditions"].as_array_mut() {
        let now = world.now();
        let words = ("EvictionByEvictionAPI", "Eviction API: evicting");
        let mut target = controllers::a_condition("DisruptionTarget", "True", words.0, words.1, now, &Value::Null);
        target.as_object_mut().and_then(|target| target.remove("observedGeneration"));
        controllers::put_condition(conditions, target);
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
    // The story's budgets do not follow its pods; an eviction is judged by the pods as they are.
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
    let name = budget["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if number("observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(held(&why, Some(10)));
    }
    if allowed == 0 {
        return Err(held(&no_room(&budget, &name, healthy, desired), None));
    }
    if !dry {
        let mut spent = budget;
        spent["status"]["disruptionsAllowed"] = json!(allowed - 1);
        spent["status"]["disruptedPods"][ask.name()] = json!(update::later(world, 0));
        world.write(spent);
    }
    Ok(())
}

/// 429, with the budget as its cause.
fn held(why: &str, retry_after: Option<u32>) -> Failure {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let mut failure = Failure::new(429, "TooManyRequests", message);
    failure.details = json!({"causes": [{"reason": "DisruptionBudget", "message": why}]});
    failure.retry_after = retry_after;
    failure
}

fn no_room(budget: &Value, name: &str, healthy: i64, desired: i64) -> String {
    let allowed = budget["status"]["conditions"].as_array().into_iter().flatten();
    let refused = allowed.into_iter().find(|one| one["type"] == "DisruptionAllowed" && one["status"] == "False");
    let (reason, message) = refused.map_or(("", ""), |one| {
        (one["reason"].as_str().unwrap_or_default(), one["message"].as_str().unwrap_or_default())
    });
    match (reason, message) {
        ("SyncFailed", message) if !message.is_empty() => format!(
            "The disruption budget {name} does not allow evicting pods currently because it failed sync: {message}"
        ),
        _ if healthy <= desired => {
            format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently")
        }
        (reason, message) if !message.is_empty() => {
            format!("The disruption budget {name} does not allow evicting pods currently ({reason}): {message}")
        }
        _ => format!("The disruption budget {name} does not allow evicting pods currently"),
    }
}
