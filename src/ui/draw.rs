//! Scene to buffer: one line a row, clipped at the right and lower edge.
//!
//! Draws only what is in the scene; never measures, wraps or asks the terminal.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::ascii::look_alike;
use super::theme::Theme;
use crate::scene::{Line, Scene, Tone, width};

/// The scene as cells of `area`. A wide character that the right edge would cut becomes a blank.
#[must_use]
pub fn draw(scene: &Scene, area: Rect, theme: &Theme) -> Buffer {
    let mut buffer = Buffer::empty(area);
    let columns = usize::from(area.width);
    if columns == 0 {
        return buffer;
    }
    for (row, line) in buffer.content.chunks_mut(columns).zip(&scene.lines) {
        draw_line(row, line, theme);
    }
    buffer
}

fn draw_line(row: &mut [Cell], line: &Line, theme: &Theme) {
    if line.selected {
        let bar = theme.selected(Tone::Plain);
        for cell in row.iter_mut() {
            cell.set_style(bar);
        }
    }
    let mut column = 0;
    for span in &line.spans {
        let style = if line.selected { theme.selected(span.tone) } else { theme.style(span.tone) };
        column = draw_text(row, column, &span.text, style, theme.ascii);
        if column >= row.len() {
            return;
        }
    }
}

/// Draws `text` from `column` on; gives the column after it.
fn draw_text(row: &mut [Cell], mut column: usize, text: &str, style: Style, ascii: bool) -> usize {
    if text.is_ascii() {
        for (cell, byte) in row[column..].iter_mut().zip(text.bytes()) {
            // A control character would move the terminal's cursor; one that slipped through stays visible.
            cell.set_char(if byte.is_ascii_control() { '?' } else { char::from(byte) }).set_style(style);
        }
        return row.len().min(column + text.len());
    }
    for grapheme in text.graphemes(true) {
        let columns = width(grapheme);
        let Some(cells) = row.get_mut(column..column + columns) else {
            // The edge cuts a wide character: what is left of the row keeps the style, without half a glyph.
            for cell in &mut row[column..] {
                cell.set_style(style);
            }
            return row.len();
        };
        let control = grapheme.chars().any(char::is_control);
        if ascii || control || columns > 2 {
            let mark = if control { '?' } else { look_alike(grapheme) };
            for cell in cells {
                cell.set_char(mark).set_style(style);
            }
        } else if let Some((first, rest)) = cells.split_first_mut() {
            first.set_symbol(grapheme).set_style(style);
            for cell in rest {
                cell.set_char(' ').set_style(style);
            }
        }
        column += columns;
    }
    column
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier};

    use super::*;

    fn row(buffer: &Buffer, y: u16) -> String {
        (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect()
    }

    fn scene(lines: Vec<Line>) -> Scene {
        Scene { lines, ..Scene::default() }
    }

    #[test]
    fn the_selected_row_is_reversed_up_to_the_last_column_even_where_there_is_no_text() {
        let mut line = Line::of("P1", Tone::Alarm);
        line.selected = true;
        let buffer = draw(&scene(vec![Line::of("x", Tone::Plain), line]), Rect::new(0, 0, 9, 2), &Theme::default());
        assert!((0..9).all(|x| buffer[(x, 1)].modifier.contains(Modifier::REVERSED)));
        assert!((0..9).all(|x| !buffer[(x, 0)].modifier.contains(Modifier::REVERSED)));
        assert!((0..9).all(|x| buffer[(x, 1)].bg == Color::Reset));
    }

    #[test]
    fn text_past_the_edges_is_not_drawn_and_an_empty_screen_does_not_panic() {
        let lines = vec![Line::of("abcdef", Tone::Plain), Line::of("below", Tone::Plain)];
        assert_eq!(row(&draw(&scene(lines.clone()), Rect::new(0, 0, 3, 1), &Theme::default()), 0), "abc");
        for (w, h) in [(0, 0), (0, 5), (5, 0), (1, 1)] {
            let buffer = draw(&scene(lines.clone()), Rect::new(0, 0, w, h), &Theme::default());
            assert_eq!(buffer.content.len(), usize::from(w) * usize::from(h));
        }
    }

    #[test]
    fn a_wide_character_cut_by_the_edge_becomes_a_blank() {
        let buffer = draw(&scene(vec![Line::of("ab監視", Tone::Plain)]), Rect::new(0, 0, 5, 1), &Theme::default());
        assert_eq!(buffer[(2, 0)].symbol(), "監");
        assert_eq!(buffer[(4, 0)].symbol(), " ");
    }

    #[test]
    fn combining_marks_share_the_column_of_their_letter() {
        let buffer = draw(&scene(vec![Line::of("e\u{301}x", Tone::Plain)]), Rect::new(0, 0, 3, 1), &Theme::default());
        assert_eq!(buffer[(0, 0)].symbol(), "e\u{301}");
        assert_eq!(buffer[(1, 0)].symbol(), "x");
    }

    #[test]
    fn ascii_mode_draws_only_ascii_and_keeps_every_column() {
        let theme = Theme::default().with_ascii(true);
        let line = Line::of("▲ na…me ├─ 監x", Tone::Plain);
        assert_eq!(row(&draw(&scene(vec![line]), Rect::new(0, 0, 15, 1), &theme), 0), "^ na~me +- ??x ");
    }

    #[test]
    fn a_control_character_that_slipped_through_is_shown_not_sent() {
        let buffer =
            draw(&scene(vec![Line::of("a\x1b[31mb\u{9b}é", Tone::Plain)]), Rect::new(0, 0, 12, 1), &Theme::default());
        assert!(buffer.content.iter().all(|c| !c.symbol().chars().any(char::is_control)));
    }

    #[test]
    fn tones_become_the_styles_of_the_theme() {
        let buffer = draw(&scene(vec![Line::of("bad", Tone::Bad)]), Rect::new(0, 0, 4, 1), &Theme::default());
        assert_eq!(buffer[(0, 0)].fg, Color::Red);
        assert_eq!(buffer[(3, 0)].fg, Color::Reset);
    }
}
