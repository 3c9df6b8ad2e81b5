//! What Velero's backups and restores share: phases, counts, and how long a failure is news.
//!
//! Velero's objects are reliable; its "last status" metric is not. A restarting Velero marks running ones as Failed.

use std::fmt::Write as _;

use serde::Deserialize;

use super::column::Show;
use super::ending::{self, because};
use super::suspender::SuspendedBy;
use super::wire::{Many, Meta, Text, or_default};
use super::{Controller, base};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, Relation, clean};
use crate::domain::redact;
use crate::domain::thresholds::Thresholds;

pub const CONTROLLER: Controller = Controller { name: "velero", serves: "backups", home: "velero" };

pub const START: u8 = 0;
pub const COMPLETED: u8 = 1;
pub const ERRORS: u8 = 2;
pub const WARNINGS: u8 = 3;
pub const DONE: u8 = 4;
pub const TOTAL: u8 = 5;
/// When deletion was requested; in the phase Deleting, since when it may be.
const DELETED: u8 = 6;
/// The first cell that a kind may use for itself.
pub const OWN: u8 = 7;

/// The phase of a backup while Velero removes what it stored; only then the object goes.
const DELETING: &str = "Deleting";

/// A failure older than this is a note: the schedule says whether it still matters.
const NEWS: i64 = 24 * 3600;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    phase: Text,
    errors: Option<i64>,
    warnings: Option<i64>,
    start_timestamp: Text,
    completion_timestamp: Text,
    pub expiration: Text,
    failure_reason: Text,
    validation_errors: Many<Text>,
    #[serde(deserialize_with = "or_default")]
    progress: Progress,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Progress {
    items_backed_up: Option<i64>,
    items_restored: Option<i64>,
    total_items: Option<i64>,
}

/// The health that a phase means; an empty phase is `New`. A run that continues after a part of it failed has partially
/// failed, whatever follows.
pub fn health(phase: &str) -> Health {
    match phase {
        "Completed" => Health::Ok,
        "PartiallyFailed" | "FinalizingPartiallyFailed" | "WaitingForPluginOperationsPartiallyFailed" => {
            Health::Warning
        }
        "Failed" | "FailedValidation" => Health::Failed,
        DELETING => Health::Terminating,
        "" | "New" | "Queued" | "ReadyToStart" | "InProgress" | "Finalizing" | "WaitingForPluginOperations" => {
            Health::Progressing
        }
        _ => Health::Unknown,
    }
}

/// Whether a run has not started: the server works on others first.
pub fn waits(phase: &str) -> bool {
    matches!(phase, "New" | "Queued" | "ReadyToStart")
}

/// Whether a run occupies the server: until it ends, others wait. Plugins and the last writes do not hold them up.
/// Source: Velero `pkg/controller/backup_controller.go`, `restore_controller.go`.
pub fn holds_others(phase: &str) -> bool {
    phase == "InProgress"
}

/// What a phase says of a run that has not succeeded, in words.
pub fn told(phase: &str) -> String {
    match phase {
        "New" | "Queued" | "ReadyToStart" => "not started".to_owned(),
        "InProgress" | "Finalizing" | "WaitingForPluginOperations" => "not done for too long".to_owned(),
        "FinalizingPartiallyFailed" | "WaitingForPluginOperationsPartiallyFailed" => "partially failed".to_owned(),
        other => ending::words(other),
    }
}

/// The record of a run: the common cells, then `own`.
pub fn read<const N: usize>(
    meta: &Meta<SuspendedBy>,
    status: &Status,
    own: [Cell; N],
    intern: &mut Interner,
) -> Record {
    let mut record = base(meta, intern);
    record.health = health(&status.phase);
    record.status = intern.get(if status.phase.is_empty() { "New" } else { &status.phase });
    let invalid: Vec<&str> = status.validation_errors.iter().map(|e| &**e).collect();
    let reason = if status.failure_reason.is_empty() { invalid.join("; ") } else { status.failure_reason.to_string() };
    record.note = clean(&redact::urls(&reason));
    // the phase has no time of its own: nothing else is written then
    let begun = Time::parse(&status.completion_timestamp).unwrap_or(record.created);
    let deleting = meta.managed_fields.status.or(Some(begun)).filter(|_| &*status.phase == "Deleting");
    let deleted = ending::mark(&mut record, meta, intern).or(deleting);
    let progress = &status.progress;
    let count = |n: Option<i64>| n.map_or(Cell::None, Cell::Int);
    let common = [
        Cell::time(Time::parse(&status.start_timestamp)),
        Cell::time(Time::parse(&status.completion_timestamp)),
        Cell::Int(status.errors.unwrap_or(0)),
        Cell::Int(status.warnings.unwrap_or(0)),
        count(progress.items_backed_up.or(progress.items_restored)),
        count(progress.total_items),
        Cell::time(deleted),
    ];
    record.cells = common.into_iter().chain(own).collect();
    record
}

/// When it began, or was requested.
pub fn begun(record: &Record) -> Time {
    record.time(START).unwrap_or(record.created)
}

pub fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    match record.health {
        // what it stored is removed first, which takes as long as a run may
        Health::Terminating if strings.get(record.status) == DELETING => {
            let begun = record.time(DELETED).unwrap_or(record.created);
            let why = because("its deletion takes too long", &record.note);
            ending::after(judged, begun, thresholds.backup_running, Severity::P3, why, now)
        }
        Health::Terminating => ending::judge(record, record.time(DELETED), thresholds, now),
        Health::Warning if record.time(COMPLETED).is_none() && now >= begun(record).plus(thresholds.backup_running) => {
            let why = format!("{}, and runs too long", failure(record, strings));
            judged.with(Finding::new(Severity::P3, Some(begun(record)), why))
        }
        Health::Warning if record.time(COMPLETED).is_none() => {
            let finding = Finding::new(Severity::P3, Some(begun(record)), failure(record, strings));
            judged.again_at(begun(record).plus(thresholds.backup_running)).with(finding)
        }
        Health::Failed | Health::Warning => {
            let ended = record.time(COMPLETED).unwrap_or_else(|| begun(record));
            let stale = ended.plus(NEWS);
            let why = failure(record, strings);
            if now < stale {
                judged.with(Finding::new(Severity::P3, Some(ended), why)).again_at(stale)
            } else if record.link(Relation::From).is_some_and(|from| strings.get(from.kind) == "Schedule") {
                // an old failure of a schedule, which is judged by its newest run
                judged
            } else {
                judged.with(Finding::new(Severity::P4, Some(ended), why))
            }
        }
        Health::Progressing => {
            let waits = waits(strings.get(record.status));
            let (long, soon) =
                (begun(record).plus(thresholds.backup_running), begun(record).plus(thresholds.no_progress));
            // others may be in front of it; if none is, the server does not work
            if waits && now >= soon && now < long {
                let finding = Finding::new(Severity::P4, Some(begun(record)), "not started yet");
                return judged.again_at(long).with(finding);
            }
            if now < long {
                return judged.again_at(if waits { soon } else { long });
            }
            let why = if waits { "not started, waits too long" } else { "runs too long" };
            Judgement::of(Health::Warning).with(Finding::new(Severity::P3, Some(begun(record)), why))
        }
        Health::Unknown => {
            let why = format!("unknown phase {}", strings.get(record.status));
            judged.with(Finding::new(Severity::P3, None, why))
        }
        _ => judged,
    }
}

/// `partially failed, 3 errors`, `failed validation: no such location`.
fn failure(record: &Record, strings: &Strings) -> String {
    let mut what = told(strings.get(record.status));
    match record.int(ERRORS) {
        0 => {}
        1 => what.push_str(", 1 error"),
        n => {
            let _ = write!(what, ", {n} errors");
        }
    }
    because(&what, &record.note)
}

/// `310/1204`, while the numbers are known.
pub fn progress(record: &Record, _: &Show<'_>, out: &mut String) {
    if let Cell::Int(total) = record.cell(TOTAL) {
        let _ = write!(out, "{}/{total}", record.int(DONE));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    fn run(status: &Value) -> Value {
        json!({"metadata": {"name": "b", "namespace": "velero", "creationTimestamp": "2026-11-21T09:00:00Z",
                "labels": {"velero.io/schedule-name": "daily-backup"}},
            "spec": {"ttl": "168h0m0s", "storageLocation": "default", "backupName": "b"}, "status": status})
    }

    #[test]
    fn an_old_failure_is_a_note_unless_a_schedule_is_judged_by_newer_runs() {
        let status =
            json!({"phase": "Failed", "failureReason": "refused", "completionTimestamp": "2026-11-20T14:00:00Z"});
        assert_eq!(seen("restores", &run(&status)).verdict(NOW), "failed P4 failed: refused");
        assert_eq!(seen("backups", &run(&status)).verdict(NOW), "failed");
    }

    #[rstest]
    #[case(json!({"phase": "Completed", "warnings": 2}), "Completed", "ok")]
    #[case(json!({"phase": "PartiallyFailed", "errors": 3, "completionTimestamp": "2026-11-21T09:30:00Z"}), "PartiallyFailed",
        "warning P3 partially failed, 3 errors")]
    #[case(json!({"phase": "Failed", "errors": 1, "completionTimestamp": "2026-11-20T14:00:01Z"}), "Failed",
        "failed P3 failed, 1 error")]
    #[case(json!({"phase": "FailedValidation", "validationErrors": ["a", null, "b"]}), "FailedValidation",
        "failed P3 failed validation: a; b")]
    #[case(json!({"phase": "InProgress", "startTimestamp": "2026-11-21T10:00:01Z"}), "InProgress", "progressing")]
    #[case(json!({"phase": "InProgress", "startTimestamp": "2026-11-21T10:00:00Z"}), "InProgress", "warning P3 runs too long")]
    #[case(json!({"phase": "WaitingForPluginOperations", "startTimestamp": "2026-11-21T13:00:00Z"}),
        "WaitingForPluginOperations", "progressing")]
    #[case(json!({"phase": "WaitingForPluginOperationsPartiallyFailed", "errors": 2, "startTimestamp": "2026-11-21T13:00:00Z"}),
        "WaitingForPluginOperationsPartiallyFailed", "warning P3 partially failed, 2 errors")]
    #[case(json!({"phase": "FinalizingPartiallyFailed", "startTimestamp": "2026-11-21T10:00:00Z"}),
        "FinalizingPartiallyFailed", "warning P3 partially failed, and runs too long")]
    #[case(json!({"phase": "Queued"}), "Queued", "warning P3 not started, waits too long")]
    #[case(json!({}), "New", "warning P3 not started, waits too long")]
    #[case(Value::Null, "New", "warning P3 not started, waits too long")]
    #[case(json!({"phase": "Deleting", "completionTimestamp": "2026-11-21T10:00:01Z"}), "Deleting", "terminating")]
    #[case(json!({"phase": "Deleting", "completionTimestamp": "2026-11-21T10:00:00Z"}), "Deleting",
        "terminating P3 its deletion takes too long")]
    #[case(json!({"phase": "Dreaming"}), "Dreaming", "unknown P3 unknown phase Dreaming")]
    fn a_run_is_judged_by_its_phase(#[case] status: Value, #[case] word: &str, #[case] verdict: &str) {
        for kind in ["backups", "restores"] {
            let seen = seen(kind, &run(&status));
            assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (word, verdict), "{kind}");
        }
    }

    #[test]
    fn an_old_backup_that_is_deleted_has_its_time_from_when_its_phase_was_written() {
        let mut json = run(&json!({"phase": "Deleting", "completionTimestamp": "2026-10-21T10:00:00Z"}));
        json["metadata"]["managedFields"] = json!([{"manager": "velero-server", "time": "2026-11-21T13:00:00Z", "fieldsV1": {"f:status": {"f:phase": {}}}}]);
        assert_eq!(seen("backups", &json).verdict(NOW), "terminating");
        assert_eq!(
            seen("backups", &json).verdict("2026-11-21T17:00:00Z"),
            "terminating P3 its deletion takes too long"
        );
    }

    #[test]
    fn a_run_that_waits_for_its_turn_is_a_note_before_it_is_late() {
        let queued = seen("backups", &run(&json!({"phase": "Queued"})));
        assert_eq!(queued.verdict("2026-11-21T09:14:59Z"), "progressing");
        assert_eq!(queued.verdict("2026-11-21T09:15:00Z"), "progressing P4 not started yet");
        assert_eq!(queued.verdict("2026-11-21T13:00:00Z"), "warning P3 not started, waits too long");
    }

    #[test]
    fn a_backup_tells_when_it_goes_and_where_it_came_from() {
        let told = seen(
            "backups",
            &run(&json!({"phase": "Completed", "expiration": "2026-11-23T14:00:00Z",
            "progress": {"itemsBackedUp": 310, "totalItems": 120_400}})),
        );
        assert_eq!((told.column("EXPIRES"), told.column("ITEMS")), ("2d".into(), "310/120400".into()));
        assert_eq!(
            told.links(),
            ["From Schedule velero/daily-backup", "StoredIn BackupStorageLocation velero/default"]
        );
        // seven days after its creation, five hours ago
        assert_eq!(seen("backups", &run(&json!({}))).column("EXPIRES"), "6d19h");
    }

    #[test]
    fn a_restore_names_its_backup_or_its_schedule() {
        let mut json = run(&json!({"phase": "Completed", "progress": {"itemsRestored": 37, "totalItems": 38}}));
        let by_name = seen("restores", &json);
        assert_eq!((by_name.column("ITEMS"), by_name.links()), ("37/38".into(), vec!["From Backup velero/b".into()]));
        json["spec"] = json!({"scheduleName": "daily-backup"});
        assert_eq!(seen("restores", &json).links(), ["From Schedule velero/daily-backup"]);
    }
}
