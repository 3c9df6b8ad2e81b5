//! Velero: backups and restores that run, requests that are worked off, schedules that catch up. Nothing is stored but
//! objects.

mod downloads;

use std::str::FromStr as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Task, after_time, later};
use crate::demo::birth;
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

pub use downloads::download;

/// Looks at progress while something runs.
const LOOKS: u8 = 4;
/// Seconds until a backup that was only deleted as an object comes back from the storage.
const SYNC: i64 = 60;

#[derive(Clone, Debug)]
pub enum Stage {
    Start,
    Run(u8),
    /// A schedule was unpaused.
    Catch,
    /// Comes back from the storage.
    Sync(Box<Value>),
    /// A request that was worked off goes.
    Forget,
}

pub fn noticed(world: &mut World, before: Option<&Value>, after: &Value) {
    let at = key(after);
    if after["kind"] == "Schedule" {
        let was = before.is_some_and(|before| before["spec"]["paused"] == true);
        if was && after["spec"]["paused"] != true {
            later(world, 1, Task::Velero(at, Stage::Catch));
        }
    } else if before.is_none() {
        later(world, 1, Task::Velero(at, Stage::Start));
    }
}

/// A backup whose object was deleted: its data is still there.
pub fn deleted(world: &mut World, backup: &Value) {
    if matches!(backup["status"]["phase"].as_str(), Some("Completed" | "PartiallyFailed")) {
        let back = Stage::Sync(Box::new(backup.clone()));
        after_time(world, SignedDuration::from_secs(SYNC), Task::Velero(key(backup), back));
    }
}

pub fn step(world: &mut World, at: &Key, stage: Stage) {
    if let Stage::Sync(backup) = stage {
        if world.get(&at.0, &at.1, &at.2).is_none() {
            let mut backup = *backup;
            if let Some(metadata) = backup["metadata"].as_object_mut() {
                metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "labels" | "annotations"));
            }
            world.apply(backup);
        }
        return;
    }
    let Some(object) = world.get(&at.0, &at.1, &at.2).cloned() else { return };
    match (at.0.as_str(), stage) {
        ("Backup", Stage::Start) => start_backup(world, at, &object),
        ("Restore", Stage::Start) => start_restore(world, at, &object),
        ("Backup" | "Restore", Stage::Run(look)) => run(world, at, &object, look),
        ("DeleteBackupRequest", Stage::Start) => begin_delete(world, at, &object),
        ("DeleteBackupRequest", Stage::Run(_)) => end_delete(world, at, &object),
        ("DownloadRequest", Stage::Start) => downloads::offer(world, at, &object),
        ("Schedule", Stage::Catch) => catch_up(world, at, &object),
        (_, Stage::Forget) => drop(world.remove(&at.0, &at.1, &at.2)),
        _ => {}
    }
}

fn ahead(now: Timestamp, seconds: i64) -> String {
    birth::time(now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX))
}

/// Seconds of a Go duration in hours, minutes and seconds.
fn seconds(duration: &str) -> Option<i64> {
    duration.parse::<SignedDuration>().ok().map(|duration| duration.as_secs())
}

/// Why the storage cannot be written to.
fn refusal(world: &World, namespace: &str, location: &str) -> Option<String> {
    let Some(found) = world.get("BackupStorageLocation", namespace, location) else {
        return Some(format!(
            "an existing backup storage location was not specified at backup creation time and the default {location:?} was not found"
        ));
    };
    if found["status"]["phase"] == "Unavailable" {
        return Some(format!(
            "backup can't be created because BackupStorageLocation {location} is in Unavailable status"
        ));
    }
    (found["spec"]["accessMode"] == "ReadOnly").then(|| {
        format!("backup can't be created because backup storage location {location} is currently in read-only mode")
    })
}

fn default_location(world: &World, namespace: &str) -> String {
    let locations = world.list("BackupStorageLocation");
    let of = |one: &&&Value| one["metadata"]["namespace"] == namespace && one["spec"]["default"] == true;
    locations.iter().find(of).and_then(|one| one["metadata"]["name"].as_str()).unwrap_or("default").to_owned()
}

fn start_backup(world: &mut World, at: &Key, backup: &Value) {
    let now = world.now();
    let location = backup["spec"]["storageLocation"].as_str().map(str::to_owned);
    let location = location.unwrap_or_else(|| default_location(world, &at.1));
    let lasts = backup["spec"]["ttl"].as_str().and_then(seconds).unwrap_or(720 * 3600);
    if let Some(why) = refusal(world, &at.1, &location) {
        world.say(at, |object| {
            object["status"] =
                json!({"phase": "FailedValidation", "version": 1, "formatVersion": "1.1.0", "validationErrors": [why]});
        });
        return;
    }
    world.say(at, |object| {
        object["spec"]["storageLocation"] = json!(location);
        object["spec"]["ttl"] = json!(format!("{}h{}m{}s", lasts / 3600, lasts / 60 % 60, lasts % 60));
        object["metadata"]["labels"]["velero.io/storage-location"] = json!(location);
        object["status"] = json!({"version": 1, "formatVersion": "1.1.0", "phase": "InProgress", "startTimestamp": birth::time(now),
            "expiration": ahead(now, lasts), "progress": {"totalItems": 1240, "itemsBackedUp": 0}});
    });
    if let Some(schedule) = backup["metadata"]["labels"]["velero.io/schedule-name"].as_str() {
        let schedule = ("Schedule".to_owned(), at.1.clone(), schedule.to_owned());
        world.say(&schedule, |object| object["status"]["lastBackup"] = json!(birth::time(now)));
    }
    later(world, 1, Task::Velero(at.clone(), Stage::Run(1)));
}

fn start_restore(world: &mut World, at: &Key, restore: &Value) {
    let now = world.now();
    let named = restore["spec"]["backupName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    let scheduled = restore["spec"]["scheduleName"].as_str().map(|schedule| newest(world, &at.1, schedule));
    let found = match (named, scheduled) {
        (Some(name), _) => match world.get("Backup", &at.1, &name) {
            None => Err(format!("Error retrieving backup: backup.velero.io {name:?} not found")),
            Some(backup) if !matches!(backup["status"]["phase"].as_str(), Some("Completed" | "PartiallyFailed")) => {
                Err(format!("Backup {name} is in phase {} and cannot be restored", backup["status"]["phase"]))
            }
            Some(_) => Ok(name),
        },
        (None, Some(Some(name))) => Ok(name),
        (None, Some(None)) => Err("No completed backups found for schedule".to_owned()),
        (None, None) => {
            Err("Either a backup or schedule must be specified as a source for the restore, but not both".to_owned())
        }
    };
    let name = match found {
        Ok(name) => name,
        Err(why) => {
            world.say(at, |object| object["status"] = json!({"phase": "FailedValidation", "validationErrors": [why]}));
            return;
        }
    };
    let mapping = restore["spec"]["namespaceMapping"].as_object().cloned().unwrap_or_default();
    for to in mapping.values().filter_map(Value::as_str) {
        if world.get("Namespace", "", to).is_none() {
            world.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": to, "labels": {"kubernetes.io/metadata.name": to}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}));
        }
    }
    world.say(at, |object| {
        object["spec"]["backupName"] = json!(name);
        object["status"] = json!({"phase": "InProgress", "startTimestamp": birth::time(now), "progress": {"totalItems": 60, "itemsRestored": 0}});
    });
    later(world, 1, Task::Velero(at.clone(), Stage::Run(1)));
}

/// The newest completed backup of a schedule.
fn newest(world: &World, namespace: &str, schedule: &str) -> Option<String> {
    let of = |one: &&Value| {
        one["metadata"]["namespace"] == namespace
            && one["metadata"]["labels"]["velero.io/schedule-name"] == schedule
            && one["status"]["phase"] == "Completed"
    };
    let newest = world
        .list("Backup")
        .into_iter()
        .filter(of)
        .max_by_key(|one| one["status"]["startTimestamp"].as_str().unwrap_or_default().to_owned())?;
    newest["metadata"]["name"].as_str().map(str::to_owned)
}

fn run(world: &mut World, at: &Key, object: &Value, look: u8) {
    if object["status"]["phase"] != "InProgress" {
        return;
    }
    let field = if at.0 == "Backup" { "itemsBackedUp" } else { "itemsRestored" };
    let now = birth::time(world.now());
    world.say(at, |object| {
        let total = object["status"]["progress"]["totalItems"].as_i64().unwrap_or(0);
        object["status"]["progress"][field] = json!(total * i64::from(look) / i64::from(LOOKS));
        if look == LOOKS {
            object["status"]["phase"] = json!("Completed");
            object["status"]["completionTimestamp"] = json!(now);
        }
    });
    if look < LOOKS {
        later(world, 1, Task::Velero(at.clone(), Stage::Run(look + 1)));
    }
}

fn target(request: &Value) -> String {
    request["spec"]["backupName"].as_str().unwrap_or_default().to_owned()
}

fn begin_delete(world: &mut World, at: &Key, request: &Value) {
    let name = target(request);
    let why = match world.get("Backup", &at.1, &name) {
        None => Some("backup not found".to_owned()),
        Some(backup) if backup["status"]["phase"] == "InProgress" => Some("backup is still in progress".to_owned()),
        Some(backup) => {
            let location = backup["spec"]["storageLocation"].as_str().unwrap_or("default");
            refusal(world, &at.1, location).map(|_| {
                format!("cannot delete backup because backup storage location {location} is currently unavailable or in read-only mode")
            })
        }
    };
    if let Some(why) = why {
        world.say(at, |object| object["status"] = json!({"phase": "Processed", "errors": [why]}));
        return;
    }
    world.say(at, |object| object["status"] = json!({"phase": "InProgress"}));
    world.say(&("Backup".to_owned(), at.1.clone(), name), |backup| backup["status"]["phase"] = json!("Deleting"));
    later(world, 1, Task::Velero(at.clone(), Stage::Run(1)));
}

fn end_delete(world: &mut World, at: &Key, request: &Value) {
    let name = target(request);
    world.remove("Backup", &at.1, &name);
    let restores: Vec<Key> = world
        .list("Restore")
        .into_iter()
        .filter(|restore| {
            restore["metadata"]["namespace"] == at.1.as_str() && restore["spec"]["backupName"] == name.as_str()
        })
        .map(key)
        .collect();
    for restore in restores {
        world.remove(&restore.0, &restore.1, &restore.2);
    }
    world.say(at, |object| object["status"] = json!({"phase": "Processed"}));
    after_time(world, SignedDuration::from_secs(SYNC), Task::Velero(at.clone(), Stage::Forget));
}

/// An unpaused schedule makes up for a tick that it missed, unless it is set to skip it.
fn catch_up(world: &mut World, at: &Key, schedule: &Value) {
    let now = world.now();
    if schedule["spec"]["paused"] == true {
        return;
    }
    if schedule["spec"]["skipImmediately"] == true {
        world.say(at, |object| {
            object["spec"]["skipImmediately"] = json!(false);
            object["status"]["lastSkipped"] = json!(birth::time(now));
        });
        return;
    }
    let last = schedule["status"]["lastBackup"].as_str().or_else(|| schedule["metadata"]["creationTimestamp"].as_str());
    let last: Option<Timestamp> = last.and_then(|text| text.parse().ok());
    let cron = croner::Cron::from_str(schedule["spec"]["schedule"].as_str().unwrap_or_default()).ok();
    let due = cron.zip(last).and_then(|(cron, last)| {
        cron.find_next_occurrence(&last.to_zoned(TimeZone::UTC), false).ok().map(|next| next.timestamp())
    });
    if due.is_none_or(|due| due > now) {
        return;
    }
    let name = format!("{}-{}", at.2, now.strftime("%Y%m%d%H%M%S"));
    let mut labels = schedule["metadata"]["labels"].clone();
    labels["velero.io/schedule-name"] = json!(at.2);
    let backup = json!({"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {"name": name, "namespace": at.1, "labels": labels},
        "spec": schedule["spec"]["template"]});
    let backup = world.write(backup);
    noticed(world, None, &backup);
}
