//! What becomes of a schedule's runs: Velero's Schedule says when it last *submitted* one, success or not, so the
//! truth is in its backups.

use super::backups::{EXPIRES, SCHEDULE};
use super::cron::Cron;
use super::schedules::CRON;
use super::velero::{COMPLETED, START, begun};
use crate::domain::ages::Time;
use crate::domain::finding::Finding;
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Strings, Sym};
use crate::domain::record::Record;
use crate::domain::thresholds::Thresholds;

/// Nobody needs to know whether it was more.
const MOST: u32 = 999;

/// How it stands with the runs of one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScheduleState {
    /// The start of the newest Completed backup.
    pub last_good: Option<Time>,
    /// The phase of the newest backup, good or not.
    pub newest_phase: Sym,
    /// When the newest backup began, or was asked for.
    pub newest_at: Option<Time>,
    /// How many of the newest backups in a row are bad: failed, partial, or running for too long.
    pub bad_in_a_row: u32,
    /// The first run after the last good one.
    pub due: Option<Time>,
    /// Runs that should have made a good backup since; at most 999.
    pub missed: u32,
    /// A good backup is overdue.
    pub stale: bool,
    /// The next run; nothing while paused.
    pub next: Option<Time>,
    /// The newest good backup will be gone before the next run.
    pub expires_before_next: bool,
    pub paused: bool,
    /// When this changes by itself.
    pub recheck: Option<Time>,
}

/// Joins `schedule` with those of `backups` that are its own. Backups of a schedule of the same name in another
/// cluster, synced through a shared bucket, cannot be told apart.
pub fn schedule_state<'a>(
    schedule: &Record,
    backups: impl Iterator<Item = &'a Record>,
    strings: &Strings,
    thresholds: &Thresholds,
    now: Time,
) -> ScheduleState {
    let own = |b: &&Record| b.namespace == schedule.namespace && strings.get(b.sym(SCHEDULE)) == &*schedule.name;
    let mut runs: Vec<&Record> = backups.filter(own).collect();
    runs.sort_unstable_by_key(|b| (std::cmp::Reverse(begun(b)), b.uid));
    let good = runs.iter().find(|b| strings.get(b.status) == "Completed");
    let stuck_at = |b: &Record| begun(b).plus(thresholds.backup_running);
    let is_bad = |b: &&&Record| match b.health {
        Health::Failed | Health::Warning | Health::Unknown => true,
        Health::Progressing => now >= stuck_at(b),
        _ => false,
    };
    // a run under way says nothing yet about the ones before it
    let under_way = |b: &&&Record| b.health == Health::Progressing && now < stuck_at(b);
    let bad_in_a_row = runs.iter().skip_while(under_way).take_while(is_bad).count();

    let last_good = good.map(|b| begun(b));
    let mut state = ScheduleState {
        last_good,
        newest_phase: runs.first().map_or(Sym::EMPTY, |b| b.status),
        newest_at: runs.first().map(|b| begun(b)),
        bad_in_a_row: u32::try_from(bad_in_a_row).unwrap_or(MOST),
        paused: schedule.suspended == Some(true),
        recheck: runs.first().filter(|b| b.health == Health::Progressing).map(|b| stuck_at(b)),
        ..ScheduleState::default()
    };
    let from = last_good.unwrap_or(schedule.created);
    if let Ok(cron) = Cron::parse(strings.get(schedule.sym(CRON)))
        && from.is_set()
    {
        let took = good.and_then(|b| Some(b.time(COMPLETED)?.0 - b.time(START)?.0)).unwrap_or(0);
        let slack = thresholds.backup_overdue.max(took.saturating_mul(2));
        state.due = cron.next(from);
        state.missed = cron.count(from, now, MOST);
        state.stale = state.due.is_some_and(|due| now > due.plus(slack));
        let next = cron.next(now);
        state.next = next.filter(|_| !state.paused);
        let expires = good.and_then(|b| b.time(EXPIRES));
        state.expires_before_next = matches!((expires, next), (Some(e), Some(n)) if e < n);
        let overdue = state.due.map(|due| due.plus(slack + 1));
        state.recheck = [state.recheck, overdue, next, expires].into_iter().flatten().filter(|t| *t > now).min();
    } else {
        state.recheck = state.recheck.filter(|t| *t > now);
    }
    state
}

impl ScheduleState {
    /// The finding of the schedule, in words that do not change by the minute. P3; P2 when it is bad twice in a row.
    pub fn finding(&self, strings: &Strings) -> Option<Finding> {
        let twice = self.bad_in_a_row >= 2 || (self.stale && self.missed >= 2);
        let severity = if twice && !self.paused { Severity::P2 } else { Severity::P3 };
        let newest = super::ending::words(strings.get(self.newest_phase));
        let mut why = match (self.bad_in_a_row, self.stale) {
            (0, false) if self.expires_before_next && !self.paused => {
                let why = "the last good backup expires before the next run";
                return Some(Finding::new(Severity::P3, None, why));
            }
            (0, false) => return None,
            (0 | 1, true) if self.missed == 1 => "missed 1 run".to_owned(),
            (_, true) => format!("missed {} runs", self.missed),
            (1, false) => format!("newest run {newest}"),
            (n, false) => format!("newest {n} runs {newest}"),
        };
        if self.stale && self.bad_in_a_row > 0 {
            why = format!("{why}, newest {newest}");
        }
        if self.stale && self.last_good.is_none() {
            why.push_str(", no good backup");
        }
        if self.paused {
            why.push_str(", paused");
        }
        let since = if self.stale { self.due } else { self.newest_at };
        Some(Finding::new(severity, since, why))
    }
}
