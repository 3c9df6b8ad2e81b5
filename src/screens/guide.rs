//! What to do: the guide of a kind, and the runbook that an alert names.

use super::pager::{Pager, command, fields, heading, paragraph};
use super::world::World;
use super::wrap::{self, Part};
use super::{More, Screen, Size};
use crate::domain::command_line::{CommandLine, KUBECTL};
use crate::domain::health::Health;
use crate::domain::record::{Cell, Key, Record};
use crate::intent::{Command, Effect, Place};
use crate::kinds::{self, Family, alerts, guardrails, issuers, seals};
use crate::scene::{self, Line, Tone};
use crate::store::RowId;

#[derive(Debug)]
pub struct Guide {
    key: Key,
    pager: Pager,
}

impl Guide {
    pub fn new(key: Key) -> Self {
        Self { key, pager: Pager::default() }
    }

    fn compose(&self, world: &World, width: u16) -> Vec<Line> {
        let mut out = Vec::new();
        let kind = self.key.kind;
        let row =
            world.store.table(self.key.kind).slot_of(self.key.uid).map(|slot| RowId { kind: self.key.kind, slot });
        if let Some(id) = row {
            for finding in world.triage.of(id) {
                fields(&finding.severity.to_string(), &finding.why, width, Tone::Bad, &mut out);
            }
            let record = world.store.row(id).map(|row| &row.record);
            if let Some(record) = record.filter(|_| kind == kinds::GUARDRAIL) {
                for (label, cell) in [("ACTION", guardrails::ACTION), ("RUNBOOK", guardrails::RUNBOOK)] {
                    fields(label, record.text(cell, &world.store.strings), width, Tone::Accent, &mut out);
                }
            }
            if let Some(record) = record.filter(|_| kind == kinds::ALERT) {
                let runbook = record.text(alerts::RUNBOOK, &world.store.strings);
                let told = if runbook.is_empty() { "the alert names none" } else { runbook };
                fields("RUNBOOK", told, width, Tone::Accent, &mut out);
            }
            if let Some(record) = record.filter(|_| kinds::spec(kind).family == Family::Issuer) {
                key_pair(world, record, width, &mut out);
            }
        }
        let mut guide = match kinds::spec(kind).guide {
            "" => "No guide for this kind.",
            guide => guide,
        };
        if kind == kinds::SEAL {
            replicas(world, &self.key, &mut out);
            if is_migrating(world, &self.key) {
                guide = MIGRATION;
            }
        }
        for line in guide.lines() {
            if let Some(commands) = commands(line, world, &self.key) {
                for text in commands {
                    command(4, "", &text, width, Tone::Plain, &mut out);
                }
                continue;
            }
            let line = self.named(line);
            if line.starts_with(' ') || line.is_empty() {
                out.extend(fitted(&line, usize::from(width)));
            } else {
                out.push(heading(line));
            }
        }
        out
    }

    /// A line with the name of the row in its commands: `:pods /NAME`.
    fn named(&self, line: &str) -> String {
        if !line.trim_start().starts_with(':') {
            return line.to_owned();
        }
        let name = &self.key.name;
        line.replace("/NAME", &format!("/{name}")).replace(":NAME", &format!(":{name}"))
    }
}

/// For an issuer that signs with a key pair: the Secret that holds it, who creates it, and how to restore it.
fn key_pair(world: &World, record: &Record, width: u16, out: &mut Vec<Line>) {
    let strings = &world.store.strings;
    let secret = record.text(issuers::SECRET, strings);
    if secret.is_empty() {
        return;
    }
    // a ClusterIssuer's Secret is in the namespace that cert-manager was given for them
    let own = strings.get(record.namespace);
    let namespace = if own.is_empty() { "cert-manager" } else { own };
    out.push(heading("Here"));
    let usually = if own.is_empty() { " (or wherever cert-manager keeps those of ClusterIssuers)" } else { "" };
    let told = format!("It signs with the certificate and key in the Secret {namespace}/{secret}{usually}.");
    paragraph(2, &told, width, Tone::Plain, out);
    for kind in kinds::ids() {
        let Some(cell) = kinds::spec(kind).makes_secret else { continue };
        let (table, kind) = (world.store.table(kind), kinds::name(kind));
        let makes = |other: &Record| strings.get(other.namespace) == namespace && other.text(cell, strings) == secret;
        for (_, row) in table.iter().filter(|(_, row)| makes(&row.record)) {
            let told =
                format!("{kind} {namespace}/{} makes it, and is {}: that comes first.", row.record.name, row.health);
            paragraph(2, &told, width, Tone::Accent, out);
        }
    }
    if record.health != Health::Ok {
        paragraph(2, "To check that it exists, and to restore it from the files of the CA:", width, Tone::Plain, out);
        let kubectl =
            |words: &[&str]| CommandLine::new(&KUBECTL, &world.facts.way, words).arg(secret).within(namespace);
        for line in [
            kubectl(&["get", "secret"]),
            kubectl(&["create", "secret", "tls"]).flag("cert", "ca.crt").flag("key", "ca.key"),
        ] {
            command(4, "", &line.to_string(), width, Tone::Accent, out);
        }
    }
    out.push(Line::new());
}

/// Instead of the guide to a seal, while one of its replicas is in a seal migration.
const MIGRATION: &str = include_str!("../../assets/guides/seal-migration.txt");

fn is_migrating(world: &World, key: &Key) -> bool {
    let here = |record: &Record| world.store.strings.get(record.namespace) == &*key.namespace;
    world.store.table(key.kind).iter().any(|(_, row)| here(&row.record) && row.record.flag(seals::MIGRATES))
}

/// The mark in a guide before a command that is run in replicas, and in which of them.
const RUN_IN: [(&str, seals::State); 2] = [("{sealed} ", seals::State::Sealed), ("{active} ", seals::State::Active)];

/// The commands of a line of the guide, one for each replica that is meant.
fn commands(line: &str, world: &World, key: &Key) -> Option<Vec<String>> {
    let (words, state) = RUN_IN.iter().find_map(|(mark, state)| Some((line.trim().strip_prefix(mark)?, *state)))?;
    let words: Vec<&str> = words.split(' ').collect();
    let is_meant = |record: &&Record| seals::State::of(record, &world.store.strings) == state;
    let mut names: Vec<&str> = replicas_of(world, key).filter(is_meant).map(|record| &*record.name).collect();
    names.sort_unstable();
    if names.is_empty() {
        names.push("REPLICA");
    }
    let command = |name: &&str| {
        let exec = CommandLine::new(&KUBECTL, &world.facts.way, &["exec"]).arg(*name).switch("-it");
        exec.within(&key.namespace).then(&words).to_string()
    };
    Some(names.iter().map(command).collect())
}

fn replicas_of<'w>(world: &'w World, key: &Key) -> impl Iterator<Item = &'w Record> {
    let (store, namespace) = (&world.store, key.namespace.clone());
    let rows = store.table(key.kind).iter().map(|(_, row)| &row.record);
    rows.filter(move |record| store.strings.get(record.namespace) == &*namespace && !record.flag(seals::IS_CLUSTER))
}

/// Every replica of the namespace as it is now: it moves while the guide is followed.
fn replicas(world: &World, key: &Key, out: &mut Vec<Line>) {
    let store = &world.store;
    let mut rows: Vec<_> = replicas_of(world, key).collect();
    rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if rows.is_empty() {
        return;
    }
    out.push(heading("Now"));
    let wide = rows.iter().map(|record| scene::width(&record.name)).max().unwrap_or(0);
    for record in rows {
        let state = seals::State::of(record, &store.strings);
        let tone = match state {
            seals::State::Active | seals::State::Standby => Tone::Good,
            seals::State::Unsealed | seals::State::Unknown => Tone::Warn,
            _ => Tone::Bad,
        };
        let here = if record.uid == key.uid { ">" } else { " " };
        let mut line = Line::of(format!(" {here}{:<wide$}  ", record.name), Tone::Plain);
        line.push(format!("{:<14}", state.word()), tone);
        if state == seals::State::Sealed {
            if let Cell::Ratio(given, needed) = record.cell(seals::PROGRESS) {
                line.plain(format!("{given} of {needed} keys given"));
            }
            let kind = record.text(seals::TYPE, &store.strings);
            if record.flag(seals::MIGRATES) {
                line.plain("  in a seal migration");
            } else if !matches!(kind, "" | "shamir") {
                line.plain(format!("  by {kind}, not by keys"));
            }
        }
        if !record.note.is_empty() {
            line.push(format!("  {}", record.note), Tone::Dim);
        }
        out.push(line);
    }
    out.push(Line::new());
}

/// One line of a guide in as many rows as it needs. A line of two columns (two spaces between them) keeps the second
/// one together.
fn fitted(line: &str, width: usize) -> Vec<Line> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let hang = text.find("  ").map_or(indent, |gap| {
        let second = text[gap..].trim_start();
        indent + text.len() - second.len()
    });
    let head = &line[indent..hang.max(indent)];
    let rest = &line[hang.max(indent)..];
    let room = width.saturating_sub(hang + 1);
    // too narrow for two columns: the second goes below the first
    let (hang, parts) = if room < 20 && !head.is_empty() {
        let mut parts = wrap::words(head, width.saturating_sub(indent + 1));
        parts.extend(wrap::words(rest, width.saturating_sub(indent + 1)));
        (indent, parts)
    } else {
        (hang, wrap::words(rest, room))
    };
    let mut out = Vec::with_capacity(parts.len());
    for (n, Part { text, join }) in parts.into_iter().enumerate() {
        let before = if n == 0 && hang > indent { format!("{}{head}", " ".repeat(indent)) } else { " ".repeat(hang) };
        out.push(Line { join, ..Line::of(format!("{before}{text}"), Tone::Plain) });
    }
    out
}

impl Screen for Guide {
    fn title(&self, _world: &World) -> String {
        format!("What to do: {} {}", kinds::spec(self.key.kind).name, self.key.name)
    }

    fn place(&self) -> Place {
        Place::Guide(self.key.clone())
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        match command {
            Command::Open => Some(vec![Effect::Go(Place::Describe(self.key.clone()))]),
            _ => self.pager.command(command),
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        self.pager.set(self.compose(world, size.width));
        self.pager.resize(size);
        Vec::new()
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Events, Command::Logs, Command::Copy, Command::Back]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        Some(self.key.clone())
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guides_fit_every_width_and_lose_no_word() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for width in [40, 60, 80, 120] {
            for (kind, guide) in kinds::KINDS.iter().map(|kind| (kind.name, kind.guide)).chain([("Seal", MIGRATION)]) {
                for line in guide.lines().filter(|l| l.starts_with(' ')) {
                    let rows = fitted(line, width);
                    assert!(rows.iter().all(|r| r.width() <= width), "{kind} at {width}: {line}");
                    // a command that is broken has a backslash where it goes on
                    let told: String = rows.iter().map(|r| r.text().trim_end_matches('\\').to_owned() + " ").collect();
                    assert_eq!(words(&told).concat(), words(line).concat());
                }
            }
        }
    }

    #[test]
    fn every_kind_has_a_guide() {
        for kind in kinds::KINDS {
            assert!(!kind.guide.is_empty(), "{} has no guide", kind.name);
        }
    }
}
