//! The note for whoever comes next, in markdown, from the present state: what is open, what was done, what is silenced,
//! suspended and blind, what healed. What cannot be seen is said, never left out.

use std::fmt::Write as _;

use super::pager::Pager;
use super::timeline::related;
use super::world::{Link, World};
use super::{More, Screen, ScreenSpec, Size, contexts};
use crate::domain::ages;
use crate::domain::change::FeedState;
use crate::domain::health::Severity;
use crate::domain::moment::{Moment, What, escaped};
use crate::domain::record::KindId;
use crate::domain::text;
use crate::intent::{Command, Effect, Place};
use crate::kinds::{self, Api, flux, silences};
use crate::scene::{Line, Tone};
use crate::store::table::Row;
use crate::triage::{self, Incident};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "handover",
    aliases: &["ho", "shift"],
    help: "a note for the next on-call, to be copied as markdown",
    place: || Place::Handover,
};

/// How far back the note looks, in seconds.
const SHIFT: i64 = 12 * 3600;
/// Entries of one section that are listed; the rest is counted.
const MOST: usize = 60;

/// The note.
pub fn note(world: &World) -> String {
    let facts = &world.facts;
    let now = facts.now;
    let mut out = format!("# Handover: {}\n\nAs of {}.\n", escaped(&facts.context), now.timestamp());
    match &facts.link {
        Link::Up => {}
        Link::Connecting => out.push_str("\n**Not connected yet: what follows is from disk.**\n"),
        Link::Down { since, headline, detail, .. } => {
            let age = ages::told(since.age(now).max(0));
            let why = text::with_detail(headline, detail);
            let _ = writeln!(out, "\n**Disconnected for {age}: {}.**", escaped(&why));
        }
    }
    let all = world.timeline.log.all(now);
    let recent: Vec<&Moment> = all.iter().map(|told| &told.moment).filter(|m| m.time.age(now) <= SHIFT).collect();
    open(world, &recent, &mut out);
    let of = |what| recent.iter().rev().filter(move |m| m.what == what);
    list(&mut out, "Done in the last 12 hours", "nothing that the audit of this machine tells", of(What::Action));
    list(&mut out, "Healed in the last 12 hours", "nothing that was seen", of(What::Healed));
    silenced(world, &mut out);
    suspended(world, &mut out);
    blind(world, &mut out);
    out
}

fn entry(moment: &Moment) -> String {
    let severity = moment.severity.map_or_else(String::new, |s| format!("{s} "));
    let subject = if moment.kind.is_empty() { String::new() } else { format!("{}: ", moment.told()) };
    format!("- {} {severity}{}{}", moment.time.timestamp(), escaped(&subject), escaped(&moment.words))
}

fn list<'m>(out: &mut String, title: &str, none: &str, moments: impl Iterator<Item = &'m &'m Moment>) {
    let lines: Vec<String> = moments.map(|m| entry(m)).collect();
    part(out, title, none, &lines);
}

fn part(out: &mut String, title: &str, none: &str, lines: &[String]) {
    let _ = writeln!(out, "\n## {title}\n");
    if lines.is_empty() {
        let _ = writeln!(out, "{none}");
    }
    for line in lines.iter().take(MOST) {
        let _ = writeln!(out, "{line}");
    }
    if lines.len() > MOST {
        let _ = writeln!(out, "- and {} more", lines.len() - MOST);
    }
}

fn open(world: &World, recent: &[&Moment], out: &mut String) {
    let mut lines = Vec::new();
    let (muted, open): (Vec<&Incident>, Vec<&Incident>) = world.triage.incidents().iter().partition(|i| i.muted);
    for severity in [Severity::P1, Severity::P2, Severity::P3, Severity::P4] {
        for incident in open.iter().filter(|i| i.severity == severity) {
            lines.push(told(incident, world));
            lines.extend(done(incident, world, recent));
        }
    }
    if !muted.is_empty() {
        lines.push(format!("- {} more are silenced or inhibited", muted.len()));
    }
    let blind = world.is_blind() || world.facts.link != Link::Up;
    let none = if blind { "unknown: nothing can be seen" } else { "nothing is wrong in what can be seen" };
    part(
        out,
        &format!("Open incidents ({})", if blind { "?".to_owned() } else { open.len().to_string() }),
        none,
        &lines,
    );
}

fn told(incident: &Incident, world: &World) -> String {
    let World { store, triage, facts, .. } = world;
    let (kind, name) = triage::title(store, triage, incident.subject, &facts.context);
    let since = incident.severe.map_or_else(
        || ", nobody knows since when".to_owned(),
        |at| format!(", for {} (since {})", ages::told(at.age(facts.now).max(0)), at.timestamp()),
    );
    let why = triage.finding(incident.subject).map_or("", |finding| &finding.why);
    let mut line =
        format!("- **{}** {}{since}: {}", incident.severity, escaped(&format!("{kind} {name}")), escaped(why));
    if incident.explains > 0 {
        let _ = write!(line, "; explains {} more", incident.explains);
    }
    if incident.users {
        line.push_str("; users may notice");
    }
    if let Some((row, at)) = incident.changed.and_then(|(id, at)| Some((store.row(id)?, at))) {
        let text =
            format!("{} {}", row.record.full_name(&store.strings), row.record.text(flux::REVISION, &store.strings));
        let _ = write!(line, "; after a change at {}: {}", at.timestamp(), escaped(&text));
    }
    line
}

/// What was done about it.
fn done(incident: &Incident, world: &World, recent: &[&Moment]) -> Vec<String> {
    let actions: Vec<&&Moment> = recent.iter().filter(|m| m.what == What::Action).collect();
    if actions.is_empty() {
        return Vec::new();
    }
    let Some(anchor) = world.triage.anchor(&world.store, incident.subject) else { return Vec::new() };
    let about = related(&anchor, world);
    let mine = actions.into_iter().filter(|m| about.contains(&m.told()));
    mine.map(|m| format!("  - done at {}: {}", m.time.timestamp(), escaped(&m.words))).collect()
}

/// Why a kind cannot be reported now, if so.
fn unseen(world: &World, kind: KindId) -> Option<String> {
    let state = world.store.table(kind).feed.state;
    let blind = state.is_blind() || matches!(state, FeedState::Waiting) || world.facts.link != Link::Up;
    blind.then(|| format!("unknown: the feed is {}", state.word()))
}

fn silenced(world: &World, out: &mut String) {
    let strings = &world.store.strings;
    let mut lines: Vec<String> = unseen(world, kinds::SILENCE).into_iter().collect();
    let rows = world.store.table(kinds::SILENCE).iter();
    for (_, row) in rows.filter(|(_, row)| strings.get(row.record.status) == silences::State::Active.word()) {
        let record = &row.record;
        let until = record.time(silences::ENDS).map_or_else(
            || "without an end".to_owned(),
            |at| format!("until {} (in {})", at.timestamp(), ages::told((at.0 - world.facts.now.0).max(0))),
        );
        let text = format!("{} by {}", record.text(silences::MATCHERS, strings), record.text(silences::BY, strings));
        let note = if record.note.is_empty() { String::new() } else { format!(": {}", escaped(&record.note)) };
        lines.push(format!("- {} {until}{note}", escaped(&text)));
    }
    part(out, "Silences", "none", &lines);
}

fn suspended(world: &World, out: &mut String) {
    let mut lines = Vec::new();
    // pods are never suspended, and there are many of them
    for (kind, table) in world.store.tables().filter(|(kind, _)| *kind != kinds::POD) {
        for (_, row) in table.iter().filter(|(_, row)| row.record.suspended == Some(true)) {
            lines.push(suspension(kinds::spec(kind), row, world));
        }
    }
    for kind in kinds::with_revisions() {
        lines.extend(unseen(world, kind).map(|why| format!("- {}: {why}", kinds::spec(kind).title)));
    }
    part(out, "Suspended", "nothing that is read", &lines);
}

fn suspension(spec: &kinds::KindSpec, row: &Row, world: &World) -> String {
    let strings = &world.store.strings;
    let of_flux = matches!(spec.api, Api::Watch { group, .. } if group.contains("fluxcd"));
    let mut line = format!("- {}", escaped(&format!("{} {}", spec.name, row.record.full_name(strings))));
    if of_flux {
        match row.record.text(flux::SUSPENDED_BY, strings) {
            "" => line.push_str(" by somebody unknown"),
            by => {
                let _ = write!(line, " by {}", escaped(by));
            }
        }
        if let Some(since) = row.record.time(flux::SINCE).filter(|at| at.is_set()) {
            let _ = write!(line, ", for {}", ages::told(since.age(world.facts.now).max(0)));
        }
    }
    line
}

fn blind(world: &World, out: &mut String) {
    let mut lines = Vec::new();
    for (kind, table) in world.store.tables() {
        let spec = kinds::spec(kind);
        let (state, lost) = (table.feed.state, world.facts.link != Link::Up);
        if state.is_blind() || (lost && state == FeedState::Waiting) {
            let why = table.feed.error.as_ref().map_or_else(String::new, |why| format!(" ({})", escaped(why)));
            lines.push(format!("- {}: {}, blind to {}{why}", spec.title, state.word(), spec.blinds));
        } else if !table.feed.only.is_empty() {
            lines.push(format!("- {}: only of {}", spec.title, escaped(&table.feed.only.join(", "))));
        }
    }
    let unwatched = world.facts.unwatched.iter();
    lines.extend(unwatched.map(|kind| format!("- {}: not watched: {}", escaped(&kind.told()), kind.misses)));
    part(out, "Blind", "to nothing that is read", &lines);
}

#[derive(Debug, Default)]
pub struct Handover {
    pager: Pager,
    text: String,
    width: u16,
    asked: bool,
}

impl Screen for Handover {
    fn title(&self, _world: &World) -> String {
        "Handover".to_owned()
    }

    fn place(&self) -> Place {
        Place::Handover
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        match command {
            // as it was written, not as it is wrapped
            Command::Copy => Some(vec![Effect::Copy(self.text.clone())]),
            Command::Reload => Some(vec![Effect::Deeds]),
            _ => self.pager.command(command),
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let text = note(world);
        if text != self.text || size.width != self.width {
            self.pager.set(lines(&text, size.width));
            (self.text, self.width) = (text, size.width);
        }
        self.pager.resize(size);
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        vec![Effect::Deeds]
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    /// As it is: a note for pipes is markdown.
    fn all_lines(&mut self, world: &World, _width: u16) -> Vec<Line> {
        note(world).lines().map(|line| Line::of(line.to_owned(), Tone::Plain)).collect()
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Copy, Command::Filter, Command::Timeline, Command::Reload, Command::Back]
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}

/// The note as it is read on a screen.
fn lines(text: &str, width: u16) -> Vec<Line> {
    let wide = usize::from(width).saturating_sub(4).max(20);
    let mut out = Vec::new();
    for line in text.lines() {
        let tone = if line.starts_with('#') { Tone::Title } else { Tone::Plain };
        if line.is_empty() {
            out.push(Line::new());
        }
        let plain = line.replace('\\', "");
        for (n, part) in contexts::wrap(plain.trim_start_matches('#').trim_end(), wide).into_iter().enumerate() {
            out.push(Line::of(format!("{}{part}", if n == 0 { " " } else { "   " }), tone));
        }
    }
    out
}
