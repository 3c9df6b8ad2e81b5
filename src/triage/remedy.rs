//! What helps with a root in its present state: of what the rules name, that which can make a difference. A restart
//! pulls no image, and a reconcile does not help an object that will not be tried again.

use super::joins::{controllers, refusals};
use super::rules::{RULES, crash_loop};
use super::{Subject, Triage};
use crate::domain::health::Health;
use crate::domain::record::{Cell, KindId, Record};
use crate::kinds::flux::{self, Case};
use crate::kinds::{self, Family, deployments, workload};
use crate::store::{RowId, Store};

/// Names of actions and looks, the best first. `object` is what is acted on, `changed` that a revision came in shortly
/// before.
pub fn next(store: &Store, triage: &Triage, root: Subject, object: RowId, changed: bool) -> Vec<&'static str> {
    let Some(record) = store.row(object).map(|row| &row.record) else { return Vec::new() };
    let kind = kinds::name(object.kind);
    let rules = RULES.iter().filter(|rule| match triage.rule(root) {
        Some(own) => own.name == rule.name,
        // a root that is an object is what some rule explains by: the rules that know its kind name what helps
        None => rule.next_for.contains(&kind),
    });
    let state = State { store, kind: object.kind, record, word: failing(store, triage, root, object) };
    let mut out: Vec<&'static str> = Vec::new();
    for name in rules.flat_map(|rule| rule.next).copied() {
        if !out.contains(&name) && state.is_helped_by(name) {
            out.push(name);
        }
    }
    // the last change is the first suspect, and how to revert it is known
    if let Some(at) = out.iter().position(|name| changed && matches!(*name, "rollback" | "undo-rollout")) {
        let back = out.remove(at);
        out.insert(0, back);
    }
    out
}

/// How the pods of a root fail, if it is pods that fail.
fn failing<'s>(store: &'s Store, triage: &'s Triage, root: Subject, object: RowId) -> &'s str {
    if let Some(group) =
        triage.group(root).filter(|_| triage.rule(root).is_some_and(|r| r.name == crash_loop::SPEC.name))
    {
        return &group.detail;
    }
    let is_pod = object.kind == kinds::POD;
    store.row(object).filter(|_| is_pod).map_or("", |row| store.strings.get(row.record.status))
}

struct State<'a> {
    store: &'a Store,
    kind: KindId,
    record: &'a Record,
    /// `CrashLoopBackOff OOMKilled 137`; empty when it is not its pods that fail.
    word: &'a str,
}

impl State<'_> {
    fn is_helped_by(&self, name: &str) -> bool {
        let word = self.word.strip_prefix("Init:").unwrap_or(self.word);
        // it has run, and its log says why it stopped
        let ran = word.starts_with("CrashLoopBackOff") || matches!(word, "Error" | "OOMKilled") || word.contains(':');
        let runs = matches!(word, "Running" | "NotReady");
        match name {
            "previous-logs" => ran,
            "logs" => runs || (word.is_empty() && self.kind == kinds::JOB && !self.is_refused()),
            // what never ran has no log: the kubelet, the scheduler and the API server report by events
            "events" => (!word.is_empty() && !ran && !runs) || self.is_refused() || !self.is_workload(),
            "undo-rollout" => self.is_rolling(),
            "restart" => {
                (word.is_empty() || runs) && !self.is_refused() && !self.is_scaled_down() && !self.is_rolling()
            }
            "scale" => self.is_scaled_down(),
            "reconcile" | "reconcile-with-source" => match Case::of(self.record) {
                _ if !self.is_flux() => true,
                // neither is tried again by a reconcile
                Case::Stalled | Case::Suspended => false,
                _ => true,
            },
            "recover" | "reset" => Case::of(self.record) != Case::Suspended,
            "rollback" => flux::has_failed(self.record, &self.store.strings),
            "resume" => self.record.suspended == Some(true),
            "unpause-schedule" => self.record.health == Health::Suspended,
            // refused by Velero, or paused: one more run changes nothing of that
            "backup" if self.kind == kinds::SCHEDULE => {
                !matches!(self.record.health, Health::Suspended | Health::Failed)
            }
            _ => true,
        }
    }

    fn is_flux(&self) -> bool {
        kinds::spec(self.kind).is_flux()
    }

    fn is_workload(&self) -> bool {
        self.kind == kinds::POD || matches!(kinds::spec(self.kind).family, Family::Workload | Family::PodOwner)
    }

    /// Its pods cannot be created.
    fn is_refused(&self) -> bool {
        let by_condition = self.kind == kinds::DEPLOYMENT && self.record.cell(deployments::REFUSED) != Cell::None;
        by_condition || (self.is_workload() && refusals::is_refused(self.store, self.kind, self.record))
    }

    fn is_scaled_down(&self) -> bool {
        controllers::of(self.kind, &self.record.name).is_some() && self.record.int(workload::WANTED) == 0
    }

    /// A rollout is in progress, or was given up: there is a previous revision.
    fn is_rolling(&self) -> bool {
        let word = self.store.strings.get(self.record.status);
        self.kind == kinds::DEPLOYMENT && matches!(word, "Updating" | "RemovingOld" | "ProgressDeadlineExceeded")
            || matches!(self.kind, kinds::STATEFUL_SET | kinds::DAEMON_SET) && word == "Updating"
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::next;
    use crate::triage::timeline::testing::{LONG_AGO, Lab};

    const OLD: &str = "2026-11-21T13:30:00Z";

    /// A pod of a Deployment whose container waits, or failed, for a reason.
    fn pod(reason: &str, last: &str) -> Value {
        let state = match reason {
            "Error" => json!({"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": OLD}}),
            reason => json!({"waiting": {"reason": reason, "message": "words"}}),
        };
        let last = match last {
            "" => json!({}),
            last => json!({"terminated": {"reason": last, "exitCode": 137, "finishedAt": OLD}}),
        };
        json!({
            "metadata": {"name": "cart-abc-1", "namespace": "shop", "uid": "pod", "creationTimestamp": LONG_AGO,
                "labels": {"pod-template-hash": "abc"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-abc", "controller": true}]},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": OLD}],
                "containerStatuses": [{"name": "app", "ready": false, "restartCount": 0, "state": state, "lastState": last}]},
        })
    }

    fn deployment(conditions: &Value) -> Value {
        json!({
            "metadata": {"name": "cart", "namespace": "shop", "uid": "deployment", "generation": 2, "creationTimestamp": LONG_AGO},
            "spec": {"replicas": 2},
            "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 0,
                "availableReplicas": 0, "conditions": conditions},
        })
    }

    fn rolled_out() -> Value {
        json!([{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastTransitionTime": OLD},
            {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "lastTransitionTime": OLD}])
    }

    fn release(reason: &str, suspended: bool) -> Value {
        let stalled =
            json!({"type": "Stalled", "status": "True", "reason": reason, "message": "m", "lastTransitionTime": OLD});
        let ready = json!({"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "m", "lastTransitionTime": OLD});
        let conditions = if reason.is_empty() { json!([ready]) } else { json!([ready, stalled]) };
        json!({
            "metadata": {"name": "cart", "namespace": "shop", "uid": "release", "generation": 1, "creationTimestamp": LONG_AGO},
            "spec": {"suspend": suspended},
            "status": {"observedGeneration": 1, "conditions": conditions, "upgradeFailures": 1,
                "history": [
                    {"chartName": "cart", "chartVersion": "1.1.0", "version": 4, "status": "failed", "name": "cart",
                        "namespace": "shop", "firstDeployed": LONG_AGO, "lastDeployed": OLD},
                    {"chartName": "cart", "chartVersion": "1.0.0", "version": 3, "status": "superseded", "name": "cart",
                        "namespace": "shop", "firstDeployed": LONG_AGO, "lastDeployed": LONG_AGO}]},
        })
    }

    fn helped(objects: &[(&str, Value)]) -> Vec<&'static str> {
        let mut lab = Lab::new();
        for (word, object) in objects {
            lab.put(word, object);
        }
        lab.settle();
        let incident = lab.triage.incidents().first().expect("something is wrong").subject;
        let object = lab.triage.object(&lab.store, incident).expect("it is about an object");
        next(&lab.store, &lab.triage, incident, object, false)
    }

    #[rstest]
    #[case::no_image("ImagePullBackOff", "", "events")]
    #[case::no_name_of_an_image("InvalidImageName", "", "events")]
    #[case::no_secret("CreateContainerConfigError", "", "events")]
    #[case::killed("CrashLoopBackOff", "OOMKilled", "previous-logs")]
    #[case::ended("Error", "", "previous-logs")]
    fn a_pod_that_fails_by_itself_is_not_restarted(#[case] reason: &str, #[case] last: &str, #[case] first: &str) {
        let helped = helped(&[("deploy", deployment(&rolled_out())), ("pods", pod(reason, last))]);
        assert_eq!(helped.first(), Some(&first), "{helped:?}");
        assert!(!helped.contains(&"restart"), "{helped:?}");
    }

    #[test]
    fn a_rollout_that_brought_it_can_be_taken_back() {
        let given_up = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastTransitionTime": OLD}]);
        let helped = helped(&[("deploy", deployment(&given_up)), ("pods", pod("ImagePullBackOff", ""))]);
        assert!(helped.contains(&"undo-rollout") && !helped.contains(&"restart"), "{helped:?}");
    }

    #[test]
    fn what_is_refused_is_told_by_events() {
        let refused = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "lastTransitionTime": OLD,
            "message": "admission webhook \"x\" denied the request"}]);
        let helped = helped(&[("deploy", deployment(&refused))]);
        assert_eq!(helped.first(), Some(&"events"), "{helped:?}");
        assert!(!helped.contains(&"restart"), "{helped:?}");
    }

    #[test]
    fn a_release_that_is_not_tried_again_is_not_reconciled() {
        let helped_by = helped(&[("hr", release("RetriesExceeded", false))]);
        assert!(!helped_by.iter().any(|name| name.starts_with("reconcile")), "{helped_by:?}");
        assert!(["recover", "reset", "rollback"].iter().all(|name| helped_by.contains(name)), "{helped_by:?}");
        // one that is tried again is
        let helped_by = helped(&[("hr", release("", false))]);
        assert!(helped_by.contains(&"reconcile") && helped_by.contains(&"rollback"), "{helped_by:?}");
        let helped_by = helped(&[("hr", release("RetriesExceeded", true))]);
        assert_eq!(helped_by.first(), Some(&"resume"), "{helped_by:?}");
        assert!(!helped_by.iter().any(|name| name.starts_with("reconcile")), "{helped_by:?}");
    }

    #[test]
    fn a_paused_schedule_is_started_again_and_a_controller_that_was_scaled_down_is_scaled() {
        let schedule = json!({
            "metadata": {"name": "daily", "namespace": "velero", "uid": "s", "creationTimestamp": LONG_AGO},
            "spec": {"schedule": "0 1 * * *", "paused": true}, "status": {"phase": "Enabled"},
        });
        let helped_by = helped(&[("schedules", schedule)]);
        assert_eq!(helped_by, ["unpause-schedule"]);
        let controller = json!({
            "metadata": {"name": "cert-manager-webhook", "namespace": "cert-manager", "uid": "d", "generation": 2,
                "creationTimestamp": LONG_AGO},
            "spec": {"replicas": 0}, "status": {"observedGeneration": 2, "conditions": rolled_out()},
        });
        let helped_by = helped(&[("deploy", controller)]);
        assert_eq!(helped_by.first(), Some(&"scale"), "{helped_by:?}");
        assert!(!helped_by.contains(&"restart"), "{helped_by:?}");
    }
}
