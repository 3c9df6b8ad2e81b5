//! A Kustomization that failed while it applied explains what it manages, if that failed at the same time: a failed
//! build has touched nothing.

use super::{RuleSpec, release::managers};
use crate::kinds::alerts::Confidence;
use crate::kinds::flux::{self, Case};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "kustomization-failed",
    doc: "What a Kustomization manages and what failed as it was applied belongs to the Kustomization's failure.",
    symptoms: &[
        "HelmRelease",
        "GitRepository",
        "HelmRepository",
        "OCIRepository",
        "Bucket",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "crash-loop",
    ],
    explain,
    next: &["reconcile-with-source"],
    next_for: &["Kustomization"],
    ..RuleSpec::BASE
};

/// Reasons after which part of it has been applied.
const APPLIED: [&str; 3] = ["ReconciliationFailed", "PruneFailed", "HealthCheckFailed"];
const TOGETHER: i64 = 600;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    for id in managers(scan, subject).into_iter().filter(|id| scan.kind(*id) == "Kustomization") {
        let Some(record) = scan.record(id) else { continue };
        let reason = record.text(flux::READY_REASON, &scan.store.strings);
        // for a health check the part is the reason
        if reason == "HealthCheckFailed" || !APPLIED.contains(&reason) {
            continue;
        }
        let (Some(own), Some(its)) = (scan.since(subject), scan.finding(id).and_then(|f| f.since)) else { continue };
        if matches!(Case::of(record), Case::Failed | Case::Stalled) && (own.0 - its.0).abs() <= TOGETHER {
            let because = format!("it is managed by {}, which failed at the same time", scan.told(id.into()));
            claims.row(id, Confidence::Likely, because);
        }
    }
}
