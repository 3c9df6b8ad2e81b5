//! A text to read: scrolled, searched, copied. Shared by the screens that show one object.

use super::body::Scroll;
use super::wrap::{self, Part};
use super::{More, Size};
use crate::intent::{Command, Effect};
use crate::scene::{self, Line, Span, Tone};

/// Lines with a scroll position and a search.
#[derive(Debug, Default)]
pub struct Pager {
    pub lines: Vec<Line>,
    scroll: Scroll,
    height: usize,
    needle: String,
    /// Columns scrolled to the right.
    left: usize,
}

impl Pager {
    pub fn set(&mut self, lines: Vec<Line>) {
        self.lines = lines;
    }

    fn on(&mut self, command: Command) -> bool {
        match command {
            Command::Left => self.left = self.left.saturating_sub(16),
            Command::Right => {
                let widest = self.lines.iter().map(Line::width).max().unwrap_or(0);
                self.left = (self.left + 16).min(widest.saturating_sub(16).next_multiple_of(16));
            }
            _ => return self.scroll.page_text(command, self.shown().count(), self.height),
        }
        true
    }

    /// What every text to read does with a command: scroll, be copied, drop the search. `None`: something else.
    pub fn command(&mut self, command: Command) -> Option<Vec<Effect>> {
        if self.on(command) {
            return Some(Vec::new());
        }
        match command {
            Command::Copy => Some(vec![Effect::Copy(self.text())]),
            Command::Back if !self.needle.is_empty() => {
                self.search("");
                Some(Vec::new())
            }
            _ => None,
        }
    }

    pub fn resize(&mut self, size: Size) {
        self.height = usize::from(size.height);
        let most = self.shown().count().saturating_sub(self.height);
        self.scroll.top = self.scroll.top.min(most);
    }

    /// Only lines that hold the text are shown.
    pub fn search(&mut self, needle: &str) {
        self.needle = needle.to_lowercase();
        self.scroll.top = 0;
    }

    pub fn needle(&self) -> &str {
        &self.needle
    }

    fn shown(&self) -> impl Iterator<Item = &Line> {
        let needle = &self.needle;
        self.lines.iter().filter(move |l| needle.is_empty() || l.text().to_lowercase().contains(needle))
    }

    pub fn visible(&self, size: Size) -> Vec<Line> {
        let rows = self.shown().skip(self.scroll.top).take(usize::from(size.height));
        rows.map(|line| if self.left == 0 { line.clone() } else { shifted(line, self.left) }).collect()
    }

    /// The whole text, as it is copied.
    pub fn text(&self) -> String {
        scene::copied(&self.lines)
    }

    /// What is above and below.
    pub fn more(&self) -> More {
        let count = self.shown().count();
        More { above: self.scroll.top, below: count.saturating_sub(self.scroll.top + self.height) }
    }

    /// Whether a line is seen.
    pub fn sees(&self, line: usize) -> bool {
        (self.scroll.top..self.scroll.top + self.height).contains(&line)
    }

    /// Scrolls so that a line is seen, with some of what comes after it.
    pub fn follow(&mut self, line: usize) {
        let after = line + self.height / 3;
        if line < self.scroll.top || after >= self.scroll.top + self.height {
            self.scroll.top = (after + 1).saturating_sub(self.height).min(line);
        }
    }
}

fn shifted(line: &Line, mut skip: usize) -> Line {
    let mut out = Line { spans: Vec::new(), ..line.clone() };
    for Span { text, tone } in &line.spans {
        let count = text.chars().count();
        if count <= skip {
            skip -= count;
            continue;
        }
        out.push(text.chars().skip(skip).collect::<String>(), *tone);
        skip = 0;
    }
    out
}

/// Columns of a label and the space around it.
const LABEL: usize = 19;

/// A labelled text in as many rows as it needs.
pub fn fields(label: &str, text: &str, width: u16, tone: Tone, out: &mut Vec<Line>) {
    let room = usize::from(width).saturating_sub(LABEL + 1).max(20);
    for (n, Part { text, join }) in wrap::words(text, room).into_iter().enumerate() {
        out.push(Line { join, ..field(if n == 0 { label } else { "" }, text, tone) });
    }
}

/// The same, where the text may be a command.
pub fn fields_or_command(label: &str, text: &str, width: u16, tone: Tone, out: &mut Vec<Line>) {
    if wrap::is_command(text) {
        command(2, &format!("{label:<16} "), text, width, tone, out);
    } else {
        fields(label, text, width, tone, out);
    }
}

/// A text in as many rows as it needs, all of them indented.
pub fn paragraph(indent: usize, text: &str, width: u16, tone: Tone, out: &mut Vec<Line>) {
    let room = usize::from(width).saturating_sub(indent + 1).max(20);
    let rows = wrap::words(text, room).into_iter();
    out.extend(rows.map(|Part { text, join }| Line { join, ..Line::of(format!("{:indent$}{text}", ""), tone) }));
}

/// A command in as many rows as it needs, which can be pasted into a shell as they are.
pub fn command(indent: usize, label: &str, text: &str, width: u16, tone: Tone, out: &mut Vec<Line>) {
    let hang = indent + scene::width(label);
    let room = usize::from(width).saturating_sub(hang + 1).max(20);
    for (n, Part { text, join }) in wrap::command(text, room).into_iter().enumerate() {
        let head = if n == 0 { format!("{:indent$}{label}", "") } else { " ".repeat(hang) };
        out.push(Line { join, ..Line::of(format!("{head}{text}"), tone) });
    }
}

/// Rows below a list that show the selected row in full; none where the screen is low.
fn sentence_rows(size: Size) -> usize {
    if (16..u16::MAX).contains(&size.height) { 3 } else { 0 }
}

/// Rows of a list below so many lines and above the sentence of the chosen row.
pub fn list_rows(size: Size, above: usize) -> usize {
    usize::from(size.height).saturating_sub(above + sentence_rows(size))
}

/// Adds the sentence of the chosen row below the list; `open` is the key that shows all of it.
pub fn below(text: &str, open: &str, size: Size, out: &mut Vec<Line>) {
    let rows = sentence_rows(size);
    if rows == 0 {
        return;
    }
    let wide = usize::from(size.width);
    let mut parts = wrap::words(text, wide.saturating_sub(2));
    if parts.len() >= rows {
        parts.truncate(rows - 1);
        if let Some(last) = parts.last_mut() {
            let more = format!(" … {open}: all");
            let room = wide.saturating_sub(2 + scene::width(&more));
            last.text = format!("{}{more}", scene::clip(&last.text, room, scene::Keep::Start));
        }
    }
    out.resize(usize::from(size.height).saturating_sub(rows - 1), Line::new());
    out.extend(parts.into_iter().map(|part| Line::of(format!(" {}", part.text), Tone::Accent)));
}

/// `  LABEL:  value`, with the label dim.
pub fn field(label: &str, value: impl Into<String>, tone: Tone) -> Line {
    let mut line = Line::of(format!("  {label:<16} "), Tone::Dim);
    line.push(value.into(), tone);
    line
}

/// A heading inside a text.
pub fn heading(text: impl Into<String>) -> Line {
    Line::of(format!(" {}", text.into()), Tone::Title)
}
