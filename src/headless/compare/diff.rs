//! What happened between two snapshots. Objects are the same by their uid, else by their name: a recreated object is
//! one object, not two. Of a kind that either snapshot could not see nothing is said to have come or gone.

use std::collections::{HashMap, HashSet};

use super::read::{Feed, Object, Snapshot};
use crate::domain::ages;
use crate::kinds;

/// One thing that happened, in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// `Pod shop/cart-1`, or a feed.
    pub what: String,
    pub before: String,
    pub after: String,
}

/// Everything that happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    pub broke: Vec<Event>,
    pub healed: Vec<Event>,
    pub changed: Vec<Event>,
    pub came: Vec<Event>,
    pub went: Vec<Event>,
    /// Feeds that could be read, and cannot.
    pub blinded: Vec<Event>,
    /// Feeds that can be read again.
    pub seeing: Vec<Event>,
    pub began: Vec<Event>,
    pub ended: Vec<Event>,
}

impl Difference {
    /// What cannot be seen any more cannot be said to be whole.
    pub fn is_worse(&self) -> bool {
        !self.broke.is_empty() || !self.blinded.is_empty()
    }

    /// Each list with its name, in the order in which they matter.
    pub fn lists(&self) -> [(&'static str, &[Event]); 9] {
        [
            ("broke", &self.broke),
            ("became blind", &self.blinded),
            ("healed", &self.healed),
            ("can be seen again", &self.seeing),
            ("changed", &self.changed),
            ("came", &self.came),
            ("went", &self.went),
            ("incidents that began", &self.began),
            ("incidents that ended", &self.ended),
        ]
    }
}

/// Cells that say what an object is, and not how old: a new revision is a change, another age is none.
const TELLING: &[&str] = &[
    "READY",
    "REVISION",
    "VERSION",
    "UP-TO-DATE",
    "AVAILABLE",
    "WANTED",
    "DESIRED",
    "REPLICAS",
    "CHART",
    "SUSPENDED",
    "PAUSED",
    "PRESSURE",
    "BLOCKED BY",
    "STATE",
    "SEVERITY",
    "PROGRESS",
    "CAPACITY",
    "SCHEDULE",
    "CLASS",
];

/// Feeds in these states said nothing about their kind.
const BLIND: &[&str] = &["stale", "no access", "unreachable", "waiting", "listing"];
/// Feeds in these states are neither blind nor seeing.
const ABSENT: &[&str] = &["not installed", "on demand", "off"];

type Place<'a> = (&'a str, &'a str, &'a str);

fn place(object: &Object) -> Place<'_> {
    (&object.kind, &object.namespace, &object.name)
}

/// From the first to the second.
pub fn difference(a: &Snapshot, b: &Snapshot) -> Difference {
    let mut out = Difference::default();
    let feeds_of = |snapshot| -> HashMap<&str, &Feed> { feeds(snapshot) };
    let (old_feeds, new_feeds) = (feeds_of(a), feeds_of(b));
    for feed in &a.feeds {
        let Some(now) = new_feeds.get(&*feed.kind) else { continue };
        let event = || Event { what: feed.word.clone(), before: feed.state.clone(), after: told(now) };
        match (sight(feed), sight(now)) {
            (before, after) if before > after => out.blinded.push(event()),
            (before, after) if before < after => out.seeing.push(event()),
            _ => {}
        }
    }
    let seen = |feeds: &HashMap<&str, &Feed>, kind: &str| {
        feeds.get(kind).is_some_and(|feed| !is_blind(feed) && feed.state != "on demand")
    };
    let both = |kind: &str| {
        let only = |feeds: &HashMap<&str, &Feed>| feeds.get(kind).map(|feed| feed.only.clone());
        seen(&old_feeds, kind) && seen(&new_feeds, kind) && only(&old_feeds) == only(&new_feeds)
    };
    let by_uid: HashMap<(&str, &str), &Object> = b.objects.iter().map(|o| ((&*o.kind, &*o.uid), o)).collect();
    let known: HashSet<(&str, &str)> = a.objects.iter().map(|o| (&*o.kind, &*o.uid)).collect();
    // alerts share their names: only a new object can be a recreated old one
    let mut anew: HashMap<Place<'_>, &Object> =
        b.objects.iter().filter(|o| !known.contains(&(&*o.kind, &*o.uid))).map(|o| (place(o), o)).collect();
    let mut paired: HashSet<(&str, &str)> = HashSet::new();
    for old in &a.objects {
        let new = by_uid.get(&(&*old.kind, &*old.uid)).copied().or_else(|| anew.remove(&place(old)));
        match new {
            Some(new) => {
                paired.insert((&new.kind, &new.uid));
                pair(old, new, &mut out);
            }
            None if both(&old.kind) => {
                out.went.push(Event { what: name(old), before: state(old), after: "gone".to_owned() });
            }
            None => {}
        }
    }
    for new in b.objects.iter().filter(|o| !paired.contains(&(&*o.kind, &*o.uid)) && both(&o.kind)) {
        let event = Event { what: name(new), before: "not there".to_owned(), after: state(new) };
        // what comes failing has broken, whether its grace has ended or not
        let fails = new.health == "failed" && !has_note(new);
        let broke = fails || (is_fault(new) && gravity(new) >= SERIOUS);
        if broke { out.broke.push(event) } else { out.came.push(event) }
    }
    incidents(a, b, &mut out);
    sort(&mut out);
    out
}

fn feeds(snapshot: &Snapshot) -> HashMap<&str, &Feed> {
    snapshot.feeds.iter().map(|feed| (&*feed.kind, feed)).collect()
}

fn is_blind(feed: &Feed) -> bool {
    BLIND.contains(&&*feed.state) && !ABSENT.contains(&&*feed.state)
}

/// 0 nothing, 1 some namespaces, 2 everything there is.
fn sight(feed: &Feed) -> u8 {
    match (is_blind(feed), feed.only.is_empty()) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    }
}

fn told(feed: &Feed) -> String {
    let error = feed.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    let blinds = if feed.blinds.is_empty() { String::new() } else { format!(" (blind to {})", feed.blinds) };
    let only = if feed.only.is_empty() { String::new() } else { format!(", only {}", feed.only.join(", ")) };
    format!("{}{only}{error}{blinds}", feed.state)
}

fn is_fault(object: &Object) -> bool {
    matches!(&*object.health, "failed" | "warning" | "unknown" | "stale")
}

/// A finding of P3: something is to be done.
const SERIOUS: u8 = 2;

/// Nothing moves it on any more, and nothing is wrong: only that is healed.
fn is_well(object: &Object) -> bool {
    matches!(&*object.health, "ok" | "suspended")
}

/// Whether what is known of it is no more than a note, or silenced: a failure of long ago.
fn has_note(object: &Object) -> bool {
    !object.findings.is_empty() && gravity(object) < SERIOUS
}

/// 4 for P1 down to 1 for P4, 0 without a finding that counts.
fn gravity(object: &Object) -> u8 {
    let of = |severity: &str| match severity {
        "P1" => 4,
        "P2" => 3,
        "P3" => 2,
        _ => 1,
    };
    object.findings.iter().filter(|f| !f.silenced).map(|f| of(&f.severity)).max().unwrap_or(0)
}

fn pair(old: &Object, new: &Object, out: &mut Difference) {
    let event = || Event { what: name(new), before: state(old), after: state(new) };
    // a state without a finding is one whose grace has not ended: it is on its way
    let was = is_fault(old) && gravity(old) > 0;
    let is = is_fault(new) && gravity(new) > 0;
    let worse = gravity(new) >= SERIOUS && (gravity(new) > gravity(old) || (is && !was));
    let healed = !worse && was && is_well(new) && gravity(new) < SERIOUS;
    if worse {
        out.broke.push(event());
    } else if healed {
        out.healed.push(event());
    }
    let mut changes = Vec::new();
    if old.uid != new.uid {
        changes.push(("recreated".to_owned(), String::new(), String::new()));
    }
    // said already
    if old.status != new.status && !worse && !healed {
        changes.push(("status".to_owned(), old.status.clone(), new.status.clone()));
    }
    if old.suspended != new.suspended {
        let word = |suspended| if suspended == Some(true) { "yes".to_owned() } else { "no".to_owned() };
        changes.push(("suspended".to_owned(), word(old.suspended), word(new.suspended)));
    }
    for title in TELLING.iter().filter(|title| **title != "SUSPENDED" && **title != "PAUSED") {
        let cell = |object: &Object| object.cells.get(*title).cloned().unwrap_or_default();
        let (before, after) = (cell(old), cell(new));
        if before != after {
            changes.push((title.to_lowercase(), before, after));
        }
    }
    for (what, before, after) in changes {
        out.changed.push(Event { what: format!("{} {what}", name(new)), before, after });
    }
}

fn incidents(a: &Snapshot, b: &Snapshot, out: &mut Difference) {
    let names = |snapshot: &Snapshot| -> HashSet<(String, String)> {
        snapshot.incidents.iter().map(|i| (i.kind.clone(), i.name.clone())).collect()
    };
    let (before, after) = (names(a), names(b));
    let told = |i: &super::read::Incident| (format!("{} {}", i.kind, i.name), format!("{}: {}", i.severity, i.why));
    for one in b.incidents.iter().filter(|i| !before.contains(&(i.kind.clone(), i.name.clone()))) {
        let (what, now) = told(one);
        out.began.push(Event { what, before: String::new(), after: now });
    }
    for one in a.incidents.iter().filter(|i| !after.contains(&(i.kind.clone(), i.name.clone())) && is_over(i, b)) {
        let (what, then) = told(one);
        out.ended.push(Event { what, before: then, after: String::new() });
    }
}

/// Whether the object of an incident is healthy or gone. What is tried again, or has just been restarted, may fail the
/// next moment; the state of what cannot be seen is unknown.
fn is_over(incident: &super::read::Incident, b: &Snapshot) -> bool {
    // alerts share their names, and those that fire have incidents of their own
    if incident.kind == kinds::name(kinds::ALERT) {
        return true;
    }
    if feeds(b).get(&*incident.kind).is_some_and(|feed| is_blind(feed)) {
        return false;
    }
    let (namespace, own) = incident.name.split_once('/').unwrap_or(("", &incident.name));
    let is_it = |o: &&Object| o.kind == incident.kind && o.namespace == namespace && o.name == own;
    let owner = format!("{}/{own}", incident.kind);
    let is_its = |o: &&Object| {
        o.kind == kinds::name(kinds::POD) && o.namespace == namespace && o.cells.get("OWNER") == Some(&owner)
    };
    b.objects.iter().find(is_it).is_none_or(is_steady) && !b.objects.iter().filter(is_its).any(is_restarted_lately)
}

/// Well, or a pod that is only shown as restarted.
fn is_steady(object: &Object) -> bool {
    let shown = object.kind == kinds::name(kinds::POD) && object.health == "warning" && object.findings.is_empty();
    (is_well(object) || (shown && object.status == "Running")) && !is_restarted_lately(object)
}

/// `9 (5m ago)`: a container that has run for less than that may be between two crashes.
fn is_restarted_lately(pod: &Object) -> bool {
    let ago = pod.cells.get("RESTARTS").and_then(|cell| cell.split_once('(')?.1.strip_suffix(" ago)"));
    ago.and_then(ages::go_duration).is_some_and(|seconds| seconds < STEADY)
}

/// Seconds after which a container that ends is restarted at once again: the same as in `triage/onset.rs`.
const STEADY: i64 = 600;

fn name(object: &Object) -> String {
    match &*object.namespace {
        "" => format!("{} {}", object.kind, object.name),
        namespace => format!("{} {namespace}/{}", object.kind, object.name),
    }
}

/// `failed CrashLoopBackOff: P2 crash loop`.
fn state(object: &Object) -> String {
    let finding = object.findings.first().map_or_else(String::new, |f| format!(": {} {}", f.severity, f.why));
    let status = if object.status.is_empty() { String::new() } else { format!(" {}", object.status) };
    format!("{}{status}{finding}", object.health)
}

fn sort(out: &mut Difference) {
    let Difference { broke, healed, changed, came, went, blinded, seeing, began, ended } = out;
    for list in [broke, healed, changed, came, went, blinded, seeing, began, ended] {
        list.sort();
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::read::Finding;
    use super::*;

    fn object(name: &str, health: &str, severity: &str) -> Object {
        let finding = Finding { severity: severity.to_owned(), why: "why".to_owned(), silenced: false };
        Object {
            kind: "Pod".to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: name.to_owned(),
            health: health.to_owned(),
            status: health.to_owned(),
            findings: if severity.is_empty() { Vec::new() } else { vec![finding] },
            ..Object::default()
        }
    }

    fn snapshot(feed: &str, objects: Vec<Object>) -> Snapshot {
        let feed = Feed { word: "pods".to_owned(), kind: "Pod".to_owned(), state: feed.to_owned(), ..Feed::default() };
        Snapshot { feeds: vec![feed], objects, ..Snapshot::default() }
    }

    fn names(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| &*event.what).collect()
    }

    #[rstest]
    #[case::a_failure(("ok", ""), ("failed", "P2"), true, false)]
    #[case::graver(("warning", "P3"), ("warning", "P1"), true, false)]
    #[case::a_heal(("failed", "P2"), ("ok", ""), false, true)]
    #[case::better(("failed", "P2"), ("warning", "P3"), false, false)]
    #[case::a_rollout(("ok", ""), ("progressing", ""), false, false)]
    #[case::on_its_way_is_not_there(("failed", "P2"), ("progressing", ""), false, false)]
    #[case::nor_is_what_goes(("failed", "P2"), ("terminating", ""), false, false)]
    #[case::nor_what_nobody_knows(("failed", "P2"), ("unknown", ""), false, false)]
    #[case::put_aside_and_well(("warning", "P3"), ("suspended", ""), false, true)]
    #[case::within_its_grace(("ok", ""), ("failed", ""), false, false)]
    #[case::a_note(("ok", ""), ("warning", "P4"), false, false)]
    #[case::as_before(("failed", "P2"), ("failed", "P2"), false, false)]
    fn what_broke_and_what_healed_is_told(
        #[case] before: (&str, &str),
        #[case] after: (&str, &str),
        #[case] broke: bool,
        #[case] healed: bool,
    ) {
        let a = snapshot("live", vec![object("a", before.0, before.1)]);
        let b = snapshot("live", vec![object("a", after.0, after.1)]);
        let found = difference(&a, &b);
        assert_eq!((!found.broke.is_empty(), !found.healed.is_empty()), (broke, healed), "{found:?}");
        assert_eq!(found.is_worse(), broke);
    }

    #[test]
    fn what_comes_failing_has_broken_within_its_grace_as_well() {
        let came = |health: &str, severity: &str| {
            let found =
                difference(&snapshot("live", Vec::new()), &snapshot("live", vec![object("a", health, severity)]));
            (found.broke.len(), found.came.len())
        };
        assert_eq!(came("failed", ""), (1, 0), "its pull has failed, and counts in a moment");
        assert_eq!(came("failed", "P4"), (0, 1), "a leftover is a note");
        assert_eq!(came("warning", ""), (0, 1), "a pod that is not ready yet starts");
        assert_eq!(came("progressing", ""), (0, 1));
    }

    #[rstest]
    #[case::well("ok", "", "", 1)]
    #[case::tried_again("progressing", "", "", 0)]
    #[case::nobody_knows("unknown", "", "", 0)]
    #[case::restarted_now("warning", "Running", "30 (20s ago)", 0)]
    #[case::restarted_a_while_ago("warning", "Running", "30 (12m ago)", 1)]
    #[case::restarted_days_ago("ok", "Running", "30 (2d3h ago)", 1)]
    fn an_incident_has_ended_when_what_it_was_about_is_well_or_gone(
        #[case] health: &str,
        #[case] status: &str,
        #[case] restarts: &str,
        #[case] ended: usize,
    ) {
        use super::super::read::Incident;
        let incident =
            |kind: &str, name: &str| Incident { kind: kind.to_owned(), name: name.to_owned(), ..Incident::default() };
        let incidents = vec![incident("Pod", "shop/a"), incident("Deployment", "shop/web")];
        let before = Snapshot { incidents, ..snapshot("live", vec![object("a", "failed", "P3")]) };
        let mut pod = object("a", health, "");
        pod.status = status.to_owned();
        pod.cells.insert("RESTARTS".to_owned(), restarts.to_owned());
        pod.cells.insert("OWNER".to_owned(), "Deployment/web".to_owned());
        let found = difference(&before, &snapshot("live", vec![pod.clone()]));
        let of = |kind: &str| found.ended.iter().filter(|e| e.what.starts_with(kind)).count();
        assert_eq!(of("Pod"), ended, "{found:?}");
        // the crash loop of its workload is over no earlier than that of its pods
        assert_eq!(of("Deployment"), usize::from(!restarts.ends_with("(20s ago)")), "{found:?}");
        assert_eq!(difference(&before, &snapshot("live", Vec::new())).ended.len(), 2, "gone");
        assert_eq!(names(&difference(&before, &snapshot("stale", Vec::new())).ended), ["Deployment shop/web"]);
    }

    #[test]
    fn a_feed_that_became_blind_is_told_and_its_objects_have_not_gone() {
        let a = snapshot("live", vec![object("a", "ok", "")]);
        let b = snapshot("no access", Vec::new());
        let found = difference(&a, &b);
        assert_eq!((names(&found.blinded), names(&found.went)), (vec!["pods"], Vec::new()));
        assert!(found.is_worse(), "what cannot be seen is not whole");
        let back = difference(&b, &a);
        assert_eq!((names(&back.seeing), names(&back.came)), (vec!["pods"], Vec::new()));
        assert!(!back.is_worse());
    }

    #[test]
    fn a_feed_that_sees_fewer_namespaces_than_before_is_blinder_and_loses_no_object() {
        let a = snapshot("live", vec![object("a", "ok", "")]);
        let mut b = snapshot("live", Vec::new());
        b.feeds[0].only = vec!["other".to_owned()];
        let found = difference(&a, &b);
        assert_eq!((names(&found.blinded), names(&found.went)), (vec!["pods"], Vec::new()));
        assert_eq!(found.blinded[0].after, "live, only other");
    }

    #[test]
    fn what_came_went_and_was_created_anew_are_three_things() {
        let renewed = Object { uid: "other".to_owned(), ..object("same", "ok", "") };
        let a = snapshot("live", vec![object("same", "ok", ""), object("old", "ok", "")]);
        let b = snapshot("live", vec![renewed, object("new", "ok", ""), object("bad", "failed", "P3")]);
        let found = difference(&a, &b);
        assert_eq!(names(&found.came), ["Pod shop/new"]);
        assert_eq!(names(&found.went), ["Pod shop/old"]);
        assert_eq!(names(&found.changed), ["Pod shop/same recreated"]);
        assert_eq!(names(&found.broke), ["Pod shop/bad"], "what comes failing has broken");
    }

    #[test]
    fn a_new_revision_is_a_change_and_another_age_is_none() {
        let with = |revision: &str, age: &str| {
            let cells = [("REVISION", revision), ("AGE", age)].map(|(k, v)| (k.to_owned(), v.to_owned()));
            snapshot("live", vec![Object { cells: cells.into(), ..object("a", "ok", "") }])
        };
        let found = difference(&with("1", "5m"), &with("2", "9m"));
        assert_eq!(names(&found.changed), ["Pod shop/a revision"]);
        assert_eq!((&*found.changed[0].before, &*found.changed[0].after), ("1", "2"));
    }
}
