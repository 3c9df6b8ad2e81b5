//! The instances of a service that discovery found: every replica by itself where its pod may be asked, else the
//! Service in front of them. A Service answers from any replica, so what it says may flip from one request to the next.

use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::discovery::Discovered;
use super::http::{Endpoint, Http, ProxyTarget};
use crate::config::{ServiceMode, ServiceName};
use crate::domain::served::escape;

const DEADLINE: Duration = Duration::from_secs(10);

/// Those of one service; `app` is the label of its pods, `port` where they listen.
pub async fn of(cluster: &Cluster, discovered: &Discovered, name: ServiceName, app: &str, port: u16) -> Vec<Http> {
    let settings = cluster.settings.service(name);
    match settings.effective_mode() {
        ServiceMode::Off => return Vec::new(),
        ServiceMode::Url => return Http::direct(&settings, &cluster.settings.env).into_iter().collect(),
        ServiceMode::Auto => {}
    }
    let Some(best) = discovered.best(name) else { return Vec::new() };
    let settings = best.settings(&settings);
    if !settings.headers.is_empty() {
        // they are for the Service that the configuration names, and no pod was named
        return front(cluster, discovered, name).into_iter().collect();
    }
    let mut pods = Vec::new();
    for pod in ready_pods(cluster, &best.endpoint.namespace, app).await {
        let endpoint = Endpoint {
            target: ProxyTarget::Pod,
            namespace: best.endpoint.namespace.clone(),
            name: pod,
            tls: best.endpoint.tls,
            port: port.to_string(),
        };
        pods.extend(Http::through(cluster, &endpoint, &settings));
    }
    let ready = futures::future::join_all(pods.iter().map(|pod| pod.get("/-/ready", DEADLINE))).await;
    if ready.iter().any(|answer| answer.as_ref().is_ok_and(|a| a.status == 200 && a.from_api_server().is_none())) {
        return pods;
    }
    front(cluster, discovered, name).into_iter().collect()
}

/// The Service, or the configured address: what a write goes to, which one replica takes and the others hear of.
pub fn front(cluster: &Cluster, discovered: &Discovered, name: ServiceName) -> Option<Http> {
    let settings = cluster.settings.service(name);
    match settings.effective_mode() {
        ServiceMode::Off => None,
        ServiceMode::Url => Http::direct(&settings, &cluster.settings.env).ok(),
        ServiceMode::Auto => {
            let best = discovered.best(name)?;
            Http::through(cluster, &best.endpoint, &best.settings(&settings)).ok()
        }
    }
}

async fn ready_pods(cluster: &Cluster, namespace: &str, app: &str) -> Vec<String> {
    let namespace = escape(namespace);
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io%2Fname%3D{app}&limit=20");
    let answer = Http::api(cluster).get(&path, DEADLINE).await.and_then(|a| a.into_result()?.json::<Value>());
    let list = answer.unwrap_or_default();
    let pods = list.pointer("/items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_ready = |pod: &&Value| {
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
    };
    pods.iter().filter(is_ready).filter_map(|pod| pod.pointer("/metadata/name")?.as_str().map(str::to_owned)).collect()
}
