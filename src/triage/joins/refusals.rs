//! A workload that cannot create its pods has none that could say why, and no condition either: it is judged with the
//! warning events about it. A pod that was created after the last event proves it over.

use hashbrown::HashSet;

use super::JoinSpec;
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::record::{Cell, KindId, Record, Relation};
use crate::domain::thresholds::Thresholds;
use crate::kinds::ending::because;
use crate::kinds::{self, jobs, refusals, workload};
use crate::store::{RowId, Store};

pub const SPEC: JoinSpec = JoinSpec {
    doc: "A workload whose pods are refused says so by its events alone.",
    concerned: |t| concerned(t.store, t.rows),
    join: |look, judged| join(look.store, look.id, judged, look.thresholds, look.now),
};

/// Kinds without a condition for it.
const SILENT: [KindId; 3] = [kinds::STATEFUL_SET, kinds::DAEMON_SET, kinds::JOB];

/// Workloads that touched events are about, and those whose pods were touched while there are such events.
fn concerned(store: &Store, touched: &[RowId]) -> Vec<RowId> {
    if store.table(kinds::EVENT).is_empty() {
        return Vec::new();
    }
    let mut out = HashSet::new();
    for id in touched {
        let relation = match id.kind {
            kinds::EVENT => Relation::About,
            kinds::POD => Relation::Owner,
            _ => continue,
        };
        let Some(link) = store.row(*id).and_then(|row| row.record.link(relation)) else { continue };
        let text = |sym| store.strings.get(sym);
        let kind = kinds::by_name(text(link.kind)).filter(|kind| SILENT.contains(kind));
        out.extend(kind.and_then(|kind| store.find(kind, text(link.namespace), text(link.name))));
    }
    out.into_iter().collect()
}

/// Whether the events say that it cannot create its pods, whenever that was.
pub fn is_refused(store: &Store, kind: KindId, record: &Record) -> bool {
    SILENT.contains(&kind) && lacks(kind, record) && newest(store, kind, record).is_some()
}

/// Adds what the events say of a workload that lacks pods; `judged` is returned as it is for all others.
fn join(store: &Store, id: RowId, mut judged: Judgement, thresholds: &Thresholds, now: Time) -> Judgement {
    let kind = id.kind;
    let Some(row) = store.row(id).filter(|row| SILENT.contains(&kind) && lacks(kind, &row.record)) else {
        return judged;
    };
    let Some(event) = newest(store, kind, &row.record) else { return judged };
    let last = event.time(refusals::LAST).unwrap_or(event.created);
    let over = last.plus(refusals::FRESH);
    if now >= over || has_pod_since(store, kind, &row.record, last) {
        return judged;
    }
    let judged_again = |judged: Judgement| judged.again_at(over);
    let since = event.time(refusals::FIRST).unwrap_or(event.created);
    let ends = since.plus(thresholds.pod_grace);
    judged.health = Health::Failed;
    if now < ends {
        return judged_again(judged).again_at(ends);
    }
    let none = matches!(row.record.cell(workload::READY), Cell::Ratio(0, _)) && kind != kinds::JOB;
    let severity = if none { Severity::P2 } else { Severity::P3 };
    let why = because("its pods are refused", refusals::gist(&event.note));
    judged.findings.insert(0, Finding::new(severity, Some(since), why));
    judged_again(judged)
}

/// Whether it lacks pods, as far as its status says.
fn lacks(kind: KindId, record: &Record) -> bool {
    match record.cell(workload::READY) {
        _ if record.health == Health::Terminating => false,
        _ if kind == kinds::JOB => record.health == Health::Progressing && record.int(jobs::ACTIVE) == 0,
        Cell::Ratio(ready, wanted) => ready < wanted,
        _ => false,
    }
}

/// The newest event about it.
fn newest<'s>(store: &'s Store, kind: KindId, record: &Record) -> Option<&'s Record> {
    let events = store.table(kinds::EVENT);
    let text = |sym| store.strings.get(sym);
    let is_it = |l: &&crate::domain::record::Link| {
        text(l.kind) == kinds::name(kind) && l.namespace == record.namespace && *text(l.name) == *record.name
    };
    let about =
        events.iter().map(|(_, row)| &row.record).filter(|e| e.link(Relation::About).as_ref().is_some_and(is_it));
    about.max_by_key(|event| (event.time(refusals::LAST), event.uid))
}

fn has_pod_since(store: &Store, kind: KindId, record: &Record, time: Time) -> bool {
    let text = |sym| store.strings.get(sym);
    let is_its = |l: &crate::domain::record::Link| {
        l.namespace == record.namespace && text(l.kind) == kinds::name(kind) && *text(l.name) == *record.name
    };
    let newer = store.table(kinds::POD).iter().filter(|(_, pod)| pod.record.created > time);
    newer.into_iter().any(|(_, pod)| pod.record.link(Relation::Owner).is_some_and(is_its))
}
