//! Bytes that turn one picture of the terminal into another: few of them, and no question to the terminal.
//!
//! Knows sequences that every terminal since the VT102 understands, and writes nothing about cells that stay.

use std::io::Write as _;

use ratatui::style::{Color, Modifier};

use super::picture::{Glyph, Look, Picture};
use super::scroll::{self, Shift};

/// Attribute, the code that sets it, the code that clears it.
const CODES: [(Modifier, u16, u16); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// From this many blanks on, erasing and jumping over them is shorter than writing them.
const ERASE_FROM: usize = 12;

/// A frame whose plain difference is shorter than this is not worth looking for a scroll.
const SCROLL_FROM: usize = 120;

/// Writes differences into a byte buffer that is kept between frames.
#[derive(Debug)]
pub(super) struct Encoder {
    pub out: Vec<u8>,
    state: State,
    width: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    pen: Look,
    /// Row and column of the cursor, when known. A column equal to the width is the pending wrap after the last cell.
    at: Option<(u16, u16)>,
}

impl Encoder {
    pub fn new() -> Self {
        Self { out: Vec::with_capacity(16 * 1024), state: State { pen: Look::PLAIN, at: None }, width: 0 }
    }

    /// Appends what turns `previous` into `next`; nothing when they are equal. The pen ends plain. Without `previous`
    /// the screen is erased first.
    pub fn frame(&mut self, previous: Option<&Picture>, next: &Picture) {
        self.width = next.width;
        self.state = State { pen: Look::PLAIN, at: None };
        let Some(previous) = previous.filter(|p| p.width == next.width && p.height == next.height) else {
            // The region and the pen may be anything after another program had the terminal.
            self.out.extend_from_slice(b"\x1b[m\x1b[r\x1b[2J");
            self.rows(&Picture::blank(next.width, next.height), next, None);
            return;
        };
        let start = self.out.len();
        self.rows(previous, next, None);
        if self.out.len() - start < SCROLL_FROM {
            return;
        }
        for shift in scroll::shifts(previous, next) {
            let plain = self.out.len();
            self.state = State { pen: Look::PLAIN, at: None };
            self.scroll(shift);
            self.rows(previous, next, Some(shift));
            if self.out.len() - plain < plain - start {
                self.out.drain(start..plain);
            } else {
                self.out.truncate(plain);
            }
        }
    }

    /// Moves the cursor to a row and column, wherever it is.
    pub fn place(&mut self, row: u16, column: u16) {
        self.state.at = None;
        self.go(row, column);
    }

    fn rows(&mut self, previous: &Picture, next: &Picture, shift: Option<Shift>) {
        let blank;
        let empty: &[Glyph] = if shift.is_some() {
            blank = vec![Glyph::BLANK; usize::from(next.width)];
            &blank
        } else {
            &[]
        };
        for y in 0..next.height {
            let source = shift.map_or(Some(y), |shift| shift.source(y));
            let before = source.map_or(empty, |source| previous.row(source));
            self.row(y, before, next.row(y));
        }
        self.pen(Look::PLAIN);
    }

    /// One row, in the shorter of two ways: only what differs, or the whole row, erased and written again.
    fn row(&mut self, y: u16, before: &[Glyph], after: &[Glyph]) {
        let Some(first) = before.iter().zip(after).position(|(b, a)| b != a) else { return };
        let (start, state) = (self.out.len(), self.state);
        self.cells(y, first, before, after);
        if self.out.len() - start <= ERASE_FROM || after[first..].iter().all(|g| *g != Glyph::BLANK) {
            return;
        }
        let (end, ended) = (self.out.len(), self.state);
        self.state = state;
        self.go(y, column(first));
        self.erasable();
        self.out.extend_from_slice(b"\x1b[K");
        let blank = vec![Glyph::BLANK; after.len()];
        self.cells(y, first, &blank, after);
        if self.out.len() - end < end - start {
            self.out.drain(start..end);
        } else {
            self.out.truncate(end);
            self.state = ended;
        }
    }

    fn cells(&mut self, y: u16, first: usize, before: &[Glyph], after: &[Glyph]) {
        let mut x = first;
        while x < after.len() {
            let glyph = after[x];
            // A right half is written with its left one.
            if before[x] == glyph || glyph.columns == 0 {
                x += 1;
                continue;
            }
            if glyph == Glyph::BLANK {
                let run = after[x..].iter().take_while(|g| **g == Glyph::BLANK).count();
                let changed = (x..x + run).rev().find(|&i| before[i] != after[i]).map_or(1, |last| last + 1 - x);
                if x + run == after.len() && changed > 3 {
                    self.approach(y, x, after);
                    self.erasable();
                    self.out.extend_from_slice(b"\x1b[K");
                    return;
                }
                if changed >= ERASE_FROM {
                    self.approach(y, x, after);
                    self.erasable();
                    self.csi(column(changed), b'X');
                    x += changed;
                    continue;
                }
            }
            self.approach(y, x, after);
            self.put(glyph);
            x += usize::from(glyph.columns);
        }
    }

    fn put(&mut self, glyph: Glyph) {
        if !glyph.fits(self.state.pen) {
            self.pen(glyph.look);
        }
        self.out.extend_from_slice(glyph.bytes());
        self.state.at = match self.state.at {
            Some((row, column)) if !glyph.is_risky() => Some((row, column + u16::from(glyph.columns))),
            // Terminals count such a grapheme differently: the next cell is addressed by number.
            _ => None,
        };
    }

    /// Moves to a cell; over a short gap by writing again what is already there.
    fn approach(&mut self, y: u16, x: usize, row: &[Glyph]) {
        if let Some((at_row, at_column)) = self.state.at {
            let from = usize::from(at_column);
            if at_row == y && from < x && x - from <= 4 {
                let gap = &row[from..x];
                if gap.iter().all(|g| g.bytes().len() == 1 && g.columns == 1 && g.fits(self.state.pen)) {
                    for glyph in gap {
                        self.out.extend_from_slice(glyph.bytes());
                    }
                    self.state.at = Some((y, column(x)));
                    return;
                }
            }
        }
        self.go(y, column(x));
    }

    /// The shortest of: absolute, relative, or by the left margin.
    fn go(&mut self, row: u16, column: u16) {
        if self.state.at == Some((row, column)) && column < self.width {
            return;
        }
        let start = self.out.len();
        self.absolute(row, column);
        if let Some((from_row, from_column)) = self.state.at {
            if from_column < self.width {
                self.attempt(start, |e| {
                    e.vertical(from_row, row);
                    e.horizontal(from_column, column);
                });
            }
            self.attempt(start, |e| {
                e.out.push(b'\r');
                e.vertical(from_row, row);
                e.horizontal(0, column);
            });
        }
        self.state.at = Some((row, column));
    }

    /// Keeps what `write` appends in place of everything since `start`, if it is shorter.
    fn attempt(&mut self, start: usize, write: impl FnOnce(&mut Self)) {
        let end = self.out.len();
        write(self);
        if self.out.len() - end < end - start {
            self.out.drain(start..end);
        } else {
            self.out.truncate(end);
        }
    }

    fn absolute(&mut self, row: u16, column: u16) {
        let _ = match (row, column) {
            (0, 0) => write!(self.out, "\x1b[H"),
            (_, 0) => write!(self.out, "\x1b[{}H", row + 1),
            _ => write!(self.out, "\x1b[{};{}H", row + 1, column + 1),
        };
    }

    fn vertical(&mut self, from: u16, to: u16) {
        match to.checked_sub(from) {
            Some(down @ 0..=3) => self.out.extend(std::iter::repeat_n(b'\n', usize::from(down))),
            Some(down) => self.csi(down, b'B'),
            None => self.csi(from - to, b'A'),
        }
    }

    fn horizontal(&mut self, from: u16, to: u16) {
        match to.checked_sub(from) {
            Some(0) => {}
            Some(right) => self.csi(right, b'C'),
            None if from - to <= 3 => self.out.extend(std::iter::repeat_n(b'\x08', usize::from(from - to))),
            None => self.csi(from - to, b'D'),
        }
    }

    fn csi(&mut self, count: u16, command: u8) {
        self.out.extend_from_slice(b"\x1b[");
        if count != 1 {
            let _ = write!(self.out, "{count}");
        }
        self.out.push(command);
    }

    /// Moves the lines of a region; the lines that come in are blank.
    fn scroll(&mut self, shift: Shift) {
        let _ = write!(self.out, "\x1b[{};{}r", shift.top + 1, shift.bottom + 1);
        self.absolute(shift.top, 0);
        // Deleting and inserting lines does what SU and SD do, and the Linux console knows it too.
        self.csi(shift.by.unsigned_abs(), if shift.by > 0 { b'M' } else { b'L' });
        self.out.extend_from_slice(b"\x1b[r");
        self.state.at = None;
    }

    /// Before an erase: terminals fill with the pen's background.
    fn erasable(&mut self) {
        if !self.state.pen.hides_blanks() {
            self.pen(Look::PLAIN);
        }
    }

    fn pen(&mut self, want: Look) {
        let have = std::mem::replace(&mut self.state.pen, want);
        if have == want {
            return;
        }
        let start = self.out.len();
        self.out.extend_from_slice(b"\x1b[");
        if want != Look::PLAIN {
            self.out.push(b'0');
            changes(&mut self.out, Look::PLAIN, want);
        }
        self.out.push(b'm');
        self.attempt(start, |e| {
            e.out.extend_from_slice(b"\x1b[");
            let params = e.out.len();
            changes(&mut e.out, have, want);
            // Each parameter brings its separator; the first needs none.
            if params < e.out.len() {
                e.out.remove(params);
            }
            e.out.push(b'm');
        });
    }
}

/// Appends `;code` for each difference of two looks.
fn changes(out: &mut Vec<u8>, have: Look, want: Look) {
    let mut kept = have.modifier;
    for (attribute, _, off) in CODES {
        if kept.contains(attribute) && !want.modifier.contains(attribute) {
            code(out, off);
            // One code clears both of a pair; the one that stays is set again below.
            for (other, _, shared) in CODES {
                if shared == off {
                    kept.remove(other);
                }
            }
        }
    }
    for (attribute, on, _) in CODES {
        if want.modifier.contains(attribute) && !kept.contains(attribute) {
            code(out, on);
        }
    }
    if have.fg != want.fg {
        color(out, want.fg, 30);
    }
    if have.bg != want.bg {
        color(out, want.bg, 40);
    }
}

fn code(out: &mut Vec<u8>, number: u16) {
    let _ = write!(out, ";{number}");
}

fn color(out: &mut Vec<u8>, color: Color, base: u16) {
    let number = match color {
        Color::Reset => base + 9,
        Color::Black => base,
        Color::Red => base + 1,
        Color::Green => base + 2,
        Color::Yellow => base + 3,
        Color::Blue => base + 4,
        Color::Magenta => base + 5,
        Color::Cyan => base + 6,
        Color::Gray => base + 7,
        Color::DarkGray => base + 60,
        Color::LightRed => base + 61,
        Color::LightGreen => base + 62,
        Color::LightYellow => base + 63,
        Color::LightBlue => base + 64,
        Color::LightMagenta => base + 65,
        Color::LightCyan => base + 66,
        Color::White => base + 67,
        Color::Indexed(index) => {
            let _ = write!(out, ";{};5;{index}", base + 8);
            return;
        }
        Color::Rgb(r, g, b) => {
            let _ = write!(out, ";{};2;{r};{g};{b}", base + 8);
            return;
        }
    };
    code(out, number);
}

fn column(x: usize) -> u16 {
    u16::try_from(x).unwrap_or(u16::MAX)
}
