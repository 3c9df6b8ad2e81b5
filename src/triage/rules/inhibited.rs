//! What Alertmanager inhibits is a consequence by its own rules: it is listed below the alert that inhibits it.

use super::{RuleSpec, row};
use crate::domain::record::Relation;
use crate::kinds::alerts::{Confidence, State};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "inhibited",
    doc: "An alert that Alertmanager inhibits belongs to the alert that inhibits it.",
    symptoms: &["Alert"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    if State::of(record, &scan.store.strings) != State::Inhibited {
        return;
    }
    for inhibitor in scan.linked(record, Relation::From) {
        claims.row(inhibitor, Confidence::Exact, format!("{} inhibits it", scan.told(inhibitor.into())));
    }
}
