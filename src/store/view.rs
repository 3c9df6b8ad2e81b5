//! An ordered, filtered sight of one table, kept up to date by what changed.
//!
//! A view never allocates per row for text; most changes do not move a row, and those cost one comparison of a stamp.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use super::table::{Row, Table};

/// What a view needs to know of rows: whether they are in, and how they order. Two rows must never be equal.
pub trait Order {
    fn admits(&self, row: &Row) -> bool;
    fn compare(&self, a: &Row, b: &Row) -> Ordering;
    /// Feeds everything that `compare` reads into the hasher.
    fn stamp(&self, row: &Row, hasher: &mut dyn Hasher);
    /// Orders rows coarsely: `prefix(a) < prefix(b)` implies `compare` says less.
    fn prefix(&self, row: &Row) -> u64;
}

/// Slots of a table in order.
#[derive(Debug, Default)]
pub struct View {
    order: Vec<u32>,
    /// By slot: the stamp under which the row is in `order`; 0 is "not in".
    stamps: Vec<u64>,
    version: u64,
    built: bool,
}

const HASH: FixedState = FixedState::with_seed(7);

fn stamp(order: &dyn Order, row: &Row) -> u64 {
    let mut hasher = HASH.build_hasher();
    order.stamp(row, &mut hasher);
    hasher.finish() | 1
}

impl View {
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The slots in order.
    pub fn slots(&self) -> &[u32] {
        &self.order
    }

    pub fn slot(&self, position: usize) -> Option<u32> {
        self.order.get(position).copied()
    }

    pub fn contains(&self, slot: u32) -> bool {
        self.stamps.get(slot as usize).is_some_and(|s| *s != 0)
    }

    pub fn position(&self, slot: u32) -> Option<usize> {
        self.contains(slot).then(|| self.order.iter().position(|s| *s == slot)).flatten()
    }

    /// Forgets everything; the next [`View::sync`] builds it again. Call when the order or the filter changes.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Follows the table. Returns whether the sequence of rows changed.
    pub fn sync(&mut self, table: &Table, order: &dyn Order) -> bool {
        if !self.built {
            self.build(table, order);
            return true;
        }
        if self.version == table.version() {
            return false;
        }
        let changed: Option<Vec<u32>> = table.changed_since(self.version).map(Iterator::collect);
        match changed {
            Some(slots) => {
                self.version = table.version();
                self.follow(table, order, &slots)
            }
            None => {
                self.build(table, order);
                true
            }
        }
    }

    /// Applies changes: the rows that moved are taken out, sorted, and merged back in. One by one would not work: a
    /// place is searched for among sorted rows, and rows that have yet to move are not sorted.
    fn follow(&mut self, table: &Table, order: &dyn Order, changed: &[u32]) -> bool {
        self.stamps.resize(table.capacity().max(self.stamps.len()), 0);
        let mut gone: Vec<u32> = Vec::new();
        let mut come: Vec<(u64, u32)> = Vec::new();
        for &slot in changed {
            let row = table.row(slot).filter(|row| order.admits(row));
            let new = row.map_or(0, |row| stamp(order, row));
            // a slot that changed twice is found in its place the second time
            let old = std::mem::replace(&mut self.stamps[slot as usize], new);
            if old == new {
                continue;
            }
            if old != 0 {
                gone.push(slot);
            }
            come.extend(row.map(|row| (order.prefix(row), slot)));
        }
        if gone.is_empty() && come.is_empty() {
            return false;
        }
        if !gone.is_empty() {
            gone.sort_unstable();
            self.order.retain(|slot| gone.binary_search(slot).is_err());
        }
        sort(&mut come, table, order);
        let mut woven = Vec::with_capacity(self.order.len() + come.len());
        let mut rest = &self.order[..];
        for (_, slot) in come {
            let before = rest.partition_point(|other| compare(table, order, *other, slot) == Ordering::Less);
            woven.extend_from_slice(&rest[..before]);
            woven.push(slot);
            rest = &rest[before..];
        }
        woven.extend_from_slice(rest);
        self.order = woven;
        true
    }

    fn build(&mut self, table: &Table, order: &dyn Order) {
        self.stamps.clear();
        self.stamps.resize(table.capacity(), 0);
        let mut keyed: Vec<(u64, u32)> = Vec::with_capacity(table.len());
        for (slot, row) in table.iter().filter(|(_, row)| order.admits(row)) {
            self.stamps[slot as usize] = stamp(order, row);
            keyed.push((order.prefix(row), slot));
        }
        sort(&mut keyed, table, order);
        self.order = keyed.into_iter().map(|(_, slot)| slot).collect();
        self.version = table.version();
        self.built = true;
    }
}

fn sort(keyed: &mut [(u64, u32)], table: &Table, order: &dyn Order) {
    keyed.sort_unstable_by(|(ka, a), (kb, b)| ka.cmp(kb).then_with(|| compare(table, order, *a, *b)));
}

fn compare(table: &Table, order: &dyn Order, a: u32, b: u32) -> Ordering {
    match (table.row(a), table.row(b)) {
        (Some(a), Some(b)) => order.compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// The first eight bytes of a text as a number that orders like the text.
pub fn text_prefix(text: &str) -> u64 {
    let mut bytes = [0u8; 8];
    let n = text.len().min(8);
    bytes[..n].copy_from_slice(&text.as_bytes()[..n]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Change;
    use crate::domain::record::{Record, Uid};
    use proptest::prelude::*;

    struct ByName;
    impl Order for ByName {
        fn admits(&self, row: &Row) -> bool {
            !row.record.name.starts_with('x')
        }
        fn compare(&self, a: &Row, b: &Row) -> Ordering {
            a.record.name.cmp(&b.record.name).then(a.record.uid.cmp(&b.record.uid))
        }
        fn stamp(&self, row: &Row, hasher: &mut dyn Hasher) {
            hasher.write(row.record.name.as_bytes());
            hasher.write_u128(row.record.uid.0);
        }
        fn prefix(&self, row: &Row) -> u64 {
            text_prefix(&row.record.name)
        }
    }

    proptest! {
        #[test]
        fn following_gives_the_same_as_building_anew(
            steps in prop::collection::vec((0u128..200, "[a-x]{0,10}", any::<bool>()), 1..400),
            pace in prop::sample::select(vec![1usize, 7, 150])
        ) {
            let mut table = Table::default();
            let mut view = View::default();
            view.sync(&table, &ByName);
            for (nth, (uid, name, remove)) in steps.into_iter().enumerate() {
                let change = if remove {
                    Change::Remove(Uid(uid))
                } else {
                    Change::Upsert(Record { uid: Uid(uid), name: name.into(), ..Record::default() })
                };
                table.apply(change, &mut |_| {});
                if nth % pace != 0 {
                    continue;
                }
                view.sync(&table, &ByName);
                let mut fresh = View::default();
                fresh.sync(&table, &ByName);
                prop_assert_eq!(view.slots(), fresh.slots());
            }
        }
    }
}
