//! The timeline on disk: one file a cluster, readable by its owner alone, one JSON object a line, appended whole and
//! rewritten when it has grown past its bound. A cluster is known by its identity, whatever its contexts are called; which
//! one a context led to last is remembered, too, for the time before it answers. Any number of consoles may write one
//! file. It holds no secret, and nothing depends on it: what cannot be read is left out, and what cannot be written is
//! reported.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::private;
use crate::domain::ages::Time;
use crate::domain::moment::{self, Moment};

/// A file larger than this is rewritten with what is kept, in bytes.
const GROWN: u64 = 4 << 20;
/// More than this of a file is not read: its end is what counts.
const READ: u64 = 16 << 20;

/// How often the lock is tried for, and the time between: a tenth of a second in all.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// What a file tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The oldest first.
    pub moments: Vec<Moment>,
    /// Lines that are no entries.
    pub unreadable: usize,
}

impl Past {
    /// The time of the newest entry.
    pub fn newest(&self) -> Option<Time> {
        self.moments.last().map(|m| m.time)
    }
}

/// The file of a cluster, by its identity; of one that does not tell it, by the name of its context.
pub fn path(folder: &Path, context: &str, identity: &str) -> PathBuf {
    match identity {
        "" => folder.join(format!("{}.jsonl", file_name(context))),
        identity => folder.join(format!("cluster-{}.jsonl", file_name(identity))),
    }
}

/// A name that can be read, and a digest that tells alike ones apart.
fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = text.chars().map(plain).take(60).collect();
    let digest = Sha256::digest(text.as_bytes());
    let tail = digest.iter().take(4).fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
    format!("{}-{tail:08x}", name.trim_start_matches('.'))
}

/// The identity of the cluster that a context led to last; empty when that is not known.
pub fn known(folder: &Path, context: &str) -> String {
    let read = fs::read_to_string(folder.join(format!("{}.cluster", file_name(context)))).unwrap_or_default();
    // anybody may have written the file
    let identity = read.trim();
    if identity.len() <= 64 && identity.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        identity.to_owned()
    } else {
        String::new()
    }
}

/// Remembers which cluster a context leads to.
///
/// # Errors
/// What keeps it from being written.
pub fn remember(folder: &Path, context: &str, identity: &str) -> io::Result<()> {
    if known(folder, context) == identity {
        return Ok(());
    }
    private::folder(folder)?;
    let path = folder.join(format!("{}.cluster", file_name(context)));
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let written = private::file(&mut options, &beside).and_then(|mut file| {
        file.write_all(identity.as_bytes())?;
        fs::rename(&beside, &path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Reads what is kept of a context. A file that is not there tells nothing.
///
/// # Errors
/// The file is there and cannot be read.
pub fn read(path: &Path, now: Time) -> io::Result<Past> {
    match private::existing(path)? {
        Some(mut file) => parse(&mut file, now),
        None => Ok(Past::default()),
    }
}

fn parse(file: &mut File, now: Time) -> io::Result<Past> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    let mut past = Past::default();
    for line in String::from_utf8_lossy(&bytes).lines().filter(|line| !line.trim().is_empty()) {
        match Moment::parse(line) {
            Some(moment) => past.moments.push(moment),
            None => past.unreadable += 1,
        }
    }
    moment::settle(&mut past.moments, now);
    Ok(past)
}

/// Appends entries. It is opened again each time, so that a file that another console has rewritten is found.
///
/// # Errors
/// What keeps it from being written.
pub fn append(path: &Path, moments: &[Moment], now: Time) -> io::Result<()> {
    if moments.is_empty() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        private::folder(folder)?;
    }
    let mut file = locked(path)?;
    let length = file.metadata()?.len();
    let mut text = String::new();
    if length > 0 && !ends_a_line(&mut file, length)? {
        // whoever wrote it last was cut off: this begins a line of its own
        text.push('\n');
    }
    for moment in moments {
        text.push_str(&moment.line());
        text.push('\n');
    }
    // one call, so that a line is whole or absent
    file.write_all(text.as_bytes())?;
    if length + text.len() as u64 > GROWN || has_too_many(&mut file, length)? {
        rewrite(path, &mut file, now)?;
    }
    Ok(())
}

/// The file, open and locked; whoever waits for the lock may get one that was replaced meanwhile. Another console holds
/// it for a moment; whoever holds it for longer must not keep us waiting.
fn locked(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).read(true).create(true);
    for _ in 0..TRIES {
        let file = private::file(&mut options, path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(PAUSE);
                continue;
            }
            // a file system without locks is written all the same: lines are appended whole
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "another program holds its lock"))
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    Ok(fs::metadata(path).is_ok_and(|there| there.ino() == open.ino() && there.dev() == open.dev()))
}

fn ends_a_line(file: &mut File, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(length - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Whether it holds twice as many lines as are kept; counted when it grows past a step of its size.
fn has_too_many(file: &mut File, before: u64) -> io::Result<bool> {
    const STEP: u64 = 256 << 10;
    let length = file.metadata()?.len();
    if before / STEP == length / STEP {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    Ok(bytes.split(|byte| *byte == b'\n').count() > 2 * moment::MOST)
}

/// Puts what is kept in the place of what is there, while the lock is held.
fn rewrite(path: &Path, file: &mut File, now: Time) -> io::Result<()> {
    let kept = parse(file, now)?.moments;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let written = private::file(&mut options, &beside).and_then(|mut new| {
        let text: String = kept.iter().map(|m| m.line() + "\n").collect();
        new.write_all(text.as_bytes())?;
        new.sync_data()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::What;

    fn moment(time: i64, words: &str) -> Moment {
        Moment::new(Time(time), What::Change, ("Node", "", "n1"), words)
    }

    #[test]
    fn what_was_appended_is_read_back_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder.path().join("timeline"), "prod/eu@a:b", "");
        append(&path, &[moment(10, "one")], Time(20)).unwrap();
        append(&path, &[moment(12, "two")], Time(20)).unwrap();
        let past = read(&path, Time(20)).unwrap();
        assert_eq!(past.moments, [moment(10, "one"), moment(12, "two")]);
        assert_eq!((past.newest(), past.unreadable), (Some(Time(12)), 0));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn contexts_with_alike_names_have_files_of_their_own() {
        let folder = Path::new("f");
        assert_ne!(path(folder, "a/b", ""), path(folder, "a:b", ""));
        assert_eq!(path(folder, "../../x", "").parent(), Some(folder));
        assert_eq!(path(folder, "x", "../../y").parent(), Some(folder));
    }

    #[test]
    fn a_cluster_has_one_file_whatever_its_contexts_are_called_and_a_context_remembers_its_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(path(folder, "prod", "11-aa"), path(folder, "prod-admin", "11-aa"));
        assert_ne!(path(folder, "kind-kind", "11-aa"), path(folder, "kind-kind", "22-bb"));
        assert_eq!(known(folder, "kind-kind"), "");
        remember(folder, "kind-kind", "11-aa").unwrap();
        remember(folder, "prod", "33-cc").unwrap();
        assert_eq!((known(folder, "kind-kind").as_str(), known(folder, "prod").as_str()), ("11-aa", "33-cc"));
        remember(folder, "kind-kind", "22-bb").unwrap();
        assert_eq!(known(folder, "kind-kind"), "22-bb");
        fs::write(folder.join(format!("{}.cluster", file_name("evil"))), "../../etc/passwd").unwrap();
        assert_eq!(known(folder, "evil"), "", "what is no identity is none");
    }

    #[test]
    fn a_line_that_was_cut_off_costs_that_line_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        append(&path, &[moment(10, "one")], Time(20)).unwrap();
        let cut = &moment(11, "lost").line()[..30];
        File::options().append(true).open(&path).unwrap().write_all(cut.as_bytes()).unwrap();
        append(&path, &[moment(12, "two")], Time(20)).unwrap();
        let past = read(&path, Time(20)).unwrap();
        assert_eq!(past.moments, [moment(10, "one"), moment(12, "two")]);
        assert_eq!(past.unreadable, 1);
    }

    #[test]
    fn it_is_rewritten_when_it_has_grown_and_keeps_what_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let now = Time(100_000 + 14_000);
        for part in 0..14 {
            let some: Vec<Moment> = (0..1000).map(|n| moment(100_000 + part * 1000 + n, &format!("{n}"))).collect();
            append(&path, &some, now).unwrap();
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 2 * moment::MOST + 4000, "{lines}");
        let past = read(&path, now).unwrap();
        assert_eq!((past.moments.len(), past.newest(), past.unreadable), (moment::MOST, Some(Time(113_999)), 0));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no other file is left");
    }

    #[test]
    fn consoles_that_write_at_once_do_not_tear_each_others_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        std::thread::scope(|scope| {
            for who in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..50 {
                        append(path, &[moment(100 + n * 20, &format!("{who} {n}"))], Time(2000)).unwrap();
                    }
                });
            }
        });
        let past = read(&path, Time(2000)).unwrap();
        assert_eq!((past.moments.len(), past.unreadable), (200, 0));
    }

    #[test]
    fn a_lock_that_somebody_else_holds_is_an_error_soon_and_nothing_is_lost_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        append(&path, &[moment(10, "one")], Time(20)).unwrap();
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let at = path.clone();
        std::thread::spawn(move || tell.send(append(&at, &[moment(11, "two")], Time(20)).unwrap_err().kind()));
        assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(io::ErrorKind::WouldBlock));
        assert_eq!(read(&path, Time(20)).unwrap().moments, [moment(10, "one")]);
        drop(held);
        append(&path, &[moment(12, "three")], Time(20)).unwrap();
        assert_eq!(read(&path, Time(20)).unwrap().moments.len(), 2);
    }

    #[test]
    fn a_folder_that_is_none_cannot_be_written_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(append(&file.join("t.jsonl"), &[moment(1, "x")], Time(2)).is_err());
        assert_eq!(read(&folder.path().join("none"), Time(2)).unwrap(), Past::default());
    }
}
