//! Finds Prometheus, Alertmanager and OpenBao among the cluster's Services: by the labels, names and ports of the
//! usual charts, each with the reason. Whoever may create a Service can make it look so: one is used only with
//! somebody's word for it ([`super::trust`]), the others are named. It asks nobody whether they answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::bounds::{Exceeded, Pages};
use super::cluster::Cluster;
use super::errors::RequestError;
use super::http::{Endpoint, Http, ProxyTarget};
use super::trust::Standing;
use crate::config::{Service, ServiceMode, ServiceName};
use crate::domain::served::escape;

const DEADLINE: Duration = Duration::from_secs(30);
const PAGE: usize = 500;
/// For all pages of a list: who looks once waits for it.
const LIST: Duration = Duration::from_secs(60);
/// Where they usually live, for those who may not list all namespaces.
const USUAL_NAMESPACES: &[&str] = &[
    "monitoring",
    "prometheus",
    "kube-prometheus-stack",
    "observability",
    "cattle-monitoring-system",
    "openbao",
    "vault",
];

/// Services that are looked at; more of them are no cluster's.
const MOST: usize = 50_000;
/// Candidates of one service that are kept.
const KEPT: usize = 20;

/// A Service that may be what is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub service: ServiceName,
    pub endpoint: Endpoint,
    /// Of the Service; empty where it was not read.
    pub uid: String,
    /// Higher is more certain.
    pub score: u32,
    /// What speaks for it.
    pub why: &'static str,
    /// Who says that it may be used.
    pub standing: Standing,
}

impl Candidate {
    /// `namespace/name`.
    pub fn place(&self) -> String {
        format!("{}/{}", self.endpoint.namespace, self.endpoint.name)
    }

    /// The settings to ask it with: those configured for the service, but its headers only where the configuration names
    /// this very Service. They may hold a key.
    pub fn settings(&self, configured: &Service) -> Service {
        if self.standing == Standing::Configured { configured.clone() } else { configured.without_headers() }
    }
}

/// What was found, and what could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovered {
    /// For each service: whoever has somebody's word first, then the most certain.
    pub candidates: BTreeMap<ServiceName, Vec<Candidate>>,
    /// Namespaces whose Services we may not list; `*` is all of them together.
    pub forbidden: Vec<String>,
}

/// What came of looking for one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<'a> {
    /// Nothing looks like it.
    Nothing,
    Used(&'a Candidate),
    /// These look like it, and nobody's word is behind one.
    Unconfirmed(&'a [Candidate]),
    /// These have the same right to be it.
    Tie(&'a [Candidate]),
}

impl Discovered {
    /// The one that is used for a service, if it is clear which.
    #[must_use]
    pub fn best(&self, service: ServiceName) -> Option<&Candidate> {
        if let Choice::Used(candidate) = self.choice(service) { Some(candidate) } else { None }
    }

    pub fn choice(&self, service: ServiceName) -> Choice<'_> {
        let all = self.candidates.get(&service).map_or(&[][..], Vec::as_slice);
        let Some(first) = all.first() else { return Choice::Nothing };
        if first.standing.rank() == 0 {
            return Choice::Unconfirmed(all);
        }
        let weight = |candidate: &Candidate| (candidate.standing.rank(), candidate.score);
        match all.iter().take_while(|other| weight(other) == weight(first)).count() {
            1 => Choice::Used(first),
            equals => Choice::Tie(&all[..equals]),
        }
    }

    /// Why a service is not used although something looks like it, and the way out.
    pub fn trouble(&self, service: ServiceName, settings: &Service) -> Option<String> {
        let (title, key) = (service.title(), service.key());
        match self.choice(service) {
            Choice::Nothing | Choice::Used(_) => None,
            Choice::Unconfirmed(found) if settings.namespace.is_some() => Some(format!(
                "{title}: found {}, not used: the configuration names another namespace",
                places(found.iter())
            )),
            Choice::Unconfirmed(found) => Some(format!(
                "{title}: found {}, not used: nobody has named the namespace; confirm it with :trust, or set \
                 [services.{key}] namespace",
                places(found.iter())
            )),
            Choice::Tie(found) => Some(format!(
                "{title}: {} fit equally, none is used; choose one with :trust, or set [services.{key}] namespace and \
                 service",
                places(found.iter())
            )),
        }
    }

    /// Services elsewhere that look like one that is used.
    pub fn others(&self, service: ServiceName) -> Option<String> {
        let used = self.best(service)?;
        let all = self.candidates.get(&service)?;
        let strange = |c: &&Candidate| {
            c.endpoint.namespace != used.endpoint.namespace && !matches!(c.standing, Standing::Guardrails(_))
        };
        let mut others = all.iter().filter(strange).peekable();
        others.peek()?;
        Some(format!("{}: also found {}, not used (:trust)", service.title(), places(others)))
    }
}

/// The first few by name, the others counted.
fn places<'c>(all: impl Iterator<Item = &'c Candidate>) -> String {
    let all: Vec<String> = all.map(Candidate::place).collect();
    let named = all.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > 3 { format!("{named} and {} more", all.len() - 3) } else { named }
}

/// Looks for every service whose settings say `auto`.
///
/// # Errors
/// The list failed for another reason than missing rights.
pub async fn discover(cluster: &Cluster) -> Result<Discovered, RequestError> {
    let mut found = Discovered::default();
    let mut wanted = Vec::new();
    for name in ServiceName::ALL {
        let settings = cluster.settings.service(name);
        if settings.effective_mode() != ServiceMode::Auto {
            continue;
        }
        match configured(name, settings.namespace.as_deref(), settings.service.as_deref()) {
            Some(candidate) => found.candidates.entry(name).or_default().push(candidate),
            None => wanted.push(name),
        }
    }
    if wanted.is_empty() {
        return Ok(found);
    }
    let services = match list(cluster, None).await {
        Err(RequestError::Forbidden { .. }) => {
            found.forbidden.push("*".to_owned());
            some_namespaces(cluster, &mut found.forbidden).await?
        }
        other => other?,
    };
    let trust = cluster.trust().await;
    for name in wanted {
        let settings = cluster.settings.service(name);
        let mut candidates: Vec<Candidate> = services
            .iter()
            .filter(|service| {
                settings.service.as_ref().is_none_or(|wanted| Reference::parse(wanted).name == service.metadata.name)
            })
            .filter_map(|service| judge(name, service, settings.service.as_deref()))
            .collect();
        for candidate in &mut candidates {
            let at = (&*candidate.endpoint.namespace, &*candidate.endpoint.name);
            candidate.standing = trust.standing(name, &settings, at, &candidate.uid);
        }
        let weight = |candidate: &Candidate| (candidate.standing.rank(), candidate.score);
        candidates.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.endpoint.cmp(&b.endpoint)));
        candidates.truncate(KEPT);
        found.candidates.insert(name, candidates);
    }
    Ok(found)
}

/// What the configuration says completely needs no list.
fn configured(name: ServiceName, namespace: Option<&str>, service: Option<&str>) -> Option<Candidate> {
    let reference = Reference::parse(service?);
    let endpoint = Endpoint {
        target: ProxyTarget::Service,
        namespace: namespace?.to_owned(),
        name: reference.name.to_owned(),
        tls: reference.tls.unwrap_or(false),
        port: reference.port?.to_owned(),
    };
    let standing = Standing::Configured;
    Some(Candidate { service: name, endpoint, uid: String::new(), score: 1000, why: "configured", standing })
}

/// `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`.
struct Reference<'a> {
    name: &'a str,
    port: Option<&'a str>,
    tls: Option<bool>,
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [scheme @ ("http" | "https"), name, port] => Self { name, port: Some(port), tls: Some(scheme == "https") },
            [name, port] => Self { name, port: Some(port), tls: None },
            _ => Self { name: text, port: None, tls: None },
        }
    }
}

async fn some_namespaces(cluster: &Cluster, forbidden: &mut Vec<String>) -> Result<Vec<WireService>, RequestError> {
    let settings = &cluster.settings;
    let trust = cluster.trust().await;
    let named = ServiceName::ALL.into_iter().flat_map(|name| trust.namespaces(name, &settings.service(name)));
    let mut namespaces: Vec<String> = named.chain(settings.namespaces.clone()).collect();
    namespaces.push(cluster.namespace.clone());
    namespaces.extend(USUAL_NAMESPACES.iter().map(ToString::to_string));
    let mut seen: Vec<String> = Vec::new();
    let mut services = Vec::new();
    for namespace in namespaces {
        if seen.contains(&namespace) {
            continue;
        }
        match list(cluster, Some(&namespace)).await {
            Ok(found) => services.extend(found),
            Err(RequestError::Forbidden { .. }) => forbidden.push(namespace.clone()),
            Err(error) => return Err(error),
        }
        seen.push(namespace);
    }
    Ok(services)
}

async fn list(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<WireService>, RequestError> {
    let http = Http::api(cluster);
    let path =
        namespace.map_or("/api/v1/services".to_owned(), |name| format!("/api/v1/namespaces/{}/services", escape(name)));
    let mut services = Vec::new();
    let mut pages = Pages::within(LIST);
    let mut query = String::new();
    loop {
        let answer = http.get(&format!("{path}?limit={PAGE}{query}"), DEADLINE).await?.into_result()?;
        let page: WireList = answer.json()?;
        let next = pages.turn(page.items.len(), page.metadata.next.as_deref()).map_err(RequestError::Exceeded)?;
        services.extend(page.items);
        if services.len() > MOST {
            return Err(RequestError::Exceeded(Exceeded::Objects(50_000)));
        }
        let Some(token) = next else { return Ok(services) };
        query = format!("&continue={}", escape(&token));
    }
}

/// One way to recognise a service. The first that fits gives the score.
struct Mark {
    score: u32,
    why: &'static str,
    fits: fn(&WireService) -> bool,
}

fn label_is(service: &WireService, name: &str, values: &[&str]) -> bool {
    service.metadata.labels.get(name).is_some_and(|value| values.contains(&value.as_str()))
}

const APP: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";

const PROMETHEUS: &[Mark] = &[
    Mark {
        score: 100,
        why: "kube-prometheus-stack",
        fits: |s| label_is(s, "app", &["kube-prometheus-stack-prometheus"]),
    },
    Mark {
        score: 95,
        why: "Prometheus by its labels",
        fits: |s| label_is(s, APP, &["prometheus"]) && label_is(s, COMPONENT, &["prometheus"]),
    },
    Mark {
        score: 90,
        why: "the Prometheus chart",
        fits: |s| {
            (label_is(s, APP, &["prometheus"]) && label_is(s, COMPONENT, &["server"]))
                || (label_is(s, "app", &["prometheus"]) && label_is(s, "component", &["server"]))
        },
    },
    Mark { score: 80, why: "prometheus-operator", fits: |s| label_is(s, "operated-prometheus", &["true"]) },
    Mark { score: 70, why: "named like kube-prometheus", fits: |s| s.metadata.name == "prometheus-k8s" },
    Mark {
        score: 60,
        why: "named prometheus",
        fits: |s| matches!(s.metadata.name.as_str(), "prometheus" | "prometheus-server" | "prometheus-operated"),
    },
    Mark {
        score: 40,
        why: "its name ends like Prometheus",
        fits: |s| has_suffix(s, &["-prometheus", "-prometheus-server"]),
    },
];

const ALERTMANAGER: &[Mark] = &[
    Mark {
        score: 100,
        why: "kube-prometheus-stack",
        fits: |s| label_is(s, "app", &["kube-prometheus-stack-alertmanager"]),
    },
    Mark { score: 90, why: "Alertmanager by its labels", fits: |s| label_is(s, APP, &["alertmanager"]) },
    Mark { score: 80, why: "prometheus-operator", fits: |s| label_is(s, "operated-alertmanager", &["true"]) },
    Mark {
        score: 60,
        why: "named alertmanager",
        fits: |s| matches!(s.metadata.name.as_str(), "alertmanager" | "alertmanager-main" | "alertmanager-operated"),
    },
    Mark { score: 40, why: "its name ends like Alertmanager", fits: |s| has_suffix(s, &["-alertmanager"]) },
];

const OPENBAO: &[Mark] = &[
    Mark { score: 100, why: "the OpenBao chart", fits: |s| is_server(s, "openbao") && !is_partial(s) },
    Mark { score: 90, why: "the Vault chart", fits: |s| is_server(s, "vault") && !is_partial(s) },
    Mark { score: 60, why: "one of the OpenBao chart's Services", fits: |s| is_server(s, "openbao") },
    Mark { score: 50, why: "one of the Vault chart's Services", fits: |s| is_server(s, "vault") },
    Mark { score: 40, why: "named like it", fits: |s| matches!(s.metadata.name.as_str(), "openbao" | "vault") },
];

fn has_suffix(service: &WireService, suffixes: &[&str]) -> bool {
    suffixes.iter().any(|suffix| service.metadata.name.ends_with(suffix))
}

/// The injector, the CSI provider and the UI of these charts carry other names or components.
fn is_server(service: &WireService, app: &str) -> bool {
    label_is(service, APP, &[app]) && service.metadata.labels.get(COMPONENT).is_none_or(|part| part == "server")
}

/// The Services that select only some of the replicas.
fn is_partial(service: &WireService) -> bool {
    has_suffix(service, &["-active", "-standby", "-internal", "-ui"])
}

fn judge(name: ServiceName, service: &WireService, reference: Option<&str>) -> Option<Candidate> {
    let (marks, ports) = match name {
        ServiceName::Prometheus => (PROMETHEUS, [9090, 80]),
        ServiceName::Alertmanager => (ALERTMANAGER, [9093, 80]),
        ServiceName::OpenBao => (OPENBAO, [8200, 8200]),
    };
    let reference = reference.map(Reference::parse);
    let mark = marks.iter().find(|mark| (mark.fits)(service)).map(|mark| (mark.score, mark.why));
    let (score, why) = mark.or_else(|| reference.as_ref().map(|_| (30, "configured by name")))?;
    let asked = reference.as_ref().and_then(|reference| reference.port);
    let port = service.port(asked, &ports)?;
    let endpoint = Endpoint {
        target: ProxyTarget::Service,
        namespace: service.metadata.namespace.clone(),
        name: service.metadata.name.clone(),
        tls: reference.and_then(|reference| reference.tls).unwrap_or_else(|| port.is_tls()),
        port: port.port.to_string(),
    };
    let uid = service.metadata.uid.clone();
    Some(Candidate { service: name, endpoint, uid, score, why, standing: Standing::Nobody })
}

#[derive(Deserialize)]
struct WireList {
    #[serde(default)]
    metadata: WireListMeta,
    #[serde(default)]
    items: Vec<WireService>,
}

#[derive(Deserialize, Default)]
struct WireListMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize, Default, Debug)]
struct WireService {
    #[serde(default)]
    metadata: WireMeta,
    #[serde(default)]
    spec: WireSpec,
}

#[derive(Deserialize, Default, Debug)]
struct WireMeta {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Default, Debug)]
struct WireSpec {
    #[serde(default)]
    ports: Vec<WirePort>,
}

#[derive(Deserialize, Default, Debug, Clone)]
#[serde(rename_all = "camelCase", default)]
struct WirePort {
    name: Option<String>,
    port: u16,
    app_protocol: Option<String>,
}

impl WirePort {
    fn is_tls(&self) -> bool {
        let says = |text: &Option<String>| text.as_ref().is_some_and(|text| text.to_lowercase().starts_with("https"));
        says(&self.name) || says(&self.app_protocol)
    }
}

impl WireService {
    /// The port that was asked for by number or name, else the first of the usual ones, else a web port, else the only one.
    fn port(&self, asked: Option<&str>, usual: &[u16]) -> Option<&WirePort> {
        let ports = &self.spec.ports;
        if let Some(asked) = asked {
            return ports.iter().find(|port| port.port.to_string() == asked || port.name.as_deref() == Some(asked));
        }
        usual
            .iter()
            .find_map(|number| ports.iter().find(|port| port.port == *number))
            .or_else(|| {
                ports.iter().find(|port| matches!(port.name.as_deref(), Some("web" | "http-web" | "http" | "https")))
            })
            .or_else(|| ports.first().filter(|_| ports.len() == 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, labels: &[(&str, &str)], ports: &[(&str, u16)]) -> WireService {
        WireService {
            metadata: WireMeta {
                name: name.to_owned(),
                namespace: "ns".to_owned(),
                uid: name.to_owned(),
                labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            },
            spec: WireSpec {
                ports: ports
                    .iter()
                    .map(|(name, port)| WirePort { name: Some((*name).to_owned()), port: *port, app_protocol: None })
                    .collect(),
            },
        }
    }

    fn found(name: ServiceName, service: &WireService) -> Option<(u32, String)> {
        judge(name, service, None).map(|candidate| (candidate.score, candidate.endpoint.proxy_name()))
    }

    #[test]
    fn the_services_of_the_usual_charts_are_recognised() {
        use ServiceName::{Alertmanager, OpenBao, Prometheus};
        let cases = [
            (
                Prometheus,
                service(
                    "kps-prometheus",
                    &[("app", "kube-prometheus-stack-prometheus")],
                    &[("http-web", 9090), ("reloader-web", 8080)],
                ),
                Some((100, "http:kps-prometheus:9090")),
            ),
            (
                Prometheus,
                service("prometheus-operated", &[("operated-prometheus", "true")], &[("http-web", 9090)]),
                Some((80, "http:prometheus-operated:9090")),
            ),
            (
                Prometheus,
                service("stack-server", &[(APP, "prometheus"), (COMPONENT, "server")], &[("http", 80)]),
                Some((90, "http:stack-server:80")),
            ),
            (
                Prometheus,
                service("prometheus-pushgateway", &[(APP, "prometheus-pushgateway")], &[("http", 9091)]),
                None,
            ),
            (
                Prometheus,
                service("kps-operator", &[("app", "kube-prometheus-stack-operator")], &[("https", 443)]),
                None,
            ),
            (
                Alertmanager,
                service("kps-alertmanager", &[("app", "kube-prometheus-stack-alertmanager")], &[("http-web", 9093)]),
                Some((100, "http:kps-alertmanager:9093")),
            ),
            (
                Alertmanager,
                service(
                    "alertmanager-operated",
                    &[("operated-alertmanager", "true")],
                    &[("web", 9093), ("tcp-mesh", 9094)],
                ),
                Some((80, "http:alertmanager-operated:9093")),
            ),
            (
                OpenBao,
                service("openbao", &[(APP, "openbao")], &[("http", 8200), ("https-internal", 8201)]),
                Some((100, "http:openbao:8200")),
            ),
            (
                OpenBao,
                service("openbao-active", &[(APP, "openbao")], &[("https", 8200)]),
                Some((60, "https:openbao-active:8200")),
            ),
            (OpenBao, service("vault", &[(APP, "vault")], &[("https", 8200)]), Some((90, "https:vault:8200"))),
            (
                OpenBao,
                service(
                    "vault-agent-injector-svc",
                    &[(APP, "vault-agent-injector"), (COMPONENT, "webhook")],
                    &[("https", 443)],
                ),
                None,
            ),
        ];
        for (name, service, expected) in cases {
            let expected = expected.map(|(score, path)| (score, path.to_owned()));
            assert_eq!(found(name, &service), expected, "{}", service.metadata.name);
        }
    }

    fn candidate(namespace: &str, score: u32, standing: Standing) -> Candidate {
        let found = judge(ServiceName::OpenBao, &service("bao", &[(APP, "openbao")], &[("http", 8200)]), None).unwrap();
        let endpoint = Endpoint { namespace: namespace.to_owned(), ..found.endpoint.clone() };
        Candidate { endpoint, score, standing, ..found }
    }

    fn discovered(candidates: Vec<Candidate>) -> Discovered {
        Discovered { candidates: BTreeMap::from([(ServiceName::OpenBao, candidates)]), forbidden: Vec::new() }
    }

    #[test]
    fn nothing_is_used_without_a_word_for_it_and_a_tie_is_not_decided() {
        let word = || Standing::Profile("p".into());
        let bao = ServiceName::OpenBao;
        let strangers = discovered(vec![candidate("a", 100, Standing::Nobody)]);
        assert_eq!(strangers.best(bao), None);
        assert!(strangers.trouble(bao, &Service::default()).unwrap().contains("found a/bao, not used: nobody"));
        let elsewhere = Service { namespace: Some("b".into()), ..Service::default() };
        assert!(strangers.trouble(bao, &elsewhere).unwrap().ends_with("names another namespace"));
        let one = discovered(vec![
            candidate("b", 60, word()),
            candidate("b", 40, word()),
            candidate("a", 100, Standing::Nobody),
            candidate("c", 100, Standing::Nobody),
        ]);
        assert_eq!(one.best(bao).map(Candidate::place).as_deref(), Some("b/bao"));
        assert_eq!(one.others(bao).as_deref(), Some("OpenBao: also found a/bao, c/bao, not used (:trust)"));
        let tie = discovered(vec![candidate("b", 60, word()), candidate("c", 60, word())]);
        assert_eq!(tie.best(bao), None);
        assert!(tie.trouble(bao, &Service::default()).unwrap().contains("b/bao, c/bao fit equally"));
    }

    #[test]
    fn headers_go_only_to_a_service_that_the_configuration_names() {
        let configured = Service { headers: vec![("X-Key".into(), "k".into())], ..Service::default() };
        for standing in [Standing::Nobody, Standing::Profile("p".into()), Standing::Namespace, Standing::Confirmed] {
            assert!(candidate("a", 1, standing).settings(&configured).headers.is_empty());
        }
        assert_eq!(candidate("a", 1, Standing::Configured).settings(&configured), configured);
    }

    #[test]
    fn a_reference_may_name_scheme_and_port() {
        let candidate = configured(ServiceName::OpenBao, Some("vault"), Some("https:bao:8200")).unwrap();
        assert_eq!(candidate.endpoint.proxy_path(), "/api/v1/namespaces/vault/services/https:bao:8200/proxy");
        assert!(configured(ServiceName::OpenBao, Some("vault"), Some("bao")).is_none());
        assert!(configured(ServiceName::OpenBao, None, Some("bao:8200")).is_none());
    }
}
