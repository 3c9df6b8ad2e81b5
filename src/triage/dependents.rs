//! How many Flux objects cannot go on without another one: `dependsOn`, followed backwards. Built anew only when a
//! Flux table changed.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::names::Code;
use super::node::Subject;
use crate::domain::record::Relation;
use crate::kinds;
use crate::store::{RowId, Store};

#[derive(Debug, Default)]
pub struct Dependents {
    versions: [u64; 2],
    needed_by: HashMap<RowId, Vec<RowId>, FixedState>,
    counted: HashMap<RowId, u32, FixedState>,
}

const KINDS: [&str; 2] = ["HelmRelease", "Kustomization"];

impl Dependents {
    pub fn refresh(&mut self, store: &Store) {
        let kinds = KINDS.map(kinds::by_name);
        let versions = kinds.map(|kind| kind.map_or(0, |kind| store.table(kind).version()));
        if versions == self.versions {
            return;
        }
        self.versions = versions;
        self.needed_by.clear();
        self.counted.clear();
        let mut names: HashMap<Code, RowId, FixedState> = HashMap::default();
        let mut links: Vec<(Code, RowId)> = Vec::new();
        for kind in kinds.into_iter().flatten() {
            let word = kinds::spec(kind).name;
            for (slot, row) in store.table(kind).iter() {
                let (record, id) = (&row.record, RowId { kind, slot });
                names.insert(Code::of(word, store.strings.get(record.namespace), &record.name), id);
                for link in record.links.iter().filter(|l| l.relation == Relation::DependsOn) {
                    let text = |sym| store.strings.get(sym);
                    links.push((Code::of(text(link.kind), text(link.namespace), text(link.name)), id));
                }
            }
        }
        for (code, id) in links {
            if let Some(needed) = names.get(&code) {
                self.needed_by.entry(*needed).or_default().push(id);
            }
        }
    }

    /// Everything that depends on it, directly or not. A circle counts each of its members once.
    pub fn of(&mut self, subject: Subject) -> u32 {
        let Subject::Row(id) = subject else { return 0 };
        if !self.needed_by.contains_key(&id) {
            return 0;
        }
        if let Some(count) = self.counted.get(&id) {
            return *count;
        }
        let mut seen: HashSet<RowId, FixedState> = HashSet::default();
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            for next in self.needed_by.get(&at).into_iter().flatten() {
                if *next != id && seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        let count = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        self.counted.insert(id, count);
        count
    }
}
