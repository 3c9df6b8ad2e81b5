//! What helps with a root as it is now: of what the rules name, that which can make a difference. A restart pulls no image,
//! and a reconcile moves nothing that will not be tried again.

use super::controllers;
use super::rules::{RULES, crash_loop};
use super::{Subject, Triage};
use crate::domain::health::Health;
use crate::domain::record::{Cell, Record};
use crate::kinds::flux::{self, Case};
use crate::kinds::{self, deployments, workload};
use crate::store::{RowId, Store};

/// Names of actions and looks, the best first. `object` is what is acted on, `changed` that a revision came in shortly
/// before.
pub fn next(store: &Store, triage: &Triage, root: Subject, object: RowId, changed: bool) -> Vec<&'static str> {
    let Some(record) = store.row(object).map(|row| &row.record) else { return Vec::new() };
    let kind = kinds::spec(object.kind).name;
    let rules = RULES.iter().filter(|rule| match triage.rule(root) {
        Some(own) => own.name == rule.name,
        // a root that is an object is what some rule explains by: those that know its kind name what helps
        None => rule.next_for.contains(&kind),
    });
    let state = State { store, kind, record, word: failing(store, triage, root, object) };
    let mut out: Vec<&'static str> = Vec::new();
    for name in rules.flat_map(|rule| rule.next).copied() {
        if !out.contains(&name) && state.is_helped_by(name) {
            out.push(name);
        }
    }
    // what came in is the first suspect, and the way back is known
    if let Some(at) = out.iter().position(|name| changed && matches!(*name, "rollback" | "undo-rollout")) {
        let back = out.remove(at);
        out.insert(0, back);
    }
    out
}

/// In which way the pods of a root fail, if that is what it is.
fn failing<'s>(store: &'s Store, triage: &'s Triage, root: Subject, object: RowId) -> &'s str {
    if let Some(group) = triage.group(root).filter(|_| triage.rule(root).is_some_and(|r| r.name == crash_loop::SPEC.name)) {
        return &group.detail;
    }
    let is_pod = kinds::spec(object.kind).name == "Pod";
    store.row(object).filter(|_| is_pod).map_or("", |row| store.strings.get(row.record.status))
}

struct State<'a> {
    store: &'a Store,
    kind: &'a str,
    record: &'a Record,
    /// `CrashLoopBackOff OOMKilled 137`; empty when it is not its pods that fail.
    word: &'a str,
}

impl State<'_> {
    fn is_helped_by(&self, name: &str) -> bool {
        let word = self.word.strip_prefix("Init:").unwrap_or(self.word);
        // it has run, and its log says why it does not any more
        let ran = word.starts_with("CrashLoopBackOff") || matches!(word, "Error" | "OOMKilled") || word.contains(':');
        let runs = matches!(word, "Running" | "NotReady");
        match name {
            "previous-logs" => ran,
            "logs" => runs || (word.is_empty() && self.kind == "Job" && !self.is_refused()),
            // what never ran has no log: the kubelet, the scheduler and the API server tell by events
            "events" => (!word.is_empty() && !ran && !runs) || self.is_refused() || !self.is_workload(),
            "undo-rollout" => self.is_rolling(),
            "restart" => (word.is_empty() || runs) && !self.is_refused() && !self.is_scaled_down() && !self.is_rolling(),
            "scale" => self.is_scaled_down(),
            "reconcile" | "reconcile-with-source" => match Case::of(self.record) {
                _ if !self.is_flux() => true,
                // neither is tried again, whoever asks
                Case::Stalled | Case::Suspended => false,
                _ => true,
            },
            "recover" | "reset" => Case::of(self.record) != Case::Suspended,
            "rollback" => flux::has_failed(self.record, &self.store.strings),
            "resume" => self.record.suspended == Some(true),
            "unpause-schedule" => self.record.health == Health::Suspended,
            // refused by Velero, or paused: one more run changes nothing of that
            "backup" if self.kind == "Schedule" => !matches!(self.record.health, Health::Suspended | Health::Failed),
            _ => true,
        }
    }

    fn is_flux(&self) -> bool {
        kinds::by_name(self.kind).is_some_and(|kind| flux::is_one(kinds::spec(kind)))
    }

    fn is_workload(&self) -> bool {
        matches!(self.kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "Pod")
    }

    /// Its pods cannot be made.
    fn is_refused(&self) -> bool {
        let by_condition = self.kind == "Deployment" && self.record.cell(deployments::REFUSED) != Cell::None;
        by_condition || (self.is_workload() && super::refusals::is_refused(self.store, self.kind, self.record))
    }

    fn is_scaled_down(&self) -> bool {
        controllers::of(self.kind, &self.record.name).is_some() && self.record.int(workload::WANTED) == 0
    }

    /// A revision is on its way, or was given up: there is one before it.
    fn is_rolling(&self) -> bool {
        let word = self.store.strings.get(self.record.status);
        self.kind == "Deployment" && matches!(word, "Updating" | "RemovingOld" | "ProgressDeadlineExceeded")
            || matches!(self.kind, "StatefulSet" | "DaemonSet") && word == "Updating"
    }
}
