//! Tests that play the writer's bytes into a terminal emulator and compare every cell, and that weigh them.
//!
//! The emulator is not ours, so a wrong sequence cannot agree with a wrong expectation.

use std::num::NonZeroU16;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::writer::{Frame, Screen};
use crate::scene::{Keep, Line, Scene, Tone, fit};
use crate::ui::{self, Theme};

struct Glass {
    screen: Screen,
    parser: vt100::Parser,
}

impl Glass {
    fn new(width: u16, height: u16) -> Self {
        let size = |n| NonZeroU16::new(n).unwrap();
        Self { screen: Screen::new(), parser: vt100::Parser::new(size(height), size(width), 0) }
    }

    /// Shows the buffer; gives the bytes it took.
    fn show(&mut self, buffer: &Buffer) -> usize {
        let bytes = self.screen.bytes(Some(Frame { buffer: buffer.clone(), ..Frame::default() }), None, false);
        self.parser.process(bytes);
        bytes.len()
    }

    fn difference(&self, buffer: &Buffer) -> Option<String> {
        for y in 0..buffer.area.height {
            let mut skip = false;
            for x in 0..buffer.area.width {
                if std::mem::take(&mut skip) {
                    continue;
                }
                let (cell, seen) = (&buffer[(x, y)], self.parser.screen().cell(y, x).unwrap());
                skip = seen.is_wide();
                let text = if seen.has_contents() { seen.contents() } else { " " };
                let mut wanted = cell.symbol();
                if crate::scene::width(wanted) == 2 && x + 1 == buffer.area.width {
                    wanted = " ";
                }
                let has = |modifier| cell.modifier.contains(modifier);
                let inverse = has(Modifier::REVERSED);
                let blank = wanted == " " && !inverse && !has(Modifier::UNDERLINED);
                let same = text == wanted
                    && seen.inverse() == inverse
                    && seen.underline() == has(Modifier::UNDERLINED)
                    && seen.bgcolor() == color(cell.bg)
                    && (blank
                        || seen.bold() == has(Modifier::BOLD)
                            && seen.dim() == has(Modifier::DIM)
                            && seen.italic() == has(Modifier::ITALIC)
                            && seen.fgcolor() == color(cell.fg));
                if !same {
                    return Some(format!("row {y} column {x}: wanted {cell:?}, the terminal has {seen:?}"));
                }
            }
        }
        None
    }
}

fn color(color: Color) -> vt100::Color {
    match color {
        Color::Reset => vt100::Color::Default,
        Color::Red => vt100::Color::Idx(1),
        Color::Green => vt100::Color::Idx(2),
        Color::Yellow => vt100::Color::Idx(3),
        Color::Magenta => vt100::Color::Idx(5),
        Color::Cyan => vt100::Color::Idx(6),
        Color::LightRed => vt100::Color::Idx(9),
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        other => panic!("no test uses {other:?}"),
    }
}

const WIDTH: u16 = 24;
const HEIGHT: u16 = 9;

fn style() -> impl Strategy<Value = Style> {
    let colors = vec![
        Color::Reset,
        Color::Reset,
        Color::Red,
        Color::Cyan,
        Color::LightRed,
        Color::Indexed(200),
        Color::Rgb(1, 2, 3),
    ];
    let modifiers = vec![
        Modifier::empty(),
        Modifier::empty(),
        Modifier::BOLD,
        Modifier::DIM,
        Modifier::REVERSED,
        Modifier::REVERSED | Modifier::BOLD,
        Modifier::UNDERLINED | Modifier::ITALIC,
    ];
    let backgrounds = vec![Color::Reset, Color::Reset, Color::Reset, Color::Green];
    (prop::sample::select(colors), prop::sample::select(backgrounds), prop::sample::select(modifiers))
        .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier))
}

/// Rows of a few pieces, many of them blank or shared between pictures, so that scrolls and erases happen.
fn row() -> impl Strategy<Value = Vec<(String, Style)>> {
    let piece = prop::sample::select(vec![
        "a",
        "pod-7",
        "          ",
        "    ",
        " ",
        "監視",
        "x監",
        "e\u{301}",
        "│─",
        "…",
        "🚨",
        "                        ",
        "zz zz",
    ]);
    prop::collection::vec((piece.prop_map(str::to_owned), style()), 0..7)
}

fn picture() -> impl Strategy<Value = Vec<Vec<(String, Style)>>> {
    prop::collection::vec(row(), usize::from(HEIGHT))
}

fn buffer(rows: &[Vec<(String, Style)>]) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
    for (y, row) in (0..HEIGHT).zip(rows) {
        let mut x = 0;
        for (text, style) in row {
            x = buffer.set_stringn(x, y, text, usize::from(WIDTH - x), *style).0;
        }
    }
    buffer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_terminal_shows_the_buffer_whatever_it_showed_before(first in picture(), second in picture()) {
        let mut glass = Glass::new(WIDTH, HEIGHT);
        for rows in [&first, &second, &first] {
            let buffer = buffer(rows);
            glass.show(&buffer);
            prop_assert_eq!(glass.difference(&buffer), None);
            prop_assert_eq!(glass.show(&buffer), 0);
        }
    }

    #[test]
    fn the_terminal_shows_the_buffer_after_blocks_of_rows_moved(
        first in picture(), fresh in picture(), top in 0usize..4, tail in 0usize..4, by in -4isize..5, edit in 0usize..9,
    ) {
        let bottom = usize::from(HEIGHT) - tail;
        let mut second = first.clone();
        for y in top..bottom {
            let source = y.checked_add_signed(by).filter(|s| (top..bottom).contains(s));
            second[y] = source.map_or_else(|| fresh[y].clone(), |s| first[s].clone());
        }
        second[edit] = fresh[edit].clone();
        let mut glass = Glass::new(WIDTH, HEIGHT);
        for rows in [&first, &second, &first] {
            let buffer = buffer(rows);
            glass.show(&buffer);
            prop_assert_eq!(glass.difference(&buffer), None);
        }
    }
}

/// A pods table as it is on a busy platform: long names with random tails, mostly healthy, ages that differ.
fn pods(width: u16, height: u16, first: usize, selected: u16) -> Buffer {
    let mut lines = vec![
        Line::of(" sre-prod  all namespaces   READ-ONLY", Tone::Title),
        Line::of(" P1 2  P2 2  P3 1     2 silenced  1 suspended", Tone::Plain),
    ];
    let name_columns = usize::from(width) - 70;
    lines.push(Line::of(" NAMESPACE      NAME                 READY STATUS  RESTARTS AGE NODE", Tone::Title));
    for y in 0..usize::from(height) - 5 {
        let n = first + y;
        let namespace = ["monitoring", "team-alpha", "flux-system", "logging", "velero"][n / 17 % 5];
        let app =
            ["shop-frontend", "prometheus-operator-kube-state", "cart", "loki-read", "checkout-worker"][n * 7 % 5];
        let name = format!("{app}-{:09x}-{:05x}", n * 2_654_435_761 % 0xf_ffff_ffff, n * 40_503 % 0xf_ffff);
        let failing = n % 9 == 4;
        let mut line = Line::new();
        line.plain(fit(&format!(" {namespace}"), 14, Keep::Ends));
        line.plain(fit(&name, name_columns, Keep::Ends));
        line.push(if failing { " 0/2 " } else { " 2/2 " }, if failing { Tone::Bad } else { Tone::Plain });
        let (status, tone) = if failing { ("✖ CrashLoopBackOff", Tone::Bad) } else { ("● Running", Tone::Good) };
        line.push(fit(status, 19, Keep::Start), tone);
        line.plain(format!("{:>4} ", if failing { n % 90 } else { 0 }));
        line.push(format!("{:>5}", format!("{}d{}h", n % 40, n % 24)), Tone::Dim);
        line.plain(format!("  worker-{:02}.prod", n % 60));
        line.selected = y == usize::from(selected);
        lines.push(line);
    }
    lines.push(Line::new());
    lines.push(Line::of(" <enter> evidence  <l> logs  <m> silence  <x> actions  <?> help", Tone::Key));
    ui::draw(&Scene { lines, ..Scene::default() }, Rect::new(0, 0, width, height), &Theme::default())
}

/// Bytes of going from one table to the next, after checking that the terminal shows both.
fn weigh(width: u16, height: u16, from: (usize, u16), to: (usize, u16)) -> usize {
    let mut glass = Glass::new(width, height);
    let (before, after) = (pods(width, height, from.0, from.1), pods(width, height, to.0, to.1));
    glass.show(&before);
    let bytes = glass.show(&after);
    assert_eq!(glass.difference(&after), None);
    bytes
}

#[test]
fn scrolling_one_line_with_the_cursor_at_the_edge_keeps_the_byte_budget() {
    for (width, height, budget) in [(80, 24, 400), (120, 40, 500), (200, 50, 700)] {
        for first in 0..60 {
            let last = height - 6;
            let down = weigh(width, height, (first, last), (first + 1, last));
            let up = weigh(width, height, (first + 1, 0), (first, 0));
            assert!(
                down <= budget && up <= budget,
                "{width}x{height} from {first}: down {down}, up {up}, budget {budget}"
            );
        }
    }
}

#[test]
fn scrolling_one_line_while_the_cursor_stays_on_its_row_keeps_the_byte_budget() {
    for (width, height, budget) in [(120, 40, 500), (200, 50, 700)] {
        for first in 0..60 {
            let bytes = weigh(width, height, (first, 9), (first + 1, 8));
            assert!(bytes <= budget, "{width}x{height} from {first}: {bytes}");
        }
    }
}

#[test]
fn moving_the_cursor_one_row_keeps_the_byte_budget() {
    for (width, height, budget) in [(80, 24, 400), (120, 40, 500), (200, 50, 700)] {
        for row in 0..15 {
            let bytes = weigh(width, height, (0, row), (0, row + 1));
            assert!(bytes <= budget, "{width}x{height} from {row}: {bytes}");
        }
    }
}

#[test]
fn one_changed_cell_costs_less_than_forty_bytes() {
    let mut glass = Glass::new(80, 24);
    let mut buffer = pods(80, 24, 0, 3);
    glass.show(&buffer);
    buffer[(40, 12)].set_symbol("#");
    let bytes = glass.show(&buffer);
    assert!(bytes < 40, "{bytes}");
    assert_eq!(glass.difference(&buffer), None);
}

#[test]
fn another_size_repaints_everything_and_nothing_asks_the_terminal() {
    let mut screen = Screen::new();
    for (width, height) in [(80, 24), (20, 5), (0, 0), (81, 24)] {
        let buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let bytes = screen.bytes(Some(Frame { buffer, ..Frame::default() }), None, false).to_vec();
        assert!(bytes.windows(4).any(|w| w == b"\x1b[2J"), "{width}x{height}");
        assert!(!bytes.iter().any(|b| matches!(b, b'n' | b'c')), "no status report, no attributes: {bytes:?}");
    }
}

#[test]
fn control_characters_and_piles_of_marks_never_reach_the_terminal() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
    buffer[(0, 0)].set_symbol("\x1b");
    buffer[(1, 0)].set_symbol("\u{9b}31m");
    buffer[(2, 0)].set_symbol("\x07\x07");
    buffer[(3, 0)].set_symbol(&format!("e{}", "\u{301}".repeat(4000)));
    let mut screen = Screen::new();
    let bytes = screen.bytes(Some(Frame { buffer, ..Frame::default() }), None, false).to_vec();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("???e\u{301}") && text.len() < 120, "{text:?}");
    assert!(!text.contains('\x07') && !text.contains('\u{9b}'));
}

#[test]
fn a_repaint_brings_back_what_another_program_overwrote() {
    let mut glass = Glass::new(40, 10);
    let buffer = pods_small();
    glass.show(&buffer);
    glass.parser.process(b"\x1b[3;5r\x1b[41m\x1b[2Jgarbage");
    let bytes = glass.screen.bytes(None, None, true).to_vec();
    glass.parser.process(&bytes);
    assert_eq!(glass.difference(&buffer), None);
}

fn pods_small() -> Buffer {
    let lines = (0..10).map(|n| Line::of(format!("row {n}"), Tone::Good)).collect();
    ui::draw(&Scene { lines, ..Scene::default() }, Rect::new(0, 0, 40, 10), &Theme::default())
}

#[test]
fn a_wide_character_without_room_at_the_edge_is_not_sent() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
    buffer[(7, 0)].set_symbol("監");
    let mut glass = Glass::new(8, 2);
    glass.show(&buffer);
    assert_eq!(glass.difference(&buffer), None);
    assert!(!glass.parser.screen().contents().contains('監'));
}

#[test]
fn what_follows_a_grapheme_that_terminals_count_differently_is_placed_by_number() {
    for grapheme in ["🚨", "e\u{301}"] {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_string(0, 0, format!("{grapheme}after"), Style::new());
        let mut screen = Screen::new();
        let bytes = screen.bytes(Some(Frame { buffer, ..Frame::default() }), None, false).to_vec();
        let text = String::from_utf8(bytes).unwrap();
        let place = format!("{grapheme}\x1b[1;{}Hafter", crate::scene::width(grapheme) + 1);
        assert!(text.contains(&place), "{text:?}");
    }
}
