//! What an action will do, as data: the same value is previewed, sent, audited and verified. It sends nothing and
//! reads no clock.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::evictions::Evictions;
use super::proof::Check;
use super::record::Key;
pub use super::request::{ALERTMANAGER, Body, Guard, MANAGER, Method, Request, Right, Via, dotted};
use super::way::Way;

/// An action on one object or several, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The action's name: `suspend`.
    pub action: &'static str,
    /// In words: `suspend HelmRelease monitoring/monitoring`.
    pub title: String,
    pub targets: Vec<Key>,
    pub steps: Vec<Step>,
    pub risk: Risk,
    /// What else is affected: dependents, pods, alerts, budgets.
    pub reach: Vec<String>,
    /// Warnings, and what else must be known before.
    pub warnings: Vec<String>,
    /// How to undo exactly what it does, a line of words or a command each; empty when that is not possible.
    pub undo: String,
    /// Why, in the operator's words; recorded with it.
    pub reason: String,
    /// It is not run without a reason.
    pub needs_reason: bool,
    pub origin: Origin,
}

/// The input of a plan, so that it can be made again when it was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// `KIND/NAMESPACE/NAME` of each target.
    pub objects: Vec<String>,
    pub set: BTreeMap<String, String>,
    /// The audit's name of the interrupted run that this one continues.
    pub continues: Option<String>,
    /// How its cluster is reached.
    pub way: Way,
}

/// What the operator must do to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Risk {
    /// One key.
    Press,
    /// Type the object's name.
    Name(String),
    /// Type the name of the context: for core components, and for several objects at once.
    Context(String),
}

impl Risk {
    /// The larger of two risks.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let rank = |risk: &Self| match risk {
            Self::Press => 0,
            Self::Name(_) => 1,
            Self::Context(_) => 2,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }

    /// What has to be typed, if anything.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Press => None,
            Self::Name(word) | Self::Context(word) => Some(word),
        }
    }
}

/// One thing that is done or awaited.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// In words: `suspend it`, `wait for the rollout`.
    pub what: String,
    pub act: Act,
    /// The command that would do the same: kubectl, flux, amtool, velero; empty when there is none.
    pub twin: String,
    /// Which of the plan's targets it is for.
    pub target: usize,
    /// What it leaves behind until a later step, or a later plan, reverts it.
    pub leaves: Leaves,
    /// The uid of the object that is awaited; empty where an earlier step of the plan says it, or where it is not known.
    pub uid: String,
}

/// What a step does to an object that must not be forgotten when the plan ends early.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaves {
    #[default]
    Nothing,
    /// From then on the object (`KIND/NAMESPACE/NAME`) is this: `suspended`, `cordoned`, `scaled`, `paused`.
    Held { word: String, object: String },
    /// The object is as before again.
    Freed { object: String },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    Send(Box<Request>),
    Await(Proof),
    Fetch(Box<Fetch>),
    /// Evicts pods in parallel, until none is left that has to go.
    Evict(Box<Evictions>),
    /// A program on this machine, without a shell.
    Local(Vec<String>),
    /// A program on this machine that changes nothing: its output, as JSON, is judged.
    Ask {
        argv: Vec<String>,
        check: Check,
    },
    /// A manual step elsewhere; the plan continues when the operator confirms it.
    Manual(String),
}

impl Step {
    /// `twin` is a line of a [`super::command_line::CommandLine`], or empty.
    pub fn new(what: impl Into<String>, twin: impl fmt::Display, act: Act) -> Self {
        Self { what: what.into(), act, twin: twin.to_string(), target: 0, leaves: Leaves::Nothing, uid: String::new() }
    }

    pub fn send(what: impl Into<String>, twin: impl fmt::Display, request: Request) -> Self {
        Self::new(what, twin, Act::Send(Box::new(request)))
    }

    pub fn wait(what: impl Into<String>, proof: Proof) -> Self {
        Self::new(what, "", Act::Await(proof))
    }

    pub fn fetch(what: impl Into<String>, fetch: Fetch) -> Self {
        Self::new(what, "", Act::Fetch(Box::new(fetch)))
    }

    /// It leaves an object suspended, cordoned, scaled or paused.
    #[must_use]
    pub fn holding(mut self, word: &str, object: String) -> Self {
        self.leaves = Leaves::Held { word: word.to_owned(), object };
        self
    }

    /// It reverts what an earlier step left.
    #[must_use]
    pub fn freeing(mut self, object: String) -> Self {
        self.leaves = Leaves::Freed { object };
        self
    }

    /// Whether it reverts what was done to this object.
    pub fn frees(&self, object: &str) -> bool {
        matches!(&self.leaves, Leaves::Freed { object: freed } if freed == object)
    }

    /// What it changes, in a form that is the same in a later plan: method and path, or a program's words. Empty for
    /// what only waits.
    pub fn sends(&self) -> String {
        match &self.act {
            Act::Send(request) => format!("{} {}", request.method, request.path),
            Act::Local(argv) => argv.join(" "),
            Act::Evict(evictions) => format!("POST pods/eviction {}", evictions.node),
            Act::Await(_) | Act::Fetch(_) | Act::Ask { .. } | Act::Manual(_) => String::new(),
        }
    }

    pub fn evict(what: impl Into<String>, twin: impl fmt::Display, evictions: Evictions) -> Self {
        Self::new(what, twin, Act::Evict(Box::new(evictions)))
    }

    /// What this step sends, if it sends.
    pub fn request(&self) -> Option<&Request> {
        match &self.act {
            Act::Send(request) => Some(request),
            _ => None,
        }
    }
}

/// What must be seen before a step counts as done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    pub via: Via,
    /// What is read, again and again. `{/metadata/name}` is replaced by a field of the last answer.
    pub path: String,
    pub check: Check,
    /// Seconds until it is called unknown.
    pub limit: u32,
}

/// A text at an address that an object gives out. Everyone with the address may read it: the address is never shown,
/// logged or recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetch {
    /// The object, read again and again until the address is there.
    pub path: String,
    /// Where in it the address is.
    pub pointer: &'static str,
    /// The right to read it.
    pub right: Right,
    /// Addresses that it may lead to besides a public https one: `http://minio.velero.svc:9000`, as storage is
    /// configured.
    pub origins: Vec<String>,
    /// Seconds until there must be an address.
    pub limit: u32,
    /// Where else to look when it is not available: `see the logs of the pod`.
    pub instead: String,
}

impl Fetch {
    /// In words, for the preview.
    pub fn told(&self) -> String {
        let more = self.origins.iter().map(|origin| format!(" or {origin}")).collect::<Vec<_>>().concat();
        format!("GET {}, then the address at {} (https{more})", self.path, dotted(self.pointer))
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// These paths have to be read first.
    Need(Vec<String>),
    /// It would be wrong; why, and the way out.
    Refuse(String),
}

impl Stop {
    pub fn refuse(why: impl Into<String>) -> Self {
        Self::Refuse(why.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_risk_wins() {
        assert_eq!(Risk::Press.or(Risk::Name("a".into())), Risk::Name("a".into()));
        assert_eq!(Risk::Context("c".into()).or(Risk::Press), Risk::Context("c".into()));
    }
}
