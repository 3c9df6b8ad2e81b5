//! Pods that ended and were replaced long ago: evicted, or shut down with their node. The workload has all the pods that
//! it wants, so they are a note: somebody may sweep them up.

use hashbrown::HashSet;

use super::judged::Judged;
use crate::domain::finding::Judgement;
use crate::domain::health::{Health, Severity};
use crate::domain::interner::Sym;
use crate::domain::record::{Cell, Link, Relation};
use crate::kinds::{self, workload};
use crate::store::{RowId, Store};

/// Workloads whose count of pods leaves out those that have ended.
const OWNERS: [&str; 3] = ["Deployment", "ReplicaSet", "StatefulSet"];

/// Failing pods of the workloads among the touched rows.
pub fn concerned(store: &Store, judged: &Judged, touched: &[RowId]) -> Vec<RowId> {
    let Some(pod) = kinds::by_name("Pod") else { return Vec::new() };
    let owners: HashSet<(Sym, &str)> = touched
        .iter()
        .filter(|id| OWNERS.contains(&kinds::spec(id.kind).name))
        .filter_map(|id| store.row(*id))
        .map(|row| (row.record.namespace, &*row.record.name))
        .collect();
    if owners.is_empty() {
        return Vec::new();
    }
    let is_theirs = |id: &RowId| {
        let owner = store.row(*id).and_then(|row| row.record.link(Relation::Owner));
        owner.is_some_and(|l| owners.contains(&(l.namespace, store.strings.get(l.name))))
    };
    judged.rows().map(|(id, _)| id).filter(|id| id.kind == pod).filter(is_theirs).collect()
}

/// Makes a note of a failed pod that its workload does without; `judged` is returned as it is for all others.
pub fn join(store: &Store, id: RowId, mut judged: Judgement) -> Judgement {
    let Some(row) = store.row(id).filter(|_| kinds::spec(id.kind).name == "Pod") else { return judged };
    if row.record.health != Health::Failed || judged.findings.is_empty() {
        return judged;
    }
    let Some(owner) = row.record.link(Relation::Owner).filter(|l| is_whole(store, l)) else { return judged };
    let told = store.strings.get(owner.kind);
    judged.health = Health::Ok;
    for finding in &mut judged.findings {
        finding.severity = Severity::P4;
        finding.why = format!("left over, its {told} has all its pods: {}", finding.why).into();
    }
    judged
}

/// Whether a workload is done and has what it wants: a rollout that goes on may need this very pod.
fn is_whole(store: &Store, link: &Link) -> bool {
    let text = |sym| store.strings.get(sym);
    let Some(kind) = kinds::by_name(text(link.kind)).filter(|_| OWNERS.contains(&text(link.kind))) else { return false };
    let found = store.find(kind, text(link.namespace), text(link.name)).and_then(|id| store.row(id));
    found.is_some_and(|row| {
        let full = matches!(row.record.cell(workload::READY), Cell::Ratio(ready, wanted) if ready >= wanted && wanted > 0);
        row.record.health == Health::Ok && full
    })
}
