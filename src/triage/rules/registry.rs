//! Many workloads that cannot pull from one registry: the registry fails, or the network to it.

use std::collections::HashSet;

use super::{RuleSpec, rows};
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::kinds::alerts::Confidence;
use crate::kinds::pods;
use crate::triage::graph::GroupState;
use crate::triage::node::{Group, Subject};
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "registry",
    doc: "Three workloads or more that fail to pull from one registry fail because of it.",
    symptoms: &["crash-loop"],
    explain,
    group: Some(judge),
    next: &["events"],
    next_for: &[],
    ..RuleSpec::BASE
};

const WORKLOADS: usize = 3;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Subject::Group(id) = subject else { return };
    let Some(group) = scan.group(id) else { return };
    let host = rows(scan, &group.members).into_iter().find_map(|id| {
        let host = Some(id)
            .filter(|id| scan.kind(*id) == "Pod")
            .and_then(|id| scan.record(id))?
            .text(pods::REGISTRY, &scan.store.strings);
        (!host.is_empty()).then_some(host)
    });
    if let Some(host) = host {
        let group = Group { kind: "Registry", namespace: "".into(), name: host.into(), detail: "".into() };
        claims.add(Target::New(group), Confidence::Likely, format!("others also fail to pull from {host}"));
    }
}

fn judge(scan: &Scan<'_>, group: &GroupState) -> Option<Finding> {
    // a workload may fail in two ways
    let group_of = |m: &Subject| if let Subject::Group(id) = m { scan.group(*id) } else { None };
    let names: HashSet<_> =
        group.members.iter().filter_map(group_of).map(|g| (g.group.kind, g.group.place())).collect();
    let n = names.len();
    (n >= WORKLOADS).then(|| Finding::new(Severity::P2, None, format!("{n} workloads cannot pull their images")))
}
