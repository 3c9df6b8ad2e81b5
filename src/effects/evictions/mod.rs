//! Evicts the pods of a node side by side, as `kubectl drain` does: what a budget holds back does not keep the others, is
//! asked for again until the time is over, and what terminates is awaited. A look at the node decides, at the end and
//! after every answer that was lost; nothing that may have been taken is sent a second time.

mod ended;
mod look;
mod rehearse;
mod work;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::future::{Fuse, FusedFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::exact::Exact;
use super::lock::Permit;
use super::send::{self, Journal, Sent};
use crate::clients::cluster::Cluster;
use crate::clients::http::Http;
use crate::domain::ages::Time;
use crate::domain::evictions::Evictions;
use crate::domain::plan::Request;

pub use ended::{End, Ended};
pub use rehearse::rehearse;
use work::Work;

/// Requests under way at one time.
const AT_ONCE: usize = 8;
/// Before the first look at the node.
const SOON: Duration = Duration::from_millis(500);
/// How often the last look is tried.
const LAST_LOOKS: usize = 3;
/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// Between two looks at whether it is to stop.
const TICK: Duration = Duration::from_millis(100);

/// What the runner lends for one step.
pub(super) struct Desk<'a> {
    pub cluster: &'a Cluster,
    pub clock: fn() -> Time,
    /// The operator wants it to end; looked at between two requests.
    pub stop: &'a Cell<bool>,
    pub say: &'a dyn Fn(String),
    pub permit: &'a dyn Fn() -> Permit,
    /// Where each request is recorded before it is sent, and its answer after.
    pub journal: &'a dyn Fn(&'a Request) -> Box<dyn Journal + 'a>,
}

/// Notices when something could not be recorded: then nothing more is sent.
struct Watched<'r> {
    journal: Box<dyn Journal + 'r>,
    broken: &'r RefCell<Option<String>>,
}

impl Watched<'_> {
    fn noted(&self, done: Result<(), String>) -> Result<(), String> {
        done.inspect_err(|why| {
            self.broken.borrow_mut().get_or_insert_with(|| why.clone());
        })
    }
}

impl Journal for Watched<'_> {
    fn intent(&self, exact: &Exact) -> Result<(), String> {
        self.noted(self.journal.intent(exact))
    }

    fn answer(&self, sent: &Sent) -> Result<(), String> {
        self.noted(self.journal.answer(sent))
    }
}

/// Runs it to its end.
pub(super) async fn run<'a>(wanted: &'a Evictions, desk: &Desk<'a>) -> Ended {
    let http = Http::api(desk.cluster);
    let until = Instant::now() + Duration::from_secs(wanted.limit.into());
    let mut work = Work::new(wanted, until);
    let mut pause = SOON;
    loop {
        go(&mut work, &http, desk, pause).await;
        last_look(&mut work, &http, desk).await;
        if work.is_settled() || work.is_blind() || work.is_broken() || work.is_over(Instant::now()) || desk.stop.get() {
            return work.ended(desk.stop.get());
        }
        pause = LOOK;
    }
}

/// The last word has what is stored, not what a cache holds. One that fails is tried again.
async fn last_look(work: &mut Work<'_>, http: &Http, desk: &Desk<'_>) {
    for nth in 0..LAST_LOOKS {
        if nth > 0 {
            tokio::time::sleep(LOOK).await;
        }
        let began = Instant::now();
        work.take(look::node(http, &work.wanted.look, look::How::Surely, (desk.clock)()).await, began, true);
        if !work.is_blind() {
            return;
        }
    }
}

/// Asks and looks until nothing is open any more, or the time is over, or it is to stop. What is under way is awaited.
async fn go<'a>(work: &mut Work<'a>, http: &Http, desk: &Desk<'a>, pause: Duration) {
    let wanted = work.wanted;
    let broken = RefCell::new(None);
    let mut sending = FuturesUnordered::new();
    let mut looking = std::pin::pin!(Fuse::terminated());
    let (mut began, mut next) = (Instant::now(), Instant::now() + pause);
    loop {
        let now = Instant::now();
        let ends = desk.stop.get() || work.is_over(now) || work.is_broken();
        while !ends && sending.len() < AT_ONCE {
            let Some((nth, request)) = work.due(now) else { break };
            work.sends(nth);
            sending.push(send(nth, request, http, desk, &broken));
        }
        if let Some(told) = work.news() {
            (desk.say)(told);
        }
        if sending.is_empty() && (ends || work.is_settled()) {
            return;
        }
        if looking.is_terminated() && now >= next {
            (began, next) = (now, now + LOOK);
            looking.set(look::node(http, &wanted.look, look::How::Cheaply, (desk.clock)()).fuse());
        }
        tokio::select! {
            Some((nth, sent)) = sending.next(), if !sending.is_empty() => {
                work.heard(nth, sent, Instant::now());
                if let Some(why) = broken.take() {
                    work.unrecorded(why);
                }
            }
            seen = &mut looking, if !looking.is_terminated() => work.take(seen, began, false),
            () = sleep_until(now + TICK) => {}
        }
    }
}

/// Sends one request, recorded before and after.
async fn send<'a>(
    nth: usize,
    request: &'a Request,
    http: &Http,
    desk: &Desk<'a>,
    broken: &RefCell<Option<String>>,
) -> (usize, Sent) {
    let journal = Watched { journal: (desk.journal)(request), broken };
    (nth, send::real(http.into(), desk.cluster, request, &(desk.permit)(), &journal).await)
}
