//! One plan that was interrupted: what it has done, what is left with the commands for it, and two ways on: plan the
//! rest anew, or leave it.

use super::acting;
use super::pager::{Pager, field, heading};
use super::world::World;
use super::{Screen, Size, contexts};
use crate::domain::outcome::Unfinished;
use crate::intent::{Binding, Command, Effect, Group, Place};
use crate::scene::{Line, Tone};

/// The keys of an interrupted plan, here and in the list.
pub static KEYS: &[Binding] = &[
    Binding {
        command: Command::Continue,
        name: "continue",
        chords: &["r"],
        help: "go on: plan anew what is left",
        group: Group::Plan,
    },
    Binding {
        command: Command::Dismiss,
        name: "dismiss",
        chords: &["ctrl-d"],
        help: "leave it, and tell it no more",
        group: Group::Plan,
    },
];

/// What both screens do with an interrupted plan.
pub fn on(command: Command, left: &Unfinished, world: &World) -> Option<Vec<Effect>> {
    match command {
        Command::Continue => Some(match acting::again(left, world) {
            Ok(deed) => vec![Effect::Go(Place::Preview(deed))],
            Err(why) => vec![Effect::Complain(why)],
        }),
        Command::Dismiss => Some(vec![Effect::Dismiss(left.run.as_str().into(), left.title.clone())]),
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

fn compose(left: &Unfinished, width: u16) -> Vec<Line> {
    let wide = usize::from(width).saturating_sub(6).max(20);
    let told = |text: &str, tone: Tone, out: &mut Vec<Line>| {
        out.extend(contexts::wrap(text, wide).into_iter().map(|part| Line::of(format!("     {part}"), tone)));
    };
    let mut out = vec![field("SINCE", left.time.clone(), Tone::Plain)];
    if !left.reason.is_empty() {
        out.push(field("REASON", left.reason.clone(), Tone::Plain));
    }
    let step = |nth: usize, out: &mut Vec<Line>| {
        let Some((what, twin)) = left.steps.get(nth) else { return };
        out.push(Line::of(format!("  {:>2} {what}", nth + 1), if nth < left.at { Tone::Dim } else { Tone::Plain }));
        if !twin.is_empty() && nth >= left.at {
            told(twin, Tone::Dim, out);
        }
    };
    out.push(heading("DONE"));
    (0..left.at).for_each(|nth| step(nth, &mut out));
    if left.at == 0 {
        out.push(Line::of("  nothing that is known", Tone::Dim));
    }
    out.push(heading("LEFT; the first may have been sent"));
    (left.at..left.steps.len()).for_each(|nth| step(nth, &mut out));
    out.push(heading("WITHOUT THIS CONSOLE"));
    told(&left.command(), Tone::Dim, &mut out);
    out
}

impl Screen for Left {
    fn title(&self, world: &World) -> String {
        self.find(world).map_or_else(|| "Interrupted".to_owned(), |left| format!("Interrupted: {}", left.title))
    }

    fn place(&self) -> Place {
        Place::Left(self.run.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        let ways = self.find(world).and_then(|left| on(command, left, world));
        ways.or_else(|| self.pager.command(command))
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let gone = || vec![Line::of("  it is over: it was gone on with and done, or it was dismissed", Tone::Good)];
        self.pager.set(self.find(world).map_or_else(gone, |left| compose(left, size.width)));
        self.pager.resize(size);
        Vec::new()
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Continue, Command::Dismiss, Command::Copy, Command::Back, Command::Help]
    }

    fn own_keys(&self) -> &'static [Binding] {
        KEYS
    }
}
