//! Which function runs a mode, and the exit code of what it ends with.

use std::io::Write as _;
use std::process::ExitCode;

use color_eyre::eyre::Result;

use super::args::command;
use super::parse::Mode;
use super::{EXIT_USAGE, demo, kept, live};
use crate::headless::{self, check, compare, rbac};
use crate::session::start::Unusable;
use crate::session::terminal::TerminalError;

/// Does what a mode asks for, and gives the exit code.
pub(super) fn run(mode: Mode) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let err = &mut std::io::stderr();
    let printed = match mode {
        Mode::Config(settings) => headless::config::print(&settings, &mut out),
        Mode::Example => out.write_all(headless::config::example().as_bytes()),
        Mode::Man => headless::man::man(command(), &mut out),
        Mode::Completions(shell) => headless::man::completions(command(), shell, &mut out),
        Mode::Console(start) => {
            drop(out);
            return ended(live::console(start));
        }
        Mode::Plain { start, follow, bare } => return ended(live::plain(start, follow, bare, &mut out)),
        Mode::Run { settings, order } => return ended(live::act(*settings, order, &mut out)),
        Mode::Health { start, format, timeout } => return told(live::health(start, format, timeout, &mut out)),
        Mode::Snapshot { start, file, timeout } => {
            return told(live::snapshot(start, file.as_deref(), timeout, &mut out));
        }
        Mode::Compare(args) => {
            let code = compare::run(&args.a, &args.b, args.output, &mut out, err);
            return told(code.map(ExitCode::from).map_err(Into::into));
        }
        Mode::Check { start, contexts, order } => return told(live::check(start, contexts, &order, &mut out)),
        Mode::Audit { settings, what } => return ended(kept::audit(&settings, what, &mut out)),
        Mode::Profile { settings, command } => return ended(kept::profile(&settings, command, &mut out)),
        Mode::Timeline { settings, args } => return ended(kept::timeline(&settings, args, &mut out)),
        Mode::Rbac(role) => rbac::print(role, &mut out),
        Mode::Demo(args) => return ended(demo::serve(args, &mut out)),
    };
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "watchkeeper: the output cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ended(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        let broken_pipe = error.chain().filter_map(|e| e.downcast_ref::<std::io::Error>());
        if broken_pipe.into_iter().any(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        let usage = error.downcast_ref::<TerminalError>().is_some() || error.downcast_ref::<Unusable>().is_some();
        // The causes in one line each; a backtrace helps nobody who mistyped a name.
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let _ = writeln!(std::io::stderr(), "watchkeeper: {}", causes.join(": "));
        ExitCode::from(if usage { EXIT_USAGE } else { 1 })
    })
}

/// The same where everything that keeps us from telling is one code.
fn told(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        ended(Err(error));
        ExitCode::from(check::UNKNOWN)
    })
}
