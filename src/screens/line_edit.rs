//! One line of text that is typed: what each key does to it, wherever a line is typed.

use tui_input::{Input, InputRequest};

use crate::intent::{Chord, Code};

/// Marks where a line continues beyond what is visible.
const MORE: char = '…';

/// A line under the keys.
#[derive(Debug, Clone, Default)]
pub struct LineEdit {
    input: Input,
}

impl LineEdit {
    pub fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// What is visible in so many columns, with a mark where there is more, and the column of the cursor in it.
    pub fn visible(&self, room: usize) -> (String, usize) {
        let scroll = self.input.visual_scroll(room);
        let cursor = self.input.visual_cursor().saturating_sub(scroll);
        let mut shown: Vec<char> = self.input.value().chars().skip(scroll).take(room).collect();
        if scroll > 0
            && let Some(first) = shown.first_mut()
        {
            *first = MORE;
        }
        let beyond = self.input.value().chars().count() > scroll + room;
        // never over the character under the cursor
        if beyond
            && cursor + 1 < room
            && let Some(last) = shown.last_mut()
        {
            *last = MORE;
        }
        (shown.into_iter().collect(), cursor)
    }

    pub fn paste(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()).take(4096) {
            self.input.handle(InputRequest::InsertChar(c));
        }
    }

    /// Whether a key edits a line.
    pub fn edits(chord: Chord) -> bool {
        request(chord).is_some()
    }

    /// Whether a key edits a line whatever else it means: what is text, and the keys that are made for it.
    pub fn keeps(chord: Chord) -> bool {
        chord.is_text() || Self::edits(chord) && !matches!(chord.code, Code::Char(_))
    }

    /// Edits the line; `false` when the key is none that edits.
    pub fn on(&mut self, chord: Chord) -> bool {
        let request = request(chord);
        request.map(|request| self.input.handle(request));
        request.is_some()
    }
}

fn request(chord: Chord) -> Option<InputRequest> {
    Some(match (chord.code, chord.ctrl, chord.alt) {
        (Code::Backspace, false, false) | (Code::Char('h'), true, _) => InputRequest::DeletePrevChar,
        (Code::Backspace, ..) | (Code::Char('w'), true, _) => InputRequest::DeletePrevWord,
        (Code::Delete, ..) | (Code::Char('d'), true, _) => InputRequest::DeleteNextChar,
        (Code::Char('u'), true, _) => InputRequest::DeleteLine,
        (Code::Char('k'), true, _) => InputRequest::DeleteTillEnd,
        (Code::Home, ..) | (Code::Char('a'), true, _) => InputRequest::GoToStart,
        (Code::End, ..) | (Code::Char('e'), true, _) => InputRequest::GoToEnd,
        (Code::Left, true, _) | (Code::Char('b'), _, true) => InputRequest::GoToPrevWord,
        (Code::Right, true, _) | (Code::Char('f'), _, true) => InputRequest::GoToNextWord,
        (Code::Left, ..) | (Code::Char('b'), true, _) => InputRequest::GoToPrevChar,
        (Code::Right, ..) | (Code::Char('f'), true, _) => InputRequest::GoToNextChar,
        (Code::Char(c), false, false) => InputRequest::InsertChar(c),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("short", "", 8, "short", 5)]
    #[case("as long.", "", 8, "as long.", 8)]
    #[case("one two three", "", 8, "…o three", 8)]
    #[case("one two three", "home", 8, "one two…", 0)]
    #[case("one two three", "home right", 8, "one two…", 1)]
    fn what_is_beyond_the_edge_is_marked(
        #[case] text: &str,
        #[case] keys: &str,
        #[case] room: usize,
        #[case] expected: &str,
        #[case] cursor: usize,
    ) {
        let mut line = LineEdit::new(text);
        for key in keys.split_whitespace() {
            line.on(Chord::parse(key).unwrap());
        }
        assert_eq!(line.visible(room), (expected.to_owned(), cursor));
    }
}
