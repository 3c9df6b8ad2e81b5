//! The feeds of services: Prometheus with Alertmanager, and OpenBao. Finds them, asks them every now and then, each
//! replica by itself where that is allowed, and turns what they say into news.

use std::time::Duration;

use super::outbox::{Gone, Outbox};
use super::poll::{Answer, Ask, AskError, Polled};
use super::watch::Shared;
use super::{alertmanager, alerts, guardrails, probes, prometheus, replicas, seals};
use crate::clients::discovery::{self, Discovered};
use crate::clients::errors::RequestError;
use crate::clients::http::{Endpoint, Http, ProxyTarget};
use crate::clients::instances;
use crate::config::{Service, ServiceMode, ServiceName};
use crate::domain::ages::Time;
use crate::domain::change::{Batch, Change, Feed, FeedState};
use crate::domain::profile::{Certainty, Profile, Profiles};
use crate::domain::record::KindId;
use crate::kinds;

/// One answer may take so long.
const DEADLINE: Duration = Duration::from_secs(10);
/// Services are looked for again after this long: they may be installed, or move.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// An expression may take so long: alerts wait for it.
const QUERY_DEADLINE: Duration = Duration::from_secs(5);
const LEAST_INTERVAL: i64 = 5;

/// An address behind the [`Ask`] that the pure steps know.
#[derive(Clone)]
pub(super) struct Address {
    http: Http,
    label: String,
    deadline: Duration,
}

impl Address {
    pub(super) fn new(http: Http) -> Self {
        let label = match http.label() {
            label if label.is_empty() => "the API server".to_owned(),
            label => label,
        };
        Self { http, label, deadline: DEADLINE }
    }

    pub(super) fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }
}

impl Ask for Address {
    async fn get(&self, path: &str) -> Result<Answer, AskError> {
        let answer = self.http.get(path, self.deadline).await.map_err(|error| sorted(&error))?;
        // a failing proxy answers with the API server's own words, which are not the service's
        if let Some(error) = answer.from_api_server() {
            return Err(sorted(&error));
        }
        Ok(Answer { status: answer.status.as_u16(), body: answer.body.to_vec(), date: None })
    }

    fn label(&self) -> &str {
        &self.label
    }
}

fn sorted(error: &RequestError) -> AskError {
    let words = error.detail();
    match error {
        RequestError::Timeout => AskError::Timeout,
        RequestError::Forbidden { .. } => AskError::Forbidden(words),
        RequestError::NotFound { .. } => AskError::NotFound(words),
        RequestError::Server { .. } => AskError::Refused(words),
        other if other.is_connection() => AskError::Refused(format!("{}: {words}", other.headline())),
        other => AskError::Other(format!("{}: {words}", other.headline())),
    }
}

/// A kind that is polled: its feed as told last.
pub(super) struct Told {
    kind: KindId,
    feed: Feed,
    out: Outbox<Batch>,
}

impl Told {
    pub(super) fn new(name: &str, shared: &Shared) -> Option<Self> {
        let kind = kinds::by_name(name)?;
        let out = Outbox::new(kind, shared.interner.clone(), shared.news.clone(), |batch| batch);
        Some(Self { kind, feed: Feed::default(), out })
    }

    /// For what profiles ask for. A profile may be switched off: what is gone with it is nothing that was lost. And
    /// while it is not known which are on, nothing to ask for is no proof that there is nothing.
    pub(super) async fn tell_of(&mut self, on: &Profiles, polled: Polled, now: Time) -> Result<(), Gone> {
        if polled.state != FeedState::NotInstalled {
            return self.tell(polled, now).await;
        }
        let (state, why) = match &on.certainty {
            Certainty::Waiting | Certainty::Certain => (FeedState::NotInstalled, None),
            Certainty::Unsure(why) => (FeedState::Unreachable, Some(why)),
            Certainty::Hidden(why) => (FeedState::NoAccess, Some(why)),
        };
        self.is(state, why.map(String::as_str), now).await
    }

    async fn tell(&mut self, polled: Polled, now: Time) -> Result<(), Gone> {
        for change in polled.changes(&self.feed, now) {
            if let Change::Feed(feed) = &change {
                if *feed == self.feed {
                    continue;
                }
                self.feed = feed.clone();
            }
            self.out.push(change);
        }
        self.out.flush().await
    }

    async fn is(&mut self, state: FeedState, why: Option<&str>, now: Time) -> Result<(), Gone> {
        let feed = Feed { state, since: now, error: why.map(crate::domain::record::clean), ..Feed::default() };
        if feed.state != self.feed.state || feed.error != self.feed.error {
            self.feed = feed.clone();
            self.out.push(Change::Feed(feed));
        }
        self.out.flush().await
    }
}

/// Runs the feed of a polled kind. Alerts and silences come from one step, which runs as the alerts' feed.
pub async fn run(kind: KindId, service: kinds::Service, shared: Shared) {
    use kinds::Service;
    let _ = match service {
        Service::Alerts => monitoring(&shared).await,
        Service::Silences | Service::Guardrails => Ok(()),
        Service::Probes => probes::run(&shared, kind).await,
        Service::Seals => openbao(&shared, kind).await,
    };
}

fn interval(shared: &Shared, name: ServiceName) -> Duration {
    let seconds = shared.cluster.settings.service(name).poll_interval.max(LEAST_INTERVAL);
    Duration::from_secs(seconds.unsigned_abs())
}

async fn monitoring(shared: &Shared) -> Result<(), Gone> {
    let (Some(mut told_alerts), Some(mut told_silences), Some(mut told_guardrails)) =
        (Told::new("Alert", shared), Told::new("Silence", shared), Told::new("Guardrail", shared))
    else {
        return Ok(());
    };
    let mut memory = guardrails::Memory::default();
    let modes = [ServiceName::Prometheus, ServiceName::Alertmanager]
        .map(|name| shared.cluster.settings.service(name).effective_mode());
    if modes == [ServiceMode::Off; 2] {
        told_alerts.is(FeedState::Off, None, (shared.clock)()).await?;
        told_silences.is(FeedState::Off, None, (shared.clock)()).await?;
        return told_guardrails.is(FeedState::Off, None, (shared.clock)()).await;
    }
    let every = interval(shared, ServiceName::Prometheus).min(interval(shared, ServiceName::Alertmanager));
    let mut profiles = shared.profiles.clone();
    let mut found = Found::default();
    let mut looked: Option<tokio::time::Instant> = None;
    loop {
        if looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) {
            found.look(shared).await;
            looked = Some(tokio::time::Instant::now());
        }
        let (firing, routed) = futures::join!(
            futures::future::join_all(found.prometheus.iter().map(prometheus::read)),
            futures::future::join_all(found.alertmanager.iter().map(alertmanager::read)),
        );
        let now = (shared.clock)();
        let both = alerts::assemble(&firing, &routed, &mut shared.interner.borrow_mut(), now);
        let (mut alerts, mut silences) = (both.alerts, both.silences);
        if let Some((problem, state)) = &found.problem {
            for polled in [&mut alerts, &mut silences] {
                polled.problems = vec![problem.clone()];
                // not found is not the same as not there when we may not look
                if polled.state == FeedState::NotInstalled {
                    polled.state = *state;
                }
            }
        }
        let alarms = guardrails::alarms(&alerts.records, &mut shared.interner.borrow_mut());
        told_alerts.tell(alerts, now).await?;
        told_silences.tell(silences, now).await?;
        let on = profiles.borrow_and_update().clone();
        if on.certainty != Certainty::Waiting {
            let own = |profile: &Profile| own_prometheus(shared, profile);
            let asks: Vec<Address> = found.prometheus.iter().map(|a| a.clone().within(QUERY_DEADLINE)).collect();
            let judged = guardrails::gather(&on, (&firing, &alarms), &asks, own, &mut memory, now).await;
            let polled = guardrails::polled(&judged, &mut shared.interner.borrow_mut());
            told_guardrails.tell_of(&on, polled, (shared.clock)()).await?;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            // guardrails wait for it
            Ok(()) = profiles.changed() => {}
        }
    }
}

/// The Prometheus that a profile brings along, through the API server's proxy.
fn own_prometheus(shared: &Shared, profile: &Profile) -> Option<Address> {
    let own = profile.prometheus.as_ref()?;
    let endpoint = Endpoint {
        target: ProxyTarget::Service,
        namespace: own.namespace.clone(),
        name: own.service.clone(),
        tls: own.tls,
        port: own.port.clone(),
    };
    let http = Http::through(&shared.cluster, &endpoint, &Service::default()).ok()?;
    Some(Address::new(http).within(QUERY_DEADLINE))
}

/// Where Prometheus and Alertmanager are.
#[derive(Default)]
struct Found {
    prometheus: Vec<Address>,
    alertmanager: Vec<Address>,
    /// Why discovery could not look, and what that makes of a service that was not found.
    problem: Option<(String, FeedState)>,
}

impl Found {
    /// Looks again. What was found stays when looking fails.
    async fn look(&mut self, shared: &Shared) {
        let discovered = match discovery::discover(&shared.cluster).await {
            Ok(discovered) => discovered,
            Err(error) => {
                let why = format!("services cannot be listed: {}", error.headline());
                self.problem = Some((why, FeedState::Unreachable));
                return;
            }
        };
        let blind = !discovered.forbidden.is_empty()
            && [ServiceName::Prometheus, ServiceName::Alertmanager].iter().all(|name| discovered.best(*name).is_none());
        self.problem = blind.then(|| {
            let why = "services may not be listed here: set [services.prometheus] and [services.alertmanager] url, or \
                       their namespace and service";
            (why.to_owned(), FeedState::NoAccess)
        });
        self.prometheus = addresses(shared, &discovered, ServiceName::Prometheus, "prometheus", 9090).await;
        self.alertmanager = addresses(shared, &discovered, ServiceName::Alertmanager, "alertmanager", 9093).await;
    }
}

async fn addresses(shared: &Shared, discovered: &Discovered, name: ServiceName, app: &str, port: u16) -> Vec<Address> {
    instances::of(&shared.cluster, discovered, name, app, port).await.into_iter().map(Address::new).collect()
}

async fn openbao(shared: &Shared, kind: KindId) -> Result<(), Gone> {
    let Some(mut told) = Told::new(kinds::spec(kind).name, shared) else { return Ok(()) };
    debug_assert_eq!(told.kind, kind);
    let settings = shared.cluster.settings.service(ServiceName::OpenBao);
    let every = interval(shared, ServiceName::OpenBao);
    if settings.effective_mode() == ServiceMode::Off {
        return told.is(FeedState::Off, None, (shared.clock)()).await;
    }
    let api = Address::new(Http::api(&shared.cluster));
    let mut everywhere = true;
    loop {
        let gathered = if settings.effective_mode() == ServiceMode::Url {
            match Http::direct(&settings, &shared.cluster.settings.env) {
                Ok(http) => seals::gather_addresses(&[Address::new(http)]).await,
                Err(error) => {
                    let why = format!("{}: {}", error.headline(), error.detail());
                    return told.is(FeedState::Unreachable, Some(&why), (shared.clock)()).await;
                }
            }
        } else {
            let namespaces: Vec<String> = match &settings.namespace {
                Some(namespace) => vec![namespace.clone()],
                None if everywhere => Vec::new(),
                None => ["openbao", "vault"].map(str::to_owned).to_vec(),
            };
            let reach = |replica: &replicas::Replica, scheme: replicas::Scheme, port: u16| {
                let endpoint = Endpoint {
                    target: ProxyTarget::Pod,
                    namespace: replica.namespace.clone(),
                    name: replica.name.clone(),
                    tls: scheme == replicas::Scheme::Https,
                    port: port.to_string(),
                };
                let http = Http::through(&shared.cluster, &endpoint, &settings);
                Address::new(http.unwrap_or_else(|_| Http::api(&shared.cluster)))
            };
            seals::gather(&api, &namespaces, reach).await
        };
        let now = (shared.clock)();
        let polled = gathered.polled(&mut shared.interner.borrow_mut());
        let refused = polled.state == FeedState::NoAccess && everywhere && settings.namespace.is_none();
        told.tell(polled, now).await?;
        if refused {
            // pods may be readable where OpenBao usually lives
            everywhere = false;
            continue;
        }
        tokio::time::sleep(every).await;
    }
}
