//! `watchkeeper audit show|verify|unfinished`: what was done from this machine, whether its record was touched since, and
//! what was left in the middle.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::domain::ages::Time;
use crate::domain::command_line::{CommandLine, WATCHKEEPER};
use crate::domain::text;
use crate::domain::way::Way;
use crate::effects::audit::{self, Event};
use crate::effects::runner::Recorder;
use crate::effects::unfinished;

/// Prints every line, the oldest first.
///
/// # Errors
/// What reading or writing fails with.
pub fn show(folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    for path in audit::files(folder)? {
        for line in audit::lines(&path)? {
            match line {
                Ok(line) => writeln!(out, "{}", audit::told(&line))?,
                Err(why) => writeln!(out, "{}: a line is no JSON: {why}", path.display())?,
            }
        }
    }
    Ok(())
}

/// Lists what is unfinished, in every context, each with the command that continues it. What cannot be read goes to `err`.
///
/// # Errors
/// What reading or writing fails with.
pub fn unfinished(folder: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
    let found = unfinished::of(folder, None);
    for problem in &found.problems {
        writeln!(err, "watchkeeper: {}", text::line(problem))?;
    }
    for left in found.plans.iter().rev() {
        let told = format!(
            "{} in {}: {}: {}, step {} of {}",
            left.time,
            left.context,
            left.ending,
            left.title,
            left.at + 1,
            left.steps.len()
        );
        writeln!(out, "{}", text::line(&told))?;
        for held in &left.left {
            writeln!(out, "    left behind: {}", text::line(&held.to_string()))?;
        }
        let doubtful = left.in_doubt().map(|step| ("perhaps done", step));
        for (word, step) in doubtful.chain(left.left_over().map(|step| ("left", step))) {
            writeln!(out, "    {word}: {}", text::line(&step.what))?;
            // a line of its own, to be pasted as it is
            if !step.twin.is_empty() {
                writeln!(out, "        {}", text::line(&step.twin))?;
            }
        }
        if !left.action.is_empty() {
            writeln!(out, "    to continue: {}", text::line(&left.command()))?;
        }
        // of its cluster nothing is asked
        let way = Way { config: left.way.config.clone(), ..Way::default() };
        let dismiss = CommandLine::new(&WATCHKEEPER, &way, &["audit", "dismiss"]).arg(&*left.run);
        writeln!(out, "    to dismiss: {dismiss} --reason TEXT")?;
    }
    if found.plans.is_empty() {
        writeln!(out, "nothing is unfinished")?;
    }
    Ok(())
}

/// A recorder for what this process adds.
pub fn recorder(folder: &Path, now: Time) -> Recorder {
    Recorder::of_process(Some(folder.to_path_buf()), now)
}

/// Records that an unfinished plan is not continued.
///
/// # Errors
/// It is not there, there is no reason, or it cannot be written; in words.
pub fn dismiss(folder: &Path, run: &str, reason: &str, mut recorder: Recorder, now: Time) -> Result<String, String> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err("a reason is needed: --reason TEXT".to_owned());
    }
    let found = unfinished::of(folder, None).plans;
    let left = found
        .iter()
        .find(|left| left.run == run)
        .ok_or_else(|| format!("no unfinished plan is called {run}: `watchkeeper audit unfinished` lists them"))?;
    let fields = json!({ "run": run, "context": left.context, "title": left.title, "reason": reason });
    let Value::Object(fields) = fields else { return Err("nothing to record".to_owned()) };
    recorder.write(Event::Dismiss, now, fields)?;
    Ok(format!("dismissed: {}", text::line(&left.title)))
}

/// Steps that are named of what is left; the rest is counted.
const NAMED: usize = 3;

/// Tells in a line each what a console has left in the middle: what is left of it, and the command that continues it.
///
/// # Errors
/// What writing fails with.
pub fn left(folder: Option<&Path>, context: &str, titles: &[String], out: &mut dyn Write) -> io::Result<()> {
    if titles.is_empty() {
        return Ok(());
    }
    let mut known = folder.map(|folder| unfinished::of(folder, None).plans).unwrap_or_default();
    known.retain(|left| left.context == context);
    for title in titles {
        // the newest comes first
        let found = known.iter().position(|left| left.title == *title).map(|at| known.remove(at));
        let told = match found {
            Some(left) => {
                let leaves = left.leaves();
                let behind = [leaves].into_iter().filter(|leaves| !leaves.is_empty());
                let parts = [
                    counted("left behind", behind),
                    counted("perhaps done", left.in_doubt().map(|step| step.what.clone())),
                    counted("left", left.left_over().map(|step| step.what.clone())),
                ];
                let (at, of) = (left.at + 1, left.steps.len());
                format!("{title}, step {at} of {of}; {}to continue: {}", parts.concat(), left.command())
            }
            None => format!("{title}; `watchkeeper audit unfinished` tells how to continue"),
        };
        writeln!(out, "watchkeeper: left in the middle: {}", text::line(&told))?;
    }
    Ok(())
}

/// `left: a, b, c, and 2 more; `, or nothing where there is nothing.
fn counted(word: &str, all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    if all.is_empty() {
        return String::new();
    }
    let more = all.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{word}: {}{more}; ", all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// Checks every file; whether all of them hold.
///
/// # Errors
/// What reading or writing fails with.
pub fn verify(folder: &Path, out: &mut dyn Write) -> io::Result<bool> {
    let files = audit::files(folder)?;
    let mut sound = true;
    for path in &files {
        match audit::verify(path)? {
            Ok(count) => writeln!(out, "{}: {count} lines, unbroken", path.display())?,
            Err(why) => {
                sound = false;
                writeln!(out, "{}: BROKEN: {why}", path.display())?;
            }
        }
    }
    if files.is_empty() {
        writeln!(out, "{}: nothing is recorded", folder.display())?;
    } else {
        writeln!(out, "an edited, moved or missing line shows; lines that were cut off at the end of a file do not")?;
    }
    Ok(sound)
}
