//! What a Flux object waits for may not exist, or may wait for this very object: the object itself says neither.

use hashbrown::HashSet;

use super::JoinSpec;
use crate::domain::change::FeedState;
use crate::domain::finding::Judgement;
use crate::domain::record::{KindId, Link, Record, Relation};
use crate::kinds;
use crate::kinds::flux::{self, Case};
use crate::store::{RowId, Store};
use crate::triage::judged::Judged;

pub const SPEC: JoinSpec = JoinSpec {
    doc: "What waits for something says whether that is there, and whether it waits in a circle.",
    concerned: |t| concerned(t.store, t.judged, t.rows),
    join: |look, judged| join(look.store, look.id, judged),
};

/// Blocked objects, when one of Flux came, changed or went.
fn concerned(store: &Store, judged: &Judged, touched: &[RowId]) -> Vec<RowId> {
    if !touched.iter().any(|id| kinds::spec(id.kind).is_flux()) {
        return Vec::new();
    }
    let is_blocked =
        |id: &RowId| kinds::spec(id.kind).is_flux() && store.row(*id).is_some_and(|row| waits(&row.record));
    judged.all_rows().filter(is_blocked).collect()
}

fn waits(record: &Record) -> bool {
    Case::of(record) == Case::Blocked
}

/// Says of a blocked object that what it waits for does not exist, or waits for it in turn; `judged` is returned as it
/// is for all others.
fn join(store: &Store, id: RowId, mut judged: Judgement) -> Judgement {
    if judged.findings.is_empty() || !kinds::spec(id.kind).is_flux() {
        return judged;
    }
    let Some(record) = store.row(id).map(|row| &row.record).filter(|record| waits(record)) else { return judged };
    let words = circle(store, id).map(|(next, way)| format!("blocked by {next}, in a cycle: {way}")).or_else(|| {
        let link = absent(store, record)?;
        Some(format!("blocked by {}, which does not exist", told(store, link, id.kind, record)))
    });
    if let (Some(words), Some(first)) = (words, judged.findings.first_mut()) {
        first.why = words.into();
    }
    judged
}

/// The dependency or source that does not exist: the one that the controller names, or any when it names none.
fn absent<'s>(store: &'s Store, record: &'s Record) -> Option<&'s Link> {
    let by_source = record.text(flux::READY_REASON, &store.strings) == "SourceNotReady";
    let relation = if by_source { Relation::Source } else { Relation::DependsOn };
    let needed = |l: &&Link| l.relation == relation;
    let text = |sym| store.strings.get(sym);
    let is_absent = |l: &&Link| {
        let Some(kind) = kinds::by_name(text(l.kind)) else { return false };
        let feed = &store.table(kind).feed;
        let seen = feed.only.is_empty() || feed.only.iter().any(|one| **one == *text(l.namespace));
        // a kind that the server does not serve has no objects
        let told = (feed.state.is_live() && seen) || feed.state == FeedState::NotInstalled;
        told && store.find(kind, text(l.namespace), text(l.name)).is_none()
    };
    let is_named = |l: &&Link| names(&record.note, text(l.kind), l.relation, text(l.namespace), text(l.name));
    // the object that is named is what it waits for, whether it exists or not
    match record.links.iter().filter(needed).find(is_named) {
        Some(named) => Some(named).filter(is_absent),
        None => record.links.iter().filter(needed).find(is_absent),
    }
}

/// Whether a controller's message names an object: `dependency 'flux-system/crds' is not ready`. A source must be named
/// with its kind, because a chart often has the name of its release.
fn names(note: &str, kind: &str, relation: Relation, namespace: &str, name: &str) -> bool {
    if !note.contains(name) {
        return false;
    }
    let (own, part) = (format!("{namespace}/{name}"), |c: char| c.is_ascii_alphanumeric() || "-./".contains(c));
    let whole = note.match_indices(&own).any(|(at, _)| {
        let (before, after) = (note[..at].chars().next_back(), note[at + own.len()..].chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    });
    whole && (relation == Relation::DependsOn || note.contains(kind))
}

/// `nobody`, `apps/nobody`, `GitRepository platform`.
fn told(store: &Store, link: &Link, own: KindId, record: &Record) -> String {
    let text = |sym| store.strings.get(sym);
    let name = match text(link.namespace) {
        space if link.namespace != record.namespace && !space.is_empty() => format!("{space}/{}", text(link.name)),
        _ => text(link.name).to_owned(),
    };
    if text(link.kind) == kinds::spec(own).name { name } else { format!("{} {name}", text(link.kind)) }
}

/// `b` and `a -> b -> a`: the shortest way from an object through its dependencies to itself.
fn circle(store: &Store, id: RowId) -> Option<(String, String)> {
    // each with the place of the one that leads to it
    let mut reached: Vec<(RowId, usize)> = vec![(id, 0)];
    let mut seen: HashSet<RowId> = HashSet::new();
    let mut at = 0;
    while let Some((last, _)) = reached.get(at).copied() {
        for next in depends_on(store, last) {
            if next == id {
                let mut way = vec![id, last];
                let mut step = at;
                while step > 0 {
                    step = reached[step].1;
                    way.push(reached[step].0);
                }
                let name = |id: &RowId| store.row(*id).map_or_else(String::new, |row| row.record.name.to_string());
                let names: Vec<String> = way.iter().rev().map(name).collect();
                return Some((names.get(1)?.clone(), names.join(" -> ")));
            }
            if seen.insert(next) {
                reached.push((next, at));
            }
        }
        at += 1;
    }
    None
}

fn depends_on(store: &Store, id: RowId) -> Vec<RowId> {
    let Some(row) = store.row(id) else { return Vec::new() };
    let text = |sym| store.strings.get(sym);
    let links = row.record.links.iter().filter(|l| l.relation == Relation::DependsOn);
    links.filter_map(|l| store.find(kinds::by_name(text(l.kind))?, text(l.namespace), text(l.name))).collect()
}
