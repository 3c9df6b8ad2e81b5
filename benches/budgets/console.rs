//! The console in a pseudo-terminal: keys in, bytes counted and an emulated screen out.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, WrapErr, eyre};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a state is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running console; ends when dropped.
pub struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    shared: Arc<Shared>,
    /// Its home and configuration: empty, so that the machine's own do not matter.
    _home: tempfile::TempDir,
    pub started: Instant,
}

#[derive(Default)]
struct Shared {
    glass: Mutex<Glass>,
    changed: Condvar,
}

#[derive(Default)]
struct Glass {
    parser: vt100::Parser,
    bytes: usize,
    /// When the last byte came.
    last: Option<Instant>,
    ended: bool,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(n: u16) -> Result<NonZeroU16> {
    NonZeroU16::new(n).ok_or_else(|| eyre!("a terminal without cells"))
}

impl Console {
    /// Starts the console on the pods of this cluster.
    pub fn start(kubeconfig: &Path, columns: u16, rows: u16) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let config = home.path().join("config.toml");
        std::fs::write(&config, "")?;
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_watchkeeper"));
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("HOME", home.path());
        command.arg("--config");
        command.arg(&config);
        command.arg("--kubeconfig");
        command.arg(kubeconfig);
        command.args(["-c", "pods"]);
        let pair = native_pty_system().openpty(size(columns, rows)).map_err(|e| eyre!("{e}"))?;
        let mut reader = pair.master.try_clone_reader().map_err(|e| eyre!("{e}"))?;
        let keys = pair.master.take_writer().map_err(|e| eyre!("{e}"))?;
        let shared = Arc::new(Shared::default());
        shared.glass().parser = vt100::Parser::new(cells(rows)?, cells(columns)?, 0);
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            let mut piece = [0; 16384];
            loop {
                let read = reader.read(&mut piece).unwrap_or(0);
                let now = Instant::now();
                let mut glass = theirs.glass();
                glass.parser.process(&piece[..read]);
                glass.bytes += read;
                glass.last = Some(now);
                glass.ended = read == 0;
                drop(glass);
                theirs.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).map_err(|e| eyre!("the console cannot be started: {e}"))?;
        Ok(Self { child, master: pair.master, keys, shared, _home: home, started })
    }

    pub fn pid(&self) -> Result<u32> {
        self.child.process_id().ok_or_else(|| eyre!("the console has ended"))
    }

    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        self.shared.glass().parser.screen_mut().set_size(cells(rows)?, cells(columns)?);
        self.master.resize(size(columns, rows)).map_err(|e| eyre!("{e}"))
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> usize {
        self.shared.glass().bytes
    }

    /// The text on the screen.
    pub fn text(&self) -> String {
        self.shared.glass().parser.screen().contents()
    }

    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).wrap_err("the console takes no keys")
    }

    /// Presses keys and waits for the first byte that comes after them: how long that took.
    pub fn answer(&mut self, keys: &str) -> Result<Duration> {
        let before = self.bytes();
        let pressed = Instant::now();
        self.press(keys)?;
        let last = self.until("an answer to a key", |glass| (glass.bytes > before).then_some(glass.last))?;
        let last = last.ok_or_else(|| eyre!("bytes without a time"))?;
        Ok(last.saturating_duration_since(pressed))
    }

    /// Waits until nothing was written for so long.
    pub fn quiet(&self, silence: Duration) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let before = self.bytes();
            thread::sleep(silence);
            if self.bytes() == before {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(eyre!("the console does not come to rest"));
            }
        }
    }

    /// Waits until the screen's lines are as wanted; when that was.
    pub fn wait(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Result<Instant> {
        let when = self.until(what, |glass| {
            let screen = glass.parser.screen();
            let lines: Vec<String> = screen.rows(0, screen.size().1.get()).collect();
            wanted(&lines).then_some(glass.last)
        })?;
        Ok(when.unwrap_or_else(Instant::now))
    }

    fn until<T>(&self, what: &str, mut check: impl FnMut(&Glass) -> Option<T>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        let mut glass = self.shared.glass();
        loop {
            if let Some(found) = check(&glass) {
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || glass.ended {
                let why = if glass.ended { "the console has ended" } else { "not in time" };
                return Err(eyre!("{what}: {why}\n{}", glass.parser.screen().contents()));
            }
            let waited = self.shared.changed.wait_timeout(glass, left);
            glass = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn glass(&self) -> MutexGuard<'_, Glass> {
        self.glass.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
