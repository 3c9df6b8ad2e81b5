//! Counting the rows behind one question, over one kind or several, with what cannot be seen of them.

use super::{Line, Verdict};
use crate::domain::change::FeedState;
use crate::domain::health::Health;
use crate::domain::record::{KindId, Record};
use crate::kinds;
use crate::store::Store;
use crate::store::table::Table;

/// So many names are shown; the rest is counted.
const NAMED: usize = 3;

/// What was counted.
pub struct Tally<'s> {
    store: &'s Store,
    kinds: Vec<KindId>,
    /// Why some of it cannot be seen.
    blind: Vec<String>,
    /// Kinds that exist and can be read.
    readable: usize,
    installed: bool,
    off: bool,
}

impl<'s> Tally<'s> {
    /// Over these kinds of the API.
    pub fn of(store: &'s Store, kinds: impl IntoIterator<Item = KindId>) -> Self {
        let kinds: Vec<KindId> = kinds.into_iter().collect();
        let mut out = Self { store, kinds, blind: Vec::new(), readable: 0, installed: false, off: false };
        for kind in &out.kinds {
            let (table, word) = (store.table(*kind), kinds::spec(*kind).word);
            let feed = &table.feed;
            let why = |what: &str| feed.error.as_ref().map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"));
            match feed.state {
                FeedState::NotInstalled => {}
                FeedState::Off => out.off = true,
                FeedState::Live => {
                    (out.installed, out.readable) = (true, out.readable + 1);
                    if let Some(error) = &feed.error {
                        out.blind.push(format!("{word} in part: {error}"));
                    }
                    let unreadable = table.unreadable().count() + feed.bad.len();
                    if unreadable > 0 {
                        let named = table.unreadable().next().map(|row| row.record.full_name(&store.strings));
                        let first = named.or_else(|| feed.bad.first().map(|bad| bad.name.to_string()));
                        out.blind.push(format!("{unreadable} {word} cannot be read: {}", first.unwrap_or_default()));
                    }
                    if !feed.only.is_empty() {
                        // a few namespaces are not the whole platform
                        out.blind.push(format!("{word} of {} only", feed.only.join(", ")));
                    }
                }
                state => {
                    out.installed = true;
                    out.blind.push(format!("{word} {}", why(state.word())));
                }
            }
        }
        out
    }

    fn tables(&self) -> impl Iterator<Item = &'s Table> {
        let store = self.store;
        let tables = self.kinds.iter().map(move |kind| store.table(*kind));
        // rows that are old or the beginning of a list are no answer
        tables.filter(|table| table.feed.state.is_live())
    }

    /// Rows with their health as judged.
    pub fn rows(&self) -> impl Iterator<Item = (&'s Record, Health)> {
        self.tables().flat_map(|table| table.iter().map(|(_, row)| (&row.record, row.health)))
    }

    pub fn total(&self) -> i64 {
        self.tables().map(|table| i64::try_from(table.len()).unwrap_or(i64::MAX)).sum()
    }

    /// Whether it is certain that there is none: everything can be seen.
    pub fn is_none(&self) -> bool {
        self.blind.is_empty() && self.total() == 0
    }

    pub fn with(&self, health: Health) -> i64 {
        self.tables().map(|table| i64::from(table.count(health))).sum()
    }

    /// Unhealthy rows.
    pub fn faults(&self) -> i64 {
        [Health::Failed, Health::Warning, Health::Unknown, Health::Stale].into_iter().map(|h| self.with(h)).sum()
    }

    /// The names of some rows, and how many more there are.
    pub fn named(&self, wanted: impl Fn(&Record, Health) -> bool) -> String {
        let mut names: Vec<String> = Vec::new();
        let mut more = 0;
        for (record, health) in self.rows() {
            if !wanted(record, health) {
                continue;
            }
            if names.len() < NAMED { names.push(record.full_name(&self.store.strings)) } else { more += 1 }
        }
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{tail}", names.join(", "))
    }

    /// By the rows' health: the worst counts.
    pub fn verdict(&self) -> Verdict {
        if self.with(Health::Failed) > 0 {
            Verdict::Failed
        } else if self.with(Health::Unknown) + self.with(Health::Stale) > 0 {
            Verdict::Unknown
        } else if self.with(Health::Warning) > 0 {
            Verdict::Warning
        } else {
            Verdict::Ok
        }
    }

    /// The line, with what cannot be seen: that is never ok, and never less than what is known to have failed.
    pub fn line(
        &self,
        what: &'static str,
        verdict: Verdict,
        numbers: Vec<(&'static str, i64)>,
        why: impl Into<String>,
    ) -> Line {
        // the table that has the faults, else the first that exists
        let there = |kind: &&KindId| self.store.table(**kind).feed.state != FeedState::NotInstalled;
        let faulty = |kind: &&KindId| {
            let table = self.store.table(**kind);
            table.feed.state.is_blind() || Self::faulty(table)
        };
        let kind = self.kinds.iter().filter(there).find(faulty).or_else(|| self.kinds.iter().find(there)).copied();
        if !self.installed {
            let word = if self.off { "off in the configuration" } else { "" };
            let verdict = Verdict::NotInstalled;
            return Line { what, verdict, numbers: Vec::new(), why: word.to_owned(), kind: None, faults: false };
        }
        let faults = kind.is_some_and(|kind| Self::faulty(self.store.table(kind)));
        if self.readable == 0 {
            // nothing was counted, so nothing follows from the counts
            let why = self.blind.join("; ");
            return Line { what, verdict: Verdict::Unknown, numbers: Vec::new(), why, kind, faults: false };
        }
        let why = why.into();
        if self.blind.is_empty() {
            return Line { what, verdict, numbers, why, kind, faults };
        }
        let unseen = self.blind.join("; ");
        let why = if why.is_empty() { unseen } else { format!("{why}; {unseen}") };
        Line { what, verdict: verdict.max(Verdict::Unknown), numbers, why, kind, faults }
    }

    fn faulty(table: &Table) -> bool {
        [Health::Failed, Health::Warning, Health::Unknown, Health::Stale].into_iter().any(|h| table.count(h) > 0)
    }
}
