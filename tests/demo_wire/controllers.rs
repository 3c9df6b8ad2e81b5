//! What the demo's controllers do about a write: each answers as the real one would, seconds later on the demo's clock.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::demo::Options;

use crate::lab::{JSON, JSON_PATCH, Lab, MERGE, STRATEGIC};

const HELM: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces";
const APPS: &str = "/apis/apps/v1/namespaces";
const VELERO: &str = "/apis/velero.io/v1/namespaces/velero";
const PODS: &str = "/api/v1/namespaces";

fn platform() -> Lab {
    Lab::with(Options::default())
}

fn condition(object: &Value, kind: &str) -> Value {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["type"] == kind).unwrap_or(Value::Null)
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn token(object: &str) -> Value {
    json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": object}}})
}

/// Pods by a label selector.
async fn pods(lab: &Lab, namespace: &str, app: &str) -> Vec<Value> {
    let list = lab.object(&format!("{PODS}/{namespace}/pods?labelSelector=app%3D{app}")).await;
    list["items"].as_array().unwrap().clone()
}

fn names(pods: &[Value]) -> BTreeSet<String> {
    pods.iter().map(|pod| text(pod, "/metadata/name").to_owned()).collect()
}

fn ready(pod: &Value) -> bool {
    condition(pod, "Ready")["status"] == "True" && pod["metadata"]["deletionTimestamp"].is_null()
}

/// Lets seconds pass until it holds.
async fn until<F>(lab: &Lab, path: &str, what: &str, holds: F) -> Value
where
    F: Fn(&Value) -> bool,
{
    let mut last = Value::Null;
    for _ in 0..90 {
        last = lab.object(path).await;
        if holds(&last) {
            return last;
        }
        lab.pass(1);
    }
    panic!("never {what}: {last}")
}

fn rolled_out(object: &Value) -> bool {
    let status = &object["status"];
    let wanted = &object["spec"]["replicas"];
    status["observedGeneration"] == object["metadata"]["generation"]
        && status["updatedReplicas"] == *wanted
        && status["replicas"] == *wanted
        && status["availableReplicas"] == *wanted
}

#[tokio::test]
async fn a_release_notes_the_token_progresses_and_is_ready() {
    let lab = Lab::new();
    let path = format!("{HELM}/team-alpha/helmreleases/shop");
    let before = lab.object(&path).await;
    lab.patch(&path, &token("t1")).await;
    let noted = until(&lab, &path, "noted", |release| release["status"]["lastHandledReconcileAt"] == "t1").await;
    assert_eq!(condition(&noted, "Ready")["status"], "Unknown");
    assert_eq!(condition(&noted, "Reconciling")["status"], "True");
    let done = until(&lab, &path, "ready", |release| condition(release, "Ready")["status"] == "True").await;
    assert!(condition(&done, "Reconciling").is_null());
    assert_ne!(condition(&done, "Ready")["lastTransitionTime"], condition(&before, "Ready")["lastTransitionTime"]);
    assert_eq!(done["status"]["history"], before["status"]["history"], "nothing was to be upgraded");
}

#[tokio::test]
async fn a_failing_release_fails_again_with_one_failure_more() {
    let lab = platform();
    let path = format!("{HELM}/monitoring/helmreleases/monitoring");
    let before = lab.object(&path).await["status"]["failures"].as_i64().unwrap();
    lab.patch(&path, &token("t1")).await;
    lab.pass(8);
    let after = lab.object(&path).await;
    assert_eq!(condition(&after, "Ready")["reason"], "UpgradeFailed");
    assert_eq!(after["status"]["failures"], json!(before + 1));
    assert_eq!(after["status"]["lastHandledReconcileAt"], "t1");
}

#[tokio::test]
async fn a_suspended_release_notes_the_token_and_nothing_runs_until_it_is_resumed() {
    let lab = Lab::new();
    let path = format!("{HELM}/team-alpha/helmreleases/shop");
    let suspended = lab.patch(&path, &json!({"spec": {"suspend": true}})).await.json();
    let generation = suspended["metadata"]["generation"].as_i64().unwrap();
    lab.pass(6);
    lab.patch(&path, &token("t1")).await;
    lab.pass(8);
    let frozen = lab.object(&path).await;
    assert_eq!(frozen["status"]["lastHandledReconcileAt"], "t1");
    assert_eq!(frozen["status"]["conditions"], suspended["status"]["conditions"]);
    assert_eq!(frozen["status"]["observedGeneration"], json!(generation - 1));
    lab.patch(&path, &json!({"spec": {"suspend": null}})).await;
    let resumed = until(&lab, &path, "reconciled", |release| {
        release["status"]["observedGeneration"] == release["metadata"]["generation"]
    })
    .await;
    assert_eq!(resumed["metadata"]["generation"], json!(generation + 1));
    assert_eq!(
        (condition(&resumed, "Ready")["status"].as_str(), &resumed["status"]["lastHandledReconcileAt"]),
        (Some("True"), &json!("t1"))
    );
}

#[tokio::test]
async fn a_suspend_survives_the_story_and_its_end_brings_the_story_s_state_back() {
    let lab = platform();
    let path = format!("{HELM}/team-beta/helmreleases/ledger");
    lab.patch(&path, &json!({"spec": {"suspend": true}})).await;
    lab.pass(2);
    let frozen = lab.object(&path).await["status"]["conditions"].clone();
    lab.control.advance(Duration::from_mins(2));
    let later = lab.object(&path).await;
    assert_eq!((&later["spec"]["suspend"], &later["status"]["conditions"]), (&json!(true), &frozen));
    lab.patch(&path, &json!({"spec": {"suspend": null}})).await;
    lab.pass(10);
    let stalled = lab.object(&path).await;
    assert_eq!(condition(&stalled, "Stalled")["reason"], "RetriesExceeded");
}

#[tokio::test]
async fn a_forced_release_is_upgraded_and_a_reset_one_counts_from_the_beginning() {
    let lab = platform();
    lab.control.advance(Duration::from_secs(60));
    let ledger = format!("{HELM}/team-beta/helmreleases/ledger");
    assert_eq!(lab.object(&ledger).await["status"]["failures"], 4);
    lab.patch(&ledger, &token("t0")).await;
    lab.pass(8);
    let stalled = lab.object(&ledger).await;
    assert_eq!(
        (&stalled["status"]["failures"], &stalled["status"]["lastHandledReconcileAt"]),
        (&json!(4), &json!("t0"))
    );
    let both = |annotation: &str| json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "t2", annotation: "t2"}}});
    lab.patch(&ledger, &both("reconcile.fluxcd.io/resetAt")).await;
    lab.pass(8);
    let reset = lab.object(&ledger).await;
    assert_eq!((&reset["status"]["failures"], &reset["status"]["lastHandledResetAt"]), (&json!(1), &json!("t2")));
    assert!(condition(&reset, "Stalled").is_null());
    let orders = format!("{HELM}/team-beta/helmreleases/orders");
    let before = lab.object(&orders).await["status"]["history"][0]["version"].as_i64().unwrap();
    lab.patch(&orders, &both("reconcile.fluxcd.io/forceAt")).await;
    lab.pass(8);
    let forced = lab.object(&orders).await;
    assert_eq!(forced["status"]["history"][0]["version"], json!(before + 1));
    assert_eq!(
        (&forced["status"]["lastHandledForceAt"], condition(&forced, "Ready")["status"].as_str()),
        (&json!("t2"), Some("True"))
    );
}

#[tokio::test]
async fn kustomizations_and_sources_take_tokens_and_a_registry_does_not() {
    let lab = Lab::new();
    let kustomization =
        "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/sre-monitoring".to_owned();
    let source =
        |kind: &str, name: &str| format!("/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/{kind}/{name}");
    for path in [
        kustomization,
        source("gitrepositories", "platform"),
        source("helmrepositories", "grafana"),
        source("helmcharts", "monitoring-monitoring"),
        source("buckets", "compliance"),
    ] {
        lab.patch(&path, &token("t1")).await;
        lab.pass(8);
        let done = lab.object(&path).await;
        assert_eq!(
            (&done["status"]["lastHandledReconcileAt"], condition(&done, "Ready")["status"].as_str()),
            (&json!("t1"), Some("True")),
            "{path}"
        );
    }
    let registry = source("helmrepositories", "harbor");
    lab.patch(&registry, &token("t1")).await;
    lab.pass(8);
    assert!(lab.object(&registry).await["status"].is_null());
}

#[tokio::test]
async fn a_parent_takes_back_what_kubectl_suspended_and_leaves_what_the_console_did() {
    let lab = Lab::new();
    let parent = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/team-alpha/kustomizations/apps";
    let (shop, payments) =
        (format!("{HELM}/team-alpha/helmreleases/shop"), format!("{HELM}/team-alpha/helmreleases/payments"));
    lab.patch(&shop, &json!({"spec": {"suspend": true}})).await;
    let body = json!({"spec": {"suspend": true}}).to_string();
    let kubectl = lab.request("PATCH", &format!("{payments}?fieldManager=kubectl-patch")).header("content-type", MERGE);
    assert_eq!(crate::lab::finish(kubectl.body(body)).await.status, 200);
    lab.patch(parent, &token("t1")).await;
    lab.pass(8);
    assert_eq!(lab.object(&shop).await["spec"]["suspend"], true);
    assert!(lab.object(&payments).await["spec"]["suspend"].is_null());
}

#[tokio::test]
async fn a_restart_replaces_every_pod_and_completes() {
    let lab = Lab::new();
    let path = format!("{APPS}/team-alpha/deployments/shop-web");
    let before = pods(&lab, "team-alpha", "shop-web").await;
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T10:00:00Z"}}}}});
    let written = lab.patch(&path, &restart).await.json();
    assert_ne!(written["metadata"]["generation"], written["status"]["observedGeneration"]);
    let moving = until(&lab, &path, "moving", |deployment| deployment["status"]["updatedReplicas"] == 1).await;
    assert_eq!(condition(&moving, "Progressing")["reason"], "ReplicaSetUpdated");
    let done = until(&lab, &path, "rolled out", rolled_out).await;
    lab.pass(5);
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
    let path = format!("{APPS}/team-alpha/deployments/shop-web");
    lab.patch(&format!("{path}/scale"), &json!({"spec": {"replicas": 5}})).await;
    until(&lab, &path, "five", rolled_out).await;
    assert_eq!(pods(&lab, "team-alpha", "shop-web").await.len(), 5);
    lab.patch(&format!("{path}/scale"), &json!({"spec": {"replicas": 1}})).await;
    until(&lab, &path, "one", rolled_out).await;
    lab.pass(4);
    assert_eq!(pods(&lab, "team-alpha", "shop-web").await.len(), 1);
    let set = format!("{APPS}/tempo/statefulsets/tempo-ingester");
    lab.patch(&format!("{set}/scale"), &json!({"spec": {"replicas": 1}})).await;
    lab.pass(8);
    assert_eq!(names(&pods(&lab, "tempo", "tempo-ingester").await), BTreeSet::from(["tempo-ingester-0".to_owned()]));
    assert_eq!(lab.object(&set).await["status"]["readyReplicas"], 1);
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
    let path = format!("{APPS}/team-alpha/deployments/shop-web");
    let before = names(&pods(&lab, "team-alpha", "shop-web").await);
    lab.patch(&path, &json!({"spec": {"paused": true, "template": {"metadata": {"annotations": {"a": "b"}}}}})).await;
    lab.pass(10);
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
async fn a_deleted_pod_ends_after_its_grace_and_another_takes_its_place() {
    let lab = Lab::new();
    let before = pods(&lab, "team-alpha", "shop-web").await;
    let victim = text(&before[0], "/metadata/name").to_owned();
    let path = format!("{PODS}/team-alpha/pods/{victim}");
    let ending = lab.send("DELETE", &path, JSON, &json!({"gracePeriodSeconds": 30})).await.json();
    assert_eq!((&ending["metadata"]["deletionGracePeriodSeconds"], ending["kind"].as_str()), (&json!(30), Some("Pod")));
    assert!(lab.object(&path).await["metadata"]["deletionTimestamp"].is_string());
    lab.pass(10);
    assert_eq!(lab.get(&path).await.status, 404);
    let after = pods(&lab, "team-alpha", "shop-web").await;
    assert!(after.len() == 3 && after.iter().all(ready) && !names(&after).contains(&victim), "{:?}", names(&after));
    let new: Vec<&Value> = after.iter().filter(|pod| !names(&before).contains(text(pod, "/metadata/name"))).collect();
    assert_eq!(new.len(), 1);
    assert_ne!(new[0]["metadata"]["uid"], before[0]["metadata"]["uid"]);
    let forced = text(new[0], "/metadata/name").to_owned();
    lab.send("DELETE", &format!("{PODS}/team-alpha/pods/{forced}?gracePeriodSeconds=0"), JSON, &json!({})).await;
    assert_eq!(lab.get(&format!("{PODS}/team-alpha/pods/{forced}")).await.status, 404);
    let database = "/api/v1/namespaces/team-alpha/pods/shop-db-0";
    let uid = lab.object(database).await["metadata"]["uid"].clone();
    lab.send("DELETE", database, JSON, &json!({})).await;
    lab.pass(8);
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
    lab.pass(10);
    assert_eq!(lab.send("POST", &path(&all[1]), JSON, &body(&all[1])).await.status, 201);
    lab.pass(10);
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

async fn renew(lab: &Lab, path: &str) {
    let mut certificate = lab.object(path).await;
    let generation = certificate["metadata"]["generation"].clone();
    let mut conditions = certificate["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.retain(|one| one["type"] != "Issuing");
    conditions.push(json!({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "Certificate re-issuance manually triggered",
        "observedGeneration": generation, "lastTransitionTime": "2026-11-21T10:00:00Z"}));
    certificate["status"]["conditions"] = json!(conditions);
    assert_eq!(lab.send("PUT", &format!("{path}/status"), JSON, &certificate).await.status, 200);
}

#[tokio::test]
async fn a_renewal_by_hand_gives_a_new_revision_or_one_failure_more() {
    let lab = platform();
    let at =
        |namespace: &str, name: &str| format!("/apis/cert-manager.io/v1/namespaces/{namespace}/certificates/{name}");
    let grafana = at("monitoring", "grafana-tls");
    let before = lab.object(&grafana).await;
    renew(&lab, &grafana).await;
    assert_eq!(condition(&lab.object(&grafana).await, "Issuing")["reason"], "ManuallyTriggered");
    lab.pass(10);
    let after = lab.object(&grafana).await;
    assert_eq!(after["status"]["revision"], json!(before["status"]["revision"].as_i64().unwrap() + 1));
    assert!(condition(&after, "Issuing").is_null() && condition(&after, "Ready")["status"] == "True");
    assert!(text(&after, "/status/notBefore") > text(&before, "/status/notBefore"));
    assert!(text(&after, "/status/renewalTime") > text(&before, "/status/renewalTime"));
    let request = lab.object("/apis/cert-manager.io/v1/namespaces/monitoring/certificaterequests/grafana-tls-4").await;
    assert_eq!(condition(&request, "Ready")["reason"], "Issued");
    for (namespace, name) in [("logging", "loki-gateway-tls"), ("team-beta", "legacy-tls")] {
        let path = at(namespace, name);
        let before = lab.object(&path).await["status"]["failedIssuanceAttempts"].as_i64().unwrap();
        renew(&lab, &path).await;
        lab.pass(10);
        let after = lab.object(&path).await;
        assert_eq!(after["status"]["failedIssuanceAttempts"], json!(before + 1), "{name}");
        assert_eq!(
            (condition(&after, "Issuing")["status"].as_str(), condition(&after, "Issuing")["reason"].as_str()),
            (Some("False"), Some("Failed"))
        );
    }
}

fn velero(kind: &str, metadata: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "velero.io/v1", "kind": kind, "metadata": metadata, "spec": spec})
}

#[tokio::test]
async fn a_backup_runs_with_progress_and_completes_and_its_log_can_be_fetched() {
    let lab = Lab::new();
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

#[tokio::test]
async fn a_forced_sync_refreshes_a_secret_unless_its_store_fails() {
    let lab = platform();
    let path = "/apis/external-secrets.io/v1/namespaces/team-alpha/externalsecrets/shop-database";
    let sync = |value: &str| json!({"metadata": {"annotations": {"force-sync": value}}});
    let before = lab.object(path).await;
    lab.pass(3);
    lab.patch(path, &sync("1")).await;
    lab.pass(5);
    let after = lab.object(path).await;
    assert!(text(&after, "/status/refreshTime") > text(&before, "/status/refreshTime"));
    lab.control.advance(Duration::from_secs(230));
    let failing = lab.object(path).await;
    assert_eq!(condition(&failing, "Ready")["reason"], "SecretSyncedError");
    lab.patch(path, &sync("2")).await;
    lab.pass(5);
    assert_eq!(lab.object(path).await["status"]["refreshTime"], failing["status"]["refreshTime"]);
}

const ALERTMANAGERS: [&str; 2] = [
    "/api/v1/namespaces/monitoring/pods/http:alertmanager-monitoring-kube-prometheus-alertmanager-0:9093/proxy/api/v2",
    "/api/v1/namespaces/monitoring/pods/http:alertmanager-monitoring-kube-prometheus-alertmanager-1:9093/proxy/api/v2",
];

/// A silence of one alert, with times as seconds from the demo's now.
fn silence(lab: &Lab, id: &str, starts: i64, ends: i64) -> Value {
    let now = lab.control.with_world(|world| world.now());
    let at = |seconds: i64| (now + jiff::SignedDuration::from_secs(seconds)).to_string();
    json!({"id": id, "matchers": [{"name": "alertname", "value": "Watchdog", "isRegex": false, "isEqual": true}],
        "startsAt": at(starts), "endsAt": at(ends), "createdBy": "alice", "comment": "window W1"})
}

async fn state(lab: &Lab, replica: usize) -> String {
    let alerts = lab.object(&format!("{}/alerts?filter=alertname%3DWatchdog", ALERTMANAGERS[replica])).await;
    text(&alerts, "/0/status/state").to_owned()
}

#[tokio::test]
async fn a_silence_told_to_one_alertmanager_reaches_the_other_and_ends_on_both() {
    let lab = Lab::new();
    let [first, second] = ALERTMANAGERS;
    let made = lab.send("POST", &format!("{first}/silences"), JSON, &silence(&lab, "", 0, 3600)).await;
    let id = text(&made.json(), "/silenceID").to_owned();
    assert_eq!((made.status, state(&lab, 0).await.as_str()), (200, "suppressed"));
    lab.pass(2);
    assert_eq!(state(&lab, 1).await, "suppressed");
    let ended = lab.send("DELETE", &format!("{second}/silence/{id}"), JSON, &json!({})).await;
    assert_eq!((ended.status, state(&lab, 1).await.as_str()), (200, "active"));
    lab.pass(2);
    assert_eq!(state(&lab, 0).await, "active");
    assert_eq!(
        lab.send("DELETE", &format!("{first}/silence/{id}"), JSON, &json!({})).await.status,
        200,
        "it has expired already"
    );
    assert_eq!(lab.send("DELETE", &format!("{first}/silence/none"), JSON, &json!({})).await.status, 404);
}

#[tokio::test]
async fn an_extended_silence_keeps_its_id_and_a_changed_or_expired_one_gets_another() {
    let lab = Lab::new();
    let all = format!("{}/silences", ALERTMANAGERS[0]);
    let post = async |body: &Value| text(&lab.send("POST", &all, JSON, body).await.json(), "/silenceID").to_owned();
    let mut body = silence(&lab, "", 0, 600);
    let first = post(&body).await;
    let stored = lab.object(&format!("{}/silence/{first}", ALERTMANAGERS[0])).await;
    body["id"] = json!(first);
    body["startsAt"] = stored["startsAt"].clone();
    body["endsAt"] = silence(&lab, "", 0, 7200)["endsAt"].clone();
    assert_eq!(post(&body).await, first);
    body["matchers"][0]["value"] = json!("TargetDown");
    let second = post(&body).await;
    assert_ne!(second, first);
    assert_eq!(text(&lab.object(&format!("{}/silence/{first}", ALERTMANAGERS[0])).await, "/status/state"), "expired");
    lab.send("DELETE", &format!("{}/silence/{second}", ALERTMANAGERS[0]), JSON, &json!({})).await;
    body["id"] = json!(second);
    assert_ne!(post(&body).await, second);
    for (wrong, code, words) in [
        (silence(&lab, "", 60, 60), 400, "start time must be before end time"),
        (silence(&lab, "", -600, -60), 400, "end time can't be in the past"),
        (silence(&lab, "unknown", 0, 60), 404, "not found"),
    ] {
        let answer = lab.send("POST", &all, JSON, &wrong).await;
        assert!(answer.status == code && answer.text().contains(words), "{}", answer.text());
    }
    let mut broad = silence(&lab, "", 0, 60);
    broad["matchers"][0] = json!({"name": "alertname", "value": ".*", "isRegex": true});
    let answer = lab.send("POST", &all, JSON, &broad).await;
    assert!(answer.status == 400 && answer.text().contains("must not match the empty string"), "{}", answer.text());
}

#[tokio::test]
async fn nothing_moves_in_a_quiet_platform_until_somebody_writes_and_only_that_then() {
    let lab = Lab::new();
    let versions =
        async |lab: &Lab| {
            let mut all = Vec::new();
            for path in [
                "/api/v1/pods",
                "/apis/apps/v1/deployments",
                "/apis/helm.toolkit.fluxcd.io/v2/helmreleases",
                "/apis/velero.io/v1/backups",
            ] {
                let list = lab.object(path).await;
                all.extend(list["items"].as_array().unwrap().iter().map(|one| {
                    (text(one, "/metadata/uid").to_owned(), text(one, "/metadata/resourceVersion").to_owned())
                }));
            }
            all
        };
    let before = versions(&lab).await;
    lab.pass(60);
    assert_eq!(versions(&lab).await, before);
    lab.patch(&format!("{HELM}/team-alpha/helmreleases/shop"), &token("t")).await;
    lab.pass(10);
    let after = versions(&lab).await;
    assert_eq!(before.iter().zip(&after).filter(|(before, after)| before != after).count(), 1);
}
