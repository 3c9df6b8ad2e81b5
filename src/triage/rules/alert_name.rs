//! Alerts of one name, in one namespace, that nothing explains are one incident: forty red lines of one rule say no
//! more than one. Silenced alerts are not counted.

use super::{RuleSpec, row, worst};
use crate::domain::finding::Finding;
use crate::kinds::alerts::{Confidence, State};
use crate::triage::graph::GroupState;
use crate::triage::node::{Group, Subject};
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "alert-name",
    doc: "Two alerts or more of one name and namespace that nothing else explains are one incident.",
    symptoms: &["Alert"],
    explain,
    group: Some(judge),
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let fires = matches!(State::of(record, &scan.store.strings), State::Firing | State::Active | State::Silenced);
    if !fires || claims.hold(scan) || scan.finding(id).is_none_or(|f| f.muted) {
        return;
    }
    let namespace = scan.namespace(record).into();
    let group = Group { kind: "Alert", namespace, name: record.name.clone(), detail: "".into() };
    claims.add(Target::New(group), Confidence::Exact, "others of its name fire as well");
}

fn judge(scan: &Scan<'_>, group: &GroupState) -> Option<Finding> {
    let n = group.members.len();
    let severity = worst(scan, &group.members).filter(|_| n > 1)?;
    // the first of their notes represents all
    let notes = group.members.iter().filter_map(|m| Some(&*scan.record(row(*m)?)?.note)).filter(|n| !n.is_empty());
    let why = match notes.min() {
        Some(note) => format!("{n} alerts: {note}"),
        None => format!("{n} alerts fire"),
    };
    Some(Finding::new(severity, None, why))
}
