//! `CronJobs`: the last run, the next one, and the missed runs. The result of a run is in its Job.
//!
//! Source: Kubernetes `pkg/controller/cronjob/cronjob_controllerv2.go`: of the times since the last run only the newest
//! is started late; with `Forbid` none starts while a Job is active; after `startingDeadlineSeconds` a run is given up.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::cron::{Cron, CronError};
use super::ending::{self, because};
use super::spec::decode_with;
use super::suspender::{self, SuspendedBy};
use super::wire::{Many, Nothing, Object, Text};
use super::{Alarm, Api, Decoded, KindSpec, Tells, base, flux};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// The schedule with its time zone, as [`Cron`] reads it.
pub const CRON: u8 = 0;
/// When the last run began.
pub const LAST: u8 = 1;
/// When a run last succeeded.
pub const SUCCEEDED: u8 = 2;
/// The first time after the last run, or after its creation: in the past, that run was missed.
pub const DUE: u8 = 3;
/// Runs in progress.
pub const ACTIVE: u8 = 4;
/// No run starts while another is in progress.
const FORBIDS: u8 = 5;
/// When it was suspended, or deletion was requested.
const SINCE: u8 = 6;
const SUSPENDED_BY: u8 = 7;

/// A run usually starts within this many seconds of its time.
const PROMPT: i64 = 60;

/// More missed runs than this are not counted: the controller itself reports too many from here.
const MAX_COUNTED: u32 = 100;

pub const SPEC: KindSpec = KindSpec {
    name: "CronJob",
    word: "cronjobs",
    aliases: &["cj", "cronjob"],
    title: "CronJobs",
    api: Api::Watch { group: "batch", versions: &["v1"], plural: "cronjobs", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 5),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Status, 9, 12, 0),
        Column::new("SCHEDULE", Field::Cell(CRON), 9, 28, 3),
        Column::new("LAST RUN", Field::Cell(LAST), 8, 8, 1),
        Column::new("NEXT IN", Field::With(next), 7, 9, 2),
        Column::new("MISSED", Field::With(missed), 6, 6, 4).right(),
        Column::new("ACTIVE", Field::Cell(ACTIVE), 6, 6, 7).right(),
        Column::new("SUCCEEDED", Field::Cell(SUCCEEDED), 9, 9, 8),
        Column::new("SUSPENDED", Field::With(suspended), 9, 26, 6),
        Column::new("MESSAGE", Field::Note, 12, 160, 9),
        Column::new("AGE", Field::Age, 5, 7, 10),
    ],
    blinds: "CronJobs that are suspended or miss their runs",
    judge,
    guide: include_str!("../../assets/guides/cron-job.txt"),
    switch: Some(&flux::IN_SPEC),
    alarm: Alarm::Perhaps("cronjob"),
    tells: Tells::Switch { by: Some(SUSPENDED_BY) },
    counted_as: "CronJobs",
    owns: &["Job"],
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    schedule: Text,
    time_zone: Text,
    suspend: Option<bool>,
    concurrency_policy: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    active: Many<Nothing>,
    last_schedule_time: Text,
    last_successful_time: Text,
}

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Object<Spec, Status, SuspendedBy>, intern| read(object, intern))
}

fn read(object: &Object<Spec, Status, SuspendedBy>, intern: &mut Interner) -> Record {
    let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
    let mut record = base(meta, intern);
    let off = spec.suspend == Some(true);
    record.suspended = Some(off);
    let active = status.active.len();
    let (health, word) = match active {
        _ if off => (Health::Suspended, "Suspended"),
        0 => (Health::Ok, "Scheduled"),
        _ => (Health::Ok, "Running"),
    };
    (record.health, record.status) = (health, intern.get(word));
    let schedule = match &*spec.time_zone {
        "" => spec.schedule.to_string(),
        zone => format!("TZ={zone} {}", &*spec.schedule),
    };
    let cron = Cron::parse(&schedule);
    record.note = cron.as_ref().err().map_or_else(Box::default, |error: &CronError| Box::from(error.told()));
    let last = Time::parse(&status.last_schedule_time);
    let from = last.unwrap_or(record.created);
    let due = cron.ok().filter(|_| from.is_set()).and_then(|cron| cron.next(from));
    let switched = meta.managed_fields.since.filter(|_| off);
    let since = ending::mark(&mut record, meta, intern).or(switched);
    record.cells = Box::new([
        Cell::text(&clean(&schedule), intern),
        Cell::time(last),
        Cell::time(Time::parse(&status.last_successful_time)),
        Cell::time(due),
        Cell::Int(i64::try_from(active).unwrap_or(i64::MAX)),
        Cell::Flag(&*spec.concurrency_policy == "Forbid"),
        Cell::time(since),
        Cell::text(if off { &meta.managed_fields.manager } else { "" }, intern),
    ]);
    record.links = ending::managers("CronJob", meta, intern).into();
    record
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    match record.health {
        Health::Terminating => ending::judge(record, record.time(SINCE), thresholds, now),
        Health::Suspended => suspended_for(record, strings, thresholds, now),
        _ => match record.time(DUE) {
            Some(due) => running(record, due, strings, thresholds, now),
            None => judged.with(Finding::new(Severity::P4, None, because("next run not known", &record.note))),
        },
    }
}

/// A `CronJob` that has never run was created suspended; with any other, expected runs are missing.
fn suspended_for(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let why = match record.text(SUSPENDED_BY, strings) {
        "" => "suspended".to_owned(),
        by => format!("suspended by {by}"),
    };
    let judged = Judgement::of(Health::Suspended);
    if record.time(LAST).is_none() {
        return judged.with(Finding::new(Severity::P4, record.time(SINCE), format!("{why}, and it has never run")));
    }
    let grave = record.time(SINCE).map(|since| since.plus(thresholds.suspended_for));
    // the start is not known: no later than the first missed run
    let since = record.time(SINCE).or_else(|| record.time(DUE).filter(|due| *due <= now));
    let judged = judged.with(Finding::new(Severity::P3, since, why));
    match grave {
        Some(grave) if now < grave => judged.again_at(grave),
        _ => judged,
    }
}

/// How many runs should have started since the last one, those of the last moments not counted.
fn count(record: &Record, strings: &Strings, until: Time) -> u32 {
    let Some(due) = record.time(DUE).filter(|due| *due <= until) else { return 0 };
    Cron::parse(record.text(CRON, strings)).map_or(1, |cron| cron.count(due.plus(-1), until, MAX_COUNTED))
}

fn running(record: &Record, due: Time, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    let grace = thresholds.reconcile_grace;
    let missed = count(record, strings, now.plus(-grace));
    if missed == 0 {
        return judged.again_at(due.plus(grace));
    }
    let runs = match missed {
        1 => "1 run".to_owned(),
        MAX_COUNTED.. => format!("{MAX_COUNTED} runs or more"),
        n => format!("{n} runs"),
    };
    let held = record.flag(FORBIDS) && record.int(ACTIVE) > 0;
    let why = if held {
        format!("{runs} skipped: the previous one is still running, and concurrencyPolicy is Forbid")
    } else {
        format!("missed {runs}")
    };
    let day = due.plus(thresholds.suspended_for);
    let finding = Finding::new(if now < day { Severity::P3 } else { Severity::P2 }, Some(due), why);
    let finding = if now < day { finding } else { finding.graver_at(day) };
    let next = Cron::parse(record.text(CRON, strings)).ok().and_then(|cron| cron.next(now.plus(-grace)));
    let again = next.map(|at| at.plus(grace)).into_iter().chain(Some(day).filter(|day| *day > now)).min();
    let judged = Judgement::of(Health::Warning).with(finding);
    again.map_or(judged.clone(), |at| judged.again_at(at))
}

/// Until the next run; for a late run, how long ago it was due.
fn next(record: &Record, show: &Show<'_>, out: &mut String) {
    let Some(due) = record.time(DUE).filter(|_| record.suspended != Some(true)) else { return };
    if due < show.now {
        out.push('-');
    }
    ages::human((due.0 - show.now.0).abs(), out);
}

fn missed(record: &Record, show: &Show<'_>, out: &mut String) {
    if record.suspended != Some(true) {
        let count = count(record, show.strings, show.now.plus(-PROMPT));
        if count > 0 {
            let more = if count >= MAX_COUNTED { "+" } else { "" };
            out.push_str(&count.to_string());
            out.push_str(more);
        }
    }
}

/// `3d by kubectl`, or `yes` when that is not known.
fn suspended(record: &Record, show: &Show<'_>, out: &mut String) {
    let since = record.time(SINCE).filter(|_| record.health != Health::Terminating);
    suspender::shown(record, since, SUSPENDED_BY, show, out);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, at, seen};

    fn cron_job(spec: &Value, status: &Value) -> Seen {
        seen(
            "cronjobs",
            &json!({"metadata": {"name": "etcd-backup", "namespace": "n", "creationTimestamp": "2026-08-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl-patch", "time": "2026-11-20T11:00:00Z",
                    "fieldsV1": {"f:spec": {"f:suspend": {}}}}]},
                "spec": spec, "status": status}),
        )
    }

    // now is Saturday, 14:00
    #[rstest]
    #[case::fine(json!({"schedule": "0 * * * *"}), json!({"lastScheduleTime": "2026-11-21T14:00:00Z"}), "Scheduled", "ok", "60m", "")]
    #[case::just_due(json!({"schedule": "0 * * * *"}), json!({"lastScheduleTime": "2026-11-21T13:00:00Z"}), "Scheduled", "ok", "0s", "")]
    #[case::late(json!({"schedule": "50 * * * *"}), json!({"lastScheduleTime": "2026-11-21T12:50:00Z"}), "Scheduled",
        "warning P3 missed 1 run", "-10m", "1")]
    #[case::for_two_days(json!({"schedule": "30 * * * *"}), json!({"lastScheduleTime": "2026-11-19T12:30:00Z"}), "Scheduled",
        "warning P2 missed 49 runs", "-2d", "49")]
    #[case::too_many(json!({"schedule": "* * * * *"}), json!({"lastScheduleTime": "2026-11-21T10:00:00Z"}), "Scheduled",
        "warning P3 missed 100 runs or more", "-3h59m", "100+")]
    #[case::held(json!({"schedule": "30 * * * *", "concurrencyPolicy": "Forbid"}),
        json!({"lastScheduleTime": "2026-11-21T11:30:00Z", "active": [{"name": "a"}]}), "Running",
        "warning P3 2 runs skipped: the previous one is still running, and concurrencyPolicy is Forbid", "-90m", "2")]
    #[case::never_due_yet(json!({"schedule": "@yearly"}), json!({}), "Scheduled", "ok", "40d", "")]
    #[case::never_ran(json!({"schedule": "@monthly"}), json!({}), "Scheduled", "warning P2 missed 3 runs", "-81d", "3")]
    #[case::in_its_zone(json!({"schedule": "30 14 * * *", "timeZone": "Europe/Zurich"}),
        json!({"lastScheduleTime": "2026-11-20T13:30:00Z"}), "Scheduled", "warning P3 missed 1 run", "-30m", "1")]
    #[case::no_such_zone(json!({"schedule": "30 14 * * *", "timeZone": "Mars/Base"}), json!({}), "Scheduled",
        "ok P4 next run not known: the schedule's time zone is not known on this machine", "", "")]
    #[case::suspended(json!({"schedule": "0 3 * * *", "suspend": true}), json!({"lastScheduleTime": "2026-11-20T03:00:00Z"}),
        "Suspended", "suspended P3 suspended by kubectl-patch", "", "")]
    #[case::made_suspended(json!({"schedule": "0 3 * * *", "suspend": true}), json!({}), "Suspended",
        "suspended P4 suspended by kubectl-patch, and it has never run", "", "")]
    fn a_cron_job_is_judged_by_the_runs_that_came(
        #[case] spec: Value,
        #[case] status: Value,
        #[case] word: &str,
        #[case] verdict: &str,
        #[case] next: &str,
        #[case] missed: &str,
    ) {
        let seen = cron_job(&spec, &status);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (word, verdict));
        assert_eq!((seen.column("NEXT IN").as_str(), seen.column("MISSED").as_str()), (next, missed));
        assert_eq!(seen.record.suspended, Some(spec["suspend"] == true));
    }

    #[test]
    fn what_is_late_is_looked_at_again_when_it_counts_and_at_the_next_run() {
        let spec = json!({"schedule": "0 12 * * *"});
        let seen = cron_job(&spec, &json!({"lastScheduleTime": "2026-11-20T12:00:00Z"}));
        assert_eq!(seen.judged("2026-11-21T12:01:00Z").recheck, Some(at("2026-11-21T12:03:00Z")));
        assert_eq!(seen.judged("2026-11-21T12:03:00Z").recheck, Some(at("2026-11-22T12:00:00Z")));
        assert_eq!(seen.verdict("2026-11-21T12:03:00Z"), "warning P3 missed 1 run");
        assert_eq!(seen.verdict("2026-11-22T12:00:00Z"), "warning P2 missed 1 run");
        assert_eq!(seen.judged("2026-11-25T13:00:00Z").findings[0].severe(), Some(at("2026-11-22T12:00:00Z")));
    }

    #[test]
    fn a_suspension_says_who_and_since_when() {
        let spec = json!({"schedule": "0 3 * * *", "suspend": true});
        let seen = cron_job(&spec, &json!({"lastScheduleTime": "2026-11-20T03:00:00Z"}));
        assert_eq!(seen.column("SUSPENDED"), "27h by kubectl-patch");
        assert_eq!(seen.judged(NOW).findings[0].since, Some(at("2026-11-20T11:00:00Z")));
    }

    #[test]
    fn where_nobody_knows_since_when_it_is_the_first_run_that_did_not_come() {
        let json = json!({"metadata": {"name": "cert-sync", "namespace": "n", "creationTimestamp": "2026-08-01T00:00:00Z"},
            "spec": {"schedule": "0 3 * * *", "suspend": true}, "status": {"lastScheduleTime": "2026-10-31T03:00:00Z"}});
        let seen = seen("cronjobs", &json);
        assert_eq!(seen.judged(NOW).findings[0].since, Some(at("2026-11-01T03:00:00Z")));
        assert_eq!(seen.column("SUSPENDED"), "yes");
    }
}
