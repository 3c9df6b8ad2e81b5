//! Pods that failed and were replaced long ago (evicted, terminated by a node shutdown) stay until somebody cleans up.
//! Once their workload has all its pods again, healthy or not, or their Job is complete, they are history: a note.

use hashbrown::HashSet;

use super::JoinSpec;
use super::missing::Counted;
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Strings, Sym};
use crate::domain::record::{Cell, KindId, Link, Record, Relation};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, Family, pods, workload};
use crate::store::{RowId, Store};
use crate::triage::judged::Judged;

pub const SPEC: JoinSpec = JoinSpec {
    doc: "The ended pods of a workload that has replaced them are a note.",
    concerned: |t| concerned(t.store, t.judged, t.rows),
    join: |look, judged| join(look.store, look.id, judged, look.counted, look.thresholds, look.now),
};

/// Whether a kind replaces a pod that has ended.
fn replaces(kind: KindId) -> bool {
    matches!(kinds::spec(kind).family, Family::Workload | Family::PodOwner)
}

/// The ended pods of workloads that are among the touched rows, or that have other pods among them.
fn concerned(store: &Store, judged: &Judged, touched: &[RowId]) -> Vec<RowId> {
    let mut owners: HashSet<(&str, Sym, &str)> = HashSet::new();
    let text = |sym| store.strings.get(sym);
    for (id, row) in touched.iter().filter_map(|id| Some((id, store.row(*id)?))) {
        if id.kind == kinds::POD {
            let owner = row.record.link(Relation::Owner);
            owners.extend(owner.map(|link| (text(link.kind), link.namespace, text(link.name))));
        } else if replaces(id.kind) {
            owners.insert((kinds::name(id.kind), row.record.namespace, &row.record.name));
        }
    }
    if owners.is_empty() {
        return Vec::new();
    }
    let is_of = |link: &Link| owners.contains(&(text(link.kind), link.namespace, text(link.name)));
    let of = |id: &RowId| store.row(*id).is_some_and(|row| ended(&row.record).is_some_and(is_of));
    judged.rows().map(|(id, _)| id).filter(|id| id.kind == kinds::POD && of(id)).collect()
}

/// The owner of a pod that has ended and is not started again.
fn ended(pod: &Record) -> Option<&Link> {
    pod.link(Relation::Owner).filter(|_| pod.flag(pods::ENDED))
}

/// Makes a note of what was replaced; `judged` is returned as it is for all others.
fn join(
    store: &Store,
    id: RowId,
    mut judged: Judgement,
    counted: &mut Counted,
    thresholds: &Thresholds,
    now: Time,
) -> Judgement {
    if judged.findings.is_empty() || id.kind != kinds::POD {
        return judged;
    }
    let Some(owner) = store.row(id).and_then(|row| ended(&row.record)) else { return judged };
    let strings = &store.strings;
    let Some(kind) = kinds::by_name(strings.get(owner.kind)).filter(|kind| replaces(*kind)) else { return judged };
    let workload = store.find(kind, strings.get(owner.namespace), strings.get(owner.name)).and_then(|id| store.row(id));
    let Some(workload) = workload.map(|row| &row.record) else { return judged };
    if !is_whole(kind, workload, strings) {
        if !is_replaced(kind, workload, store, counted) {
            return judged;
        }
        // its replacement may end as it did: only then is it history
        let since = judged.findings.iter().filter_map(|finding| finding.since).max();
        match since.map(|since| since.plus(thresholds.recent_restart)) {
            Some(old) if now >= old => {}
            Some(old) => return judged.again_at(old),
            None => return judged,
        }
    }
    let told = if kind == kinds::JOB { "its Job is complete" } else { "since replaced" };
    judged.health = Health::Ok;
    for finding in &mut judged.findings {
        finding.severity = Severity::P4;
        finding.why = format!("left over, {told}: {}", finding.why).into();
    }
    judged
}

fn is_whole(kind: KindId, record: &Record, strings: &Strings) -> bool {
    match kind {
        kinds::JOB => record.health == Health::Ok,
        // before its controller has observed the spec, the numbers are of another one
        _ if strings.get(record.status) == workload::OBSERVING => false,
        _ => matches!(record.cell(workload::READY), Cell::Ratio(ready, wanted) if ready >= wanted),
    }
}

/// Whether a workload has as many pods as it should have, ready or not: those that are not say themselves what is
/// wrong.
fn is_replaced(kind: KindId, record: &Record, store: &Store, counted: &mut Counted) -> bool {
    let Cell::Ratio(_, wanted) = record.cell(workload::READY) else { return false };
    kind != kinds::JOB && counted.there(store, kinds::name(kind), record) >= usize::from(wanted)
}
