//! A Kustomization whose health check waits for what it applied fails with that: the part is the reason, and the whole
//! the symptom.

use super::{RuleSpec, row};
use crate::domain::finding::Finding;
use crate::kinds::alerts::Confidence;
use crate::kinds::flux;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "health-check",
    doc: "A Kustomization whose health check fails does so because of what it applied.",
    symptoms: &["Kustomization"],
    explain,
    next: &["reconcile"],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    if record.text(flux::READY_REASON, &scan.store.strings) != "HealthCheckFailed" {
        return;
    }
    let mut named = Vec::new();
    for part in scan.askers(record, "Kustomization").iter().filter(|part| **part != Subject::Row(id)) {
        let target = match part {
            Subject::Row(id) if scan.kind(*id) != "Alert" => Target::Row(*id),
            Subject::Group(id) => Target::Group(*id),
            _ => continue,
        };
        // the controller names what failed; what it does not name is another failure
        let told = scan.told(*part);
        if is_named(&record.note, &told.replacen(' ', "/", 1)) {
            named.push((finding(scan, *part).map(|f| (f.muted, f.severity)), told, target));
        }
    }
    named.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    for (_, told, target) in named {
        claims.add(target, Confidence::Exact, format!("its health check names {told}"));
    }
}

fn finding<'a>(scan: &Scan<'a>, part: Subject) -> Option<&'a Finding> {
    match part {
        Subject::Row(id) => scan.finding(id),
        Subject::Group(id) => scan.group(id)?.finding.as_ref(),
        _ => None,
    }
}

/// Whether a message names `Deployment/shop/cart`: `timeout waiting for: [Deployment/shop/cart status: 'InProgress']`.
/// Source: fluxcd/pkg `ssa/utils`, `FmtObjMetadata`.
fn is_named(message: &str, object: &str) -> bool {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with([' ', ']', '\'', ',', ':']);
    let begins = |head: &str| head.is_empty() || head.ends_with([' ', '[', '\'']);
    message.match_indices(object).any(|(at, _)| begins(&message[..at]) && ends(&message[at + object.len()..]))
}
