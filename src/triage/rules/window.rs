//! A maintenance window past its end: what it suspended and cordoned is still so, and alerts notify again once its
//! silence has expired.

use super::{RuleSpec, row};
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::record::Record;
use crate::kinds::alerts::Confidence;
use crate::kinds::{flux, nodes, silences};
use crate::triage::graph::GroupState;
use crate::triage::node::{Group, Subject};
use crate::triage::scan::{Claims, Scan, Target};

pub const SPEC: RuleSpec = RuleSpec {
    name: "window-over",
    doc: "What a maintenance window suspended or cordoned and did not undo at its end belongs to that window.",
    symptoms: &["Node"],
    symptoms_by: |kind| kind.is_flux() && kind.switch.is_some(),
    explain,
    group: Some(judge),
    next: &["resume", "uncordon"],
    next_for: &[],
    ..RuleSpec::BASE
};

/// The window that a record is in, and whether that is over.
fn over<'a>(scan: &Scan<'a>, subject: Subject) -> Option<(&'a str, crate::domain::ages::Time)> {
    let id = row(subject)?;
    let record = scan.record(id)?;
    let (window, end, cordoned) = match scan.kind(id) {
        "Node" => (nodes::WINDOW, nodes::WINDOW_END, record.flag(nodes::CORDONED)),
        _ => (flux::WINDOW, flux::WINDOW_END, false),
    };
    let until = record.time(end).filter(|until| *until <= scan.now && (cordoned || record.suspended == Some(true)))?;
    let name = scan.text(record.sym(window));
    (!name.is_empty()).then_some((name, until))
}

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    if let Some((name, _)) = over(scan, subject) {
        // asked here, so that the group is judged again when a silence begins or expires
        drop(scan.all("Silence"));
        let group = Group { kind: "Window", namespace: "".into(), name: name.into(), detail: "".into() };
        claims.add(Target::New(group), Confidence::Exact, format!("it is held for window {name}, which is over"));
    }
}

fn judge(scan: &Scan<'_>, group: &GroupState) -> Option<Finding> {
    let until = group.members.iter().filter_map(|m| over(scan, *m)).map(|(_, until)| until).max()?;
    let own = |record: &Record| record.text(silences::WINDOW, &scan.store.strings) == &*group.group.name;
    let states: Vec<&str> =
        scan.all("Silence").filter(|(_, silence)| own(silence)).map(|(_, silence)| scan.text(silence.status)).collect();
    let lapsed = !states.is_empty() && !states.contains(&silences::State::Active.word());
    let (severity, silence) = if lapsed { (Severity::P1, ", its silence has lapsed") } else { (Severity::P2, "") };
    let n = group.members.len();
    let held = if n == 1 { "1 object is".to_owned() } else { format!("{n} objects are") };
    Some(Finding::new(severity, Some(until), format!("past its end: {held} still suspended or cordoned{silence}")))
}
