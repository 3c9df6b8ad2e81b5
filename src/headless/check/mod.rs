//! `watchkeeper check`: checks once and exits as a monitoring plugin does. One look at each context, all of them at the
//! same time; the exit code is that of the worst. It changes nothing and leaves nothing behind but the file that
//! `--output-file` names.

mod json;
mod junit;
mod markdown;
mod prometheus;
pub mod report;
pub mod state;
#[cfg(test)]
mod testing;
mod text;

pub use json::{incident as incident_json, time as time_json, unwatched as unwatched_json};
pub use text::unwatched as unwatched_line;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::look::{self, Look};
use super::place;
use crate::kinds;
use report::Report;
use state::State;

/// Exit code for everything that keeps a check from telling: bad arguments, too.
pub const UNKNOWN: u8 = 3;

/// The output format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// A status line with numbers, then the incidents
    #[default]
    Text,
    /// All that is known, after docs/check-schema.json
    Json,
    /// A table, for a ticket
    Markdown,
    /// Test cases, for a pipeline
    Junit,
    /// Metrics, for the node exporter's textfile collector
    Prometheus,
}

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Order {
    pub format: Format,
    /// Written whole or not at all; the status line goes to the stream then.
    pub file: Option<PathBuf>,
    pub timeout: Duration,
    /// Words of feeds that may be blind.
    pub optional: Vec<String>,
    /// The configuration names the namespaces to read: that some feeds see no others is on purpose.
    pub narrow: bool,
}

/// Refuses words that name no feed.
///
/// # Errors
/// The first such word, and how to list the valid ones.
pub fn known(words: &[String]) -> Result<(), String> {
    match words.iter().find(|word| kinds::by_word(word).is_none()) {
        Some(word) => Err(format!("no feed is called `{word}`: `watchkeeper --plain -c feeds` lists them")),
        None => Ok(()),
    }
}

/// Looks at every context at once.
pub async fn look(looks: Vec<(String, Look)>, order: &Order) -> Vec<Report> {
    let one = |(asked, mut look): (String, Look)| async move {
        let started = look::monotonic();
        let ended = look.take(&[], order.timeout).await;
        let mut report = Report::of(&look.app.world, &ended, &order.optional, order.narrow, started.elapsed());
        report.notes = look.notes();
        // the name that was asked for, even if no connection came of it
        if report.context.is_empty() {
            report.context = asked;
        }
        report
    };
    futures::future::join_all(looks.into_iter().map(one)).await
}

/// Writes what was found; the exit code. A failure to write a file is `unknown`, and said on `err`.
///
/// # Errors
/// What writing to `out` fails with, but for a reader that has gone away.
pub fn tell(reports: &[Report], order: &Order, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    for note in reports.iter().flat_map(|report| &report.notes) {
        place::unless_closed(writeln!(err, "watchkeeper: {note}"))?;
    }
    let worst = reports.iter().map(Report::state).max().unwrap_or(State::Unknown);
    let Some(path) = &order.file else {
        place::unless_closed(print(reports, order.format, worst, "", out))?;
        return Ok(worst.code());
    };
    let before = before(path, order.format);
    let written = place::whole(path, 0o644, |file| print(reports, order.format, worst, &before, file));
    let lines = reports.iter().map(|report| text::headline(report, reports.len() > 1));
    place::unless_closed(lines.into_iter().try_for_each(|line| writeln!(out, "{line}")))?;
    match written {
        Ok(()) => Ok(worst.code()),
        Err(error) => {
            place::unless_closed(writeln!(err, "watchkeeper: {error}"))?;
            Ok(State::Unknown.max(worst).code())
        }
    }
}

/// What the file said before: only metrics carry something over.
fn before(path: &Path, format: Format) -> String {
    if format == Format::Prometheus { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

fn print(reports: &[Report], format: Format, worst: State, before: &str, out: &mut dyn Write) -> io::Result<()> {
    match (format, reports) {
        (Format::Text, [one]) => text::one(one, out),
        (Format::Text, all) => text::fleet(all, out),
        (Format::Json, all) => {
            serde_json::to_writer_pretty(&mut *out, &json::document(all, worst)).map_err(io::Error::from)?;
            writeln!(out)
        }
        (Format::Markdown, all) => markdown::print(all, out),
        (Format::Junit, all) => junit::print(all, out),
        (Format::Prometheus, all) => out.write_all(prometheus::document(all, before).as_bytes()),
    }?;
    out.flush()
}
