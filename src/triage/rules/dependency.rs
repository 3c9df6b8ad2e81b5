//! What waits for a dependency fails for the dependency's reason, however far up that is. A suspended dependency stays
//! Ready forever, so it is named when it blocks others.

use super::{Explained, RuleSpec, row};
use crate::domain::health::Severity;
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::kinds::flux::{self, Case};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "dependency",
    doc: "A Flux object that waits for another one fails because of that one; a failing core component is urgent.",
    symptoms: &["HelmRelease", "Kustomization", "ResourceSet"],
    explain,
    weigh: Some(weigh),
    next: &["resume", "reconcile-with-source", "reconcile"],
    next_for: &["HelmRelease", "Kustomization", "ResourceSet"],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    let reason = record.text(flux::READY_REASON, &scan.store.strings);
    if Case::of(record) != Case::Blocked && reason != "DependencyNotReady" {
        return;
    }
    let mut all = Vec::new();
    for needed in scan.linked(record, Relation::DependsOn) {
        let Some(of) = scan.record(needed) else { continue };
        let ready = of.text(flux::READY, &scan.store.strings) == "True";
        let because = match (of.suspended == Some(true), ready) {
            (true, _) => format!("it depends on {}, which is suspended", scan.told(needed.into())),
            (false, false) => format!("it depends on {}, which is not ready", scan.told(needed.into())),
            (false, true) => continue,
        };
        // the controller names the dependency that it waits for; a suspended one that says Ready may block nobody
        let named = record.note.contains(&format!("'{}/{}'", scan.namespace(of), of.name));
        all.push((!named, ready, needed, because));
    }
    all.sort_by_key(|(unnamed, ready, ..)| (*unnamed, *ready));
    for (.., needed, because) in all {
        claims.row(needed, Confidence::Exact, because);
    }
}

/// A release of the core that failed, or that others wait for, is urgent.
fn weigh(scan: &Scan<'_>, root: Subject, _: Explained) -> Option<Severity> {
    let id = row(root).filter(|id| scan.kind(*id) == "HelmRelease")?;
    let record = scan.record(id)?;
    let fails = flux::has_failed(record, &scan.store.strings);
    let finding = scan.finding(id).filter(|f| fails && f.severity <= Severity::P2)?;
    (!finding.muted && scan.is_core(id)).then_some(Severity::P1)
}
