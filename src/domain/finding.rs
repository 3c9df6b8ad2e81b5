//! The result of judging one record.

use super::ages::Time;
use super::health::{Health, Severity};

/// A judgement on one record, in words that an operator can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// When the state began, if the object says.
    pub since: Option<Time>,
    /// Since when it has been as severe as that, if it began as something less severe.
    pub graver: Option<Time>,
    /// Short, lower case, without the object's name: `upgrade failed: timeout`.
    pub why: Box<str>,
    /// Silenced or inhibited: counted, but dim.
    pub muted: bool,
}

impl Finding {
    pub fn new(severity: Severity, since: Option<Time>, why: impl Into<Box<str>>) -> Self {
        Self { severity, since, graver: None, why: why.into(), muted: false }
    }

    /// It became as severe as that at `at`, unless it began later.
    #[must_use]
    pub fn graver_at(mut self, at: Time) -> Self {
        self.graver = Some(at).filter(|at| self.since.is_none_or(|since| since < *at));
        self
    }

    /// Since when it has been as severe as that.
    pub fn severe(&self) -> Option<Time> {
        self.graver.or(self.since)
    }
}

/// Everything that judging says about one record at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    pub health: Health,
    pub findings: Vec<Finding>,
    /// When this judgement changes by itself (a grace ends, a certificate expires), if it ever does.
    pub recheck: Option<Time>,
}

impl Judgement {
    pub fn of(health: Health) -> Self {
        Self { health, ..Self::default() }
    }

    #[must_use]
    pub fn with(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// Judge again at `at`, or earlier if that was already asked for.
    #[must_use]
    pub fn again_at(mut self, at: Time) -> Self {
        self.recheck = Some(self.recheck.map_or(at, |old| old.min(at)));
        self
    }
}
