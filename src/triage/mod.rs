//! From changed records to a ranked list of incidents: what is wrong, what explains it, and what is left to do. Only what
//! changed, or whose deadline has come, is judged and explained again; the order changes only when a judgement does,
//! never on a tick.

pub mod alerted;
mod dependents;
mod feeds;
mod graph;
pub mod health;
pub mod joins;
pub mod judged;
mod names;
pub mod node;
mod onset;
mod plans;
pub mod platform;
mod rank;
pub mod remedy;
#[cfg(test)]
mod row_alone;
pub mod rules;
pub mod scan;
pub mod timeline;

pub use node::{Claim, Group, GroupId, Incident, RuleId, Subject};
pub use rank::Totals;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::finding::Finding;
use crate::domain::health::Health;
use crate::domain::incident::Anchor;
use crate::domain::outcome::Unfinished;
use crate::domain::profile::Profiles;
use crate::domain::record::{KindId, Record};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, alerts::Confidence};
use crate::store::{RowId, Store};
use graph::Graph;
use joins::Touched;
use judged::Judged;
use rank::Ranking;
use scan::Scan;

/// What judging depends on.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    pub thresholds: &'a Thresholds,
    /// Namespaces of core components.
    pub core: &'a [String],
    /// The platform profiles that are on.
    pub profiles: &'a Profiles,
}

/// One step of an explanation: what, why we think so, and how surely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub root: Subject,
    pub rule: Option<&'static str>,
    pub confidence: Confidence,
    pub because: Box<str>,
}

/// The judgements of all records, and what explains them.
#[derive(Debug, Default)]
pub struct Triage {
    judged: Judged,
    graph: Graph,
    /// Findings that are about no row, from the last look.
    feeds: Vec<(Subject, Finding)>,
    /// Unfinished plans of ours, with their titles.
    plans: Vec<(Subject, String, Finding)>,
    ranking: Ranking,
    totals: Totals,
    ranked_once: bool,
    /// When the connection was down last, while its feeds catch up.
    down: Option<Time>,
    /// What was core at the last ranking: it changes severities without a new judgement.
    core: Vec<String>,
}

impl Triage {
    /// Judges what was touched and what is due. `lost` is the finding of a connection that is down: every feed is stale
    /// then for that one reason. Returns whether the ranked list changed.
    pub fn refresh(
        &mut self,
        store: &mut Store,
        touched: &[RowId],
        lost: Option<Finding>,
        settings: &Settings<'_>,
        now: Time,
    ) -> bool {
        let mut changed = false;
        let due = self.judged.due(now);
        let neighbours = joins::concerned(&Touched { store, judged: &self.judged, rows: touched });
        for id in touched {
            changed |= self.ranking.dependents.touch(store, *id);
        }
        self.judged.count_anew();
        for (nth, id) in touched.iter().copied().chain(neighbours).chain(due).enumerate() {
            if nth == touched.len() {
                self.judged.count_anew();
            }
            let had = self.judged.wrong(id).is_some();
            let differs = self.judged.judge(store, id, settings.thresholds, now);
            self.graph.touch(store, &self.judged, id, had, differs);
            changed |= differs.counts;
        }
        changed |= self.graph.settle(store, &self.judged, settings, now);
        // a silence has no finding, but it can announce a maintenance window, in which other findings weigh more
        changed |= touched.iter().any(|id| id.kind == kinds::SILENCE);
        // the last look at which the connection was down, or none when that is long enough ago
        self.down = if lost.is_some() { Some(now) } else { self.down.filter(|at| at.age(now) < feeds::CATCH_UP) };
        let mut feeds = match lost {
            Some(finding) => vec![(Subject::Cluster, finding)],
            None => feeds::findings(store, self.down.is_some()),
        };
        feeds.extend(self.plans.iter().map(|(subject, _, finding)| (*subject, finding.clone())));
        if !changed && self.feeds == feeds && self.ranked_once && self.core == settings.core {
            // what is suspended may be no finding
            if touched.iter().any(|id| can_be_suspended(id.kind)) {
                self.totals = self.count(store);
            }
            return false;
        }
        if self.core != settings.core {
            self.core = settings.core.to_vec();
        }
        self.ranked_once = true;
        self.feeds = feeds;
        self.ranking.refresh(&self.graph, &self.judged, store, settings, &self.feeds, now);
        self.totals = self.count(store);
        true
    }

    /// Takes in which plans of ours are unfinished; the next [`Triage::refresh`] ranks them.
    pub fn set_unfinished(&mut self, unfinished: &[Unfinished]) {
        self.plans = unfinished.iter().map(plans::finding).collect();
    }

    /// The most urgent first; muted ones last.
    pub fn incidents(&self) -> &[Incident] {
        &self.ranking.incidents
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The findings of a row, the first being the one that counts.
    pub fn of(&self, id: RowId) -> &[Finding] {
        self.judged.of(id)
    }

    /// What is wrong with a subject.
    pub fn finding(&self, subject: Subject) -> Option<&Finding> {
        match subject {
            Subject::Cluster | Subject::Feed(_) | Subject::Plan(_) => {
                self.feeds.iter().find(|(s, _)| *s == subject).map(|(_, f)| f)
            }
            _ => self.graph.finding(&self.judged, subject),
        }
    }

    /// The incident that a subject belongs to; itself when nothing explains it.
    pub fn root(&self, subject: Subject) -> Subject {
        let root = self.graph.root(&self.judged, subject);
        self.ranking.absorbed.get(&root).copied().unwrap_or(root)
    }

    pub fn incident(&self, subject: Subject) -> Option<&Incident> {
        self.ranking.incidents.iter().find(|i| i.subject == subject)
    }

    /// What explains a subject directly.
    pub fn reason(&self, subject: Subject) -> Option<Reason> {
        if let Some(claim) = self.graph.claim(&self.judged, subject) {
            let Claim { root, rule, confidence, because } = claim.clone();
            return Some(Reason { root, rule: Some(rules::spec(rule).name), confidence, because });
        }
        let root = *self.ranking.absorbed.get(&subject)?;
        let because = "the one incident of its namespace".into();
        Some(Reason { root, rule: None, confidence: Confidence::Namespace, because })
    }

    /// The steps from a subject to its root, the subject's own reason first.
    pub fn chain(&self, subject: Subject) -> Vec<Reason> {
        let mut out: Vec<Reason> = Vec::new();
        let mut at = subject;
        while let Some(reason) = self.reason(at).filter(|r| r.root != subject && out.iter().all(|o| o.root != r.root)) {
            at = reason.root;
            out.push(reason);
        }
        out
    }

    /// Everything that an incident explains, the most severe first. Groups are not listed, their members are.
    pub fn explained(&self, root: Subject) -> Vec<Subject> {
        let all = self.graph.subjects(&self.judged);
        let below = all.filter(|(s, _)| *s != root && matches!(s, Subject::Row(_)) && self.root(*s) == root);
        let mut below: Vec<_> = below.map(|(s, f)| (f.muted, f.severity, s)).collect();
        below.sort_unstable();
        below.into_iter().map(|(.., s)| s).collect()
    }

    /// Everything that each incident explains, in one go.
    pub fn families(&self) -> HashMap<Subject, Vec<Subject>, FixedState> {
        let mut out: HashMap<Subject, Vec<Subject>, FixedState> = HashMap::default();
        for (subject, _) in self.graph.subjects(&self.judged) {
            let root = self.root(subject);
            if root != subject {
                out.entry(root).or_default().push(subject);
            }
        }
        out
    }

    /// The group of a subject that is one.
    pub fn group(&self, subject: Subject) -> Option<&Group> {
        match subject {
            Subject::Group(id) => Some(&self.graph.groups.get(id)?.group),
            _ => None,
        }
    }

    /// The rule that a group was made by.
    pub fn rule(&self, subject: Subject) -> Option<&'static rules::RuleSpec> {
        match subject {
            Subject::Group(id) => Some(rules::spec(self.graph.groups.get(id)?.rule)),
            _ => None,
        }
    }

    /// What an incident is about, to find it again.
    pub fn anchor(&self, store: &Store, subject: Subject) -> Option<Anchor> {
        match subject {
            Subject::Row(id) => store.key(id).map(Anchor::Object),
            Subject::Group(_) => self.group(subject).cloned().map(Anchor::Group),
            Subject::Cluster | Subject::Feed(_) | Subject::Plan(_) => None,
        }
    }

    /// The subject that an anchor was taken from, while there is one.
    pub fn subject(&self, store: &Store, anchor: &Anchor) -> Option<Subject> {
        match anchor {
            Anchor::Object(key) => {
                let slot = store.table(key.kind).slot_of(key.uid)?;
                Some(Subject::Row(RowId { kind: key.kind, slot }))
            }
            Anchor::Group(group) => {
                let found = self.graph.groups.iter().find(|(_, state)| state.group == *group);
                found.map(|(id, _)| Subject::Group(id))
            }
        }
    }

    /// The object that a subject is about: its row, that of a group which is about one object, or the only member's.
    pub fn object(&self, store: &Store, subject: Subject) -> Option<RowId> {
        match subject {
            Subject::Row(id) => Some(id),
            Subject::Group(id) => {
                let state = self.graph.groups.get(id)?;
                let code = names::Code::of(state.group.kind, &state.group.namespace, &state.group.name);
                let named = self.graph.names.get(code).filter(|id| store.row(*id).is_some());
                named.or_else(|| state.members.iter().find_map(|m| self.object(store, *m)))
            }
            _ => None,
        }
    }

    /// What rules see, for those who ask the same questions.
    pub fn scan<'a>(&'a self, store: &'a Store, settings: &'a Settings<'a>, now: Time) -> Scan<'a> {
        self.graph.scan(store, &self.judged, settings, now)
    }

    /// How many entries are kept, by their sort; empty sorts are left out.
    pub fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = self.graph.sizes();
        sizes.push(("findings", self.judged.count()));
        sizes.push(("onsets", self.judged.remembered()));
        sizes.retain(|(_, size)| *size > 0);
        sizes
    }

    fn count(&self, store: &Store) -> Totals {
        // without a connection nothing can be seen, whatever state the feeds have reported so far
        let lost = self.feeds.iter().any(|(subject, _)| *subject == Subject::Cluster);
        let is_blind = |state: FeedState| state.is_blind() || (lost && state == FeedState::Waiting);
        let blind = store.tables().filter(|(_, table)| is_blind(table.feed.state)).count();
        let mut totals = Totals { blind: u32::try_from(blind).unwrap_or(u32::MAX), ..Totals::default() };
        for incident in &self.ranking.incidents {
            if incident.muted {
                totals.silenced += 1;
            } else {
                totals.by_severity[incident.severity as usize - 1] += 1;
            }
            totals.explained += incident.explains;
        }
        let kinds = store.tables().filter(|(kind, _)| can_be_suspended(*kind));
        let suspended = kinds.flat_map(|(_, table)| table.iter()).filter(|(_, row)| is_suspended(&row.record)).count();
        totals.suspended = u32::try_from(suspended).unwrap_or(u32::MAX);
        totals
    }
}

/// Kinds whose objects can be suspended; of the others there may be very many objects.
fn can_be_suspended(kind: KindId) -> bool {
    kinds::spec(kind).is_flux() || kinds::spec(kind).switch.is_some()
}

/// Whether its suspension was requested, whatever its state is otherwise.
fn is_suspended(record: &Record) -> bool {
    record.suspended == Some(true) || (record.suspended.is_none() && record.health == Health::Suspended)
}

/// Kind and name of a subject in two words, for a line of a list.
pub fn title(store: &Store, triage: &Triage, subject: Subject, cluster: &str) -> (String, String) {
    match subject {
        Subject::Plan(_) => {
            let known = triage.plans.iter().find(|(of, ..)| *of == subject);
            ("Plan".to_owned(), known.map_or_else(String::new, |(_, title, _)| title.clone()))
        }
        Subject::Cluster => ("Cluster".to_owned(), cluster.to_owned()),
        Subject::Feed(kind) if feeds::is_of_many(store, kind) => ("Feeds".to_owned(), String::new()),
        Subject::Feed(kind) => ("Feed".to_owned(), kinds::spec(kind).title.to_owned()),
        Subject::Row(id) => {
            let name = store.row(id).map(|r| r.record.full_name(&store.strings)).unwrap_or_default();
            (kinds::spec(id.kind).name.to_owned(), name)
        }
        Subject::Group(_) => match triage.group(subject) {
            Some(group) => (group.kind.to_owned(), group.place()),
            None => (String::new(), String::new()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::timeline::testing::{LONG_AGO, Lab, release};

    #[test]
    fn what_is_suspended_is_counted_whatever_its_state_is_otherwise() {
        let mut lab = Lab::new();
        let named = |mut object: Value, name: &str| {
            object["metadata"]["name"] = json!(name);
            object["metadata"]["uid"] = json!(name);
            object
        };
        lab.put("hr", &named(release("1.0.0", LONG_AGO, true), "well"));
        let mut failed = named(release("1.0.0", LONG_AGO, true), "failed");
        failed["status"]["conditions"][0] = json!({"type": "Ready", "status": "False", "reason": "UpgradeFailed",
            "message": "m", "lastTransitionTime": LONG_AGO});
        lab.put("hr", &failed);
        lab.put("hr", &named(release("1.0.0", LONG_AGO, false), "runs"));
        lab.put(
            "schedules",
            &json!({
                "metadata": {"name": "daily", "namespace": "velero", "uid": "s", "creationTimestamp": LONG_AGO},
                "spec": {"schedule": "0 1 * * *", "paused": true}, "status": {"phase": "Enabled"},
            }),
        );
        lab.settle();
        assert_eq!(lab.triage.totals().suspended, 3);
        // a suspended Job is no finding, and counts
        lab.put(
            "jobs",
            &json!({
                "metadata": {"name": "later", "namespace": "shop", "uid": "j", "creationTimestamp": LONG_AGO},
                "spec": {"suspend": true}, "status": {"conditions": [{"type": "Suspended", "status": "True"}]},
            }),
        );
        lab.settle();
        assert_eq!(lab.triage.totals().suspended, 4);
        lab.remove("jobs", "later");
        lab.remove("hr", "failed");
        lab.settle();
        assert_eq!(lab.triage.totals().suspended, 2);
    }
}
