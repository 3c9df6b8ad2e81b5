//! Watches: initial events, changes from the bounded history, bookmarks, expiry. A stream is generated when its client
//! reads, never queued; a client that is too slow for the history gets an in-stream 410.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::list::{scope, version};
use super::load::LoadPod;
use super::negotiate::{self, Form};
use super::objects::{Item, Position, Printer, Scope, push, write_json};
use super::resources::{Origin, Resource};
use super::route::{Route, Target};
use super::shared::Shared;
use super::status::{Failure, typed};
use super::world::{Change, World};

/// Bookmarks are a minute apart on the demo's clock.
const BOOKMARKS: i64 = 60;
/// Initial events per chunk; later changes come one per chunk.
const INITIAL: usize = 64;
/// Changes turned into chunks under one lock.
const BATCH: usize = 256;
/// The API server picks a random time from half an hour on.
const DEFAULT_TIMEOUT: u64 = 2400;

/// Opens a watch.
///
/// # Errors
/// 400, 406, 405 for kinds that cannot be watched, 410 for a version before the history, 422 for streaming lists that are
/// off or badly asked for, 504 for a version that does not exist yet.
pub fn watch(
    shared: &Arc<Shared>,
    route: &Route,
    headers: &HeaderMap,
    target: &Target,
    resource: &'static Resource,
) -> Result<Response<Body>, Failure> {
    if resource.origin == Origin::Metrics {
        return Err(Failure::method_not_allowed(
            "watch is not supported on resources of kind \"".to_owned() + resource.plural + "\"",
        ));
    }
    let form = negotiate::form(headers, false, route.parameter("includeObject"))?;
    let scope = scope(route, target, resource)?;
    let asked = version(route)?;
    let initial = route.parameter("sendInitialEvents").map(|_| route.flag("sendInitialEvents"));
    let matching = route.parameter("resourceVersionMatch");
    let timeout = match route.parameter("timeoutSeconds") {
        None => DEFAULT_TIMEOUT,
        Some(text) => text.parse().map_err(|_| {
            Failure::invalid("ListOptions", "timeoutSeconds", &format!("Invalid value: {text:?}: must be a number"))
        })?,
    };
    let mut state = shared.state();
    let world = &mut state.world;
    if initial.is_some() && !world.streaming_lists() {
        let message =
            "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        return Err(Failure::invalid("ListOptions", "sendInitialEvents", message));
    }
    if initial.is_some() && matching != Some("NotOlderThan") {
        let message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(Failure::invalid("ListOptions", "resourceVersionMatch", message));
    }
    if initial.is_none() && matching.is_some() {
        let message = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        return Err(Failure::invalid("ListOptions", "resourceVersionMatch", message));
    }
    let current = world.version();
    if let Some(asked) = asked.filter(|asked| *asked > current) {
        return Err(Failure::future_version(asked, current));
    }
    // "Get state and start at any" without a version; explicit false starts at the version, or now.
    let replay = initial.unwrap_or(matches!(asked, None | Some(0)));
    let since = if replay { current } else { asked.filter(|asked| *asked > 0).unwrap_or(current) };
    if since < world.stock(resource.kind).map_or(0, |stock| stock.forgotten) {
        return Err(too_old(since, world));
    }
    let watcher = Watcher {
        scope,
        printer: Printer { resource, version: target.version.clone(), form, now: world.now() },
        since,
        replay: replay.then_some(Position::Start),
        ends_replay: initial == Some(true),
        bookmarks: route.flag("allowWatchBookmarks"),
        header_sent: false,
        next_bookmark: world.now().as_second() + BOOKMARKS,
        ready: VecDeque::new(),
        over: false,
        news: world.news(resource.kind),
        pulse: shared.pulse.subscribe(),
        deadline: Instant::now() + Duration::from_secs(timeout),
        shared: Arc::clone(shared),
    };
    drop(state);
    let frames = futures::stream::unfold(watcher, |mut watcher| async move {
        let frame = watcher.next().await?;
        Some((Ok::<_, std::io::Error>(frame), watcher))
    });
    Ok(typed("application/json", Body::from_stream(frames)))
}

fn too_old(since: u64, world: &World) -> Failure {
    Failure::expired(format!("too old resource version: {since} ({})", world.version()))
}

/// The in-stream form of a refusal.
#[must_use]
pub fn error_frame(failure: &Failure) -> Bytes {
    let mut out = Vec::new();
    push(&mut out, r#"{"type":"ERROR","object":"#);
    write_json(&mut out, &failure.body());
    push(&mut out, "}\n");
    Bytes::from(out)
}

#[expect(clippy::struct_excessive_bools, reason = "what the client asked for and what was sent, not a state machine")]
struct Watcher {
    shared: Arc<Shared>,
    scope: Scope,
    printer: Printer,
    /// Everything up to this version was sent.
    since: u64,
    /// Where the initial events go on.
    replay: Option<Position>,
    /// Whether they end with the annotated bookmark of a streaming list.
    ends_replay: bool,
    bookmarks: bool,
    header_sent: bool,
    /// Unix seconds on the demo's clock.
    next_bookmark: i64,
    ready: VecDeque<Bytes>,
    over: bool,
    news: watch::Receiver<u64>,
    pulse: watch::Receiver<u64>,
    deadline: Instant,
}

impl Watcher {
    /// The next chunk; none when the watch is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.over {
                return None;
            }
            self.news.mark_unchanged();
            self.gather();
            if !self.ready.is_empty() || self.over {
                continue;
            }
            tokio::select! {
                _ = self.news.changed() => {}
                _ = self.pulse.changed() => {}
                () = tokio::time::sleep_until(self.deadline) => {
                    if self.bookmarks {
                        self.gather();
                        // It names the version up to which everything was sent.
                        let bookmark = self.bookmark(self.since, false);
                        self.ready.push_back(bookmark);
                    }
                    self.over = true;
                }
            }
        }
    }

    /// Turns what is new into chunks.
    fn gather(&mut self) {
        let shared = Arc::clone(&self.shared);
        let state = shared.state();
        let world = &state.world;
        self.printer.now = world.now();
        // The kind was taken away, or is served in another version now: the API server ends such watches.
        if world.served_version(self.printer.resource.group) != Some(self.printer.version.as_str()) {
            self.over = true;
            return;
        }
        if let Some(from) = self.replay.take() {
            self.replay_from(world, &from);
            return;
        }
        self.changes(world);
        if self.bookmarks && self.ready.is_empty() && world.now().as_second() >= self.next_bookmark {
            self.next_bookmark = world.now().as_second() + BOOKMARKS;
            let bookmark = self.bookmark(self.since, false);
            self.ready.push_back(bookmark);
        }
    }

    fn replay_from(&mut self, world: &World, from: &Position) {
        let (items, next) = self.scope.scan(world, from, INITIAL);
        let mut chunk = Vec::with_capacity(items.len() * 6200);
        for item in &items {
            self.frame(&mut chunk, "ADDED", item, world);
        }
        if next.is_none() && self.ends_replay && self.bookmarks {
            let bookmark = self.bookmark(self.since, true);
            chunk.extend_from_slice(&bookmark);
        }
        self.replay = next;
        if !chunk.is_empty() {
            self.ready.push_back(Bytes::from(chunk));
        } else if self.replay.is_none() {
            self.changes(world);
        }
    }

    fn changes(&mut self, world: &World) {
        let Some(stock) = world.stock(self.printer.resource.kind) else { return };
        if self.since < stock.forgotten {
            self.ready.push_back(error_frame(&too_old(self.since, world)));
            self.over = true;
            return;
        }
        for event in stock.since(self.since) {
            if self.ready.len() >= BATCH {
                return;
            }
            self.since = event.version;
            let Some((kind, item)) = self.seen(&event.change, event.version, world) else { continue };
            let mut chunk = Vec::with_capacity(6400);
            self.frame(&mut chunk, kind, &item, world);
            self.ready.push_back(Bytes::from(chunk));
        }
        self.since = world.version();
    }

    /// A change as this scope sees it: an object that stops matching is deleted for it, one that begins to is added.
    fn seen(&self, change: &Change, version: u64, world: &World) -> Option<(&'static str, Item)> {
        match change {
            Change::Load { index, changes } => {
                let load = world.load()?;
                let index = usize::try_from(*index).ok()?;
                let pod = LoadPod { version, changes: *changes, ..load.get(index) };
                self.scope.holds_load(load, index).then_some(("MODIFIED", Item::Load(pod)))
            }
            Change::Stored { before, after, gone } => {
                let was = before.as_ref().is_some_and(|before| self.scope.holds(before));
                let is = !gone && self.scope.holds(after);
                let kind = match (was, is) {
                    (false, false) => return None,
                    (false, true) => "ADDED",
                    (true, true) => "MODIFIED",
                    (true, false) => "DELETED",
                };
                Some((kind, Item::Stored(Arc::clone(after))))
            }
        }
    }

    fn frame(&mut self, out: &mut Vec<u8>, kind: &str, item: &Item, world: &World) {
        push(out, r#"{"type":""#);
        push(out, kind);
        push(out, r#"","object":"#);
        self.printer.single(out, item, world.load(), !self.header_sent);
        self.header_sent = true;
        push(out, "}\n");
    }

    fn bookmark(&mut self, version: u64, initial_end: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": Value::Null});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({
            "kind": self.printer.resource.kind, "apiVersion": self.printer.api_version(), "metadata": metadata,
        });
        let object = match self.printer.form {
            Form::Full if self.printer.resource.kind == "Pod" => {
                // Typed objects are sent with their zero values: null where a list would be.
                let mut object = object;
                object["spec"] = json!({"containers": null});
                object["status"] = json!({});
                object
            }
            Form::Full => object,
            Form::Partial => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
            }),
            Form::Table(_) => {
                let mut out = Vec::new();
                self.printer.single(&mut out, &Item::Stored(Arc::new(object)), None, !self.header_sent);
                self.header_sent = true;
                serde_json::from_slice(&out).unwrap_or_default()
            }
        };
        Bytes::from(json!({"type": "BOOKMARK", "object": object}).to_string() + "\n")
    }
}
