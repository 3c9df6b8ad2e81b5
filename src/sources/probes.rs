//! The feed of health endpoints: every pod that a profile speaks of is asked by itself through the API server's proxy,
//! because a pod that is not ready has left its Service. Bodies are kept as far as a person reads them. It sends no
//! credentials to a pod and follows nothing that an answer says.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;

use super::address::Address;
use super::outbox::Gone;
use super::poll::{Ask, AskError, Half, Polled, expect_ok, utf8};
use super::polled_feed::{Told, until_next};
use super::shared::Shared;
use crate::clients::http::{Endpoint as Proxied, Http, ProxyTarget};
use crate::config::Service as Settings;
use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::interner::Interner;
use crate::domain::profile::{Component, Endpoint, Profile, Profiles, Via};
use crate::domain::record::KindId;
use crate::domain::served::escape;
use crate::domain::text;
use crate::kinds::probes::{self as kind, Answer, Probe};
use crate::kinds::wire::{Many, Meta, Text};

const EVERY: Duration = Duration::from_secs(15);
const DEADLINE: Duration = Duration::from_secs(5);
/// At most so many pods of one selector are asked.
const MOST: usize = 20;
/// Of a body so much is shown.
const SAYS: usize = 200;

/// Whom to ask, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    pub is_pod: bool,
    pub namespace: String,
    pub name: String,
    pub tls: bool,
    pub port: String,
}

/// What everybody said.
#[derive(Debug, Default)]
pub struct Gathered {
    probes: Vec<Probe>,
}

impl Gathered {
    /// The records; `since` remembers from one poll to the next when each began to answer as it does.
    pub fn polled(mut self, since: &mut HashMap<String, (Answer, Time)>, now: Time, intern: &mut Interner) -> Polled {
        let mut seen = HashMap::with_capacity(self.probes.len());
        for probe in &mut self.probes {
            let name = format!("{} {} {} {}", probe.profile, probe.component, probe.who, probe.path);
            probe.since = since.get(&name).filter(|(answer, _)| *answer == probe.answer).map_or(now, |(_, at)| *at);
            seen.insert(name, (probe.answer.clone(), probe.since));
        }
        *since = seen;
        let refused = self.probes.iter().filter(|p| p.answer == Answer::NoAccess).count();
        let asked = self.probes.len();
        let state = match asked {
            0 => FeedState::NotInstalled,
            _ if refused == asked => FeedState::NoAccess,
            _ => FeedState::Live,
        };
        let first = self.probes.iter().find(|p| p.answer == Answer::NoAccess);
        let problems =
            first.map(|p| format!("{refused} of {asked} endpoints may not be asked: {}", text::line(&p.says)));
        let records = if state.is_live() {
            self.probes.iter().map(|probe| kind::read(probe, intern)).collect()
        } else {
            Vec::new()
        };
        let half = Half { service: "endpoints", asked, answered: asked - refused, state, soon: false };
        Polled {
            records,
            problems: problems.into_iter().collect(),
            state,
            origin: "the pods that the profiles name".to_owned(),
            halves: vec![half],
            bad: Vec::new(),
        }
    }
}

/// Asks everybody once.
pub async fn gather<K: Ask, A: Ask>(api: &K, profiles: &Profiles, reach: impl Fn(&Aim) -> A) -> Gathered {
    let each = profiles.active.iter().flat_map(|profile| {
        let of =
            profile.components.iter().flat_map(|component| component.endpoints.iter().map(move |e| (component, e)));
        of.map(move |(component, endpoint)| (profile, component, endpoint))
    });
    let each: Vec<(&Profile, &Component, &Endpoint)> = each.collect();
    // two endpoints of a component have the same pods
    let mut wanted: Vec<(&str, &str)> = each
        .iter()
        .filter(|(_, _, endpoint)| endpoint.via == Via::Pod)
        .map(|(profile, component, endpoint)| (profile.namespace_of(component), selector(component, endpoint)))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let lists = join_all(wanted.iter().map(|(namespace, selector)| pods(api, namespace, selector))).await;
    let mut aims = Vec::new();
    let mut probes = Vec::new();
    for (profile, component, endpoint) in each {
        let namespace = profile.namespace_of(component);
        let blank = blank(profile, component, endpoint);
        let aim = |name: &str| Aim {
            is_pod: blank.is_pod,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            tls: endpoint.tls,
            port: endpoint.port.clone(),
        };
        if let Via::Service(service) = &endpoint.via {
            aims.push((aim(service), endpoint, blank));
            continue;
        }
        let at = wanted.binary_search(&(namespace, selector(component, endpoint)));
        match at.ok().and_then(|at| lists.get(at)) {
            Some(Ok(names)) if names.is_empty() => {
                probes.push(Probe { says: "no pod of it runs".to_owned(), ..blank });
            }
            Some(Ok(names)) => aims.extend(names.iter().map(|name| (aim(name), endpoint, blank.clone()))),
            Some(Err(error)) => {
                let answer = if matches!(error, AskError::Forbidden(_)) { Answer::NoAccess } else { Answer::Unasked };
                probes.push(Probe { answer, says: error.to_string(), ..blank });
            }
            None => {}
        }
    }
    let asked = aims.into_iter().map(|(aim, endpoint, blank)| {
        let address = reach(&aim);
        async move {
            let got = address.get(&endpoint.path).await;
            answered(got.map(|answer| (answer.status, answer.body)), endpoint, Probe { who: aim.name, ..blank })
        }
    });
    probes.extend(join_all(asked).await);
    Gathered { probes }
}

fn selector<'p>(component: &'p Component, endpoint: &'p Endpoint) -> &'p str {
    if endpoint.selector.is_empty() { &component.selector } else { &endpoint.selector }
}

/// The probe before anybody was asked.
fn blank(profile: &Profile, component: &Component, endpoint: &Endpoint) -> Probe {
    let codes: Vec<String> = endpoint.expect.iter().map(u16::to_string).collect();
    Probe {
        profile: profile.name.clone(),
        component: component.name.clone(),
        namespace: profile.namespace_of(component).to_owned(),
        who: String::new(),
        is_pod: endpoint.via == Via::Pod,
        path: endpoint.path.clone(),
        expected: codes.join(", "),
        grade: endpoint.severity,
        answer: Answer::Nobody,
        says: String::new(),
        since: Time::default(),
    }
}

fn answered(got: Result<(u16, Vec<u8>), AskError>, endpoint: &Endpoint, probe: Probe) -> Probe {
    match got {
        Ok((code, body)) => {
            let expected = endpoint.expect.contains(&code);
            let words = endpoint.words.get(&code).cloned().unwrap_or_default();
            // what is as expected needs no proof, and metrics are long
            let raw = if expected { String::new() } else { shortened(&body) };
            let says = [words, raw].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
            Probe { answer: Answer::Code(code, expected), says, ..probe }
        }
        Err(error) => {
            let answer = match &error {
                AskError::Forbidden(_) => Answer::NoAccess,
                AskError::Timeout | AskError::Refused(_) => Answer::Unreachable,
                // gone since the list, or the API server holds us back: that says nothing of the pod
                AskError::NotFound(_) | AskError::Busy(_) | AskError::Other(_) => Answer::Unasked,
            };
            Probe { answer, says: error.to_string(), ..probe }
        }
    }
}

fn shortened(body: &[u8]) -> String {
    let most = body.len().min(SAYS * 4);
    let raw = utf8(&body[..most]);
    let mut short: String = raw.trim().chars().take(SAYS).collect();
    if raw.trim().chars().count() > SAYS || body.len() > most {
        short.push('…');
    }
    text::line(&short).into_owned()
}

/// The running pods of a selector.
async fn pods(api: &impl Ask, namespace: &str, selector: &str) -> Result<Vec<String>, AskError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct List {
        items: Many<Pod>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Pod {
        metadata: Meta,
        status: Status,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Status {
        phase: Text,
    }
    if selector.is_empty() {
        return Err(AskError::Other("the profile names no selector of its pods".to_owned()));
    }
    let place = escape(namespace);
    let path = format!("/api/v1/namespaces/{place}/pods?labelSelector={}&limit={MOST}", escape(selector));
    let body = expect_ok(api.get(&path).await)?;
    let list: List = serde_json::from_str(&utf8(&body)).map_err(|error| AskError::Other(error.to_string()))?;
    let runs = |pod: &&Pod| &*pod.status.phase == "Running" && pod.metadata.deletion_timestamp.is_empty();
    Ok(list.items.iter().filter(runs).map(|pod| pod.metadata.name.to_string()).collect())
}

/// Runs the feed.
pub(super) async fn run(shared: &Shared, kind: KindId) -> Result<(), Gone> {
    let mut told = Told::new(kind, shared);
    let api = Address::new(Http::api(&shared.cluster));
    let mut profiles = shared.profiles.clone();
    let mut since = HashMap::new();
    let mut link = shared.link.clone();
    let settings = Settings::default();
    let reach = |aim: &Aim| {
        let endpoint = Proxied {
            target: if aim.is_pod { ProxyTarget::Pod } else { ProxyTarget::Service },
            namespace: aim.namespace.clone(),
            name: aim.name.clone(),
            tls: aim.tls,
            port: aim.port.clone(),
        };
        let http = Http::through(&shared.cluster, &endpoint, &settings);
        Address::new(http.unwrap_or_else(|_| Http::api(&shared.cluster))).within(DEADLINE)
    };
    loop {
        let now = profiles.borrow_and_update().clone();
        if now.certainty != crate::domain::profile::Certainty::Waiting {
            let gathered = gather(&api, &now, reach).await;
            let at = (shared.clock)();
            let polled = gathered.polled(&mut since, at, &mut shared.interner.borrow_mut());
            told.tell_of(&now, polled, at).await?;
        }
        tokio::select! {
            next = until_next(EVERY, &mut link) => next?,
            changed = profiles.changed() => if changed.is_err() {
                return Ok(());
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::poll::tests::Fake;
    use super::*;
    use crate::config::profiles::built_in;
    use crate::domain::interner::Strings;
    use crate::domain::profile::Certainty;

    const PODS: &str = "/api/v1/namespaces/slopilot/pods";

    fn slopilot() -> Profiles {
        let profile = built_in().get("slopilot").unwrap().profile.clone().at("slopilot");
        Profiles { known: Vec::new(), active: vec![profile], certainty: Certainty::Certain }
    }

    async fn poll(api: &Fake, reach: impl Fn(&Aim) -> Fake) -> (Polled, Vec<String>) {
        let mut intern = Interner::default();
        let gathered = gather(api, &slopilot(), reach).await;
        let polled = gathered.polled(&mut HashMap::new(), Time(100), &mut intern);
        let mut strings = Strings::default();
        strings.extend(intern.unshipped());
        let line = |r: &crate::domain::record::Record| format!("{} {} {}", r.name, strings.get(r.status), r.note);
        let lines = polled.records.iter().map(line).collect();
        (polled, lines)
    }

    fn one_pod() -> Fake {
        let list = r#"{"items":[{"metadata":{"name":"web-0"},"status":{"phase":"Running"}},
            {"metadata":{"name":"old"},"status":{"phase":"Failed"}}]}"#;
        Fake::new("api").on(PODS, 200, list)
    }

    #[tokio::test]
    async fn each_pod_is_asked_and_a_bad_answer_is_shown_as_it_came() {
        let (polled, lines) = poll(&one_pod(), |aim| {
            assert_eq!((aim.is_pod, &*aim.name, &*aim.namespace), (true, "web-0", "slopilot"));
            Fake::new("pod").on("/health", 200, "ok").on("/ready", 503, "{\"prometheus\":\"un\u{1b}[31mreachable\"}")
        })
        .await;
        assert_eq!(polled.state, FeedState::Live);
        assert_eq!(lines[0], "web-0/health 200 the process lives");
        assert!(lines[1].starts_with("web-0/ready 503 not ready: "), "{lines:?}");
        assert!(lines[1].contains("{\"prometheus\":\"un␛[31mreachable\"}"), "{lines:?}");
    }

    #[tokio::test]
    async fn no_right_no_pod_and_no_answer_are_three_words() {
        let forbidden = |path| Fake::new("pod").failing(path, AskError::Forbidden("pods/proxy".into()));
        let (polled, _) =
            poll(&one_pod(), |_| forbidden("/health").failing("/ready", AskError::Forbidden("pods/proxy".into())))
                .await;
        assert_eq!(polled.state, FeedState::NoAccess);
        let dead =
            Fake::new("pod").failing("/health", AskError::Timeout).failing("/ready", AskError::Other("busy".into()));
        let (_, lines) = poll(&one_pod(), |_| dead.clone()).await;
        assert_eq!(lines, ["web-0/health unreachable no answer in time", "web-0/ready not asked busy"]);
        let nobody = Fake::new("api").on(PODS, 200, r#"{"items":[]}"#);
        let (_, lines) = poll(&nobody, |_| unreachable!("there is nobody to ask")).await;
        assert_eq!(lines[0], "slopilot/health no pod no pod of it runs");
    }

    #[tokio::test]
    async fn an_answer_keeps_its_beginning_until_it_changes() {
        let mut since = HashMap::new();
        let mut intern = Interner::default();
        for (code, now, expected) in [(503, 10, 10), (503, 20, 10), (200, 30, 30)] {
            let gathered = gather(&one_pod(), &slopilot(), |_| Fake::new("pod").on("/ready", code, "")).await;
            let polled = gathered.polled(&mut since, Time(now), &mut intern);
            assert_eq!(polled.records[1].time(kind::SINCE), Some(Time(expected)));
        }
    }

    #[test]
    fn a_long_body_is_cut_with_a_mark() {
        let long = "x".repeat(5000);
        assert_eq!(shortened(long.as_bytes()).chars().count(), SAYS + 1);
        assert_eq!(shortened(b" ok\n"), "ok");
    }
}
