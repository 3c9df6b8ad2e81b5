//! Taking the terminal over and giving it back as it was found.
//!
//! Never asks the terminal a question: late answers over SSH come back as keys. No mouse, no focus reports. Giving it
//! back works from any thread, any number of times, and in bounded time even when the terminal takes no byte.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{env, fmt, thread};

use rustix::event::{Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr};

pub use super::gate::Output;

use super::gate::Gate;

/// Alternate screen, bracketed paste, hidden cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l";
/// The reverse, and the end of whatever a frame may have begun: synchronized update, attributes, scroll region.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[m\x1b[r\x1b[?25h\x1b[?2004l\x1b[?1049l";
/// Ends a sequence or string that was cut, so that the terminal reads what follows as new.
const CUT: &[u8] = b"\x18\x1b\\";

/// Waits of giving back, together below half a second: for a frame under way, and for our own last words.
const FRAME_WAIT: Duration = Duration::from_millis(250);
const LEAVE_WAIT: Duration = Duration::from_millis(200);

static ACTIVE: Mutex<Option<Active>> = Mutex::new(None);

/// Why there is no console here. Its text says what to do instead.
#[derive(Debug)]
pub enum TerminalError {
    /// Standard output is a file or a pipe.
    NotATerminal,
    /// `TERM` is unset, empty, `dumb` or `unknown`; holds its value.
    Dumb(String),
    /// There is a screen but no keyboard: neither standard input nor `/dev/tty` is a terminal.
    NoKeyboard(io::Error),
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for TerminalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATerminal => f.write_str(
                "the console needs a terminal, and standard output is not one; --plain prints lines instead",
            ),
            Self::Dumb(term) if term.is_empty() => f.write_str(
                "TERM is not set, so the terminal's abilities are unknown; set it (such as TERM=xterm) or use --plain",
            ),
            Self::Dumb(term) => write!(
                f,
                "TERM={term} cannot place text on the screen; set TERM to your terminal's kind or use --plain"
            ),
            Self::NoKeyboard(error) => write!(
                f,
                "no keyboard: standard input is not a terminal and /dev/tty cannot be opened ({error}); use --plain"
            ),
            Self::Io(error) => write!(f, "the terminal cannot be set up ({error}); --plain prints lines instead"),
        }
    }
}

impl std::error::Error for TerminalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoKeyboard(error) | Self::Io(error) => Some(error),
            Self::NotATerminal | Self::Dumb(_) => None,
        }
    }
}

impl From<io::Error> for TerminalError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The terminal while it is ours; dropping it gives it back.
#[derive(Debug)]
pub struct Terminal {
    screen: File,
    keyboard: OwnedFd,
    gate: Arc<Gate>,
}

/// What giving back needs, reachable from a panic hook.
struct Active {
    gate: Arc<Gate>,
    screen: File,
    keyboard: OwnedFd,
    found: Termios,
}

impl Terminal {
    /// Takes the terminal over: raw mode, alternate screen, bracketed paste, no cursor.
    ///
    /// # Errors
    /// When there is no usable terminal, before anything was changed.
    pub fn enter() -> Result<Self, TerminalError> {
        if !io::stdout().is_terminal() {
            return Err(TerminalError::NotATerminal);
        }
        let term = env::var("TERM").unwrap_or_default();
        if matches!(term.as_str(), "" | "dumb" | "unknown") {
            return Err(TerminalError::Dumb(term));
        }
        let keyboard = if io::stdin().is_terminal() {
            io::stdin().as_fd().try_clone_to_owned()?
        } else {
            File::options().read(true).write(true).open("/dev/tty").map_err(TerminalError::NoKeyboard)?.into()
        };
        let screen = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let terminal = Self { screen, keyboard, gate: Arc::default() };
        terminal.take()?;
        Ok(terminal)
    }

    /// The output for the writer thread.
    ///
    /// # Errors
    /// When the process may not open another file.
    pub fn output(&self) -> io::Result<Output> {
        Ok(Output::new(Arc::clone(&self.gate), self.screen.try_clone()?))
    }

    /// The keyboard, for input and watchdog.
    ///
    /// # Errors
    /// When the process may not open another file.
    pub fn keyboard(&self) -> io::Result<OwnedFd> {
        self.keyboard.try_clone()
    }

    /// The screen, for whoever asks its size.
    ///
    /// # Errors
    /// When the process may not open another file.
    pub(super) fn screen(&self) -> io::Result<File> {
        self.screen.try_clone()
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        size(&self.screen)
    }

    /// Gives the terminal back, stops this process (as `SIGTSTP` asks), and takes the terminal again when it is
    /// continued. Gives the size, which may have changed meanwhile; call `Writer::repaint` next. For the main thread:
    /// there the stop is certain to come before the terminal is taken again.
    ///
    /// # Errors
    /// When the terminal cannot be taken again; it is given back then.
    pub fn suspend(&self) -> Result<(u16, u16), TerminalError> {
        restore();
        kill_process(getpid(), Signal::STOP).map_err(io::Error::from)?;
        // Off the main thread the stop may arrive a moment after the call: not before the terminal is taken again.
        let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let _ = poll(&mut [], Some(&moment));
        self.take()?;
        Ok(self.size())
    }

    /// Sets the terminal's modes again after `SIGCONT`: when we were stopped by `SIGSTOP`, nobody gave it back, and the
    /// shell has changed it since. Gives the size; call `Writer::repaint` next.
    ///
    /// # Errors
    /// When the modes cannot be set. Linux sends `SIGCONT` with a hang-up too, and then this fails: leave that to the
    /// watchdog.
    pub fn retake(&self) -> Result<(u16, u16), TerminalError> {
        let active = ACTIVE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(active) = &*active {
            let mut raw = active.found.clone();
            raw.make_raw();
            tcsetattr(&self.keyboard, OptionalActions::Now, &raw).map_err(io::Error::from)?;
            // Not the whole of `ENTER`: entering the alternate screen twice loses the shell's cursor.
            (&self.screen).write_all(b"\x1b[?2004h")?;
        }
        Ok(self.size())
    }

    fn take(&self) -> Result<(), TerminalError> {
        let mut active = ACTIVE.lock().unwrap_or_else(PoisonError::into_inner);
        let found = tcgetattr(&self.keyboard).map_err(io::Error::from)?;
        let prepared = Active {
            gate: Arc::clone(&self.gate),
            screen: self.screen.try_clone()?,
            keyboard: self.keyboard.try_clone()?,
            found: found.clone(),
        };
        let mut raw = found;
        raw.make_raw();
        tcsetattr(&self.keyboard, OptionalActions::Now, &raw).map_err(io::Error::from)?;
        *active = Some(prepared);
        drop(active);
        if let Err(error) = (&self.screen).write_all(ENTER) {
            restore();
            return Err(error.into());
        }
        self.gate.open();
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back if it is ours; else does nothing. Takes at most half a second.
pub fn restore() {
    let active = ACTIVE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(active) = active {
        active.leave();
    }
}

impl Active {
    fn leave(self) {
        let whole = self.gate.shut(FRAME_WAIT);
        let mut words = Vec::with_capacity(CUT.len() + LEAVE.len());
        if !whole {
            // What the terminal did not take is dropped; that also frees the writer.
            let _ = tcflush(&self.screen, QueueSelector::OFlush);
            words.extend_from_slice(CUT);
        }
        words.extend_from_slice(LEAVE);
        say(self.screen, words);
        // Keys typed for the console, or the rest of a paste, must not run in the shell.
        let _ = tcflush(&self.keyboard, QueueSelector::IFlush);
        let _ = tcsetattr(&self.keyboard, OptionalActions::Now, &self.found);
    }
}

/// Writes from a thread of its own: the write blocks for as long as the terminal is stopped, we do not.
fn say(mut screen: File, words: Vec<u8>) {
    let (done, waiting) = mpsc::channel();
    let writer = thread::Builder::new().name("leave".into()).spawn(move || {
        let _ = screen.write_all(&words);
        let _ = done.send(());
    });
    if writer.is_ok() {
        let _ = waiting.recv_timeout(LEAVE_WAIT);
    }
}

/// Columns and rows of the terminal behind `screen`; where it does not know (serial lines), what `COLUMNS` and `LINES`
/// say, else 80x24.
pub(super) fn size(screen: impl AsFd) -> (u16, u16) {
    let known = tcgetwinsize(screen).ok();
    let or = |known: Option<u16>, name: &str, usual: u16| {
        let said = || env::var(name).ok().and_then(|value| value.trim().parse().ok());
        known.filter(|n| *n > 0).or_else(said).filter(|n| *n > 0).unwrap_or(usual)
    };
    (or(known.map(|w| w.ws_col), "COLUMNS", 80), or(known.map(|w| w.ws_row), "LINES", 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restoring_what_was_never_taken_does_nothing() {
        restore();
        restore();
    }

    #[test]
    fn every_refusal_names_the_way_out() {
        for error in [
            TerminalError::NotATerminal,
            TerminalError::Dumb(String::new()),
            TerminalError::Dumb("dumb".into()),
            TerminalError::NoKeyboard(io::ErrorKind::NotFound.into()),
            TerminalError::Io(io::ErrorKind::Other.into()),
        ] {
            assert!(error.to_string().contains("--plain"), "{error}");
        }
    }

    #[test]
    fn the_size_of_something_that_is_no_terminal_is_still_a_size() {
        let (columns, rows) = size(File::open("/dev/null").unwrap());
        assert!(columns > 0 && rows > 0);
    }
}
