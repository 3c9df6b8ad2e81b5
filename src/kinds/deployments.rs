//! Deployments: the state of the rollout, in the order of `kubectl rollout status`, and what no pod can say of it.
//!
//! Source of the order: kubectl `pkg/polymorphichelpers/rollout_status.go`.

use serde::Deserialize;

use super::column::{Column, Field};
use super::spec::decode_with;
use super::suspender::SuspendedBy;
use super::wire::{Condition, Conditions, Many, Object, Text, or_default};
use super::workload::{self, AVAILABLE, Counts, OWN, READY, UPDATED};
use super::{Alarm, Api, Decoded, Family, KindSpec, Tells, base, ending};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// Nothing unless it is paused.
pub const PAUSED: u8 = OWN;
/// `RollingUpdate` or `Recreate`.
pub const STRATEGY: u8 = OWN + 1;
pub const REVISION: u8 = OWN + 2;
/// Why pods cannot be created (`FailedCreate`) or removed (`FailedDelete`), also where the STATUS says something else.
pub const REFUSED: u8 = OWN + 3;
/// When its rollout last made progress, or when its spec was last written if that has not been observed yet.
const PROGRESS: u8 = OWN + 4;
/// Seconds without progress after which its controller gives a rollout up; none when it never does.
const DEADLINE: u8 = OWN + 5;

pub const SPEC: KindSpec = KindSpec {
    name: "Deployment",
    word: "deploy",
    aliases: &["dp", "deployments"],
    title: "Deployments",
    api: Api::Watch { group: "apps", versions: &["v1"], plural: "deployments", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 48, 0),
        Column::new("READY", Field::Cell(READY), 5, 7, 1),
        Column::new("STATUS", Field::Status, 11, 24, 0),
        Column::new("UP-TO-DATE", Field::Cell(UPDATED), 10, 10, 5).right(),
        Column::new("AVAILABLE", Field::Cell(AVAILABLE), 9, 9, 6).right(),
        Column::new("PAUSED", Field::Cell(PAUSED), 6, 6, 4),
        Column::new("AGE", Field::Age, 5, 7, 7),
        Column::new("MESSAGE", Field::Note, 12, 160, 3),
        Column::new("MANAGED BY", Field::With(workload::manager), 12, 40, 8),
        Column::new("REVISION", Field::Cell(REVISION), 8, 8, 9).wide().right(),
        Column::new("STRATEGY", Field::Cell(STRATEGY), 8, 13, 10).wide(),
    ],
    blinds: "deployments, rollouts that are stuck",
    judge,
    guide: include_str!("../../assets/guides/workload.txt"),
    fixed: true,
    family: Family::Workload,
    alarm: Alarm::By("deployment"),
    tells: Tells::Rollout,
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    replicas: Option<i64>,
    progress_deadline_seconds: Option<i64>,
    paused: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    strategy: Strategy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Strategy {
    r#type: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    replicas: Option<i64>,
    updated_replicas: Option<i64>,
    ready_replicas: Option<i64>,
    available_replicas: Option<i64>,
    conditions: Many<Condition>,
}

/// The API server's default where no deadline is given, and the value from which on it means never.
const DEADLINE_DEFAULT: i64 = 600;
const NEVER: i64 = i32::MAX as i64;

type Deployment = Object<Spec, Status, SuspendedBy>;

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Deployment, intern| read(object, intern))
}

/// Health, STATUS word, and the condition that explains it.
type Rollout<'a> = (Health, &'static str, Option<&'a Condition>);

fn rollout(object: &Deployment, counts: Counts) -> Rollout<'_> {
    let status = &object.status;
    let progressing = status.conditions.of("Progressing");
    let reason = progressing.map_or("", |c| &*c.reason);
    let refused = workload::refused(&status.conditions);
    if workload::is_behind(&object.metadata, status.observed_generation) {
        return (Health::Progressing, workload::OBSERVING, None);
    }
    if reason == "ProgressDeadlineExceeded" {
        // refused pods explain why there is no progress
        return (Health::Failed, "ProgressDeadlineExceeded", refused.or(progressing));
    }
    if refused.is_some() {
        return (Health::Failed, "ReplicaFailure", refused);
    }
    if counts.updated < counts.wanted {
        return (Health::Progressing, "Updating", None);
    }
    if status.replicas.unwrap_or(0) > counts.updated {
        return (Health::Progressing, "RemovingOld", None);
    }
    if counts.available < counts.updated {
        let lacking = status.conditions.of("Available").filter(|c| c.is_false());
        // a complete rollout is not in progress again because a pod went away
        let health = if reason == "NewReplicaSetAvailable" { Health::Warning } else { Health::Progressing };
        return (health, "Unavailable", lacking);
    }
    (Health::Ok, "Complete", None)
}

fn read(object: &Deployment, intern: &mut Interner) -> Record {
    let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
    let counts = Counts {
        ready: status.ready_replicas.unwrap_or(0),
        wanted: spec.replicas.unwrap_or(1),
        updated: status.updated_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
    };
    let mut record = base(meta, intern);
    let (health, word, why) = rollout(object, counts);
    (record.health, record.status) = (health, intern.get(word));
    record.note = why.map_or_else(Box::default, |c| clean(&c.message));
    let told = why.and_then(Condition::since).or(meta.managed_fields.status);
    let since = ending::mark(&mut record, meta, intern).or(told);
    let moved =
        status.conditions.of("Progressing").and_then(|c| Time::parse(&c.last_update_time).or_else(|| c.since()));
    let deadline = spec.progress_deadline_seconds.unwrap_or(DEADLINE_DEFAULT);
    let own = [
        if spec.paused == Some(true) { Cell::Flag(true) } else { Cell::None },
        Cell::text(&spec.strategy.r#type, intern),
        Cell::text(meta.annotations.get("deployment.kubernetes.io/revision").unwrap_or(""), intern),
        workload::refused(&status.conditions).map_or(Cell::None, |c| Cell::text(&c.reason, intern)),
        Cell::time(if word == workload::OBSERVING {
            meta.managed_fields.spec
        } else {
            moved.max(meta.managed_fields.spec)
        }),
        if deadline < NEVER { Cell::Int(deadline) } else { Cell::None },
    ];
    record.cells = counts.cells(since, &own);
    record.links = workload::links("Deployment", meta, intern);
    record
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let moved = record.time(PROGRESS).unwrap_or(record.created);
    match record.health {
        Health::Failed => workload::failed(record, strings, thresholds, now),
        Health::Progressing if strings.get(record.status) == workload::OBSERVING => {
            workload::unobserved(record, moved, thresholds, now)
        }
        // a paused rollout continues when somebody resumes it
        Health::Progressing if record.flag(PAUSED) => {
            Judgement::of(record.health).with(Finding::new(Severity::P4, None, "its rollout is paused"))
        }
        // its controller gives it up itself, if it is running
        Health::Progressing => {
            let deadline = match record.cell(DEADLINE) {
                Cell::Int(own) => own.saturating_add(thresholds.reconcile_grace),
                _ => thresholds.no_progress,
            };
            let why = format!("its rollout makes no progress for more than {}", ages::told(deadline));
            ending::after(Judgement::of(record.health), moved, deadline, workload::gravity(record), why, now)
        }
        _ => workload::judge(record, thresholds, now),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn condition(r#type: &str, status: &str, reason: &str, message: &str) -> Value {
        json!({"type": r#type, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-11-21T13:00:00Z"})
    }

    fn done() -> Value {
        condition("Progressing", "True", "NewReplicaSetAvailable", "")
    }

    /// It last made progress nine minutes ago.
    fn under_way() -> Value {
        let mut condition = condition("Progressing", "True", "ReplicaSetUpdated", "");
        condition["lastUpdateTime"] = json!("2026-11-21T13:51:00Z");
        condition
    }

    fn late() -> Value {
        condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out progressing")
    }

    fn refused() -> Value {
        condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")
    }

    /// Replicas wanted, all, updated, available.
    fn deployment(observed: i64, n: [i64; 4], conditions: &[Value]) -> Seen {
        seen(
            "deploy",
            &json!({
                "metadata": {"name": "web", "namespace": "shop", "generation": 2,
                    "creationTimestamp": "2026-11-01T00:00:00Z"},
                "spec": {"replicas": n[0], "strategy": {"type": "RollingUpdate"}},
                "status": {"observedGeneration": observed, "replicas": n[1], "updatedReplicas": n[2],
                    "readyReplicas": n[3], "availableReplicas": n[3], "conditions": conditions},
            }),
        )
    }

    #[rstest]
    #[case::done(2, [3, 3, 3, 3], &[done()], "Complete", "ok")]
    #[case::to_nothing(2, [0, 0, 0, 0], &[done()], "Complete", "ok")]
    #[case::not_seen(1, [3, 3, 3, 3], &[late()], "Observing",
        "warning P3 its controller has not observed its newest spec")]
    #[case::given_up(2, [3, 4, 1, 3], &[late()], "ProgressDeadlineExceeded",
        "failed P3 progress deadline exceeded: timed out progressing")]
    #[case::given_up_with_none(2, [3, 3, 3, 0], &[late()], "ProgressDeadlineExceeded",
        "failed P2 progress deadline exceeded: timed out progressing")]
    #[case::refused(2, [3, 2, 2, 2], &[done(), refused()], "ReplicaFailure", "failed P3 replica failure: exceeded quota")]
    #[case::refused_and_given_up(2, [3, 0, 0, 0], &[late(), refused()], "ProgressDeadlineExceeded",
        "failed P2 progress deadline exceeded: exceeded quota")]
    #[case::updating(2, [3, 4, 1, 3], &[under_way()], "Updating", "progressing")]
    #[case::removing(2, [3, 4, 3, 3], &[under_way()], "RemovingOld", "progressing")]
    #[case::starting(2, [3, 3, 3, 1], &[under_way()], "Unavailable", "progressing")]
    #[case::given_up_by_nobody(2, [3, 4, 1, 3], &[condition("Progressing", "True", "ReplicaSetUpdated", "")], "Updating",
        "warning P3 its rollout makes no progress for more than 13m")]
    #[case::lost_a_pod(2, [3, 3, 3, 2], &[done()], "Unavailable", "warning P3 2 of 3 pods ready")]
    #[case::lost_all(2, [3, 3, 3, 0], &[done(), condition("Available", "False", "MinimumReplicasUnavailable", "")],
        "Unavailable", "warning P2 0 of 3 pods ready")]
    fn a_rollout_is_told_in_the_order_of_kubectl(
        #[case] observed: i64,
        #[case] replicas: [i64; 4],
        #[case] conditions: &[Value],
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = deployment(observed, replicas, conditions);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[rstest]
    #[case::told(&[late(), refused()], "FailedCreate")]
    #[case::over(&[done(), condition("ReplicaFailure", "False", "x", "")], "")]
    #[case::never(&[done()], "")]
    fn pods_that_cannot_be_made_are_known_whatever_the_status_says(#[case] conditions: &[Value], #[case] reason: &str) {
        let seen = deployment(2, [3, 0, 0, 0], conditions);
        assert_eq!(seen.record.text(super::REFUSED, &seen.strings), reason);
    }

    #[rstest]
    #[case::its_own_deadline(json!({"progressDeadlineSeconds": 60}), "warning P2 its rollout makes no progress for more than 4m")]
    #[case::not_yet(json!({"progressDeadlineSeconds": 1200}), "progressing")]
    #[case::no_deadline(json!({"progressDeadlineSeconds": 2_147_483_647}), "progressing")]
    #[case::paused(json!({"paused": true}), "progressing P4 its rollout is paused")]
    fn a_rollout_has_as_long_as_its_deadline_says(#[case] more: Value, #[case] verdict: &str) {
        let mut spec = more;
        spec["replicas"] = json!(3);
        let object = json!({"metadata": {"name": "web", "creationTimestamp": "2026-11-01T00:00:00Z", "generation": 1},
            "spec": spec, "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 1, "conditions": [under_way()]}});
        let seen = seen("deploy", &object);
        assert_eq!(seen.verdict(NOW), verdict);
        if object["spec"]["progressDeadlineSeconds"] == 2_147_483_647_i64 {
            assert_eq!(
                seen.verdict("2026-11-21T14:06:00Z"),
                "warning P2 its rollout makes no progress for more than 15m"
            );
        }
    }

    #[test]
    fn a_spec_that_was_just_written_may_wait_for_its_controller() {
        let at = |time: &str| {
            let object = json!({"metadata": {"name": "web", "creationTimestamp": "2026-11-01T00:00:00Z", "generation": 2,
                "managedFields": [{"manager": "kubectl", "time": time, "fieldsV1": {"f:spec": {"f:replicas": {}}}}]},
                "spec": {"replicas": 1}, "status": {"observedGeneration": 1}});
            seen("deploy", &object).verdict(NOW)
        };
        assert_eq!(at("2026-11-21T13:59:00Z"), "progressing");
        assert_eq!(at("2026-11-21T13:45:00Z"), "warning P3 its controller has not observed its newest spec");
    }

    #[test]
    fn a_failure_and_a_loss_have_their_grace() {
        let failed = deployment(2, [3, 4, 1, 3], &[late()]);
        assert_eq!(failed.verdict("2026-11-21T13:00:59Z"), "failed");
        assert_eq!(
            failed.judged("2026-11-21T13:00:59Z").recheck,
            Some(crate::kinds::testing::at("2026-11-21T13:01:00Z"))
        );
        let lost = deployment(2, [3, 3, 3, 0], &[done(), condition("Available", "False", "", "")]);
        assert_eq!(lost.verdict("2026-11-21T13:04:59Z"), "progressing");
        assert_eq!(lost.verdict("2026-11-21T13:05:00Z"), "warning");
    }

    #[test]
    fn columns_and_links_tell_what_belongs_to_it() {
        let seen = seen(
            "deploy",
            &json!({
                "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-11-01T00:00:00Z",
                    "annotations": {"deployment.kubernetes.io/revision": "7"},
                    "labels": {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps"},
                    "ownerReferences": [{"kind": "Rollout", "name": "r"}, {"kind": "Istio", "name": "i", "controller": true}]},
                "spec": {"replicas": 3, "paused": true, "strategy": {"type": "Recreate"}},
                "status": {"updatedReplicas": 2, "readyReplicas": 1, "availableReplicas": 1},
            }),
        );
        let columns = ["READY", "UP-TO-DATE", "AVAILABLE", "PAUSED", "REVISION", "STRATEGY", "MANAGED BY"];
        assert_eq!(columns.map(|c| seen.column(c)), ["1/3", "2", "1", "yes", "7", "Recreate", "HelmRelease/shop"]);
        assert_eq!(seen.links(), ["Owner Istio shop/i", "ManagedBy HelmRelease apps/shop"]);
        assert_eq!(seen.record.suspended, None);
    }

    #[test]
    fn one_that_does_not_go_away_is_told_after_a_while() {
        let seen = seen(
            "deploy",
            &json!({"metadata": {"name": "web", "deletionTimestamp": "2026-11-21T13:00:00Z",
                "finalizers": ["foregroundDeletion"]}}),
        );
        assert_eq!(seen.verdict(NOW), "warning P3 stuck terminating: waits for foregroundDeletion");
    }
}
