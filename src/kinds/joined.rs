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
use crate::domain::record::{KindId, Record};
use crate::domain::thresholds::Thresholds;

/// Nobody needs to know whether it was more.
const MOST: u32 = 999;

/// The kind without which this one is not judged whole.
pub fn judged_with(kind: KindId) -> Option<KindId> {
    (super::spec(kind).name == "Schedule").then(|| super::by_name("Backup"))?
}

/// How it stands with the runs of one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScheduleState {
    /// The start of the newest Completed backup.
    pub last_good: Option<Time>,
    /// The phase of the newest backup, good or not.
    pub newest_phase: Sym,
    /// When the newest backup began, or was asked for.
    pub newest_at: Option<Time>,
    /// How many of the newest backups in a row are bad: failed, partial, or running for too long. A run under way
    /// is passed over: it says nothing yet about the ones before it.
    pub bad_in_a_row: u32,
    /// The phase of the newest of those.
    pub bad_phase: Sym,
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
    let under_way = |b: &&&Record| b.health == Health::Progressing && now < stuck_at(b);
    let bad: Vec<_> = runs.iter().skip_while(under_way).take_while(is_bad).collect();

    let last_good = good.map(|b| begun(b));
    let mut state = ScheduleState {
        last_good,
        newest_phase: runs.first().map_or(Sym::EMPTY, |b| b.status),
        newest_at: runs.first().map(|b| begun(b)),
        bad_in_a_row: u32::try_from(bad.len()).unwrap_or(MOST),
        bad_phase: bad.first().map_or(Sym::EMPTY, |b| b.status),
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
        let newest = super::ending::words(strings.get(self.bad_phase));
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::domain::interner::Interner;
    use crate::kinds::testing::{NOW, at, record};

    /// A backup of `daily`: phase, start, completion, expiration.
    type Run = (&'static str, &'static str, &'static str, &'static str);

    fn joined(cron: &str, paused: bool, runs: &[Run]) -> (ScheduleState, Strings) {
        let (mut intern, mut strings) = (Interner::default(), Strings::default());
        let meta = |name: &str, labels: serde_json::Value| {
            json!({"name": name, "namespace": "velero", "uid": name, "labels": labels,
                "creationTimestamp": "2026-11-10T00:00:00Z"})
        };
        let schedule = record(
            "schedules",
            &json!({"metadata": meta("daily", json!({})), "spec": {"schedule": cron, "paused": paused},
                "status": {"phase": "Enabled", "lastBackup": "2026-11-21T02:00:00Z"}}),
            &mut intern,
        );
        let mut backups = Vec::new();
        for (index, (phase, start, end, expires)) in runs.iter().enumerate() {
            let json = json!({"metadata": meta(&format!("b{index}"), json!({"velero.io/schedule-name": "daily"})),
                "status": {"phase": phase, "startTimestamp": start, "completionTimestamp": end, "expiration": expires}});
            backups.push(record("backups", &json, &mut intern));
        }
        // neither of these is a run of this schedule
        for (name, space) in [("daily", "elsewhere"), ("weekly", "velero")] {
            let mut json = json!({"metadata": meta("other", json!({"velero.io/schedule-name": name})),
                "status": {"phase": "Completed", "startTimestamp": "2026-11-21T13:00:00Z"}});
            json["metadata"]["namespace"] = space.into();
            backups.push(record("backups", &json, &mut intern));
        }
        strings.extend(intern.unshipped());
        let state = schedule_state(&schedule, backups.iter(), &strings, &Thresholds::default(), at(NOW));
        (state, strings)
    }

    const FAR: &str = "2026-12-21T00:00:00Z";

    fn told(state: &(ScheduleState, Strings)) -> String {
        state.0.finding(&state.1).map_or_else(|| "fine".to_owned(), |f| format!("{} {}", f.severity, f.why))
    }

    #[rstest]
    #[case::good("0 2 * * *", &[("Completed", "2026-11-21T02:00:03Z", "2026-11-21T02:20:00Z", FAR)], "fine")]
    #[case::submitted_but_failed("0 2 * * *", &[("Failed", "2026-11-21T02:00:03Z", "2026-11-21T02:01:00Z", FAR),
        ("Completed", "2026-11-20T02:00:03Z", "2026-11-20T02:20:00Z", FAR)], "P3 missed 1 run, newest failed")]
    #[case::failed_twice("0 2 * * *", &[("Failed", "2026-11-21T02:00:03Z", "2026-11-21T02:01:00Z", FAR),
        ("PartiallyFailed", "2026-11-20T02:00:03Z", "2026-11-20T02:20:00Z", FAR),
        ("Completed", "2026-11-19T02:00:03Z", "2026-11-19T02:20:00Z", FAR)], "P2 missed 2 runs, newest failed")]
    #[case::nothing_submitted("0 2 * * *", &[("Completed", "2026-11-18T02:00:03Z", "2026-11-18T02:20:00Z", FAR)],
        "P2 missed 3 runs")]
    #[case::never_any("0 2 * * *", &[], "P2 missed 12 runs, no good backup")]
    #[case::within_the_slack("30 13 * * *", &[("Completed", "2026-11-20T13:30:03Z", "2026-11-20T13:40:00Z", FAR)], "fine")]
    #[case::long_runs_get_twice_their_time("0 12 * * *",
        &[("Completed", "2026-11-20T12:00:00Z", "2026-11-20T13:01:00Z", FAR)], "fine")]
    #[case::partial_off_schedule("0 15 * * *", &[("PartiallyFailed", "2026-11-21T10:00:00Z", "2026-11-21T10:10:00Z", FAR),
        ("Completed", "2026-11-20T15:00:00Z", "2026-11-20T15:10:00Z", FAR)], "P3 newest run partially failed")]
    #[case::stuck("0 9 * * *", &[("InProgress", "2026-11-21T09:00:00Z", "", ""),
        ("Completed", "2026-11-20T09:00:00Z", "2026-11-20T09:10:00Z", FAR)], "P3 missed 1 run, newest in progress")]
    #[case::gone_too_early("0 2 * * *", &[("Completed", "2026-11-21T02:00:03Z", "2026-11-21T02:20:00Z", "2026-11-21T20:00:00Z")],
        "P3 the last good backup expires before the next run")]
    #[case::every("@every 6h", &[("Completed", "2026-11-21T06:00:00Z", "2026-11-21T06:10:00Z", FAR)], "P3 missed 1 run")]
    #[case::not_understood("0 0 * * 7", &[("Failed", "2026-11-21T02:00:03Z", "", "")], "P3 newest run failed")]
    fn runs_are_judged_by_what_became_of_them(#[case] cron: &str, #[case] runs: &[Run], #[case] expected: &str) {
        assert_eq!(told(&joined(cron, false, runs)), expected);
    }

    #[test]
    fn a_run_under_way_hides_nothing() {
        let runs: &[Run] = &[
            ("InProgress", "2026-11-21T13:50:00Z", "", ""),
            ("Failed", "2026-11-21T02:00:00Z", "2026-11-21T02:01:00Z", FAR),
            ("Failed", "2026-11-20T02:00:00Z", "2026-11-20T02:01:00Z", FAR),
        ];
        let state = joined("0 2 * * *", false, runs);
        assert_eq!(
            (state.0.bad_in_a_row, told(&state)),
            (2, "P2 missed 12 runs, newest failed, no good backup".into())
        );
        assert_eq!(state.1.get(state.0.newest_phase), "InProgress");
        assert_eq!(state.0.recheck, Some(at("2026-11-21T17:50:00Z")));
    }

    #[test]
    fn times_are_exact() {
        let (state, _) =
            joined("0 2 * * *", false, &[("Completed", "2026-11-20T02:00:03Z", "2026-11-20T02:20:00Z", FAR)]);
        assert_eq!((state.last_good, state.due), (Some(at("2026-11-20T02:00:03Z")), Some(at("2026-11-21T02:00:00Z"))));
        assert_eq!((state.missed, state.stale, state.next), (1, true, Some(at("2026-11-22T02:00:00Z"))));
        assert_eq!(state.recheck, Some(at("2026-11-22T02:00:00Z")));
    }

    #[test]
    fn a_paused_schedule_has_no_next_run_but_still_an_old_backup() {
        let state = joined("0 2 * * *", true, &[("Completed", "2026-11-18T02:00:03Z", "2026-11-18T02:20:00Z", FAR)]);
        assert_eq!(state.0.next, None);
        assert_eq!(told(&state), "P3 missed 3 runs, paused");
    }
}
