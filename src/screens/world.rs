//! What screens see: the store, the judgements, and the facts of this session. Read only.

use std::sync::Arc;

use crate::domain::ages::Time;
use crate::domain::interner::Sym;
use crate::domain::record::KindId;
use crate::domain::thresholds::Thresholds;
use crate::intent::Binding;
use crate::kinds;
use crate::kinds::column::Show;
use crate::store::Store;
use crate::triage::Triage;

/// Everything a screen may read.
#[derive(Debug)]
pub struct World {
    pub store: Store,
    pub triage: Triage,
    pub facts: Facts,
}

/// How it stands with the connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// Trying for the first time.
    #[default]
    Connecting,
    Up,
    /// No answer, since when and why.
    Down {
        since: Time,
        headline: String,
        detail: String,
    },
}

/// A context of the kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContextRow {
    pub name: String,
    pub cluster: String,
    pub user: String,
    pub namespace: String,
    pub current: bool,
}

/// The session's own facts.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub now: Time,
    pub context: String,
    pub contexts: Vec<ContextRow>,
    /// Problems of kubeconfig files: file, line, reason.
    pub kubeconfig_problems: Vec<String>,
    /// The namespace to which everything is restricted.
    pub namespace: Option<String>,
    /// Namespaces behind the digits 1 to 9.
    pub favourites: Vec<String>,
    pub readonly: bool,
    /// TLS certificates are not checked: shown on every screen.
    pub insecure: bool,
    pub link: Link,
    /// Server's clock minus ours, in seconds.
    pub skew: i64,
    pub utc: bool,
    pub thresholds: Thresholds,
    /// The keymap in force.
    pub keys: Arc<Vec<Key>>,
    /// `:find`'s and the filter's words and the like are typed; hints are hidden.
    pub server_version: String,
}

/// A binding with the chords that the configuration gave it.
#[derive(Debug, Clone)]
pub struct Key {
    pub binding: &'static Binding,
    pub chords: Vec<String>,
}

impl World {
    pub fn new(facts: Facts) -> Self {
        Self { store: Store::new(kinds::KINDS.len()), triage: Triage::default(), facts }
    }

    pub fn show(&self) -> Show<'_> {
        Show { strings: &self.store.strings, now: self.facts.now }
    }

    /// The chosen namespace as interned, `None` without a choice; `Some(Sym(u32::MAX))` when nothing is in it.
    pub fn namespace(&self) -> Option<Sym> {
        let name = self.facts.namespace.as_deref()?;
        Some(self.store.strings.find(name).unwrap_or(Sym(u32::MAX)))
    }

    /// All namespaces that some object is in, sorted.
    pub fn namespaces(&self) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        for (_, table) in self.store.tables() {
            for (_, row) in table.iter() {
                seen.insert(row.record.namespace);
            }
        }
        let mut names: Vec<String> =
            seen.into_iter().map(|s| self.store.strings.get(s).to_owned()).filter(|n| !n.is_empty()).collect();
        names.sort();
        names
    }

    /// The chords of a command as shown in hints: the first one.
    pub fn chord(&self, command: crate::intent::Command) -> Option<&str> {
        self.facts.keys.iter().find(|k| k.binding.command == command).and_then(|k| k.chords.first()).map(String::as_str)
    }

    pub fn kind_title(kind: KindId) -> &'static str {
        kinds::spec(kind).title
    }
}
