//! Help, made from the keymap and the lists of kinds and screens, so that it cannot lie.

use super::pager::{Pager, heading};
use super::world::World;
use super::{More, SCREENS, Screen, ScreenSpec, Size, left, logs, plans, preview, wrap};
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
    // what does not fit beside its text stands above it
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
        let groups = [(Group::Go, "GO"), (Group::Look, "LOOK"), (Group::Act, "ACT"), (Group::Sort, "SORT")];
        let add = |keys: &str, text: &str, out: &mut Vec<Line>| entry(keys, text, width, out);
        for (group, title) in groups {
            out.push(heading(title));
            // the digits say once what they do
            let said = |key: &&super::world::Key| !key.chords.is_empty() && !key.binding.help.is_empty();
            for key in world.preferences.keys.iter().filter(|k| k.binding.group == group).filter(said) {
                add(&key.chords.join(" "), key.binding.help, &mut out);
            }
        }
        out.push(heading("IN A LOG"));
        for binding in logs::KEYS {
            add(&binding.chords.join(" "), binding.help, &mut out);
        }
        out.push(heading("IN A PREVIEW OR A PLAN"));
        for binding in preview::KEYS.iter().chain(plans::KEYS).chain(left::KEYS) {
            add(&binding.chords.join(" "), binding.help, &mut out);
        }
        out.push(heading("COMMANDS AFTER :"));
        for screen in SCREENS {
            add(&words(screen.word, screen.aliases), screen.help, &mut out);
        }
        for (command, text) in [
            ("ctx NAME", "switch to a context"),
            ("ns NAME", "restrict to a namespace; `ns all` for every one"),
            ("find TEXT", "every object of that name, whatever and wherever it is; KIND/NAME goes to it"),
            ("unlock REASON", "write in a read-only context for 15 minutes; it is recorded"),
            ("timeline NAMESPACE", "what happened in a namespace"),
            ("why", "the incident that the object belongs to, or why none"),
            ("q quit", "leave"),
        ] {
            add(command, text, &mut out);
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
