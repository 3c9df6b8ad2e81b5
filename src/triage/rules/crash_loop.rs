//! Pods of one owner that fail in the same way are one finding; it explains what their workload reports.

use std::cmp::Reverse;

use super::{RuleSpec, row, worst};
use crate::domain::finding::Finding;
use crate::domain::health::{Health, Severity};
use crate::domain::record::{Cell, Relation};
use crate::domain::text;
use crate::kinds::alerts::Confidence;
use crate::kinds::{self, pods, workload};
use crate::store::RowId;
use crate::triage::graph::GroupState;
use crate::triage::node::{Group, GroupId, Subject};
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "crash-loop",
    doc: "Pods of one owner that fail for one reason, with one exit code, are one finding; they explain their workload.",
    symptoms: &["Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "HorizontalPodAutoscaler"],
    explain,
    group: Some(judge),
    next: &["previous-logs", "events", "logs", "undo-rollout", "restart"],
    next_for: &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"],
    ..RuleSpec::BASE
};

/// Whether a pod's STATUS is a failure of the pod itself: not of its node, and not of where it might run.
pub fn is_own_failure(word: &str) -> bool {
    word != "Evicted" && pods::is_failed(word)
}

/// Two words for one state: the kubelet alternates between trying and waiting.
fn settled(word: &str) -> &str {
    match word {
        "ErrImagePull" => "ImagePullBackOff",
        "Error" | "OOMKilled" | "Completed" => "CrashLoopBackOff",
        word => word,
    }
}

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let namespace = scan.namespace(record);
    if scan.kind(id) == "Pod" {
        let Some(owner) = record.link(Relation::Owner) else { return };
        // the pods of an owner whose kind is not known here are its own
        let kind = kinds::by_name(scan.text(owner.kind)).map_or("Owner", |kind| kinds::spec(kind).name);
        let exit = record.text(pods::LAST_EXIT, &scan.store.strings);
        // a pod that runs between two crashes is in the same loop
        let between = pods::is_restarted_often(record, scan.settings.thresholds, scan.now);
        let word = if between { "CrashLoopBackOff" } else { settled(scan.text(record.status)) };
        let detail =
            if word == "CrashLoopBackOff" && !exit.is_empty() { format!("{word} {exit}") } else { word.into() };
        let name = scan.text(owner.name);
        // the finding has a total: the group is judged again when its owner changes
        scan.named(kind, namespace, name);
        let group = Group { kind, namespace: namespace.into(), name: name.into(), detail: detail.into() };
        claims.add(Target::New(group), Confidence::Exact, format!("it is a pod of {} {name}", scan.text(owner.kind)));
        return;
    }
    // an autoscaler lacks the metrics of what it scales
    let target = record.link(Relation::About).filter(|_| scan.kind(id) == "HorizontalPodAutoscaler");
    let (kind, name) = target.map_or((scan.kind(id), &*record.name), |l| (scan.text(l.kind), scan.text(l.name)));
    // the group that most of its pods are in
    let about = scan.groups_about(kind, namespace, name);
    if let Some(group) = fullest(scan, about).first() {
        claims.add(Target::Group(*group), Confidence::Exact, "its pods fail");
    }
    // pods that wait for something with a finding of its own (room, a volume, a Secret) are in no group of this rule
    if target.is_none() && scan.finding(id).is_some() {
        let is_over = |pod: RowId| is_over(kind, scan.finding(pod));
        for (pod, _) in scan.failing_pods(kind, namespace, name).into_iter().filter(|(pod, _)| !is_over(*pod)) {
            claims.row(pod, Confidence::Exact, "its pods are unhealthy");
        }
    }
}

/// Whether the finding of pods is history: they were replaced, and explain nothing. A Job that was fixed is a note, and
/// so are its pods.
fn is_over(kind: &str, finding: Option<&Finding>) -> bool {
    kind != "Job" && finding.is_some_and(|finding| finding.severity == Severity::P4)
}

/// The groups of these pods, the one with the most of them first.
pub fn fullest(scan: &Scan<'_>, about: &[GroupId]) -> Vec<GroupId> {
    let is_over = |id: GroupId| scan.group(id).is_some_and(|g| is_over(g.group.kind, g.finding.as_ref()));
    let mut about: Vec<_> = about.iter().copied().filter(|id| is_of_pods(scan, *id) && !is_over(*id)).collect();
    about.sort_by_key(|id| scan.group(*id).map(|g| (Reverse(g.members.len()), &g.group.detail)));
    about
}

fn is_of_pods(scan: &Scan<'_>, id: GroupId) -> bool {
    scan.group(id).is_some_and(|g| scan.rule(g.rule) == SPEC.name && !pods_of(scan, g).is_empty())
}

fn pods_of(scan: &Scan<'_>, group: &GroupState) -> Vec<RowId> {
    group.members.iter().filter_map(|m| row(*m)).filter(|id| scan.kind(*id) == "Pod").collect()
}

fn judge(scan: &Scan<'_>, group: &GroupState) -> Option<Finding> {
    let pods = pods_of(scan, group);
    // the order in which they were seen must not matter
    let named = pods.iter().filter_map(|id| Some((&scan.record(*id)?.name, scan.finding(*id)?)));
    let (_, first) = named.min_by_key(|(name, f)| (f.muted, f.severity, *name))?;
    let name = &group.group;
    let is_counted = matches!(name.kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet");
    let of = scan.named(name.kind, &name.namespace, &name.name).filter(|_| is_counted);
    let counts = of.and_then(|id| match scan.record(id)?.cell(workload::READY) {
        Cell::Ratio(ready, wanted) => Some((ready, wanted)),
        _ => None,
    });
    let worst = worst(scan, &group.members).unwrap_or(Severity::P3);
    // no working pod is left
    let all = counts.is_some_and(|(ready, wanted)| ready == 0 && wanted > 0)
        && is_own_failure(scan.record(pods[0]).map_or("", |r| scan.text(r.status)));
    let severity = if all && worst < Severity::P4 { worst.min(Severity::P2) } else { worst };
    // surplus pods are those of a rollout; pods that have ended are not counted
    let there = pods.iter().filter(|id| scan.record(**id).is_some_and(|pod| !pod.flag(pods::ENDED))).count();
    let wanted = counts.map(|(_, wanted)| usize::from(wanted)).filter(|wanted| severity < Severity::P4 && *wanted > 0);
    let of = match (if there > 0 { there } else { pods.len() }, wanted.filter(|_| there > 0)) {
        (1, None) => String::new(),
        (n, Some(wanted)) if n <= wanted => format!("{n} of {}: ", text::counted(wanted, "pod")),
        (n, Some(1)) => format!("{} where 1 is wanted: ", text::counted(n, "pod")),
        (n, Some(wanted)) => format!("{} where {wanted} are wanted: ", text::counted(n, "pod")),
        (n, None) => format!("{}: ", text::counted(n, "pod")),
    };
    // none of them waits for its next start
    let between = pods.iter().all(|id| scan.record(*id).is_some_and(|pod| pod.health == Health::Ok));
    // one of their messages represents all, but for the numbers that differ
    let why = match (pods.len(), &*name.detail) {
        (1, _) | (_, "") => first.why.to_string(),
        (_, detail) if detail.starts_with("CrashLoopBackOff ") && !between => {
            format!("CrashLoopBackOff, last {}", &detail[17..])
        }
        _ => first.why.to_string(),
    };
    Some(Finding::new(severity, None, format!("{of}{why}")))
}
