//! Logs, the proxy, both forms of events, and what the server adds to objects.

use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::Lab;

fn pod(name: &str, status: &Value, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "wire", "labels": {"app": "web"}},
        "spec": {"nodeName": node, "containers": [{"name": "main", "ports": [{"name": "web", "containerPort": 8080}]}]},
        "status": status,
    })
}

fn container(state: &Value, last: &Value) -> Value {
    json!({"phase": "Running", "containerStatuses": [{"name": "main", "restartCount": 0, "state": state, "lastState": last}]})
}

#[tokio::test]
async fn logs_that_cannot_be_are_refused_as_the_kubelet_does() {
    let lab = Lab::new();
    let none = json!({});
    lab.control.with_world(|world| {
        world.apply(pod("unscheduled", &json!({"phase": "Pending"}), ""));
        world.apply(pod("pulling", &container(&json!({"waiting": {"reason": "ImagePullBackOff"}}), &none), "n"));
        world.apply(pod("creating", &container(&json!({"waiting": {"reason": "ContainerCreating"}}), &none), "n"));
        world.apply(pod("fresh", &container(&json!({"running": {}}), &none), "n"));
    });
    let path = "/api/v1/namespaces/wire/pods";
    let empty = lab.get(&format!("{path}/unscheduled/log")).await;
    assert_eq!((empty.status, empty.body.len()), (204, 0));
    for (query, code, message) in [
        ("none/log", 404, "pods \"none\" not found"),
        (
            "pulling/log",
            400,
            "container \"main\" in pod \"pulling\" is waiting to start: trying and failing to pull image",
        ),
        ("creating/log", 400, "container \"main\" in pod \"creating\" is waiting to start: ContainerCreating"),
        ("fresh/log?previous=true", 400, "previous terminated container \"main\" in pod \"fresh\" not found"),
        ("fresh/log?container=side", 400, "container side is not valid for pod fresh"),
    ] {
        let answer = lab.get(&format!("{path}/{query}")).await;
        assert_eq!((answer.status, answer.json()["message"].as_str()), (code, Some(message)));
    }
    assert_eq!(lab.get(&format!("{path}/fresh/log?tailLines=x")).await.status, 422);
    assert_eq!(lab.get(&format!("{path}/fresh/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z")).await.status, 422);
}

#[tokio::test]
async fn a_followed_log_ends_with_its_pod() {
    let lab = Lab::new();
    // Any running pod of the story with one container.
    let (namespace, name) = lab.control.with_world(|world| {
        let running = |pod: &&Value| {
            pod["spec"]["containers"].as_array().is_some_and(|containers| containers.len() == 1)
                && pod["status"]["containerStatuses"][0]["state"]["running"].is_object()
        };
        let pod = world.list("Pod").into_iter().find(running).expect("a running pod in the quiet story").clone();
        let text = |key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
        (text("namespace"), text("name"))
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/log");
    let whole = lab.get(&path).await;
    assert_eq!(whole.status, 200);
    let mut frames = lab.watch(&format!("{path}?follow=true")).await;
    lab.control.with_world(|world| assert!(world.remove("Pod", &namespace, &name)));
    lab.control.advance(Duration::from_secs(1));
    let mut followed = Vec::new();
    while let Some(chunk) = frames.chunk().await.unwrap() {
        followed.extend(chunk);
    }
    assert!(followed.starts_with(&whole.body[..whole.body.len().min(20)]));
}

#[tokio::test]
async fn the_proxy_finds_ready_pods_and_says_when_there_are_none() {
    let lab = Lab::new();
    let ready = |ip: &str, word: &str| json!({"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": word}]});
    lab.control.with_world(|world| {
        world.apply(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "wire"},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]},
        }));
        world.apply(pod("unready", &ready("10.9.9.1", "False"), "n"));
    });
    let path = "/api/v1/namespaces/wire/services/http:web:80/proxy/ready";
    let none = lab.get(path).await;
    assert_eq!(
        (none.status, none.json()["message"].as_str()),
        (503, Some("no endpoints available for service \"web\""))
    );
    assert_eq!(none.json()["reason"], "ServiceUnavailable");
    lab.control.with_world(|world| world.apply(pod("ready", &ready("10.9.9.2", "True"), "n")));
    // Nothing listens on this port, but the pod and its named port were found.
    for path in
        [path, "/api/v1/namespaces/wire/services/web:http/proxy/", "/api/v1/namespaces/wire/pods/ready:8080/proxy/x"]
    {
        let refused = lab.get(path).await;
        assert_eq!(
            (refused.status, refused.json()["message"].as_str()),
            (503, Some("error trying to reach service: dial tcp 10.9.9.2:8080: connect: connection refused")),
            "{path}"
        );
    }
    lab.control.with_world(|world| {
        world.edit("Service", "wire", "web", |service| service["spec"]["publishNotReadyAddresses"] = json!(true));
    });
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        seen.insert(lab.get(path).await.json()["message"].as_str().unwrap().contains("10.9.9.1"));
    }
    assert_eq!(seen.len(), 2, "one of two replicas never answered");
    assert_eq!(lab.get("/api/v1/namespaces/wire/services/none:80/proxy/").await.status, 404);
    assert_eq!(lab.get("/api/v1/namespaces/wire/services/web:81/proxy/").await.status, 503);
    assert_eq!(lab.get("/api/v1/namespaces/wire/services/ftp:web:80/proxy/").await.status, 400);
}

#[tokio::test]
async fn an_event_is_served_by_both_of_its_apis() {
    let lab = Lab::new();
    lab.control.with_world(|world| {
        world.apply(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e1", "namespace": "wire"},
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": "wire"},
            "reason": "BackOff", "type": "Warning", "message": "back-off restarting", "count": 3,
        }));
    });
    let core =
        lab.get("/api/v1/namespaces/wire/events?fieldSelector=involvedObject.name%3Dp,reason%3DBackOff").await.json();
    assert_eq!(core["items"][0]["message"], "back-off restarting");
    let new = lab
        .get("/apis/events.k8s.io/v1/namespaces/wire/events?fieldSelector=regarding.name%3Dp,type%3DWarning")
        .await
        .json();
    assert_eq!(
        (new["items"][0]["note"].as_str(), new["items"][0]["deprecatedCount"].as_i64()),
        (Some("back-off restarting"), Some(3))
    );
    assert_eq!(lab.get("/api/v1/namespaces/wire/events?fieldSelector=involvedObject.name%3Dq").await.names().len(), 0);
    assert_eq!(lab.get("/apis/events.k8s.io/v1/events?fieldSelector=involvedObject.name%3Dp").await.status, 400);
}

#[tokio::test]
async fn an_object_gets_what_the_server_adds() {
    let lab = Lab::new();
    lab.put("a", "red");
    let object = lab.get("/api/v1/namespaces/wire/configmaps/a").await.json();
    let metadata = &object["metadata"];
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert_eq!(metadata["generation"], 1);
    assert!(metadata["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 1000);
    assert!(metadata["managedFields"][0]["fieldsV1"]["f:data"]["f:color"].is_object());
    assert!(metadata["creationTimestamp"].as_str().unwrap().ends_with('Z'));
}
