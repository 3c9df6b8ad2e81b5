//! What is kept an eye on while a connection lives: what the server serves, whether it answers, whether the kubeconfig
//! still leads to it, and whether there is the namespace that is asked for.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::What;
use super::connecting::{LOOK_EVERY, waiting};
use super::wire::{Wire, clean};
use crate::clients::api::{self, ApiMap};
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::kubeconfig;
use crate::config::Settings;
use crate::domain::ages::Time;
use crate::effects::namespaces;
use crate::kinds::{self, Api, unwatched};

/// Between two probes of the API server, and how long one may take: a server that hangs is noticed within 15 s.
const PROBE_EVERY: Duration = Duration::from_secs(5);
const PROBE_DEADLINE: Duration = Duration::from_secs(8);
/// The same while it does not answer.
const PROBE_AWAY: Duration = Duration::from_secs(1);
/// Between two discoveries: a CRD that is installed later is picked up within 60 s.
const DISCOVER_EVERY: Duration = Duration::from_secs(45);

/// Keeps the map of served kinds current.
pub(super) async fn discover(
    cluster: Arc<Cluster>,
    serve: watch::Sender<Option<Arc<ApiMap>>>,
    mut link: watch::Receiver<Option<String>>,
    look: Rc<Notify>,
) {
    let read =
        kinds::KINDS.iter().filter_map(|k| if let Api::Watch { group, .. } = k.api { Some(group) } else { None });
    let groups: Vec<&str> = read.chain(unwatched::groups()).collect();
    let mut failures = 0u32;
    loop {
        let before = serve.borrow().clone();
        let map = api::discover(&cluster, &groups).await;
        let wait = match map.hidden() {
            None => {
                failures = 0;
                DISCOVER_EVERY
            }
            Some(error) => {
                failures += 1;
                tracing::warn!(why = error.headline(), "what the server serves cannot be asked");
                let asked = if let RequestError::Throttled { retry_after } = error { *retry_after } else { None };
                asked.unwrap_or(Duration::from_secs(1 << failures.min(6)).min(DISCOVER_EVERY))
            }
        };
        let map = Arc::new(map.or_before(before.as_deref()));
        serve.send_if_modified(|old| {
            let new = old.as_ref() != Some(&map);
            *old = Some(map);
            new
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = look.notified() => {}
            // a server that comes back may be another version
            changed = link.changed() => if changed.is_err() { return; },
        }
    }
}

/// Probes the API server, and reports when its health changes. When a feed cannot reach it, it is probed at once, and
/// also asked whether it is still the same cluster: `replaced` is set when another one answers at its address.
pub(super) async fn probe(
    cluster: Arc<Cluster>,
    link: watch::Sender<Option<String>>,
    suspect: Rc<Notify>,
    replaced: Rc<Cell<bool>>,
    wire: Wire,
) {
    let mut down_since: Option<Time> = None;
    let (mut suspected, mut identified) = (false, Instant::now());
    let mut login = cluster.login().follow();
    let mut told_skew = cluster.stats.skew_seconds().filter(|skew| skew.abs() > 1).unwrap_or(0);
    loop {
        // everybody waits for a server that is away, and asking it is cheap
        tokio::time::sleep(PROBE_AWAY).await;
        let was_down = down_since.is_some();
        if !was_down {
            tokio::select! {
                () = tokio::time::sleep(PROBE_EVERY.saturating_sub(PROBE_AWAY)) => {}
                () = suspect.notified() => suspected = true,
                Ok(()) = login.changed() => {}
            }
        }
        // whoever asks now waits for a person
        let words = login.borrow_and_update().clone();
        if !words.is_empty() {
            let since = *down_since.get_or_insert((wire.clock)());
            link.send_if_modified(|old| old.replace("waiting for a login".to_owned()).is_none());
            if !wire.say(waiting(&words, since)).await {
                return;
            }
            continue;
        }
        let answer = match cluster.probe(PROBE_DEADLINE).await {
            // it speaks to us
            Err(RequestError::Throttled { .. }) => Ok(()),
            answer => answer.map(drop),
        };
        let doubt = was_down || (suspected && identified.elapsed() >= PROBE_EVERY);
        if doubt && answer.is_ok() && !cluster.identity.is_empty() {
            let now = cluster.ask_identity().await;
            // who could not say is asked again
            (suspected, identified) = (now.is_none(), Instant::now());
            if now.is_some_and(|now| now != cluster.identity) {
                tracing::warn!(context = cluster.context, "another cluster answers at its address");
                replaced.set(true);
                let headline = "another cluster answers at its address".to_owned();
                let detail = "everything is read again as soon as no plan is running".to_owned();
                link.send_replace(Some(headline.clone()));
                let since = down_since.unwrap_or((wire.clock)());
                wire.say(What::Lost { since, headline, detail, passing: false }).await;
                // the connection ends with this: until then nobody reads from the other
                return std::future::pending().await;
            }
        }
        let told = match (answer, down_since) {
            (Ok(()), Some(_)) => {
                down_since = None;
                tracing::info!(context = cluster.context, "the API server answers again");
                link.send_replace(None);
                wire.say(What::Back).await
            }
            (Ok(()), None) => true,
            (Err(error), since) => {
                let since = since.unwrap_or((wire.clock)());
                if down_since.is_none() {
                    tracing::warn!(context = cluster.context, why = error.headline(), "the API server does not answer");
                }
                down_since = Some(since);
                let (headline, detail) = (clean(&error.headline()), clean(&error.detail()));
                link.send_if_modified(|old| {
                    let new = old.as_ref() != Some(&headline);
                    *old = Some(headline.clone());
                    new
                });
                wire.say(What::Lost { since, headline, detail, passing: false }).await
            }
        };
        let skew = cluster.stats.skew_seconds().unwrap_or(0);
        // a second more or less is the network
        if (skew - told_skew).abs() > 1 || (skew == 0 && told_skew != 0) {
            told_skew = skew;
            wire.say(What::Skew(skew)).await;
        }
        if !told {
            return;
        }
    }
}

/// Tells when the kubeconfig leads this context to another server, or another cluster answers at its address; not while
/// something is being done to this one.
pub(super) async fn watch_place(
    settings: Settings,
    cluster: Arc<Cluster>,
    replaced: Rc<Cell<bool>>,
    running: Rc<Cell<usize>>,
    elsewhere: Rc<Notify>,
) {
    let mut place = kubeconfig::Place::of(&settings, &cluster.context);
    while !replaced.get() && !place.as_mut().is_some_and(|place| place.has_moved(&settings)) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    while running.get() > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    elsewhere.notify_one();
}

/// Tells whether there is the namespace that the settings name.
pub(super) async fn standing(cluster: Arc<Cluster>, name: Option<String>, wire: Wire) {
    if let Some(name) = name {
        let standing = namespaces::standing(&cluster, &name).await;
        wire.say(What::Standing(standing)).await;
    }
}
