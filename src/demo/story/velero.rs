//! Velero: two locations, three schedules with their runs, some backups made by hand, a restore. The daily run of
//! yesterday failed and today's never came; the weekly one lost a few items; the offsite location goes away for a while.

use std::net::SocketAddr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use serde_json::{Value, json};

use super::build::{meta, time};
use super::moment::{MANUAL_BACKUP, Moment, OFFSITE_DOWN};

/// Name, cron line, time to live in hours, location.
const SCHEDULES: &[(&str, &str, i64, &str)] = &[
    ("daily-backup", "0 2 * * *", 168, "default"),
    ("weekly-backup", "0 3 * * 0", 672, "offsite"),
    ("monthly-backup", "0 4 1 * *", 2160, "default"),
];

/// Made by hand: name, days ago, what it holds.
const BY_HAND: &[(&str, i64, &str)] = &[
    ("before-istio-1-27", 9, "istio-system"),
    ("before-openbao-2-6", 16, "openbao"),
    ("team-alpha-migration", 4, "team-alpha"),
    ("team-beta-release-0-9", 6, "team-beta"),
    ("monitoring-57", 21, "monitoring"),
    ("kubeop-quarter-end", 28, "kubeop-system"),
    ("slo-scout-demo", 2, "slo-scout"),
    ("game-day", 12, "team-alpha"),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    locations(m, all);
    for (name, cron, hours, location) in SCHEDULES {
        let ticks = ticks(m, name);
        let runs: Vec<(Timestamp, &str)> = ticks
            .iter()
            .enumerate()
            .filter_map(|(back, at)| outcome(m, name, back).map(|phase| (*at, phase)))
            .collect();
        let last = runs.first().map_or_else(|| m.days_ago(1), |run| run.0);
        let template = json!({ "includedNamespaces": ["*"], "excludedNamespaces": ["kube-system", "flux-system"], "includeClusterResources": true, "snapshotVolumes": true, "ttl": format!("{hours}h0m0s"), "storageLocation": location });
        all.push(json!({ "apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": meta("velero", name, m.days_ago(160), &[]), "spec": { "schedule": cron, "template": template, "useOwnerReferencesInBackup": false },
            "status": { "phase": "Enabled", "lastBackup": time(last) } }));
        for (at, phase) in runs {
            let run = format!("{name}-{}", at.strftime("%Y%m%d%H%M%S"));
            all.push(backup(m, &run, Some(name), &template, at, phase, *hours));
        }
    }
    for (name, days, namespace) in BY_HAND {
        let template = json!({ "includedNamespaces": [namespace], "ttl": "720h0m0s", "storageLocation": "default" });
        all.push(backup(m, name, None, &template, m.at(-days * 86_400 - 5000), "Completed", 720));
    }
    if let Some(span) = m.newest(MANUAL_BACKUP) {
        let template = json!({ "includedNamespaces": ["*"], "excludedNamespaces": ["kube-system"], "ttl": "168h0m0s", "storageLocation": "default" });
        let name = format!("pre-upgrade-{}", span.since.strftime("%Y%m%d%H%M%S"));
        let mut object =
            backup(m, &name, None, &template, span.since, if span.active { "InProgress" } else { "Completed" }, 168);
        if span.active {
            object["status"]["progress"]["itemsBackedUp"] = json!(1312 * span.age / span.length);
        }
        all.push(object);
    }
    restore(m, all);
}

fn locations(m: &Moment, all: &mut Vec<Value>) {
    let checked = m.at(if m.healthy { 0 } else { m.elapsed / 60 * 60 });
    for (name, bucket, default) in [("default", "sre-backups", true), ("offsite", "sre-backups-offsite", false)] {
        let mut status =
            json!({ "phase": "Available", "lastValidationTime": time(checked), "lastSyncedTime": time(checked) });
        if let Some(span) = m.during(OFFSITE_DOWN).filter(|_| !default) {
            status["phase"] = json!("Unavailable");
            status["lastSyncedTime"] = json!(time(span.since));
            status["message"] = json!(
                "BackupStorageLocation \"offsite\" is unavailable: rpc error: code = Unknown desc = operation error S3: ListObjectsV2, exceeded maximum number of attempts, 3, https response error StatusCode: 0, dial tcp 192.0.2.40:443: i/o timeout"
            );
        }
        // nobody looks again in a story that does not move
        let every = if m.healthy { "24h0m0s" } else { "1m0s" };
        all.push(json!({ "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": meta("velero", name, m.days_ago(160), &[]),
            "spec": { "validationFrequency": every, "provider": "aws", "default": default, "accessMode": "ReadWrite", "objectStorage": { "bucket": bucket }, "config": { "region": if default { "eu-central-1" } else { "eu-west-1" } } }, "status": status }));
    }
    all.push(json!({ "apiVersion": "velero.io/v1", "kind": "VolumeSnapshotLocation", "metadata": meta("velero", "default", m.days_ago(160), &[]), "spec": { "provider": "aws", "config": { "region": "eu-central-1" } } }));
}

/// The storage is the demo itself, and its locations say so: `publicUrl` is where Velero's download requests lead.
pub fn serve_from(address: Option<SocketAddr>, all: &mut [Value]) {
    let Some(address) = address else { return };
    for location in all.iter_mut().filter(|object| object["kind"] == "BackupStorageLocation") {
        location["spec"]["config"]["publicUrl"] = json!(format!("http://{address}"));
    }
}

/// What became of the run at the tick so many ticks back; `None`: it never ran.
fn outcome(m: &Moment, schedule: &str, back: usize) -> Option<&'static str> {
    match (schedule, back) {
        _ if m.healthy => Some("Completed"),
        ("daily-backup", 0) => None,
        ("daily-backup", 1) => Some("Failed"),
        ("weekly-backup", 0) => Some("PartiallyFailed"),
        _ => Some("Completed"),
    }
}

/// The last ticks of a schedule before the story began, the newest first, as many as its time to live keeps. Where all
/// is healthy, also those since then.
fn ticks(m: &Moment, schedule: &str) -> Vec<Timestamp> {
    let start = if m.healthy { m.now() } else { m.start }.to_zoned(TimeZone::UTC);
    let mut found = Vec::new();
    let (hour, wanted) = match schedule {
        "daily-backup" => (2, 7),
        "weekly-backup" => (3, 4),
        _ => (4, 3),
    };
    let mut day = start.date();
    for _ in 0..120 {
        let fits = match schedule {
            "daily-backup" => true,
            "weekly-backup" => day.weekday().to_sunday_zero_offset() == 0,
            _ => day.day() == 1,
        };
        let at: Option<Zoned> = day.to_datetime(Time::constant(hour, 0, 0, 0)).to_zoned(TimeZone::UTC).ok();
        if let Some(at) = at.filter(|at| fits && *at < start) {
            found.push(at.timestamp());
        }
        if found.len() == wanted {
            break;
        }
        day = day.saturating_sub(1.day());
    }
    found
}

fn backup(
    m: &Moment,
    name: &str,
    schedule: Option<&str>,
    spec: &Value,
    at: Timestamp,
    phase: &str,
    hours: i64,
) -> Value {
    let after = |seconds: i64| time(at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(at));
    let location = spec["storageLocation"].as_str().unwrap_or("default");
    let mut meta = meta("velero", name, at, &[("velero.io/storage-location", location)]);
    if let Some(schedule) = schedule {
        meta["labels"]["velero.io/schedule-name"] = json!(schedule);
    }
    meta["annotations"] =
        json!({ "velero.io/source-cluster-k8s-gitversion": "v1.33.5+rke2r1", "velero.io/resource-timeout": "10m0s" });
    let total = 1204 + i64::try_from(m.hash(name) % 90).unwrap_or(0);
    let mut status = json!({ "version": 1, "formatVersion": "1.1.0", "phase": phase, "startTimestamp": time(at), "expiration": after(hours * 3600), "progress": { "itemsBackedUp": total, "totalItems": total } });
    match phase {
        "InProgress" => status["progress"]["totalItems"] = json!(1312),
        "Failed" => {
            status["completionTimestamp"] = json!(after(611));
            status["failureReason"] = json!(
                "error uploading backup to object storage: rpc error: code = Unknown desc = operation error S3: PutObject, https response error StatusCode: 403, AccessDenied: Access Denied"
            );
            status["progress"]["itemsBackedUp"] = json!(0);
        }
        "PartiallyFailed" => {
            status["completionTimestamp"] = json!(after(742));
            status["errors"] = json!(3);
            status["warnings"] = json!(1);
            status["progress"]["itemsBackedUp"] = json!(total - 3);
        }
        _ => {
            status["completionTimestamp"] = json!(after(388));
            if m.hash(name).is_multiple_of(4) {
                status["warnings"] = json!(2);
            }
        }
    }
    json!({ "apiVersion": "velero.io/v1", "kind": "Backup", "metadata": meta, "spec": spec, "status": status })
}

fn restore(m: &Moment, all: &mut Vec<Value>) {
    let at = m.at(-86_400 - 7200);
    let mut status = json!({ "phase": "Completed", "startTimestamp": time(at), "completionTimestamp": time(m.at(-86_400 - 7080)), "progress": { "itemsRestored": 38, "totalItems": 38 } });
    if !m.healthy {
        status["phase"] = json!("PartiallyFailed");
        status["errors"] = json!(1);
        status["warnings"] = json!(4);
        status["progress"]["itemsRestored"] = json!(37);
    }
    all.push(json!({ "apiVersion": "velero.io/v1", "kind": "Restore", "metadata": meta("velero", "restore-test", at, &[]),
        "spec": { "backupName": "team-alpha-migration", "includedNamespaces": ["team-alpha"], "namespaceMapping": { "team-alpha": "restore-test" }, "includeClusterResources": false }, "status": status }));
}
