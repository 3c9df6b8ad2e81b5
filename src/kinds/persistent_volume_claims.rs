//! Volume claims: bound, waiting or lost, and whether a larger size has arrived. How full a volume is, only metrics
//! show.
//!
//! A claim of a class that waits for its first consumer is Pending until a pod uses it: that is no fault. The claim
//! does not say so; but the provisioner that is asked for a volume is named in an annotation first. Source: Kubernetes
//! `pkg/controller/volume/persistentvolume/pv_controller.go`, `syncUnboundClaim`, `setClaimProvisioner`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending::{self, because, words};
use super::wire::{Condition, Conditions, Many, Object, Text, or_default};
use super::workload;
use super::{Alarm, Api, Kind, KindSpec, base, decode};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// When the current state began, or deletion was requested.
const SINCE: u8 = 0;
/// The volume that it is bound to, or will be.
pub const VOLUME: u8 = 1;
/// The current size: `50Gi`.
pub const CAPACITY: u8 = 2;
/// The requested size.
pub const ASKED: u8 = 3;
pub const CLASS: u8 = 4;
/// `RWO`, `RWX`, as kubectl shortens them.
const ACCESS: u8 = 5;
/// A provisioner was asked for a volume: a Pending claim waits for it. Otherwise it may wait for its first pod.
pub const IS_ASKED_FOR: u8 = 6;

pub const SPEC: KindSpec = KindSpec {
    name: "PersistentVolumeClaim",
    word: "pvc",
    aliases: &["persistentvolumeclaims", "claims"],
    title: "Volume claims",
    api: Api::Watch {
        group: "",
        versions: &["v1"],
        plural: "persistentvolumeclaims",
        namespaced: true,
        decode: decode::<Claims>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 52, 0),
        Column::new("STATUS", Field::Status, 8, 24, 0),
        Column::new("CAPACITY", Field::Cell(CAPACITY), 8, 10, 1).right(),
        Column::new("ASKED", Field::Cell(ASKED), 6, 10, 6).right(),
        Column::new("CLASS", Field::Cell(CLASS), 8, 24, 4),
        Column::new("AGE", Field::Age, 5, 7, 5),
        Column::new("MESSAGE", Field::Note, 12, 160, 3),
        Column::new("ACCESS", Field::Cell(ACCESS), 6, 12, 7),
        Column::new("VOLUME", Field::Cell(VOLUME), 12, 40, 8),
    ],
    blinds: "volume claims that wait for a volume or have lost it",
    judge,
    guide: include_str!("../../assets/guides/claim.txt"),
    fixed: true,
    alarm: Alarm::Perhaps("persistentvolumeclaim"),
    ..KindSpec::BASE
};

struct Claims;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    storage_class_name: Text,
    volume_name: Text,
    #[serde(deserialize_with = "or_default")]
    resources: Resources,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    #[serde(deserialize_with = "or_default")]
    requests: Storage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Storage {
    storage: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Text,
    access_modes: Many<Text>,
    #[serde(deserialize_with = "or_default")]
    capacity: Storage,
    conditions: Many<Condition>,
    /// The state of a resize: `{"storage": "ControllerResizeInfeasible"}`, in older versions `...Failed`.
    #[serde(deserialize_with = "or_default")]
    allocated_resource_statuses: BTreeMap<Box<str>, Text>,
}

/// Conditions that are bad when True.
const ERRORS: [&str; 3] = ["ControllerResizeError", "NodeResizeError", "ModifyVolumeError"];
/// Conditions of a resize in progress.
const RESIZES: [&str; 3] = ["FileSystemResizePending", "Resizing", "ModifyingVolume"];

impl Kind for Claims {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let provisioner = meta.annotations.get("volume.kubernetes.io/storage-provisioner").unwrap_or_default();
        let node = meta.annotations.get("volume.kubernetes.io/selected-node").unwrap_or_default();
        let on = |names: &[&'static str]| {
            names.iter().find_map(|n| status.conditions.of(n).filter(|c| c.is_true()).map(|c| (*n, c)))
        };
        let resizes = || status.allocated_resource_statuses.values().map(|s| &**s);
        let refused = resizes().find(|s| s.ends_with("Infeasible") || s.ends_with("Failed")).unwrap_or("");
        let (health, word, by) = match (&*status.phase, on(&ERRORS), on(&RESIZES)) {
            ("Lost", ..) => (Health::Failed, "Lost", None),
            ("Pending", ..) => (Health::Progressing, "Pending", None),
            ("Bound", Some((name, c)), _) => (Health::Failed, name, Some(c)),
            ("Bound", None, resize) if !refused.is_empty() => (Health::Failed, refused, resize.map(|(_, c)| c)),
            ("Bound", None, Some((name, c))) => (Health::Progressing, name, Some(c)),
            ("Bound", None, None) => (Health::Ok, "Bound", None),
            (other, ..) => (Health::Unknown, if other.is_empty() { "Waiting" } else { other }, None),
        };
        (record.health, record.status) = (health, intern.get(word));
        record.note = match (word, by) {
            (_, Some(c)) => clean(&c.message),
            ("Lost", _) => clean(&format!("its volume {} is gone", &*spec.volume_name)),
            ("Pending", _) if !spec.volume_name.is_empty() => clean(&format!("waits for {}", &*spec.volume_name)),
            ("Pending", _) if !provisioner.is_empty() => clean(&format!("asked of {provisioner}")),
            ("Pending", _) if !node.is_empty() => clean(&format!("for a pod on {node}")),
            _ => Box::default(),
        };
        let since = ending::mark(&mut record, meta, intern).or_else(|| by.and_then(Condition::since));
        let modes: Vec<&str> = status.access_modes.iter().map(|m| short(m)).collect();
        let asked = [&*spec.volume_name, provisioner, node].iter().any(|who| !who.is_empty());
        record.cells = Box::new([
            Cell::time(since),
            Cell::text(&spec.volume_name, intern),
            Cell::text(&status.capacity.storage, intern),
            Cell::text(&spec.resources.requests.storage, intern),
            Cell::text(&spec.storage_class_name, intern),
            Cell::text(&modes.join(","), intern),
            Cell::Flag(asked),
        ]);
        record.links = workload::links("PersistentVolumeClaim", meta, intern);
        record
    }
}

fn short(mode: &str) -> &str {
    match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let word = strings.get(record.status);
    let since = record.time(SINCE);
    let judged = Judgement::of(record.health);
    let why = || because(&words(word), &record.note);
    match record.health {
        Health::Terminating => ending::judge(record, since, thresholds, now),
        // what was written there cannot be reached
        Health::Failed if word == "Lost" => judged.with(Finding::new(Severity::P2, since, why())),
        Health::Failed => judged.with(Finding::new(Severity::P3, since, why())),
        Health::Progressing => {
            let began = since.unwrap_or(record.created);
            let ends = began.plus(thresholds.pending);
            if now < ends {
                return judged.again_at(ends);
            }
            let (severity, why) = match word {
                "Pending" if record.flag(IS_ASKED_FOR) => (Severity::P3, why()),
                // the pod that needs it is Pending, too, and more severe
                "Pending" => (Severity::P4, "pending: no pod uses it yet, or nobody provides its class".to_owned()),
                // it waits for a pod to mount it
                "FileSystemResizePending" => (Severity::P4, why()),
                _ => {
                    let long = began.plus(thresholds.no_progress);
                    if now < long {
                        let finding = Finding::new(Severity::P4, Some(began), why());
                        return Judgement::of(Health::Warning).with(finding).again_at(long);
                    }
                    let what = format!("{} for more than {}", words(word), ages::told(thresholds.no_progress));
                    (Severity::P3, because(&what, &record.note))
                }
            };
            Judgement::of(Health::Warning).with(Finding::new(severity, Some(began), why))
        }
        Health::Unknown if word == "Waiting" => {
            let why = "nobody has looked at it".to_owned();
            ending::after(judged, record.created, thresholds.pending, Severity::P3, why, now)
        }
        Health::Unknown => judged.with(Finding::new(Severity::P3, None, format!("unknown phase {word}"))),
        _ => judged,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn claim(phase: &str, more: &Value) -> Seen {
        let mut object = json!({
            "metadata": {"name": "data-loki-0", "namespace": "logging", "creationTimestamp": "2026-11-21T13:00:00Z"},
            "spec": {"storageClassName": "longhorn", "resources": {"requests": {"storage": "50Gi"}}},
            "status": {"phase": phase}});
        for part in ["metadata", "spec", "status"] {
            for (key, value) in more[part].as_object().into_iter().flatten() {
                object[part][key] = value.clone();
            }
        }
        seen("pvc", &object)
    }

    fn condition(name: &str, status: &str) -> Value {
        json!({"status": {"conditions": [{"type": name, "status": status, "message": "m",
            "lastTransitionTime": "2026-11-21T13:50:00Z"}]}})
    }

    fn asked(annotation: &str, of: &str) -> Value {
        json!({"metadata": {"annotations": {annotation: of}}})
    }

    #[rstest]
    #[case::bound("Bound", json!({}), "Bound", "ok")]
    #[case::lost("Lost", json!({"spec": {"volumeName": "pvc-1"}}), "Lost", "failed P2 lost: its volume pvc-1 is gone")]
    #[case::nobody_asked("Pending", json!({}), "Pending",
        "warning P4 pending: no pod uses it yet, or nobody provides its class")]
    #[case::asked_of_a_driver(
        "Pending",
        asked("volume.kubernetes.io/storage-provisioner", "driver.longhorn.io"),
        "Pending",
        "warning P3 pending: asked of driver.longhorn.io"
    )]
    #[case::a_pod_waits(
        "Pending",
        asked("volume.kubernetes.io/selected-node", "worker-1"),
        "Pending",
        "warning P3 pending: for a pod on worker-1"
    )]
    #[case::of_one_volume("Pending", json!({"spec": {"volumeName": "nfs-1"}}), "Pending",
        "warning P3 pending: waits for nfs-1")]
    #[case::resizing("Bound", condition("Resizing", "True"), "Resizing", "warning P4 resizing: m")]
    #[case::resized("Bound", condition("Resizing", "False"), "Bound", "ok")]
    #[case::for_a_restart(
        "Bound",
        condition("FileSystemResizePending", "True"),
        "FileSystemResizePending",
        "warning P4 file system resize pending: m"
    )]
    #[case::resize_failed(
        "Bound",
        condition("ControllerResizeError", "True"),
        "ControllerResizeError",
        "failed P3 controller resize error: m"
    )]
    #[case::too_large("Bound", json!({"status": {"allocatedResourceStatuses": {"storage": "NodeResizeInfeasible"}}}),
        "NodeResizeInfeasible", "failed P3 node resize infeasible")]
    #[case::failed("Bound", json!({"status": {"allocatedResourceStatuses": {"storage": "ControllerResizeFailed"},
        "conditions": [{"type": "Resizing", "status": "True", "message": "m"}]}}),
        "ControllerResizeFailed", "failed P3 controller resize failed: m")]
    #[case::under_way("Bound", json!({"status": {"allocatedResourceStatuses": {"storage": "NodeResizeInProgress"}}}), "Bound", "ok")]
    #[case::resizing_for_long("Bound", json!({"status": {"conditions": [{"type": "Resizing", "status": "True", "message": "m",
        "lastTransitionTime": "2026-11-21T13:45:00Z"}]}}), "Resizing", "warning P3 resizing for more than 15m: m")]
    #[case::waits_for_a_mount("Bound", json!({"status": {"conditions": [{"type": "FileSystemResizePending", "status": "True",
        "lastTransitionTime": "2026-11-19T13:45:00Z"}]}}), "FileSystemResizePending", "warning P4 file system resize pending")]
    #[case::looked_at_by_nobody("", json!({}), "Waiting", "unknown P3 nobody has looked at it")]
    #[case::of_a_later_version("Archived", json!({}), "Archived", "unknown P3 unknown phase Archived")]
    #[case::stuck("Bound", json!({"metadata": {"deletionTimestamp": "2026-11-21T13:30:00Z",
        "finalizers": ["kubernetes.io/pvc-protection"]}}), "Terminating",
        "warning P3 stuck terminating: waits for kubernetes.io/pvc-protection")]
    fn a_claim_is_judged_by_its_phase_and_conditions(
        #[case] phase: &str,
        #[case] more: Value,
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = claim(phase, &more);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[rstest]
    #[case::pending("Pending", json!({}), "2026-11-21T13:04:59Z")]
    #[case::a_resize_counts_from_its_beginning("Bound", condition("Resizing", "True"), "2026-11-21T13:54:59Z")]
    fn what_has_just_begun_is_no_fault(#[case] phase: &str, #[case] more: Value, #[case] now: &str) {
        let seen = claim(phase, &more);
        assert_eq!(seen.verdict(now), "progressing");
        assert!(seen.judged(now).recheck.is_some());
    }

    #[test]
    fn columns_tell_size_class_and_volume() {
        let seen = claim(
            "Bound",
            &json!({"spec": {"volumeName": "pvc-1"}, "status": {"capacity": {"storage": "40Gi"},
                "accessModes": ["ReadWriteMany", "ReadWriteOncePod"]}}),
        );
        let columns = ["CAPACITY", "ASKED", "CLASS", "ACCESS", "VOLUME"].map(|c| seen.column(c));
        assert_eq!(columns, ["40Gi", "50Gi", "longhorn", "RWX,RWOP", "pvc-1"]);
    }
}
