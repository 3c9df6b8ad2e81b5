//! A plan of ours that did not complete is a finding until it is continued or dismissed: what it has left suspended,
//! cordoned, scaled or paused will not recover by itself.

use super::node::Subject;
use crate::domain::ages::Time;
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::outcome::Unfinished;

/// What it is called, and what is wrong with it.
pub fn finding(left: &Unfinished) -> (Subject, String, Finding) {
    let severity = if left.left.is_empty() { Severity::P3 } else { Severity::P2 };
    let finding = Finding::new(severity, Time::parse(&left.time), left.why());
    (Subject::Plan(left.id()), left.title.clone(), finding)
}
