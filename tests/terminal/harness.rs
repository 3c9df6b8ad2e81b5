//! A program in a real pseudo-terminal: keys in, an emulated screen out.
//!
//! Waits for states with a deadline, never for a time. Knows nothing of the program that it runs.
#![allow(dead_code, reason = "each test binary uses the part that it needs")]
#![expect(clippy::disallowed_methods, reason = "a wait has a deadline in real time")]

use std::fs::{self, File};
use std::io::{self, PipeWriter, Read, Write};
use std::num::NonZeroU16;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub mod machine;

pub use portable_pty::CommandBuilder;
use portable_pty::{Child, MasterPty, PtySize, native_pty_system};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use machine::scaled;

/// How long a state is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Pty {
    /// `None` after the terminal was closed.
    open: Option<Open>,
    child: Box<dyn Child + Send + Sync>,
    shared: Arc<Shared>,
    found: String,
}

struct Open {
    master: Box<dyn MasterPty + Send>,
    keys: File,
    stop: PipeWriter,
    reader: JoinHandle<()>,
}

struct Shared {
    glass: Mutex<Glass>,
    changed: Condvar,
    paused: AtomicBool,
}

struct Glass {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

impl Pty {
    /// Starts `command` in a terminal of this size, with `TERM=xterm-256color` unless the command says otherwise.
    pub fn spawn(mut command: CommandBuilder, columns: u16, rows: u16) -> Self {
        if command.get_env("TERM").is_none_or(|term| term == std::env::var_os("TERM").unwrap_or_default()) {
            command.env("TERM", "xterm-256color");
        }
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pty");
        let found = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let file = own(&*pair.master);
        let keys = file.try_clone().expect("a descriptor");
        let (stopped, stop) = io::pipe().expect("a pipe");
        let glass = Glass {
            parser: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0),
            raw: Vec::new(),
            ended: false,
        };
        let shared =
            Arc::new(Shared { glass: Mutex::new(glass), changed: Condvar::new(), paused: AtomicBool::new(false) });
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || theirs.read(file, &stopped));
        Self { open: Some(Open { master: pair.master, keys, stop, reader }), child, shared, found }
    }

    /// Types these bytes.
    pub fn keys(&mut self, bytes: impl AsRef<[u8]>) {
        self.open.as_mut().expect("the terminal is open").keys.write_all(bytes.as_ref()).expect("keys are taken");
    }

    /// Waits until the screen is as `wanted`; fails with the screen when it does not come to that.
    #[track_caller]
    pub fn wait(&self, what: &str, mut wanted: impl FnMut(&vt100::Screen) -> bool) {
        let waiting = |glass: &mut Glass| !wanted(glass.parser.screen());
        let waited = self.shared.changed.wait_timeout_while(self.shared.glass(), PATIENCE, waiting);
        let (glass, time) = waited.unwrap_or_else(PoisonError::into_inner);
        let text = glass.parser.screen().contents();
        drop(glass);
        assert!(!time.timed_out(), "{what}: not within {PATIENCE:?}\n{text}");
    }

    /// Waits until `text` is on the screen.
    #[track_caller]
    pub fn wait_text(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// What is on the screen, without trailing blanks.
    pub fn text(&self) -> String {
        self.screen(vt100::Screen::contents)
    }

    /// Something about the screen as it is now.
    pub fn screen<T>(&self, ask: impl FnOnce(&vt100::Screen) -> T) -> T {
        ask(self.shared.glass().parser.screen())
    }

    /// Bytes that the program has written so far.
    pub fn bytes(&self) -> usize {
        self.shared.glass().raw.len()
    }

    /// Everything that the program has written so far.
    pub fn raw(&self) -> Vec<u8> {
        self.shared.glass().raw.clone()
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let mut glass = self.shared.glass();
        glass.parser.set_size(at_least_one(rows), at_least_one(columns));
        drop(glass);
        self.open.as_ref().expect("the terminal is open").master.resize(size(columns, rows)).expect("a new size");
    }

    /// The modes of the line (raw or not, echo or not), to compare.
    pub fn modes(&self) -> String {
        modes(&*self.open.as_ref().expect("the terminal is open").master)
    }

    /// Where the terminal is in the file system.
    pub fn path(&self) -> std::path::PathBuf {
        self.open.as_ref().and_then(|open| open.master.tty_name()).expect("an open terminal has a name")
    }

    /// The modes of the line before the program started.
    pub fn found(&self) -> &str {
        &self.found
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the program lives");
    }

    /// From now on the terminal takes no byte, as over a link that hangs; until `resume`.
    pub fn pause(&self) {
        self.shared.paused.store(true, Ordering::SeqCst);
    }

    pub fn resume(&self) {
        self.shared.paused.store(false, Ordering::SeqCst);
    }

    /// Closes the terminal, as when the connection is lost.
    pub fn hang_up(&mut self) {
        if let Some(Open { master, keys, stop, reader }) = self.open.take() {
            drop(stop);
            reader.join().expect("the reader ends");
            drop((keys, master));
        }
    }

    /// The program's exit code, when it ends within `limit` (on a machine of the usual speed); by then the screen shows
    /// its last output.
    pub fn exit_within(&mut self, limit: Duration) -> Option<u32> {
        let limit = if limit < PATIENCE { scaled(limit) } else { limit };
        let code = until(limit, || self.child.try_wait().expect("a child").map(|status| status.exit_code()))?;
        let glass = self.shared.glass();
        if self.open.is_some() && !self.shared.paused.load(Ordering::SeqCst) {
            drop(self.shared.changed.wait_timeout_while(glass, PATIENCE, |glass| !glass.ended));
        }
        Some(code)
    }

    /// Waits for the end of the program and of its output; gives the exit code.
    #[track_caller]
    pub fn exit(&mut self) -> u32 {
        self.exit_within(PATIENCE).expect("the program ends")
    }

    /// The letter of the process's state (`R`, `S`, `T` stopped, ...) and its CPU time so far.
    pub fn process(&self) -> Option<(char, Duration)> {
        process(&self.pid().as_raw_pid().to_string())
    }

    #[track_caller]
    pub fn wait_process(&self, what: &str, mut wanted: impl FnMut(char) -> bool) {
        let found = until(PATIENCE, || self.process().filter(|(state, _)| wanted(*state)));
        assert!(found.is_some(), "{what}: the process is {:?}", self.process());
    }

    fn pid(&self) -> Pid {
        let id = self.child.process_id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw).expect("a process id")
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // The program may be stopped, or stuck on the terminal.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = kill_process(self.pid(), Signal::KILL);
        }
        self.hang_up();
        let _ = self.child.wait();
    }
}

impl Shared {
    /// A test that fails while it looks must not take the reader along: the other tests go on.
    fn glass(&self) -> MutexGuard<'_, Glass> {
        self.glass.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, mut file: File, stopped: &io::PipeReader) {
        let mut buffer = [0; 8192];
        loop {
            let paused = self.paused.load(Ordering::SeqCst);
            let flags = if paused { PollFlags::empty() } else { PollFlags::IN };
            let mut fds = [PollFd::new(stopped, PollFlags::IN), PollFd::new(&file, flags)];
            // The pause is looked at again and again.
            let tick = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
            let _ = poll(&mut fds, Some(&tick));
            let (stop, ready) = (fds[0].revents(), fds[1].revents());
            if !stop.is_empty() {
                return;
            }
            if paused || ready.is_empty() {
                continue;
            }
            // An error is the end of the last program on this terminal.
            let count = file.read(&mut buffer).unwrap_or(0);
            let mut glass = self.glass();
            glass.raw.extend_from_slice(&buffer[..count]);
            glass.parser.process(&buffer[..count]);
            glass.ended = count == 0;
            drop(glass);
            self.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    }
}

/// Asks until there is an answer, at most for `limit`.
pub fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || start.elapsed() > limit {
            return answer;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// State and CPU time of a process, by its id or `self`.
pub fn process(id: &str) -> Option<(char, Duration)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some((fields.first()?.chars().next()?, Duration::from_millis(ticks * 10)))
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("modes"))
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn at_least_one(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN)
}

#[expect(
    unsafe_code,
    reason = "the library hands out readers that cannot be interrupted; the descriptor is open for as long as `master` is borrowed here"
)]
fn own(master: &dyn MasterPty) -> File {
    let raw = master.as_raw_fd().expect("a unix pty has a descriptor");
    // SAFETY: `master` owns the descriptor and outlives this borrow, which is duplicated at once.
    let borrowed = unsafe { BorrowedFd::borrow_raw(raw) };
    File::from(borrowed.try_clone_to_owned().expect("a descriptor"))
}
