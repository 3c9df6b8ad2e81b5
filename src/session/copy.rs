//! Copying to the operator's clipboard through the terminal (OSC 52), write-only.
//!
//! Never asks for the clipboard, never sends a control character other than line end and tab, never cuts a text: a
//! truncated token or YAML is worse than none.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// Characters of base64 that terminals accept in one sequence (xterm and tmux agree on about this many).
pub const MAX_BASE64: usize = 74_994;

/// The text is longer than a terminal takes; show it in a plain view to select from instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyTooLong {
    /// Bytes of the text.
    pub bytes: usize,
    /// Bytes that can be copied.
    pub limit: usize,
}

impl fmt::Display for CopyTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes are too long to copy through the terminal (limit {})", self.bytes, self.limit)
    }
}

impl std::error::Error for CopyTooLong {}

/// The sequence that copies `text`.
///
/// # Errors
/// When the text is longer than terminals accept.
pub fn sequence(text: &str) -> Result<Vec<u8>, CopyTooLong> {
    let clean: String = text.chars().filter(|c| !is_dangerous(*c)).collect();
    let limit = MAX_BASE64 / 4 * 3;
    if clean.len() > limit {
        return Err(CopyTooLong { bytes: clean.len(), limit });
    }
    Ok(format!("\x1b]52;c;{}\x1b\\", BASE64_STANDARD.encode(clean)).into_bytes())
}

/// What must not reach a shell by way of the clipboard: controls, and characters that hide or reorder others.
fn is_dangerous(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(text: &str) -> String {
        let bytes = sequence(text).unwrap();
        let body = bytes.strip_prefix(b"\x1b]52;c;").unwrap().strip_suffix(b"\x1b\\").unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn the_payload_is_padded_base64() {
        for (text, wanted) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(payload(text), wanted);
        }
    }

    #[test]
    fn escapes_and_hidden_characters_are_left_out_but_lines_and_tabs_stay() {
        assert_eq!(payload("a\x1b[31m\u{202e}\u{9b}\u{7f}\nb\tc"), payload("a[31m\nb\tc"));
    }

    #[test]
    fn a_text_over_the_limit_is_refused_not_cut() {
        assert!(payload(&"x".repeat(MAX_BASE64 / 4 * 3)).len() <= MAX_BASE64);
        let refused = sequence(&"x".repeat(MAX_BASE64 / 4 * 3 + 1)).unwrap_err();
        assert_eq!(refused.bytes, refused.limit + 1);
    }
}
