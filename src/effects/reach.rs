//! Alertmanager, where silences are written and read back: looked for each time, since it may have moved.

use crate::clients::cluster::Cluster;
use crate::clients::http::Http;
use crate::clients::{discovery, instances};
use crate::config::ServiceName;

/// What a write goes to, and every replica.
pub async fn alertmanager(cluster: &Cluster) -> Result<(Http, Vec<Http>), String> {
    let found = discovery::discover(cluster).await;
    let found = found.map_err(|error| format!("Alertmanager cannot be looked for: {}", error.headline()))?;
    let name = ServiceName::Alertmanager;
    let front = instances::front(cluster, &found, name);
    let front = front.ok_or("no Alertmanager is known: silences are not to be had here")?;
    Ok((front, instances::of(cluster, &found, name, "alertmanager", 9093).await))
}
