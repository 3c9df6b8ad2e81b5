//! Scenario files: what they hold, and how their objects become records - by the very functions that read a cluster.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::interner::Interner;
use watchkeeper::domain::record::{KindId, Record};
use watchkeeper::kinds::{self, Api, alerts, guardrails, seals, silences};
use watchkeeper::sources::{about, labels::Labels};

/// One scenario as it is written. A key that is not listed here is an error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    /// Rules that must leave something alone here.
    #[serde(default)]
    pub apart: Vec<String>,
    #[serde(default = "now")]
    pub now: String,
    /// Namespaces of core components.
    #[serde(default)]
    pub core: Vec<String>,
    /// States of feeds that are not live.
    #[serde(default)]
    pub feeds: BTreeMap<String, String>,
    /// Why there is no connection, if there is none.
    pub lost: Option<String>,
    #[serde(default)]
    objects: Vec<Value>,
    pub expect: Vec<Expected>,
    #[serde(skip)]
    pub file: String,
    #[serde(skip)]
    pub pieces: Vec<Piece>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub severity: String,
    pub what: String,
    /// A part of it.
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub muted: bool,
    pub users: Option<bool>,
    pub dependents: Option<u32>,
    /// Since when it has been as severe as it is.
    pub severe: Option<String>,
    /// The Flux object whose revision changed shortly before.
    pub changed: Option<String>,
    /// `Pod shop/cart-1 by node-lost exact`, in the order of their letters; all of them unless `count` is given.
    #[serde(default)]
    pub explains: Vec<String>,
    pub count: Option<usize>,
    /// Rules whose group this is.
    #[serde(default)]
    pub rules: Vec<String>,
}

/// An object on its way in.
#[derive(Debug)]
pub enum Piece {
    Watched(KindId, String),
    Alert(Alert),
    Silence(Silence),
    Seal(Seal),
    Guardrail(Guardrail),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    name: String,
    namespace: String,
    /// `crossed` or `kept`.
    state: String,
    since: String,
    /// Names of the alerts that decide it, in its namespace or in the one that `in` names.
    alerts: Vec<String>,
    #[serde(default, rename = "in")]
    of: String,
    /// The objects that cross it: `Certificate shop/web`.
    #[serde(default)]
    about: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    labels: Labels,
    #[serde(default)]
    state: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    by: String,
    /// The labels of the alert that inhibits it.
    inhibitor: Option<Labels>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    id: String,
    matchers: String,
    ends: String,
    #[serde(default)]
    window: String,
    #[serde(default)]
    state: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    namespace: String,
    name: String,
    state: String,
    #[serde(default = "openbao")]
    cluster: String,
    /// What the cluster calls itself.
    #[serde(default)]
    called: String,
    #[serde(default)]
    note: String,
}

fn now() -> String {
    "2026-11-21T14:00:00Z".to_owned()
}

fn openbao() -> String {
    "openbao".to_owned()
}

impl Scenario {
    /// One that expects nothing in particular.
    pub fn of(name: &str, objects: &Value) -> Self {
        let scenario = serde_json::json!({"name": name, "objects": objects, "expect": []});
        serde_json::from_value::<Self>(scenario).unwrap().read()
    }

    fn read(mut self) -> Self {
        let objects = std::mem::take(&mut self.objects);
        self.pieces = objects.into_iter().flat_map(|object| pieces(object, &self.name)).collect();
        self
    }
}

/// Every scenario of every file.
pub fn all() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    let mut out = Vec::new();
    for path in files {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let scenarios: Vec<Scenario> = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for scenario in scenarios {
            out.push(Scenario { file: file.clone(), ..scenario.read() });
        }
    }
    out
}

fn of<'t, T: Deserialize<'t>>(text: &'t str, scenario: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{scenario}: {error}: {text}"))
}

/// An object, or as many as its `count` says, with `%n` replaced by a number from 0 on.
fn pieces(mut object: Value, scenario: &str) -> Vec<Piece> {
    let fields = object.as_object_mut().unwrap_or_else(|| panic!("{scenario}: an object is no map"));
    // of an event it is a field
    let several = fields.get("kind").is_none_or(|kind| kind != "Event");
    let count = fields.remove("count").filter(|_| several).map_or(1, |n| n.as_u64().expect("a count is a number"));
    let name = fields.remove("kind").unwrap_or_default();
    let name = name.as_str().unwrap_or_default();
    let kind = kinds::by_name(name).unwrap_or_else(|| panic!("{scenario}: no kind is called {name:?}"));
    let watched = matches!(kinds::spec(kind).api, Api::Watch { .. });
    if watched {
        let beside = ["involvedObject", "type", "reason", "message", "count", "firstTimestamp", "lastTimestamp"];
        let known = |key: &String| {
            matches!(&**key, "metadata" | "spec" | "status") || (name == "Event" && beside.contains(&&**key))
        };
        let unknown: Vec<_> = fields.keys().filter(|key| !known(key)).collect();
        assert!(unknown.is_empty(), "{scenario}: a {name} has no {unknown:?}");
        let meta = fields.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
        let meta = meta.as_object_mut().expect("metadata is a map");
        meta.entry("creationTimestamp").or_insert_with(|| "2026-11-01T00:00:00Z".into());
        let part = |key: &str| meta.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let uid = format!("{name} {}/{}", part("namespace"), part("name"));
        meta.entry("uid").or_insert_with(|| uid.into());
    }
    let text = object.to_string();
    let one = |n: u64| {
        let text = text.replace("%n", &n.to_string());
        match name {
            _ if watched => Piece::Watched(kind, text),
            "Alert" => Piece::Alert(of(&text, scenario)),
            "Silence" => Piece::Silence(of(&text, scenario)),
            "Guardrail" => Piece::Guardrail(of(&text, scenario)),
            _ => Piece::Seal(of(&text, scenario)),
        }
    };
    (0..count).map(one).collect()
}

/// The records that a piece brings; `known` are all pieces so far, itself among them: a cluster's quorum is of all its
/// replicas.
pub fn records(piece: &Piece, known: &[&Piece], intern: &mut Interner) -> Vec<(KindId, Record)> {
    let of = |name: &str| kinds::by_name(name).unwrap();
    match piece {
        Piece::Watched(kind, json) => {
            let Api::Watch { decode, .. } = kinds::spec(*kind).api else { panic!("{json} is not watched") };
            let record =
                decode(json, intern).record.unwrap_or_else(|bad| panic!("{}: {}: {json}", bad.name, bad.error));
            vec![(*kind, record)]
        }
        Piece::Alert(alert) => vec![(of("Alert"), alerts::read(&joined(alert), intern))],
        Piece::Silence(silence) => {
            let told = silences::Silence {
                id: silence.id.clone(),
                state: if silence.state == "expired" { silences::State::Expired } else { silences::State::Active },
                window: silence.window.clone(),
                matchers: silence.matchers.clone(),
                ends: Time::parse(&silence.ends),
                ..silences::Silence::default()
            };
            vec![(of("Silence"), silences::read(&told, intern))]
        }
        Piece::Guardrail(rail) => {
            let told = guardrails::Guardrail {
                profile: "platform".to_owned(),
                namespace: rail.namespace.clone(),
                name: rail.name.clone(),
                state: if rail.state == "crossed" { guardrails::State::Crossed } else { guardrails::State::Kept },
                since: Time::parse(&rail.since),
                alerts: {
                    let place = if rail.of.is_empty() { &rail.namespace } else { &rail.of };
                    rail.alerts.iter().map(|alert| (place.clone(), alert.clone())).collect()
                },
                about: rail.about.iter().map(|text| about(text)).collect(),
                ..guardrails::Guardrail::default()
            };
            vec![(of("Guardrail"), guardrails::read(&told, intern))]
        }
        Piece::Seal(seal) => {
            let replica = |piece: &&Piece| match piece {
                Piece::Seal(s) if s.cluster == seal.cluster && s.namespace == seal.namespace => Some(replica(s)),
                _ => None,
            };
            let all: Vec<seals::Seal> = known.iter().filter_map(replica).collect();
            let quorum = seals::quorum(&all.iter().collect::<Vec<_>>());
            let own = all.iter().find(|s| s.name == seal.name).unwrap();
            vec![
                (of("Seal"), seals::read(own, intern)),
                (of("Seal"), seals::read_cluster(&seal.namespace, &seal.cluster, &quorum, intern)),
            ]
        }
    }
}

/// The alert as the source would have joined it.
fn joined(alert: &Alert) -> alerts::Alert {
    let labels = alert.labels.clone();
    let state = match &*alert.state {
        "" | "firing" => alerts::State::Firing,
        "pending" => alerts::State::Pending,
        "silenced" => alerts::State::Silenced,
        "inhibited" => alerts::State::Inhibited,
        "broken rule" => alerts::State::BrokenRule,
        "not firing" => alerts::State::NotFiring,
        other => panic!("no alert is {other}"),
    };
    let since = if alert.since.is_empty() { "2026-11-21T13:00:00Z" } else { &alert.since };
    alerts::Alert {
        identity: labels.to_string(),
        labels: labels.to_string(),
        name: labels.get("alertname").unwrap_or_default().to_owned(),
        namespace: about::namespace(&labels).to_owned(),
        severity: labels.get("severity").unwrap_or_default().to_owned(),
        about: about::object(&labels),
        state,
        summary: alert.summary.clone(),
        since: Time::parse(since),
        until: Time::parse(&alert.until),
        by: alert.by.clone(),
        inhibitor: alert.inhibitor.as_ref().map(ToString::to_string),
        seen_by: "both",
        ..alerts::Alert::default()
    }
}

fn replica(seal: &Seal) -> seals::Seal {
    let state = match &*seal.state {
        "active" => seals::State::Active,
        "standby" => seals::State::Standby,
        "unsealed" => seals::State::Unsealed,
        "sealed" => seals::State::Sealed,
        "cut off" => seals::State::CutOff,
        "removed" => seals::State::Removed,
        "uninitialised" => seals::State::Uninitialised,
        "unreachable" => seals::State::Unreachable,
        "unknown" => seals::State::Unknown,
        other => panic!("no replica is {other}"),
    };
    seals::Seal {
        uid: format!("{}/{}", seal.namespace, seal.name),
        namespace: seal.namespace.clone(),
        name: seal.name.clone(),
        is_pod: true,
        cluster: seal.cluster.clone(),
        cluster_name: seal.called.clone(),
        state,
        note: seal.note.clone(),
        ..seals::Seal::default()
    }
}

/// `Certificate shop/web`, or `Node n1`.
fn about(text: &str) -> alerts::About {
    let (kind, place) = text.split_once(' ').unwrap_or_else(|| panic!("{text} is no object"));
    let (namespace, name) = place.split_once('/').unwrap_or(("", place));
    let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
    alerts::About { kind, namespace, name, confidence: alerts::Confidence::Exact }
}
