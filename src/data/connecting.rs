//! From a kubeconfig to a cluster that answers: again and again, with pauses that fit what keeps us from it. Whoever has to
//! log in is shown what the credential plugin says while it waits.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use super::keeping::Keeper;
use super::wire::{Wire, clean};
use super::{KnownContexts, What};
use crate::clients::auth::plugin_pause;
use crate::clients::cluster::Cluster;
use crate::clients::errors::{ConnectError, RequestError};
use crate::clients::exec::Said;
use crate::clients::kubeconfig::{self, Kubeconfigs};
use crate::config::Settings;
use crate::domain::ages::Time;
use crate::domain::context::Context;
use crate::domain::text;

const RETRY_MOST: Duration = Duration::from_secs(10);
/// Between two looks at the kubeconfig files.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long to wait after so many failures in a row.
fn until_next(error: &ConnectError, failures: u32, logins: &mut usize) -> Duration {
    match error {
        // each run of a plugin may open a page in a browser
        ConnectError::Request(RequestError::Login(login)) if login.costly => {
            *logins += 1;
            plugin_pause(*logins)
        }
        ConnectError::Request(RequestError::Throttled { retry_after: Some(wait) }) => *wait,
        _ => Duration::from_secs(1 << failures.min(4)).min(RETRY_MOST),
    }
}

/// Waits, or until a kubeconfig file is another one.
async fn rest(pause: Duration, files: &[PathBuf]) {
    let stamps = || files.iter().map(|path| kubeconfig::stamp(path)).collect::<Vec<_>>();
    let (before, due) = (stamps(), tokio::time::Instant::now() + pause);
    while tokio::time::Instant::now() < due {
        tokio::time::sleep_until(due.min(tokio::time::Instant::now() + LOOK_EVERY)).await;
        if stamps() != before {
            return;
        }
    }
}

/// What a credential plugin asks a person for, as news.
pub(super) fn waiting(words: &str, since: Time) -> What {
    What::Lost {
        since,
        headline: "the credential plugin waits for a login".to_owned(),
        // an address in it is for a person to open, so nothing of it is hidden
        detail: text::line(&format!("it says: {}", words.split_whitespace().collect::<Vec<_>>().join(" ")))
            .into_owned(),
        passing: true,
    }
}

/// Reads the kubeconfig and connects, again and again until it works.
pub(super) async fn connect(
    settings: &Settings,
    context: Option<String>,
    wire: &Wire,
    keeper: &Keeper,
    called: &RefCell<String>,
) -> Option<Cluster> {
    let mut since = None;
    let (mut failures, mut logins) = (0, 0);
    let said = Said::default();
    let mut words = said.follow();
    loop {
        let known = kubeconfig::load(settings);
        let told = contexts(&known, settings, context.as_deref());
        let current = told.current.clone();
        if !wire.say(What::Contexts(told)).await {
            return None;
        }
        // the past comes before anything of the present, and with a server that is away it is all that there is
        if called.replace(current.clone()) != current {
            wire.say_all(keeper.past(&current)).await;
        }
        let outcome = {
            let mut connecting = std::pin::pin!(Cluster::connect_among(settings, &known, context.as_deref(), &said));
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut connecting => break outcome,
                    Ok(()) = words.changed() => {
                        let now = words.borrow_and_update().clone();
                        let since = *since.get_or_insert((wire.clock)());
                        if !now.is_empty() && !wire.say(waiting(&now, since)).await {
                            return None;
                        }
                    }
                }
            }
        };
        let error = match outcome {
            Ok(cluster) => {
                tracing::info!(context = cluster.context, server = cluster.server, "connected");
                return Some(cluster);
            }
            Err(error) => error,
        };
        failures += 1;
        let pause = until_next(&error, failures, &mut logins);
        tracing::warn!(context = current, why = error.headline(), wait_s = pause.as_secs(), "not connected");
        let since = *since.get_or_insert((wire.clock)());
        let (headline, detail) = (clean(&error.headline()), clean(&error.detail()));
        let passing = matches!(error, ConnectError::Request(RequestError::Throttled { .. }));
        if !wire.say(What::Lost { since, headline, detail, passing }).await {
            return None;
        }
        rest(pause, &known.looked).await;
    }
}

fn contexts(known: &Kubeconfigs, settings: &Settings, chosen: Option<&str>) -> KnownContexts {
    let current = chosen.map(str::to_owned).or_else(|| settings.context.clone()).or_else(|| known.current.clone());
    KnownContexts {
        contexts: known
            .contexts
            .iter()
            .map(|c| Context {
                name: clean(&c.name),
                cluster: clean(c.server.as_deref().unwrap_or(&c.cluster)),
                user: clean(c.user.as_deref().unwrap_or("")),
                namespace: clean(c.namespace.as_deref().unwrap_or("")),
                warning: clean(&c.warnings.join("; ")),
            })
            .collect(),
        own_namespace: current.as_deref().and_then(|context| settings.own_namespace(context)),
        current: clean(&current.unwrap_or_default()),
        problems: known.problems.iter().map(|p| clean(&p.to_string())).collect(),
    }
}
