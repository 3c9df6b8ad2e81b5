//! Nodes: ready or not, schedulable or not, under pressure or not. STATUS and ROLES are kubectl's words.
//!
//! Source: Kubernetes `pkg/printers/internalversion/printers.go`, `printNode`, `findNodeRoles`.

use serde::Deserialize;

use super::column::{Column, Field};
use super::wire::{Condition, Conditions, Many, Object, Text};
use super::{Alarm, Api, Kind, KindSpec, Tells, base, decode, ending::because, window};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

const ROLES: u8 = 0;
const VERSION: u8 = 1;
/// When `Ready` last changed; for a node under pressure, when the first pressure began.
pub const SINCE: u8 = 2;
pub const ADDRESS: u8 = 3;
/// The pressures, whether the node is ready or not: `MemoryPressure,DiskPressure`.
pub const PRESSURE: u8 = 4;
const TAINTS: u8 = 5;
/// The maintenance window that it is cordoned for, and that window's end.
pub const WINDOW: u8 = 6;
pub const WINDOW_END: u8 = 7;
/// No new pods: it is cordoned.
pub const CORDONED: u8 = 8;

pub const SPEC: KindSpec = KindSpec {
    name: "Node",
    word: "nodes",
    aliases: &["no", "node"],
    title: "Nodes",
    api: Api::Watch { group: "", versions: &["v1"], plural: "nodes", namespaced: false, decode: decode::<Nodes> },
    columns: &[
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Status, 8, 28, 0),
        Column::new("PRESSURE", Field::Cell(PRESSURE), 8, 24, 3),
        Column::new("ROLES", Field::Cell(ROLES), 6, 24, 2),
        Column::new("AGE", Field::Age, 5, 7, 1),
        Column::new("VERSION", Field::Cell(VERSION), 8, 16, 4),
        Column::new("TAINTS", Field::Cell(TAINTS), 6, 6, 6).right(),
        Column::new("INTERNAL-IP", Field::Cell(ADDRESS), 11, 15, 5),
    ],
    blinds: "nodes, pressure",
    judge,
    guide: include_str!("../../assets/guides/node.txt"),
    fixed: true,
    alarm: Alarm::By("node"),
    tells: Tells::Node,
    asked_whole: true,
    ..KindSpec::BASE
};

struct Nodes;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    unschedulable: Option<bool>,
    taints: Many<super::wire::Nothing>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    conditions: Many<Condition>,
    addresses: Many<Address>,
    #[serde(deserialize_with = "super::wire::or_default")]
    node_info: NodeInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    r#type: Text,
    address: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeInfo {
    kubelet_version: Text,
}

/// Conditions of the node problem detector, also bad when True. Source: node-problem-detector `config/`.
const PROBLEMS: [&str; 9] = [
    "KernelDeadlock",
    "ReadonlyFilesystem",
    "CorruptDockerOverlay2",
    "CperHardwareErrorFatal",
    "FrequentKubeletRestart",
    "FrequentContainerdRestart",
    "FrequentUnregisterNetDevice",
    "KubeletUnhealthy",
    "ContainerRuntimeUnhealthy",
];

/// Conditions that are bad when True.
pub const PRESSURES: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];

impl Kind for Nodes {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, status) = (&object.metadata, &object.status);
        let mut record = base(meta, intern);
        let ready = status.conditions.of("Ready");
        let mut word = match ready {
            Some(c) if c.is_true() => "Ready",
            // also for a node whose kubelet is silent
            Some(_) => "NotReady",
            None => "Unknown",
        }
        .to_owned();
        let on = |p: &&str| status.conditions.of(p).filter(|c| c.is_true());
        let pressures: Vec<_> = PRESSURES.into_iter().filter(|p| on(p).is_some()).collect();
        let problem = PROBLEMS.into_iter().find_map(|p| on(&p).map(|c| (p, c)));
        let unknown = PRESSURES.into_iter().find(|p| status.conditions.of(p).is_some_and(|c| &*c.status == "Unknown"));
        let pressed = pressures.iter().filter_map(|p| on(p).and_then(Condition::since)).min();
        record.health = match &*word {
            "Ready" if !pressures.is_empty() || problem.is_some() => Health::Warning,
            "Ready" if unknown.is_some() => Health::Unknown,
            "Ready" => Health::Ok,
            _ => Health::Failed,
        };
        if object.spec.unschedulable == Some(true) {
            word.push_str(",SchedulingDisabled");
        }
        record.status = intern.get(&word);
        if record.health == Health::Failed {
            record.note = ready.map_or_else(|| clean("the node reports no Ready condition"), |c| clean(&c.message));
        } else if let Some((name, c)) = problem.filter(|_| pressures.is_empty()) {
            record.note = clean(&because(name, &c.message));
        } else if let Some(name) = unknown.filter(|_| pressures.is_empty()) {
            record.note = clean(&format!("{name} is not known"));
        }
        let of = |(key, value)| match key {
            "kubernetes.io/role" => Some(value),
            key => str::strip_prefix(key, "node-role.kubernetes.io/"),
        };
        let mut roles: Vec<&str> = meta.labels.iter().filter_map(of).filter(|role| !role.is_empty()).collect();
        roles.sort_unstable();
        roles.dedup();
        let address = status.addresses.iter().find(|a| &*a.r#type == "InternalIP").map_or("", |a| &a.address);
        let [window, window_end] = window::cells(meta, intern);
        record.cells = Box::new([
            Cell::text(if roles.is_empty() { "<none>" } else { "" }, intern),
            Cell::text(&status.node_info.kubelet_version, intern),
            Cell::time(match record.health {
                Health::Warning => pressed.or(problem.and_then(|(_, c)| c.since())),
                _ => ready.and_then(Condition::since),
            }),
            Cell::text(address, intern),
            Cell::text(&pressures.join(","), intern),
            Cell::Int(i64::try_from(object.spec.taints.len()).unwrap_or(i64::MAX)),
            window,
            window_end,
            Cell::Flag(object.spec.unschedulable == Some(true)),
        ]);
        if !roles.is_empty() {
            record.cells[ROLES as usize] = Cell::text(&roles.join(","), intern);
        }
        record
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    match record.health {
        Health::Failed => {
            let ends = since.unwrap_or(record.created).plus(thresholds.pod_grace);
            let judged = Judgement::of(Health::Failed);
            if now < ends {
                return judged.again_at(ends);
            }
            let word = strings.get(record.status);
            let why = if record.note.is_empty() { word.to_owned() } else { format!("{word}: {}", record.note) };
            judged.with(Finding::new(Severity::P2, since, why))
        }
        Health::Warning => {
            let (severity, why) = match record.text(PRESSURE, strings) {
                "" => (Severity::P3, &*record.note),
                pressures => (Severity::P2, pressures),
            };
            Judgement::of(Health::Warning).with(Finding::new(severity, since, why))
        }
        Health::Unknown => Judgement::of(Health::Unknown).with(Finding::new(Severity::P4, None, &*record.note)),
        other => match (record.text(WINDOW, strings), record.time(WINDOW_END)) {
            ("", _) | (_, None) => Judgement::of(other),
            (id, Some(until)) if record.flag(CORDONED) => {
                window::judge(Judgement::of(other), id, until, "cordoned", now)
            }
            _ => Judgement::of(other),
        },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    fn node(conditions: &[(&str, &str, &str)], spec: &Value) -> Value {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(
                |(t, s, m)| json!({"type": t, "status": s, "message": m, "lastTransitionTime": "2026-11-21T13:00:00Z"}),
            )
            .collect();
        json!({"metadata": {"name": "n1", "creationTimestamp": "2026-11-01T00:00:00Z",
                "labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/etcd": ""}},
            "spec": spec, "status": {"conditions": conditions, "nodeInfo": {"kubeletVersion": "v1.36.1"},
                "addresses": [{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": "10.0.0.1"}]}})
    }

    #[rstest]
    #[case::ready(&[("MemoryPressure", "False", ""), ("Ready", "True", "")], json!({}), "Ready", "ok")]
    #[case::down(&[("Ready", "False", "kubelet stopped")], json!({}), "NotReady", "failed P2 NotReady: kubelet stopped")]
    #[case::silent(&[("Ready", "Unknown", "no status")], json!({}), "NotReady", "failed P2 NotReady: no status")]
    #[case::problem(&[("Ready", "True", ""), ("KernelDeadlock", "True", "task docker blocked")], json!({}), "Ready",
        "warning P3 KernelDeadlock: task docker blocked")]
    #[case::pressure_is_graver(&[("Ready", "True", ""), ("KernelDeadlock", "True", "x"), ("DiskPressure", "True", "")], json!({}), "Ready",
        "warning P2 DiskPressure")]
    #[case::said_to_be_well(&[("Ready", "True", ""), ("EtcdIsVoter", "True", "x")], json!({}), "Ready", "ok")]
    #[case::no_conditions(&[], json!({}), "Unknown", "failed P2 Unknown: the node reports no Ready condition")]
    #[case::cordoned(&[("Ready", "True", "")], json!({"unschedulable": true}), "Ready,SchedulingDisabled", "ok")]
    #[case::cordoned_and_down(&[("Ready", "False", "x")], json!({"unschedulable": true}), "NotReady,SchedulingDisabled",
        "failed P2 NotReady,SchedulingDisabled: x")]
    #[case::pressure(&[("Ready", "True", ""), ("DiskPressure", "True", ""), ("MemoryPressure", "True", "")], json!({}), "Ready",
        "warning P2 MemoryPressure,DiskPressure")]
    #[case::pressure_not_known(&[("Ready", "True", ""), ("DiskPressure", "Unknown", "")], json!({}), "Ready",
        "unknown P4 DiskPressure is not known")]
    fn a_node_is_as_well_as_its_conditions(
        #[case] conditions: &[(&str, &str, &str)],
        #[case] spec: Value,
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = seen("nodes", &node(conditions, &spec));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[test]
    fn a_node_that_just_went_away_has_its_grace() {
        let seen = seen("nodes", &node(&[("Ready", "False", "x")], &json!({})));
        assert_eq!(seen.verdict("2026-11-21T13:00:59Z"), "failed");
        assert_eq!(seen.verdict("2026-11-21T13:01:00Z"), "failed P2 NotReady: x");
    }

    #[test]
    fn a_node_under_pressure_and_one_that_is_down_can_be_told_apart() {
        let ready = seen("nodes", &node(&[("Ready", "True", ""), ("DiskPressure", "True", "")], &json!({})));
        let down = seen("nodes", &node(&[("Ready", "False", "x"), ("DiskPressure", "True", "")], &json!({})));
        assert_eq!(
            [&ready, &down].map(|s| (s.status(), s.column("PRESSURE"))),
            [("Ready", "DiskPressure".to_owned()), ("NotReady", "DiskPressure".to_owned())]
        );
        let since = ready.judged(NOW).findings[0].since;
        assert_eq!(since, Some(crate::kinds::testing::at("2026-11-21T13:00:00Z")));
    }

    #[test]
    fn columns_come_from_labels_and_addresses() {
        let told = seen("nodes", &node(&[], &json!({"taints": [{"key": "a"}, null]})));
        let columns = ["ROLES", "VERSION", "TAINTS", "INTERNAL-IP"].map(|c| told.column(c));
        assert_eq!(columns, ["etcd,worker", "v1.36.1", "1", "10.0.0.1"]);
        assert_eq!(seen("nodes", &json!({"metadata": {"name": "x"}})).column("ROLES"), "<none>");
        let old = json!({"metadata": {"name": "x", "labels": {"kubernetes.io/role": "legacy",
            "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/legacy": "", "node-role.kubernetes.io/": ""}}});
        assert_eq!(seen("nodes", &old).column("ROLES"), "legacy,worker");
    }
}
