//! `watchkeeper config`: the effective configuration, each value with its origin, as text that is a valid
//! configuration file again but for masked secrets; and the example file, from the same list of keys. Connects to
//! nothing.

use std::io::{self, Write};

use crate::app::keymap::KEYMAP;
use crate::config::settings::Entry;
use crate::config::{Kind, Settings, schema};
use crate::domain::redact;
use crate::intent::{Binding, Command, Group};

/// Writes the settings to `out`.
///
/// # Errors
/// `out` cannot be written.
pub fn print(settings: &Settings, out: &mut impl Write) -> io::Result<()> {
    let rows = schema::rows();
    let secret = |path: &str| rows.iter().any(|row| row.path == path && row.secret);
    match &settings.file {
        Some(path) => writeln!(out, "# configuration file: {}", path.display())?,
        None => writeln!(out, "# configuration file: none")?,
    }
    let mut table = String::new();
    for entry in &settings.entries {
        let (parent, key) = entry.path.rsplit_once('.').unwrap_or(("", &entry.path));
        if parent != table {
            parent.clone_into(&mut table);
            writeln!(out, "\n[{table}]")?;
        }
        line(out, key, entry, secret(&entry.path))?;
    }
    if !settings.remaps.is_empty() {
        writeln!(out, "\n[{}]", schema::KEYMAP_TABLE)?;
    }
    for remap in &settings.remaps {
        let chords: Vec<String> = remap.chords.iter().map(|chord| quoted(chord)).collect();
        aligned(out, &format!("{} = [{}]", quoted(&remap.action), chords.join(", ")), &remap.origin.to_string())?;
    }
    for (name, overrides) in &settings.contexts {
        writeln!(out, "\n[{}.{}]", schema::CONTEXTS_TABLE, quoted(name))?;
        for entry in overrides {
            line(out, &entry.path, entry, secret(&entry.path))?;
        }
    }
    for warning in &settings.warnings {
        writeln!(out, "\n# warning: {warning}")?;
    }
    Ok(())
}

/// The example configuration file: every key with what it does and its default, commented out.
#[must_use]
pub fn example() -> String {
    let mut text = String::from(EXAMPLE_HEAD);
    let mut table = String::new();
    for row in schema::rows() {
        let (parent, key) = row.path.rsplit_once('.').unwrap_or(("", &row.path));
        if parent != table {
            parent.clone_into(&mut table);
            text.extend(["\n[", &table, "]\n"]);
            let about = TABLES.iter().find(|(name, _)| *name == table).map_or("", |(_, about)| about);
            text.push_str(about);
        }
        // The three services have the same keys: once is enough.
        if !row.path.starts_with("services.") || row.path.starts_with("services.prometheus.") {
            text.push('\n');
            for line in wrapped(row.doc, 116) {
                text.extend(["# ", &line, "\n"]);
            }
        }
        let value = row
            .default
            .as_ref()
            .map_or(if row.kind == Kind::Map { "{}" } else { "\"\"" }.to_owned(), ToString::to_string);
        text.extend(["#", key, " = ", &value, "\n"]);
    }
    text.push_str(EXAMPLE_KEYS);
    keys(&mut text);
    text.push_str(EXAMPLE_TAIL);
    text
}

const EXAMPLE_HEAD: &str = "\
# The configuration of watchkeeper: every key with its default. Copy what you change to watchkeeper/config.toml in your
# configuration folder (~/.config on Linux), or name a file by --config or $WATCHKEEPER_CONFIG.
#
# Each key can also be set by an environment variable: theme by WATCHKEEPER_THEME, services.prometheus.url by
# WATCHKEEPER_SERVICES_PROMETHEUS_URL; lists are then separated by commas. Flags win over the environment, the
# environment over this file. An empty string unsets a key. `watchkeeper config` shows what came out and from where.
# Relative paths are relative to this file. Passwords and tokens belong in files or variables, never here.
";

const TABLES: &[(&str, &str)] = &[
    ("thresholds", "# How long a state may last before it counts: 90s, 5m, 24h, 7d.\n"),
    (
        "services.prometheus",
        "# How the services besides the API server are reached. Without any of this they are looked for in the cluster, and used\n# in the namespaces that an active profile names, or once you have confirmed them (:trust).\n",
    ),
    ("services.alertmanager", "# The same keys as for Prometheus.\n\n"),
    ("services.openbao", "# The same keys as for Prometheus.\n\n"),
];

const EXAMPLE_KEYS: &str = "
# Other keys for an action: its name, and one chord or a list of them. These are all names with the keys that they have. What
# can be pressed on one screen needs keys that differ.
[keys]
";

/// Every action's name with its keys, the one that is asked for most in front.
fn keys(text: &mut String) {
    let row = |text: &mut String, binding: &Binding| {
        let chords: Vec<String> = binding.chords.iter().map(|chord| quoted(chord)).collect();
        text.extend(["#", binding.name, " = [", &chords.join(", "), "]\n"]);
    };
    let first = |binding: &&Binding| binding.command == Command::Reload;
    KEYMAP.iter().filter(first).for_each(|binding| row(text, binding));
    for group in Group::ALL {
        text.extend(["## ", group.title(), "\n"]);
        let rest = KEYMAP.iter().filter(|binding| binding.group == group && !first(binding));
        rest.for_each(|binding| row(text, binding));
    }
}

const EXAMPLE_TAIL: &str = "
# What differs in one context: readonly, namespace, namespaces, core-namespaces, profiles, as, as-groups and services. Environment and flags win.
#[contexts.\"sre-prod\"]
#readonly = true
#namespaces = [\"shop\", \"shop-data\"]
#services.prometheus.url = \"https://prometheus.example.com\"
";

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().filter(|line| line.is_empty() || line.len() + 1 + word.len() <= width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn line(out: &mut impl Write, key: &str, entry: &Entry, secret: bool) -> io::Result<()> {
    let text = match &entry.value {
        None => format!("# {key} is not set"),
        Some(value) if secret => format!("{key} = {}", value.masked()),
        // an address may carry a password, or a token behind its `?`
        Some(value) => format!("{key} = {}", redact::urls(&value.to_string())),
    };
    aligned(out, &text, &entry.origin.to_string())
}

fn aligned(out: &mut impl Write, text: &str, origin: &str) -> io::Result<()> {
    writeln!(out, "{text:<44} # {origin}")
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
