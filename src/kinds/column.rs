//! Columns as data: what a table shows of a record, how wide, and how it sorts.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::domain::ages::{self, Time};
use crate::domain::interner::Strings;
use crate::domain::record::{Cell, Record};

/// What drawing and sorting need in addition to the record.
#[derive(Debug, Clone, Copy)]
pub struct Show<'a> {
    pub strings: &'a Strings,
    pub now: Time,
}

/// Where a column's text comes from.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    Namespace,
    Name,
    /// The status word.
    Status,
    /// The object's own message.
    Note,
    /// Time since creation.
    Age,
    /// A cell, shown according to its type: a time as an age, a ratio as `1/2`.
    Cell(u8),
    /// A time cell in the future, shown as the time left; in the past with `-`.
    Left(u8),
    /// Text made from several fields; sorts by that text.
    With(fn(&Record, &Show<'_>, &mut String)),
    /// As `With`, sorting by a number.
    Ranked(fn(&Record, &Show<'_>, &mut String), fn(&Record) -> i64),
}

/// One column of a kind's table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// In capitals; unique within its kind.
    pub title: &'static str,
    pub field: Field,
    /// Minimum and maximum width in columns. The flexible columns with the largest maximum share the remaining width.
    pub min: u16,
    pub max: u16,
    /// Columns of higher numbers are dropped first when space is short; 0 is never dropped.
    pub priority: u8,
    /// Shown only in the wide view.
    pub wide: bool,
    /// Aligned to the right, as numbers are.
    pub right: bool,
}

impl Column {
    pub const fn new(title: &'static str, field: Field, min: u16, max: u16, priority: u8) -> Self {
        Self { title, field, min, max, priority, wide: false, right: false }
    }

    #[must_use]
    pub const fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// Appends the cell's text.
    pub fn write(&self, record: &Record, show: &Show<'_>, out: &mut String) {
        match self.field {
            Field::Namespace => out.push_str(show.strings.get(record.namespace)),
            Field::Name => out.push_str(&record.name),
            Field::Status => out.push_str(show.strings.get(record.status)),
            Field::Note => out.push_str(&record.note),
            Field::Age => {
                if record.created.is_set() {
                    ages::human(record.created.age(show.now), out);
                }
            }
            Field::Cell(index) => write_cell(record.cell(index), show, out),
            Field::Left(index) => {
                if let Some(time) = record.time(index) {
                    let left = -time.age(show.now);
                    if left < 0 {
                        out.push('-');
                    }
                    ages::human(left.abs(), out);
                }
            }
            Field::With(write) | Field::Ranked(write, _) => write(record, show, out),
        }
    }

    pub fn text(&self, record: &Record, show: &Show<'_>) -> String {
        let mut out = String::new();
        self.write(record, show, &mut out);
        out
    }

    /// The cell as a number for ordering and comparing filters: times as seconds since the epoch.
    pub fn number(&self, record: &Record) -> Option<i64> {
        match self.field {
            // ages grow as creation times fall
            Field::Age => record.created.is_set().then_some(-record.created.0),
            Field::Cell(index) | Field::Left(index) => match record.cell(index) {
                Cell::Int(n) => Some(n),
                Cell::Time(t) if matches!(self.field, Field::Left(_)) => Some(t.0),
                Cell::Time(t) => Some(-t.0),
                Cell::Ratio(a, b) => Some(i64::from(a) * 100_000 - i64::from(b)),
                Cell::Flag(f) => Some(i64::from(f)),
                Cell::Ip4(ip) => Some(i64::from(u32::from_be_bytes(ip))),
                Cell::None | Cell::Text(_) => None,
            },
            Field::Ranked(_, rank) => Some(rank(record)),
            Field::Namespace | Field::Name | Field::Status | Field::Note | Field::With(_) => None,
        }
    }

    /// Text that orders the column without allocating, where there is one.
    fn str<'r>(&self, record: &'r Record, strings: &'r Strings) -> Option<&'r str> {
        match self.field {
            Field::Namespace => Some(strings.get(record.namespace)),
            Field::Name => Some(&record.name),
            Field::Status => Some(strings.get(record.status)),
            Field::Note => Some(&record.note),
            Field::Cell(index) => match record.cell(index) {
                Cell::Text(sym) => Some(strings.get(sym)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Records without a value come last.
    pub fn compare(&self, a: &Record, b: &Record, strings: &Strings) -> Ordering {
        if let (Some(x), Some(y)) = (self.str(a, strings), self.str(b, strings)) {
            return x.cmp(y);
        }
        match (self.number(a), self.number(b)) {
            (Some(x), Some(y)) => x.cmp(&y),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => {
                let show = Show { strings, now: Time::default() };
                self.text(a, &show).cmp(&self.text(b, &show))
            }
        }
    }
}

fn write_cell(cell: Cell, show: &Show<'_>, out: &mut String) {
    let _ = match cell {
        Cell::None => Ok(()),
        Cell::Text(sym) => {
            out.push_str(show.strings.get(sym));
            Ok(())
        }
        Cell::Int(n) => write!(out, "{n}"),
        Cell::Time(t) => {
            ages::human(t.age(show.now), out);
            Ok(())
        }
        Cell::Ratio(a, b) => write!(out, "{a}/{b}"),
        Cell::Flag(true) => write!(out, "yes"),
        Cell::Flag(false) => write!(out, "no"),
        Cell::Ip4([a, b, c, d]) => write!(out, "{a}.{b}.{c}.{d}"),
    };
}
