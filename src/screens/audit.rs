//! What was done, as recorded on this machine: the newest first, the chosen line in full below the list, and all of it
//! with enter.

use super::body::Scroll;
use super::pager::{self, Pager, field, fields};
use super::world::{Dates, World};
use super::{More, Screen, ScreenSpec, Size};
use crate::domain::ages::Time;
use crate::domain::moment;
use crate::domain::reply::{Recorded, Reply};
use crate::intent::{Command, Effect, Fetch, Place, Ticket};
use crate::scene::{self, Keep, Line, Tone};

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
    lines: Option<Result<Vec<Recorded>, String>>,
    needle: String,
    /// Those that are shown.
    shown: Vec<usize>,
    scroll: Scroll,
    /// The chosen line in full.
    open: Option<Pager>,
}

impl Audit {
    pub fn new(ticket: Ticket) -> Self {
        Self {
            ticket,
            asked: false,
            lines: None,
            needle: String::new(),
            shown: Vec::new(),
            scroll: Scroll::default(),
            open: None,
        }
    }

    fn all(&self) -> &[Recorded] {
        match &self.lines {
            Some(Ok(lines)) => lines,
            _ => &[],
        }
    }

    fn current(&self) -> Option<&Recorded> {
        self.all().get(*self.shown.get(self.scroll.at)?)
    }

    fn whole(line: &Recorded, world: &World, width: u16) -> Vec<Line> {
        let mut out =
            vec![field("TIME", clock(line, world), Tone::Plain), field("EVENT", line.event.clone(), tone(line))];
        if !line.run.is_empty() {
            out.push(field("RUN", line.run.clone(), Tone::Plain));
        }
        fields("WHAT", &line.what, width, Tone::Plain, &mut out);
        out
    }

    fn copied(line: &Recorded) -> Effect {
        Effect::Copy(format!("{} {} {} {}\n", line.time, line.run, line.event, line.what))
    }
}

fn clock(line: &Recorded, world: &World) -> String {
    let Dates { now, utc } = world.dates();
    Time::parse(&line.time).map_or_else(|| line.time.clone(), |time| moment::clock(time, now, utc))
}

fn tone(line: &Recorded) -> Tone {
    let is = |words: &[&str]| words.iter().any(|word| line.what.starts_with(word));
    match &*line.event {
        "outcome" | "answer" if is(&["failed", "refused"]) => Tone::Bad,
        "outcome" | "answer" if is(&["unknown", "interrupted"]) => Tone::Warn,
        "outcome" => Tone::Good,
        "plan" | "unlock" => Tone::Accent,
        _ => Tone::Dim,
    }
}

impl Screen for Audit {
    fn title(&self, _world: &World) -> String {
        match &self.lines {
            Some(Ok(lines)) if self.needle.is_empty() => format!("Audit {}", lines.len()),
            Some(Ok(lines)) => format!("Audit {} of {}", self.shown.len(), lines.len()),
            _ => "Audit".to_owned(),
        }
    }

    fn place(&self) -> Place {
        Place::Audit
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if let Some(pager) = &mut self.open {
            match command {
                Command::Back | Command::Quit | Command::Open => self.open = None,
                Command::Copy => return Some(self.current().map(Self::copied).into_iter().collect()),
                _ => return pager.command(command),
            }
            return Some(Vec::new());
        }
        if self.scroll.on(command, self.shown.len()) {
            return Some(Vec::new());
        }
        let Some(line) = self.current() else {
            return (command == Command::Reload).then(|| {
                self.asked = false;
                Vec::new()
            });
        };
        match command {
            Command::Open | Command::Describe => {
                let mut pager = Pager::default();
                pager.set(Self::whole(line, world, 80));
                self.open = Some(pager);
                Some(Vec::new())
            }
            Command::Copy => Some(vec![Self::copied(line)]),
            Command::Back if !self.needle.is_empty() => {
                self.needle.clear();
                Some(Vec::new())
            }
            Command::Reload => {
                self.asked = false;
                Some(Vec::new())
            }
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let fits = |line: &Recorded| {
            let whole = format!("{} {} {} {}", line.time, line.run, line.event, line.what).to_lowercase();
            whole.contains(&self.needle)
        };
        self.shown = self.all().iter().enumerate().filter(|(_, line)| fits(line)).map(|(at, _)| at).collect();
        self.scroll.settle(self.shown.len(), pager::list_rows(size, 1));
        if let Some(mut pager) = self.open.take() {
            self.open = self.current().map(|line| {
                pager.set(Self::whole(line, world, size.width));
                pager.resize(size);
                pager
            });
        }
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        vec![Effect::Fetch(self.ticket, Fetch::Audit)]
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        if let Some(pager) = &self.open {
            return pager.visible(size);
        }
        match &self.lines {
            None => return vec![Line::of("  reading", Tone::Busy)],
            Some(Err(why)) => return vec![Line::of(format!("  the audit cannot be read: {why}"), Tone::Bad)],
            Some(Ok(lines)) if lines.is_empty() => {
                return vec![Line::of("  nothing was done from this machine yet", Tone::Dim)];
            }
            Some(Ok(_)) if self.shown.is_empty() => {
                return vec![Line::of(
                    format!("  none of {} lines holds {}", self.all().len(), self.needle),
                    Tone::Dim,
                )];
            }
            Some(Ok(_)) => {}
        }
        let wide = usize::from(size.width);
        let rows = pager::list_rows(size, 1);
        let seen = || self.shown.iter().enumerate().skip(self.scroll.top).take(rows);
        let time = seen().map(|(_, at)| clock(&self.all()[*at], world).len()).max().unwrap_or(0);
        let mut out = vec![Line::of(format!(" {:<time$} EVENT   WHAT", "TIME"), Tone::Title)];
        for (at, index) in seen() {
            let recorded = &self.all()[*index];
            let mut line = Line::of(format!(" {:<time$} ", clock(recorded, world)), Tone::Dim);
            line.push(format!("{:<7} ", recorded.event), tone(recorded));
            let left = wide.saturating_sub(line.width());
            line.plain(scene::clip(&recorded.what, left, Keep::Start).into_owned());
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        if let Some(line) = self.current() {
            pager::below(&line.what, world.key(Command::Open), size, &mut out);
        }
        out
    }

    fn more(&self) -> More {
        self.open.as_ref().map_or_else(|| self.scroll.more(), Pager::more)
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Filter, Command::Copy, Command::Reload, Command::Back]
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        if let Reply::Audit(lines) = reply
            && ticket == self.ticket
        {
            self.lines = Some(lines);
        }
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.needle = text.to_lowercase();
        Ok(())
    }

    fn filtered(&self) -> &str {
        &self.needle
    }
}
