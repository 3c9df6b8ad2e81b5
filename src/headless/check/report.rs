//! What a check found in one context, as data: the counts, the incidents, and what could not be read. Printing it is
//! done elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use super::state::State;
use hashbrown::HashMap;

use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::health::Severity;
use crate::domain::served::Unwatched;
use crate::headless::look::{Ended, is_late};
use crate::kinds;
use crate::screens::home;
use crate::screens::world::World;
use crate::store::table::Table;
use crate::triage::{self, Incident, Subject};

/// Symptoms of one incident that are listed; the rest is counted.
const SYMPTOMS: usize = 50;

/// One context.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    pub context: String,
    pub server: String,
    /// The namespace that it is restricted to.
    pub namespace: Option<String>,
    pub time: Time,
    pub took: Duration,
    /// Why there is no complete answer: no connection, or not in time.
    pub error: Option<String>,
    /// Incidents of P1 to P4, without what is silenced and without what only says that something cannot be read.
    pub by_severity: [u32; 4],
    pub silenced: u32,
    pub suspended: u32,
    /// Findings that the incidents explain.
    pub explained: u32,
    /// Sources that cannot be read although they are needed; at least 1 when there is no complete answer.
    pub unknown: u32,
    pub feeds: Vec<FeedSeen>,
    /// What is served, matters, and is not read.
    pub unwatched: Vec<Unwatched>,
    /// The most urgent first.
    pub incidents: Vec<Found>,
    /// Notes on the result, for people.
    pub notes: Vec<String>,
}

/// The state of one feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSeen {
    pub word: &'static str,
    pub title: &'static str,
    pub state: &'static str,
    /// What cannot be seen because of it; empty when everything can, or the kind is not there.
    pub blinds: &'static str,
    pub why: String,
    pub since: Option<Time>,
    pub objects: usize,
    /// Cannot be read, and was not said to be dispensable.
    pub unknown: bool,
    pub installed: bool,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub severity: Severity,
    pub kind: String,
    /// `namespace/name`, or the name alone.
    pub name: String,
    /// Since when it is as severe as it is, and when it began.
    pub since: Option<Time>,
    pub began: Option<Time>,
    pub why: String,
    pub muted: bool,
    /// A critical alert is attached.
    pub users: bool,
    /// Flux objects that depend on it.
    pub dependents: u32,
    pub explains: u32,
    /// The rule that found it, where a rule did and not the object itself.
    pub rule: Option<&'static str>,
    /// By which rules it explains what it does, how surely, and how much.
    pub by: Vec<By>,
    pub symptoms: Vec<Symptom>,
    /// What changed shortly before it began.
    pub changed: Option<(String, Time)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    pub rule: &'static str,
    pub confidence: &'static str,
    pub count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    pub severity: Severity,
    pub kind: String,
    pub name: String,
    pub why: String,
    pub because: String,
}

impl Report {
    /// What is in the world after a look. Feeds whose word is in `optional` may be blind.
    /// With `narrow`, it is on purpose that some feeds see a few namespaces only.
    pub fn of(world: &World, ended: &Ended, optional: &[String], narrow: bool, took: Duration) -> Self {
        let facts = &world.facts;
        let mut out = Self {
            context: facts.context.clone(),
            server: facts.server_version.clone(),
            namespace: facts.namespace.clone(),
            time: facts.now,
            took,
            error: error(ended),
            suspended: world.triage.totals().suspended,
            feeds: feeds(world, ended, optional, narrow),
            unwatched: facts.unwatched.clone(),
            ..Self::default()
        };
        let blind = out.feeds.iter().filter(|feed| feed.unknown).count();
        out.unknown = count(blind).max(u32::from(out.error.is_some()));
        // nothing can be said of what is not there, and least of all that it is healthy
        if matches!(ended, Ended::Nowhere(_)) {
            return out;
        }
        let families = if world.facts.namespace.is_some() { world.triage.families() } else { HashMap::default() };
        for incident in world.triage.incidents() {
            let explained = families.get(&incident.subject).map_or(&[][..], |family| family);
            if is_blindness(incident, world) || !home::is_here(incident, explained, world) {
                continue;
            }
            if incident.muted {
                out.silenced += 1;
            } else {
                out.by_severity[incident.severity as usize - 1] += 1;
            }
            out.explained += incident.explains;
            out.incidents.push(found(incident, world));
        }
        out
    }

    pub fn state(&self) -> State {
        State::of(self.by_severity, self.unknown)
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn error(ended: &Ended) -> Option<String> {
    match ended {
        Ended::Whole => None,
        Ended::Down(why) | Ended::Nowhere(why) => Some(why.clone()),
        Ended::Late(late) => {
            let words: Vec<&str> = late.iter().map(|kind| kinds::spec(*kind).word).collect();
            Some(format!("not read in time: {}", words.join(", ")))
        }
    }
}

/// An incident that only says that something cannot be read: that is counted as unknown.
fn is_blindness(incident: &Incident, world: &World) -> bool {
    match incident.subject {
        Subject::Cluster => true,
        Subject::Feed(kind) => {
            let feed = &world.store.table(kind).feed;
            feed.state.is_blind() || (feed.error.is_none() && !feed.bad.is_empty())
        }
        Subject::Row(id) => world.store.row(id).is_some_and(|row| row.record.unreadable),
        Subject::Group(_) | Subject::Plan(_) => false,
    }
}

fn feeds(world: &World, ended: &Ended, optional: &[String], narrow: bool) -> Vec<FeedSeen> {
    let down = matches!(ended, Ended::Down(_));
    let feeds = world.store.tables().map(|(kind, table)| {
        let (spec, feed) = (kinds::spec(kind), &table.feed);
        let needed = !optional.iter().any(|word| kinds::by_word(word) == Some(kind));
        // who asked for one of these namespaces sees all that was asked for
        let asked = world.facts.namespace.as_deref().is_some_and(|asked| feed.only.iter().any(|one| **one == *asked));
        let partly = !feed.only.is_empty() && feed.state.is_live() && !narrow && !asked;
        let unreadable = if feed.state.is_live() { unreadable(table, world) } else { None };
        let blind = partly
            || unreadable.is_some()
            || feed.state.is_blind()
            || is_late(feed)
            || (down && !spec.lazy && feed.state.is_live());
        FeedSeen {
            word: spec.word,
            title: spec.title,
            state: feed.state.word(),
            blinds: if blind { spec.blinds } else { "" },
            why: match &feed.error {
                error if unreadable.is_some() => {
                    error.as_deref().into_iter().map(str::to_owned).chain(unreadable).collect::<Vec<_>>().join("; ")
                }
                None if partly => format!("of {} only", feed.only.join(", ")),
                error => error.as_deref().unwrap_or_default().to_owned(),
            },
            since: Some(feed.since).filter(|since| since.is_set()),
            objects: table.len(),
            unknown: blind && needed,
            installed: !matches!(feed.state, FeedState::NotInstalled | FeedState::Off | FeedState::Idle),
        }
    });
    feeds.collect()
}

/// What of a table could not be decoded, in the namespace that was asked for.
fn unreadable(table: &Table, world: &World) -> Option<String> {
    let here = world.namespace();
    let rows = table.unreadable().map(|row| &row.record);
    let rows = rows.filter(|record| here.is_none_or(|own| record.namespace == own || record.namespace.is_empty()));
    let rows = rows.map(|record| format!("{} {}", record.full_name(&world.store.strings), record.note));
    let elsewhere = |name: &str| {
        let own = world.facts.namespace.as_deref();
        name.split_once('/').is_some_and(|(namespace, _)| own.is_some_and(|own| own != namespace))
    };
    let bad = table.feed.bad.iter().filter(|bad| !elsewhere(&bad.name));
    let bad = bad.map(|bad| format!("{} cannot be read: {}", bad.name, bad.error));
    let mut all = rows.chain(bad);
    let first = all.next()?;
    Some(match all.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    })
}

/// One incident with all that is known about it.
pub fn found(incident: &Incident, world: &World) -> Found {
    let World { store, triage, facts, .. } = world;
    let (kind, name) = triage::title(store, triage, incident.subject, &facts.context);
    let mut by: BTreeMap<(&'static str, &'static str), u32> = BTreeMap::new();
    let mut symptoms = Vec::new();
    // what explains nothing need not be looked for among everything
    let explained = if incident.explains > 0 { triage.explained(incident.subject) } else { Vec::new() };
    for subject in explained {
        let Some(reason) = triage.reason(subject) else { continue };
        *by.entry((reason.rule.unwrap_or("namespace"), reason.confidence.word())).or_default() += 1;
        if symptoms.len() < SYMPTOMS
            && let Some(finding) = triage.finding(subject)
        {
            let (kind, name) = triage::title(store, triage, subject, &facts.context);
            let (why, because) = (finding.why.to_string(), reason.because.to_string());
            symptoms.push(Symptom { severity: finding.severity, kind, name, why, because });
        }
    }
    let mut by: Vec<By> = by.into_iter().map(|((rule, confidence), count)| By { rule, confidence, count }).collect();
    by.sort_by_key(|by| std::cmp::Reverse(by.count));
    let changed = incident.changed.and_then(|(id, at)| {
        let row = store.row(id)?;
        Some((format!("{} {}", kinds::spec(id.kind).name, row.record.full_name(&store.strings)), at))
    });
    Found {
        severity: incident.severity,
        kind,
        name,
        since: incident.severe,
        began: incident.since,
        why: triage.finding(incident.subject).map_or_else(String::new, |finding| finding.why.to_string()),
        muted: incident.muted,
        users: incident.users,
        dependents: incident.dependents,
        explains: incident.explains,
        rule: triage.rule(incident.subject).map(|rule| rule.name),
        by,
        symptoms,
        changed,
    }
}
