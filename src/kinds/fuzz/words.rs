//! The words and keys that an object consists of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::kinds::KindSpec;
use crate::kinds::suspender;
use crate::kinds::wire::{KEPT, KEPT_PREFIX};

/// What servers write, and what nobody should.
const ANY: &[&str] = &[
    "True",
    "False",
    "Unknown",
    "Ready",
    "Reconciling",
    "Stalled",
    "Issuing",
    "Drifted",
    "DependencyNotReady",
    "SourceNotReady",
    "RollbackSucceeded",
    "DoesNotExist",
    "SecretMissing",
    "SecretSynced",
    "ScalingActive",
    "ScalingLimited",
    "ReplicaFailure",
    "Progressing",
    "ProgressDeadlineExceeded",
    "OnDelete",
    "Periodic",
    "Failed",
    "Completed",
    "InProgress",
    "Enabled",
    "Available",
    "Always",
    "m0",
    "2026-11-21T10:00:00Z",
    "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "0 2 * * *",
    "@every 9999999h",
    "30 2 30 2 1",
    "1h",
    "-1h",
    "sha256:0",
    "a/b",
    "://@",
    "\u{1b}[2J",
    "ä",
    "",
    "Pending",
    "Bound",
    "Lost",
    "Resizing",
    "pending",
    "invalid",
    "pass",
    "fail",
    "4",
    "3800m",
    "1.5Gi",
    "9e99",
    "BackoffLimitExceeded",
    "CreateContainerConfigError",
    "ErrImagePull",
];

/// Seconds between a time and now: around the graces that judging knows.
pub const SPANS: &[i64] =
    &[0, 1, 30, 59, 60, 120, 299, 300, 301, 600, 1500, 3600, 86_400, 604_800, 2_592_000, 31_536_000];

/// Labels and annotations that some kind reads.
pub fn labels() -> Vec<String> {
    KEPT.iter().map(|key| (*key).to_owned()).chain([format!("{KEPT_PREFIX}worker")]).collect()
}

/// What a field set is searched for.
pub fn managed() -> Vec<String> {
    suspender::wanted().into_iter().map(str::to_owned).collect()
}

/// What ships of every file of the kinds, by the file's name.
pub fn code() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), shipped.to_owned())
    };
    paths.filter(|path| path.is_file()).map(read).collect()
}

/// The words of a kind: half of them are those that its own code, and what it calls, has in quotes, each as often as
/// there.
pub fn of(row: &KindSpec, code: &BTreeMap<String, String>) -> Vec<String> {
    let named = format!("name: \"{}\",", row.name);
    let own = code.values().find(|text| text.contains(&named)).unwrap();
    let called = |stem: &str| !["wire", "column"].contains(&stem) && own.contains(&format!("{stem}::"));
    let helpers = code.iter().filter(|(stem, _)| called(stem)).map(|(_, text)| text);
    let compared: Vec<String> = std::iter::once(own).chain(helpers).flat_map(|text| quoted(text)).collect();
    let any = ANY.iter().map(|word| (*word).to_owned()).cycle().take(compared.len().max(ANY.len()));
    any.chain(compared).collect()
}

fn quoted(code: &str) -> impl Iterator<Item = String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let pieces = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    pieces.filter(|piece| !piece.contains(['{', '\\', ' '])).map(str::to_owned)
}
