//! Alertmanager, where silences are written and read back: looked for each time, since it may have moved.

use std::time::Duration;

use serde_json::Value;

use crate::clients::cluster::Cluster;
use crate::clients::http::Http;
use crate::clients::{discovery, instances};
use crate::config::{ServiceMode, ServiceName};
use crate::domain::plan::{Method, Right};

/// The right that a write to Alertmanager needs, where it is reached through the API server's proxy.
pub async fn right(cluster: &Cluster, method: Method) -> Option<Right> {
    if cluster.settings.service(ServiceName::Alertmanager).effective_mode() != ServiceMode::Auto {
        return None;
    }
    let found = discovery::discover(cluster).await.ok()?;
    let endpoint = &found.best(ServiceName::Alertmanager)?.endpoint;
    Some(Right {
        verb: if method == Method::Delete { "delete" } else { "create" }.to_owned(),
        group: String::new(),
        resource: "services".to_owned(),
        sub: "proxy".to_owned(),
        namespace: endpoint.namespace.clone(),
        name: endpoint.proxy_name(),
    })
}

/// What a write goes to, and every replica.
pub async fn alertmanager(cluster: &Cluster) -> Result<(Http, Vec<Http>), String> {
    let found = discovery::discover(cluster).await;
    let found = found.map_err(|error| format!("Alertmanager cannot be looked for: {}", error.headline()))?;
    let name = ServiceName::Alertmanager;
    let front = instances::front(cluster, &found, name);
    let front = front.ok_or_else(|| {
        found
            .trouble(name, &cluster.settings.service(name))
            .unwrap_or_else(|| "no Alertmanager is known: silences are not to be had here".to_owned())
    })?;
    Ok((front, instances::of(cluster, &found, name, "alertmanager", 9093).await))
}

/// How long one replica may take to say whether it knows a silence.
const DEADLINE: Duration = Duration::from_secs(5);

/// The service in front of the replicas, and, while they disagree about one silence, the replica that knows its last
/// state: changes reach them one after another, and the service picks any of them. Silences are written through the
/// service alone, to which the rights are given.
pub async fn knowing(cluster: &Cluster, silence: &str) -> Result<(Http, Option<Http>), String> {
    let (front, replicas) = alertmanager(cluster).await?;
    let asked = replicas.iter().map(|replica| async move {
        let answer = replica.get(silence, DEADLINE).await.ok()?.into_result().ok()?.json::<Value>().ok()?;
        Some(answer["updatedAt"].as_str().unwrap_or("").to_owned())
    });
    let known = futures::future::join_all(asked).await;
    let newest = known.iter().flatten().max().cloned();
    if known.iter().all(|updated| *updated == newest) {
        return Ok((front, None));
    }
    let holder = replicas.into_iter().zip(known).find(|(_, updated)| *updated == newest);
    Ok((front, holder.map(|(replica, _)| replica)))
}
