//! Drawing: a scene becomes cells in a buffer, in the tones of a theme.
//!
//! Never talks to a terminal, never decides what to show, and never paints a background.

mod ascii;
mod draw;
mod theme;
mod theme_file;

pub use draw::draw;
pub use theme::{BUILTIN, Theme};
pub use theme_file::{ATTRIBUTES, COLORS, TONES, ThemeError};
