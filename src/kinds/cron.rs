//! Schedules as Velero reads them (robfig/cron v3, `ParseStandard`): five fields, `@daily` and similar words, `@every
//! 1h`, and a leading `CRON_TZ=` or `TZ=`. The grammar is exactly that library's: it has no `L`, `W`, `#` and no Sunday
//! 7, and accepts `+5` and `*-5`. The times are calculated by [`super::cron_calendar`].

use jiff::tz::TimeZone;

use super::cron_calendar::{Calendar, STAR};
use crate::domain::ages::{Time, go_duration};

/// When something is due.
#[derive(Debug, Clone)]
pub enum Cron {
    /// Every so many seconds after the last time.
    Every(i64),
    /// On a calendar, in a time zone.
    Calendar(Box<Calendar>),
}

/// Why a schedule cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronError {
    /// Not five fields, nor a known `@word`.
    Shape,
    /// A field, counted from 0, is out of range or malformed.
    Field(usize),
    /// No such time zone on this machine.
    Zone,
    /// The duration of `@every` is malformed.
    Duration,
}

impl CronError {
    /// In words, for a person.
    pub fn told(self) -> &'static str {
        match self {
            Self::Shape => "the schedule is not five fields or a known @word",
            Self::Field(0) => "the schedule's minutes are not understood",
            Self::Field(1) => "the schedule's hours are not understood",
            Self::Field(2) => "the schedule's days of the month are not understood",
            Self::Field(3) => "the schedule's months are not understood",
            Self::Field(_) => "the schedule's days of the week are not understood",
            Self::Zone => "the schedule's time zone is not known on this machine",
            Self::Duration => "the schedule's duration is not understood",
        }
    }
}

/// Minimum and maximum, and the names of the values from the minimum on.
struct Range(u32, u32, &'static [&'static str]);

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Range; 5] =
    [Range(0, 59, &[]), Range(0, 23, &[]), Range(1, 31, &[]), Range(1, 12, MONTHS), Range(0, 6, DAYS)];

impl Cron {
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let (mut text, mut zone) = (text, TimeZone::UTC);
        if let Some(rest) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            let (name, rest) = rest.split_once(' ').ok_or(CronError::Shape)?;
            zone = named(name)?;
            text = rest.trim();
        }
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => match other.strip_prefix("@every ") {
                Some(duration) => {
                    return go_duration(duration).map(|s| Self::Every(s.max(1))).ok_or(CronError::Duration);
                }
                None => other,
            },
        };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(CronError::Shape);
        }
        let mut bits = [0u64; 5];
        for (index, (field, range)) in fields.iter().zip(&FIELDS).enumerate() {
            bits[index] = set(field, range).ok_or(CronError::Field(index))?;
        }
        Ok(Self::Calendar(Box::new(Calendar::new(bits, zone))))
    }

    /// The first time strictly after `after`; none where there is none within five years (the 30th of February).
    pub fn next(&self, after: Time) -> Option<Time> {
        match self {
            Self::Every(seconds) => Some(after.plus(*seconds)),
            Self::Calendar(calendar) => calendar.next(after),
        }
    }

    /// How many times lie in `(after, until]`; stops counting at `most`.
    pub fn count(&self, after: Time, until: Time, most: u32) -> u32 {
        if let Self::Every(seconds) = self {
            return u32::try_from((until.0.saturating_sub(after.0)).max(0) / seconds).unwrap_or(most).min(most);
        }
        u32::try_from(self.ticks(after, until).take(most as usize).count()).unwrap_or(most)
    }

    /// The times in `(after, until]`.
    pub fn ticks(&self, after: Time, until: Time) -> impl Iterator<Item = Time> + '_ {
        std::iter::successors(self.next(after), |t| self.next(*t)).take_while(move |t| *t <= until)
    }
}

/// A zone by its name, as Go finds it: case-sensitive, while this machine's own lookup is not.
fn named(name: &str) -> Result<TimeZone, CronError> {
    if matches!(name, "" | "UTC" | "Local") {
        return Ok(TimeZone::UTC);
    }
    let zone = TimeZone::get(name).map_err(|_| CronError::Zone)?;
    if zone.iana_name() == Some(name) { Ok(zone) } else { Err(CronError::Zone) }
}

/// The values of a field as bits, with [`STAR`] where it restricts nothing. An empty list is a field that never
/// matches.
fn set(field: &str, range: &Range) -> Option<u64> {
    field.split(',').filter(|part| !part.is_empty()).try_fold(0, |all, part| Some(all | span(part, range)?))
}

fn span(text: &str, range: &Range) -> Option<u64> {
    let mut parts = text.split('/');
    let (ends, step) = (parts.next()?, parts.next());
    let ends: Vec<&str> = ends.split('-').collect();
    let mut star = 0;
    let (low, mut high) = match ends.as_slice() {
        // what follows a star is ignored
        ["*" | "?", ..] => {
            star = STAR;
            (range.0, range.1)
        }
        [one] => (value(one, range)?, value(one, range)?),
        [low, high] => (value(low, range)?, value(high, range)?),
        _ => return None,
    };
    let step = match step {
        None => 1,
        Some(step) => {
            let step = number(step)?;
            if ends.len() == 1 {
                high = range.1;
            }
            // a stepped star restricts, which matters where the two kinds of days are joined by "or"
            if step > 1 {
                star = 0;
            }
            step
        }
    };
    if parts.next().is_some() || low < range.0 || high > range.1 || low > high || step == 0 {
        return None;
    }
    let every = usize::try_from(step.min(64)).unwrap_or(64);
    Some((low..=high).step_by(every).fold(star, |bits, n| bits | 1 << n))
}

fn value(text: &str, range: &Range) -> Option<u32> {
    let name = range.2.iter().position(|n| n.eq_ignore_ascii_case(text));
    match name {
        Some(index) => u32::try_from(index).ok().map(|i| i + range.0),
        None => number(text),
    }
}

/// As Go's `Atoi` reads it, which accepts a sign.
fn number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').or_else(|| text.strip_prefix('-').filter(|d| d.bytes().all(|b| b == b'0')));
    let digits = digits.unwrap_or(text);
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn after(text: &str, from: &str) -> String {
        let next = Cron::parse(text).unwrap().next(Time::parse(from).unwrap());
        next.map_or_else(|| "never".to_owned(), |t| t.timestamp().to_string())
    }

    #[rstest]
    #[case("0 2 * * *", "2026-11-21T01:59:59Z", "2026-11-21T02:00:00Z")]
    #[case("0 2 * * *", "2026-11-21T02:00:00Z", "2026-11-22T02:00:00Z")]
    #[case("0 3 * * 0", "2026-11-21T14:00:00Z", "2026-11-22T03:00:00Z")]
    #[case("0 3 * * SUN", "2026-11-21T14:00:00Z", "2026-11-22T03:00:00Z")]
    #[case("0 4 1 * *", "2026-11-21T14:00:00Z", "2026-12-01T04:00:00Z")]
    #[case("*/15 * * * *", "2026-11-21T14:01:00Z", "2026-11-21T14:15:00Z")]
    #[case("5/20 * * * *", "2026-11-21T14:01:00Z", "2026-11-21T14:05:00Z")]
    #[case("0 2 ? * ?", "2026-11-21T14:00:00Z", "2026-11-22T02:00:00Z")]
    #[case("0 0 29 2 *", "2026-11-21T14:00:00Z", "2028-02-29T00:00:00Z")]
    #[case("@yearly", "2026-11-21T14:00:00Z", "2027-01-01T00:00:00Z")]
    #[case("@annually", "2026-11-21T14:00:00Z", "2027-01-01T00:00:00Z")]
    #[case("@monthly", "2026-11-21T14:00:00Z", "2026-12-01T00:00:00Z")]
    #[case("@weekly", "2026-11-21T14:00:00Z", "2026-11-22T00:00:00Z")]
    #[case("@daily", "2026-11-21T14:00:00Z", "2026-11-22T00:00:00Z")]
    #[case("@midnight", "2026-11-21T14:00:00Z", "2026-11-22T00:00:00Z")]
    #[case("@hourly", "2026-11-21T14:00:00Z", "2026-11-21T15:00:00Z")]
    #[case("@every 1h30m", "2026-11-21T14:00:07Z", "2026-11-21T15:30:07Z")]
    #[case("@every 10ms", "2026-11-21T14:00:00Z", "2026-11-21T14:00:01Z")]
    #[case("TZ=UTC 0 2 * * *", "2026-11-21T14:00:00Z", "2026-11-22T02:00:00Z")]
    #[case("CRON_TZ=UTC @daily", "2026-11-21T14:00:00Z", "2026-11-22T00:00:00Z")]
    // the 21st is a Saturday: either the day of the month or the day of the week will do
    #[case("0 0 25 * 1", "2026-11-21T14:00:00Z", "2026-11-23T00:00:00Z")]
    #[case("0 0 22 * 1", "2026-11-21T14:00:00Z", "2026-11-22T00:00:00Z")]
    // with a star on one side, both must hold
    #[case("0 0 * * 1", "2026-11-21T14:00:00Z", "2026-11-23T00:00:00Z")]
    #[case("0 0 25 * *", "2026-11-21T14:00:00Z", "2026-11-25T00:00:00Z")]
    // a stepped star is a restriction: the odd days of the month, or that weekday
    #[case("0 0 */2 * 1", "2026-11-21T14:00:00Z", "2026-11-23T00:00:00Z")]
    #[case("0 0 */2 * 2", "2026-11-23T14:00:00Z", "2026-11-24T00:00:00Z")]
    fn the_next_run_is_the_one_velero_will_make(#[case] text: &str, #[case] from: &str, #[case] expected: &str) {
        assert_eq!(after(text, from), expected);
    }

    #[rstest]
    #[case("CRON_TZ=Asia/Tokyo 0 2 * * *", "2026-11-21T14:00:00Z", "2026-11-21T17:00:00Z")]
    #[case("TZ=America/New_York 0 2 * * *", "2026-11-21T14:00:00Z", "2026-11-22T07:00:00Z")]
    fn a_zone_moves_the_run_where_the_machine_knows_the_zone(#[case] text: &str, #[case] from: &str, #[case] at: &str) {
        match Cron::parse(text) {
            Err(error) => assert_eq!(error, CronError::Zone, "only an absent zone database excuses it"),
            Ok(_) => assert_eq!(after(text, from), at),
        }
    }

    /// Each row of the file: a schedule, a time, and what robfig/cron v3.0.1 answers: its error, or the next time after
    /// that one and how many there are until 2026-11-29T08:30:00Z, at most 999.
    #[test]
    fn every_answer_is_that_of_the_library_that_velero_uses() {
        let until = Time::parse("2026-11-29T08:30:00Z").unwrap();
        let mut wrong = Vec::new();
        for line in include_str!("cron.tsv").lines().filter(|line| !line.starts_with('#')) {
            let [text, from, next, count] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let from = Time::parse(from).unwrap();
            let told = match Cron::parse(text) {
                // a machine without a zone database cannot be held to it
                Err(CronError::Zone) if TimeZone::get("Europe/Berlin").is_err() => continue,
                Err(_) => ("error".to_owned(), "0".to_owned()),
                Ok(cron) => {
                    let next = cron.next(from).map_or_else(|| "never".to_owned(), |t| t.timestamp().to_string());
                    (next, cron.count(from, until, 999).to_string())
                }
            };
            if told != (next.to_owned(), count.to_owned()) {
                wrong.push(format!("{line}: {told:?}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[rstest]
    #[case("0 3 * * 7", CronError::Field(4))]
    #[case("0 3 * * 1-7", CronError::Field(4))]
    #[case("60 3 * * *", CronError::Field(0))]
    #[case("0 24 * * *", CronError::Field(1))]
    #[case("0 0 0 * *", CronError::Field(2))]
    #[case("0 0 32 * *", CronError::Field(2))]
    #[case("0 0 * 13 *", CronError::Field(3))]
    #[case("0 0 L * *", CronError::Field(2))]
    #[case("0 0 15W * *", CronError::Field(2))]
    #[case("0 0 * * 5#2", CronError::Field(4))]
    #[case("5-1 * * * *", CronError::Field(0))]
    #[case("*/0 * * * *", CronError::Field(0))]
    #[case("*,99 * * * *", CronError::Field(0))]
    #[case("*/01,60 * * * *", CronError::Field(0))]
    #[case("0 2 * *", CronError::Shape)]
    #[case("0 0 2 * * *", CronError::Shape)]
    #[case("@fortnightly", CronError::Shape)]
    #[case("@every soon", CronError::Duration)]
    #[case("TZ=UTC", CronError::Shape)]
    #[case("TZ=Mars/Olympus 0 2 * * *", CronError::Zone)]
    #[case("", CronError::Shape)]
    fn what_velero_refuses_is_refused(#[case] text: &str, #[case] expected: CronError) {
        assert_eq!(Cron::parse(text).unwrap_err(), expected);
    }

    #[test]
    fn runs_are_counted_after_the_first_and_up_to_the_last() {
        let time = |t: &str| Time::parse(t).unwrap();
        let daily = Cron::parse("0 2 * * *").unwrap();
        assert_eq!(daily.count(time("2026-11-18T02:00:03Z"), time("2026-11-21T02:00:00Z"), 100), 3);
        assert_eq!(daily.count(time("2026-11-18T02:00:03Z"), time("2026-11-21T01:59:59Z"), 100), 2);
        assert_eq!(daily.count(time("2000-01-01T00:00:00Z"), time("2026-11-21T00:00:00Z"), 50), 50);
        assert_eq!(daily.count(time("2026-11-21T00:00:00Z"), time("2000-01-01T00:00:00Z"), 50), 0);
        let every = Cron::parse("@every 1h").unwrap();
        assert_eq!(every.count(Time(0), Time(7199), 100), 1);
        assert_eq!(every.count(Time(7199), Time(0), 100), 0);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-@a-zA-Z0-9*/,?=# ]{0,30}", at in 0i64..4_102_444_800) {
            if let Ok(cron) = Cron::parse(&text) {
                let next = cron.next(Time(at));
                prop_assert!(next.is_none_or(|n| n > Time(at)));
            }
        }
        #[test]
        fn no_five_fields_panic(f in prop::collection::vec("[0-9*/,?-]{1,6}|[0-9]{1,2}|\\*/[0-9]{1,2}", 5), at in 0i64..4_102_444_800) {
            if let Ok(cron) = Cron::parse(&f.join(" ")) {
                let next = cron.next(Time(at));
                prop_assert!(next.is_none_or(|n| n > Time(at) && n.0 % 60 == 0));
            }
        }
        #[test]
        fn any_text_at_all_is_survived(text in any::<String>()) {
            let _ = Cron::parse(&text);
        }
    }
}
