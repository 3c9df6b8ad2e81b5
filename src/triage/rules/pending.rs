//! Pods that fit on no node are one finding for each resource that is short.

use super::{RuleSpec, row, worst};
use crate::domain::finding::Finding;
use crate::kinds::alerts::Confidence;
use crate::triage::graph::GroupState;
use crate::triage::node::{Group, Subject};
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "capacity",
    doc: "Pending pods that the scheduler finds no room for wait for the same thing.",
    symptoms: &["Pod"],
    explain,
    group: Some(judge),
    next: &["events"],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    if scan.text(record.status) != "Pending" {
        return;
    }
    if let Some(short) = shortage(&record.note) {
        let group = Group { kind: "Capacity", namespace: "".into(), name: short.into(), detail: "".into() };
        claims.add(Target::New(group), Confidence::Exact, format!("the scheduler finds no room: {short}"));
    }
}

/// The resource that is short, from the scheduler's message: `0/30 nodes are available: 30 Insufficient cpu.
/// preemption: ...`.
/// Source: Kubernetes `pkg/scheduler/framework/types.go`, `FitError`.
fn shortage(message: &str) -> Option<&str> {
    let (_, reasons) = message.split_once(" nodes are available: ")?;
    let (_, rest) = reasons.split_once("Insufficient ")?;
    let end = rest.find(|c: char| !(c.is_alphanumeric() || "-./".contains(c))).unwrap_or(rest.len());
    let word = rest[..end].trim_end_matches('.');
    (!word.is_empty()).then_some(word)
}

fn judge(scan: &Scan<'_>, group: &GroupState) -> Option<Finding> {
    let n = group.members.len();
    let severity = worst(scan, &group.members)?;
    let (pods, wait) = if n == 1 { ("pod", "waits") } else { ("pods", "wait") };
    let first = group.members.iter().map(|pod| scan.told(*pod)).min()?;
    let more = if n == 1 { String::new() } else { format!(" and {} more", n - 1) };
    let why = format!("{n} {pods} {wait} for {}: {first}{more}", group.group.name);
    Some(Finding::new(severity, None, why))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0/30 nodes are available: 30 Insufficient cpu. preemption: 0/30 nodes are available: 30 No", Some("cpu"))]
    #[case("0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient memory.", Some("memory"))]
    #[case("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", Some("nvidia.com/gpu"))]
    #[case("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", None)]
    #[case("Insufficient cpu", None)]
    fn what_is_short_is_read_from_the_schedulers_message(#[case] message: &str, #[case] short: Option<&str>) {
        assert_eq!(shortage(message), short);
    }
}
