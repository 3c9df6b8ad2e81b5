//! What Velero's backups and restores share: phases, counts, and how long a failure is news.
//!
//! Velero's objects tell the truth; its "last status" metric lies both ways. A restarting Velero marks running ones
//! as Failed.

use std::fmt::Write as _;

use serde::Deserialize;

use super::column::Show;
use super::ending::{self, because};
use super::wire::{Many, Meta, Text, or_default};
use super::{base, redact};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

pub const START: u8 = 0;
pub const COMPLETED: u8 = 1;
pub const ERRORS: u8 = 2;
pub const WARNINGS: u8 = 3;
pub const DONE: u8 = 4;
pub const TOTAL: u8 = 5;
/// When deletion was asked for.
const DELETED: u8 = 6;
/// The first cell that a kind may use for itself.
pub const OWN: u8 = 7;

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

/// The health that a phase means; an empty phase is `New`.
pub fn health(phase: &str) -> Health {
    match phase {
        "Completed" => Health::Ok,
        "PartiallyFailed" => Health::Warning,
        "Failed" | "FailedValidation" => Health::Failed,
        "Deleting" => Health::Terminating,
        ""
        | "New"
        | "Queued"
        | "ReadyToStart"
        | "InProgress"
        | "Finalizing"
        | "FinalizingPartiallyFailed"
        | "WaitingForPluginOperations"
        | "WaitingForPluginOperationsPartiallyFailed" => Health::Progressing,
        _ => Health::Unknown,
    }
}

/// The record of a run: the common cells, then `own`.
pub fn read<M, const N: usize>(meta: &Meta<M>, status: &Status, own: [Cell; N], intern: &mut Interner) -> Record {
    let mut record = base(meta, intern);
    record.health = health(&status.phase);
    record.status = intern.get(if status.phase.is_empty() { "New" } else { &status.phase });
    let invalid: Vec<&str> = status.validation_errors.iter().map(|e| &**e).collect();
    let reason = if status.failure_reason.is_empty() { invalid.join("; ") } else { status.failure_reason.to_string() };
    record.note = clean(&redact::urls(&reason));
    let deleted = ending::mark(&mut record, meta, intern);
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

/// When it began, or was asked for.
pub fn begun(record: &Record) -> Time {
    record.time(START).unwrap_or(record.created)
}

pub fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    match record.health {
        Health::Terminating if record.time(DELETED).is_some() => {
            ending::judge(record, record.time(DELETED), thresholds, now)
        }
        Health::Failed | Health::Warning => {
            let ended = record.time(COMPLETED).unwrap_or_else(|| begun(record));
            let stale = ended.plus(NEWS);
            let why = failure(record, strings);
            if now < stale {
                judged.with(Finding::new(Severity::P3, Some(ended), why)).again_at(stale)
            } else {
                judged.with(Finding::new(Severity::P4, Some(ended), why))
            }
        }
        Health::Progressing => {
            let long = begun(record).plus(thresholds.backup_running);
            if now < long {
                return judged.again_at(long);
            }
            let why = match strings.get(record.status) {
                "New" | "Queued" | "ReadyToStart" => "not started, waits too long",
                _ => "runs too long",
            };
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
    let mut what = ending::words(strings.get(record.status));
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
