//! What is read from a connection on demand: objects, events, paths, checks of plans, logs.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::What;
use super::acting;
use super::wire::{Wire, clean};
use crate::clients::api::{ApiMap, Found};
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::domain::plan::Act;
use crate::domain::record::Key;
use crate::domain::reply::Reply;
use crate::effects::{asking, logs, read};
use crate::intent::{Fetch, LogQuery, Ticket};
use crate::kinds::{self, Api};

/// Reads what was asked for, and says what the server warned of meanwhile.
pub(super) async fn fetch(
    cluster: Arc<Cluster>,
    served: watch::Receiver<Option<Arc<ApiMap>>>,
    (dry, folder): (bool, Option<PathBuf>),
    ticket: Ticket,
    what: Fetch,
    wire: Wire,
) {
    let failed = |error: RequestError| clean(&error.to_string());
    let mut asked: Vec<String> = Vec::new();
    let reply = match what {
        Fetch::Object(key) => {
            let (object, path) = object(&cluster, &served, &key).await;
            asked.extend(path);
            Reply::Object(object)
        }
        Fetch::Events(key) => {
            let events = read::events(&cluster, kinds::spec(key.kind).name, &key.namespace, &key.name, key.uid).await;
            Reply::Events(events.map_err(failed))
        }
        Fetch::Paths(paths) => Reply::Read(asking::read(&cluster, paths).await),
        Fetch::Check(plan) => {
            let checked = asking::check(&cluster, &plan, dry).await;
            asked.extend(plan.steps.iter().filter_map(|step| match &step.act {
                Act::Send(request) => Some(request.path.clone()),
                _ => None,
            }));
            Reply::Checked(checked)
        }
        Fetch::Audit => Reply::Audit(acting::audit_lines(folder)),
    };
    wire.say(What::Reply(ticket, reply)).await;
    // the server's warnings about an answer belong to whoever asked
    if let Some(warning) = asked.iter().find_map(|path| cluster.stats.warnings_about(path).into_iter().next()) {
        wire.say(What::Aside(format!("the server warns: {}", clean(&warning)))).await;
    }
}

/// The object, and the path that was asked for it.
async fn object(
    cluster: &Cluster,
    served: &watch::Receiver<Option<Arc<ApiMap>>>,
    key: &Key,
) -> (Result<serde_json::Value, String>, Option<String>) {
    let spec = kinds::spec(key.kind);
    let Api::Watch { group, versions, .. } = spec.api else {
        let why = format!("{} come from a service, not from the API server: there is no YAML of one", spec.title);
        return (Err(why), None);
    };
    let found = served.borrow().as_ref().map(|map| map.find(group, spec.name, versions));
    let Some(Found::Served(served)) = found else { return (Err(format!("{} is not served now", spec.name)), None) };
    let object = read::object(cluster, &served, &key.namespace, &key.name).await;
    let object = object.map_err(|error| clean(&error.to_string()));
    (object, Some(served.object(&key.namespace, &key.name)))
}

/// Follows a log until it ends or nobody wants it.
pub(super) async fn log(cluster: Arc<Cluster>, ticket: Ticket, query: LogQuery, wire: Wire) {
    let wire = &wire;
    logs::follow(&cluster, &query, |news| async move { wire.say(What::Reply(ticket, Reply::Log(news))).await }).await;
}
