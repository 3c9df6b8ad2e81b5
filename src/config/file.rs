//! Reads the configuration file against the schema: every key with its line, every mistake with its place and the
//! nearest right key. It refuses what it does not know, and changes nothing on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};
use super::schema::{CONTEXTS_TABLE, KEYMAP_TABLE, Row};
use super::settings::{Entry, Remap};
use super::suggest::nearest;
use super::toml_table::{Doc, type_name};
use super::value::{Kind, Origin, Value, quoted};

/// What a file sets.
#[derive(Debug, Default)]
pub struct FileSettings {
    pub entries: Vec<Entry>,
    pub remaps: Vec<Remap>,
    pub contexts: BTreeMap<String, Vec<Entry>>,
}

/// Reads `text`, the content of the file at `path`.
///
/// # Errors
/// All problems that were found; a syntax error hides the rest.
pub fn read(path: &Path, text: &str, rows: &[Row]) -> Result<FileSettings, Vec<Problem>> {
    let mut reader = Reader { doc: Doc::new(path, text), rows, out: FileSettings::default() };
    if let Some(document) = reader.doc.parse() {
        reader.root(document.get_ref());
    }
    let Reader { doc, out, .. } = reader;
    if doc.problems.is_empty() { Ok(out) } else { Err(doc.problems) }
}

struct Reader<'a> {
    doc: Doc<'a>,
    rows: &'a [Row],
    out: FileSettings,
}

impl Reader<'_> {
    fn root(&mut self, document: &DeTable<'_>) {
        for (key, value) in document {
            match key.get_ref().as_ref() {
                KEYMAP_TABLE => self.keymap(value),
                CONTEXTS_TABLE => self.contexts(value),
                _ => {
                    if let Some(entries) = self.key("", key, value, false) {
                        self.out.entries.extend(entries);
                    }
                }
            }
        }
    }

    /// One key below `prefix` (empty, or ending in a dot) and all that it contains.
    fn key(
        &mut self,
        prefix: &str,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        in_context: bool,
    ) -> Option<Vec<Entry>> {
        let path = format!("{prefix}{}", key.get_ref());
        let rows = self.rows;
        if let Some(row) = rows.iter().find(|row| row.path == path) {
            if in_context && !row.per_context {
                let hint = Some(format!("it may be one of {}", self.siblings(prefix, true).join(", ")));
                self.doc.problem(key.span().start, format!("`{path}` cannot be set for one context"), hint);
                return None;
            }
            let line = self.doc.position(key.span().start).0;
            let value = self.value(&path, row.kind, value)?;
            let origin = Origin::File { path: self.doc.path.to_path_buf(), line };
            return Some(vec![Entry { path, value: Some(value), origin }]);
        }
        let table_prefix = format!("{path}.");
        if !rows.iter().any(|row| row.path.starts_with(&table_prefix)) {
            self.unknown(prefix, key, in_context);
            return None;
        }
        let Some(table) = value.get_ref().as_table() else {
            let what = format!("`{path}` is a table, not {}", type_name(value.get_ref()));
            self.doc.problem(value.span().start, what, Some(format!("write [{path}]")));
            return None;
        };
        let mut entries = Vec::new();
        for (key, value) in table {
            entries.extend(self.key(&table_prefix, key, value, in_context).unwrap_or_default());
        }
        Some(entries)
    }

    fn value(&mut self, path: &str, kind: Kind, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let read = match (kind, value.get_ref()) {
            (Kind::Text | Kind::Path | Kind::Seconds | Kind::Choice(_), DeValue::String(text)) => kind.parse(text),
            (Kind::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
            (Kind::List, DeValue::Array(items)) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(Value::List),
            (Kind::Map, DeValue::Table(table)) => table
                .iter()
                .map(|(name, item)| Some((name.get_ref().to_string(), item.get_ref().as_str()?.to_owned())))
                .collect::<Option<_>>()
                .map(Value::Map),
            _ => None,
        };
        if read.is_none() {
            let found = match value.get_ref() {
                // A table of strings may hold a secret: only its type is named.
                DeValue::String(text) if kind != Kind::Map => format!("\"{text}\""),
                other => type_name(other).to_owned(),
            };
            let hint = match (kind, value.get_ref()) {
                (Kind::Choice(words), DeValue::String(text)) => {
                    nearest(text, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"))
                }
                _ => None,
            };
            self.doc.problem(value.span().start, format!("`{path}` must be {}, not {found}", kind.expected()), hint);
        }
        read
    }

    fn keymap(&mut self, value: &Spanned<DeValue<'_>>) {
        let Some(table) = value.get_ref().as_table() else {
            self.doc.problem(value.span().start, "`keys` is a table".to_owned(), Some("write [keys]".to_owned()));
            return;
        };
        for (action, chords) in table {
            let list = match chords.get_ref() {
                DeValue::String(chord) => Some(vec![chord.to_string()]),
                DeValue::Array(items) => items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect(),
                _ => None,
            };
            let (line, _) = self.doc.position(action.span().start);
            let origin = Origin::File { path: self.doc.path.to_path_buf(), line };
            let Some(list) = list else {
                let what = format!("`keys.{}` must be a chord or a list of chords", action.get_ref());
                self.doc.problem(chords.span().start, what, Some("like \"ctrl-r\" or [\"g\", \"home\"]".to_owned()));
                continue;
            };
            self.out.remaps.push(Remap { action: action.get_ref().to_string(), chords: list, origin });
        }
    }

    fn contexts(&mut self, value: &Spanned<DeValue<'_>>) {
        let Some(table) = value.get_ref().as_table() else {
            self.doc.problem(
                value.span().start,
                "`contexts` is a table".to_owned(),
                Some("write [contexts.\"NAME\"]".to_owned()),
            );
            return;
        };
        for (name, overrides) in table {
            let Some(overrides) = overrides.get_ref().as_table() else {
                let what = format!("`contexts.\"{}\"` is a table", name.get_ref());
                self.doc.problem(
                    overrides.span().start,
                    what,
                    Some(format!("write [contexts.\"{}\"]", name.get_ref())),
                );
                continue;
            };
            let mut entries = Vec::new();
            for (key, value) in overrides {
                entries.extend(self.key("", key, value, true).unwrap_or_default());
            }
            self.out.contexts.insert(name.get_ref().to_string(), entries);
        }
    }

    fn unknown(&mut self, prefix: &str, key: &Spanned<std::borrow::Cow<'_, str>>, in_context: bool) {
        let typed = key.get_ref().as_ref();
        let siblings = self.siblings(prefix, in_context);
        // The right word in the wrong table: `url` at the top, `prometheus` without `services`.
        let elsewhere = || {
            let mut paths = self.rows.iter().filter(|row| !in_context || row.per_context).flat_map(|row| {
                row.path.match_indices('.').map(|(at, _)| &row.path[..at]).chain(std::iter::once(row.path.as_str()))
            });
            paths.find(|path| path.rsplit('.').next() == Some(typed)).map(str::to_owned)
        };
        let hint = match nearest(typed, siblings.iter().map(String::as_str)) {
            Some(word) => format!("did you mean `{prefix}{word}`?"),
            None => match elsewhere() {
                Some(path) => format!("did you mean `{path}`?"),
                None => format!("it may be one of {}", siblings.join(", ")),
            },
        };
        self.doc.problem(key.span().start, format!("unknown key `{prefix}{typed}`"), Some(hint));
    }

    /// The words that may follow `prefix`.
    fn siblings(&self, prefix: &str, in_context: bool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let rows = self.rows.iter().filter(|row| !in_context || row.per_context);
        for rest in rows.filter_map(|row| row.path.strip_prefix(prefix)) {
            let word = rest.split('.').next().unwrap_or(rest);
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        if prefix.is_empty() && !in_context {
            words.extend([KEYMAP_TABLE.to_owned(), CONTEXTS_TABLE.to_owned()]);
        }
        words
    }
}

/// The problem of a value that came from outside the file.
pub(super) fn refused(place: Place, path: &str, kind: Kind, found: &str) -> Problem {
    let hint = match kind {
        Kind::Choice(words) => {
            nearest(found, words.iter().copied()).map(|word| format!("did you mean {}?", quoted(&[word])))
        }
        _ => None,
    };
    Problem { place, what: format!("`{path}` must be {}, not \"{found}\"", kind.expected()), hint }
}

/// The place of a whole file.
pub(super) fn whole(path: &Path) -> Place {
    Place::Path(PathBuf::from(path))
}
