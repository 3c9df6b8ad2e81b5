//! Writes as the API server takes them: what was asked for, the checks in its order, then the world. With `dryRun=All`
//! everything is done but the last step. What controllers do about a write is theirs.

mod create;
mod delete;
mod eviction;
mod guard;
mod json_patch;
mod managed;
pub mod patch;
mod scale;
mod strategic;
mod update;
mod validate;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use serde_json::Value;

use super::negotiate;
use super::objects::{Item, Printer};
use super::resources::{Origin, Resource};
use super::route::{Route, Target};
use super::shared::Shared;
use super::status::{Failure, typed};
use super::world::World;

/// One write, as it was asked for.
pub struct Ask<'a> {
    pub route: &'a Route,
    pub target: &'a Target,
    pub resource: &'static Resource,
    pub headers: &'a HeaderMap,
    /// The media type without its parameters.
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
    /// Answer as if, and store nothing.
    pub dry: bool,
    /// Who is noted in `managedFields`.
    pub manager: String,
}

impl Ask<'_> {
    pub fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    /// Empty for what has no namespace.
    pub fn namespace(&self) -> &str {
        if self.resource.namespaced { self.target.namespace.as_deref().unwrap_or_default() } else { "" }
    }

    pub fn api_version(&self) -> String {
        if self.resource.group.is_empty() {
            self.target.version.clone()
        } else {
            format!("{}/{}", self.resource.group, self.target.version)
        }
    }

    /// The body of a POST or PUT: JSON only.
    pub fn json(&self) -> Result<Value, Failure> {
        if !matches!(self.content_type, None | Some("application/json")) {
            return Err(Failure::unsupported_media(&["application/json"]));
        }
        serde_json::from_slice(self.body).map_err(|error| {
            Failure::bad_request(format!("the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {error}", self.resource.kind))
        })
    }

    /// The object as this client wants to see it.
    fn show(&self, world: &World, object: &Value, code: StatusCode) -> Result<Response<Body>, Failure> {
        let form = negotiate::form(self.headers, false, self.route.parameter("includeObject"))?;
        let printer = Printer { resource: self.resource, version: self.target.version.clone(), form, now: world.now() };
        let mut out = Vec::with_capacity(8192);
        printer.single(&mut out, &Item::Stored(Arc::new(object.clone())), world.load(), true);
        out.push(b'\n');
        let mut response = typed("application/json", out);
        *response.status_mut() = code;
        Ok(response)
    }
}

/// Answers POST, PUT, PATCH and DELETE on objects, their status, their scale, and evictions.
///
/// # Errors
/// Whatever the API server would refuse, in its words.
pub fn answer(
    shared: &Shared,
    route: &Route,
    method: &str,
    (headers, body): (&HeaderMap, &[u8]),
    target: &Target,
    resource: &'static Resource,
) -> Result<Response<Body>, Failure> {
    if resource.origin == Origin::Metrics {
        return Err(not_here());
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    let ask = Ask {
        route,
        target,
        resource,
        headers,
        content_type,
        body,
        // a DELETE takes its options from its body as soon as it has one, and then from nowhere else
        dry: if method == "DELETE" && !body.is_empty() { false } else { dry_run(route.parameter("dryRun"))? },
        manager: manager(route, headers),
    };
    let mut state = shared.state();
    let world = &mut state.world;
    let placed = target.name.is_some() && (target.namespace.is_some() || !resource.namespaced);
    let answer = match (target.sub.as_deref(), method) {
        (None, "POST") if target.name.is_none() => create::answer(world, &ask),
        (None, "PATCH" | "PUT") if placed => update::answer(world, &ask, method, update::Part::Whole),
        (None, "DELETE") if placed => delete::answer(world, &ask),
        (Some("status"), "PATCH" | "PUT") if resource.has_status() => {
            update::answer(world, &ask, method, update::Part::Status)
        }
        (Some("scale"), "GET" | "HEAD" | "PATCH" | "PUT") if resource.has_scale() => scale::answer(world, &ask, method),
        (Some("eviction"), "POST") if resource.kind == "Pod" => eviction::answer(world, &ask),
        (Some(sub), _) if resource.subresources().iter().all(|known| known.name != sub) => Err(Failure::no_resource()),
        _ => Err(not_here()),
    };
    if !ask.dry {
        super::controllers::run(world);
    }
    answer
}

fn not_here() -> Failure {
    Failure::method_not_allowed("the server does not allow this method on the requested resource")
}

fn dry_run(value: Option<&str>) -> Result<bool, Failure> {
    match value {
        None => Ok(false),
        Some("All") => Ok(true),
        Some(other) => Err(Failure::invalid(
            "PatchOptions",
            "dryRun",
            &format!("Unsupported value: {other:?}: supported values: \"All\""),
        )),
    }
}

/// `fieldManager`, else what the user agent says before its first slash.
fn manager(route: &Route, headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let agent = agent.split('/').next().filter(|name| !name.is_empty()).unwrap_or("unknown");
    route.parameter("fieldManager").unwrap_or(agent).to_owned()
}
