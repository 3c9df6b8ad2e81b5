//! The state of one feed, over all the namespaces that it reads.

#![expect(clippy::disallowed_methods, reason = "how long a list takes is measured")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::domain::ages::Time;
use crate::domain::change::{Bad, Feed, FeedState, Lack, Scope};
use crate::domain::record::clean;
use crate::domain::served::Served;

/// Kept at most: more of the same tell nothing new.
const MOST_BAD: usize = 50;
/// The name of a line of a watch that could not be read.
pub const EVENT: &str = "(an event)";

/// Gathers the states of a feed's scopes into the feed's own.
#[derive(Debug, Default)]
pub struct Report {
    /// The word of its kind.
    word: &'static str,
    scopes: BTreeMap<Option<String>, Saying>,
    told: Feed,
    bad: Vec<Bad>,
    origin: Box<str>,
    api: Option<Arc<Served>>,
    fresh: Option<Time>,
    seen: u32,
    /// `seen` when the last list began, and when that was.
    begun: u32,
    listing: Option<Instant>,
    /// Says by what means it is read where it cannot be watched.
    pub note: Option<Box<str>>,
    /// What the server warned of when it was listed.
    pub warning: Option<Box<str>>,
}

/// What one scope says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saying {
    pub state: FeedState,
    /// Sanitised.
    pub error: Option<Box<str>>,
    /// It is asked again in a moment: not its last word.
    pub soon: bool,
}

/// Names a scope in a report.
pub fn scope_name(scope: Scope, name: &str) -> Option<String> {
    match scope {
        Scope::All => None,
        Scope::Namespace(_) => Some(name.to_owned()),
    }
}

impl Report {
    /// Of a kind, by its word.
    pub fn of(word: &'static str) -> Self {
        Self { word, ..Self::default() }
    }

    /// Where the kind is served now.
    pub fn served(&mut self, served: &Served) {
        self.origin = clean(&served.api_version());
        self.api = Some(Arc::new(served.clone()));
    }

    /// Forgets the scopes: the feed starts over.
    pub fn restart(&mut self) {
        self.scopes.clear();
        (self.seen, self.begun) = (0, 0);
        self.note = None;
    }

    pub fn set(&mut self, scope: Option<String>, saying: Saying) {
        self.scopes.insert(scope, saying);
    }

    /// Of the feed as a whole.
    pub fn is(&mut self, state: FeedState, error: Option<&str>) {
        self.set(None, Saying { state, error: error.map(clean), soon: false });
    }

    pub fn state(&self, scope: &Option<String>) -> Option<FeedState> {
        self.scopes.get(scope).map(|saying| saying.state)
    }

    /// A list begins.
    pub fn begin(&mut self) {
        self.begun = self.seen;
        self.listing = Some(Instant::now());
    }

    /// How many objects the last list had; of several namespaces, of one of them.
    pub fn objects(&self) -> usize {
        self.seen.saturating_sub(self.begun) as usize
    }

    pub fn heard(&mut self, now: Time) {
        self.fresh = Some(now);
    }

    /// Objects listed since the feed began.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    pub fn saw(&mut self, more: u32) {
        self.seen += more;
    }

    pub fn bad(&mut self, bad: Bad) {
        self.bad.retain(|b| b.name != bad.name);
        if self.bad.len() == MOST_BAD {
            self.bad.remove(0);
        }
        self.bad.push(bad);
    }

    /// A list is complete: what was missed of a watch is in it.
    pub fn complete(&mut self) {
        self.bad.retain(|b| &*b.name != EVENT);
    }

    /// The object can be read again.
    pub fn good(&mut self, name: &str) {
        if !self.bad.is_empty() {
            self.bad.retain(|b| b.name.rsplit('/').next() != Some(name));
        }
    }

    /// The feed to report, if it differs from what was last reported.
    pub fn news(&mut self, now: Time) -> Option<Feed> {
        let Saying { state, error, soon } = self.joined();
        // asking again after a refusal is no news before there is another answer
        let asking = matches!(state, FeedState::Waiting | FeedState::Listing { seen: 0 });
        if self.told.state == FeedState::NoAccess && asking {
            return None;
        }
        let since =
            if state.word() == self.told.state.word() && self.told.since.is_set() { self.told.since } else { now };
        let only = self
            .scopes
            .iter()
            .filter(|(_, saying)| !matches!(saying.state, FeedState::NoAccess))
            .filter_map(|(scope, _)| scope.as_deref().map(Box::from))
            .collect();
        let feed = Feed {
            state,
            since,
            fresh: if state.is_live() { None } else { self.fresh },
            error,
            lack: Lack::Nothing,
            only,
            api: self.api.clone(),
            origin: self.origin.clone(),
            bad: self.bad.clone(),
            aside: self.noted().unwrap_or_default(),
            soon,
        };
        if (feed.state.word(), &feed.error) != (self.told.state.word(), &self.told.error) {
            let why = feed.error.as_deref().unwrap_or_default();
            // of a list that is complete
            let listing = self.listing.take_if(|_| state.is_live());
            let took_ms = listing.map(|at| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
            let objects = took_ms.map(|_| self.objects());
            tracing::info!(
                api = &*feed.origin,
                kind = self.word,
                from = self.told.state.word(),
                why,
                took_ms,
                objects,
                "{}",
                state.word()
            );
        }
        (feed != self.told).then(|| {
            self.told = feed.clone();
            feed
        })
    }

    /// Remarks on a healthy feed.
    fn noted(&self) -> Option<Box<str>> {
        let warning = self.warning.as_ref().map(|warning| format!("the server warns: {warning}"));
        match (&self.note, warning) {
            (Some(note), Some(warning)) => Some(format!("{note}; {warning}").into()),
            (Some(note), None) => Some(note.clone()),
            (None, warning) => warning.map(Into::into),
        }
    }

    /// The worst of the scopes that can be read; "no access" only when none can.
    fn joined(&self) -> Saying {
        let rank = |state: FeedState| match state {
            FeedState::Unreachable | FeedState::Unconfirmed => 6,
            FeedState::Stale => 5,
            FeedState::Listing { .. } => 4,
            FeedState::Waiting | FeedState::Idle => 3,
            FeedState::Live => 2,
            FeedState::NotInstalled | FeedState::Off => 1,
            FeedState::NoAccess => 0,
        };
        let worst = self.scopes.values().max_by_key(|saying| rank(saying.state));
        let mut worst = worst.cloned().unwrap_or_default();
        if let FeedState::Listing { .. } = worst.state {
            worst.state = FeedState::Listing { seen: self.seen };
        }
        worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a scope is an option")]
    fn ns(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    fn set(report: &mut Report, scope: Option<String>, state: FeedState, error: Option<&str>) {
        report.set(scope, Saying { state, error: error.map(clean), soon: false });
    }

    #[test]
    fn one_readable_namespace_is_live_and_named() {
        let mut report = Report::default();
        set(&mut report, ns("a"), FeedState::NoAccess, Some("no"));
        set(&mut report, ns("b"), FeedState::Live, None);
        let feed = report.news(Time(1)).unwrap();
        assert_eq!(feed.state, FeedState::Live);
        assert_eq!(feed.only.iter().map(|n| &**n).collect::<Vec<_>>(), ["b"]);
        assert_eq!(report.news(Time(2)), None);
    }

    #[test]
    fn all_refused_is_no_access_with_the_servers_words() {
        let mut report = Report::default();
        set(&mut report, ns("a"), FeedState::NoAccess, Some("pods is forbidden"));
        let feed = report.news(Time(1)).unwrap();
        assert_eq!((feed.state, feed.error.as_deref()), (FeedState::NoAccess, Some("pods is forbidden")));
    }

    #[test]
    fn asking_again_after_a_refusal_is_no_news() {
        let mut report = Report::default();
        set(&mut report, None, FeedState::NoAccess, Some("no"));
        assert!(report.news(Time(1)).is_some());
        report.restart();
        set(&mut report, None, FeedState::Listing { seen: 0 }, None);
        assert_eq!(report.news(Time(2)), None);
        set(&mut report, None, FeedState::NoAccess, Some("no"));
        assert_eq!(report.news(Time(3)), None);
        set(&mut report, None, FeedState::Live, None);
        assert_eq!(report.news(Time(4)).map(|f| f.state), Some(FeedState::Live));
    }

    #[test]
    fn since_stays_while_the_word_stays() {
        let mut report = Report::default();
        set(&mut report, None, FeedState::Listing { seen: 0 }, None);
        report.news(Time(1));
        report.saw(500);
        let feed = report.news(Time(9)).unwrap();
        assert_eq!((feed.state, feed.since), (FeedState::Listing { seen: 500 }, Time(1)));
    }
}
