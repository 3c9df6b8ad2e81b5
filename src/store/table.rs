//! The records of one kind: a slab indexed by uid, with a short memory of what changed, so that a view can follow
//! without looking at every row.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::domain::change::{Change, Feed, FeedState, Scope};
use crate::domain::health::Health;
use crate::domain::interner::Sym;
use crate::domain::record::{Record, Uid};

/// How many changed slots are remembered for views: more than a list brings between two frames.
const MEMORY: usize = 16_384;

#[derive(Debug)]
pub struct Row {
    pub record: Record,
    /// As judged, which may be later and worse than as read.
    pub health: Health,
    /// The list in which the row was last seen.
    epoch: u32,
}

#[derive(Debug, Default)]
pub struct Table {
    slots: Vec<Option<Row>>,
    free: Vec<u32>,
    /// Slots by uid; the uids themselves are only in the rows, so that none is stored twice.
    index: HashTable<u32>,
    /// Slots by name, in any namespace: many rows ask for an object that something else names.
    names: HashTable<u32>,
    epoch: u32,
    /// Lists in progress: their scope and the epoch that began with them.
    listing: Vec<(Scope, u32)>,
    /// Total changes so far; `log` holds the slots of the last ones.
    version: u64,
    log: VecDeque<u32>,
    counts: [u32; 8],
    /// A full list has been taken in: the rows are not the beginning of one.
    listed: bool,
    pub feed: Feed,
}

impl Table {
    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub fn row(&self, slot: u32) -> Option<&Row> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub fn slot_of(&self, uid: Uid) -> Option<u32> {
        self.index.find(HASH.hash_one(uid), is(&self.slots, uid)).copied()
    }

    /// The rows of a name in all namespaces, in no order.
    pub fn named<'t>(&'t self, name: &'t str) -> impl Iterator<Item = (u32, &'t Row)> {
        let all = self.names.iter_hash(HASH.hash_one(name)).filter_map(|slot| Some((*slot, self.row(*slot)?)));
        all.filter(move |(_, row)| *row.record.name == *name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        (0u32..).zip(&self.slots).filter_map(|(slot, row)| Some((slot, row.as_ref()?)))
    }

    /// Whether the rows are the beginning of a first list.
    pub fn is_partial(&self) -> bool {
        !self.listed
    }

    /// Whether its rows are of namespaces, as far as there are any.
    pub fn is_namespaced(&self) -> bool {
        self.iter().next().is_some_and(|(_, row)| row.record.namespace != Sym::EMPTY)
    }

    /// Slots, including free ones.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// How many rows are of this health.
    pub fn count(&self, health: Health) -> u32 {
        self.counts[health as usize]
    }

    /// Rows of objects that exist and could not be decoded.
    pub fn unreadable(&self) -> impl Iterator<Item = &Row> {
        // they are of unknown health, and mostly there are none
        let any = self.count(Health::Unknown) > 0;
        any.then(|| self.iter().map(|(_, row)| row).filter(|row| row.record.unreadable)).into_iter().flatten()
    }

    /// Grows with every change to a row.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The slots changed since `version`, or `None` when that is too long ago.
    pub fn changed_since(&self, version: u64) -> Option<impl Iterator<Item = u32> + '_> {
        let behind = usize::try_from(self.version - version).ok().filter(|n| *n <= self.log.len())?;
        Some(self.log.range(self.log.len() - behind..).copied())
    }

    fn note(&mut self, slot: u32) {
        if self.log.len() == MEMORY {
            self.log.pop_front();
        }
        self.log.push_back(slot);
        self.version += 1;
    }

    /// Sets the result of judging. Returns whether it differs from before.
    pub fn set_health(&mut self, slot: u32, health: Health) -> bool {
        let Some(Some(row)) = self.slots.get_mut(slot as usize) else { return false };
        if row.health == health {
            return false;
        }
        self.counts[row.health as usize] -= 1;
        self.counts[health as usize] += 1;
        row.health = health;
        self.note(slot);
        true
    }

    pub(super) fn apply(&mut self, change: Change, touched: &mut dyn FnMut(u32)) {
        match change {
            Change::Upsert(record) => {
                if let Some(slot) = self.upsert(record) {
                    touched(slot);
                }
            }
            Change::Remove(uid) => {
                if let Some(slot) = self.slot_of(uid) {
                    self.remove(slot);
                    touched(slot);
                }
            }
            Change::Listing { scope } => {
                self.epoch += 1;
                self.listing.retain(|(s, _)| *s != scope);
                self.listing.push((scope, self.epoch));
            }
            Change::Listed { scope } => {
                let Some(at) = self.listing.iter().position(|(s, _)| *s == scope) else { return };
                let (_, epoch) = self.listing.swap_remove(at);
                let gone: Vec<u32> = self
                    .iter()
                    .filter(|(_, row)| row.epoch < epoch && in_scope(&row.record, scope))
                    .map(|(slot, _)| slot)
                    .collect();
                for slot in gone {
                    self.remove(slot);
                    touched(slot);
                }
                self.listed |= self.listing.is_empty();
            }
            Change::Feed(feed) => {
                let lost = matches!(
                    feed.state,
                    FeedState::NoAccess | FeedState::NotInstalled | FeedState::Unconfirmed | FeedState::Off
                );
                self.feed = feed;
                // objects that may no longer be read, or no longer exist, must not look current
                self.listed &= !lost;
                if lost && !self.is_empty() {
                    let all: Vec<u32> = self.iter().map(|(slot, _)| slot).collect();
                    for slot in all {
                        self.remove(slot);
                        touched(slot);
                    }
                }
            }
        }
    }

    /// The slot, if anything changed: a list that brings the same again causes no work.
    fn upsert(&mut self, record: Record) -> Option<u32> {
        let epoch = self.epoch;
        let health = record.health;
        let uid = record.uid;
        let (mut new, mut renamed) = (false, false);
        let slot = if let Some(slot) = self.slot_of(record.uid) {
            if let Some(old) = &mut self.slots[slot as usize] {
                if old.record == record {
                    old.epoch = epoch;
                    return None;
                }
                self.counts[old.health as usize] -= 1;
            }
            renamed = self.row(slot).is_some_and(|old| old.record.name != record.name);
            if renamed {
                self.forget_name(slot);
            }
            slot
        } else {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            });
            new = true;
            slot
        };
        // the last judgement stays until the next one, otherwise a row would flicker
        let health = self.slots[slot as usize]
            .as_ref()
            .filter(|old| old.record.health == health)
            .map_or(health, |old| old.health);
        self.counts[health as usize] += 1;
        self.slots[slot as usize] = Some(Row { record, health, epoch });
        if new {
            let slots = &self.slots;
            let hash = |at: &u32| slots[*at as usize].as_ref().map_or(0, |row| HASH.hash_one(row.record.uid));
            self.index.insert_unique(HASH.hash_one(uid), slot, hash);
        }
        if (new || renamed)
            && let Some(row) = self.row(slot)
        {
            let at = HASH.hash_one(&*row.record.name);
            let slots = &self.slots;
            let hash = |at: &u32| slots[*at as usize].as_ref().map_or(0, |row| HASH.hash_one(&*row.record.name));
            self.names.insert_unique(at, slot, hash);
        }
        self.note(slot);
        Some(slot)
    }

    fn forget_name(&mut self, slot: u32) {
        let Some(at) = self.row(slot).map(|row| HASH.hash_one(&*row.record.name)) else { return };
        if let Ok(entry) = self.names.find_entry(at, |other| *other == slot) {
            entry.remove();
        }
    }

    fn remove(&mut self, slot: u32) {
        self.forget_name(slot);
        if let Some(uid) = self.row(slot).map(|row| row.record.uid)
            && let Ok(entry) = self.index.find_entry(HASH.hash_one(uid), is(&self.slots, uid))
        {
            entry.remove();
        }
        if let Some(row) = self.slots[slot as usize].take() {
            self.counts[row.health as usize] -= 1;
            self.free.push(slot);
            self.note(slot);
        }
    }
}

const HASH: FixedState = FixedState::with_seed(0x0075_6964);

/// Whether a slot holds the object of this uid.
fn is(slots: &[Option<Row>], uid: Uid) -> impl Fn(&u32) -> bool + '_ {
    move |slot| slots.get(*slot as usize).and_then(Option::as_ref).is_some_and(|row| row.record.uid == uid)
}

fn in_scope(record: &Record, scope: Scope) -> bool {
    match scope {
        Scope::All => true,
        Scope::Namespace(namespace) => record.namespace == namespace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(uid: u128, namespace: u32) -> Record {
        Record { uid: Uid(uid), namespace: Sym(namespace), health: Health::Ok, ..Record::default() }
    }

    fn table(changes: Vec<Change>) -> Table {
        let mut table = Table::default();
        for change in changes {
            table.apply(change, &mut |_| {});
        }
        table
    }

    #[test]
    fn a_relist_keeps_old_rows_until_it_is_complete() {
        let all = Scope::All;
        let mut t = table(vec![
            Change::Listing { scope: all },
            Change::Upsert(record(1, 0)),
            Change::Upsert(record(2, 0)),
            Change::Listed { scope: all },
            Change::Listing { scope: all },
            Change::Upsert(record(2, 0)),
        ]);
        assert_eq!(t.len(), 2);
        t.apply(Change::Listed { scope: all }, &mut |_| {});
        assert_eq!(t.len(), 1);
        assert_eq!(t.count(Health::Ok), 1);
    }

    #[test]
    fn a_list_of_one_namespace_leaves_the_others_alone() {
        let one = Scope::Namespace(Sym(1));
        let t = table(vec![
            Change::Upsert(record(1, 1)),
            Change::Upsert(record(2, 2)),
            Change::Listing { scope: one },
            Change::Listed { scope: one },
        ]);
        assert_eq!(t.len(), 1);
        assert!(t.slot_of(Uid(2)).is_some());
    }

    #[test]
    fn two_lists_at_once_do_not_remove_each_others_rows() {
        let (one, two) = (Scope::Namespace(Sym(1)), Scope::Namespace(Sym(2)));
        let t = table(vec![
            Change::Listing { scope: one },
            Change::Upsert(record(1, 1)),
            Change::Listing { scope: two },
            Change::Upsert(record(2, 2)),
            Change::Listed { scope: one },
            Change::Listed { scope: two },
        ]);
        assert_eq!(t.len(), 2);
    }

    #[test]
    fn a_revoked_right_empties_the_table() {
        let feed = Feed { state: FeedState::NoAccess, ..Feed::default() };
        let t = table(vec![Change::Upsert(record(1, 1)), Change::Feed(feed)]);
        assert!(t.is_empty());
    }

    #[test]
    fn a_name_is_found_as_long_as_a_row_has_it() {
        let called = |uid, name: &str| Change::Upsert(Record { name: name.into(), ..record(uid, 1) });
        let mut t = table(vec![called(1, "web"), called(2, "web"), called(3, "api")]);
        let names = |t: &Table, name: &str| {
            let mut out: Vec<u32> = t.named(name).map(|(slot, _)| slot).collect();
            out.sort_unstable();
            out
        };
        assert_eq!(names(&t, "web"), [0, 1]);
        t.apply(called(1, "api"), &mut |_| {});
        assert_eq!(names(&t, "web"), [1]);
        t.apply(Change::Remove(Uid(3)), &mut |_| {});
        assert_eq!(names(&t, "api"), [0]);
        // a slot that is free again is given to a row of another name
        t.apply(called(4, "cron"), &mut |_| {});
        assert_eq!((names(&t, "cron"), names(&t, "api")), (vec![2], vec![0]));
    }

    #[test]
    fn changes_are_remembered_in_order() {
        let t = table(vec![Change::Upsert(record(1, 1)), Change::Upsert(record(2, 1)), Change::Remove(Uid(1))]);
        assert_eq!(t.changed_since(1).unwrap().collect::<Vec<_>>(), [1, 0]);
        assert!(t.changed_since(t.version()).unwrap().next().is_none());
    }
}
