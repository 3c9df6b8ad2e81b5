//! `watchkeeper health`: the whole platform's health, question by question, once. The same lines as the screen of that
//! name shows; the exit code follows the worst of them.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::check;
use super::look::{Ended, Look};
use super::place;
use crate::domain::served::Unwatched;
use crate::domain::usage::{self, Seen};
use crate::screens::health::{summary, told};
use crate::triage::health::{self, Line, Verdict};

/// The output format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// A line for each question
    #[default]
    Text,
    /// All that is known; docs/headless.md says what
    Json,
    /// A table, for a ticket
    Markdown,
}

/// What is known.
#[derive(Debug)]
struct Answers {
    context: String,
    time: String,
    error: Option<String>,
    lines: Vec<Line>,
    /// What is served, matters, and is not read: no line shows it.
    unwatched: Vec<Unwatched>,
}

/// Looks, and prints; the exit code.
///
/// # Errors
/// What writing to `out` fails with, but for a reader that has gone away.
pub async fn run(
    mut look: Look,
    format: Format,
    timeout: Duration,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let ended = look.take(&health::on_demand(), timeout).await;
    for note in look.notes() {
        place::unless_closed(writeln!(err, "watchkeeper: {note}"))?;
    }
    if let Ended::Nowhere(why) = &ended {
        place::unless_closed(writeln!(err, "watchkeeper: {why}"))?;
        return Ok(check::UNKNOWN);
    }
    let beside = match &ended {
        Ended::Down(_) => Seen::default(),
        _ => usage::of(&look.paths(usage::PATHS.map(str::to_owned).to_vec(), timeout).await),
    };
    let world = &look.app.world;
    let answers = Answers {
        context: world.facts.context.clone(),
        time: check::time_json(world.facts.now),
        error: if let Ended::Down(why) = ended { Some(why) } else { None },
        lines: health::lines(&world.store, &beside, world.facts.now),
        unwatched: world.facts.unwatched.clone(),
    };
    let code = code(&answers);
    place::unless_closed(print(&answers, format, code, out))?;
    Ok(code)
}

/// As a check has them: failed 2, unknown 3, warning 1.
fn code(answers: &Answers) -> u8 {
    let worst = answers.lines.iter().map(|line| line.verdict).max().unwrap_or(Verdict::Unknown);
    let least = if answers.error.is_some() { Verdict::Unknown } else { Verdict::NotInstalled };
    match worst.max(least) {
        Verdict::NotInstalled | Verdict::Ok => 0,
        Verdict::Warning => 1,
        Verdict::Failed => 2,
        Verdict::Unknown => check::UNKNOWN,
    }
}

fn print(answers: &Answers, format: Format, code: u8, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text(answers, out),
        Format::Markdown => markdown(answers, out),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &document(answers, code)).map_err(io::Error::from)?;
            writeln!(out)
        }
    }?;
    out.flush()
}

fn text(answers: &Answers, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}", answers.context, summary(&answers.lines))?;
    if let Some(error) = &answers.error {
        writeln!(out, "{error}")?;
    }
    for line in &answers.lines {
        let all = format!("{:<13}  {:<20}  {}", line.verdict.word(), line.what, told(line));
        writeln!(out, "{}", all.trim_end())?;
    }
    if let Some(line) = check::unwatched_line(&answers.unwatched) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn markdown(answers: &Answers, out: &mut dyn Write) -> io::Result<()> {
    let cell = crate::domain::moment::escaped;
    writeln!(out, "## {}: {}\n\n{}\n", cell(&answers.context), summary(&answers.lines), answers.time)?;
    if let Some(error) = &answers.error {
        writeln!(out, "{}\n", cell(error))?;
    }
    writeln!(out, "| verdict | what | numbers | why |\n|-|-|-|-|")?;
    for line in &answers.lines {
        writeln!(out, "| {} | {} | {} | {} |", line.verdict, line.what, line.told(), cell(&line.why))?;
    }
    if let Some(line) = check::unwatched_line(&answers.unwatched) {
        writeln!(out, "\n{}", cell(&line))?;
    }
    Ok(())
}

fn document(answers: &Answers, code: u8) -> Value {
    let lines = answers.lines.iter().map(|line| {
        let numbers = line.numbers.iter().map(|(name, n)| ((*name).to_owned(), Value::from(*n)));
        json!({
            "what": line.what,
            "verdict": line.verdict.word(),
            "numbers": numbers.collect::<serde_json::Map<_, _>>(),
            "why": line.why,
            "table": line.kind.map(|kind| crate::kinds::spec(kind).word),
        })
    });
    json!({
        "schema": "watchkeeper.health",
        "version": 1,
        "context": answers.context,
        "time": answers.time,
        "exit_code": code,
        "error": answers.error,
        "lines": lines.collect::<Vec<_>>(),
        "unwatched": answers.unwatched.iter().map(check::unwatched_json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn line(verdict: Verdict) -> Line {
        Line { what: "Nodes", verdict, numbers: vec![("ready", 1)], why: "a|b".to_owned(), kind: None, faults: false }
    }

    #[rstest]
    #[case(&[Verdict::Ok, Verdict::NotInstalled], None, 0)]
    #[case(&[Verdict::Ok, Verdict::Warning], None, 1)]
    #[case(&[Verdict::Warning, Verdict::Unknown], None, 3)]
    #[case(&[Verdict::Unknown, Verdict::Failed], None, 2)]
    #[case(&[Verdict::Ok], Some("refused"), 3)]
    #[case(&[Verdict::Failed], Some("refused"), 2)]
    fn the_exit_code_follows_the_worst_line(
        #[case] verdicts: &[Verdict],
        #[case] error: Option<&str>,
        #[case] expected: u8,
    ) {
        let lines = verdicts.iter().copied().map(line).collect();
        let answers = Answers {
            context: "lab".to_owned(),
            time: String::new(),
            error: error.map(str::to_owned),
            lines,
            unwatched: Vec::new(),
        };
        assert_eq!(code(&answers), expected);
        for format in [Format::Text, Format::Json, Format::Markdown] {
            print(&answers, format, expected, &mut Vec::new()).unwrap();
        }
    }
}
