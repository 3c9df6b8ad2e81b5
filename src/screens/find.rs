//! `:find`: every known object whose name holds the text, the closest first, whatever kind and namespace.

use super::body::Scroll;
use super::table::tone_of;
use super::world::World;
use super::{More, Screen, Size};
use crate::domain::record::Key;
use crate::intent::{Command, Effect, Place};
use crate::kinds;
use crate::scene::{self, Keep, Line, Tone};
use crate::store::RowId;

/// Shown at most; a longer list is no help.
const MOST: usize = 200;

#[derive(Debug)]
pub struct Find {
    text: String,
    scroll: Scroll,
    hits: Vec<RowId>,
    searched: bool,
}

impl Find {
    pub fn new(text: String) -> Self {
        Self { text, scroll: Scroll::default(), hits: Vec::new(), searched: false }
    }
}

/// The rows whose name fits, best first: equal, then beginning with, then holding the text. A text of the form
/// `namespace/name`, `kind/name` or `kind/namespace/name` narrows the search.
pub fn search(text: &str, world: &World) -> Vec<RowId> {
    let text = text.trim().trim_matches('"').to_lowercase();
    let parts: Vec<&str> = text.split('/').collect();
    let Some((name, before)) = parts.split_last().filter(|(name, _)| !name.is_empty()) else { return Vec::new() };
    let kind = before.first().and_then(|word| kinds::by_word(word));
    let namespace = match (before, kind) {
        ([_], Some(_)) | ([], _) => None,
        ([namespace], None) => Some(*namespace),
        (longer, _) => longer.last().copied(),
    };
    let mut hits: Vec<(u8, usize, RowId)> = Vec::new();
    for (id, table) in world.store.tables() {
        if kind.is_some_and(|k| k != id) {
            continue;
        }
        for (slot, row) in table.iter() {
            if namespace.is_some_and(|n| world.store.strings.get(row.record.namespace) != n) {
                continue;
            }
            let candidate = row.record.name.to_lowercase();
            let rank = if candidate == *name {
                0
            } else if candidate.starts_with(name) {
                1
            } else if candidate.contains(name) {
                2
            } else {
                continue;
            };
            hits.push((rank, candidate.len(), RowId { kind: id, slot }));
        }
    }
    hits.sort_unstable();
    hits.into_iter().take(MOST).map(|(_, _, id)| id).collect()
}

/// Where `:find` goes: straight to the object where there is only one, or where its kind was named, too. Of a bare name
/// every object is offered: whoever names a workload may mean its release or its pods.
pub fn destination(text: &str, world: &World) -> Option<Place> {
    let hits = search(text, world);
    let wanted = text.trim().trim_matches('"').rsplit('/').next().unwrap_or_default();
    let is_exact = |id: &&RowId| world.store.row(**id).is_some_and(|row| row.record.name.eq_ignore_ascii_case(wanted));
    let exact: Vec<&RowId> = hits.iter().filter(is_exact).collect();
    match (&*hits, &*exact) {
        ([], _) => None,
        ([one], _) => world.store.key(*one).map(Place::Describe),
        (_, [one]) if text.contains('/') => world.store.key(**one).map(Place::Describe),
        _ => Some(Place::Find(text.to_owned())),
    }
}

impl Screen for Find {
    fn title(&self, _world: &World) -> String {
        format!("Found {} for {}", self.hits.len(), self.text)
    }

    fn place(&self) -> Place {
        Place::Find(self.text.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.hits.len()) {
            return Some(Vec::new());
        }
        match command {
            Command::Open | Command::Describe => Some(vec![match self.target(world) {
                Some(key) => Effect::Go(Place::Describe(key)),
                None => Effect::Complain("nothing selected".to_owned()),
            }]),
            Command::Reload => {
                self.searched = false;
                Some(Vec::new())
            }
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        if !self.searched {
            self.searched = true;
            self.hits = search(&self.text, world);
        }
        self.hits.retain(|id| world.store.row(*id).is_some());
        self.scroll.settle(self.hits.len(), usize::from(size.height.saturating_sub(1)));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let mut out = vec![Line::of("  KIND            NAME", Tone::Title)];
        let rows = usize::from(size.height).saturating_sub(1);
        for (at, id) in self.hits.iter().enumerate().skip(self.scroll.top).take(rows) {
            let Some(row) = world.store.row(*id) else { continue };
            let mut line = Line::of(format!("{} ", row.health.glyph()), tone_of(row.health));
            let kind = scene::fit(kinds::spec(id.kind).name, 15, Keep::Start);
            let name = row.record.full_name(&world.store.strings);
            line.plain(format!(
                "{kind} {}",
                scene::fit(&name, usize::from(size.width).saturating_sub(40).max(20), Keep::Ends)
            ));
            line.push(format!("  {}", world.store.strings.get(row.record.status)), tone_of(row.health));
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Yaml, Command::Back, Command::Help]
    }

    fn target(&self, world: &World) -> Option<Key> {
        world.store.key(*self.hits.get(self.scroll.at)?)
    }
}
