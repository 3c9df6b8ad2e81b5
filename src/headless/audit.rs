//! `watchkeeper audit show|verify|unfinished`: what was done from this machine, whether its record was touched since, and
//! what was left in the middle.

use std::io::{self, Write};
use std::path::Path;

use crate::domain::text;
use crate::effects::audit;

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

/// Lists what was interrupted and not gone on with, in every context, each with the command that goes on with it.
///
/// # Errors
/// What reading or writing fails with.
pub fn unfinished(folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut count = 0;
    for context in audit::contexts(folder)? {
        for left in audit::unfinished(folder, &context, usize::MAX) {
            count += 1;
            let told =
                format!("{} in {context}: {}, step {} of {}", left.time, left.title, left.at + 1, left.steps.len());
            writeln!(out, "{}", text::line(&told))?;
            for (what, twin) in left.steps.iter().skip(left.at) {
                let twin = if twin.is_empty() { String::new() } else { format!("  ({twin})") };
                writeln!(out, "    left: {}", text::line(&format!("{what}{twin}")))?;
            }
            writeln!(out, "    to go on: {}", text::line(&left.command()))?;
        }
    }
    if count == 0 {
        writeln!(out, "nothing is left in the middle")?;
    }
    Ok(())
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
