//! A backup schedule is judged with its backups: what was missed and what failed stands in them, not in the schedule.

use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, joined, schedules};
use crate::store::{RowId, Store};

/// Schedules whose backups are among the touched rows.
pub fn concerned(store: &Store, touched: &[RowId]) -> Vec<RowId> {
    let (Some(backup), Some(schedule)) = (kinds::by_name("Backup"), kinds::by_name("Schedule")) else {
        return Vec::new();
    };
    if !touched.iter().any(|id| id.kind == backup) {
        return Vec::new();
    }
    store.table(schedule).iter().map(|(slot, _)| RowId { kind: schedule, slot }).collect()
}

/// Adds what the backups say to what the schedule itself says; `judged` is returned as it is for other kinds.
pub fn join(store: &Store, id: RowId, judged: Judgement, thresholds: &Thresholds, now: Time) -> Judgement {
    if kinds::spec(id.kind).name != "Schedule" {
        return judged;
    }
    let (Some(backup), Some(row)) = (kinds::by_name("Backup"), store.row(id)) else { return judged };
    let backups = store.table(backup);
    // without the backups nothing can be said about missed runs: the feed's own finding says that we are blind. And one
    // that Velero refuses, or that goes away, misses none
    if !backups.feed.state.is_live() || matches!(row.record.health, Health::Failed | Health::Terminating) {
        return judged;
    }
    let records = backups.iter().map(|(_, row)| &row.record);
    let state = joined::schedule_state(&row.record, records, &store.strings, thresholds, now);
    let mut judged = judged;
    let found = state.finding(&store.strings);
    let weak = |own: &Finding| {
        // a run that waits or is under way holds the next one back; and what was missed says the same in better words
        let late = *own.why == *schedules::NOT_SUBMITTED && (state.held || state.missed > 0);
        // the pause is in the words
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
