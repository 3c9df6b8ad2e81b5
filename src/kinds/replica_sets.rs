//! `ReplicaSets`: the revisions of a Deployment, most of them old and empty, so they are read on demand.
//!
//! Never a finding where a Deployment owns it: that one reports the same.

use serde::Deserialize;

use super::column::{Column, Field};
use super::wire::{Condition, Many, Object};
use super::workload::{self, AVAILABLE, Counts, OWN, READY};
use super::{Api, Family, Kind, KindSpec, base, decode, ending};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

/// Pods that exist, ready or not.
pub const CURRENT: u8 = OWN;
pub const REVISION: u8 = OWN + 1;
/// Why pods cannot be created (`FailedCreate`) or removed (`FailedDelete`).
pub const REFUSED: u8 = OWN + 2;

pub const SPEC: KindSpec = KindSpec {
    name: "ReplicaSet",
    word: "rs",
    aliases: &["replicasets"],
    title: "ReplicaSets",
    api: Api::Watch {
        group: "apps",
        versions: &["v1"],
        plural: "replicasets",
        namespaced: true,
        decode: decode::<ReplicaSets>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 28, 56, 0),
        Column::new("READY", Field::Cell(READY), 5, 7, 1),
        Column::new("STATUS", Field::Status, 8, 16, 0),
        Column::new("CURRENT", Field::Cell(CURRENT), 7, 7, 6).right(),
        Column::new("AVAILABLE", Field::Cell(AVAILABLE), 9, 9, 7).right(),
        Column::new("REVISION", Field::Cell(REVISION), 8, 8, 4).right(),
        Column::new("AGE", Field::Age, 5, 7, 8),
        Column::new("OWNER", Field::With(workload::owner), 12, 40, 5),
        Column::new("MESSAGE", Field::Note, 12, 160, 3),
    ],
    blinds: "revisions of deployments",
    judge,
    lazy: true,
    guide: include_str!("../../assets/guides/workload.txt"),
    fixed: true,
    family: Family::PodOwner,
    owns: &["Pod"],
    ..KindSpec::BASE
};

struct ReplicaSets;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    replicas: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    replicas: Option<i64>,
    ready_replicas: Option<i64>,
    available_replicas: Option<i64>,
    conditions: Many<Condition>,
}

impl Kind for ReplicaSets {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, status) = (&object.metadata, &object.status);
        let current = status.replicas.unwrap_or(0);
        let counts = Counts {
            ready: status.ready_replicas.unwrap_or(0),
            wanted: object.spec.replicas.unwrap_or(1),
            updated: current,
            available: status.available_replicas.unwrap_or(0),
        };
        let refused = workload::refused(&status.conditions);
        let mut record = base(meta, intern);
        let (health, word) = match () {
            () if workload::is_behind(meta, status.observed_generation) => (Health::Progressing, "Observing"),
            () if refused.is_some() => (Health::Failed, "ReplicaFailure"),
            () if counts.wanted == 0 && current == 0 => (Health::Ok, "Empty"),
            () if current != counts.wanted => (Health::Progressing, "Scaling"),
            () if counts.available < counts.wanted => (Health::Warning, "Unavailable"),
            () => (Health::Ok, "Complete"),
        };
        (record.health, record.status) = (health, intern.get(word));
        record.note = refused.map_or_else(Box::default, |c| clean(&c.message));
        let since = ending::mark(&mut record, meta, intern).or_else(|| refused.and_then(Condition::since));
        let revision = meta.annotations.get("deployment.kubernetes.io/revision").and_then(|r| r.parse().ok());
        let reason = refused.map_or(Cell::None, |c| Cell::text(&c.reason, intern));
        let own = [Cell::Int(current), revision.map_or(Cell::None, Cell::Int), reason];
        record.cells = counts.cells(since, &own);
        record.links = workload::links("ReplicaSet", meta, intern);
        record
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    match record.health {
        Health::Failed if record.link(Relation::Owner).is_none() => workload::failed(record, strings, thresholds, now),
        // its Deployment says what it lacks, and without one the start is not known
        _ => Judgement { findings: Vec::new(), ..workload::judge(record, thresholds, now) },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    /// Replicas wanted, current, available.
    fn set(n: [i64; 3], conditions: &Value, owners: &Value) -> Seen {
        seen(
            "rs",
            &json!({
                "metadata": {"name": "web-7d9", "namespace": "shop", "generation": 2,
                    "creationTimestamp": "2026-11-01T00:00:00Z", "ownerReferences": owners,
                    "annotations": {"deployment.kubernetes.io/revision": "12"}},
                "spec": {"replicas": n[0]},
                "status": {"observedGeneration": 2, "replicas": n[1], "readyReplicas": n[2],
                    "availableReplicas": n[2], "conditions": conditions},
            }),
        )
    }

    fn refused() -> Value {
        json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota",
            "lastTransitionTime": "2026-11-21T13:00:00Z"}])
    }

    #[rstest]
    #[case::old([0, 0, 0], json!(null), "Empty", "ok")]
    #[case::present([3, 3, 3], json!(null), "Complete", "ok")]
    #[case::growing([3, 1, 1], json!(null), "Scaling", "progressing")]
    #[case::shrinking([0, 1, 1], json!(null), "Scaling", "progressing")]
    #[case::short([3, 3, 1], json!(null), "Unavailable", "warning")]
    #[case::refused([3, 0, 0], refused(), "ReplicaFailure", "failed P2 replica failure: exceeded quota")]
    #[case::refused_in_part([3, 2, 2], refused(), "ReplicaFailure", "failed P3 replica failure: exceeded quota")]
    fn one_without_an_owner_speaks_for_itself(
        #[case] replicas: [i64; 3],
        #[case] conditions: Value,
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = set(replicas, &conditions, &json!(null));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[test]
    fn the_failure_of_an_owned_one_is_told_by_its_owner() {
        let seen = set([3, 0, 0], &refused(), &json!([{"kind": "Deployment", "name": "web", "controller": true}]));
        assert_eq!(seen.verdict(NOW), "failed");
        assert_eq!(seen.links(), ["Owner Deployment shop/web"]);
        let columns = ["OWNER", "REVISION", "READY", "CURRENT", "MESSAGE"].map(|c| seen.column(c));
        assert_eq!(columns, ["Deployment/web", "12", "0/3", "0", "exceeded quota"]);
    }
}
