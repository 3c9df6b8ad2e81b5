//! Reading a snapshot back. What is no snapshot, or of a version that this program does not know, is refused with its
//! file, its line, and the way out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;

use crate::headless::snapshot::{SCHEMA, VERSION};

/// As much of a snapshot as a comparison needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    pub context: String,
    #[serde(default)]
    pub server: String,
    /// The one that it is restricted to.
    #[serde(default)]
    pub namespace: Option<String>,
    pub time: String,
    pub complete: bool,
    pub feeds: Vec<Feed>,
    pub objects: Vec<Object>,
    #[serde(default)]
    pub incidents: Vec<Incident>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Feed {
    #[serde(rename = "feed")]
    pub word: String,
    pub kind: String,
    pub state: String,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub blinds: String,
    /// The namespaces that can be seen, when not all can.
    #[serde(default)]
    pub only: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Object {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub health: String,
    pub status: String,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub suspended: Option<bool>,
    #[serde(default)]
    pub cells: BTreeMap<String, String>,
    #[serde(default)]
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Finding {
    pub severity: String,
    pub why: String,
    #[serde(default)]
    pub silenced: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Incident {
    pub severity: String,
    pub kind: String,
    pub name: String,
    pub why: String,
}

/// What every version of a snapshot begins with.
#[derive(Debug, Deserialize)]
struct Head {
    schema: Option<String>,
    version: Option<u64>,
}

const WAY_OUT: &str = "write it again with `watchkeeper snapshot --output FILE`";

/// Reads one.
///
/// # Errors
/// In words, with file and line.
pub fn read(path: &Path) -> Result<Snapshot, String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let open = || File::open(path).map(BufReader::new).map_err(|error| named(format!("cannot be read: {error}")));
    let broken = |error: &serde_json::Error| {
        format!("{}:{}: is no whole snapshot: {error}; {WAY_OUT}", path.display(), error.line())
    };
    // the version first: a document of another one may have other fields
    let head: Head = serde_json::from_reader(open()?).map_err(|error| broken(&error))?;
    match (head.schema.as_deref(), head.version) {
        (Some(SCHEMA), Some(VERSION)) => {}
        (Some(SCHEMA), version) => {
            let version = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            return Err(named(format!(
                "a snapshot of version {version}, and this program reads version {VERSION}: compare it with the program \
                 that wrote it, or {WAY_OUT}"
            )));
        }
        (other, _) => {
            let what = other.map_or_else(|| "has no `schema`".to_owned(), |name| format!("is a `{name}`"));
            return Err(named(format!("{what}, not a `{SCHEMA}`; {WAY_OUT}")));
        }
    }
    serde_json::from_reader(open()?).map_err(|error| broken(&error))
}
