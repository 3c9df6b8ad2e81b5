//! Every action for the chosen objects, each with its key, or with the reason why it is not offered.

use super::acting;
use super::body::Scroll;
use super::pager::paragraph;
use super::world::World;
use super::{More, Screen, Size};
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
}

impl Actions {
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys, scroll: Scroll::default(), rows: Vec::new(), head: Vec::new() }
    }
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
        self.scroll.settle(self.rows.len(), usize::from(size.height).saturating_sub(self.head.len()));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        if self.rows.is_empty() {
            return vec![Line::of("  no action is known for this", Tone::Dim)];
        }
        let mut out = self.head.clone();
        let locked = !out.is_empty();
        let height = usize::from(size.height).saturating_sub(out.len());
        let rows = self.rows.iter().enumerate().skip(self.scroll.top).take(height);
        out.extend(rows.map(|(at, (action, why))| {
            let chord = action.key.and_then(|key| world.chord(acting::command(key))).unwrap_or("");
            let dim = locked || why.is_some();
            let mut line = Line::of(format!("  {chord:<8}"), if dim { Tone::Dim } else { Tone::Key });
            line.push(format!("{:<23}", action.name), if dim { Tone::Dim } else { Tone::Plain });
            let text = match why {
                Some(why) => format!("not now: {why}"),
                None if locked => format!("read-only: {}", action.doc),
                None => action.doc.to_owned(),
            };
            let left = usize::from(size.width).saturating_sub(line.width());
            line.push(scene::clip(&text, left, Keep::Start).into_owned(), Tone::Dim);
            line.selected = at == self.scroll.at;
            line
        }));
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
