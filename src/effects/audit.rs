//! The audit: what was about to be sent, before it is sent, and what became of it. One file per process, readable by
//! its owner alone, one JSON object a line, each holding the hash of the line before. An edited, moved or missing line
//! shows; a cut tail does not, because nothing comes after it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::domain::outcome::Unfinished;

/// Ends the name of every audit file.
const ENDING: &str = ".jsonl";

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
    /// How the plan ended.
    Outcome,
    /// A context was unlocked for writing.
    Unlock,
    /// An interrupted plan is not gone on with: the operator says so.
    Dismiss,
}

/// An open audit file.
#[derive(Debug)]
pub struct Audit {
    file: File,
    path: PathBuf,
    number: u64,
    hash: String,
}

impl Audit {
    /// Opens a new file in `folder`, which is made if need be; `name` must be new.
    ///
    /// # Errors
    /// The folder or the file cannot be written: then nothing may be sent.
    pub fn open(folder: &Path, name: &str) -> io::Result<Self> {
        make_private(folder)?;
        let path = folder.join(format!("{name}{ENDING}"));
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: options.open(&path)?, path, number: 0, hash: String::new() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one line and waits until it is on disk.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&mut self, event: Event, time: &str, fields: Map<String, Value>) -> io::Result<()> {
        let mut line = Map::new();
        line.insert("n".into(), json!(self.number));
        line.insert("time".into(), json!(time));
        line.insert("event".into(), json!(event));
        line.extend(fields);
        line.insert("prev".into(), json!(self.hash));
        let hash = hashed(&line);
        line.insert("hash".into(), json!(hash));
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // one call, so that a line is whole or absent
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        self.number += 1;
        self.hash = hash;
        Ok(())
    }
}

pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
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

/// The audit files of a folder, the oldest first.
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
        if path.to_string_lossy().ends_with(ENDING) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The lines of a file, as far as they are JSON.
///
/// # Errors
/// The file cannot be read.
pub fn lines(path: &Path) -> io::Result<Vec<Result<Map<String, Value>, String>>> {
    let text = fs::read_to_string(path)?;
    Ok(text.lines().map(|line| serde_json::from_str(line).map_err(|error| error.to_string())).collect())
}

/// Checks the chain of one file: how many lines it holds, or the first that is wrong and why.
///
/// # Errors
/// The file cannot be read.
pub fn verify(path: &Path) -> io::Result<Result<usize, String>> {
    let mut prev = String::new();
    let lines = lines(path)?;
    let count = lines.len();
    for (nth, line) in lines.into_iter().enumerate() {
        let wrong = |what: String| Ok(Err(format!("line {}: {what}", nth + 1)));
        let mut line = match line {
            Ok(line) => line,
            Err(error) => return wrong(format!("is no JSON object: {error}")),
        };
        if line.get("n") != Some(&json!(nth)) {
            return wrong("lines are missing before it, or it was moved".into());
        }
        if line.get("prev") != Some(&json!(prev)) {
            return wrong("does not follow the line before it".into());
        }
        let told = line.remove("hash").unwrap_or_default();
        let hash = hashed(&line);
        if told != json!(hash) {
            return wrong("was changed".into());
        }
        prev = hash;
    }
    Ok(Ok(count))
}

/// A line for people, sanitised.
pub fn told(line: &Map<String, Value>) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or("");
    let step = line.get("step").and_then(Value::as_u64).map_or_else(String::new, |n| format!("step {} ", n + 1));
    let what = match text("event") {
        "plan" => format!("{} by {}{}", text("title"), text("operator"), reason(text("reason"))),
        "intent" => format!("{step}{} {} {} -> {}", text("method"), text("path"), text("before"), text("after")),
        "answer" => format!("{step}{} {}", text("answer"), text("says")),
        "outcome" => format!("{} {}", text("outcome"), text("detail")),
        "dismiss" => format!("{} by {}", text("title"), text("operator")),
        "unlock" => format!("{} by {}{}", text("context"), text("operator"), reason(text("reason"))),
        other => other.to_owned(),
    };
    let whole = format!("{} {:<8} {:<7} {what}", text("time"), text("run"), text("event"));
    crate::domain::text::line(&whole).into_owned()
}

fn reason(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// Whether the process that writes a file still lives: its plans are not over. Its id ends the file's name.
fn is_at_work(path: &Path) -> bool {
    let id = path.file_stem().and_then(|stem| stem.to_str()?.rsplit_once('-')?.1.parse().ok());
    id.and_then(rustix::process::Pid::from_raw).is_some_and(|id| rustix::process::test_kill_process(id).is_ok())
}

/// The contexts that the audit tells of, each once.
///
/// # Errors
/// A file cannot be read.
pub fn contexts(folder: &Path) -> io::Result<std::collections::BTreeSet<String>> {
    let mut out = std::collections::BTreeSet::new();
    for path in files(folder)? {
        out.extend(lines(&path)?.iter().flatten().map(|line| string(line, "context").to_owned()));
    }
    Ok(out)
}

/// Plans of this context that were interrupted and neither gone on with to their end nor dismissed, as the newest `most`
/// files tell; the newest first.
pub fn unfinished(folder: &Path, context: &str, most: usize) -> Vec<Unfinished> {
    let files = files(folder).unwrap_or_default();
    let mut runs: Vec<Story> = Vec::new();
    let mut over: Vec<String> = Vec::new();
    for path in files.iter().rev().take(most).rev() {
        let at_work = is_at_work(path);
        for line in lines(path).unwrap_or_default().into_iter().flatten().filter(|l| string(l, "context") == context) {
            let run = string(&line, "run");
            match string(&line, "event") {
                "plan" => runs.push(Story::begin(&line, at_work)),
                "dismiss" => over.push(run.to_owned()),
                event => {
                    if let Some(story) = runs.iter_mut().rev().find(|story| story.left.run == run) {
                        story.hear(event, &line);
                    }
                }
            }
        }
    }
    let mut out: Vec<Unfinished> = Vec::new();
    for story in runs {
        let Story { left, continues, end, .. } = story;
        let root = continues.as_ref().and_then(|run| out.iter().position(|known| known.run == *run));
        let interrupted = matches!(end, Ending::Interrupted);
        match root {
            // gone on with, and done
            Some(at) if end == Ending::Done => drop(out.remove(at)),
            Some(at) => {
                let known = &mut out[at];
                known.sent.extend(left.sent);
                if interrupted {
                    (known.time, known.at, known.steps) = (left.time, left.at, left.steps);
                }
            }
            None if interrupted => out.push(left),
            None => {}
        }
    }
    out.retain(|left| !over.contains(&left.run));
    out.reverse();
    out
}

fn string<'l>(line: &'l Map<String, Value>, name: &str) -> &'l str {
    line.get(name).and_then(Value::as_str).unwrap_or("")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Done,
    Interrupted,
    /// It ended otherwise, or it has not ended yet.
    Other,
}

/// One run, as its lines tell it.
struct Story {
    left: Unfinished,
    continues: Option<String>,
    /// What was sent last, until its answer is known.
    asked: Option<(String, Value)>,
    end: Ending,
}

impl Story {
    fn begin(line: &Map<String, Value>, at_work: bool) -> Self {
        let list = |name: &str| line.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let set = line.get("set").and_then(Value::as_object).into_iter().flatten();
        Self {
            left: Unfinished {
                run: string(line, "run").to_owned(),
                time: string(line, "time").to_owned(),
                action: string(line, "action").to_owned(),
                title: string(line, "title").to_owned(),
                objects: list("objects").iter().map(text).collect(),
                set: set.map(|(name, value)| (name.clone(), text(value))).collect(),
                reason: string(line, "reason").to_owned(),
                at: 0,
                steps: list("steps").iter().map(|s| (text(&s["what"]), text(&s["twin"]))).collect(),
                sent: Vec::new(),
            },
            continues: Some(string(line, "continues")).filter(|run| !run.is_empty()).map(str::to_owned),
            asked: None,
            // a process that is gone has ended it, whether it could still say so or not
            end: if at_work { Ending::Other } else { Ending::Interrupted },
        }
    }

    fn hear(&mut self, event: &str, line: &Map<String, Value>) {
        if let Some(step) = line.get("step").and_then(Value::as_u64) {
            self.left.at = usize::try_from(step).unwrap_or(0);
        }
        match event {
            "intent" => {
                let body = line.get("argv").or_else(|| line.get("body")).cloned().unwrap_or_default();
                self.asked = Some((string(line, "path").to_owned(), body));
            }
            // an answer that was lost may have been taken: what is there now decides
            "answer" => {
                let sent = self.asked.take().filter(|_| matches!(string(line, "answer"), "taken" | "unknown"));
                self.left.sent.extend(sent);
            }
            "outcome" => {
                // interrupted while it waited for the answer
                let lost = self.asked.take().filter(|(path, _)| !path.is_empty());
                self.left.sent.extend(lost);
                self.end = match string(line, "outcome") {
                    "done" => Ending::Done,
                    "interrupted" => Ending::Interrupted,
                    _ => Ending::Other,
                };
            }
            _ => {}
        }
    }
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
    fn a_plan_without_an_end_is_unfinished() {
        let folder = tempfile::tempdir().unwrap();
        let mut audit = Audit::open(folder.path(), "b").unwrap();
        let steps = json!([{"what": "one", "twin": "kubectl one"}, {"what": "two", "twin": ""}]);
        audit.write(Event::Plan, "t", fields("1", &[("title", json!("drain n1")), ("steps", steps)])).unwrap();
        audit.write(Event::Intent, "t", fields("1", &[("step", json!(1))])).unwrap();
        let found = unfinished(folder.path(), "c", 5);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].title.as_str(), found[0].at, found[0].steps.len()), ("drain n1", 1, 2));
        assert!(unfinished(folder.path(), "other", 5).is_empty());
        audit.write(Event::Outcome, "t", fields("1", &[("outcome", json!("done"))])).unwrap();
        assert!(unfinished(folder.path(), "c", 5).is_empty());
    }

    #[test]
    fn what_was_gone_on_with_is_one_plan_until_it_is_done_or_dismissed() {
        let suspend = json!({"spec": {"suspend": true}});
        for last in ["done", "dismissed"] {
            let folder = tempfile::tempdir().unwrap();
            let mut audit = Audit::open(folder.path(), "b").unwrap();
            let mut write =
                |event, run: &str, more: &[(&str, Value)]| audit.write(event, "t", fields(run, more)).unwrap();
            let ended = |word: &str| [("outcome", json!(word)), ("step", json!(1))];
            write(Event::Plan, "1", &[("title", json!("restart it"))]);
            write(Event::Intent, "1", &[("step", json!(0)), ("path", json!("/x")), ("body", suspend.clone())]);
            write(Event::Answer, "1", &[("step", json!(0)), ("answer", json!("taken"))]);
            write(Event::Outcome, "1", &ended("interrupted"));
            write(Event::Plan, "2", &[("continues", json!("1"))]);
            write(Event::Intent, "2", &[("step", json!(0)), ("path", json!("/y")), ("body", json!({}))]);
            write(Event::Answer, "2", &[("step", json!(0)), ("answer", json!("refused"))]);
            write(Event::Outcome, "2", &ended("failed"));
            write(Event::Plan, "3", &[("continues", json!("1"))]);
            write(Event::Outcome, "3", &ended("interrupted"));
            let found = unfinished(folder.path(), "c", 5);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((&*found[0].run, found[0].sent.len()), ("1", 1));
            assert!(found[0].did("/x", "/spec/suspend", &true.into()));
            if last == "done" {
                write(Event::Plan, "4", &[("continues", json!("1"))]);
                write(Event::Outcome, "4", &ended("done"));
            } else {
                write(Event::Dismiss, "1", &[]);
            }
            assert!(unfinished(folder.path(), "c", 5).is_empty(), "{last}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Audit::open(&file.path().join("x"), "a").is_err());
    }
}
