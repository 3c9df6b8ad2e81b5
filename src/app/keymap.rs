//! The one table of keys, those of single screens among them. Help, footer hints, the README's list and the example
//! configuration are made from it; the configuration may change the chords, never the meaning.

use std::collections::HashMap;
use std::sync::Arc;

use crate::intent::{Binding, Chord, Command, Group};
use crate::screens::keys::{Key, Keys, Layer, Written};
use crate::screens::line_edit::LineEdit;

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
        Command::HistoryBack, "history-back", ["["], "previous screen";
        Command::HistoryForward, "history-forward", ["]"], "next screen";
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
        Command::Next, "next", ["tab"], "the next field, or the next container of a log";
        Command::Previous, "previous", ["shift-tab"], "the previous field";
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
        Command::Yaml, "yaml", ["y"], "live YAML";
        Command::Logs, "logs", ["l"], "logs of the pod";
        Command::PreviousLogs, "previous-logs", ["p"], "previous container's logs";
        Command::Events, "events", ["E"], "events of the object";
        Command::Node, "node", ["o"], "the node it runs on";
        Command::Owner, "owner", ["shift-j"], "the owner";
        Command::Guide, "guide", ["u"], "what to do about it";
        Command::Timeline, "timeline", ["t"], "timeline of the selected object, else of everything";
        Command::Feeds, "feeds", ["i"], "feeds: how fresh the data is";
        Command::Copy, "copy", ["c", "ctrl-y"], "copy to the clipboard of your terminal";
        Command::Freeze, "freeze", ["ctrl-s"], "freeze the view";
        Command::Wide, "wide", ["ctrl-w"], "all columns";
        Command::FaultsOnly, "faults-only", ["ctrl-z"], "unhealthy only";
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
    @Log
        Command::Follow, "follow", ["f"], "follow";
        Command::Wrap, "wrap", ["w"], "wrap";
        Command::Timestamps, "timestamps", ["t"], "times";
        Command::Since, "since", ["s"], "since";
    @Plan
        Command::Approve, "approve", ["y"], "yes, run it";
        Command::StopPlan, "stop-plan", ["s"], "stop after this step";
        Command::Continue, "continue", ["r"], "continue with the remaining steps";
        Command::Dismiss, "dismiss", ["ctrl-d"], "dismiss, with a reason";
};

/// Commands that are needed while a line is typed: one of their keys is always one that does not edit it.
const TYPING: [Command; 3] = [Command::Open, Command::Back, Command::Next];

/// The keymap in force.
#[derive(Debug)]
pub struct Keymap {
    pub keys: Arc<Keys>,
}

/// Why a `[keys]` table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeymapError {
    NoSuchAction { name: String },
    NoChord { name: String, chord: String },
    Taken { chord: String, by: &'static str, also: &'static str, place: &'static str },
    OnlyText { name: &'static str },
}

impl std::fmt::Display for KeymapError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchAction { name } => write!(f, "[keys]: no action is called `{name}`"),
            Self::NoChord { name, chord } => {
                write!(f, "[keys] {name}: `{chord}` is no key; write it like x, G, shift-t, ctrl-r, enter, f5")
            }
            Self::Taken { chord, by, also, place } => {
                write!(f, "[keys]: `{chord}` would mean both {by} and {also}{place}")
            }
            Self::OnlyText { name } => {
                write!(f, "[keys] {name}: one of its keys must work while a line is typed, like f5 or ctrl-r")
            }
        }
    }
}

fn written(name: &str, text: &str) -> Result<Written, KeymapError> {
    let chord = Chord::parse(text);
    let chord = chord.ok_or_else(|| KeymapError::NoChord { name: name.to_owned(), chord: text.to_owned() })?;
    Ok(Written { text: text.to_owned(), chord })
}

impl Keymap {
    /// The table with the configuration's changes: action name to chords.
    pub fn new<'a>(changes: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, KeymapError> {
        let mut rows = Vec::with_capacity(KEYMAP.len());
        for binding in KEYMAP {
            let chords = binding.chords.iter().map(|text| written(binding.name, text)).collect::<Result<_, _>>()?;
            rows.push(Key { binding, chords });
        }
        for (name, chords) in changes {
            let Some(row) = rows.iter_mut().find(|row| row.binding.name == name) else {
                return Err(KeymapError::NoSuchAction { name: name.to_owned() });
            };
            row.chords = chords.iter().map(|text| written(name, text)).collect::<Result<_, _>>()?;
        }
        for command in TYPING {
            keep_one_for_typing(&mut rows, command)?;
        }
        for layer in Layer::ALL {
            check(&rows, layer)?;
        }
        Ok(Self { keys: Arc::new(Keys::of(rows)) })
    }

    /// What a chord means on a layer.
    pub fn command(&self, chord: Chord, layer: Layer) -> Option<Command> {
        self.keys.command(chord, layer)
    }
}

/// Gives a command its own key back besides letters, so that nobody is locked up in a line.
fn keep_one_for_typing(rows: &mut [Key], command: Command) -> Result<(), KeymapError> {
    let Some(at) = rows.iter().position(|row| row.binding.command == command) else { return Ok(()) };
    if rows[at].chords.iter().any(|written| !LineEdit::keeps(written.chord)) {
        return Ok(());
    }
    let binding = rows[at].binding;
    for text in binding.chords {
        let own = written(binding.name, text)?;
        let taken = rows.iter().flat_map(|row| &row.chords).any(|other| other.chord == own.chord);
        if !taken && !LineEdit::keeps(own.chord) {
            rows[at].chords.push(own);
            return Ok(());
        }
    }
    Err(KeymapError::OnlyText { name: binding.name })
}

/// Of what can be pressed on a layer, each chord means one thing. What a layer does not need its own keys may hide.
fn check(rows: &[Key], layer: Layer) -> Result<(), KeymapError> {
    let mut owner: HashMap<Chord, &'static str> = HashMap::new();
    for Key { binding, chords } in rows {
        let command = binding.command;
        let live = match layer {
            Layer::Base => Layer::is_base(command),
            _ => layer.own().contains(&command) || layer.needs().contains(&command),
        };
        for Written { text, chord } in chords.iter().filter(|_| live) {
            if !layer.admits(*chord, command) {
                continue;
            }
            if let Some(by) = owner.insert(*chord, binding.name) {
                return Err(KeymapError::Taken { chord: text.clone(), by, also: binding.name, place: layer.place() });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keymap(changes: &[(&str, &[&str])]) -> Result<Keymap, String> {
        let changes: Vec<(&str, Vec<String>)> = changes
            .iter()
            .map(|(name, chords)| (*name, chords.iter().map(|chord| (*chord).to_owned()).collect()))
            .collect();
        Keymap::new(changes.iter().map(|(name, chords)| (*name, &**chords))).map_err(|error| error.to_string())
    }

    fn chord(text: &str) -> Chord {
        Chord::parse(text).unwrap()
    }

    #[test]
    fn no_two_actions_share_a_key_or_a_name() {
        Keymap::new([]).unwrap();
        let mut names = std::collections::HashSet::new();
        assert!(KEYMAP.iter().all(|b| names.insert(b.name)));
    }

    #[test]
    fn each_command_has_one_row_and_what_a_layer_needs_is_of_every_screen() {
        let mut commands = std::collections::HashSet::new();
        assert!(KEYMAP.iter().all(|b| commands.insert(b.command)));
        for layer in Layer::ALL {
            assert!(layer.own().iter().chain(layer.needs()).all(|command| commands.contains(command)), "{layer:?}");
            assert!(layer.needs().iter().all(|command| Layer::is_base(*command)), "{layer:?}");
        }
    }

    #[test]
    fn ctrl_k_stays_unbound() {
        let map = Keymap::new([]).unwrap();
        assert_eq!(map.command(chord("ctrl-k"), Layer::Base), None);
    }

    #[test]
    fn a_remapped_key_moves_and_a_clash_is_refused() {
        let map = keymap(&[("reload", &["f5"])]).unwrap();
        assert_eq!(map.command(chord("f5"), Layer::Base), Some(Command::Reload));
        assert_eq!(map.command(chord("ctrl-r"), Layer::Base), None);
        let refused = |changes: &[(&str, &[&str])]| keymap(changes).unwrap_err();
        assert_eq!(refused(&[("reload", &["q"])]), "[keys]: `q` would mean both quit and reload");
        assert_eq!(refused(&[("relaod", &["q"])]), "[keys]: no action is called `relaod`");
    }

    #[test]
    fn a_key_may_mean_something_else_on_one_screen_but_not_two_things_on_it() {
        let map = keymap(&[("approve", &["z"]), ("follow", &["d"])]).unwrap();
        assert_eq!(map.command(chord("z"), Layer::Preview), Some(Command::Approve));
        assert_eq!(map.command(chord("y"), Layer::Preview), None);
        assert_eq!(map.command(chord("y"), Layer::Base), Some(Command::Yaml));
        assert_eq!(map.command(chord("d"), Layer::Log), Some(Command::Follow));
        assert_eq!(map.command(chord("d"), Layer::Base), Some(Command::Describe));
        let refused = |changes: &[(&str, &[&str])]| keymap(changes).unwrap_err();
        assert_eq!(
            refused(&[("approve", &["enter"])]),
            "[keys]: `enter` would mean both open and approve in a preview"
        );
        assert_eq!(refused(&[("approve", &["c"])]), "[keys]: `c` would mean both copy and approve in a preview");
        assert_eq!(refused(&[("follow", &["w"])]), "[keys]: `w` would mean both follow and wrap in a log");
        assert_eq!(refused(&[("since", &["esc"])]), "[keys]: `esc` would mean both back and since in a log");
        assert_eq!(refused(&[("continue", &["s"])]), "[keys]: `s` would mean both stop-plan and continue among plans");
    }

    #[test]
    fn a_letter_is_no_command_in_a_preview_whatever_it_means_elsewhere() {
        let map = keymap(&[("help", &["h"]), ("page-down", &["n", "f3"])]).unwrap();
        for c in ('a'..='z').chain('A'..='Z').chain('0'..='9').filter(|c| !"yc".contains(*c)) {
            assert_eq!(map.command(Chord::plain(crate::intent::Code::Char(c)), Layer::Preview), None, "{c}");
        }
        assert_eq!(map.command(chord("f3"), Layer::Preview), Some(Command::PageDown));
    }

    #[test]
    fn who_types_a_line_can_always_take_it_and_leave_it() {
        let map = keymap(&[("back", &["h"]), ("open", &["backspace", "z"])]).unwrap();
        assert_eq!(map.keys.typing(Command::Back, Layer::Preview), "esc");
        assert_eq!(map.command(chord("h"), Layer::Base), Some(Command::Back));
        assert_eq!(map.keys.typing(Command::Open, Layer::Preview), "enter");
        let refused = keymap(&[("back", &["h"]), ("quit", &["esc"])]).unwrap_err();
        assert_eq!(refused, "[keys] back: one of its keys must work while a line is typed, like f5 or ctrl-r");
    }
}
