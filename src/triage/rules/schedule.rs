//! Failed runs of one schedule are its finding, not one each.

use super::{RuleSpec, row};
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::kinds::velero;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "schedule",
    doc: "A failed backup of a schedule belongs to the schedule's finding.",
    symptoms: &["Backup"],
    explain,
    next: &["unpause-schedule", "backup"],
    next_for: &["Schedule"],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    // a run that does not end is the reason why its schedule lacks the next
    if velero::holds_others(scan.text(record.status)) {
        return;
    }
    for schedule in scan.linked(record, Relation::From) {
        if scan.kind(schedule) == "Schedule" {
            claims.row(schedule, Confidence::Exact, format!("it is a run of {}", scan.told(schedule.into())));
        }
    }
}
