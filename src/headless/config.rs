//! `watchkeeper config`: the effective configuration, each value with its origin, as text that is a valid
//! configuration file again but for masked secrets. Connects to nothing.

use std::io::{self, Write};

use crate::config::settings::Entry;
use crate::config::{Settings, schema};

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

fn line(out: &mut impl Write, key: &str, entry: &Entry, secret: bool) -> io::Result<()> {
    let text = match &entry.value {
        None => format!("# {key} is not set"),
        Some(value) if secret => format!("{key} = {}", value.masked()),
        Some(value) => format!("{key} = {value}"),
    };
    aligned(out, &text, &entry.origin.to_string())
}

fn aligned(out: &mut impl Write, text: &str, origin: &str) -> io::Result<()> {
    writeln!(out, "{text:<44} # {origin}")
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
