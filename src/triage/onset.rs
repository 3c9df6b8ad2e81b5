//! What failed and has not been well since: a controller that tries again makes an object look as if it were on its way,
//! and begins its times anew with each try. The onset is kept until the object is well, and with it, of what failed
//! longer than its grace, the finding.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::record::{Record, Uid};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, Api, flux, pods};
use crate::store::{RowId, Store};

/// A container that has run so long, in seconds, is not in a crash loop any more.
/// Sources: Kubernetes `pkg/kubelet/kubelet.go`, `MaxCrashLoopBackOff`; client-go `util/flowcontrol/backoff.go`, where a
/// back-off begins anew after twice that.
const STEADY: i64 = 600;

#[derive(Debug)]
struct Onset {
    uid: Uid,
    since: Time,
    /// What was found, or will be when the grace has ended.
    finding: Finding,
    /// It has been a finding already.
    counted: bool,
}

/// How a row of a service that dates nothing was at the last look.
#[derive(Debug, Clone, Copy)]
struct Last {
    uid: Uid,
    severity: Option<Severity>,
    /// Nobody could tell how it was: what is found next need not be new.
    unknown: bool,
    began: Option<Time>,
    severe: Option<Time>,
}

#[derive(Debug, Default)]
pub struct Onsets {
    rows: HashMap<RowId, Onset, FixedState>,
    undated: HashMap<RowId, Last, FixedState>,
}

/// What memory adds to a judgement.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    Nothing,
    /// It began no later than that.
    Since(Time),
    /// It is not well yet: the finding stays.
    Keep(Finding),
    /// It counts from then on unless it is well before.
    Wait(Time),
}

impl Onsets {
    pub fn len(&self) -> usize {
        self.rows.len() + self.undated.len()
    }

    pub fn forget(&mut self, id: RowId) {
        self.rows.remove(&id);
        self.undated.remove(&id);
    }

    /// Dates what no service dates: what came, or became graver, between two looks began then. What was there at the
    /// first look began nobody knows when.
    pub fn date(&mut self, store: &Store, id: RowId, judged: &mut Judgement, now: Time) {
        let Some(record) = store.row(id).map(|row| &row.record) else { return };
        if !matches!(kinds::spec(id.kind).api, Api::Poll(_)) {
            return;
        }
        let severity = judged.findings.iter().map(|f| f.severity).min();
        let unknown = record.health == Health::Unknown || (severity.is_none() && record.health.is_fault());
        let none = Last { uid: record.uid, severity, unknown, began: None, severe: None };
        let last = self.undated.get(&id).copied().filter(|last| last.uid == record.uid && !last.unknown);
        let new = match (last, severity) {
            (Some(last), Some(severity)) => match last.severity {
                None => Last { began: Some(now), severe: Some(now), ..none },
                Some(before) if severity < before => Last { began: last.began, severe: Some(now), ..none },
                Some(before) if severity == before => Last { unknown, ..last },
                Some(_) => Last { began: last.began, severe: last.began, ..none },
            },
            _ => none,
        };
        self.undated.insert(id, new);
        for finding in judged.findings.iter_mut().filter(|f| f.since.is_none()) {
            finding.since = new.severe;
        }
    }

    /// Takes in a judgement; `early` is what it will be once the grace has ended.
    pub fn look(
        &mut self,
        store: &Store,
        id: RowId,
        judged: &Judgement,
        early: Option<&Finding>,
        thresholds: &Thresholds,
        now: Time,
    ) -> Word {
        let Some(record) = store.row(id).map(|row| &row.record) else { return Word::Nothing };
        let retried = is_retried(id);
        // a note is none of this, and what is silenced says itself when that ends
        let found = judged.findings.iter().find(|f| !f.muted && f.severity < Severity::P4);
        let failing = record.health == Health::Failed;
        let new = found.filter(|_| failing).or_else(|| early.filter(|_| failing && retried));
        if self.rows.get(&id).is_some_and(|old| old.uid != record.uid) {
            self.rows.remove(&id);
        }
        if let Some(new) = new {
            let counted = found.is_some();
            let since = new.since.unwrap_or(now).min(now);
            let onset = self.rows.entry(id).or_insert_with(|| Onset { uid: record.uid, since, finding: new.clone(), counted });
            onset.since = onset.since.min(since);
            onset.counted |= counted;
            onset.finding = Finding { since: Some(onset.since), ..new.clone() };
            let onset = &*onset;
            if counted {
                return Word::Since(onset.since);
            }
            return waits(onset, onset.finding.clone(), thresholds, now);
        }
        let Some(onset) = self.rows.get(&id) else { return Word::Nothing };
        if is_well(record, id, now) {
            self.rows.remove(&id);
            return Word::Nothing;
        }
        // a note, or silenced: somebody knows better
        if found.is_none() && !judged.findings.is_empty() {
            return Word::Nothing;
        }
        if found.is_some() {
            return if retried { Word::Since(onset.since) } else { Word::Nothing };
        }
        // a pod that runs between two crashes is no finding, and what cannot be seen is none either
        if matches!(record.health, Health::Ok | Health::Unknown | Health::Stale) {
            return Word::Nothing;
        }
        let mut finding = onset.finding.clone();
        if let Some(head) = on_its_way(id, record.health) {
            finding.why = format!("{head}: {}", finding.why).into();
        }
        match (onset.counted, retried) {
            (true, _) => Word::Keep(finding),
            (false, true) => waits(onset, finding, thresholds, now),
            (false, false) => Word::Nothing,
        }
    }
}

/// What has not counted yet does when its grace has ended, however often it was tried in between.
fn waits(onset: &Onset, finding: Finding, thresholds: &Thresholds, now: Time) -> Word {
    let ends = onset.since.plus(thresholds.reconcile_grace);
    if now < ends { Word::Wait(ends) } else { Word::Keep(finding) }
}

/// Objects whose controller tries again and again by itself.
fn is_retried(id: RowId) -> bool {
    flux::is_one(kinds::spec(id.kind))
}

/// Whether it has recovered: that it is on its way again does not suffice.
fn is_well(record: &Record, id: RowId, now: Time) -> bool {
    match record.health {
        Health::Ok if kinds::spec(id.kind).name == "Pod" => {
            record.time(pods::LAST_RESTART).is_none_or(|last| last.age(now) >= STEADY)
        }
        Health::Ok | Health::Suspended | Health::Terminating => true,
        _ => false,
    }
}

/// How that is told of which the finding stays.
fn on_its_way(id: RowId, health: Health) -> Option<&'static str> {
    if health != Health::Progressing {
        return None;
    }
    match kinds::spec(id.kind).name {
        _ if is_retried(id) => Some("trying again"),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => Some("rolling out again"),
        _ => None,
    }
}
