//! A Kustomization that waits for what it applied fails with it: there the part is the reason, and the whole the symptom.

use super::{RuleSpec, row};
use crate::kinds::alerts::Confidence;
use crate::kinds::flux;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "health-check",
    doc: "A Kustomization whose health check fails does so because of what it applied.",
    symptoms: &["Kustomization"],
    explain,
    group: None,
    weigh: None,
    next: &["reconcile"],
    next_for: &[],
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    if record.text(flux::READY_REASON, &scan.store.strings) != "HealthCheckFailed" {
        return;
    }
    for part in scan.askers(record, "Kustomization").iter().filter(|part| **part != Subject::Row(id)) {
        let target = match part {
            Subject::Row(id) if scan.kind(*id) != "Alert" => Target::Row(*id),
            Subject::Group(id) => Target::Group(*id),
            _ => continue,
        };
        // the controller names what failed; what it does not name is some other failure
        let name = match part {
            Subject::Row(id) => scan.record(*id).map(|r| r.name.to_string()),
            Subject::Group(id) => scan.group(*id).map(|g| g.group.name.to_string()),
            _ => None,
        };
        if name.is_some_and(|name| {
            record.note.contains(&format!("/{name} "))
                || record.note.contains(&format!("/{name}]"))
                || record.note.contains(&format!("/{name}'"))
        }) {
            claims.add(target, Confidence::Exact, format!("its health check names {}", scan.told(*part)));
        }
    }
}
