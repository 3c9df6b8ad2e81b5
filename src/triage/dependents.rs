//! What the ranking uses of the Flux objects: how many wait for this one (`dependsOn`, followed backwards), and when a
//! revision came in. Only the rows that were touched are looked at.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::names::Code;
use super::node::Subject;
use crate::domain::ages::Time;
use crate::domain::record::Relation;
use crate::kinds::{self, Tells, flux};
use crate::store::{RowId, Store};

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    name: Code,
    needs: Vec<Code>,
    changed: Option<Time>,
}

#[derive(Debug, Default)]
pub struct Dependents {
    facts: HashMap<RowId, Facts, FixedState>,
    needed_by: HashMap<Code, Vec<RowId>, FixedState>,
    counted: HashMap<RowId, u32, FixedState>,
}

impl Dependents {
    /// Looks at a row again. Returns whether its rank may have changed.
    pub fn touch(&mut self, store: &Store, id: RowId) -> bool {
        let kind = kinds::name(id.kind);
        if kinds::spec(id.kind).tells != Tells::Revision {
            return false;
        }
        let text = |sym| store.strings.get(sym);
        let new = store.row(id).map(|row| {
            let record = &row.record;
            let links = record.links.iter().filter(|l| l.relation == Relation::DependsOn);
            Facts {
                name: Code::of(kind, text(record.namespace), &record.name),
                needs: links.map(|l| Code::of(text(l.kind), text(l.namespace), text(l.name))).collect(),
                changed: record.time(flux::CHANGED),
            }
        });
        if self.facts.get(&id) == new.as_ref() {
            return false;
        }
        self.counted.clear();
        for needed in self.facts.remove(&id).into_iter().flat_map(|old| old.needs) {
            if let Some(by) = self.needed_by.get_mut(&needed) {
                by.retain(|other| *other != id);
                if by.is_empty() {
                    self.needed_by.remove(&needed);
                }
            }
        }
        if let Some(new) = new {
            for needed in &new.needs {
                self.needed_by.entry(*needed).or_default().push(id);
            }
            self.facts.insert(id, new);
        }
        true
    }

    /// Everything that depends on it, directly or not. A circle counts each of its members once.
    pub fn of(&mut self, subject: Subject) -> u32 {
        let Subject::Row(id) = subject else { return 0 };
        if let Some(count) = self.counted.get(&id) {
            return *count;
        }
        let mut seen: HashSet<RowId, FixedState> = HashSet::default();
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            let by = self.facts.get(&at).and_then(|facts| self.needed_by.get(&facts.name));
            for next in by.into_iter().flatten() {
                if *next != id && seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        let count = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        if self.facts.contains_key(&id) {
            self.counted.insert(id, count);
        }
        count
    }
}
