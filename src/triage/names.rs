//! Objects by name, and what makes the Secrets that others wait for. Kept for the kinds that others refer to; of pods
//! and alerts only those with a finding, so that it stays small with 50,000 pods. It judges nothing.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::domain::record::{Record, Relation};
use crate::kinds::{self, alerts, guardrails, nodes};
use crate::store::{RowId, Store};

/// Kind, namespace and name as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u64);

const HASH: FixedState = FixedState::with_seed(0x6e61_6d65);

impl Code {
    pub fn of(kind: &str, namespace: &str, name: &str) -> Self {
        Self(HASH.hash_one((kind, namespace, name)))
    }

    /// Any object of a kind: no name has a star in it.
    pub fn any(kind: &str) -> Self {
        Self::of(kind, "*", "*")
    }

    /// The unhealthy pods of an owner.
    pub fn pods_of(kind: &str, namespace: &str, name: &str) -> Self {
        Self(HASH.hash_one(("pods of", kind, namespace, name)))
    }
}

#[derive(Debug, Default)]
pub struct Names {
    rows: HashMap<Code, RowId, FixedState>,
    own: HashMap<RowId, Vec<Code>, FixedState>,
    /// Unhealthy pods, by their owner.
    pods: HashMap<Code, Vec<RowId>, FixedState>,
}

impl Names {
    /// How many names are known.
    pub fn len(&self) -> usize {
        self.rows.len().max(self.own.len())
    }

    pub fn get(&self, code: Code) -> Option<RowId> {
        self.rows.get(&code).copied()
    }

    /// The unhealthy pods of an owner, in no order.
    pub fn pods(&self, code: Code) -> &[RowId] {
        self.pods.get(&code).map_or(&[], |pods| pods)
    }

    /// Takes in a row, or its new name. Returns the codes whose meaning changed.
    pub fn set(&mut self, store: &Store, id: RowId) -> Vec<Code> {
        let Some(row) = store.row(id) else { return self.remove(id) };
        let codes = codes(store, id, &row.record);
        if self.own.get(&id).is_some_and(|old| *old == codes) {
            return codes;
        }
        let mut changed = self.remove(id);
        for code in &codes {
            self.rows.insert(*code, id);
        }
        if let [_, owner] = &*codes
            && id.kind == kinds::POD
        {
            self.pods.entry(*owner).or_default().push(id);
        }
        changed.extend(&codes);
        self.own.insert(id, codes);
        changed
    }

    pub fn remove(&mut self, id: RowId) -> Vec<Code> {
        let codes = self.own.remove(&id).unwrap_or_default();
        for code in &codes {
            // an object that was made again under this name may have taken it over
            if self.rows.get(code) == Some(&id) {
                self.rows.remove(code);
            }
            if let Some(pods) = self.pods.get_mut(code) {
                pods.retain(|pod| *pod != id);
                if pods.is_empty() {
                    self.pods.remove(code);
                }
            }
        }
        codes
    }
}

/// The row's own name first, then what else it is found by.
fn codes(store: &Store, id: RowId, record: &Record) -> Vec<Code> {
    let strings = &store.strings;
    let namespace = strings.get(record.namespace);
    let spec = kinds::spec(id.kind);
    let kind = spec.name;
    let mut codes = Vec::with_capacity(1);
    codes.push(Code::of(kind, namespace, &record.name));
    match id.kind {
        // one name may have many objects: what an alert inhibits knows it by its labels
        kinds::ALERT => codes.push(Code::of(kind, "", record.text(alerts::LABELS, strings))),
        kinds::POD => {
            let owner = record.link(Relation::Owner);
            codes.extend(owner.map(|l| Code::pods_of(strings.get(l.kind), namespace, strings.get(l.name))));
        }
        // alerts may know a node by its address only
        kinds::NODE => match record.text(nodes::ADDRESS, strings) {
            "" => {}
            address => codes.push(Code::of(kind, "", address)),
        },
        // a rule that asks for the guardrails of an alert or a component need not know their names
        kinds::GUARDRAIL => {
            let alerts = record.links.iter().filter(|l| strings.get(l.kind) == kinds::name(kinds::ALERT));
            codes.extend(alerts.map(|l| Code::of("Guardrail of alert", "", strings.get(l.name))));
            let (profile, component) =
                (record.text(guardrails::PROFILE, strings), record.text(guardrails::COMPONENT, strings));
            codes.push(Code::of("Guardrail of component", profile, component));
        }
        _ => {}
    }
    if spec.asked_whole {
        codes.push(Code::any(kind));
    }
    match spec.makes_secret.map_or("", |cell| record.text(cell, strings)) {
        "" => {}
        secret => codes.push(Code::of("Secret", namespace, secret)),
    }
    codes
}
