//! Silences, sent to one Alertmanager and heard by the other.

use serde_json::{Value, json};

use super::text;
use crate::lab::{JSON, Lab};

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
