//! The entries themselves, in order and bounded: those of this session, those that were read from disk, and those of
//! other sessions from the audit.

use crate::domain::ages::Time;
use crate::domain::moment::{KEPT, MOST, Moment};

/// Where an entry was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Seen by this session.
    Here,
    /// Written by an earlier or another session.
    Disk,
    /// The audit of another session.
    Audit,
}

/// An entry, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub moment: Moment,
    pub origin: Origin,
}

#[derive(Debug, Default)]
pub struct Log {
    /// The oldest first.
    entries: Vec<Told>,
    deeds: Vec<Moment>,
    unsaved: Vec<Moment>,
    /// Grows with every change.
    version: u64,
    /// The newest time that was read from disk.
    newest: Option<Time>,
    unreadable: usize,
}

impl Log {
    /// Adds an entry; whether it is a new one.
    pub fn add(&mut self, moment: Moment, now: Time) -> bool {
        if moment.time.age(now) > KEPT || self.knows(&moment) {
            return false;
        }
        self.unsaved.push(moment.clone());
        // a session that saves nothing must not grow either
        self.unsaved.drain(..self.unsaved.len().saturating_sub(MOST));
        let at = self.entries.partition_point(|told| told.moment.time <= moment.time);
        self.entries.insert(at, Told { moment, origin: Origin::Here });
        let old = self.entries.iter().take_while(|told| told.moment.time.age(now) > KEPT).count();
        self.entries.drain(..old.max(self.entries.len().saturating_sub(MOST)));
        self.version += 1;
        true
    }

    fn knows(&self, moment: &Moment) -> bool {
        let from = self.entries.partition_point(|told| told.moment.time.plus(60) < moment.time);
        let near = self.entries[from..].iter().take_while(|told| told.moment.time <= moment.time.plus(60));
        near.into_iter().any(|told| told.moment.is_same(moment))
    }

    pub(super) fn resume(&mut self, past: Vec<Moment>, unreadable: usize) {
        self.newest = past.last().map(|m| m.time);
        self.unreadable = unreadable;
        // the entries read before are of another cluster
        let mine = std::mem::take(&mut self.entries).into_iter().filter(|told| told.origin == Origin::Here);
        self.entries = past.into_iter().map(|moment| Told { moment, origin: Origin::Disk }).collect();
        for told in mine {
            if !self.knows(&told.moment) {
                self.entries.push(told);
            }
        }
        self.entries.sort_by_key(|told| told.moment.time);
        self.version += 1;
    }

    /// The audit's entries of other sessions, in place of the earlier ones.
    pub fn set_deeds(&mut self, deeds: Vec<Moment>) {
        if self.deeds != deeds {
            self.deeds = deeds;
            self.version += 1;
        }
    }

    /// New entries to write to disk, each returned once.
    pub fn take_unsaved(&mut self) -> Vec<Moment> {
        std::mem::take(&mut self.unsaved)
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// The newest time that was read from disk, if anything was.
    pub fn newest_on_disk(&self) -> Option<Time> {
        self.newest
    }

    /// Lines on disk that are no entries.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Everything that is kept, the oldest first.
    pub fn all(&self, now: Time) -> Vec<Told> {
        let kept = self.entries.iter().filter(|told| told.moment.time.age(now) <= KEPT);
        let mut out: Vec<Told> = kept.cloned().collect();
        let deeds = self.deeds.iter().filter(|m| m.time.age(now) <= KEPT && !self.knows(m));
        out.extend(deeds.map(|moment| Told { moment: moment.clone(), origin: Origin::Audit }));
        out.sort_by_key(|told| told.moment.time);
        out
    }

    /// The entries between two times, both included, the oldest first.
    pub fn between(&self, from: Time, until: Time) -> impl Iterator<Item = &Moment> {
        let at = self.entries.partition_point(|told| told.moment.time < from);
        let mine = self.entries[at..].iter().map(|told| &told.moment).take_while(move |m| m.time <= until);
        let deeds = self.deeds.iter().filter(move |m| m.time >= from && m.time <= until && !self.knows(m));
        mine.chain(deeds)
    }
}
