//! The one boundary between text that anybody in the cluster can write and our screen.
//!
//! Every string that enters a record, a log line, an error or a scene has been through here. What could control a
//! terminal, hide, or be invisible becomes a visible mark. Two things are left out, because neither says anything: a
//! carriage return of a text of several lines, and the variation selector behind a symbol, which only chooses between
//! two pictures of it (terminals disagree on their width).

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Longest single-line text kept, in bytes; longer ones end in `…`.
pub const MAX_LINE: usize = 4096;
/// Combining marks on one letter that are kept: the screen has room for as many.
pub const MARKS: usize = 6;

/// One line: control characters, line breaks, bidi controls and invisible characters become visible marks, a tower of
/// combining marks is cut; longer than [`MAX_LINE`] bytes is cut.
pub fn line(raw: &str) -> Cow<'_, str> {
    capped(raw, MAX_LINE, false)
}

/// Several lines: as [`line()`], but `\n` stays and a tab becomes spaces; cut after `max` bytes.
pub fn block(raw: &str, max: usize) -> Cow<'_, str> {
    capped(raw, max, true)
}

/// What happened, and behind a colon what more is known of it, where there is more.
pub fn with_detail(what: &str, detail: &str) -> String {
    if detail.trim().is_empty() { what.to_owned() } else { format!("{what}: {detail}") }
}

fn capped(raw: &str, max: usize, multiline: bool) -> Cow<'_, str> {
    let cut = raw.len() > max;
    let raw = if cut { &raw[..floor_boundary(raw, max)] } else { raw };
    let harmless = raw.bytes().all(|b| (0x20..0x7f).contains(&b)) || is_harmless(raw, multiline);
    if harmless && !cut {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len() + 8);
    let (mut before, mut marks) = (None, 0);
    for c in raw.chars() {
        if suspicious(c, multiline) {
            // the selector's picture is the symbol before it
            if !(is_selector(c) && before.is_some_and(is_symbol)) {
                push(&mut out, c, multiline);
            }
            marks = 0;
        } else if is_mark(c) {
            marks += 1;
            match marks {
                ..=MARKS => out.push(c),
                more if more == MARKS + 1 => out.push('\u{fffd}'),
                _ => {}
            }
        } else {
            out.push(c);
            marks = 0;
        }
        before = Some(c);
    }
    if cut {
        out.push('…');
    }
    Cow::Owned(out)
}

fn is_harmless(raw: &str, multiline: bool) -> bool {
    let mut marks = 0;
    raw.chars().all(|c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        marks <= MARKS && !suspicious(c, multiline)
    })
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
        c if is_space(c) => out.push(' '),
        '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
        '\u{7f}' => out.push('\u{2421}'),
        _ => out.push('\u{fffd}'),
    }
}

/// Whether a character could move the cursor, reorder or hide text, or be invisible.
fn suspicious(c: char, multiline: bool) -> bool {
    match c {
        '\n' => !multiline,
        // the last two: line and paragraph separators, interlinear annotation
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{2029}' | '\u{fff9}'..='\u{fffb}' => true,
        c => is_ignorable(c) || is_blank(c) || is_space(c),
    }
}

/// `1 pod`, `3 pods`: for words whose plural is regular.
pub fn counted(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// Unicode's `Default_Ignorable_Code_Point`: what a program that does not know it draws as nothing. Source: Unicode
/// 16.0.0, `DerivedCoreProperties.txt`; what it reserves for later is in it.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Letters and symbols whose picture is blank, and which are no spaces: Braille without dots, the fillers of Khitan and
/// of hieroglyphs, the null notehead.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{13441}'..='\u{13442}' | '\u{16fe4}' | '\u{1d159}')
}

/// Spaces (`Zs`) other than the ordinary one: they look like it, and one of them is two columns wide.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// U+FE0E and U+FE0F: as text, or as an emoji.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}'..='\u{fe0f}')
}

/// Whether a selector behind it is ordinary: arrows, technical and other symbols, pictographs, marks of trade, and the
/// base of a keycap.
fn is_symbol(c: char) -> bool {
    matches!(c,
        '#' | '*' | '0'..='9' | '©' | '®'
        | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}'
        | '\u{24c2}'
        | '\u{25a0}'..='\u{27bf}'
        | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b55}'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// Whether it is drawn over the character before it.
fn is_mark(c: char) -> bool {
    c >= '\u{300}' && c.width() == Some(0)
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
    fn what_is_drawn_as_nothing_becomes_visible() {
        let ranges = [
            (0xad, 0xad),
            (0x34f, 0x34f),
            (0x61c, 0x61c),
            (0x115f, 0x1160),
            (0x17b4, 0x17b5),
            (0x180b, 0x180f),
            (0x200b, 0x200f),
            (0x202a, 0x202e),
            (0x2060, 0x206f),
            (0x2800, 0x2800),
            (0x3164, 0x3164),
            (0xfe00, 0xfe0f),
            (0xfeff, 0xfeff),
            (0xffa0, 0xffa0),
            (0xfff0, 0xfff8),
            (0x13441, 0x13442),
            (0x16fe4, 0x16fe4),
            (0x1bca0, 0x1bca3),
            (0x1d159, 0x1d159),
            (0x1d173, 0x1d17a),
            (0xe0000, 0xe0fff),
        ];
        for c in ranges.into_iter().flat_map(|(first, last)| first..=last).filter_map(char::from_u32) {
            let raw = format!("a{c}b");
            assert_eq!(line(&raw), "a\u{fffd}b", "{c:?}");
            assert_eq!(block(&raw, 100), "a\u{fffd}b", "{c:?}");
        }
    }

    #[test]
    fn a_selector_behind_a_symbol_says_nothing_and_elsewhere_it_is_visible() {
        assert_eq!(line("⚠\u{fe0f} disk full ✔\u{fe0e}"), "⚠ disk full ✔");
        assert_eq!(line("web\u{fe0f}"), "web\u{fffd}");
        assert_eq!(line("\u{fe0f}⚠\u{fe0f}\u{fe0f}"), "\u{fffd}⚠\u{fffd}");
        // a family is shown as its members
        assert_eq!(line("👩\u{200d}👧"), "👩\u{fffd}👧");
    }

    #[test]
    fn a_tower_of_marks_is_cut_and_ordinary_marks_stay() {
        let tower = format!("a{}b", "\u{301}".repeat(600));
        assert_eq!(line(&tower), format!("a{}\u{fffd}b", "\u{301}".repeat(MARKS)));
        assert_eq!(block(&tower, 10_000), line(&tower));
        for plain in ["e\u{301}e\u{301}", "ก็", "שָׁלוֹם", "각", "हिन्दी"] {
            assert!(matches!(line(plain), Cow::Borrowed(_)), "{plain}");
        }
    }

    #[test]
    fn a_megabyte_is_cut_with_a_mark() {
        let long = "ä".repeat(1 << 20);
        let out = line(&long);
        assert!(out.len() <= MAX_LINE + 3);
        assert!(out.ends_with('…'));
    }

    #[rstest::rstest]
    #[case("a\u{a0}b\u{3000}c", "a b c")]
    #[case("a\u{2003}b\u{202f}c\u{205f}d\u{1680}e", "a b c d e")]
    #[case("a\u{2028}b\u{2029}c", "a\u{fffd}b\u{fffd}c")]
    fn every_space_is_an_ordinary_one_and_a_separator_shows(#[case] raw: &str, #[case] expected: &str) {
        assert_eq!(line(raw), expected);
        assert_eq!(block(raw, 100), expected);
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
            prop_assert!(is_harmless(&out, false));
            let again = line(&out).into_owned();
            prop_assert_eq!(again, out.into_owned());
        }
    }
}
