//! The keys in force, as screens see them: what a chord means where, and which chord leads to a command. The table that
//! they are made from is the app's, and so is what the configuration changed in it. What can be typed after `:` is listed
//! here for the help.

use std::collections::HashMap;

use super::line_edit::LineEdit;
use crate::intent::{Binding, Chord, Command, Group};

/// What a screen adds to the keys that mean the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Nothing: the keys of every screen.
    Base,
    Log,
    Preview,
    /// The list of plans.
    Plans,
    /// A plan of this session.
    Run,
    /// An unfinished plan.
    Left,
}

impl Layer {
    pub const ALL: [Self; 6] = [Self::Base, Self::Log, Self::Preview, Self::Plans, Self::Run, Self::Left];

    /// Commands that mean something on this layer only. Their keys win over those of every screen.
    pub fn own(self) -> &'static [Command] {
        match self {
            Self::Base => &[],
            Self::Log => &[Command::Follow, Command::Wrap, Command::Timestamps, Command::Since],
            Self::Preview => &[Command::Approve],
            Self::Plans => &[Command::StopPlan, Command::Continue, Command::Dismiss],
            Self::Run => &[Command::StopPlan],
            Self::Left => &[Command::Continue, Command::Dismiss],
        }
    }

    /// Commands of every screen that are needed on this layer too: no key of its own may hide them.
    pub fn needs(self) -> &'static [Command] {
        const LOG: &[Command] = &[
            Command::Up,
            Command::Down,
            Command::PageUp,
            Command::PageDown,
            Command::Top,
            Command::Bottom,
            Command::Left,
            Command::Right,
            Command::Next,
            Command::Logs,
            Command::PreviousLogs,
            Command::Reload,
            Command::Copy,
            Command::Filter,
            Command::Back,
            Command::Quit,
            Command::HardQuit,
            Command::Palette,
            Command::Help,
        ];
        const PREVIEW: &[Command] = &[
            Command::Up,
            Command::Down,
            Command::PageUp,
            Command::PageDown,
            Command::Left,
            Command::Right,
            Command::Next,
            Command::Previous,
            Command::Open,
            Command::Back,
            Command::Copy,
            Command::Reload,
            Command::HardQuit,
            Command::Palette,
            Command::Help,
            Command::Header,
        ];
        const PLAN: &[Command] = &[
            Command::Up,
            Command::Down,
            Command::PageUp,
            Command::PageDown,
            Command::Top,
            Command::Bottom,
            Command::Left,
            Command::Right,
            Command::Open,
            Command::Describe,
            Command::Copy,
            Command::Back,
            Command::Quit,
            Command::HardQuit,
            Command::Palette,
            Command::Help,
        ];
        match self {
            Self::Base => &[],
            Self::Log => LOG,
            Self::Preview => PREVIEW,
            Self::Plans | Self::Run | Self::Left => PLAN,
        }
    }

    /// Where that is, in words.
    pub fn place(self) -> &'static str {
        match self {
            Self::Base => "",
            Self::Log => " in a log",
            Self::Preview => " in a preview",
            Self::Plans | Self::Run | Self::Left => " among plans",
        }
    }

    /// Whether a command is one of every screen.
    pub fn is_base(command: Command) -> bool {
        !Self::ALL.iter().any(|layer| layer.own().contains(&command))
    }

    /// Whether a chord can lead to a command here. A name is typed in a preview, also where none is asked for: the
    /// characters of names mean nothing but what the preview itself gives them.
    pub fn admits(self, chord: Chord, command: Command) -> bool {
        self != Self::Preview || !chord.is_of_name() || matches!(command, Command::Approve | Command::Copy)
    }
}

/// A chord as it was written, and as it is compared.
#[derive(Debug, Clone)]
pub struct Written {
    pub text: String,
    pub chord: Chord,
}

/// A binding with the chords that the configuration gave it.
#[derive(Debug, Clone)]
pub struct Key {
    pub binding: &'static Binding,
    pub chords: Vec<Written>,
}

/// The keymap in force.
#[derive(Debug, Default)]
pub struct Keys {
    rows: Vec<Key>,
    base: HashMap<Chord, Command>,
    own: HashMap<(Layer, Chord), Command>,
}

/// Said of a command that no key leads to.
const NO_KEY: &str = "no key";

impl Keys {
    /// Of rows without a collision.
    pub fn of(rows: Vec<Key>) -> Self {
        let (mut base, mut own) = (HashMap::new(), HashMap::new());
        for row in &rows {
            let command = row.binding.command;
            for Written { chord, .. } in &row.chords {
                if Layer::is_base(command) {
                    base.insert(*chord, command);
                }
                for layer in Layer::ALL.into_iter().filter(|layer| layer.own().contains(&command)) {
                    own.insert((layer, *chord), command);
                }
            }
        }
        Self { rows, base, own }
    }

    /// What a chord means on a layer.
    pub fn command(&self, chord: Chord, layer: Layer) -> Option<Command> {
        let found = self.own.get(&(layer, chord)).or_else(|| self.base.get(&chord));
        found.copied().filter(|command| layer.admits(chord, *command))
    }

    pub fn group(&self, group: Group) -> impl Iterator<Item = &Key> {
        self.rows.iter().filter(move |row| row.binding.group == group)
    }

    pub fn row(&self, command: Command) -> Option<&Key> {
        self.rows.iter().find(|row| row.binding.command == command)
    }

    /// The chords that lead to a command on a layer.
    pub fn chords(&self, command: Command, layer: Layer) -> impl Iterator<Item = &Written> {
        let chords = self.row(command).map(|row| row.chords.iter()).into_iter().flatten();
        chords.filter(move |written| self.command(written.chord, layer) == Some(command))
    }

    /// The chord of a command as it is shown: the first one.
    pub fn first(&self, command: Command, layer: Layer) -> &str {
        self.chords(command, layer).next().map_or(NO_KEY, |written| &written.text)
    }

    /// The chord of a command where text is typed: the last one that does not edit the text.
    pub fn typing(&self, command: Command, layer: Layer) -> &str {
        let chords = self.chords(command, layer).filter(|written| !LineEdit::keeps(written.chord));
        chords.last().map_or(NO_KEY, |written| &written.text)
    }
}

/// What can be typed after `:` besides kinds, as it is listed for the operator.
#[derive(Debug, Clone, Copy)]
pub struct Typed {
    pub word: &'static str,
    pub aliases: &'static [&'static str],
    /// What comes after the word: `NAME`; empty where nothing does.
    pub rest: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
}
