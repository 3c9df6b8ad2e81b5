//! The view model: what the screen shows, as lines of toned text.
//!
//! A `Scene` knows no colours and no terminal, so it can be compared (the whole redraw policy), printed by
//! `--plain`, and asserted in tests. It never holds unsanitised text: whoever builds a span passes text that
//! came through `domain::text`.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What a piece of text means; the theme decides how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Tone {
    #[default]
    Plain,
    /// Of less weight: frames, units, silenced rows.
    Dim,
    /// Column heads and titles.
    Title,
    /// A key the operator can press.
    Key,
    Good,
    Warn,
    Bad,
    /// Needs a person now: P1.
    Alarm,
    /// Under way: progressing, listing.
    Busy,
    /// Links, hits of a search, marked rows.
    Accent,
}

/// A run of text in one tone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    pub text: Cow<'static, str>,
    pub tone: Tone,
}

/// How a row goes on from the row above, when both are one text: what is copied has no break there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Join {
    /// It is a text of its own.
    #[default]
    Apart,
    /// The text was broken at a space.
    Space,
    /// In the middle of a word.
    Tight,
    /// A command, broken at a space: the row above ends with a backslash.
    Shell,
}

/// One row of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    pub spans: Vec<Span>,
    pub join: Join,
    /// Drawn in reverse video over the whole width: the row under the cursor.
    pub selected: bool,
}

/// A whole screen: line 0 is the top row. Lines past the height and text past the width are not drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scene {
    pub lines: Vec<Line>,
    /// Column and row of the text cursor; hidden when `None`.
    pub cursor: Option<(u16, u16)>,
    /// Grows by one for each bell; the terminal rings when it grew.
    pub bells: u32,
}

impl Line {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn of(text: impl Into<Cow<'static, str>>, tone: Tone) -> Self {
        let mut line = Self::new();
        line.push(text, tone);
        line
    }

    pub fn push(&mut self, text: impl Into<Cow<'static, str>>, tone: Tone) {
        let text = text.into();
        if !text.is_empty() {
            self.spans.push(Span { text, tone });
        }
    }

    pub fn plain(&mut self, text: impl Into<Cow<'static, str>>) {
        self.push(text, Tone::Plain);
    }

    /// Columns that the text takes.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|s| s.text.width()).sum()
    }

    /// Spaces up to column `column`; nothing when the line is already as long.
    pub fn pad_to(&mut self, column: usize) {
        let width = self.width();
        if width < column {
            self.plain(" ".repeat(column - width));
        }
    }

    /// The text without tones, trailing blanks removed.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(80);
        for span in &self.spans {
            out.push_str(&span.text);
        }
        out.truncate(out.trim_end().len());
        out
    }

    /// The same in at most `columns` columns; where something is cut, the edge says so.
    #[must_use]
    pub fn within(mut self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut room = columns.saturating_sub(1);
        for span in &mut self.spans {
            let width = span.text.width();
            if width > room {
                // nothing after the cut may fill what a wide character has left
                span.text = Cow::Owned(take(span.text.graphemes(true), room));
                room = 0;
            } else {
                room -= width;
            }
        }
        self.spans.retain(|span| !span.text.is_empty());
        self.push("…", Tone::Dim);
        self
    }
}

/// Rows as they are copied: each text in one line, however many rows it takes on the screen.
pub fn copied<'l>(lines: impl IntoIterator<Item = &'l Line>) -> String {
    let mut out = String::new();
    for line in lines {
        let text = line.text();
        match line.join {
            Join::Apart => {
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(&text);
                continue;
            }
            Join::Tight => {}
            Join::Space => out.push(' '),
            // the backslash goes with the break
            Join::Shell => out.truncate(out.strip_suffix('\\').unwrap_or(&out).len()),
        }
        out.push_str(text.trim_start());
    }
    out.push('\n');
    out
}

impl Scene {
    /// The scene as plain text, one line a row.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.lines {
            out.push_str(&line.text());
            out.push('\n');
        }
        out
    }
}

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Which part of a text too long for its column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// The beginning, then `…`.
    #[default]
    Start,
    /// The beginning and the last third, `…` between: names whose tails tell rows apart.
    Ends,
}

/// A width at which nothing is cut: for lines that no terminal shows.
pub const ENDLESS: u16 = 5_000;

/// `text` in exactly `columns` columns: cut with a visible mark, or padded with spaces on the right.
pub fn fit(text: &str, columns: usize, keep: Keep) -> String {
    let mut out = clip(text, columns, keep).into_owned();
    let width = out.width();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width)));
    out
}

/// As [`fit`], but in a line of [`ENDLESS`] width nothing is cut.
pub fn fit_in(text: &str, columns: usize, keep: Keep, wide: usize) -> String {
    let columns = if wide >= usize::from(ENDLESS) { columns.max(width(text)) } else { columns };
    fit(text, columns, keep)
}

/// `text` in at most `columns` columns, cut with a visible mark when it is longer.
pub fn clip(text: &str, columns: usize, keep: Keep) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let tail = if keep == Keep::Ends && columns >= 8 { columns / 3 } else { 0 };
    let mut out = take(text.graphemes(true), columns - 1 - tail);
    out.push('…');
    if tail > 0 {
        let reversed = take_last(text, tail);
        out.push_str(reversed);
    }
    Cow::Owned(out)
}

fn take<'a>(graphemes: impl Iterator<Item = &'a str>, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for grapheme in graphemes {
        used += grapheme.width();
        if used > columns {
            break;
        }
        out.push_str(grapheme);
    }
    out
}

fn take_last(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let mut start = text.len();
    for (index, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme.width();
        if used > columns {
            break;
        }
        start = index;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_name_keeps_its_tail_and_its_width() {
        let cut = fit("monitoring-kube-prometheus-prometheus-0", 20, Keep::Ends);
        assert_eq!(cut, "monitoring-ku…heus-0");
        assert_eq!(width(&cut), 20);
    }

    #[test]
    fn wide_characters_never_overflow_their_column() {
        for columns in 0..12 {
            assert_eq!(width(&fit("監視者監視者", columns, Keep::Start)), columns);
        }
    }

    #[test]
    fn what_was_broken_to_fit_is_copied_whole() {
        let row = |text: &'static str, join| Line { join, ..Line::of(text, Tone::Plain) };
        let rows = [
            row("  SAYS  it waits", Join::Apart),
            row("        for a name-that-", Join::Space),
            row("        is-long", Join::Tight),
            row("  kubectl get \\", Join::Apart),
            row("    pods", Join::Shell),
        ];
        assert_eq!(copied(&rows), "  SAYS  it waits for a name-that-is-long\n  kubectl get pods\n");
    }

    #[test]
    fn a_line_that_goes_on_beyond_the_edge_says_so() {
        let mut line = Line::of("監視者", Tone::Title);
        line.plain("-pod");
        assert_eq!(line.clone().within(10).text(), "監視者-pod");
        assert_eq!(line.clone().within(9).text(), "監視者-p…");
        assert_eq!(line.clone().within(6).text(), "監視…");
        assert!((0..10).all(|columns| line.clone().within(columns).width() <= columns.max(1)));
    }

    #[test]
    fn short_text_is_padded() {
        assert_eq!(fit("ok", 4, Keep::Start), "ok  ");
    }
}
