//! The self-subject reviews: who am I, may I, what may I. They answer from the same rules that refuse requests.

pub mod protobuf;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::access::Who;
use super::birth::uuid;
use super::route::Target;
use super::status::{Failure, json_response};

/// The answer to a POST on a review, or none when the target is something else.
///
/// # Errors
/// 400 for a body that is no review of this kind.
pub fn answer(
    who: &Who,
    target: &Target,
    content_type: Option<&str>,
    body: &[u8],
) -> Option<Result<Response<Body>, Failure>> {
    let make: fn(&Who, &Value) -> Result<Value, Failure> = match (target.group.as_str(), target.resource.as_str()) {
        ("authentication.k8s.io", "selfsubjectreviews") => identity,
        ("authorization.k8s.io", "selfsubjectaccessreviews") => access,
        ("authorization.k8s.io", "selfsubjectrulesreviews") => rules,
        _ => return None,
    };
    if target.version != "v1" {
        return Some(Err(Failure::no_resource()));
    }
    let review = if content_type == Some("application/vnd.kubernetes.protobuf") {
        protobuf::review(body, &target.resource).ok_or_else(|| unrecognized(target, "malformed protobuf"))
    } else {
        serde_json::from_slice::<Value>(body).map_err(|error| unrecognized(target, &error.to_string()))
    };
    Some(review.and_then(|review| make(who, &review)).map(|answer| {
        let mut response = json_response(&answer);
        *response.status_mut() = StatusCode::CREATED;
        response
    }))
}

fn unrecognized(target: &Target, error: &str) -> Failure {
    let kind = &target.resource;
    Failure::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {error}"))
}

#[expect(clippy::unnecessary_wraps, reason = "one of three functions with this signature")]
fn identity(who: &Who, _: &Value) -> Result<Value, Failure> {
    let mut groups = who.groups.clone();
    groups.push("system:authenticated".to_owned());
    let number = who.user.bytes().map(u64::from).sum();
    Ok(json!({
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {"creationTimestamp": null},
        "status": {"userInfo": {"username": who.user, "uid": uuid(number, number), "groups": groups}},
    }))
}

fn access(who: &Who, review: &Value) -> Result<Value, Failure> {
    let spec = &review["spec"];
    let allowed = if let Some(attributes) = spec.get("resourceAttributes").filter(|value| value.is_object()) {
        let text = |key: &str| attributes[key].as_str().unwrap_or_default();
        let resource = match text("subresource") {
            "" => text("resource").to_owned(),
            sub => format!("{}/{sub}", text("resource")),
        };
        let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
        // Secrets are refused to everyone here, so the review must not promise them.
        (text("group"), text("resource")) != ("", "secrets")
            && who.allows(text("verb"), text("group"), &resource, namespace)
    } else if let Some(attributes) = spec.get("nonResourceAttributes").filter(|value| value.is_object()) {
        attributes["verb"] == "get"
    } else {
        return Err(Failure::invalid(
            "SelfSubjectAccessReview",
            "spec.resourceAttributes",
            "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
        ));
    };
    let mut status = json!({"allowed": allowed});
    if allowed {
        status["reason"] = json!("RBAC: allowed by the rules of the demo's identity");
    }
    Ok(json!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": null}, "spec": spec, "status": status,
    }))
}

fn rules(who: &Who, review: &Value) -> Result<Value, Failure> {
    let Some(namespace) = review.pointer("/spec/namespace").and_then(Value::as_str).filter(|text| !text.is_empty())
    else {
        return Err(Failure::bad_request("no namespace on request"));
    };
    let mut rules: Vec<Value> = vec![json!({
        "verbs": ["create"], "apiGroups": ["authorization.k8s.io", "authentication.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"],
    })];
    if let Some(identity) = who.identity.filter(|one| one.namespace.is_none_or(|only| only == namespace)) {
        rules.extend(
            identity
                .rules
                .iter()
                .map(|rule| json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources})),
        );
    }
    Ok(json!({
        "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": null}, "spec": {},
        "status": {
            "resourceRules": rules, "incomplete": false,
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz", "/version"]}],
        },
    }))
}
