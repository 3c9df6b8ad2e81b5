//! One scope of a feed, the whole cluster or one namespace: list, watch, and what to do when either fails. Rows that
//! are there stay while it lists again. Where a watch is refused, or is ended at once whenever it begins, it lists every
//! now and then, and says so.

#![expect(clippy::disallowed_methods, reason = "how old a list is decides what a refused watch means")]

use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt};
use kube::Api;
use tokio::sync::watch;

use super::feed::Feed;
use super::memory;
use super::outbox::{Gone, Outbox};
use super::pause::{self, pause};
use super::reader::{Event, News, PAGE, Step, Trouble, read};
use super::report::{EVENT, Report, Saying, scope_name};
use super::slim::Slim;
use crate::clients::api::{ApiMap, Found};
use crate::clients::bounds::Exceeded;
use crate::clients::errors::RequestError;
use crate::domain::change::{Bad, Batch, Change, FeedState, Scope};
use crate::domain::record::clean;
use crate::domain::served::Served;
use crate::kinds;

/// News is gathered this long, so that a busy cluster costs few wake-ups. Keys are never kept waiting by it.
const PACE: Duration = Duration::from_millis(200);
/// A watch that lived this long was one: nothing on the way ends them at once.
const LONG: Duration = Duration::from_secs(10);
/// So many watches that were ended at once and brought nothing make a feed that is polled.
const MOST_SHORT: u32 = 3;
/// Objects of one kind that are kept: twice what Kubernetes says that a cluster may have of pods.
const MOST: u32 = 300_000;
/// After a list of so many objects the heap is worth trimming.
const LARGE: u32 = 2_000;
/// A feed that was live and is refused asks so often again, within some 15 s, before that is believed: an API server
/// that has just started refuses what it allows a moment later.
const DISBELIEVED: u32 = 4;
/// A watch that is refused this soon after its list, and never opened, is refused for itself; else the right to list may
/// be gone, too.
const FRESH_LIST: Duration = Duration::from_secs(10);
/// So many failures in a row may pass before one is the feed's last word for now.
const PASSING: u32 = 3;

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

/// What ends the taking in of events.
enum Halt {
    Failed(Trouble),
    Ended { lived: Duration, silent: bool },
    Back,
}

/// How the stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Where it is.
    Step,
    /// From a new list.
    List,
}

/// The list and watch of one scope.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one feed")]
pub(super) struct Scoped<'f> {
    feed: &'f Feed,
    served: &'f Served,
    scope: Scope,
    name: Option<String>,
    out: Outbox<Batch>,
    link: watch::Receiver<Option<String>>,
    map: watch::Receiver<Option<std::sync::Arc<ApiMap>>>,
    /// Failures in a row.
    failures: u32,
    /// Refusals in a row.
    refusals: u32,
    /// Watches in a row that were ended at once and brought nothing.
    short: u32,
    /// Lists in a row that the server's history made necessary.
    again: u32,
    /// A full list has been seen: what comes now is late, not absent.
    had_data: bool,
    /// When the last list was complete.
    listed: Option<Instant>,
    /// A watch is open; one was since the last list.
    open: bool,
    opened: bool,
    /// Why it is polled, where it is.
    polled: Option<String>,
    /// The right to watch is missing; a watch that opens is proof of the contrary.
    unwatchable: bool,
    listing: bool,
    /// Objects that are asked for at a time.
    page: u32,
    /// Objects of the list under way.
    count: u32,
    /// What of the list was left out.
    more: Option<String>,
}

impl<'f> Scoped<'f> {
    pub fn new(feed: &'f Feed, scope: Scope, namespace: &str, served: &'f Served) -> Self {
        Self {
            feed,
            served,
            scope,
            name: scope_name(scope, namespace),
            out: feed.outbox(),
            link: feed.shared.link.clone(),
            map: feed.shared.served.clone(),
            failures: 0,
            refusals: 0,
            short: 0,
            again: 0,
            had_data: false,
            listed: None,
            open: false,
            opened: false,
            polled: None,
            unwatchable: false,
            listing: true,
            page: PAGE,
            count: 0,
            more: None,
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
        let selector = Some(kinds::spec(self.feed.kind).selector).filter(|selector| !selector.is_empty());
        let mut stream = std::pin::pin!(read(api.clone(), self.page, selector));
        self.tell(FeedState::Listing { seen: 0 }, None).await?;
        loop {
            tokio::select! {
                biased;
                event = stream.next() => {
                    let halt = self.gather(event, &mut stream).await?;
                    if self.after(halt).await? == Next::List {
                        stream.set(read(api.clone(), self.page, selector));
                    }
                }
                changed = self.link.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    self.link_changed().await?;
                }
                changed = self.map.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    self.map_changed()?;
                }
            }
        }
    }

    /// A watch that is open on a server that has gone says nothing, and goes on when the server does.
    async fn link_changed(&mut self) -> Result<(), Gone> {
        let why = self.link.borrow_and_update().clone();
        match why {
            Some(why) if self.had_data => self.tell(FeedState::Stale, Some(&why)).await,
            None if self.open => {
                self.is_live();
                self.feed.tell(&mut self.out).await
            }
            _ => Ok(()),
        }
    }

    fn map_changed(&mut self) -> Result<(), End> {
        let map = self.map.borrow_and_update().clone();
        if map.is_some_and(|map| self.has_moved(&map)) { Err(End::Moved) } else { Ok(()) }
    }

    fn has_moved(&self, map: &ApiMap) -> bool {
        match map.find(&self.served.group, kinds::spec(self.feed.kind).name, &[&self.served.version]) {
            Found::Served(now) => now != *self.served,
            Found::Absent => true,
            Found::Stale | Found::Hidden(_) => false,
        }
    }

    /// Waits. A server that comes back ends it, a little later for each kind, so that they do not all ask at once; but
    /// not what the server itself asked for.
    async fn wait(&mut self, pause: Duration, asked_for: bool) -> Result<(), End> {
        let mut due = std::pin::pin!(tokio::time::sleep(pause));
        loop {
            tokio::select! {
                () = &mut due => return Ok(()),
                changed = self.link.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    self.link_changed().await?;
                    if self.link.borrow().is_none() && !asked_for {
                        let soon = tokio::time::Instant::now() + pause::spread(self.feed.kind);
                        if soon < due.deadline() {
                            due.as_mut().reset(soon);
                        }
                        self.failures = 0;
                    }
                }
                changed = self.map.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    self.map_changed()?;
                }
            }
        }
    }

    fn set(&self, state: FeedState, error: Option<&str>) {
        self.feed.report.borrow_mut().set(self.name.clone(), Saying { state, error: error.map(clean), soon: false });
    }

    async fn tell(&mut self, state: FeedState, error: Option<&str>) -> Result<(), Gone> {
        self.set(state, error);
        self.feed.tell(&mut self.out).await
    }

    /// Takes an event in, and whatever has arrived besides, before the session is woken.
    async fn gather(
        &mut self,
        first: Option<News>,
        stream: &mut Pin<&mut impl Stream<Item = News>>,
    ) -> Result<Option<Halt>, End> {
        let mut halt = self.take(first.ok_or(End::Moved)?);
        let mut idle = 0;
        while halt.is_none() && idle < 3 && self.out.len() < PAGE as usize {
            match futures::poll!(stream.next()) {
                Poll::Ready(event) => {
                    halt = self.take(event.ok_or(End::Moved)?);
                    idle = 0;
                }
                Poll::Pending => {
                    tokio::task::yield_now().await;
                    idle += 1;
                }
            }
        }
        Ok(halt)
    }

    /// Tells what was taken in, or what happened; then waits as long as is due.
    async fn after(&mut self, halt: Option<Halt>) -> Result<Next, End> {
        match halt {
            None => {
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
                Ok(Next::Step)
            }
            Some(Halt::Ended { lived, silent }) => self.ended(lived, silent).await,
            Some(Halt::Back) => {
                self.open = false;
                self.list_again().await
            }
            Some(Halt::Failed(Trouble { step, error })) => {
                self.open = false;
                let error = self.feed.shared.cluster.with_wait(error);
                self.failed(step, error).await
            }
        }
    }

    /// A watch has ended. The next one goes on where it was, unless they are all ended at once.
    async fn ended(&mut self, lived: Duration, silent: bool) -> Result<Next, End> {
        self.open = false;
        if lived >= LONG {
            (self.short, self.again) = (0, 0);
            self.is_watched();
        }
        self.feed.tell(&mut self.out).await?;
        if lived >= LONG {
            return Ok(Next::Step);
        }
        // the server that ended it may be gone, and another may be in its place
        self.feed.shared.suspect.notify_one();
        if !silent {
            self.short = 0;
            self.wait(pause(1, self.feed.kind), false).await?;
            return Ok(Next::Step);
        }
        self.short += 1;
        if self.short < MOST_SHORT {
            self.wait(pause(self.short, self.feed.kind), false).await?;
            return Ok(Next::Step);
        }
        self.poll("the server, or a proxy on the way, ends each watch at once").await
    }

    /// The server cannot go on from where this feed is.
    async fn list_again(&mut self) -> Result<Next, End> {
        self.again += 1;
        let wait = if self.again == 1 { pause::spread(self.feed.kind) } else { pause(self.again, self.feed.kind) };
        tracing::info!(kind = kinds::spec(self.feed.kind).word, times = self.again, "lists again");
        self.wait(wait, false).await?;
        Ok(Next::List)
    }

    /// Lists every now and then in place of a watch.
    async fn poll(&mut self, why: &str) -> Result<Next, End> {
        let every = pause::between_lists(self.feed.report.borrow().objects());
        if self.polled.as_deref() != Some(why) {
            tracing::info!(kind = kinds::spec(self.feed.kind).word, every = every.as_secs(), why, "polls");
            self.polled = Some(why.to_owned());
        }
        let note = format!("read again every {} s: {why}", every.as_secs());
        self.feed.report.borrow_mut().note = Some(clean(&note));
        self.is_live();
        self.feed.tell(&mut self.out).await?;
        self.wait(every, false).await?;
        Ok(Next::List)
    }

    /// It is watched, not polled.
    fn is_watched(&mut self) {
        self.unwatchable = false;
        if self.polled.take().is_some() {
            self.feed.report.borrow_mut().note = None;
        }
    }

    async fn failed(&mut self, step: Step, error: RequestError) -> Result<Next, End> {
        match error {
            RequestError::Gone | RequestError::Ahead => {
                self.feed.tell(&mut self.out).await?;
                self.list_again().await
            }
            RequestError::NotFound { .. } if !self.had_data => Err(End::Moved),
            // fewer of these objects at a time may have room
            RequestError::Exceeded(ref bound) if step == Step::List && self.page > 1 && !bound.is_of_list() => {
                self.page = (self.page / 10).max(1);
                Ok(Next::List)
            }
            RequestError::Forbidden { says, .. } if step == Step::List => self.refused(says).await,
            RequestError::Forbidden { .. } | RequestError::Client { code: 405, .. } if step != Step::List => {
                let fresh = !self.opened && self.listed.is_some_and(|at| at.elapsed() < FRESH_LIST);
                if !fresh {
                    return Ok(Next::List);
                }
                self.unwatchable = true;
                self.poll(&format!("it may be listed but not watched: {}", error.reason())).await
            }
            error => {
                self.failures += 1;
                if error.is_connection() {
                    self.feed.shared.suspect.notify_one();
                }
                let state = if self.had_data { FeedState::Stale } else { FeedState::Unreachable };
                let throttled = matches!(error, RequestError::Throttled { .. });
                let soon = throttled || (error.is_passing() && self.failures <= PASSING);
                let why = clean(&error.to_string());
                let says = Saying { state, error: Some(why), soon };
                self.feed.report.borrow_mut().set(self.name.clone(), says);
                self.feed.tell(&mut self.out).await?;
                let (wait, asked_for) = match error {
                    RequestError::Throttled { retry_after: Some(wait) } => (wait, true),
                    _ => (pause(self.failures, self.feed.kind), false),
                };
                tracing::info!(
                    kind = kinds::spec(self.feed.kind).word,
                    namespace = self.name,
                    failures = self.failures,
                    wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                    why = error.headline(),
                    "will be asked again"
                );
                self.wait(wait, asked_for).await?;
                Ok(Next::Step)
            }
        }
    }

    /// The list is refused. That may pass where there were rows a moment ago.
    async fn refused(&mut self, says: String) -> Result<Next, End> {
        self.refusals += 1;
        if self.had_data && self.refusals <= DISBELIEVED {
            let why = format!("refused, asking again: {says}");
            let soon = Saying { state: FeedState::Stale, error: Some(clean(&why)), soon: true };
            self.feed.report.borrow_mut().set(self.name.clone(), soon);
            self.feed.tell(&mut self.out).await?;
            tracing::warn!(kind = kinds::spec(self.feed.kind).word, times = self.refusals, "refused, asks again");
            self.wait(pause(self.refusals, self.feed.kind), false).await?;
            return Ok(Next::Step);
        }
        tracing::warn!(kind = kinds::spec(self.feed.kind).word, namespace = self.name, says, "no access");
        // refused for the whole cluster is no news before single namespaces have been tried
        if self.name.is_some() {
            self.tell(FeedState::NoAccess, Some(&says)).await?;
        }
        Err(End::Refused(says))
    }

    /// Takes one event in.
    fn take(&mut self, news: News) -> Option<Halt> {
        let now = (self.feed.shared.clock)();
        match news {
            Ok(Event::Begin) => {
                self.count = 0;
                self.out.push(Change::Listing { scope: self.scope });
                self.feed.report.borrow_mut().begin();
                // a list in place of a watch is nothing to look up for
                if self.polled.is_none() {
                    self.set(FeedState::Listing { seen: 0 }, None);
                }
            }
            Ok(Event::Item(object)) => {
                self.count += 1;
                match self.count {
                    ..=MOST => {
                        self.feed.report.borrow_mut().saw(1);
                        self.upsert(object);
                    }
                    // a list without end
                    n if n > 4 * MOST => {
                        let error = RequestError::Exceeded(Exceeded::Objects(MOST));
                        return Some(Halt::Failed(Trouble { step: Step::List, error }));
                    }
                    _ => {}
                }
            }
            Ok(Event::Done) => {
                self.feed.report.borrow_mut().complete();
                self.out.push(Change::Listed { scope: self.scope });
                self.more =
                    (self.count > MOST).then(|| format!("{}: the others are not read", Exceeded::Objects(MOST)));
                self.is_live();
                self.had_data = true;
                self.listed = Some(Instant::now());
                self.opened = false;
                (self.failures, self.refusals) = (0, 0);
                let path = self.served.collection(self.name.as_deref().unwrap_or_default());
                let warnings = self.feed.shared.cluster.stats.warnings_about(&path);
                self.feed.report.borrow_mut().warning = warnings.first().map(|warning| clean(warning));
            }
            Ok(Event::Open) => {
                (self.open, self.opened) = (true, true);
                self.failures = 0;
                if self.unwatchable {
                    self.is_watched();
                }
                self.is_live();
            }
            Ok(Event::Apply(object)) => {
                self.heard();
                self.upsert(object);
            }
            Ok(Event::Delete(object)) => {
                self.heard();
                if let Ok(record) = object.record {
                    self.out.push(Change::Remove(record.uid));
                }
            }
            Ok(Event::Mark) => self.heard(),
            Ok(Event::Unreadable(error)) => {
                let bad = Bad { name: EVENT.into(), error: clean(&error) };
                self.feed.report.borrow_mut().bad(bad);
            }
            Ok(Event::Ended { lived, silent }) => return Some(Halt::Ended { lived, silent }),
            Ok(Event::Back) => return Some(Halt::Back),
            Err(trouble) => return Some(Halt::Failed(trouble)),
        }
        self.feed.report.borrow_mut().heard(now);
        None
    }

    /// The watch brings something.
    fn heard(&mut self) {
        self.is_watched();
        self.is_live();
    }

    /// Live, as far as it is read at all.
    fn is_live(&self) {
        self.set(FeedState::Live, self.more.as_deref());
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
