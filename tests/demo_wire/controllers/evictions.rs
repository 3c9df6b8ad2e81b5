//! Evictions and the budgets that refuse them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PODS, platform, pods, ready, text};
use crate::lab::{JSON, Lab};

fn eviction(pod: &str, uid: Option<&str>) -> Value {
    let mut body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    if let Some(uid) = uid {
        body["deleteOptions"] = json!({"preconditions": {"uid": uid}});
    }
    body
}

#[tokio::test]
async fn an_eviction_spends_its_budget_until_the_successor_is_ready() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_secs(20));
    let all = pods(&lab, "team-alpha", "shop-web").await;
    let path = |pod: &Value| format!("{PODS}/team-alpha/pods/{}/eviction", text(pod, "/metadata/name"));
    let body = |pod: &Value| eviction(text(pod, "/metadata/name"), Some(text(pod, "/metadata/uid")));
    assert_eq!(lab.send("POST", &format!("{}?dryRun=All", path(&all[0])), JSON, &body(&all[0])).await.status, 201);
    let wrong = lab.send("POST", &path(&all[0]), JSON, &eviction(text(&all[0], "/metadata/name"), Some("u"))).await;
    assert_eq!(wrong.status, 409);
    assert_eq!(lab.send("POST", &path(&all[0]), JSON, &eviction("other", None)).await.status, 400);
    assert_eq!(lab.send("POST", &path(&all[0]), JSON, &body(&all[0])).await.status, 201);
    let refused = lab.send("POST", &path(&all[1]), JSON, &body(&all[1])).await;
    let status = refused.json();
    assert_eq!((refused.status, status["reason"].as_str()), (429, Some("TooManyRequests")));
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["reason"], "DisruptionBudget");
    assert!(
        text(cause, "/message").starts_with("The disruption budget shop-web needs 2 healthy pods and has "),
        "{cause}"
    );
    lab.pass(70);
    assert_eq!(lab.send("POST", &path(&all[1]), JSON, &body(&all[1])).await.status, 201);
    lab.pass(70);
    let after = pods(&lab, "team-alpha", "shop-web").await;
    assert!(after.len() == 3 && after.iter().all(ready));
    let budget = lab.object("/apis/policy/v1/namespaces/team-alpha/poddisruptionbudgets/shop-web").await;
    assert_eq!((&budget["status"]["disruptionsAllowed"], &budget["status"]["currentHealthy"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn a_budget_without_room_is_429_and_two_budgets_are_500() {
    let lab = Lab::new();
    let manager = pods(&lab, "kubeop-system", "kubeop-manager").await;
    let name = text(&manager[0], "/metadata/name");
    let refused =
        lab.send("POST", &format!("{PODS}/kubeop-system/pods/{name}/eviction"), JSON, &eviction(name, None)).await;
    assert_eq!(refused.status, 429);
    assert!(!refused.headers.contains_key("retry-after"));
    assert_eq!(
        refused.json()["details"]["causes"][0]["message"],
        "The disruption budget kubeop-manager needs 2 healthy pods and has 2 currently"
    );
    let twice = lab
        .send(
            "POST",
            &format!("{PODS}/slo-scout/pods/slo-scout-kafka-0/eviction"),
            JSON,
            &eviction("slo-scout-kafka-0", None),
        )
        .await;
    let status = twice.json();
    assert_eq!((twice.status, &status["code"], status["kind"].as_str()), (500, &json!(500), Some("Status")));
    assert!(text(&status, "/message").contains("more than one PodDisruptionBudget"));
}

#[tokio::test]
async fn pods_evicted_from_a_cordoned_node_run_elsewhere() {
    let lab = Lab::new();
    let all = pods(&lab, "team-alpha", "shop-web").await;
    let node = text(&all[0], "/spec/nodeName").to_owned();
    let cordoned = lab.patch(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"unschedulable": true}})).await.json();
    assert_eq!(cordoned["spec"]["unschedulable"], true);
    let name = text(&all[0], "/metadata/name");
    lab.send("POST", &format!("{PODS}/team-alpha/pods/{name}/eviction"), JSON, &eviction(name, None)).await;
    lab.pass(10);
    let after = pods(&lab, "team-alpha", "shop-web").await;
    assert!(after.len() == 3 && after.iter().all(|pod| ready(pod) && text(pod, "/spec/nodeName") != node));
    lab.patch(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"unschedulable": null}})).await;
    assert!(lab.object(&format!("/api/v1/nodes/{node}")).await["spec"]["unschedulable"].is_null());
}

#[tokio::test]
async fn a_budget_counts_the_pods_that_are_ready_and_lets_a_broken_one_go() {
    let lab = platform();
    let evict = async |pod: &str| {
        lab.send("POST", &format!("{PODS}/openbao/pods/{pod}/eviction"), JSON, &eviction(pod, None)).await
    };
    let rehearsed = format!("{PODS}/openbao/pods/openbao-2/eviction?dryRun=All");
    assert_eq!(lab.send("POST", &rehearsed, JSON, &eviction("openbao-2", None)).await.status, 429);
    let refused = evict("openbao-2").await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.json()["details"]["causes"][0]["message"],
        "The disruption budget openbao needs 2 healthy pods and has 2 currently"
    );
    assert_eq!(evict("openbao-1").await.status, 201, "it is not ready, and the others are enough");
}
