//! `watchkeeper profile`: checks a profile, lists those that are known, prints one. Connects to nothing.

use std::io::{self, Write};
use std::path::Path;

use crate::config::profiles::{self, Library};

/// Checks a file and tells every problem. Gives whether there is none.
///
/// # Errors
/// `out` cannot be written.
pub fn check(path: &Path, out: &mut dyn Write) -> io::Result<bool> {
    match profiles::from_file(path) {
        Ok(known) => {
            let profile = &known.profile;
            let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
            writeln!(
                out,
                "{}: {} is right: {}, {}",
                path.display(),
                profile.name,
                count(profile.components.len(), "component"),
                count(profile.guardrails.len(), "guardrail")
            )?;
            Ok(true)
        }
        Err(problems) => {
            for problem in problems {
                writeln!(out, "{problem}")?;
            }
            Ok(false)
        }
    }
}

/// One line a profile: name, where it comes from, what it is.
///
/// # Errors
/// `out` cannot be written.
pub fn list(library: &Library, out: &mut dyn Write) -> io::Result<()> {
    for known in &library.known {
        let from = known.file.as_ref().map_or("built in".to_owned(), |path| path.display().to_string());
        writeln!(out, "{:<16} {from:<10} {}", known.profile.name, known.profile.title)?;
    }
    Ok(())
}

/// The text of a profile: the beginning of one's own. Gives whether there is such a profile.
///
/// # Errors
/// `out` cannot be written.
pub fn show(library: &Library, name: &str, out: &mut dyn Write) -> io::Result<bool> {
    let Some(known) = library.get(name) else { return Ok(false) };
    out.write_all(known.text.as_bytes())?;
    Ok(true)
}
