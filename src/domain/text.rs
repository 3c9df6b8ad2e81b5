//! The one boundary between text that anybody in the cluster can write and our screen.
//!
//! Every string that enters a record, a log line, an error or a scene has been through here. Nothing here ever
//! drops a character silently: what could act on a terminal becomes a visible mark.

use std::borrow::Cow;

/// Longest single-line text kept, in bytes; longer ones end in `…`.
pub const MAX_LINE: usize = 4096;

/// One line: control characters, line breaks, bidi controls and zero-width characters become visible marks;
/// longer than [`MAX_LINE`] bytes is cut.
pub fn line(raw: &str) -> Cow<'_, str> {
    capped(raw, MAX_LINE, false)
}

/// Several lines: as [`line()`], but `\n` stays and a tab becomes spaces; cut after `max` bytes.
pub fn block(raw: &str, max: usize) -> Cow<'_, str> {
    capped(raw, max, true)
}

fn capped(raw: &str, max: usize, multiline: bool) -> Cow<'_, str> {
    let cut = raw.len() > max;
    let raw = if cut { &raw[..floor_boundary(raw, max)] } else { raw };
    let harmless = raw.bytes().all(|b| (0x20..0x7f).contains(&b)) || !raw.chars().any(|c| suspicious(c, multiline));
    if harmless && !cut {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len() + 8);
    for c in raw.chars() {
        push(&mut out, c, multiline);
    }
    if cut {
        out.push('…');
    }
    Cow::Owned(out)
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn push(out: &mut String, c: char, multiline: bool) {
    match c {
        '\n' if multiline => out.push('\n'),
        '\r' if multiline => {}
        '\t' if multiline => out.push_str("    "),
        '\n' | '\r' | '\t' => out.push(' '),
        '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
        '\u{7f}' => out.push('\u{2421}'),
        _ if suspicious(c, multiline) => out.push('\u{fffd}'),
        _ => out.push(c),
    }
}

/// Whether a character could move the cursor, reorder or hide text.
fn suspicious(c: char, multiline: bool) -> bool {
    match c {
        '\n' => !multiline,
        // then Arabic letter mark, soft hyphen, zero-width and bidi marks, joiners, invisible operators
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

/// `1 pod`, `3 pods`: for words whose plural is regular.
pub fn counted(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_sequence_becomes_visible() {
        assert_eq!(line("a\x1b[31mb"), "a␛[31mb");
        assert_eq!(line("x\u{9b}31my\u{7f}"), "x\u{fffd}31my␡");
    }

    #[test]
    fn bidi_and_zero_width_become_visible() {
        assert_eq!(line("gnp\u{202e}exe\u{200b}"), "gnp\u{fffd}exe\u{fffd}");
    }

    #[test]
    fn a_megabyte_is_cut_with_a_mark() {
        let long = "ä".repeat(1 << 20);
        let out = line(&long);
        assert!(out.len() <= MAX_LINE + 3);
        assert!(out.ends_with('…'));
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(line("Back-off restarting failed container"), Cow::Borrowed(_)));
        assert!(matches!(line("größer 監視"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_stay_where_they_are_welcome() {
        assert_eq!(block("a\r\n\tb\x07", 100), "a\n    b␇");
        assert_eq!(line("a\nb"), "a b");
    }

    proptest! {
        #[test]
        fn nothing_that_acts_on_a_terminal_survives(raw in any::<String>()) {
            let out = line(&raw);
            prop_assert!(!out.chars().any(|c| suspicious(c, false)));
            let again = line(&out).into_owned();
            prop_assert_eq!(again, out.into_owned());
        }
    }
}
