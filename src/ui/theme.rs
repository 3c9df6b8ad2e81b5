//! What each tone looks like, in the terminal's own 16 colours.
//!
//! A theme never holds a background: light and dark terminals both keep theirs. Reverse video is kept for the
//! selected row, so no tone may use it.

use ratatui::style::{Color, Modifier, Style};

use super::theme_file::{self, ThemeError};
use crate::scene::Tone;

/// The names that [`Theme::builtin`] knows.
pub const BUILTIN: [&str; 3] = ["default", "light", "mono"];

/// Tone to style, and whether only ASCII may be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    pub(super) styles: [Style; 10],
    pub(super) ascii: bool,
}

impl Theme {
    /// A theme by name: `default` for dark terminals, `light`, `mono` (no colour at all, for `NO_COLOR`).
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let styles = match name {
            "default" => [
                plain,
                dim,
                bold,
                plain.fg(Color::Cyan),
                plain.fg(Color::Green),
                plain.fg(Color::Yellow),
                plain.fg(Color::Red),
                bold.fg(Color::LightRed),
                plain.fg(Color::Cyan),
                plain.fg(Color::Magenta),
            ],
            // Yellow and cyan vanish on white paper; blue and magenta are dark in every palette.
            "light" => [
                plain,
                dim,
                bold,
                plain.fg(Color::Blue),
                plain.fg(Color::Green),
                plain.fg(Color::Magenta),
                plain.fg(Color::Red),
                bold.fg(Color::Red),
                plain.fg(Color::Blue),
                bold.fg(Color::Blue),
            ],
            "mono" => [plain, dim, bold, bold, plain, plain, bold, bold, plain, bold],
            _ => return None,
        };
        Some(Self { styles, ascii: false })
    }

    /// A theme from the text of a TOML file; tones that it leaves out look as in `default`.
    ///
    /// # Errors
    /// What is wrong, with the key, the line and the words that would be right.
    pub fn parse(text: &str) -> Result<Self, ThemeError> {
        theme_file::parse(text)
    }

    /// The same theme, drawing only ASCII when `ascii`.
    #[must_use]
    pub fn with_ascii(mut self, ascii: bool) -> Self {
        self.ascii = ascii;
        self
    }

    /// The same tones without colour: what `NO_COLOR` asks of a theme read from a file.
    #[must_use]
    pub fn without_color(mut self) -> Self {
        for style in &mut self.styles {
            style.fg = None;
        }
        self
    }

    /// How text of this tone looks on an ordinary row.
    #[must_use]
    pub fn style(&self, tone: Tone) -> Style {
        self.styles[slot(tone)]
    }

    /// How text of this tone looks on the selected row: reversed, in no colour of its own, so that the row reads as
    /// one bar on every background.
    #[must_use]
    pub fn selected(&self, tone: Tone) -> Style {
        let kept = self.styles[slot(tone)].add_modifier & Modifier::BOLD;
        Style::new().add_modifier(kept | Modifier::REVERSED)
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::builtin("default").unwrap_or(Self { styles: [Style::new(); 10], ascii: false })
    }
}

pub(super) fn slot(tone: Tone) -> usize {
    match tone {
        Tone::Plain => 0,
        Tone::Dim => 1,
        Tone::Title => 2,
        Tone::Key => 3,
        Tone::Good => 4,
        Tone::Warn => 5,
        Tone::Bad => 6,
        Tone::Alarm => 7,
        Tone::Busy => 8,
        Tone::Accent => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_builtin_theme_paints_a_background_or_reverses_an_ordinary_row() {
        for name in BUILTIN {
            for style in Theme::builtin(name).unwrap().styles {
                assert_eq!(style.bg, None, "{name}");
                assert!(!style.add_modifier.contains(Modifier::REVERSED), "{name}");
            }
        }
    }

    #[test]
    fn mono_has_no_colour() {
        assert!(Theme::builtin("mono").unwrap().styles.iter().all(|s| s.fg.is_none()));
    }

    #[test]
    fn the_selected_row_is_reversed_in_every_tone_of_every_theme() {
        for name in BUILTIN {
            let theme = Theme::builtin(name).unwrap();
            for (_, tone) in theme_file::TONES {
                assert!(theme.selected(tone).add_modifier.contains(Modifier::REVERSED));
                assert_eq!(theme.selected(tone).fg, None);
            }
        }
    }
}
