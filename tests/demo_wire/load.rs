//! Synthetic load and churn over the wire.

use std::collections::HashSet;

use watchkeeper::demo::Options;

use crate::lab::{Lab, TABLE};

fn loaded(churn: f64) -> Lab {
    Lab::with(Options { pods: 2000, churn, story: "quiet".to_owned(), ..Options::default() })
}

#[tokio::test]
async fn synthetic_pods_are_listed_beside_the_storys_own() {
    let lab = loaded(0.0);
    let own = lab.control.with_world(|world| world.list("Pod").len());
    let whole = lab.get("/api/v1/pods").await;
    let names = whole.names();
    assert_eq!(names.len(), 2000 + own);
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = lab.get(&format!("/api/v1/pods?limit=500&continue={token}")).await;
        paged.extend(page.names());
        match page.json()["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(paged, names);
    let rows = lab.accept(TABLE, "/api/v1/pods?limit=2500").await.json();
    assert_eq!(rows["rows"].as_array().unwrap().len(), names.len());
    assert!(lab.get("/api/v1/nodes").await.names().len() >= 500);
    assert!(lab.get("/api/v1/namespaces").await.names().len() >= 200);
}

#[tokio::test]
async fn one_synthetic_pod_can_be_read_selected_and_its_log_too() {
    let lab = loaded(0.0);
    let path = "/api/v1/namespaces/load-007/pods";
    let list = lab.get(path).await;
    assert_eq!(list.names().len(), 10);
    let name = list.names()[3].clone();
    let pod = lab.get(&format!("{path}/{name}")).await.json();
    assert_eq!((pod["kind"].as_str(), pod["metadata"]["name"].as_str()), (Some("Pod"), Some(name.as_str())));
    let node = pod["spec"]["nodeName"].as_str().unwrap();
    let beside = lab.get(&format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")).await;
    assert!(beside.names().contains(&name) && beside.names().len() < 50);
    let refused = lab.get(&format!("{path}/{name}/log")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["message"].as_str().unwrap().contains("choose one of: [api mesh]"));
    let log = lab.get(&format!("{path}/{name}/log?container=api&tailLines=4&timestamps=true")).await;
    assert_eq!((log.status, log.text().lines().count()), (200, 4));
    let metrics = lab.get("/apis/metrics.k8s.io/v1beta1/namespaces/load-007/pods").await.json();
    assert_eq!(metrics["items"].as_array().unwrap().len(), 10);
    assert!(metrics["items"][0]["containers"][0]["usage"]["cpu"].as_str().unwrap().ends_with('n'));
    assert_eq!(lab.get("/apis/metrics.k8s.io/v1beta1/pods?watch=1").await.status, 405);
}

#[tokio::test]
async fn churn_sends_one_modified_pod_per_chunk() {
    let lab = loaded(200.0);
    let list = lab.get("/api/v1/pods?limit=1").await.json();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut frames = lab.watch(&format!("/api/v1/pods?watch=1&resourceVersion={version}")).await;
    let (mut newest, mut names) = (0, HashSet::new());
    for _ in 0..100 {
        let event = frames.next().await.unwrap();
        assert_eq!(event["type"], "MODIFIED");
        let version: u64 = event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        assert!(version > newest);
        newest = version;
        names.insert(event["object"]["metadata"]["name"].as_str().unwrap().to_owned());
    }
    assert!(names.len() > 50, "only {} different pods changed", names.len());
}

#[tokio::test]
async fn churn_without_synthetic_pods_moves_the_storys_own() {
    let lab = Lab::with(Options { churn: 50.0, story: "quiet".to_owned(), ..Options::default() });
    let mut frames = lab.watch("/api/v1/pods?watch=1&resourceVersion=1001").await;
    while frames.next().await.unwrap()["type"] != "MODIFIED" {}
}
