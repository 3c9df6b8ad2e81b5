//! What can be said beside the object, before a plan is approved: the fields of an action, and the reason. What has to be
//! filled in stands first.

use std::collections::BTreeMap;

use super::acting::Basis;
use super::line_edit::LineEdit;
use crate::actions::{ActionSpec, Have};
use crate::intent::Chord;
use crate::scene::{self, Keep, Line, Tone};

const REASON: &str = "reason";

#[derive(Debug, Default)]
pub struct Form {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    help: &'static str,
    line: LineEdit,
    /// Nothing runs while it is empty.
    required: bool,
    /// Somebody has typed here.
    touched: bool,
}

impl Form {
    pub fn of(action: Option<&ActionSpec>) -> Self {
        let Some(action) = action else { return Self::default() };
        let entry = |name, help, required| Entry { name, help, line: LineEdit::default(), required, touched: false };
        let reason = action.wants_reason.then(|| entry(REASON, "recorded, and shown to others", true));
        let fields = action.fields.iter().map(|field| entry(field.name, field.help, false));
        Self { entries: reason.into_iter().chain(fields).collect() }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first field that has to be filled in and is not.
    pub fn missing(&self) -> Option<usize> {
        self.entries.iter().position(|entry| entry.required && entry.line.text().trim().is_empty())
    }

    pub fn is_required(&self, at: usize) -> bool {
        self.entries.get(at).is_some_and(|entry| entry.required)
    }

    pub fn name(&self, at: usize) -> &'static str {
        self.entries.get(at).map_or("", |entry| entry.name)
    }

    /// Puts into every untouched field what fits the target, as far as it is known.
    pub fn fill(&mut self, basis: &Basis, have: &Have) {
        let touched = self.entries.iter().filter(|entry| entry.touched);
        let set = touched.map(|entry| (entry.name.to_owned(), entry.line.text().to_owned())).collect();
        let input = basis.input(have, &set, "");
        let Some(target) = basis.targets.first() else { return };
        for entry in self.entries.iter_mut().filter(|entry| !entry.touched) {
            // an interrupted plan goes on with what was set for it
            if let Some(had) = basis.had(entry.name) {
                entry.line = LineEdit::new(had);
            } else if entry.name == REASON {
                entry.line = LineEdit::new(basis.had_reason());
            } else if let Some(field) = basis.action.fields.iter().find(|field| field.name == entry.name) {
                entry.line = LineEdit::new(&field.default.text(&input.only(target)));
            }
        }
    }

    /// What was set, and the reason.
    pub fn values(&self) -> (BTreeMap<String, String>, &str) {
        let is_reason = |entry: &&Entry| entry.name == REASON;
        let reason = self.entries.iter().find(is_reason).map_or("", |entry| entry.line.text());
        let set = self.entries.iter().filter(|entry| entry.name != REASON);
        (set.map(|entry| (entry.name.to_owned(), entry.line.text().to_owned())).collect(), reason)
    }

    /// A key in a field; whether it edits.
    pub fn key(&mut self, at: usize, chord: Chord) -> bool {
        let Some(entry) = self.entries.get_mut(at) else { return false };
        let edited = entry.line.on(chord);
        entry.touched |= edited;
        edited
    }

    pub fn paste(&mut self, at: usize, text: &str) {
        if let Some(entry) = self.entries.get_mut(at) {
            entry.line.paste(text);
            entry.touched = true;
        }
    }

    fn label(&self) -> usize {
        self.entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0).max(8)
    }

    fn room(&self, width: u16) -> usize {
        usize::from(width).saturating_sub(self.label() + 6).max(16)
    }

    /// The fields, and below them what is known of the one that has the focus.
    pub fn lines(&self, focus: Option<usize>, width: u16) -> Vec<Line> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let (label, room) = (self.label(), self.room(width));
        let one = |(at, entry): (usize, &Entry)| {
            let here = focus == Some(at);
            let mut line = Line::of(format!("  {:<label$}  ", entry.name), if here { Tone::Key } else { Tone::Dim });
            let (text, _) = entry.line.visible(room);
            if text.is_empty() {
                line.push(scene::clip(entry.help, room, Keep::Start).into_owned(), Tone::Dim);
            } else {
                line.push(text, if here { Tone::Accent } else { Tone::Plain });
            }
            line
        };
        let mut out: Vec<Line> = self.entries.iter().enumerate().map(one).collect();
        out.push(match focus.and_then(|at| self.entries.get(at)) {
            Some(entry) => {
                let needed = if entry.required { "needed: " } else { "" };
                Line::of(format!("  {:label$}  {needed}{}", "", entry.help), Tone::Dim)
            }
            None => Line::new(),
        });
        out
    }

    /// Column of the text cursor in a field; its row is the field's number.
    pub fn cursor(&self, at: usize, width: u16) -> Option<usize> {
        let (_, cursor) = self.entries.get(at)?.line.visible(self.room(width));
        Some(4 + self.label() + cursor)
    }
}
