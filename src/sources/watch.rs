//! The feed of a kind of the Kubernetes API: discovery, list and watch through kube's watcher, with its own back-off.
//!
//! Refused for the whole cluster, it falls back to single namespaces. A relist comes behind the rows that are there.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use kube::Api;
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Event};
use tokio::sync::{mpsc, watch};

use super::Clock;
use super::outbox::{Gone, Outbox};
use super::report::{Report, scope_name};
use super::slim::{DECODER, Decoder, Slim};
use crate::clients::api::{ApiMap, Found, Served};
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::domain::change::{Batch, Change, FeedState, Scope};
use crate::domain::interner::Interner;
use crate::domain::record::KindId;
use crate::kinds::{self, Api as KindApi};

/// News is gathered this long, so that a busy cluster costs few wake-ups. Keys are never kept waiting by it.
const PACE: Duration = Duration::from_millis(120);
/// After an error, this long without another one is a recovery.
const QUIET: Duration = Duration::from_secs(2);
/// The server ends each watch after so many seconds; a dead one is noticed by then at the latest.
const WATCH_SECONDS: u32 = 120;
const PAGE: u32 = 500;
/// After a 404 for a kind that discovery lists: a server that has just started, or a CRD that is just established.
const MISSING_RETRY: Duration = Duration::from_secs(5);
/// A refused feed asks again this often: rights may have been granted.
const REFUSED_RETRY: Duration = Duration::from_secs(60);

/// Everything the feeds of one cluster share.
#[derive(Debug, Clone)]
pub struct Shared {
    pub cluster: Arc<Cluster>,
    pub interner: Rc<RefCell<Interner>>,
    pub news: mpsc::Sender<Batch>,
    /// What is served; `None` until discovery has answered.
    pub served: watch::Receiver<Option<Arc<ApiMap>>>,
    /// Whether the API server answers; why not.
    pub link: watch::Receiver<Option<String>>,
    /// Read when the whole cluster may not be.
    pub namespaces: Rc<[String]>,
    pub clock: Clock,
}

struct Feed {
    kind: KindId,
    shared: Shared,
    report: Rc<RefCell<Report>>,
}

/// Why a scope ended.
enum End {
    Refused(String),
    /// The API no longer knows the kind, or knows it in another version.
    Moved,
    Gone,
}

/// Runs the feed of one kind until the receiver of its news goes away.
pub async fn run(kind: KindId, shared: Shared) {
    let KindApi::Watch { group, versions, decode, .. } = kinds::spec(kind).api else { return };
    let decoder = Decoder { decode, interner: shared.interner.clone() };
    let feed = Feed { kind, shared, report: Rc::default() };
    let _ = DECODER.scope(decoder, feed.run(group, versions)).await;
}

impl Feed {
    fn outbox(&self) -> Outbox<Batch> {
        Outbox::new(self.kind, self.shared.interner.clone(), self.shared.news.clone(), |batch| batch)
    }

    async fn tell(&self, out: &mut Outbox<Batch>) -> Result<(), Gone> {
        let news = self.report.borrow_mut().news((self.shared.clock)());
        if let Some(feed) = news {
            out.push(Change::Feed(feed));
        }
        out.flush().await
    }

    async fn run(&self, group: &str, versions: &[&str]) -> Result<(), Gone> {
        let mut out = self.outbox();
        let mut served = self.shared.served.clone();
        loop {
            let map = served.borrow_and_update().clone();
            let found = map.map(|map| map.find(group, kinds::spec(self.kind).name, versions));
            match found {
                None => {}
                Some(Found::Absent) => {
                    self.report.borrow_mut().restart();
                    self.report.borrow_mut().set(None, FeedState::NotInstalled, None);
                    self.tell(&mut out).await?;
                }
                Some(Found::Stale) => {
                    let why = format!("the server behind {group} does not answer");
                    self.report.borrow_mut().set(None, FeedState::Unreachable, Some(&why));
                    self.tell(&mut out).await?;
                }
                Some(Found::Served(found)) => {
                    let version = format!("{}/{}", found.group, found.version);
                    self.report.borrow_mut().origin(version.trim_start_matches('/'));
                    self.serve(&found, &mut out).await?;
                    if !served.has_changed().map_err(|_| Gone)? {
                        let why = "discovery lists this kind, but the server does not find it";
                        self.report.borrow_mut().restart();
                        self.report.borrow_mut().set(None, FeedState::Unreachable, Some(why));
                        self.tell(&mut out).await?;
                    }
                    tokio::select! {
                        changed = served.changed() => changed.map_err(|_| Gone)?,
                        () = tokio::time::sleep(MISSING_RETRY) => {}
                    }
                    continue;
                }
            }
            served.changed().await.map_err(|_| Gone)?;
        }
    }

    /// Watches what is served, until that changes.
    async fn serve(&self, served: &Served, out: &mut Outbox<Batch>) -> Result<(), Gone> {
        let resource = resource(served, kinds::spec(self.kind).name);
        loop {
            self.report.borrow_mut().restart();
            let all = Api::<Slim>::all_with(self.shared.cluster.read.clone(), &resource);
            let why = match self.scope(all, Scope::All, "", served).await {
                End::Gone => return Err(Gone),
                End::Moved => return Ok(()),
                End::Refused(why) => why,
            };
            self.report.borrow_mut().restart();
            if served.namespaced && !self.shared.namespaces.is_empty() {
                let each = self.shared.namespaces.iter().map(|name| {
                    let namespace = self.shared.interner.borrow_mut().get(name);
                    let api = Api::<Slim>::namespaced_with(self.shared.cluster.read.clone(), name, &resource);
                    self.scope(api, Scope::Namespace(namespace), name, served)
                });
                // each ends when it is refused or when the kind moves; readable ones go on
                for end in join_all(each).await {
                    match end {
                        End::Gone => return Err(Gone),
                        End::Moved => return Ok(()),
                        End::Refused(_) => {}
                    }
                }
            } else {
                self.report.borrow_mut().set(None, FeedState::NoAccess, Some(&why));
                self.tell(out).await?;
            }
            tokio::time::sleep(REFUSED_RETRY).await;
        }
    }

    /// Lists and watches one scope.
    async fn scope(&self, api: Api<Slim>, scope: Scope, namespace: &str, served: &Served) -> End {
        let name = scope_name(scope, namespace);
        let mut out = self.outbox();
        let config = watcher::Config::default().page_size(PAGE).timeout(WATCH_SECONDS);
        let mut stream = std::pin::pin!(watcher::watcher(api, config));
        let mut link = self.shared.link.clone();
        let mut map = self.shared.served.clone();
        let mut failures = 0u32;
        let mut had_data = false;
        let mut troubled = false;
        self.report.borrow_mut().set(name.clone(), FeedState::Listing { seen: 0 }, None);
        if self.tell(&mut out).await.is_err() {
            return End::Gone;
        }
        loop {
            let event = tokio::select! {
                biased;
                event = stream.next() => event,
                () = tokio::time::sleep(QUIET), if troubled && had_data => {
                    // the watcher says nothing when a watch starts again; a quiet one on a healthy link has
                    if link.borrow().is_none() {
                        troubled = false;
                        failures = 0;
                        self.report.borrow_mut().set(name.clone(), FeedState::Live, None);
                        if self.tell(&mut out).await.is_err() { return End::Gone; }
                    }
                    continue;
                }
                changed = link.changed() => {
                    if changed.is_err() { return End::Gone; }
                    let why = link.borrow_and_update().clone();
                    if had_data && why.is_some() {
                        troubled = true;
                        self.report.borrow_mut().set(name.clone(), FeedState::Stale, why.as_deref());
                        if self.tell(&mut out).await.is_err() { return End::Gone; }
                    }
                    continue;
                }
                changed = map.changed() => {
                    if changed.is_err() { return End::Gone; }
                    let known = map.borrow_and_update().clone();
                    let found = known.map(|m| m.find(&served.group, kinds::spec(self.kind).name, &[&served.version]));
                    match found {
                        Some(Found::Served(now)) if now != *served => return End::Moved,
                        Some(Found::Absent) => return End::Moved,
                        _ => {}
                    }
                    continue;
                }
            };
            let Some(event) = event else { return End::Moved };
            let mut error = self.take(event, scope, &name, &mut had_data, &mut out);
            // whatever has arrived besides, before waking the session
            let mut idle = 0;
            while error.is_none() && idle < 3 && out.len() < PAGE as usize {
                match futures::poll!(stream.next()) {
                    std::task::Poll::Ready(Some(event)) => {
                        error = self.take(event, scope, &name, &mut had_data, &mut out);
                        idle = 0;
                    }
                    std::task::Poll::Ready(None) => return End::Moved,
                    std::task::Poll::Pending => {
                        tokio::task::yield_now().await;
                        idle += 1;
                    }
                }
            }
            match error {
                None => {
                    failures = 0;
                    troubled = false;
                    if self.tell(&mut out).await.is_err() {
                        return End::Gone;
                    }
                    if self.report.borrow().state(&name) == Some(FeedState::Live) {
                        tokio::time::sleep(PACE).await;
                    }
                }
                Some(RequestError::Forbidden { says, .. }) => {
                    self.report.borrow_mut().set(name.clone(), FeedState::NoAccess, Some(&says));
                    return if self.tell(&mut out).await.is_err() { End::Gone } else { End::Refused(says) };
                }
                Some(RequestError::NotFound { .. }) if !had_data => return End::Moved,
                // the watcher lists anew by itself; rows stay
                Some(RequestError::Gone) => {}
                Some(error) => {
                    failures += 1;
                    troubled = true;
                    let state = if had_data { FeedState::Stale } else { FeedState::Unreachable };
                    let why = format!("{}: {}", error.headline(), error.detail());
                    self.report.borrow_mut().set(name.clone(), state, Some(&why));
                    if self.tell(&mut out).await.is_err() {
                        return End::Gone;
                    }
                    tokio::time::sleep(pause(&error, failures, self.kind)).await;
                }
            }
        }
    }

    /// Takes one event of the watcher in.
    fn take(
        &self,
        event: Result<Event<Slim>, watcher::Error>,
        scope: Scope,
        name: &Option<String>,
        had_data: &mut bool,
        out: &mut Outbox<Batch>,
    ) -> Option<RequestError> {
        let now = (self.shared.clock)();
        let mut report = self.report.borrow_mut();
        match event {
            Ok(Event::Init) => {
                out.push(Change::Listing { scope });
                report.set(name.clone(), FeedState::Listing { seen: 0 }, None);
            }
            Ok(Event::InitApply(object)) => {
                report.saw(1);
                upsert(object, &mut report, out);
            }
            Ok(Event::InitDone) => {
                out.push(Change::Listed { scope });
                report.set(name.clone(), FeedState::Live, None);
                *had_data = true;
            }
            Ok(Event::Apply(object)) => {
                report.set(name.clone(), FeedState::Live, None);
                upsert(object, &mut report, out);
            }
            Ok(Event::Delete(object)) => {
                report.set(name.clone(), FeedState::Live, None);
                if let Ok(record) = object.record {
                    out.push(Change::Remove(record.uid));
                }
            }
            Err(watcher::Error::WatchFailed(kube::Error::SerdeError(error))) => {
                // one line of the stream; the stream itself goes on
                report.bad(crate::domain::change::Bad {
                    name: "(an event)".into(),
                    error: crate::domain::record::clean(&error.to_string()),
                });
            }
            Err(error) => return Some(self.shared.cluster.with_wait(RequestError::from_watcher(&error))),
        }
        report.heard(now);
        None
    }
}

fn upsert(object: Slim, report: &mut Report, out: &mut Outbox<Batch>) {
    match object.record {
        Ok(record) => {
            report.good(&record.name);
            out.push(Change::Upsert(record));
        }
        Err(bad) => report.bad(bad),
    }
}

fn resource(served: &Served, kind: &str) -> ApiResource {
    let api_version =
        if served.group.is_empty() { served.version.clone() } else { format!("{}/{}", served.group, served.version) };
    ApiResource {
        group: served.group.clone(),
        version: served.version.clone(),
        api_version,
        kind: kind.to_owned(),
        plural: served.plural.clone(),
    }
}

/// How long to wait after the n-th failure in a row: what the server asked for, else 1 s doubling to 30 s, spread by
/// kind so that the feeds of a cluster that comes back do not all ask at once.
fn pause(error: &RequestError, failures: u32, kind: KindId) -> Duration {
    if let RequestError::Throttled { retry_after: Some(wait) } = error {
        return *wait;
    }
    let base = Duration::from_secs(1 << failures.saturating_sub(1).min(5)).min(Duration::from_secs(30));
    let spread = (u32::from(kind.0) * 37 + failures * 11) % 50;
    base.mul_f64(0.75 + f64::from(spread) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_grows_to_half_a_minute_and_differs_by_kind() {
        let error = RequestError::Refused;
        let at = |n| pause(&error, n, KindId(0));
        assert!(at(1) < at(3) && at(3) < at(9));
        assert!(at(40) <= Duration::from_secs(38));
        assert_ne!(pause(&error, 3, KindId(1)), pause(&error, 3, KindId(2)));
    }

    #[test]
    fn the_servers_own_wait_is_honoured() {
        let error = RequestError::Throttled { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(pause(&error, 1, KindId(0)), Duration::from_secs(7));
    }
}
