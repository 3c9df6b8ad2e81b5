//! A pod that waits for a volume waits for its claim.

use super::{RuleSpec, row};
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "volume-claim",
    doc: "A pending pod waits for a volume claim that is not bound.",
    symptoms: &["Pod"],
    explain,
    group: None,
    weigh: None,
    next: &[],
    next_for: &[],
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    // a claim of a class that waits for its first pod is pending because of the pod, not the other way round
    let by_volume = record.note.contains("persistentvolumeclaim") || record.note.contains("PersistentVolumeClaim");
    if scan.text(record.status) != "Pending" || !by_volume {
        return;
    }
    for claim in scan.linked(record, Relation::Uses) {
        if scan.kind(claim) == "PersistentVolumeClaim" {
            claims.row(claim, Confidence::Exact, format!("{} is not bound", scan.told(claim.into())));
        }
    }
}
