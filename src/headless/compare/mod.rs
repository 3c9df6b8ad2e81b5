//! `watchkeeper compare A B`: what happened between two snapshots. Reads two files and connects to nothing.

mod diff;
mod read;

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::check::UNKNOWN;
use super::place;
use crate::domain::moment::escaped;
use diff::{Difference, Event, difference};
use read::{Snapshot, read};

/// The output format of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// A heading for each sort of news, and a line each
    #[default]
    Text,
    /// All that is known; docs/headless.md says what
    Json,
    /// Lists, for a ticket
    Markdown,
}

/// Compares; 0 nothing broke, 1 something did or can no longer be seen, 3 a file that cannot be used.
///
/// # Errors
/// What writing fails with, but for a reader that has gone away.
pub fn run(a: &Path, b: &Path, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let (old, new) = match (read(a), read(b)) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            for why in [old.err(), new.err()].into_iter().flatten() {
                place::unless_closed(writeln!(err, "watchkeeper: {why}"))?;
            }
            return Ok(UNKNOWN);
        }
    };
    if let Some(why) = nothing_of(&old, &new) {
        place::unless_closed(writeln!(err, "watchkeeper: {why}"))?;
        return Ok(UNKNOWN);
    }
    let found = difference(&old, &new);
    place::unless_closed(print(&old, &new, &found, format, out))?;
    Ok(u8::from(found.is_worse()))
}

/// Two snapshots of a namespace of which neither has anything are no sign of health.
fn nothing_of(a: &Snapshot, b: &Snapshot) -> Option<String> {
    let name = a.namespace.as_ref().filter(|name| b.namespace.as_ref() == Some(name))?;
    let empty = [a, b].iter().all(|one| one.objects.iter().all(|object| object.namespace != *name));
    empty.then(|| format!("neither snapshot has anything of the namespace {name}: is it called so?"))
}

/// What must be known before the lists are believed.
fn cautions(a: &Snapshot, b: &Snapshot) -> Vec<String> {
    let mut out = Vec::new();
    if a.context != b.context {
        out.push(format!("two contexts: {} and {}", a.context, b.context));
    }
    if a.namespace != b.namespace {
        let of = |one: &Snapshot| one.namespace.clone().unwrap_or_else(|| "all namespaces".to_owned());
        out.push(format!("one is of {}, the other of {}", of(a), of(b)));
    }
    if a.time > b.time {
        out.push("the first one is the newer one".to_owned());
    }
    for (one, which) in [(a, "first"), (b, "second")] {
        if !one.complete {
            out.push(format!("the {which} one was not read whole"));
        }
    }
    out
}

fn print(a: &Snapshot, b: &Snapshot, found: &Difference, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text(a, b, found, out),
        Format::Markdown => markdown(a, b, found, out),
        Format::Json => document(a, b, found, out),
    }?;
    out.flush()
}

/// `A: before -> after`.
fn told(event: &Event) -> String {
    match (&*event.before, &*event.after) {
        ("", "") => event.what.clone(),
        ("", one) | (one, "") => format!("{}: {one}", event.what),
        (before, after) => format!("{}: {before} -> {after}", event.what),
    }
}

fn text(a: &Snapshot, b: &Snapshot, found: &Difference, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {} -> {} {}", a.context, a.time, b.context, b.time)?;
    for caution in cautions(a, b) {
        writeln!(out, "beware: {caution}")?;
    }
    let mut any = false;
    for (name, events) in found.lists().into_iter().filter(|(_, events)| !events.is_empty()) {
        any = true;
        writeln!(out, "{name}: {}", events.len())?;
        for event in events {
            writeln!(out, "  {}", told(event))?;
        }
    }
    if any { Ok(()) } else { writeln!(out, "nothing happened in what both could see") }
}

fn markdown(a: &Snapshot, b: &Snapshot, found: &Difference, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {} {} → {} {}\n", escaped(&a.context), a.time, escaped(&b.context), b.time)?;
    for caution in cautions(a, b) {
        writeln!(out, "> {}\n", escaped(&caution))?;
    }
    for (name, events) in found.lists().into_iter().filter(|(_, events)| !events.is_empty()) {
        writeln!(out, "### {name}: {}\n", events.len())?;
        for event in events {
            writeln!(out, "- {}", escaped(&told(event)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn document(a: &Snapshot, b: &Snapshot, found: &Difference, out: &mut dyn Write) -> io::Result<()> {
    let side = |s: &Snapshot| json!({"context": s.context, "server": s.server, "time": s.time, "complete": s.complete});
    let list = |events: &[Event]| -> Vec<serde_json::Value> {
        events.iter().map(|e| json!({"what": e.what, "before": e.before, "after": e.after})).collect()
    };
    let document = json!({
        "schema": "watchkeeper.comparison",
        "version": 1,
        "from": side(a),
        "to": side(b),
        "beware": cautions(a, b),
        "worse": found.is_worse(),
        "broke": list(&found.broke),
        "healed": list(&found.healed),
        "changed": list(&found.changed),
        "came": list(&found.came),
        "went": list(&found.went),
        "became_blind": list(&found.blinded),
        "seen_again": list(&found.seeing),
        "incidents_began": list(&found.began),
        "incidents_ended": list(&found.ended),
    });
    serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::no_json("{\"schema\":\n \"watchkeeper.snapshot\",\n oops}", ":3: is no whole snapshot")]
    #[case::cut_off("{\"schema\":\"watchkeeper.snapshot\",\"version\":1,\n\"feeds\":[", ":2: is no whole snapshot")]
    #[case::of_tomorrow(
        "{\"schema\":\"watchkeeper.snapshot\",\"version\":9}",
        "version 9, and this program reads version 1"
    )]
    #[case::something_else("{\"schema\":\"watchkeeper.check\",\"version\":1}", "is a `watchkeeper.check`")]
    #[case::any_json("{}", "has no `schema`")]
    #[case::without_fields("{\"schema\":\"watchkeeper.snapshot\",\"version\":1}", "missing field")]
    fn a_file_that_cannot_be_used_is_named_with_its_line_and_the_way_out(#[case] text: &str, #[case] words: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&path, &path, Format::Text, &mut out, &mut err).unwrap();
        let err = String::from_utf8(err).unwrap();
        assert_eq!((code, out.len()), (UNKNOWN, 0), "{err}");
        assert!(err.contains("a.json") && err.contains(words), "{err}");
        assert!(err.contains("watchkeeper snapshot --output FILE"), "{err}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let nowhere = Path::new("/nowhere/a.json");
        assert_eq!(run(nowhere, nowhere, Format::Json, &mut out, &mut err).unwrap(), UNKNOWN);
        assert!(String::from_utf8(err).unwrap().contains("/nowhere/a.json: cannot be read"));
    }
}
