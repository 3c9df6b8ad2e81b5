//! What triage links: rows, groups of rows that fail for one reason, and what a rule claims about them. Data only.

use crate::domain::ages::Time;
use crate::domain::health::Severity;
pub use crate::domain::incident::Group;
use crate::domain::record::KindId;
use crate::kinds::alerts::Confidence;
use crate::store::RowId;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The connection to the cluster as a whole.
    Cluster,
    /// A feed that cannot be read: what it blinds.
    Feed(KindId),
    /// A plan of ours that did not complete ([`crate::domain::outcome::Unfinished::id`]).
    Plan(u64),
    Row(RowId),
    /// Several rows that fail for one reason.
    Group(GroupId),
}

impl From<RowId> for Subject {
    fn from(id: RowId) -> Self {
        Self::Row(id)
    }
}

/// A group that exists; its number is used again once it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

/// The row number of a rule in the list of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u8);

/// A rule's word on one subject: that another one is the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub root: Subject,
    pub rule: RuleId,
    pub confidence: Confidence,
    /// The facts, in words: `its node sre-3 is NotReady since 14:02`.
    pub because: Box<str>,
}

/// A root with what it explains: one line of the ranked list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    pub subject: Subject,
    /// Of the root, or of a symptom that is more severe: an explanation makes nothing less urgent.
    pub severity: Severity,
    /// When it began, as far as is known.
    pub since: Option<Time>,
    /// Since when it has been as severe as it is.
    pub severe: Option<Time>,
    /// Silenced or inhibited: counted, but dim.
    pub muted: bool,
    /// How many findings it explains.
    pub explains: u32,
    /// A critical alert is attached: users notice.
    pub users: bool,
    /// How many Flux objects are blocked until the root is fixed, directly or not.
    pub dependents: u32,
    /// What changed shortly before it began.
    pub changed: Option<(RowId, Time)>,
}
