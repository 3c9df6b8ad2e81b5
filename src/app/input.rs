//! A key or a paste, and who gets it: what asks a question, the line that is typed, the screen where it is text, and only
//! then the keymap.

use super::prompt::{Outcome, Purpose};
use super::{App, WAYS};
use crate::domain::ages::Time;
use crate::intent::{Chord, Code, Command, Effect, Place};
use crate::screens::keys::Layer;
use crate::screens::line_edit::LineEdit;

/// Letters that follow each other within so many seconds are taken for one word.
const WORD: i64 = 1;
/// No word takes longer than so many seconds.
const WHOLE_WORD: i64 = 5;

impl App {
    pub fn key(&mut self, chord: Chord) -> Vec<Effect> {
        self.pressed = None;
        if self.is_two(chord) {
            let mut effects = self.key(Chord::plain(Code::Esc));
            effects.extend(self.key(Chord { alt: false, ..chord }));
            return effects;
        }
        if let Some(effect) = self.leaving.take() {
            return self.answered(chord, effect);
        }
        if self.prompt.is_some() {
            return self.prompt_key(chord);
        }
        self.message = None;
        if self.screen().takes(chord, &self.world) && !self.quits(chord) {
            let Self { stack, world, .. } = self;
            let effects = stack.last_mut().map(|screen| screen.key(chord, world)).unwrap_or_default();
            return self.follow(effects);
        }
        self.pressed = Some(chord);
        let command = self.keymap.command(chord, self.screen().layer());
        if self.is_of_word(chord, command) {
            self.complain(format!("{chord} came with other letters: wait a second, then press it again"));
            return Vec::new();
        }
        match command {
            Some(command) => self.command(command),
            None => self.follow(vec![Effect::Unused]),
        }
    }

    /// A paste; it means something only where text is typed.
    pub fn paste(&mut self, text: &str) -> Vec<Effect> {
        if self.leaving.is_some() {
            return Vec::new();
        }
        let Some(prompt) = &mut self.prompt else {
            let effects = self.stack.last_mut().map(|screen| screen.paste(text)).unwrap_or_default();
            return self.follow(effects);
        };
        prompt.paste(text);
        self.edited();
        Vec::new()
    }

    /// Whether a key is one of a word that is typed where none is asked for: it approves nothing, and is no command of
    /// the screen that came meanwhile.
    fn is_of_word(&mut self, chord: Chord, command: Option<Command>) -> bool {
        let now = self.world.facts.now;
        // a character that approves is no other than those of names
        let fits = chord.is_of_name()
            || chord.is_text() && command == Some(Command::Approve)
            || matches!(chord.code, Code::Enter | Code::Backspace);
        let in_preview = matches!(self.screen().place(), Place::Preview(_));
        let copies = in_preview && fits && command == Some(Command::Copy);
        let live = |(began, last): &(Time, Time)| now.age(*last).abs() <= WORD && now.age(*began).abs() <= WHOLE_WORD;
        let Some((began, _)) = self.word.filter(|word| fits && live(word)) else {
            // the letter that copies may begin a word as well
            self.word = copies.then_some((now, now));
            return false;
        };
        self.word = Some((began, now));
        // a preview takes no other letter for a command
        !in_preview || matches!(command, Some(Command::Approve | Command::Copy))
    }

    /// An escape and the key after it arrive as one chord with Alt when a slow line puts them into one packet. Where no
    /// such chord means anything, they are two keys.
    fn is_two(&self, chord: Chord) -> bool {
        let byte = matches!(chord.code, Code::Char(_) | Code::Enter | Code::Tab | Code::Backspace);
        let edits = || LineEdit::edits(chord) && (self.prompt.is_some() || self.screen().takes(chord, &self.world));
        let bound = || self.keymap.command(chord, self.screen().layer()).is_some();
        chord.alt && byte && !bound() && !edits()
    }

    /// The key that was pressed means nothing here, and says so.
    pub(super) fn unused(&mut self) {
        if matches!(self.screen().place(), Place::Preview(_)) {
            let now = self.world.facts.now;
            self.word = Some((self.word.map_or(now, |(began, _)| began), now));
        }
        if let Some(chord) = self.pressed.take() {
            let help = self.world.key(Command::Help).to_owned();
            self.complain(format!("{chord} does nothing here; {help} lists the keys"));
        }
    }

    fn prompt_key(&mut self, chord: Chord) -> Vec<Effect> {
        let Some(prompt) = &mut self.prompt else { return Vec::new() };
        match prompt.on(chord, &self.world) {
            Outcome::Edited => {
                self.edited();
                Vec::new()
            }
            Outcome::Ignored => Vec::new(),
            Outcome::Cancelled => {
                if prompt.purpose == Purpose::Filter {
                    let Self { stack, world, .. } = self;
                    if let Some(screen) = stack.last_mut() {
                        let _ = screen.filter("", world);
                    }
                }
                self.prompt = None;
                Vec::new()
            }
            Outcome::Done(text) => match prompt.purpose {
                Purpose::Filter => {
                    // a filter that is not valid stays in the line until it is corrected or dropped
                    if self.apply_filter(&text) {
                        self.prompt = None;
                    }
                    Vec::new()
                }
                Purpose::Command => match self.run_line(&text) {
                    Ok(effects) => {
                        self.prompt = None;
                        self.follow(effects)
                    }
                    Err(why) => {
                        let help = self.world.key(Command::Help);
                        let why = why.replace(WAYS, &format!("; tab completes, {help} lists"));
                        if let Some(prompt) = &mut self.prompt {
                            prompt.fail(Some(why));
                        }
                        Vec::new()
                    }
                },
            },
        }
    }

    fn edited(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        prompt.fail(None);
        if prompt.purpose == Purpose::Filter {
            let text = prompt.text().to_owned();
            self.apply_filter(&text);
        }
    }

    fn apply_filter(&mut self, text: &str) -> bool {
        let Self { stack, world, prompt, .. } = self;
        let Some(screen) = stack.last_mut() else { return true };
        match (screen.filter(text, world), prompt) {
            (Err(why), Some(prompt)) => {
                prompt.fail(Some(why));
                false
            }
            _ => true,
        }
    }

    /// The key that leaves at once, `ctrl-c` as it comes; never one that is text.
    pub(super) fn quits(&self, chord: Chord) -> bool {
        !chord.is_text() && self.keymap.command(chord, Layer::Base) == Some(Command::HardQuit)
    }
}
