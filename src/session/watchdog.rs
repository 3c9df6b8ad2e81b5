//! Notices at once that the terminal is gone: a thread blocks on it until it hangs up.
//!
//! Reads nothing, costs nothing while the terminal lives, and reports once.

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// A running watch; dropping it ends it.
#[derive(Debug)]
pub struct Watchdog {
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

/// Calls `gone` once, from another thread, when `terminal` hangs up.
///
/// # Errors
/// When no pipe or thread can be made.
pub fn watch(terminal: OwnedFd, gone: impl FnOnce() + Send + 'static) -> io::Result<Watchdog> {
    let (stopped, stop) = io::pipe()?;
    let thread = thread::Builder::new().name("watchdog".into()).spawn(move || {
        const HUNG_UP: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);
        loop {
            // No flags asked for: hang-ups are always reported, keys are not.
            let mut fds = [PollFd::new(&terminal, PollFlags::empty()), PollFd::new(&stopped, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) if !fds[1].revents().is_empty() => return,
                Ok(_) if fds[0].revents().intersects(HUNG_UP) => return gone(),
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    })?;
    Ok(Watchdog { stop: Some(stop), thread: Some(thread) })
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Closing our end of the pipe wakes the thread.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            // The callback itself may drop the watch: a thread cannot wait for itself.
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_loss_of_the_other_end_is_told_once() {
        let (reader, writer) = io::pipe().unwrap();
        let (tell, told) = mpsc::channel();
        let _watch = watch(reader.into(), move || tell.send(()).unwrap()).unwrap();
        assert!(told.try_recv().is_err());
        drop(writer);
        told.recv_timeout(Duration::from_secs(5)).unwrap();
        assert!(told.recv().is_err(), "the callback is gone after its one call");
    }

    #[test]
    fn dropping_the_watch_ends_its_thread_without_a_report() {
        let (reader, writer) = io::pipe().unwrap();
        let (tell, told) = mpsc::channel::<()>();
        let watch = watch(reader.into(), move || tell.send(()).unwrap()).unwrap();
        drop(watch);
        assert!(told.recv().is_err(), "the thread is over, and with it the callback");
        drop(writer);
    }
}
