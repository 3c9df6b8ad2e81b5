//! The calendar of a schedule in its time zone, as robfig/cron v3 goes through it (`SpecSchedule.Next`), with Go's
//! rules for building a time. So it agrees with Velero where clocks change: a run in the hour that is left out does not
//! take place, one in the hour that comes twice takes place twice.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::ages::Time;

/// Set in a field that restricts nothing.
pub const STAR: u64 = 1 << 63;

/// The maximum number of steps of a search: five years of days, and some hours and minutes.
const STEPS: u32 = 20_000;

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// Minutes, hours, days of the month, months and days of the week as bits.
#[derive(Debug, Clone)]
pub struct Calendar {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    zone: TimeZone,
}

/// A moment as the zone's clocks show it: month 1 to 12, weekday 0 (Sunday) to 6.
struct Local {
    year: i64,
    month: i64,
    day: i64,
    weekday: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Calendar {
    pub fn new([minutes, hours, days, months, weekdays]: [u64; 5], zone: TimeZone) -> Self {
        Self { minutes, hours, days, months, weekdays, zone }
    }

    /// The first time after `after`; none where there is none within five years.
    pub fn next(&self, after: Time) -> Option<Time> {
        if [self.minutes, self.hours, self.months].iter().any(|field| field & !STAR == 0) {
            return None;
        }
        let mut at = after.0.checked_add(1)?;
        let last = self.local(at)?.year + 5;
        let mut steps = 0;
        // set once a larger part has advanced: the smaller ones begin at their minimum
        let mut moved = false;
        // at the full minute
        'wrap: loop {
            let mut local = self.local(at)?;
            if local.year > last {
                return None;
            }
            while !has(self.months, local.month) {
                if !moved {
                    moved = true;
                    at = self.make(local.year, local.month, 1, 0)?;
                    local = self.local(at)?;
                }
                at = self.add(at, &local, 1, 0)?;
                local = self.local(at)?;
                if local.month == 1 {
                    continue 'wrap;
                }
            }
            while !self.is_day(&local) {
                if !moved {
                    moved = true;
                    at = self.make(local.year, local.month, local.day, 0)?;
                    local = self.local(at)?;
                }
                at = self.add(at, &local, 0, 1)?;
                local = self.local(at)?;
                if local.hour != 0 {
                    // there is no midnight on that day
                    at += HOUR * if local.hour > 12 { 24 - local.hour } else { -local.hour };
                    local = self.local(at)?;
                }
                steps += 1;
                if steps > STEPS {
                    return None;
                }
                if local.day == 1 {
                    continue 'wrap;
                }
            }
            while !has(self.hours, local.hour) {
                if !moved {
                    moved = true;
                    at = self.make(local.year, local.month, local.day, local.hour)?;
                }
                at += HOUR;
                local = self.local(at)?;
                steps += 1;
                if steps > STEPS {
                    return None;
                }
                if local.hour == 0 {
                    continue 'wrap;
                }
            }
            while !has(self.minutes, local.minute) {
                if !moved {
                    moved = true;
                    at -= at.rem_euclid(60);
                }
                at += 60;
                local = self.local(at)?;
                if local.minute == 0 {
                    continue 'wrap;
                }
            }
            if local.second == 0 {
                return Some(Time(at));
            }
            moved = true;
            at += 60 - local.second;
        }
    }

    fn is_day(&self, local: &Local) -> bool {
        let (day, weekday) = (has(self.days, local.day), has(self.weekdays, local.weekday));
        if self.days & STAR != 0 || self.weekdays & STAR != 0 { day && weekday } else { day || weekday }
    }

    fn offset(&self, at: i64) -> Option<i64> {
        Some(i64::from(self.zone.to_offset(Timestamp::from_second(at).ok()?).seconds()))
    }

    fn local(&self, at: i64) -> Option<Local> {
        let shown = at + self.offset(at)?;
        let (days, seconds) = (shown.div_euclid(DAY), shown.rem_euclid(DAY));
        let date = Date::new(1970, 1, 1).ok()?.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        Some(Local {
            year: i64::from(date.year()),
            month: i64::from(date.month()),
            day: i64::from(date.day()),
            weekday: i64::from(date.weekday().to_sunday_zero_offset()),
            hour: seconds / HOUR,
            minute: seconds % HOUR / 60,
            second: seconds % 60,
        })
    }

    /// Go's `time.Date`: months and days may be out of range. Of a time that clocks show twice or never it gives what
    /// the offset says that holds at that time as if it were UTC.
    fn make(&self, year: i64, month: i64, day: i64, hour: i64) -> Option<i64> {
        self.place(days(year, month, day)? * DAY + hour * HOUR)
    }

    fn place(&self, shown: i64) -> Option<i64> {
        let near = shown - self.offset(shown)?;
        Some(shown - self.offset(near)?)
    }

    /// Go's `AddDate`.
    fn add(&self, at: i64, local: &Local, months: i64, more: i64) -> Option<i64> {
        let clock = (at + self.offset(at)?).rem_euclid(DAY);
        self.place(days(local.year, local.month + months, local.day + more)? * DAY + clock)
    }
}

fn has(bits: u64, n: i64) -> bool {
    bits >> n & 1 == 1
}

/// Days since 1970, of a date whose month and day may be past their end.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    let since = first.since((jiff::Unit::Day, Date::new(1970, 1, 1).ok()?)).ok()?;
    Some(i64::from(since.get_days()) + day - 1)
}
