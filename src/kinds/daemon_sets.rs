//! `DaemonSets`: the state of the rollout, in the order of `kubectl rollout status`. What counts is nodes, not
//! replicas.
//!
//! Source of the order: kubectl `pkg/polymorphichelpers/rollout_status.go`.

use serde::Deserialize;

use super::column::{Column, Field};
use super::spec::decode_with;
use super::suspender::SuspendedBy;
use super::wire::{Object, Text, or_default};
use super::workload::{self, AVAILABLE, Counts, OWN, READY, SINCE, UPDATED, WANTED};
use super::{Alarm, Api, Decoded, Family, KindSpec, base, ending};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// `RollingUpdate` or `OnDelete`.
pub const STRATEGY: u8 = OWN;
/// Nodes that run it and should not.
pub const MISSCHEDULED: u8 = OWN + 1;
/// When its spec was last written.
const WRITTEN: u8 = OWN + 2;

pub const SPEC: KindSpec = KindSpec {
    name: "DaemonSet",
    word: "ds",
    aliases: &["daemonsets"],
    title: "DaemonSets",
    api: Api::Watch { group: "apps", versions: &["v1"], plural: "daemonsets", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 48, 0),
        Column::new("READY", Field::Cell(READY), 5, 9, 1),
        Column::new("STATUS", Field::Status, 11, 24, 0),
        Column::new("UP-TO-DATE", Field::Cell(UPDATED), 10, 10, 4).right(),
        Column::new("AVAILABLE", Field::Cell(AVAILABLE), 9, 9, 6).right(),
        Column::new("AGE", Field::Age, 5, 7, 5),
        Column::new("MESSAGE", Field::Note, 12, 160, 3),
        Column::new("MANAGED BY", Field::With(workload::manager), 12, 40, 7),
        Column::new("MISSCHEDULED", Field::Cell(MISSCHEDULED), 12, 12, 8).wide().right(),
        Column::new("STRATEGY", Field::Cell(STRATEGY), 8, 13, 9).wide(),
    ],
    blinds: "daemon sets",
    judge,
    guide: include_str!("../../assets/guides/workload.txt"),
    fixed: true,
    family: Family::Workload,
    alarm: Alarm::By("daemonset"),
    owns: &["Pod"],
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    update_strategy: Strategy,
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
    desired_number_scheduled: Option<i64>,
    updated_number_scheduled: Option<i64>,
    number_ready: Option<i64>,
    number_available: Option<i64>,
    number_misscheduled: Option<i64>,
}

type Set = Object<Spec, Status, SuspendedBy>;

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Set, intern| read(object, intern))
}

fn rollout(object: &Set, counts: Counts) -> (Health, &'static str) {
    let is_short = counts.available < counts.wanted;
    if !matches!(&*object.spec.update_strategy.r#type, "" | "RollingUpdate") {
        return (if is_short { Health::Warning } else { Health::Ok }, "OnDelete");
    }
    if workload::is_behind(&object.metadata, object.status.observed_generation) {
        (Health::Progressing, workload::OBSERVING)
    } else if counts.updated < counts.wanted {
        (Health::Progressing, "Updating")
    } else if is_short {
        (Health::Warning, "Unavailable")
    } else {
        (Health::Ok, "Complete")
    }
}

fn read(object: &Set, intern: &mut Interner) -> Record {
    let (meta, status) = (&object.metadata, &object.status);
    let counts = Counts {
        ready: status.number_ready.unwrap_or(0),
        wanted: status.desired_number_scheduled.unwrap_or(0),
        updated: status.updated_number_scheduled.unwrap_or(0),
        available: status.number_available.unwrap_or(0),
    };
    let mut record = base(meta, intern);
    let (health, word) = rollout(object, counts);
    (record.health, record.status) = (health, intern.get(word));
    let old = counts.wanted.saturating_sub(counts.updated);
    if word == "OnDelete" && old > 0 {
        record.note = clean(&format!("{old} of {} pods keep the old revision until they are deleted", counts.wanted));
    }
    let since = ending::mark(&mut record, meta, intern).or(meta.managed_fields.status);
    let misplaced = status.number_misscheduled.filter(|n| *n > 0);
    let strategy = Cell::text(&object.spec.update_strategy.r#type, intern);
    let own = [strategy, misplaced.map_or(Cell::None, Cell::Int), Cell::time(meta.managed_fields.spec)];
    record.cells = counts.cells(since, &own);
    record.links = workload::links("DaemonSet", meta, intern);
    record
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let written = record.time(WRITTEN).unwrap_or(record.created);
    match record.health {
        Health::Progressing if strings.get(record.status) == workload::OBSERVING => {
            workload::unobserved(record, written, thresholds, now)
        }
        // a new node has no pod for a moment, long after the spec was written
        Health::Progressing if is_short(record) => {
            workload::short(record, record.time(SINCE).unwrap_or(written), thresholds, now)
        }
        Health::Progressing => workload::rolling(record, written, Severity::P4, thresholds, now),
        _ => workload::judge(record, thresholds, now),
    }
}

fn is_short(record: &Record) -> bool {
    record.int(AVAILABLE) < record.int(WANTED)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::kinds::testing::{NOW, seen};

    #[rstest]
    #[case::none_for_days(0, "2026-11-19T14:00:00Z", "warning P2 0 of 3 pods ready")]
    #[case::one_lacks(2, "2026-11-19T14:00:00Z", "warning P3 2 of 3 pods ready")]
    #[case::a_node_has_just_come(2, "2026-11-21T13:50:00Z", "progressing")]
    #[case::old_revision(3, "2026-11-19T14:00:00Z", "warning P4 its rollout is not done after more than 15m")]
    fn nodes_without_their_pod_are_a_finding_after_a_while(
        #[case] ready: i64,
        #[case] changed: &str,
        #[case] verdict: &str,
    ) {
        let seen = seen(
            "ds",
            &json!({
                "metadata": {"name": "agent", "namespace": "shop", "generation": 2, "creationTimestamp": "2026-11-01T00:00:00Z",
                    "managedFields": [{"manager": "kube-controller-manager", "time": changed, "fieldsV1": {"f:status": {}}}]},
                "status": {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 0,
                    "numberReady": ready, "numberAvailable": ready},
            }),
        );
        assert_eq!(seen.verdict(NOW), verdict);
    }

    #[rstest]
    #[case::done("RollingUpdate", 2, [5, 5, 5], "Complete", "ok")]
    #[case::nowhere("RollingUpdate", 2, [0, 0, 0], "Complete", "ok")]
    #[case::not_seen_yet("RollingUpdate", 1, [5, 5, 5], "Observing", "progressing")]
    #[case::updating("RollingUpdate", 2, [5, 3, 5], "Updating", "progressing")]
    #[case::updating_and_short("", 2, [5, 3, 4], "Updating", "progressing")]
    #[case::short("", 2, [5, 5, 4], "Unavailable", "warning P3 4 of 5 pods ready")]
    #[case::by_hand("OnDelete", 1, [5, 5, 5], "OnDelete", "ok")]
    #[case::by_hand_and_short("OnDelete", 2, [5, 5, 4], "OnDelete", "warning P3 4 of 5 pods ready")]
    fn a_rollout_is_told_in_the_order_of_kubectl(
        #[case] strategy: &str,
        #[case] observed: i64,
        #[case] nodes: [i64; 3],
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let [wanted, updated, available] = nodes;
        let seen = seen(
            "ds",
            &json!({
                "metadata": {"name": "agent", "namespace": "shop", "generation": 2,
                    "creationTimestamp": "2026-11-01T00:00:00Z",
                    "managedFields": [{"manager": "k", "time": "2026-11-21T13:50:00Z", "fieldsV1": {"f:spec": {}}}]},
                "spec": {"updateStrategy": {"type": strategy}},
                "status": {"observedGeneration": observed, "desiredNumberScheduled": wanted,
                    "updatedNumberScheduled": updated, "numberReady": available, "numberAvailable": available,
                    "numberMisscheduled": 1},
            }),
        );
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
        assert_eq!(seen.column("READY"), format!("{available}/{wanted}"));
        assert_eq!(seen.column("MISSCHEDULED"), "1");
    }
}
