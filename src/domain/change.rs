//! Changes of one kind's objects, and how fresh the feed of these changes is.

use std::sync::Arc;

use super::ages::Time;
use super::interner::Sym;
use super::record::{KindId, Record, Uid};
use super::served::Served;

/// One change.
#[derive(Debug, Clone)]
pub enum Change {
    Upsert(Record),
    Remove(Uid),
    /// A full list of `scope` begins; earlier rows stay until [`Change::Listed`].
    Listing {
        scope: Scope,
    },
    /// The full list is complete: rows of `scope` that were not in it are gone.
    Listed {
        scope: Scope,
    },
    Feed(Feed),
}

/// What a list covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    All,
    Namespace(Sym),
}

/// Changes of one kind, in order, with the strings that they need.
#[derive(Debug)]
pub struct Batch {
    pub kind: KindId,
    pub strings: Vec<Arc<str>>,
    pub changes: Vec<Change>,
}

/// The state of the feed of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Feed {
    pub state: FeedState,
    /// When the state began.
    pub since: Time,
    /// When the feed last reported anything valid, if it ever did.
    pub fresh: Option<Time>,
    /// The last error, in plain words, sanitised.
    pub error: Option<Box<str>>,
    /// For a live feed: what is missing.
    pub lack: Lack,
    /// The namespaces that can be seen, when not all can.
    pub only: Box<[Box<str>]>,
    /// Where its objects live, once discovery has found it.
    pub api: Option<Arc<Served>>,
    /// Where the changes come from: `helm.toolkit.fluxcd.io/v2`, or an address.
    pub origin: Box<str>,
    /// Objects that could not be decoded.
    pub bad: Vec<Bad>,
    /// Further notes on a feed that works: Services that look like the one that is used, the way in which a kind is
    /// read that cannot be watched, what the server warns of.
    pub aside: Box<str>,
    /// The request will be repeated soon: the state is not final.
    pub soon: bool,
}

/// What is missing from a live feed of several servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Lack {
    #[default]
    Nothing,
    /// A service was never found: an installation without it.
    Absent,
    /// A replica, a right, or some entries.
    Part,
    /// A service that was found and no longer answers.
    Lost,
}

/// The words of a feed. Absent, forbidden, stale and unreachable are four different words, and never "0".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum FeedState {
    /// Nothing asked yet.
    #[default]
    Waiting,
    /// Not requested: read when it is first opened.
    Idle,
    /// The first list is being read; rows are partial.
    Listing {
        seen: u32,
    },
    Live,
    /// Had data, has lost the connection: the rows are old.
    Stale,
    /// The API server refuses this identity.
    NoAccess,
    /// The API server does not serve this kind, or no such service was found.
    NotInstalled,
    /// Never had data, cannot get any.
    Unreachable,
    /// Something looks like such a service, but nothing confirms it: it is not asked.
    Unconfirmed,
    /// Switched off in the configuration.
    Off,
}

impl FeedState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Idle => "on demand",
            Self::Listing { .. } => "listing",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::NoAccess => "no access",
            Self::NotInstalled => "not installed",
            Self::Unreachable => "unreachable",
            Self::Unconfirmed => "not confirmed",
            Self::Off => "off",
        }
    }

    /// Whether the rows are certain to be complete, now.
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    /// Whether an operator cannot see objects that may exist.
    pub fn is_blind(self) -> bool {
        matches!(self, Self::Stale | Self::NoAccess | Self::Unreachable | Self::Unconfirmed)
    }
}

/// An object that could not be decoded: counted and named, and its page is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    pub name: Box<str>,
    pub error: Box<str>,
}
