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
    assert_eq!(lab.send("POST", &path(&all[0]), JSON, &eviction("other", None)).await.status, 400);
    assert_eq!(lab.send("POST", &path(&all[0]), JSON, &body(&all[0])).await.status, 201);
    let refused = lab.send("POST", &path(&all[1]), JSON, &body(&all[1])).await;
    let status = refused.json();
    assert_eq!((refused.status, status["reason"].as_str()), (429, Some("TooManyRequests")));
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["reason"], "DisruptionBudget");
    assert!(text(cause, "/message").starts_with("The disruption budget shop-web "), "{cause}");
    lab.pass(70);
    assert_eq!(lab.send("POST", &path(&all[1]), JSON, &body(&all[1])).await.status, 201);
    lab.pass(70);
    let after = pods(&lab, "team-alpha", "shop-web").await;
    assert!(after.len() == 3 && after.iter().all(ready));
    let budget = lab.object("/apis/policy/v1/namespaces/team-alpha/poddisruptionbudgets/shop-web").await;
    assert_eq!((&budget["status"]["disruptionsAllowed"], &budget["status"]["currentHealthy"]), (&json!(1), &json!(3)));
    // which pod is meant is looked at after its budget was asked: another one has spent it for nothing
    let wrong = eviction(text(&after[0], "/metadata/name"), Some("u"));
    assert_eq!(lab.send("POST", &path(&after[0]), JSON, &wrong).await.status, 409);
    assert_eq!(lab.send("POST", &path(&after[0]), JSON, &body(&after[0])).await.status, 429);
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

/// The query counts where the options of the body say nothing of it, and the other way round: Kubernetes'
/// `propagateDryRun` in `pkg/registry/core/pod/storage/eviction.go`.
#[tokio::test]
async fn a_rehearsed_eviction_ends_no_pod_whichever_way_it_is_asked_for() {
    let lab = Lab::new();
    let pod = pods(&lab, "team-alpha", "shop-web").await.remove(0);
    let (name, uid) = (text(&pod, "/metadata/name"), text(&pod, "/metadata/uid"));
    let path = format!("{PODS}/team-alpha/pods/{name}");
    let mut rehearsed = eviction(name, Some(uid));
    rehearsed["deleteOptions"]["dryRun"] = json!(["All"]);
    for (query, body) in [
        ("?dryRun=All", eviction(name, None)),
        ("?dryRun=All", eviction(name, Some(uid))),
        ("", rehearsed.clone()),
        ("?dryRun=All", rehearsed),
    ] {
        assert_eq!(lab.send("POST", &format!("{path}/eviction{query}"), JSON, &body).await.status, 201);
        let after = lab.object(&path).await;
        assert!(after["metadata"]["deletionTimestamp"].is_null(), "{query} {body}: {after}");
    }
}

#[tokio::test]
async fn an_evicted_pod_says_who_ends_it() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_mins(1));
    let pod = pods(&lab, "team-alpha", "shop-web").await.remove(0);
    let name = text(&pod, "/metadata/name");
    let path = format!("{PODS}/team-alpha/pods/{name}");
    assert_eq!(lab.send("POST", &format!("{path}/eviction"), JSON, &eviction(name, None)).await.status, 201);
    let after = lab.object(&path).await;
    let conditions = after["status"]["conditions"].as_array().unwrap();
    let target = conditions.iter().find(|one| one["type"] == "DisruptionTarget").unwrap();
    assert_eq!((&target["status"], &target["reason"]), (&json!("True"), &json!("EvictionByEvictionAPI")));
    assert!(after["metadata"]["deletionTimestamp"].is_string());
}

/// A budget over all pods of `team-beta`, which has no other one by an empty selector.
#[expect(clippy::needless_pass_by_value, reason = "what a test makes it hands over")]
fn over_all(lab: &Lab, spec: Value, status: Value) {
    lab.control.with_world(|world| {
        let others: Vec<String> = world
            .list("PodDisruptionBudget")
            .into_iter()
            .filter(|budget| budget["metadata"]["namespace"] == "team-beta")
            .map(|budget| budget["metadata"]["name"].as_str().unwrap().to_owned())
            .collect();
        for name in others {
            world.remove("PodDisruptionBudget", "team-beta", &name);
        }
        world.apply(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "all", "namespace": "team-beta"}, "spec": spec, "status": status}));
    });
}

#[tokio::test]
async fn a_selector_without_terms_guards_every_pod_and_a_budget_that_is_not_counted_says_when_to_ask_again() {
    let lab = Lab::new();
    let pod = pods(&lab, "team-beta", "orders").await.remove(0);
    let name = text(&pod, "/metadata/name");
    let path = format!("{PODS}/team-beta/pods/{name}/eviction");
    let none = json!({"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "disruptedPods": {}});
    over_all(&lab, json!({"selector": {}}), none.clone());
    let refused = lab.send("POST", &path, JSON, &eviction(name, Some("another"))).await;
    assert_eq!(refused.status, 429, "its budget is asked before it is looked at which pod is meant");
    assert_eq!(
        refused.json()["details"]["causes"][0]["message"],
        "The disruption budget all needs 1 healthy pods and has 1 currently"
    );
    let expression = json!([{"key": "app", "operator": "In", "values": ["orders"]}]);
    over_all(&lab, json!({"selector": {"matchExpressions": expression}}), none.clone());
    assert_eq!(lab.send("POST", &path, JSON, &eviction(name, None)).await.status, 429);
    let mut behind = none.clone();
    behind["observedGeneration"] = json!(0);
    behind["disruptionsAllowed"] = json!(1);
    over_all(&lab, json!({"selector": {}, "minAvailable": 1}), behind);
    let later = lab.send("POST", &path, JSON, &eviction(name, None)).await;
    assert_eq!((later.status, later.headers["retry-after"].to_str().unwrap()), (429, "10"));
    over_all(&lab, json!({"minAvailable": 1}), none);
    assert_eq!(
        lab.send("POST", &path, JSON, &eviction(name, None)).await.status,
        201,
        "without a selector it guards nothing"
    );
}

#[tokio::test]
async fn a_pod_that_has_not_begun_is_guarded_by_nobody() {
    let lab = Lab::new();
    let pod = pods(&lab, "team-beta", "orders").await.remove(0);
    let name = text(&pod, "/metadata/name");
    let none = json!({"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "disruptedPods": {}});
    over_all(&lab, json!({"selector": {}}), none);
    lab.control.with_world(|world| {
        world.edit("Pod", "team-beta", name, |pod| pod["status"]["phase"] = json!("Pending"));
    });
    let path = format!("{PODS}/team-beta/pods/{name}/eviction");
    assert_eq!(lab.send("POST", &path, JSON, &eviction(name, None)).await.status, 201);
}
