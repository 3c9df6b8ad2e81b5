//! List and watch of one collection, a step at a time: what came, and what failed in which step. It never waits between
//! two steps: how long to wait is for its owner to say. A server whose history is older than what was read from it (one
//! that was restored from a backup) accepts a watch and is silent for ever, so positions are compared.

#![expect(clippy::disallowed_methods, reason = "how long a watch lives and is silent is measured")]

use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt};
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};

use super::slim::Slim;
use crate::clients::bounds::Pages;
use crate::clients::errors::RequestError;

/// The server ends each watch after so many seconds; a dead one is noticed by then at the latest.
const WATCH_SECONDS: u32 = 120;
/// What is silent for longer than the server was asked to watch is dead.
const DEAD: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);
/// The API server sends a bookmark each minute (apiserver `pkg/storage/cacher`): one that does not come is a doubt.
const NO_BOOKMARK: Duration = Duration::from_secs(75);
/// How often it is asked whether the server has gone back.
const DOUBT_EVERY: Duration = Duration::from_secs(60);
/// An answer that has not begun by then was lost on the way. The API server gives up a list after 60 s itself.
const LIST_DEADLINE: Duration = Duration::from_secs(90);
const OPEN_DEADLINE: Duration = Duration::from_secs(30);
/// For all pages of a list. Its position is compacted away after 5 to 10 minutes, and the next page then refused.
const LIST: Duration = Duration::from_mins(10);
pub(super) const PAGE: u32 = 500;

/// What a step brought.
#[derive(Debug)]
pub(super) enum Event {
    /// A list begins.
    Begin,
    Item(Slim),
    /// The list is complete.
    Done,
    /// A watch is open, from a position that the server has.
    Open,
    Apply(Slim),
    Delete(Slim),
    /// The server said where it is, and nothing else.
    Mark,
    /// A line of the watch that cannot be read; the watch goes on.
    Unreadable(String),
    /// The watch ended, as each does sooner or later.
    Ended {
        lived: Duration,
        /// It brought nothing at all.
        silent: bool,
    },
    /// The server's history ends before what was read from it. A list comes next.
    Back,
}

/// What was asked when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    List,
    Open,
    Watch,
}

/// A step that failed. The next one asks the same again, or for a new list when the position is of no use.
#[derive(Debug)]
pub(super) struct Trouble {
    pub step: Step,
    pub error: RequestError,
}

pub(super) type News = Result<Event, Trouble>;

type Events = Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<Slim>>>>>;

/// How far the collection has been read.
struct Position {
    version: String,
    /// The watch before this one did not end by itself, or said nothing: the server may have gone back.
    doubt: bool,
}

enum State {
    Start,
    Page(Page),
    Listed(Position),
    Watching(Watch),
}

/// A page of a list that is being handed out.
struct Page {
    pages: Pages,
    /// Where the next one is asked for.
    next: Option<String>,
    objects: std::vec::IntoIter<Slim>,
    /// Of the list; empty before its first page.
    version: String,
}

struct Watch {
    version: String,
    events: Events,
    since: Instant,
    heard: Instant,
    silent: bool,
}

struct Reader {
    api: Api<Slim>,
    page: u32,
    /// Of fields: only these objects are meant.
    selector: Option<&'static str>,
    state: State,
    doubted: Option<Instant>,
}

/// Reads the collection, or what a selector of fields leaves of it: its list, so many at a time, and then what changes.
pub(super) fn read(api: Api<Slim>, page: u32, selector: Option<&'static str>) -> impl Stream<Item = News> {
    let reader = Reader { api, page, selector, state: State::Start, doubted: None };
    futures::stream::unfold(reader, |mut reader| async move {
        loop {
            if let Some(news) = reader.step().await {
                return Some((news, reader));
            }
        }
    })
}

impl Reader {
    /// One step; nothing when it only led to the next one.
    async fn step(&mut self) -> Option<News> {
        match std::mem::replace(&mut self.state, State::Start) {
            State::Start => {
                let (pages, objects) = (Pages::within(LIST), Vec::new().into_iter());
                self.state = State::Page(Page { pages, next: None, objects, version: String::new() });
                Some(Ok(Event::Begin))
            }
            State::Page(mut page) => {
                if let Some(object) = page.objects.next() {
                    self.state = State::Page(page);
                    return Some(Ok(Event::Item(object)));
                }
                if page.next.is_none() && !page.version.is_empty() {
                    self.state = State::Listed(Position { version: page.version, doubt: false });
                    return Some(Ok(Event::Done));
                }
                self.page(page.next, page.pages).await
            }
            State::Listed(position) => self.open(position).await,
            State::Watching(watch) => self.next(watch).await,
        }
    }

    async fn page(&mut self, next: Option<String>, mut pages: Pages) -> Option<News> {
        let params = ListParams { continue_token: next, ..self.list(self.page) };
        match within(LIST_DEADLINE, self.api.list(&params)).await {
            Ok(list) => {
                let next = match pages.turn(list.items.len(), list.metadata.continue_.as_deref()) {
                    Ok(next) => next,
                    Err(bound) => return trouble(Step::List, RequestError::Exceeded(bound)),
                };
                let version = list.metadata.resource_version.unwrap_or_default();
                if next.is_none() && version.is_empty() {
                    return trouble(Step::List, RequestError::Decode("the list has no version".to_owned()));
                }
                self.state = State::Page(Page { pages, next, objects: list.items.into_iter(), version });
                None
            }
            Err(error) => trouble(Step::List, error),
        }
    }

    async fn open(&mut self, position: Position) -> Option<News> {
        let field_selector = self.selector.map(str::to_owned);
        let params = WatchParams { field_selector, ..WatchParams::default().timeout(WATCH_SECONDS) };
        match within(OPEN_DEADLINE, self.api.watch(&params, &position.version)).await {
            Ok(events) => {
                // after the watch is open, so that nothing can be restored between the question and the watch
                if position.doubt && self.is_behind(&position.version).await {
                    return Some(Ok(Event::Back));
                }
                let now = Instant::now();
                self.state = State::Watching(Watch {
                    version: position.version,
                    events: Box::pin(events),
                    since: now,
                    heard: now,
                    silent: true,
                });
                Some(Ok(Event::Open))
            }
            Err(error) => {
                if !is_lost(&error) {
                    self.state = State::Listed(Position { doubt: true, ..position });
                }
                trouble(Step::Open, error)
            }
        }
    }

    async fn next(&mut self, mut watch: Watch) -> Option<News> {
        let limit = if watch.silent && self.may_doubt() { NO_BOOKMARK } else { DEAD };
        let left = limit.saturating_sub(watch.heard.elapsed());
        let Ok(event) = tokio::time::timeout(left, watch.events.next()).await else {
            if limit == DEAD {
                return self.ended(watch);
            }
            if self.is_behind(&watch.version).await {
                return Some(Ok(Event::Back));
            }
            self.state = State::Watching(watch);
            return None;
        };
        let Some(event) = event else { return self.ended(watch) };
        watch.heard = Instant::now();
        let (version, event) = match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => (version(&object), Event::Apply(object)),
            Ok(WatchEvent::Deleted(object)) => (version(&object), Event::Delete(object)),
            Ok(WatchEvent::Bookmark(mark)) => (mark.metadata.resource_version, Event::Mark),
            Ok(WatchEvent::Error(status)) => return self.broken(watch, RequestError::from_status(&status)),
            Err(kube::Error::SerdeError(error)) => {
                self.state = State::Watching(watch);
                return Some(Ok(Event::Unreadable(error.to_string())));
            }
            // kube takes every object that is no event for a status
            Err(kube::Error::Api(status)) if status.code == 0 => {
                self.state = State::Watching(watch);
                return Some(Ok(Event::Unreadable("a line that is no event".to_owned())));
            }
            Err(error) => return self.broken(watch, RequestError::from_kube(&error)),
        };
        watch.silent = false;
        match is_older(&version, &watch.version) {
            Some(true) if self.may_doubt() && self.is_behind(&watch.version).await => return Some(Ok(Event::Back)),
            // a position never goes back by itself
            Some(true) => {}
            _ if version.is_empty() => {}
            _ => watch.version = version,
        }
        self.state = State::Watching(watch);
        Some(Ok(event))
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the other ends of a step")]
    fn ended(&mut self, watch: Watch) -> Option<News> {
        let lived = watch.since.elapsed();
        let early = lived + Duration::from_secs(5) < Duration::from_secs(WATCH_SECONDS.into());
        self.state = State::Listed(Position { version: watch.version, doubt: early || watch.silent });
        Some(Ok(Event::Ended { lived, silent: watch.silent }))
    }

    fn broken(&mut self, watch: Watch, error: RequestError) -> Option<News> {
        if !is_lost(&error) {
            self.state = State::Listed(Position { version: watch.version, doubt: true });
        }
        trouble(Step::Watch, error)
    }

    fn list(&self, limit: u32) -> ListParams {
        ListParams { field_selector: self.selector.map(str::to_owned), ..ListParams::default().limit(limit) }
    }

    fn may_doubt(&self) -> bool {
        self.doubted.is_none_or(|at| at.elapsed() >= DOUBT_EVERY)
    }

    /// Asks where the server is now. One that does not say is believed to be where it was.
    async fn is_behind(&mut self, version: &str) -> bool {
        if !self.may_doubt() {
            return false;
        }
        self.doubted = Some(Instant::now());
        let asked = within(OPEN_DEADLINE, self.api.list(&self.list(1))).await;
        let Ok(list) = asked else { return false };
        let now = list.metadata.resource_version.unwrap_or_default();
        if now.is_empty() {
            return false;
        }
        let behind = is_older(&now, version).unwrap_or(now != version);
        if behind {
            tracing::warn!(was = version, is = now, "the server's history ends before what was read from it");
        }
        behind
    }
}

async fn within<T>(limit: Duration, asking: impl Future<Output = kube::Result<T>>) -> Result<T, RequestError> {
    match tokio::time::timeout(limit, asking).await {
        Ok(answer) => answer.map_err(|error| RequestError::from_kube(&error)),
        Err(_) => Err(RequestError::Timeout),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the other ends of a step")]
fn trouble(step: Step, error: RequestError) -> Option<News> {
    Some(Err(Trouble { step, error }))
}

/// Whether a position is of no more use.
fn is_lost(error: &RequestError) -> bool {
    matches!(error, RequestError::Gone | RequestError::Ahead)
}

fn version(object: &Slim) -> String {
    kube::Resource::meta(object).resource_version.clone().unwrap_or_default()
}

/// Whether `a` comes before `b`; `None` when they cannot be compared. Versions of one collection are numbers that grow.
/// Source: apimachinery `pkg/util/resourceversion`, which compares them so since Kubernetes 1.35.
fn is_older(a: &str, b: &str) -> Option<bool> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(a) || !is_number(b) {
        return None;
    }
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    Some((a.len(), a) < (b.len(), b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::bounds::{self, Exceeded};

    #[rstest::rstest]
    #[case("9", "10", Some(true))]
    #[case("10", "9", Some(false))]
    #[case("10", "10", Some(false))]
    #[case("340282366920938463463374607431768211456", "340282366920938463463374607431768211457", Some(true))]
    #[case("", "10", None)]
    #[case("a1", "10", None)]
    fn versions_are_compared_as_numbers_of_any_length(#[case] a: &str, #[case] b: &str, #[case] older: Option<bool>) {
        assert_eq!(is_older(a, b), older);
    }

    #[rstest::rstest]
    #[case::one_token(false, Exceeded::Circle)]
    #[case::new_tokens(true, Exceeded::Empty(bounds::EMPTY))]
    #[tokio::test]
    async fn a_list_that_goes_on_and_brings_nothing_has_failed(#[case] new: bool, #[case] bound: Exceeded) {
        let mut asked = 0;
        let client = kube::Client::new(
            tower::service_fn(move |_: ::http::Request<kube::client::Body>| {
                asked += 1;
                let token = if new { asked } else { 0 };
                let list = format!(r#"{{"metadata":{{"resourceVersion":"5","continue":"t{token}"}},"items":[]}}"#);
                std::future::ready(Ok::<_, tower::BoxError>(::http::Response::new(kube::client::Body::from(
                    list.into_bytes(),
                ))))
            }),
            "default",
        );
        let resource = kube::core::ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
        let mut news = std::pin::pin!(read(Api::all_with(client, &resource), PAGE, None));
        assert!(matches!(news.next().await, Some(Ok(Event::Begin))));
        let Some(Err(trouble)) = news.next().await else { panic!("the list goes on") };
        assert_eq!((trouble.step, trouble.error), (Step::List, RequestError::Exceeded(bound)));
    }
}
