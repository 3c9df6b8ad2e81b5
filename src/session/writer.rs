//! The thread that owns the terminal's output, so that a slow link never stops the console.
//!
//! Takes whole buffers, the latest wins; writes the difference to the last one it wrote, in one write call; writes
//! nothing when nothing differs. Never reads, never asks the terminal anything.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ratatui::buffer::Buffer;

use super::copy::{self, CopyTooLong};
use super::encode::Encoder;
use super::picture::Picture;

/// What one screen is.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    pub buffer: Buffer,
    /// Column and row of the text cursor; hidden when `None`.
    pub cursor: Option<(u16, u16)>,
    /// `Scene::bells`: the terminal rings once when it grew since the last frame written.
    pub bells: u32,
}

/// How long dropping a writer waits for the terminal to take what is left.
const DROP_WAIT: Duration = Duration::from_millis(300);

/// A handle on the writer thread. Sending never blocks.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
    bytes: AtomicU64,
    broken: AtomicBool,
}

#[derive(Debug, Default)]
struct Slot {
    frame: Option<Frame>,
    copy: Option<Vec<u8>>,
    repaint: bool,
    stop: bool,
    phase: Phase,
}

/// What the thread is doing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Waiting,
    Writing,
    Ended,
}

impl Writer {
    /// Starts the thread; it owns `out` until it is stopped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("writer".into()).spawn(move || {
            theirs.run(out);
            theirs.lock().phase = Phase::Ended;
            theirs.changed.notify_all();
        })?;
        Ok(Self { shared })
    }

    /// Shows `frame`, in place of any frame that still waits.
    pub fn show(&self, frame: Frame) {
        self.put(|slot| slot.frame = Some(frame));
    }

    /// Sends `text` to the operator's clipboard (OSC 52); the terminal does not say whether it took it.
    ///
    /// # Errors
    /// When the text is too long for that; show it in a plain view then.
    pub fn copy(&self, text: &str) -> Result<(), CopyTooLong> {
        let sequence = copy::sequence(text)?;
        self.put(|slot| slot.copy = Some(sequence));
        Ok(())
    }

    /// Erases the screen and draws the last frame again: after another program had the terminal.
    pub fn repaint(&self) {
        self.put(|slot| slot.repaint = true);
    }

    /// Bytes that the terminal has taken so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Whether a write failed: the terminal is gone, and nothing more will be written.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Relaxed)
    }

    /// Waits until everything sent so far is written, at most `limit`; whether it was.
    pub fn settle(&self, limit: Duration) -> bool {
        let slot = self.shared.lock();
        let waiting = |slot: &mut Slot| match slot.phase {
            Phase::Waiting => slot.has_work(),
            Phase::Writing => true,
            Phase::Ended => false,
        };
        let wait = self.shared.changed.wait_timeout_while(slot, limit, waiting);
        !wait.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn put(&self, change: impl FnOnce(&mut Slot)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for Writer {
    /// Writes what waits, for at most 300 ms: a terminal that takes nothing must not keep the program.
    fn drop(&mut self) {
        self.put(|slot| slot.stop = true);
        let slot = self.shared.lock();
        let _ = self.shared.changed.wait_timeout_while(slot, DROP_WAIT, |slot| slot.phase != Phase::Ended);
    }
}

impl Slot {
    fn has_work(&self) -> bool {
        self.frame.is_some() || self.copy.is_some() || self.repaint
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut out: impl Write) {
        let mut screen = Screen::new();
        loop {
            let mut slot = self.lock();
            slot.phase = Phase::Waiting;
            self.changed.notify_all();
            let idle = |slot: &mut Slot| !slot.has_work() && !slot.stop;
            slot = self.changed.wait_while(slot, idle).unwrap_or_else(PoisonError::into_inner);
            if !slot.has_work() {
                return;
            }
            let (frame, copy, repaint) = (slot.frame.take(), slot.copy.take(), mem::take(&mut slot.repaint));
            slot.phase = Phase::Writing;
            drop(slot);
            if self.is_broken() {
                continue;
            }
            let bytes = screen.bytes(frame, copy, repaint);
            if bytes.is_empty() {
                continue;
            }
            match out.write_all(bytes).and_then(|()| out.flush()) {
                Ok(()) => drop(self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed)),
                Err(_) => self.broken.store(true, Ordering::Relaxed),
            }
        }
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

/// What the terminal shows now, as far as we know.
#[derive(Debug)]
pub(super) struct Screen {
    picture: Option<Picture>,
    cursor: Option<(u16, u16)>,
    bells: u32,
    encoder: Encoder,
}

impl Screen {
    pub fn new() -> Self {
        Self { picture: None, cursor: None, bells: 0, encoder: Encoder::new() }
    }

    /// The bytes that bring the terminal up to date; empty when it is.
    pub fn bytes(&mut self, frame: Option<Frame>, copy: Option<Vec<u8>>, repaint: bool) -> &[u8] {
        const BEGIN: &[u8] = b"\x1b[?2026h";
        let encoder = &mut self.encoder;
        encoder.out.clear();
        encoder.out.extend_from_slice(BEGIN);
        let known = self.picture.take();
        let (next, cursor, bells) = match frame {
            Some(frame) => (Some(Picture::of(&frame.buffer)), frame.cursor, frame.bells),
            None => (None, self.cursor, self.bells),
        };
        let before = known.as_ref().filter(|_| !repaint);
        if let Some(next) = next.as_ref().or(known.as_ref())
            && before.is_none_or(|before| before != next)
        {
            encoder.frame(before, next);
        }
        let drawn = encoder.out.len() > BEGIN.len();
        match cursor {
            Some((column, row)) if drawn || cursor != self.cursor || repaint => {
                encoder.place(row, column);
                if self.cursor.is_none() || repaint {
                    encoder.out.extend_from_slice(b"\x1b[?25h");
                }
            }
            None if self.cursor.is_some() || repaint => encoder.out.extend_from_slice(b"\x1b[?25l"),
            _ => {}
        }
        if encoder.out.len() == BEGIN.len() {
            encoder.out.clear();
        } else {
            encoder.out.extend_from_slice(b"\x1b[?2026l");
        }
        if bells > self.bells {
            encoder.out.push(b'\x07');
        }
        encoder.out.extend(copy.into_iter().flatten());
        self.picture = next.or(known);
        (self.cursor, self.bells) = (cursor, bells);
        &encoder.out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn frame(text: &str) -> Frame {
        Frame { buffer: Buffer::with_lines([text]), ..Frame::default() }
    }

    /// Sends each write on, and holds it until it is released.
    struct Slow(mpsc::Sender<Vec<u8>>, mpsc::Receiver<()>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            self.1.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_takes_nothing_blocks_nobody_and_gets_only_the_latest_frame() {
        let (wrote, written) = mpsc::channel();
        let (go, gone) = mpsc::channel();
        let writer = Writer::start(Slow(wrote, gone)).unwrap();
        writer.show(frame("first"));
        written.recv().unwrap();
        for text in ["stale", "older", "fresh"] {
            writer.show(frame(text));
        }
        assert!(!writer.settle(Duration::from_millis(20)), "nothing can be settled while the terminal blocks");
        go.send(()).unwrap();
        let second = String::from_utf8(written.recv().unwrap()).unwrap();
        assert!(second.contains('e') && !second.contains("stale") && !second.contains("older"), "{second:?}");
        go.send(()).unwrap();
        assert!(writer.settle(Duration::from_secs(5)));
        assert!(written.try_recv().is_err(), "one write a frame, and no third frame");
    }

    #[test]
    fn an_equal_frame_writes_nothing() {
        let mut screen = Screen::new();
        assert!(!screen.bytes(Some(frame("same")), None, false).is_empty());
        assert_eq!(screen.bytes(Some(frame("same")), None, false), b"");
    }

    #[test]
    fn a_frame_is_one_synchronized_update() {
        let mut screen = Screen::new();
        let bytes = screen.bytes(Some(frame("x")), None, false);
        assert!(bytes.starts_with(b"\x1b[?2026h") && bytes.ends_with(b"\x1b[?2026l"));
    }

    #[test]
    fn the_bell_rings_once_even_when_the_frame_that_rang_it_was_dropped() {
        let mut screen = Screen::new();
        screen.bytes(Some(frame("x")), None, false);
        assert_eq!(screen.bytes(Some(Frame { bells: 2, ..frame("x") }), None, false), b"\x07");
        assert_eq!(screen.bytes(Some(Frame { bells: 2, ..frame("x") }), None, false), b"");
    }

    #[test]
    fn the_cursor_is_shown_moved_and_hidden() {
        let mut screen = Screen::new();
        let at = |cursor| Some(Frame { cursor, ..frame("xyz") });
        screen.bytes(at(None), None, false);
        let shown = screen.bytes(at(Some((2, 0))), None, false).to_vec();
        assert!(shown.windows(6).any(|w| w == b"\x1b[1;3H") && shown.windows(6).any(|w| w == b"\x1b[?25h"));
        let moved = screen.bytes(at(Some((1, 0))), None, false).to_vec();
        assert!(moved.windows(6).any(|w| w == b"\x1b[1;2H") && !moved.windows(6).any(|w| w == b"\x1b[?25h"));
        assert!(screen.bytes(at(None), None, false).windows(6).any(|w| w == b"\x1b[?25l"));
    }

    #[test]
    fn a_terminal_that_fails_is_left_alone() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let writer = Writer::start(Broken).unwrap();
        writer.show(frame("x"));
        assert!(writer.settle(Duration::from_secs(5)));
        assert!(writer.is_broken());
        assert_eq!(writer.bytes(), 0);
    }

    #[test]
    fn dropping_a_writer_whose_terminal_is_stuck_returns() {
        let (wrote, written) = mpsc::channel();
        let (_go, gone) = mpsc::channel();
        let writer = Writer::start(Slow(wrote, gone)).unwrap();
        writer.show(frame("x"));
        written.recv().unwrap();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            drop(writer);
            let _ = tell.send(());
        });
        told.recv_timeout(Duration::from_secs(5)).expect("the drop is bounded");
    }
}
