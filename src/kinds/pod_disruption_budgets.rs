//! `PodDisruptionBudgets`: how many pods may be evicted now. A budget that allows none matters for a drain, but is
//! never a finding.

use serde::Deserialize;

use super::column::{Column, Field};
use super::wire::{Condition, Conditions, Many, Object, Text};
use super::workload::{self, SINCE};
use super::{Alarm, Api, Kind, KindSpec, base, decode, ending, ending::because};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// Healthy now of those that must stay.
pub const HEALTHY: u8 = 1;
/// Allowed evictions; none when not known.
pub const ALLOWED: u8 = 2;
pub const EXPECTED: u8 = 3;
/// A number or a percentage.
pub const LEAST: u8 = 4;
pub const MOST: u8 = 5;

pub const SPEC: KindSpec = KindSpec {
    name: "PodDisruptionBudget",
    word: "pdb",
    aliases: &["pdbs", "poddisruptionbudgets"],
    title: "PodDisruptionBudgets",
    api: Api::Watch {
        group: "policy",
        versions: &["v1"],
        plural: "poddisruptionbudgets",
        namespaced: true,
        decode: decode::<Budgets>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 48, 0),
        Column::new("STATUS", Field::Status, 8, 14, 0),
        Column::new("ALLOWED", Field::Cell(ALLOWED), 7, 7, 1).right(),
        Column::new("HEALTHY", Field::Cell(HEALTHY), 7, 7, 1),
        Column::new("EXPECTED", Field::Cell(EXPECTED), 8, 8, 6).right(),
        Column::new("MIN AVAILABLE", Field::Cell(LEAST), 13, 13, 4),
        Column::new("MAX UNAVAILABLE", Field::Cell(MOST), 15, 15, 5),
        Column::new("AGE", Field::Age, 5, 7, 7),
        Column::new("MESSAGE", Field::Note, 12, 160, 3),
        Column::new("MANAGED BY", Field::With(workload::manager), 12, 40, 8),
    ],
    blinds: "disruption budgets, what may be drained",
    judge,
    lazy: true,
    guide: include_str!("../../assets/guides/budget.txt"),
    fixed: true,
    alarm: Alarm::Perhaps("poddisruptionbudget"),
    ..KindSpec::BASE
};

struct Budgets;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    min_available: Text,
    max_unavailable: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    disruptions_allowed: Option<i64>,
    current_healthy: Option<i64>,
    desired_healthy: Option<i64>,
    expected_pods: Option<i64>,
    conditions: Many<Condition>,
}

impl Kind for Budgets {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let allowed = status.disruptions_allowed;
        let expected = status.expected_pods.unwrap_or(0);
        let condition = status.conditions.of("DisruptionAllowed");
        let unsynced = condition.filter(|c| &*c.reason == "SyncFailed");
        let mut record = base(meta, intern);
        let (health, word) = match allowed {
            _ if workload::is_behind(meta, status.observed_generation) => (Health::Progressing, "Observing"),
            // while that lasts, every eviction is refused
            _ if unsynced.is_some() => (Health::Warning, "SyncFailed"),
            None => (Health::Unknown, "Unknown"),
            Some(..=0) if expected > 0 => (Health::Warning, "AllowsNone"),
            Some(_) if expected <= 0 => (Health::Ok, "NoPods"),
            Some(_) => (Health::Ok, "Allows"),
        };
        (record.health, record.status) = (health, intern.get(word));
        record.note = unsynced.map_or_else(Box::default, |c| clean(&c.message));
        let since = ending::mark(&mut record, meta, intern).or_else(|| condition.and_then(Condition::since));
        record.cells = Box::new([
            Cell::time(since),
            workload::ratio(status.current_healthy.unwrap_or(0), status.desired_healthy.unwrap_or(0)),
            allowed.map_or(Cell::None, Cell::Int),
            Cell::Int(expected),
            Cell::text(&spec.min_available, intern),
            Cell::text(&spec.max_unavailable, intern),
        ]);
        record.links = workload::links("PodDisruptionBudget", meta, intern);
        record
    }
}

/// A note where evictions are refused for another reason than its numbers: nothing keeps them up to date.
fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    let why = match (record.health, strings.get(record.status)) {
        (Health::Terminating, _) => return ending::judge(record, record.time(SINCE), thresholds, now),
        (_, "SyncFailed") => because("its pods cannot be counted, so every eviction is refused", &record.note),
        (_, "Observing" | "Unknown") => "its controller has not looked at it".to_owned(),
        _ => return judged,
    };
    let since = record.time(SINCE).unwrap_or(record.created);
    ending::after(judged, since, thresholds.no_progress, Severity::P4, why, now)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    #[rstest]
    #[case::room(json!({"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3}),
        "Allows", "ok", ["1", "3/2", "3"])]
    #[case::none(json!({"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2}),
        "AllowsNone", "warning", ["0", "2/2", "2"])]
    #[case::nobody(json!({"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}),
        "NoPods", "ok", ["0", "0/0", "0"])]
    #[case::not_seen_yet(json!({"disruptionsAllowed": 0, "expectedPods": 2}), "Observing",
        "warning P4 its controller has not looked at it", ["0", "0/0", "2"])]
    #[case::says_nothing(json!({"observedGeneration": 1}), "Unknown", "unknown P4 its controller has not looked at it", ["", "0/0", "0"])]
    #[case::broken(json!({"observedGeneration": 1, "disruptionsAllowed": 0, "expectedPods": 2, "conditions": [
        {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale"}]}),
        "SyncFailed", "warning P4 its pods cannot be counted, so every eviction is refused: no scale", ["0", "0/0", "2"])]
    fn a_budget_tells_what_may_be_evicted_and_its_numbers_are_no_finding(
        #[case] status: Value,
        #[case] word: &str,
        #[case] verdict: &str,
        #[case] columns: [&str; 3],
    ) {
        let seen = seen(
            "pdb",
            &json!({"metadata": {"name": "a", "namespace": "b", "generation": 1}, "spec": {"minAvailable": 2, "maxUnavailable": "25%"},
                "status": status}),
        );
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (word, verdict));
        assert_eq!(["ALLOWED", "HEALTHY", "EXPECTED"].map(|c| seen.column(c)), columns);
        assert_eq!(["MIN AVAILABLE", "MAX UNAVAILABLE"].map(|c| seen.column(c)), ["2", "25%"]);
    }
}
