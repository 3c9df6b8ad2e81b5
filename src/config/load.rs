//! Puts the layers together: defaults < file < environment < flags. Reads one file and nothing else; a file that was
//! asked for must exist, the default one need not.

use std::io;
use std::path::{Path, PathBuf};

use super::env::Env;
use super::file::{self, FileSettings};
use super::problem::{ConfigError, Place, Problem};
use super::schema::{self, Row};
use super::settings::{Entry, Settings};
use super::suggest::nearest;
use super::value::{Kind, Origin, Value};

/// The variable that names the configuration file.
pub const CONFIG_ENV: &str = "WATCHKEEPER_CONFIG";
/// Variables of ours that are not keys: the configuration file, and the log filter.
const OTHER_ENV: &[&str] = &[CONFIG_ENV, "WATCHKEEPER_LOG"];

/// A flag that sets a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub path: &'static str,
    /// `None` unsets the key.
    pub value: Option<Value>,
    /// The flag as typed, such as `--theme`.
    pub flag: &'static str,
}

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// The file to read when none was asked for; may be missing.
    pub default_file: Option<PathBuf>,
    pub env: Env,
    pub flags: Vec<Override>,
}

/// The configuration file of this user, by the conventions of the system.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "watchkeeper").map(|dirs| dirs.config_dir().join("config.toml"))
}

impl Settings {
    /// Reads and layers everything.
    ///
    /// # Errors
    /// Every problem of the file (place and nearest right key), of the environment and of the flags.
    pub fn load(request: Request) -> Result<Self, ConfigError> {
        let rows = schema::rows();
        let mut problems = Vec::new();
        let (file, from_file) = read_file(&request, &rows).unwrap_or_else(|found| {
            problems.extend(found);
            (None, FileSettings::default())
        });
        let home = request.env.get("HOME").map(PathBuf::from);
        let base = file.as_deref().and_then(Path::parent).map(Path::to_path_buf);

        let mut entries = Vec::new();
        for row in &rows {
            let mut entry = Entry { path: row.path.clone(), value: row.default.clone(), origin: Origin::Default };
            if let Some(own) = from_file.entries.iter().find(|own| own.path == row.path) {
                entry = own.clone();
                resolve(&mut entry, row, home.as_deref(), base.as_deref());
            }
            let variable = row.env_name().and_then(|name| request.env.get(&name).map(|text| (name.clone(), text)));
            if let Some((name, text)) = variable {
                match row.kind.parse(text) {
                    Some(value) => {
                        entry = Entry { path: row.path.clone(), value: Some(value), origin: Origin::Env(name) };
                        resolve(&mut entry, row, home.as_deref(), None);
                    }
                    None => problems.push(file::refused(Place::Env(name), &row.path, row.kind, text)),
                }
            }
            for flag in request.flags.iter().filter(|flag| flag.path == row.path) {
                entry = Entry { path: row.path.clone(), value: flag.value.clone(), origin: Origin::Flag(flag.flag) };
                resolve(&mut entry, row, None, None);
            }
            entries.push(entry);
        }
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let mut contexts = from_file.contexts;
        for entry in contexts.values_mut().flatten() {
            if let Some(row) = rows.iter().find(|row| row.path == entry.path) {
                resolve(entry, row, home.as_deref(), base.as_deref());
            }
        }
        let warnings = unknown_variables(&request.env, &rows);
        Ok(Self {
            remaps: from_file.remaps,
            contexts,
            file,
            named_file: request.file,
            warnings,
            env: request.env,
            ..Self::build(entries)
        })
    }

    /// Replaces a value after loading; used to point the ordinary settings at the demo. Unknown paths change nothing.
    #[must_use]
    pub fn with(self, path: &str, value: Option<&Value>, origin: &Origin) -> Self {
        let mut entries = self.entries;
        for entry in entries.iter_mut().filter(|entry| entry.path == path) {
            *entry = Entry { path: path.to_owned(), value: value.cloned(), origin: origin.clone() };
        }
        Self {
            remaps: self.remaps,
            contexts: self.contexts,
            file: self.file,
            named_file: self.named_file,
            warnings: self.warnings,
            env: self.env,
            ..Self::build(entries)
        }
    }
}

type Read = (Option<PathBuf>, FileSettings);

fn read_file(request: &Request, rows: &[Row]) -> Result<Read, Vec<Problem>> {
    let asked = request.file.clone().or_else(|| request.env.get(CONFIG_ENV).map(PathBuf::from));
    let Some(path) = asked.clone().or_else(|| request.default_file.clone()) else { return Ok(Read::default()) };
    match std::fs::read_to_string(&path) {
        Ok(text) => file::read(&path, &text, rows).map(|settings| (Some(path), settings)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && asked.is_none() => Ok(Read::default()),
        Err(error) => {
            let what = match error.kind() {
                io::ErrorKind::NotFound => "the configuration file does not exist".to_owned(),
                io::ErrorKind::PermissionDenied => {
                    "the configuration file may not be read: permission denied".to_owned()
                }
                io::ErrorKind::IsADirectory => "the configuration file is a directory".to_owned(),
                io::ErrorKind::InvalidData => "the configuration file is not UTF-8 text".to_owned(),
                _ => format!("the configuration file cannot be read: {error}"),
            };
            Err(vec![Problem { place: file::whole(&path), what, hint: None }])
        }
    }
}

/// Makes an empty text the default and a path absolute: `~/` is the home directory, a relative path in a file is relative to that file.
fn resolve(entry: &mut Entry, row: &Row, home: Option<&Path>, base: Option<&Path>) {
    let empty = match &entry.value {
        Some(Value::Text(text)) => text.is_empty(),
        Some(Value::Map(map)) => map.is_empty(),
        _ => false,
    };
    if empty {
        entry.value.clone_from(&row.default);
    }
    if let (Kind::Path, Some(Value::Text(text))) = (row.kind, &entry.value) {
        let path = match (text.strip_prefix("~/"), home, base) {
            (Some(rest), Some(home), _) => home.join(rest),
            (_, _, Some(base)) => base.join(text),
            _ => PathBuf::from(text),
        };
        entry.value = Some(Value::Text(path.to_string_lossy().into_owned()));
    }
}

/// Variables that look like ours but set nothing. Not refused: they may belong to something that wraps us.
fn unknown_variables(env: &Env, rows: &[Row]) -> Vec<String> {
    let known: Vec<String> =
        rows.iter().filter_map(Row::env_name).chain(OTHER_ENV.iter().map(ToString::to_string)).collect();
    env.names()
        .filter(|name| name.starts_with("WATCHKEEPER_") && !known.iter().any(|own| own == name))
        .map(|name| match nearest(name, known.iter().map(String::as_str)) {
            Some(meant) => format!("environment variable {name} sets nothing; did you mean {meant}?"),
            None => format!("environment variable {name} sets nothing"),
        })
        .collect()
}
