//! The feeds of services: Prometheus with Alertmanager, and OpenBao. Asks those that may be used every now and then, each
//! replica by itself where that is allowed, and turns what they say into news.

use std::time::Duration;

use super::address::Address;
use super::outbox::Gone;
use super::poll::Polled;
use super::polled_feed::{Told, until_next};
use super::shared::{Looked, Shared};
use super::{alertmanager, alerts, guardrails, probes, prometheus, replicas, seals};
use crate::clients::discovery::{Candidate, Choice, Discovered};
use crate::clients::http::{Endpoint, Http, ProxyTarget};
use crate::clients::instances;
use crate::clients::trust::Standing;
use crate::config::{Service, ServiceMode, ServiceName, Settings};
use crate::domain::change::FeedState;
use crate::domain::profile::{Certainty, Profile};
use crate::domain::record::{KindId, clean};
use crate::domain::text;
use crate::kinds;

/// The replicas of a service are looked for again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// An expression may take so long: alerts wait for it.
const QUERY_DEADLINE: Duration = Duration::from_secs(5);
const LEAST_INTERVAL: i64 = 5;

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

/// How often a service is asked.
pub fn interval(settings: &Settings, name: ServiceName) -> Duration {
    let seconds = settings.service(name).poll_interval.max(LEAST_INTERVAL);
    Duration::from_secs(seconds.unsigned_abs())
}

/// How often Prometheus and Alertmanager are asked: both in one step.
pub fn monitoring_interval(settings: &Settings) -> Duration {
    interval(settings, ServiceName::Prometheus).min(interval(settings, ServiceName::Alertmanager))
}

async fn monitoring(shared: &Shared) -> Result<(), Gone> {
    let mut told_alerts = Told::new(kinds::ALERT, shared);
    let mut told_silences = Told::new(kinds::SILENCE, shared);
    let mut told_guardrails = Told::new(kinds::GUARDRAIL, shared);
    let mut memory = guardrails::Memory::default();
    let modes = [ServiceName::Prometheus, ServiceName::Alertmanager]
        .map(|name| shared.cluster.settings.service(name).effective_mode());
    if modes == [ServiceMode::Off; 2] {
        told_alerts.is(FeedState::Off, None, (shared.clock)()).await?;
        told_silences.is(FeedState::Off, None, (shared.clock)()).await?;
        return told_guardrails.is(FeedState::Off, None, (shared.clock)()).await;
    }
    let every = monitoring_interval(&shared.cluster.settings);
    let mut profiles = shared.profiles.clone();
    let mut looks = shared.looked.clone();
    let mut link = shared.link.clone();
    let mut found = Found::default();
    let mut looked: Option<tokio::time::Instant> = None;
    looks.wait_for(|look| look.done).await.map_err(|_| Gone)?;
    loop {
        // pods move, and what is used may be another one now
        if looks.has_changed().unwrap_or(false) || looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) {
            let look = looks.borrow_and_update().clone();
            found.take(shared, &look).await;
            looked = Some(tokio::time::Instant::now());
            told_alerts.aside = aside(&look, &shared.cluster.settings, &MONITORING);
            told_silences.aside = aside(&look, &shared.cluster.settings, &[ServiceName::Alertmanager]);
        }
        let (firing, routed) = futures::join!(
            futures::future::join_all(found.prometheus.iter().map(prometheus::read)),
            futures::future::join_all(found.alertmanager.iter().map(alertmanager::read)),
        );
        let now = (shared.clock)();
        let both = alerts::assemble(&firing, &routed, &mut shared.interner.borrow_mut(), now);
        let (mut alerts, mut silences) = (both.alerts, both.silences);
        found.explain(&mut alerts, &MONITORING);
        found.explain(&mut silences, &[ServiceName::Alertmanager]);
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
            next = until_next(every, &mut link) => next?,
            // guardrails wait for it
            Ok(()) = profiles.changed() => {}
            Ok(()) = looks.changed() => looks.mark_changed(),
        }
    }
}

const MONITORING: [ServiceName; 2] = [ServiceName::Prometheus, ServiceName::Alertmanager];

fn aside(look: &Looked, settings: &Settings, services: &[ServiceName]) -> Box<str> {
    let mut all: Vec<String> = services.iter().filter_map(|service| look.found.others(*service)).collect();
    for service in services {
        let keeps = |used: &Candidate| used.standing != Standing::Configured;
        if !settings.service(*service).headers.is_empty() && look.found.best(*service).is_some_and(keeps) {
            let why = "its headers are not sent: the configuration must name its namespace and service";
            all.push(format!("{}: {why}", service.title()));
        }
    }
    clean(&all.join("; "))
}

/// The Prometheus that a profile brings along, through the API server's proxy.
fn own_prometheus(shared: &Shared, profile: &Profile) -> Option<Address> {
    // one that was found by a pod's label alone may be anybody's
    let own = profile.prometheus.as_ref().filter(|own| profile.vouches_for(&own.namespace))?;
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
    /// Why it could not be looked, and what that makes of a service that was not found.
    problem: Option<(String, FeedState)>,
    /// Services that are not used although something looks like them; why.
    unused: Vec<(ServiceName, String)>,
}

impl Found {
    /// Takes in what came of looking. What was found stays when looking fails.
    async fn take(&mut self, shared: &Shared, look: &Looked) {
        if let Some(why) = &look.problem {
            self.problem = Some((why.clone(), FeedState::Unreachable));
            return;
        }
        let discovered = &look.found;
        let nothing = |name: &ServiceName| discovered.choice(*name) == Choice::Nothing;
        let blind = !discovered.forbidden.is_empty() && MONITORING.iter().all(nothing);
        self.problem = blind.then(|| {
            let why = "services may not be listed here: set [services.prometheus] and [services.alertmanager] url, or \
                       their namespace and service";
            (why.to_owned(), FeedState::NoAccess)
        });
        let settings = &shared.cluster.settings;
        let unused = |name: ServiceName| Some((name, discovered.trouble(name, &settings.service(name))?));
        self.unused = MONITORING.into_iter().filter_map(unused).collect();
        self.prometheus = addresses(shared, discovered, ServiceName::Prometheus, "prometheus", 9090).await;
        self.alertmanager = addresses(shared, discovered, ServiceName::Alertmanager, "alertmanager", 9093).await;
    }

    /// Says of a step why a service was not asked: not found is not the same as not there when we may not look, or
    /// may not believe what we see.
    fn explain(&self, polled: &mut Polled, services: &[ServiceName]) {
        if let Some((problem, state)) = &self.problem {
            polled.problems = vec![problem.clone()];
            if polled.state == FeedState::NotInstalled {
                polled.state = *state;
            }
            return;
        }
        for (service, why) in self.unused.iter().filter(|(service, _)| services.contains(service)) {
            let (title, why) = (service.title(), text::line(why).into_owned());
            // in the place of "not found"
            match polled.problems.iter_mut().find(|problem| problem.starts_with(title)) {
                Some(problem) => *problem = why,
                None => polled.problems.push(why),
            }
            for half in polled.halves.iter_mut().filter(|half| half.service == title) {
                half.state = FeedState::Unconfirmed;
            }
            if polled.state == FeedState::NotInstalled {
                polled.state = FeedState::Unconfirmed;
            }
        }
    }
}

async fn addresses(shared: &Shared, discovered: &Discovered, name: ServiceName, app: &str, port: u16) -> Vec<Address> {
    instances::of(&shared.cluster, discovered, name, app, port).await.into_iter().map(Address::new).collect()
}

async fn openbao(shared: &Shared, kind: KindId) -> Result<(), Gone> {
    let mut told = Told::new(kind, shared);
    debug_assert_eq!(told.kind, kind);
    let settings = shared.cluster.settings.service(ServiceName::OpenBao);
    let every = interval(&shared.cluster.settings, ServiceName::OpenBao);
    if settings.effective_mode() == ServiceMode::Off {
        return told.is(FeedState::Off, None, (shared.clock)()).await;
    }
    let mut link = shared.link.clone();
    if settings.effective_mode() == ServiceMode::Url {
        let http = match Http::direct(&settings, &shared.cluster.settings.env) {
            Ok(http) => Address::new(http),
            Err(error) => {
                return told.is(FeedState::Unreachable, Some(&error.to_string()), (shared.clock)()).await;
            }
        };
        loop {
            let polled =
                seals::gather_addresses(std::slice::from_ref(&http)).await.polled(&mut shared.interner.borrow_mut());
            told.tell(polled, (shared.clock)()).await?;
            until_next(every, &mut link).await?;
        }
    }
    let api = Address::new(Http::api(&shared.cluster));
    // a pod is found by its labels: headers that may hold a key are not for it
    let bare = settings.without_headers();
    let mut looks = shared.looked.clone();
    looks.wait_for(|look| look.done).await.map_err(|_| Gone)?;
    loop {
        let look = looks.borrow_and_update().clone();
        let mut namespaces = namespaces_of(shared, &look, ServiceName::OpenBao);
        told.aside = aside(&look, &shared.cluster.settings, &[ServiceName::OpenBao]);
        let trouble = look.found.trouble(ServiceName::OpenBao, &settings);
        let is_clear = look.problem.is_none() && trouble.is_none() && look.found.forbidden.is_empty();
        let mut places = Vec::new();
        if namespaces.is_empty() && is_clear {
            places = seals::namespaces(&api).await;
            if places.len() <= PLACES {
                // nothing but their state is asked, and nothing that is secret is sent
                namespaces.clone_from(&places);
            }
        }
        if namespaces.is_empty() {
            let (state, why) = match (look.problem.clone(), trouble) {
                (Some(problem), _) => (FeedState::Unreachable, Some(problem)),
                (None, Some(why)) => (FeedState::Unconfirmed, Some(why)),
                (None, None) if !look.found.forbidden.is_empty() => {
                    let why = "services may not be listed here: set [services.openbao] namespace";
                    (FeedState::NoAccess, Some(why.to_owned()))
                }
                (None, None) if places.is_empty() => (FeedState::NotInstalled, None),
                (None, None) => (FeedState::Unconfirmed, Some(without_service(&places))),
            };
            told.is(state, why.as_deref(), (shared.clock)()).await?;
        } else {
            let reach = |replica: &replicas::Replica, scheme: replicas::Scheme, port: u16| {
                let endpoint = Endpoint {
                    target: ProxyTarget::Pod,
                    namespace: replica.namespace.clone(),
                    name: replica.name.clone(),
                    tls: scheme == replicas::Scheme::Https,
                    port: port.to_string(),
                };
                let http = Http::through(&shared.cluster, &endpoint, &bare);
                Address::new(http.unwrap_or_else(|_| Http::api(&shared.cluster)))
            };
            let mut gathered = seals::gather(&api, &namespaces, reach).await;
            if !places.is_empty() {
                gathered.origin.push_str(", found by their labels");
            }
            let mut polled = gathered.polled(&mut shared.interner.borrow_mut());
            if polled.state == FeedState::NotInstalled
                && let Some(why) = trouble
            {
                (polled.state, polled.problems) = (FeedState::Unconfirmed, vec![text::line(&why).into_owned()]);
            }
            told.tell(polled, (shared.clock)()).await?;
        }
        tokio::select! {
            next = until_next(every, &mut link) => next?,
            Ok(()) = looks.changed() => looks.mark_changed(),
        }
    }
}

/// In so many namespaces pods of OpenBao are asked that no Service leads to; in more, each tenant may have its own.
const PLACES: usize = 3;

/// Why pods of OpenBao are not asked, and the way out.
fn without_service(places: &[String]) -> String {
    let named = places.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if places.len() > 3 { format!(" and {} more", places.len() - 3) } else { String::new() };
    format!("OpenBao: its pods run in {named}{more}, without a Service that is known: set [services.openbao] namespace")
}

/// The namespaces whose pods may be asked: those that are named for the service, and that of the Service that is used.
fn namespaces_of(shared: &Shared, look: &Looked, name: ServiceName) -> Vec<String> {
    let settings = shared.cluster.settings.service(name);
    let mut namespaces = shared.cluster.trust.borrow().namespaces(name, &settings);
    namespaces.extend(look.found.best(name).map(|used| used.endpoint.namespace.clone()));
    namespaces.sort();
    namespaces.dedup();
    namespaces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespaces_of_pods_without_a_service_are_named() {
        let places = ["a", "b", "c", "d"].map(str::to_owned);
        let why = "OpenBao: its pods run in a, b, c and 1 more, without a Service that is known: set [services.openbao] \
                   namespace";
        assert_eq!(without_service(&places), why);
    }
}
