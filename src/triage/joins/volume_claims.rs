//! A claim without a provisioner waits for its first pod, or its class does not exist: a pod that waits for it says
//! which.

use super::JoinSpec;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::record::{Record, Relation};
use crate::kinds::{self, persistent_volume_claims};
use crate::store::{RowId, Store};
use crate::triage::judged::Judged;

pub const SPEC: JoinSpec = JoinSpec {
    doc: "A claim that waits names the pod that waits for it.",
    concerned: |t| concerned(t.store, t.judged, t.rows),
    join: |look, judged| join(look.store, look.id, judged),
};

/// Claims with a finding, when a pod that waits for one was touched.
fn concerned(store: &Store, judged: &Judged, touched: &[RowId]) -> Vec<RowId> {
    let uses = |id: &RowId| {
        id.kind == kinds::POD && store.row(*id).is_some_and(|row| claims(store, &row.record).next().is_some())
    };
    if touched.iter().any(uses) {
        judged.rows().map(|(id, _)| id).filter(|id| id.kind == kinds::PERSISTENT_VOLUME_CLAIM).collect()
    } else {
        Vec::new()
    }
}

/// The claims that a pod waits for.
fn claims<'s>(store: &'s Store, pod: &'s Record) -> impl Iterator<Item = &'s crate::domain::record::Link> {
    let waits = pod.health == Health::Progressing;
    let of_claim = |l: &&crate::domain::record::Link| {
        l.relation == Relation::Uses && store.strings.get(l.kind) == kinds::name(kinds::PERSISTENT_VOLUME_CLAIM)
    };
    pod.links.iter().filter(move |_| waits).filter(of_claim)
}

/// Names the pod that waits; `judged` is returned as it is for all others.
fn join(store: &Store, id: RowId, mut judged: Judgement) -> Judgement {
    let Some(row) = store.row(id).filter(|_| id.kind == kinds::PERSISTENT_VOLUME_CLAIM) else {
        return judged;
    };
    let record = &row.record;
    let pending = record.health == Health::Progressing && !record.flag(persistent_volume_claims::IS_ASKED_FOR);
    let Some(finding) = judged.findings.first_mut().filter(|_| pending) else { return judged };
    let uses = |pod: &&Record| {
        pod.namespace == record.namespace && claims(store, pod).any(|l| *store.strings.get(l.name) == *record.name)
    };
    let waiting = store.table(kinds::POD).iter().map(|(_, row)| &row.record).filter(uses);
    let Some(pod) = waiting.min_by_key(|pod| &pod.name) else { return judged };
    let class = match record.text(persistent_volume_claims::CLASS, &store.strings) {
        "" => "it names no class, and there is no default one".to_owned(),
        // the scheduler waits with `immediate` claims only until somebody provides them
        class if pod.note.contains("unbound immediate") => format!("nobody provides the class {class}"),
        class => format!("the pod has no node yet, or nobody provides the class {class}"),
    };
    finding.why = format!("pending: pod {} waits for it: {class}", pod.name).into();
    judged
}
