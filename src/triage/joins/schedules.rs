//! A backup schedule is judged with its backups: they show what was missed and what failed, the schedule does not.

use super::JoinSpec;
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, joined, schedules};
use crate::store::{RowId, Store};

pub const SPEC: JoinSpec = JoinSpec {
    doc: "A backup schedule is judged with its backups.",
    concerned: |t| concerned(t.store, t.rows),
    join: |look, judged| join(look.store, look.id, judged, look.thresholds, look.now),
};

/// Schedules whose backups are among the touched rows.
fn concerned(store: &Store, touched: &[RowId]) -> Vec<RowId> {
    if !touched.iter().any(|id| id.kind == kinds::BACKUP) {
        return Vec::new();
    }
    store.table(kinds::SCHEDULE).iter().map(|(slot, _)| RowId { kind: kinds::SCHEDULE, slot }).collect()
}

/// Adds what the backups say to what the schedule itself says; `judged` is returned as it is for other kinds.
fn join(store: &Store, id: RowId, judged: Judgement, thresholds: &Thresholds, now: Time) -> Judgement {
    if id.kind != kinds::SCHEDULE {
        return judged;
    }
    let Some(row) = store.row(id) else { return judged };
    let backups = store.table(kinds::BACKUP);
    // without the backups nothing can be said about missed runs: the feed's own finding says that they cannot be read.
    // And a schedule that Velero refuses, or that is being deleted, misses none
    if !backups.feed.state.is_live() || matches!(row.record.health, Health::Failed | Health::Terminating) {
        return judged;
    }
    let records = backups.iter().map(|(_, row)| &row.record);
    let state = joined::schedule_state(&row.record, records, &store.strings, thresholds, now);
    let mut judged = judged;
    let found = state.finding(&store.strings);
    let weak = |own: &Finding| {
        // a run that waits or is in progress holds the next one back; and missed runs say the same in better words
        let late = *own.why == *schedules::NOT_SUBMITTED && (state.held || state.missed > 0);
        // the words name the pause
        let paused =
            row.record.health == Health::Suspended && found.as_ref().is_some_and(|f| f.severity <= own.severity);
        late || paused
    };
    judged.findings.retain(|own| !weak(own));
    if judged.findings.is_empty() && judged.health == Health::Warning {
        judged.health = Health::Ok;
    }
    if let Some(finding) = found {
        if judged.health == Health::Ok && finding.severity < Severity::P4 {
            judged.health = Health::Warning;
        }
        judged.findings.push(finding);
    }
    match state.recheck {
        Some(at) => judged.again_at(at),
        None => judged,
    }
}
