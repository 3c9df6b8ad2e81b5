//! The table of one kind: sorted with what is failing on top, filtered, with a cursor that follows the object.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::Hasher;

use super::body::Scroll;
use super::layout::{self, Fitted};
use super::world::{Link, World};
use super::{More, Screen, Size};
use crate::domain::ages;
use crate::domain::change::FeedState;
use crate::domain::health::Health;
use crate::domain::interner::Sym;
use crate::domain::record::{Key, KindId, Relation, Uid};
use crate::intent::{Command, Effect, Place};
use crate::kinds::column::{Column, Field, Show};
use crate::kinds::{self, KindSpec};
use crate::scene::{self, Keep, Line, Tone};
use crate::store::RowId;
use crate::store::filter::{Fields, Filter};
use crate::store::table::Row;
use crate::store::view::{self, Order, View};

#[derive(Debug)]
pub struct TableScreen {
    kind: KindId,
    view: View,
    scroll: Scroll,
    cursor: Option<Uid>,
    marks: HashSet<Uid>,
    sort: Sort,
    filter: Filter,
    wide: bool,
    faults_only: bool,
    /// The namespace that the view was built for.
    namespace: Option<Sym>,
    /// Widest text seen in each column at this size of the terminal; grows only, so that columns do not jump.
    wanted: Vec<u16>,
    size: Size,
    frozen: Option<Vec<Line>>,
    columns: Vec<Fitted>,
}

/// By which column rows are ordered; without one, what needs attention comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sort {
    column: Option<usize>,
    reverse: bool,
}

impl TableScreen {
    pub fn new(kind: KindId) -> Self {
        Self {
            kind,
            view: View::default(),
            scroll: Scroll::default(),
            cursor: None,
            marks: HashSet::new(),
            sort: Sort::default(),
            filter: Filter::default(),
            wide: false,
            faults_only: false,
            namespace: None,
            wanted: vec![0; kinds::spec(kind).columns.len()],
            size: Size::default(),
            frozen: None,
            columns: Vec::new(),
        }
    }

    /// Unhealthy only, until the key for that is pressed.
    pub fn faults(kind: KindId) -> Self {
        Self { faults_only: true, ..Self::new(kind) }
    }

    /// Puts the cursor on an object.
    pub fn point_at(&mut self, uid: Uid) {
        self.cursor = Some(uid);
    }

    fn spec(&self) -> &'static KindSpec {
        kinds::spec(self.kind)
    }

    fn rules<'a>(&'a self, world: &'a World) -> Rules<'a> {
        Rules {
            spec: self.spec(),
            sort: self.sort,
            filter: &self.filter,
            faults_only: self.faults_only,
            namespace: self.namespace,
            show: world.show(),
        }
    }

    fn sort_by(&mut self, title: &str) -> Vec<Effect> {
        let Some(column) = self.spec().columns.iter().position(|c| c.title == title) else {
            return vec![Effect::Complain(format!("{} have no column {title}", self.spec().title))];
        };
        self.sort_column(Some(column))
    }

    fn sort_column(&mut self, column: Option<usize>) -> Vec<Effect> {
        let reverse = self.sort.column == column && column.is_some() && !self.sort.reverse;
        self.sort = Sort { column, reverse };
        self.view.reset();
        let by = column.map_or("what needs attention".to_owned(), |c| self.spec().columns[c].title.to_lowercase());
        vec![Effect::Say(format!("sorted by {by}{}", if reverse { ", reversed" } else { "" }))]
    }

    fn current(&self, world: &World) -> Option<RowId> {
        let slot = world.store.table(self.kind).slot_of(self.cursor?)?;
        Some(RowId { kind: self.kind, slot })
    }

    fn to_link(&self, world: &World, relation: Relation) -> Vec<Effect> {
        let row = self.current(world).and_then(|id| world.store.row(id));
        row.map_or_else(nothing_chosen, |row| vec![world.go_to(row, relation)])
    }

    fn measure(&mut self, world: &World, rows: usize) {
        let show = world.show();
        let table = world.store.table(self.kind);
        let spec = self.spec();
        let mut text = String::new();
        if let Some(sorted) = self.sort.column {
            // the arrow behind the title
            let title = u16::try_from(spec.columns[sorted].title.len() + 1).unwrap_or(u16::MAX);
            self.wanted[sorted] = self.wanted[sorted].max(title);
        }
        let visible = self.view.slots().iter().skip(self.scroll.top).take(rows);
        for slot in visible {
            let Some(row) = table.row(*slot) else { continue };
            for (i, column) in spec.columns.iter().enumerate() {
                text.clear();
                self.write(column, row, *slot, world, &show, &mut text);
                let width = u16::try_from(scene::width(&text)).unwrap_or(u16::MAX);
                self.wanted[i] = self.wanted[i].max(width);
            }
        }
    }

    fn head(&self, world: &World) -> Line {
        let mut line = Line::of("  ", Tone::Title);
        for (n, fitted) in self.columns.iter().enumerate() {
            let column = &self.spec().columns[fitted.index];
            if n > 0 {
                line.push("  ", Tone::Title);
            }
            let mut title = column.title.to_owned();
            if self.sort.column == Some(fitted.index) {
                title.push(if self.sort.reverse { '▼' } else { '▲' });
            }
            let last = n + 1 == self.columns.len();
            line.push(cell(&title, fitted.width, column.right, Keep::Start, last), Tone::Title);
        }
        let _ = world;
        line
    }

    /// A cell as it is shown: where an object says nothing of itself, what was found about it.
    fn write(&self, column: &Column, row: &Row, slot: u32, world: &World, show: &Show<'_>, text: &mut String) {
        column.write(&row.record, show, text);
        if text.is_empty() && matches!(column.field, Field::Note) {
            let found = world.triage.of(RowId { kind: self.kind, slot }).first();
            text.push_str(found.map_or("", |finding| &finding.why));
        }
    }

    fn row(&self, row: &Row, slot: u32, world: &World, show: &Show<'_>) -> Line {
        let tone = tone_of(row.health);
        let marked = self.marks.contains(&row.record.uid);
        let mut line = Line::new();
        line.push(row.health.glyph(), tone);
        line.push(if marked { "*" } else { " " }, Tone::Accent);
        let mut text = String::new();
        let mut pending = String::new();
        for (n, fitted) in self.columns.iter().enumerate() {
            let column = &self.spec().columns[fitted.index];
            text.clear();
            self.write(column, row, slot, world, show, &mut text);
            let keep = if matches!(column.field, Field::Name) { Keep::Ends } else { Keep::Start };
            let last = n + 1 == self.columns.len();
            let padded = cell(&text, fitted.width, column.right, keep, last);
            if n > 0 {
                pending.push_str("  ");
            }
            if matches!(column.field, Field::Status) && tone != Tone::Plain {
                line.plain(std::mem::take(&mut pending));
                line.push(padded, tone);
            } else {
                pending.push_str(&padded);
            }
        }
        line.plain(pending);
        line.selected = self.cursor == Some(row.record.uid);
        line
    }

    /// Shown in place of rows when there are none: never an empty table that could be mistaken for "all healthy".
    fn nothing(&self, world: &World) -> Vec<Line> {
        let table = world.store.table(self.kind);
        let spec = self.spec();
        let feed = &table.feed;
        let title = spec.title;
        let mut out = Vec::new();
        let mut say = |text: String, tone| out.push(Line::of(text, tone));
        match feed.state {
            FeedState::Waiting if world.facts.link == Link::Up => {
                say(format!("  {title}: waiting for the first list"), Tone::Busy);
            }
            FeedState::Waiting => say(format!("  {title}: waiting for the connection"), Tone::Busy),
            FeedState::Idle => say(format!("  {title}: on demand"), Tone::Dim),
            FeedState::Listing { seen } => say(format!("  {title}: listing, {seen} so far"), Tone::Busy),
            FeedState::NoAccess => {
                say(format!("  {title}: no access"), Tone::Warn);
                say(format!("  blind to {}", spec.blinds), Tone::Plain);
            }
            FeedState::NotInstalled => {
                say(format!("  {title}: not installed"), Tone::Dim);
            }
            FeedState::Unreachable => say(format!("  {title}: unreachable"), Tone::Bad),
            FeedState::Unconfirmed => say(format!("  {title}: not confirmed"), Tone::Warn),
            FeedState::Stale => say(format!("  {title}: stale"), Tone::Warn),
            FeedState::Off => say(format!("  {title}: off in the configuration"), Tone::Dim),
            FeedState::Live if table.is_empty() && !feed.only.is_empty() => {
                say(format!("  no {title} in {}, and nothing else may be seen", feed.only.join(", ")), Tone::Warn);
            }
            FeedState::Live if table.is_empty() && feed.bad.is_empty() => {
                say(format!("  no {title} in this cluster"), Tone::Dim);
            }
            FeedState::Live if table.is_empty() => say(format!("  no {title} that can be read"), Tone::Warn),
            FeedState::Live => {
                let mut why = Vec::new();
                if let Some(namespace) = &world.facts.namespace {
                    why.push(format!("namespace {namespace}"));
                    if !world.would_see(self.kind, namespace) {
                        say(format!("  you may not list {title} in {namespace}"), Tone::Warn);
                    }
                }
                if self.faults_only {
                    why.push("faults only".to_owned());
                }
                if !self.filter.is_empty() {
                    why.push(format!("filter /{}", self.filter.text()));
                }
                say(format!("  none of {} {title} shown: {}", table.len(), why.join(", ")), Tone::Dim);
            }
        }
        if let Some(error) = &feed.error {
            say(format!("  {error}"), Tone::Dim);
        }
        for bad in &feed.bad {
            say(format!("  {} cannot be read: {}", bad.name, bad.error), Tone::Warn);
        }
        out
    }
}

fn nothing_chosen() -> Vec<Effect> {
    vec![Effect::Complain("nothing selected".to_owned())]
}

/// Whether a command would change what a table shows.
fn moves(command: Command) -> bool {
    use Command as C;
    matches!(
        command,
        C::Up | C::Down | C::PageUp | C::PageDown | C::Top | C::Bottom | C::Mark | C::Wide | C::FaultsOnly | C::Reload
    ) || matches!(command, C::SortName | C::SortAge | C::SortStatus | C::SortNamespace | C::SortColumn)
}

/// The tone of a health word.
pub fn tone_of(health: Health) -> Tone {
    match health {
        Health::Ok => Tone::Plain,
        Health::Progressing => Tone::Busy,
        Health::Warning | Health::Unknown | Health::Stale => Tone::Warn,
        Health::Failed => Tone::Bad,
        Health::Suspended | Health::Terminating => Tone::Dim,
    }
}

fn cell(text: &str, width: u16, right: bool, keep: Keep, last: bool) -> String {
    let width = usize::from(width);
    if right {
        let text = scene::clip(text, width, keep);
        return format!("{}{text}", " ".repeat(width.saturating_sub(scene::width(&text))));
    }
    if last { scene::clip(text, width, keep).into_owned() } else { scene::fit(text, width, keep) }
}

/// Order and choice of rows.
struct Rules<'a> {
    spec: &'static KindSpec,
    sort: Sort,
    filter: &'a Filter,
    faults_only: bool,
    namespace: Option<Sym>,
    show: Show<'a>,
}

struct Cells<'a> {
    row: &'a Row,
    columns: &'static [Column],
    show: &'a Show<'a>,
}

impl Fields for Cells<'_> {
    fn text(&self, column: usize, out: &mut String) {
        self.columns[column].write(&self.row.record, self.show, out);
    }

    fn number(&self, column: usize) -> Option<i64> {
        let number = self.columns[column].number(&self.row.record)?;
        Some(match self.columns[column].field {
            Field::Age => number + self.show.now.0,
            Field::Left(_) => number - self.show.now.0,
            Field::Cell(i) if self.row.record.time(i).is_some() => number + self.show.now.0,
            _ => number,
        })
    }

    fn columns(&self) -> usize {
        self.columns.len()
    }
}

impl Order for Rules<'_> {
    fn admits(&self, row: &Row) -> bool {
        let here = self.namespace.is_none_or(|n| row.record.namespace == n || row.record.namespace.is_empty());
        let wanted = !self.faults_only || row.health.is_fault();
        let cells = Cells { row, columns: self.spec.columns, show: &self.show };
        here && wanted && (self.filter.is_empty() || self.filter.matches(&cells, &mut String::new()))
    }

    fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let strings = self.show.strings;
        let by = match self.sort.column {
            None => b.health.concern().cmp(&a.health.concern()),
            Some(c) => {
                let by = self.spec.columns[c].compare(&a.record, &b.record, strings);
                if self.sort.reverse { by.reverse() } else { by }
            }
        };
        by.then_with(|| strings.get(a.record.namespace).cmp(strings.get(b.record.namespace)))
            .then_with(|| a.record.name.cmp(&b.record.name))
            .then_with(|| a.record.uid.cmp(&b.record.uid))
    }

    fn stamp(&self, row: &Row, hasher: &mut dyn Hasher) {
        match self.sort.column {
            None => hasher.write_u8(row.health.concern()),
            Some(c) => match self.spec.columns[c].number(&row.record) {
                Some(n) => hasher.write_i64(n),
                None => {
                    let mut text = String::new();
                    self.spec.columns[c].write(&row.record, &self.show, &mut text);
                    hasher.write(text.as_bytes());
                }
            },
        }
        hasher.write_u32(row.record.namespace.0);
        hasher.write(row.record.name.as_bytes());
        // a slot may have been given to another object of the same name
        hasher.write_u128(row.record.uid.0);
    }

    fn prefix(&self, row: &Row) -> u64 {
        let Some(c) = self.sort.column else {
            let namespace = view::text_prefix(self.show.strings.get(row.record.namespace));
            return u64::from(7 - row.health.concern()) << 56 | namespace >> 8;
        };
        let prefix = match self.spec.columns[c].field {
            Field::Name => view::text_prefix(&row.record.name),
            Field::Namespace => view::text_prefix(self.show.strings.get(row.record.namespace)),
            _ => 0,
        };
        if self.sort.reverse { !prefix } else { prefix }
    }
}

impl Screen for TableScreen {
    fn title(&self, world: &World) -> String {
        let table = world.store.table(self.kind);
        let spec = self.spec();
        let mut title = if self.view.len() == table.len() {
            format!("{} {}", spec.title, table.len())
        } else {
            format!("{} {} of {}", spec.title, self.view.len(), table.len())
        };
        match table.feed.state {
            FeedState::Live => {
                if let Some(error) = &table.feed.error {
                    title = format!("{title} (in part: {error})");
                }
            }
            FeedState::Listing { .. } if table.is_empty() => title = format!("{} (listing)", spec.title),
            FeedState::Listing { .. } if table.is_partial() => title.push_str(" (partial, listing)"),
            FeedState::Listing { .. } => title.push_str(" (listing again)"),
            FeedState::Stale => {
                let age =
                    table.feed.fresh.map_or_else(String::new, |t| format!(" {}", ages::told(t.age(world.facts.now))));
                title = format!("{title} (stale{age})");
            }
            state => title = format!("{} ({})", spec.title, state.word()),
        }
        let unreadable = table.unreadable().count() + table.feed.bad.len();
        if unreadable > 0 {
            title = format!("{title} ({unreadable} cannot be read)");
        }
        if !table.feed.only.is_empty() {
            title = format!("{title} (only {})", table.feed.only.join(","));
        }
        if self.frozen.is_some() {
            title.push_str(" FROZEN");
        }
        title
    }

    fn place(&self) -> Place {
        Place::Table(self.kind)
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        let len = self.view.len();
        if self.frozen.is_some() && !matches!(command, Command::Freeze | Command::Back) {
            let thaw = world.key(Command::Freeze);
            let why = format!("the view is frozen: {thaw} unfreezes it");
            return moves(command).then(|| vec![Effect::Complain(why)]);
        }
        if self.scroll.on(command, len) {
            self.cursor =
                self.view.slot(self.scroll.at).and_then(|s| Some(world.store.table(self.kind).row(s)?.record.uid));
            return Some(Vec::new());
        }
        Some(match command {
            Command::Open | Command::Describe => match self.target(world) {
                Some(key) => vec![Effect::Go(Place::Describe(key))],
                None => nothing_chosen(),
            },
            Command::Back if self.frozen.take().is_some() => Vec::new(),
            Command::Back if !self.marks.is_empty() => {
                self.marks.clear();
                Vec::new()
            }
            Command::Back if !self.filter.is_empty() => {
                self.filter = Filter::default();
                self.view.reset();
                Vec::new()
            }
            Command::Mark => {
                if let Some(uid) = self.cursor
                    && !self.marks.remove(&uid)
                {
                    self.marks.insert(uid);
                }
                Vec::new()
            }
            Command::Wide => {
                self.wide = !self.wide;
                Vec::new()
            }
            Command::FaultsOnly => {
                self.faults_only = !self.faults_only;
                self.view.reset();
                let word = if self.faults_only { "faults only" } else { "everything" };
                vec![Effect::Say(format!("{}: {word}", self.spec().title))]
            }
            Command::Freeze => {
                if self.frozen.take().is_none() {
                    // the lines of now stay until the same key again
                    self.frozen = Some(self.body(world, self.scroll_height()));
                }
                Vec::new()
            }
            Command::SortName => self.sort_by("NAME"),
            Command::SortAge => self.sort_by("AGE"),
            Command::SortStatus => self.sort_by("STATUS"),
            Command::SortNamespace => self.sort_by("NAMESPACE"),
            Command::SortColumn => {
                let next = match self.sort.column {
                    None => Some(0),
                    Some(c) if c + 1 < self.spec().columns.len() => Some(c + 1),
                    Some(_) => None,
                };
                self.sort.reverse = true;
                self.sort_column(next)
            }
            Command::Reload => {
                vec![Effect::Reload(self.kind), Effect::Say(format!("listing {} again", self.spec().title))]
            }
            Command::Node => self.to_link(world, Relation::Node),
            Command::Owner => self.to_link(world, Relation::Owner),
            Command::Copy => match self.target(world) {
                Some(key) => vec![Effect::Copy(key.name.to_string())],
                None => nothing_chosen(),
            },
            _ => return None,
        })
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        if self.frozen.is_some() {
            return Vec::new();
        }
        let namespace = world.namespace();
        if namespace != self.namespace {
            self.namespace = namespace;
            self.view.reset();
        }
        let mut view = std::mem::take(&mut self.view);
        let table = world.store.table(self.kind);
        let moved = view.sync(table, &self.rules(world));
        self.view = view;
        if size != self.size {
            self.size = size;
            self.wanted.fill(0);
        }
        let height = usize::from(size.height.saturating_sub(1));
        if let Some(slot) = self.cursor.and_then(|uid| table.slot_of(uid)) {
            let still = self.view.slot(self.scroll.at) == Some(slot);
            if (moved || !still)
                && let Some(at) = self.view.position(slot)
            {
                self.scroll.at = at;
            }
        }
        self.scroll.settle(self.view.len(), height);
        self.cursor = self.view.slot(self.scroll.at).and_then(|s| Some(table.row(s)?.record.uid));
        self.measure(world, height);
        let hide_namespace = world.facts.namespace.is_some();
        let spec = self.spec();
        let show = |i: usize| {
            let c = &spec.columns[i];
            (self.wide || !c.wide) && !(hide_namespace && matches!(c.field, Field::Namespace))
        };
        self.columns = layout::fit(spec.columns, &self.wanted, self.sort.column, show, size.width.saturating_sub(2));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        match &self.frozen {
            Some(lines) => lines.iter().take(usize::from(size.height)).cloned().collect(),
            None => self.body(world, usize::from(size.height)),
        }
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    /// Every row with whole cells, however wide.
    fn all_lines(&mut self, world: &World, width: u16) -> Vec<Line> {
        self.sync(world, Size { width, height: u16::MAX });
        self.scroll = Scroll::default();
        self.wanted.fill(0);
        self.measure(world, self.view.len());
        let spec = self.spec();
        for fitted in &mut self.columns {
            let title = u16::try_from(spec.columns[fitted.index].title.len()).unwrap_or(u16::MAX);
            fitted.width = self.wanted[fitted.index].max(title);
        }
        self.body(world, self.view.len() + 1)
    }

    fn hints(&self) -> &'static [Command] {
        match self.kind {
            kinds::POD => &[
                Command::Open,
                Command::Logs,
                Command::PreviousLogs,
                Command::Actions,
                Command::Yaml,
                Command::Palette,
                Command::Filter,
                Command::FaultsOnly,
                Command::Help,
            ],
            _ => &[
                Command::Open,
                Command::Actions,
                Command::Yaml,
                Command::Events,
                Command::Palette,
                Command::Filter,
                Command::FaultsOnly,
                Command::Help,
            ],
        }
    }

    fn target(&self, world: &World) -> Option<Key> {
        world.store.key(self.current(world)?)
    }

    fn targets(&self, world: &World) -> Vec<Key> {
        if self.marks.is_empty() {
            return self.target(world).into_iter().collect();
        }
        // in the order in which they are shown
        let table = world.store.table(self.kind);
        let marked = self
            .view
            .slots()
            .iter()
            .filter(|slot| table.row(**slot).is_some_and(|row| self.marks.contains(&row.record.uid)));
        marked.filter_map(|slot| world.store.key(RowId { kind: self.kind, slot: *slot })).collect()
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        let titles: Vec<&str> = self.spec().columns.iter().map(|c| c.title).collect();
        let parsed = Filter::parse(text, &titles).map_err(|e| e.to_string());
        // what is not understood hides nothing, and neither does what was typed before it
        let (filter, outcome) = match parsed {
            Ok(filter) => (filter, Ok(())),
            Err(why) => (Filter::default(), Err(why)),
        };
        if filter.text() != self.filter.text() {
            self.filter = filter;
            self.view.reset();
        }
        outcome
    }

    fn filtered(&self) -> &str {
        self.filter.text()
    }
}

impl TableScreen {
    fn scroll_height(&self) -> usize {
        self.view.len().min(200) + 1
    }

    fn body(&self, world: &World, height: usize) -> Vec<Line> {
        let rows = height.saturating_sub(1);
        let table = world.store.table(self.kind);
        let show = world.show();
        let mut out = Vec::with_capacity(rows.min(self.view.len()) + 1);
        out.push(self.head(world));
        if self.view.is_empty() {
            out.extend(self.nothing(world));
            return out;
        }
        let visible = self.view.slots().iter().skip(self.scroll.top).take(rows);
        out.extend(
            visible
                .filter_map(|slot| Some((*slot, table.row(*slot)?)))
                .map(|(slot, row)| self.row(row, slot, world, &show)),
        );
        out
    }
}
