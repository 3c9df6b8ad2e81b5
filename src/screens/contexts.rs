//! The kubeconfig's contexts, and why the present one cannot be reached if it cannot.

use super::body::Scroll;
use super::world::{Link, World};
use super::{More, Screen, ScreenSpec, Size};
use crate::domain::ages;
use crate::domain::context::Context;
use crate::intent::{Command, Effect, Place};
use crate::scene::{self, Keep, Line, Tone};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "ctx",
    aliases: &["contexts", "context"],
    help: "contexts of the kubeconfig",
    place: || Place::Contexts,
};

#[derive(Debug, Default)]
pub struct Contexts {
    scroll: Scroll,
    touched: bool,
}

impl Contexts {
    fn preamble(world: &World, width: u16) -> Vec<Line> {
        let mut out = Vec::new();
        let wide = usize::from(width).saturating_sub(3);
        if let Link::Down { since, headline, detail, .. } = &world.facts.link {
            let for_how_long = ages::told(since.age(world.facts.now).max(0));
            let whose = match &*world.facts.context {
                "" => String::new(),
                name => format!("{name}: "),
            };
            out.push(Line::of(format!("  {whose}{headline}"), Tone::Alarm));
            for part in wrap(detail, wide) {
                out.push(Line::of(format!("  {part}"), Tone::Plain));
            }
            out.push(Line::of(format!("  trying again since {for_how_long}; or select another context:"), Tone::Dim));
            out.push(Line::new());
        }
        for problem in &world.facts.kubeconfig_problems {
            for part in wrap(problem, wide) {
                out.push(Line::of(format!("  {part}"), Tone::Warn));
            }
        }
        out
    }
}

/// Breaks text at spaces into lines of at most `width` columns.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    super::wrap::words(text, width).into_iter().map(|part| part.text).collect()
}

impl Screen for Contexts {
    fn title(&self, world: &World) -> String {
        format!("Contexts {}", world.facts.contexts.len())
    }

    fn place(&self) -> Place {
        Place::Contexts
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, world.facts.contexts.len()) {
            self.touched = true;
            return Some(Vec::new());
        }
        match command {
            Command::Open => {
                let chosen = world.facts.contexts.get(self.scroll.at)?;
                Some(vec![Effect::Connect(chosen.name.clone())])
            }
            Command::Reload => Some(vec![Effect::Connect(world.facts.context.clone())]),
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        if !self.touched
            && let Some(at) = world.facts.contexts.iter().position(|c| c.name == world.facts.context)
        {
            self.scroll.at = at;
        }
        let taken = Self::preamble(world, size.width).len() + 1;
        self.scroll.settle(world.facts.contexts.len(), usize::from(size.height).saturating_sub(taken));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let mut out = Self::preamble(world, size.width);
        let contexts = &world.facts.contexts;
        if contexts.is_empty() {
            out.push(Line::of("  the kubeconfig names no context", Tone::Warn));
            out.push(Line::of("  watchkeeper --demo needs none: it shows a platform of its own", Tone::Dim));
            return out;
        }
        let longest = |f: fn(&Context) -> &str, max: usize| {
            let max = if size.width == scene::ENDLESS { usize::MAX } else { max };
            contexts.iter().map(|c| scene::width(f(c))).max().unwrap_or(0).clamp(8, max)
        };
        let (name, cluster) = (longest(|c| &c.name, 36), longest(|c| &c.cluster, 32));
        let head = format!(
            "  {}  {}  USER",
            scene::fit("CONTEXT", name, Keep::Start),
            scene::fit("CLUSTER", cluster, Keep::Start)
        );
        out.push(Line::of(head, Tone::Title));
        let rows = usize::from(size.height).saturating_sub(out.len());
        for (at, c) in contexts.iter().enumerate().skip(self.scroll.top).take(rows) {
            let here = c.name == world.facts.context;
            let mut line = Line::of(if here { "* " } else { "  " }, Tone::Accent);
            line.plain(format!(
                "{}  {}  {}",
                scene::fit(&c.name, name, Keep::Ends),
                scene::fit(&c.cluster, cluster, Keep::Ends),
                c.user
            ));
            if !c.warning.is_empty() {
                line.push(format!("  {}", c.warning), Tone::Warn);
            }
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Reload, Command::Back, Command::Quit]
    }
}
