//! How incidents come, change and go, by their own identity from one ranked list to the next. What is there only for a
//! moment is not reported, and what cannot be seen now is not healed.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Seen;
use crate::domain::ages::{self, Time};
use crate::domain::health::{Health, Severity};
use crate::domain::incident::Anchor;
use crate::domain::moment::{KEPT, Moment, What};
use crate::domain::record::{KindId, Record, Relation, Uid};
use crate::kinds::{self, pods};
use crate::store::RowId;
use crate::triage::{self, Incident, Subject};

/// A state is reported when it has lasted so long, in seconds: causes are found within, and flapping stays one
/// incident.
pub(super) const GRACE: i64 = 10;
/// How long lists may take before what is there is reported, in seconds.
const PATIENCE: i64 = 60;
/// An incident of an earlier session that says it began later than that by so much is another one, in seconds.
const SLACK: i64 = 60;

/// What identifies an incident in the next list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Id {
    Cluster,
    Feed(KindId),
    Object(KindId, Uid),
    /// The hash of its words.
    Group(u64),
}

impl Id {
    fn of(seen: &Seen<'_>, subject: Subject) -> Option<Self> {
        Some(match subject {
            Subject::Cluster => Self::Cluster,
            Subject::Feed(kind) => Self::Feed(kind),
            // its begin and its end are there already
            Subject::Plan(_) => return None,
            Subject::Row(id) => Self::Object(id.kind, seen.store.row(id)?.record.uid),
            Subject::Group(_) => {
                use std::hash::BuildHasher;
                let group = seen.triage.group(subject)?;
                let words = (group.kind, &*group.namespace, &*group.name, &*group.detail);
                Self::Group(FixedState::with_seed(3).hash_one(words))
            }
        })
    }

    /// As it is written to disk.
    fn text(self) -> String {
        match self {
            Self::Cluster => "c".to_owned(),
            Self::Feed(kind) => format!("f:{}", kinds::spec(kind).name),
            Self::Object(kind, uid) => format!("o:{}:{:x}", kinds::spec(kind).name, { uid.0 }),
            Self::Group(hash) => format!("g:{hash:x}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        Some(match (parts.next()?, parts.next(), parts.next()) {
            ("c", None, None) => Self::Cluster,
            ("f", Some(kind), None) => Self::Feed(kinds::by_name(kind)?),
            ("o", Some(kind), Some(uid)) => {
                Self::Object(kinds::by_name(kind)?, Uid(u128::from_str_radix(uid, 16).ok()?))
            }
            ("g", Some(hash), None) => Self::Group(u64::from_str_radix(hash, 16).ok()?),
            _ => return None,
        })
    }
}

/// An incident that was reported and is not over.
#[derive(Debug)]
struct Open {
    /// Its words, for when the row is gone.
    told: Moment,
    anchor: Option<Anchor>,
    began: Time,
    severity: Severity,
    /// The look at which it was last in the list.
    round: u64,
    /// Since when it is missing from the list.
    missing: Option<Time>,
    /// Since when something else explains it, and whether that was reported.
    under: Option<(Time, bool)>,
    /// Since when it has another severity.
    other: Option<(Severity, Time)>,
    /// It was left open by an earlier session and was not seen by this one.
    unwatched: bool,
}

#[derive(Debug, Default)]
pub(super) struct Incidents {
    open: HashMap<Id, Open, FixedState>,
    /// Seen, and not reported yet: since when, and at which look last.
    coming: HashMap<Id, (Time, u64), FixedState>,
    /// What an earlier session left open: its beginning, and what was reported last.
    left: HashMap<Id, (Time, Moment), FixedState>,
    round: u64,
    /// When the connection was there for the first time.
    began: Option<Time>,
    /// What was there at the start is reported.
    settled: bool,
    /// Something waits until it has lasted long enough.
    pending: bool,
    was_lost: bool,
}

impl Incidents {
    /// What is open by the words of an earlier session.
    pub fn resume(&mut self, past: &[Moment]) {
        // the entries read before are of another cluster
        self.left.clear();
        for moment in past.iter().filter(|m| m.what.is_incident()) {
            let Some(id) = Id::parse(&moment.id) else { continue };
            match moment.what {
                What::Healed | What::Gone => drop(self.left.remove(&id)),
                _ => {
                    let began = self.left.get(&id).map(|(began, _)| *began).filter(|_| moment.what != What::Onset);
                    self.left.insert(id, (began.unwrap_or(moment.time), moment.clone()));
                }
            }
        }
    }

    pub fn watch(&mut self, seen: &Seen<'_>, out: &mut Vec<Moment>) {
        let now = seen.now;
        if seen.lost != self.was_lost {
            self.was_lost = seen.lost;
            self.pending = true;
        }
        if !self.settled && !seen.lost {
            let began = *self.began.get_or_insert(now);
            self.pending = true;
            if !is_complete(seen) && began.age(now) < PATIENCE {
                return;
            }
        }
        if !seen.changed && !self.pending {
            return;
        }
        self.pending = false;
        self.round += 1;
        let first = !self.settled && !seen.lost;
        for incident in seen.triage.incidents() {
            let Some(id) = Id::of(seen, incident.subject) else { continue };
            self.present(id, incident, first, seen, out);
        }
        let round = self.round;
        // without a connection nothing else is seen, neither new nor gone
        self.coming.retain(|_, (_, at)| seen.lost || *at == round);
        if first {
            self.settled = true;
            self.take_over(now);
        }
        self.absent(seen, out);
    }

    /// An incident that is in the list.
    fn present(&mut self, id: Id, incident: &Incident, first: bool, seen: &Seen<'_>, out: &mut Vec<Moment>) {
        let now = seen.now;
        if let Some(open) = self.open.get_mut(&id) {
            (open.round, open.missing, open.under, open.unwatched) = (self.round, None, None, false);
            if let Some(finding) = seen.triage.finding(incident.subject).filter(|f| f.why != open.told.words) {
                open.told.words.clone_from(&finding.why);
            }
            if incident.severity == open.severity {
                open.other = None;
                return;
            }
            let since = match open.other {
                Some((severity, since)) if severity == incident.severity => since,
                _ => now,
            };
            open.other = Some((incident.severity, since));
            if since.age(now) >= GRACE {
                out.push(open.becomes(incident.severity, since));
            } else {
                self.pending = true;
            }
            return;
        }
        let (since, at) = self.coming.entry(id).or_insert((now, self.round));
        *at = self.round;
        let since = *since;
        if !first && since.age(now) < GRACE {
            self.pending = true;
            return;
        }
        self.coming.remove(&id);
        let Some(told) = onset(id, incident, since, first, seen) else { return };
        let mut open = Open {
            anchor: seen.triage.anchor(seen.store, incident.subject),
            began: incident.since.filter(|since| since.is_set() && *since <= now).unwrap_or(told.time),
            severity: incident.severity,
            round: self.round,
            missing: None,
            under: None,
            other: None,
            unwatched: false,
            told: told.clone(),
        };
        match self.left.remove(&id) {
            // an earlier session has reported it
            Some((began, last)) if incident.since.is_none_or(|since| since <= began.plus(SLACK)) => {
                open.began = open.began.min(began);
                if let Some(before) = last.severity.filter(|before| *before != incident.severity) {
                    open.severity = before;
                    out.push(Moment { at_start: true, ..open.becomes(incident.severity, now) });
                }
            }
            _ => out.push(told),
        }
        self.open.insert(id, open);
    }

    /// What an earlier session left open and this one does not see is looked for like its own.
    fn take_over(&mut self, now: Time) {
        for (id, (began, told)) in self.left.drain() {
            let severity = told.severity.unwrap_or(Severity::P4);
            let unwatched = Open {
                told,
                anchor: None,
                began: began.min(now),
                severity,
                round: 0,
                missing: None,
                under: None,
                other: None,
                unwatched: true,
            };
            self.open.insert(id, unwatched);
        }
    }

    /// What was reported and is not in the list.
    fn absent(&mut self, seen: &Seen<'_>, out: &mut Vec<Moment>) {
        let (round, now) = (self.round, seen.now);
        let mut pending = false;
        self.open.retain(|id, open| {
            if open.round == round {
                return true;
            }
            if !can_tell(*id, open, seen) {
                open.missing = None;
                pending = true;
                return true;
            }
            if let Some(subject) = still(*id, open, seen) {
                open.missing = None;
                let (since, told) = *open.under.get_or_insert((now, false));
                if !told && since.age(now) >= GRACE {
                    open.under = Some((since, true));
                    out.extend(explained(open, subject, since, seen));
                }
                // its end is not in the list
                pending |= !told;
                return true;
            }
            let Some(end) = end(*id, open, seen) else {
                open.missing = None;
                pending = true;
                return true;
            };
            let since = *open.missing.get_or_insert(now);
            if since.age(now) < GRACE || (end == End::Well && since.age(now) < STEADY && loops(open, seen)) {
                pending = true;
                return true;
            }
            out.push(open.over(end, since));
            false
        });
        self.pending |= pending;
    }
}

impl Open {
    fn becomes(&mut self, severity: Severity, since: Time) -> Moment {
        let what = if severity < self.severity { What::Worse } else { What::Better };
        let words = format!("{} -> {severity}: {}", self.severity, self.told.words);
        (self.severity, self.other) = (severity, None);
        self.again(what, since, words)
    }

    fn over(&self, end: End, since: Time) -> Moment {
        let lasted = ages::told(self.began.age(since).max(0));
        let (what, word) = match end {
            End::Well => (What::Healed, "healed"),
            End::Gone => (What::Gone, "gone, without recovering,"),
        };
        let words = if self.unwatched {
            format!("{word} while no console looked, within {lasted}: {}", self.told.words)
        } else {
            format!("{word} after {lasted}: {}", self.told.words)
        };
        Moment { at_start: self.unwatched, ..self.again(what, since, words) }
    }

    fn again(&self, what: What, time: Time, words: String) -> Moment {
        Moment {
            time,
            what,
            severity: Some(self.severity),
            words: words.into(),
            root: Box::default(),
            at_start: false,
            ..self.told.clone()
        }
    }
}

/// How an incident is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    /// The object that it was about no longer exists.
    Gone,
}

/// How a missing incident is over; not over while its object is still in progress.
fn end(id: Id, open: &Open, seen: &Seen<'_>) -> Option<End> {
    let kind = kinds::by_name(&open.told.kind);
    let row = match (id, kind) {
        // an alert stops firing by disappearing
        (_, Some(kind)) if kind == kinds::ALERT => return Some(End::Well),
        (Id::Object(kind, uid), _) => seen.store.table(kind).slot_of(uid).map(|slot| RowId { kind, slot }),
        (Id::Group(_), Some(kind)) => seen.store.find(kind, &open.told.namespace, &open.told.name),
        _ => return Some(End::Well),
    };
    let Some(row) = row.and_then(|id| seen.store.row(id)) else { return Some(End::Gone) };
    matches!(row.record.health, Health::Ok | Health::Suspended).then_some(End::Well)
}

/// A container that has run so long, in seconds, is not restarted at once when it ends: until then a crash loop may only
/// be between two crashes.
const STEADY: i64 = 600;

/// Whether it may be a crash loop, whatever it was called last: one of its pods was restarted lately.
fn loops(open: &Open, seen: &Seen<'_>) -> bool {
    let Some(Anchor::Group(group)) = open.anchor.as_ref().filter(|_| kinds::by_name(&open.told.kind).is_some()) else {
        return false;
    };
    let text = |sym| seen.store.strings.get(sym);
    let restarted = |pod: &Record| pod.time(pods::LAST_RESTART).is_some_and(|at| at.age(seen.now) < STEADY);
    let is_its = |pod: &Record| {
        pod.link(Relation::Owner).is_some_and(|l| {
            text(l.kind) == group.kind && text(l.namespace) == &*group.namespace && text(l.name) == &*group.name
        })
    };
    seen.store.table(kinds::POD).iter().any(|(_, row)| restarted(&row.record) && is_its(&row.record))
}

/// Whether every feed that is not read on demand has its rows, or says why it has none.
fn is_complete(seen: &Seen<'_>) -> bool {
    use crate::domain::change::FeedState::{Listing, Waiting};
    !seen.store.tables().any(|(_, table)| matches!(table.feed.state, Waiting | Listing { .. }))
}

/// Whether it would be in the list if it were there.
fn can_tell(id: Id, open: &Open, seen: &Seen<'_>) -> bool {
    let live = |kind| seen.store.table(kind).feed.state.is_live();
    match id {
        Id::Cluster => true,
        _ if seen.lost => false,
        Id::Feed(_) => true,
        Id::Object(kind, _) => live(kind),
        // its members are usually pods
        Id::Group(_) => kinds::by_name(&open.told.kind).into_iter().chain([kinds::POD]).all(live),
    }
}

/// The subject, when it still fails although it is not in the list.
fn still(id: Id, open: &Open, seen: &Seen<'_>) -> Option<Subject> {
    let subject = match (id, &open.anchor) {
        (Id::Object(kind, uid), _) => {
            let slot = seen.store.table(kind).slot_of(uid)?;
            Subject::Row(RowId { kind, slot })
        }
        (Id::Group(_), Some(anchor)) => seen.triage.subject(seen.store, anchor)?,
        _ => return None,
    };
    seen.triage.finding(subject).map(|_| subject)
}

fn onset(id: Id, incident: &Incident, first_seen: Time, at_start: bool, seen: &Seen<'_>) -> Option<Moment> {
    let finding = seen.triage.finding(incident.subject)?;
    // as everywhere: since when it has the severity that is shown
    let since = incident.severe.filter(|since| since.is_set() && *since <= seen.now);
    let (kind, namespace, name) = subject(incident.subject, seen);
    let old = since.filter(|since| since.age(seen.now) > KEPT);
    let mut moment = Moment::new(since.unwrap_or(first_seen), What::Onset, (&kind, &namespace, &name), &finding.why);
    if let Some(old) = old {
        // it began before anything that is kept: only that it is there can be reported
        moment.time = first_seen;
        moment.words = format!("for {} already: {}", ages::told(old.age(first_seen)), finding.why).into();
    }
    moment.severity = Some(incident.severity);
    moment.id = id.text().into();
    moment.at_start = at_start;
    Some(moment)
}

fn subject(subject: Subject, seen: &Seen<'_>) -> (String, String, String) {
    let (kind, title) = triage::title(seen.store, seen.triage, subject, seen.context);
    match subject {
        Subject::Row(id) => {
            let (namespace, name) = seen
                .store
                .row(id)
                .map_or(("", ""), |row| (seen.store.strings.get(row.record.namespace), &*row.record.name));
            (kind, namespace.to_owned(), name.to_owned())
        }
        Subject::Group(_) => {
            let group = seen.triage.group(subject);
            let (namespace, name) = group.map_or(("", ""), |group| (&*group.namespace, &*group.name));
            (kind, namespace.to_owned(), name.to_owned())
        }
        Subject::Cluster | Subject::Feed(_) | Subject::Plan(_) => (kind, String::new(), title),
    }
}

/// That something else turned out to be the reason.
fn explained(open: &Open, is: Subject, since: Time, seen: &Seen<'_>) -> Option<Moment> {
    let root = seen.triage.root(is);
    if root == is {
        return None;
    }
    let (kind, namespace, name) = subject(root, seen);
    let root = Moment::new(since, What::Change, (&kind, &namespace, &name), "").told();
    let mut moment = open.again(What::Change, since, "is explained by another incident now".to_owned());
    moment.root = root.into();
    Some(moment)
}
