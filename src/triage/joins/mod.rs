//! What a row's neighbours add to its judgement: one file and one row each. A join sees the rows of other kinds; what a
//! row says about itself, its kind has judged before.

pub mod blocked;
pub mod controllers;
mod issuances;
mod leftovers;
pub mod missing;
pub mod refusals;
pub mod runs;
mod schedules;
mod volume_claims;

use super::judged::Judged;
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::thresholds::Thresholds;
use crate::store::{RowId, Store};
use missing::Counted;

/// One row of the list of joins.
#[derive(Debug)]
pub struct JoinSpec {
    /// What it looks at, in one sentence.
    pub doc: &'static str,
    /// The rows that must be judged again because others were touched.
    pub concerned: fn(&Touched<'_>) -> Vec<RowId>,
    /// Returns `judged` as it is for rows that it has nothing to add to.
    pub join: fn(&mut Look<'_>, Judgement) -> Judgement,
}

/// Every join, in the order in which they are asked: a later one sees what an earlier one added.
pub static JOINS: &[JoinSpec] = &[
    missing::SPEC,
    schedules::SPEC,
    issuances::SPEC,
    runs::SPEC,
    leftovers::SPEC,
    blocked::SPEC,
    volume_claims::SPEC,
    refusals::SPEC,
    controllers::SPEC,
];

/// The rows that changed.
#[derive(Debug, Clone, Copy)]
pub struct Touched<'a> {
    pub store: &'a Store,
    pub judged: &'a Judged,
    pub rows: &'a [RowId],
}

/// The row that is judged, at one moment.
#[derive(Debug)]
pub struct Look<'a> {
    pub store: &'a Store,
    pub id: RowId,
    pub thresholds: &'a Thresholds,
    pub now: Time,
    /// Counts of pods that all judgements of one batch share.
    pub counted: &'a mut Counted,
}

/// The rows that must be judged again because these were touched; one may be named twice.
pub fn concerned(touched: &Touched<'_>) -> Vec<RowId> {
    JOINS.iter().flat_map(|join| (join.concerned)(touched)).collect()
}

/// Adds what all neighbours say.
pub fn join(look: &mut Look<'_>, judged: Judgement) -> Judgement {
    JOINS.iter().fold(judged, |judged, join| (join.join)(look, judged))
}
