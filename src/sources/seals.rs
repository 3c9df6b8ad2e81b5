//! OpenBao's and Vault's seal state: every replica is found by its pod's labels and asked by itself, because the
//! Service shows one at random. Never sends a token, never unseals.
//!
//! 429 is a healthy standby, 503 is sealed, 501 is not initialised; of Vault, 472 is a replica of a disaster recovery
//! secondary, 473 a standby that serves reads, 474 a standby that has lost its active one, 530 one that was
//! removed. But only when the body is OpenBao's own: the API server uses the same codes for a proxy that fails. A replica
//! that may not be asked is judged by its labels.

use serde::Deserialize;

use super::poll::{Answer, Ask, AskError, Half, Polled, expect_ok, problem, refusal, utf8};
use super::replicas::{Replica, Scheme, pods_path, replicas};
use crate::domain::change::{Bad, FeedState};
use crate::domain::interner::Interner;
use crate::domain::text;
use crate::kinds::seals::{self as kind, Seal, Source, State};
use crate::kinds::wire::{Text, or_default};

pub const SEAL_STATUS: &str = "/v1/sys/seal-status";
pub const HEALTH: &str = "/v1/sys/health";
pub const LEADER: &str = "/v1/sys/leader";

/// At most this many replicas are asked.
const MOST: usize = 100;

/// What every replica said, before it becomes records: the part that waits, apart from the part that interns.
#[derive(Debug)]
pub struct Gathered {
    seals: Vec<Seal>,
    state: FeedState,
    /// See [`Half::soon`].
    soon: bool,
    problems: Vec<String>,
    pub origin: String,
    bad: Vec<Bad>,
}

impl Gathered {
    /// The records, and the quorum of each cluster.
    pub fn polled(self, intern: &mut Interner) -> Polled {
        let Self { seals, state, soon, problems, origin, bad } = self;
        finish(&seals, (state, soon), problems, &origin, bad, intern)
    }
}

/// Lists the replicas and asks each.
///
/// `api` is the API server itself; `namespaces` are those to look in, none for all. `reach` gives the address of a
/// replica, normally its [`Replica::proxy_path`] on the API server.
pub async fn gather<K: Ask, A: Ask>(
    api: &K,
    namespaces: &[String],
    reach: impl Fn(&Replica, Scheme, u16) -> A,
) -> Gathered {
    let (mut found, mut bad, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let paths = match namespaces {
        [] => vec![pods_path(None)],
        some => some.iter().map(|n| pods_path(Some(n))).collect(),
    };
    let mut errors = Vec::new();
    for answer in futures::future::join_all(paths.iter().map(|path| api.get(path))).await {
        let listed = expect_ok(answer).and_then(|body| replicas(&body, &mut bad));
        match listed {
            Ok(list) => {
                found.extend(list);
                errors.push(None);
            }
            Err(error) => {
                problems.push(problem("OpenBao's pods", &error, api.label()));
                errors.push(Some(error));
            }
        }
    }
    let listing = Half::of("OpenBao", errors.iter().map(Option::as_ref));
    if found.len() > MOST {
        problems.push(format!("OpenBao: {} more replicas are not asked", found.len() - MOST));
        found.truncate(MOST);
    }
    let seals = futures::future::join_all(found.iter().map(|replica| ask(replica, &reach))).await;
    let unasked = seals.iter().filter(|s| s.source == Source::Labels).count();
    if let Some(first) = seals.iter().find(|s| s.source == Source::Labels) {
        let what = format!(
            "{unasked} of {} replicas may not be asked, so their pod labels are used: {}",
            seals.len(),
            first.note
        );
        problems.push(problem("OpenBao", &what, &format!("{}/{}", first.namespace, first.name)));
    }
    let state = match listing.state {
        FeedState::Live if seals.is_empty() => FeedState::NotInstalled,
        state => state,
    };
    Gathered { seals, state, soon: listing.soon, problems, origin: format!("pods of {}", api.label()), bad }
}

/// The namespaces in which pods of it run; none where that may not be looked at.
pub async fn namespaces(api: &impl Ask) -> Vec<String> {
    let listed = expect_ok(api.get(&pods_path(None)).await).and_then(|body| replicas(&body, &mut Vec::new()));
    let mut names: Vec<String> = listed.unwrap_or_default().into_iter().map(|replica| replica.namespace).collect();
    names.sort();
    names.dedup();
    names
}

/// [`gather`], with all results at once.
#[cfg(test)]
async fn poll_once<K: Ask, A: Ask>(
    api: &K,
    namespaces: &[String],
    reach: impl Fn(&Replica, Scheme, u16) -> A,
    intern: &mut Interner,
) -> Polled {
    gather(api, namespaces, reach).await.polled(intern)
}

/// Asks replicas that are given by address, where there is no pod to see.
pub async fn gather_addresses<A: Ask>(replicas: &[A]) -> Gathered {
    let seals = futures::future::join_all(replicas.iter().map(async |address| {
        let seal = Seal {
            uid: address.label().to_owned(),
            name: address.label().to_owned(),
            cluster: "openbao".to_owned(),
            ..Seal::default()
        };
        match probe(address).await {
            Ok(told) => told.onto(seal),
            Err(failed) => Seal { state: failed.state(), note: failed.error.to_string(), ..seal },
        }
    }))
    .await;
    let origin = replicas.iter().map(Ask::label).collect::<Vec<_>>().join(", ");
    let silent = |s: &&Seal| matches!(s.state, State::Unreachable | State::Unknown);
    let reached = !seals.iter().all(|s| silent(&s));
    let state = match (seals.is_empty(), reached) {
        (true, _) => FeedState::NotInstalled,
        (_, true) => FeedState::Live,
        // one by one they are records, but a feed that reaches nobody is blind
        (_, false) => FeedState::Unreachable,
    };
    let problems = seals.iter().filter(silent).map(|s| problem("OpenBao", &s.note, &s.name));
    let problems = problems.collect();
    Gathered { seals, state, soon: false, problems, origin, bad: Vec::new() }
}

/// [`gather_addresses`], with all results at once.
#[cfg(test)]
async fn poll_addresses<A: Ask>(replicas: &[A], intern: &mut Interner) -> Polled {
    gather_addresses(replicas).await.polled(intern)
}

fn finish(
    seals: &[Seal],
    (state, soon): (FeedState, bool),
    problems: Vec<String>,
    origin: &str,
    bad: Vec<Bad>,
    intern: &mut Interner,
) -> Polled {
    let mut clusters: Vec<(&str, &str)> = seals.iter().map(|s| (&*s.namespace, &*s.cluster)).collect();
    clusters.sort_unstable();
    clusters.dedup();
    let mut records = Vec::new();
    for (namespace, cluster) in clusters {
        let members: Vec<&Seal> = seals.iter().filter(|s| s.namespace == namespace && s.cluster == cluster).collect();
        records.push(kind::read_cluster(namespace, cluster, &kind::quorum(&members), intern));
        records.extend(members.iter().map(|seal| kind::read(seal, intern)));
    }
    let told = |s: &&Seal| s.source == Source::Asked && !matches!(s.state, State::Unreachable | State::Unknown);
    let answered = seals.iter().filter(told).count();
    let half = Half { service: "OpenBao", asked: seals.len(), answered, state, soon };
    Polled { records, problems, state, origin: text::line(origin).into_owned(), halves: vec![half], bad }
}

/// Asks one replica, in its likely scheme first.
async fn ask<A: Ask>(replica: &Replica, reach: &impl Fn(&Replica, Scheme, u16) -> A) -> Seal {
    let seal = Seal {
        uid: if replica.uid.is_empty() {
            format!("{}/{}", replica.namespace, replica.name)
        } else {
            replica.uid.clone()
        },
        namespace: replica.namespace.clone(),
        name: replica.name.clone(),
        is_pod: true,
        cluster: replica.cluster.clone(),
        created: Some(replica.created).filter(|t| t.is_set()),
        version: replica.hint.version.clone(),
        ..Seal::default()
    };
    if replica.phase != "Running" {
        let phase = if replica.phase.is_empty() { "without a phase" } else { &replica.phase };
        return Seal { state: State::Unreachable, note: format!("its pod is {phase}"), ..seal };
    }
    let mut failed = None;
    for scheme in [replica.scheme, replica.scheme.other()] {
        match probe(&reach(replica, scheme, replica.port)).await {
            Ok(told) => return told.onto(seal),
            Err(new) => {
                // the other scheme would meet the same refusal, or the same silence
                let last = new.why == Why::Unasked || new.error == AskError::Timeout;
                failed.get_or_insert(new);
                if last {
                    break;
                }
            }
        }
    }
    match failed {
        Some(failed) if failed.why != Why::Unasked => {
            let hint = match replica.hint.state() {
                State::Unknown => String::new(),
                state => format!("; its label says {}", state.word()),
            };
            Seal { state: failed.state(), note: format!("{}{hint}", failed.error), ..seal }
        }
        failed => by_labels(replica, seal, failed.map_or(String::new(), |f| f.error.to_string())),
    }
}

/// A hint, not proof: after a crash labels stay as they were.
fn by_labels(replica: &Replica, seal: Seal, note: String) -> Seal {
    let seal = Seal { source: Source::Labels, note, ..seal };
    match replica.hint.state() {
        state if state.serves() && !replica.ready => {
            let note = format!("its label says {}, but its pod is not ready; {}", state.word(), seal.note);
            Seal { state: State::Unknown, note, ..seal }
        }
        state => Seal { state, ..seal },
    }
}

/// What a replica said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    state: State,
    status: Status,
    is_secondary: bool,
    note: String,
}

impl Told {
    fn onto(self, seal: Seal) -> Seal {
        let s = self.status;
        let small = |n: Option<u16>| n.unwrap_or(0);
        Seal {
            state: self.state,
            source: Source::Asked,
            seal_type: s.r#type.to_string(),
            progress: small(s.progress),
            threshold: small(s.t),
            shares: small(s.n),
            version: if s.version.is_empty() { seal.version.clone() } else { s.version.to_string() },
            storage: s.storage_type.to_string(),
            cluster_name: s.cluster_name.to_string(),
            migrates: s.migration == Some(true),
            is_secondary: self.is_secondary,
            note: self.note,
            ..seal
        }
    }
}

/// Why a replica reported nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failed {
    error: AskError,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Nothing came of the question: it is not there, or does not answer.
    Silent,
    /// Something answers, and not as OpenBao or Vault does: of its seal that says nothing.
    Foreign,
    /// The question did not get there: no right, or the API server holds us back. Says nothing of the replica.
    Unasked,
}

impl Failed {
    /// What the replica is, as far as it was asked.
    fn state(&self) -> State {
        if self.why == Why::Silent { State::Unreachable } else { State::Unknown }
    }
}

/// The fields that seal-status and health share, and those that only one has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Status {
    initialized: Option<bool>,
    sealed: Option<bool>,
    standby: Option<bool>,
    removed_from_cluster: Option<bool>,
    replication_dr_mode: Text,
    migration: Option<bool>,
    r#type: Text,
    #[serde(deserialize_with = "or_default")]
    t: Option<u16>,
    #[serde(deserialize_with = "or_default")]
    n: Option<u16>,
    #[serde(deserialize_with = "or_default")]
    progress: Option<u16>,
    version: Text,
    storage_type: Text,
    cluster_name: Text,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Leader {
    ha_enabled: Option<bool>,
    is_self: Option<bool>,
}

async fn probe(ask: &impl Ask) -> Result<Told, Failed> {
    let (seal, health) = futures::join!(ask.get(SEAL_STATUS), ask.get(HEALTH));
    let mut told = classify(seal, &health)?;
    if told.state == State::Unsealed {
        let leader = ask.get(LEADER).await;
        let (state, note) = role(leader);
        told.state = match state {
            // its health speaks of an active one
            State::Unsealed if told.is_secondary => State::Active,
            state => state,
        };
        told.note = note;
    }
    if told.is_secondary && told.note.is_empty() {
        kind::SECONDARY.clone_into(&mut told.note);
    }
    Ok(told)
}

/// OpenBao's own body, whatever the code.
fn own(answer: &Answer) -> Option<Status> {
    serde_json::from_str::<Status>(&utf8(&answer.body)).ok().filter(|s| s.sealed.is_some())
}

/// The state from both answers; either may have failed. Who is active, seal-status cannot tell.
fn classify(seal: Result<Answer, AskError>, health: &Result<Answer, AskError>) -> Result<Told, Failed> {
    let by_health = health.as_ref().ok().and_then(|a| Some((a.status, own(a)?)));
    let by_seal = seal.as_ref().ok().and_then(own);
    let Some(status) = by_seal.or_else(|| by_health.as_ref().map(|(_, s)| s.clone())) else {
        return Err(failed(seal));
    };
    let mut told = Told { status, ..Told::default() };
    let role = by_health.map_or(State::Unsealed, |(code, s)| {
        told.is_secondary = code == 472 || &*s.replication_dr_mode == "secondary";
        if s.removed_from_cluster == Some(true) {
            told.status.removed_from_cluster = Some(true);
        }
        match (code, s.standby) {
            (474, _) => State::CutOff,
            (473, _) => {
                "performance standby".clone_into(&mut told.note);
                State::Standby
            }
            (429, _) | (_, Some(true)) => State::Standby,
            (200, _) => State::Active,
            // between both answers it was sealed, or lost its standing, or the code is a new one: the leader knows
            _ => State::Unsealed,
        }
    });
    told.state = match (told.status.initialized, told.status.sealed) {
        (Some(false), _) => State::Uninitialised,
        _ if told.status.removed_from_cluster == Some(true) => State::Removed,
        (_, Some(true)) => State::Sealed,
        _ => role,
    };
    Ok(told)
}

fn failed(seal: Result<Answer, AskError>) -> Failed {
    match seal {
        Err(error) => {
            let unasked = matches!(error, AskError::Forbidden(_) | AskError::Busy(_));
            Failed { why: if unasked { Why::Unasked } else { Why::Silent }, error }
        }
        Ok(answer) if (200..300).contains(&answer.status) => {
            Failed { error: AskError::Other("what answers is not OpenBao".to_owned()), why: Why::Foreign }
        }
        Ok(answer) => {
            let why = match answer.status {
                401 | 403 | 429 => Why::Unasked,
                // the proxy in front of it says that nothing is behind
                502..=504 => Why::Silent,
                _ => Why::Foreign,
            };
            Failed { error: refusal(&answer), why }
        }
    }
}

/// Active or standby from `sys/leader`.
fn role(leader: Result<Answer, AskError>) -> (State, String) {
    let leader = expect_ok(leader).map(|body| serde_json::from_str::<Leader>(&utf8(&body)).unwrap_or_default());
    match leader {
        Ok(Leader { is_self: Some(true), .. } | Leader { ha_enabled: Some(false), .. }) => {
            (State::Active, String::new())
        }
        Ok(Leader { is_self: Some(false), .. }) => (State::Standby, String::new()),
        Ok(_) => (State::Unsealed, String::new()),
        Err(error) => (State::Unsealed, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::poll::tests::Fake;
    use super::*;
    use crate::domain::interner::Strings;
    use rstest::rstest;

    const UNSEALED: &str = r#"{"type":"shamir","initialized":true,"sealed":false,"t":3,"n":5,"progress":0,"version":"2.6.0",
        "storage_type":"raft","cluster_name":"bao-1","recovery_seal":false}"#;
    const SEALED: &str = r#"{"type":"shamir","initialized":true,"sealed":true,"t":3,"n":5,"progress":1,"version":"2.6.0",
        "storage_type":"raft"}"#;
    const NEW: &str = r#"{"type":"shamir","initialized":false,"sealed":true,"t":0,"n":0,"progress":0}"#;
    const API_503: &str =
        r#"{"kind":"Status","status":"Failure","message":"error trying to reach service","code":503}"#;

    fn health(initialized: bool, sealed: bool, standby: bool) -> String {
        format!(r#"{{"initialized":{initialized},"sealed":{sealed},"standby":{standby},"version":"2.6.0"}}"#)
    }

    fn bao(seal: (u16, &str), health: (u16, &str)) -> Fake {
        Fake::new("bao").on(SEAL_STATUS, seal.0, seal.1).on(HEALTH, health.0, health.1)
    }

    #[rstest]
    #[case::active(bao((200, UNSEALED), (200, &health(true, false, false))), State::Active)]
    #[case::standby(bao((200, UNSEALED), (429, &health(true, false, true))), State::Standby)]
    #[case::vault_performance_standby(bao((200, UNSEALED), (473, &health(true, false, true))), State::Standby)]
    #[case::vault_secondary_that_leads(bao((200, UNSEALED), (472, &health(true, false, false)))
        .on(LEADER, 200, r#"{"ha_enabled":true,"is_self":true}"#), State::Active)]
    #[case::vault_secondary_that_follows(bao((200, UNSEALED), (472, &health(true, false, false)))
        .on(LEADER, 200, r#"{"ha_enabled":true,"is_self":false}"#), State::Standby)]
    #[case::vault_secondary_whose_leader_is_not_told(bao((200, UNSEALED), (472, &health(true, false, false))), State::Active)]
    #[case::vault_standby_without_its_active_one(bao((200, UNSEALED), (474, &health(true, false, true))), State::CutOff)]
    #[case::vault_removed(bao((200, UNSEALED), (530, r#"{"initialized":true,"sealed":false,"standby":true,"removed_from_cluster":true}"#)),
        State::Removed)]
    #[case::vault_removed_and_sealed(bao((200, r#"{"initialized":true,"sealed":true,"removed_from_cluster":true}"#), (503, API_503)),
        State::Removed)]
    #[case::a_code_of_a_later_version(bao((200, UNSEALED), (475, &health(true, false, false))), State::Unsealed)]
    #[case::sealed(bao((200, SEALED), (503, &health(true, true, true))), State::Sealed)]
    #[case::uninitialised(bao((200, NEW), (501, &health(false, true, true))), State::Uninitialised)]
    #[case::health_alone_active(bao((500, ""), (200, &health(true, false, false))), State::Active)]
    #[case::health_alone_sealed(bao((502, API_503), (503, &health(true, true, true))), State::Sealed)]
    #[case::leader_active(bao((200, UNSEALED), (503, API_503)).on(LEADER, 200, r#"{"ha_enabled":true,"is_self":true}"#), State::Active)]
    #[case::leader_standby(bao((200, UNSEALED), (429, "")).on(LEADER, 200, r#"{"ha_enabled":true,"is_self":false}"#), State::Standby)]
    #[case::no_ha(bao((200, UNSEALED), (404, "")).on(LEADER, 200, r#"{"ha_enabled":false,"is_self":null}"#), State::Active)]
    #[case::role_unknown(bao((200, UNSEALED), (404, "")), State::Unsealed)]
    #[case::timed_out_health(bao((200, SEALED), (0, "")).failing(HEALTH, AskError::Timeout), State::Sealed)]
    #[tokio::test]
    async fn answers_are_told_apart(#[case] fake: Fake, #[case] expected: State) {
        assert_eq!(probe(&fake).await.unwrap().state, expected);
    }

    #[tokio::test]
    async fn a_secondary_cluster_has_its_quorum_and_a_migration_is_seen() {
        let pods: Vec<_> = ["openbao-0", "openbao-1", "openbao-2"].map(|n| pod(n, "", "True")).into();
        let migrating = SEALED.replace("\"progress\"", "\"migration\":true,\"progress\"");
        let (polled, lines) = poll(&api(&pods), |replica, _, _| match &*replica.name {
            "openbao-0" => bao((200, UNSEALED), (472, &health(true, false, false))).on(
                LEADER,
                200,
                r#"{"ha_enabled":true,"is_self":true}"#,
            ),
            "openbao-1" => bao((200, &migrating), (503, &health(true, true, true))),
            _ => bao((200, UNSEALED), (429, &health(true, false, true))),
        })
        .await;
        let words = [
            "openbao (cluster) degraded 2/3",
            "openbao-0 active asked",
            "openbao-1 sealed asked",
            "openbao-2 standby asked",
        ];
        assert_eq!(lines, words);
        assert_eq!(&*polled.records[1].note, kind::SECONDARY);
        assert!(polled.records[2].flag(kind::MIGRATES) && !polled.records[1].flag(kind::MIGRATES));
    }

    #[rstest]
    #[case::api_servers_503(bao((503, API_503), (503, API_503)), Why::Silent, "cannot be reached: HTTP 503: error trying to reach service")]
    #[case::api_servers_429(bao((429, "slow down"), (429, "slow down")), Why::Unasked, "HTTP 429: slow down")]
    #[case::forbidden(bao((403, ""), (403, "")), Why::Unasked, "no access: HTTP 403")]
    #[case::another_server(bao((200, "<html>"), (200, "<html>")), Why::Foreign, "what answers is not OpenBao")]
    #[case::another_body(bao((299, "{}"), (200, "{}")), Why::Foreign, "what answers is not OpenBao")]
    #[case::another_code(bao((500, "{}"), (418, "")), Why::Foreign, "HTTP 500: {}")]
    #[case::held_back(Fake::new("b").failing(SEAL_STATUS, AskError::Busy("later".into())), Why::Unasked, "later")]
    #[case::timeout(Fake::new("b").failing(SEAL_STATUS, AskError::Timeout).failing(HEALTH, AskError::Timeout), Why::Silent, "no answer in time")]
    #[tokio::test]
    async fn what_is_not_openbaos_own_body_tells_no_state(#[case] fake: Fake, #[case] why: Why, #[case] words: &str) {
        let failed = probe(&fake).await.unwrap_err();
        assert_eq!((failed.why, failed.error.to_string()), (why, words.to_owned()));
    }

    fn pod(name: &str, more_labels: &str, ready: &str) -> String {
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"openbao","uid":"u-{name}","labels":{{"app.kubernetes.io/name":"openbao",
                "app.kubernetes.io/instance":"openbao","component":"server"{more_labels}}}}},
                "spec":{{"containers":[{{"ports":[{{"name":"https-internal","containerPort":8201}},{{"name":"https","containerPort":8200}}],
                "env":null}}]}},
                "status":{{"phase":"Running","podIP":"10.1.1.1","conditions":[{{"type":"Ready","status":"{ready}"}}]}}}}"#
        )
    }

    fn api(pods: &[String]) -> Fake {
        Fake::new("api").on("/api/v1/pods", 200, &format!(r#"{{"items":[{}]}}"#, pods.join(",")))
    }

    async fn poll(api: &Fake, reach: impl Fn(&Replica, Scheme, u16) -> Fake) -> (Polled, Vec<String>) {
        let mut intern = Interner::default();
        let polled = poll_once(api, &[], reach, &mut intern).await;
        let mut strings = Strings::default();
        strings.extend(intern.unshipped());
        let line = |r: &crate::domain::record::Record| {
            let source = r.text(kind::SOURCE, &strings);
            format!("{} {} {source}", r.name, strings.get(r.status)).trim_end().to_owned()
        };
        let lines = polled.records.iter().map(line).collect();
        (polled, lines)
    }

    #[tokio::test]
    async fn each_replica_is_asked_and_the_cluster_has_its_quorum() {
        let pods: Vec<_> = ["openbao-0", "openbao-1", "openbao-2"].map(|n| pod(n, "", "True")).into();
        let (polled, lines) = poll(&api(&pods), |replica, scheme, port| {
            let path = format!("/api/v1/namespaces/openbao/pods/https:{}:8200/proxy", replica.name);
            assert_eq!(replica.proxy_path(scheme, port), path);
            match &*replica.name {
                "openbao-0" => bao((200, UNSEALED), (200, &health(true, false, false))),
                "openbao-1" => bao((200, SEALED), (503, &health(true, true, true))),
                _ => bao((200, UNSEALED), (429, &health(true, false, true))),
            }
        })
        .await;
        assert_eq!(
            lines,
            [
                "openbao (cluster) degraded 2/3",
                "openbao-0 active asked",
                "openbao-1 sealed asked",
                "openbao-2 standby asked"
            ]
        );
        assert_eq!((polled.state, polled.problems.len()), (FeedState::Live, 0));
        assert_eq!(polled.records[2].cell(kind::PROGRESS), crate::domain::record::Cell::Ratio(1, 3));
    }

    #[tokio::test]
    async fn the_other_scheme_is_tried_when_the_first_is_not_spoken() {
        let (_, lines) = poll(&api(&[pod("openbao-0", "", "True")]), |_, scheme, _| match scheme {
            Scheme::Https => bao((502, ""), (502, "")),
            Scheme::Http => bao((200, UNSEALED), (200, &health(true, false, false))),
        })
        .await;
        assert_eq!(lines, ["openbao (cluster) quorum 1/1", "openbao-0 active asked"]);
    }

    #[tokio::test]
    async fn without_the_right_to_ask_labels_are_believed_and_that_is_said() {
        let pods = [
            pod("openbao-0", r#","openbao-sealed":"false","openbao-active":"true","openbao-version":"2.6.0""#, "True"),
            pod("openbao-1", r#","openbao-sealed":"true","openbao-active":"false""#, "False"),
            pod("openbao-2", r#","openbao-sealed":"false","openbao-active":"false""#, "False"),
            pod("openbao-3", r#","vault-initialized":"false","vault-sealed":"true""#, "True"),
            pod("openbao-4", "", "True"),
        ];
        let (polled, lines) = poll(&api(&pods), |_, _, _| bao((403, ""), (403, ""))).await;
        assert_eq!(
            lines,
            [
                "openbao (cluster) quorum unknown",
                "openbao-0 active labels",
                "openbao-1 sealed labels",
                "openbao-2 unknown labels",
                "openbao-3 uninitialised labels",
                "openbao-4 unknown labels"
            ]
        );
        assert_eq!(polled.state, FeedState::Live);
        assert_eq!(
            polled.problems,
            [
                "OpenBao: 5 of 5 replicas may not be asked, so their pod labels are used: no access: HTTP 403 (openbao/openbao-0)"
            ]
        );
    }

    #[tokio::test]
    async fn a_silent_replica_is_unreachable_whatever_its_label_says() {
        let labels = r#","openbao-sealed":"false","openbao-active":"true""#;
        let (polled, lines) = poll(&api(&[pod("openbao-0", labels, "True")]), |_, _, _| {
            Fake::new("b").failing(SEAL_STATUS, AskError::Timeout).failing(HEALTH, AskError::Timeout)
        })
        .await;
        assert_eq!(lines, ["openbao (cluster) quorum lost", "openbao-0 unreachable asked"]);
        assert_eq!(&*polled.records[1].note, "no answer in time; its label says active");
    }

    #[tokio::test]
    async fn a_replica_that_answers_in_a_form_of_its_own_is_unknown_and_no_quorum_is_lost_by_it() {
        let pods: Vec<_> = ["openbao-0", "openbao-1", "openbao-2"].map(|n| pod(n, "", "True")).into();
        let (_, lines) = poll(&api(&pods), |replica, _, _| match &*replica.name {
            "openbao-0" => bao((200, UNSEALED), (200, &health(true, false, false))),
            _ => bao((200, r#"{"state":"open"}"#), (299, "{}")),
        })
        .await;
        assert_eq!(
            lines,
            [
                "openbao (cluster) quorum unknown",
                "openbao-0 active asked",
                "openbao-1 unknown asked",
                "openbao-2 unknown asked"
            ]
        );
        let mut intern = Interner::default();
        let strange = bao((200, "{}"), (200, "{}"));
        let polled = poll_addresses(&[strange], &mut intern).await;
        assert_eq!(polled.problems, ["OpenBao: what answers is not OpenBao (bao)"]);
    }

    #[tokio::test]
    async fn the_namespaces_of_its_pods_are_known_where_they_may_be_listed() {
        let other = pod("b", "", "True").replace(r#""namespace":"openbao""#, r#""namespace":"safe""#);
        assert_eq!(namespaces(&api(&[other, pod("a", "", "True"), pod("c", "", "True")])).await, ["openbao", "safe"]);
        assert!(namespaces(&api(&[])).await.is_empty());
        assert!(namespaces(&Fake::new("api").on("/api/v1/pods", 403, "")).await.is_empty());
    }

    #[tokio::test]
    async fn a_pod_that_does_not_run_is_not_asked() {
        let pending = pod("openbao-0", "", "False").replace("Running", "Pending");
        let (polled, lines) = poll(&api(&[pending]), |_, _, _| unreachable!("must not be asked")).await;
        assert_eq!(lines[1], "openbao-0 unreachable asked");
        assert_eq!(&*polled.records[1].note, "its pod is Pending");
    }

    #[tokio::test]
    async fn no_pod_is_not_installed_and_no_right_to_list_is_no_access() {
        let never = |_: &Replica, _: Scheme, _: u16| Fake::new("");
        assert_eq!(poll(&api(&[]), never).await.0.state, FeedState::NotInstalled);
        let (polled, _) = poll(&Fake::new("api").on("/api/v1/pods", 403, ""), never).await;
        assert_eq!(polled.state, FeedState::NoAccess);
        assert_eq!(polled.problems, ["OpenBao's pods: no access: HTTP 403 (api)"]);
        let (polled, _) = poll(&Fake::new("api").failing("/api/v1/pods", AskError::Timeout), never).await;
        assert_eq!(polled.state, FeedState::Unreachable);
    }

    #[tokio::test]
    async fn addresses_from_the_configuration_are_asked_as_they_are() {
        let mut intern = Interner::default();
        let good = bao((200, UNSEALED), (200, &health(true, false, false)));
        let dead = Fake::new("https://b").failing(SEAL_STATUS, AskError::Timeout).failing(HEALTH, AskError::Timeout);
        let polled = poll_addresses(&[good, dead.clone()], &mut intern).await;
        assert_eq!((polled.state, polled.records.len()), (FeedState::Live, 3));
        assert_eq!(polled.problems, ["OpenBao: no answer in time (https://b)"]);
        assert_eq!(poll_addresses(&[dead], &mut intern).await.state, FeedState::Unreachable);
    }
}
