//! The platform's health as a list of questions that are asked daily and around maintenance: a verdict for each, and the
//! numbers that it is judged by. A question whose feed cannot be read is unknown, never ok. Judges nothing by itself: it
//! counts what was judged.

mod lines;
mod tally;

pub use lines::lines;

use std::fmt;

use crate::domain::record::KindId;
use crate::kinds::{self, Family};

/// Kinds that are read on demand and that some question is about.
pub fn on_demand() -> Vec<KindId> {
    kinds::of_family(Family::PolicyReport).chain([kinds::PEER_AUTHENTICATION]).collect()
}

/// In the order of their weight: what is known to have failed outranks what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verdict {
    #[default]
    NotInstalled,
    Ok,
    Warning,
    Unknown,
    Failed,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::NotInstalled => "not installed",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub what: &'static str,
    pub verdict: Verdict,
    /// What the verdict is judged by: `ready` 3, `total` 4.
    pub numbers: Vec<(&'static str, i64)>,
    /// Names what is wrong, or why nothing is known.
    pub why: String,
    /// The table behind it.
    pub kind: Option<KindId>,
    /// That table has rows with faults.
    pub faults: bool,
}

impl Line {
    /// `3 ready, 4 total`.
    pub fn told(&self) -> String {
        let told: Vec<String> = self.numbers.iter().map(|(name, n)| format!("{n} {name}")).collect();
        told.join(", ")
    }
}
