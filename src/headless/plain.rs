//! `--plain`: the chosen screen as lines, every row, once or whenever it changes. For pipes and screen readers.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::feed;
use crate::app::App;
use crate::data::{Ask, Data};
use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::record::KindId;
use crate::intent::Effect;
use crate::kinds::{self, joined};
use crate::screens::world::Link;

/// How long the first lists may take before what is there is printed as partial.
const PATIENCE: Duration = Duration::from_secs(30);
const WIDTH: u16 = 200;

/// How a plain run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Printed,
    /// The API server could not be reached; what was printed says why.
    Unreachable,
    /// A signal asked for the end.
    Signal(i32),
}

/// What a plain run is given.
#[derive(Debug)]
pub struct Plain {
    pub app: App,
    pub data: Data,
    /// The line after `:` that chooses the screen.
    pub view: String,
    pub follow: bool,
    /// Without the line that says which screen it is: for texts that are whole in themselves.
    pub bare: bool,
    pub now: fn() -> Time,
}

impl Plain {
    /// Prints to `out`, until `end` gives the number of a signal.
    ///
    /// # Errors
    /// What writing fails with, and a view that does not exist.
    pub async fn run(mut self, out: &mut dyn Write, end: impl Future<Output = i32>) -> io::Result<Ended> {
        let mut end = std::pin::pin!(end);
        self.data.ask(Ask::Connect(None));
        let mut printed: Option<Vec<String>> = None;
        let started = monotonic();
        loop {
            if let Some(watch) = self.kind().and_then(|kind| self.app.world.watch(kind)) {
                feed::ask(&self.data, watch);
            }
            let got = tokio::select! {
                number = &mut end => return Ok(Ended::Signal(number)),
                got = tokio::time::timeout(Duration::from_millis(200), self.data.news.recv()) => got,
            };
            match got {
                Ok(Some(news)) => {
                    feed::take(&mut self.app, news.what);
                    while let Ok(news) = self.data.news.try_recv() {
                        feed::take(&mut self.app, news.what);
                    }
                    if printed.is_none() && !self.settled() && started.elapsed() < PATIENCE {
                        continue;
                    }
                }
                Ok(None) => return Err(io::Error::other("the data thread has ended")),
                Err(_) if printed.is_none() && !self.settled() && started.elapsed() < PATIENCE => continue,
                Err(_) => {}
            }
            let skew = self.app.world.facts.skew;
            self.app.world.facts.now = if skew.abs() > 5 { (self.now)().plus(skew) } else { (self.now)() };
            self.app.settle();
            if printed.is_none() {
                self.choose()?;
            }
            let lines = self.lines();
            if printed.as_ref() != Some(&lines) {
                for line in &lines {
                    writeln!(out, "{line}")?;
                }
                if self.follow {
                    writeln!(out)?;
                }
                out.flush()?;
            }
            printed = Some(lines);
            if !self.follow {
                let up = self.app.world.facts.link == Link::Up;
                return Ok(if up { Ended::Printed } else { Ended::Unreachable });
            }
        }
    }

    fn choose(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.view);
        let effects = self.app.run_line(&line).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        for effect in effects {
            if effect != Effect::Quit {
                feed::ask(&self.data, effect);
            }
        }
        Ok(())
    }

    fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let context = &self.app.world.facts.context;
        let whose = if context.is_empty() { String::new() } else { format!("{context}: ") };
        match &self.app.world.facts.link {
            Link::Up => {}
            Link::Connecting => lines.push(format!("{whose}not connected: no answer yet")),
            Link::Down { headline, detail, .. } => lines.push(format!("{whose}{headline}: {detail}")),
        }
        if self.bare {
            return self.app.plain(WIDTH).split_off(1);
        }
        lines.extend(self.app.plain(WIDTH));
        lines
    }

    /// The kind whose table is to be printed, until it is.
    fn kind(&self) -> Option<KindId> {
        kinds::by_word(self.view.split_whitespace().next().unwrap_or_default())
    }

    /// Every feed that the screen needs has either all its rows or a reason for having none; or there is no connection
    /// to wait for. A slow feed keeps nobody waiting who does not look at it.
    fn settled(&self) -> bool {
        if matches!(self.app.world.facts.link, Link::Down { .. }) {
            return true;
        }
        let kind = self.kind();
        let needed = |id| kind.is_none_or(|kind| id == kind || joined::judged_with(kind) == Some(id));
        let unsettled = |state| match state {
            FeedState::Waiting | FeedState::Listing { .. } => true,
            FeedState::Idle => kind.is_some(),
            _ => false,
        };
        !self.app.world.store.tables().any(|(id, table)| needed(id) && unsettled(table.feed.state))
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline of this process, not a time that is shown")]
fn monotonic() -> Instant {
    Instant::now()
}
