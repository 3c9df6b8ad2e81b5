//! What happens when the program fails: first the terminal is given back, then the report is shown and kept.
//!
//! Works for a panic in any thread. Never prints on a terminal that is still ours.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use color_eyre::config::HookBuilder;

use super::terminal;

/// Installs the hooks. Reports also go to `panic-PID-N.txt` in `directory` (0600). The callback runs after each, so
/// that the session can end when the panic was in another thread than its own.
///
/// # Errors
/// When hooks are already installed.
pub fn install(directory: PathBuf, told: impl Fn() + Send + Sync + 'static) -> color_eyre::Result<()> {
    let (panic_hook, eyre_hook) = HookBuilder::default().display_env_section(false).into_hooks();
    eyre_hook.install()?;
    std::panic::set_hook(Box::new(move |info| {
        terminal::restore();
        let report = panic_hook.panic_report(info).to_string();
        let mut out = io::stderr().lock();
        // Standard error may be gone too; there is nobody left to tell then.
        let _ = writeln!(out, "{report}");
        let _ = match keep(&directory, &report) {
            Ok(path) => writeln!(out, "\nThis report is kept in {}", path.display()),
            Err(error) => writeln!(out, "\nThis report could not be kept in {}: {error}", directory.display()),
        };
        drop(out);
        told();
    }));
    Ok(())
}

fn keep(directory: &Path, report: &str) -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = directory.join(format!("panic-{}-{count}.txt", process::id()));
    let mut file: File = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    writeln!(file, "watchkeeper {}\n\n{}", env!("CARGO_PKG_VERSION"), uncolored(report))?;
    Ok(path)
}

/// The report without its colours: the file is read in an editor.
fn uncolored(report: &str) -> String {
    let mut out = String::with_capacity(report.len());
    let mut rest = report;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_kept_report_is_private_and_has_no_colours() {
        let directory = tempfile::tempdir().unwrap();
        let path = keep(&directory.path().join("state"), "\x1b[31mThe end\x1b[0m of it").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("The end of it"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn two_reports_of_one_process_do_not_overwrite_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let first = keep(directory.path(), "one").unwrap();
        assert_ne!(first, keep(directory.path(), "two").unwrap());
    }
}
