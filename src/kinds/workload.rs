//! What Deployments, `StatefulSets`, `DaemonSets` and `ReplicaSets` have in common: counts, links, and how they are judged
//! when only their pods can say what is wrong.

use super::column::Show;
use super::ending;
use super::wire::{Condition, Conditions, Meta};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Link, Record, Relation};
use crate::domain::text;
use crate::domain::thresholds::Thresholds;

/// When the current state began, as far as the object says, or deletion was requested. For counts without a condition
/// it is when they last changed.
pub const SINCE: u8 = 0;
/// Ready pods of the desired ones.
pub const READY: u8 = 1;
/// Pods of the newest revision.
pub const UPDATED: u8 = 2;
pub const AVAILABLE: u8 = 3;
pub const WANTED: u8 = 4;
/// The first cell that a kind may use for itself.
pub const OWN: u8 = 5;

/// What counts of a workload.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub ready: i64,
    pub wanted: i64,
    pub updated: i64,
    pub available: i64,
}

impl Counts {
    /// The common cells, and behind them the kind's own.
    pub fn cells(self, since: Option<Time>, own: &[Cell]) -> Box<[Cell]> {
        let common = [
            Cell::time(since),
            ratio(self.ready, self.wanted),
            Cell::Int(self.updated),
            Cell::Int(self.available),
            Cell::Int(self.wanted),
        ];
        [&common, own].concat().into()
    }
}

pub fn ratio(of: i64, all: i64) -> Cell {
    let small = |n: i64| u16::try_from(n.max(0)).unwrap_or(u16::MAX);
    Cell::Ratio(small(of), small(all))
}

/// The condition that says that pods cannot be created (a quota, an admission webhook) or removed; its message names
/// what refuses. `StatefulSets`, `DaemonSets` and Jobs have no such condition: for them only events say so.
pub fn refused(conditions: &[Condition]) -> Option<&Condition> {
    conditions.of("ReplicaFailure").filter(|c| c.is_true())
}

/// The STATUS of a workload whose controller has not observed its newest spec.
pub const OBSERVING: &str = "Observing";

/// A spec that has not been observed since it was `written`.
pub fn unobserved(record: &Record, written: Time, thresholds: &Thresholds, now: Time) -> Judgement {
    let why = "its controller has not observed its newest spec".to_owned();
    ending::after(Judgement::of(record.health), written, thresholds.no_progress, Severity::P3, why, now)
}

/// A rollout without a deadline, with pods that are replaced one by one: each may take as long as a pod may take to get
/// ready.
pub fn rolling(record: &Record, begun: Time, severity: Severity, thresholds: &Thresholds, now: Time) -> Judgement {
    let each = thresholds.not_ready.saturating_mul(record.int(WANTED).max(1));
    let longest = thresholds.no_progress.max(each);
    let why = format!("its rollout is not done after more than {}", ages::told(longest));
    ending::after(Judgement::of(record.health), begun, longest, severity, why, now)
}

/// Whether the controller has not observed the newest spec yet: the status is about another one.
pub fn is_behind<M>(meta: &Meta<M>, observed: Option<i64>) -> bool {
    meta.generation.unwrap_or(0) > observed.unwrap_or(0)
}

/// The controlling owner, then the Flux objects that manage it.
pub fn links<M>(kind: &str, meta: &Meta<M>, intern: &mut Interner) -> Box<[Link]> {
    let owner = ending::owner(meta, intern);
    owner.into_iter().chain(ending::managers(kind, meta, intern)).collect()
}

/// `Deployment/web`.
pub fn owner(record: &Record, show: &Show<'_>, out: &mut String) {
    told(record, Relation::Owner, show, out);
}

/// `HelmRelease/monitoring`.
pub fn manager(record: &Record, show: &Show<'_>, out: &mut String) {
    told(record, Relation::ManagedBy, show, out);
}

fn told(record: &Record, relation: Relation, show: &Show<'_>, out: &mut String) {
    if let Some(link) = record.link(relation) {
        out.push_str(show.strings.get(link.kind));
        out.push('/');
        out.push_str(show.strings.get(link.name));
    }
}

/// A workload that lacks pods is a warning after a while, and a new one has as long to start. Its pods say what is
/// wrong with them; when it lasts, it is also a finding, because missing pods say nothing.
pub fn judge(record: &Record, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    match record.health {
        Health::Terminating => ending::judge(record, since, thresholds, now),
        Health::Warning => {
            let begun = since.unwrap_or(record.created);
            let ends = begun.plus(thresholds.not_ready);
            if now < ends {
                Judgement::of(Health::Progressing).again_at(ends)
            } else {
                short(record, begun, thresholds, now)
            }
        }
        other => Judgement::of(other),
    }
}

/// How many pods there are that count, and what they are.
fn there(record: &Record) -> (i64, &'static str) {
    match record.cell(READY) {
        Cell::Ratio(ready, wanted) if ready < wanted => (i64::from(ready), "ready"),
        _ => (record.int(AVAILABLE), "available"),
    }
}

/// How many desired pods are missing.
pub fn lacking(record: &Record) -> usize {
    usize::try_from(record.int(WANTED).saturating_sub(there(record).0)).unwrap_or(0)
}

/// How severe it is that pods are missing: more urgent when there is none.
pub fn gravity(record: &Record) -> Severity {
    if there(record).0 <= 0 && record.int(WANTED) > 0 { Severity::P2 } else { Severity::P3 }
}

/// Fewer pods than desired since then.
pub fn short(record: &Record, begun: Time, thresholds: &Thresholds, now: Time) -> Judgement {
    let wanted = usize::try_from(record.int(WANTED)).unwrap_or(0);
    let (there, word) = there(record);
    let why = ending::because(&format!("{there} of {} {word}", text::counted(wanted, "pod")), &record.note);
    let severity = gravity(record);
    ending::after(Judgement::of(record.health), begun, thresholds.no_progress, severity, why, now)
}

/// What no pod can say: that pods cannot be created, or that a rollout was given up. More urgent when no working pod is
/// left.
pub fn failed(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let ends = since.unwrap_or(record.created).plus(thresholds.pod_grace);
    let judged = Judgement::of(Health::Failed);
    if now < ends {
        return judged.again_at(ends);
    }
    let none = record.int(AVAILABLE) <= 0 && record.int(WANTED) > 0;
    let severity = if none { Severity::P2 } else { Severity::P3 };
    let why = ending::because(&ending::words(strings.get(record.status)), &record.note);
    judged.with(Finding::new(severity, since, why))
}
