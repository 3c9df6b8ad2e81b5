//! Workloads whose pods one admission webhook refuses are one finding.

use super::{RuleSpec, row, worst};
use crate::domain::finding::Finding;
use crate::kinds::alerts::Confidence;
use crate::triage::graph::GroupState;
use crate::triage::node::{Group, Subject};
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "admission",
    doc: "Workloads that one admission webhook refuses, in one namespace, have one reason.",
    symptoms: &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "HelmRelease", "Kustomization"],
    explain,
    group: Some(judge),
    next: &["events"],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    if let Some(name) = scan.said(id).into_iter().find_map(denier) {
        let namespace = scan.namespace(record).into();
        let group = Group { kind: "Admission", namespace, name: name.into(), detail: "".into() };
        claims.add(Target::New(group), Confidence::Exact, format!("{name} denies it"));
    }
}

/// The webhook's name in `admission webhook "NAME" denied the request: ...`.
/// Source: Kubernetes `apiserver/pkg/admission/plugin/webhook/errors/statuserror.go`.
fn denier(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("admission webhook \"")?;
    let (name, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("denied the request").then_some(name)
}

/// A single workload is its own finding.
fn judge(scan: &Scan<'_>, group: &GroupState) -> Option<Finding> {
    let severity = worst(scan, &group.members).filter(|_| group.members.len() > 1)?;
    Some(Finding::new(severity, None, format!("denies {} workloads", group.members.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_denies_is_named_by_the_refusal() {
        let message = "admission webhook \"validate.kyverno.svc-fail\" denied the request: policy x fail: no";
        assert_eq!(denier(message), Some("validate.kyverno.svc-fail"));
        assert_eq!(denier("failed calling webhook \"x\""), None);
    }
}
