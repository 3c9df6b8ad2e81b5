//! One request from its bytes to its answer: faults, identity, rights, then the part of the API that it is for.

mod faulty;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::control::RequestSeen;
use super::gate::{Gate, Hook};
use super::resources::{self, Resource};
use super::route::{Route, Target};
use super::shared::Shared;
use super::status::{Failure, json_response, plain_not_found, typed};
use super::{access, discovery, list, logs, proxy, reviews, watch, write};

/// The API server drops bodies beyond 3 MiB.
const BODY: usize = 3 * 1024 * 1024;

/// Serves until the runtime goes away.
pub async fn serve(gate: Gate, shared: Arc<Shared>) {
    let router = Router::new().fallback(handle).with_state(shared);
    // It ends with an error only when its listener's `accept` does, which never does.
    let _ = axum::serve(gate, router.into_make_service_with_connect_info::<Hook>()).await;
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(hook): ConnectInfo<Hook>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let route = Route::parse(&parts.method, &parts.uri);
    let method = parts.method.as_str();
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    shared.seen(RequestSeen {
        method: method.to_owned(),
        path: route.path.clone(),
        query: route.query.clone(),
        user_agent: agent.to_owned(),
    });
    let plan = shared.faults().plan(&route, method, shared.elapsed());
    let mut response = match faulty::before(&shared, &route, method, &plan, &hook).await {
        Some(response) => response,
        None => match axum::body::to_bytes(body, BODY).await {
            Err(_) => Failure::new(413, "RequestEntityTooLarge", "the request is too large").response(),
            Ok(body) => {
                answer(&shared, &route, method, &parts.headers, &body).unwrap_or_else(|failure| failure.response())
            }
        },
    };
    if plan.lose {
        hook.cut();
        // The connection ends under us.
        std::future::pending::<()>().await;
    }
    if plan.touches_body() || streams(&route) {
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = faulty::govern(body, &shared, route, method.to_owned(), &plan, hook);
        if plan.cut.is_some() || plan.garble.is_some() {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
    }
    dress(&shared, &mut response, plan.skew);
    response
}

/// Whether the answer may stay open for long.
fn streams(route: &Route) -> bool {
    route.verb == "watch" || route.flag("follow")
}

/// The headers of every answer.
fn dress(shared: &Shared, response: &mut Response<Body>, skew: i64) {
    let now = shared.now();
    let now = jiff::Timestamp::from_second(now.as_second().saturating_add(skew)).unwrap_or(now);
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::try_from(date) {
        headers.insert(header::DATE, date);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
}

type Answer = Result<Response<Body>, Failure>;

fn answer(shared: &Arc<Shared>, route: &Route, method: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    let reads = matches!(method, "GET" | "HEAD");
    if let Some(health) = health(route).filter(|_| reads) {
        return Ok(health);
    }
    if let Some(file) = route.path.strip_prefix("/downloads/").filter(|_| reads) {
        // The object storage of the demo's backups: whoever has the URL may read.
        let (code, body) = super::controllers::download(&shared.state().world, file, route.parameter("signature"));
        let mut response = typed(if code == 200 { "application/gzip" } else { "application/xml" }, body);
        *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN);
        return Ok(response);
    }
    let who = access::identify(headers)?;
    who.authorize(route)?;
    let Some(target) = &route.target else {
        let discovered = if reads { discovery::answer(&shared.state().world, &route.path, headers) } else { None };
        return discovered.unwrap_or_else(|| Ok(plain_not_found()));
    };
    if method == "POST"
        && let Some(answer) = reviews::answer(&who, target, content_type(headers), body)
    {
        return answer;
    }
    let served = shared.state().world.served_version(&target.group).map(str::to_owned);
    let resource = resources::find(&target.group, &target.resource);
    let (Some(resource), true) = (resource, served.as_deref() == Some(target.version.as_str())) else {
        // As for a CRD that is not installed: no Status, just text.
        return Ok(plain_not_found());
    };
    if target.namespace.is_some() && !resource.namespaced && target.resource != "namespaces" {
        return Ok(plain_not_found());
    }
    object(shared, route, method, headers, body, target, resource)
}

/// The media type without its parameters.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// A request about a kind that is served.
fn object(
    shared: &Arc<Shared>,
    route: &Route,
    method: &str,
    headers: &HeaderMap,
    body: &[u8],
    target: &Target,
    resource: &'static Resource,
) -> Answer {
    match (target.sub.as_deref(), method) {
        (Some("proxy"), "GET" | "HEAD" | "POST" | "PUT" | "DELETE")
            if resource.subresources().iter().any(|sub| sub.name == "proxy") =>
        {
            proxy::answer(shared, route, target, resource, method, body)
        }
        (Some("log"), "GET") if resource.kind == "Pod" => logs::answer(shared, route, target, resource),
        (Some("status"), "GET" | "HEAD") if resource.has_status() => {
            list::get(shared, route, headers, target, resource)
        }
        (Some("scale"), "GET" | "HEAD") | (_, "POST" | "PUT" | "PATCH" | "DELETE") => {
            write::answer(shared, route, method, (headers, body), target, resource)
        }
        (Some(_), "GET" | "HEAD") => Err(Failure::no_resource()),
        (None, "GET" | "HEAD") if target.name.is_some() => list::get(shared, route, headers, target, resource),
        (None, "GET" | "HEAD") if route.verb == "watch" => watch::watch(shared, route, headers, target, resource),
        (None, "GET" | "HEAD") => list::list(shared, route, headers, target, resource),
        _ => Err(Failure::method_not_allowed("the server does not allow this method on the requested resource")),
    }
}

/// What is open to everyone, as to the system:public-info-viewer.
fn health(route: &Route) -> Option<Response<Body>> {
    match route.path.as_str() {
        "/healthz" | "/livez" | "/readyz" if route.parameters.contains_key("verbose") => {
            let name = route.path.trim_start_matches('/');
            Some(typed(
                "text/plain; charset=utf-8",
                format!("[+]ping ok\n[+]log ok\n[+]etcd ok\n{name} check passed\n"),
            ))
        }
        "/healthz" | "/livez" | "/readyz" => Some(typed("text/plain; charset=utf-8", "ok")),
        "/version" | "/version/" => Some(json_response(&json!({
            "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
            "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
            "gitVersion": "v1.36.1+watchkeeper-demo", "gitCommit": "0000000000000000000000000000000000000000",
            "gitTreeState": "clean", "buildDate": "2026-05-12T00:00:00Z", "goVersion": "go1.26.2",
            "compiler": "gc", "platform": "linux/amd64",
        }))),
        _ => None,
    }
}
