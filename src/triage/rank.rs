//! From who explains whom to one list of incidents, the most urgent first. It runs when a judgement or a reason
//! changed, never on a tick.

use std::cmp::{Ordering, Reverse};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Settings;
use super::dependents::Dependents;
use super::graph::Graph;
use super::judged::Judged;
use super::node::{Incident, Subject};
use super::rules::{Explained, RULES};
use super::scan::Scan;
use crate::domain::ages::Time;
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::interner::Sym;
use crate::domain::record::{Link, Record, Relation, Uid};
use crate::kinds::{self, Tells, alerts, flux};
use crate::store::{RowId, Store};

/// An alert of which only the namespace is known belongs to the one incident there if it began at most so much
/// earlier, in seconds: alerts wait before they fire, so they do not come first.
const EARLIER: i64 = 60;

/// Totals for the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Incidents of P1 to P4, without what is muted.
    pub by_severity: [u32; 4],
    pub silenced: u32,
    pub suspended: u32,
    /// Feeds that cannot be read.
    pub blind: u32,
    /// Findings that an incident explains.
    pub explained: u32,
}

#[derive(Debug, Default)]
pub struct Ranking {
    pub incidents: Vec<Incident>,
    /// Alerts that are listed under an incident because of their namespace alone.
    pub absorbed: HashMap<Subject, Subject, FixedState>,
    pub dependents: Dependents,
}

struct Tally {
    severity: Severity,
    /// Since when a finding has had that severity; nothing when none of them says.
    severe: Option<Time>,
    explains: u32,
    users: bool,
    kinds: Explained,
    earliest: Option<Time>,
}

impl Ranking {
    /// Ranks again. `feeds` are findings of no row.
    pub fn refresh(
        &mut self,
        graph: &Graph,
        judged: &Judged,
        store: &Store,
        settings: &Settings<'_>,
        feeds: &[(Subject, Finding)],
        now: Time,
    ) {
        let mut tallies: HashMap<Subject, Tally, FixedState> = HashMap::default();
        let mut roots: HashMap<Subject, Subject, FixedState> = HashMap::default();
        for (subject, finding) in graph.subjects(judged) {
            let root = root(graph, judged, &mut roots, subject);
            count(&mut tallies, store, root, subject, finding);
        }
        self.absorb(&mut tallies, graph, judged, store);
        let scan = graph.scan(store, judged, settings, now);
        let mut incidents = Vec::with_capacity(tallies.len() + feeds.len());
        for (subject, tally) in &tallies {
            let Some(finding) = graph.finding(judged, *subject) else { continue };
            let since = finding.since.or(tally.earliest);
            let (mut severity, mut severe) = (tally.severity, tally.severe);
            for rule in RULES {
                if let Some(weighed) = rule.weigh.and_then(|weigh| weigh(&scan, *subject, tally.kinds))
                    && weighed < severity
                {
                    (severity, severe) = (weighed, since);
                }
            }
            if finding.muted {
                (severity, severe) = (finding.severity, since);
            }
            incidents.push(Incident {
                subject: *subject,
                severity,
                since,
                severe,
                muted: finding.muted,
                explains: tally.explains,
                users: tally.users,
                dependents: self.dependents.of(*subject),
                changed: changed(&scan, *subject, since, settings.thresholds.recent_change),
            });
        }
        for (subject, finding) in feeds {
            incidents.push(Incident {
                subject: *subject,
                severity: finding.severity,
                since: finding.since,
                severe: finding.since,
                muted: false,
                explains: 0,
                users: false,
                dependents: 0,
                changed: None,
            });
        }
        // most are in order before their names are needed
        let named = |i: &Incident| name(i.subject, &scan);
        let mut waves = waves(incidents);
        waves.sort_unstable_by(|a, b| order(a, b, &scan).then_with(|| named(&a.1).cmp(&named(&b.1))));
        self.incidents = waves.into_iter().map(|(_, incident)| incident).collect();
    }

    /// Puts alerts of which only the namespace is known under the one incident there, unless they are critical.
    fn absorb(
        &mut self,
        tallies: &mut HashMap<Subject, Tally, FixedState>,
        graph: &Graph,
        judged: &Judged,
        store: &Store,
    ) {
        self.absorbed.clear();
        let mut alone: Vec<(Subject, Sym)> = Vec::new();
        for subject in tallies.keys().filter(|s| is_alert(graph, **s)) {
            let Some(finding) = graph.finding(judged, *subject) else { continue };
            if finding.severity >= Severity::P3
                && !finding.muted
                && is_of_namespace(graph, store, *subject)
                && let Some(namespace) = namespace(graph, store, *subject)
            {
                alone.push((*subject, namespace));
            }
        }
        if alone.is_empty() {
            return;
        }
        let mut one: HashMap<Sym, Option<Subject>, FixedState> = HashMap::default();
        for subject in tallies.keys().filter(|s| !is_alert(graph, **s)) {
            let muted = graph.finding(judged, *subject).is_none_or(|f| f.muted || f.severity == Severity::P4);
            if let Some(namespace) = namespace(graph, store, *subject).filter(|_| !muted) {
                one.entry(namespace).and_modify(|only| *only = None).or_insert(Some(*subject));
            }
        }
        for (subject, namespace) in alone {
            let Some(Some(root)) = one.get(&namespace).copied() else { continue };
            let (Some(finding), Some(of)) = (graph.finding(judged, subject), graph.finding(judged, root)) else {
                continue;
            };
            if let (Some(alert), Some(root)) = (finding.since, of.since)
                && alert.plus(EARLIER) < root
            {
                continue;
            }
            let own = u32::from(matches!(subject, Subject::Row(_)));
            let explained = tallies.remove(&subject).map_or(0, |tally| tally.explains);
            if let Some(tally) = tallies.get_mut(&root) {
                tally.explains += explained + own;
            }
            self.absorbed.insert(subject, root);
        }
    }
}

/// An alert, or alerts of one name.
fn is_alert(graph: &Graph, subject: Subject) -> bool {
    match subject {
        Subject::Row(id) => id.kind == kinds::ALERT,
        Subject::Group(id) => graph.groups.get(id).is_some_and(|g| g.group.kind == kinds::name(kinds::ALERT)),
        _ => false,
    }
}

/// Whether nothing but its namespace is known of what an alert is about. A rule that cannot be evaluated is about
/// nothing at all.
fn is_of_namespace(graph: &Graph, store: &Store, subject: Subject) -> bool {
    match subject {
        Subject::Row(id) => store.row(id).is_some_and(|row| {
            let is_object =
                |l: &&Link| l.relation == Relation::About && store.strings.get(l.kind) != kinds::name(kinds::SILENCE);
            let state = alerts::State::of(&row.record, &store.strings);
            row.record.links.iter().find(is_object).is_none() && state != alerts::State::BrokenRule
        }),
        Subject::Group(id) => {
            graph.groups.get(id).is_some_and(|g| g.members.iter().all(|m| is_of_namespace(graph, store, *m)))
        }
        _ => false,
    }
}

/// Counts `subject` under `root`. A group is no finding of its own: its members are.
fn count(
    tallies: &mut HashMap<Subject, Tally, FixedState>,
    store: &Store,
    root: Subject,
    subject: Subject,
    finding: &Finding,
) {
    let tally = tallies.entry(root).or_insert_with(|| Tally {
        severity: Severity::P4,
        severe: None,
        explains: 0,
        users: false,
        kinds: Explained::default(),
        earliest: None,
    });
    if !finding.muted || root == subject {
        if finding.severity < tally.severity {
            (tally.severity, tally.severe) = (finding.severity, finding.severe());
        } else if finding.severity == tally.severity {
            tally.severe = [tally.severe, finding.severe()].into_iter().flatten().min();
        }
    }
    tally.earliest = [tally.earliest, finding.since].into_iter().flatten().min();
    if let Subject::Row(id) = subject
        && root != subject
    {
        tally.explains += 1;
        tally.kinds.add(id.kind);
    }
    if let Subject::Row(id) = subject
        && !finding.muted
        && finding.severity <= Severity::P2
        && id.kind == kinds::ALERT
        && store.row(id).is_some_and(|row| alerts::State::of(&row.record, &store.strings) == alerts::State::Firing)
    {
        tally.users = true;
    }
}

fn namespace(graph: &Graph, store: &Store, subject: Subject) -> Option<Sym> {
    match subject {
        Subject::Row(id) => store.row(id).map(|row| row.record.namespace).filter(|n| !n.is_empty()),
        // interned by a member: the group keeps text
        Subject::Group(id) => {
            let group = graph.groups.get(id)?;
            (!group.group.namespace.is_empty()).then_some(())?;
            group.members.iter().find_map(|m| namespace(graph, store, *m))
        }
        _ => None,
    }
}

/// What Flux applied shortly before `since`: the subject's own revision, or that of what manages it.
fn changed(scan: &Scan<'_>, subject: Subject, since: Option<Time>, window: i64) -> Option<(RowId, Time)> {
    let since = since?;
    let row = match subject {
        Subject::Row(id) => Some(id),
        Subject::Group(id) => {
            let group = &scan.group(id)?.group;
            scan.named(group.kind, &group.namespace, &group.name)
        }
        _ => None,
    }?;
    // an alert says nothing of revisions; its object has its own incident
    if row.kind == kinds::ALERT {
        return None;
    }
    // a suspension is a decision, not the result of a change
    let decided = |r: &&Record| r.suspended == Some(true) && !flux::has_failed(r, &scan.store.strings);
    let record = scan.record(row).filter(|r| !decided(r))?;
    let own = Some(row).filter(|row| kinds::spec(row.kind).tells == Tells::Revision);
    own.into_iter()
        .chain(scan.linked(record, Relation::ManagedBy))
        .filter_map(|id| Some((id, scan.record(id)?.time(flux::CHANGED)?)))
        .filter(|(_, at)| *at <= since && at.plus(window) >= since)
        .max_by_key(|(_, at)| *at)
}

/// What became so severe within so many seconds came together: the more severe is first then, not the newer.
const WAVE: i64 = 900;

/// Each incident with the number of its wave: within one severity the newest is 0, and what has no known start comes
/// last.
fn waves(mut incidents: Vec<Incident>) -> Vec<(u32, Incident)> {
    incidents.sort_by_key(|i| (i.muted, i.severity, Reverse(i.severe)));
    let mut out: Vec<(u32, Incident)> = Vec::with_capacity(incidents.len());
    let mut newest: Option<(bool, Severity, Option<Time>)> = None;
    for incident in incidents {
        let number = match (newest, out.last()) {
            (Some((muted, severity, at)), Some((number, _)))
                if (muted, severity) == (incident.muted, incident.severity) =>
            {
                let together = match (at, incident.severe) {
                    (Some(newest), Some(at)) => newest.0 - at.0 <= WAVE,
                    (newest, at) => newest == at,
                };
                if !together {
                    newest = Some((incident.muted, incident.severity, incident.severe));
                }
                number + u32::from(!together)
            }
            _ => {
                newest = Some((incident.muted, incident.severity, incident.severe));
                0
            }
        };
        out.push((number, incident));
    }
    out
}

/// The lost connection; severity; what became so severe most recently; of one wave an alert that users notice, how much
/// depends on it, how much it explains, a change just before it, and the newer one. Then the name decides.
fn order(a: &(u32, Incident), b: &(u32, Incident), scan: &Scan<'_>) -> Ordering {
    let key = |(wave, i): &(u32, Incident)| {
        (
            i.muted,
            i.subject != Subject::Cluster,
            i.severity,
            *wave,
            !i.users,
            Reverse(i.dependents),
            Reverse(i.explains),
            i.changed.is_none(),
            tier(i.subject, scan),
            Reverse(i.severe),
        )
    };
    key(a).cmp(&key(b))
}

/// Orders equals, whichever was seen first: by the name, and by what distinguishes those of one name.
fn name(subject: Subject, scan: &Scan<'_>) -> (Box<str>, Option<Uid>) {
    match subject {
        Subject::Group(id) => (scan.group(id).map(|g| g.group.unique()).unwrap_or_default(), None),
        Subject::Row(id) => (scan.told(subject).into(), scan.record(id).map(|r| r.uid)),
        _ => (scan.told(subject).into(), None),
    }
}

/// The root of a subject; the ways up are shared, so each is followed once.
fn root(
    graph: &Graph,
    judged: &Judged,
    known: &mut HashMap<Subject, Subject, FixedState>,
    subject: Subject,
) -> Subject {
    let mut way = Vec::new();
    let mut at = subject;
    let root = loop {
        if let Some(root) = known.get(&at) {
            break *root;
        }
        let Some(claim) = graph.claim(judged, at) else { break at };
        if at != subject {
            way.push(at);
        }
        at = claim.root;
        // a long chain, or a circle
        if way.len() > 64 {
            break graph.root(judged, at);
        }
    };
    known.extend(way.into_iter().map(|step| (step, root)));
    root
}

/// The connection first, then objects, then what only alerts report, then feeds.
fn tier(subject: Subject, scan: &Scan<'_>) -> u8 {
    let alert = kinds::name(kinds::ALERT);
    match subject {
        Subject::Cluster => 0,
        Subject::Row(id) if id.kind == kinds::ALERT => 2,
        Subject::Group(id) if scan.group(id).is_some_and(|g| g.group.kind == alert) => 2,
        Subject::Row(_) | Subject::Group(_) | Subject::Plan(_) => 1,
        Subject::Feed(_) => 3,
    }
}
