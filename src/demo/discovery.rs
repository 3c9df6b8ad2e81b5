//! Discovery in both forms: plain documents per group and version, and the aggregated list. Hidden groups do not appear.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Value, json};

use super::negotiate;
use super::resources::{RESOURCES, Resource, groups};
use super::status::{Failure, json_response, plain_not_found};
use super::world::World;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A group that exists for its reviews only: no stored objects, POST only.
struct Review {
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
}

const REVIEWS: &[Review] = &[
    Review { group: "authentication.k8s.io", plural: "selfsubjectreviews", kind: "SelfSubjectReview" },
    Review { group: "authorization.k8s.io", plural: "selfsubjectaccessreviews", kind: "SelfSubjectAccessReview" },
    Review { group: "authorization.k8s.io", plural: "selfsubjectrulesreviews", kind: "SelfSubjectRulesReview" },
];

/// The answer to a discovery path, or none when the path is something else.
///
/// # Errors
/// 406 when the client accepts neither form.
pub fn answer(world: &World, path: &str, headers: &HeaderMap) -> Option<Result<Response<Body>, Failure>> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let document = match segments.as_slice() {
        ["api" | "apis"] => match negotiate::aggregated(headers) {
            Err(failure) => return Some(Err(failure)),
            Ok(true) => return Some(Ok(aggregated(world, segments[0] == "api"))),
            Ok(false) if segments[0] == "api" => Some(versions()),
            Ok(false) => Some(group_list(world)),
        },
        ["api", "v1"] => resource_list(world, "", "v1"),
        ["apis", group] => group_document(world, group),
        ["apis", group, version] => resource_list(world, group, version),
        _ => return None,
    };
    Some(Ok(document.map_or_else(plain_not_found, |document| json_response(&document))))
}

fn versions() -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    })
}

/// Named groups with the version that each is served in.
fn served(world: &World) -> Vec<(&'static str, String)> {
    let stored = groups()
        .filter(|group| !group.is_empty())
        .filter_map(|group| world.served_version(group).map(|version| (group, version.to_owned())));
    let mut all: Vec<_> = stored.collect();
    for review in REVIEWS {
        if all.iter().all(|(group, _)| *group != review.group) {
            all.push((review.group, "v1".to_owned()));
        }
    }
    all
}

fn group_value(group: &str, version: &str) -> Value {
    let entry = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [entry], "preferredVersion": entry})
}

fn group_list(world: &World) -> Value {
    let groups: Vec<Value> = served(world).iter().map(|(group, version)| group_value(group, version)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn group_document(world: &World, group: &str) -> Option<Value> {
    let (group, version) = served(world).into_iter().find(|(name, _)| *name == group)?;
    let mut document = group_value(group, &version);
    document["kind"] = json!("APIGroup");
    document["apiVersion"] = json!("v1");
    Some(document)
}

fn members(group: &str) -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().filter(move |resource| resource.group == group)
}

fn reviews(group: &str) -> impl Iterator<Item = &'static Review> {
    REVIEWS.iter().filter(move |review| review.group == group)
}

fn resource_list(world: &World, group: &str, version: &str) -> Option<Value> {
    let known = if group.is_empty() {
        world.served_version("") == Some(version)
    } else {
        served(world).iter().any(|(name, served)| *name == group && served == version)
    };
    if !known {
        return None;
    }
    let mut resources = Vec::new();
    for resource in members(group) {
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.kind.to_lowercase(), "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": resource.verbs(),
        });
        if !resource.short.is_empty() {
            entry["shortNames"] = json!(resource.short);
        }
        if !resource.categories.is_empty() {
            entry["categories"] = json!(resource.categories);
        }
        resources.push(entry);
        for sub in resource.subresources() {
            let mut entry = json!({
                "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
                "namespaced": resource.namespaced, "kind": sub.kind, "verbs": sub.verbs,
            });
            // By this a client learns which eviction and which scale it may send.
            if sub.group != resource.group {
                entry["group"] = json!(sub.group);
                entry["version"] = json!(sub.version);
            }
            resources.push(entry);
        }
    }
    for review in reviews(group) {
        resources.push(json!({
            "name": review.plural, "singularName": review.kind.to_lowercase(), "namespaced": false,
            "kind": review.kind, "verbs": ["create"],
        }));
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}))
}

fn aggregated(world: &World, core: bool) -> Response<Body> {
    let groups = if core { vec![("", "v1".to_owned())] } else { served(world) };
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, version)| {
            let mut resources: Vec<Value> =
                members(group).map(|resource| aggregated_resource(resource, version)).collect();
            resources.extend(reviews(group).map(|review| {
                json!({
                    "resource": review.plural, "scope": "Cluster", "singularResource": review.kind.to_lowercase(),
                    "responseKind": {"group": group, "version": version, "kind": review.kind}, "verbs": ["create"],
                })
            }));
            let versions = [json!({"version": version, "resources": resources, "freshness": "Current"})];
            let metadata = if core {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let mut response = json_response(&json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    }));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

fn aggregated_resource(resource: &Resource, version: &str) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut entry = json!({
        "resource": resource.plural, "singularResource": resource.kind.to_lowercase(),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "responseKind": kind(resource.group, version, resource.kind), "verbs": resource.verbs(),
    });
    if !resource.short.is_empty() {
        entry["shortNames"] = json!(resource.short);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    let subresources: Vec<Value> = resource
        .subresources()
        .iter()
        .map(|sub| {
            json!({"subresource": sub.name, "responseKind": kind(sub.group, sub.version, sub.kind), "verbs": sub.verbs})
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = json!(subresources);
    }
    entry
}
