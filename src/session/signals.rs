//! What other programs ask of this process: to end, to stop for a while, to go on.
//!
//! Listened to before the terminal is taken, so that no signal finds it taken and kills us. Also where `SIGHUP` was
//! ignored when we started: a console without its terminal is of no use.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// By this signal.
    End(i32),
    Stop,
    Continue,
}

#[derive(Debug)]
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    stop: Signal,
    go_on: Signal,
}

impl Signals {
    /// Takes the signals over. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        let of = |number: Number| signal(SignalKind::from_raw(number.as_raw()));
        Ok(Self {
            hangup: of(Number::HUP)?,
            terminate: of(Number::TERM)?,
            interrupt: of(Number::INT)?,
            quit: of(Number::QUIT)?,
            stop: of(Number::TSTP)?,
            go_on: of(Number::CONT)?,
        })
    }

    /// The next signal. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            _ = self.hangup.recv() => Asked::End(Number::HUP.as_raw()),
            _ = self.terminate.recv() => Asked::End(Number::TERM.as_raw()),
            _ = self.interrupt.recv() => Asked::End(Number::INT.as_raw()),
            _ = self.quit.recv() => Asked::End(Number::QUIT.as_raw()),
            _ = self.stop.recv() => Asked::Stop,
            _ = self.go_on.recv() => Asked::Continue,
        }
    }

    /// The next signal that ends, for programs that hold no terminal.
    pub async fn end(&mut self) -> i32 {
        loop {
            if let Asked::End(number) = self.next().await {
                return number;
            }
        }
    }
}
