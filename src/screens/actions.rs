//! Every action for the chosen objects, each with its key, or with the reason why it is not offered.

use super::acting;
use super::body::Scroll;
use super::world::World;
use super::{Screen, Size};
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
}

impl Actions {
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys, scroll: Scroll::default(), rows: Vec::new() }
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
        self.scroll.settle(self.rows.len(), usize::from(size.height));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        if self.rows.is_empty() {
            return vec![Line::of("  no action is known for this", Tone::Dim)];
        }
        let rows = self.rows.iter().enumerate().skip(self.scroll.top).take(usize::from(size.height));
        rows.map(|(at, (action, why))| {
            let chord = action.key.and_then(|key| world.chord(acting::command(key))).unwrap_or("");
            let tone = if why.is_some() { Tone::Dim } else { Tone::Plain };
            let mut line = Line::of(format!("  {chord:<8}"), if why.is_some() { Tone::Dim } else { Tone::Key });
            line.push(format!("{:<23}", action.name), tone);
            let text = why.as_ref().map_or(action.doc.to_owned(), |why| format!("not now: {why}"));
            let left = usize::from(size.width).saturating_sub(line.width());
            line.push(scene::clip(&text, left, Keep::Start).into_owned(), Tone::Dim);
            line.selected = at == self.scroll.at;
            line
        })
        .collect()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Back, Command::Help]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        self.keys.first().cloned()
    }
}
