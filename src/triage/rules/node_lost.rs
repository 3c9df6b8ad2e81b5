//! A node that does not respond takes its pods with it, and with them the workloads that lack them. What failed before,
//! for reasons of its own, is not explained by it.

use super::{RuleSpec, crash_loop, row};
use crate::domain::health::Health;
use crate::domain::record::{Cell, Record, Relation};
use crate::kinds::alerts::Confidence;
use crate::kinds::workload;
use crate::store::RowId;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "node-lost",
    doc: "A pod on a node that is not ready, and a workload that lacks it, fail because of the node, unless they failed before.",
    symptoms: &["Pod", "Seal", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"],
    explain,
    next: &["drain", "cordon"],
    next_for: &["Node"],
    ..RuleSpec::BASE
};

/// A pod's condition follows its node's within the controller's monitoring period, so a difference up to this counts as
/// the same time.
const SLACK: i64 = 60;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    if !matches!(scan.kind(id), "Pod" | "Seal") {
        of_workload(scan, id, record, claims);
        return;
    }
    // a replica of OpenBao is found by its pod
    let pod = if scan.kind(id) == "Seal" { scan.linked(record, Relation::About).next() } else { Some(id) };
    let Some(pod) = pod.and_then(|pod| scan.record(pod)) else { return };
    let Some(node) = scan.linked(pod, Relation::Node).next() else { return };
    let lost = is_lost(scan, node);
    let word = scan.text(pod.status);
    let own = scan.kind(id) == "Pod" && crash_loop::is_own_failure(word);
    let since = scan.finding(id).and_then(|f| f.since);
    let down = scan.finding(node).and_then(|f| f.since);
    if lost && !own && scan.follows(since, down, SLACK) {
        let name = scan.record(node).map(|n| n.name.to_string()).unwrap_or_default();
        claims.row(node, Confidence::Exact, format!("it runs on {name}, which is not ready"));
    }
}

/// Pressure has a rule of its own: there the node runs.
fn is_lost(scan: &Scan<'_>, node: RowId) -> bool {
    scan.record(node).is_some_and(|n| n.health == Health::Failed)
}

/// A workload lacks the pods of a lost node. Pods that fail elsewhere must have been created since: they replace the
/// lost ones.
fn of_workload(scan: &Scan<'_>, id: RowId, record: &Record, claims: &mut Claims) {
    let since = scan.finding(id).and_then(|f| f.since);
    let mut lost: Vec<(RowId, usize)> = Vec::new();
    let mut elsewhere = Vec::new();
    for (pod, of) in scan.failing_pods(scan.kind(id), scan.namespace(record), &record.name) {
        let node = scan.linked(of, Relation::Node).next().filter(|node| is_lost(scan, *node));
        let down = |node: &RowId| scan.finding(*node).and_then(|f| f.since);
        let began = scan.finding(pod).and_then(|f| f.since);
        let own = crash_loop::is_own_failure(scan.text(of.status));
        match node.filter(|node| !own && scan.follows(began, down(node), SLACK)) {
            Some(node) => match lost.iter_mut().find(|(known, _)| *known == node) {
                Some((_, pods)) => *pods += 1,
                None => lost.push((node, 1)),
            },
            None if scan.counts(pod).is_some() || own => elsewhere.push(of.created),
            None => {}
        }
    }
    for (node, pods) in &lost {
        let down = scan.finding(*node).and_then(|f| f.since);
        let replaced = elsewhere.iter().all(|made| scan.follows(Some(*made), down, SLACK));
        if replaced && scan.follows(since, down, SLACK) {
            let name = scan.record(*node).map(|n| n.name.to_string()).unwrap_or_default();
            let missing = match record.cell(workload::READY) {
                Cell::Ratio(ready, wanted) => usize::from(wanted.saturating_sub(ready)),
                _ => 1,
            };
            let all = lost.iter().map(|(_, pods)| pods).sum::<usize>() >= missing;
            let confidence = if all { Confidence::Exact } else { Confidence::Likely };
            let told = if *pods == 1 { "1 of its pods runs".to_owned() } else { format!("{pods} of its pods run") };
            claims.row(*node, confidence, format!("{told} on {name}, which is not ready"));
        }
    }
}
