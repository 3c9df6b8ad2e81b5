//! Tokens, suspends, forced and reset releases, and what a parent reverts.

use std::time::Duration;

use serde_json::{Value, json};

use super::{HELM, condition, platform, text, until};
use crate::lab::{Lab, MERGE};

fn token(object: &str) -> Value {
    json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": object}}})
}

#[tokio::test]
async fn a_release_notes_the_token_progresses_and_is_ready() {
    let lab = Lab::new();
    lab.control.set_step(Duration::from_secs(10));
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
    assert_eq!(frozen["status"]["observedGeneration"], json!(generation), "seen, and left alone");
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
async fn a_resource_set_is_switched_by_its_annotation_alone() {
    let lab = Lab::new();
    let path = "/apis/fluxcd.controlplane.io/v1/namespaces/flux-system/resourcesets/tenants";
    let switch = |to: &str| json!({"metadata": {"annotations": {"fluxcd.controlplane.io/reconcile": to}}});
    let ready = |object: &serde_json::Value| condition(object, "Ready")["lastTransitionTime"].clone();
    let before = lab.object(path).await;
    assert_eq!(condition(&before, "Ready")["observedGeneration"], before["metadata"]["generation"]);
    lab.patch(path, &switch("disabled")).await;
    lab.patch(path, &token("t1")).await;
    lab.pass(8);
    let off = lab.object(path).await;
    assert_eq!(off["status"]["lastHandledReconcileAt"], "t1", "the token is noted although nothing runs");
    assert_eq!(ready(&off), ready(&before));
    assert_eq!(off["metadata"]["generation"], before["metadata"]["generation"]);
    lab.patch(path, &switch("enabled")).await;
    lab.pass(8);
    let on = lab.object(path).await;
    assert_ne!(ready(&on), ready(&before), "the annotation alone has it reconciled");
    assert!(on["status"]["observedGeneration"].is_null());
    lab.patch(path, &token("t2")).await;
    lab.pass(8);
    assert_eq!(lab.object(path).await["status"]["lastHandledReconcileAt"], "t2");
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
async fn another_chart_version_is_upgraded_to_and_its_chart_follows() {
    let lab = Lab::new();
    let path = format!("{HELM}/team-beta/helmreleases/orders");
    let before = lab.object(&path).await["status"]["history"][0]["version"].as_i64().unwrap();
    lab.patch(&path, &json!({"spec": {"chart": {"spec": {"version": "0.9.5"}}}})).await;
    lab.pass(8);
    let after = lab.object(&path).await;
    let newest = &after["status"]["history"][0];
    assert_eq!((&newest["version"], &newest["chartVersion"]), (&json!(before + 1), &json!("0.9.5")));
    assert_eq!(after["status"]["observedGeneration"], after["metadata"]["generation"]);
    let chart =
        lab.object("/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/helmcharts/team-beta-orders").await;
    assert_eq!(chart["status"]["artifact"]["revision"], "0.9.5");
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

#[tokio::test]
async fn a_suspend_against_git_is_taken_back_at_the_parent_s_next_interval() {
    let lab = Lab::new();
    let path = format!("{HELM}/team-alpha/helmreleases/shop");
    lab.control.with_world(|world| world.declare_running("HelmRelease", "team-alpha", "shop"));
    lab.patch(&path, &json!({"spec": {"suspend": true}})).await;
    lab.pass(10);
    assert_eq!(lab.object(&path).await["spec"]["suspend"], true);
    lab.control.advance(Duration::from_mins(1));
    let reverted = lab.object(&path).await;
    assert_eq!(reverted["spec"]["suspend"], false);
    let entries = reverted["metadata"]["managedFields"].as_array().unwrap();
    let by = entries.iter().find(|entry| entry["fieldsV1"]["f:spec"]["f:suspend"].is_object()).unwrap();
    assert_eq!((text(by, "/manager"), text(by, "/operation")), ("kustomize-controller", "Apply"));
}
