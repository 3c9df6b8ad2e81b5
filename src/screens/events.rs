//! The events about one object, newest first.

use super::pager::Pager;
use super::world::World;
use super::{More, Screen, Size, wrap};
use crate::domain::ages;
use crate::domain::record::Key;
use crate::domain::reply::{Event, Reply};
use crate::intent::{Command, Effect, Fetch, Place, Ticket};
use crate::kinds;
use crate::scene::{self, Keep, Line, Tone};

#[derive(Debug)]
pub struct Events {
    key: Key,
    ticket: Ticket,
    asked: bool,
    found: Option<Result<Vec<Event>, String>>,
    pager: Pager,
}

impl Events {
    pub fn new(key: Key, ticket: Ticket) -> Self {
        Self { key, ticket, asked: false, found: None, pager: Pager::default() }
    }
}

/// One line an event: age, count, reason, text.
pub fn lines_of(events: &[Event], world: &World, width: u16) -> Vec<Line> {
    if events.is_empty() {
        return vec![Line::of("  no events (the API server keeps them for about an hour)", Tone::Dim)];
    }
    let mut out = Vec::with_capacity(events.len());
    for event in events {
        let tone = if event.warning { Tone::Warn } else { Tone::Plain };
        let age = ages::told(event.last.age(world.facts.now).max(0));
        let count = if event.count > 1 { format!("x{}", event.count) } else { String::new() };
        let tone = if event.other { Tone::Dim } else { tone };
        let mut line = Line::of(format!("  {age:>6} {count:>5}  "), Tone::Dim);
        line.push(scene::fit(&event.reason, 24, Keep::Start), tone);
        let indent = line.width() + 1;
        let room = usize::from(width).saturating_sub(indent).max(16);
        // of an earlier object of this name, or of another kind with the same name
        let note = if event.other {
            format!("(of an earlier or other one of this name) {}", event.note)
        } else {
            event.note.clone()
        };
        for (n, part) in wrap::words(&note, room).into_iter().enumerate() {
            if n > 0 {
                out.push(std::mem::take(&mut line));
                line = Line { join: part.join, ..Line::of(" ".repeat(indent - 1), Tone::Plain) };
            }
            line.plain(format!(" {}", part.text));
        }
        out.push(line);
    }
    out
}

impl Screen for Events {
    fn title(&self, _world: &World) -> String {
        format!("{} {} events", kinds::spec(self.key.kind).name, self.key.name)
    }

    fn place(&self) -> Place {
        Place::Events(self.key.clone())
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        if command == Command::Reload {
            self.asked = false;
            return Some(Vec::new());
        }
        self.pager.command(command)
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        self.pager.set(match &self.found {
            None => vec![Line::of("  reading", Tone::Busy)],
            Some(Ok(events)) => lines_of(events, world, size.width),
            Some(Err(why)) => vec![Line::of(format!("  {why}"), Tone::Bad)],
        });
        self.pager.resize(size);
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        vec![Effect::Fetch(self.ticket, Fetch::Events(self.key.clone()))]
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Filter, Command::Reload, Command::Back]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        Some(self.key.clone())
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        let Reply::Events(answer) = reply else { return };
        if ticket != self.ticket {
            return;
        }
        self.found = Some(answer);
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}
