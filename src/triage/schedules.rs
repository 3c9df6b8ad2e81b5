//! A backup schedule is judged with its backups: what was missed and what failed stands in them, not in the schedule.

use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, joined};
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
    // without the backups nothing can be said about missed runs: the feed's own finding says that we are blind
    if !backups.feed.state.is_live() {
        return judged;
    }
    let records = backups.iter().map(|(_, row)| &row.record);
    let state = joined::schedule_state(&row.record, records, &store.strings, thresholds, now);
    let mut judged = judged;
    if let Some(finding) = state.finding(&store.strings) {
        if matches!(judged.health, Health::Ok) {
            judged.health = Health::Warning;
        }
        // the schedule's own note about late submission is the same news in weaker words
        judged.findings.clear();
        judged.findings.push(finding);
    }
    match state.recheck {
        Some(at) => judged.again_at(at),
        None => judged,
    }
}
