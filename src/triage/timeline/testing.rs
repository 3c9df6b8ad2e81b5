//! A small world for tests of what triage and the timeline remember from one look to the next.

use serde_json::{Value, json};

use super::incidents::GRACE;
use super::{Seen, Timeline};
use crate::domain::ages::Time;
use crate::domain::change::{Batch, Change, Feed, FeedState};
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::interner::Interner;
use crate::domain::moment::Moment;
use crate::domain::thresholds::Thresholds;
use crate::kinds;
use crate::kinds::testing::{NOW, at, record};
use crate::store::{RowId, Store};
use crate::triage::{Settings, Triage};

/// A world of one thread, look by look.
pub struct Lab {
    pub store: Store,
    pub triage: Triage,
    pub timeline: Timeline,
    pub intern: Interner,
    touched: Vec<RowId>,
    pub now: Time,
    pub lost: bool,
}

impl Lab {
    /// Connected, and every list complete.
    pub fn new() -> Self {
        let mut lab = Self {
            store: Store::new(kinds::KINDS.len()),
            triage: Triage::default(),
            timeline: Timeline::default(),
            intern: Interner::default(),
            touched: Vec::new(),
            now: at(NOW),
            lost: false,
        };
        for kind in kinds::KINDS {
            lab.feed(kind.word, FeedState::Live);
        }
        // one node more or less is no incident of all nodes
        for n in 0..9 {
            lab.put("nodes", &node(&format!("well-{n}"), "True", LONG_AGO));
        }
        lab
    }

    pub fn news(&mut self, word: &str, changes: Vec<Change>) {
        let kind = kinds::by_word(word).unwrap();
        let batch = Batch { kind, strings: self.intern.unshipped(), changes };
        self.store.apply(batch, &mut self.touched);
    }

    pub fn feed(&mut self, word: &str, state: FeedState) {
        self.news(word, vec![Change::Feed(Feed { state, ..Feed::default() })]);
    }

    pub fn put(&mut self, word: &str, json: &Value) {
        let record = record(word, json, &mut self.intern);
        self.news(word, vec![Change::Upsert(record)]);
    }

    pub fn remove(&mut self, word: &str, name: &str) {
        let kind = kinds::by_word(word).unwrap();
        let uid = self.store.table(kind).iter().find(|(_, row)| *row.record.name == *name).unwrap().1.record.uid;
        self.news(word, vec![Change::Remove(uid)]);
    }

    /// Looks again, this many seconds later.
    pub fn look(&mut self, later: i64) {
        self.now = self.now.plus(later);
        let thresholds = Thresholds::default();
        let profiles = crate::domain::profile::Profiles::default();
        let settings = Settings { thresholds: &thresholds, core: &[], profiles: &profiles };
        let lost = self.lost.then(|| Finding::new(Severity::P1, Some(self.now), "no answer"));
        let is_lost = lost.is_some();
        let changed = self.triage.refresh(&mut self.store, &self.touched, lost, &settings, self.now);
        let Self { store, triage, timeline, touched, now, .. } = self;
        timeline.watch(&Seen { store, triage, touched, changed, lost: is_lost, context: "lab", now: *now });
        self.touched.clear();
    }

    /// Looks until every waiting state has lasted long enough.
    pub fn settle(&mut self) {
        self.look(1);
        self.look(GRACE + 1);
    }

    /// What is new since the last time, `onset P2 Node n1: ...`.
    pub fn told(&mut self) -> Vec<String> {
        let tell = |m: Moment| {
            let severity = m.severity.map_or_else(String::new, |s| format!(" {s}"));
            let start = if m.at_start { " (at start)" } else { "" };
            format!("{}{severity} {}: {}{start}", m.what.word(), m.told(), m.words)
        };
        self.timeline.log.take_unsaved().into_iter().map(tell).collect()
    }
}

pub fn node(name: &str, ready: &str, since: &str) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("node {name}"), "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since, "message": ""}]},
    })
}

/// Under pressure, which is reported at once.
pub fn pressed(name: &str) -> Value {
    let mut pressed = node(name, "True", LONG_AGO);
    pressed["status"]["conditions"].as_array_mut().unwrap().push(json!({"type": "MemoryPressure", "status": "True",
    "lastTransitionTime": "2026-11-21T14:00:10Z"}));
    pressed
}

pub fn pod(name: &str, restarts: u32) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": format!("pod {name}"), "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"nodeName": "n1", "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "app", "ready": true, "restartCount": restarts,
                "state": {"running": {"startedAt": "2026-11-01T00:00:00Z"}}}]},
    })
}

pub const LONG_AGO: &str = "2026-01-01T00:00:05Z";

pub fn release(revision: &str, deployed: &str, suspended: bool) -> Value {
    json!({
        "metadata": {"name": "cart", "namespace": "shop", "uid": "release", "generation": 1},
        "spec": {"suspend": suspended},
        "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "reason": "UpgradeSucceeded",
            "lastTransitionTime": deployed}],
            "lastAttemptedRevision": revision,
            "history": [{"chartName": "cart", "chartVersion": revision, "version": 3, "status": "deployed",
                "name": "cart", "namespace": "shop", "firstDeployed": deployed, "lastDeployed": deployed}]},
    })
}
