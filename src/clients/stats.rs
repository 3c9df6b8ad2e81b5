//! What the answers said besides their bodies: the server's clock, warnings, when to come back, how much was moved.
//! Shared by all requests to one server; judges nothing.

#![expect(clippy::disallowed_methods, reason = "how long to stay away is counted from the answer")]

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

/// Warnings beyond this many different ones are not kept: they repeat for every request.
const WARNINGS_KEPT: usize = 128;
/// A longer wait than this is taken for a mistake of whoever said it.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
const NO_SKEW: i64 = i64::MIN;

/// Counters and notes of one server.
#[derive(Debug)]
pub struct Stats {
    requests: AtomicU64,
    wire_bytes: AtomicU64,
    body_bytes: AtomicU64,
    throttled: AtomicU64,
    renewals: AtomicU64,
    held: AtomicUsize,
    skew: AtomicI64,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// Each with the path that it was said of.
    warnings: Vec<(String, String)>,
    not_before: Option<Instant>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            requests: AtomicU64::new(0),
            wire_bytes: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            skew: AtomicI64::new(NO_SKEW),
            notes: Mutex::default(),
        }
    }
}

impl Stats {
    /// Requests sent, repeated ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of answer bodies as they came over the wire, and after decompression.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.wire_bytes.load(Ordering::Relaxed), self.body_bytes.load(Ordering::Relaxed))
    }

    /// How often the server said 429.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// How often credentials were renewed because the server refused the old ones.
    #[must_use]
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// The server's clock minus ours in whole seconds; `None` before the first answer with a date. A `Date` has no
    /// fractions, so one second means nothing.
    #[must_use]
    pub fn skew_seconds(&self) -> Option<i64> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|skew| *skew != NO_SKEW)
    }

    /// The different `Warning` texts that the server has sent, oldest first. Not sanitised.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (_, text) in &self.notes().warnings {
            if !out.contains(text) {
                out.push(text.clone());
            }
        }
        out
    }

    /// What the server has warned of when this path was asked, whatever the query. Not sanitised.
    #[must_use]
    pub fn warnings_about(&self, path: &str) -> Vec<String> {
        let path = path.split('?').next().unwrap_or_default();
        self.notes().warnings.iter().filter(|(of, _)| of.ends_with(path)).map(|(_, text)| text.clone()).collect()
    }

    /// How long the server asked us to stay away, counted from now.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let until = self.notes().not_before?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Bytes of answers that are being read.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Counts bytes that are held from now on; all of them.
    pub(super) fn hold(&self, bytes: usize) -> usize {
        self.held.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    pub(super) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn note_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_renewal(&self) {
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_wire(&self, bytes: usize) {
        self.wire_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn note_body(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes an answer of the server itself, not of a service behind its proxy; `sent` and `now` are by our clock.
    pub(super) fn note_answer(
        &self,
        path: &str,
        status: StatusCode,
        headers: &HeaderMap,
        sent: Timestamp,
        now: Timestamp,
    ) {
        if let Some(date) = headers.get(header::DATE).and_then(|date| http_date(date.to_str().ok()?)) {
            let known = self.skew_seconds().unwrap_or(0);
            self.skew.store(skew(date.as_second(), sent.as_second(), now.as_second(), known), Ordering::Relaxed);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
        let wait = retry_after(headers, now);
        let warnings = headers.get_all(header::WARNING).iter().filter_map(|value| warning_text(value.to_str().ok()?));
        let warnings = warnings.map(|text| (path.to_owned(), text));
        let mut notes = self.notes();
        if let Some(wait) = wait {
            notes.not_before = Instant::now().checked_add(wait);
        }
        for warning in warnings {
            if notes.warnings.len() < WARNINGS_KEPT && !notes.warnings.contains(&warning) {
                tracing::warn!(path, warning = warning.1, "the server warns");
                notes.warnings.push(warning);
            }
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The difference of the clocks nearest to what was `known` that this answer allows: its date (without fractions) is of
/// some moment between the request and the answer. A slow answer proves little, and a late one is no skew.
fn skew(date: i64, sent: i64, now: i64, known: i64) -> i64 {
    // our clock may have been set back meanwhile
    let (least, most) = (date - now, (date + 1 - sent).max(date - now));
    known.clamp(least, most)
}

/// How long an answer asks us to wait: seconds or a date.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(http_date(text)?.as_second() - now.as_second()).ok()?,
    };
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

/// `299 - "text"` without its code and agent.
fn warning_text(header: &str) -> Option<String> {
    let quoted = header.splitn(3, ' ').nth(2)?.trim();
    let text = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_server_whose_clock_is_ahead_shows_as_positive_skew() {
        let stats = Stats::default();
        assert_eq!(stats.skew_seconds(), None);
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        stats.note_answer("/version", StatusCode::OK, &headers(&[("date", "Sat, 21 Nov 2026 10:00:42 GMT")]), now, now);
        assert_eq!(stats.skew_seconds(), Some(42));
    }

    #[rstest::rstest]
    #[case::at_once((100, 100, 100), 0, 0)]
    #[case::an_answer_that_was_ten_seconds_on_its_way((100, 100, 110), 0, 0)]
    #[case::a_server_that_thought_for_ten_seconds((110, 100, 110), 0, 0)]
    #[case::a_server_behind((58, 100, 100), 0, -41)]
    #[case::a_slow_answer_of_a_server_behind((58, 100, 110), -42, -42)]
    #[case::a_server_that_was_set_right((100, 100, 101), -42, -1)]
    #[case::our_clock_set_back_meanwhile((100, 105, 50), 0, 50)]
    fn only_what_the_way_of_an_answer_cannot_explain_is_skew(
        #[case] (date, sent, now): (i64, i64, i64),
        #[case] known: i64,
        #[case] expected: i64,
    ) {
        assert_eq!(skew(date, sent, now, known), expected);
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_and_is_bounded() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let wait = |text| retry_after(&headers(&[("retry-after", text)]), now).map(|wait| wait.as_secs());
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait("Sat, 21 Nov 2026 10:00:30 GMT"), Some(30));
        assert_eq!(wait("Sat, 21 Nov 2026 09:00:30 GMT"), None);
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("999999999"), Some(600));
    }

    #[test]
    fn a_repeated_warning_is_kept_once_and_unquoted() {
        let stats = Stats::default();
        let sent = headers(&[("warning", r#"299 - "v1 \"Endpoints\" is deprecated""#)]);
        for _ in 0..3 {
            for path in ["/api/v1/endpoints", "/api/v1/namespaces/shop/endpoints"] {
                stats.note_answer(path, StatusCode::OK, &sent, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            }
        }
        let expected = [r#"v1 "Endpoints" is deprecated"#];
        assert_eq!(stats.warnings(), expected);
        assert_eq!(stats.warnings_about("/api/v1/endpoints?limit=500"), expected);
        assert_eq!(stats.warnings_about("/api/v1/pods"), [""; 0]);
    }
}
