//! The timeline: what changed between two refreshes, found out from the rows that were touched and from the ranked list,
//! and remembered for a day. Pods are not told one by one. It writes nothing to disk: what is new waits to be fetched.

mod incidents;
mod log;
mod rows;

pub use log::{Log, Origin, Told};

use super::Triage;
use crate::domain::ages::Time;
use crate::domain::moment::Moment;
use crate::store::{RowId, Store};

/// What a look at the world is made of.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub store: &'a Store,
    pub triage: &'a Triage,
    pub touched: &'a [RowId],
    /// The ranked list is another one.
    pub changed: bool,
    /// The connection is down: then nothing but that can be told.
    pub lost: bool,
    /// What the cluster is called.
    pub context: &'a str,
    pub now: Time,
}

/// The timeline of one context.
#[derive(Debug, Default)]
pub struct Timeline {
    pub log: Log,
    rows: rows::Rows,
    incidents: incidents::Incidents,
}

impl Timeline {
    /// Records what is new.
    pub fn watch(&mut self, seen: &Seen<'_>) {
        let mut found = Vec::new();
        self.rows.watch(seen, &mut found);
        self.incidents.watch(seen, &mut found);
        for moment in found {
            self.log.add(moment, seen.now);
        }
    }

    /// Takes in what an earlier session has left: the oldest first.
    pub fn resume(&mut self, past: Vec<Moment>, unreadable: usize) {
        self.incidents.resume(&past);
        self.log.resume(past, unreadable);
    }
}

#[cfg(test)]
mod tests;
