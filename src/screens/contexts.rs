//! The kubeconfig's contexts, and why the present one cannot be reached if it cannot.

use super::body::Scroll;
use super::world::{Link, World};
use super::{Screen, ScreenSpec, Size};
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
        if let Link::Down { since, headline, detail } = &world.facts.link {
            let for_how_long = ages::told(since.age(world.facts.now).max(0));
            out.push(Line::of(format!("  {}: {headline}", world.facts.context), Tone::Alarm));
            for part in wrap(detail, wide) {
                out.push(Line::of(format!("  {part}"), Tone::Plain));
            }
            out.push(Line::of(format!("  trying again since {for_how_long}; or choose another context:"), Tone::Dim));
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
    let width = width.max(8);
    let mut out = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word;
        while let Some(line) = out.last_mut() {
            let room = width.saturating_sub(scene::width(line) + usize::from(!line.is_empty()));
            if scene::width(word) <= room {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
                break;
            }
            if line.is_empty() {
                // a word longer than the line is cut where the line ends
                let mut used = 0;
                let fits = word.char_indices().find(|(_, c)| {
                    used += scene::width(c.encode_utf8(&mut [0; 4]));
                    used > width
                });
                let cut = fits.map_or(word.len(), |(at, _)| at).max(word.chars().next().map_or(0, char::len_utf8));
                line.push_str(&word[..cut]);
                word = &word[cut..];
                if word.is_empty() {
                    break;
                }
            }
            out.push(String::new());
        }
    }
    out
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
            return out;
        }
        let longest = |f: fn(&Context) -> &str, max: usize| {
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
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        out
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Reload, Command::Back, Command::Quit]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_spaces_and_long_words_where_they_must() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrap("", 8), [""]);
    }
}
