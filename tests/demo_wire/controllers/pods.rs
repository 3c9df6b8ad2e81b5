//! Pods that are deleted, and who takes their place.

use std::time::Duration;

use serde_json::{Value, json};

use super::{APPS, PODS, names, platform, pods, ready, text};
use crate::lab::{JSON, Lab};

#[tokio::test]
async fn a_deleted_pod_ends_after_its_grace_and_another_takes_its_place() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_secs(20));
    let before = pods(&lab, "team-alpha", "shop-web").await;
    let victim = text(&before[0], "/metadata/name").to_owned();
    let path = format!("{PODS}/team-alpha/pods/{victim}");
    let ending = lab.send("DELETE", &path, JSON, &json!({"gracePeriodSeconds": 30})).await.json();
    assert_eq!((&ending["metadata"]["deletionGracePeriodSeconds"], ending["kind"].as_str()), (&json!(30), Some("Pod")));
    assert!(lab.object(&path).await["metadata"]["deletionTimestamp"].is_string());
    lab.pass(70);
    assert_eq!(lab.get(&path).await.status, 404);
    let after = pods(&lab, "team-alpha", "shop-web").await;
    assert!(after.len() == 3 && after.iter().all(ready) && !names(&after).contains(&victim), "{:?}", names(&after));
    let new: Vec<&Value> = after.iter().filter(|pod| !names(&before).contains(text(pod, "/metadata/name"))).collect();
    assert_eq!(new.len(), 1);
    assert_ne!(new[0]["metadata"]["uid"], before[0]["metadata"]["uid"]);
    let forced = text(new[0], "/metadata/name").to_owned();
    let now = json!({"gracePeriodSeconds": 0});
    lab.send("DELETE", &format!("{PODS}/team-alpha/pods/{forced}"), JSON, &now).await;
    assert_eq!(lab.get(&format!("{PODS}/team-alpha/pods/{forced}")).await.status, 404);
    let database = "/api/v1/namespaces/team-alpha/pods/shop-db-0";
    let uid = lab.object(database).await["metadata"]["uid"].clone();
    lab.send("DELETE", database, JSON, &json!({})).await;
    lab.pass(70);
    let again = lab.object(database).await;
    assert!(ready(&again) && again["metadata"]["uid"] != uid);
}

#[tokio::test]
async fn the_story_s_trouble_reaches_the_pod_that_took_the_place_of_another() {
    let lab = platform();
    let before = pods(&lab, "team-alpha", "shop-api").await;
    for pod in &before {
        lab.send("DELETE", &format!("{PODS}/team-alpha/pods/{}", text(pod, "/metadata/name")), JSON, &json!({})).await;
    }
    lab.pass(10);
    let after = pods(&lab, "team-alpha", "shop-api").await;
    assert!(names(&after).is_disjoint(&names(&before)) && after.iter().all(ready), "{:?}", names(&after));
    lab.control.advance(Duration::from_secs(400));
    let crashing = pods(&lab, "team-alpha", "shop-api").await;
    assert_eq!(names(&crashing), names(&after));
    assert_eq!(
        crashing
            .iter()
            .filter(|pod| !text(pod, "/status/containerStatuses/0/lastState/terminated/reason").is_empty())
            .count(),
        2
    );
    let deployment = lab.object(&format!("{APPS}/team-alpha/deployments/shop-api")).await;
    assert!(deployment["status"]["replicas"] == 3);
}

#[tokio::test]
async fn a_pod_without_an_owner_stays_gone() {
    let lab = Lab::new();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "debug"}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}});
    let all = format!("{PODS}/team-alpha/pods");
    assert_eq!(lab.send("POST", &all, JSON, &pod).await.status, 201);
    lab.pass(5);
    let path = format!("{all}/debug");
    assert_eq!(lab.object(&path).await["status"]["phase"], "Running");
    lab.send("DELETE", &path, JSON, &json!({})).await;
    lab.pass(8);
    assert_eq!(lab.get(&path).await.status, 404);
}
