//! The timeline: what changed between two refreshes, found from the rows that were touched and from the ranked list,
//! and remembered for a day. Pods are not reported one by one. It writes nothing to disk: new entries wait to be
//! fetched.

mod incidents;
mod log;
mod rows;
#[cfg(test)]
pub(super) mod testing;

pub use log::{Log, Origin, Told};

use super::Triage;
use crate::domain::ages::Time;
use crate::domain::moment::Moment;
use crate::store::{RowId, Store};

/// What a look at the world consists of.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub store: &'a Store,
    pub triage: &'a Triage,
    pub touched: &'a [RowId],
    /// The ranked list changed.
    pub changed: bool,
    /// The connection is down: then only that can be reported.
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

    /// Takes in the entries of earlier sessions: the oldest first.
    pub fn resume(&mut self, past: Vec<Moment>, unreadable: usize) {
        self.incidents.resume(&past);
        self.log.resume(past, unreadable);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::incidents::GRACE;
    use super::testing::{LONG_AGO, Lab, node, pod, pressed, release};
    use super::*;
    use crate::domain::change::{Change, FeedState, Scope};
    use crate::domain::moment::What;
    use crate::domain::record::Record;
    use crate::kinds::seals::{self, Seal};
    use crate::kinds::silences::{self, Silence};
    use crate::kinds::testing::at;

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
        assert!(lab.told().iter().any(|t| t.starts_with("onset") && t.contains("Node n1")), "what stays is reported");
        lab.put("nodes", &node("n1", "True", LONG_AGO));
        lab.settle();
        lab.told();
        // a new list
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
    fn an_onset_is_told_from_when_it_is_as_severe_as_that() {
        let mut lab = Lab::new();
        lab.put("certs", &json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "c", "generation": 1, "creationTimestamp": LONG_AGO},
            "spec": {"secretName": "web", "issuerRef": {"group": "example.com", "kind": "Issuer", "name": "ca"}},
            "status": {"notAfter": "2026-11-22T11:00:00Z", "lastFailureTime": "2026-10-12T14:00:00Z", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}]},
        }));
        lab.settle();
        let all = lab.timeline.log.all(lab.now);
        let onset = all.iter().map(|told| &told.moment).find(|m| &*m.kind == "Certificate").unwrap();
        assert_eq!(
            (onset.time.timestamp().to_string(), &*onset.words),
            ("2026-11-21T11:00:01Z".to_owned(), "renewal failed")
        );
    }

    #[test]
    fn without_a_connection_or_a_feed_nothing_heals() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "False", "2026-11-21T13:50:00Z"));
        lab.settle();
        assert!(lab.told().iter().any(|t| t.starts_with("onset") && t.ends_with("(at start)")));
        // access was denied: the rows are gone, and that says nothing about the nodes
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

    #[test]
    fn what_is_removed_while_it_fails_is_gone_and_not_healed() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "False", "2026-11-21T13:50:00Z"));
        lab.settle();
        lab.told();
        lab.remove("nodes", "n1");
        lab.settle();
        let told = lab.told();
        assert!(told.iter().any(|t| t.starts_with("gone P") && t.contains("Node n1: gone, without recovering, after")));
        assert!(!told.iter().any(|t| t.starts_with("healed")), "{told:?}");
    }

    #[rstest]
    #[case::between_two_tries(json!({"waiting": {"reason": "CrashLoopBackOff"}}), "CrashLoopBackOff")]
    // seen for the first time while its container runs, and is not ready
    #[case::while_it_runs(json!({"running": {"startedAt": "2026-11-21T13:50:00Z"}}), "not ready")]
    fn a_crash_loop_whose_container_runs_for_a_moment_is_not_healed(#[case] first: Value, #[case] word: &str) {
        let mut lab = Lab::new();
        let crashing = |restarts: u32, running: bool, at: &str| {
            let mut pod = pod("cart-1", restarts);
            pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "cart",
                "uid": "set", "controller": true}]);
            let state = if running { json!({"running": {"startedAt": at}}) } else { first.clone() };
            pod["status"]["containerStatuses"][0] = json!({"name": "app", "ready": running, "restartCount": restarts,
                "state": state, "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": at}}});
            pod["status"]["conditions"] =
                json!([{"type": "Ready", "status": if running { "True" } else { "False" }, "lastTransitionTime": at}]);
            pod
        };
        let set = json!({
            "metadata": {"name": "cart", "namespace": "shop", "uid": "set", "generation": 1, "creationTimestamp": LONG_AGO},
            "spec": {"replicas": 3},
            "status": {"observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
        });
        lab.put("sts", &set);
        lab.put("pods", &crashing(3, false, "2026-11-21T13:50:00Z"));
        lab.settle();
        assert!(lab.told().iter().any(|t| t.starts_with("onset") && t.contains(word)), "{:?}", lab.told());
        for n in 1..5 {
            lab.put("pods", &crashing(3 + n, true, &format!("2026-11-21T14:0{n}:00Z")));
            lab.look(60);
            lab.settle();
        }
        let told = lab.told();
        assert!(!told.iter().any(|t| t.starts_with("healed") || t.starts_with("gone")), "{told:?}");
        // it has run for longer than the longest back-off
        lab.look(700);
        lab.settle();
        let told = lab.told();
        assert!(told.iter().any(|t| t.starts_with("healed") && t.contains(word)), "{told:?}");
    }

    #[test]
    fn what_was_left_by_another_cluster_is_dropped_once_it_is_known_which_one_this_is() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "False", "2026-11-21T13:50:00Z"));
        lab.settle();
        let past: Vec<Moment> = lab.timeline.log.all(lab.now).into_iter().map(|told| told.moment).collect();
        assert!(!past.is_empty());
        let mut next = Lab::new();
        // of the context's name first, then of the cluster that answered
        next.timeline.resume(past, 0);
        next.timeline.resume(Vec::new(), 0);
        next.settle();
        next.look(GRACE);
        assert_eq!(next.told(), [""; 0]);
        assert_eq!(next.timeline.log.all(next.now).len(), 0);
    }
}
