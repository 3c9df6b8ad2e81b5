//! Help, made from the keymap and the lists of kinds and screens, so that it cannot lie.

use super::pager::{Pager, heading};
use super::world::World;
use super::{SCREENS, Screen, ScreenSpec, Size, left, logs, plans, preview};
use crate::intent::{Command, Effect, Group, Place};
use crate::kinds;
use crate::scene::{Line, Tone};

pub const SPEC: ScreenSpec =
    ScreenSpec { word: "help", aliases: &["h", "keys"], help: "keys and commands", place: || Place::Help };

#[derive(Debug, Default)]
pub struct Help {
    pager: Pager,
}

fn entry(keys: &str, text: &str) -> Line {
    let mut line = Line::of(format!("  {keys:<26} "), Tone::Key);
    line.plain(text.to_owned());
    line
}

impl Help {
    fn compose(world: &World) -> Vec<Line> {
        let mut out = Vec::new();
        let groups = [(Group::Go, "GO"), (Group::Look, "LOOK"), (Group::Act, "ACT"), (Group::Sort, "SORT")];
        for (group, title) in groups {
            out.push(heading(title));
            for key in world.facts.keys.iter().filter(|k| k.binding.group == group && !k.chords.is_empty()) {
                out.push(entry(&key.chords.join(" "), key.binding.help));
            }
        }
        out.push(heading("IN A LOG"));
        for binding in logs::KEYS {
            out.push(entry(&binding.chords.join(" "), binding.help));
        }
        out.push(heading("IN A PREVIEW OR A PLAN"));
        for binding in preview::KEYS.iter().chain(plans::KEYS).chain(left::KEYS) {
            out.push(entry(&binding.chords.join(" "), binding.help));
        }
        out.push(heading("COMMANDS AFTER :"));
        for screen in SCREENS {
            out.push(entry(&words(screen.word, screen.aliases), screen.help));
        }
        out.push(entry("ctx NAME", "switch to a context"));
        out.push(entry("ns NAME", "restrict to a namespace; `ns all` for every one"));
        out.push(entry("find TEXT", "the pod, release or alert of that name, wherever it is"));
        out.push(entry("unlock REASON", "write in a read-only context for 15 minutes; it is recorded"));
        out.push(entry("timeline NAMESPACE", "what happened in a namespace"));
        out.push(entry("why", "the incident that the object belongs to, or why none"));
        out.push(entry("q quit", "leave"));
        out.push(heading("KINDS"));
        for kind in kinds::KINDS {
            out.push(entry(&words(kind.word, kind.aliases), kind.title));
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
            out.push(entry(example, meaning));
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
        if self.pager.lines.is_empty() {
            self.pager.set(Self::compose(world));
        }
        self.pager.resize(size);
        Vec::new()
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
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
