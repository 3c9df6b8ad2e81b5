//! Every action for the chosen objects, each with its key, or with the reason why it is not offered.

use super::acting;
use super::body::Scroll;
use super::pager::paragraph;
use super::world::World;
use super::{More, Screen, Size, wrap};
use crate::actions::{ACTIONS, ActionSpec, Offer};
use crate::domain::record::Key;
use crate::intent::{Command, Deed, Effect, Place};
use crate::kinds;
use crate::scene::{self, Keep, Line, Tone};

#[derive(Debug)]
pub struct Actions {
    keys: Vec<Key>,
    scroll: Scroll,
    rows: Vec<(&'static ActionSpec, Option<String>)>,
    /// That nothing may be written here, and the way out.
    head: Vec<Line>,
    /// Rows below the list that show the selected row in full; none where no row is cut.
    foot: usize,
}

impl Actions {
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys, scroll: Scroll::default(), rows: Vec::new(), head: Vec::new(), foot: 0 }
    }
}

/// Columns before what is said of an action.
const BEFORE: usize = 33;

impl Actions {
    /// What is said of a row.
    fn told(&self, at: usize) -> String {
        match self.rows.get(at) {
            Some((_, Some(why))) => format!("not now: {why}"),
            Some((action, None)) if !self.head.is_empty() => format!("read-only: {}", action.doc),
            Some((action, None)) => action.doc.to_owned(),
            None => String::new(),
        }
    }

    /// As many rows as the longest needs that is cut in the list, and a blank one: the list stays where it is.
    fn foot(&self, size: Size) -> usize {
        let room = usize::from(size.width).saturating_sub(BEFORE);
        let cut = (0..self.rows.len()).map(|at| self.told(at)).filter(|told| scene::width(told) > room);
        let most = cut.map(|told| wrap::words(&told, whole(size.width)).len() + 1).max().unwrap_or(0);
        most.min(usize::from(size.height) / 2)
    }

    /// Rows of the list.
    fn height(&self, size: Size) -> usize {
        usize::from(size.height).saturating_sub(self.head.len() + self.foot)
    }
}

/// Columns of a sentence below the list.
fn whole(width: u16) -> usize {
    usize::from(width).saturating_sub(2)
}

impl Screen for Actions {
    fn title(&self, _world: &World) -> String {
        match &*self.keys {
            [key] => format!("Actions for {} {}", kinds::spec(key.kind).name, key.name),
            keys => format!("Actions for {} objects", keys.len()),
        }
    }

    fn place(&self) -> Place {
        Place::Actions(self.keys.clone())
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.rows.len()) {
            return Some(Vec::new());
        }
        match command {
            Command::Open => Some(match self.rows.get(self.scroll.at) {
                Some((action, None)) => {
                    vec![Effect::Go(Place::Preview(Deed {
                        action: action.name,
                        keys: self.keys.clone(),
                        continues: None,
                    }))]
                }
                Some((action, Some(why))) => vec![Effect::Complain(format!("{}: {why}", action.name))],
                None => Vec::new(),
            }),
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let offered = ACTIONS.iter().filter_map(|action| match acting::offer(action, &self.keys, world) {
            Offer::Yes => Some((action, None)),
            Offer::No(why) => Some((action, Some(why))),
            Offer::Never => None,
        });
        self.rows = offered.collect();
        // what can be done comes before what cannot
        self.rows.sort_by_key(|(_, why)| why.is_some());
        self.head.clear();
        if let Some(why) = world.facts.locked_out() {
            paragraph(2, &why, size.width, Tone::Warn, &mut self.head);
        }
        self.foot = self.foot(size);
        self.scroll.settle(self.rows.len(), self.height(size));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        if self.rows.is_empty() {
            return vec![Line::of("  no action is known for this", Tone::Dim)];
        }
        let mut out = self.head.clone();
        let locked = !out.is_empty();
        let rows = self.rows.iter().enumerate().skip(self.scroll.top).take(self.height(size));
        out.extend(rows.map(|(at, (action, why))| {
            let chord = action.key.and_then(|key| world.chord(acting::command(key))).unwrap_or("");
            let dim = locked || why.is_some();
            let mut line = Line::of(format!("  {chord:<8}"), if dim { Tone::Dim } else { Tone::Key });
            line.push(format!("{:<23}", action.name), if dim { Tone::Dim } else { Tone::Plain });
            let left = usize::from(size.width).saturating_sub(line.width());
            line.push(scene::clip(&self.told(at), left, Keep::Start).into_owned(), Tone::Dim);
            line.selected = at == self.scroll.at;
            line
        }));
        if self.foot > 0 {
            out.resize(self.head.len() + self.height(size).min(self.rows.len()) + 1, Line::new());
            let parts = wrap::words(&self.told(self.scroll.at), whole(size.width));
            out.extend(
                parts
                    .into_iter()
                    .take(self.foot - 1)
                    .map(|part| Line { join: part.join, ..Line::of(format!("  {}", part.text), Tone::Accent) }),
            );
        }
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Back, Command::Help]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        self.keys.first().cloned()
    }
}
