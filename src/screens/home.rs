//! Home: the incidents, the most urgent first, each with what it explains and the key that helps; and in one line the
//! state of the signals.

use std::fmt::Write as _;

use hashbrown::HashMap;

use super::body::Scroll;
use super::pager::paragraph;
use super::world::World;
use super::{Screen, ScreenSpec, Size, incident, naming};
use crate::domain::ages::{self, Time};
use crate::domain::change::FeedState;
use crate::domain::health::{Health, Severity};
use crate::domain::incident::Anchor;
use crate::domain::interner::Sym;
use crate::domain::record::{Key, KindId};
use crate::intent::{Command, Effect, Place};
use crate::kinds::{self, flux};
use crate::scene::{self, Keep, Line, Tone};
use crate::store::filter::{Fields, Filter};
use crate::triage::{self, Incident, Subject};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "home",
    aliases: &["incidents", "findings", "triage"],
    help: "what is wrong, most urgent first",
    place: || Place::Home,
};

/// How long a change is news, in seconds.
const RECENT: i64 = 1800;

#[derive(Debug, Default)]
pub struct Home {
    scroll: Scroll,
    cursor: Option<Identity>,
    filter: Filter,
    /// Indices into the ranked list that are shown.
    shown: Vec<usize>,
}

/// The columns as a filter names them.
const COLUMNS: [&str; 6] = ["SEV", "WHAT", "SINCE", "+", "WHY", "EXPLAINS"];

/// An incident as a filter sees it.
struct Row<'a> {
    entry: &'a Incident,
    world: &'a World,
    /// The filter also searches what it explains: who types a pod's name wants its incident.
    explains: &'a [Subject],
}

impl Row<'_> {
    fn age(&self) -> Option<i64> {
        self.entry.severe.map(|since| since.age(self.world.facts.now))
    }
}

impl Fields for Row<'_> {
    fn text(&self, column: usize, out: &mut String) {
        match column {
            0 => out.push_str(&self.entry.severity.to_string()),
            1 => out.push_str(&what(self.entry, self.world)),
            2 => out.push_str(&self.age().map_or_else(String::new, ages::told)),
            3 => out.push_str(&self.entry.explains.to_string()),
            4 => out.push_str(why(self.entry, self.world)),
            _ => {
                for subject in self.explains {
                    let (kind, name) = triage::title(&self.world.store, &self.world.triage, *subject, "");
                    let _ = write!(out, "{kind} {name} ");
                }
            }
        }
    }

    fn number(&self, column: usize) -> Option<i64> {
        match column {
            2 => self.age(),
            3 => Some(i64::from(self.entry.explains)),
            _ => None,
        }
    }

    fn columns(&self) -> usize {
        COLUMNS.len()
    }
}

/// What the cursor is on, however the list moves.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    Cluster,
    Feed(KindId),
    Plan(u64),
    Anchor(Anchor),
}

/// Whether the operator's word for a Service would end it.
fn is_unconfirmed(entry: &Incident, world: &World) -> bool {
    matches!(entry.subject, Subject::Feed(kind) if world.store.table(kind).feed.state == FeedState::Unconfirmed)
}

fn identity(entry: &Incident, world: &World) -> Option<Identity> {
    Some(match entry.subject {
        Subject::Cluster => Identity::Cluster,
        Subject::Feed(kind) => Identity::Feed(kind),
        Subject::Plan(id) => Identity::Plan(id),
        subject => Identity::Anchor(world.triage.anchor(&world.store, subject)?),
    })
}

fn why<'w>(entry: &Incident, world: &'w World) -> &'w str {
    world.triage.finding(entry.subject).map_or("", |finding| &finding.why)
}

impl Home {
    fn current<'w>(&self, world: &'w World) -> Option<&'w Incident> {
        world.triage.incidents().get(*self.shown.get(self.scroll.at)?)
    }

    /// `pods 3✖ 2▲/75  nodes 30 ...`: every signal, and never a bare 0 for what cannot be seen.
    fn signals(world: &World, width: u16) -> Line {
        let mut line = Line::of(" ", Tone::Plain);
        for id in kinds::ids() {
            let table = world.store.table(id);
            let word = kinds::spec(id).word;
            let (failed, warned) = (table.count(Health::Failed), table.count(Health::Warning));
            let mut part: Vec<(String, Tone)> = Vec::new();
            match table.feed.state {
                FeedState::NotInstalled | FeedState::Off | FeedState::Idle => continue,
                FeedState::Live | FeedState::Stale | FeedState::Listing { .. } => {
                    if table.is_empty() && table.feed.state.is_live() {
                        continue;
                    }
                    part.push((format!("{word} "), Tone::Dim));
                    if failed > 0 {
                        part.push((format!("{failed}✖ "), Tone::Bad));
                    }
                    if warned > 0 {
                        part.push((format!("{warned}▲ "), Tone::Warn));
                    }
                    let tail = match table.feed.state {
                        FeedState::Stale => " stale",
                        FeedState::Listing { .. } if table.is_partial() => "+",
                        _ => "",
                    };
                    let of = if failed + warned > 0 { "of " } else { "" };
                    part.push((format!("{of}{}{tail}", table.len()), Tone::Plain));
                }
                state => part.push((format!("{word} {}", state.word()), Tone::Warn)),
            }
            let needed: usize = part.iter().map(|(t, _)| scene::width(t)).sum();
            if line.width() + needed + 2 > usize::from(width) {
                line.push(" …", Tone::Dim);
                break;
            }
            if line.width() > 1 {
                line.push("  ", Tone::Plain);
            }
            for (text, tone) in part {
                line.push(text, tone);
            }
        }
        line
    }

    /// What changed in the last half hour: revisions that Flux brought in, the newest first.
    fn changes(world: &World, width: u16) -> Option<Line> {
        let since = world.facts.now.plus(-RECENT);
        let mut changes: Vec<(Time, String)> = Vec::new();
        for kind in kinds::with_revisions() {
            for (_, row) in world.store.table(kind).iter() {
                let applied = row.record.time(flux::CHANGED).filter(|at| *at > since);
                let Some(at) = applied else { continue };
                let revision = row.record.text(flux::REVISION, &world.store.strings);
                changes.push((at, format!("{} {revision}", row.record.full_name(&world.store.strings))));
            }
        }
        if changes.is_empty() {
            return None;
        }
        changes.sort_by(|a, b| b.cmp(a));
        let mut line = Line::of(" changed ", Tone::Dim);
        for (n, (at, what)) in changes.iter().enumerate() {
            let told = format!("{}{what} {}", if n > 0 { ", " } else { "" }, ages::told(at.age(world.facts.now)));
            if line.width() + scene::width(&told) > usize::from(width) {
                break;
            }
            line.plain(told);
        }
        (line.spans.len() > 1).then_some(line)
    }

    fn preamble(world: &World, width: u16) -> Vec<Line> {
        let mut out = vec![Self::signals(world, width)];
        out.extend(Self::changes(world, width));
        out
    }

    fn anchor(&self, world: &World) -> Option<Anchor> {
        world.triage.anchor(&world.store, self.current(world)?.subject)
    }

    /// The rows that are seen.
    fn visible(&self, world: &World, rows: usize, wide: usize) -> Vec<Cells> {
        let ranked = world.triage.incidents();
        let seen = self.shown.iter().enumerate().skip(self.scroll.top).take(rows);
        seen.map(|(at, i)| Cells::of(&ranked[*i], at, world, wide)).collect()
    }

    fn row(&self, cells: &Cells, what: &str, widths: &Widths, wide: usize) -> Line {
        let Widths { since, explains, next, .. } = *widths;
        let mut line = Line::new();
        line.push(format!(" {}  ", cells.severity), incident::tone(cells.severity, cells.muted));
        let rest = if cells.muted { Tone::Dim } else { Tone::Plain };
        line.push(scene::fit(what, widths.what, Keep::Ends), rest);
        line.push(format!(" {:>since$} {:>explains$}  ", cells.since, cells.explains), rest);
        let left = wide.saturating_sub(line.width() + next);
        if next > 0 {
            line.push(scene::fit(&cells.why, left, Keep::Start), rest);
            line.push(format!(" {}", cells.next), Tone::Accent);
        } else {
            line.push(scene::clip(&cells.why, left, Keep::Start).into_owned(), rest);
        }
        line.selected = cells.at == self.scroll.at;
        line
    }

    /// The titles of the columns, and how many rows are not seen.
    fn head(&self, widths: &Widths, wide: usize) -> Line {
        let Widths { what, since, explains, next } = *widths;
        let what = scene::fit("WHAT", what, Keep::Start);
        let mut line = Line::of(format!(" SEV {what} {:>since$} {:>explains$}  WHY", "SINCE", "+"), Tone::Title);
        let more = self.scroll.more().told();
        let end = wide.saturating_sub(next);
        if !more.is_empty() {
            line.pad_to(end.saturating_sub(scene::width(&more) + 1).max(line.width() + 2));
            line.push(more, Tone::Accent);
        }
        if next > 0 {
            line.pad_to(end);
            line.push(" NEXT", Tone::Title);
        }
        line
    }

    /// Shown in place of findings: that they are hidden, or that there are none.
    fn none(&self, world: &World, width: u16) -> Vec<Line> {
        let hidden = world.triage.incidents().len();
        if hidden == 0 {
            return Self::nothing(world, width);
        }
        let mut why = Vec::new();
        if let Some(namespace) = &world.facts.namespace {
            why.push(format!("namespace {namespace}"));
        }
        if !self.filter.is_empty() {
            why.push(format!("filter /{}", self.filter.text()));
        }
        vec![Line::of(format!("  none of {hidden} incidents shown: {}", why.join(", ")), Tone::Dim)]
    }

    fn nothing(world: &World, width: u16) -> Vec<Line> {
        let mut live = 0;
        let mut waiting = 0;
        let mut blind = 0;
        let mut unread = Vec::new();
        for (kind, table) in world.store.tables() {
            match table.feed.state {
                FeedState::Live => live += 1,
                FeedState::Waiting | FeedState::Listing { .. } => waiting += 1,
                FeedState::NotInstalled | FeedState::Off => {}
                FeedState::Idle => unread.push(kinds::spec(kind).word),
                _ => blind += 1,
            }
        }
        if waiting > 0 {
            return vec![Line::of(format!("  listing: {live} kinds are there, {waiting} to come"), Tone::Busy)];
        }
        if live == 0 {
            return vec![Line::of("  nothing can be seen here: see :feeds for the reasons", Tone::Warn)];
        }
        let text = format!("  nothing wrong in what can be seen: {live} kinds live, {blind} blind");
        let mut out = vec![Line::of(text, if blind == 0 { Tone::Good } else { Tone::Plain })];
        if !unread.is_empty() {
            let text = format!("not looked at until opened: {}", unread.join(", "));
            paragraph(2, &text, width, Tone::Dim, &mut out);
        }
        out
    }
}

/// `HelmRelease  monitoring/monitoring`.
fn what(entry: &Incident, world: &World) -> String {
    let (kind, name) = triage::title(&world.store, &world.triage, entry.subject, &world.facts.context);
    if name.is_empty() { kind } else { format!("{kind}  {name}") }
}

/// Whether an incident belongs to the chosen namespace: by its object, by what it explains, or because it is of none.
pub fn is_here(entry: &Incident, explained: &[Subject], world: &World) -> bool {
    match (world.namespace(), world.triage.object(&world.store, entry.subject)) {
        (Some(wanted), Some(id)) => {
            let home = world.store.row(id).map(|row| row.record.namespace);
            home.is_some_and(|home| home == wanted || home.is_empty()) || touches(explained, wanted, world)
        }
        _ => true,
    }
}

/// Whether something that is explained is in a namespace.
fn touches(explained: &[Subject], namespace: Sym, world: &World) -> bool {
    explained.iter().any(|subject| match subject {
        Subject::Row(id) => world.store.row(*id).is_some_and(|row| row.record.namespace == namespace),
        _ => false,
    })
}

/// From this width on there is room for the key that helps.
const WITH_NEXT: usize = 76;

/// What a row says.
struct Cells {
    at: usize,
    severity: Severity,
    muted: bool,
    /// Kind and place.
    what: (String, String),
    since: String,
    explains: String,
    why: String,
    next: String,
}

impl Cells {
    fn of(entry: &Incident, at: usize, world: &World, wide: usize) -> Self {
        let (kind, place) = triage::title(&world.store, &world.triage, entry.subject, &world.facts.context);
        let changed = if entry.changed.is_some() { "after a change: " } else { "" };
        let mut kind = naming::kind(&kind, wide);
        if wide >= naming::ROOMY && !place.is_empty() {
            // set off as a column of its own
            kind.push(' ');
        }
        Self {
            at,
            severity: entry.severity,
            muted: entry.muted,
            what: (kind, place),
            since: entry.severe.map_or_else(|| "?".to_owned(), |t| ages::told(t.age(world.facts.now).max(0))),
            explains: if entry.explains == 0 { String::new() } else { entry.explains.to_string() },
            why: format!("{changed}{}", why(entry, world)),
            next: if wide >= WITH_NEXT { chord(&incident::next_key(entry, world), wide) } else { String::new() },
        }
    }
}

/// A key; on a narrow screen a capital letter says that it is pressed with shift.
fn chord(key: &str, wide: usize) -> String {
    match key.strip_prefix("shift-") {
        Some(letter) if wide < naming::ROOMY => letter.to_uppercase(),
        _ => key.to_owned(),
    }
}

/// Columns of each part, made for the rows that are seen; what is left is for the reason.
struct Widths {
    what: usize,
    since: usize,
    explains: usize,
    /// With the blank before it; 0 where it is not shown.
    next: usize,
}

impl Widths {
    fn of(cells: &[Cells], wide: usize) -> Self {
        let widest = |of: fn(&Cells) -> usize| cells.iter().map(of).max().unwrap_or(0);
        let since = widest(|c| c.since.len()).max(5);
        let explains = widest(|c| c.explains.len()).max(2);
        let next = if wide >= WITH_NEXT { widest(|c| c.next.len()).max(4) + 1 } else { 0 };
        let what = widest(|c| scene::width(&c.what.0) + 1 + scene::width(&c.what.1)).max(8);
        // severity, and the blanks between
        let room = wide.saturating_sub(5 + since + explains + 4 + next);
        Self { what: what.min((room * 21 / 50).clamp(12, 64)), since, explains, next }
    }
}

impl Screen for Home {
    fn title(&self, world: &World) -> String {
        match (self.shown.len(), world.triage.incidents().len()) {
            (n, all) if n >= all => format!("Incidents {all}"),
            (n, all) => format!("Incidents {n} of {all}"),
        }
    }

    fn place(&self) -> Place {
        Place::Home
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.shown.len()) {
            self.cursor = self.current(world).and_then(|e| identity(e, world));
            return Some(Vec::new());
        }
        Some(match command {
            Command::Describe if self.target(world).is_some() => {
                self.target(world).map(|key| Effect::Go(Place::Describe(key))).into_iter().collect()
            }
            Command::Open | Command::Describe => match (self.anchor(world), self.current(world)) {
                (Some(anchor), _) => vec![Effect::Go(Place::Incident(anchor))],
                (None, Some(entry)) if entry.subject == Subject::Cluster => vec![Effect::Go(Place::Contexts)],
                (None, Some(Incident { subject: Subject::Plan(id), .. })) => {
                    let left = world.unfinished.iter().find(|left| left.id() == *id);
                    left.map(|left| Effect::Go(Place::Left(left.run.as_str().into()))).into_iter().collect()
                }
                (None, Some(entry)) if is_unconfirmed(entry, world) => vec![Effect::Go(Place::Trust)],
                (None, Some(_)) => vec![Effect::Go(Place::Feeds)],
                (None, None) => vec![Effect::Complain("nothing selected".to_owned())],
            },
            Command::Back if !self.filter.is_empty() => {
                self.filter = Filter::default();
                Vec::new()
            }
            Command::Copy => match self.current(world) {
                Some(entry) => {
                    vec![Effect::Copy(format!("{} {} {}", entry.severity, what(entry, world), why(entry, world)))]
                }
                None => vec![Effect::Complain("nothing selected".to_owned())],
            },
            _ => return None,
        })
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let mut scratch = String::new();
        let families = if world.facts.namespace.is_some() || !self.filter.is_empty() {
            world.triage.families()
        } else {
            HashMap::default()
        };
        let mut admits = |entry: &Incident| {
            let explains = families.get(&entry.subject).map_or(&[][..], |family| family);
            is_here(entry, explains, world) && self.filter.matches(&Row { entry, world, explains }, &mut scratch)
        };
        let ranked = world.triage.incidents();
        self.shown = (0..ranked.len()).filter(|i| admits(&ranked[*i])).collect();
        if let Some(cursor) = &self.cursor
            && let Some(at) = self.shown.iter().position(|i| identity(&ranked[*i], world).as_ref() == Some(cursor))
        {
            self.scroll.at = at;
        }
        let above = Self::preamble(world, size.width).len() + 1;
        self.scroll.settle(self.shown.len(), usize::from(size.height).saturating_sub(above));
        if self.cursor.is_some() || self.scroll.at > 0 {
            self.cursor = self.current(world).and_then(|e| identity(e, world));
        }
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let mut out = Self::preamble(world, size.width);
        let wide = usize::from(size.width);
        let rows = usize::from(size.height).saturating_sub(out.len() + 1);
        let cells = self.visible(world, rows, wide);
        let widths = Widths::of(&cells, wide);
        out.push(self.head(&widths, wide));
        if self.shown.is_empty() {
            out.extend(self.none(world, size.width));
            return out;
        }
        let names: Vec<(String, String)> = cells.iter().map(|cells| cells.what.clone()).collect();
        let names = naming::all_fitted(&names, widths.what);
        out.extend(cells.iter().zip(&names).map(|(cells, name)| self.row(cells, name, &widths, wide)));
        out
    }

    /// Whole cells: the reason comes last, as it is the longest.
    fn all_lines(&mut self, world: &World, width: u16) -> Vec<Line> {
        self.sync(world, Size { width, height: u16::MAX });
        let mut out = Self::preamble(world, width);
        let cells = self.visible(world, self.shown.len(), usize::from(width));
        let widest = |of: fn(&Cells) -> usize, least: &str| cells.iter().map(of).max().unwrap_or(0).max(least.len());
        let what = widest(|c| scene::width(&naming::whole(&c.what.0, &c.what.1)), "WHAT");
        let (since, next) = (widest(|c| c.since.len(), "SINCE"), widest(|c| c.next.len(), "NEXT"));
        let head =
            format!(" SEV {}  {:>since$}    +  {:<next$}  WHY", scene::fit("WHAT", what, Keep::Start), "SINCE", "NEXT");
        out.push(Line::of(head, Tone::Title));
        if self.shown.is_empty() {
            out.extend(self.none(world, width));
            return out;
        }
        out.extend(cells.iter().map(|c| {
            let name = scene::fit(&naming::whole(&c.what.0, &c.what.1), what, Keep::Start);
            let muted = if c.muted { "(silenced) " } else { "" };
            let line = format!(
                " {}  {name}  {:>since$}  {:>3}  {:<next$}  {muted}{}",
                c.severity, c.since, c.explains, c.next, c.why
            );
            Line::of(line, Tone::Plain)
        }));
        out
    }

    fn hints(&self) -> &'static [Command] {
        &[
            Command::Open,
            Command::Guide,
            Command::Actions,
            Command::Logs,
            Command::Events,
            Command::Palette,
            Command::Filter,
            Command::Feeds,
            Command::Help,
        ]
    }

    fn target(&self, world: &World) -> Option<Key> {
        world.store.key(world.triage.object(&world.store, self.current(world)?.subject)?)
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        // what is not understood hides nothing
        let parsed = Filter::parse(text, &COLUMNS).map_err(|why| why.to_string());
        self.filter = parsed.as_ref().cloned().unwrap_or_default();
        parsed.map(drop)
    }

    fn filtered(&self) -> &str {
        self.filter.text()
    }
}
