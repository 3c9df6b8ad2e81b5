//! The one way to the terminal's output, which can be closed: after that, frames go nowhere.
//!
//! Restoring the terminal closes it first, so that no frame lands on the shell's screen. A frame is written whole or,
//! when the terminal takes nothing for too long, given up.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How often a write to a terminal that refuses bytes looks whether it should give up.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    writing: bool,
}

/// The terminal's output for the writer thread. While the terminal is left, writes succeed and go nowhere.
#[derive(Debug)]
pub struct Output {
    gate: Arc<Gate>,
    file: File,
}

impl Gate {
    pub fn open(&self) {
        self.lock().open = true;
    }

    /// Shuts the gate and waits, at most `limit`, for a write under way; whether the output is whole.
    pub fn shut(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        state.open = false;
        let wait = self.idle.wait_timeout_while(state, limit, |state| state.writing);
        !wait.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    pub(super) fn new(gate: Arc<Gate>, file: File) -> Self {
        Self { gate, file }
    }

    fn write_whole(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // Another program that shares the terminal may have made it non-blocking.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], Some(&LOOK))?;
                    if !self.gate.lock().open {
                        return Ok(());
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        {
            let mut state = self.gate.lock();
            if !state.open {
                return Ok(bytes.len());
            }
            state.writing = true;
        }
        let written = self.write_whole(bytes);
        self.gate.lock().writing = false;
        self.gate.idle.notify_all();
        written.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn output(gate: &Arc<Gate>) -> (Output, io::PipeReader) {
        let (reader, writer) = io::pipe().unwrap();
        (Output::new(Arc::clone(gate), File::from(OwnedFd::from(writer))), reader)
    }

    #[test]
    fn a_frame_that_comes_after_the_terminal_was_given_back_goes_nowhere() {
        let gate = Arc::new(Gate::default());
        let (mut output, mut reader) = output(&gate);
        gate.open();
        output.write_all(b"ours ").unwrap();
        assert!(gate.shut(Duration::ZERO), "nothing is under way");
        output.write_all(b"late ").unwrap();
        gate.open();
        output.write_all(b"again").unwrap();
        drop(output);
        let mut seen = String::new();
        reader.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "ours again");
    }

    #[test]
    fn shutting_waits_for_the_frame_under_way_and_says_when_it_did_not_end() {
        let gate = Arc::new(Gate::default());
        let (mut output, mut reader) = output(&gate);
        gate.open();
        let (tell, told) = mpsc::channel();
        // More than a pipe holds, so that the write is stuck until somebody reads.
        let writer = thread::spawn(move || {
            tell.send(()).unwrap();
            output.write_all(&vec![b'x'; 1 << 20])
        });
        told.recv().unwrap();
        let mut first = [0];
        reader.read_exact(&mut first).unwrap();
        assert!(!gate.shut(Duration::from_millis(20)), "the frame cannot end while nobody reads");
        let rest = thread::spawn(move || reader.read_to_end(&mut Vec::new()).unwrap());
        assert!(gate.shut(Duration::from_secs(10)));
        writer.join().unwrap().unwrap();
        assert_eq!(rest.join().unwrap(), (1 << 20) - 1);
    }
}
