//! A node short of memory, disk or process ids evicts pods and kills containers. A container that reaches its own limit
//! is also killed on a node without pressure, so only what the pressure can have done is explained by it.

use super::{RuleSpec, row};
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::kinds::{nodes, pods};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "node-pressure",
    doc: "A pod that was evicted or killed for memory on a node under that pressure fails because of the node.",
    symptoms: &["Pod"],
    explain,
    next: &["cordon", "drain"],
    next_for: &["Node"],
    ..RuleSpec::BASE
};

/// The kubelet evicts before the condition reaches the API server.
const SLACK: i64 = 300;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let Some(node) = scan.linked(record, Relation::Node).next() else { return };
    let Some(of) = scan.record(node) else { return };
    let pressure = of.text(nodes::PRESSURE, &scan.store.strings);
    let word = scan.text(record.status);
    let killed = record.text(pods::LAST_EXIT, &scan.store.strings).starts_with("OOMKilled") || word == "OOMKilled";
    // the kubelet's words for an eviction: `The node was low on resource: ephemeral-storage.`
    let needs = match word {
        "Evicted" if record.note.contains("resource: memory") => "MemoryPressure",
        "Evicted" if record.note.contains("storage") || record.note.contains("inodes") => "DiskPressure",
        "Evicted" if record.note.contains("resource: pids") => "PIDPressure",
        _ if killed => "MemoryPressure",
        _ => return,
    };
    // a container that is killed repeatedly does not say since when, only when it was the last time
    let since = scan.finding(id).and_then(|f| f.since).or_else(|| record.time(pods::LAST_RESTART));
    let pressed = scan.finding(node).and_then(|f| f.since);
    if pressure.split(',').any(|p| p == needs) && scan.follows(since, pressed, SLACK) {
        let confidence = if word == "Evicted" { Confidence::Exact } else { Confidence::Likely };
        claims.row(node, confidence, format!("its node {} is under {needs}", of.name));
    }
}
