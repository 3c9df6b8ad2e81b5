//! The feed of a kind that is polled: what it has said last, and when the next step is due.

use std::time::Duration;

use tokio::sync::watch;

use super::outbox::{Gone, Outbox};
use super::poll::Polled;
use super::report::Saying;
use super::shared::Shared;
use crate::domain::ages::Time;
use crate::domain::change::{Batch, Change, Feed, FeedState};
use crate::domain::profile::{Certainty, Profiles};
use crate::domain::record::{KindId, clean};

/// Waits for the next step. A server that is back ends it: what it was away for is known at once.
pub(super) async fn until_next(every: Duration, link: &mut watch::Receiver<Option<String>>) -> Result<(), Gone> {
    let mut due = std::pin::pin!(tokio::time::sleep(every));
    loop {
        tokio::select! {
            () = &mut due => return Ok(()),
            changed = link.changed() => {
                changed.map_err(|_| Gone)?;
                if link.borrow_and_update().is_none() {
                    return Ok(());
                }
            }
        }
    }
}

/// A polled kind: its feed as last reported.
pub(super) struct Told {
    pub kind: KindId,
    feed: Feed,
    out: Outbox<Batch>,
    /// See [`Feed::aside`].
    pub aside: Box<str>,
}

impl Told {
    pub(super) fn new(kind: KindId, shared: &Shared) -> Self {
        let out = Outbox::new(kind, shared.interner.clone(), shared.news.clone(), |batch| batch);
        Self { kind, feed: Feed::default(), out, aside: Box::default() }
    }

    /// For what profiles ask for. A profile may be switched off: what is gone with it is nothing that was lost. And
    /// while it is not known which are on, nothing to ask for is no proof that there is nothing.
    pub(super) async fn tell_of(&mut self, on: &Profiles, polled: Polled, now: Time) -> Result<(), Gone> {
        if polled.state != FeedState::NotInstalled {
            return self.tell(polled, now).await;
        }
        self.say(nothing_to_ask(&on.certainty), now).await
    }

    pub(super) async fn tell(&mut self, polled: Polled, now: Time) -> Result<(), Gone> {
        for change in polled.changes(&self.feed, now) {
            let Change::Feed(feed) = change else {
                self.out.push(change);
                continue;
            };
            let feed = Feed { aside: self.aside.clone(), ..feed };
            if feed != self.feed {
                self.feed = feed.clone();
                self.out.push(Change::Feed(feed));
            }
        }
        self.out.flush().await
    }

    pub(super) async fn is(&mut self, state: FeedState, why: Option<&str>, now: Time) -> Result<(), Gone> {
        self.say(Saying { state, error: why.map(clean), soon: false }, now).await
    }

    async fn say(&mut self, Saying { state, error, soon }: Saying, now: Time) -> Result<(), Gone> {
        let feed = Feed { state, since: now, error, soon, aside: self.aside.clone(), ..Feed::default() };
        if (feed.state, feed.soon, &feed.error) != (self.feed.state, self.feed.soon, &self.feed.error) {
            self.feed = feed.clone();
            self.out.push(Change::Feed(feed));
        }
        self.out.flush().await
    }
}

/// What a feed says whose profiles ask for nothing.
fn nothing_to_ask(certainty: &Certainty) -> Saying {
    let (state, why) = match certainty {
        Certainty::Waiting | Certainty::Certain => (FeedState::NotInstalled, None),
        Certainty::Unsure(why) => (FeedState::Unreachable, Some(why)),
        Certainty::Hidden(why) => (FeedState::NoAccess, Some(why)),
    };
    // where it failed it is looked again in a moment
    Saying { state, error: why.map(|why| clean(why)), soon: matches!(certainty, Certainty::Unsure(_)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::held_back(Certainty::Unsure("too many requests, again in 3 s".into()), FeedState::Unreachable, true)]
    #[case::hidden(Certainty::Hidden("no access".into()), FeedState::NoAccess, false)]
    #[case::nothing(Certainty::Certain, FeedState::NotInstalled, false)]
    fn who_waits_for_profiles_that_could_not_be_looked_for_hears_of_them_in_a_moment(
        #[case] certainty: Certainty,
        #[case] state: FeedState,
        #[case] soon: bool,
    ) {
        let saying = nothing_to_ask(&certainty);
        assert_eq!((saying.state, saying.soon), (state, soon));
    }
}
