//! What a key or a word asks for (`Command`), and what follows from it (`Effect`): data, so that screens decide
//! without doing.

use std::cell::Cell;
use std::rc::Rc;

use crate::domain::incident::Anchor;
use crate::domain::moment::Moment;
use crate::domain::plan::Plan;
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
    /// The next field, the next container.
    Next,
    /// The field before.
    Previous,
    Describe,
    Yaml,
    Logs,
    PreviousLogs,
    Events,
    Node,
    Owner,
    Feeds,
    Timeline,
    Guide,
    Copy,
    SortName,
    SortAge,
    SortStatus,
    SortNamespace,
    SortColumn,
    /// Every action for the row.
    Actions,
    Toggle,
    Refresh,
    Restart,
    Silence,
    Backup,
    Delete,
    /// Yes, in a preview.
    Approve,
    /// Stop the plan after this step.
    StopPlan,
    /// Continue an interrupted plan with the remaining steps.
    Continue,
    /// Dismiss it: it is not continued, and no longer reported.
    Dismiss,
    // the log view's own
    Follow,
    Wrap,
    Timestamps,
    Since,
}

/// A screen that can be gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Home,
    Table(KindId),
    /// The same, unhealthy only.
    Faults(KindId),
    /// The platform's health, question by question.
    Health,
    Feeds,
    /// Which Services are used as Prometheus, Alertmanager or OpenBao, and which only look like one.
    Trust,
    Help,
    Contexts,
    Namespaces,
    Describe(Key),
    Yaml(Key),
    Events(Key),
    /// What to do about it.
    Guide(Key),
    /// The evidence of an incident.
    Incident(Anchor),
    /// Every action for these objects.
    Actions(Vec<Key>),
    /// An action, before it is approved.
    Preview(Deed),
    /// The components of the platforms that are here.
    Platform,
    /// One of them; without a component, the platform as a whole.
    Component {
        profile: String,
        component: String,
    },
    /// The plans of this session.
    Plans,
    /// One of them.
    Run(RunId),
    /// One that was interrupted, by the audit's name of it.
    Left(Box<str>),
    /// What was done, as recorded.
    Audit,
    /// What happened.
    Timeline(Scope),
    /// One entry of that.
    Moment(Box<Moment>),
    /// A note for whoever comes next.
    Handover,
    Logs {
        key: Key,
        previous: bool,
    },
    /// Objects whose name holds the text.
    Find(String),
}

/// Of what a timeline tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    All,
    Namespace(String),
    /// An incident: its root, what it explains, and what of Flux manages them.
    Incident(Anchor),
}

impl Place {
    /// The kind whose objects are looked at there.
    pub fn kind(&self) -> Option<KindId> {
        match self {
            Self::Table(kind) | Self::Faults(kind) => Some(*kind),
            Self::Describe(key) | Self::Yaml(key) | Self::Events(key) | Self::Guide(key) | Self::Logs { key, .. } => {
                Some(key.kind)
            }
            Self::Actions(keys) | Self::Preview(Deed { keys, .. }) => keys.first().map(|key| key.kind),
            Self::Incident(Anchor::Group(_))
            | Self::Platform
            | Self::Component { .. }
            | Self::Plans
            | Self::Run(_)
            | Self::Left(_)
            | Self::Audit
            | Self::Timeline(_)
            | Self::Moment(_)
            | Self::Handover
            | Self::Home
            | Self::Health
            | Self::Feeds
            | Self::Trust
            | Self::Help
            | Self::Contexts
            | Self::Namespaces
            | Self::Find(_) => None,
            Self::Incident(Anchor::Object(key)) => Some(key.kind),
        }
    }
}

/// Names one request, so that a late answer to a screen that is gone is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Ticket {
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Hands out tickets, each once; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Tickets(Rc<Cell<u64>>);

impl Tickets {
    #[must_use]
    pub fn next(&self) -> Ticket {
        self.0.set(self.0.get() + 1);
        Ticket(self.0.get())
    }
}

/// What to read for a screen. Everything is read live; nothing is cached.
#[derive(Debug, Clone, PartialEq)]
pub enum Fetch {
    /// The whole object.
    Object(Key),
    /// The events about an object.
    Events(Key),
    /// These paths of the API server, each by itself.
    Paths(Vec<String>),
    /// The rights for a plan, and what the server would say to it.
    Check(Box<Plan>),
    /// The newest lines of the audit.
    Audit,
}

/// Names a plan that runs or ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// Something to do to objects, before it is a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub action: &'static str,
    pub keys: Vec<Key>,
    /// The interrupted plan that this continues, as the audit names it.
    pub continues: Option<Box<str>>,
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
#[derive(Debug, Clone, PartialEq)]
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
    /// Start the feed of this kind, if it does not run.
    Watch(KindId),
    /// Leave this cluster for that context.
    Connect(String),
    /// Put text into the terminal's clipboard.
    Copy(String),
    /// A word for the operator in the last line.
    Say(String),
    /// The same, for something that did not work.
    Complain(String),
    /// The key means nothing here.
    Unused,
    /// Restrict everything to a namespace, or to none.
    Namespace(Option<String>),
    /// Run a plan that was approved.
    Run(Box<Plan>),
    /// The same, as the app numbered it.
    Start(RunId, Box<Plan>),
    /// Stop a plan after the step that runs.
    Stop(RunId),
    /// Write entries of the timeline down.
    Record(Vec<Moment>),
    /// Read again what other sessions have done.
    Deeds,
    /// An unfinished plan is not continued: its run, as the audit names it, and why.
    Dismiss(Box<str>, String),
    /// Open the input line with the beginning of a command.
    Type(String),
    /// Allow writing in a read-only context for a while; why.
    Unlock(String),
    /// Use this Service from now on: the configuration's word for it, and `namespace/name`; there is no undo.
    Trust {
        service: String,
        place: String,
    },
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
    Act,
    /// Only in the log view.
    Log,
    /// Only in a preview or a plan.
    Plan,
}

impl Group {
    pub const ALL: [Self; 6] = [Self::Go, Self::Look, Self::Act, Self::Sort, Self::Log, Self::Plan];

    pub fn title(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Look => "look",
            Self::Act => "act",
            Self::Sort => "sort",
            Self::Log => "in a log",
            Self::Plan => "in a preview or a plan",
        }
    }
}

/// A key with its modifiers, independent of any terminal library. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    pub code: Code,
    pub ctrl: bool,
    pub alt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

impl Chord {
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// Whether it is a character where text is typed.
    pub fn is_text(self) -> bool {
        matches!(self.code, Code::Char(_)) && !self.ctrl && !self.alt
    }

    /// Whether it is a character of which names are made.
    pub fn is_of_name(self) -> bool {
        self.is_text() && matches!(self.code, Code::Char(c) if c.is_ascii_alphanumeric() || "-._".contains(c))
    }

    /// Reads `shift-t`, `ctrl-c`, `enter`, `G`, `f5`; `None` when it is no chord.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        loop {
            let lower = rest.to_ascii_lowercase();
            let (flag, prefix) = match () {
                () if lower.starts_with("ctrl-") && rest.len() > 5 => (&mut ctrl, 5),
                () if lower.starts_with("alt-") && rest.len() > 4 => (&mut alt, 4),
                () if lower.starts_with("shift-") && rest.len() > 6 => (&mut shift, 6),
                () => break,
            };
            *flag = true;
            rest = &rest[prefix..];
        }
        let mut chars = rest.chars();
        let code = match (chars.next()?, chars.next()) {
            (c, None) if shift => Code::Char(c.to_ascii_uppercase()),
            (c, None) if ctrl => Code::Char(c.to_ascii_lowercase()),
            (c, None) => Code::Char(c),
            _ => match &*rest.to_ascii_lowercase() {
                "enter" => Code::Enter,
                "esc" => Code::Esc,
                "tab" if shift => Code::BackTab,
                "tab" => Code::Tab,
                "backspace" => Code::Backspace,
                "delete" => Code::Delete,
                "up" => Code::Up,
                "down" => Code::Down,
                "left" => Code::Left,
                "right" => Code::Right,
                "home" => Code::Home,
                "end" => Code::End,
                "pgup" => Code::PageUp,
                "pgdn" => Code::PageDown,
                "space" => Code::Char(' '),
                other => Code::F(other.strip_prefix('f')?.parse().ok().filter(|n| (1..=12).contains(n))?),
            },
        };
        Some(Self { code, ctrl, alt })
    }
}

impl std::fmt::Display for Chord {
    /// As it is written in the help.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        f.write_str(match self.code {
            Code::Char(' ') => "space",
            Code::Char(c) if c.is_ascii_uppercase() => return write!(f, "shift-{}", c.to_ascii_lowercase()),
            Code::Char(c) => return write!(f, "{c}"),
            Code::F(n) => return write!(f, "f{n}"),
            Code::Enter => "enter",
            Code::Esc => "esc",
            Code::Tab => "tab",
            Code::BackTab => "shift-tab",
            Code::Backspace => "backspace",
            Code::Delete => "delete",
            Code::Up => "up",
            Code::Down => "down",
            Code::Left => "left",
            Code::Right => "right",
            Code::Home => "home",
            Code::End => "end",
            Code::PageUp => "pgup",
            Code::PageDown => "pgdn",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chord_is_told_as_it_is_read() {
        for text in ["a", "shift-t", "ctrl-r", "alt-x", "space", "-", "f5", "pgdn", "shift-tab", "ctrl-left", "?"] {
            assert_eq!(Chord::parse(text).map(|chord| chord.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn chords_are_read_as_they_are_written_in_the_help() {
        let char = |c| Some(Chord::plain(Code::Char(c)));
        assert_eq!(Chord::parse("shift-t"), char('T'));
        assert_eq!(Chord::parse("G"), char('G'));
        assert_eq!(Chord::parse("-"), char('-'));
        assert_eq!(Chord::parse("space"), char(' '));
        assert_eq!(Chord::parse("ctrl-c"), Some(Chord { code: Code::Char('c'), ctrl: true, alt: false }));
        assert_eq!(Chord::parse("f5"), Some(Chord::plain(Code::F(5))));
        assert_eq!(Chord::parse("hyper-x"), None);
        assert_eq!(Chord::parse(""), None);
    }
}
