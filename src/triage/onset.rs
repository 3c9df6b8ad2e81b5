//! What failed and has not been healthy since: a controller that tries again makes an object look as if it were making
//! progress, and restarts its times with each try. The onset is kept until the object is healthy, and with it the
//! finding of what failed longer than its grace.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::record::{KindId, Record, Uid};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, Api, Family, pods};
use crate::store::{RowId, Store};

#[derive(Debug)]
struct Onset {
    uid: Uid,
    /// Since when it is as severe as P1, P2 and P3: a severity begins when it is reached.
    since: [Option<Time>; 3],
    /// What was found, or will be when the grace has ended.
    finding: Finding,
    /// It has been a finding already.
    counted: bool,
    /// It had failed before it was seen, and does not say since when.
    undated: bool,
}

impl Onset {
    /// Since when it is that severe, or more severe.
    fn begun(&self, severity: Severity) -> Option<Time> {
        self.since.iter().take(severity as usize).flatten().min().copied()
    }

    /// The finding of an object that only looks as if it were making progress.
    fn kept(&self, id: RowId, health: Health) -> Finding {
        let mut finding = self.finding.clone();
        if let Some(head) = on_its_way(id, health) {
            finding.why = format!("{head}: {}", finding.why).into();
        }
        finding
    }

    /// Notes that it has been so severe since then; returns since when, by all that is known.
    fn notes(&mut self, severity: Severity, since: Time, anew: bool) -> Time {
        let before = self.begun(severity).filter(|_| anew);
        let begun = before.map_or(since, |before| before.min(since));
        if let Some(own) = self.since.get_mut(severity as usize - 1) {
            *own = Some(begun);
        }
        begun
    }
}

/// The state of a row at the last look, for a service that dates nothing.
#[derive(Debug, Clone, Copy)]
struct Last {
    uid: Uid,
    severity: Option<Severity>,
    /// Its state was not known: what is found next need not be new.
    unknown: bool,
    began: Option<Time>,
    severe: Option<Time>,
}

#[derive(Debug, Default)]
pub struct Onsets {
    rows: HashMap<RowId, Onset, FixedState>,
    undated: HashMap<RowId, Last, FixedState>,
    /// Pods that had crashed often before and were seen to run well, by the last bits of their uid: what they do next
    /// begins before our eyes.
    steady: HashMap<RowId, u32, FixedState>,
}

/// What memory adds to a judgement.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    Nothing,
    /// It began no later than that.
    Since(Time),
    /// The start is not known: what it says itself is of later.
    Undated,
    /// It is still unhealthy: the finding stays.
    Keep(Finding),
    /// It counts from then on, unless it is healthy before that.
    Wait(Time),
}

impl Onsets {
    pub fn len(&self) -> usize {
        self.rows.len() + self.undated.len() + self.steady.len()
    }

    pub fn forget(&mut self, id: RowId) {
        self.rows.remove(&id);
        self.undated.remove(&id);
        self.steady.remove(&id);
    }

    /// Dates what no service dates: what came, or became more severe, between two looks began then. What was there at
    /// the first look has an unknown start.
    pub fn date(&mut self, store: &Store, id: RowId, judged: &mut Judgement, now: Time) {
        let Some(record) = store.row(id).map(|row| &row.record) else { return };
        if !matches!(kinds::spec(id.kind).api, Api::Poll(_)) {
            return;
        }
        let severity = judged.findings.iter().map(|f| f.severity).min();
        let unknown = record.health == Health::Unknown || (severity.is_none() && record.health.is_fault());
        let none = Last { uid: record.uid, severity, unknown, began: None, severe: None };
        let last = self.undated.get(&id).copied().filter(|last| last.uid == record.uid && !last.unknown);
        let new = match (last, severity) {
            (Some(last), Some(severity)) => match last.severity {
                None => Last { began: Some(now), severe: Some(now), ..none },
                Some(before) if severity < before => Last { began: last.began, severe: Some(now), ..none },
                Some(before) if severity == before => Last { unknown, ..last },
                Some(_) => Last { began: last.began, severe: last.began, ..none },
            },
            _ => none,
        };
        self.undated.insert(id, new);
        for finding in judged.findings.iter_mut().filter(|f| f.since.is_none()) {
            finding.since = new.severe;
        }
    }

    /// Takes in a judgement; `early` is what it will be once the grace has ended.
    pub fn look(
        &mut self,
        store: &Store,
        id: RowId,
        judged: &Judgement,
        early: Option<&Finding>,
        thresholds: &Thresholds,
        now: Time,
    ) -> Word {
        let Some(record) = store.row(id).map(|row| &row.record) else { return Word::Nothing };
        let retried = is_retried(id);
        // notes do not count here, and silenced findings say themselves when the silence ends
        let found = judged.findings.iter().filter(|f| !f.muted && f.severity < Severity::P4).min_by_key(|f| f.severity);
        let failing = record.health == Health::Failed;
        let new = found.filter(|_| failing).or_else(|| early.filter(|_| failing && retried));
        if self.rows.get(&id).is_some_and(|old| old.uid != record.uid) {
            self.rows.remove(&id);
        }
        let bits = u32::try_from(record.uid.0 & u128::from(u32::MAX)).unwrap_or(0);
        if is_pod(id) && record.int(pods::RESTARTS) >= pods::AGAIN && is_well(record, id, now) {
            self.steady.insert(id, bits);
        }
        let was_steady = self.steady.get(&id) == Some(&bits);
        if let Some(new) = new {
            let counted = found.is_some();
            let since = new.since.unwrap_or(now).min(now);
            let onset = self.rows.entry(id).or_insert_with(|| Onset {
                uid: record.uid,
                since: [None; 3],
                finding: new.clone(),
                counted,
                undated: new.since.is_none() && is_pod(id) && !was_steady,
            });
            let begun = onset.notes(new.severity, since, begins_anew(id));
            onset.counted |= counted;
            onset.finding = Finding { since: Some(begun).filter(|_| !onset.undated), ..new.clone() };
            let onset = &*onset;
            if counted {
                return if onset.undated { Word::Undated } else { Word::Since(begun) };
            }
            return waits(onset.finding.clone(), thresholds, now);
        }
        let Some(onset) = self.rows.get(&id) else { return Word::Nothing };
        if is_well(record, id, now) {
            self.rows.remove(&id);
            return Word::Nothing;
        }
        // a note, or silenced: somebody has dealt with it
        if found.is_none() && !judged.findings.is_empty() {
            return Word::Nothing;
        }
        if let Some(found) = found {
            // what it failed with weighs more than that it takes long to be tried again
            let is_less = onset.counted && onset.finding.severity < found.severity;
            if is_less && retried && record.health == Health::Progressing {
                return Word::Keep(onset.kept(id, record.health));
            }
            // a pod between two crashes: restarted again and again since the first of them
            let goes_on = retried || is_pod(id);
            if onset.undated {
                return Word::Undated;
            }
            let begun = onset.begun(found.severity).filter(|_| goes_on);
            return begun.map_or(Word::Nothing, Word::Since);
        }
        // a pod that runs between two crashes is no finding, and what cannot be seen is none either
        if matches!(record.health, Health::Ok | Health::Unknown | Health::Stale) {
            return Word::Nothing;
        }
        let finding = onset.kept(id, record.health);
        match (onset.counted, retried) {
            (true, _) => Word::Keep(finding),
            (false, true) => waits(finding, thresholds, now),
            (false, false) => Word::Nothing,
        }
    }
}

/// A finding that has not counted yet counts when its grace has ended, however often it was tried in between.
fn waits(finding: Finding, thresholds: &Thresholds, now: Time) -> Word {
    let ends = finding.since.unwrap_or(now).plus(thresholds.reconcile_grace);
    if now < ends { Word::Wait(ends) } else { Word::Keep(finding) }
}

fn is_pod(id: RowId) -> bool {
    id.kind == kinds::POD
}

/// What makes pods.
fn has_pods(kind: KindId) -> bool {
    matches!(kinds::spec(kind).family, Family::Workload | Family::PodOwner)
}

/// Objects whose controller tries again and again by itself.
fn is_retried(id: RowId) -> bool {
    kinds::spec(id.kind).is_flux()
}

/// Objects whose own times restart with each try, each container and each rollout. All others say since when they are
/// in their state.
fn begins_anew(id: RowId) -> bool {
    is_pod(id) || has_pods(id.kind) || is_retried(id)
}

/// Whether it has recovered: being in progress again is not enough.
fn is_well(record: &Record, id: RowId, now: Time) -> bool {
    match record.health {
        Health::Ok if is_pod(id) => record.time(pods::LAST_RESTART).is_none_or(|last| last.age(now) >= pods::STEADY),
        Health::Ok | Health::Suspended | Health::Terminating => true,
        _ => false,
    }
}

/// The words for an object in progress whose finding stays.
fn on_its_way(id: RowId, health: Health) -> Option<&'static str> {
    if health != Health::Progressing {
        return None;
    }
    match id.kind {
        _ if is_retried(id) => Some("trying again"),
        // each of its pods is a separate try
        kinds::JOB => None,
        kind if has_pods(kind) => Some("rolling out again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::change::Change;
    use crate::kinds::alerts::{self, About};
    use crate::kinds::guardrails::{self, Guardrail};
    use crate::kinds::testing::at;
    use crate::triage::timeline::testing::{LONG_AGO, Lab, node, pod};

    fn kustomization(ready: &str, reason: &str, since: &str) -> Value {
        let mut conditions = vec![
            json!({"type": "Ready", "status": ready, "reason": reason, "message": "apply failed", "lastTransitionTime": since}),
        ];
        if ready == "Unknown" {
            conditions
                .push(json!({"type": "Reconciling", "status": "True", "reason": reason, "lastTransitionTime": since}));
        }
        json!({
            "metadata": {"name": "apps", "namespace": "flux-system", "uid": "ks", "generation": 1,
                "creationTimestamp": LONG_AGO},
            "spec": {"suspend": false},
            "status": {"observedGeneration": 1, "lastAppliedRevision": "main@sha1:0", "conditions": conditions},
        })
    }

    fn crashing(name: &str, restarts: u32, ended: &str, waiting: bool) -> Value {
        let mut pod = pod(name, restarts);
        let last = json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": ended, "finishedAt": ended}});
        let status = &mut pod["status"];
        let state = if waiting {
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}})
        } else {
            json!({"running": {"startedAt": ended}})
        };
        status["containerStatuses"][0]["state"] = state;
        status["containerStatuses"][0]["lastState"] = last;
        status["containerStatuses"][0]["ready"] = json!(!waiting);
        status["conditions"] = json!([{"type": "Ready", "status": if waiting { "False" } else { "True" },
            "lastTransitionTime": ended}]);
        pod
    }

    /// `P2 since 14:00:00: why`, one for each incident.
    fn incidents(lab: &Lab) -> Vec<String> {
        let told = |i: &crate::triage::Incident| {
            let why = lab.triage.finding(i.subject).map_or("", |f| &f.why);
            let since = i.since.map_or_else(|| "?".to_owned(), |at| at.timestamp().to_string()[11..19].to_owned());
            format!("{} since {since}: {why}", i.severity)
        };
        lab.triage.incidents().iter().map(told).collect()
    }

    #[test]
    fn what_is_tried_again_and_again_counts_from_its_first_failure_on() {
        let mut lab = Lab::new();
        let minute = |n: i64, second: u32| format!("2026-11-21T14:{n:02}:{second:02}Z");
        for n in 0..6 {
            lab.put("ks", &kustomization("False", "HealthCheckFailed", &minute(n, 0)));
            lab.look(30);
            lab.put("ks", &kustomization("Unknown", "Progressing", &minute(n, 30)));
            lab.look(30);
            let found = incidents(&lab);
            if n < 2 {
                assert_eq!(found, [""; 0], "within its grace, minute {n}");
            } else {
                assert_eq!(found.len(), 1, "minute {n}");
                assert!(found[0].starts_with("P2 since 14:00:00: trying again: "), "{found:?}");
            }
        }
        let told = lab.told();
        assert!(told.iter().any(|t| t.starts_with("onset P2")), "{told:?}");
        assert!(!told.iter().any(|t| t.starts_with("healed")), "{told:?}");
        lab.put("ks", &kustomization("True", "ReconciliationSucceeded", "2026-11-21T14:06:10Z"));
        lab.settle();
        let told = lab.told();
        assert!(told.iter().any(|t| t.starts_with("healed P2") && t.contains("after 6m")), "{told:?}");
        assert_eq!(incidents(&lab), [""; 0]);
        // a failure long after that is another one
        lab.look(600);
        lab.put("ks", &kustomization("False", "HealthCheckFailed", "2026-11-21T14:16:30Z"));
        lab.look(200);
        assert!(incidents(&lab)[0].starts_with("P2 since 14:16:30: "), "{:?}", incidents(&lab));
    }

    #[test]
    fn what_became_graver_began_as_that_when_it_did() {
        let mut lab = Lab::new();
        let certificate = |ends: &str| {
            json!({
                "metadata": {"name": "web", "namespace": "shop", "uid": "c", "generation": 1, "creationTimestamp": LONG_AGO},
                "spec": {"secretName": "web", "issuerRef": {"kind": "Issuer", "name": "ca"}},
                "status": {"notAfter": ends, "renewalTime": "2026-11-01T00:00:00Z", "conditions": [{"type": "Ready",
                    "status": "False", "reason": "Failed", "message": "m", "lastTransitionTime": "2026-11-02T00:00:00Z"}]},
            })
        };
        lab.put("issuers", &json!({
            "metadata": {"name": "ca", "namespace": "shop", "uid": "i", "generation": 1, "creationTimestamp": LONG_AGO},
            "spec": {"ca": {"secretName": "ca"}},
            "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}]},
        }));
        lab.put("certs", &certificate("2026-11-21T14:05:00Z"));
        lab.settle();
        let severe = |lab: &Lab| lab.triage.incidents()[0].severe.map(|at| at.timestamp().to_string());
        let before = severe(&lab);
        assert!(before.is_some_and(|at| at.as_str() < "2026-11-21T14:05"));
        lab.look(600);
        assert_eq!((incidents(&lab)[0].get(..2), severe(&lab).as_deref()), (Some("P1"), Some("2026-11-21T14:05:00Z")));
    }

    #[test]
    fn what_is_only_on_its_way_has_not_failed() {
        let mut lab = Lab::new();
        lab.put("ks", &kustomization("True", "ReconciliationSucceeded", LONG_AGO));
        lab.look(10);
        for n in 1..20 {
            lab.put("ks", &kustomization("Unknown", "Progressing", &format!("2026-11-21T14:{n:02}:00Z")));
            lab.look(60);
            assert_eq!(incidents(&lab), [""; 0], "minute {n}");
        }
    }

    #[test]
    fn what_failed_stays_as_grave_while_it_is_tried_again_for_long() {
        let mut lab = Lab::new();
        lab.put("ks", &kustomization("False", "HealthCheckFailed", "2026-11-21T13:50:00Z"));
        lab.look(30);
        lab.put("ks", &kustomization("Unknown", "Progressing", "2026-11-21T14:00:20Z"));
        lab.look(3600);
        let found = incidents(&lab);
        assert!(found.len() == 1 && found[0].starts_with("P2 since 13:50:00: trying again: "), "{found:?}");
    }

    #[test]
    fn a_pod_that_is_restarted_again_and_again_is_one_incident_whether_it_waits_or_runs() {
        let mut lab = Lab::new();
        lab.put("pods", &crashing("cart-1", 1, "2026-11-21T13:50:00Z", true));
        lab.settle();
        let told = lab.told();
        assert_eq!(told.iter().filter(|t| t.starts_with("onset")).count(), 1, "{told:?}");
        for n in 1..5 {
            lab.put("pods", &crashing("cart-1", 30 + n, &format!("2026-11-21T14:0{n}:00Z"), n % 2 == 0));
            lab.look(60);
            let found = incidents(&lab);
            assert!(found.len() == 1 && found[0].starts_with("P3 since 13:50:00"), "{found:?}");
        }
        assert_eq!(lab.told(), [""; 0], "neither healed nor come again");
    }

    #[test]
    fn a_crash_loop_that_was_there_before_the_first_look_is_as_old_as_its_alert_or_nobody_knows() {
        let mut lab = Lab::new();
        lab.put("pods", &crashing("cart-1", 10, "2026-11-21T13:59:30Z", true));
        lab.settle();
        let since = |lab: &Lab| incidents(lab).iter().map(|i| i[..i.len().min(17)].to_owned()).collect::<Vec<_>>();
        assert_eq!(since(&lab), ["P3 since ?: Crash"]);
        // neither the next crash nor a look in between makes it younger
        for n in 1..5 {
            lab.put("pods", &crashing("cart-1", 10 + n, &format!("2026-11-21T14:0{n}:00Z"), n % 2 == 0));
            lab.look(60);
            assert!(incidents(&lab)[0].starts_with("P3 since ?: "), "{:?}", incidents(&lab));
        }
        let about = About { kind: "Pod".into(), namespace: "shop".into(), name: "cart-1".into(), ..About::default() };
        let alert = alerts::Alert {
            name: "KubePodCrashLooping".into(),
            namespace: "shop".into(),
            severity: "warning".into(),
            about: Some(About { confidence: alerts::Confidence::Exact, ..about }),
            since: Some(at("2026-11-21T09:00:00Z")),
            ..alerts::Alert::default()
        };
        let record = alerts::read(&alert, &mut lab.intern);
        lab.news("alerts", vec![Change::Upsert(record)]);
        lab.look(10);
        let found = incidents(&lab);
        assert!(found.len() == 1 && found[0].starts_with("P3 since 09:00:00: "), "{found:?}");
    }

    #[test]
    fn a_crash_of_a_pod_that_was_seen_to_run_well_began_before_our_eyes_however_often_it_crashed_before() {
        let mut lab = Lab::new();
        lab.put("pods", &crashing("cart-1", 5, "2026-11-21T10:00:00Z", false));
        lab.settle();
        assert_eq!(incidents(&lab), [""; 0]);
        lab.look(20);
        lab.put("pods", &crashing("cart-1", 6, "2026-11-21T14:00:15Z", true));
        lab.settle();
        let found = incidents(&lab);
        assert!(found.len() == 1 && found[0].starts_with("P3 since 14:00:"), "{found:?}");
    }

    #[test]
    fn an_object_of_the_same_name_that_was_made_again_has_no_past() {
        let mut lab = Lab::new();
        lab.put("ks", &kustomization("False", "HealthCheckFailed", "2026-11-21T13:00:00Z"));
        lab.settle();
        assert!(incidents(&lab)[0].starts_with("P2 since 13:00:00"), "{:?}", incidents(&lab));
        lab.remove("ks", "apps");
        let mut other = kustomization("Unknown", "Progressing", "2026-11-21T14:00:20Z");
        other["metadata"]["uid"] = json!("another");
        lab.put("ks", &other);
        lab.settle();
        assert_eq!(incidents(&lab), [""; 0]);
    }

    #[test]
    fn a_pod_between_two_crashes_is_no_finding_and_keeps_its_onset() {
        let mut lab = Lab::new();
        lab.put("pods", &crashing("cart-1", 2, "2026-11-21T13:58:00Z", true));
        lab.settle();
        let found = incidents(&lab);
        assert!(found.len() == 1 && found[0].contains("since 13:58:00"), "{found:?}");
        lab.put("pods", &crashing("cart-1", 4, "2026-11-21T14:03:00Z", false));
        lab.look(180);
        assert!(incidents(&lab).iter().all(|i| !i.contains("CrashLoopBackOff")), "{:?}", incidents(&lab));
        lab.put("pods", &crashing("cart-1", 4, "2026-11-21T14:04:00Z", true));
        lab.look(120);
        let found = incidents(&lab);
        assert!(found.iter().any(|i| i.contains("since 13:58:00")), "one crash loop, not two: {found:?}");
    }

    #[test]
    fn what_no_service_dates_began_between_two_looks_or_nobody_knows_when() {
        let mut lab = Lab::new();
        let crossed = |lab: &mut Lab, name: &str, state| {
            let guardrail = Guardrail { namespace: "shop".into(), name: name.into(), state, ..Guardrail::default() };
            let record = guardrails::read(&guardrail, &mut lab.intern);
            lab.news("guardrails", vec![Change::Upsert(record)]);
        };
        crossed(&mut lab, "errors", guardrails::State::Crossed);
        crossed(&mut lab, "latency", guardrails::State::Kept);
        lab.look(60);
        assert!(incidents(&lab).iter().any(|i| i.contains("since ?")), "{:?}", incidents(&lab));
        crossed(&mut lab, "latency", guardrails::State::Crossed);
        lab.look(60);
        let found = incidents(&lab);
        assert!(found.iter().any(|i| i.contains("since 14:02:00")), "{found:?}");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_node_keeps_the_time_that_it_tells_itself() {
        let mut lab = Lab::new();
        lab.put("nodes", &node("n1", "False", "2026-11-21T13:40:00Z"));
        lab.settle();
        lab.put("nodes", &node("n1", "True", "2026-11-21T14:01:00Z"));
        lab.look(60);
        lab.put("nodes", &node("n1", "False", "2026-11-21T14:10:00Z"));
        lab.look(900);
        assert!(incidents(&lab)[0].contains("since 14:10:00"), "it was well in between: {:?}", incidents(&lab));
        assert_eq!(lab.triage.sizes().iter().find(|(name, _)| *name == "onsets").map(|(_, n)| *n), Some(1));
        assert!(lab.now > at("2026-11-21T14:10:00Z"));
    }
}
