//! What an action asks for besides its object, before a plan is approved: its fields, and the reason. Required fields come
//! first, and fields that do not apply to the object are left out.

use std::collections::BTreeMap;

use super::acting::Basis;
use super::line_edit::LineEdit;
use super::pager::paragraph;
use crate::actions::{ActionSpec, Have};
use crate::intent::{Chord, Code};
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

impl Entry {
    fn new(name: &'static str, help: &'static str, required: bool) -> Self {
        Self { name, help, line: LineEdit::default(), required, touched: false }
    }

    /// The text is a proposal: what is typed replaces it.
    fn is_proposed(&self) -> bool {
        !self.touched && !self.line.text().is_empty()
    }

    fn is_missing(&self) -> bool {
        self.required && self.line.text().trim().is_empty()
    }
}

impl Form {
    /// The form of an action for objects of a kind.
    pub fn of(action: Option<&ActionSpec>, kind: &str) -> Self {
        let Some(action) = action else { return Self::default() };
        let fields = |required: bool| {
            let fit = action.fields.iter().filter(move |field| field.required == required && field.is_for(kind));
            fit.map(|field| Entry::new(field.name, field.help, field.required))
        };
        let reason = action.reason.map(|help| Entry::new(REASON, help, true));
        Self { entries: fields(true).chain(reason).chain(fields(false)).collect() }
    }

    /// Where the typing begins: in what is missing, else in what the action is about.
    pub fn start(&self) -> Option<usize> {
        let about = || self.entries.iter().position(|entry| entry.required && entry.name != REASON);
        self.missing().or_else(about)
    }

    /// The first field without which there is no plan, and which is empty.
    pub fn unplanned(&self) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name != REASON && entry.is_missing())
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Somebody has typed in one of them.
    pub fn is_touched(&self) -> bool {
        self.entries.iter().any(|entry| entry.touched)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first field that has to be filled in and is not.
    pub fn missing(&self) -> Option<usize> {
        self.entries.iter().position(Entry::is_missing)
    }

    pub fn is_last(&self, at: usize) -> bool {
        at + 1 == self.entries.len()
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
            // an interrupted plan continues with the values that were set for it
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

    /// A key in a field; whether it edits. The first letter takes the place of what was proposed; an arrow or backspace
    /// goes into it.
    pub fn key(&mut self, at: usize, chord: Chord) -> bool {
        let Some(entry) = self.entries.get_mut(at) else { return false };
        if entry.is_proposed() && matches!(chord.code, Code::Char(_)) && !chord.ctrl && !chord.alt {
            entry.line = LineEdit::default();
        }
        let edited = entry.line.on(chord);
        entry.touched |= edited;
        edited
    }

    pub fn paste(&mut self, at: usize, text: &str) {
        if let Some(entry) = self.entries.get_mut(at) {
            if entry.is_proposed() {
                entry.line = LineEdit::default();
            }
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
        out.extend(self.help(focus, width));
        out
    }

    /// What is known of the field that has the focus, in as many rows as it needs.
    fn help(&self, focus: Option<usize>, width: u16) -> Vec<Line> {
        let Some(entry) = focus.and_then(|at| self.entries.get(at)) else { return vec![Line::new()] };
        let needed = if entry.required { "needed: " } else { "" };
        let over = if entry.is_proposed() { "; what is typed takes its place" } else { "" };
        let mut out = Vec::new();
        paragraph(self.label() + 4, &format!("{needed}{}{over}", entry.help), width, Tone::Dim, &mut out);
        out
    }

    /// How many rows [`Self::lines`] has.
    pub fn height(&self, focus: Option<usize>, width: u16) -> usize {
        if self.entries.is_empty() { 0 } else { self.entries.len() + self.help(focus, width).len() }
    }

    /// Column of the text cursor in a field; its row is the field's number.
    pub fn cursor(&self, at: usize, width: u16) -> Option<usize> {
        let (_, cursor) = self.entries.get(at)?.line.visible(self.room(width));
        Some(4 + self.label() + cursor)
    }
}
