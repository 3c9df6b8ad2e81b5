//! The platform's health, question by question: the verdict, what it is judged by, and the table behind it. The same
//! lines as `watchkeeper health` prints.

use super::body::Scroll;
use super::world::{Link, World};
use super::{More, Screen, ScreenSpec, Size};
use crate::domain::record::KindId;
use crate::domain::reply::Reply;
use crate::domain::served::Unwatched;
use crate::domain::usage::{self, Seen, Usages};
use crate::intent::{Command, Effect, Fetch, Place, Ticket};
use crate::scene::{self, Keep, Line, Tone};
use crate::triage::health::{self, Verdict};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "health",
    aliases: &["checklist", "daily"],
    help: "the whole platform's health, question by question",
    place: || Place::Health,
};

#[derive(Debug)]
pub struct Health {
    ticket: Ticket,
    asked: bool,
    usage: Seen<Usages>,
    scroll: Scroll,
    lines: Vec<health::Line>,
}

impl Health {
    pub fn new(ticket: Ticket) -> Self {
        Self { ticket, asked: false, usage: Seen::default(), scroll: Scroll::default(), lines: Vec::new() }
    }

    /// Where a line leads to: the rows with faults where there are some.
    fn table(&self) -> Option<Effect> {
        let line = self.lines.get(self.scroll.at)?;
        let place = if line.faults { Place::Faults } else { Place::Table };
        Some(match line.kind {
            Some(kind) => Effect::Go(place(kind)),
            None => Effect::Say(format!("{}: there is no table for it", line.what)),
        })
    }
}

/// How many lines there are of each verdict, the most severe first: `2 failed, 1 unknown, 17 ok`.
pub fn summary(lines: &[health::Line]) -> String {
    use Verdict::{Failed, NotInstalled, Ok, Unknown, Warning};
    let counted = [Failed, Unknown, Warning, Ok, NotInstalled].map(|verdict| {
        let n = lines.iter().filter(|line| line.verdict == verdict).count();
        (n, verdict.word())
    });
    let told: Vec<String> = counted.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    told.join(", ")
}

/// Numbers and words of one line.
pub fn told(line: &health::Line) -> String {
    match (line.told(), &*line.why) {
        (numbers, "") => numbers,
        (numbers, why) if numbers.is_empty() => why.to_owned(),
        (numbers, why) => format!("{numbers}: {why}"),
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Ok => Tone::Good,
        Verdict::Warning | Verdict::Unknown => Tone::Warn,
        Verdict::Failed => Tone::Bad,
        Verdict::NotInstalled => Tone::Dim,
    }
}

impl Screen for Health {
    fn title(&self, _world: &World) -> String {
        format!("Health: {}", summary(&self.lines))
    }

    fn place(&self) -> Place {
        Place::Health
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.lines.len()) {
            return Some(Vec::new());
        }
        Some(match command {
            Command::Open => self.table().into_iter().collect(),
            Command::Reload => {
                self.asked = false;
                vec![Effect::Say("reading usage and mesh again".to_owned())]
            }
            Command::Copy => {
                let lines = self.lines.iter().map(|line| format!("{} {}: {}\n", line.verdict, line.what, told(line)));
                vec![Effect::Copy(lines.collect())]
            }
            _ => return None,
        })
    }

    fn watches(&self) -> Vec<KindId> {
        health::on_demand()
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        self.lines = health::lines(&world.store, &self.usage, world.facts.now);
        let around = 1 + usize::from(!world.facts.unwatched.is_empty());
        self.scroll.settle(self.lines.len(), usize::from(size.height).saturating_sub(around));
        if self.asked || world.facts.link != Link::Up {
            return Vec::new();
        }
        self.asked = true;
        let paths = usage::PATHS.map(str::to_owned).to_vec();
        vec![Effect::Fetch(self.ticket, Fetch::Paths(paths))]
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let width = usize::from(size.width);
        // kinds that no line covers are named below the lines
        let unwatched: Vec<String> = world.facts.unwatched.iter().map(Unwatched::told).collect();
        let what = if width < 70 { 17 } else { 20 };
        let head = format!(
            "  {} {} NUMBERS, WHY",
            scene::fit("VERDICT", 13, Keep::Start),
            scene::fit("WHAT", what, Keep::Start)
        );
        let mut out = vec![Line::of(scene::clip(&head, width, Keep::Start).into_owned(), Tone::Title)];
        let rows = usize::from(size.height).saturating_sub(1 + usize::from(!unwatched.is_empty()));
        for (at, told_line) in self.lines.iter().enumerate().skip(self.scroll.top).take(rows) {
            let mut line = Line::of("  ", Tone::Plain);
            line.push(scene::fit(told_line.verdict.word(), 13, Keep::Start), tone(told_line.verdict));
            line.plain(format!(" {} ", scene::fit(told_line.what, what, Keep::Start)));
            let left = width.saturating_sub(line.width());
            let rest = if told_line.verdict == Verdict::NotInstalled { Tone::Dim } else { Tone::Plain };
            line.push(scene::clip(&told(told_line), left, Keep::Start).into_owned(), rest);
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        if !unwatched.is_empty() {
            let text = format!("  not watched: {}", unwatched.join(", "));
            out.push(Line::of(scene::clip(&text, width, Keep::Start).into_owned(), Tone::Warn));
        }
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Reload, Command::Copy, Command::Feeds, Command::Back, Command::Help]
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        if let Reply::Read(found) = reply
            && ticket == self.ticket
        {
            self.usage = usage::of(&found);
        }
    }
}
