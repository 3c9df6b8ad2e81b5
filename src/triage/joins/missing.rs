//! A workload that lacks pods is a finding by itself only while the pods do not exist: a pod that exists and is
//! unhealthy says what is wrong with it.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::JoinSpec;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Strings, Sym};
use crate::domain::record::{KindId, Record, Relation};
use crate::kinds::{self, Family, pods, workload};
use crate::store::{RowId, Store};

pub const SPEC: JoinSpec = JoinSpec {
    doc: "A workload that lacks pods is no finding of its own where the pods that are not ready say why.",
    concerned: |t| concerned(t.store, t.rows),
    join: |look, judged| join(look.store, look.id, judged, look.counted),
};

/// Workloads that lack pods, when some of their own are among the touched rows.
fn concerned(store: &Store, touched: &[RowId]) -> Vec<RowId> {
    let text = |sym| store.strings.get(sym);
    let owners =
        touched.iter().filter(|id| id.kind == kinds::POD).filter_map(|id| store.row(*id)?.record.link(Relation::Owner));
    let owners: HashSet<(&str, Sym, &str)> = owners.map(|l| (text(l.kind), l.namespace, text(l.name))).collect();
    // the owner of a pod that is gone is not known
    let went = touched.iter().any(|id| id.kind == kinds::POD && store.row(*id).is_none());
    if owners.is_empty() && !went {
        return Vec::new();
    }
    let mut out = Vec::new();
    for kind in kinds::of_family(Family::Workload) {
        let lacking = store.table(kind).iter().filter(|(_, row)| lacks(kind, &row.record, &store.strings));
        let is_it = |record: &Record| went || owners.contains(&(kinds::name(kind), record.namespace, &*record.name));
        out.extend(lacking.filter(|(_, row)| is_it(&row.record)).map(|(slot, _)| RowId { kind, slot }));
    }
    out
}

/// How many pods of each controller there are: counted once for all that is judged together, and only where asked for.
#[derive(Debug, Default)]
pub struct Counted {
    /// The unhealthy ones.
    unwell: Option<Pods>,
    /// Those that have not ended, healthy or not.
    there: Option<Pods>,
}

#[derive(Debug)]
struct Pods(HashMap<u64, usize, FixedState>);

impl Pods {
    fn of(store: &Store, counts: impl Fn(&Record) -> bool) -> Self {
        let mut out = Self(HashMap::with_hasher(FixedState::default()));
        for (_, pod) in store.table(kinds::POD).iter().filter(|(_, pod)| counts(&pod.record)) {
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
    /// How many pods of a controller exist and are unhealthy.
    fn unwell(&mut self, store: &Store, kind: &str, owner: &Record) -> usize {
        let is_unwell = |pod: &Record| pod.health != Health::Ok;
        let unwell = self.unwell.get_or_insert_with(|| Pods::of(store, is_unwell));
        unwell.own(kind, owner.namespace, &owner.name)
    }

    /// How many pods of a controller have not ended and are not terminating: as the controller itself counts them.
    /// Source: Kubernetes `pkg/controller/controller_utils.go`, `IsPodActive`.
    pub fn there(&mut self, store: &Store, kind: &str, owner: &Record) -> usize {
        let strings = &store.strings;
        let is_there = |pod: &Record| {
            let over = pod.flag(pods::ENDED) || matches!(strings.get(pod.status), "Completed" | "Succeeded");
            !over && pod.health != Health::Terminating
        };
        let there = self.there.get_or_insert_with(|| Pods::of(store, is_there));
        there.own(kind, owner.namespace, &owner.name)
    }
}

fn key(kind: &str, namespace: Sym, name: &str) -> u64 {
    FixedState::default().hash_one((kind, namespace, name))
}

/// Drops the finding that a workload lacks pods when they exist; `judged` is returned as it is for all others.
fn join(store: &Store, id: RowId, mut judged: Judgement, counted: &mut Counted) -> Judgement {
    if judged.findings.is_empty() || kinds::spec(id.kind).family != Family::Workload {
        return judged;
    }
    let Some(record) = store.row(id).map(|row| &row.record).filter(|r| lacks(id.kind, r, &store.strings)) else {
        return judged;
    };
    if !store.table(kinds::POD).feed.state.is_live() {
        return judged;
    }
    let there = counted.unwell(store, kinds::name(id.kind), record);
    // a stateful set creates no further pod before the one that is not ready
    let enough = if id.kind == kinds::STATEFUL_SET { 1 } else { workload::lacking(record) };
    if there >= enough {
        judged.findings.clear();
    }
    judged
}

/// Whether its finding is that it lacks pods.
fn lacks(kind: KindId, record: &Record, strings: &Strings) -> bool {
    // a rollout of the others has a finding of its own
    let is_rolling =
        kind == kinds::DAEMON_SET && record.health == Health::Progressing && strings.get(record.status) == "Updating";
    (record.health == Health::Warning || is_rolling) && workload::lacking(record) > 0
}
