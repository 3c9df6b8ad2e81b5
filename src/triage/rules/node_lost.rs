//! A node that does not answer takes its pods with it. Pods that failed before, and for reasons of their own, are not
//! explained by it.

use super::{RuleSpec, crash_loop, row};
use crate::domain::health::Health;
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "node-lost",
    doc: "A pod on a node that is not ready fails because of the node, unless it failed before.",
    symptoms: &["Pod", "Seal"],
    explain,
    group: None,
    weigh: None,
    next: &["drain", "cordon"],
    next_for: &["Node"],
};

/// A pod's condition follows its node's within the controller's monitoring period, so this much earlier is together.
const SLACK: i64 = 60;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    // a replica of OpenBao is found by its pod
    let pod = if scan.kind(id) == "Seal" { scan.linked(record, Relation::About).next() } else { Some(id) };
    let Some(pod) = pod.and_then(|pod| scan.record(pod)) else { return };
    let Some(node) = scan.linked(pod, Relation::Node).next() else { return };
    // pressure is another rule's: the node runs
    let lost = scan.record(node).is_some_and(|n| n.health == Health::Failed);
    let word = scan.text(pod.status);
    let own = scan.kind(id) == "Pod" && crash_loop::is_own_failure(word);
    let since = scan.finding(id).and_then(|f| f.since);
    let down = scan.finding(node).and_then(|f| f.since);
    if lost && !own && scan.follows(since, down, SLACK) {
        let name = scan.record(node).map(|n| n.name.to_string()).unwrap_or_default();
        claims.row(node, Confidence::Exact, format!("it runs on {name}, which is not ready"));
    }
}
