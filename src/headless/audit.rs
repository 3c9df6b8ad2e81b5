//! `watchkeeper audit show|verify`: what was done from this machine, and whether its record was touched since.

use std::io::{self, Write};
use std::path::Path;

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
