//! Everything that is known, in memory: one table of records per kind. The session is its only writer; nothing here
//! does I/O or reads a clock.

pub mod filter;
pub mod table;
pub mod view;

use crate::domain::change::Batch;
use crate::domain::interner::Strings;
use crate::domain::record::{Key, KindId};
use table::{Row, Table};

/// All tables, in the order of the list of kinds.
#[derive(Debug)]
pub struct Store {
    tables: Vec<Table>,
    pub strings: Strings,
}

/// A row of a table; valid until that table removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId {
    pub kind: KindId,
    pub slot: u32,
}

impl Store {
    pub fn new(kinds: usize) -> Self {
        Self { tables: (0..kinds).map(|_| Table::default()).collect(), strings: Strings::default() }
    }

    pub fn table(&self, kind: KindId) -> &Table {
        &self.tables[kind.0 as usize]
    }

    pub fn table_mut(&mut self, kind: KindId) -> &mut Table {
        &mut self.tables[kind.0 as usize]
    }

    pub fn tables(&self) -> impl Iterator<Item = (KindId, &Table)> {
        self.tables.iter().enumerate().filter_map(|(i, t)| Some((KindId(u8::try_from(i).ok()?), t)))
    }

    /// Applies changes. `touched` gets every row that is new, changed or gone.
    pub fn apply(&mut self, batch: Batch, touched: &mut Vec<RowId>) {
        self.strings.extend(batch.strings);
        let kind = batch.kind;
        let table = &mut self.tables[kind.0 as usize];
        for change in batch.changes {
            table.apply(change, &mut |slot| touched.push(RowId { kind, slot }));
        }
    }

    pub fn row(&self, id: RowId) -> Option<&Row> {
        self.table(id.kind).row(id.slot)
    }

    /// The object's name in words, while it is there.
    pub fn key(&self, id: RowId) -> Option<Key> {
        let row = self.row(id)?;
        Some(Key {
            kind: id.kind,
            namespace: self.strings.get(row.record.namespace).into(),
            name: row.record.name.clone(),
            uid: row.record.uid,
        })
    }

    /// The row of an object given by name, where it is known.
    pub fn find(&self, kind: KindId, namespace: &str, name: &str) -> Option<RowId> {
        self.named(kind, namespace, name).next()
    }

    /// All rows of a name, in no order: alerts share theirs, and differ by their labels.
    pub fn named<'s>(&'s self, kind: KindId, namespace: &'s str, name: &'s str) -> impl Iterator<Item = RowId> + 's {
        let here = move |row: &Row| self.strings.get(row.record.namespace) == namespace;
        self.table(kind).named(name).filter(move |(_, row)| here(row)).map(move |(slot, _)| RowId { kind, slot })
    }
}
