//! The plans of this session, those of before that were interrupted, and one of them step by step.

use super::body::Scroll;
use super::pager::{Pager, field, heading};
use super::world::{Held, PlanRun, World};
use super::{Screen, ScreenSpec, Size, contexts, left};
use crate::domain::ages::{self, Time};
use crate::domain::outcome::{Outcome, Unfinished};
use crate::domain::record::Key;
use crate::intent::{Binding, Command, Effect, Group, Place, RunId};
use crate::scene::{self, Keep, Line, Tone};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "plans",
    aliases: &["plan", "runs"],
    help: "what is being done, and what became of it",
    place: || Place::Plans,
};

pub static KEYS: &[Binding] = &[Binding {
    command: Command::StopPlan,
    name: "stop-plan",
    chords: &["s"],
    help: "end the plan between two steps",
    group: Group::Plan,
}];

/// Those of the list: the keys of both sorts of rows.
static ALL: &[Binding] = &[KEYS[0], left::KEYS[0], left::KEYS[1]];

/// What is unfinished stands first.
fn rows(world: &World) -> usize {
    world.unfinished.len() + world.plans.len()
}

fn unfinished(left: &Unfinished, world: &World, width: u16) -> Line {
    let tone = if left.left.is_empty() { Tone::Warn } else { Tone::Bad };
    let mut line = Line::of(format!("  {:<15} ", left.ending), tone);
    let since = Time::parse(&left.time).map_or_else(String::new, |time| ages::told(time.age(world.facts.now).max(0)));
    line.plain(format!("{since:>6}  "));
    let leaves = if left.left.is_empty() { String::new() } else { format!("LEFT BEHIND: {}; ", left.leaves()) };
    clipped(line, &format!("{leaves}{} at step {} of {}", left.title, left.at + 1, left.steps.len()), width)
}

fn told(run: &PlanRun, world: &World, width: u16) -> Line {
    let mut line = Line::of(format!("  {:<15} ", word(run)), tone_of(run));
    let since = ages::told(run.ended.unwrap_or(run.started).age(world.facts.now).max(0));
    line.plain(format!("{since:>6}  "));
    let detail = run.outcome.as_ref().map_or(&*run.note, |o| o.detail());
    clipped(line, &format!("{}: {detail}", run.plan.title), width)
}

fn clipped(mut line: Line, text: &str, width: u16) -> Line {
    let left = usize::from(width).saturating_sub(line.width());
    line.plain(scene::clip(text, left, Keep::Start).into_owned());
    line
}

#[derive(Debug, Default)]
pub struct Plans {
    scroll: Scroll,
}

fn tone_of(run: &PlanRun) -> Tone {
    match &run.outcome {
        None => Tone::Busy,
        Some(Outcome::Done(_)) if run.held == Held::Reverted => Tone::Bad,
        Some(Outcome::Done(_)) => Tone::Good,
        Some(Outcome::Unknown(_) | Outcome::Interrupted(_)) => Tone::Warn,
        Some(_) => Tone::Bad,
    }
}

fn word(run: &PlanRun) -> String {
    match &run.outcome {
        None => format!("step {} of {}", run.step + 1, run.plan.steps.len()),
        Some(outcome) if run.held == Held::Reverted => format!("{}, reverted", outcome.word()),
        Some(outcome) => outcome.word().to_owned(),
    }
}

impl Screen for Plans {
    fn title(&self, world: &World) -> String {
        let running = world.plans.iter().filter(|run| run.outcome.is_none()).count();
        format!("Plans {}, {running} running", world.plans.len() + world.unfinished.len())
    }

    fn place(&self) -> Place {
        Place::Plans
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, rows(world)) {
            return Some(Vec::new());
        }
        if let Some(left) = world.unfinished.get(self.scroll.at) {
            return match command {
                Command::Open | Command::Describe => Some(vec![Effect::Go(Place::Left(left.run.as_str().into()))]),
                _ => left::on(command, left, world),
            };
        }
        // the newest stands first
        let run = world.plans.iter().rev().nth(self.scroll.at - world.unfinished.len())?;
        match command {
            Command::Open | Command::Describe => Some(vec![Effect::Go(Place::Run(run.id))]),
            Command::StopPlan => Some(vec![Effect::Stop(run.id)]),
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        self.scroll.settle(rows(world), usize::from(size.height.saturating_sub(1)));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        if rows(world) == 0 {
            return vec![Line::of("  nothing was done in this session: x on a row lists what can be", Tone::Dim)];
        }
        let mut out = vec![Line::of("  STATE            SINCE  WHAT", Tone::Title)];
        let count = usize::from(size.height).saturating_sub(1);
        for at in (self.scroll.top..rows(world)).take(count) {
            let mut line = match world.unfinished.get(at) {
                Some(left) => unfinished(left, world, size.width),
                None => told(&world.plans[rows(world) - 1 - at], world, size.width),
            };
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        out
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Continue, Command::Dismiss, Command::StopPlan, Command::Back, Command::Help]
    }

    fn own_keys(&self) -> &'static [Binding] {
        ALL
    }
}

/// One plan, step by step.
#[derive(Debug)]
pub struct RunScreen {
    id: RunId,
    pager: Pager,
}

impl RunScreen {
    pub fn new(id: RunId) -> Self {
        Self { id, pager: Pager::default() }
    }

    fn run<'w>(&self, world: &'w World) -> Option<&'w PlanRun> {
        world.plans.iter().find(|run| run.id == self.id)
    }

    fn compose(&self, world: &World, width: u16) -> Vec<Line> {
        let Some(run) = self.run(world) else { return vec![Line::of("  no such plan in this session", Tone::Dim)] };
        let wide = usize::from(width).saturating_sub(20).max(20);
        let mut out = Vec::new();
        let told = match &run.outcome {
            None => "running; other screens may be looked at meanwhile".to_owned(),
            Some(outcome) => outcome.word().to_uppercase(),
        };
        out.push(field("STATE", told, tone_of(run)));
        if let Some(outcome) = &run.outcome {
            for (n, part) in contexts::wrap(outcome.detail(), wide).into_iter().enumerate() {
                out.push(field(if n == 0 { "SAYS" } else { "" }, part, tone_of(run)));
            }
        }
        if !run.plan.reason.is_empty() {
            out.push(field("REASON", run.plan.reason.clone(), Tone::Plain));
        }
        out.push(heading("STEPS"));
        for (nth, step) in run.plan.steps.iter().enumerate() {
            let over = run.outcome.is_some();
            let (mark, tone) = match &run.outcome {
                Some(Outcome::Done(_)) => ("done", Tone::Good),
                _ if nth < run.step => ("done", Tone::Good),
                Some(outcome) if nth == run.step => (outcome.word(), tone_of(run)),
                None if nth == run.step => ("now", Tone::Busy),
                _ => ("", Tone::Dim),
            };
            let mut line = Line::of(format!("  {:>2} {mark:<12}", nth + 1), tone);
            line.push(step.what.clone(), if mark.is_empty() { Tone::Dim } else { Tone::Plain });
            out.push(line);
            if nth == run.step && !over && run.note != step.what {
                out.extend(contexts::wrap(&run.note, wide).into_iter().map(|part| field("", part, Tone::Busy)));
            }
        }
        if run.outcome.as_ref().is_some_and(|o| !o.is_done()) {
            for (n, line) in run.plan.undo.lines().enumerate() {
                out.push(field(if n == 0 { "UNDO" } else { "" }, line, Tone::Plain));
            }
        }
        if !run.output.is_empty() {
            out.push(heading("OUTPUT"));
            let wide = usize::from(width).saturating_sub(4);
            let parts = run.output.iter().flat_map(|line| contexts::wrap(line, wide));
            out.extend(parts.map(|part| Line::of(format!("  {part}"), Tone::Plain)));
        }
        out
    }
}

impl Screen for RunScreen {
    fn title(&self, world: &World) -> String {
        self.run(world).map_or_else(|| "Plan".to_owned(), |run| format!("Plan: {}", run.plan.title))
    }

    fn place(&self) -> Place {
        Place::Run(self.id)
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        match command {
            Command::StopPlan => Some(vec![Effect::Stop(self.id)]),
            _ => self.pager.command(command),
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        self.pager.set(self.compose(world, size.width));
        self.pager.resize(size);
        Vec::new()
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::StopPlan, Command::Events, Command::Describe, Command::Copy, Command::Back]
    }

    fn target(&self, world: &World) -> Option<Key> {
        self.run(world)?.plan.targets.first().cloned()
    }

    fn own_keys(&self) -> &'static [Binding] {
        KEYS
    }
}
