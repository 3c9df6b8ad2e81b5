//! Schedules: the next run, and whether runs are submitted at all. What became of the runs comes from the backups, in
//! [`super::joined`].

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::cron::Cron;
use super::ending::{self, because};
use super::spec::decode_with;
use super::suspender::{self, SuspendedBy};
use super::wire::{Many, Object, Text};
use super::{Alarm, Api, Decoded, KindSpec, Switch, Tells, base};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// The schedule's text.
pub const CRON: u8 = 0;
/// The last submission, whatever its result.
pub const SUBMITTED: u8 = 1;
/// The first run after the last submission (or skip, or creation): in the past, it is late. None while paused.
pub const DUE: u8 = 2;
/// When it was paused, or deletion was requested.
const SINCE: u8 = 3;
const PAUSED_BY: u8 = 4;
pub const STORAGE: u8 = 5;
pub const TTL: u8 = 6;

pub const SPEC: KindSpec = KindSpec {
    name: "Schedule",
    word: "schedules",
    aliases: &["schedule"],
    title: "Schedules",
    api: Api::Watch { group: "velero.io", versions: &["v1"], plural: "schedules", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 7),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Status, 7, 18, 0),
        Column::new("SCHEDULE", Field::Cell(CRON), 9, 24, 2),
        Column::new("NEXT IN", Field::Left(DUE), 7, 9, 1),
        Column::new("LAST RUN", Field::Cell(SUBMITTED), 8, 8, 3),
        Column::new("PAUSED", Field::With(paused), 6, 26, 4),
        Column::new("LOCATION", Field::Cell(STORAGE), 8, 20, 6),
        Column::new("KEPT", Field::Cell(TTL), 6, 12, 8),
        Column::new("MESSAGE", Field::Note, 12, 160, 5),
        Column::new("AGE", Field::Age, 5, 7, 9),
    ],
    blinds: "backup schedules, missed runs",
    judge,
    guide: include_str!("../../assets/guides/backup.txt"),
    switch: Some(&Switch {
        pointer: "/spec/paused",
        told: ".spec.paused",
        owned: "/fieldsV1/f:spec/f:paused",
        annotation: None,
        noun: &["schedule"],
    }),
    alarm: Alarm::Perhaps("schedule"),
    tells: Tells::Switch { by: None },
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    schedule: Text,
    paused: Option<bool>,
    #[serde(deserialize_with = "super::wire::or_default")]
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Template {
    ttl: Text,
    storage_location: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Text,
    last_backup: Text,
    last_skipped: Text,
    validation_errors: Many<Text>,
}

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Object<Spec, Status, SuspendedBy>, intern| read(object, intern))
}

fn read(object: &Object<Spec, Status, SuspendedBy>, intern: &mut Interner) -> Record {
    let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
    let mut record = base(meta, intern);
    let paused = spec.paused == Some(true);
    record.suspended = Some(paused);
    let (health, word) = match &*status.phase {
        "FailedValidation" => (Health::Failed, "FailedValidation"),
        _ if paused => (Health::Suspended, "Paused"),
        "Enabled" => (Health::Ok, "Enabled"),
        "" | "New" => (Health::Progressing, "New"),
        other => (Health::Unknown, other),
    };
    record.health = health;
    record.status = intern.get(word);
    let submitted = Time::parse(&status.last_backup);
    let cron = Cron::parse(&spec.schedule);
    let from = submitted.max(Time::parse(&status.last_skipped)).unwrap_or(record.created);
    let due = cron.as_ref().ok().filter(|_| !paused && health != Health::Failed && from.is_set());
    let invalid: Vec<&str> = status.validation_errors.iter().map(|e| &**e).collect();
    record.note = match &cron {
        _ if !invalid.is_empty() => clean(&invalid.join("; ")),
        Err(error) => Box::from(error.told()),
        Ok(_) => Box::default(),
    };
    let switched = meta.managed_fields.since.filter(|_| paused);
    let since = ending::mark(&mut record, meta, intern).or(switched);
    record.cells = Box::new([
        Cell::text(&spec.schedule, intern),
        Cell::time(submitted),
        Cell::time(due.and_then(|c| c.next(from))),
        Cell::time(since),
        Cell::text(if paused { &meta.managed_fields.manager } else { "" }, intern),
        Cell::text(&spec.template.storage_location, intern),
        Cell::text(&spec.template.ttl, intern),
    ]);
    record.links = ending::managers("Schedule", meta, intern).into();
    record
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let judged = Judgement::of(record.health);
    let after = |from: Time, grace: i64, severity: Severity, why: String| {
        let ends = from.plus(grace);
        let judged = Judgement::of(record.health);
        if now < ends { judged.again_at(ends) } else { judged.with(Finding::new(severity, Some(from), why)) }
    };
    match record.health {
        Health::Terminating => ending::judge(record, since, thresholds, now),
        // it will never run
        Health::Failed => judged.with(Finding::new(Severity::P2, None, because("refused by Velero", &record.note))),
        Health::Suspended => paused_for(record, strings, thresholds, now),
        Health::Progressing => after(
            record.created,
            thresholds.reconcile_grace,
            Severity::P3,
            because("not picked up by Velero", &record.note),
        ),
        Health::Unknown => judged.with(Finding::new(
            Severity::P3,
            None,
            because(&format!("unknown phase {}", strings.get(record.status)), &record.note),
        )),
        _ => match record.time(DUE) {
            Some(due) => submitting(record, due, strings, thresholds, now),
            None => judged.with(Finding::new(Severity::P4, None, because("next run not known", &record.note))),
        },
    }
}

fn paused_for(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let why = match record.text(PAUSED_BY, strings) {
        "" => "paused".to_owned(),
        by => format!("paused by {by}"),
    };
    let judged = Judgement::of(Health::Suspended);
    match record.time(SINCE) {
        Some(since) if now >= since.plus(thresholds.suspended_for) => {
            judged.with(Finding::new(Severity::P2, Some(since), why).graver_at(since.plus(thresholds.suspended_for)))
        }
        Some(since) => {
            judged.again_at(since.plus(thresholds.suspended_for)).with(Finding::new(Severity::P3, Some(since), why))
        }
        None => judged.with(Finding::new(Severity::P3, None, why)),
    }
}

/// The finding of a run that is due. Where the backups are known, they decide instead.
pub const NOT_SUBMITTED: &str = "a due run was not submitted";

/// A run that is due and not submitted means that Velero's server is not working.
fn submitting(record: &Record, due: Time, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let late = due.plus(thresholds.backup_overdue);
    if now < late {
        return Judgement::of(record.health).again_at(late);
    }
    let second = Cron::parse(record.text(CRON, strings)).ok().and_then(|c| c.next(due));
    let second = second.map(|t| t.plus(thresholds.backup_overdue));
    let twice = second.is_some_and(|t| now >= t);
    let finding = |severity| Finding::new(severity, Some(due), NOT_SUBMITTED);
    let judged = Judgement::of(Health::Warning).with(match second.filter(|_| twice) {
        Some(at) => finding(Severity::P2).graver_at(at),
        None => finding(Severity::P3),
    });
    match second {
        Some(at) if !twice => judged.again_at(at),
        _ => judged,
    }
}

/// `3d by kubectl`, or `yes` when that is not known.
fn paused(record: &Record, show: &Show<'_>, out: &mut String) {
    let since = record.time(SINCE).filter(|_| record.health != Health::Terminating);
    suspender::shown(record, since, PAUSED_BY, show, out);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, at, seen};

    fn schedule(spec: &Value, status: &Value) -> Value {
        json!({"metadata": {"name": "daily-backup", "namespace": "velero", "creationTimestamp": "2026-11-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl", "time": "2026-11-21T11:00:00Z",
                    "fieldsV1": {"f:spec": {"f:paused": {}}}}]},
            "spec": spec, "status": status})
    }

    #[rstest]
    #[case::fine(json!({"schedule": "0 2 * * *"}), json!({"phase": "Enabled", "lastBackup": "2026-11-21T02:00:03Z"}),
        "Enabled", "ok", "12h")]
    #[case::late(json!({"schedule": "0 12 * * *"}), json!({"phase": "Enabled", "lastBackup": "2026-11-20T12:00:03Z"}),
        "Enabled", "warning P3 a due run was not submitted", "-120m")]
    #[case::late_twice(json!({"schedule": "0 12 * * *"}), json!({"phase": "Enabled", "lastBackup": "2026-11-19T12:00:03Z"}),
        "Enabled", "warning P2 a due run was not submitted", "-26h")]
    #[case::skipped(json!({"schedule": "0 12 * * *"}),
        json!({"phase": "Enabled", "lastBackup": "2026-11-19T12:00:03Z", "lastSkipped": "2026-11-21T12:00:00Z"}),
        "Enabled", "ok", "22h")]
    #[case::never_ran(json!({"schedule": "@monthly"}), json!({"phase": "Enabled"}), "Enabled", "ok", "9d")]
    #[case::paused(json!({"schedule": "0 2 * * *", "paused": true}), json!({"phase": "Enabled"}), "Paused",
        "suspended P3 paused by kubectl", "")]
    #[case::refused(json!({"schedule": "0 3 * * 7"}), json!({"phase": "FailedValidation", "validationErrors": ["7 is above 6"]}),
        "FailedValidation", "failed P2 refused by Velero: 7 is above 6", "")]
    #[case::refused_and_paused(json!({"schedule": "0 3 * * 7", "paused": true}), json!({"phase": "FailedValidation"}),
        "FailedValidation", "failed P2 refused by Velero: the schedule's days of the week are not understood", "")]
    #[case::not_picked_up(json!({"schedule": "0 2 * * *"}), json!({}), "New", "progressing P3 not picked up by Velero", "-20d")]
    #[case::odd(json!({"schedule": "whenever"}), json!({"phase": "Enabled"}), "Enabled",
        "ok P4 next run not known: the schedule is not five fields or a known @word", "")]
    fn a_schedule_is_judged_by_its_submissions(
        #[case] spec: Value,
        #[case] status: Value,
        #[case] word: &str,
        #[case] verdict: &str,
        #[case] next: &str,
    ) {
        let seen = seen("schedules", &schedule(&spec, &status));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str(), seen.column("NEXT IN").as_str()), (word, verdict, next));
        assert_eq!(seen.record.suspended, Some(spec["paused"] == true));
    }

    #[test]
    fn lateness_is_looked_at_again_when_it_counts() {
        let json = schedule(
            &json!({"schedule": "0 12 * * *"}),
            &json!({"phase": "Enabled", "lastBackup": "2026-11-20T12:00:03Z"}),
        );
        let seen = seen("schedules", &json);
        assert_eq!(seen.judged("2026-11-21T12:30:00Z").recheck, Some(at("2026-11-21T13:00:00Z")));
        assert_eq!(seen.judged("2026-11-21T13:00:00Z").recheck, Some(at("2026-11-22T13:00:00Z")));
        assert_eq!(seen.verdict("2026-11-22T13:00:00Z"), "warning P2 a due run was not submitted");
        assert_eq!(seen.judged("2026-11-25T13:00:00Z").findings[0].severe(), Some(at("2026-11-22T13:00:00Z")));
    }

    #[test]
    fn a_pause_of_a_day_is_louder() {
        let seen = seen("schedules", &schedule(&json!({"schedule": "@daily", "paused": true}), &json!({})));
        assert_eq!(seen.column("PAUSED"), "3h by kubectl");
        assert_eq!(seen.verdict("2026-11-22T11:00:00Z"), "suspended P2 paused by kubectl");
        assert_eq!(seen.judged("2026-11-25T11:00:00Z").findings[0].severe(), Some(at("2026-11-22T11:00:00Z")));
    }
}
