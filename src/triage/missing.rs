//! A workload that lacks pods is a finding by itself only while they are not there: a pod that is there and not well says
//! what is wrong with it.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Strings, Sym};
use crate::domain::record::{KindId, Record, Relation};
use crate::kinds::{self, pods, workload};
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

/// How many pods of each controller there are: counted once for all that is judged together, and only what is asked for.
#[derive(Debug, Default)]
pub struct Counted {
    /// Those that are not well.
    unwell: Option<Pods>,
    /// Those that have not ended, well or not.
    there: Option<Pods>,
}

#[derive(Debug)]
struct Pods(HashMap<u64, usize, FixedState>);

impl Pods {
    fn of(store: &Store, pods: KindId, counts: impl Fn(&Record) -> bool) -> Self {
        let mut out = Self(HashMap::with_hasher(FixedState::default()));
        for (_, pod) in store.table(pods).iter().filter(|(_, pod)| counts(&pod.record)) {
            if let Some(owner) = pod.record.link(Relation::Owner) {
                let (kind, name) = (store.strings.get(owner.kind), store.strings.get(owner.name));
                *out.0.entry(key(kind, owner.namespace, name)).or_default() += 1;
            }
        }
        out
    }

    fn own(&self, kind: &str, namespace: Sym, name: &str) -> usize {
        self.0.get(&key(kind, namespace, name)).copied().unwrap_or(0)
    }
}

impl Counted {
    /// How many pods of a controller are there and not well.
    fn unwell(&mut self, store: &Store, pods: KindId, kind: &str, owner: &Record) -> usize {
        let is_unwell = |pod: &Record| pod.health != Health::Ok;
        let unwell = self.unwell.get_or_insert_with(|| Pods::of(store, pods, is_unwell));
        unwell.own(kind, owner.namespace, &owner.name)
    }

    /// How many pods of a controller have not ended and are not on their way out: as it counts them itself.
    /// Source: Kubernetes `pkg/controller/controller_utils.go`, `IsPodActive`.
    pub fn there(&mut self, store: &Store, kind: &str, owner: &Record) -> usize {
        let Some(pods) = kinds::by_name("Pod") else { return 0 };
        let strings = &store.strings;
        let is_there = |pod: &Record| {
            let over = pod.flag(pods::ENDED) || matches!(strings.get(pod.status), "Completed" | "Succeeded");
            !over && pod.health != Health::Terminating
        };
        let there = self.there.get_or_insert_with(|| Pods::of(store, pods, is_there));
        there.own(kind, owner.namespace, &owner.name)
    }
}

fn key(kind: &str, namespace: Sym, name: &str) -> u64 {
    FixedState::default().hash_one((kind, namespace, name))
}

/// Takes back that a workload lacks pods when they are there; `judged` is returned as it is for all others.
pub fn join(store: &Store, id: RowId, mut judged: Judgement, counted: &mut Counted) -> Judgement {
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
    let there = counted.unwell(store, pods, kind, record);
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
