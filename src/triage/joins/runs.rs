//! Runs of a `CronJob`: a Job is judged with its siblings. A run that failed before a later one succeeded is a note, and
//! so are its pods.

use hashbrown::HashSet;

use super::JoinSpec;
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Strings, Sym};
use crate::domain::record::{Record, Relation, Uid};
use crate::kinds;
use crate::store::{RowId, Store};
use crate::triage::judged::Judged;

pub const SPEC: JoinSpec = JoinSpec {
    doc: "A failed run before a good one is a note.",
    concerned: |t| concerned(t.store, t.judged, t.rows),
    join: |look, judged| join(look.store, look.id, judged),
};

/// The `CronJob` that a Job is a run of: its namespace and name.
pub fn cron_job(job: &Record, strings: &Strings) -> Option<(Sym, Sym)> {
    let owner = job.link(Relation::Owner).filter(|owner| strings.get(owner.kind) == kinds::name(kinds::CRON_JOB))?;
    Some((owner.namespace, owner.name))
}

/// Orders runs: the later run is the greater.
pub fn order(job: &Record) -> (Time, Uid) {
    (job.created, job.uid)
}

pub fn is_later(job: &Record, than: &Record) -> bool {
    order(job) > order(than)
}

/// Failed siblings of the Jobs among the touched rows, and the failing pods of all those.
fn concerned(store: &Store, judged: &Judged, touched: &[RowId]) -> Vec<RowId> {
    if !touched.iter().any(|id| id.kind == kinds::JOB) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut names: HashSet<(Sym, &str)> = HashSet::new();
    for (slot, row) in store.table(kinds::JOB).iter() {
        if row.record.health == Health::Failed && cron_job(&row.record, &store.strings).is_some() {
            out.push(RowId { kind: kinds::JOB, slot });
            names.insert((row.record.namespace, &row.record.name));
        }
    }
    for (id, _) in judged.rows().filter(|(id, _)| id.kind == kinds::POD && !names.is_empty()) {
        let owner = store.row(id).and_then(|row| row.record.link(Relation::Owner));
        let is_ours = |o: &&crate::domain::record::Link| {
            store.strings.get(o.kind) == kinds::name(kinds::JOB)
                && names.contains(&(o.namespace, store.strings.get(o.name)))
        };
        if owner.as_ref().is_some_and(is_ours) {
            out.push(id);
        }
    }
    out
}

/// Whether a later run of the same `CronJob` was complete.
fn is_over(store: &Store, job: &Record) -> bool {
    let Some(of) = cron_job(job, &store.strings) else { return false };
    let good = |other: &Record| {
        other.health == Health::Ok && is_later(other, job) && cron_job(other, &store.strings) == Some(of)
    };
    store.table(kinds::JOB).iter().any(|(_, row)| good(&row.record))
}

/// Makes a note of a failure that a later run has fixed; `judged` is returned as it is for all others.
fn join(store: &Store, id: RowId, mut judged: Judgement) -> Judgement {
    let Some(row) = store.row(id) else { return judged };
    if row.record.health != Health::Failed || judged.findings.is_empty() {
        return judged;
    }
    let over = match id.kind {
        kinds::JOB => is_over(store, &row.record),
        kinds::POD => {
            let owner =
                row.record.link(Relation::Owner).filter(|o| store.strings.get(o.kind) == kinds::name(kinds::JOB));
            let is_it = |job: &Record, owner: &crate::domain::record::Link| {
                job.namespace == owner.namespace && *job.name == *store.strings.get(owner.name)
            };
            owner.is_some_and(|owner| {
                let job = store.table(kinds::JOB).iter().find(|(_, job)| is_it(&job.record, owner));
                job.is_some_and(|(_, job)| is_over(store, &job.record))
            })
        }
        _ => false,
    };
    if over {
        for finding in &mut judged.findings {
            finding.severity = Severity::P4;
            finding.why = format!("a later run succeeded: {}", finding.why).into();
        }
    }
    judged
}
