//! The plans of this session, those of before that were interrupted, and one of them step by step.

use super::body::Scroll;
use super::keys::Layer;
use super::pager::{Pager, fields, fields_or_command, heading, paragraph};
use super::plan_text::headline;
use super::world::{Held, PlanRun, World};
use super::{More, Screen, ScreenSpec, Size, left};
use crate::domain::ages::{self, Time};
use crate::domain::outcome::{Outcome, Unfinished};
use crate::domain::record::Key;
use crate::intent::{Command, Effect, Place, RunId};
use crate::scene::{self, Keep, Line, Tone};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "plans",
    aliases: &["plan", "runs"],
    help: "what is being done, and what became of it",
    place: || Place::Plans,
};

/// Unfinished plans come first.
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
        // the newest comes first
        let run = world.plans.iter().rev().nth(self.scroll.at - world.unfinished.len())?;
        match command {
            Command::Open | Command::Describe => Some(vec![Effect::Go(Place::Run(run.id))]),
            Command::StopPlan if run.outcome.is_none() => Some(vec![Effect::Stop(run.id)]),
            Command::StopPlan => Some(vec![Effect::Complain("this plan is over".to_owned())]),
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        self.scroll.settle(rows(world), usize::from(size.height.saturating_sub(1)));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        if rows(world) == 0 {
            let actions = world.key(Command::Actions);
            let text = format!("  nothing was done in this session: {actions} on a row lists what can be");
            return vec![Line::of(text, Tone::Dim)];
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

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Continue, Command::Dismiss, Command::StopPlan, Command::Back, Command::Help]
    }

    fn layer(&self) -> Layer {
        Layer::Plans
    }
}

/// One plan, step by step. The text follows the running step until somebody scrolls away from it.
#[derive(Debug)]
pub struct RunScreen {
    id: RunId,
    pager: Pager,
    follow: Follow,
    /// The step that ran when the screen was last drawn, and its line.
    step: usize,
    line: usize,
    over: bool,
}

/// Columns of the title's line that are not the plan's: `Plan, step 12 of 20: `.
const TITLE_FRAME: usize = 26;

/// Whether the text follows the running step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follow {
    Yes,
    /// From the next step on: somebody has scrolled, and still sees the one that runs.
    Next,
    No,
}

impl RunScreen {
    pub fn new(id: RunId) -> Self {
        Self { id, pager: Pager::default(), follow: Follow::Yes, step: 0, line: 0, over: false }
    }

    /// Somebody has scrolled: what runs is followed again when it is in view, or when the end was asked for.
    fn scrolled(&mut self, command: Command) {
        let again = command == Command::Bottom || self.pager.sees(self.line);
        self.follow = if again { Follow::Next } else { Follow::No };
    }

    fn run<'w>(&self, world: &'w World) -> Option<&'w PlanRun> {
        world.plans.iter().find(|run| run.id == self.id)
    }

    /// The text, and the line of the running step.
    fn compose(&self, world: &World, width: u16) -> (Vec<Line>, usize) {
        let Some(run) = self.run(world) else {
            return (vec![Line::of("  no such plan in this session", Tone::Dim)], 0);
        };
        let mut out = Vec::new();
        let count = run.plan.steps.len();
        // the title's line has no room for a long one
        if scene::width(&run.plan.title) + TITLE_FRAME > usize::from(width) {
            fields("PLAN", &run.plan.title, width, Tone::Title, &mut out);
        }
        let told = match &run.outcome {
            None => format!("running, step {} of {count}; other screens may be looked at meanwhile", run.step + 1),
            Some(outcome) => outcome.word().to_uppercase(),
        };
        fields("STATE", &told, width, tone_of(run), &mut out);
        if let Some(outcome) = run.outcome.as_ref().filter(|outcome| !outcome.detail().is_empty()) {
            fields("SAYS", outcome.detail(), width, tone_of(run), &mut out);
        }
        if !run.plan.reason.is_empty() {
            fields("REASON", &run.plan.reason, width, Tone::Plain, &mut out);
        }
        let mut at = 0;
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
            if nth == run.step {
                at = out.len();
            }
            headline(&format!("  {:>2} {mark:<12}", nth + 1), tone, &step.what, None, width, &mut out);
            let note = run.note.strip_prefix(&step.what).unwrap_or(&run.note);
            let note = note.trim_start_matches([':', ' ']);
            if nth == run.step && !over && !note.is_empty() {
                fields("", note, width, Tone::Busy, &mut out);
            }
        }
        if run.outcome.as_ref().is_some_and(|o| !o.is_done()) {
            for (n, line) in run.plan.undo.lines().enumerate() {
                fields_or_command(if n == 0 { "UNDO" } else { "" }, line, width, Tone::Plain, &mut out);
            }
        }
        if !run.output.is_empty() {
            out.push(heading("OUTPUT"));
            for line in &run.output {
                paragraph(2, line, width, Tone::Plain, &mut out);
            }
        }
        (out, at)
    }
}

impl Screen for RunScreen {
    fn title(&self, world: &World) -> String {
        match self.run(world) {
            Some(run) if run.outcome.is_none() => {
                format!("Plan, step {} of {}: {}", run.step + 1, run.plan.steps.len(), run.plan.title)
            }
            Some(run) => format!("Plan: {}", run.plan.title),
            None => "Plan".to_owned(),
        }
    }

    fn place(&self) -> Place {
        Place::Run(self.id)
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        match command {
            Command::StopPlan => Some(match self.run(world) {
                Some(run) if run.outcome.is_none() => vec![Effect::Stop(self.id)],
                _ => vec![Effect::Complain("this plan is over".to_owned())],
            }),
            _ => {
                let done = self.pager.command(command);
                if done.is_some() && command != Command::Copy {
                    self.scrolled(command);
                }
                done
            }
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let (lines, at) = self.compose(world, size.width);
        let over = self.run(world).is_none_or(|run| run.outcome.is_some());
        let step = self.run(world).map_or(0, |run| run.step);
        if step != self.step && self.follow == Follow::Next {
            self.follow = Follow::Yes;
        }
        (self.step, self.line) = (step, at);
        self.pager.set(lines);
        self.pager.resize(size);
        if self.follow == Follow::Yes && !over {
            self.pager.follow(at);
        } else if self.follow != Follow::No && over && !self.over {
            // the outcome is at the top
            self.pager.follow(0);
        }
        self.over = over;
        Vec::new()
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        if self.over {
            &[Command::Describe, Command::Events, Command::Copy, Command::Back, Command::Help]
        } else {
            &[Command::StopPlan, Command::Events, Command::Describe, Command::Copy, Command::Back]
        }
    }

    fn target(&self, world: &World) -> Option<Key> {
        self.run(world)?.plan.targets.first().cloned()
    }

    fn layer(&self) -> Layer {
        Layer::Run
    }
}
