//! GET of lists and of single objects. Pages are cut from the present state: a change behind a page's back reaches the
//! client by the watch that it starts from the list's version, as promised by the version in the continue token.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::bodies::{self, Encoder};
use super::negotiate::{self, Form};
use super::objects::{Item, Position, Printer, Scope, push, write_json};
use super::resources::Resource;
use super::route::{Route, Target};
use super::selector::Selector;
use super::shared::Shared;
use super::status::{Failure, typed};
use super::table;
use super::world::World;

/// Objects per step of an unbounded list: the lock is free in between.
const STEP: usize = 256;

/// What a list or watch request is about.
///
/// # Errors
/// 400 for selectors that cannot be applied.
pub fn scope(route: &Route, target: &Target, resource: &'static Resource) -> Result<Scope, Failure> {
    let selector = Selector::parse(resource, route.parameter("labelSelector"), route.parameter("fieldSelector"))?;
    let namespace = if resource.namespaced { target.namespace.clone() } else { None };
    Ok(Scope { resource, namespace, selector })
}

/// A resource version parameter; absent is none.
///
/// # Errors
/// 400 when it is not a number.
pub fn version(route: &Route) -> Result<Option<u64>, Failure> {
    let Some(text) = route.parameter("resourceVersion") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let message = format!("Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax");
        Failure::invalid("ListOptions", "resourceVersion", &message)
    })
}

/// One object by name.
///
/// # Errors
/// 404; 406.
pub fn get(
    shared: &Shared,
    route: &Route,
    headers: &HeaderMap,
    target: &Target,
    resource: &'static Resource,
) -> Result<Response<Body>, Failure> {
    let form = negotiate::form(headers, false, route.parameter("includeObject"))?;
    let state = shared.state();
    let printer = Printer { resource, version: target.version.clone(), form, now: state.world.now() };
    let item = find(&state.world, resource, target)?;
    let mut out = Vec::with_capacity(8192);
    printer.single(&mut out, &item, state.world.load(), true);
    out.push(b'\n');
    drop(state);
    Ok(bodies::whole("application/json", out, negotiate::gzip(headers)))
}

fn find(world: &World, resource: &'static Resource, target: &Target) -> Result<Item, Failure> {
    let name = target.name.as_deref().unwrap_or_default();
    let namespace = if resource.namespaced { target.namespace.as_deref().unwrap_or_default() } else { "" };
    if resource.origin == super::resources::Origin::Metrics {
        let found = super::metrics::list(world, resource.kind).into_iter().find(|item| {
            item["metadata"]["name"] == name && item["metadata"]["namespace"].as_str().unwrap_or("") == namespace
        });
        return found.map(|item| Item::Stored(Arc::new(item))).ok_or_else(|| Failure::not_found(resource, name));
    }
    let key = (namespace.to_owned(), name.to_owned());
    if let Some(object) = world.stock(resource.kind).and_then(|stock| stock.objects.get(&key)) {
        return Ok(Item::Stored(Arc::clone(object)));
    }
    if let Some(load) = world.load().filter(|_| resource.kind == "Pod")
        && let Some(index) = load.find(namespace, name)
    {
        return Ok(Item::Load(load.get(index)));
    }
    Err(Failure::not_found(resource, name))
}

/// A list, or one page of it.
///
/// # Errors
/// 400, 406, 410 for tokens and versions that are too old, 504 for versions that do not exist yet.
pub fn list(
    shared: &Arc<Shared>,
    route: &Route,
    headers: &HeaderMap,
    target: &Target,
    resource: &'static Resource,
) -> Result<Response<Body>, Failure> {
    let form = negotiate::form(headers, true, route.parameter("includeObject"))?;
    let scope = scope(route, target, resource)?;
    let gzip = negotiate::gzip(headers);
    let limit = match route.parameter("limit") {
        None => 0,
        Some(text) => text.parse::<usize>().map_err(|_| {
            Failure::invalid("ListOptions", "limit", &format!("Invalid value: {text:?}: must be a number"))
        })?,
    };
    if route.flag("sendInitialEvents") {
        return Err(Failure::invalid(
            "ListOptions",
            "sendInitialEvents",
            "Forbidden: sendInitialEvents is forbidden for list",
        ));
    }
    let state = shared.state();
    let world = &state.world;
    let (position, at) = start(world, route)?;
    let printer = Printer { resource, version: target.version.clone(), form, now: world.now() };

    let take = if limit == 0 { STEP } else { limit };
    let (items, next) = scope.scan(world, &position, take);
    let mut metadata = json!({"resourceVersion": at.to_string()});
    if let Some(next) = next.as_ref().filter(|_| limit > 0) {
        metadata["continue"] = json!(token(at, next));
        if scope.selector.is_empty() {
            metadata["remainingItemCount"] = json!(scope.remaining(world, next));
        }
    }
    let mut out = Vec::with_capacity(items.len() * 6144 + 1024);
    head(&mut out, &printer, &metadata);
    write_items(&mut out, &printer, &items, world, true);
    let more = next.filter(|_| limit == 0);
    drop(state);
    let Some(more) = more else {
        push(&mut out, "]}\n");
        return Ok(bodies::whole("application/json", out, gzip));
    };
    Ok(stream(Arc::clone(shared), scope, printer, &out, more, gzip))
}

/// From where, and at which version.
fn start(world: &World, route: &Route) -> Result<(Position, u64), Failure> {
    let current = world.version();
    if let Some(text) = route.parameter("continue") {
        if route.parameter("resourceVersion").is_some_and(|version| version != "0") {
            return Err(Failure::bad_request("specifying resource version is not allowed when using continue"));
        }
        let Some((version, position)) = parse_token(text) else {
            return Err(Failure::bad_request("continue key is not valid: it was not issued by this server"));
        };
        return match version {
            // The token that came with a 410: the rest of the list as it is now.
            None => Ok((position, current)),
            Some(version) if version < world.compacted() => {
                let mut failure = Failure::expired(
                    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
                );
                failure.cont = Some(encode_token(None, &position));
                Err(failure)
            }
            Some(version) => Ok((position, version)),
        };
    }
    let exact = route.parameter("resourceVersionMatch") == Some("Exact");
    match version(route)? {
        None if route.parameter("resourceVersionMatch").is_some() => Err(Failure::invalid(
            "ListOptions",
            "resourceVersionMatch",
            "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        )),
        Some(asked) if asked > current => Err(Failure::future_version(asked, current)),
        // Only the present is kept; an older snapshot is as good as compacted.
        Some(asked) if exact && asked != current => Err(Failure::expired(format!(
            "The resourceVersion for the provided list is too old: {asked} (current: {current})"
        ))),
        _ => Ok((Position::Start, current)),
    }
}

fn head(out: &mut Vec<u8>, printer: &Printer, metadata: &Value) {
    let (kind, api_version) = printer.list_kind();
    push(out, r#"{"kind":"#);
    write_json(out, &kind);
    push(out, r#","apiVersion":"#);
    write_json(out, &api_version);
    push(out, r#","metadata":"#);
    write_json(out, metadata);
    if matches!(printer.form, Form::Table(_)) {
        push(out, r#","columnDefinitions":"#);
        write_json(out, &table::definitions(printer.resource));
        push(out, r#","rows":["#);
    } else {
        push(out, r#","items":["#);
    }
}

fn write_items(out: &mut Vec<u8>, printer: &Printer, items: &[Item], world: &World, mut first: bool) {
    for item in items {
        if !first {
            out.push(b',');
        }
        first = false;
        printer.item(out, item, world.load());
    }
}

/// The rest of an unbounded list, a step per poll, so that 300 MB never exist at once.
fn stream(
    shared: Arc<Shared>,
    scope: Scope,
    printer: Printer,
    first: &[u8],
    from: Position,
    gzip: bool,
) -> Response<Body> {
    let mut encoder = Encoder::new(gzip);
    let opening = encoder.encode(first);
    let steps = futures::stream::unfold((Some(from), Some(opening), encoder), move |(from, opening, mut encoder)| {
        let step = opening.or_else(|| from.as_ref().map(|_| Bytes::new()));
        let result = match step {
            None => None,
            Some(bytes) if !bytes.is_empty() => Some((bytes, (from, None, encoder))),
            Some(_) => {
                let mut out = Vec::with_capacity(STEP * 6144);
                let next = from.and_then(|from| {
                    let state = shared.state();
                    let (items, next) = scope.scan(&state.world, &from, STEP);
                    write_items(&mut out, &printer, &items, &state.world, false);
                    next
                });
                let mut bytes;
                if next.is_none() {
                    push(&mut out, "]}\n");
                    bytes = encoder.encode(&out).to_vec();
                    bytes.extend_from_slice(&encoder.finish());
                } else {
                    bytes = encoder.encode(&out).to_vec();
                }
                Some((Bytes::from(bytes), (next, None, encoder)))
            }
        };
        std::future::ready(result.map(|(bytes, rest)| (Ok::<_, std::io::Error>(bytes), rest)))
    });
    let mut response = typed("application/json", Body::from_stream(steps));
    if gzip {
        bodies::mark_gzip(&mut response);
    }
    response
}

fn token(version: u64, position: &Position) -> String {
    encode_token(Some(version), position)
}

/// Opaque to clients: hexadecimal of a small JSON object.
fn encode_token(version: Option<u64>, position: &Position) -> String {
    let position = match position {
        Position::Start => json!({}),
        Position::After(namespace, name) => json!({"namespace": namespace, "name": name}),
        Position::Load(index) => json!({"load": index}),
    };
    let text = json!({"version": version, "after": position}).to_string();
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut hex, byte| {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        hex
    })
}

fn parse_token(token: &str) -> Option<(Option<u64>, Position)> {
    let bytes: Option<Vec<u8>> =
        token.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let value: Value = serde_json::from_slice(&bytes?).ok()?;
    let after = value.get("after")?;
    let position = if let Some(index) = after.get("load") {
        Position::Load(usize::try_from(index.as_u64()?).ok()?)
    } else {
        let text = |key: &str| after.get(key).and_then(Value::as_str).map(str::to_owned);
        Position::After(text("namespace")?, text("name")?)
    };
    Some((value.get("version")?.as_u64(), position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_and_others_are_refused() {
        for position in [Position::After("a".to_owned(), "b-1".to_owned()), Position::Load(77)] {
            assert_eq!(parse_token(&token(5, &position)), Some((Some(5), position.clone())));
            assert_eq!(parse_token(&encode_token(None, &position)), Some((None, position)));
        }
        for bad in ["", "zz", "7b7d", "abc"] {
            assert_eq!(parse_token(bad), None, "{bad}");
        }
    }
}
