//! A pod that waits for a volume waits for its claim.

use super::{RuleSpec, row};
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::kinds::persistent_volume_claims;
use crate::store::RowId;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "volume-claim",
    doc: "A pending pod waits for a volume claim that is not bound.",
    symptoms: &["Pod"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    // a claim of a class that waits for its first pod is pending because of the pod, not the other way round
    let by_volume = record.note.contains("persistentvolumeclaim") || record.note.contains("PersistentVolumeClaim");
    if scan.text(record.status) != "Pending" || !by_volume {
        return;
    }
    let of_kind = scan.linked(record, Relation::Uses).filter(|id| scan.kind(*id) == "PersistentVolumeClaim");
    let mut waiting: Vec<_> = of_kind.collect();
    // a claim without a provisioner may wait for this very pod
    let asked = |id: &RowId| scan.record(*id).is_some_and(|r| r.flag(persistent_volume_claims::IS_ASKED_FOR));
    waiting.sort_by_key(|id| !asked(id));
    for claim in waiting {
        if scan.finding(claim).is_some() {
            claims.row(claim, Confidence::Exact, format!("{} is not bound", scan.told(claim.into())));
        }
    }
}
