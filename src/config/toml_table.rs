//! Reads a TOML document of known keys, with every mistake's place and the nearest right key: the configuration and the
//! profiles are read with it. It knows tables, texts, numbers, flags and lists, and not what they mean.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};
use super::suggest::nearest;
use super::value::quoted;
use crate::domain::{ages, text};

/// The document, and what is wrong with it so far.
pub struct Doc<'a> {
    pub path: &'a Path,
    text: &'a str,
    pub problems: Vec<Problem>,
}

/// A table of the document, and what to call it in a message: `component[2]`.
#[derive(Clone, Copy)]
pub struct Table<'t, 'd> {
    pub rows: &'t DeTable<'d>,
    pub name: &'t str,
    /// Where it begins, in bytes.
    pub at: usize,
}

type Item<'t, 'd> = &'t Spanned<DeValue<'d>>;

impl<'a> Doc<'a> {
    pub fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text, problems: Vec::new() }
    }

    /// The document's table; a syntax error is its only problem then.
    pub fn parse(&mut self) -> Option<Spanned<DeTable<'a>>> {
        match DeTable::parse(self.text) {
            Ok(document) => Some(document),
            Err(error) => {
                let at = error.span().map_or(self.text.len(), |span| span.start);
                let what = format!("not valid TOML: {}", error.message().lines().collect::<Vec<_>>().join(", "));
                self.problem(at, what, None);
                None
            }
        }
    }

    /// Line and column, from 1, of a byte offset.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// Line and column are those of a byte offset.
    pub fn problem(&mut self, at: usize, what: String, hint: Option<String>) {
        let (line, column) = self.position(at);
        self.problems.push(Problem { place: Place::File { path: self.path.to_path_buf(), line, column }, what, hint });
    }

    /// Complains of every key that is not among these.
    pub fn known(&mut self, table: Table<'_, '_>, keys: &[&str]) {
        for (key, _) in table.rows {
            let typed = key.get_ref().as_ref();
            if keys.contains(&typed) {
                continue;
            }
            let hint = match nearest(typed, keys.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("it may be one of {}", keys.join(", ")),
            };
            self.problem(key.span().start, format!("unknown key `{}`", table.path(typed)), Some(hint));
        }
    }

    fn wrong(&mut self, table: Table<'_, '_>, key: &str, item: Item<'_, '_>, wanted: &str) {
        let what = format!("`{}` must be {wanted}, not {}", table.path(key), shown(item.get_ref()));
        self.problem(item.span().start, what, None);
    }

    /// A text with its place; sanitised, and without blanks around it.
    pub fn text(&mut self, table: Table<'_, '_>, key: &str) -> Option<(String, usize)> {
        let item = table.get(key)?;
        match item.get_ref() {
            DeValue::String(raw) => Some((text::line(raw.trim()).into_owned(), item.span().start)),
            _ => {
                self.wrong(table, key, item, "a string");
                None
            }
        }
    }

    /// The same, where without it nothing can be done.
    pub fn needed(&mut self, table: Table<'_, '_>, key: &str) -> Option<(String, usize)> {
        match self.text(table, key) {
            Some((text, at)) if text.is_empty() => {
                self.problem(at, format!("`{}` is empty", table.path(key)), None);
                None
            }
            None if table.get(key).is_none() => {
                self.problem(table.at, format!("`{}` is missing", table.path(key)), None);
                None
            }
            found => found,
        }
    }

    pub fn flag(&mut self, table: Table<'_, '_>, key: &str) -> bool {
        let Some(item) = table.get(key) else { return false };
        match item.get_ref() {
            DeValue::Boolean(flag) => *flag,
            _ => {
                self.wrong(table, key, item, "true or false");
                false
            }
        }
    }

    /// A whole number in these bounds.
    pub fn number(&mut self, table: Table<'_, '_>, key: &str, least: usize, most: usize) -> Option<usize> {
        let item = table.get(key)?;
        let read = integer(item.get_ref()).filter(|n| (least..=most).contains(n));
        if read.is_none() {
            self.wrong(table, key, item, &format!("a number from {least} to {most}"));
        }
        read
    }

    /// Seconds, written as a duration.
    pub fn duration(&mut self, table: Table<'_, '_>, key: &str) -> Option<i64> {
        let (raw, at) = self.text(table, key)?;
        let read = ages::duration(&raw);
        if read.is_none() {
            let what = format!("`{}` must be a duration like \"90s\" or \"5m\", not \"{raw}\"", table.path(key));
            self.problem(at, what, None);
        }
        read
    }

    /// One of these words, as its index.
    pub fn choice(&mut self, table: Table<'_, '_>, key: &str, words: &[&str]) -> Option<usize> {
        let (raw, at) = self.text(table, key)?;
        let found = words.iter().position(|word| *word == raw);
        if found.is_none() {
            let hint = nearest(&raw, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
            self.problem(at, format!("`{}` must be one of {}, not \"{raw}\"", table.path(key), quoted(words)), hint);
        }
        found
    }

    /// A list of texts, each with its place; one text is a list of one.
    pub fn texts(&mut self, table: Table<'_, '_>, key: &str) -> Vec<(String, usize)> {
        let Some(item) = table.get(key) else { return Vec::new() };
        let one = |item: Item<'_, '_>| {
            let raw = item.get_ref().as_str()?;
            Some((text::line(raw.trim()).into_owned(), item.span().start))
        };
        let read = match item.get_ref() {
            DeValue::Array(items) => items.iter().map(one).collect::<Option<Vec<_>>>(),
            _ => one(item).map(|text| vec![text]),
        };
        if read.is_none() {
            self.wrong(table, key, item, "a list of strings");
        }
        read.unwrap_or_default()
    }

    /// A list of whole numbers that fit an HTTP status.
    pub fn codes(&mut self, table: Table<'_, '_>, key: &str) -> Vec<u16> {
        let Some(item) = table.get(key) else { return Vec::new() };
        let one = |item: Item<'_, '_>| {
            let code = u16::try_from(integer(item.get_ref())?).ok()?;
            (100..600).contains(&code).then_some(code)
        };
        let read = match item.get_ref() {
            DeValue::Array(items) => items.iter().map(one).collect::<Option<Vec<_>>>(),
            _ => one(item).map(|code| vec![code]),
        };
        if read.is_none() {
            self.wrong(table, key, item, "a list of HTTP codes, like [200, 429]");
        }
        read.unwrap_or_default()
    }

    /// A table of texts.
    pub fn map(&mut self, table: Table<'_, '_>, key: &str) -> BTreeMap<String, (String, usize)> {
        let Some(item) = table.get(key) else { return BTreeMap::new() };
        let read = item.get_ref().as_table().and_then(|inner| {
            let pairs = inner.iter().map(|(name, value)| {
                let text = text::line(value.get_ref().as_str()?.trim()).into_owned();
                Some((name.get_ref().to_string(), (text, name.span().start)))
            });
            pairs.collect::<Option<BTreeMap<_, _>>>()
        });
        if read.is_none() {
            self.wrong(table, key, item, "a table of strings, like { NAME = \"value\" }");
        }
        read.unwrap_or_default()
    }

    /// A table below.
    pub fn table<'t, 'd>(&mut self, table: Table<'t, 'd>, key: &'t str) -> Option<Table<'t, 'd>> {
        let item = table.get(key)?;
        let inner = item.get_ref().as_table();
        if inner.is_none() {
            self.wrong(table, key, item, "a table");
        }
        Some(Table { rows: inner?, name: key, at: item.span().start })
    }

    /// The tables of `[[key]]`, each with where it begins.
    pub fn tables<'t, 'd>(&mut self, table: Table<'t, 'd>, key: &'t str) -> Vec<Table<'t, 'd>> {
        let Some(item) = table.get(key) else { return Vec::new() };
        let each = |item: &'t Spanned<DeValue<'d>>| {
            Some(Table { rows: item.get_ref().as_table()?, name: key, at: item.span().start })
        };
        let read = match item.get_ref() {
            DeValue::Array(items) => items.iter().map(each).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        if read.is_none() {
            self.wrong(table, key, item, &format!("a list of tables: write [[{key}]]"));
        }
        read.unwrap_or_default()
    }
}

impl<'t, 'd> Table<'t, 'd> {
    pub fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'d>>> {
        self.rows.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    pub fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

fn integer(value: &DeValue<'_>) -> Option<usize> {
    let DeValue::Integer(number) = value else { return None };
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A value in a message: itself where it is short.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        other => type_name(other).to_owned(),
    }
}

/// What a value is, where it may be a secret.
pub fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
