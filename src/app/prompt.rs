//! The input line: a command after `:`, or a filter after `/`, with completion.

use super::commands::completions;
use crate::intent::{Chord, Code};
use crate::scene::{self, Line, Tone};
use crate::screens::line_edit::LineEdit;
use crate::screens::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Command,
    Filter,
}

#[derive(Debug)]
pub struct Prompt {
    pub purpose: Purpose,
    input: LineEdit,
    error: Option<String>,
    /// The text was already there: the first letter replaces it, any other key edits it.
    fresh: bool,
    /// Completions while cycling with tab, and which is in.
    cycle: Option<(Vec<String>, usize)>,
}

/// What a chord did to the prompt.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Edited,
    Done(String),
    Cancelled,
    Ignored,
}

impl Prompt {
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self {
            purpose,
            input: LineEdit::new(text),
            error: None,
            fresh: purpose == Purpose::Filter && !text.is_empty(),
            cycle: None,
        }
    }

    pub fn text(&self) -> &str {
        self.input.text()
    }

    pub fn fail(&mut self, error: Option<String>) {
        self.error = error;
    }

    pub fn paste(&mut self, text: &str) {
        self.cycle = None;
        if std::mem::take(&mut self.fresh) {
            self.input = LineEdit::default();
        }
        self.input.paste(text);
    }

    pub fn on(&mut self, chord: Chord, world: &World) -> Outcome {
        let letter = matches!(chord.code, Code::Char(_)) && !chord.ctrl && !chord.alt;
        // whoever begins again after an error begins with an empty line
        let again = self.purpose == Purpose::Command && self.error.is_some() && chord.code == Code::Char(':') && letter;
        if again || self.fresh && letter {
            self.input = LineEdit::default();
        }
        self.fresh = false;
        if again {
            self.cycle = None;
            return Outcome::Edited;
        }
        match (chord.code, chord.ctrl, chord.alt) {
            (Code::Enter, ..) => Outcome::Done(self.input.text().to_owned()),
            (Code::Esc, ..) | (Code::Char('c' | 'g'), true, _) => Outcome::Cancelled,
            (Code::Backspace, false, false) if self.input.text().is_empty() => Outcome::Cancelled,
            (Code::Tab, ..) => self.complete(world, 1),
            (Code::BackTab, ..) => self.complete(world, usize::MAX),
            _ if self.input.on(chord) => {
                self.cycle = None;
                Outcome::Edited
            }
            _ => Outcome::Ignored,
        }
    }

    fn complete(&mut self, world: &World, step: usize) -> Outcome {
        if self.purpose != Purpose::Command {
            return Outcome::Ignored;
        }
        let (list, at) = match self.cycle.take() {
            Some((list, at)) => {
                let at = at.wrapping_add(step).checked_rem(list.len()).unwrap_or(0);
                (list, if step == usize::MAX { at.min(usize::MAX - 1) } else { at })
            }
            None => (completions(self.input.text(), world), 0),
        };
        if let Some(text) = list.get(at) {
            self.input = LineEdit::new(text);
            self.cycle = Some((list, at));
        }
        Outcome::Edited
    }

    /// The line itself and the column of the text cursor.
    pub fn line(&self, world: &World, width: u16) -> (Line, u16) {
        let sign = if self.purpose == Purpose::Command { ":" } else { "/" };
        let mut line = Line::of(sign, Tone::Key);
        let room = usize::from(width).saturating_sub(2);
        let (text, cursor) = self.input.visible(room);
        line.push(text, if self.fresh { Tone::Dim } else { Tone::Plain });
        let cursor = 1 + cursor;
        if let Some(error) = &self.error {
            let left = usize::from(width).saturating_sub(line.width() + 2);
            line.push(format!("  {}", scene::clip(error, left, scene::Keep::Start)), Tone::Bad);
        } else if self.purpose == Purpose::Command {
            let rest = completions(self.input.text(), world);
            let hint: Vec<&str> = rest.iter().take(8).map(|c| c.rsplit(' ').next().unwrap_or(c)).collect();
            let left = usize::from(width).saturating_sub(line.width() + 3);
            line.push(format!("   {}", scene::clip(&hint.join(" "), left, scene::Keep::Start)), Tone::Dim);
        } else if self.fresh {
            line.push("   type another, or edit this; esc clears it", Tone::Dim);
        }
        (line, u16::try_from(cursor).unwrap_or(0).min(width.saturating_sub(1)))
    }
}
