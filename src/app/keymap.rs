//! The one table of keys. Help, footer hints and the README's list are made from it; the configuration may change the
//! chords, never the meaning.

use std::collections::HashMap;
use std::sync::Arc;

use crate::intent::{Binding, Chord, Command, Group};
use crate::screens::world::Key;

macro_rules! keys {
    ($(@$group:ident $($command:expr, $name:literal, [$($chord:literal),*], $help:literal;)*)*) => {
        &[$($(Binding { command: $command, name: $name, chords: &[$($chord),*], help: $help, group: Group::$group },)*)*]
    };
}

pub static KEYMAP: &[Binding] = keys! {
    @Go
        Command::Palette, "command", [":"], "a command: a kind, a screen, ctx, ns, find";
        Command::Filter, "filter", ["/"], "filter what is shown";
        Command::Open, "open", ["enter"], "open";
        Command::Back, "back", ["esc"], "back, clear the filter";
        Command::Quit, "quit", ["q"], "back, and out of the first screen";
        Command::HardQuit, "hard-quit", ["ctrl-c"], "quit";
        Command::HistoryBack, "history-back", ["["], "the screen before";
        Command::HistoryForward, "history-forward", ["]"], "the screen after";
        Command::Last, "last", ["-"], "the last screen again";
        Command::Help, "help", ["?"], "this help";
        Command::Up, "up", ["k", "up"], "up";
        Command::Down, "down", ["j", "down"], "down";
        Command::Top, "top", ["g", "home"], "to the top";
        Command::Bottom, "bottom", ["G", "end"], "to the end";
        Command::PageDown, "page-down", ["ctrl-f", "pgdn"], "a page down";
        Command::PageUp, "page-up", ["ctrl-b", "pgup"], "a page up";
        Command::Left, "left", ["left"], "scroll left";
        Command::Right, "right", ["right"], "scroll right";
        Command::Mark, "mark", ["space"], "mark the row";
        Command::Next, "next", ["tab"], "complete, or the next pane";
        Command::Namespace(0), "namespace-0", ["0"], "all namespaces";
        Command::Namespace(1), "namespace-1", ["1"], "first namespace of :ns";
        Command::Namespace(2), "namespace-2", ["2"], "second, and so on to 9";
        Command::Namespace(3), "namespace-3", ["3"], "";
        Command::Namespace(4), "namespace-4", ["4"], "";
        Command::Namespace(5), "namespace-5", ["5"], "";
        Command::Namespace(6), "namespace-6", ["6"], "";
        Command::Namespace(7), "namespace-7", ["7"], "";
        Command::Namespace(8), "namespace-8", ["8"], "";
        Command::Namespace(9), "namespace-9", ["9"], "";
    @Look
        Command::Describe, "describe", ["d"], "describe";
        Command::Yaml, "yaml", ["y"], "YAML, read anew";
        Command::Logs, "logs", ["l"], "logs of the pod";
        Command::PreviousLogs, "previous-logs", ["p"], "logs of the container before";
        Command::Events, "events", ["E"], "events of the object";
        Command::Node, "node", ["o"], "the node it runs on";
        Command::Owner, "owner", ["shift-j"], "the owner";
        Command::Guide, "guide", ["u"], "what to do about it";
        Command::Timeline, "timeline", ["t"], "the timeline: of what is chosen, else of everything";
        Command::Feeds, "feeds", ["i"], "feeds: how fresh the data is";
        Command::Copy, "copy", ["c", "ctrl-y"], "copy to the clipboard of your terminal";
        Command::Freeze, "freeze", ["ctrl-s"], "freeze the view";
        Command::Wide, "wide", ["ctrl-w"], "all columns";
        Command::FaultsOnly, "faults-only", ["ctrl-z"], "only what is not well";
        Command::Header, "header", ["ctrl-e"], "hide or show the header";
        Command::Reload, "reload", ["ctrl-r"], "read again";
    @Act
        Command::Actions, "actions", ["x"], "every action for the row, or why it is not offered";
        Command::Toggle, "toggle", ["shift-t"], "suspend or resume, pause or unpause, cordon or uncordon";
        Command::Refresh, "refresh", ["shift-r"], "reconcile, renew, sync";
        Command::Restart, "restart", ["r"], "rolling restart";
        Command::Silence, "silence", ["m"], "silence alerts";
        Command::Backup, "backup", ["b"], "back up now";
        Command::Delete, "delete", ["ctrl-d"], "delete the pod, expire the silence";
    @Sort
        Command::SortName, "sort-name", ["shift-n"], "by name";
        Command::SortAge, "sort-age", ["shift-a"], "by age";
        Command::SortStatus, "sort-status", ["shift-s"], "by status";
        Command::SortNamespace, "sort-namespace", ["shift-p"], "by namespace";
        Command::SortColumn, "sort-column", ["shift-o"], "by the next column";
};

/// The keymap in force, looked up by chord.
#[derive(Debug)]
pub struct Keymap {
    by_chord: HashMap<Chord, Command>,
    pub keys: Arc<Vec<Key>>,
}

/// Why a `[keys]` table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeymapError {
    NoSuchAction { name: String },
    NoChord { name: String, chord: String },
    Taken { chord: String, by: &'static str, also: &'static str },
}

impl std::fmt::Display for KeymapError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchAction { name } => write!(f, "[keys]: no action is called `{name}`"),
            Self::NoChord { name, chord } => {
                write!(f, "[keys] {name}: `{chord}` is no key; write it like x, G, shift-t, ctrl-r, enter, f5")
            }
            Self::Taken { chord, by, also } => write!(f, "[keys]: `{chord}` would mean both {by} and {also}"),
        }
    }
}

impl Keymap {
    /// The table with the configuration's changes: action name to chords.
    pub fn new<'a>(changes: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, KeymapError> {
        let mut keys: Vec<Key> = KEYMAP
            .iter()
            .map(|binding| Key { binding, chords: binding.chords.iter().map(|c| (*c).to_owned()).collect() })
            .collect();
        for (name, chords) in changes {
            let Some(key) = keys.iter_mut().find(|k| k.binding.name == name) else {
                return Err(KeymapError::NoSuchAction { name: name.to_owned() });
            };
            key.chords = chords.to_vec();
        }
        let mut by_chord = HashMap::new();
        let mut owner: HashMap<Chord, &'static str> = HashMap::new();
        for key in &keys {
            for text in &key.chords {
                let Some(chord) = Chord::parse(text) else {
                    return Err(KeymapError::NoChord { name: key.binding.name.to_owned(), chord: text.clone() });
                };
                if let Some(by) = owner.insert(chord, key.binding.name) {
                    return Err(KeymapError::Taken { chord: text.clone(), by, also: key.binding.name });
                }
                by_chord.insert(chord, key.binding.command);
            }
        }
        Ok(Self { by_chord, keys: Arc::new(keys) })
    }

    /// What a chord means, a screen's own keys first.
    pub fn command(&self, chord: Chord, own: &[Binding]) -> Option<Command> {
        let own = own.iter().find(|b| b.chords.iter().any(|c| Chord::parse(c) == Some(chord)));
        own.map(|b| b.command).or_else(|| self.by_chord.get(&chord).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_a_key_or_a_name() {
        Keymap::new([]).unwrap();
        let mut names = std::collections::HashSet::new();
        assert!(KEYMAP.iter().all(|b| names.insert(b.name)));
    }

    #[test]
    fn ctrl_k_stays_unbound() {
        let map = Keymap::new([]).unwrap();
        assert_eq!(map.command(Chord::parse("ctrl-k").unwrap(), &[]), None);
    }

    #[test]
    fn a_remapped_key_moves_and_a_clash_is_refused() {
        let f5 = ["f5".to_owned()];
        let map = Keymap::new([("reload", &f5[..])]).unwrap();
        assert_eq!(map.command(Chord::parse("f5").unwrap(), &[]), Some(Command::Reload));
        assert_eq!(map.command(Chord::parse("ctrl-r").unwrap(), &[]), None);
        let q = ["q".to_owned()];
        assert_eq!(
            Keymap::new([("reload", &q[..])]).unwrap_err().to_string(),
            "[keys]: `q` would mean both quit and reload"
        );
        assert_eq!(Keymap::new([("relaod", &q[..])]).unwrap_err().to_string(), "[keys]: no action is called `relaod`");
    }
}
