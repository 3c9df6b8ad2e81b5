//! One key from the bytes of a terminal: the grammar of xterm, the Linux console, rxvt and kitty.
//!
//! Pure and without time. What is no key (mouse, focus, replies to questions nobody asked) is recognised and dropped,
//! so that it never turns into letters.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Longest sequence that is waited for; a longer one is garbage.
const LONGEST: usize = 64;

/// What the bytes begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// More bytes are needed.
    Incomplete,
    /// So many bytes, and the key they are; none when they mean nothing to us.
    Key(usize, Option<KeyEvent>),
    /// A bracketed paste begins after so many bytes.
    PasteStart(usize),
}

/// Reads the first token of `bytes`, which are not empty.
pub(super) fn token(bytes: &[u8]) -> Token {
    match bytes {
        [] | [0x1b] => Token::Incomplete,
        [0x1b, b'[', rest @ ..] => csi(rest),
        [0x1b, b'O', rest @ ..] => ss3(rest),
        [0x1b, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => string(rest),
        // The first of two is a key of its own; the second may begin a sequence.
        [0x1b, 0x1b, ..] => Token::Key(1, Some(key(KeyCode::Esc))),
        [0x1b, rest @ ..] => match plain(rest) {
            Token::Key(length, event) => Token::Key(length + 1, event.map(alt)),
            other => other,
        },
        _ => plain(bytes),
    }
}

/// What an escape followed by `byte` and then silence is: a letter with Alt, or the start of a sequence that was lost.
pub(super) fn abandoned(bytes: &[u8]) -> Option<KeyEvent> {
    match bytes {
        [0x1b] => Some(key(KeyCode::Esc)),
        [0x1b, byte @ (b']' | b'P' | b'_' | b'^' | b'X')] => Some(alt(char_key(char::from(*byte)))),
        _ => None,
    }
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn alt(mut event: KeyEvent) -> KeyEvent {
    event.modifiers |= KeyModifiers::ALT;
    event
}

fn char_key(c: char) -> KeyEvent {
    let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    KeyEvent::new(KeyCode::Char(c), shift)
}

fn control(c: u8) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL)
}

fn plain(bytes: &[u8]) -> Token {
    let Some(&first) = bytes.first() else { return Token::Incomplete };
    let event = match first {
        b'\r' => key(KeyCode::Enter),
        b'\t' => key(KeyCode::Tab),
        0x7f => key(KeyCode::Backspace),
        0 => control(b' '),
        0x01..=0x1a => control(first - 1 + b'a'),
        0x1b => key(KeyCode::Esc),
        0x1c..=0x1f => control(first - 0x1c + b'4'),
        0x20..=0x7e => char_key(char::from(first)),
        _ => return utf8(bytes),
    };
    Token::Key(1, Some(event))
}

fn utf8(bytes: &[u8]) -> Token {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Token::Key(1, None),
    };
    let given = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(given) {
        Ok(text) => Token::Key(length, text.chars().next().filter(|c| !c.is_control()).map(char_key)),
        Err(error) if error.error_len().is_none() => Token::Incomplete,
        Err(_) => Token::Key(1, None),
    }
}

fn ss3(rest: &[u8]) -> Token {
    let Some(&last) = rest.first() else { return Token::Incomplete };
    // The keypad in application mode sends its digits and signs here.
    let event = match last {
        b'M' => Some(key(KeyCode::Enter)),
        b'j'..=b'y' => Some(char_key(char::from(last - 0x40))),
        _ => letter(last).map(key),
    };
    Token::Key(3, event)
}

fn string(rest: &[u8]) -> Token {
    for (index, byte) in rest.iter().enumerate() {
        match byte {
            0x07 => return Token::Key(2 + index + 1, None),
            0x1b if rest.get(index + 1) == Some(&b'\\') => return Token::Key(2 + index + 2, None),
            _ => {}
        }
    }
    // A reply may be long; it ends, or falls silent and is dropped.
    Token::Incomplete
}

fn csi(rest: &[u8]) -> Token {
    // The Linux console sends F1 to F5 as `[[A` to `[[E`.
    if let [b'[', tail @ ..] = rest {
        return match tail.first() {
            None => Token::Incomplete,
            Some(f @ b'A'..=b'E') => Token::Key(4, Some(key(KeyCode::F(f - b'A' + 1)))),
            Some(_) => Token::Key(4, None),
        };
    }
    let Some(end) = rest.iter().position(|b| !(0x20..=0x3f).contains(b)) else {
        return if rest.len() > LONGEST { Token::Key(2 + rest.len(), None) } else { Token::Incomplete };
    };
    let length = 2 + end + 1;
    match (&rest[..end], rest[end]) {
        // Interrupted by another sequence: drop the first, read the second.
        (_, 0x1b) => Token::Key(length - 1, None),
        // The mouse of the first xterm: three bytes of anything follow.
        ([], b'M') if rest.len() < 4 => Token::Incomplete,
        ([], b'M') => Token::Key(6, None),
        (b"200", b'~') => Token::PasteStart(length),
        (params, last) => Token::Key(length, csi_key(params, last)),
    }
}

fn csi_key(params: &[u8], last: u8) -> Option<KeyEvent> {
    let text = std::str::from_utf8(params).ok()?;
    let mut fields = text.split(';');
    let first = fields.next().unwrap_or_default();
    let second = fields.next().unwrap_or_default();
    let number: u32 = if first.is_empty() { 1 } else { first.split(':').next()?.parse().ok()? };
    let (modifiers, event) = second.split_once(':').unwrap_or((second, "1"));
    // Events: 1 press, 2 repeat, 3 release.
    if event == "3" {
        return None;
    }
    let modifiers = if modifiers.is_empty() { KeyModifiers::NONE } else { modifier(modifiers.parse().ok()?) };
    let code = match last {
        b'~' => numbered(number)?,
        b'u' => unicode(number)?,
        b'Z' => return Some(KeyEvent::new(KeyCode::BackTab, modifiers | KeyModifiers::SHIFT)),
        _ if number == 1 => letter(last)?,
        _ => return None,
    };
    let shift =
        if matches!(code, KeyCode::Char(c) if c.is_uppercase()) { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    Some(KeyEvent::new(code, modifiers | shift))
}

fn modifier(number: u8) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let pairs =
        [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL), (8, KeyModifiers::SUPER)];
    pairs.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, modifier)| modifier).collect()
}

fn letter(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => function(number - 10)?,
        17..=21 => function(number - 11)?,
        23..=26 => function(number - 12)?,
        28 | 29 => function(number - 13)?,
        31..=34 => function(number - 14)?,
        _ => return None,
    })
}

fn function(number: u32) -> Option<KeyCode> {
    u8::try_from(number).ok().map(KeyCode::F)
}

fn unicode(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        _ => KeyCode::Char(char::from_u32(number).filter(|c| !c.is_control())?),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"\x1b[A", KeyCode::Up, KeyModifiers::NONE)]
    #[case(b"\x1bOB", KeyCode::Down, KeyModifiers::NONE)]
    #[case(b"\x1b[1;5C", KeyCode::Right, KeyModifiers::CONTROL)]
    #[case(b"\x1b[3~", KeyCode::Delete, KeyModifiers::NONE)]
    #[case(b"\x1b[5;2~", KeyCode::PageUp, KeyModifiers::SHIFT)]
    #[case(b"\x1b[Z", KeyCode::BackTab, KeyModifiers::SHIFT)]
    #[case(b"\x1b[15~", KeyCode::F(5), KeyModifiers::NONE)]
    #[case(b"\x1b[24~", KeyCode::F(12), KeyModifiers::NONE)]
    #[case(b"\x1bOP", KeyCode::F(1), KeyModifiers::NONE)]
    #[case(b"\x1b[[C", KeyCode::F(3), KeyModifiers::NONE)]
    #[case(b"\x1b[97;5u", KeyCode::Char('a'), KeyModifiers::CONTROL)]
    #[case(b"\x1bx", KeyCode::Char('x'), KeyModifiers::ALT)]
    #[case(b"G", KeyCode::Char('G'), KeyModifiers::SHIFT)]
    #[case(b"\x03", KeyCode::Char('c'), KeyModifiers::CONTROL)]
    #[case(b"\r", KeyCode::Enter, KeyModifiers::NONE)]
    #[case(b"\x7f", KeyCode::Backspace, KeyModifiers::NONE)]
    #[case("監".as_bytes(), KeyCode::Char('監'), KeyModifiers::NONE)]
    fn a_sequence_is_its_key(#[case] bytes: &[u8], #[case] code: KeyCode, #[case] modifiers: KeyModifiers) {
        assert_eq!(token(bytes), Token::Key(bytes.len(), Some(KeyEvent::new(code, modifiers))));
    }

    #[rstest]
    #[case(b"\x1b[97;1:3u", "a key that was released")]
    #[case(b"\x1b[<0;10;5M", "the mouse")]
    #[case(b"\x1b[M !!", "the old mouse")]
    #[case(b"\x1b[I", "focus")]
    #[case(b"\x1b[24;80R", "where the cursor is")]
    #[case(b"\x1b[?62;4c", "what the terminal is")]
    #[case(b"\x1b]11;rgb:0000/0000/0000\x1b\\", "the background colour")]
    #[case(b"\x1bP>|term 1.0\x1b\\", "the terminal's name")]
    fn a_report_is_swallowed_whole(#[case] bytes: &[u8], #[case] what: &str) {
        assert_eq!(token(bytes), Token::Key(bytes.len(), None), "{what}");
    }

    #[test]
    fn every_beginning_of_a_sequence_asks_for_more() {
        for whole in [&b"\x1b[1;5C"[..], b"\x1bOP", b"\x1b[200~", b"\x1b[[A", b"\x1b]0;x\x07", "é".as_bytes()] {
            for end in 1..whole.len() {
                assert_eq!(token(&whole[..end]), Token::Incomplete, "{:?}", &whole[..end]);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_consumed_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 1..80)) {
            match token(&bytes) {
                Token::Key(n, _) | Token::PasteStart(n) => proptest::prop_assert!(n > 0 && n <= bytes.len()),
                Token::Incomplete => {}
            }
        }
    }
}
