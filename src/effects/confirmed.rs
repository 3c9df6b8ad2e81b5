//! Which Services the operator has confirmed, on disk: a line for each word, the last one of a cluster and a service
//! counts. A Service is known by its uid and the cluster by that of its `kube-system` namespace, so that a word is of
//! neither when an object of the same name is created again. What cannot be read counts for nothing.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::private;

/// More than this of a file is not read: its end is what counts.
const READ: u64 = 1 << 20;

/// One word of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub time: String,
    pub operator: String,
    /// The uid of the `kube-system` namespace.
    pub cluster: String,
    /// As the configuration calls it: `prometheus`.
    pub service: String,
    /// `namespace/name`, for people.
    pub place: String,
    /// Of the Service; empty: the word is withdrawn.
    pub uid: String,
}

/// The uids that count in a cluster, by service.
///
/// # Errors
/// The file is there and cannot be read.
pub fn read(path: &Path, cluster: &str) -> io::Result<BTreeMap<String, String>> {
    let Some(mut file) = private::existing(path)? else { return Ok(BTreeMap::new()) };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let words = text.lines().filter_map(|line| serde_json::from_str::<Word>(line).ok());
    Ok(words.filter(|word| word.cluster == cluster).map(|word| (word.service, word.uid)).collect())
}

/// Adds a word.
///
/// # Errors
/// What keeps it from being written.
pub fn append(path: &Path, word: &Word) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        private::folder(folder)?;
    }
    let mut file = private::file(OpenOptions::new().append(true).read(true).create(true), path)?;
    // whoever wrote it last may have been cut off: an empty line harms nobody
    let line = format!("\n{}\n", serde_json::to_string(word)?);
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(cluster: &str, service: &str, uid: &str) -> Word {
        let text = str::to_owned;
        Word {
            time: text("t"),
            operator: text("alice"),
            cluster: text(cluster),
            service: text(service),
            place: text("a/b"),
            uid: text(uid),
        }
    }

    #[test]
    fn the_last_word_of_a_cluster_counts_and_a_torn_line_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x/services.jsonl");
        assert!(read(&path, "c1").unwrap().is_empty());
        for (cluster, service, uid) in [
            ("c1", "prometheus", "u1"),
            ("c2", "prometheus", "u2"),
            ("c1", "openbao", "u3"),
            ("c1", "prometheus", "u4"),
        ] {
            append(&path, &word(cluster, service, uid)).unwrap();
            std::fs::File::options().append(true).open(&path).unwrap().write_all(b"{\"time\": \"torn").unwrap();
        }
        let found = read(&path, "c1").unwrap();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("openbao".to_owned(), "u3".to_owned()), ("prometheus".to_owned(), "u4".to_owned())]
        );
        append(&path, &word("c1", "prometheus", "")).unwrap();
        assert_eq!(read(&path, "c1").unwrap()["prometheus"], "", "withdrawn");
    }
}
