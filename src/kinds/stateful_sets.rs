//! `StatefulSets`: the state of the rollout, in the order of `kubectl rollout status`. A rollout stops at a broken pod,
//! and fixing the template does not replace that pod: the pod's own finding says where it stopped.
//!
//! Source of the order: kubectl `pkg/polymorphichelpers/rollout_status.go`.

use serde::Deserialize;

use super::column::{Column, Field};
use super::spec::decode_with;
use super::suspender::SuspendedBy;
use super::wire::{Object, Text, or_default};
use super::workload::{self, AVAILABLE, Counts, OWN, READY, UPDATED};
use super::{Alarm, Api, Decoded, Family, KindSpec, base, ending};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// `RollingUpdate` or `OnDelete`.
pub const STRATEGY: u8 = OWN;
/// Pods below this ordinal stay as they are.
pub const PARTITION: u8 = OWN + 1;
/// When its spec was last written.
const WRITTEN: u8 = OWN + 2;

pub const SPEC: KindSpec = KindSpec {
    name: "StatefulSet",
    word: "sts",
    aliases: &["statefulsets"],
    title: "StatefulSets",
    api: Api::Watch { group: "apps", versions: &["v1"], plural: "statefulsets", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 48, 0),
        Column::new("READY", Field::Cell(READY), 5, 7, 1),
        Column::new("STATUS", Field::Status, 11, 24, 0),
        Column::new("UP-TO-DATE", Field::Cell(UPDATED), 10, 10, 4).right(),
        Column::new("AVAILABLE", Field::Cell(AVAILABLE), 9, 9, 6).right(),
        Column::new("AGE", Field::Age, 5, 7, 5),
        Column::new("MESSAGE", Field::Note, 12, 160, 3),
        Column::new("OWNER", Field::With(workload::owner), 12, 40, 8),
        Column::new("MANAGED BY", Field::With(workload::manager), 12, 40, 7),
        Column::new("PARTITION", Field::Cell(PARTITION), 9, 9, 9).wide().right(),
        Column::new("STRATEGY", Field::Cell(STRATEGY), 8, 13, 10).wide(),
    ],
    blinds: "stateful sets",
    judge,
    guide: include_str!("../../assets/guides/workload.txt"),
    fixed: true,
    family: Family::Workload,
    alarm: Alarm::By("statefulset"),
    owns: &["Pod"],
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    replicas: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    update_strategy: Strategy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Strategy {
    r#type: Text,
    rolling_update: Option<Rolling>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rolling {
    partition: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    ready_replicas: Option<i64>,
    updated_replicas: Option<i64>,
    available_replicas: Option<i64>,
    current_revision: Text,
    update_revision: Text,
}

type Set = Object<Spec, Status, SuspendedBy>;

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Set, intern| read(object, intern))
}

fn rollout(object: &Set, counts: Counts) -> (Health, &'static str) {
    let (strategy, status) = (&object.spec.update_strategy, &object.status);
    let is_short = counts.ready < counts.wanted;
    if !matches!(&*strategy.r#type, "" | "RollingUpdate") {
        // kubectl has no status for these: the operator deletes the pods to update them
        return (if is_short { Health::Warning } else { Health::Ok }, "OnDelete");
    }
    if status.observed_generation.unwrap_or(0) == 0 || workload::is_behind(&object.metadata, status.observed_generation)
    {
        return (Health::Progressing, workload::OBSERVING);
    }
    let is_rolling = status.current_revision != status.update_revision;
    if is_short {
        return (if is_rolling { Health::Progressing } else { Health::Warning }, "NotReady");
    }
    if let Some(rolling) = &strategy.rolling_update {
        let partition = rolling.partition.unwrap_or(0);
        return match partition {
            _ if counts.updated < counts.wanted.saturating_sub(partition) => (Health::Progressing, "Updating"),
            1.. => (Health::Ok, "Partitioned"),
            _ => (Health::Ok, "Complete"),
        };
    }
    if is_rolling { (Health::Progressing, "Updating") } else { (Health::Ok, "Complete") }
}

fn read(object: &Set, intern: &mut Interner) -> Record {
    let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
    let counts = Counts {
        ready: status.ready_replicas.unwrap_or(0),
        wanted: spec.replicas.unwrap_or(1),
        updated: status.updated_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
    };
    let mut record = base(meta, intern);
    let (health, word) = rollout(object, counts);
    (record.health, record.status) = (health, intern.get(word));
    let old = counts.wanted.saturating_sub(counts.updated);
    if word == "OnDelete" && old > 0 {
        record.note = clean(&format!("{old} of {} pods keep the old revision until they are deleted", counts.wanted));
    }
    let since = ending::mark(&mut record, meta, intern).or(meta.managed_fields.status);
    let partition = spec.update_strategy.rolling_update.as_ref().and_then(|r| r.partition);
    let own = [
        Cell::text(&spec.update_strategy.r#type, intern),
        partition.filter(|p| *p > 0).map_or(Cell::None, Cell::Int),
        Cell::time(meta.managed_fields.spec),
    ];
    record.cells = counts.cells(since, &own);
    record.links = workload::links("StatefulSet", meta, intern);
    record
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let written = record.time(WRITTEN).unwrap_or(record.created);
    match record.health {
        Health::Progressing if strings.get(record.status) == workload::OBSERVING => {
            workload::unobserved(record, written, thresholds, now)
        }
        Health::Progressing => workload::rolling(record, written, workload::gravity(record), thresholds, now),
        _ => workload::judge(record, thresholds, now),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    /// Replicas wanted, ready, updated.
    fn set(strategy: &Value, observed: i64, n: [i64; 3], revisions: [&str; 2]) -> Seen {
        seen(
            "sts",
            &json!({
                "metadata": {"name": "db", "namespace": "shop", "generation": 2,
                    "creationTimestamp": "2026-11-01T00:00:00Z",
                    "managedFields": [{"manager": "k", "time": "2026-11-21T13:50:00Z", "fieldsV1": {"f:spec": {}}}]},
                "spec": {"replicas": n[0], "updateStrategy": strategy},
                "status": {"observedGeneration": observed, "replicas": n[0], "readyReplicas": n[1],
                    "updatedReplicas": n[2], "availableReplicas": n[1],
                    "currentRevision": revisions[0], "updateRevision": revisions[1]},
            }),
        )
    }

    #[rstest]
    #[case::none(3, 0, "2026-11-01T14:00:00Z", "warning P2 0 of 3 pods ready")]
    #[case::some(3, 2, "2026-11-01T14:00:00Z", "warning P3 2 of 3 pods ready")]
    #[case::one(1, 0, "2026-11-01T14:00:00Z", "warning P2 0 of 1 pod ready")]
    #[case::lately(3, 0, "2026-11-21T13:45:01Z", "warning")]
    #[case::now(3, 0, "2026-11-21T13:59:00Z", "progressing")]
    fn pods_that_are_not_there_are_a_finding_after_a_while(
        #[case] wanted: i64,
        #[case] ready: i64,
        #[case] changed: &str,
        #[case] verdict: &str,
    ) {
        let seen = seen(
            "sts",
            &json!({
                "metadata": {"name": "db", "namespace": "shop", "generation": 2, "creationTimestamp": "2026-10-01T00:00:00Z",
                    "managedFields": [{"manager": "kube-controller-manager", "time": changed, "fieldsV1": {"f:status": {}}}]},
                "spec": {"replicas": wanted},
                "status": {"observedGeneration": 2, "replicas": 0, "readyReplicas": ready, "currentRevision": "a", "updateRevision": "a"},
            }),
        );
        assert_eq!(seen.verdict(NOW), verdict);
    }

    #[rstest]
    #[case::done(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}), 2, [3, 3, 3], ["a", "a"], "Complete", "ok")]
    #[case::never_seen(json!(null), 0, [3, 3, 3], ["a", "a"], "Observing", "progressing")]
    #[case::behind(json!(null), 1, [3, 3, 3], ["a", "a"], "Observing", "progressing")]
    #[case::lost_a_pod(json!(null), 2, [3, 2, 3], ["a", "a"], "NotReady", "warning P3 2 of 3 pods ready")]
    #[case::stopped_at_a_pod(json!(null), 2, [3, 2, 1], ["a", "b"], "NotReady", "progressing")]
    #[case::rolling(json!({"rollingUpdate": {}}), 2, [3, 3, 1], ["a", "b"], "Updating", "progressing")]
    #[case::rolling_without_numbers(json!({"type": "RollingUpdate"}), 2, [3, 3, 1], ["a", "b"], "Updating", "progressing")]
    #[case::done_without_numbers(json!({}), 2, [3, 3, 3], ["b", "b"], "Complete", "ok")]
    #[case::up_to_the_partition(json!({"rollingUpdate": {"partition": 2}}), 2, [3, 3, 1], ["a", "b"], "Partitioned", "ok")]
    #[case::not_yet_there(json!({"rollingUpdate": {"partition": 1}}), 2, [3, 3, 1], ["a", "b"], "Updating", "progressing")]
    #[case::by_hand(json!({"type": "OnDelete"}), 1, [3, 3, 3], ["a", "a"], "OnDelete", "ok")]
    #[case::by_hand_and_short(json!({"type": "OnDelete"}), 2, [3, 2, 3], ["a", "a"], "OnDelete", "warning P3 2 of 3 pods ready")]
    fn a_rollout_is_told_in_the_order_of_kubectl(
        #[case] strategy: Value,
        #[case] observed: i64,
        #[case] replicas: [i64; 3],
        #[case] revisions: [&str; 2],
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = set(&strategy, observed, replicas, revisions);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[test]
    fn pods_that_only_a_hand_will_replace_are_counted() {
        let seen = set(&json!({"type": "OnDelete"}), 2, [3, 3, 1], ["a", "b"]);
        assert_eq!(seen.column("MESSAGE"), "2 of 3 pods keep the old revision until they are deleted");
        assert_eq!(["READY", "UP-TO-DATE", "STRATEGY"].map(|c| seen.column(c)), ["3/3", "1", "OnDelete"]);
    }

    #[test]
    fn a_new_one_may_be_short_for_a_while() {
        let seen = set(&json!(null), 2, [3, 0, 3], ["a", "a"]);
        assert_eq!(seen.verdict("2026-11-01T00:04:59Z"), "progressing");
        assert_eq!(seen.verdict("2026-11-01T00:05:00Z"), "warning");
    }

    #[test]
    fn a_rollout_and_a_spec_that_nobody_looks_at_have_an_age() {
        let rolling = set(&json!({}), 2, [4, 4, 1], ["a", "b"]);
        assert_eq!(rolling.verdict("2026-11-21T14:09:59Z"), "progressing");
        assert_eq!(rolling.verdict("2026-11-21T14:10:00Z"), "warning P3 its rollout is not done after more than 20m");
        let behind = set(&json!({}), 1, [3, 3, 3], ["a", "a"]);
        assert_eq!(behind.verdict("2026-11-21T14:04:59Z"), "progressing");
        assert_eq!(
            behind.verdict("2026-11-21T14:05:00Z"),
            "warning P3 its controller has not observed its newest spec"
        );
    }

    #[test]
    fn an_operator_that_renders_it_is_its_owner() {
        let seen = seen(
            "sts",
            &json!({"metadata": {"name": "p", "namespace": "m",
                "ownerReferences": [{"kind": "Prometheus", "name": "k8s", "controller": true}],
                "labels": {"kustomize.toolkit.fluxcd.io/name": "mon", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}}),
        );
        assert_eq!(seen.links(), ["Owner Prometheus m/k8s", "ManagedBy Kustomization flux-system/mon"]);
        assert_eq!(seen.column("OWNER"), "Prometheus/k8s");
    }
}
