//! How long a silence lasts: `2h`, `1d12h`, `until 14:30`.

use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use crate::domain::ages::{Time, duration};
use crate::domain::plan::Stop;

/// Longer than this should be a change of the alert, not a silence.
const LONGEST: i64 = 31 * DAY;
/// What lasts longer outlasts the shift of the operator on call.
pub const DAY: i64 = 86_400;

/// A duration from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub seconds: i64,
    pub told: String,
    /// It was given as an end, not as a duration.
    is_end: bool,
}

impl Span {
    /// `until 14:30` is today or tomorrow, by the clock of this zone; `until 14:30z` by UTC.
    pub fn of(text: &str, now: Time, zone: &TimeZone) -> Result<Self, Stop> {
        let lower = text.trim().to_lowercase();
        let (seconds, is_end) = match lower.strip_prefix("until ") {
            Some(clock) => (until(clock.trim(), now, zone), true),
            None => (duration(&lower), false),
        };
        let seconds = seconds.filter(|seconds| *seconds > 0).ok_or_else(|| {
            Stop::Refuse(format!("duration `{text}` is neither like 30m, 2h, 1d nor like `until 14:30`"))
        })?;
        bounded(seconds, text)?;
        Ok(Self { seconds, told: told(seconds), is_end })
    }

    pub fn is_long(&self) -> bool {
        self.seconds > DAY
    }

    pub fn warning(&self) -> Option<String> {
        self.is_long().then(|| format!("it lasts {}: longer than a day, nobody on call remembers it", self.told))
    }

    /// What amtool gets.
    pub fn flag(&self, ends: Time) -> String {
        match (self.is_end, self.seconds % 60) {
            (true, _) => end_flag(ends),
            (false, 0) => format!("--duration={}m", self.seconds / 60),
            (false, _) => format!("--duration={}s", self.seconds),
        }
    }
}

/// Refused when it is longer than any silence should be.
pub fn bounded(seconds: i64, text: &str) -> Result<(), Stop> {
    if seconds > LONGEST {
        return Err(Stop::Refuse(format!("{text} is longer than 31 days: change the alert instead")));
    }
    Ok(())
}

/// An end as amtool takes it: it counts a duration of `update` from the start, not from now.
pub fn end_flag(ends: Time) -> String {
    format!("--end={}", ends.timestamp())
}

fn until(clock: &str, now: Time, zone: &TimeZone) -> Option<i64> {
    let (clock, zone) = match clock.strip_suffix('z') {
        Some(clock) => (clock.trim_end(), &TimeZone::UTC),
        None => (clock, zone),
    };
    let time: jiff::civil::Time = format!("{clock}:00").parse().ok()?;
    let now = now.timestamp().to_zoned(zone.clone());
    let mut end = now.date().to_datetime(time).to_zoned(zone.clone()).ok()?;
    if end <= now {
        end = end.checked_add(1.day()).ok()?;
    }
    Some(end.timestamp().as_second() - now.timestamp().as_second())
}

/// `1d12h`, as it would be typed.
pub fn told(seconds: i64) -> String {
    let mut rest = seconds.max(0);
    let mut out = String::new();
    for (unit, name) in [(DAY, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= unit {
            let _ = write!(out, "{}{name}", rest / unit);
            rest %= unit;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// 2026-11-29T12:00:00Z
    const NOW: Time = Time(1_795_953_600);

    #[rstest]
    #[case("30m", 1800, "--duration=30m")]
    #[case("1d12h", 129_600, "--duration=2160m")]
    #[case("90s", 90, "--duration=90s")]
    #[case("until 14:30", 9000, "--end=2026-11-29T14:30:00Z")]
    #[case("until 11:00z", 82_800, "--end=2026-11-30T11:00:00Z")]
    fn a_length_is_read_and_told_to_amtool(#[case] text: &str, #[case] seconds: i64, #[case] flag: &str) {
        let span = Span::of(text, NOW, &TimeZone::UTC).unwrap();
        assert_eq!((span.seconds, &*span.flag(NOW.plus(seconds))), (seconds, flag));
    }

    /// It is 07:00 there, and 13:00 where the clock is six hours ahead of that.
    #[rstest]
    #[case(-5, "until 07:30", "30m")]
    #[case(-5, "until 07:00", "1d")]
    #[case(-5, "until 07:30z", "19h30m")]
    #[case(-5, "until 12:30 Z", "30m")]
    #[case(1, "until 12:30", "23h30m")]
    #[case(1, "until 13:30", "30m")]
    fn an_end_is_read_by_the_clock_of_the_zone_unless_it_says_utc(
        #[case] hours: i8,
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        let zone = TimeZone::fixed(jiff::tz::offset(hours));
        assert_eq!(Span::of(text, NOW, &zone).unwrap().told, expected);
    }

    #[rstest]
    #[case("120m", "2h")]
    #[case("1d12h", "1d12h")]
    #[case("90s", "1m30s")]
    #[case("168h", "7d")]
    fn a_length_is_told_as_it_would_be_typed(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(Span::of(text, NOW, &TimeZone::UTC).unwrap().told, expected);
    }

    #[rstest]
    #[case("")]
    #[case("2")]
    #[case("h")]
    #[case("0m")]
    #[case("-1h")]
    #[case("1é")]
    #[case("until 25:00")]
    #[case("32d")]
    fn what_is_no_length_is_refused(#[case] text: &str) {
        assert!(matches!(Span::of(text, NOW, &TimeZone::UTC), Err(Stop::Refuse(_))), "{text}");
    }

    #[test]
    fn more_than_a_day_is_long() {
        let long = |text: &str| Span::of(text, NOW, &TimeZone::UTC).unwrap().is_long();
        assert!(!long("24h") && !long("1d") && long("25h") && long("1d1m"));
    }
}
