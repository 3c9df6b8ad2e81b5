//! What a key or a word asks for (`Command`), and what follows from it (`Effect`): data, so that screens decide
//! without doing.

use crate::domain::record::{Key, KindId};

/// What the operator asks for. Every key and every word after `:` ends as one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    Back,
    Quit,
    HardQuit,
    HistoryBack,
    HistoryForward,
    Last,
    Palette,
    Filter,
    Help,
    Reload,
    Header,
    Wide,
    FaultsOnly,
    Freeze,
    /// `0` is all namespaces.
    Namespace(u8),
    Mark,
    Next,
    Describe,
    Yaml,
    Logs,
    PreviousLogs,
    Events,
    Node,
    Owner,
    Feeds,
    Guide,
    Copy,
    SortName,
    SortAge,
    SortStatus,
    SortNamespace,
    SortColumn,
    // the log view's own
    Follow,
    Wrap,
    Timestamps,
    Container,
    Since,
}

/// A screen that can be gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Home,
    Table(KindId),
    Feeds,
    Help,
    Contexts,
    Namespaces,
    Describe(Key),
    Yaml(Key),
    Events(Key),
    Logs {
        key: Key,
        previous: bool,
    },
    /// Objects whose name holds the text.
    Find(String),
}

/// Names one request, so that a late answer to a screen that is gone is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What to read for a screen. Everything is read anew; nothing is cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// The whole object.
    Object(Key),
    /// The events about an object.
    Events(Key),
}

/// Which log, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    pub namespace: Box<str>,
    pub pod: Box<str>,
    /// Empty: the pod's default container.
    pub container: Box<str>,
    pub previous: bool,
    /// Go on until cancelled.
    pub follow: bool,
    /// Only the last so many lines.
    pub tail: u32,
    /// Only what is younger, in seconds.
    pub since: Option<i64>,
}

/// What follows from a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Go(Place),
    Back,
    Quit,
    Fetch(Ticket, Fetch),
    Log(Ticket, LogQuery),
    /// The answer to this ticket is no longer wanted.
    Cancel(Ticket),
    /// List this kind again.
    Reload(KindId),
    /// Leave this cluster for that context.
    Connect(String),
    /// Put text into the terminal's clipboard.
    Copy(String),
    /// A word for the operator in the last line.
    Say(String),
    /// The same, for something that did not work.
    Complain(String),
    /// Restrict everything to a namespace, or to none.
    Namespace(Option<String>),
}

/// One row of the keymap.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    pub command: Command,
    /// The name in the configuration's `[keys]`.
    pub name: &'static str,
    /// Chords as written: `shift-t`, `ctrl-c`, `enter`, `G`.
    pub chords: &'static [&'static str],
    /// What it does, in a few words.
    pub help: &'static str,
    pub group: Group,
}

/// How help arranges keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    Go,
    Look,
    Sort,
    /// Only in the log view.
    Log,
}
