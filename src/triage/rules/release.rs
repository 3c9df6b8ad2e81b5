//! A release that failed to install or upgrade explains its own workloads, when they failed no earlier than that. A
//! release that could not even be rendered left the old one running, and explains nothing of it.

use super::{RuleSpec, row};
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::kinds::flux::{self, Case};
use crate::kinds::helm_releases;
use crate::store::RowId;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "release-failed",
    doc: "Workloads of a HelmRelease whose install, upgrade, test or rollback failed belong to that failure.",
    symptoms: &["Deployment", "StatefulSet", "DaemonSet", "Job", "PersistentVolumeClaim", "crash-loop"],
    explain,
    next: &["resume", "recover", "reset", "rollback", "reconcile-with-source", "reconcile"],
    next_for: &["HelmRelease"],
    ..RuleSpec::BASE
};

/// Reasons after which the cluster has been touched.
const TOUCHED: [&str; 7] = [
    "InstallFailed",
    "UpgradeFailed",
    "TestFailed",
    "RollbackFailed",
    "RollbackSucceeded",
    "UninstallFailed",
    "RetriesExceeded",
];

/// An upgrade fails when its timeout is over: what it broke failed up to this much earlier.
const LEAD: i64 = 1800;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    for release in releases(scan, subject) {
        let Some(record) = scan.record(release) else { continue };
        let strings = &scan.store.strings;
        let reason = record.text(flux::READY_REASON, strings);
        if is_unrendered(&record.note) {
            continue;
        }
        let said = [reason, record.text(flux::WRONG, strings), scan.text(record.status)];
        let touched = said.iter().any(|word| TOUCHED.contains(word));
        let fails = flux::has_failed(record, strings) || Case::of(record) == Case::Progressing;
        let since = scan.finding(release).and_then(|f| f.since);
        if touched && fails && scan.follows(scan.since(subject), since, LEAD) {
            let tried = record.text(helm_releases::ATTEMPTED, strings);
            let version = if tried.is_empty() { String::new() } else { format!(" of {tried}") };
            let because = format!("it belongs to {}, whose last try{version} failed", scan.told(release.into()));
            claims.row(release, Confidence::Exact, because);
        }
    }
}

/// Helm's words for a chart that gave no manifest: nothing was sent to the cluster. Sources: Helm
/// `pkg/engine/engine.go` (`cleanupParseError`, `cleanupExecError`), the check of values against a chart's schema,
/// `manifest_sorter.go`, `pkg/action/install.go` and `upgrade.go`.
fn is_unrendered(message: &str) -> bool {
    const WORDS: [&str; 5] = [
        "values don't meet the specifications of the schema",
        "execution error at (",
        "parse error at (",
        "YAML parse error on ",
        "unable to build kubernetes objects from ",
    ];
    WORDS.iter().any(|words| message.contains(words))
        || (message.contains("template: ") && message.contains(": executing "))
}

/// The releases that manage a workload, or the workload whose pods fail.
fn releases(scan: &Scan<'_>, subject: Subject) -> Vec<RowId> {
    managers(scan, subject).into_iter().filter(|id| scan.kind(*id) == "HelmRelease").collect()
}

/// The Flux objects that manage a subject.
pub fn managers(scan: &Scan<'_>, subject: Subject) -> Vec<RowId> {
    let of = |id: RowId| scan.record(id).map(|r| scan.linked(r, Relation::ManagedBy).collect()).unwrap_or_default();
    match subject {
        Subject::Group(id) => {
            let Some(state) = scan.group(id) else { return Vec::new() };
            let group = &state.group;
            let mut found: Vec<RowId> =
                scan.named(group.kind, &group.namespace, &group.name).map(of).unwrap_or_default();
            if found.is_empty() {
                // where workloads cannot be read, their pods may carry the labels
                found = state.members.first().copied().and_then(row).map(of).unwrap_or_default();
            }
            found
        }
        Subject::Row(id) => of(id),
        _ => Vec::new(),
    }
}
