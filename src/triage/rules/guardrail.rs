//! A guardrail of a profile that is crossed: it follows from the object that it is about, if that object fails itself;
//! the alert that it is based on is the same news; and other alerts about its component that fire since are most likely
//! its consequence.

use super::{RuleSpec, row};
use crate::domain::record::{Link, Record, Relation};
use crate::kinds;
use crate::kinds::alerts::Confidence;
use crate::kinds::guardrails::{self, State};
use crate::store::RowId;
use crate::triage::node::Subject;
use crate::triage::platform::component_of;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "guardrail",
    doc: "A crossed guardrail belongs to the failing object that it is about, its alert to the guardrail; later alerts about its component likely follow from it.",
    symptoms: &["Alert", "Guardrail"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

/// Alerts wait before they fire: an alert that began up to this much earlier counts as the same time.
const SLACK: i64 = 300;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    match scan.kind(id) {
        "Guardrail" => of_object(scan, record, claims),
        _ => of_guardrail(scan, id, record, claims),
    }
}

fn is_object(scan: &Scan<'_>, link: &Link) -> bool {
    link.relation == Relation::About && !matches!(scan.text(link.kind), "Silence" | "Alert")
}

/// The objects that a guardrail, or the alerts that it is based on, are about: the worst of those that fail. If an
/// object that the guardrail itself names does not fail, nothing else reports the fault: then the guardrail is its own
/// root.
fn of_object(scan: &Scan<'_>, record: &Record, claims: &mut Claims) {
    let own: Vec<Option<RowId>> = record.links.iter().filter(|l| is_object(scan, l)).map(|l| scan.at(l)).collect();
    let fails = |id: RowId| scan.finding(id).is_some_and(|f| !f.muted).then_some(id);
    let all: Option<Vec<RowId>> = own.into_iter().map(|id| id.and_then(fails)).collect();
    let mut objects = all.unwrap_or_default();
    let alerts = record.links.iter().filter(|l| l.relation == Relation::About && scan.text(l.kind) == "Alert");
    for link in alerts {
        // one name may have many alerts, each about its own object
        scan.at(link);
        let Some(kind) = kinds::by_name("Alert") else { return };
        let all = scan.store.named(kind, scan.text(link.namespace), scan.text(link.name));
        let of = all.filter(|id| scan.counts(*id).is_some_and(|f| !f.muted)).filter_map(|id| scan.record(id));
        objects.extend(of.flat_map(|alert| &alert.links).filter(|l| is_object(scan, l)).filter_map(|l| scan.at(l)));
    }
    let mut found: Vec<_> = objects
        .into_iter()
        .filter_map(|id| Some((scan.finding(id).map(|f| (f.muted, f.severity))?, scan.told(id.into()), id)))
        .collect();
    found.sort();
    found.dedup();
    for (_, told, id) in found {
        claims.row(id, Confidence::Exact, format!("it is about {told}"));
    }
}

fn of_guardrail(scan: &Scan<'_>, id: RowId, record: &Record, claims: &mut Claims) {
    let Some(kind) = kinds::by_name("Guardrail") else { return };
    let strings = &scan.store.strings;
    let of = component_of(scan.store, scan.settings.profiles, id);
    // asked whether there are any or not, so that a later one is noticed
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
        let goes_by = |l: &Link| {
            l.relation == Relation::About && scan.text(l.kind) == "Alert" && scan.text(l.name) == &*record.name
        };
        if of_rail.links.iter().any(goes_by) {
            claims.row(rail, Confidence::Exact, format!("the guardrail {} is based on this alert", of_rail.name));
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
