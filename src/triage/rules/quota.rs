//! A workload cannot create pods because a quota is used up.

use super::{RuleSpec, row};
use crate::kinds::alerts::Confidence;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "quota",
    doc: "A workload cannot make pods because a quota of its namespace is used up.",
    symptoms: &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "PersistentVolumeClaim"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let Some(name) = scan.said(id).into_iter().find_map(exceeded) else { return };
    if let Some(quota) = scan.named("ResourceQuota", scan.namespace(record), name) {
        claims.row(quota, Confidence::Exact, format!("the quota {name} refuses it"));
    }
}

/// The quota's name in `forbidden: exceeded quota: NAME, requested: ..., used: ..., limited: ...`.
/// Source: Kubernetes `apiserver/pkg/admission/plugin/resourcequota/controller.go`.
fn exceeded(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("exceeded quota: ")?;
    rest.split([',', ' ']).next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_is_named_by_the_refusal() {
        let message = "pods \"a\" is forbidden: exceeded quota: team, requested: cpu=1, used: cpu=4, limited: cpu=4";
        assert_eq!(exceeded(message), Some("team"));
        assert_eq!(exceeded("pods \"a\" is forbidden: failed quota: team: must specify cpu"), None);
    }
}
