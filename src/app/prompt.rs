//! The input line: a command after `:`, or a filter after `/`, with completion.

use tui_input::{Input, InputRequest};

use crate::intent::{Chord, Code};
use crate::kinds;
use crate::scene::{self, Line, Tone};
use crate::screens::SCREENS;
use crate::screens::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Command,
    Filter,
}

#[derive(Debug)]
pub struct Prompt {
    pub purpose: Purpose,
    input: Input,
    error: Option<String>,
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
        Self { purpose, input: Input::new(text.to_owned()), error: None, cycle: None }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    pub fn fail(&mut self, error: Option<String>) {
        self.error = error;
    }

    pub fn paste(&mut self, text: &str) {
        self.cycle = None;
        for c in text.chars().filter(|c| !c.is_control()).take(4096) {
            self.input.handle(InputRequest::InsertChar(c));
        }
    }

    pub fn on(&mut self, chord: Chord, world: &World) -> Outcome {
        let request = match (chord.code, chord.ctrl, chord.alt) {
            (Code::Enter, ..) => return Outcome::Done(self.input.value().to_owned()),
            (Code::Esc, ..) | (Code::Char('c' | 'g'), true, _) => return Outcome::Cancelled,
            (Code::Backspace, false, false) if self.input.value().is_empty() => return Outcome::Cancelled,
            (Code::Tab, ..) => return self.complete(world, 1),
            (Code::BackTab, ..) => return self.complete(world, usize::MAX),
            (Code::Backspace, false, false) | (Code::Char('h'), true, _) => InputRequest::DeletePrevChar,
            (Code::Backspace, ..) | (Code::Char('w'), true, _) => InputRequest::DeletePrevWord,
            (Code::Delete, ..) | (Code::Char('d'), true, _) => InputRequest::DeleteNextChar,
            (Code::Char('u'), true, _) => InputRequest::DeleteLine,
            (Code::Char('k'), true, _) => InputRequest::DeleteTillEnd,
            (Code::Home, ..) | (Code::Char('a'), true, _) => InputRequest::GoToStart,
            (Code::End, ..) | (Code::Char('e'), true, _) => InputRequest::GoToEnd,
            (Code::Left, true, _) | (Code::Char('b'), _, true) => InputRequest::GoToPrevWord,
            (Code::Right, true, _) | (Code::Char('f'), _, true) => InputRequest::GoToNextWord,
            (Code::Left, ..) | (Code::Char('b'), true, _) => InputRequest::GoToPrevChar,
            (Code::Right, ..) | (Code::Char('f'), true, _) => InputRequest::GoToNextChar,
            (Code::Char(c), false, false) => InputRequest::InsertChar(c),
            _ => return Outcome::Ignored,
        };
        self.cycle = None;
        self.input.handle(request);
        Outcome::Edited
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
            None => (completions(self.input.value(), world), 0),
        };
        if let Some(text) = list.get(at) {
            self.input = Input::new(text.clone());
            self.cycle = Some((list, at));
        }
        Outcome::Edited
    }

    /// The line itself and the column of the text cursor.
    pub fn line(&self, world: &World, width: u16) -> (Line, u16) {
        let sign = if self.purpose == Purpose::Command { ":" } else { "/" };
        let mut line = Line::of(sign, Tone::Key);
        let room = usize::from(width).saturating_sub(2);
        let scroll = self.input.visual_scroll(room);
        let text: String = self.input.value().chars().skip(scroll).take(room).collect();
        line.plain(text);
        let cursor = 1 + self.input.visual_cursor().saturating_sub(scroll);
        if let Some(error) = &self.error {
            let left = usize::from(width).saturating_sub(line.width() + 2);
            line.push(format!("  {}", scene::clip(error, left, scene::Keep::Start)), Tone::Bad);
        } else if self.purpose == Purpose::Command {
            let rest = completions(self.input.value(), world);
            let hint: Vec<&str> = rest.iter().take(8).map(|c| c.rsplit(' ').next().unwrap_or(c)).collect();
            let left = usize::from(width).saturating_sub(line.width() + 3);
            line.push(format!("   {}", scene::clip(&hint.join(" "), left, scene::Keep::Start)), Tone::Dim);
        }
        (line, u16::try_from(cursor).unwrap_or(0).min(width.saturating_sub(1)))
    }
}

/// Whole command lines that the text could become.
pub fn completions(text: &str, world: &World) -> Vec<String> {
    if let Some((word, rest)) = text.split_once(' ') {
        let names: Vec<String> = match word {
            "ctx" | "context" | "contexts" => world.facts.contexts.iter().map(|c| c.name.clone()).collect(),
            "ns" | "namespace" | "namespaces" => std::iter::once("all".to_owned()).chain(world.namespaces()).collect(),
            word if kinds::by_word(word).is_some() => world.namespaces(),
            _ => Vec::new(),
        };
        return names.into_iter().filter(|n| n.starts_with(rest)).map(|n| format!("{word} {n}")).collect();
    }
    let lower = text.to_lowercase();
    let screens = SCREENS.iter().map(|s| (s.word, s.aliases));
    let kinds = kinds::KINDS.iter().map(|k| (k.word, k.aliases));
    let mut words: Vec<&str> = Vec::new();
    for (word, aliases) in kinds.chain(screens).chain([("find", &[][..]), ("quit", &["q"][..])]) {
        // a word that starts so is offered itself; an alias that starts so offers the word
        if word.starts_with(&lower) {
            words.push(word);
        } else if !lower.is_empty()
            && let Some(alias) = aliases.iter().find(|a| a.starts_with(&lower))
        {
            words.push(alias);
        }
    }
    words.into_iter().map(str::to_owned).collect()
}
