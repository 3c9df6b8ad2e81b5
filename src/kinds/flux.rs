//! What all Flux objects have in common: one order of conditions, who suspended it, what blocks it.
//!
//! Two facts of the controllers shape the order. `Ready` is frozen while an object is suspended. A failing or blocked
//! `HelmRelease` keeps `Reconciling=True` and `observedGeneration: -1` together with `Ready=False` (helm-controller
//! 1.6), so `Ready=False` wins over both.
//!
//! A retry resets `Ready`, and any change of a message resets every condition: Flux' `conditions.Set` keeps
//! `lastTransitionTime` only while status, reason and message are as before. So a failure began at the earliest time
//! that any condition, count or revision has.

use serde::de::DeserializeOwned;

use super::column::{Column, Field, Show};
use super::ending::{self, link};
use super::spec::decode_with;
use super::suspender::{self, SuspendedBy};
use super::wire::{Condition, Conditions, Meta, Object, Text};
use super::{Decoded, Switch, Tells, base, window};
use crate::domain::ages::Time;
use crate::domain::health::Health;
use crate::domain::interner::{Interner, Strings, Sym};
use crate::domain::record::{Cell, Link, Record, Relation, clean};
use crate::domain::redact;

/// When the current state began.
pub const SINCE: u8 = 0;
/// A [`Case`] as its number.
pub const CASE: u8 = 1;
pub const REVISION: u8 = 2;
/// `True`, `False`, `Unknown`, or nothing.
pub const READY: u8 = 3;
pub const READY_REASON: u8 = 4;
/// What it waits for: `cert-manager`, `HelmChart flux-system/shop`.
pub const BLOCKER: u8 = 5;
/// The field manager that suspended it.
pub const SUSPENDED_BY: u8 = 6;
/// Failures in a row, where the object counts them.
pub const FAILURES: u8 = 7;
/// When the revision came in, where the object says so: a reconcile that changes nothing does not count.
pub const CHANGED: u8 = 8;
/// The maintenance window that it is suspended for, and that window's end.
pub const WINDOW: u8 = 9;
pub const WINDOW_END: u8 = 10;
/// Since when a suspended object has failed, if it has.
pub const FAILED_SINCE: u8 = 11;
/// The maximum seconds of an attempt: its own timeout, else three of its intervals; none where it has neither.
pub const PATIENCE: u8 = 12;
/// Seconds between two attempts of a failing object.
pub const RETRY: u8 = 13;
/// The [`Case`] that a suspended object would have if it were not suspended: it is frozen in that.
pub const FROZEN: u8 = 14;
/// The reason of the condition other than Ready that says what went wrong: `UpgradeFailed`. Only of an object whose
/// Ready does not say it, being suspended or tried again.
pub const WRONG: u8 = 15;
/// The first cell that a kind may use for itself.
pub const OWN: u8 = 16;

/// Which line of the order decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Case {
    Terminating = 1,
    Suspended,
    /// Will not retry by itself.
    Stalled,
    /// A dependency or the source is not ready: the root cause is elsewhere.
    Blocked,
    Failed,
    Progressing,
    /// Ready, but the cluster differs from what was applied.
    Drifted,
    /// Ready, but for an older generation.
    Outdated,
    Ok,
    /// No `Ready` condition yet.
    Waiting,
    /// A kind of source that has no conditions at all.
    Static,
    /// In progress after an attempt that failed.
    Retrying,
    /// Ready, although a test of it failed.
    Untested,
}

impl Case {
    const ALL: [Self; 13] = [
        Self::Terminating,
        Self::Suspended,
        Self::Stalled,
        Self::Blocked,
        Self::Failed,
        Self::Progressing,
        Self::Drifted,
        Self::Outdated,
        Self::Ok,
        Self::Waiting,
        Self::Static,
        Self::Retrying,
        Self::Untested,
    ];

    /// The case of a Flux object's record.
    pub fn of(record: &Record) -> Self {
        Self::numbered(record.int(CASE))
    }

    fn numbered(number: i64) -> Self {
        Self::ALL.into_iter().find(|c| *c as i64 == number).unwrap_or(Self::Waiting)
    }

    /// Its work was not done. An object that only waits for others has not failed.
    fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Stalled | Self::Retrying)
    }
}

/// A Flux object with the only part needed of its managed fields.
pub type FluxObject<S, T> = Object<S, T, SuspendedBy>;

/// Whether it has failed, now or before it was suspended. An object that only waits for others has not.
pub fn has_failed(record: &Record, strings: &Strings) -> bool {
    match Case::of(record) {
        Case::Suspended => {
            let under_way =
                record.text(READY, strings) == "False" && record.text(READY_REASON, strings) == "Progressing";
            !under_way && Case::numbered(record.int(FROZEN)).is_failure()
        }
        case => case.is_failure(),
    }
}

/// The switch of most kinds; a row adds the noun of the flux command.
pub const IN_SPEC: Switch = Switch {
    pointer: "/spec/suspend",
    told: ".spec.suspend",
    owned: "/fieldsV1/f:spec/f:suspend",
    annotation: None,
    noun: &[],
};

/// What switches a Flux object of a kind off and on.
pub fn switch(kind: &str) -> &'static Switch {
    super::by_name(kind).and_then(|kind| super::spec(kind).switch).unwrap_or(&IN_SPEC)
}

/// The timeline notes who suspends and resumes it.
pub const SWITCHED: Tells = Tells::Switch { by: Some(SUSPENDED_BY) };

/// A kind of Flux.
pub trait FluxKind {
    type Spec: DeserializeOwned + Default;
    type Status: DeserializeOwned + Default;

    fn read(object: &FluxObject<Self::Spec, Self::Status>, intern: &mut Interner) -> Record;
}

/// The decoder of a kind of Flux.
pub fn decode<K: FluxKind>(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &FluxObject<K::Spec, K::Status>, intern| K::read(object, intern))
}

/// A reference to another object; an empty namespace is the own one.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Reference {
    pub api_version: Text,
    pub kind: Text,
    pub namespace: Text,
    pub name: Text,
}

impl Reference {
    /// A link to it from an object in `home`, when it names anything.
    pub fn link(&self, relation: Relation, kind: &str, home: &str, intern: &mut Interner) -> Option<Link> {
        let kind = if self.kind.is_empty() { kind } else { &self.kind };
        let kind = ending::qualified(kind, ending::group(&self.api_version));
        let namespace = if self.namespace.is_empty() { home } else { &self.namespace };
        (!self.name.is_empty()).then(|| link(relation, &kind, namespace, &self.name, intern))
    }
}

/// What a kind reads of an object beyond its metadata.
#[derive(Debug, Default)]
pub struct Told<'a> {
    pub kind: &'static str,
    pub suspend: Option<bool>,
    /// Has no conditions by design.
    pub inert: bool,
    /// A result of other objects: nothing suspends it.
    pub is_made: bool,
    pub observed: Option<i64>,
    pub conditions: &'a [Condition],
    pub failures: i64,
    /// Since when it fails repeatedly, where something other than a condition says so.
    pub failing_since: Option<Time>,
    /// When the attempt after the last successful one was due: an object that fails now has failed since then.
    pub due: Option<Time>,
    /// It has never done its work yet: nothing applied, nothing fetched.
    pub never: bool,
    /// See [`PATIENCE`].
    pub patience: Option<i64>,
    /// See [`RETRY`].
    pub retry: Option<i64>,
    pub revision: &'a str,
    /// When that revision came in.
    pub changed: Option<Time>,
    pub links: Vec<Link>,
}

/// The record of an object: the common cells, then `own`.
pub fn read<const N: usize>(meta: &Meta<SuspendedBy>, told: Told<'_>, own: [Cell; N], intern: &mut Interner) -> Record {
    let mut record = base(meta, intern);
    let state = State::of(meta, &told);
    record.health = state.health;
    record.status = intern.get(state.word);
    record.note = clean(&redact::urls(state.note));
    record.suspended = Some(told.suspend == Some(true)).filter(|_| !told.is_made);
    let ready = told.conditions.of("Ready");
    let frozen = (state.case == Case::Suspended).then(|| State::running(meta, &told));
    let mut since = state.onset(meta, &told);
    if let Some(deleted) = ending::mark(&mut record, meta, intern) {
        since = Some(deleted);
        if let Some(why) = ready.and_then(|c| undeletable(c, deleted)) {
            record.note = clean(&redact::urls(&ending::because(&why, &record.note)));
        }
    }
    let asked = matches!(state.case, Case::Suspended | Case::Retrying);
    let wrong =
        wrong(told.conditions).or_else(|| told.conditions.of("Stalled").filter(|c| c.is_true())).filter(|_| asked);
    let blocker = if state.case == Case::Blocked { blocker(&told, &record, intern) } else { String::new() };
    let by = if state.case == Case::Suspended { &*meta.managed_fields.manager } else { "" };
    let [window, window_end] = window::cells(meta, intern);
    let common = [
        Cell::time(since),
        Cell::Int(state.case as i64),
        Cell::text(told.revision, intern),
        Cell::text(ready.map_or("", |c| &c.status), intern),
        Cell::text(ready.map_or("", |c| &c.reason), intern),
        Cell::text(&blocker, intern),
        Cell::text(by, intern),
        Cell::Int(told.failures),
        Cell::time(told.changed),
        window,
        window_end,
        Cell::time(frozen.as_ref().filter(|f| f.case.is_failure()).and_then(|f| f.onset(meta, &told))),
        told.patience.map_or(Cell::None, Cell::Int),
        told.retry.map_or(Cell::None, Cell::Int),
        frozen.as_ref().map_or(Cell::None, |f| Cell::Int(f.case as i64)),
        Cell::text(wrong.map_or("", |c| &c.reason), intern),
    ];
    record.cells = common.into_iter().chain(own).collect();
    let mut links = told.links;
    links.extend(ending::managers(told.kind, meta, intern));
    record.links = links.into();
    record
}

/// Conditions that are True, and False, while what they are about is wrong. A retry leaves them as they are.
const WRONG_TRUE: [&str; 3] = ["FetchFailed", "BuildFailed", "StorageOperationFailed"];
const WRONG_FALSE: [&str; 2] = ["Released", "TestSuccess"];

/// The conditions other than Ready that say what went wrong, the most telling first.
fn wrongs(conditions: &[Condition]) -> impl Iterator<Item = &Condition> {
    let on = WRONG_TRUE.into_iter().filter_map(|name| conditions.of(name).filter(|c| c.is_true()));
    on.chain(WRONG_FALSE.into_iter().filter_map(|name| conditions.of(name).filter(|c| c.is_false())))
}

fn wrong(conditions: &[Condition]) -> Option<&Condition> {
    wrongs(conditions).next()
}

/// Since when it might have worked, and never has: since its creation, or since its spec was last written.
fn made(meta: &Meta<SuspendedBy>, told: &Told<'_>) -> Option<Time> {
    Some(meta.created()).filter(|t| t.is_set()).max(meta.managed_fields.spec).filter(|_| told.never)
}

/// Since when it fails, by everything that retries leave alone: the conditions that say what went wrong, the count of
/// attempts, and that it has never worked.
fn onset(meta: &Meta<SuspendedBy>, told: &Told<'_>) -> Option<Time> {
    let wrong = wrongs(told.conditions).filter_map(Condition::since);
    wrong.chain(told.failing_since).chain(told.due).chain(made(meta, told)).min()
}

/// What went wrong in the deletion of an object: what `Ready` has said since then.
fn undeletable(ready: &Condition, deleted: Time) -> Option<String> {
    let since = ready.since().is_some_and(|since| since.plus(SAME) >= deleted);
    let failed = ready.is_false() && (since || &*ready.reason == "UninstallFailed");
    failed.then(|| ending::because(&ending::words(&ready.reason), gist(&ready.message)))
}

/// Seconds within which two controllers write down the same moment.
const SAME: i64 = 2;

/// Helm's message repeats kind, release and chart before it comes to the point.
pub fn gist(note: &str) -> &str {
    match note.split_once(": ") {
        Some((head, point)) if head.starts_with("Helm ") && head.contains(" failed for release ") => point,
        _ => note,
    }
}

/// What the conditions say, in the order that decides.
struct State<'a> {
    case: Case,
    health: Health,
    word: &'a str,
    note: &'a str,
    since: Option<Time>,
}

impl<'a> State<'a> {
    fn of(meta: &Meta<SuspendedBy>, told: &'a Told<'_>) -> Self {
        let ready = told.conditions.of("Ready");
        if meta.deleted().is_some() {
            return Self { case: Case::Terminating, health: Health::Terminating, word: "", note: "", since: None };
        }
        if told.suspend == Some(true) {
            // what Ready says is frozen: it is shown, and decides only the severity
            let fine = told.inert || ready.is_some_and(Condition::is_true);
            let health = if fine { Health::Suspended } else { Health::Warning };
            let last = Self::running(meta, told);
            let note = match ready {
                _ if fine => "",
                _ if last.case.is_failure() => last.note,
                ready => ready.map_or("never reconciled", |c| &c.message),
            };
            return Self { case: Case::Suspended, health, word: "Suspended", note, since: meta.managed_fields.since };
        }
        Self::running(meta, told)
    }

    /// Since when it is in its state; for a failure, since when it has failed, however often that was tried again.
    fn onset(&self, meta: &Meta<SuspendedBy>, told: &Told<'_>) -> Option<Time> {
        let begun = match self.case {
            Case::Failed | Case::Stalled => onset(meta, told),
            // nothing says so: the previous attempt failed no later than one interval before this one
            Case::Retrying => onset(meta, told).or_else(|| Some(self.since?.plus(-told.retry?))),
            Case::Progressing => told.failing_since.into_iter().chain(made(meta, told)).min(),
            _ => None,
        };
        [self.since, begun].into_iter().flatten().min()
    }

    /// An object in progress has failed before, when its reason says so, or the conditions and the count that the
    /// previous attempt left.
    fn again(self, told: &'a Told<'_>) -> Self {
        let wrong = wrong(told.conditions);
        if told.failures == 0 && wrong.is_none() && self.word != "ProgressingWithRetry" {
            return self;
        }
        let note = wrong.map(|c| &*c.message).filter(|message| !message.is_empty()).unwrap_or(self.note);
        Self { case: Case::Retrying, note, ..self }
    }

    /// Its state, or the state that it would have if nobody had suspended it.
    fn running(meta: &Meta<SuspendedBy>, told: &'a Told<'_>) -> Self {
        let of = |name: &str| told.conditions.of(name);
        let on = |name: &str| of(name).filter(|c| c.is_true());
        let ready = of("Ready");
        let by = |case, health, c: &'a Condition, word: &'a str| {
            let word = if c.reason.is_empty() { word } else { &c.reason };
            Self { case, health, word, note: &c.message, since: c.since() }
        };
        let failing = ready.filter(|c| c.is_false());
        if let Some(stalled) = on("Stalled") {
            let told_by = failing.filter(|c| !c.message.is_empty());
            let note = told_by.map_or(&*stalled.message, |c| cause(c, told.conditions));
            let since = match (failing.and_then(Condition::since), stalled.since()) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            return Self { note, since, ..by(Case::Stalled, Health::Failed, stalled, "Stalled") };
        }
        if let Some(c) = failing {
            if matches!(&*c.reason, "DependencyNotReady" | "SourceNotReady") {
                return by(Case::Blocked, Health::Warning, c, "Blocked");
            }
            // a newer revision is tried instead, at once
            if &*c.reason == "HealthCheckCanceled" {
                return by(Case::Progressing, Health::Progressing, c, "Progressing");
            }
            return Self { note: cause(c, told.conditions), ..by(Case::Failed, Health::Failed, c, "NotReady") };
        }
        // sources: while Ready is being determined again, these keep saying what went wrong
        let broken = ["FetchFailed", "BuildFailed", "StorageOperationFailed"].into_iter().find_map(on);
        if let Some(c) = broken {
            return by(Case::Failed, Health::Failed, c, "FetchFailed");
        }
        if let Some(c) = on("Reconciling") {
            let note = if c.message.is_empty() { ready.map_or("", |r| &r.message) } else { &c.message };
            // its message names each step, and each step restarts its time
            let unknown = ready.filter(|r| !r.is_true()).and_then(Condition::since);
            let since = [c.since(), unknown].into_iter().flatten().min();
            return Self { note, since, ..by(Case::Progressing, Health::Progressing, c, "Progressing") }.again(told);
        }
        match ready {
            Some(c) if &*c.status == "Unknown" => {
                by(Case::Progressing, Health::Progressing, c, "Progressing").again(told)
            }
            Some(c) if c.is_true() => match on("Drifted") {
                Some(drifted) => by(Case::Drifted, Health::Warning, drifted, "Drifted"),
                None if is_older(meta.generation, told.observed) => {
                    let since = meta.managed_fields.spec.or_else(|| c.since());
                    Self { word: "Progressing", since, ..by(Case::Outdated, Health::Progressing, c, "Progressing") }
                }
                None => match of("TestSuccess").filter(|test| test.is_false()) {
                    Some(test) => {
                        let (note, since) = (&*test.message, test.since());
                        Self { note, since, ..by(Case::Untested, Health::Ok, c, "Ready") }
                    }
                    None => by(Case::Ok, Health::Ok, c, "Ready"),
                },
            },
            _ if told.inert => Self { case: Case::Static, health: Health::Ok, word: "Static", note: "", since: None },
            _ => Self {
                case: Case::Waiting,
                health: Health::Unknown,
                word: "Waiting",
                note: "waiting to be reconciled",
                since: None,
            },
        }
    }
}

fn is_older(generation: Option<i64>, observed: Option<i64>) -> bool {
    matches!((generation, observed), (Some(g), Some(o)) if g != o)
}

/// After a remediation, `Ready` reports the rollback and `Released` what made it necessary.
fn cause<'a>(ready: &'a Condition, conditions: &'a [Condition]) -> &'a str {
    let remedied = matches!(&*ready.reason, "RollbackSucceeded" | "UninstallSucceeded");
    let released = conditions.of("Released").filter(|c| remedied && c.is_false() && !c.message.is_empty());
    &released.unwrap_or(ready).message
}

/// The declared dependency or source that the message names, else the only one declared.
fn blocker(told: &Told<'_>, record: &Record, intern: &Interner) -> String {
    let reason = told.conditions.of("Ready").map_or("", |c| &c.reason);
    let relation = if reason == "SourceNotReady" { Relation::Source } else { Relation::DependsOn };
    let declared: Vec<&Link> = told.links.iter().filter(|l| l.relation == relation).collect();
    let is_named = |l: &&&Link| {
        let (kind, namespace, name) = (intern.text(l.kind), intern.text(l.namespace), intern.text(l.name));
        // the Flux operator says group, version, kind and name
        record.note.contains(&format!("'{namespace}/{name}'")) || record.note.contains(&format!("/{kind}/{name} "))
    };
    let named = declared.iter().find(is_named).or_else(|| declared.first().filter(|_| declared.len() == 1));
    match (named, relation) {
        (Some(l), Relation::Source) => {
            format!("{} {}", intern.text(l.kind), ending::short(l, record.namespace, intern))
        }
        (Some(l), _) if intern.text(l.kind) != told.kind => {
            format!("{} {}", intern.text(l.kind), ending::short(l, record.namespace, intern))
        }
        (Some(l), _) => ending::short(l, record.namespace, intern),
        (None, _) if declared.is_empty() => String::new(),
        (None, Relation::Source) => "its source".to_owned(),
        (None, _) => format!("one of {}", declared.len()),
    }
}

/// `main@sha1:0123456789ab…` as `main@01234567`; a bare digest as its first eight digits.
pub fn short_revision(revision: &str) -> String {
    let Some((head, digest)) = revision.rsplit_once(':') else { return revision.to_owned() };
    let (branch, algorithm) = head.rsplit_once('@').map_or((None, head), |(b, a)| (Some(b), a));
    if !matches!(algorithm, "sha1" | "sha256" | "sha384" | "sha512" | "blake3") {
        return revision.to_owned();
    }
    let digest: String = digest.chars().take(8).collect();
    branch.map_or_else(|| digest.clone(), |b| format!("{b}@{digest}"))
}

pub const NAMESPACE: Column = Column::new("NAMESPACE", Field::Namespace, 8, 24, 2);
pub const NAME: Column = Column::new("NAME", Field::Name, 16, 48, 0);
pub const STATUS: Column = Column::new("STATUS", Field::Status, 9, 28, 0);
pub const SINCE_COLUMN: Column = Column::new("SINCE", Field::Cell(SINCE), 5, 7, 1);
pub const READY_COLUMN: Column = Column::new("READY", Field::With(ready), 5, 14, 7);
pub const REVISION_COLUMN: Column = Column::new("REVISION", Field::Cell(REVISION), 8, 24, 3);
pub const SUSPENDED_COLUMN: Column = Column::new("SUSPENDED", Field::With(suspended), 9, 26, 5);
pub const BLOCKED_COLUMN: Column = Column::new("BLOCKED BY", Field::Cell(BLOCKER), 10, 32, 4);
pub const AGE: Column = Column::new("AGE", Field::Age, 5, 7, 8);
pub const MESSAGE: Column = Column::new("MESSAGE", Field::Note, 12, 160, 6);

/// `True`; `True, frozen` under suspend.
fn ready(record: &Record, show: &Show<'_>, out: &mut String) {
    out.push_str(record.text(READY, show.strings));
    if record.suspended == Some(true) && record.sym(READY) != Sym::EMPTY {
        out.push_str(", frozen");
    }
}

/// `3d by flux`, or `yes` when that is not known.
fn suspended(record: &Record, show: &Show<'_>, out: &mut String) {
    let since = record.time(SINCE).filter(|_| Case::of(record) == Case::Suspended);
    suspender::shown(record, since, SUSPENDED_BY, show, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("main@sha1:0123456789abcdef", "main@01234567")]
    #[case("feature/a@b@sha1:0123456789abcdef", "feature/a@b@01234567")]
    #[case("sha256:0123456789abcdef", "01234567")]
    #[case("6.5.0@sha256:0123456789abcdef", "6.5.0@01234567")]
    #[case("1.2.3", "1.2.3")]
    #[case("main/0123456789", "main/0123456789")]
    #[case("port:8080", "port:8080")]
    #[case("", "")]
    fn revisions_are_shortened_where_they_are_digests(#[case] revision: &str, #[case] expected: &str) {
        assert_eq!(short_revision(revision), expected);
    }
}
