//! The results of a schedule's runs: Velero's Schedule says when it last *submitted* one, successful or not, so the
//! results are in its backups. They are kept for a while only: a missing one proves nothing beyond that.

use super::backups::{EXPIRES, SCHEDULE};
use super::cron::Cron;
use super::schedules::{CRON, SUBMITTED, TTL};
use super::velero::{self, COMPLETED, START, begun};
use crate::domain::ages::{self, Time, go_duration};
use crate::domain::finding::Finding;
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Strings, Sym};
use crate::domain::record::{KindId, Record};
use crate::domain::thresholds::Thresholds;

/// More than this need not be counted.
const MOST: usize = 999;

/// How long Velero keeps a backup that does not say so itself; its server may be configured otherwise.
const KEPT: i64 = 720 * 3600;

/// The kind that is needed to judge this one completely.
pub fn judged_with(kind: KindId) -> Option<KindId> {
    (super::spec(kind).name == "Schedule").then(|| super::by_name("Backup"))?
}

/// The state of the runs of one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, none of which rules out another")]
pub struct ScheduleState {
    /// The start of the newest Completed backup.
    pub last_good: Option<Time>,
    /// How many of the newest backups in a row are bad: failed, partial, or running for too long. A run in progress is
    /// skipped: it says nothing yet about the previous ones.
    pub bad_in_a_row: usize,
    /// The phase of the newest of those; whether it is that of all of them; when the oldest of them began.
    pub bad_phase: Sym,
    pub bad_alike: bool,
    pub bad_since: Option<Time>,
    /// Times at which a run was due but none started; at most 999.
    pub missed: usize,
    pub first_missed: Option<Time>,
    /// A run waits or is in progress: until it ends, Velero submits no other.
    pub held: bool,
    /// When the run in progress began, if it takes longer than the last good one did, and how long that one took.
    pub slow: Option<(Time, i64)>,
    /// The next run; nothing while paused.
    pub next: Option<Time>,
    /// The newest good backup expires before the next run.
    pub expires_before_next: bool,
    /// A backup is not kept until the next run: its retention, where none is left for that reason.
    pub kept: Option<i64>,
    /// A run was submitted whose backup should still be there by the schedule's current retention, and no backup is
    /// left: they were removed, or the retention was shorter then.
    pub gone: bool,
    pub paused: bool,
    /// When this changes by itself.
    pub recheck: Option<Time>,
}

/// One run, as far as the calendar is concerned.
struct Run {
    begun: Time,
    /// While it lasts, no other is submitted.
    until: Time,
}

/// Joins `schedule` with those of `backups` that are its own. Backups of a schedule of the same name in another
/// cluster, synced through a shared bucket, cannot be distinguished.
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
    let took = good.and_then(|b| Some(b.time(COMPLETED)?.0 - b.time(START)?.0)).unwrap_or(0);
    let slack = thresholds.backup_overdue.max(took.saturating_mul(2));

    let last_good = good.map(|b| begun(b));
    let newest = runs.first().filter(|b| b.health == Health::Progressing);
    let slow = newest.filter(|b| under_way(b) && !velero::waits(strings.get(b.status)) && took > 0);
    let slow_at = slow.map(|b| begun(b).plus(slack));
    let bad_phase = bad.first().map_or(Sym::EMPTY, |b| b.status);
    let mut state = ScheduleState {
        last_good,
        bad_in_a_row: bad.len(),
        bad_phase,
        bad_alike: bad.iter().all(|b| b.status == bad_phase),
        bad_since: bad.last().map(|b| begun(b)),
        held: newest.is_some(),
        slow: slow.filter(|_| slow_at.is_some_and(|at| now >= at)).map(|b| (begun(b), took)),
        paused: schedule.suspended == Some(true),
        ..ScheduleState::default()
    };
    let mut turns = vec![newest.map(|b| stuck_at(b)), slow_at];
    let kept = go_duration(strings.get(schedule.sym(TTL))).filter(|s| *s > 0).unwrap_or(KEPT);
    // a submitted run was not missed, whatever its result; its backup is seen a moment later
    let submitted = schedule.time(SUBMITTED).filter(|_| runs.is_empty());
    let listed = submitted.map(|at| at.plus(thresholds.reconcile_grace));
    state.gone = submitted.is_some_and(|at| at.plus(kept) > now) && listed.is_some_and(|at| now >= at);
    turns.extend([listed, submitted.map(|at| at.plus(kept))]);
    // earlier backups are gone by now, good or not
    let from = [last_good, submitted, Some(schedule.created), Some(now.plus(-kept))].into_iter().flatten().max();
    let from = from.unwrap_or(now);
    if let Ok(cron) = Cron::parse(strings.get(schedule.sym(CRON))) {
        let spans: Vec<Run> = runs
            .iter()
            .map(|b| {
                let end =
                    if b.health == Health::Progressing { stuck_at(b) } else { b.time(COMPLETED).unwrap_or(begun(b)) };
                Run { begun: begun(b), until: end }
            })
            .collect();
        let mut ticks: Vec<Time> = cron.ticks(from, now).take(MOST).collect();
        let next = cron.next(now);
        ticks.extend(next);
        let taken = |at: Time, following: Time| {
            spans.iter().any(|run| (at <= run.begun && run.begun < following) || (run.begun < at && at < run.until))
        };
        let open = ticks.windows(2).filter(|pair| !taken(pair[0], pair[1])).map(|pair| pair[0]);
        let (late, waited): (Vec<Time>, Vec<Time>) = open.partition(|at| now > at.plus(slack));
        state.missed = late.len();
        state.first_missed = late.first().copied();
        state.next = next.filter(|_| !state.paused);
        let expires = good.and_then(|b| b.time(EXPIRES));
        state.expires_before_next = matches!((expires, next), (Some(e), Some(n)) if e < n);
        let short = matches!((submitted, next), (Some(s), Some(n)) if s.plus(kept) < n);
        state.kept = short.then_some(kept);
        turns.extend([waited.first().map(|at| at.plus(slack + 1)), next, expires]);
    }
    state.recheck = turns.into_iter().flatten().filter(|t| *t > now).min();
    state
}

impl ScheduleState {
    /// The finding of the schedule, in words that do not change by the minute. P3; P2 when it is bad twice in a row.
    pub fn finding(&self, strings: &Strings) -> Option<Finding> {
        if self.bad_in_a_row + self.missed == 0 && !self.gone {
            return self.quiet();
        }
        let grave = self.bad_in_a_row + self.missed >= 2;
        let severity = if grave && !self.paused { Severity::P2 } else { Severity::P3 };
        let newest = velero::told(strings.get(self.bad_phase));
        let mut parts = Vec::new();
        match self.missed {
            0 => {}
            1 => parts.push("missed 1 run".to_owned()),
            n => parts.push(format!("missed {n} runs")),
        }
        match self.bad_in_a_row {
            0 => {}
            1 => parts.push(format!("newest run {newest}")),
            n if self.bad_alike => parts.push(format!("newest {n} runs {newest}")),
            n => parts.push(format!("newest {n} runs not good, the last one {newest}")),
        }
        if self.gone {
            parts.push("no good backup is left: that of the last run is gone".to_owned());
        } else if self.last_good.is_none() {
            parts.push("no good backup is left".to_owned());
        }
        if self.paused {
            parts.push("paused".to_owned());
        }
        let since = [self.first_missed, self.bad_since].into_iter().flatten().min();
        Some(Finding::new(severity, since, parts.join(", ")))
    }

    /// The finding while no run was missed and none is bad.
    fn quiet(&self) -> Option<Finding> {
        if let (Some(kept), false) = (self.kept, self.paused) {
            let why =
                format!("no backup is left: each is kept for {} only, less than until the next run", ages::told(kept));
            return Some(Finding::new(Severity::P3, None, why));
        }
        if self.expires_before_next && !self.paused {
            return Some(Finding::new(Severity::P3, None, "the last good backup expires before the next run"));
        }
        let (since, took) = self.slow?;
        let why = format!("a run is under way for longer than the last one took ({})", ages::told(took));
        Some(Finding::new(Severity::P4, Some(since), why))
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
        joined_with(cron, "", paused, runs)
    }

    fn joined_with(cron: &str, ttl: &str, paused: bool, runs: &[Run]) -> (ScheduleState, Strings) {
        submitted(cron, ttl, paused, runs, Some("2026-11-21T02:00:00Z"))
    }

    fn submitted(cron: &str, ttl: &str, paused: bool, runs: &[Run], last: Option<&str>) -> (ScheduleState, Strings) {
        let (mut intern, mut strings) = (Interner::default(), Strings::default());
        let meta = |name: &str, labels: serde_json::Value| {
            json!({"name": name, "namespace": "velero", "uid": name, "labels": labels,
                "creationTimestamp": "2026-11-10T00:00:00Z"})
        };
        let schedule = record(
            "schedules",
            &json!({"metadata": meta("daily", json!({})), "spec": {"schedule": cron, "paused": paused, "template": {"ttl": ttl}},
                "status": {"phase": "Enabled", "lastBackup": last}}),
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
        ("Completed", "2026-11-20T02:00:03Z", "2026-11-20T02:20:00Z", FAR)], "P3 newest run failed")]
    #[case::failed_twice("0 2 * * *", &[("Failed", "2026-11-21T02:00:03Z", "2026-11-21T02:01:00Z", FAR),
        ("PartiallyFailed", "2026-11-20T02:00:03Z", "2026-11-20T02:20:00Z", FAR),
        ("Completed", "2026-11-19T02:00:03Z", "2026-11-19T02:20:00Z", FAR)], "P2 newest 2 runs not good, the last one failed")]
    #[case::failed_alike("0 2 * * *", &[("PartiallyFailed", "2026-11-21T02:00:03Z", "2026-11-21T02:01:00Z", FAR),
        ("PartiallyFailed", "2026-11-20T02:00:03Z", "2026-11-20T02:20:00Z", FAR),
        ("Completed", "2026-11-19T02:00:03Z", "2026-11-19T02:20:00Z", FAR)], "P2 newest 2 runs partially failed")]
    #[case::one_missed_and_one_failed("0 2 * * *", &[("Failed", "2026-11-21T02:00:03Z", "2026-11-21T02:01:00Z", FAR),
        ("Completed", "2026-11-19T02:00:03Z", "2026-11-19T02:20:00Z", FAR)], "P2 missed 1 run, newest run failed")]
    #[case::nothing_submitted("0 2 * * *", &[("Completed", "2026-11-18T02:00:03Z", "2026-11-18T02:20:00Z", FAR)],
        "P2 missed 3 runs")]
    #[case::submitted_and_removed("0 2 * * *", &[], "P3 no good backup is left: that of the last run is gone")]
    #[case::removed_and_missed("0 6 * * *", &[], "P3 missed 1 run, no good backup is left: that of the last run is gone")]
    #[case::within_the_slack("30 13 * * *", &[("Completed", "2026-11-20T13:30:03Z", "2026-11-20T13:40:00Z", FAR)], "fine")]
    #[case::long_runs_get_twice_their_time("0 12 * * *",
        &[("Completed", "2026-11-20T12:00:00Z", "2026-11-20T13:01:00Z", FAR)], "fine")]
    #[case::partial_off_schedule("0 15 * * *", &[("PartiallyFailed", "2026-11-21T10:00:00Z", "2026-11-21T10:10:00Z", FAR),
        ("Completed", "2026-11-20T15:00:00Z", "2026-11-20T15:10:00Z", FAR)], "P3 newest run partially failed")]
    #[case::stuck("0 9 * * *", &[("InProgress", "2026-11-21T09:00:00Z", "", ""),
        ("Completed", "2026-11-20T09:00:00Z", "2026-11-20T09:10:00Z", FAR)], "P3 newest run not done for too long")]
    #[case::stuck_for_days("0 9 * * *", &[("InProgress", "2026-11-19T09:00:00Z", "", ""),
        ("Completed", "2026-11-18T09:00:00Z", "2026-11-18T09:10:00Z", FAR)], "P2 missed 2 runs, newest run not done for too long")]
    #[case::under_way("50 12 * * *", &[("InProgress", "2026-11-21T12:50:00Z", "", ""),
        ("Completed", "2026-11-20T12:50:00Z", "2026-11-20T13:02:00Z", FAR)],
        "P4 a run is under way for longer than the last one took (12m)")]
    #[case::under_way_in_time("10 13 * * *", &[("InProgress", "2026-11-21T13:10:00Z", "", ""),
        ("Completed", "2026-11-20T13:10:00Z", "2026-11-20T13:22:00Z", FAR)], "fine")]
    #[case::held_back_by_the_one_under_way("0 * * * *", &[("InProgress", "2026-11-21T11:00:10Z", "", ""),
        ("Completed", "2026-11-21T10:00:00Z", "2026-11-21T10:59:00Z", FAR)],
        "P4 a run is under way for longer than the last one took (59m)")]
    #[case::held_back_while_it_lasted("0 * * * *", &[("Completed", "2026-11-21T10:00:10Z", "2026-11-21T13:40:00Z", FAR)], "fine")]
    #[case::failed_in_part_and_not_over("0 13 * * *", &[("FinalizingPartiallyFailed", "2026-11-21T13:00:00Z", "", ""),
        ("Completed", "2026-11-20T13:00:00Z", "2026-11-20T13:10:00Z", FAR)], "P3 newest run partially failed")]
    #[case::gone_too_early("0 2 * * *", &[("Completed", "2026-11-21T02:00:03Z", "2026-11-21T02:20:00Z", "2026-11-21T20:00:00Z")],
        "P3 the last good backup expires before the next run")]
    #[case::every("@every 6h", &[("Completed", "2026-11-21T06:00:00Z", "2026-11-21T06:10:00Z", FAR)], "P3 missed 1 run")]
    #[case::not_understood("0 0 * * 7", &[("Failed", "2026-11-21T02:00:03Z", "", "")], "P3 newest run failed, no good backup is left")]
    fn runs_are_judged_by_what_became_of_them(#[case] cron: &str, #[case] runs: &[Run], #[case] expected: &str) {
        assert_eq!(told(&joined(cron, false, runs)), expected);
    }

    #[rstest]
    #[case::kept_for_three_days("72h", &[("PartiallyFailed", "2026-11-21T09:00:00Z", "2026-11-21T09:10:00Z", FAR),
        ("PartiallyFailed", "2026-11-20T09:00:00Z", "2026-11-20T09:10:00Z", FAR),
        ("PartiallyFailed", "2026-11-19T09:00:00Z", "2026-11-19T09:10:00Z", FAR)],
        "P2 newest 3 runs partially failed, no good backup is left", Some("2026-11-19T09:00:00Z"))]
    #[case::a_gap_within_them("72h", &[("PartiallyFailed", "2026-11-21T09:00:00Z", "2026-11-21T09:10:00Z", FAR),
        ("PartiallyFailed", "2026-11-19T09:00:00Z", "2026-11-19T09:10:00Z", FAR)],
        "P2 missed 1 run, newest 2 runs partially failed, no good backup is left", Some("2026-11-19T09:00:00Z"))]
    #[case::removed("", &[], "P3 missed 1 run, no good backup is left: that of the last run is gone", Some("2026-11-21T09:00:00Z"))]
    #[case::not_kept_until_now("6h", &[], "P3 missed 1 run, no good backup is left", Some("2026-11-21T09:00:00Z"))]
    #[case::kept_for_ever_and_an_older_one_is_there("", &[("Completed", "2026-11-18T09:00:00Z", "2026-11-18T09:10:00Z", FAR)],
        "P2 missed 3 runs", Some("2026-11-19T09:00:00Z"))]
    fn what_is_not_kept_proves_nothing(
        #[case] ttl: &str,
        #[case] runs: &[Run],
        #[case] expected: &str,
        #[case] since: Option<&str>,
    ) {
        let state = joined_with("0 9 * * *", ttl, false, runs);
        assert_eq!(told(&state), expected);
        assert_eq!(state.0.finding(&state.1).unwrap().since, since.map(at));
    }

    #[test]
    fn a_backup_that_is_not_kept_until_the_next_run_is_told() {
        let state = joined_with("0 2 * * *", "6h", false, &[]);
        assert_eq!(told(&state), "P3 no backup is left: each is kept for 6h only, less than until the next run");
        assert_eq!(told(&joined_with("0 2 * * *", "6h", true, &[])), "fine");
    }

    #[test]
    fn what_was_never_submitted_was_missed_and_what_was_submitted_a_moment_ago_is_not_gone() {
        let of = |last, paused| submitted("0 9 * * *", "", paused, &[], last);
        let never = of(None, false);
        assert_eq!(told(&never), "P2 missed 12 runs, no good backup is left");
        assert_eq!(never.0.first_missed, Some(at("2026-11-10T09:00:00Z")));
        let (state, strings) = of(Some("2026-11-21T13:57:01Z"), false);
        assert_eq!((told(&(state.clone(), strings)), state.recheck), ("fine".into(), Some(at("2026-11-21T14:00:01Z"))));
        assert!(told(&of(Some("2026-11-21T13:57:00Z"), false)).ends_with("that of the last run is gone"));
        let paused = of(Some("2026-11-19T09:00:00Z"), true);
        assert_eq!(told(&paused), "P3 missed 2 runs, no good backup is left: that of the last run is gone, paused");
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
            (2, "P2 missed 10 runs, newest 2 runs failed, no good backup is left".into())
        );
        assert!(state.0.held);
        assert_eq!(state.0.recheck, Some(at("2026-11-21T17:50:00Z")));
    }

    #[test]
    fn times_are_exact() {
        let (state, _) =
            joined("0 2 * * *", false, &[("Completed", "2026-11-20T02:00:03Z", "2026-11-20T02:20:00Z", FAR)]);
        assert_eq!(state.last_good, Some(at("2026-11-20T02:00:03Z")));
        assert_eq!((state.missed, state.first_missed), (1, Some(at("2026-11-21T02:00:00Z"))));
        assert_eq!(state.next, Some(at("2026-11-22T02:00:00Z")));
        assert_eq!(state.recheck, Some(at("2026-11-22T02:00:00Z")));
    }

    #[test]
    fn a_paused_schedule_has_no_next_run_but_still_an_old_backup() {
        let state = joined("0 2 * * *", true, &[("Completed", "2026-11-18T02:00:03Z", "2026-11-18T02:20:00Z", FAR)]);
        assert_eq!(state.0.next, None);
        assert_eq!(told(&state), "P3 missed 3 runs, paused");
    }
}
