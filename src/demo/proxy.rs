//! `pods/proxy` and `services/proxy`: finds the pod behind the name as the API server does and hands the request to what
//! runs there. What does not answer is refused in the API server's own words.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::resources::Resource;
use super::route::{Route, Target};
use super::services::{self, Request};
use super::shared::Shared;
use super::status::Failure;
use super::world::World;

/// A pod and a port of it.
struct Backend {
    pod: String,
    port: u16,
}

/// Passes a request on.
///
/// # Errors
/// 400 for a malformed name, 404 without the pod or service, 503 with nothing ready or nothing listening.
pub fn answer(
    shared: &Shared,
    route: &Route,
    target: &Target,
    resource: &'static Resource,
    method: &str,
    body: &[u8],
) -> Result<Response<Body>, Failure> {
    if target.rest.is_empty() {
        // As the API server does, so that relative links work.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
        let query = if route.query.is_empty() { String::new() } else { format!("?{}", route.query) };
        if let Ok(location) = HeaderValue::try_from(format!("{}/{query}", route.path)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        return Ok(response);
    }
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let (name, port) = split(target.name.as_deref().unwrap_or_default(), resource)?;
    let mut state = shared.state();
    state.proxied += 1;
    let turn = state.proxied;
    let world = &mut state.world;
    let backend = if resource.plural == "pods" {
        of_pod(world, resource, namespace, name, port)?
    } else {
        of_service(world, resource, namespace, name, port, turn)?
    };
    let request = Request { method, path: &target.rest, query: &route.query, body };
    let Some(reply) = services::answer(world, namespace, &backend.pod, backend.port, &request) else {
        let pod = world.get("Pod", namespace, &backend.pod);
        let ip = pod.and_then(|pod| pod["status"]["podIP"].as_str()).unwrap_or("10.0.0.0");
        return Err(Failure::unavailable(format!(
            "error trying to reach service: dial tcp {ip}:{}: connect: connection refused",
            backend.port
        )));
    };
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    Ok(response)
}

/// `name`, `name:port`, `scheme:name:port` or `scheme:name:`.
fn split<'a>(id: &'a str, resource: &Resource) -> Result<(&'a str, &'a str), Failure> {
    let parts: Vec<&str> = id.split(':').collect();
    match parts.as_slice() {
        [name] => Ok((name, "")),
        [name, port] | ["" | "http" | "https", name, port] => Ok((name, port)),
        _ => {
            let what = resource.plural.trim_end_matches('s');
            Err(Failure::bad_request(format!("invalid {what} request {id:?}")))
        }
    }
}

fn of_pod(
    world: &World,
    resource: &'static Resource,
    namespace: &str,
    name: &str,
    port: &str,
) -> Result<Backend, Failure> {
    let Some(pod) = world.get("Pod", namespace, name) else { return Err(Failure::not_found(resource, name)) };
    if pod["status"]["podIP"].as_str().unwrap_or_default().is_empty() {
        return Err(Failure::bad_request("address not allowed"));
    }
    let port = if port.is_empty() {
        container_ports(pod).find_map(|port| number(&port["containerPort"])).unwrap_or(80)
    } else {
        port.parse().map_err(|_| Failure::bad_request(format!("invalid port {port:?}")))?
    };
    Ok(Backend { pod: name.to_owned(), port })
}

fn of_service(
    world: &World,
    resource: &'static Resource,
    namespace: &str,
    name: &str,
    port: &str,
    turn: usize,
) -> Result<Backend, Failure> {
    let Some(service) = world.get("Service", namespace, name) else { return Err(Failure::not_found(resource, name)) };
    let none = || Failure::unavailable(format!("no endpoints available for service {name:?}"));
    let ports = service["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let chosen = ports.iter().find(|entry| {
        if port.is_empty() {
            ports.len() == 1
        } else {
            entry["name"] == port || port.parse::<u16>().ok().is_some_and(|port| number(&entry["port"]) == Some(port))
        }
    });
    let Some(chosen) = chosen else {
        return Err(Failure::unavailable(format!("no service port {port:?} found for service {name:?}")));
    };
    let selector = service["spec"]["selector"].as_object().filter(|map| !map.is_empty()).ok_or_else(none)?;
    let unready = service["spec"]["publishNotReadyAddresses"] == true;
    let backends = world.list("Pod").into_iter().filter(|pod| {
        pod["metadata"]["namespace"] == namespace
            && selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value)
            && !pod["status"]["podIP"].as_str().unwrap_or_default().is_empty()
            && pod["metadata"]["deletionTimestamp"].is_null()
            && (unready || ready(pod))
    });
    // Like kube-proxy, one after the other: two answers may come from two replicas.
    let backends: Vec<&Value> = backends.collect();
    let pod = backends.get(turn % backends.len().max(1)).copied().ok_or_else(none)?;
    let target = &chosen["targetPort"];
    let port = match target.as_str() {
        Some(name) => {
            container_ports(pod).find(|port| port["name"] == name).and_then(|port| number(&port["containerPort"]))
        }
        None => number(target).or_else(|| number(&chosen["port"])),
    };
    let pod = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    port.map(|port| Backend { pod, port }).ok_or_else(none)
}

fn ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn container_ports(pod: &Value) -> impl Iterator<Item = &Value> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    containers.filter_map(|container| container["ports"].as_array()).flatten()
}

fn number(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|number| u16::try_from(number).ok())
}
