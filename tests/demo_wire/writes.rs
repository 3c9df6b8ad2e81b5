//! Writes: what the API server takes, what it refuses and in which words, and what it notes down.

use serde_json::{Value, json};
use watchkeeper::demo::Faults;
use watchkeeper::demo::faults::{Act, Rule};

use crate::lab::{Answer, JSON, JSON_PATCH, Lab, MERGE, STRATEGIC};

const SHOP: &str = "/apis/apps/v1/namespaces/team-alpha/deployments/shop-web";
const RELEASE: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/team-alpha/helmreleases/shop";
const MAPS: &str = "/api/v1/namespaces/wire/configmaps";
const BACKUPS: &str = "/apis/velero.io/v1/namespaces/velero/backups";

fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    assert_eq!((body["kind"].as_str(), body["status"].as_str()), (Some("Status"), Some("Failure")), "{body}");
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    (answer.status, text("reason"), text("message"))
}

fn refused(answer: &Answer, code: u16, reason: &str, words: &str) {
    let (status, why, message) = refusal(answer);
    assert_eq!((status, why.as_str()), (code, reason), "{message}");
    assert!(message.contains(words), "{message:?} lacks {words:?}");
}

fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

#[tokio::test]
async fn each_patch_type_changes_a_builtin_object_in_its_own_way() {
    let lab = Lab::new();
    let merged = lab.patch(SHOP, &json!({"metadata": {"annotations": {"a": "1"}}, "spec": {"paused": true}})).await;
    assert_eq!((merged.status, &merged.json()["spec"]["paused"]), (200, &json!(true)));
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "x:2"}]}}}});
    let strategic = lab.send("PATCH", SHOP, STRATEGIC, &image).await.json();
    let container = &strategic["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "x:2");
    assert!(container["ports"].is_array(), "what was not named stays");
    let operations =
        json!([{"op": "test", "path": "/spec/paused", "value": true}, {"op": "remove", "path": "/spec/paused"}]);
    let json = lab.send("PATCH", SHOP, JSON_PATCH, &operations).await.json();
    assert!(json["spec"]["paused"].is_null());
    let failing = lab.send("PATCH", SHOP, JSON_PATCH, &operations).await;
    refused(&failing, 422, "Invalid", "the server rejected our request");
}

#[tokio::test]
async fn a_patch_of_an_unknown_type_and_a_strategic_one_of_a_custom_kind_are_415() {
    let lab = Lab::new();
    for (path, kind) in
        [(RELEASE, STRATEGIC), (SHOP, "application/apply-patch+yaml"), (SHOP, JSON), (RELEASE, "text/plain")]
    {
        let answer = lab.send("PATCH", path, kind, &json!({"spec": {}})).await;
        refused(&answer, 415, "UnsupportedMediaType", "accepted media types include: application/json-patch+json");
    }
    assert_eq!(lab.send("PATCH", RELEASE, JSON_PATCH, &json!([])).await.status, 200);
}

#[tokio::test]
async fn a_rehearsal_answers_as_if_and_stores_nothing() {
    let lab = Lab::new();
    let before = lab.object(RELEASE).await;
    let answer = lab.patch(&format!("{RELEASE}?dryRun=All"), &json!({"spec": {"suspend": true}})).await.json();
    assert_eq!((&answer["spec"]["suspend"], version(&answer)), (&json!(true), version(&before)));
    let backup = json!({"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {"name": "b"}, "spec": {}});
    assert_eq!(lab.send("POST", &format!("{BACKUPS}?dryRun=All"), JSON, &backup).await.status, 201);
    assert_eq!(lab.get(&format!("{BACKUPS}/b")).await.status, 404);
    // where there is a body, the query of a deletion counts for nothing
    let dry = json!({"dryRun": ["All"]});
    assert_eq!(lab.send("DELETE", &format!("{RELEASE}?dryRun=All"), JSON, &dry).await.status, 200);
    assert_eq!(
        lab.send("PATCH", &format!("{SHOP}/scale?dryRun=All"), MERGE, &json!({"spec": {"replicas": 9}})).await.json()["spec"]
            ["replicas"],
        9
    );
    lab.pass(10);
    assert_eq!(lab.object(RELEASE).await, before);
    assert_eq!(lab.object(SHOP).await["spec"]["replicas"], 3);
    let wrong = lab.patch(&format!("{RELEASE}?dryRun=Some"), &json!({})).await;
    refused(&wrong, 422, "Invalid", "supported values: \"All\"");
}

#[tokio::test]
async fn managed_fields_tell_who_suspended_and_when() {
    let lab = Lab::new();
    let suspended = lab.patch(RELEASE, &json!({"spec": {"suspend": true}})).await.json();
    let by = |object: &Value| {
        let entries = object["metadata"]["managedFields"].as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["fieldsV1"]["f:spec"]["f:suspend"].is_object())
    };
    let entry = by(&suspended).expect("somebody did it");
    assert_eq!((&entry["manager"], &entry["operation"]), (&json!("watchkeeper"), &json!("Update")));
    assert!(entry["time"].as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()));
    let resumed = lab.patch(RELEASE, &json!({"spec": {"suspend": null}})).await.json();
    assert!(by(&resumed).is_none());
}

#[tokio::test]
async fn a_write_of_what_was_seen_earlier_conflicts() {
    let lab = Lab::new();
    let seen = lab.object(RELEASE).await;
    let mine = json!({"metadata": {"resourceVersion": version(&seen)}, "spec": {"suspend": true}});
    assert_eq!(lab.patch(RELEASE, &mine).await.status, 200);
    let late =
        lab.patch(RELEASE, &json!({"metadata": {"resourceVersion": version(&seen)}, "spec": {"suspend": null}})).await;
    refused(
        &late,
        409,
        "Conflict",
        "Operation cannot be fulfilled on helmreleases.helm.toolkit.fluxcd.io \"shop\": the object has been modified; please apply your changes to the latest version and try again",
    );
    let put = lab.send("PUT", RELEASE, JSON, &seen).await;
    refused(&put, 409, "Conflict", "the object has been modified");
    let rehearsed = lab.patch(&format!("{RELEASE}?dryRun=All"), &mine).await;
    assert_eq!(rehearsed.status, 409);
}

#[tokio::test]
async fn another_uid_is_invalid_and_another_name_is_a_bad_request() {
    let lab = Lab::new();
    let uid = "11111111-1111-4111-a111-111111111111";
    let answer = lab.patch(RELEASE, &json!({"metadata": {"uid": uid}})).await;
    refused(&answer, 422, "Invalid", "metadata.uid: Invalid value");
    let cause = &answer.json()["details"]["causes"][0];
    assert_eq!((&cause["field"], &cause["reason"]), (&json!("metadata.uid"), &json!("FieldValueInvalid")));
    refused(
        &lab.patch(RELEASE, &json!({"metadata": {"name": "other"}})).await,
        400,
        "BadRequest",
        "the name of the object (other) does not match the name on the URL (shop)",
    );
    refused(&lab.patch(RELEASE, &json!({"metadata": {"namespace": "other"}})).await, 400, "BadRequest", "namespace");
    let own = lab.object(RELEASE).await["metadata"]["uid"].clone();
    assert_eq!(lab.patch(RELEASE, &json!({"metadata": {"uid": own}})).await.status, 200);
    refused(&lab.patch(&RELEASE.replace("shop", "none"), &json!({})).await, 404, "NotFound", "not found");
}

#[tokio::test]
async fn a_generation_rises_with_the_spec_only_and_a_write_of_nothing_keeps_the_version() {
    let lab = Lab::new();
    let before = lab.object(RELEASE).await;
    let same = lab.patch(RELEASE, &json!({"spec": {"interval": before["spec"]["interval"]}})).await.json();
    assert_eq!(version(&same), version(&before));
    let noted = lab.patch(RELEASE, &json!({"metadata": {"annotations": {"x": "y"}}})).await.json();
    assert_ne!(version(&noted), version(&before));
    assert_eq!(noted["metadata"]["generation"], before["metadata"]["generation"]);
    let suspended = lab.patch(RELEASE, &json!({"spec": {"suspend": true}})).await.json();
    assert_eq!(suspended["metadata"]["generation"], json!(before["metadata"]["generation"].as_i64().unwrap() + 1));
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart_except_by_velero_s_kinds() {
    let lab = Lab::new();
    let ignored = lab.patch(RELEASE, &json!({"status": {"failures": 7}})).await.json();
    assert!(ignored["status"]["failures"].is_null());
    let status = lab
        .patch(&format!("{RELEASE}/status"), &json!({"status": {"failures": 7}, "spec": {"suspend": true}}))
        .await
        .json();
    assert_eq!((&status["status"]["failures"], &status["spec"]["suspend"]), (&json!(7), &Value::Null));
    assert_eq!(status["metadata"]["generation"], ignored["metadata"]["generation"]);
    let mut whole = lab.object(&format!("{RELEASE}/status")).await;
    whole["status"]["failures"] = json!(8);
    assert_eq!(lab.send("PUT", &format!("{RELEASE}/status"), JSON, &whole).await.json()["status"]["failures"], 8);
    let list = lab.object(BACKUPS).await;
    let backup = format!("{BACKUPS}/{}", list["items"][0]["metadata"]["name"].as_str().unwrap());
    assert_eq!(lab.patch(&format!("{backup}/status"), &json!({})).await.status, 404);
    let written = lab.patch(&backup, &json!({"status": {"errors": 3}})).await.json();
    assert_eq!((&written["status"]["errors"], &written["metadata"]["generation"]), (&json!(3), &json!(2)));
}

#[tokio::test]
async fn what_is_of_the_wrong_type_or_negative_is_invalid() {
    let lab = Lab::new();
    let negative = lab.patch(SHOP, &json!({"spec": {"replicas": -1}})).await;
    refused(&negative, 422, "Invalid", "spec.replicas: Invalid value: -1: must be greater than or equal to 0");
    assert_eq!(negative.json()["details"]["causes"][0]["field"], "spec.replicas");
    refused(&lab.patch(SHOP, &json!({"spec": {"replicas": "many"}})).await, 422, "Invalid", "cannot unmarshal string");
    refused(
        &lab.patch(RELEASE, &json!({"spec": {"suspend": "yes"}})).await,
        422,
        "Invalid",
        "spec.suspend in body must be of type boolean",
    );
    refused(
        &lab.patch(RELEASE, &json!({"metadata": {"annotations": {"a": 1}}})).await,
        422,
        "Invalid",
        "metadata.annotations",
    );
    refused(
        &lab.patch(SHOP, &json!({"spec": {"selector": {"matchLabels": {"a": "b"}}}})).await,
        422,
        "Invalid",
        "field is immutable",
    );
    let broken = lab.send("PATCH", SHOP, MERGE, &json!("x")).await;
    refused(&broken, 400, "BadRequest", "error decoding patch");
}

#[tokio::test]
async fn a_scale_is_read_and_written_by_itself() {
    let lab = Lab::new();
    let scale = lab.object(&format!("{SHOP}/scale")).await;
    assert_eq!((scale["kind"].as_str(), scale["apiVersion"].as_str()), (Some("Scale"), Some("autoscaling/v1")));
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["replicas"]), (&json!(3), &json!(3)));
    assert!(scale["status"]["selector"].as_str().unwrap().contains("app=shop-web"));
    let patched = lab.patch(&format!("{SHOP}/scale"), &json!({"spec": {"replicas": 4}})).await.json();
    assert_eq!(patched["spec"]["replicas"], 4);
    assert_eq!(lab.object(SHOP).await["spec"]["replicas"], 4);
    refused(
        &lab.patch(&format!("{SHOP}/scale"), &json!({"spec": {"replicas": -2}})).await,
        422,
        "Invalid",
        "Scale.autoscaling \"shop-web\" is invalid",
    );
    let late = json!({"metadata": {"resourceVersion": version(&scale)}, "spec": {"replicas": 2}});
    assert_eq!(lab.patch(&format!("{SHOP}/scale"), &late).await.status, 409);
    let put = lab.send("PUT", &format!("{SHOP}/scale"), JSON, &lab.object(&format!("{SHOP}/scale")).await).await;
    assert_eq!(put.status, 200);
    assert_eq!(lab.get("/apis/apps/v1/namespaces/kube-system/daemonsets/rke2-canal/scale").await.status, 404);
}

#[tokio::test]
async fn objects_are_created_under_a_given_or_a_generated_name_once() {
    let lab = Lab::new();
    let backup =
        |metadata: Value| json!({"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": metadata, "spec": {}});
    let made = lab
        .send("POST", BACKUPS, JSON, &backup(json!({"name": "mine", "uid": "forged", "resourceVersion": "1"})))
        .await;
    assert_eq!((made.status, &made.json()["metadata"]["generation"]), (201, &json!(1)));
    assert_ne!(made.json()["metadata"]["uid"], "forged");
    refused(
        &lab.send("POST", BACKUPS, JSON, &backup(json!({"name": "mine"}))).await,
        409,
        "AlreadyExists",
        "backups.velero.io \"mine\" already exists",
    );
    let generated = lab.send("POST", BACKUPS, JSON, &backup(json!({"generateName": "mine-"}))).await.json();
    let name = generated["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("mine-") && name.len() == 10, "{name}");
    let nameless = lab.send("POST", BACKUPS, JSON, &backup(json!({}))).await;
    refused(&nameless, 422, "Invalid", "metadata.name: Required value: name or generateName is required");
    refused(&lab.send("POST", BACKUPS, JSON, &backup(json!({"name": "Not_Good"}))).await, 422, "Invalid", "RFC 1123");
    refused(
        &lab.send("POST", BACKUPS, JSON, &backup(json!({"name": "x", "namespace": "other"}))).await,
        400,
        "BadRequest",
        "namespace",
    );
    refused(
        &lab.send("POST", BACKUPS, JSON, &json!({"apiVersion": "v1", "kind": "Backup", "metadata": {"name": "x"}}))
            .await,
        400,
        "BadRequest",
        "API version",
    );
    let untyped = lab.send("POST", BACKUPS, JSON, &json!({"metadata": {"name": "x"}})).await;
    refused(&untyped, 400, "BadRequest", "Object 'Kind' is missing");
    let builtin =
        lab.send("POST", "/api/v1/namespaces/velero/configmaps", JSON, &json!({"metadata": {"name": "x"}})).await;
    assert_eq!((builtin.status, builtin.json()["kind"].as_str()), (201, Some("ConfigMap")));
    let nowhere = lab
        .send("POST", &BACKUPS.replace("namespaces/velero", "namespaces/nowhere"), JSON, &backup(json!({"name": "x"})))
        .await;
    refused(&nowhere, 404, "NotFound", "namespaces \"nowhere\" not found");
}

#[tokio::test]
async fn a_delete_with_the_uid_of_another_conflicts_and_a_second_one_finds_nothing() {
    let lab = Lab::new();
    lab.put("a", "red");
    let map = format!("{MAPS}/a");
    let wrong = lab.send("DELETE", &map, JSON, &json!({"preconditions": {"uid": "u"}})).await;
    refused(&wrong, 409, "Conflict", "the UID in the precondition (u) does not match the UID in record");
    let uid = lab.object(&map).await["metadata"]["uid"].clone();
    let gone = lab
        .send(
            "DELETE",
            &map,
            JSON,
            &json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}),
        )
        .await;
    assert_eq!((gone.status, gone.json()["status"].as_str()), (200, Some("Success")));
    assert_eq!(lab.send("DELETE", &map, JSON, &json!({})).await.status, 404);
}

#[tokio::test]
async fn an_object_with_finalizers_stays_until_they_are_gone() {
    let lab = Lab::new();
    lab.put("a", "red");
    let map = format!("{MAPS}/a");
    lab.patch(&map, &json!({"metadata": {"finalizers": ["example.internal/hold"]}})).await;
    let ending = lab.send("DELETE", &map, JSON, &json!({})).await.json();
    assert!(ending["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(lab.get(&map).await.status, 200);
    lab.patch(&map, &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(lab.get(&map).await.status, 404);
}

#[tokio::test]
async fn rights_are_refused_in_rbacs_words_and_reviews_say_the_same() {
    let lab = Lab::new();
    let review = |verb: &str, group: &str, resource: &str, sub: &str, namespace: &str| {
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "subresource": sub, "namespace": namespace}}})
    };
    let team = "/apis/apps/v1/namespaces/team-alpha/deployments/shop-web";
    let eviction = "/api/v1/namespaces/team-alpha/pods/none/eviction";
    let evict = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "none"}});
    for (user, method, path, body, asked, allowed) in [
        (
            "demo",
            "PATCH",
            RELEASE,
            json!({}),
            review("patch", "helm.toolkit.fluxcd.io", "helmreleases", "", "team-alpha"),
            true,
        ),
        (
            "readonly",
            "PATCH",
            RELEASE,
            json!({}),
            review("patch", "helm.toolkit.fluxcd.io", "helmreleases", "", "team-alpha"),
            false,
        ),
        (
            "namespaced",
            "PATCH",
            RELEASE,
            json!({}),
            review("patch", "helm.toolkit.fluxcd.io", "helmreleases", "", "team-alpha"),
            false,
        ),
        ("namespaced", "PATCH", team, json!({}), review("patch", "apps", "deployments", "", "team-alpha"), true),
        (
            "namespaced",
            "PATCH",
            &format!("{team}/scale"),
            json!({}),
            review("patch", "apps", "deployments", "scale", "team-alpha"),
            true,
        ),
        (
            "namespaced",
            "PATCH",
            "/apis/apps/v1/namespaces/team-beta/deployments/orders",
            json!({}),
            review("patch", "apps", "deployments", "", "team-beta"),
            false,
        ),
        (
            "namespaced",
            "DELETE",
            "/api/v1/namespaces/team-alpha/pods/none",
            json!({}),
            review("delete", "", "pods", "", "team-alpha"),
            false,
        ),
        ("namespaced", "POST", eviction, evict.clone(), review("create", "", "pods", "eviction", "team-alpha"), true),
        ("readonly", "POST", eviction, evict.clone(), review("create", "", "pods", "eviction", "team-alpha"), false),
        ("nobody", "PATCH", team, json!({}), review("patch", "apps", "deployments", "", "team-alpha"), false),
        ("readonly", "PATCH", "/api/v1/nodes/worker-1", json!({}), review("patch", "", "nodes", "", ""), false),
    ] {
        let kind = if method == "PATCH" { MERGE } else { JSON };
        let answer = lab.send_as(user, method, path, kind, &body).await;
        assert_eq!(answer.status != 403, allowed, "{user} {method} {path}: {}", answer.text());
        let said = lab.post(user, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &asked).await.json();
        assert_eq!(said["status"]["allowed"], allowed, "{user} {asked}");
    }
    let words = lab.send_as("readonly", "PATCH", &format!("{team}/scale"), MERGE, &json!({})).await;
    refused(
        &words,
        403,
        "Forbidden",
        "deployments.apps \"shop-web\" is forbidden: User \"readonly\" cannot patch resource \"deployments/scale\" in API group \"apps\" in the namespace \"team-alpha\"",
    );
    let create = lab.send_as("readonly", "POST", BACKUPS, JSON, &json!({})).await;
    refused(
        &create,
        403,
        "Forbidden",
        "backups.velero.io is forbidden: User \"readonly\" cannot create resource \"backups\" in API group \"velero.io\" in the namespace \"velero\"",
    );
    let me = lab.post("namespaced", "/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await.json();
    assert_eq!(me["status"]["userInfo"]["username"], "namespaced");
}

#[tokio::test]
async fn a_webhook_can_deny_a_write_and_reads_go_on() {
    let lab = Lab::new();
    let rule = Rule::new(Act::Deny("suspending is not allowed here".to_owned())).path(RELEASE).verb("patch");
    lab.control.set_faults(Faults::one(rule));
    let denied = lab.patch(RELEASE, &json!({"spec": {"suspend": true}})).await;
    let (code, _, message) = refusal(&denied);
    assert_eq!(
        (code, message.as_str()),
        (
            400,
            "admission webhook \"validate.policies.example.internal\" denied the request: suspending is not allowed here"
        )
    );
    assert!(lab.object(RELEASE).await["spec"]["suspend"].is_null());
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 400, "message": "own words"});
    let whole = Act::Status { code: 400, retry_after: None, body: Some(body.to_string()) };
    lab.control.set_faults(Faults::one(Rule::new(whole).verb("PATCH")));
    assert_eq!(refusal(&lab.patch(RELEASE, &json!({})).await).2, "own words");
}

#[tokio::test]
async fn a_lost_answer_leaves_its_write_behind() {
    let lab = Lab::new();
    lab.control.set_faults(Faults::one(Rule::new(Act::Lose).path(RELEASE).verb("patch").only(1, 1)));
    let body = json!({"spec": {"suspend": true}}).to_string();
    let sent = lab.request("PATCH", RELEASE).header("content-type", MERGE).body(body).send().await;
    assert!(sent.is_err(), "nothing may be answered");
    assert_eq!(lab.object(RELEASE).await["spec"]["suspend"], true);
}

#[tokio::test]
async fn an_object_of_an_older_version_is_written_in_that_version() {
    let lab = Lab::new();
    lab.control.with_world(|world| world.serve_version("helm.toolkit.fluxcd.io", "v2beta2"));
    let old = RELEASE.replace("/v2/", "/v2beta2/");
    let answer = lab.patch(&old, &json!({"spec": {"suspend": true}})).await.json();
    assert_eq!(
        (&answer["apiVersion"], &answer["spec"]["suspend"]),
        (&json!("helm.toolkit.fluxcd.io/v2beta2"), &json!(true))
    );
    assert_eq!(lab.patch(RELEASE, &json!({})).await.status, 404);
}

#[tokio::test]
async fn kubes_own_client_restarts_scales_evicts_and_deletes() {
    use k8s_openapi::api::apps::v1::Deployment;
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::{Api, DeleteParams, EvictParams, ListParams, Patch, PatchParams, Preconditions};
    let lab = Lab::new();
    lab.control.set_step(std::time::Duration::from_mins(1));
    let file = kube::config::Kubeconfig::read_from(lab.demo.kubeconfig()).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default()).await.unwrap();
    // It would ask again until the budget has room.
    config.default_retry = false;
    let client = kube::Client::try_from(config).unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "team-alpha");
    let restarted = deployments.restart("shop-web").await.unwrap();
    assert_eq!(restarted.metadata.generation, Some(2));
    let params = PatchParams { field_manager: Some("watchkeeper".to_owned()), ..PatchParams::default() };
    let scale =
        deployments.patch_scale("shop-web", &params, &Patch::Merge(json!({"spec": {"replicas": 2}}))).await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(2));
    let pods: Api<Pod> = Api::namespaced(client, "team-alpha");
    let all = pods.list(&ListParams::default().labels("app=payments")).await.unwrap();
    let name = all.items[0].metadata.name.clone().unwrap();
    pods.evict(&name, &EvictParams::default()).await.unwrap();
    let other = all.items[1].metadata.name.clone().unwrap();
    let Err(kube::Error::Api(refused)) = pods.evict(&other, &EvictParams::default()).await else {
        panic!("its budget is spent");
    };
    assert_eq!(refused.code, 429);
    let stale = DeleteParams {
        preconditions: Some(Preconditions { uid: Some("u".to_owned()), ..Preconditions::default() }),
        ..DeleteParams::default()
    };
    let Err(kube::Error::Api(conflict)) = pods.delete(&other, &stale).await else { panic!("that is another pod") };
    assert_eq!(conflict.code, 409);
    let left = pods.delete(&other, &DeleteParams::default().grace_period(5)).await.unwrap().left().unwrap();
    assert_eq!(left.metadata.deletion_grace_period_seconds, Some(5));
}

#[tokio::test]
async fn a_delayed_write_is_carried_out_after_its_delay() {
    let lab = Lab::new();
    let delay = std::time::Duration::from_millis(300);
    lab.control.set_faults(Faults::one(Rule::new(Act::Delay(delay)).path(RELEASE).verb("patch")));
    let started = tokio::time::Instant::now();
    assert_eq!(lab.patch(RELEASE, &json!({"spec": {"suspend": true}})).await.status, 200);
    assert!(started.elapsed() >= delay);
    assert_eq!(lab.object(RELEASE).await["spec"]["suspend"], true);
}

#[tokio::test]
async fn discovery_tells_which_verbs_and_subresources_there_are() {
    let lab = Lab::new();
    let list = lab.object("/api/v1").await;
    let find =
        |name: &str| list["resources"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned().unwrap();
    assert!(find("pods")["verbs"].as_array().unwrap().contains(&json!("patch")));
    let eviction = find("pods/eviction");
    assert_eq!(
        (&eviction["group"], &eviction["version"], &eviction["kind"]),
        (&json!("policy"), &json!("v1"), &json!("Eviction"))
    );
    let velero = lab.object("/apis/velero.io/v1").await;
    assert!(velero["resources"].as_array().unwrap().iter().all(|one| one["name"] != "backups/status"));
}
