//! Rollouts, scales, undos: a workload that was written to moves as its controller moves it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{APPS, condition, names, platform, pods, ready, text, until};
use crate::lab::{JSON_PATCH, Lab, STRATEGIC};

fn rolled_out(object: &Value) -> bool {
    let status = &object["status"];
    let wanted = &object["spec"]["replicas"];
    status["observedGeneration"] == object["metadata"]["generation"]
        && status["updatedReplicas"] == *wanted
        && status["replicas"] == *wanted
        && status["availableReplicas"] == *wanted
}

#[tokio::test]
async fn a_restart_replaces_every_pod_and_completes() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_secs(10));
    let path = format!("{APPS}/team-alpha/deployments/shop-web");
    let before = pods(&lab, "team-alpha", "shop-web").await;
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T10:00:00Z"}}}}});
    let written = lab.patch(&path, &restart).await.json();
    assert_ne!(written["metadata"]["generation"], written["status"]["observedGeneration"]);
    let moving = until(&lab, &path, "moving", |deployment| deployment["status"]["updatedReplicas"] == 1).await;
    assert_eq!(condition(&moving, "Progressing")["reason"], "ReplicaSetUpdated");
    let done = until(&lab, &path, "rolled out", rolled_out).await;
    lab.pass(15);
    let after = pods(&lab, "team-alpha", "shop-web").await;
    assert!(after.len() == 3 && after.iter().all(ready), "{:?}", names(&after));
    assert!(names(&before).is_disjoint(&names(&after)));
    assert_eq!(condition(&done, "Progressing")["reason"], "NewReplicaSetAvailable");
    assert_eq!(done["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "15");
    assert!(after.iter().all(|pod| pod["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].is_string()));
}

#[tokio::test]
async fn stateful_sets_and_daemon_sets_restart_one_pod_after_the_other() {
    let lab = Lab::new();
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T10:00:00Z"}}}}});
    for (namespace, kind, name, app) in [
        ("logging", "statefulsets", "loki-write", "loki-write"),
        ("neuvector", "daemonsets", "neuvector-enforcer-pod", "neuvector-enforcer-pod"),
    ] {
        let path = format!("{APPS}/{namespace}/{kind}/{name}");
        let uids =
            |pods: &[Value]| pods.iter().map(|pod| text(pod, "/metadata/uid").to_owned()).collect::<BTreeSet<_>>();
        let before = pods(&lab, namespace, app).await;
        lab.patch(&path, &restart).await;
        let mut away = 0;
        for _ in 0..60 {
            lab.pass(1);
            let now = pods(&lab, namespace, app).await;
            away = away.max(before.len() - now.iter().filter(|pod| ready(pod)).count().min(before.len()));
        }
        let after = pods(&lab, namespace, app).await;
        assert!(after.len() == before.len() && after.iter().all(ready), "{name}: {:?}", names(&after));
        assert!(uids(&before).is_disjoint(&uids(&after)), "{name}");
        assert_eq!(away, 1, "{name}");
        let status = lab.object(&path).await;
        assert_eq!(status["status"]["observedGeneration"], status["metadata"]["generation"]);
        if kind == "statefulsets" {
            assert_eq!(status["status"]["updateRevision"], status["status"]["currentRevision"]);
            assert_eq!(names(&before), names(&after));
        }
    }
}

#[tokio::test]
async fn a_scaled_workload_gets_and_loses_pods() {
    let lab = Lab::new();
    let path = format!("{APPS}/tempo/deployments/tempo-querier");
    lab.patch(&format!("{path}/scale"), &json!({"spec": {"replicas": 5}})).await;
    until(&lab, &path, "five", rolled_out).await;
    assert_eq!(pods(&lab, "tempo", "tempo-querier").await.len(), 5);
    lab.patch(&format!("{path}/scale"), &json!({"spec": {"replicas": 1}})).await;
    until(&lab, &path, "one", rolled_out).await;
    lab.pass(4);
    assert_eq!(pods(&lab, "tempo", "tempo-querier").await.len(), 1);
    let set = format!("{APPS}/tempo/statefulsets/tempo-ingester");
    lab.patch(&format!("{set}/scale"), &json!({"spec": {"replicas": 1}})).await;
    lab.pass(8);
    assert_eq!(names(&pods(&lab, "tempo", "tempo-ingester").await), BTreeSet::from(["tempo-ingester-0".to_owned()]));
    assert_eq!(lab.object(&set).await["status"]["readyReplicas"], 1);
}

#[tokio::test]
async fn an_autoscaler_raises_a_number_at_once_and_lowers_it_later() {
    let lab = Lab::new();
    let path = format!("{APPS}/team-alpha/deployments/shop-web");
    let replicas = async |lab: &Lab| lab.object(&path).await["spec"]["replicas"].clone();
    lab.patch(&format!("{path}/scale"), &json!({"spec": {"replicas": 1}})).await;
    lab.pass(3);
    assert_eq!(replicas(&lab).await, 1);
    lab.pass(20);
    assert_eq!(replicas(&lab).await, 3);
    lab.patch(&format!("{path}/scale"), &json!({"spec": {"replicas": 6}})).await;
    lab.control.advance(Duration::from_mins(4));
    assert_eq!(replicas(&lab).await, 6);
    lab.control.advance(Duration::from_mins(2));
    assert_eq!(replicas(&lab).await, 3);
}

#[tokio::test]
async fn a_workload_in_trouble_never_completes_its_restart() {
    let lab = platform();
    let path = format!("{APPS}/team-beta/deployments/orders-worker");
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T10:00:00Z"}}}}});
    lab.patch(&path, &restart).await;
    lab.pass(40);
    let stuck = lab.object(&path).await;
    assert!(!rolled_out(&stuck), "{}", stuck["status"]);
    assert_eq!(stuck["status"]["observedGeneration"], stuck["metadata"]["generation"]);
    let crashing = pods(&lab, "team-beta", "orders-worker").await;
    assert!(crashing.iter().any(|pod| text(pod, "/status/containerStatuses/0/lastState/terminated/reason") == "Error"));
}

#[tokio::test]
async fn a_paused_deployment_does_not_roll_and_a_recreated_one_is_away_for_a_while() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_secs(5));
    let path = format!("{APPS}/team-alpha/deployments/shop-web");
    let before = names(&pods(&lab, "team-alpha", "shop-web").await);
    lab.patch(&path, &json!({"spec": {"paused": true, "template": {"metadata": {"annotations": {"a": "b"}}}}})).await;
    lab.pass(20);
    assert_eq!(names(&pods(&lab, "team-alpha", "shop-web").await), before);
    assert_eq!(condition(&lab.object(&path).await, "Progressing")["reason"], "DeploymentPaused");
    lab.patch(&path, &json!({"spec": {"paused": null}})).await;
    until(&lab, &path, "rolled out", rolled_out).await;
    let recreated = format!("{APPS}/slopilot/deployments/slopilot-rightsizing");
    lab.patch(&recreated, &json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}})).await;
    until(&lab, &recreated, "away", |deployment| deployment["status"]["readyReplicas"].is_null()).await;
    until(&lab, &recreated, "back", rolled_out).await;
}

#[tokio::test]
async fn a_bad_image_is_undone_with_the_template_of_the_revision_before() {
    let lab = platform();
    let path = format!("{APPS}/team-beta/deployments/catalog");
    let sets = lab.object(&format!("{APPS}/team-beta/replicasets")).await;
    let own = |set: &&Value| set["metadata"]["ownerReferences"][0]["name"] == "catalog";
    let revision = |set: &Value| text(set, "/metadata/annotations/deployment.kubernetes.io~1revision").to_owned();
    let sets: Vec<&Value> = sets["items"].as_array().unwrap().iter().filter(own).collect();
    assert_eq!(
        sets.iter().map(|set| revision(set)).collect::<BTreeSet<_>>(),
        ["13", "14", "15"].map(str::to_owned).into()
    );
    let good = sets.iter().find(|set| revision(set) == "14").unwrap();
    let mut template = good["spec"]["template"].clone();
    template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash").expect("its set labels it");
    // As clients with typed objects send it.
    template["metadata"]["creationTimestamp"] = Value::Null;
    template["spec"]["containers"][0]["securityContext"] = json!({});
    let undo = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
    assert_eq!(lab.send("PATCH", &path, JSON_PATCH, &undo).await.status, 200);
    let done = until(&lab, &path, "undone", rolled_out).await;
    assert_eq!(done["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "16");
    lab.pass(5);
    let pods = pods(&lab, "team-beta", "catalog").await;
    assert!(pods.len() == 3 && pods.iter().all(ready), "{:?}", names(&pods));
    lab.control.advance(Duration::from_mins(6));
    assert!(rolled_out(&lab.object(&path).await), "the story goes on and the undo stays");
}

#[tokio::test]
async fn a_stateful_set_is_undone_with_the_data_of_its_revision_before() {
    let lab = Lab::new();
    let path = format!("{APPS}/logging/statefulsets/loki-write");
    let all = lab.object(&format!("{APPS}/logging/controllerrevisions")).await;
    let own = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["metadata"]["ownerReferences"][0]["name"] == "loki-write");
    let mut own: Vec<&Value> = own.collect();
    own.sort_by_key(|one| one["revision"].as_i64());
    assert_eq!(own.len(), 2);
    let undone = lab.send("PATCH", &path, STRATEGIC, &own[0]["data"]).await.json();
    assert!(text(&undone, "/spec/template/spec/containers/0/image").ends_with(":2.9.5"));
    assert!(undone["spec"]["template"]["$patch"].is_null());
    let name = text(own[0], "/metadata/name");
    until(&lab, &path, "undone", |set| {
        set["status"]["currentRevision"] == name && set["status"]["updatedReplicas"] == 3
    })
    .await;
    lab.pass(4);
    let pods = pods(&lab, "logging", "loki-write").await;
    assert!(pods.iter().all(|pod| ready(pod) && text(pod, "/spec/containers/0/image").ends_with(":2.9.5")));
    assert_eq!(lab.object(&format!("{APPS}/logging/controllerrevisions/{name}")).await["revision"], 3);
}

#[tokio::test]
async fn a_new_image_takes_the_place_of_one_that_cannot_be_pulled() {
    let lab = platform();
    let path = format!("{APPS}/team-beta/deployments/catalog");
    let image =
        |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "catalog", "image": image}]}}}});
    lab.send("PATCH", &path, STRATEGIC, &image("harbor.example.internal/team-beta/catalog:2.0.4")).await;
    until(&lab, &path, "rolled out", rolled_out).await;
    lab.pass(5);
    let fresh = pods(&lab, "team-beta", "catalog").await;
    assert!(fresh.len() == 3 && fresh.iter().all(ready), "{:?}", names(&fresh));
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}});
    let lab = platform();
    lab.patch(&path, &restart).await;
    lab.pass(30);
    assert!(!rolled_out(&lab.object(&path).await), "the image is still nowhere");
}

#[tokio::test]
async fn a_deployment_is_available_since_its_pods_are() {
    let lab = platform();
    let list = lab.object("/apis/apps/v1/deployments").await;
    let mut away = 0;
    for deployment in list["items"].as_array().unwrap() {
        let (namespace, name) = (text(deployment, "/metadata/namespace"), text(deployment, "/metadata/name"));
        let available = condition(deployment, "Available");
        let since = text(&available, "/lastTransitionTime");
        let pods = pods(&lab, namespace, name).await;
        let mut of_pods = pods.iter().map(|pod| condition(pod, "Ready")).filter(|c| c["status"] == available["status"]);
        let made = text(deployment, "/metadata/creationTimestamp");
        assert!(
            of_pods.any(|c| c["lastTransitionTime"] == *since) || since == made,
            "{namespace}/{name} since {since}"
        );
        away += usize::from(available["status"] == "False");
    }
    assert!(away > 0, "the story has some that are away");
}
