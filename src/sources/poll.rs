//! What every polled service shares: how to ask it, what an answer is, and what a step of polling yields.
//!
//! Nothing here keeps time or knows a transport; deadlines and body limits are the business of who implements [`Ask`].

use std::borrow::Cow;
use std::fmt;
use std::future::Future;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::domain::ages::Time;
use crate::domain::change::{Bad, Change, Feed, FeedState, Lack, Scope};
use crate::domain::record::Record;
use crate::domain::{redact, text};
use crate::kinds::wire::{Many, Text};

/// One reachable address of a service: through the API server's proxy or direct.
pub trait Ask {
    /// A GET. The path starts with `/` and is below the service's own prefix.
    fn get(&self, path_and_query: &str) -> impl Future<Output = Result<Answer, AskError>>;
    /// The address in words, without credentials.
    fn label(&self) -> &str;
}

/// What came back, whatever its code says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// The `Date` header.
    pub date: Option<Time>,
}

/// Why nothing usable came back. The words are for a person; match on the variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskError {
    Timeout,
    /// No connection, or the API server could not make one for us.
    Refused(String),
    /// This identity may not.
    Forbidden(String),
    NotFound(String),
    /// The API server holds us back: too many requests.
    Busy(String),
    Other(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, words) = match self {
            Self::Timeout => return f.write_str("no answer in time"),
            Self::Refused(words) => ("cannot be reached", words),
            Self::Forbidden(words) => ("no access", words),
            Self::NotFound(words) => ("not found", words),
            Self::Other(words) if words.is_empty() => return f.write_str("failed"),
            Self::Busy(words) | Self::Other(words) => return f.write_str(&text::line(words)),
        };
        f.write_str(head)?;
        if words.is_empty() { Ok(()) } else { write!(f, ": {}", text::line(words)) }
    }
}

/// The state of one of the services behind a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// `Prometheus`, `Alertmanager`, `OpenBao`.
    pub service: &'static str,
    /// Addresses that were asked, and those that gave an answer.
    pub asked: usize,
    pub answered: usize,
    pub state: FeedState,
    /// It was held back, and is asked again in a moment: that it said nothing is not its last word.
    pub soon: bool,
}

impl Half {
    /// From the outcome of each address.
    pub fn of<'e>(service: &'static str, outcomes: impl IntoIterator<Item = Option<&'e AskError>>) -> Self {
        let (mut asked, mut answered, mut forbidden, mut busy) = (0, 0, 0, false);
        for outcome in outcomes {
            asked += 1;
            answered += usize::from(outcome.is_none());
            forbidden += usize::from(matches!(outcome, Some(AskError::Forbidden(_))));
            busy |= matches!(outcome, Some(AskError::Busy(_)));
        }
        let state = match (asked, answered) {
            (0, _) => FeedState::NotInstalled,
            (_, 1..) => FeedState::Live,
            _ if forbidden == asked => FeedState::NoAccess,
            _ => FeedState::Unreachable,
        };
        Self { service, asked, answered, state, soon: busy && state == FeedState::Unreachable }
    }
}

/// What one step of polling yields for one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Polled {
    /// Everything there is, when `state` is live; otherwise nothing, and the rows of before stay.
    pub records: Vec<Record>,
    /// Plain sentences, sanitised: `Alertmanager: no answer in time (10.0.0.7:9093)`.
    pub problems: Vec<String>,
    /// `Live`, `NoAccess`, `NotInstalled` or `Unreachable`. Who remembers earlier steps turns the last into `Stale`.
    pub state: FeedState,
    /// The addresses that were asked.
    pub origin: String,
    pub halves: Vec<Half>,
    /// Entries that could not be decoded.
    pub bad: Vec<Bad>,
}

impl Polled {
    /// What a live step does without. A service that discovery does not find was found before when nothing lacked then.
    fn lack(&self, before: &Feed) -> Lack {
        let had_all = before.fresh.is_some() && matches!(before.lack, Lack::Nothing | Lack::Part | Lack::Lost);
        let is_lost = |half: &Half| match half.state {
            FeedState::Unreachable => true,
            FeedState::NotInstalled | FeedState::Unconfirmed => had_all,
            _ => false,
        };
        let absent = self.halves.iter().filter(|half| half.state == FeedState::NotInstalled).count();
        match self.problems.len() {
            0 => Lack::Nothing,
            _ if self.halves.len() > 1 && self.halves.iter().any(is_lost) => Lack::Lost,
            problems if absent == problems => Lack::Absent,
            _ => Lack::Part,
        }
    }

    /// The changes that this step makes to the feed as it was before. A step that failed keeps the old rows and
    /// marks them stale; so does a service that was found once and is gone.
    pub fn changes(self, before: &Feed, now: Time) -> Vec<Change> {
        let state = match self.state {
            FeedState::Unreachable | FeedState::NotInstalled if before.fresh.is_some() => FeedState::Stale,
            state => state,
        };
        let live = state.is_live();
        let lack = self.lack(before);
        let feed = Feed {
            lack,
            state,
            // a service that is gone is gone since now, however long the other one has been heard
            since: if before.state == state && before.lack == lack { before.since } else { now },
            fresh: if live { Some(now) } else { before.fresh },
            error: Some(self.problems.join("; ")).filter(|e| !e.is_empty()).map(Into::into),
            only: Box::default(),
            api: None,
            origin: self.origin.into(),
            bad: self.bad,
            aside: Box::default(),
            soon: !live && self.halves.iter().any(|half| half.soon),
        };
        let mut changes = Vec::with_capacity(self.records.len() + 3);
        if live {
            changes.push(Change::Listing { scope: Scope::All });
            changes.extend(self.records.into_iter().map(Change::Upsert));
            changes.push(Change::Listed { scope: Scope::All });
        }
        changes.push(Change::Feed(feed));
        changes
    }
}

/// `service: what went wrong (address)`.
pub fn problem(service: &str, what: &impl fmt::Display, address: &str) -> String {
    text::line(&redact::urls(&format!("{service}: {what} ({address})"))).into_owned()
}

/// The body as text; bytes that are no UTF-8 become marks instead of failing the whole answer.
pub fn utf8(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// The answer's body when its code is 200, else the error in the server's words.
pub fn expect_ok(answer: Result<Answer, AskError>) -> Result<Vec<u8>, AskError> {
    let answer = answer?;
    if answer.status == 200 { Ok(answer.body) } else { Err(refusal(&answer)) }
}

/// An answer with a code that says no, as an error with the server's own words.
pub fn refusal(answer: &Answer) -> AskError {
    let words = match said(&answer.body) {
        words if words.is_empty() => format!("HTTP {}", answer.status),
        words => format!("HTTP {}: {words}", answer.status),
    };
    match answer.status {
        401 | 403 => AskError::Forbidden(words),
        404 => AskError::NotFound(words),
        502 | 503 => AskError::Refused(words),
        504 => AskError::Timeout,
        _ => AskError::Other(words),
    }
}

/// Longest part of an error body that is repeated.
const SAID: usize = 200;

/// What an error body says: Prometheus' `error`, the API server's `message`, or the text itself, clipped.
fn said(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Known {
        error: Text,
        message: Text,
    }
    let raw = utf8(body);
    let known: Known = serde_json::from_str(&raw).unwrap_or_default();
    let words = match (known.error.trim(), known.message.trim()) {
        ("", "") => raw.trim(),
        ("", message) => message,
        (error, _) => error,
    };
    let clipped: String = words.chars().take(SAID).collect();
    text::line(&clipped).into_owned()
}

/// Decodes a list entry by entry: one that cannot be read is named and does not fail the others.
pub fn entries<T: DeserializeOwned>(raw: &Many<Box<RawValue>>, what: &str, bad: &mut Vec<Bad>) -> Vec<T> {
    let mut out = Vec::with_capacity(raw.len());
    for (index, entry) in raw.iter().enumerate() {
        match serde_json::from_str(entry.get()) {
            Ok(entry) => out.push(entry),
            Err(error) => bad.push(Bad {
                name: format!("{what} {}", index + 1).into(),
                error: Box::from(&*text::line(&error.to_string())),
            }),
        }
    }
    out
}

/// A time on the wire; the zero time of Go (year 1) and anything before 1970 is "not set".
pub fn time(raw: &str) -> Option<Time> {
    Time::parse(raw).filter(|t| t.0 > 0)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use rstest::rstest;
    use std::collections::HashMap;

    /// An address that answers from a table; a path that is not in it is not found.
    #[derive(Debug, Default, Clone)]
    pub struct Fake {
        pub label: String,
        pub answers: HashMap<&'static str, Result<Answer, AskError>>,
    }

    impl Fake {
        pub fn new(label: &str) -> Self {
            Self { label: label.to_owned(), answers: HashMap::new() }
        }

        #[must_use]
        pub fn on(mut self, path: &'static str, status: u16, body: &str) -> Self {
            self.answers.insert(path, Ok(Answer { status, body: body.as_bytes().to_vec(), date: None }));
            self
        }

        #[must_use]
        pub fn failing(mut self, path: &'static str, error: AskError) -> Self {
            self.answers.insert(path, Err(error));
            self
        }
    }

    impl Ask for Fake {
        async fn get(&self, path_and_query: &str) -> Result<Answer, AskError> {
            let path = path_and_query.split('?').next().unwrap_or_default();
            self.answers.get(path).cloned().unwrap_or_else(|| Ok(Answer { status: 404, ..Answer::default() }))
        }

        fn label(&self) -> &str {
            &self.label
        }
    }

    #[rstest]
    #[case(
        503,
        r#"{"status":"error","errorType":"unavailable","error":"WAL replay"}"#,
        "cannot be reached: HTTP 503: WAL replay"
    )]
    #[case(
        503,
        r#"{"kind":"Status","message":"no endpoints available for service \"x\"","code":503}"#,
        "cannot be reached: HTTP 503: no endpoints available for service \"x\""
    )]
    #[case(403, "", "no access: HTTP 403")]
    #[case(500, "bo\u{1b}[2Jom\n", "HTTP 500: bo␛[2Jom")]
    #[case(504, "gateway", "no answer in time")]
    fn a_refusal_speaks_in_the_servers_words(#[case] status: u16, #[case] body: &str, #[case] expected: &str) {
        let answer = Answer { status, body: body.as_bytes().to_vec(), date: None };
        assert_eq!(refusal(&answer).to_string(), expected);
    }

    #[test]
    fn a_half_is_forbidden_only_when_every_address_is() {
        let no = AskError::Forbidden(String::new());
        let state = |errors: Vec<Option<&AskError>>| Half::of("x", errors).state;
        assert_eq!(state(vec![]), FeedState::NotInstalled);
        assert_eq!(state(vec![Some(&no), Some(&no)]), FeedState::NoAccess);
        assert_eq!(state(vec![Some(&no), Some(&AskError::Timeout)]), FeedState::Unreachable);
        assert_eq!(state(vec![Some(&no), None]), FeedState::Live);
    }

    fn step(state: FeedState) -> Polled {
        Polled {
            records: if state.is_live() { vec![Record::default()] } else { Vec::new() },
            problems: vec!["a".to_owned(), "b".to_owned()],
            state,
            origin: "here".to_owned(),
            halves: Vec::new(),
            bad: Vec::new(),
        }
    }

    fn feed_of(changes: &[Change]) -> Feed {
        let Some(Change::Feed(feed)) = changes.last() else { panic!("no feed in {changes:?}") };
        feed.clone()
    }

    #[rstest]
    #[case::never_found(None, FeedState::NotInstalled, Lack::Absent)]
    #[case::absent_as_before(Some(Lack::Absent), FeedState::NotInstalled, Lack::Absent)]
    #[case::found_and_gone(Some(Lack::Nothing), FeedState::NotInstalled, Lack::Lost)]
    #[case::does_not_answer(Some(Lack::Nothing), FeedState::Unreachable, Lack::Lost)]
    #[case::still_away(Some(Lack::Lost), FeedState::NotInstalled, Lack::Lost)]
    #[case::forbidden(Some(Lack::Nothing), FeedState::NoAccess, Lack::Part)]
    #[case::a_replica(Some(Lack::Nothing), FeedState::Live, Lack::Part)]
    fn a_service_that_was_there_and_one_that_never_was_are_told_apart(
        #[case] before: Option<Lack>,
        #[case] state: FeedState,
        #[case] lack: Lack,
    ) {
        let half = |service, state| Half { service, asked: 1, answered: 1, state, soon: false };
        let step = Polled {
            problems: vec!["a".to_owned()],
            halves: vec![half("Prometheus", FeedState::Live), half("Alertmanager", state)],
            ..step(FeedState::Live)
        };
        let before = Feed { fresh: before.map(|_| Time(1)), lack: before.unwrap_or_default(), ..Feed::default() };
        assert_eq!(feed_of(&step.changes(&before, Time(2))).lack, lack);
    }

    #[rstest]
    #[case::never_found(FeedState::NotInstalled, FeedState::NotInstalled, FeedState::Stale)]
    #[case::never_reached(FeedState::Unreachable, FeedState::Unreachable, FeedState::Stale)]
    #[case::forbidden(FeedState::NoAccess, FeedState::NoAccess, FeedState::NoAccess)]
    fn what_was_found_and_is_lost_is_stale_and_keeps_its_rows(
        #[case] now_is: FeedState,
        #[case] at_first: FeedState,
        #[case] after_data: FeedState,
    ) {
        let changes = step(now_is).changes(&Feed::default(), Time(10));
        assert_eq!((changes.len(), feed_of(&changes).state), (1, at_first));
        let live = step(FeedState::Live).changes(&Feed::default(), Time(20));
        assert_eq!(live.len(), 4);
        let changes = step(now_is).changes(&feed_of(&live), Time(30));
        let feed = feed_of(&changes);
        assert_eq!((changes.len(), feed.state, feed.fresh, feed.since), (1, after_data, Some(Time(20)), Time(30)));
        assert_eq!(feed.error.as_deref(), Some("a; b"));
        let again = feed_of(&step(now_is).changes(&feed, Time(40)));
        assert_eq!((again.state, again.since), (after_data, Time(30)));
    }

    #[rstest]
    #[case::held_back(AskError::Busy("too many requests".into()), true)]
    #[case::silent(AskError::Timeout, false)]
    fn who_is_held_back_asks_again_in_a_moment(#[case] error: AskError, #[case] soon: bool) {
        let halves = vec![Half::of("OpenBao", [Some(&error)])];
        let failed = Polled { halves, ..step(FeedState::Unreachable) };
        assert_eq!(feed_of(&failed.changes(&Feed::default(), Time(1))).soon, soon);
        let halves = vec![Half::of("OpenBao", [Some(&error), None])];
        let live = Polled { halves, ..step(FeedState::Live) };
        assert!(!feed_of(&live.changes(&Feed::default(), Time(1))).soon, "a live service has reported");
    }

    #[test]
    fn the_zero_time_of_go_is_not_set() {
        assert_eq!(time("0001-01-01T00:00:00Z"), None);
        assert_eq!(time("1970-01-01T00:00:05.5+00:00"), Some(Time(5)));
    }
}
