//! A source that cannot be fetched: what uses it says so, and a chart fails with its repository.

use super::{RuleSpec, row};
use crate::domain::health::Health;
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::kinds::flux::{self, Case};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "source-failed",
    doc: "A release, Kustomization or chart that lacks its artifact fails because of its source.",
    symptoms: &["HelmRelease", "Kustomization", "HelmChart", "ExternalArtifact", "ArtifactGenerator"],
    explain,
    next: &["reconcile"],
    next_for: &["GitRepository", "HelmRepository", "HelmChart", "OCIRepository", "Bucket", "ArtifactGenerator"],
    ..RuleSpec::BASE
};

/// Reasons of Ready that are about the source. An artifact that was fetched before is still used, so other reasons do
/// not count.
const REASONS: [&str; 5] =
    ["ArtifactFailed", "SourceNotReady", "ArtifactNotReady", "GetSourceFailed", "SourceFetchFailed"];

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let strings = &scan.store.strings;
    let reason = record.text(flux::READY_REASON, strings);
    let blocked = Case::of(record) == Case::Blocked && record.text(flux::BLOCKER, strings).contains("source");
    if !matches!(scan.kind(id), "HelmChart" | "ExternalArtifact") && !REASONS.contains(&reason) && !blocked {
        return;
    }
    // a chart's own failure may be a missing version: only its repository's failure explains it
    for source in scan.linked(record, Relation::Source) {
        if scan.health(source) == Health::Failed {
            claims.row(source, Confidence::Exact, format!("its source fails: {}", scan.told(source.into())));
        }
    }
    // the chart object has the release's namespace and name; it may fail while the repository does not
    if scan.kind(id) == "HelmRelease" {
        let named = format!("{}-{}", scan.namespace(record), record.name);
        for link in record.links.iter().filter(|l| l.relation == Relation::Source) {
            if let Some(chart) = scan.named("HelmChart", scan.text(link.namespace), &named)
                && scan.health(chart) == Health::Failed
            {
                claims.row(chart, Confidence::Exact, format!("its chart fails: {}", scan.told(chart.into())));
            }
        }
    }
}
