//! The audit: what was about to be sent, before it is sent, and what became of it. One file per process, readable by
//! its owner alone, one JSON object a line, each holding the hash of the line before. An edited, moved or missing line
//! shows; a cut tail does not, because nothing comes after it. What the lines mean for a plan is in [`super::unfinished`].

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::private;
use crate::domain::redact;
use crate::domain::reply::Recorded;

/// Ends the name of every audit file.
const ENDING: &str = ".jsonl";
/// Says of a line that the one before it was cut by a full disk, and is no part of the chain.
const AFTER_TORN: &str = "after_torn";

/// Fields in the words of people and controllers: an address in them is kept without its login.
const WORDS: &[&str] = &["title", "reason", "detail", "says", "seen"];

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A plan begins: who, where, what, why, and its steps.
    Plan,
    /// A request is about to be sent.
    Intent,
    /// What came back of it.
    Answer,
    /// What a step waited for was seen.
    Proof,
    /// How the plan ended.
    Outcome,
    /// A context was unlocked for writing.
    Unlock,
    /// An unfinished plan is not continued: the operator says so, and why.
    Dismiss,
}

/// An open audit file. It is locked as long as it is open: whoever finds it unlocked knows that its process is gone,
/// whatever process has its id now.
#[derive(Debug)]
pub struct Audit {
    file: File,
    path: PathBuf,
    number: u64,
    hash: String,
    /// How long the file is, its last line complete.
    length: u64,
    /// A line was begun, not ended, and could not be removed again.
    torn: bool,
}

impl Audit {
    /// Opens a new file in `folder`, which is made if need be; `name` must be new.
    ///
    /// # Errors
    /// The folder or the file cannot be written: then nothing may be sent.
    pub fn open(folder: &Path, name: &str) -> io::Result<Self> {
        private::folder(folder)?;
        let path = folder.join(format!("{name}{ENDING}"));
        let file = private::file(OpenOptions::new().append(true).create_new(true), &path)?;
        // on a file system without locks, other consoles take a plan that still runs for an interrupted one
        drop(file.try_lock());
        Ok(Self { file, path, number: 0, hash: String::new(), length: 0, torn: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one line and waits until it is on disk.
    ///
    /// # Errors
    /// It could not be written; what was written of it is removed again.
    pub fn write(&mut self, event: Event, time: &str, fields: Map<String, Value>) -> io::Result<()> {
        let mut line = Map::new();
        line.insert("n".into(), json!(self.number));
        line.insert("time".into(), json!(time));
        line.insert("event".into(), json!(event));
        line.extend(fields);
        for name in WORDS {
            if let Some(Value::String(words)) = line.get_mut(*name) {
                *words = redact::urls(words).into_owned();
            }
        }
        line.insert("prev".into(), json!(self.hash));
        if self.torn {
            line.insert(AFTER_TORN.into(), json!(true));
        }
        let hash = hashed(&line);
        line.insert("hash".into(), json!(hash));
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        if self.torn {
            text.insert(0, '\n');
        }
        // one call, so that a line is whole or absent
        if let Err(error) = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()) {
            // on a full disk a part of it may be there: the next line must not be appended to that
            self.torn = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += text.len() as u64;
        self.torn = false;
        self.number += 1;
        self.hash = hash;
        Ok(())
    }
}

/// The hash of a line without its own; keys are in order, so the text is the same for the same content.
fn hashed(line: &Map<String, Value>) -> String {
    let text = Value::Object(line.clone()).to_string();
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        use std::fmt::Write as _;
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A digest of what is not kept in clear.
pub fn digest(body: &Value) -> String {
    let map = Map::from_iter([("body".to_owned(), body.clone())]);
    hashed(&map)
}

/// The audit files of a folder, the oldest first. What is no file is none: to read a pipe would be to wait for ever.
///
/// # Errors
/// The folder cannot be read. One that is not there holds none.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ENDING) && path.is_file() {
            found.push(path);
        }
    }
    // a process's id says nothing of when it began: of one second, what was written last is the later one
    found.sort_by_cached_key(|path| {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let stamp = name.split('-').next().unwrap_or("").to_owned();
        let written = path.metadata().and_then(|of| of.modified()).ok();
        (stamp, written, name)
    });
    Ok(found)
}

/// The lines of a file, each by itself: one that is torn hides no other.
///
/// # Errors
/// The file cannot be read.
pub fn lines(path: &Path) -> io::Result<Vec<Result<Map<String, Value>, String>>> {
    let bytes = fs::read(path)?;
    let whole = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if whole.is_empty() {
        return Ok(Vec::new());
    }
    Ok(whole.split(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).map_err(|e| e.to_string())).collect())
}

/// How many lines cannot be read, but for those that a later one says to have been cut by a full disk, and for the last
/// of a file that is being written.
pub(super) fn unreadable(lines: &[Result<Map<String, Value>, String>], at_work: bool) -> usize {
    let is_told = |nth: usize| match lines.get(nth + 1) {
        Some(next) => next.as_ref().is_ok_and(|line| line.get(AFTER_TORN) == Some(&json!(true))),
        None => at_work,
    };
    lines.iter().enumerate().filter(|(nth, line)| line.is_err() && !is_told(*nth)).count()
}

/// Checks the chain of one file: how many lines it holds, or the first that is wrong and why.
///
/// # Errors
/// The file cannot be read.
pub fn verify(path: &Path) -> io::Result<Result<usize, String>> {
    let bytes = fs::read(path)?;
    let whole = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if whole.is_empty() {
        return Ok(Ok(0));
    }
    let texts: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
    let follows_torn = |nth: usize| {
        let next = texts.get(nth + 1).and_then(|text| serde_json::from_slice::<Map<String, Value>>(text).ok());
        next.is_some_and(|line| line.get(AFTER_TORN) == Some(&json!(true)))
    };
    let (mut prev, mut count) = (String::new(), 0usize);
    for (nth, text) in texts.iter().enumerate() {
        let wrong = |what: String| Ok(Err(format!("line {}: {what}", nth + 1)));
        let mut line: Map<String, Value> = match serde_json::from_slice(text) {
            Ok(line) => line,
            Err(_) if follows_torn(nth) => continue,
            Err(error) => return wrong(format!("is no JSON object: {error}")),
        };
        if line.get("n") != Some(&json!(count)) {
            return wrong("lines are missing before it, or it was moved".into());
        }
        if line.get("prev") != Some(&json!(prev)) {
            return wrong("does not follow the line before it".into());
        }
        // a key that is there twice reads in one way and is checked in another
        if Value::Object(line.clone()).to_string().as_bytes() != *text {
            return wrong("was changed".into());
        }
        let told = line.remove("hash").unwrap_or_default();
        let hash = hashed(&line);
        if told != json!(hash) {
            return wrong("was changed".into());
        }
        prev = hash;
        count += 1;
    }
    Ok(Ok(count))
}

/// A line for people, in one.
pub fn told(line: &Map<String, Value>) -> String {
    let Recorded { time, run, event, what } = recorded(line);
    format!("{time} {run:<8} {event:<7} {what}")
}

/// A line for people, sanitised.
pub fn recorded(line: &Map<String, Value>) -> Recorded {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or("");
    let step = line.get("step").and_then(Value::as_u64).map_or_else(String::new, |n| format!("step {} ", n + 1));
    let what = match text("event") {
        "plan" | "dismiss" => format!("{} by {}{}", text("title"), text("operator"), reason(text("reason"))),
        "intent" => format!("{step}{} {} {} -> {}", text("method"), text("path"), text("before"), text("after")),
        "answer" => format!("{step}{} {}", text("answer"), text("says")),
        "proof" => format!("{step}seen: {}", text("seen")),
        "outcome" => format!("{} {}", text("outcome"), text("detail")),
        "unlock" => format!("{} by {}{}", text("context"), text("operator"), reason(text("reason"))),
        other => other.to_owned(),
    };
    let clean = |raw: &str| crate::domain::text::line(&redact::urls(raw)).into_owned();
    Recorded { time: clean(text("time")), run: clean(text("run")), event: clean(text("event")), what: clean(&what) }
}

fn reason(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// Whether a process still writes to this file: then what it has begun is not over.
pub(super) fn is_at_work(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(run: &str, more: &[(&str, Value)]) -> Map<String, Value> {
        let mut map = Map::from_iter([("run".to_owned(), json!(run)), ("context".to_owned(), json!("c"))]);
        map.extend(more.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        map
    }

    fn written(folder: &Path) -> PathBuf {
        let mut audit = Audit::open(folder, "a").unwrap();
        audit.write(Event::Plan, "t0", fields("1", &[("title", json!("suspend x"))])).unwrap();
        audit.write(Event::Intent, "t1", fields("1", &[("step", json!(0))])).unwrap();
        audit.write(Event::Outcome, "t2", fields("1", &[("outcome", json!("done"))])).unwrap();
        audit.path().to_path_buf()
    }

    #[test]
    fn a_chain_holds_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(&folder.path().join("new"));
        assert_eq!(verify(&path).unwrap(), Ok(3));
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }

    #[test]
    fn an_edit_a_gap_and_a_swap_show() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (broken, why) in [
            (text.replace("suspend x", "suspend y"), "line 1: was changed"),
            (format!("{}\n{}\n", lines[0], lines[2]), "line 2: lines are missing before it, or it was moved"),
            (format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2]), "line 1: lines are missing"),
            (format!("{}\nrubbish\n", lines[0]), "line 2: is no JSON"),
        ] {
            fs::write(&path, broken).unwrap();
            let found = verify(&path).unwrap().unwrap_err();
            assert!(found.starts_with(why), "{found}");
        }
    }

    #[test]
    fn a_key_that_is_there_twice_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("{\"", "{\"title\":\"suspend y\",\"", 1)).unwrap();
        assert_eq!(verify(&path).unwrap(), Err("line 1: was changed".to_owned()));
    }

    #[test]
    fn a_line_that_is_no_utf_8_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 5;
        bytes[second] = 0xff;
        fs::write(&path, bytes).unwrap();
        let read: Vec<bool> = lines(&path).unwrap().iter().map(Result::is_ok).collect();
        assert_eq!(read, [true, false, true]);
        assert!(verify(&path).unwrap().unwrap_err().starts_with("line 2: is no JSON"));
    }

    #[test]
    fn after_a_torn_line_the_next_one_is_whole_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut audit = Audit::open(folder.path(), "t").unwrap();
        audit.write(Event::Plan, "t0", fields("1", &[])).unwrap();
        // as a full disk leaves it when even the part that was written cannot be removed
        audit.file.write_all(b"{\"event\":\"int").unwrap();
        audit.torn = true;
        audit.write(Event::Outcome, "t1", fields("1", &[])).unwrap();
        audit.write(Event::Plan, "t2", fields("2", &[])).unwrap();
        let all = lines(audit.path()).unwrap();
        let read: Vec<bool> = all.iter().map(Result::is_ok).collect();
        assert_eq!(read, [true, false, true, true]);
        assert_eq!(unreadable(&all, false), 0);
        assert_eq!(verify(audit.path()).unwrap(), Ok(3));
    }

    #[test]
    fn a_file_is_at_work_as_long_as_its_process_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), "w-1").unwrap();
        let path = audit.path().to_path_buf();
        assert!(is_at_work(&path));
        drop(audit);
        assert!(!is_at_work(&path), "whatever process has the id 1 now");
    }

    #[test]
    fn what_is_named_like_a_file_and_is_none_is_not_read() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(folder.path().join("x.jsonl")).unwrap();
        let path = written(elsewhere.path());
        #[cfg(unix)]
        {
            let pipe = folder.path().join("p.jsonl");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            std::os::unix::fs::symlink(&pipe, folder.path().join("q.jsonl")).unwrap();
            std::os::unix::fs::symlink(&path, folder.path().join("z.jsonl")).unwrap();
            assert_eq!(files(folder.path()).unwrap(), [folder.path().join("z.jsonl")]);
        }
        written(folder.path());
        assert!(files(folder.path()).unwrap().contains(&folder.path().join("a.jsonl")));
    }

    #[test]
    fn an_address_is_kept_and_told_without_its_login() {
        let folder = tempfile::tempdir().unwrap();
        let mut audit = Audit::open(folder.path(), "u").unwrap();
        let address = json!("see https://bob:hunter2@x/y?token=hunter2");
        let plan = fields("1", &[("title", json!("t")), ("operator", json!("o")), ("reason", address.clone())]);
        audit.write(Event::Plan, "t0", plan.clone()).unwrap();
        audit.write(Event::Outcome, "t1", fields("1", &[("outcome", json!("failed")), ("detail", address)])).unwrap();
        assert!(!fs::read_to_string(audit.path()).unwrap().contains("hunter2"));
        assert_eq!(verify(audit.path()).unwrap(), Ok(2));
        // as an older version wrote it
        let old: Map<_, _> = plan.into_iter().chain([("event".to_owned(), json!("plan"))]).collect();
        assert_eq!(recorded(&old).what, "t by o (see https://x/y?…)");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Audit::open(&file.path().join("x"), "a").is_err());
    }
}
