//! Help, made from the keymap and the lists of kinds and screens, so that it cannot lie.

use super::keys::{Key, Layer, Typed};
use super::pager::{Pager, heading};
use super::world::World;
use super::{More, SCREENS, Screen, ScreenSpec, Size, wrap};
use crate::intent::{Command, Effect, Group, Place};
use crate::kinds;
use crate::scene::{Line, Tone};

pub const SPEC: ScreenSpec =
    ScreenSpec { word: "help", aliases: &["h", "keys"], help: "keys and commands", place: || Place::Help };

#[derive(Debug, Default)]
pub struct Help {
    pager: Pager,
    /// The width that the text was made for.
    width: u16,
}

/// Columns of the keys.
const KEYS: usize = 28;

/// Keys and what they do; each in as many rows as it needs.
fn entry(keys: &str, text: &str, width: u16, out: &mut Vec<Line>) {
    let indent = KEYS + 1;
    let mut line = Line::of(format!("  {keys} "), Tone::Key);
    // keys that are too long to fit next to their text get a row of their own above it
    if line.width() > indent {
        out.push(std::mem::replace(&mut line, Line::of(" ".repeat(indent), Tone::Plain)));
    }
    line.pad_to(indent);
    let room = usize::from(width).saturating_sub(indent + 1).max(20);
    for part in wrap::words(text, room) {
        line.plain(part.text);
        out.push(std::mem::replace(&mut line, Line::of(" ".repeat(indent), Tone::Plain)));
    }
}

impl Help {
    fn compose(world: &World, width: u16) -> Vec<Line> {
        let mut out = Vec::new();
        let keys = &world.preferences.keys;
        let add = |keys: &str, text: &str, out: &mut Vec<Line>| entry(keys, text, width, out);
        for group in Group::ALL {
            out.push(heading(group.title().to_uppercase()));
            // the digits say once what they do
            let said = |key: &&Key| !key.chords.is_empty() && !key.binding.help.is_empty();
            for key in keys.group(group).filter(said) {
                let chords: Vec<&str> = key.chords.iter().map(|written| &*written.text).collect();
                add(&chords.join(" "), key.binding.help, &mut out);
            }
            if group == Group::Plan {
                let scroll = [Command::Down, Command::Up, Command::PageDown, Command::PageUp];
                let scroll = scroll.map(|command| keys.typing(command, Layer::Preview));
                add(&scroll.join(" "), "scroll the plan, wherever the focus is", &mut out);
                add(keys.typing(Command::Next, Layer::Preview), "next field", &mut out);
            }
        }
        out.push(heading("SCREENS AFTER :"));
        for screen in SCREENS {
            add(&words(screen.word, screen.aliases), screen.help, &mut out);
        }
        out.push(heading("COMMANDS AFTER :"));
        for Typed { word, aliases, rest, help } in &world.preferences.typed {
            let names = if rest.is_empty() { words(word, aliases) } else { format!("{word} {rest}") };
            add(&names, help, &mut out);
        }
        out.push(heading("KINDS, also with a NAMESPACE, a /FILTER or both"));
        for kind in kinds::KINDS {
            add(&words(kind.word, kind.aliases), kind.title, &mut out);
        }
        out.push(heading("FILTER AFTER /"));
        for (example, meaning) in [
            ("crash team-a", "both words, in any column"),
            ("!running", "without the word"),
            ("status:crash", "in one column; node:, owner:, namespace: and so on"),
            ("name=web-0", "the whole cell"),
            ("restarts>5 age<1h", "numbers and ages"),
            ("/^web-[0-9]+$/", "a regular expression"),
            ("~wbprd", "fuzzy"),
        ] {
            add(example, meaning, &mut out);
        }
        out
    }
}

fn words(word: &str, aliases: &[&str]) -> String {
    let mut out = word.to_owned();
    for alias in aliases.iter().take(2) {
        out = format!("{out} {alias}");
    }
    out
}

impl Screen for Help {
    fn title(&self, _world: &World) -> String {
        "Help".to_owned()
    }

    fn place(&self) -> Place {
        Place::Help
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        self.pager.command(command)
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        if self.width != size.width {
            self.width = size.width;
            self.pager.set(Self::compose(world, size.width));
        }
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
        &[Command::Filter, Command::Back, Command::Quit]
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}
