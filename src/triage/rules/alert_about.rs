//! An alert about an object that fails is a symptom of that object, not a finding of its own. The object is the one
//! that the labels name; without one nothing is guessed here. An alert may fire before the object counts as a failure:
//! then it belongs to whatever the object's state follows from.

use super::{RuleSpec, behind, crash_loop, row};
use crate::domain::record::Relation;
use crate::kinds::alerts::{CONFIDENCE, Confidence};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "alert-about",
    doc: "An alert belongs to the failure of the object that its labels name, or to what that object's state follows from.",
    symptoms: &["Alert"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    let likely = record.text(CONFIDENCE, &scan.store.strings) == Confidence::Likely.word();
    let confidence = if likely { Confidence::Likely } else { Confidence::Exact };
    for link in record.links.iter().filter(|l| l.relation == Relation::About && scan.text(l.kind) != "Silence") {
        let (kind, namespace, name) = (scan.text(link.kind), scan.text(link.namespace), scan.text(link.name));
        let object = scan.named(kind, namespace, name);
        if let Some(id) = object {
            claims.row(id, confidence, format!("it is about {}", scan.told(id.into())));
        }
        for group in crash_loop::fullest(scan, scan.groups_about(kind, namespace, name)) {
            claims.add(Target::Group(group), confidence, format!("it is about {kind} {name}"));
        }
        if let Some(id) = object {
            behind(scan, id, claims);
        }
    }
}
