//! What was done, as recorded on this machine: the newest first.

use super::pager::Pager;
use super::world::World;
use super::{Screen, ScreenSpec, Size};
use crate::domain::reply::Reply;
use crate::intent::{Command, Effect, Fetch, Place, Ticket};
use crate::scene::{Line, Tone};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "audit",
    aliases: &["log"],
    help: "what was done from this machine, by whom and with what outcome",
    place: || Place::Audit,
};

#[derive(Debug)]
pub struct Audit {
    ticket: Ticket,
    asked: bool,
    lines: Option<Result<Vec<String>, String>>,
    pager: Pager,
}

impl Audit {
    pub fn new(ticket: Ticket) -> Self {
        Self { ticket, asked: false, lines: None, pager: Pager::default() }
    }
}

impl Screen for Audit {
    fn title(&self, _world: &World) -> String {
        match &self.lines {
            Some(Ok(lines)) => format!("Audit {}", lines.len()),
            _ => "Audit".to_owned(),
        }
    }

    fn place(&self) -> Place {
        Place::Audit
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        if command == Command::Reload {
            self.asked = false;
            return Some(Vec::new());
        }
        self.pager.command(command)
    }

    fn sync(&mut self, _world: &World, size: Size) -> Vec<Effect> {
        let lines = match &self.lines {
            None => vec![Line::of("  reading", Tone::Busy)],
            Some(Err(why)) => vec![Line::of(format!("  the audit cannot be read: {why}"), Tone::Bad)],
            Some(Ok(lines)) if lines.is_empty() => {
                vec![Line::of("  nothing was done from this machine yet", Tone::Dim)]
            }
            Some(Ok(lines)) => lines.iter().map(|line| Line::of(format!(" {line}"), Tone::Plain)).collect(),
        };
        self.pager.set(lines);
        self.pager.resize(size);
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        vec![Effect::Fetch(self.ticket, Fetch::Audit)]
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Filter, Command::Right, Command::Reload, Command::Back]
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        if let Reply::Text(lines) = reply
            && ticket == self.ticket
        {
            self.lines = Some(lines);
        }
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}
