//! `watchkeeper snapshot`: what was seen, as one JSON document with an object a line. What records hold is sanitised and
//! has no secrets; addresses in texts lose their user part and query once more. Rows go to the writer one by one: fifty
//! thousand pods need no more memory than the console does.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::check::report::found;
use super::check::{self, incident_json, time_json};
use super::look::{Ended, Look};
use super::place;
use crate::domain::ages::Time;
use crate::domain::record::KindId;
use crate::domain::redact;
use crate::kinds;
use crate::kinds::column::Field;
use crate::screens::world::World;
use crate::store::RowId;
use crate::store::table::Row;

/// The name in every snapshot.
pub const SCHEMA: &str = "watchkeeper.snapshot";
/// Grows when a field changes its meaning or goes.
pub const VERSION: u64 = 1;

/// Looks, and writes; 0 when all was read, 3 when some of it was not in time.
///
/// # Errors
/// A file that cannot be written, or what writing to `out` fails with.
pub async fn run(
    mut look: Look,
    file: Option<&Path>,
    timeout: Duration,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let ended = look.take(&[], timeout).await;
    let world = &look.app.world;
    for note in look.notes() {
        place::unless_closed(writeln!(err, "watchkeeper: {note}"))?;
    }
    if let Ended::Down(why) | Ended::Nowhere(why) = &ended {
        place::unless_closed(writeln!(err, "watchkeeper: nothing was written: {why}"))?;
        return Ok(check::UNKNOWN);
    }
    let whole = ended == Ended::Whole;
    match file {
        // names and notes of a cluster are nobody else's business
        Some(path) => place::whole(path, 0o600, |file| write(world, whole, file))?,
        None => place::unless_closed(write(world, whole, &mut io::BufWriter::new(out)))?,
    }
    if let Ended::Late(late) = ended {
        let words: Vec<&str> = late.iter().map(|kind| kinds::spec(*kind).word).collect();
        let late = writeln!(err, "watchkeeper: not read in time, so not in it: {}", words.join(", "));
        place::unless_closed(late)?;
        return Ok(check::UNKNOWN);
    }
    Ok(0)
}

/// The whole document.
///
/// # Errors
/// What writing fails with.
pub fn write(world: &World, whole: bool, out: &mut dyn Write) -> io::Result<()> {
    let facts = &world.facts;
    let head = [
        ("schema", SCHEMA.into()),
        ("version", VERSION.into()),
        ("program", env!("CARGO_PKG_VERSION").into()),
        ("context", clean(&facts.context)),
        ("server", clean(&facts.server_version)),
        ("namespace", facts.namespace.as_deref().map_or(Value::Null, clean)),
        ("time", time_json(facts.now).into()),
        ("complete", whole.into()),
    ];
    writeln!(out, "{{")?;
    for (name, value) in head {
        writeln!(out, "\"{name}\":{value},")?;
    }
    list(out, "feeds", world.store.tables().map(|(kind, _)| feed(world, kind)))?;
    writeln!(out, ",")?;
    let here = world.namespace();
    let rows = world.store.tables().flat_map(|(kind, table)| {
        let rows = table
            .iter()
            .filter(move |(_, row)| here.is_none_or(|n| row.record.namespace == n || row.record.namespace.is_empty()));
        rows.map(move |(slot, row)| object(world, RowId { kind, slot }, row))
    });
    list(out, "objects", rows)?;
    writeln!(out, ",")?;
    list(out, "incidents", world.triage.incidents().iter().map(|one| redacted(incident_json(&found(one, world)))))?;
    writeln!(out, "\n}}")?;
    out.flush()
}

/// A list with an item a line.
fn list(out: &mut dyn Write, name: &str, items: impl Iterator<Item = Value>) -> io::Result<()> {
    write!(out, "\"{name}\":[")?;
    for (nth, item) in items.enumerate() {
        writeln!(out, "{}", if nth > 0 { "," } else { "" })?;
        serde_json::to_writer(&mut *out, &item).map_err(io::Error::from)?;
    }
    write!(out, "\n]")
}

fn clean(text: &str) -> Value {
    redact::urls(text).into()
}

/// Every text in it without what addresses carry.
fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) => clean(&text),
        Value::Array(items) => items.into_iter().map(redacted).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, redacted(value))).collect(),
        other => other,
    }
}

fn set(time: Time) -> Value {
    if time.is_set() { time_json(time).into() } else { Value::Null }
}

fn feed(world: &World, kind: KindId) -> Value {
    let (spec, table) = (kinds::spec(kind), world.store.table(kind));
    let feed = &table.feed;
    // a healthy watch gets no event while nothing changes
    let fresh = feed.fresh.or(Some(feed.since).filter(|since| since.is_set()));
    let age = fresh.map(|fresh| fresh.age(world.facts.now));
    let rows = table.unreadable().map(|row| row.record.full_name(&world.store.strings));
    let unreadable = rows.chain(feed.bad.iter().map(|bad| bad.name.to_string()));
    redacted(json!({
        "feed": spec.word,
        "kind": spec.name,
        "state": feed.state.word(),
        "since": set(feed.since),
        "age_seconds": age.map(|age| age.max(0)),
        "error": feed.error,
        "only": feed.only,
        "unreadable": unreadable.collect::<Vec<_>>(),
        "blinds": if feed.state.is_blind() { spec.blinds } else { "" },
        "objects": table.len(),
    }))
}

fn object(world: &World, id: RowId, row: &Row) -> Value {
    let (spec, record) = (kinds::spec(id.kind), &row.record);
    let (strings, show) = (&world.store.strings, world.show());
    let mut cells = Map::new();
    for column in spec.columns {
        // these have fields of their own next to the cells
        if matches!(column.field, Field::Namespace | Field::Name | Field::Status | Field::Note) {
            continue;
        }
        let text = column.text(record, &show);
        if !text.is_empty() {
            cells.insert(column.title.to_owned(), text.into());
        }
    }
    let findings = world.triage.of(id).iter().map(|finding| {
        json!({
            "severity": finding.severity.to_string(),
            "since": finding.since.map(time_json),
            "why": finding.why,
            "silenced": finding.muted,
        })
    });
    redacted(json!({
        "kind": spec.name,
        "namespace": strings.get(record.namespace),
        "name": record.name,
        "uid": format!("{:032x}", { record.uid.0 }),
        "created": set(record.created),
        "health": row.health.word(),
        "status": strings.get(record.status),
        "suspended": record.suspended,
        "note": record.note,
        "cells": cells,
        "findings": findings.collect::<Vec<_>>(),
    }))
}
