//! Which Services of a cluster may be used, and which are there: from the profiles that are on, from what the operator
//! has confirmed, and by looking again and again. It writes the operator's word down; it asks no service anything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::What;
use super::wire::Wire;
use crate::clients::cluster::Cluster;
use crate::clients::discovery::{self, Candidate, Choice, Discovered};
use crate::clients::errors::RequestError;
use crate::clients::http::Http;
use crate::clients::trust::{Standing, Trust};
use crate::config::{ServiceMode, ServiceName};
use crate::domain::candidate::Candidate as Shown;
use crate::domain::profile::{Certainty, Profiles};
use crate::domain::text;
use crate::effects::confirmed::{self, Word};
use crate::sources::Clock;
use crate::sources::shared::Looked;

/// Services are looked for again after this long: they may be installed, or move.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The same where the last look found out nothing.
const LOOK_SOON: Duration = Duration::from_secs(10);
/// So often it is asked again at once where the API server is too busy.
const PATIENCE: u32 = 3;
const DEADLINE: Duration = Duration::from_secs(10);
/// What every cluster has from its first day to its last.
const IDENTITY: &str = "/api/v1/namespaces/kube-system";

/// The operator's word for a Service; without a place, the word is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    pub service: String,
    /// `namespace/name`; empty: none.
    pub place: String,
    pub operator: String,
}

pub(super) struct Trusting {
    pub cluster: Arc<Cluster>,
    pub file: Option<PathBuf>,
    pub profiles: watch::Receiver<Arc<Profiles>>,
    pub decide: watch::Sender<Arc<Trust>>,
    pub tell: watch::Sender<Arc<Looked>>,
    pub wire: Wire,
    pub clock: Clock,
}

/// Which cluster it is.
enum Identity {
    Uid(String),
    /// It may not be asked: what is confirmed counts for this session.
    Hidden,
    /// It could not be asked yet.
    Unknown,
}

impl Trusting {
    /// Looks again and again, until the connection is left.
    pub async fn keep(mut self, mut asked: mpsc::UnboundedReceiver<Confirm>) {
        let mut identity = match &*self.cluster.identity {
            "" => Identity::Unknown,
            uid => Identity::Uid(uid.to_owned()),
        };
        let mut confirmed = self.remembered(&identity);
        let mut shown = Vec::new();
        loop {
            if self.is_open() && matches!(identity, Identity::Unknown) {
                identity = self.identity().await;
                confirmed = self.remembered(&identity);
            }
            let profiles = self.profiles.borrow_and_update().clone();
            let known = profiles.certainty != Certainty::Waiting && !matches!(identity, Identity::Unknown);
            let trust = Arc::new(if known { Trust::of(&profiles, confirmed.clone()) } else { Trust::waiting() });
            self.decide.send_if_modified(|old| {
                let new = **old != *trust;
                *old = trust;
                new
            });
            let mut pause = LOOK_SOON;
            if known || !self.is_open() {
                let looked = self.look().await;
                if looked.problem.is_none() {
                    pause = LOOK_AGAIN;
                    let now = self.shown(&looked.found);
                    if now != shown {
                        shown.clone_from(&now);
                        self.wire.say(What::Services(now)).await;
                    }
                }
                self.tell.send_if_modified(|old| {
                    let new = **old != looked;
                    *old = Arc::new(looked);
                    new
                });
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Ok(()) = self.profiles.changed() => {}
                Some(word) = asked.recv() => self.take(&word, &identity, &mut confirmed).await,
                else => return,
            }
        }
    }

    /// Whether the configuration leaves anything to be found.
    fn is_open(&self) -> bool {
        ServiceName::ALL.into_iter().any(|name| {
            let settings = self.cluster.settings.service(name);
            settings.effective_mode() == ServiceMode::Auto
                && (settings.namespace.is_none() || settings.service.is_none())
        })
    }

    async fn identity(&self) -> Identity {
        let asking = async { Http::api(&self.cluster).get(IDENTITY, DEADLINE).await?.into_result()?.json::<Value>() };
        match asking.await {
            Ok(namespace) => match namespace.pointer("/metadata/uid").and_then(Value::as_str) {
                Some(uid) if !uid.is_empty() => Identity::Uid(uid.to_owned()),
                _ => Identity::Hidden,
            },
            Err(error) if error.is_connection() || matches!(error, RequestError::Throttled { .. }) => Identity::Unknown,
            Err(_) => Identity::Hidden,
        }
    }

    fn remembered(&self, identity: &Identity) -> BTreeMap<ServiceName, String> {
        let (Identity::Uid(cluster), Some(file)) = (identity, &self.file) else { return BTreeMap::new() };
        match confirmed::read(file, cluster) {
            Ok(found) => {
                let of = |name: ServiceName| Some((name, found.get(name.key())?.clone()));
                ServiceName::ALL.into_iter().filter_map(of).collect()
            }
            Err(error) => {
                let why = format!("{}: {error}; what was confirmed does not count", file.display());
                self.wire.mention(What::Aside(text::line(&why).into_owned()));
                BTreeMap::new()
            }
        }
    }

    async fn look(&self) -> Looked {
        let mut answer = discovery::discover(&self.cluster).await;
        for _ in 0..PATIENCE {
            // whoever waits for the first look waits as long as the server asks
            let Err(RequestError::Throttled { retry_after }) = &answer else { break };
            tokio::time::sleep(retry_after.unwrap_or(LOOK_SOON).min(LOOK_SOON)).await;
            answer = discovery::discover(&self.cluster).await;
        }
        match answer {
            Ok(found) => Looked { found, problem: None, done: true },
            Err(error) => {
                let before = self.tell.borrow().found.clone();
                let why = format!("services cannot be listed: {}", text::line(&error.headline()));
                Looked { found: before, problem: Some(why), done: true }
            }
        }
    }

    /// Takes the operator's word.
    async fn take(&self, word: &Confirm, identity: &Identity, confirmed: &mut BTreeMap<ServiceName, String>) {
        let said = match self.entry(word) {
            Err(why) => What::Complain(why),
            Ok((service, uid)) => {
                let kept = self.write(word, service, &uid, identity);
                confirmed.insert(service, uid);
                let what = match word.place.as_str() {
                    "" => format!("{} is no longer confirmed", service.title()),
                    place => format!("{} is {place} from now on", service.title()),
                };
                match kept {
                    Ok(()) => What::Said(what),
                    Err(why) => What::Aside(format!("{what}, in this session only: {why}")),
                }
            }
        };
        self.wire.say(said).await;
    }

    /// Which service it is for, and the uid of the Service.
    fn entry(&self, word: &Confirm) -> Result<(ServiceName, String), String> {
        let names = ServiceName::ALL.map(ServiceName::key).join(", ");
        let service = ServiceName::ALL.into_iter().find(|name| name.key() == word.service);
        let service = service.ok_or_else(|| format!("no service is called {}: {names}", word.service))?;
        let settings = self.cluster.settings.service(service);
        if word.place.is_empty() {
            return Ok((service, String::new()));
        }
        if settings.effective_mode() != ServiceMode::Auto || settings.namespace.is_some() {
            return Err(format!("the configuration says which {} is used", service.title()));
        }
        let looked = self.tell.borrow();
        let candidates = looked.found.candidates.get(&service).map_or(&[][..], Vec::as_slice);
        match candidates.iter().find(|candidate| candidate.place() == word.place) {
            Some(candidate) if !candidate.uid.is_empty() => Ok((service, candidate.uid.clone())),
            Some(_) => Err(format!("{} has no uid", word.place)),
            None => Err(format!("nothing at {} looks like {}", word.place, service.title())),
        }
    }

    fn write(&self, word: &Confirm, service: ServiceName, uid: &str, identity: &Identity) -> Result<(), String> {
        let Identity::Uid(cluster) = identity else {
            return Err("the namespace kube-system, by which the cluster is known, may not be read".to_owned());
        };
        let file = self.file.as_ref().ok_or("there is no state directory: set XDG_STATE_HOME or HOME")?;
        let entry = Word {
            time: (self.clock)().timestamp().to_string(),
            operator: word.operator.clone(),
            cluster: cluster.clone(),
            service: service.key().to_owned(),
            place: word.place.clone(),
            uid: uid.to_owned(),
        };
        confirmed::append(file, &entry).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn shown(&self, found: &Discovered) -> Vec<Shown> {
        let clean = |raw: &str| text::line(raw).into_owned();
        let one = |name: ServiceName, candidate: &Candidate| {
            let settings = self.cluster.settings.service(name);
            let used = found.choice(name) == Choice::Used(candidate);
            let open = settings.namespace.is_none() && !(used && candidate.standing == Standing::Confirmed);
            let mut standing = candidate.standing.told();
            if matches!(found.choice(name), Choice::Tie(equals) if equals.contains(candidate)) {
                standing.push_str(", as others' with the same right");
            } else if !used && candidate.standing.rank() > 0 {
                standing.push_str(", and another one is more certain");
            }
            if used && !settings.headers.is_empty() && candidate.standing != Standing::Configured {
                standing.push_str("; the headers are not sent: set its namespace and service");
            }
            Shown {
                service: name.key(),
                title: name.title(),
                namespace: clean(&candidate.endpoint.namespace),
                name: clean(&candidate.endpoint.name),
                port: clean(&candidate.endpoint.port),
                why: candidate.why.to_owned(),
                used,
                standing: clean(&standing),
                open,
            }
        };
        let all = ServiceName::ALL.into_iter().filter_map(|name| Some((name, found.candidates.get(&name)?)));
        all.flat_map(|(name, candidates)| candidates.iter().map(move |candidate| one(name, candidate))).collect()
    }
}
