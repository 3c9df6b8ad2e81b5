//! One look at a cluster: connect, wait until every feed has its first list or failed, judge once. Shared by the
//! commands that report the current state and end. It leaves nothing behind: no file, no audit.

use std::time::{Duration, Instant};

use super::feed;
use crate::app::App;
use crate::data::{Ask, Data, What};
use crate::domain::ages::{self, Time};
use crate::domain::change::{Feed, FeedState};
use crate::domain::record::KindId;
use crate::domain::reply::{Answers, Reply, Standing};
use crate::domain::text;
use crate::intent::{Effect, Fetch, Tickets};
use crate::screens::world::Link;

/// A cluster that is looked at, not yet connected.
#[derive(Debug)]
pub struct Look {
    pub app: App,
    pub data: Data,
    pub now: fn() -> Time,
    /// Says something to a person at once: what a credential plugin asks for.
    pub say: fn(&str),
}

/// How a look ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every feed has its rows, or a reason for having none.
    Whole,
    /// These did not have their first list in time.
    Late(Vec<KindId>),
    /// The API server does not answer, or refuses us: why.
    Down(String),
    /// There is no such namespace, or nobody can say.
    Nowhere(String),
}

impl Look {
    /// Connects and waits; feeds of lazy kinds are waited for where they are in `also`. What is there is judged at the end.
    pub async fn take(&mut self, also: &[KindId], limit: Duration) -> Ended {
        self.data.ask(Ask::Connect(None));
        let waited = tokio::time::timeout(limit, self.settled(also)).await.is_ok();
        self.judge();
        if let Link::Down { headline, detail, passing, .. } = &self.app.world.facts.link {
            let late = if *passing { format!("no answer within {} s: ", limit.as_secs()) } else { String::new() };
            return Ended::Down(format!("{late}{}", text::with_detail(headline, detail)));
        }
        if let (Some(name), Some(standing @ Standing::Absent { .. })) = self.place() {
            return Ended::Nowhere(standing.told(name).unwrap_or_default());
        }
        if waited {
            return self.app.unseen_place().map_or(Ended::Whole, Ended::Nowhere);
        }
        if self.app.world.facts.link == Link::Connecting {
            return Ended::Down(format!("no answer within {} s", limit.as_secs()));
        }
        let late = self.app.world.store.tables().filter(|(_, table)| is_late(&table.feed));
        Ended::Late(late.map(|(kind, _)| kind).collect())
    }

    async fn settled(&mut self, also: &[KindId]) {
        loop {
            for watch in also.iter().filter_map(|kind| self.app.world.watch(*kind)) {
                feed::ask(&self.data, watch);
            }
            let world = &self.app.world;
            let is_down = matches!(world.facts.link, Link::Down { passing: false, .. });
            let (name, standing) = self.place();
            let nowhere = matches!(standing, Some(Standing::Absent { .. }));
            let placed = name.is_none() || standing.is_some();
            // of what a connection brings, the operator's name arrives last: what is unfinished is known then
            let is_greeted = !world.facts.operator.is_empty();
            let all = placed && is_greeted && !world.store.tables().any(|(_, table)| is_late(&table.feed));
            if is_down || nowhere || all {
                return;
            }
            let Some(news) = self.data.news.recv().await else { return };
            if let What::Lost { headline, detail, passing: true, .. } = &news.what {
                (self.say)(&text::with_detail(headline, detail));
            }
            feed::take(&mut self.app, news.what);
        }
    }

    /// The namespace that is asked for, and whether there is one.
    fn place(&self) -> (Option<&str>, Option<&Standing>) {
        let facts = &self.app.world.facts;
        (facts.namespace.as_deref(), facts.standing.as_ref())
    }

    /// Notes on the result.
    pub fn notes(&self) -> Vec<String> {
        let unchecked = match self.place() {
            (Some(name), Some(standing @ Standing::Unknown(_))) => standing.told(name),
            _ => None,
        };
        self.app.world.facts.warnings.iter().cloned().chain(unchecked).collect()
    }

    /// Judges at the server's time: a grace is counted from the times of the objects, as in the console.
    fn judge(&mut self) {
        self.app.world.set_time((self.now)());
        self.app.settle();
    }

    /// Reads paths of the API server, each by itself; what does not come in time is missing.
    pub async fn paths(&mut self, paths: Vec<String>, limit: Duration) -> Answers {
        let ticket = Tickets::default().next();
        feed::ask(&self.data, Effect::Fetch(ticket, Fetch::Paths(paths)));
        let waiting = async {
            while let Some(news) = self.data.news.recv().await {
                match news.what {
                    What::Reply(to, Reply::Read(found)) if to == ticket => return found,
                    what => feed::take(&mut self.app, what),
                }
            }
            Answers::new()
        };
        let found = tokio::time::timeout(limit, waiting).await.unwrap_or_default();
        self.judge();
        found
    }
}

/// Whether a feed does not have its first list yet, or failed and asks again in a moment.
pub fn is_late(feed: &Feed) -> bool {
    feed.soon || matches!(feed.state, FeedState::Waiting | FeedState::Listing { .. })
}

/// A duration of the command line: `30s`, `2m`.
///
/// # Errors
/// What is no duration, or none at all.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = ages::duration(text).and_then(|seconds| u64::try_from(seconds).ok());
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("write a duration from 1s to 24h, such as 30s or 2m".to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long this process took, not a time that is shown")]
pub fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_duration_of_at_least_a_second() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "30", "0s", "-5s", "soon", "500ms", "25h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
