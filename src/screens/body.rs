//! A list with a cursor: which rows are visible, and how the cursor moves. Positions only; what a row is belongs to
//! the screen.

use super::More;
use crate::intent::Command;

/// Cursor and scroll position of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scroll {
    pub top: usize,
    pub at: usize,
    page: usize,
    height: usize,
    len: usize,
}

impl Scroll {
    /// Moves the cursor. Returns whether the command was a movement.
    pub fn on(&mut self, command: Command, len: usize) -> bool {
        let last = len.saturating_sub(1);
        let page = self.page.max(1);
        self.at = match command {
            Command::Up => self.at.saturating_sub(1),
            Command::Down => (self.at + 1).min(last),
            Command::PageUp => self.at.saturating_sub(page),
            Command::PageDown => (self.at + page).min(last),
            Command::Top => 0,
            Command::Bottom => last,
            _ => return false,
        };
        true
    }

    /// Keeps the cursor in the list and the list around the cursor.
    pub fn settle(&mut self, len: usize, height: usize) {
        self.page = height.saturating_sub(1);
        (self.height, self.len) = (height, len);
        self.at = self.at.min(len.saturating_sub(1));
        if self.at < self.top {
            self.top = self.at;
        } else if height > 0 && self.at >= self.top + height {
            self.top = self.at + 1 - height;
        }
        self.top = self.top.min(len.saturating_sub(height));
    }

    /// Rows of the list that are not seen.
    pub fn more(&self) -> More {
        More { above: self.top, below: self.len.saturating_sub(self.top + self.height) }
    }

    /// Moves a text without a cursor: the top line moves.
    pub fn page_text(&mut self, command: Command, len: usize, height: usize) -> bool {
        let most = len.saturating_sub(height);
        let page = height.saturating_sub(1).max(1);
        self.top = match command {
            Command::Up => self.top.saturating_sub(1),
            Command::Down => (self.top + 1).min(most),
            Command::PageUp => self.top.saturating_sub(page),
            Command::PageDown => (self.top + page).min(most),
            Command::Top => 0,
            Command::Bottom => most,
            _ => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_cursor_is_always_visible(
            moves in prop::collection::vec(0usize..6, 0..40), len in 0usize..200, height in 1usize..60
        ) {
            let all = [Command::Up, Command::Down, Command::PageUp, Command::PageDown, Command::Top, Command::Bottom];
            let mut scroll = Scroll::default();
            for m in moves {
                scroll.on(all[m], len);
                scroll.settle(len, height);
                prop_assert!(scroll.at == 0 || scroll.at < len);
                prop_assert!(scroll.top <= scroll.at && scroll.at < scroll.top + height);
            }
        }
    }
}
