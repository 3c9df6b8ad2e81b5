//! The timeline: what changed between two refreshes, found out from the rows that were touched and from the ranked list,
//! and remembered for a day. Pods are not told one by one. It writes nothing to disk: what is new waits to be fetched.

mod incidents;
mod log;
mod rows;

pub use log::{Log, Origin, Told};

use super::Triage;
use crate::domain::ages::Time;
use crate::domain::moment::Moment;
use crate::store::{RowId, Store};

/// What a look at the world is made of.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub store: &'a Store,
    pub triage: &'a Triage,
    pub touched: &'a [RowId],
    /// The ranked list is another one.
    pub changed: bool,
    /// The connection is down: then nothing but that can be told.
    pub lost: bool,
    /// What the cluster is called.
    pub context: &'a str,
    pub now: Time,
}

/// The timeline of one context.
#[derive(Debug, Default)]
pub struct Timeline {
    pub log: Log,
    rows: rows::Rows,
    incidents: incidents::Incidents,
}

impl Timeline {
    /// Records what is new.
    pub fn watch(&mut self, seen: &Seen<'_>) {
        let mut found = Vec::new();
        self.rows.watch(seen, &mut found);
        self.incidents.watch(seen, &mut found);
        for moment in found {
            self.log.add(moment, seen.now);
        }
    }

    /// Takes in what an earlier session has left: the oldest first.
    pub fn resume(&mut self, past: Vec<Moment>, unreadable: usize) {
        self.incidents.resume(&past);
        self.log.resume(past, unreadable);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::incidents::GRACE;
    use super::*;
    use crate::domain::change::{Batch, Change, Feed, FeedState, Scope};
    use crate::domain::finding::Finding;
    use crate::domain::health::Severity;
    use crate::domain::interner::Interner;
    use crate::domain::moment::What;
    use crate::domain::record::Record;
    use crate::domain::thresholds::Thresholds;
    use crate::kinds::seals::{self, Seal};
    use crate::kinds::silences::{self, Silence};
    use crate::kinds::testing::{NOW, at, record};
    use crate::kinds::{self};
    use crate::triage::Settings;

    /// A world of one thread, look by look.
    struct Lab {
        store: Store,
        triage: Triage,
        timeline: Timeline,
        intern: Interner,
        touched: Vec<RowId>,
        now: Time,
        lost: bool,
    }

    impl Lab {
        /// Connected, and every list complete.
        fn new() -> Self {
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

        fn news(&mut self, word: &str, changes: Vec<Change>) {
            let kind = kinds::by_word(word).unwrap();
            let batch = Batch { kind, strings: self.intern.unshipped(), changes };
            self.store.apply(batch, &mut self.touched);
        }

        fn feed(&mut self, word: &str, state: FeedState) {
            self.news(word, vec![Change::Feed(Feed { state, ..Feed::default() })]);
        }

        fn put(&mut self, word: &str, json: &Value) {
            let record = record(word, json, &mut self.intern);
            self.news(word, vec![Change::Upsert(record)]);
        }

        fn remove(&mut self, word: &str, name: &str) {
            let kind = kinds::by_word(word).unwrap();
            let uid = self.store.table(kind).iter().find(|(_, row)| *row.record.name == *name).unwrap().1.record.uid;
            self.news(word, vec![Change::Remove(uid)]);
        }

        /// Looks, so many seconds later.
        fn look(&mut self, later: i64) {
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

        /// Looks until everything that waits for its time has had it.
        fn settle(&mut self) {
            self.look(1);
            self.look(GRACE + 1);
        }

        /// What is new since the last time, `onset P2 Node n1: ...`.
        fn told(&mut self) -> Vec<String> {
            let tell = |m: Moment| {
                let severity = m.severity.map_or_else(String::new, |s| format!(" {s}"));
                let start = if m.at_start { " (at start)" } else { "" };
                format!("{}{severity} {}: {}{start}", m.what.word(), m.told(), m.words)
            };
            self.timeline.log.take_unsaved().into_iter().map(tell).collect()
        }
    }

    fn node(name: &str, ready: &str, since: &str) -> Value {
        json!({
            "metadata": {"name": name, "uid": format!("node {name}"), "creationTimestamp": "2026-01-01T00:00:00Z"},
            "status": {"conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since, "message": ""}]},
        })
    }

    /// Under pressure, which is told at once.
    fn pressed(name: &str) -> Value {
        let mut pressed = node(name, "True", LONG_AGO);
        pressed["status"]["conditions"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "MemoryPressure", "status": "True",
        "lastTransitionTime": "2026-11-21T14:00:10Z"}));
        pressed
    }

    fn pod(name: &str, restarts: u32) -> Value {
        json!({
            "metadata": {"name": name, "namespace": "shop", "uid": format!("pod {name}"), "creationTimestamp": "2026-11-01T00:00:00Z"},
            "spec": {"nodeName": "n1", "containers": [{"name": "app"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "app", "ready": true, "restartCount": restarts,
                    "state": {"running": {"startedAt": "2026-11-01T00:00:00Z"}}}]},
        })
    }

    const LONG_AGO: &str = "2026-01-01T00:00:05Z";

    fn release(revision: &str, deployed: &str, suspended: bool) -> Value {
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

    #[test]
    fn a_node_that_goes_and_comes_back_is_told_with_its_own_times() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "True", LONG_AGO));
        lab.settle();
        assert_eq!(lab.told(), [""; 0]);
        lab.put("nodes", &node("n1", "False", "2026-11-21T14:00:05Z"));
        lab.look(60);
        lab.settle();
        let told = lab.told();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0], "change Node n1: is NotReady");
        assert!(told[1].starts_with("onset P") && told[1].contains("Node n1: "), "{told:?}");
        lab.put("nodes", &node("n1", "True", "2026-11-21T14:01:20Z"));
        lab.settle();
        let told = lab.told();
        assert_eq!(told[0], "change Node n1: is Ready");
        assert!(told[1].starts_with("healed P") && told[1].contains("healed after"), "{told:?}");
        let all = lab.timeline.log.all(lab.now);
        let onset = all.iter().find(|told| told.moment.what == What::Onset).unwrap();
        assert_eq!(onset.moment.time, at("2026-11-21T14:00:05Z"), "its own time, not that of the look");
    }

    #[test]
    fn a_flapping_within_the_grace_and_a_list_that_brings_the_same_are_not_told() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "True", LONG_AGO));
        lab.put("hr", &release("1.0.0", LONG_AGO, false));
        lab.settle();
        lab.told();
        // a finding that comes and goes
        let pressed = pressed("n1");
        for _ in 0..3 {
            lab.put("nodes", &pressed);
            lab.look(GRACE / 3);
            lab.put("nodes", &node("n1", "True", LONG_AGO));
            lab.look(1);
        }
        lab.look(GRACE * 2);
        assert_eq!(lab.told(), [""; 0]);
        lab.put("nodes", &pressed);
        lab.settle();
        assert!(lab.told().iter().any(|t| t.starts_with("onset") && t.contains("Node n1")), "what stays is told");
        lab.put("nodes", &node("n1", "True", LONG_AGO));
        lab.settle();
        lab.told();
        // a list anew
        lab.news("hr", vec![Change::Listing { scope: Scope::All }]);
        lab.put("hr", &release("1.0.0", LONG_AGO, false));
        lab.news("hr", vec![Change::Listed { scope: Scope::All }]);
        lab.settle();
        assert_eq!(lab.told(), [""; 0]);
    }

    #[test]
    fn pods_that_come_go_and_restart_are_not_told_one_by_one() {
        let mut lab = Lab::new();
        for n in 0..20 {
            lab.put("pods", &pod(&format!("a-{n}"), 0));
        }
        lab.settle();
        for n in 0..20 {
            lab.put("pods", &pod(&format!("b-{n}"), 1));
            lab.remove("pods", &format!("a-{n}"));
        }
        lab.settle();
        assert_eq!(lab.told(), [""; 0]);
    }

    #[test]
    fn a_revision_that_comes_in_and_a_suspend_are_told() {
        let mut lab = Lab::new();
        lab.put("hr", &release("1.0.0", "2026-11-21T13:00:00Z", false));
        lab.settle();
        let told = lab.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("change HelmRelease shop/cart: became") && told[0].ends_with("(at start)"),
            "{told:?}"
        );
        lab.put("hr", &release("1.1.0", "2026-11-21T14:00:20Z", false));
        lab.settle();
        let told = lab.told();
        assert!(told.len() == 1 && told[0].contains("1.1.0"), "{told:?}");
        lab.put("hr", &release("1.1.0", "2026-11-21T14:00:20Z", true));
        lab.look(1);
        assert!(lab.told()[0].starts_with("change HelmRelease shop/cart: suspended"));
        lab.put("hr", &release("1.1.0", "2026-11-21T14:00:20Z", false));
        lab.look(1);
        assert_eq!(lab.told()[0], "change HelmRelease shop/cart: resumed");
    }

    #[test]
    fn seals_and_silences_are_told_and_what_cannot_be_asked_is_no_change() {
        let mut lab = Lab::new();
        let seal = |lab: &mut Lab, state| {
            let seal = Seal {
                uid: "u".into(),
                namespace: "openbao".into(),
                name: "openbao-1".into(),
                state,
                ..Seal::default()
            };
            let record: Record = seals::read(&seal, &mut lab.intern);
            lab.news("seals", vec![Change::Upsert(record)]);
            lab.look(1);
        };
        seal(&mut lab, seals::State::Standby);
        seal(&mut lab, seals::State::Unknown);
        seal(&mut lab, seals::State::Standby);
        let changes = |told: Vec<String>| told.into_iter().filter(|t| t.starts_with("change")).collect::<Vec<_>>();
        assert_eq!(changes(lab.told()), [""; 0]);
        seal(&mut lab, seals::State::Sealed);
        assert_eq!(changes(lab.told()), ["change Seal openbao/openbao-1: is sealed, was standby"]);
        let silence = |lab: &mut Lab, state| {
            let silence = Silence {
                id: "i".into(),
                state,
                matchers: "alertname=\"X\"".into(),
                by: "alice".into(),
                comment: "storage move".into(),
                starts: Some(lab.now),
                ends: Some(lab.now.plus(3600)),
                ..Silence::default()
            };
            let record = silences::read(&silence, &mut lab.intern);
            lab.news("silences", vec![Change::Upsert(record)]);
            lab.look(1);
        };
        let of = |told: Vec<String>| told.into_iter().filter(|t| t.starts_with("silence")).collect::<Vec<_>>();
        silence(&mut lab, silences::State::Pending);
        assert_eq!(of(lab.told()), [""; 0]);
        silence(&mut lab, silences::State::Active);
        let told = of(lab.told());
        assert!(told.len() == 1 && told[0].contains("by alice: storage move"), "{told:?}");
        silence(&mut lab, silences::State::Expired);
        let told = of(lab.told());
        assert!(told.len() == 1 && told[0].contains("ended: by alice"), "{told:?}");
    }

    #[test]
    fn without_a_connection_or_a_feed_nothing_heals() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "False", "2026-11-21T13:50:00Z"));
        lab.settle();
        assert!(lab.told().iter().any(|t| t.starts_with("onset") && t.ends_with("(at start)")));
        // refused: the rows are gone, and that says nothing of the nodes
        lab.feed("nodes", FeedState::NoAccess);
        lab.settle();
        lab.look(100);
        let told = lab.told();
        assert!(!told.iter().any(|t| t.contains("Node n1")), "{told:?}");
        lab.lost = true;
        lab.settle();
        let told = lab.told();
        assert!(told.iter().any(|t| t.starts_with("onset P1 Cluster lab: no answer")), "{told:?}");
        lab.lost = false;
        lab.settle();
        assert!(lab.told().iter().any(|t| t.starts_with("healed P1 Cluster lab")), "the connection is back");
        lab.feed("nodes", FeedState::Live);
        lab.put("nodes", &node("n1", "True", "2026-11-21T14:02:00Z"));
        lab.settle();
        let told = lab.told();
        assert!(told.iter().any(|t| t.starts_with("healed") && t.contains("Node n1")), "{told:?}");
    }

    #[test]
    fn the_next_session_goes_on_where_the_last_one_was() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "False", "2026-11-21T13:50:00Z"));
        lab.put("nodes", &pressed("n2"));
        lab.settle();
        let past: Vec<Moment> = lab.timeline.log.all(lab.now).into_iter().map(|told| told.moment).collect();
        assert_eq!(past.iter().filter(|m| m.what == What::Onset).count(), 2, "{past:?}");
        let mut next = Lab::new();
        next.timeline.resume(past, 0);
        next.put("nodes", &node("n1", "False", "2026-11-21T13:50:00Z"));
        next.put("nodes", &node("n2", "True", LONG_AGO));
        next.settle();
        next.look(GRACE);
        let told = next.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("healed while no console looked") && told[0].contains("Node n2"), "{told:?}");
    }

    #[test]
    fn a_symptom_whose_reason_is_found_is_not_healed() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "False", "2026-11-21T13:50:00Z"));
        lab.settle();
        lab.told();
        let all = lab.timeline.log.all(lab.now);
        let onset = all.iter().find(|told| told.moment.what == What::Onset).unwrap();
        assert_eq!((&*onset.moment.kind, &*onset.moment.name), ("Node", "n1"));
        // the same list again and again is no news
        for _ in 0..5 {
            lab.look(60);
        }
        assert_eq!(lab.told(), [""; 0]);
    }
}
