//! What a terminal shows, cell by cell, in a form that is cheap to compare.
//!
//! A picture holds only what can be seen: two blanks are equal whatever colour their missing text would have. It
//! never holds a control character.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Attributes that show on a blank.
const ON_BLANKS: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);

/// Colours and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Look {
    pub fg: Color,
    pub bg: Color,
    pub modifier: Modifier,
}

/// One column of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Glyph {
    text: [u8; 14],
    len: u8,
    /// 2 wide, 1 ordinary, 0 the right half of the wide one before it.
    pub columns: u8,
    pub look: Look,
}

/// A screen of glyphs; row after row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub width: u16,
    pub height: u16,
    glyphs: Vec<Glyph>,
}

impl Look {
    pub const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    /// Whether a blank in this look, or an erased cell, shows nothing at all.
    pub fn hides_blanks(self) -> bool {
        self.bg == Color::Reset && !self.modifier.intersects(ON_BLANKS)
    }
}

impl Glyph {
    pub const BLANK: Self = Self::new(" ", 1, Look::PLAIN);

    const fn new(text: &str, columns: u8, look: Look) -> Self {
        let bytes = text.as_bytes();
        let mut glyph = Self { text: [0; 14], len: 0, columns, look };
        while (glyph.len as usize) < bytes.len() && (glyph.len as usize) < glyph.text.len() {
            glyph.text[glyph.len as usize] = bytes[glyph.len as usize];
            glyph.len += 1;
        }
        glyph
    }

    pub fn bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }

    /// Whether terminals may disagree about its width: more than one character, or an emoji.
    pub fn is_risky(&self) -> bool {
        self.len > 1
            && std::str::from_utf8(self.bytes())
                .map_or(true, |text| text >= "\u{1f000}" || text.chars().nth(1).is_some())
    }

    /// Whether `pen` would draw this glyph right.
    pub fn fits(&self, pen: Look) -> bool {
        pen == self.look || (*self == Self::BLANK && pen.hides_blanks())
    }

    fn of(symbol: &str, look: Look, room: usize) -> Self {
        let bytes = symbol.as_bytes();
        if let [byte] = bytes {
            return match byte {
                b' ' => Self::new(" ", 1, seen_on_blank(look)),
                b'!'..=b'~' => Self::new(symbol, 1, look),
                _ => Self::new("?", 1, look),
            };
        }
        if symbol.chars().any(char::is_control) {
            return Self::new("?", 1, look);
        }
        let whole = UnicodeWidthStr::width(symbol);
        // A pile of combining marks is cut to what fits; the letter stays.
        let mut end = symbol.len().min(14);
        while !symbol.is_char_boundary(end) {
            end -= 1;
        }
        let text = &symbol[..end];
        match UnicodeWidthStr::width(text) {
            0 => Self::new(" ", 1, seen_on_blank(look)),
            columns if columns != whole || columns > 2 => Self::new("?", 1, look),
            columns if columns > room => Self::new(" ", 1, seen_on_blank(look)),
            1 => Self::new(text, 1, look),
            _ => Self::new(text, 2, look),
        }
    }
}

fn seen_on_blank(look: Look) -> Look {
    if look.modifier.intersects(ON_BLANKS) { look } else { Look { bg: look.bg, ..Look::PLAIN } }
}

impl Picture {
    pub fn blank(width: u16, height: u16) -> Self {
        Self { width, height, glyphs: vec![Glyph::BLANK; usize::from(width) * usize::from(height)] }
    }

    pub fn of(buffer: &Buffer) -> Self {
        let mut picture = Self { width: buffer.area.width, height: buffer.area.height, glyphs: Vec::new() };
        let columns = usize::from(picture.width);
        picture.glyphs.reserve_exact(buffer.content.len());
        for row in buffer.content.chunks(columns.max(1)) {
            let mut covered = None;
            for (column, cell) in row.iter().enumerate() {
                let glyph = if let Some(look) = covered.take() {
                    Glyph::new("", 0, look)
                } else {
                    let look = Look { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
                    Glyph::of(cell.symbol(), look, columns - column)
                };
                if glyph.columns == 2 {
                    covered = Some(glyph.look);
                }
                picture.glyphs.push(glyph);
            }
        }
        picture
    }

    pub fn row(&self, y: u16) -> &[Glyph] {
        let width = usize::from(self.width);
        let start = usize::from(y) * width;
        self.glyphs.get(start..start + width).unwrap_or_default()
    }
}
