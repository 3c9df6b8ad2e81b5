//! Finding a block of rows that moved up or down between two pictures.
//!
//! Only proposes; the encoder takes a proposal when it makes the frame shorter.

use std::hash::{BuildHasher, Hasher};

use super::picture::{Glyph, Picture};

/// Rows `top..=bottom` move up by `by` lines, or down when it is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    pub top: u16,
    pub bottom: u16,
    pub by: i16,
}

impl Shift {
    /// The row whose content is in row `y` after the shift; none for a line that scrolled in blank.
    pub fn source(self, y: u16) -> Option<u16> {
        if y < self.top || y > self.bottom {
            return Some(y);
        }
        y.checked_add_signed(self.by).filter(|source| (self.top..=self.bottom).contains(source))
    }
}

/// The shifts worth trying: the best distance, over all rows that moved by it and over their longest unbroken run.
pub(super) fn shifts(previous: &Picture, next: &Picture) -> Vec<Shift> {
    let (before, after) = (hashes(previous), hashes(next));
    let blank = vec![Glyph::BLANK; usize::from(next.width)];
    let blank = hash(&blank);
    let Ok(height) = i16::try_from(after.len()) else { return Vec::new() };
    let moved = |y: i16, by: i16| {
        let (Ok(to), Ok(from)) = (usize::try_from(y), usize::try_from(y + by)) else { return false };
        after[to] != blank && after[to] != before[to] && before.get(from) == Some(&after[to])
    };
    let best = (1 - height..height)
        .filter(|by| *by != 0)
        .map(|by| ((0..height).filter(|y| moved(*y, by)).count(), by))
        .max_by_key(|(count, by)| (*count, -by.abs()));
    let Some((count, by)) = best else { return Vec::new() };
    if count < 2 {
        return Vec::new();
    }
    let rows: Vec<i16> = (0..height).filter(|y| moved(*y, by)).collect();
    let mut found = Vec::new();
    let longest = rows.chunk_by(|a, b| b - a <= 3).max_by_key(|run| run.len()).unwrap_or(&rows);
    for run in [&rows[..], longest] {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let (top, bottom) = ((*first).min(first + by), (*last).max(last + by));
        if let (Ok(top), Ok(bottom)) = (u16::try_from(top), u16::try_from(bottom)) {
            let shift = Shift { top, bottom, by };
            if !found.contains(&shift) {
                found.push(shift);
            }
        }
    }
    found
}

fn hashes(picture: &Picture) -> Vec<u64> {
    (0..picture.height).map(|y| hash(picture.row(y))).collect()
}

fn hash(row: &[Glyph]) -> u64 {
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    for glyph in row {
        hasher.write(glyph.bytes());
        hasher.write_u8(glyph.columns);
        std::hash::Hash::hash(&glyph.look, &mut hasher);
    }
    hasher.finish()
}
