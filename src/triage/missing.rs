//! A workload that lacks pods is a finding by itself only while they are not there: a pod that is there and not well says
//! what is wrong with it.

use hashbrown::HashSet;

use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Strings, Sym};
use crate::domain::record::{Link, Record, Relation};
use crate::kinds::{self, workload};
use crate::store::{RowId, Store};

/// Kinds that are judged by how many pods they lack.
const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// Workloads that lack pods, when some of their own are among the touched rows.
pub fn concerned(store: &Store, touched: &[RowId]) -> Vec<RowId> {
    let Some(pod) = kinds::by_name("Pod") else { return Vec::new() };
    let text = |sym| store.strings.get(sym);
    let owners =
        touched.iter().filter(|id| id.kind == pod).filter_map(|id| store.row(*id)?.record.link(Relation::Owner));
    let owners: HashSet<(&str, Sym, &str)> = owners.map(|l| (text(l.kind), l.namespace, text(l.name))).collect();
    // of a pod that went nobody knows whose it was
    let went = touched.iter().any(|id| id.kind == pod && store.row(*id).is_none());
    if owners.is_empty() && !went {
        return Vec::new();
    }
    let mut out = Vec::new();
    for kind in WORKLOADS.iter().filter_map(|name| kinds::by_name(name)) {
        let lacking =
            store.table(kind).iter().filter(|(_, row)| lacks(kinds::spec(kind).name, &row.record, &store.strings));
        let is_it =
            |record: &Record| went || owners.contains(&(kinds::spec(kind).name, record.namespace, &*record.name));
        out.extend(lacking.filter(|(_, row)| is_it(&row.record)).map(|(slot, _)| RowId { kind, slot }));
    }
    out
}

/// Takes back that a workload lacks pods when they are there; `judged` is returned as it is for all others.
pub fn join(store: &Store, id: RowId, mut judged: Judgement) -> Judgement {
    let kind = kinds::spec(id.kind).name;
    if judged.findings.is_empty() || !WORKLOADS.contains(&kind) {
        return judged;
    }
    let Some(record) = store.row(id).map(|row| &row.record).filter(|r| lacks(kind, r, &store.strings)) else {
        return judged;
    };
    let Some(pods) = kinds::by_name("Pod").filter(|pods| store.table(*pods).feed.state.is_live()) else {
        return judged;
    };
    let text = |sym| store.strings.get(sym);
    let is_its = |l: &Link| l.namespace == record.namespace && text(l.kind) == kind && *text(l.name) == *record.name;
    let unwell = store.table(pods).iter().filter(|(_, pod)| pod.record.health != Health::Ok);
    let there = unwell.filter(|(_, pod)| pod.record.link(Relation::Owner).is_some_and(is_its)).count();
    // a stateful set makes no further pod before the one that is not ready
    let enough = if kind == "StatefulSet" { 1 } else { workload::lacking(record) };
    if there >= enough {
        judged.findings.clear();
    }
    judged
}

/// Whether what is found of it is that it lacks pods.
fn lacks(kind: &str, record: &Record, strings: &Strings) -> bool {
    // a rollout of the others has a finding of its own
    let is_rolling =
        kind == "DaemonSet" && record.health == Health::Progressing && strings.get(record.status) == "Updating";
    (record.health == Health::Warning || is_rolling) && workload::lacking(record) > 0
}
