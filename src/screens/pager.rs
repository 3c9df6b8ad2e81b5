//! A text to read: scrolled, searched, copied. Shared by the screens that show one object.

use super::Size;
use super::body::Scroll;
use crate::intent::{Command, Effect};
use crate::scene::{Line, Span, Tone};

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
            Command::Right => self.left += 16,
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

    /// The whole text.
    fn text(&self) -> String {
        self.lines.iter().map(|l| l.text() + "\n").collect()
    }
}

fn shifted(line: &Line, mut skip: usize) -> Line {
    let mut out = Line { spans: Vec::new(), selected: line.selected };
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
