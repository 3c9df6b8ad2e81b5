//! Settings from effective values, and the same for one context: its own table of the file comes over what the rest of
//! the file and the defaults say.

use super::schema;
use super::settings::{Entry, READONLY, Settings};
use super::value::{Origin, Value};

impl Settings {
    /// Builds the typed settings from effective entries.
    pub(super) fn build(entries: Vec<Entry>) -> Self {
        let mut settings = Self::default();
        for row in schema::rows() {
            if let Some(value) =
                entries.iter().find(|entry| entry.path == row.path).and_then(|entry| entry.value.clone())
            {
                row.apply(&mut settings, value);
            }
        }
        settings.entries = entries;
        settings
    }

    /// The settings with the overrides of this context's own table. Environment and flags still win over them.
    #[must_use]
    pub fn for_context(&self, context: &str) -> Self {
        let Some(overrides) = self.contexts.get(context) else { return self.clone() };
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            let Some(own) = overrides.iter().find(|own| own.path == entry.path) else { continue };
            let replaceable = if entry.path == READONLY {
                // true anywhere counts, whatever is said elsewhere
                entry.value != Some(Value::Flag(true)) && (own.value == Some(Value::Flag(true)) || is_weak(entry))
            } else {
                is_weak(entry)
            };
            if replaceable {
                *entry = own.clone();
            }
        }
        Self {
            remaps: self.remaps.clone(),
            contexts: self.contexts.clone(),
            file: self.file.clone(),
            named_file: self.named_file.clone(),
            warnings: self.warnings.clone(),
            env: self.env.clone(),
            ..Self::build(entries)
        }
    }

    /// The namespace to start in that the context's own table names, where neither environment nor flags name another.
    #[must_use]
    pub fn own_namespace(&self, context: &str) -> Option<String> {
        const KEY: &str = "namespace";
        let named = self.contexts.get(context)?.iter().any(|entry| entry.path == KEY);
        let replaced = self.entries.iter().find(|entry| entry.path == KEY).is_some_and(is_weak);
        (named && replaced).then(|| self.for_context(context).namespace)?
    }
}

/// Whether a context's own table may say otherwise.
fn is_weak(entry: &Entry) -> bool {
    matches!(entry.origin, Origin::Default | Origin::File { .. })
}
