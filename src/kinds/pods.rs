//! Pods: kubectl's STATUS, READY and RESTARTS exactly, and what is wrong with a pod.
//!
//! Source of the algorithm: Kubernetes `pkg/printers/internalversion/printers.go`, `printPod`.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::wire::{Condition, Conditions, Many, Object, Text};
use super::{Alarm, Api, Kind, KindSpec, base, decode, ending, pod_needs};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Link, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

// the cells of a healthy pod come first: it does not even have the later ones
const READY: u8 = 0;
const IP: u8 = 1;
/// When the current state began, as far as the pod says.
pub const SINCE: u8 = 2;
/// None for 0.
pub const RESTARTS: u8 = 3;
pub const LAST_RESTART: u8 = 4;
/// The last termination, or the current one of a failed pod: reason and exit code, `OOMKilled 137`.
pub const LAST_EXIT: u8 = 5;
/// The host of the image that cannot be pulled.
pub const REGISTRY: u8 = 6;
/// It has ended, and nothing starts it again.
pub const ENDED: u8 = 7;
/// Why it is not resized as its spec requests: `Infeasible`, `Error`.
const RESIZE: u8 = 8;

pub const SPEC: KindSpec = KindSpec {
    name: "Pod",
    word: "pods",
    aliases: &["po", "pod"],
    title: "Pods",
    api: Api::Watch { group: "", versions: &["v1"], plural: "pods", namespaced: true, decode: decode::<Pods> },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 3),
        Column::new("NAME", Field::Name, 24, 56, 0),
        Column::new("READY", Field::Cell(READY), 5, 5, 1),
        Column::new("STATUS", Field::Status, 17, 26, 0),
        Column::new("RESTARTS", Field::Ranked(restarts, |r| r.int(RESTARTS)), 8, 16, 2),
        Column::new("AGE", Field::Age, 5, 7, 4),
        Column::new("LAST EXIT", Field::Cell(LAST_EXIT), 10, 18, 6),
        Column::new("NODE", Field::With(node), 8, 32, 5),
        Column::new("IP", Field::Cell(IP), 9, 15, 8).wide(),
        Column::new("OWNER", Field::With(owner), 12, 40, 7),
    ],
    blinds: "pods, restarts, crash loops",
    judge,
    guide: include_str!("../../assets/guides/pod.txt"),
    fixed: true,
    alarm: Alarm::By("pod"),
    crowd: true,
    ..KindSpec::BASE
};

struct Pods;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: Text,
    containers: Many<Container>,
    init_containers: Many<Container>,
    volumes: Many<Volume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Volume {
    persistent_volume_claim: Option<Claim>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Claim {
    claim_name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    name: Text,
    restart_policy: Text,
}

impl Container {
    /// An init container that keeps running next to the others.
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
    image: Text,
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
    exit_code: Option<i64>,
    signal: Option<i64>,
    finished_at: Text,
}

impl Terminated {
    fn word(&self) -> String {
        match (&*self.reason, self.signal) {
            ("", Some(signal)) if signal != 0 => format!("Signal:{signal}"),
            ("", _) => format!("ExitCode:{}", self.exit_code.unwrap_or(0)),
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
        "SchedulingGated".clone_into(&mut reason);
    }
    let finished = |c: &ContainerStatus| c.last_state.terminated.as_ref().and_then(|t| Time::parse(&t.finished_at));

    let mut ready = 0;
    let (mut restarts, mut last) = (0, None);
    let (mut sidecar_restarts, mut sidecar_last) = (0, None);
    let mut initializing = false;
    for (index, c) in status.init_container_statuses.iter().enumerate() {
        restarts = i64::saturating_add(restarts, c.restart_count.unwrap_or(0));
        last = last.max(finished(c));
        let is_sidecar = sidecar(&c.name);
        if is_sidecar {
            sidecar_restarts = i64::saturating_add(sidecar_restarts, c.restart_count.unwrap_or(0));
            sidecar_last = sidecar_last.max(finished(c));
        }
        let word = match &c.state {
            State { terminated: Some(t), .. } if t.exit_code.unwrap_or(0) == 0 => continue,
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
        let (mut has_running, mut failed) = (false, String::new());
        for c in status.container_statuses.iter().rev() {
            restarts = i64::saturating_add(restarts, c.restart_count.unwrap_or(0));
            last = last.max(finished(c));
            match &c.state {
                State { waiting: Some(w), .. } if !w.reason.is_empty() => reason = w.reason.to_string(),
                State { terminated: Some(t), .. } => {
                    reason = t.word();
                    if t.exit_code.unwrap_or(0) != 0 {
                        failed.clone_from(&reason);
                    }
                }
                State { running: Some(_), .. } if c.ready == Some(true) => {
                    has_running = true;
                    ready += 1;
                }
                _ => {}
            }
        }
        if reason == "Completed" {
            // since Kubernetes 1.36 a failed container is shown before another one that completed
            match (has_running, &*failed) {
                (true, _) if ready_condition => "Running".clone_into(&mut reason),
                (_, failed) if !failed.is_empty() => failed.clone_into(&mut reason),
                (true, _) => "NotReady".clone_into(&mut reason),
                _ => {}
            }
        }
    }

    if object.metadata.deleted().is_some() {
        if &*status.reason == "NodeLost" {
            "Unknown".clone_into(&mut reason);
        } else if !matches!(&*status.phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut reason);
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
        let pulls = waiting(status, pod_needs::is_pull).filter(|_| record.health == Health::Failed);
        let cells = [
            Cell::Ratio(shown.ready, shown.total),
            ip(&status.pod_ip, intern),
            Cell::time(since),
            if shown.restarts == 0 { Cell::None } else { Cell::Int(shown.restarts) },
            Cell::time(shown.last_restart),
            last_exit(status, record.health).map_or(Cell::None, |text| Cell::text(&text, intern)),
            pulls.map_or(Cell::None, |(c, _)| Cell::text(pod_needs::registry(&c.image), intern)),
            if &*status.phase == "Failed" { Cell::Flag(true) } else { Cell::None },
            refused_resize(status).map_or(Cell::None, |c| Cell::text(&c.reason, intern)),
        ];
        let filled = cells.iter().rposition(|cell| *cell != Cell::None).map_or(0, |at| at + 1);
        record.cells = cells[..filled].into();
        record.links = links(object, record.health, intern);
        record
    }
}

/// The condition that says that it cannot be resized in place. A deferred resize, or one in progress, is none. Source:
/// Kubernetes `staging/src/k8s.io/api/core/v1/types.go`, `PodResizePending`, `PodResizeInProgress`.
fn refused_resize(status: &Status) -> Option<&Condition> {
    let of = |name, reason: &str| status.conditions.of(name).filter(|c| c.is_true() && &*c.reason == reason);
    of("PodResizePending", "Infeasible").or_else(|| of("PodResizeInProgress", "Error"))
}

fn ip(text: &str, intern: &mut Interner) -> Cell {
    text.parse::<std::net::Ipv4Addr>().map_or_else(|_| Cell::text(text, intern), |ip| Cell::Ip4(ip.octets()))
}

fn containers(status: &Status) -> impl Iterator<Item = &ContainerStatus> {
    status.container_statuses.iter().chain(status.init_container_statuses.iter())
}

/// The first container that waits for such a reason.
fn waiting(status: &Status, reason: fn(&str) -> bool) -> Option<(&ContainerStatus, &Waiting)> {
    containers(status).filter_map(|c| Some((c, c.state.waiting.as_ref()?))).find(|(_, w)| reason(&w.reason))
}

/// A pod that is not restarted has no earlier termination: its failure is the current one.
fn last_exit(status: &Status, health: Health) -> Option<String> {
    let present = |c: &ContainerStatus| c.state.terminated.as_ref().is_some_and(|t| t.exit_code.unwrap_or(0) != 0);
    let failed = || containers(status).filter(|_| health == Health::Failed).find(|c| present(c));
    let before = containers(status).find_map(|c| c.last_state.terminated.as_ref());
    before
        .or_else(|| failed().and_then(|c| c.state.terminated.as_ref()))
        .map(|t| format!("{} {}", t.word(), t.exit_code.unwrap_or(0)))
}

/// The message that explains an unhealthy pod.
fn note(status: &Status, health: Health) -> Box<str> {
    if health == Health::Ok {
        return refused_resize(status).map_or_else(Box::default, |c| clean(&c.message));
    }
    let waiting = containers(status).filter_map(|c| c.state.waiting.as_ref()).map(|w| &w.message);
    let ended = containers(status).filter_map(|c| c.state.terminated.as_ref()).map(|t| &t.message);
    let conditions = ["PodScheduled", "Ready"].into_iter().filter_map(|t| status.conditions.of(t));
    let failing = conditions.filter(|c| c.is_false()).map(|c| &c.message);
    waiting
        .chain(ended)
        .chain(std::iter::once(&status.message))
        .chain(failing)
        .find(|m| !m.is_empty())
        .map_or_else(Box::default, |m| clean(m))
}

fn links(object: &Object<Spec, Status>, health: Health, intern: &mut Interner) -> Box<[Link]> {
    let meta = &object.metadata;
    let namespace = intern.get(&meta.namespace);
    let mut links = Vec::with_capacity(3);
    if let Some(owner) = meta.controller() {
        let kind = ending::qualified(&owner.kind, ending::group(&owner.api_version));
        // the Deployment's name is the ReplicaSet's without the template's hash
        let hash = meta.labels.get("pod-template-hash").map(|h| format!("-{h}"));
        let deployment = hash.filter(|_| kind == "ReplicaSet").and_then(|h| owner.name.strip_suffix(&*h));
        let (kind, name) = deployment.map_or((&*kind, &*owner.name), |name| ("Deployment", name));
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
    let config = |reason: &str| reason == "CreateContainerConfigError";
    if let Some((_, w)) = waiting(&object.status, config).filter(|_| health == Health::Failed) {
        links.extend(pod_needs::needed(&w.message, &meta.namespace, intern));
    }
    // a pod that runs has its volumes
    if health == Health::Progressing && &*object.status.phase == "Pending" {
        let claims = object.spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref());
        for claim in claims.filter(|claim| !claim.claim_name.is_empty()) {
            let kind = "PersistentVolumeClaim";
            links.push(ending::link(Relation::Uses, kind, &meta.namespace, &claim.claim_name, intern));
        }
    }
    links.into()
}

/// Status words that will not recover by waiting. Sources: Kubernetes `pkg/kubelet/images/types.go`,
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `pkg/kubelet/container/sync_result.go`.
const FAILED: &[&str] = &[
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "ImageInspectError",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PreCreateHookError",
    "PreStartHookError",
    "PostStartHookError",
    "StartError",
    "ContainerCannotRun",
    "ContainerStatusUnknown",
    "OOMKilled",
    "Error",
    "Evicted",
];

/// Whether a STATUS will not recover by waiting, also for an init container.
pub fn is_failed(word: &str) -> bool {
    let word = word.strip_prefix("Init:").unwrap_or(word);
    FAILED.contains(&word) || word.starts_with("ExitCode:") || word.starts_with("Signal:")
}

fn health(shown: &Printed, status: &Status, deleted: bool) -> Health {
    match &*shown.status {
        _ if deleted => Health::Terminating,
        word if is_failed(word) => Health::Failed,
        _ if &*status.phase == "Failed" => Health::Failed,
        "Completed" | "Succeeded" => Health::Ok,
        "Running" if status.conditions.of("Ready").map_or(shown.ready == shown.total, Condition::is_true) => Health::Ok,
        "Running" | "NotReady" => Health::Warning,
        "Unknown" | "" => Health::Unknown,
        _ => Health::Progressing,
    }
}

/// From so many restarts on, a pod that has just ended has done so before.
pub const AGAIN: i64 = 3;
/// The pod's condition follows the end of a container within this time.
const FOLLOWS: i64 = 60;
/// A container that has run so long, in seconds, is not in a crash loop any more.
/// Sources: Kubernetes `pkg/kubelet/kubelet.go`, `MaxCrashLoopBackOff`; client-go `util/flowcontrol/backoff.go`, where a
/// back-off starts over after twice that.
pub const STEADY: i64 = 600;

/// Since when a pod fails. One that becomes ready between two crashes reports the last one only: since when it crashes
/// is not known.
fn failing_since(record: &Record) -> Option<Time> {
    let since = record.time(SINCE).unwrap_or(record.created);
    let is_again = record.int(RESTARTS) >= AGAIN
        && record.time(LAST_RESTART).is_some_and(|last| since.age(last) <= FOLLOWS && last.age(since) < STEADY);
    (!is_again).then_some(since)
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
            judged.with(Finding::new(Severity::P3, failing_since(record), failure(record, strings)))
        }
        Health::Warning => waiting(thresholds.not_ready, Health::Progressing, because("not ready")),
        Health::Progressing if word == "Pending" || word == "SchedulingGated" => {
            waiting(thresholds.pending, Health::Progressing, because("pending"))
        }
        Health::Progressing => waiting(thresholds.pending, Health::Progressing, because(word)),
        Health::Terminating => waiting(thresholds.terminating, Health::Terminating, "stuck terminating".to_owned()),
        Health::Ok => {
            let judged = match record.time(LAST_RESTART) {
                // one that has ended is not restarted any more
                Some(last) if word == "Running" && last.age(now) < thresholds.recent_restart => {
                    let judged = Judgement::of(Health::Warning).again_at(last.plus(thresholds.recent_restart));
                    let often = || Finding::new(Severity::P3, None, restarted(record, strings));
                    if record.int(RESTARTS) >= OFTEN { judged.with(often()) } else { judged }
                }
                _ => Judgement::of(Health::Ok),
            };
            match record.text(RESIZE, strings) {
                "" => judged,
                reason => {
                    let why = because(&format!("it is not resized: {}", ending::words(reason)));
                    judged.with(Finding::new(Severity::P4, None, why))
                }
            }
        }
        other => Judgement::of(other).with(Finding::new(Severity::P3, Some(since), because("unknown"))),
    }
}

/// From so many restarts on, a pod that runs between two of them is unhealthy.
const OFTEN: i64 = 10;

/// Whether a pod runs, and has been restarted again and again, also lately.
pub fn is_restarted_often(record: &Record, thresholds: &Thresholds, now: Time) -> bool {
    let lately = record.time(LAST_RESTART).is_some_and(|last| last.age(now) < thresholds.recent_restart);
    record.health == Health::Ok && lately && record.int(RESTARTS) >= OFTEN
}

/// `runs, but was restarted 400 times, last OOMKilled 137`.
fn restarted(record: &Record, strings: &Strings) -> String {
    let why = format!("runs, but was restarted {} times", record.int(RESTARTS));
    match record.text(LAST_EXIT, strings) {
        "" => why,
        exit => format!("{why}, last {exit}"),
    }
}

/// `CrashLoopBackOff, last OOMKilled 137, 9 restarts`.
fn failure(record: &Record, strings: &Strings) -> String {
    let mut why = strings.get(record.status).to_owned();
    let exit = record.text(LAST_EXIT, strings);
    // the present end of a pod whose word it is
    let is_present = !exit.is_empty() && exit.starts_with(why.strip_prefix("Init:").unwrap_or(&why));
    match exit {
        "" => {}
        // its exit code is in the word already
        _ if is_present && why.contains(':') && !why.starts_with("Init:") => {}
        exit if is_present => exit.clone_into(&mut why),
        exit => why = format!("{why}, last {exit}"),
    }
    match record.int(RESTARTS) {
        0 => {}
        1 => why.push_str(", 1 restart"),
        n => why = format!("{why}, {n} restarts"),
    }
    if (exit.is_empty() || is_present) && !record.note.is_empty() {
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, at, seen};

    fn running() -> Value {
        json!({"running": {"startedAt": "2026-11-21T10:00:00Z"}})
    }

    fn waiting(reason: &str) -> Value {
        json!({"waiting": {"reason": reason, "message": "m"}})
    }

    fn ended(reason: &str, code: i64, signal: i64) -> Value {
        json!({"terminated": {"reason": reason, "exitCode": code, "signal": signal}})
    }

    fn condition(name: &str, status: &str) -> Value {
        json!({"type": name, "status": status, "lastTransitionTime": "2026-11-21T13:00:00Z"})
    }

    /// A pod of the given init containers (name, sidecar?, status) and containers (state, ready).
    fn pod(inits: &[(bool, Value)], containers: &[(Value, bool)], more: &Value) -> Seen {
        let name = |i: usize| format!("c{i}");
        let spec_inits: Vec<Value> = inits
            .iter()
            .enumerate()
            .map(|(i, (sidecar, _))| json!({"name": name(i), "restartPolicy": sidecar.then_some("Always")}))
            .collect();
        let inits: Vec<Value> = inits
            .iter()
            .enumerate()
            .map(|(i, (_, status))| {
                let mut status = status.clone();
                status["name"] = name(i).into();
                status
            })
            .collect();
        let spec_containers: Vec<Value> = (0..containers.len()).map(|i| json!({"name": format!("m{i}")})).collect();
        let containers: Vec<Value> = containers
            .iter()
            .enumerate()
            .map(|(i, (state, ready))| json!({"name": format!("m{i}"), "state": state, "ready": ready, "restartCount": 1}))
            .collect();
        let mut object = json!({
            "metadata": {"name": "p", "namespace": "n", "creationTimestamp": "2026-11-21T10:00:00Z"},
            "spec": {"initContainers": spec_inits, "containers": spec_containers},
            "status": {"phase": "Running", "initContainerStatuses": inits, "containerStatuses": containers}});
        for part in ["metadata", "spec", "status"] {
            if let Some(fields) = more[part].as_object() {
                for (key, value) in fields {
                    object[part][key] = value.clone();
                }
            }
        }
        seen("pods", &object)
    }

    fn printed(seen: &Seen) -> (String, String, String) {
        (seen.column("READY"), seen.status().to_owned(), seen.column("RESTARTS"))
    }

    fn is(ready: &str, status: &str, restarts: &str) -> (String, String, String) {
        (ready.into(), status.into(), restarts.into())
    }

    #[rstest]
    #[case::has_never_been_ready("2026-11-21T10:00:00Z", "2026-11-21T13:59:00Z", 30, Some("2026-11-21T10:00:00Z"))]
    #[case::was_ready_in_between("2026-11-21T13:59:01Z", "2026-11-21T13:59:00Z", 30, None)]
    #[case::has_just_ended_again("2026-11-21T13:59:00Z", "2026-11-21T13:53:00Z", 3, None)]
    #[case::ran_well_before("2026-11-21T13:59:00Z", "2026-11-14T13:00:00Z", 30, Some("2026-11-21T13:59:00Z"))]
    #[case::few_times("2026-11-21T13:59:01Z", "2026-11-21T13:59:00Z", 2, Some("2026-11-21T13:59:01Z"))]
    fn a_pod_that_was_ready_between_two_crashes_does_not_say_since_when_it_fails(
        #[case] since: &str,
        #[case] ended: &str,
        #[case] restarts: i64,
        #[case] expected: Option<&str>,
    ) {
        let pod = json!({
            "metadata": {"name": "a", "namespace": "shop", "creationTimestamp": "2026-11-01T00:00:00Z"},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": since}],
                "containerStatuses": [{"name": "app", "ready": false, "restartCount": restarts,
                    "state": waiting("CrashLoopBackOff"),
                    "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ended}}}]},
        });
        assert_eq!(seen("pods", &pod).judged(NOW).findings[0].since, expected.map(at));
    }

    #[rstest]
    #[case::running(&[(running(), true), (running(), true)], "2/2", "Running")]
    #[case::one_not_ready(&[(running(), true), (running(), false)], "1/2", "Running")]
    #[case::the_first_container_wins(&[(waiting("CrashLoopBackOff"), false), (waiting("ImagePullBackOff"), false)], "0/2",
        "CrashLoopBackOff")]
    #[case::waiting_without_a_reason(&[(waiting(""), false)], "0/1", "Running")]
    #[case::a_reason(&[(ended("OOMKilled", 137, 0), false)], "0/1", "OOMKilled")]
    #[case::a_signal(&[(ended("", 0, 9), false)], "0/1", "Signal:9")]
    #[case::an_exit_code(&[(ended("", 3, 0), false)], "0/1", "ExitCode:3")]
    #[case::ready_but_waiting_does_not_count(&[(waiting("X"), true)], "0/1", "X")]
    #[case::an_empty_state(&[(json!({}), true)], "0/1", "Running")]
    fn containers_are_walked_from_the_last_to_the_first(
        #[case] containers: &[(Value, bool)],
        #[case] ready: &str,
        #[case] status: &str,
    ) {
        let seen = pod(&[], containers, &json!({}));
        assert_eq!((seen.column("READY").as_str(), seen.status()), (ready, status));
    }

    #[rstest]
    #[case::ready("True", "Running")]
    #[case::not_ready("False", "NotReady")]
    fn a_completed_container_beside_a_running_one_is_not_completed(#[case] ready: &str, #[case] status: &str) {
        let more = json!({"status": {"conditions": [condition("Ready", ready)]}});
        let both = pod(&[], &[(ended("Completed", 0, 0), false), (running(), true)], &more);
        assert_eq!((both.column("READY").as_str(), both.status()), ("1/2", status));
        let alone = pod(&[], &[(ended("Completed", 0, 0), false)], &more);
        assert_eq!(alone.status(), "Completed");
    }

    #[rstest]
    #[case::beside_a_good_end(&[(ended("Completed", 0, 0), false), (ended("Error", 1, 0), false)], "True", "0/2", "Error")]
    #[case::whichever_comes_first(&[(ended("Error", 1, 0), false), (ended("Completed", 0, 0), false)], "True", "0/2", "Error")]
    #[case::the_first_of_two(&[(ended("Completed", 0, 0), false), (ended("OOMKilled", 137, 0), false), (ended("Error", 1, 0), false)],
        "False", "0/3", "OOMKilled")]
    #[case::by_its_signal(&[(ended("Completed", 0, 0), false), (ended("", 1, 9), false)], "False", "0/2", "Signal:9")]
    #[case::one_runs_and_it_is_not_ready(&[(ended("Completed", 0, 0), false), (ended("Error", 1, 0), false), (running(), true)],
        "False", "1/3", "Error")]
    #[case::one_runs_and_it_is_ready(&[(ended("Completed", 0, 0), false), (ended("Error", 1, 0), false), (running(), true)],
        "True", "1/3", "Running")]
    #[case::a_word_of_its_own_with_a_good_end(&[(ended("Completed", 0, 0), false), (ended("Odd", 0, 0), false)], "False", "0/2", "Completed")]
    fn a_container_that_failed_is_told_before_one_that_ended_well(
        #[case] containers: &[(Value, bool)],
        #[case] is_ready: &str,
        #[case] ready: &str,
        #[case] status: &str,
    ) {
        let seen = pod(&[], containers, &json!({"status": {"conditions": [condition("Ready", is_ready)]}}));
        assert_eq!((seen.column("READY").as_str(), seen.status()), (ready, status));
    }

    #[rstest]
    #[case::code(json!({"state": ended("", 3, 0)}), "Init:ExitCode:3")]
    #[case::signal(json!({"state": ended("", 3, 15)}), "Init:Signal:15")]
    #[case::reason(json!({"state": ended("Error", 1, 0)}), "Init:Error")]
    #[case::waiting(json!({"state": waiting("CrashLoopBackOff")}), "Init:CrashLoopBackOff")]
    #[case::pod_initializing(json!({"state": waiting("PodInitializing")}), "Init:1/2")]
    #[case::no_reason(json!({"state": waiting("")}), "Init:1/2")]
    #[case::at_work(json!({"state": running()}), "Init:1/2")]
    #[case::nothing(json!({}), "Init:1/2")]
    fn the_first_unfinished_init_container_is_told(#[case] second: Value, #[case] status: &str) {
        let done = json!({"state": ended("Completed", 0, 0), "restartCount": 2});
        let seen = pod(&[(false, done), (false, second)], &[(waiting("PodInitializing"), false)], &json!({}));
        // the containers' own restarts do not count yet
        assert_eq!(printed(&seen), is("0/1", status, "2"));
    }

    #[test]
    fn an_initialized_pod_forgets_its_init_containers() {
        let more = json!({"status": {"conditions": [condition("Initialized", "True")]}});
        let failing = json!({"state": ended("Error", 1, 0), "restartCount": 7});
        let seen = pod(&[(false, failing)], &[(running(), true)], &more);
        // kubectl keeps the reason of the init container until a container has one
        assert_eq!(printed(&seen), is("1/1", "Init:Error", "1"));
    }

    #[test]
    fn sidecars_count_as_containers_and_keep_their_restarts() {
        let sidecar = |started: bool, ready: bool| {
            json!({"state": running(), "started": started, "ready": ready, "restartCount": 4,
                "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-21T13:50:00Z"}}})
        };
        let plain = json!({"state": ended("Completed", 0, 0), "restartCount": 3,
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-21T13:59:00Z"}}});
        let up = pod(&[(false, plain.clone()), (true, sidecar(true, true))], &[(running(), true)], &json!({}));
        assert_eq!(printed(&up), is("2/2", "Running", "5 (10m ago)"));
        let unready = pod(&[(true, sidecar(true, false))], &[(running(), true)], &json!({}));
        assert_eq!(printed(&unready), is("1/2", "Running", "5 (10m ago)"));
        let starting =
            pod(&[(false, plain), (true, sidecar(false, false))], &[(waiting("PodInitializing"), false)], &json!({}));
        assert_eq!(printed(&starting), is("0/2", "Init:1/2", "7 (60s ago)"));
    }

    #[test]
    fn a_sidecar_that_ended_well_is_done() {
        let sidecar = json!({"state": ended("Completed", 0, 0), "started": false});
        assert_eq!(pod(&[(true, sidecar)], &[(ended("Completed", 0, 0), false)], &json!({})).status(), "Completed");
    }

    #[rstest]
    #[case::phase(json!({"status": {"phase": "Pending"}}), "Pending")]
    #[case::reason(json!({"status": {"phase": "Failed", "reason": "Evicted"}}), "Evicted")]
    #[case::gated(json!({"status": {"phase": "Pending", "conditions":
        [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}}), "SchedulingGated")]
    #[case::deleted(json!({"metadata": {"deletionTimestamp": "2026-11-21T13:59:00Z"}}), "Terminating")]
    #[case::lost(json!({"metadata": {"deletionTimestamp": "2026-11-21T13:59:00Z"}, "status": {"reason": "NodeLost"}}), "Unknown")]
    #[case::deleted_after_its_end(json!({"metadata": {"deletionTimestamp": "2026-11-21T13:59:00Z"},
        "status": {"phase": "Succeeded"}}), "Succeeded")]
    #[case::deleted_after_its_failure(json!({"metadata": {"deletionTimestamp": "2026-11-21T13:59:00Z"},
        "status": {"phase": "Failed"}}), "Failed")]
    fn a_pod_without_container_statuses_is_told_by_itself(#[case] more: Value, #[case] status: &str) {
        assert_eq!(pod(&[], &[], &more).status(), status);
    }

    fn judged(container: &Value, more: &Value) -> String {
        pod(&[], &[(container.clone(), false)], more).verdict(NOW)
    }

    #[rstest]
    #[case::crash(waiting("CrashLoopBackOff"), json!({}), "failed P3 CrashLoopBackOff, 1 restart: m")]
    #[case::config(waiting("CreateContainerConfigError"), json!({}), "failed P3 CreateContainerConfigError, 1 restart: m")]
    #[case::code(ended("", 3, 0), json!({}), "failed P3 ExitCode:3, 1 restart")]
    #[case::starting(waiting("ContainerCreating"), json!({"metadata": {"creationTimestamp": "2026-11-21T13:56:00Z"}}),
        "progressing")]
    #[case::starting_for_long(waiting("ContainerCreating"), json!({}), "warning P3 ContainerCreating: m")]
    #[case::gone_bad(json!({}), json!({"status": {"phase": "Failed"}}), "failed P3 Failed, 1 restart")]
    #[case::completed(ended("Completed", 0, 0), json!({"status": {"phase": "Succeeded",
        "conditions": [condition("Ready", "False")]}}), "ok")]
    #[case::nameless(json!({}), json!({"status": {"phase": ""}}), "unknown P3 unknown")]
    #[case::stuck(running(), json!({"metadata": {"deletionTimestamp": "2026-11-21T13:50:00Z"}}), "warning P3 stuck terminating")]
    #[case::leaving(running(), json!({"metadata": {"deletionTimestamp": "2026-11-21T13:58:00Z"}}), "terminating")]
    fn a_pod_is_judged_by_its_word(#[case] container: Value, #[case] more: Value, #[case] verdict: &str) {
        assert_eq!(judged(&container, &more), verdict);
    }

    #[rstest]
    #[case::a_secret("CreateContainerConfigError", "secret \"db\" not found", &["Uses Secret n/db"])]
    #[case::a_key("CreateContainerConfigError", "couldn't find key a in ConfigMap n/c", &["Uses ConfigMap n/c"])]
    #[case::another_reason("CreateContainerError", "secret \"db\" not found", &[])]
    fn a_pod_that_waits_for_its_configuration_is_linked_to_it(
        #[case] reason: &str,
        #[case] message: &str,
        #[case] links: &[&str],
    ) {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        assert_eq!(pod(&[], &[(running(), true), (state, false)], &json!({})).links(), links);
    }

    #[test]
    fn a_pod_that_waits_for_its_image_knows_the_registry_and_others_have_no_such_cell() {
        let more = |reason: &str| json!({"status": {"containerStatuses": [{"name": "m0", "image": "harbor.example/a:1", "state": waiting(reason)}]}});
        let pulling = pod(&[], &[], &more("ImagePullBackOff"));
        assert_eq!(pulling.record.text(super::REGISTRY, &pulling.strings), "harbor.example");
        assert!(pod(&[], &[], &more("CrashLoopBackOff")).record.cells.len() <= usize::from(super::REGISTRY));
    }

    #[rstest]
    #[case::pending("Pending", &["Uses PersistentVolumeClaim n/data"])]
    #[case::running("Running", &[])]
    fn only_a_pod_that_is_pending_is_linked_to_its_claims(#[case] phase: &str, #[case] links: &[&str]) {
        let volumes = json!([{"persistentVolumeClaim": {"claimName": "data"}}, {"emptyDir": {}}]);
        assert_eq!(pod(&[], &[], &json!({"spec": {"volumes": volumes}, "status": {"phase": phase}})).links(), links);
    }

    #[rstest]
    #[case::never_started_again(ended("Error", 3, 0), "Error 3", "failed P3 Error 3, 1 restart: m")]
    #[case::by_code(ended("", 3, 0), "ExitCode:3 3", "failed P3 ExitCode:3, 1 restart: m")]
    #[case::completed(ended("Completed", 0, 0), "", "ok")]
    fn the_present_end_of_a_failed_pod_is_its_last_exit(
        #[case] mut state: Value,
        #[case] exit: &str,
        #[case] verdict: &str,
    ) {
        state["terminated"]["message"] = "m".into();
        let seen = pod(&[], &[(state, false)], &json!({}));
        assert_eq!((seen.column("LAST EXIT").as_str(), seen.verdict(NOW).as_str()), (exit, verdict));
    }

    #[test]
    fn a_readiness_gate_makes_a_full_pod_not_ready() {
        let mut gate = condition("Ready", "False");
        gate["message"] = "corresponding condition of pod readiness gate does not exist".into();
        let more = json!({"status": {"conditions": [gate]}});
        let seen = pod(&[], &[(running(), true)], &more);
        assert_eq!((seen.column("READY").as_str(), seen.status()), ("1/1", "Running"));
        assert_eq!(seen.verdict("2026-11-21T13:04:59Z"), "progressing");
        assert!(seen.verdict("2026-11-21T13:05:00Z").starts_with("warning P3 not ready: corresponding condition"));
    }

    #[test]
    fn an_unschedulable_pod_says_why_after_five_minutes() {
        let mut scheduled = condition("PodScheduled", "False");
        scheduled["message"] = "0/3 nodes are available".into();
        let seen = pod(&[], &[], &json!({"status": {"phase": "Pending", "conditions": [scheduled]}}));
        assert_eq!(seen.verdict("2026-11-21T13:04:00Z"), "progressing");
        assert_eq!(seen.verdict(NOW), "warning P3 pending: 0/3 nodes are available");
    }

    #[test]
    fn a_recent_restart_is_a_warning_for_an_hour() {
        let mut seen = pod(&[], &[(running(), true)], &json!({"status": {"conditions": [condition("Ready", "True")]}}));
        let mut cells = seen.record.cells.to_vec();
        cells.resize(usize::from(super::LAST_RESTART), crate::domain::record::Cell::None);
        cells.push(crate::domain::record::Cell::Time(crate::kinds::testing::at("2026-11-21T13:30:00Z")));
        seen.record.cells = cells.into();
        assert_eq!(seen.verdict(NOW), "warning");
        assert_eq!(seen.verdict("2026-11-21T14:30:00Z"), "ok");
    }

    #[rstest]
    #[case::often(400, "2026-11-21T13:57:00Z", "warning P3 runs, but was restarted 400 times, last OOMKilled 137")]
    #[case::just_often(10, "2026-11-21T13:57:00Z", "warning P3 runs, but was restarted 10 times, last OOMKilled 137")]
    #[case::seldom(9, "2026-11-21T13:57:00Z", "warning")]
    #[case::long_ago(400, "2026-11-21T13:00:00Z", "ok")]
    fn a_pod_that_runs_between_two_of_many_restarts_is_a_finding(
        #[case] restarts: i64,
        #[case] last: &str,
        #[case] verdict: &str,
    ) {
        let object = json!({
            "metadata": {"name": "p", "namespace": "n", "creationTimestamp": "2026-11-01T00:00:00Z"},
            "spec": {"containers": [{"name": "m"}]},
            "status": {"phase": "Running", "conditions": [condition("Ready", "True")], "containerStatuses": [{"name": "m",
                "ready": true, "restartCount": restarts, "state": running(),
                "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": last}}}]}});
        assert_eq!(seen("pods", &object).verdict(NOW), verdict);
    }

    #[rstest]
    #[case::infeasible("PodResizePending", "Infeasible", "ok P4 it is not resized: infeasible: m")]
    #[case::put_off("PodResizePending", "Deferred", "ok")]
    #[case::failed("PodResizeInProgress", "Error", "ok P4 it is not resized: error: m")]
    #[case::under_way("PodResizeInProgress", "", "ok")]
    fn a_pod_that_cannot_be_resized_says_so(#[case] name: &str, #[case] reason: &str, #[case] verdict: &str) {
        let mut resize = condition(name, "True");
        (resize["reason"], resize["message"]) = (reason.into(), "m".into());
        let conditions = json!({"status": {"conditions": [condition("Ready", "True"), resize]}});
        assert_eq!(pod(&[], &[(running(), true)], &conditions).verdict(NOW), verdict);
    }

    #[rstest]
    #[case::of_this_group("apps/v1", "ReplicaSet", "Owner Deployment n/shop")]
    #[case::of_another("apps.kruise.io/v1beta1", "StatefulSet", "Owner StatefulSet.apps.kruise.io n/shop-7d9f")]
    #[case::of_another_with_a_hash("example.com/v1", "ReplicaSet", "Owner ReplicaSet.example.com n/shop-7d9f")]
    fn an_owner_is_of_one_group(#[case] version: &str, #[case] kind: &str, #[case] link: &str) {
        let more = json!({"metadata": {"labels": {"pod-template-hash": "7d9f"},
            "ownerReferences": [{"apiVersion": version, "kind": kind, "name": "shop-7d9f", "controller": true}]}});
        assert_eq!(pod(&[], &[], &more).links(), [link]);
    }

    #[test]
    fn a_pod_that_has_ended_badly_is_marked_and_one_that_is_tried_again_is_not() {
        let of = |phase: &str| pod(&[], &[], &json!({"status": {"phase": phase}})).record.flag(super::ENDED);
        assert_eq!(["Failed", "Succeeded", "Running", "Pending"].map(of), [true, false, false, false]);
    }

    #[test]
    fn a_pod_knows_its_deployment_node_and_manager() {
        let seen = pod(
            &[],
            &[],
            &json!({"spec": {"nodeName": "node-1"}, "metadata": {
            "labels": {"pod-template-hash": "7d9f", "helm.toolkit.fluxcd.io/name": "shop",
                "helm.toolkit.fluxcd.io/namespace": "team"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "shop-7d9f", "controller": true}]}}),
        );
        assert_eq!(seen.links(), ["Owner Deployment n/shop", "Node Node /node-1", "ManagedBy HelmRelease team/shop"]);
    }
}
