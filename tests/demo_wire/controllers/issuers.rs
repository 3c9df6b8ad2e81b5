//! Certificates that are renewed by hand, and secrets that are synced.

use std::time::Duration;

use serde_json::json;

use super::{condition, platform, text};
use crate::lab::{JSON, Lab};

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
