//! News about one kind, and how fresh the feed of that news is.

use std::sync::Arc;

use super::ages::Time;
use super::interner::Sym;
use super::record::{KindId, Record, Uid};
use super::served::Served;

/// One piece of news.
#[derive(Debug, Clone)]
pub enum Change {
    Upsert(Record),
    Remove(Uid),
    /// A full list of `scope` begins; rows of before stay until [`Change::Listed`].
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

/// News of one kind, in order, with the strings that it needs.
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
    /// When the feed last said anything true, if it ever did.
    pub fresh: Option<Time>,
    /// The last error, in plain words, sanitised.
    pub error: Option<Box<str>>,
    /// Of a live feed: what it does without.
    pub lack: Lack,
    /// The namespaces that can be seen, when not all can.
    pub only: Box<[Box<str>]>,
    /// Where its objects live, once discovery has found it.
    pub api: Option<Arc<Served>>,
    /// Where the news comes from: `helm.toolkit.fluxcd.io/v2`, or an address.
    pub origin: Box<str>,
    /// Objects that could not be decoded.
    pub bad: Vec<Bad>,
    /// Further notes on a feed that works: Services that look like the one that is used, how it is read where it cannot
    /// be watched, what the server warns of.
    pub aside: Box<str>,
    /// What failed is asked again in a moment: not its last word.
    pub soon: bool,
}

/// What a live feed of several servers does without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Lack {
    #[default]
    Nothing,
    /// A service was never found: an installation without it.
    Absent,
    /// A replica, a right, or some entries.
    Part,
    /// A service that was found and answers no more.
    Lost,
}

/// The words of a feed. Absent, forbidden, stale and unreachable are four different words, and never "0".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum FeedState {
    /// Nothing asked yet.
    #[default]
    Waiting,
    /// Not asked for: read once somebody opens it.
    Idle,
    /// The first list is under way; rows are partial.
    Listing {
        seen: u32,
    },
    Live,
    /// Had data, has lost touch: the rows are old.
    Stale,
    /// The API server refuses this identity.
    NoAccess,
    /// The API server does not serve this kind, or no such service was found.
    NotInstalled,
    /// Never had data, cannot get any.
    Unreachable,
    /// Something looks like such a service, and nobody's word is behind it: nothing is asked.
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

    /// Whether the rows can be trusted to be all there is, now.
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    /// Whether an operator is blind here although the thing may exist.
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
