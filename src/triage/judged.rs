//! The findings of single rows: rows that were touched and rows that are due are judged again, all others are left
//! alone. Early findings, whose grace has not ended, are kept next to those that count: they make no incident by
//! themselves.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::joins::{self, Look, missing};
use super::onset::{Onsets, Word};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::thresholds::Thresholds;
use crate::kinds;
use crate::store::{RowId, Store};

#[derive(Debug, Default)]
pub struct Judged {
    findings: HashMap<RowId, Vec<Finding>, FixedState>,
    early: HashMap<RowId, Finding, FixedState>,
    onsets: Onsets,
    deadlines: BinaryHeap<Reverse<(Time, RowId)>>,
    due: HashMap<RowId, Time, FixedState>,
    counted: missing::Counted,
}

/// What a judgement changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Differs {
    /// The finding that counts changed.
    pub counts: bool,
    /// The early finding changed.
    pub early: bool,
}

impl Judged {
    /// The findings of a row, the first being the one that counts.
    pub fn of(&self, id: RowId) -> &[Finding] {
        self.findings.get(&id).map_or(&[], |f| f)
    }

    pub fn first(&self, id: RowId) -> Option<&Finding> {
        self.of(id).first()
    }

    /// What will be found once the grace has ended, if nothing changes.
    pub fn early(&self, id: RowId) -> Option<&Finding> {
        self.early.get(&id)
    }

    /// Something is wrong with it, within its grace.
    pub fn is_only_early(&self, id: RowId) -> bool {
        self.early.contains_key(&id) && self.first(id).is_none()
    }

    /// What is wrong with a row, whether it counts by itself or not.
    pub fn wrong(&self, id: RowId) -> Option<&Finding> {
        self.first(id).or_else(|| self.early(id))
    }

    /// How many rows have a finding.
    pub fn count(&self) -> usize {
        self.findings.len()
    }

    /// How many rows are remembered because they have not recovered.
    pub fn remembered(&self) -> usize {
        self.onsets.len()
    }

    pub fn rows(&self) -> impl Iterator<Item = (RowId, &Finding)> {
        self.findings.iter().filter_map(|(id, found)| Some((*id, found.first()?)))
    }

    /// Rows with a finding, early or not.
    pub fn all_rows(&self) -> impl Iterator<Item = RowId> {
        self.findings.keys().chain(self.early.keys()).copied()
    }

    /// Pod counts are outdated: some pods were judged again.
    pub fn count_anew(&mut self) {
        self.counted = missing::Counted::default();
    }

    /// Judges one row again.
    pub fn judge(&mut self, store: &mut Store, id: RowId, thresholds: &Thresholds, now: Time) -> Differs {
        let Some(row) = store.row(id) else {
            self.due.remove(&id);
            self.onsets.forget(id);
            let early = self.early.remove(&id).is_some();
            return Differs { counts: self.findings.remove(&id).is_some(), early };
        };
        let mut judged = judgement(store, id, thresholds, now, &mut self.counted);
        self.onsets.date(store, id, &mut judged, now);
        let raw = row.record.health;
        // what it says once its grace is over
        let mut early = match judged.recheck {
            Some(at) if judged.findings.is_empty() && is_wrong(raw) => {
                judgement(store, id, thresholds, at, &mut self.counted).findings.into_iter().find(|f| !f.muted)
            }
            _ => None,
        };
        match self.onsets.look(store, id, &judged, early.as_ref(), thresholds, now) {
            Word::Nothing => {}
            Word::Since(onset) => {
                // a pod that has crashed again says nothing of the time before
                let unsaid = Some(onset).filter(|_| id.kind == kinds::POD);
                for finding in gravest(&mut judged) {
                    finding.since = finding.since.map(|since| since.min(onset)).or(unsaid);
                }
            }
            Word::Undated => gravest(&mut judged).for_each(|finding| finding.since = None),
            Word::Keep(finding) => {
                judged.findings.push(finding);
                early = None;
            }
            Word::Wait(until) => judged = judged.again_at(until),
        }
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
        let counts = match judged.findings.is_empty() {
            true => self.findings.remove(&id).is_some(),
            false if self.findings.get(&id) == Some(&judged.findings) => false,
            false => {
                self.findings.insert(id, judged.findings);
                true
            }
        };
        let early = match early {
            None => self.early.remove(&id).is_some(),
            Some(finding) if self.early.get(&id) == Some(&finding) => false,
            Some(finding) => {
                self.early.insert(id, finding);
                true
            }
        };
        Differs { counts, early }
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

/// What counts most of a judgement.
fn gravest(judged: &mut Judgement) -> impl Iterator<Item = &mut Finding> {
    let gravest = judged.findings.iter().filter(|f| !f.muted).map(|f| f.severity).min();
    judged.findings.iter_mut().filter(move |f| !f.muted && Some(f.severity) == gravest)
}

/// Wrong, not only in progress, whatever its grace.
fn is_wrong(raw: Health) -> bool {
    matches!(raw, Health::Failed | Health::Warning | Health::Terminating)
}

/// The kind's judgement of a row, with what its neighbours add to that.
fn judgement(
    store: &Store,
    id: RowId,
    thresholds: &Thresholds,
    now: Time,
    counted: &mut missing::Counted,
) -> Judgement {
    let Some(row) = store.row(id) else { return Judgement::default() };
    if row.record.unreadable {
        // its state is not known
        return Judgement::of(Health::Unknown).with(Finding::new(Severity::P3, None, row.record.note.clone()));
    }
    let judged = (kinds::spec(id.kind).judge)(&row.record, &store.strings, thresholds, now);
    joins::join(&mut Look { store, id, thresholds, now, counted }, judged)
}
