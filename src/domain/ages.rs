//! Times and how they are shown: kubectl's HumanDuration to the letter.

use std::fmt::Write as _;

use jiff::{Span, SpanRelativeTo};

/// Seconds since the Unix epoch. Zero is "not set".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time(pub i64);

impl Time {
    /// An RFC 3339 time as Kubernetes writes it; `None` when empty or malformed.
    pub fn parse(text: &str) -> Option<Self> {
        fast(text.as_bytes()).or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)).map(Self)
    }

    pub fn is_set(self) -> bool {
        self.0 != 0
    }

    /// Seconds from `self` to `now`; negative in the future.
    pub fn age(self, now: Self) -> i64 {
        now.0 - self.0
    }

    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or_default()
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ` without a general parser: half of all bytes of a pod list are such times.
fn fast(b: &[u8]) -> Option<i64> {
    if b.len() != 20 || b[19] != b'Z' || b[10] != b'T' || b[4] != b'-' || b[7] != b'-' || b[13] != b':' || b[16] != b':'
    {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        b[range].iter().try_fold(0i64, |sum, c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // days from civil: years begin in March, eras of 400 years
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// kubectl's age: `<2m` seconds, `<10m` minutes and seconds, `<3h` minutes, `<8h` hours and minutes, `<48h` hours,
/// `<8d` days and hours, `<2y` days, `<8y` years and days, then years. In the future: `<invalid>`, except for one
/// minute of clock skew, where kubectl allows one second.
pub fn human(seconds: i64, out: &mut String) {
    let s = seconds;
    let two = |out: &mut String, a: i64, au: char, b: i64, bu: char| {
        let _ = write!(out, "{a}{au}");
        if b != 0 {
            let _ = write!(out, "{b}{bu}");
        }
    };
    match s {
        ..=-61 => out.push_str("<invalid>"),
        -60..0 => out.push_str("0s"),
        0..120 => two(out, s, 's', 0, ' '),
        120..600 => two(out, s / 60, 'm', s % 60, 's'),
        600..10_800 => two(out, s / 60, 'm', 0, ' '),
        10_800..28_800 => two(out, s / 3600, 'h', s % 3600 / 60, 'm'),
        28_800..172_800 => two(out, s / 3600, 'h', 0, ' '),
        172_800..691_200 => two(out, s / 86_400, 'd', s % 86_400 / 3600, 'h'),
        691_200..63_072_000 => two(out, s / 86_400, 'd', 0, ' '),
        63_072_000..252_288_000 => two(out, s / 31_536_000, 'y', s % 31_536_000 / 86_400, 'd'),
        _ => two(out, s / 31_536_000, 'y', 0, ' '),
    }
}

/// [`human`] as a new string.
pub fn told(seconds: i64) -> String {
    let mut out = String::new();
    human(seconds, &mut out);
    out
}

/// A duration as a person writes it (`90s`, `1h 30m`, `1d12h`, `2w`) in whole seconds, days being 24 hours; `None` for
/// anything else, and for fractions and negatives.
pub fn duration(text: &str) -> Option<i64> {
    let span: Span = text.parse().ok()?;
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (exact.subsec_nanos() == 0 && !exact.is_negative()).then(|| exact.as_secs())
}

/// A Go duration (`1h30m0s`, `500ms`) in seconds, rounded down; `None` when malformed.
pub fn go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let scale = match &rest[..unit_end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        nanos += value * scale;
        rest = &rest[unit_end..];
    }
    #[expect(clippy::cast_possible_truncation, reason = "seconds of any Go duration fit an i64")]
    let seconds = (nanos / 1e9) as i64;
    Some(if negative { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(-61, "<invalid>")]
    #[case(-60, "0s")]
    #[case(-2, "0s")]
    #[case(-1, "0s")]
    #[case(0, "0s")]
    #[case(119, "119s")]
    #[case(120, "2m")]
    #[case(125, "2m5s")]
    #[case(599, "9m59s")]
    #[case(600, "10m")]
    #[case(10_799, "179m")]
    #[case(10_800, "3h")]
    #[case(12_000, "3h20m")]
    #[case(28_800, "8h")]
    #[case(172_799, "47h")]
    #[case(172_800, "2d")]
    #[case(180_000, "2d2h")]
    #[case(691_200, "8d")]
    #[case(63_071_999, "729d")]
    #[case(63_072_000, "2y")]
    #[case(63_158_400, "2y1d")]
    #[case(252_288_000, "8y")]
    fn ages_read_as_kubectl_prints_them(#[case] seconds: i64, #[case] expected: &str) {
        assert_eq!(told(seconds), expected);
    }

    #[rstest]
    #[case("2026-11-21T10:00:00Z", Some(1_795_255_200))]
    #[case("2026-11-21T10:00:00.123456Z", Some(1_795_255_200))]
    #[case("2026-11-21T12:00:00+02:00", Some(1_795_255_200))]
    #[case("1970-01-01T00:00:00Z", Some(0))]
    #[case("2026-13-21T10:00:00Z", None)]
    #[case("", None)]
    #[case("soon", None)]
    fn times_are_read(#[case] text: &str, #[case] expected: Option<i64>) {
        assert_eq!(Time::parse(text).map(|t| t.0), expected);
    }

    #[rstest]
    #[case("1h30m0s", Some(5400))]
    #[case("500ms", Some(0))]
    #[case("1.5h", Some(5400))]
    #[case("0", Some(0))]
    #[case("-2m", Some(-120))]
    #[case("5", None)]
    #[case("h", None)]
    #[case("", None)]
    fn go_durations_are_read(#[case] text: &str, #[case] expected: Option<i64>) {
        assert_eq!(go_duration(text), expected);
    }

    proptest! {
        #[test]
        fn the_fast_path_agrees_with_the_library(second in 0i64..4_102_444_800) {
            let text = Time(second).timestamp().to_string();
            prop_assert_eq!(fast(text.as_bytes()), Some(second));
        }
        #[test]
        fn no_text_breaks_the_parsers(text in ".{0,40}") {
            let _ = (Time::parse(&text), duration(&text), go_duration(&text));
        }
    }
}
