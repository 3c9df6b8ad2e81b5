//! A pod's log: followed, bounded, filtered. Memory is bounded; what had to go is counted on screen.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::keys::Layer;
use super::world::World;
use super::{Screen, Size, contexts, wrap};
use crate::domain::record::Key;
use crate::domain::reply::{LogLine, LogNews, Reply};
use crate::intent::{Command, Effect, LogQuery, Place, Ticket, Tickets};
use crate::scene::{Line, Tone};
use crate::store::filter::{Fields, Filter};

/// Lines and bytes kept at most.
const MAX_LINES: usize = 20_000;
const MAX_BYTES: usize = 8 << 20;

/// Choices of [`Command::Since`], in seconds.
const SINCE: [Option<i64>; 4] = [None, Some(60), Some(600), Some(3600)];

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Logs {
    key: Key,
    ticket: Ticket,
    /// Each change of container, age or instance is a new request, with a ticket of its own.
    tickets: Tickets,
    asked: bool,
    previous: bool,
    since: usize,
    containers: Vec<String>,
    container: usize,
    lines: VecDeque<LogLine>,
    bytes: usize,
    dropped: u64,
    following: bool,
    wrap: bool,
    timestamps: bool,
    filter: Filter,
    /// Lines above the end, when not following.
    up: usize,
    /// Of the line at the bottom, so many rows below.
    inside: usize,
    /// Columns scrolled to the right, where lines are not wrapped.
    left: usize,
    width: usize,
    height: usize,
    end: Option<(String, bool)>,
}

impl Logs {
    pub fn new(key: Key, previous: bool, tickets: Tickets) -> Self {
        Self {
            key,
            ticket: tickets.next(),
            tickets,
            asked: false,
            previous,
            since: 0,
            containers: Vec::new(),
            container: 0,
            lines: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            following: true,
            wrap: false,
            timestamps: false,
            filter: Filter::default(),
            up: 0,
            inside: 0,
            left: 0,
            width: 80,
            height: 1,
            end: None,
        }
    }

    fn query(&self) -> LogQuery {
        LogQuery {
            namespace: self.key.namespace.clone(),
            pod: self.key.name.clone(),
            container: self.containers.get(self.container).map_or_else(Box::default, |c| c.as_str().into()),
            previous: self.previous,
            follow: !self.previous,
            tail: 2000,
            since: SINCE[self.since],
        }
    }

    /// Ends the current stream and starts a new one.
    fn again(&mut self) -> Vec<Effect> {
        let old = self.ticket;
        self.ticket = self.tickets.next();
        self.lines.clear();
        (self.bytes, self.dropped, self.up, self.inside) = (0, 0, 0, 0);
        self.end = None;
        self.following = true;
        vec![Effect::Cancel(old), Effect::Log(self.ticket, self.query())]
    }

    fn keep(&mut self, line: LogLine) {
        self.bytes += line.text.len() + line.time.len() + 48;
        // the lines under the eyes stay where they are
        if !self.following && self.admits(&line) {
            self.up += 1;
        }
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(old) = self.lines.pop_front() else { break };
            self.bytes -= old.text.len() + old.time.len() + 48;
            self.dropped += 1;
        }
    }

    fn admits(&self, line: &LogLine) -> bool {
        self.filter.is_empty() || self.filter.matches(&Text(line), &mut String::new())
    }

    fn shown(&self) -> Vec<&LogLine> {
        self.lines.iter().filter(|line| self.admits(line)).collect()
    }

    /// A line as it is shown.
    fn told<'l>(&self, line: &'l LogLine) -> Cow<'l, str> {
        if self.timestamps { Cow::Owned(format!("{} {}", line.time, line.text)) } else { Cow::Borrowed(&line.text) }
    }

    fn move_by(&mut self, command: Command) -> bool {
        let page = self.height.saturating_sub(1).max(1);
        let shown = self.shown();
        let rows = |up: usize| shown.len().checked_sub(up + 1).map_or(1, |at| self.rows(shown[at]).len());
        let higher = |(up, inside): (usize, usize)| if inside + 1 < rows(up) { (up, inside + 1) } else { (up + 1, 0) };
        let lower = |(up, inside): (usize, usize)| match (up, inside) {
            (up, 1..) => (up, inside - 1),
            (0, 0) => (0, 0),
            (up, 0) => (up - 1, rows(up - 1) - 1),
        };
        let here = (self.up, self.inside);
        let to = match command {
            Command::Up => higher(here),
            Command::Down => lower(here),
            Command::PageUp => (0..page).fold(here, |at, _| higher(at)),
            Command::PageDown => (0..page).fold(here, |at, _| lower(at)),
            Command::Top => (usize::MAX, 0),
            Command::Bottom => (0, 0),
            _ => return false,
        };
        let to = to.min(self.highest(&shown));
        (self.up, self.inside) = to;
        self.following = (self.up, self.inside) == (0, 0);
        true
    }

    /// The position at which the first line is at the top.
    fn highest(&self, shown: &[&LogLine]) -> (usize, usize) {
        let mut rows = 0;
        for (nth, line) in shown.iter().enumerate() {
            rows += self.rows(line).len();
            if rows >= self.height {
                return (shown.len() - nth - 1, rows - self.height);
            }
        }
        (0, 0)
    }

    /// A line in as many rows as it takes.
    fn rows(&self, line: &LogLine) -> Vec<String> {
        let text = self.told(line);
        if self.wrap {
            return wrap::whole(&text, self.width.saturating_sub(1));
        }
        vec![text.chars().skip(self.left).collect()]
    }

    fn state(&self) -> String {
        let mut parts = Vec::new();
        if let Some(name) = self.containers.get(self.container) {
            let of = if self.containers.len() > 1 {
                format!(" {}/{}", self.container + 1, self.containers.len())
            } else {
                String::new()
            };
            parts.push(format!("{name}{of}"));
        }
        if self.previous {
            parts.push("previous".to_owned());
        }
        if let Some(seconds) = SINCE[self.since] {
            parts.push(format!("since {}", crate::domain::ages::told(seconds)));
        }
        if self.dropped > 0 {
            parts.push(format!("{} older lines dropped", self.dropped));
        }
        if !self.following {
            parts.push(format!("{} below", self.up));
        }
        parts.join(", ")
    }
}

struct Text<'a>(&'a LogLine);

impl Fields for Text<'_> {
    fn text(&self, _column: usize, out: &mut String) {
        out.push_str(&self.0.text);
    }
    fn number(&self, _column: usize) -> Option<i64> {
        None
    }
    fn columns(&self) -> usize {
        1
    }
}

fn tone_of(text: &str) -> Tone {
    let head: String = text.chars().take(120).collect::<String>().to_ascii_lowercase();
    if ["error", "fatal", "panic"].iter().any(|w| head.contains(w)) {
        Tone::Bad
    } else if head.contains("warn") {
        Tone::Warn
    } else {
        Tone::Plain
    }
}

impl Screen for Logs {
    fn title(&self, _world: &World) -> String {
        format!("Log {}/{} {}", self.key.namespace, self.key.name, self.state())
    }

    fn place(&self) -> Place {
        Place::Logs { key: self.key.clone(), previous: self.previous }
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.move_by(command) {
            return Some(Vec::new());
        }
        Some(match command {
            Command::Follow => {
                self.following = !self.following;
                (self.up, self.inside) = (0, 0);
                Vec::new()
            }
            Command::Wrap => {
                self.wrap = !self.wrap;
                (self.left, self.inside) = (0, 0);
                Vec::new()
            }
            Command::Left | Command::Right if self.wrap => {
                let wrap = world.preferences.keys.first(Command::Wrap, Layer::Log);
                vec![Effect::Say(format!("lines are wrapped: {wrap} has them go on to the right"))]
            }
            Command::Left => {
                self.left = self.left.saturating_sub(16);
                Vec::new()
            }
            Command::Right => {
                let widest = self.shown().iter().map(|line| self.told(line).chars().count()).max().unwrap_or(0);
                self.left = (self.left + 16).min(widest.saturating_sub(16).next_multiple_of(16));
                Vec::new()
            }
            Command::Timestamps => {
                self.timestamps = !self.timestamps;
                Vec::new()
            }
            Command::Next if self.containers.len() > 1 => {
                self.container = (self.container + 1) % self.containers.len();
                // the previous instance was selected for the other container
                self.previous = false;
                self.again()
            }
            Command::Next => vec![Effect::Say("this pod has one container".to_owned())],
            Command::Since => {
                self.since = (self.since + 1) % SINCE.len();
                self.again()
            }
            Command::PreviousLogs | Command::Logs => {
                self.previous = command == Command::PreviousLogs && !self.previous;
                self.again()
            }
            Command::Reload => self.again(),
            Command::Back if !self.filter.is_empty() => {
                self.filter = Filter::default();
                Vec::new()
            }
            Command::Copy => {
                let text = self.shown().iter().map(|line| self.told(line).into_owned() + "\n").collect();
                vec![Effect::Copy(text)]
            }
            _ => return None,
        })
    }

    fn sync(&mut self, _world: &World, size: Size) -> Vec<Effect> {
        (self.width, self.height) = (usize::from(size.width), usize::from(size.height));
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        vec![Effect::Log(self.ticket, self.query())]
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        let (width, height) = (usize::from(size.width), usize::from(size.height));
        let shown = self.shown();
        let mut out: VecDeque<Line> = VecDeque::new();
        if (self.up, self.inside) == (0, 0)
            && let Some((why, failed)) = &self.end
        {
            let tone = if *failed { Tone::Bad } else { Tone::Dim };
            let parts = contexts::wrap(why, width.saturating_sub(2));
            out.extend(parts.into_iter().map(|part| Line::of(format!(" {part}"), tone)));
        }
        let mut first = true;
        for line in shown.iter().rev().skip(self.up) {
            let mut parts = self.rows(line);
            if std::mem::take(&mut first) {
                parts.truncate(parts.len() - self.inside.min(parts.len() - 1));
            }
            let tone = tone_of(&line.text);
            for part in parts.into_iter().rev() {
                out.push_front(Line::of(format!(" {part}"), tone));
            }
            if out.len() >= height {
                break;
            }
        }
        while out.len() > height {
            out.pop_front();
        }
        if shown.is_empty() && !self.lines.is_empty() {
            out.push_front(Line::of(" no line fits the filter", Tone::Dim));
        } else if out.is_empty() {
            let waiting = if self.containers.is_empty() { " reading" } else { " no lines yet" };
            out.push_back(Line::of(waiting, Tone::Dim));
        }
        out.into()
    }

    fn hints(&self) -> &'static [Command] {
        &[
            Command::Follow,
            Command::Wrap,
            Command::Timestamps,
            Command::Next,
            Command::Since,
            Command::PreviousLogs,
            Command::Filter,
            Command::Back,
        ]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        Some(self.key.clone())
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        let Reply::Log(news) = reply else { return };
        if ticket != self.ticket {
            return;
        }
        match news {
            LogNews::Containers(names, previous) => {
                if self.containers.is_empty() {
                    (self.containers, self.previous) = (names, previous);
                }
            }
            LogNews::Lines(lines) => lines.into_iter().for_each(|line| self.keep(line)),
            LogNews::Dropped(n) => self.dropped += n,
            LogNews::Ended(why) => self.end = Some((why, false)),
            LogNews::Failed(why) => self.end = Some((why, true)),
        }
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        let parsed = Filter::parse(text, &["LINE"]).map_err(|e| e.to_string());
        (self.up, self.inside) = (0, 0);
        self.following = true;
        // what is not understood hides nothing
        self.filter = parsed.as_ref().cloned().unwrap_or_default();
        parsed.map(drop)
    }

    fn filtered(&self) -> &str {
        self.filter.text()
    }

    fn layer(&self) -> Layer {
        Layer::Log
    }

    fn word(&self, command: Command) -> Option<&'static str> {
        (command == Command::Next).then_some("container")
    }

    fn leave(&mut self) -> Vec<Effect> {
        vec![Effect::Cancel(self.ticket)]
    }
}
