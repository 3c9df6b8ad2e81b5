//! The kinds: one file and one row each. A kind reads its wire form into a record and judges records; it does no
//! I/O and knows no screen.

pub mod alerts;
pub mod column;
pub mod nodes;
pub mod pods;
pub mod seals;
pub mod silences;
pub mod wire;

use serde::de::DeserializeOwned;

use crate::domain::ages::Time;
use crate::domain::change::Bad;
use crate::domain::finding::Judgement;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{KindId, Record};
use crate::domain::text;
use crate::domain::thresholds::Thresholds;
use column::Column;
use wire::{Meta, Object};

/// Every kind, in the order of the palette and of `:feeds`.
pub static KINDS: &[KindSpec] = &[pods::SPEC, nodes::SPEC, alerts::SPEC, silences::SPEC, seals::SPEC];

/// A kind of object of the Kubernetes API.
pub trait Kind {
    type Spec: DeserializeOwned + Default;
    type Status: DeserializeOwned + Default;

    /// Sanitises and interns everything that is kept.
    fn read(object: &Object<Self::Spec, Self::Status>, intern: &mut Interner) -> Record;
}

/// One row of the list of kinds.
#[derive(Debug)]
pub struct KindSpec {
    /// The API's kind: `HelmRelease`.
    pub name: &'static str,
    /// The word after `:` and `-c`.
    pub word: &'static str,
    /// Other words for it: k9s' and kubectl's short names.
    pub aliases: &'static [&'static str],
    /// Title of its table: `HelmReleases`.
    pub title: &'static str,
    pub api: Api,
    pub columns: &'static [Column],
    /// What an operator is blind to when its feed is down.
    pub blinds: &'static str,
    pub judge: Judge,
}

/// Where a kind's objects come from.
#[derive(Debug, Clone, Copy)]
pub enum Api {
    /// list and watch; `versions` are preferred first, chosen by discovery.
    Watch {
        group: &'static str,
        versions: &'static [&'static str],
        plural: &'static str,
        namespaced: bool,
        decode: Decode,
    },
    /// A service that is asked every now and then.
    Poll(Service),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Alerts: Prometheus joined with Alertmanager.
    Alerts,
    /// Alertmanager's silences.
    Silences,
    /// OpenBao's seal status, replica by replica.
    Seals,
}

/// Reads one object of a list or a watch, given as its JSON text.
pub type Decode = fn(&str, &mut Interner) -> Decoded;

/// Judges one record at one moment.
pub type Judge = fn(&Record, &Strings, &Thresholds, Time) -> Judgement;

/// What became of one object on the wire.
#[derive(Debug)]
pub struct Decoded {
    /// `metadata.resourceVersion`, which resuming a watch needs.
    pub version: String,
    pub record: Result<Record, Bad>,
}

/// The decoder of a kind.
pub fn decode<K: Kind>(json: &str, intern: &mut Interner) -> Decoded {
    match serde_json::from_str::<Object<K::Spec, K::Status>>(json) {
        Ok(object) => {
            Decoded { version: object.metadata.resource_version.to_string(), record: Ok(K::read(&object, intern)) }
        }
        Err(error) => Decoded {
            version: String::new(),
            record: Err(Bad {
                name: Box::from(&*text::line(&wire::name_of(json))),
                error: Box::from(&*text::line(&error.to_string())),
            }),
        },
    }
}

/// The record's fields that every kind of the API fills in the same way.
pub fn base(meta: &Meta, intern: &mut Interner) -> Record {
    Record {
        uid: meta.id(),
        name: crate::domain::record::clean(&meta.name),
        namespace: intern.get(&meta.namespace),
        created: meta.created(),
        ..Record::default()
    }
}

pub fn spec(id: KindId) -> &'static KindSpec {
    &KINDS[id.0 as usize]
}

/// All row numbers.
pub fn ids() -> impl Iterator<Item = KindId> {
    (0..KINDS.len()).filter_map(|i| u8::try_from(i).ok()).map(KindId)
}

/// The row of an API kind: `HelmRelease`.
pub fn by_name(name: &str) -> Option<KindId> {
    ids().find(|id| spec(*id).name == name)
}

/// The row of a word after `:` or `-c`, in any of its spellings.
pub fn by_word(word: &str) -> Option<KindId> {
    let word = word.to_ascii_lowercase();
    ids().find(|id| {
        let row = spec(*id);
        row.word == word || row.name.eq_ignore_ascii_case(&word) || row.aliases.contains(&&*word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_word_and_columns_are_sane() {
        let mut seen = std::collections::HashSet::new();
        for row in KINDS {
            for word in std::iter::once(&row.word).chain(row.aliases) {
                assert!(seen.insert(*word), "{word} names two kinds");
            }
            assert!(seen.insert(row.name), "{} names two kinds", row.name);
            let mut titles = std::collections::HashSet::new();
            for column in row.columns {
                assert!(titles.insert(column.title), "{}: column {} twice", row.name, column.title);
                assert!(column.min <= column.max, "{}: {}", row.name, column.title);
            }
            assert!(row.columns.iter().any(|c| c.title == "NAME"), "{} has no NAME", row.name);
        }
    }

    #[test]
    fn every_file_of_this_folder_has_a_row() {
        let helpers = ["mod", "wire", "column", "flux", "joined"];
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/kinds")).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let known = by_word(&stem.replace('_', "")).is_some();
            assert!(known || helpers.contains(&stem.as_str()), "{stem}.rs has no row in KINDS");
        }
    }
}
