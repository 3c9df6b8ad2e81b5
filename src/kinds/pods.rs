//! Pods: kubectl's STATUS, READY and RESTARTS to the letter, and what is wrong with a pod.
//!
//! Source of the algorithm: Kubernetes `pkg/printers/internalversion/printers.go`, `printPod`.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::wire::{Condition, Conditions, Many, Object, Text};
use super::{Api, Kind, KindSpec, base, decode};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Link, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

const READY: u8 = 0;
const RESTARTS: u8 = 1;
const LAST_RESTART: u8 = 2;
const IP: u8 = 3;
/// When the present state began, as far as the pod tells.
const SINCE: u8 = 4;
/// The last termination: `OOMKilled 137`.
const LAST_EXIT: u8 = 5;
/// Condition `Ready` is True: readiness gates count, the READY column does not know them.
const IS_READY: u8 = 6;

pub const SPEC: KindSpec = KindSpec {
    name: "Pod",
    word: "pods",
    aliases: &["po", "pod"],
    title: "Pods",
    api: Api::Watch { group: "", versions: &["v1"], plural: "pods", namespaced: true, decode: decode::<Pods> },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 28, 56, 0),
        Column::new("READY", Field::Cell(READY), 5, 5, 3),
        Column::new("STATUS", Field::Status, 17, 26, 0),
        Column::new("RESTARTS", Field::Ranked(restarts, |r| r.int(RESTARTS)), 8, 16, 4),
        Column::new("AGE", Field::Age, 5, 7, 1),
        Column::new("LAST EXIT", Field::Cell(LAST_EXIT), 10, 18, 6),
        Column::new("NODE", Field::With(node), 8, 32, 5),
        Column::new("IP", Field::Cell(IP), 9, 15, 8).wide(),
        Column::new("OWNER", Field::With(owner), 12, 40, 7),
    ],
    blinds: "pods, restarts, crash loops",
    judge,
};

struct Pods;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: Text,
    containers: Many<Container>,
    init_containers: Many<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    name: Text,
    restart_policy: Text,
}

impl Container {
    /// An init container that keeps running beside the others.
    fn is_sidecar(&self) -> bool {
        &*self.restart_policy == "Always"
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Text,
    reason: Text,
    message: Text,
    #[serde(rename = "podIP")]
    pod_ip: Text,
    conditions: Many<Condition>,
    init_container_statuses: Many<ContainerStatus>,
    container_statuses: Many<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerStatus {
    name: Text,
    ready: Option<bool>,
    started: Option<bool>,
    restart_count: Option<i64>,
    #[serde(deserialize_with = "super::wire::or_default")]
    state: State,
    #[serde(deserialize_with = "super::wire::or_default")]
    last_state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct State {
    waiting: Option<Waiting>,
    running: Option<super::wire::Nothing>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: Text,
    message: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Terminated {
    reason: Text,
    message: Text,
    exit_code: i64,
    signal: Option<i64>,
    finished_at: Text,
}

impl Terminated {
    fn word(&self) -> String {
        match (&*self.reason, self.signal) {
            ("", Some(signal)) if signal != 0 => format!("Signal:{signal}"),
            ("", _) => format!("ExitCode:{}", self.exit_code),
            (reason, _) => reason.to_owned(),
        }
    }
}

/// What kubectl prints of a pod.
#[derive(Debug, PartialEq, Eq)]
struct Printed {
    status: String,
    ready: u16,
    total: u16,
    restarts: i64,
    last_restart: Option<Time>,
}

fn count(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

fn printed(object: &Object<Spec, Status>) -> Printed {
    let (spec, status) = (&object.spec, &object.status);
    let sidecar = |name: &str| spec.init_containers.iter().any(|c| &*c.name == name && c.is_sidecar());
    let total = spec.containers.len() + spec.init_containers.iter().filter(|c| c.is_sidecar()).count();
    let ready_condition = status.conditions.of("Ready").is_some_and(Condition::is_true);
    let mut reason = status.phase.to_string();
    if !status.reason.is_empty() {
        reason = status.reason.to_string();
    }
    if status.conditions.of("PodScheduled").is_some_and(|c| &*c.reason == "SchedulingGated") {
        reason = "SchedulingGated".to_owned();
    }
    let finished = |c: &ContainerStatus| c.last_state.terminated.as_ref().and_then(|t| Time::parse(&t.finished_at));

    let mut ready = 0;
    let (mut restarts, mut last) = (0, None);
    let (mut sidecar_restarts, mut sidecar_last) = (0, None);
    let mut initializing = false;
    for (index, c) in status.init_container_statuses.iter().enumerate() {
        restarts += c.restart_count.unwrap_or(0);
        last = last.max(finished(c));
        let is_sidecar = sidecar(&c.name);
        if is_sidecar {
            sidecar_restarts += c.restart_count.unwrap_or(0);
            sidecar_last = sidecar_last.max(finished(c));
        }
        let word = match &c.state {
            State { terminated: Some(t), .. } if t.exit_code == 0 => continue,
            _ if is_sidecar && c.started == Some(true) => {
                ready += usize::from(c.ready == Some(true));
                continue;
            }
            State { terminated: Some(t), .. } => t.word(),
            State { waiting: Some(w), .. } if !w.reason.is_empty() && &*w.reason != "PodInitializing" => {
                w.reason.to_string()
            }
            _ => format!("{index}/{}", spec.init_containers.len()),
        };
        reason = format!("Init:{word}");
        initializing = true;
        break;
    }

    if !initializing || status.conditions.of("Initialized").is_some_and(Condition::is_true) {
        (restarts, last) = (sidecar_restarts, sidecar_last);
        let mut has_running = false;
        for c in status.container_statuses.iter().rev() {
            restarts += c.restart_count.unwrap_or(0);
            last = last.max(finished(c));
            match &c.state {
                State { waiting: Some(w), .. } if !w.reason.is_empty() => reason = w.reason.to_string(),
                State { terminated: Some(t), .. } => reason = t.word(),
                State { running: Some(_), .. } if c.ready == Some(true) => {
                    has_running = true;
                    ready += 1;
                }
                _ => {}
            }
        }
        if reason == "Completed" && has_running {
            reason = if ready_condition { "Running" } else { "NotReady" }.to_owned();
        }
    }

    if object.metadata.deleted().is_some() {
        if &*status.reason == "NodeLost" {
            reason = "Unknown".to_owned();
        } else if !matches!(&*status.phase, "Succeeded" | "Failed") {
            reason = "Terminating".to_owned();
        }
    }
    Printed { status: reason, ready: count(ready), total: count(total), restarts, last_restart: last }
}

impl Kind for Pods {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, status) = (&object.metadata, &object.status);
        let shown = printed(object);
        let mut record = base(meta, intern);
        record.status = intern.get(&shown.status);
        record.health = health(&shown, status, meta.deleted().is_some());
        record.note = note(status, record.health);
        let ready = status.conditions.of("Ready");
        let scheduled = status.conditions.of("PodScheduled").filter(|c| c.is_false());
        let since = meta.deleted().or_else(|| scheduled.or(ready).and_then(Condition::since));
        record.cells = Box::new([
            Cell::Ratio(shown.ready, shown.total),
            Cell::Int(shown.restarts),
            Cell::time(shown.last_restart),
            ip(&status.pod_ip, intern),
            Cell::time(since),
            last_exit(status).map_or(Cell::None, |text| Cell::text(&text, intern)),
            Cell::Flag(ready.is_some_and(Condition::is_true)),
        ]);
        record.links = links(object, intern);
        record
    }
}

fn ip(text: &str, intern: &mut Interner) -> Cell {
    text.parse::<std::net::Ipv4Addr>().map_or_else(|_| Cell::text(text, intern), |ip| Cell::Ip4(ip.octets()))
}

fn last_exit(status: &Status) -> Option<String> {
    status
        .container_statuses
        .iter()
        .chain(status.init_container_statuses.iter())
        .find_map(|c| c.last_state.terminated.as_ref())
        .map(|t| format!("{} {}", t.word(), t.exit_code))
}

/// The message that explains a pod which is not well.
fn note(status: &Status, health: Health) -> Box<str> {
    if health == Health::Ok {
        return Box::default();
    }
    let containers = || status.container_statuses.iter().chain(status.init_container_statuses.iter());
    let waiting = containers().filter_map(|c| c.state.waiting.as_ref()).map(|w| &w.message);
    let ended = containers().filter_map(|c| c.state.terminated.as_ref()).map(|t| &t.message);
    let conditions = ["PodScheduled", "Ready"].into_iter().filter_map(|t| status.conditions.of(t));
    let failing = conditions.filter(|c| c.is_false()).map(|c| &c.message);
    waiting
        .chain(ended)
        .chain(std::iter::once(&status.message))
        .chain(failing)
        .find(|m| !m.is_empty())
        .map_or_else(Box::default, |m| clean(m))
}

fn links(object: &Object<Spec, Status>, intern: &mut Interner) -> Box<[Link]> {
    let meta = &object.metadata;
    let namespace = intern.get(&meta.namespace);
    let mut links = Vec::with_capacity(3);
    if let Some(owner) = meta.controller() {
        // the Deployment's name is the ReplicaSet's without the template's hash
        let hash = meta.labels.get("pod-template-hash").map(|h| format!("-{h}"));
        let deployment = hash.filter(|_| &*owner.kind == "ReplicaSet").and_then(|h| owner.name.strip_suffix(&*h));
        let (kind, name) = deployment.map_or((&*owner.kind, &*owner.name), |name| ("Deployment", name));
        links.push(Link { relation: Relation::Owner, kind: intern.get(kind), namespace, name: intern.get(name) });
    }
    if !object.spec.node_name.is_empty() {
        links.push(Link {
            relation: Relation::Node,
            kind: intern.get("Node"),
            namespace: intern.get(""),
            name: intern.get(&object.spec.node_name),
        });
    }
    let managers = [
        ("HelmRelease", "helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"),
        ("Kustomization", "kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"),
    ];
    for (kind, name, space) in managers {
        if let (Some(name), Some(space)) = (meta.labels.get(name), meta.labels.get(space)) {
            links.push(Link {
                relation: Relation::ManagedBy,
                kind: intern.get(kind),
                namespace: intern.get(space),
                name: intern.get(name),
            });
        }
    }
    links.into()
}

/// Status words that will not heal by waiting.
const FAILED: &[&str] = &[
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "OOMKilled",
    "Error",
    "Evicted",
];

fn is_failed(word: &str) -> bool {
    let word = word.strip_prefix("Init:").unwrap_or(word);
    FAILED.contains(&word) || word.starts_with("ExitCode:") || word.starts_with("Signal:")
}

fn health(shown: &Printed, status: &Status, deleted: bool) -> Health {
    match &*shown.status {
        _ if deleted => Health::Terminating,
        word if is_failed(word) => Health::Failed,
        _ if &*status.phase == "Failed" => Health::Failed,
        "Completed" | "Succeeded" => Health::Ok,
        "Running" if status.conditions.of("Ready").is_none_or(Condition::is_true) => Health::Ok,
        "Running" | "NotReady" => Health::Warning,
        "Unknown" | "" => Health::Unknown,
        _ => Health::Progressing,
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let word = strings.get(record.status);
    let since = record.time(SINCE).unwrap_or(record.created);
    let because =
        |what: &str| if record.note.is_empty() { what.to_owned() } else { format!("{what}: {}", record.note) };
    let waiting = |grace: i64, young: Health, why: String| {
        let ends = since.plus(grace);
        if now < ends {
            Judgement::of(young).again_at(ends)
        } else {
            Judgement::of(Health::Warning).with(Finding::new(Severity::P3, Some(since), why))
        }
    };
    match record.health {
        Health::Failed => {
            let ends = since.plus(thresholds.pod_grace);
            let judged = Judgement::of(Health::Failed);
            if now < ends && record.int(RESTARTS) == 0 {
                return judged.again_at(ends);
            }
            judged.with(Finding::new(Severity::P3, Some(since), failure(record, strings)))
        }
        Health::Warning => waiting(thresholds.not_ready, Health::Progressing, because("not ready")),
        Health::Progressing if word == "Pending" || word == "SchedulingGated" => {
            waiting(thresholds.pending, Health::Progressing, because("pending"))
        }
        Health::Progressing => waiting(thresholds.pending, Health::Progressing, because(word)),
        Health::Terminating => waiting(thresholds.terminating, Health::Terminating, "stuck terminating".to_owned()),
        Health::Ok => match record.time(LAST_RESTART) {
            Some(last) if record.flag(IS_READY) && last.age(now) < thresholds.recent_restart => {
                Judgement::of(Health::Warning).again_at(last.plus(thresholds.recent_restart))
            }
            _ => Judgement::of(Health::Ok),
        },
        other => Judgement::of(other).with(Finding::new(Severity::P3, Some(since), because("unknown"))),
    }
}

/// `CrashLoopBackOff, last OOMKilled 137, 9 restarts`.
fn failure(record: &Record, strings: &Strings) -> String {
    let mut why = strings.get(record.status).to_owned();
    match record.text(LAST_EXIT, strings) {
        "" => {}
        exit => why = format!("{why}, last {exit}"),
    }
    match record.int(RESTARTS) {
        0 => {}
        1 => why.push_str(", 1 restart"),
        n => why = format!("{why}, {n} restarts"),
    }
    if record.text(LAST_EXIT, strings).is_empty() && !record.note.is_empty() {
        why = format!("{why}: {}", record.note);
    }
    why
}

/// `9 (5m ago)`.
fn restarts(record: &Record, show: &Show<'_>, out: &mut String) {
    use std::fmt::Write as _;
    let _ = write!(out, "{}", record.int(RESTARTS));
    if let Some(last) = record.time(LAST_RESTART).filter(|_| record.int(RESTARTS) > 0) {
        out.push_str(" (");
        ages::human(last.age(show.now), out);
        out.push_str(" ago)");
    }
}

fn node(record: &Record, show: &Show<'_>, out: &mut String) {
    if let Some(link) = record.link(Relation::Node) {
        out.push_str(show.strings.get(link.name));
    }
}

fn owner(record: &Record, show: &Show<'_>, out: &mut String) {
    if let Some(link) = record.link(Relation::Owner) {
        out.push_str(show.strings.get(link.kind));
        out.push('/');
        out.push_str(show.strings.get(link.name));
    }
}
