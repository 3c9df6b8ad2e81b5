//! Several nodes lost at once are one failure: the network, the zone, the control plane.

use super::{RuleSpec, row};
use crate::domain::finding::Finding;
use crate::domain::health::{Health, Severity};
use crate::kinds;
use crate::kinds::alerts::Confidence;
use crate::triage::graph::GroupState;
use crate::triage::node::{Group, Subject};
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "nodes",
    doc: "Two nodes or more that are not ready, at least 2 % of all, are one failure.",
    symptoms: &["Node"],
    explain,
    group: Some(judge),
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

/// In percent of all nodes.
const SHARE: usize = 2;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let lost = row(subject).and_then(|id| scan.record(id)).is_some_and(|r| r.health == Health::Failed);
    if lost {
        // the limit is a share of all nodes
        let _ = scan.all("Node");
        let group = Group { kind: "Nodes", namespace: "".into(), name: "not ready".into(), detail: "".into() };
        claims.add(Target::New(group), Confidence::Likely, "other nodes are not ready either");
    }
}

fn judge(scan: &Scan<'_>, group: &GroupState) -> Option<Finding> {
    let all = scan.store.table(kinds::by_name("Node")?).len();
    let lost = group.members.len();
    let many = lost >= 2 && lost * 100 >= all * SHARE;
    many.then(|| Finding::new(Severity::P1, None, format!("{lost} of {all} nodes are not ready")))
}
