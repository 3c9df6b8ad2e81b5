//! One entry of the timeline: what happened when, to what, in words that outlive the objects. One JSON line each on
//! disk; markdown and plain lines for people. No I/O and no clock.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::ages::{self, Time};
use super::health::Severity;
use super::{redact, text};

/// What an entry reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// An incident began.
    Onset,
    /// It became more severe.
    Worse,
    /// It became less severe.
    Better,
    /// It is over: what failed is healthy.
    Healed,
    /// It is over because what failed no longer exists.
    Gone,
    /// Something came in, went or came back, without an action from here.
    Change,
    /// A plan began or ended.
    Action,
    /// A silence began or ended.
    Silence,
}

impl What {
    const ALL: [Self; 8] =
        [Self::Onset, Self::Worse, Self::Better, Self::Healed, Self::Gone, Self::Change, Self::Action, Self::Silence];

    pub fn word(self) -> &'static str {
        match self {
            Self::Onset => "onset",
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Healed => "healed",
            Self::Gone => "gone",
            Self::Change => "change",
            Self::Action => "action",
            Self::Silence => "silence",
        }
    }

    /// Whether it is about the course of an incident.
    pub fn is_incident(self) -> bool {
        matches!(self, Self::Onset | Self::Worse | Self::Better | Self::Healed | Self::Gone)
    }
}

/// Two entries about the same thing within so many seconds are one that two consoles have seen.
const NEAR: i64 = 10;
/// How many entries are kept, in memory and on disk.
pub const MOST: usize = 5000;
/// How long they are kept, in seconds.
pub const KEPT: i64 = 86_400;

/// One entry. All texts are one line and sanitised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Moment {
    pub time: Time,
    pub what: What,
    pub severity: Option<Severity>,
    /// `HelmRelease`, `Registry`, `Silence`.
    pub kind: Box<str>,
    /// Empty where it is about no namespace.
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub words: Box<str>,
    /// Identifies entries about the same thing, in any session.
    pub id: Box<str>,
    /// `Node worker-3`: what explains it, if it is not its own root.
    pub root: Box<str>,
    /// It was so already when the console began to look: the time is from the object, or when it was seen.
    pub at_start: bool,
}

impl Moment {
    pub fn new(time: Time, what: What, subject: (&str, &str, &str), words: &str) -> Self {
        let (kind, namespace, name) = subject;
        Self {
            time,
            what,
            severity: None,
            kind: clean(kind),
            namespace: clean(namespace),
            name: clean(name),
            words: clean(words),
            id: Box::default(),
            root: Box::default(),
            at_start: false,
        }
    }

    /// A plan begins: its title, by whom and why; the first of its objects as `KIND/NAMESPACE/NAME`.
    pub fn began(time: Time, title: &str, operator: &str, reason: &str, objects: &[String]) -> Self {
        let by = if operator.is_empty() { String::new() } else { format!(" by {operator}") };
        let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        Self::new(time, What::Action, subject(objects), &format!("{title}{by}{why}"))
    }

    /// A plan ends: the outcome's word and what was seen.
    pub fn ended(time: Time, title: &str, outcome: &str, detail: &str, objects: &[String]) -> Self {
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        Self::new(time, What::Action, subject(objects), &format!("{outcome}: {title}{detail}"))
    }

    /// `shop/cart`, or the name alone where there is no namespace.
    pub fn place(&self) -> String {
        match &*self.namespace {
            "" => self.name.to_string(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// `Deployment shop/cart`.
    pub fn told(&self) -> String {
        format!("{} {}", self.kind, self.place())
    }

    /// That the reason of something was found: that is about our knowledge, not about the cluster.
    pub fn is_bookkeeping(&self) -> bool {
        self.what == What::Change && !self.root.is_empty()
    }

    /// Whether both report the same, as two consoles do that look at one cluster.
    pub fn is_same(&self, other: &Self) -> bool {
        let subject = |m: &Self| (m.kind.clone(), m.namespace.clone(), m.name.clone());
        self.what == other.what
            && (self.time.0 - other.time.0).abs() <= NEAR
            && self.id == other.id
            // how long it lasted may differ by a second
            && (self.what.is_incident() || self.words == other.words)
            && subject(self) == subject(other)
    }

    /// One line of JSON, without its end.
    pub fn line(&self) -> String {
        let mut map = Map::new();
        let mut put = |name: &str, value: Value| drop(map.insert(name.to_owned(), value));
        put("time", json!(self.time.timestamp().to_string()));
        put("what", json!(self.what.word()));
        if let Some(severity) = self.severity {
            put("severity", json!(severity.to_string()));
        }
        for (name, text) in [
            ("kind", &self.kind),
            ("namespace", &self.namespace),
            ("name", &self.name),
            ("words", &self.words),
            ("id", &self.id),
            ("root", &self.root),
        ] {
            if !text.is_empty() {
                put(name, json!(text));
            }
        }
        if self.at_start {
            put("atStart", json!(true));
        }
        Value::Object(map).to_string()
    }

    /// An entry as it was written; `None` when it is none. Anybody may have written the file: its text is sanitised
    /// again.
    pub fn parse(line: &str) -> Option<Self> {
        let Value::Object(map) = serde_json::from_str(line).ok()? else { return None };
        let raw = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or("");
        let clean = |name: &str| clean(raw(name));
        Some(Self {
            time: Time::parse(raw("time"))?,
            what: What::ALL.into_iter().find(|what| what.word() == raw("what"))?,
            severity: severity(raw("severity")),
            kind: clean("kind"),
            namespace: clean("namespace"),
            name: clean("name"),
            words: clean("words"),
            id: clean("id"),
            root: clean("root"),
            at_start: map.get("atStart") == Some(&Value::Bool(true)),
        })
    }
}

/// One line, and no address with its login.
fn clean(raw: &str) -> Box<str> {
    Box::from(&*text::line(&redact::urls(raw)))
}

fn severity(word: &str) -> Option<Severity> {
    [Severity::P1, Severity::P2, Severity::P3, Severity::P4].into_iter().find(|s| s.to_string() == word)
}

/// `KIND/NAMESPACE/NAME` of the first object.
fn subject(objects: &[String]) -> (&str, &str, &str) {
    let mut parts = objects.first().map_or("", |first| first).splitn(3, '/');
    let mut next = || parts.next().unwrap_or("");
    (next(), next(), next())
}

/// Sorts by time, the oldest first, and removes duplicates, and what is more than is kept.
pub fn settle(moments: &mut Vec<Moment>, now: Time) {
    moments.retain(|m| m.time.age(now) <= KEPT);
    moments.sort_by(|a, b| (a.time, &a.kind, &a.namespace, &a.name).cmp(&(b.time, &b.kind, &b.namespace, &b.name)));
    let mut kept: Vec<Moment> = Vec::with_capacity(moments.len());
    for moment in moments.drain(..) {
        let near = kept.iter().rev().take_while(|k| moment.time.0 - k.time.0 <= NEAR);
        if !near.into_iter().any(|k| k.is_same(&moment)) {
            kept.push(moment);
        }
    }
    kept.drain(..kept.len().saturating_sub(MOST));
    *moments = kept;
}

/// The zone of the clock on the screen: UTC, or that of the machine.
pub fn zone(utc: bool) -> jiff::tz::TimeZone {
    if utc { jiff::tz::TimeZone::UTC } else { jiff::tz::TimeZone::system() }
}

/// The clock of a time: the hour today, and with its day before; in UTC or as the machine has it.
pub fn clock(time: Time, now: Time, utc: bool) -> String {
    let zone = zone(utc);
    let (then, today) = (time.timestamp().to_zoned(zone.clone()), now.timestamp().to_zoned(zone));
    let end = if utc { "Z" } else { "" };
    if then.date() == today.date() {
        format!("{}{end}", then.strftime("%H:%M:%S"))
    } else {
        format!("{}{end}", then.strftime("%m-%d %H:%M"))
    }
}

/// As a line for people.
pub fn told(moment: &Moment, now: Time, utc: bool) -> String {
    let severity = moment.severity.map_or_else(|| "  ".to_owned(), |s| s.to_string());
    format!(
        "{:>12} {:>6}  {:<7} {severity} {}: {}{}",
        clock(moment.time, now, utc),
        ages::told(moment.time.age(now).max(0)),
        moment.what.word(),
        moment.told(),
        moment.words,
        notes(moment)
    )
}

/// What follows the words.
pub fn notes(moment: &Moment) -> String {
    let mut out = String::new();
    if !moment.root.is_empty() {
        let _ = write!(out, " <- {}", moment.root);
    }
    if moment.at_start {
        out.push_str(" (seen at start)");
    }
    out
}

/// Text from anywhere, escaped for a line or a cell of markdown.
pub fn escaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// As a table in markdown, in the given order.
pub fn markdown<'m>(moments: impl IntoIterator<Item = &'m Moment>, title: &str) -> String {
    let mut out = format!("## {}\n\n| time | what | severity | object | words |\n|-|-|-|-|-|\n", escaped(title));
    for m in moments {
        let severity = m.severity.map_or_else(String::new, |s| s.to_string());
        let words = format!("{}{}", m.words, notes(m));
        let _ = writeln!(
            out,
            "| {} | {} | {severity} | {} | {} |",
            m.time.timestamp(),
            m.what.word(),
            escaped(&m.told()),
            escaped(&words)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(time: i64, what: What, words: &str) -> Moment {
        Moment::new(Time(time), what, ("Node", "", "worker-3"), words)
    }

    #[test]
    fn a_line_reads_back_as_what_was_written() {
        let mut whole = moment(1_795_255_200, What::Onset, "NotReady: a\u{1b}[31m \"quote\"\nnext");
        whole.severity = Some(Severity::P2);
        whole.root = "Node worker-4".into();
        whole.id = "o:Node:ff".into();
        whole.at_start = true;
        let line = whole.line();
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
        assert_eq!(Moment::parse(&line), Some(whole));
    }

    #[test]
    fn an_address_in_its_words_goes_without_its_login() {
        let reason = "see https://bob:hunter2@x/y?token=hunter2";
        let began = Moment::began(Time(1), "restart it", "alice", reason, &[]);
        assert_eq!(&*began.words, "restart it by alice (see https://x/y?…)");
        let line = began.line().replace("x/y?…", "bob:hunter2@x/y?token=hunter2");
        assert_eq!(Moment::parse(&line), Some(began), "a file of an older version may hold one");
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for line in ["", "{", "[]", "{}", r#"{"time":"x","what":"onset"}"#, r#"{"time":"2026-11-21T10:00:00Z"}"#] {
            assert_eq!(Moment::parse(line), None, "{line}");
        }
    }

    #[test]
    fn what_two_consoles_have_seen_is_told_once() {
        let mut all = vec![
            moment(100, What::Healed, "healed after 60s"),
            moment(103, What::Healed, "healed after 63s"),
            moment(103, What::Onset, "NotReady"),
            moment(104, What::Change, "NotReady"),
            moment(105, What::Change, "Ready"),
            moment(130, What::Healed, "healed after 9s"),
        ];
        settle(&mut all, Time(200));
        assert_eq!(all.iter().map(|m| m.time.0).collect::<Vec<_>>(), [100, 103, 104, 105, 130]);
    }

    #[test]
    fn a_day_and_5000_entries_are_kept() {
        let mut all: Vec<Moment> = (0..6000).map(|n| moment(n * 20, What::Change, &n.to_string())).collect();
        settle(&mut all, Time(120_000));
        assert!(all.len() <= MOST && all[0].time.0 >= 120_000 - KEPT, "{} {:?}", all.len(), all[0]);
        let mut all: Vec<Moment> = (0..6000).map(|n| moment(n, What::Change, &n.to_string())).collect();
        settle(&mut all, Time(6000));
        assert_eq!((all.len(), all[0].time.0), (MOST, 1000));
    }

    #[test]
    fn markdown_shows_hostile_words_as_words() {
        let out = markdown([&moment(0, What::Change, "a | b <script> `x`")], "shop");
        assert!(out.contains(r"a \| b \<script\> \`x\`"), "{out}");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(raw in ".{0,80}") {
            let _ = Moment::parse(&raw);
        }

        #[test]
        fn any_words_come_back_sanitised(raw in any::<String>()) {
            let one = moment(5, What::Change, &raw);
            let line = one.line();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(Moment::parse(&line), Some(one));
        }
    }
}
