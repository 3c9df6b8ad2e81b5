//! Reading a theme from a TOML file: `tone = "attribute colour"`, one line a tone.
//!
//! A word that is not known is refused with the key and every word that is; nothing is guessed.

use std::fmt;

use ratatui::style::{Color, Modifier, Style};

use super::theme::{Theme, slot};
use crate::scene::Tone;

/// The keys of a theme file.
pub const TONES: [(&str, Tone); 10] = [
    ("plain", Tone::Plain),
    ("dim", Tone::Dim),
    ("title", Tone::Title),
    ("key", Tone::Key),
    ("good", Tone::Good),
    ("warn", Tone::Warn),
    ("bad", Tone::Bad),
    ("alarm", Tone::Alarm),
    ("busy", Tone::Busy),
    ("accent", Tone::Accent),
];

/// The colours of a theme file: the terminal's own 16, and `default`, its text colour.
pub const COLORS: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// The attributes of a theme file. Reverse is missing on purpose: it means "selected".
pub const ATTRIBUTES: [(&str, Modifier); 4] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
];

/// Why a theme file was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThemeError {
    /// Not TOML; the parser's own words, which name line and column.
    Syntax(String),
    /// A key that is no tone.
    Tone { key: String, line: usize },
    /// A value that is not a string.
    NotText { key: String, line: usize },
    /// A word that is neither colour nor attribute.
    Word { key: String, line: usize, word: String },
    /// Two colours for one tone.
    TwoColors { key: String, line: usize },
}

impl fmt::Display for ThemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "theme: {}", message.trim_end()),
            Self::Tone { key, line } => {
                write!(f, "theme line {line}: `{key}` is no tone; the tones are {}", names(&TONES))
            }
            Self::NotText { key, line } => {
                write!(f, "theme line {line}: `{key}` must be a text such as \"bold red\"")
            }
            Self::Word { key, line, word } => write!(
                f,
                "theme line {line}: `{key}` has `{word}`, which is neither a colour ({}) nor an attribute ({})",
                names(&COLORS),
                names(&ATTRIBUTES)
            ),
            Self::TwoColors { key, line } => {
                write!(
                    f,
                    "theme line {line}: `{key}` has two colours; give one, with attributes ({})",
                    names(&ATTRIBUTES)
                )
            }
        }
    }
}

impl std::error::Error for ThemeError {}

pub(super) fn parse(text: &str) -> Result<Theme, ThemeError> {
    // `DeTable` keeps the place of each key, which plain tables forget.
    let table = toml::de::DeTable::parse(text).map_err(|e| ThemeError::Syntax(e.to_string()))?;
    let mut theme = Theme::default();
    for (key, value) in table.get_ref() {
        let line = text[..key.span().start].matches('\n').count() + 1;
        let key = key.get_ref().to_string();
        let Some(&(_, tone)) = TONES.iter().find(|(name, _)| *name == key) else {
            return Err(ThemeError::Tone { key, line });
        };
        let Some(words) = value.get_ref().as_str() else {
            return Err(ThemeError::NotText { key, line });
        };
        theme.styles[slot(tone)] = style(words, &key, line)?;
    }
    Ok(theme)
}

fn style(words: &str, key: &str, line: usize) -> Result<Style, ThemeError> {
    let mut style = Style::new();
    for word in words.split_whitespace() {
        if let Some((_, attribute)) = ATTRIBUTES.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*attribute);
        } else if let Some((_, color)) = COLORS.iter().find(|(name, _)| *name == word) {
            if style.fg.replace(*color).is_some() {
                return Err(ThemeError::TwoColors { key: key.to_owned(), line });
            }
        } else {
            return Err(ThemeError::Word { key: key.to_owned(), line, word: word.to_owned() });
        }
    }
    // The text colour of the terminal is what no colour at all means.
    style.fg = style.fg.filter(|color| *color != Color::Reset);
    Ok(style)
}

fn names<T>(rows: &[(&str, T)]) -> String {
    rows.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_files_shipped_say_what_the_builtin_themes_are() {
        for (name, text) in [
            ("default", include_str!("../../assets/themes/default.toml")),
            ("light", include_str!("../../assets/themes/light.toml")),
            ("mono", include_str!("../../assets/themes/mono.toml")),
        ] {
            assert_eq!(Theme::parse(text).unwrap(), Theme::builtin(name).unwrap(), "{name}");
        }
    }

    #[test]
    fn a_mistyped_colour_is_refused_with_key_line_and_the_allowed_words() {
        let error = Theme::parse("good = \"green\"\nwarn = \"bold yelow\"\n").unwrap_err();
        let shown = error.to_string();
        for part in ["line 2", "`warn`", "`yelow`", "light-yellow", "underline"] {
            assert!(shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn a_key_that_is_no_tone_is_refused_with_the_tones() {
        let shown = Theme::parse("alarms = \"red\"").unwrap_err().to_string();
        assert!(shown.contains("`alarms`") && shown.contains("alarm, busy"), "{shown}");
    }

    #[test]
    fn a_number_two_colours_and_broken_toml_are_refused() {
        assert!(matches!(Theme::parse("bad = 3"), Err(ThemeError::NotText { .. })));
        assert!(matches!(Theme::parse("bad = \"red blue\""), Err(ThemeError::TwoColors { .. })));
        assert!(matches!(Theme::parse("bad = \"red"), Err(ThemeError::Syntax(_))));
    }

    #[test]
    fn reverse_is_not_an_attribute_of_a_tone() {
        assert!(matches!(Theme::parse("bad = \"reverse\""), Err(ThemeError::Word { .. })));
    }
}
