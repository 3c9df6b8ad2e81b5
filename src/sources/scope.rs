//! One scope of a feed, the whole cluster or one namespace: list, watch, and what to do when either fails. Rows that
//! are there stay while it lists anew.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::Api;
use kube::runtime::watcher::{self, Event};

use super::memory;
use super::outbox::{Gone, Outbox};
use super::report::{EVENT, Report, scope_name};
use super::slim::Slim;
use super::watch::Feed;
use crate::clients::api::{ApiMap, Found};
use crate::clients::bounds::Exceeded;
use crate::clients::errors::RequestError;
use crate::domain::change::{Bad, Batch, Change, FeedState, Scope};
use crate::domain::record::{KindId, clean};
use crate::domain::served::Served;
use crate::kinds;

/// News is gathered this long, so that a busy cluster costs few wake-ups. Keys are never kept waiting by it.
const PACE: Duration = Duration::from_millis(200);
/// After an error, this long without another one is a recovery.
const QUIET: Duration = Duration::from_secs(2);
/// The server ends each watch after so many seconds; a dead one is noticed by then at the latest.
const WATCH_SECONDS: u32 = 120;
const PAGE: u32 = 500;
/// Objects of one kind that are kept: twice what Kubernetes says that a cluster may have of pods.
const MOST: u32 = 300_000;
/// After a list of so many objects the heap is worth trimming.
const LARGE: u32 = 2_000;

/// Why a scope ended.
pub(super) enum End {
    Refused(String),
    /// The API no longer knows the kind, or knows it in another version.
    Moved,
    Gone,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

type News = Result<Event<Slim>, watcher::Error>;

/// The list and watch of one scope.
pub(super) struct Scoped<'f> {
    feed: &'f Feed,
    served: &'f Served,
    scope: Scope,
    name: Option<String>,
    out: Outbox<Batch>,
    /// Failures in a row.
    failures: u32,
    /// A full list has been seen: what comes now is late, not absent.
    had_data: bool,
    /// Something failed, and nothing has been heard since.
    troubled: bool,
    listing: bool,
    /// Objects that are asked for at a time.
    page: u32,
    /// Objects of the list under way.
    listed: u32,
}

impl<'f> Scoped<'f> {
    pub fn new(feed: &'f Feed, scope: Scope, namespace: &str, served: &'f Served) -> Self {
        Self {
            feed,
            served,
            scope,
            name: scope_name(scope, namespace),
            out: feed.outbox(),
            failures: 0,
            had_data: false,
            troubled: false,
            listing: true,
            page: PAGE,
            listed: 0,
        }
    }

    /// Goes on until it is refused, or the kind moves, or nobody listens.
    pub async fn run(mut self, api: Api<Slim>) -> End {
        match self.drive(api).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn drive(&mut self, api: Api<Slim>) -> Result<std::convert::Infallible, End> {
        self.tell(FeedState::Listing { seen: 0 }, None).await?;
        loop {
            self.follow(api.clone()).await?;
            // fewer of these objects at a time may have room
            self.page = (self.page / 10).max(1);
        }
    }

    /// Lists and watches, until a page of a list is larger than may be held.
    async fn follow(&mut self, api: Api<Slim>) -> Result<(), End> {
        let mut config = watcher::Config::default().page_size(self.page).timeout(WATCH_SECONDS);
        if let Some(selector) = kinds::selector(self.feed.kind) {
            config = config.fields(selector);
        }
        let mut stream = std::pin::pin!(watcher::watcher(api, config));
        let mut link = self.feed.shared.link.clone();
        let mut map = self.feed.shared.served.clone();
        loop {
            tokio::select! {
                biased;
                event = stream.next() => {
                    let error = self.gather(event, &mut stream).await?;
                    if self.listing && self.page > 1 && matches!(error, Some(RequestError::Exceeded(_))) {
                        return Ok(());
                    }
                    self.after(error).await?;
                }
                () = tokio::time::sleep(QUIET), if self.troubled && self.had_data => {
                    // the watcher says nothing when a watch starts again; a quiet one on a healthy link has
                    if link.borrow().is_none() {
                        self.well();
                        self.tell(FeedState::Live, None).await?;
                    }
                }
                changed = link.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    let why = link.borrow_and_update().clone();
                    if self.had_data && why.is_some() {
                        self.troubled = true;
                        self.tell(FeedState::Stale, why.as_deref()).await?;
                    }
                }
                changed = map.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    if map.borrow_and_update().as_deref().is_some_and(|map| self.has_moved(map)) {
                        return Err(End::Moved);
                    }
                }
            }
        }
    }

    fn has_moved(&self, map: &ApiMap) -> bool {
        match map.find(&self.served.group, kinds::spec(self.feed.kind).name, &[&self.served.version]) {
            Found::Served(now) => now != *self.served,
            Found::Absent => true,
            Found::Stale => false,
        }
    }

    fn well(&mut self) {
        self.failures = 0;
        self.troubled = false;
    }

    fn set(&self, state: FeedState, error: Option<&str>) {
        self.feed.report.borrow_mut().set(self.name.clone(), state, error);
    }

    async fn tell(&mut self, state: FeedState, error: Option<&str>) -> Result<(), Gone> {
        self.set(state, error);
        self.feed.tell(&mut self.out).await
    }

    /// Takes an event in, and whatever has arrived besides, before the session is woken. Gives the first error.
    async fn gather(
        &mut self,
        first: Option<News>,
        stream: &mut Pin<&mut impl Stream<Item = News>>,
    ) -> Result<Option<RequestError>, End> {
        let mut error = self.take(first.ok_or(End::Moved)?);
        let mut idle = 0;
        while error.is_none() && idle < 3 && self.out.len() < PAGE as usize {
            match futures::poll!(stream.next()) {
                Poll::Ready(event) => {
                    error = self.take(event.ok_or(End::Moved)?);
                    idle = 0;
                }
                Poll::Pending => {
                    tokio::task::yield_now().await;
                    idle += 1;
                }
            }
        }
        Ok(error)
    }

    /// Tells what was taken in, or what failed; then waits as long as is due.
    async fn after(&mut self, error: Option<RequestError>) -> Result<(), End> {
        match error {
            None => {
                self.well();
                self.feed.tell(&mut self.out).await?;
                let live = self.feed.report.borrow().state(&self.name) == Some(FeedState::Live);
                if live {
                    tokio::time::sleep(PACE).await;
                    // by now the session has taken the list in, too
                    if self.listing && self.feed.report.borrow().seen() >= LARGE {
                        memory::give_back();
                    }
                }
                self.listing = !live;
            }
            Some(RequestError::Forbidden { says, .. }) => {
                // refused for the whole cluster is no news before single namespaces have been tried
                if self.name.is_some() {
                    self.tell(FeedState::NoAccess, Some(&says)).await?;
                }
                return Err(End::Refused(says));
            }
            Some(RequestError::NotFound { .. }) if !self.had_data => return Err(End::Moved),
            // the watcher lists anew by itself; rows stay
            Some(RequestError::Gone) => {}
            Some(error) => {
                self.failures += 1;
                self.troubled = true;
                let state = if self.had_data { FeedState::Stale } else { FeedState::Unreachable };
                let why = error.told();
                self.tell(state, Some(&why)).await?;
                tokio::time::sleep(pause(&error, self.failures, self.feed.kind)).await;
            }
        }
        Ok(())
    }

    /// Takes one event of the watcher in.
    fn take(&mut self, event: News) -> Option<RequestError> {
        let now = (self.feed.shared.clock)();
        match event {
            Ok(Event::Init) => {
                self.listed = 0;
                self.out.push(Change::Listing { scope: self.scope });
                self.set(FeedState::Listing { seen: 0 }, None);
            }
            Ok(Event::InitApply(object)) => {
                self.listed += 1;
                match self.listed {
                    ..=MOST => {
                        self.feed.report.borrow_mut().saw(1);
                        self.upsert(object);
                    }
                    // a list without end
                    n if n > 4 * MOST => return Some(RequestError::Exceeded(Exceeded::Objects(MOST))),
                    _ => {}
                }
            }
            Ok(Event::InitDone) => {
                self.feed.report.borrow_mut().complete();
                self.out.push(Change::Listed { scope: self.scope });
                let more =
                    (self.listed > MOST).then(|| format!("{}: the others are not read", Exceeded::Objects(MOST)));
                self.set(FeedState::Live, more.as_deref());
                self.had_data = true;
            }
            Ok(Event::Apply(object)) => {
                self.set(FeedState::Live, None);
                self.upsert(object);
            }
            Ok(Event::Delete(object)) => {
                self.set(FeedState::Live, None);
                if let Ok(record) = object.record {
                    self.out.push(Change::Remove(record.uid));
                }
            }
            Err(watcher::Error::WatchFailed(kube::Error::SerdeError(error))) => {
                // one line of the stream; the stream itself goes on
                let bad = Bad { name: EVENT.into(), error: clean(&error.to_string()) };
                self.feed.report.borrow_mut().bad(bad);
            }
            Err(error) => return Some(self.feed.shared.cluster.with_wait(RequestError::from_watcher(&error))),
        }
        self.feed.report.borrow_mut().heard(now);
        None
    }

    fn upsert(&mut self, object: Slim) {
        let report: &mut Report = &mut self.feed.report.borrow_mut();
        match object.record {
            Ok(record) => {
                report.good(&record.name);
                self.out.push(Change::Upsert(record));
            }
            Err(bad) => report.bad(bad),
        }
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
