//! One unfinished plan: how it ended, what it leaves behind, what it has done, what is left with the commands for it, and
//! two ways on: continue it, or dismiss it.

use super::acting;
use super::keys::Layer;
use super::naming::clocks;
use super::pager::{Pager, command, field, fields, heading, paragraph};
use super::plan_text::headline;
use super::world::World;
use super::{More, Screen, Size};
use crate::domain::outcome::{Taken, Unfinished};
use crate::intent::{Command, Effect, Place};
use crate::scene::{Line, Tone};

/// What both screens do with an unfinished plan.
pub fn on(command: Command, left: &Unfinished, world: &World) -> Option<Vec<Effect>> {
    match command {
        Command::Continue => Some(match acting::again(left, world) {
            Ok(deed) => vec![Effect::Go(Place::Preview(deed))],
            Err(why) => vec![Effect::Complain(why)],
        }),
        Command::Dismiss => Some(vec![Effect::Type(format!("dismiss {} ", left.run))]),
        _ => None,
    }
}

#[derive(Debug)]
pub struct Left {
    run: Box<str>,
    pager: Pager,
}

impl Left {
    pub fn new(run: Box<str>) -> Self {
        Self { run, pager: Pager::default() }
    }

    fn find<'w>(&self, world: &'w World) -> Option<&'w Unfinished> {
        world.unfinished.iter().find(|left| *left.run == *self.run)
    }
}

fn compose(left: &Unfinished, world: &World, width: u16) -> Vec<Line> {
    let mut out = vec![field("SINCE", clocks(&left.time, world.dates()).into_owned(), Tone::Plain)];
    out.push(field("ENDED", left.ending.clone(), Tone::Warn));
    paragraph(5, &left.detail, width, Tone::Plain, &mut out);
    if !left.left.is_empty() {
        out.push(heading("LEFT BEHIND"));
        left.left.iter().for_each(|held| paragraph(5, &held.to_string(), width, Tone::Bad, &mut out));
    }
    if !left.reason.is_empty() {
        fields("REASON", &left.reason, width, Tone::Plain, &mut out);
    }
    let steps = |title: &'static str, wanted: Taken, out: &mut Vec<Line>| {
        let mut all = left.steps.iter().enumerate().filter(|(_, step)| step.taken == wanted).peekable();
        if all.peek().is_some() {
            out.push(heading(title));
        }
        for (nth, step) in all {
            let tone = if wanted == Taken::Yes { Tone::Dim } else { Tone::Plain };
            headline(&format!("  {:>2} ", nth + 1), tone, &step.what, None, width, out);
            if !step.twin.is_empty() && wanted != Taken::Yes {
                command(5, "", &step.twin, width, Tone::Dim, out);
            }
        }
    };
    steps("DONE", Taken::Yes, &mut out);
    steps("SENT; whether it arrived is not known", Taken::Maybe, &mut out);
    steps("NOT SENT, OR NOT SEEN YET", Taken::No, &mut out);
    out.push(heading(format!("WITHOUT THIS CONSOLE, copied by {}", world.key(Command::Copy))));
    command(5, "", &left.command(), width, Tone::Plain, &mut out);
    out
}

impl Screen for Left {
    fn title(&self, world: &World) -> String {
        self.find(world).map_or_else(|| "Unfinished".to_owned(), |left| format!("Unfinished: {}", left.title))
    }

    fn place(&self) -> Place {
        Place::Left(self.run.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        let ways = self.find(world).and_then(|left| match command {
            Command::Copy => Some(vec![Effect::Copy(left.command() + "\n")]),
            _ => on(command, left, world),
        });
        ways.or_else(|| self.pager.command(command))
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let gone = || vec![Line::of("  it is over: it was continued and is done, or it was dismissed", Tone::Good)];
        self.pager.set(self.find(world).map_or_else(gone, |left| compose(left, world, size.width)));
        self.pager.resize(size);
        Vec::new()
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Continue, Command::Dismiss, Command::Copy, Command::Back, Command::Help]
    }

    fn layer(&self) -> Layer {
        Layer::Left
    }
}
