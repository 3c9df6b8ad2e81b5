//! Backups, restores, requests and schedules.

use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::{VELERO, platform, text, until};
use crate::lab::{JSON, Lab};

fn velero(kind: &str, metadata: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "velero.io/v1", "kind": kind, "metadata": metadata, "spec": spec})
}

#[tokio::test]
async fn a_backup_runs_with_progress_and_completes_and_its_log_can_be_fetched() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_secs(10));
    let made = lab
        .send(
            "POST",
            &format!("{VELERO}/backups"),
            JSON,
            &velero("Backup", &json!({"name": "mine"}), &json!({"ttl": "168h0m0s"})),
        )
        .await;
    assert!(made.json()["status"].is_null());
    let path = format!("{VELERO}/backups/mine");
    let running = until(&lab, &path, "half way", |backup| {
        backup["status"]["progress"]["itemsBackedUp"].as_i64().is_some_and(|done| done > 0)
    })
    .await;
    assert_eq!(running["status"]["phase"], "InProgress");
    let done = until(&lab, &path, "completed", |backup| backup["status"]["phase"] == "Completed").await;
    assert_eq!(done["status"]["progress"]["itemsBackedUp"], done["status"]["progress"]["totalItems"]);
    assert!(!text(&done, "/status/expiration").is_empty());
    let request = velero(
        "DownloadRequest",
        &json!({"name": "mine-log"}),
        &json!({"target": {"kind": "BackupLog", "name": "mine"}}),
    );
    lab.send("POST", &format!("{VELERO}/downloadrequests"), JSON, &request).await;
    let path = format!("{VELERO}/downloadrequests/mine-log");
    let answered = until(&lab, &path, "answered", |request| request["status"]["downloadURL"].is_string()).await;
    let url = text(&answered, "/status/downloadURL").to_owned();
    let local = url.strip_prefix(&lab.url("")).expect("loopback").to_owned();
    let file = lab.get_as("stranger", &local).await;
    let mut log = String::new();
    flate2::read::GzDecoder::new(file.body.as_slice()).read_to_string(&mut log).unwrap();
    assert!(file.status == 200 && log.contains("Backup ended as Completed"), "{log}");
    assert_eq!(lab.get(&local.replace("signature=", "signature=x")).await.status, 403);
    lab.control.advance(Duration::from_mins(11));
    assert_eq!(lab.get(&local).await.status, 403);
}

#[tokio::test]
async fn a_backup_to_a_storage_that_is_away_fails_its_validation() {
    let lab = platform();
    lab.control.advance(Duration::from_secs(250));
    let body = velero("Backup", &json!({"name": "mine"}), &json!({"storageLocation": "offsite"}));
    lab.send("POST", &format!("{VELERO}/backups"), JSON, &body).await;
    let failed = until(&lab, &format!("{VELERO}/backups/mine"), "refused", |backup| {
        backup["status"]["phase"] == "FailedValidation"
    })
    .await;
    assert!(text(&failed, "/status/validationErrors/0").contains("offsite"));
}

#[tokio::test]
async fn a_restore_completes_or_says_what_it_cannot_find() {
    let lab = Lab::new();
    let restores = format!("{VELERO}/restores");
    let spec = json!({"backupName": "team-alpha-migration", "includedNamespaces": ["team-alpha"], "namespaceMapping": {"team-alpha": "try-out"}});
    lab.send("POST", &restores, JSON, &velero("Restore", &json!({"generateName": "r-"}), &spec)).await;
    lab.send("POST", &restores, JSON, &velero("Restore", &json!({"name": "lost"}), &json!({"backupName": "none"})))
        .await;
    lab.send(
        "POST",
        &restores,
        JSON,
        &velero("Restore", &json!({"name": "newest"}), &json!({"scheduleName": "daily-backup"})),
    )
    .await;
    lab.pass(14);
    let all = lab.object(&restores).await;
    let by = |name: &str| {
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| text(one, "/metadata/name").starts_with(name))
            .unwrap()
            .clone()
    };
    assert_eq!(by("r-")["status"]["phase"], "Completed");
    assert_eq!(by("r-")["status"]["progress"]["itemsRestored"], by("r-")["status"]["progress"]["totalItems"]);
    assert_eq!(lab.get("/api/v1/namespaces/try-out").await.status, 200);
    assert_eq!(by("lost")["status"]["phase"], "FailedValidation");
    assert!(text(&by("lost"), "/status/validationErrors/0").contains("\"none\" not found"));
    assert!(text(&by("newest"), "/spec/backupName").starts_with("daily-backup-"));
}

#[tokio::test]
async fn a_backup_is_deleted_by_request_and_comes_back_when_only_its_object_goes() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_secs(10));
    let path = format!("{VELERO}/backups/game-day");
    let request =
        velero("DeleteBackupRequest", &json!({"generateName": "game-day-"}), &json!({"backupName": "game-day"}));
    let made = lab.send("POST", &format!("{VELERO}/deletebackuprequests"), JSON, &request).await.json();
    let own = format!("{VELERO}/deletebackuprequests/{}", text(&made, "/metadata/name"));
    until(&lab, &path, "deleting", |backup| backup["status"]["phase"] == "Deleting").await;
    let processed = until(&lab, &own, "processed", |request| request["status"]["phase"] == "Processed").await;
    assert!(processed["status"]["errors"].is_null());
    assert_eq!(lab.get(&path).await.status, 404);
    lab.control.advance(Duration::from_mins(2));
    assert_eq!(lab.get(&path).await.status, 404);
    let other = format!("{VELERO}/backups/slo-scout-demo");
    lab.send("DELETE", &other, JSON, &json!({})).await;
    assert_eq!(lab.get(&other).await.status, 404);
    lab.control.advance(Duration::from_mins(2));
    assert_eq!(lab.object(&other).await["status"]["phase"], "Completed");
}

#[tokio::test]
async fn an_unpaused_schedule_makes_up_for_the_run_it_missed_unless_it_is_told_to_skip() {
    let lab = platform();
    let path = format!("{VELERO}/schedules/daily-backup");
    let runs = async |lab: &Lab| {
        let list =
            lab.object(&format!("{VELERO}/backups?labelSelector=velero.io%2Fschedule-name%3Ddaily-backup")).await;
        list["items"].as_array().unwrap().len()
    };
    let before = runs(&lab).await;
    lab.patch(&path, &json!({"spec": {"paused": true}})).await;
    lab.pass(5);
    lab.patch(&path, &json!({"spec": {"paused": false, "skipImmediately": true}})).await;
    lab.pass(5);
    let skipped = lab.object(&path).await;
    assert_eq!((runs(&lab).await, &skipped["spec"]["skipImmediately"]), (before, &json!(false)));
    lab.patch(&path, &json!({"spec": {"paused": true}})).await;
    lab.patch(&path, &json!({"spec": {"paused": false}})).await;
    lab.pass(5);
    assert_eq!(runs(&lab).await, before + 1);
}
