//! A guardrail of a profile that is crossed: the alert that it goes by is the same news, and other alerts about its
//! component that fire since are most likely its consequence.

use super::{RuleSpec, row};
use crate::domain::record::Relation;
use crate::kinds;
use crate::kinds::alerts::Confidence;
use crate::kinds::guardrails::{self, State};
use crate::store::RowId;
use crate::triage::node::Subject;
use crate::triage::platform::component_of;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "guardrail",
    doc: "The alert of a crossed guardrail is the guardrail's news; later alerts about its component likely follow from it.",
    symptoms: &["Alert"],
    explain,
    group: None,
    weigh: None,
    next: &[],
    next_for: &[],
};

/// Alerts wait before they fire: one that began this much earlier began together.
const SLACK: i64 = 300;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let Some(kind) = kinds::by_name("Guardrail") else { return };
    let strings = &scan.store.strings;
    let of = component_of(scan.store, scan.settings.profiles, id);
    // asked whether there are any or not, so that one that comes later is looked at
    scan.named("Guardrail of alert", "", &record.name);
    if let Some((profile, component)) = of {
        scan.named("Guardrail of component", &profile.name, &component.name);
    }
    let mut likely = None;
    for (slot, other) in scan.store.table(kind).iter() {
        let rail = RowId { kind, slot };
        let of_rail = &other.record;
        if State::of(of_rail, strings) != State::Crossed {
            continue;
        }
        let goes_by = |l: &crate::domain::record::Link| {
            l.relation == Relation::About && scan.text(l.kind) == "Alert" && scan.text(l.name) == &*record.name
        };
        if of_rail.links.iter().any(goes_by) {
            claims.row(rail, Confidence::Exact, format!("the guardrail {} goes by this alert", of_rail.name));
            return;
        }
        let same = of.is_some_and(|(profile, component)| {
            of_rail.text(guardrails::PROFILE, strings) == profile.name
                && of_rail.text(guardrails::COMPONENT, strings) == component.name
        });
        let later =
            scan.follows(scan.finding(id).and_then(|f| f.since), scan.finding(rail).and_then(|f| f.since), SLACK);
        if same && later {
            likely = Some((rail, format!("{} of the same component is crossed", of_rail.name)));
        }
    }
    // what an alert is about explains it better than its component does
    if let Some((rail, because)) = likely
        && !record.links.iter().any(|l| l.relation == Relation::About && scan.text(l.kind) != "Silence")
    {
        claims.row(rail, Confidence::Likely, because);
    }
}
