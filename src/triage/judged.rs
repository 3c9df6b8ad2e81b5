//! The findings of single rows: what was touched and what is due is judged again, everything else is left alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{controllers, issuances, leftovers, runs, schedules};
use crate::domain::ages::Time;
use crate::domain::finding::Finding;
use crate::domain::thresholds::Thresholds;
use crate::kinds;
use crate::store::{RowId, Store};

#[derive(Debug, Default)]
pub struct Judged {
    findings: HashMap<RowId, Vec<Finding>, FixedState>,
    deadlines: BinaryHeap<Reverse<(Time, RowId)>>,
    due: HashMap<RowId, Time, FixedState>,
}

impl Judged {
    /// The findings of a row, the first being the one that counts.
    pub fn of(&self, id: RowId) -> &[Finding] {
        self.findings.get(&id).map_or(&[], |f| f)
    }

    pub fn first(&self, id: RowId) -> Option<&Finding> {
        self.of(id).first()
    }

    /// How many rows have a finding.
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    pub fn rows(&self) -> impl Iterator<Item = (RowId, &Finding)> {
        self.findings.iter().filter_map(|(id, found)| Some((*id, found.first()?)))
    }

    /// Judges one row; whether what is found differs from before.
    pub fn judge(&mut self, store: &mut Store, id: RowId, thresholds: &Thresholds, now: Time) -> bool {
        let Some(row) = store.row(id) else {
            self.due.remove(&id);
            return self.findings.remove(&id).is_some();
        };
        let judged = (kinds::spec(id.kind).judge)(&row.record, &store.strings, thresholds, now);
        let judged = schedules::join(store, id, judged, thresholds, now);
        let judged = issuances::join(store, id, judged, thresholds, now);
        let judged = runs::join(store, id, judged);
        let judged = leftovers::join(store, id, judged);
        let mut judged = controllers::join(store, id, judged, thresholds, now);
        store.table_mut(id.kind).set_health(id.slot, judged.health);
        match judged.recheck {
            Some(at) if at > now => {
                if self.due.insert(id, at) != Some(at) {
                    self.deadlines.push(Reverse((at, id)));
                }
            }
            _ => {
                self.due.remove(&id);
            }
        }
        judged.findings.sort_by_key(|f| (f.muted, f.severity));
        if judged.findings.is_empty() {
            self.findings.remove(&id).is_some()
        } else if self.findings.get(&id) != Some(&judged.findings) {
            self.findings.insert(id, judged.findings);
            true
        } else {
            false
        }
    }

    /// The rows whose judgement changes by itself at `now` or did before.
    pub fn due(&mut self, now: Time) -> Vec<RowId> {
        let mut out = Vec::new();
        while let Some(Reverse((time, id))) = self.deadlines.peek().copied() {
            if time > now {
                break;
            }
            self.deadlines.pop();
            if self.due.get(&id) == Some(&time) {
                self.due.remove(&id);
                out.push(id);
            }
        }
        out
    }
}
