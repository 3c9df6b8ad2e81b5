//! `--plain`: the chosen screen as lines, every row and nothing of it cut, once; then only what changes, where that is
//! asked for. For pipes and screen readers: what is wrong with looking at all goes to the other stream.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::{feed, look, place};
use crate::app::{self, App};
use crate::data::{Ask, Data, What};
use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::record::KindId;
use crate::domain::reply::Standing;
use crate::domain::text;
use crate::intent::Effect;
use crate::kinds::{self, joined};
use crate::scene::ENDLESS;
use crate::screens::world::Link;

/// How long the first lists may take before what is there is printed as partial.
const PATIENCE: Duration = Duration::from_secs(30);
/// Screens that say something without a cluster, by their words.
const ALONE: &[&str] = &["ctx", "context", "contexts", "help", "audit", "timeline", "tl", "plans"];

/// How a plain run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Printed,
    /// What was asked for could not be seen; why was said.
    Unknown,
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

/// The lines as they were printed last.
struct Printed {
    /// Each as it would look at the time of the first of all, without what only fills up columns: in such lines no age
    /// moves by itself.
    keys: Vec<String>,
    lines: Vec<String>,
    at: Time,
}

impl Plain {
    /// Prints to `out`, and what goes wrong to `err`, until `end` gives the number of a signal.
    ///
    /// # Errors
    /// What writing fails with, and a view that does not exist.
    pub async fn run(
        mut self,
        out: &mut dyn Write,
        err: &mut dyn Write,
        end: impl Future<Output = i32>,
    ) -> io::Result<Ended> {
        let mut end = std::pin::pin!(end);
        self.data.ask(Ask::Connect(None));
        let mut printed: Option<Printed> = None;
        let mut said = String::new();
        let mut warned = false;
        let mut started = monotonic();
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
                    self.take(news.what);
                    while let Ok(news) = self.data.news.try_recv() {
                        self.take(news.what);
                    }
                }
                Ok(None) => return Err(io::Error::other("the data thread has ended")),
                Err(_) => {}
            }
            // at once: it may be what a person has to enter elsewhere
            if let Link::Down { passing: true, .. } = self.app.world.facts.link {
                self.say(err, &mut said)?;
            }
            if self.is_passing() {
                // what is waited for now does not count
                started = monotonic();
            }
            let patient = started.elapsed() < PATIENCE;
            if printed.is_none() && !self.settled() && patient {
                continue;
            }
            self.app.world.set_time((self.now)());
            self.app.settle();
            self.say(err, &mut said)?;
            if !warned {
                warned = true;
                self.warn(err)?;
            }
            if printed.is_none() && !self.can_show() {
                if self.follow && !self.is_nowhere() {
                    continue;
                }
                return Ok(Ended::Unknown);
            }
            if printed.is_none() {
                self.choose()?;
            } else if self.is_listing() {
                // what is half read is no news
                continue;
            }
            printed = Some(self.print(printed.as_ref(), out)?);
            if !self.follow {
                return Ok(if self.sees() { Ended::Printed } else { Ended::Unknown });
            }
        }
    }

    fn take(&mut self, what: What) {
        feed::take(&mut self.app, what);
    }

    fn choose(&mut self) -> io::Result<()> {
        let line = self.view.clone();
        // there are no keys on a command line
        let said = |why: String| why.replace(app::WAYS, "; `watchkeeper --plain -c help` lists them");
        let effects = self.app.run_line(&line).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, said(why)))?;
        for effect in effects {
            if effect != Effect::Quit {
                feed::ask(&self.data, effect);
            }
        }
        Ok(())
    }

    /// Prints everything, or what is another line than the last time.
    fn print(&mut self, before: Option<&Printed>, out: &mut dyn Write) -> io::Result<Printed> {
        let now = self.app.world.facts.now;
        let at = before.as_ref().map_or(now, |before| before.at);
        let lines = self.lines();
        self.app.world.facts.now = at;
        let keys: Vec<String> = self.lines().iter().map(|line| squeezed(line)).collect();
        self.app.world.facts.now = now;
        match &before {
            None => {
                for line in &lines {
                    writeln!(out, "{line}")?;
                }
                out.flush()?;
            }
            Some(before) => {
                for old in beyond(&before.keys, &keys) {
                    writeln!(out, "- {}", before.lines[old])?;
                }
                for new in beyond(&keys, &before.keys) {
                    writeln!(out, "+ {}", lines[new])?;
                }
                out.flush()?;
            }
        }
        Ok(Printed { keys, lines, at })
    }

    fn lines(&mut self) -> Vec<String> {
        let mut lines = self.app.plain(ENDLESS);
        if self.bare {
            lines.remove(0);
        }
        lines
    }

    /// Says what keeps us from the cluster, when that is another thing than the last time.
    fn say(&self, err: &mut dyn Write, said: &mut String) -> io::Result<()> {
        let facts = &self.app.world.facts;
        let whose = if facts.context.is_empty() { String::new() } else { format!("{}: ", facts.context) };
        let now = match &facts.link {
            Link::Up if said.is_empty() => String::new(),
            Link::Up => format!("{whose}connected"),
            Link::Connecting => format!("{whose}not connected: no answer yet"),
            Link::Down { headline, detail, .. } => format!("{whose}{}", text::with_detail(headline, detail)),
        };
        if now != *said {
            if !now.is_empty() {
                place::unless_closed(writeln!(err, "watchkeeper: {now}"))?;
            }
            *said = now;
        }
        Ok(())
    }

    /// Prints the warnings on the lines: that there is no such namespace, what of the screen cannot be read.
    fn warn(&self, err: &mut dyn Write) -> io::Result<()> {
        let facts = &self.app.world.facts;
        let standing = facts.namespace.as_ref().and_then(|name| facts.standing.as_ref()?.told(name));
        let standing = self.app.unseen_place().filter(|_| !self.is_alone()).or(standing);
        let mut lines: Vec<String> = facts.warnings.iter().cloned().chain(standing).collect();
        if facts.link == Link::Up && !self.is_nowhere() && !self.is_alone() {
            lines.extend(self.blind());
        }
        place::unless_closed(lines.iter().try_for_each(|line| writeln!(err, "watchkeeper: {line}")))
    }

    /// What of the screen cannot be read; a reason that several kinds share is listed once.
    fn blind(&self) -> Vec<String> {
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for (id, table) in self.app.world.store.tables().filter(|(id, _)| self.needs(*id)) {
            if !table.feed.state.is_blind() && !look::is_late(&table.feed) {
                continue;
            }
            let why = table.feed.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
            let reason = format!("{}{why}", table.feed.state.word());
            let word = kinds::spec(id).word;
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, words)) => words.push(word),
                None => reasons.push((reason, vec![word])),
            }
        }
        reasons.into_iter().map(|(reason, words)| format!("{}: {reason}", words.join(", "))).collect()
    }

    fn word(&self) -> &str {
        self.view.split_whitespace().next().unwrap_or_default()
    }

    fn is_alone(&self) -> bool {
        ALONE.contains(&self.word())
    }

    /// The kind whose table is printed.
    fn kind(&self) -> Option<KindId> {
        kinds::by_word(self.word())
    }

    fn needs(&self, id: KindId) -> bool {
        self.kind().is_none_or(|kind| id == kind || joined::judged_with(kind) == Some(id))
    }

    fn is_listing(&self) -> bool {
        let state = self.kind().map(|kind| self.app.world.store.table(kind).feed.state);
        matches!(state, Some(FeedState::Listing { .. }))
    }

    fn is_passing(&self) -> bool {
        matches!(self.app.world.facts.link, Link::Down { passing: true, .. })
    }

    fn is_nowhere(&self) -> bool {
        matches!(self.app.world.facts.standing, Some(Standing::Absent { .. }))
    }

    /// Whether there is anything to print: a table without a cluster would say that there is nothing.
    fn can_show(&self) -> bool {
        self.is_alone() || (self.app.world.facts.link == Link::Up && !self.is_nowhere())
    }

    /// Whether what was printed is what was asked for.
    fn sees(&self) -> bool {
        let unread = |id| {
            let feed = &self.app.world.store.table(id).feed;
            (feed.state.is_blind() && feed.state != FeedState::Stale) || look::is_late(feed)
        };
        if !self.is_alone() && self.app.unseen_place().is_some() {
            return false;
        }
        let dark = match self.kind() {
            Some(kind) => unread(kind),
            None => !self.app.world.store.tables().any(|(_, table)| table.feed.state.is_live()),
        };
        self.app.world.facts.link == Link::Up && (self.is_alone() || !dark)
    }

    /// Every feed that the screen needs has either all its rows or a reason for having none; or there is no connection
    /// to wait for. A slow feed keeps nobody waiting who does not look at it.
    fn settled(&self) -> bool {
        let facts = &self.app.world.facts;
        if matches!(facts.link, Link::Down { passing: false, .. }) || self.is_nowhere() {
            return true;
        }
        let placed = facts.namespace.is_none() || facts.standing.is_some();
        let idle = |id| self.kind().is_some() && self.app.world.store.table(id).feed.state == FeedState::Idle;
        let mut tables = self.app.world.store.tables().filter(|(id, _)| self.needs(*id));
        placed && !tables.any(|(id, table)| look::is_late(&table.feed) || idle(id))
    }
}

/// Without what only fills up columns.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The places of those in `these` that are not in `others`, each as often as it is there.
fn beyond(these: &[String], others: &[String]) -> Vec<usize> {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for other in others {
        *left.entry(other).or_default() += 1;
    }
    let is_new = |key: &String| match left.get_mut(key.as_str()) {
        Some(count @ 1..) => {
            *count -= 1;
            false
        }
        _ => true,
    };
    let new: Vec<bool> = these.iter().map(is_new).collect();
    new.iter().enumerate().filter(|(_, new)| **new).map(|(at, _)| at).collect()
}

#[expect(clippy::disallowed_methods, reason = "a deadline of this process, not a time that is shown")]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_any_more_and_what_is_new_is_found_as_often_as_it_is_there() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (old, new) = (lines("a b b c"), lines("a b c d d"));
        assert_eq!(beyond(&old, &new), [2]);
        assert_eq!(beyond(&new, &old), [3, 4]);
        assert_eq!(beyond(&old, &old), [0_usize; 0]);
    }
}
