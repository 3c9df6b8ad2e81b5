//! From changed records to a ranked list of findings. Only what changed, or whose deadline has come, is judged again;
//! the order changes only when a judgement does, never on a tick.

pub mod platform;
mod schedules;
mod secrets;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::record::KindId;
use crate::domain::thresholds::Thresholds;
use crate::kinds;
use crate::store::{RowId, Store};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The connection to the cluster as a whole.
    Cluster,
    /// A feed that cannot be read: what it blinds.
    Feed(KindId),
    Row(RowId),
}

/// One line of the ranked list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    pub subject: Subject,
    pub finding: Finding,
}

/// Totals for the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// P1 to P4, without what is muted.
    pub by_severity: [u32; 4],
    pub silenced: u32,
    pub suspended: u32,
    /// Feeds that cannot be read.
    pub blind: u32,
}

/// The judgements of all records.
#[derive(Debug, Default)]
pub struct Triage {
    findings: HashMap<RowId, Vec<Finding>, foldhash::fast::FixedState>,
    deadlines: BinaryHeap<Reverse<(Time, RowId)>>,
    due: HashMap<RowId, Time, foldhash::fast::FixedState>,
    /// Findings that are about no row, as they were found last.
    feeds: Vec<Ranked>,
    ranked: Vec<Ranked>,
    totals: Totals,
    changed: bool,
}

impl Triage {
    /// Judges what was touched and what is due. `lost` is the finding of a connection that is down: every feed is stale
    /// then for that one reason. Returns whether the ranked list changed.
    pub fn refresh(
        &mut self,
        store: &mut Store,
        touched: &[RowId],
        lost: Option<Finding>,
        thresholds: &Thresholds,
        now: Time,
    ) -> bool {
        for id in touched {
            self.judge(store, *id, thresholds, now);
        }
        self.schedules(store, touched, thresholds, now);
        self.secrets(store, touched, thresholds, now);
        while let Some(Reverse((time, id))) = self.deadlines.peek().copied() {
            if time > now {
                break;
            }
            self.deadlines.pop();
            if self.due.get(&id) == Some(&time) {
                self.due.remove(&id);
                self.judge(store, id, thresholds, now);
            }
        }
        let feeds = match lost {
            Some(finding) => vec![Ranked { subject: Subject::Cluster, finding }],
            None => Self::feed_findings(store),
        };
        if !self.changed && self.feeds == feeds {
            return false;
        }
        self.changed = false;
        self.feeds = feeds;
        self.rank(store);
        true
    }

    /// Findings, the most urgent first; muted ones last.
    pub fn ranked(&self) -> &[Ranked] {
        &self.ranked
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    pub fn of(&self, id: RowId) -> &[Finding] {
        self.findings.get(&id).map_or(&[], |f| f)
    }

    fn judge(&mut self, store: &mut Store, id: RowId, thresholds: &Thresholds, now: Time) {
        let Some(row) = store.row(id) else {
            self.changed |= self.findings.remove(&id).is_some();
            self.due.remove(&id);
            return;
        };
        let judged = (kinds::spec(id.kind).judge)(&row.record, &store.strings, thresholds, now);
        let judged = schedules::join(store, id, judged, thresholds, now);
        let judged = secrets::join(store, id, judged);
        store.table_mut(id.kind).set_health(id.slot, judged.health);
        match judged.recheck {
            Some(at) if at > now => {
                if self.due.insert(id, at) != Some(at) {
                    self.deadlines.push(Reverse((at, id)));
                }
            }
            _ => {
                self.due.remove(&id);
            }
        }
        if judged.findings.is_empty() {
            self.changed |= self.findings.remove(&id).is_some();
        } else if self.findings.get(&id) != Some(&judged.findings) {
            self.findings.insert(id, judged.findings);
            self.changed = true;
        }
    }

    /// A feed that cannot be read is itself a finding. Kinds that are not installed are none.
    fn feed_findings(store: &Store) -> Vec<Ranked> {
        let mut out = Vec::new();
        let mut refused = Vec::new();
        for (kind, table) in store.tables() {
            let feed = &table.feed;
            let spec = kinds::spec(kind);
            let severity = match feed.state {
                FeedState::Unreachable | FeedState::Stale => Severity::P2,
                FeedState::NoAccess => {
                    refused.push(kind);
                    continue;
                }
                // one half of a service is missing, or a replica
                FeedState::Live if feed.error.is_some() => Severity::P3,
                _ => continue,
            };
            let why = match &feed.error {
                Some(error) if feed.state.is_live() => format!("partly blind to {}: {error}", spec.blinds),
                Some(error) => format!("blind to {}: {}: {error}", spec.blinds, feed.state.word()),
                None => format!("blind to {}: {}", spec.blinds, feed.state.word()),
            };
            let finding = Finding::new(severity, Some(feed.since).filter(|t| t.is_set()), why);
            out.push(Ranked { subject: Subject::Feed(kind), finding });
        }
        // one right that is missing is often many: one line for all of them
        if let Some(first) = refused.first() {
            let since = Some(store.table(*first).feed.since).filter(|t| t.is_set());
            let words: Vec<_> = refused.iter().map(|kind| kinds::spec(*kind).word).collect();
            let why = format!("no access: blind to {}", words.join(", "));
            // some rights less are a note; no right at all is no watch
            let sees = store.tables().any(|(_, table)| table.feed.state.is_live());
            let severity = if sees { Severity::P4 } else { Severity::P2 };
            out.push(Ranked { subject: Subject::Feed(*first), finding: Finding::new(severity, since, why) });
        }
        out
    }

    fn rank(&mut self, store: &Store) {
        // without a connection nothing can be seen, whatever the feeds have got round to saying
        let lost = self.feeds.iter().any(|entry| entry.subject == Subject::Cluster);
        let is_blind = |state: FeedState| state.is_blind() || (lost && state == FeedState::Waiting);
        let blind = store.tables().filter(|(_, table)| is_blind(table.feed.state)).count();
        let mut totals = Totals { blind: u32::try_from(blind).unwrap_or(u32::MAX), ..Totals::default() };
        let rows = self.findings.iter().flat_map(|(id, findings)| {
            findings.iter().map(|f| Ranked { subject: Subject::Row(*id), finding: f.clone() })
        });
        let mut ranked: Vec<Ranked> = rows.chain(self.feeds.iter().cloned()).collect();
        for entry in &ranked {
            if entry.finding.muted {
                totals.silenced += 1;
            } else {
                totals.by_severity[entry.finding.severity as usize - 1] += 1;
            }
        }
        for (_, table) in store.tables() {
            totals.suspended += table.count(crate::domain::health::Health::Suspended);
        }
        ranked.sort_by_cached_key(|entry| {
            let (kind, name) = match entry.subject {
                Subject::Cluster => (0, String::new()),
                Subject::Feed(kind) => (200 + u16::from(kind.0), String::new()),
                Subject::Row(id) => {
                    let name = store.row(id).map(|row| row.record.full_name(&store.strings)).unwrap_or_default();
                    (order_of(id.kind), name)
                }
            };
            let finding = &entry.finding;
            (finding.muted, finding.severity, kind, Reverse(finding.since), name)
        });
        self.totals = totals;
        self.ranked = ranked;
    }
}

/// Within a severity, what explains others comes before what is explained: seals and nodes, then releases, then pods.
fn order_of(kind: KindId) -> u16 {
    let by_name = |name| {
        const ROOTS_FIRST: &[&str] = &[
            "Seal",
            "Node",
            "Alert",
            "ClusterSecretStore",
            "SecretStore",
            "Bucket",
            "GitRepository",
            "HelmRepository",
            "OCIRepository",
        ];
        ROOTS_FIRST.iter().position(|n| *n == name)
    };
    let name = kinds::spec(kind).name;
    match by_name(name) {
        Some(at) => u16::try_from(at).unwrap_or(0),
        None if name == "Pod" => 150,
        None => 50 + u16::from(kind.0),
    }
}
