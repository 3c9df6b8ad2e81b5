//! The timeline: one axis for incidents, changes, actions and silences, of the whole platform, a namespace or one
//! incident. What was read from disk says so, and how old it is.

use std::collections::HashSet;

use super::body::Scroll;
use super::moment::row_of;
use super::naming::{self, ROOMY};
use super::world::{Dates, World};
use super::{More, Screen, ScreenSpec, Size, incident, pager};
use crate::domain::ages::{self, Time};
use crate::domain::incident::Anchor;
use crate::domain::moment::{self, Moment, What};
use crate::domain::record::{Key, Relation};
use crate::intent::{Command, Effect, Place, Scope};
use crate::kinds;
use crate::scene::{self, Keep, Line, Tone};
use crate::store::RowId;
use crate::store::filter::{Fields, Filter};
use crate::triage::Subject;
use crate::triage::timeline::{Origin, Told};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "timeline",
    aliases: &["tl"],
    help: "what happened when: incidents, changes, actions, silences; of a NAMESPACE, too",
    place: || Place::Timeline(Scope::All),
};

/// The columns as a filter names them.
const COLUMNS: [&str; 8] = ["TIME", "AGE", "WHAT", "SEV", "KIND", "OBJECT", "WORDS", "FROM"];
/// Symptoms whose entries belong to an incident.
const MOST: usize = 500;

#[derive(Debug)]
pub struct Timeline {
    scope: Scope,
    scroll: Scroll,
    /// What the cursor is on, however the list grows.
    cursor: Option<Moment>,
    filter: Filter,
    oldest_first: bool,
    shown: Vec<Told>,
    /// All of the scope, before the filter.
    all: usize,
    made_of: Option<Basis>,
    asked: bool,
}

/// What the rows were made of: the same again gives the same rows.
#[derive(Debug, PartialEq, Eq)]
struct Basis {
    version: u64,
    minute: i64,
    namespace: Option<String>,
    related: HashSet<String>,
    filter: String,
    oldest_first: bool,
}

struct Entry<'a> {
    told: &'a Told,
    now: Time,
    utc: bool,
}

impl Fields for Entry<'_> {
    fn text(&self, column: usize, out: &mut String) {
        let moment = &self.told.moment;
        match column {
            0 => out.push_str(&moment::clock(moment.time, self.now, self.utc)),
            1 => out.push_str(&ages::told(moment.time.age(self.now).max(0))),
            2 => out.push_str(moment.what.word()),
            3 => out.push_str(&moment.severity.map_or_else(String::new, |s| s.to_string())),
            4 => out.push_str(&moment.kind),
            5 => out.push_str(&moment.place()),
            6 => out.push_str(&words(moment)),
            _ => out.push_str(from(self.told.origin)),
        }
    }

    fn number(&self, column: usize) -> Option<i64> {
        (column == 1).then(|| self.told.moment.time.age(self.now))
    }

    fn columns(&self) -> usize {
        COLUMNS.len()
    }
}

fn from(origin: Origin) -> &'static str {
    match origin {
        Origin::Here => "",
        Origin::Disk => "disk",
        Origin::Audit => "audit",
    }
}

/// The same in words.
pub fn from_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Here => "by this session",
        Origin::Disk => "by an earlier or another session, read from disk",
        Origin::Audit => "in the audit",
    }
}

/// The whole sentence of an entry.
pub fn words(moment: &Moment) -> String {
    format!("{}{}", moment.words, moment::notes(moment))
}

fn glyph(what: What) -> (&'static str, Tone) {
    match what {
        What::Onset => ("✖", Tone::Bad),
        What::Worse => ("▲", Tone::Bad),
        What::Better => ("↓", Tone::Warn),
        What::Healed => ("✓", Tone::Good),
        What::Gone => ("∅", Tone::Plain),
        What::Change => ("»", Tone::Accent),
        What::Action => ("*", Tone::Key),
        What::Silence => ("○", Tone::Dim),
    }
}

/// What an incident is about, in words: its root, what it explains, the Flux objects that manage them, the silences
/// over its alerts by their own mark. Of an incident that is over, what it was about itself.
pub fn related(anchor: &Anchor, world: &World) -> HashSet<String> {
    let World { store, triage, .. } = world;
    let mut out = HashSet::new();
    out.insert(match anchor {
        Anchor::Object(key) => {
            Moment::new(Time::default(), What::Change, (kinds::spec(key.kind).name, &key.namespace, &key.name), "")
                .told()
        }
        Anchor::Group(group) => group.told(),
    });
    let Some(asked) = triage.subject(store, anchor) else { return out };
    let root = triage.root(asked);
    let rows = [asked, root].into_iter().chain(triage.explained(root).into_iter().take(MOST));
    let text = |sym| store.strings.get(sym);
    for subject in rows {
        if let Some(group) = triage.group(subject) {
            out.insert(group.told());
        }
        let row = match subject {
            Subject::Row(id) => Some(id),
            _ => triage.object(store, subject).filter(|_| triage.group(subject).is_some()),
        };
        let Some((id, row)) = row.and_then(|id: RowId| Some((id, store.row(id)?))) else { continue };
        out.insert(format!("{} {}", kinds::spec(id.kind).name, row.record.full_name(&store.strings)));
        for link in &row.record.links {
            match link.relation {
                Relation::ManagedBy if text(link.namespace).is_empty() => {
                    out.insert(format!("{} {}", text(link.kind), text(link.name)));
                }
                Relation::ManagedBy => {
                    out.insert(format!("{} {}/{}", text(link.kind), text(link.namespace), text(link.name)));
                }
                Relation::About if text(link.kind) == kinds::name(kinds::SILENCE) => {
                    out.insert(format!("s:{}", text(link.name)));
                }
                _ => {}
            }
        }
    }
    out
}

impl Timeline {
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            scroll: Scroll::default(),
            cursor: None,
            filter: Filter::default(),
            oldest_first: false,
            shown: Vec::new(),
            all: 0,
            made_of: None,
            asked: false,
        }
    }

    fn basis(&self, world: &World) -> Basis {
        Basis {
            version: world.timeline.log.version(),
            minute: world.facts.now.0 / 60,
            namespace: match &self.scope {
                Scope::All => world.facts.namespace.clone(),
                Scope::Namespace(name) => Some(name.clone()),
                Scope::Incident(_) => None,
            },
            related: match &self.scope {
                Scope::Incident(anchor) => related(anchor, world),
                _ => HashSet::new(),
            },
            filter: self.filter.text().to_owned(),
            oldest_first: self.oldest_first,
        }
    }

    fn rebuild(&mut self, world: &World) {
        let basis = self.basis(world);
        if self.made_of.as_ref() == Some(&basis) {
            return;
        }
        let admits = |m: &Moment| match &self.scope {
            // what is of no namespace may concern every one
            Scope::All => basis.namespace.as_ref().is_none_or(|name| m.namespace.is_empty() || *m.namespace == **name),
            Scope::Namespace(name) => *m.namespace == **name,
            Scope::Incident(_) => [m.told(), m.root.to_string(), m.id.to_string()]
                .iter()
                .any(|text| !text.is_empty() && basis.related.contains(text)),
        };
        let mut all = world.timeline.log.all(world.facts.now);
        all.retain(|told| admits(&told.moment));
        self.all = all.len();
        let mut scratch = String::new();
        let Dates { now, utc } = world.dates();
        all.retain(|told| self.filter.matches(&Entry { told, now, utc }, &mut scratch));
        if !self.oldest_first {
            all.reverse();
        }
        self.shown = all;
        self.made_of = Some(basis);
    }

    fn current(&self) -> Option<&Moment> {
        self.shown.get(self.scroll.at).map(|told| &told.moment)
    }

    /// Where the entries are from, and how old each part is.
    fn parts(&self, world: &World, width: u16) -> Line {
        let now = world.facts.now;
        let count = |origin| self.shown.iter().filter(|told| told.origin == origin).count();
        let log = &world.timeline.log;
        let mut parts = vec![format!("this session {}", count(Origin::Here))];
        if let Some(newest) = log.newest_on_disk() {
            let age = ages::told(newest.age(now).max(0));
            parts.push(format!("from disk {}, as of {age} ago", count(Origin::Disk)));
        }
        match count(Origin::Audit) {
            0 => {}
            n => parts.push(format!("audit {n}")),
        }
        if log.unreadable() > 0 {
            parts.push(format!("{} lines unreadable", log.unreadable()));
        }
        let order = if self.oldest_first { "oldest first" } else { "newest first" };
        let text = format!(" {order}: {}", parts.join("; "));
        Line::of(scene::clip(&text, usize::from(width), Keep::Start).into_owned(), Tone::Dim)
    }

    /// The rows that are seen, each with what it is about in the room that all of them have for that.
    fn visible(&self, rows: usize, wide: usize) -> (Vec<(usize, &Told, String)>, usize) {
        let seen = || self.shown.iter().enumerate().skip(self.scroll.top).take(rows);
        let names: Vec<(String, String)> =
            seen().map(|(_, told)| (naming::kind(&told.moment.kind, wide), told.moment.place())).collect();
        let widest = names.iter().map(|(kind, place)| scene::width(kind) + 1 + scene::width(place)).max().unwrap_or(0);
        let columns = subject_width(wide).min(widest.max(6));
        let fitted = naming::all_fitted(&names, columns);
        (seen().zip(fitted).map(|((at, told), name)| (at, told, name)).collect(), columns)
    }

    fn line(told: &Told, name: &str, columns: usize, world: &World, wide: usize) -> Line {
        let Dates { now, utc } = world.dates();
        let moment = &told.moment;
        let rest = if told.origin == Origin::Here { Tone::Plain } else { Tone::Dim };
        let clock = clock(moment.time, now, utc, wide);
        let mut line = Line::of(format!(" {clock:<width$} ", width = clock_width(wide)), rest);
        let (glyph, tone) = glyph(moment.what);
        if wide >= ROOMY {
            line.push(format!("{:>6}  ", ages::told(moment.time.age(now).max(0))), rest);
            line.push(format!("{glyph} "), tone);
        }
        line.push(format!("{:<7} ", moment.what.word()), tone);
        match moment.severity {
            Some(severity) => line.push(
                format!("{severity}  "),
                incident::tone(severity, matches!(moment.what, What::Healed | What::Gone)),
            ),
            None => line.plain("    "),
        }
        line.push(scene::fit(name, columns, Keep::Ends), rest);
        let mark = if wide >= ROOMY { from(told.origin) } else { "" };
        let left = wide.saturating_sub(line.width() + 2 + if wide >= ROOMY { 6 } else { 0 });
        let words = words(moment);
        let words = naming::clocks(&words, world.dates());
        if wide >= ROOMY {
            line.push(format!("  {} {mark}", scene::fit(&words, left, Keep::Start)), rest);
        } else {
            line.push(format!("  {}", scene::clip(&words, left, Keep::Start)), rest);
        }
        line
    }
}

fn subject_width(wide: usize) -> usize {
    match wide {
        ..ROOMY => (wide.saturating_sub(23) * 2 / 5).max(12),
        _ if wide >= usize::from(scene::ENDLESS) => wide,
        _ => (wide * 35 / 100).min(56),
    }
}

fn clock_width(wide: usize) -> usize {
    if wide < ROOMY { 6 } else { 9 }
}

/// The minute of today, or its second where there is room; of another day the day and the minute, or the hour.
fn clock(time: Time, now: Time, utc: bool, wide: usize) -> String {
    let zone = if utc { jiff::tz::TimeZone::UTC } else { jiff::tz::TimeZone::system() };
    let (then, today) = (time.timestamp().to_zoned(zone.clone()), now.timestamp().to_zoned(zone));
    let is_today = then.date() == today.date();
    let format = match (is_today, wide < ROOMY) {
        (true, true) => "%H:%M",
        (true, false) => "%H:%M:%S",
        (false, true) => "%d %Hh",
        (false, false) => "%d. %H:%M",
    };
    let end = if utc && is_today { "Z" } else { "" };
    format!("{}{end}", then.strftime(format))
}

impl Screen for Timeline {
    fn title(&self, _world: &World) -> String {
        let whose = match &self.scope {
            Scope::All => String::new(),
            Scope::Namespace(name) => format!(" of {name}"),
            Scope::Incident(Anchor::Group(group)) => format!(" of {}", group.told()),
            Scope::Incident(Anchor::Object(key)) => format!(" of {} {}", kinds::spec(key.kind).name, key.name),
        };
        match (self.shown.len(), self.all) {
            (n, all) if n == all => format!("Timeline{whose} {n}"),
            (n, all) => format!("Timeline{whose} {n} of {all}"),
        }
    }

    fn place(&self) -> Place {
        Place::Timeline(self.scope.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.shown.len()) {
            self.cursor = self.current().cloned();
            return Some(Vec::new());
        }
        Some(match command {
            Command::SortAge => {
                self.oldest_first = !self.oldest_first;
                Vec::new()
            }
            Command::Reload => vec![Effect::Deeds],
            Command::Back if !self.filter.is_empty() => {
                self.filter = Filter::default();
                Vec::new()
            }
            Command::Copy => {
                let title = format!("{}: {}", world.facts.context, self.title(world));
                vec![Effect::Copy(moment::markdown(self.shown.iter().map(|told| &told.moment), &title))]
            }
            Command::Open => match self.current() {
                None => vec![Effect::Complain("nothing selected".to_owned())],
                Some(moment) => vec![Effect::Go(Place::Moment(Box::new(moment.clone())))],
            },
            _ => return None,
        })
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let before = self.scroll.at;
        self.rebuild(world);
        if let Some(cursor) = &self.cursor
            && let Some(at) = self.shown.iter().position(|told| told.moment == *cursor)
        {
            // the row stays where it is on the screen
            self.scroll.top = (self.scroll.top + at).saturating_sub(before);
            self.scroll.at = at;
        }
        self.scroll.settle(self.shown.len(), pager::list_rows(size, 2));
        if self.cursor.is_some() {
            self.cursor = self.current().cloned();
        }
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        vec![Effect::Deeds]
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let wide = usize::from(size.width);
        let mut out = vec![self.parts(world, size.width)];
        let rows = pager::list_rows(size, 2);
        let (visible, columns) = self.visible(rows, wide);
        let age = if wide >= ROOMY { "   AGE    " } else { "" };
        let object = scene::fit("OBJECT", columns, Keep::Start);
        let time = scene::fit("TIME", clock_width(wide), Keep::Start);
        out.push(Line::of(format!(" {time} {age}WHAT    SEV {object}  WORDS"), Tone::Title));
        if self.shown.is_empty() {
            let text = match (self.all, &self.scope) {
                (0, Scope::All) => "  nothing has happened that was seen in the last 24 hours".to_owned(),
                (0, _) => "  nothing about it was seen in the last 24 hours; :timeline all shows the rest".to_owned(),
                (all, _) => format!("  none of {all} entries shown: filter /{}", self.filter.text()),
            };
            out.push(Line::of(scene::clip(&text, wide, Keep::Start).into_owned(), Tone::Dim));
            return out;
        }
        for (at, told, name) in visible {
            let mut line = Self::line(told, &name, columns, world, wide);
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        if let Some(moment) = self.current() {
            let happened = words(moment);
            let happened = naming::clocks(&happened, world.dates());
            let text = format!("{} {}: {happened}", moment.what.word(), moment.told());
            pager::below(&text, world.key(Command::Open), size, &mut out);
        }
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Filter, Command::SortAge, Command::Copy, Command::Timeline, Command::Back]
    }

    fn target(&self, world: &World) -> Option<Key> {
        world.store.key(row_of(self.current()?, world)?)
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
