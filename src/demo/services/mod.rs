//! The services of the platform, before they exist: nothing listens anywhere.

use super::world::World;

/// The state of the services.
#[derive(Debug, Default)]
pub struct Platform {}

/// A request below the proxy; the path starts with `/`.
#[derive(Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a [u8],
}

/// What a service answers.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// Answers what runs in this pod on this port, or nothing when nothing listens.
pub fn answer(world: &mut World, namespace: &str, pod: &str, port: u16, request: &Request<'_>) -> Option<Reply> {
    world.get("Pod", namespace, pod)?;
    if port != 9090 {
        return None;
    }
    let body = format!("{} {}?{} {}", request.method, request.path, request.query, request.body.len()).into_bytes();
    Some(Reply { status: 200, content_type: "text/plain", body })
}
