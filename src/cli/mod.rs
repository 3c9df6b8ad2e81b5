//! The command line: what it is made of (`args`), which settings and which mode it means (`parse`), and who does that
//! (`dispatch`). The only place that knows of `--demo`.

mod args;
#[cfg(feature = "demo")]
mod demo;
mod diagnostics;
mod dispatch;
mod kept;
mod live;
#[cfg(not(feature = "demo"))]
mod no_demo;
mod parse;

use std::io::Write as _;
use std::process::ExitCode;

pub use args::{AuditCommand, CompareArgs, DemoArgs, ProfileCommand, TimelineArgs, command};
#[cfg(not(feature = "demo"))]
use no_demo as demo;
pub use parse::{Mode, Refusal, Start, parse};

use crate::config::env::Env;
use crate::config::load::default_file;
use crate::sources::memory;

/// The exit code of a command line or configuration that cannot be used.
pub const EXIT_USAGE: u8 = 2;

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    memory::share_one_heap();
    // two providers in one tree would make rustls refuse to choose
    let _ = rustls::crypto::ring::default_provider().install_default();
    match parse(std::env::args_os(), Env::of_process(), default_file()) {
        Ok(mode) => dispatch::run(mode),
        Err(refusal) => {
            let written = if refusal.to_stdout {
                std::io::stdout().write_all(refusal.text.as_bytes())
            } else {
                std::io::stderr().write_all(refusal.text.as_bytes())
            };
            // A reader that has gone away is no failure of ours.
            drop(written);
            ExitCode::from(refusal.code)
        }
    }
}
