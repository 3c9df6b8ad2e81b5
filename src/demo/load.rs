//! Synthetic pods of realistic size, made from their index when they are sent: 16 bytes are kept of each. Their names are in
//! random order, their state changes only by `touch`.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::birth::{mix, uuid};
use super::columns::duration;
use super::objects::push;
use super::selector::Subject;

const NAMESPACES: usize = 200;
const NODES: u64 = 500;
const SERVICES: usize = 2000;
/// One pod in so many is crash looping.
const FAILING: usize = 97;
/// A healthy pod restarts once in so many changes.
const RESTARTS: u32 = 16;
/// Pods are up to twenty days old.
const OLDEST: u64 = 20 * 86_400;
const WORDS: &[&str] = &[
    "audit",
    "basket",
    "courier",
    "docks",
    "escrow",
    "feeds",
    "geo",
    "harbour",
    "index",
    "journal",
    "keys",
    "ledger",
    "mail",
    "notary",
    "orders",
    "pricing",
    "quotes",
    "rates",
    "search",
    "tariff",
    "uploads",
    "vault-proxy",
    "wallet",
    "zones",
];

/// What changes of a pod.
#[derive(Clone, Copy, Debug)]
struct Tiny {
    version: u64,
    changes: u32,
    /// Seconds after the beginning, plus one, of the last restart; 0: none yet.
    pub restarted: u32,
}

/// One synthetic pod at one moment.
#[derive(Clone, Copy, Debug)]
pub struct LoadPod {
    pub index: usize,
    pub version: u64,
    pub changes: u32,
    pub restarted: u32,
}

/// All of them.
#[derive(Debug)]
pub struct Load {
    pods: Vec<Tiny>,
    seed: u64,
    begun: i64,
    pod: Template,
    metadata: Template,
}

impl Load {
    /// `pods` of them, with the versions that follow `version`.
    #[must_use]
    pub fn new(pods: usize, seed: u64, version: u64, now: Timestamp) -> Load {
        let pods = (1..).take(pods).map(|nth| Tiny { version: version + nth, changes: 0, restarted: 0 }).collect();
        Load {
            pods,
            seed,
            begun: now.as_second(),
            pod: Template::parse(include_str!("load_pod.json")),
            metadata: Template::parse(include_str!("load_metadata.json")),
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    /// The indices of a namespace, or all, from one on.
    pub fn indices(&self, namespace: Option<&str>, from: usize) -> impl Iterator<Item = usize> + use<> {
        let (first, step) = match namespace {
            None => (from, 1),
            Some(name) => match (0..NAMESPACES).find(|index| namespace_name(*index) == name) {
                Some(place) => (from + (place + NAMESPACES - from % NAMESPACES) % NAMESPACES, NAMESPACES),
                None => (self.pods.len(), 1),
            },
        };
        (first..self.pods.len()).step_by(step)
    }

    #[must_use]
    pub fn get(&self, index: usize) -> LoadPod {
        let tiny = self.pods.get(index).copied().unwrap_or(Tiny { version: 0, changes: 0, restarted: 0 });
        LoadPod { index, version: tiny.version, changes: tiny.changes, restarted: tiny.restarted }
    }

    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> Option<usize> {
        self.indices(Some(namespace), 0).find(|index| self.name(*index) == name)
    }

    /// Changes one pod: its index and how often it has changed now.
    pub fn touch(&mut self, turn: u64, version: u64, now: Timestamp) -> (u32, u32) {
        let count = self.pods.len().max(1) as u64;
        let index = usize::try_from(mix(turn ^ self.seed) % count).unwrap_or(0);
        let after = u32::try_from((now.as_second() - self.begun).max(0)).unwrap_or(u32::MAX - 1) + 1;
        let Some(tiny) = self.pods.get_mut(index) else { return (0, 0) };
        tiny.version = version;
        tiny.changes += 1;
        if failing(index) || tiny.changes.is_multiple_of(RESTARTS) {
            tiny.restarted = after;
        }
        (u32::try_from(index).unwrap_or(0), tiny.changes)
    }

    fn hash(&self, index: usize) -> u64 {
        mix(self.seed ^ (index as u64) << 8)
    }

    #[must_use]
    pub fn namespace(index: usize) -> String {
        namespace_name(index % NAMESPACES)
    }

    fn app(&self, index: usize) -> String {
        let service = index % SERVICES;
        let word = WORDS[usize::try_from(mix(self.seed ^ service as u64) % WORDS.len() as u64).unwrap_or(0)];
        format!("{word}-{service:04}")
    }

    fn template(&self, index: usize) -> String {
        letters(mix(self.seed ^ (index % SERVICES) as u64 ^ 0x5e7), 10)
    }

    #[must_use]
    pub fn name(&self, index: usize) -> String {
        format!("{}-{}-{}", self.app(index), self.template(index), letters(self.hash(index), 5))
    }

    fn node(&self, index: usize) -> u64 {
        (self.hash(index) >> 20) % NODES
    }

    fn created(&self, index: usize) -> i64 {
        self.begun - 600 - i64::try_from((self.hash(index) >> 8) % OLDEST).unwrap_or(0)
    }

    fn restarts(pod: &LoadPod) -> u32 {
        if failing(pod.index) { 11 + pod.changes } else { pod.changes / RESTARTS }
    }

    /// When the api container ended last, if it ever did.
    fn restarted(&self, pod: &LoadPod) -> Option<i64> {
        match pod.restarted {
            0 => failing(pod.index).then_some(self.begun - 240),
            after => Some(self.begun + i64::from(after) - 1),
        }
    }

    fn values(&self, pod: &LoadPod) -> Values {
        let (index, hash) = (pod.index, self.hash(pod.index));
        let service = mix(self.seed ^ (index % SERVICES) as u64);
        let app = self.app(index);
        let template = self.template(index);
        let set = format!("{app}-{template}");
        let release = format!("1.{}.{}", service % 20, service % 7);
        let created = self.created(index);
        let started = stamp(created + 34);
        let restarted = self.restarted(pod);
        let changed = restarted.map_or_else(|| started.clone(), stamp);
        let bad = failing(index);
        let digest = format!("{:016x}{:016x}{:016x}{:016x}", service, mix(service), mix(service + 1), mix(service + 2));
        let last = restarted.map_or_else(
            || "{}".to_owned(),
            |at| {
                format!(
                    r#"{{"terminated":{{"exitCode":{code},"reason":"{reason}","startedAt":"{from}","finishedAt":"{to}","containerID":"containerd://{digest}"}}}}"#,
                    code = if bad { 137 } else { 1 },
                    reason = if bad { "OOMKilled" } else { "Error" },
                    from = stamp(at - 30),
                    to = stamp(at),
                )
            },
        );
        let state = if bad {
            r#"{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s restarting failed container"}}"#
                .to_owned()
        } else {
            format!(r#"{{"running":{{"startedAt":"{changed}"}}}}"#)
        };
        let image = format!("registry.example.internal/load/{app}:{release}");
        Values([
            (Hole::Own, format!("{set}-{}", letters(hash, 5))),
            (Hole::Set, set),
            (Hole::Namespace, Load::namespace(index)),
            (Hole::Uid, uuid(hash, mix(hash))),
            (Hole::Version, pod.version.to_string()),
            (Hole::Created, stamp(created)),
            (Hole::App, app),
            (Hole::Release, release),
            (Hole::Template, template),
            (Hole::Digest, digest),
            (Hole::Turn, pod.changes.to_string()),
            (Hole::SetUid, uuid(service, mix(service))),
            (Hole::Started, started),
            (Hole::Ip, ip(index)),
            (Hole::Token, letters(hash >> 7, 5)),
            (Hole::Image, image),
            (Hole::Node, node_name(self.node(index))),
            (Hole::Ready, if bad { "False" } else { "True" }.to_owned()),
            (Hole::Changed, changed),
            (Hole::HostIp, node_ip(self.node(index))),
            (Hole::State, format!(r#""state":{state},"lastState":{last},"ready":{}"#, !bad)),
            (Hole::Restarts, Load::restarts(pod).to_string()),
        ])
    }

    /// The whole object.
    pub fn write(&self, out: &mut Vec<u8>, pod: &LoadPod, with_kind: bool) {
        let values = self.values(pod);
        push(out, if with_kind { r#"{"kind":"Pod","apiVersion":"v1","# } else { "{" });
        self.pod.render(out, &values, &self.metadata);
    }

    pub fn write_metadata(&self, out: &mut Vec<u8>, pod: &LoadPod) {
        out.push(b'{');
        self.metadata.render(out, &self.values(pod), &self.metadata);
    }

    /// The cells of a printed row.
    #[must_use]
    pub fn cells(&self, pod: &LoadPod, now: Timestamp) -> Vec<Value> {
        let bad = failing(pod.index);
        let restarts = match (Load::restarts(pod), self.restarted(pod)) {
            (count, Some(at)) if count > 0 => format!("{count} ({} ago)", duration(now.as_second() - at)),
            (count, _) => count.to_string(),
        };
        vec![
            json!(self.name(pod.index)),
            json!(if bad { "1/2" } else { "2/2" }),
            json!(if bad { "CrashLoopBackOff" } else { "Running" }),
            json!(restarts),
            json!(duration(now.as_second() - self.created(pod.index))),
            json!(ip(pod.index)),
            json!(node_name(self.node(pod.index))),
            json!("<none>"),
            json!("<none>"),
        ]
    }

    /// What selectors see of a pod.
    #[must_use]
    pub fn subject(&self, index: usize) -> LoadSubject<'_> {
        LoadSubject { load: self, index }
    }
}

/// A synthetic pod to be selected.
#[derive(Debug)]
pub struct LoadSubject<'a> {
    load: &'a Load,
    index: usize,
}

impl Subject for LoadSubject<'_> {
    fn label(&self, key: &str) -> Option<Cow<'_, str>> {
        let (load, index) = (self.load, self.index);
        let service = mix(load.seed ^ (index % SERVICES) as u64);
        let value = match key {
            "app.kubernetes.io/name" | "helm.toolkit.fluxcd.io/name" => load.app(index),
            "app.kubernetes.io/instance" => load.app(index) + "-live",
            "app.kubernetes.io/version" => format!("1.{}.{}", service % 20, service % 7),
            "app.kubernetes.io/part-of" => "synthetic-load".to_owned(),
            "helm.toolkit.fluxcd.io/namespace" => Load::namespace(index),
            "pod-template-hash" => load.template(index),
            _ => return None,
        };
        Some(Cow::Owned(value))
    }

    fn field(&self, path: &str) -> Cow<'_, str> {
        let (load, index) = (self.load, self.index);
        match path {
            "metadata.name" => Cow::Owned(load.name(index)),
            "metadata.namespace" => Cow::Owned(Load::namespace(index)),
            "spec.nodeName" => Cow::Owned(node_name(load.node(index))),
            "spec.restartPolicy" => Cow::Borrowed("Always"),
            "spec.schedulerName" => Cow::Borrowed("default-scheduler"),
            "spec.serviceAccountName" => Cow::Owned(load.app(index)),
            "status.phase" => Cow::Borrowed("Running"),
            "status.podIP" => Cow::Owned(ip(index)),
            _ => Cow::Borrowed(""),
        }
    }
}

fn failing(index: usize) -> bool {
    index.is_multiple_of(FAILING)
}

fn namespace_name(index: usize) -> String {
    format!("load-{index:03}")
}

fn node_name(index: u64) -> String {
    format!("worker-{index:03}.load.internal")
}

fn node_ip(index: u64) -> String {
    format!("10.200.{}.{}", index / 250, index % 250 + 1)
}

fn ip(index: usize) -> String {
    format!("10.{}.{}.{}", 100 + (index >> 16) % 100, (index >> 8) & 255, index & 255)
}

fn stamp(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// The alphabet of generated names: no vowels, so no words.
fn letters(mut number: u64, count: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = String::with_capacity(count);
    for _ in 0..count {
        text.push(char::from(ALPHABET[usize::try_from(number % 27).unwrap_or(0)]));
        number /= 27;
    }
    text
}

/// The nodes and namespaces that the pods are in.
pub fn surroundings(now: Timestamp) -> Vec<Value> {
    let created = stamp(now.as_second() - 90 * 86_400);
    let namespaces = (0..NAMESPACES).map(|index| {
        json!({
            "apiVersion": "v1", "kind": "Namespace", "status": {"phase": "Active"},
            "metadata": {"name": namespace_name(index), "creationTimestamp": created,
                "labels": {"kubernetes.io/metadata.name": namespace_name(index)}},
            "spec": {"finalizers": ["kubernetes"]},
        })
    });
    let nodes = (0..NODES).map(|index| {
        let name = node_name(index);
        let condition = |kind: &str, status: &str, reason: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": reason,
                "lastHeartbeatTime": stamp(now.as_second()), "lastTransitionTime": created})
        };
        let size = json!({"cpu": "32", "memory": "131072000Ki", "pods": "250", "ephemeral-storage": "206292644Ki"});
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "creationTimestamp": created, "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "node-role.kubernetes.io/worker": "", "topology.kubernetes.io/zone": format!("zone-{}", index % 3)}},
            "spec": {"podCIDR": format!("10.{}.{}.0/24", 100 + index / 256, index % 256)},
            "status": {
                "capacity": size, "allocatable": size,
                "addresses": [{"type": "InternalIP", "address": node_ip(index)}, {"type": "Hostname", "address": name}],
                "conditions": [
                    condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                    condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                    condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                    condition("Ready", "True", "KubeletReady"),
                ],
                "nodeInfo": {"kubeletVersion": "v1.36.1", "osImage": "Synthetic Linux 1", "kernelVersion": "6.12.0",
                    "containerRuntimeVersion": "containerd://2.2.0", "operatingSystem": "linux", "architecture": "amd64"},
            },
        })
    });
    namespaces.chain(nodes).collect()
}

/// The placeholders of the templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    Own,
    Set,
    Namespace,
    Uid,
    Version,
    Created,
    App,
    Release,
    Template,
    Digest,
    Turn,
    SetUid,
    Started,
    Ip,
    Token,
    Image,
    Node,
    Ready,
    Changed,
    HostIp,
    State,
    Restarts,
    Metadata,
}

impl Hole {
    fn parse(text: &str) -> Option<Hole> {
        Some(match text {
            "name" => Hole::Own,
            "set" => Hole::Set,
            "namespace" => Hole::Namespace,
            "uid" => Hole::Uid,
            "version" => Hole::Version,
            "created" => Hole::Created,
            "app" => Hole::App,
            "release" => Hole::Release,
            "template" => Hole::Template,
            "digest" => Hole::Digest,
            "turn" => Hole::Turn,
            "setuid" => Hole::SetUid,
            "started" => Hole::Started,
            "ip" => Hole::Ip,
            "token" => Hole::Token,
            "image" => Hole::Image,
            "node" => Hole::Node,
            "ready" => Hole::Ready,
            "changed" => Hole::Changed,
            "hostip" => Hole::HostIp,
            "state" => Hole::State,
            "restarts" => Hole::Restarts,
            "metadata" => Hole::Metadata,
            _ => return None,
        })
    }
}

/// In the order of `Hole`, so that a lookup is an index.
struct Values([(Hole, String); 22]);

impl Values {
    fn get(&self, name: Hole) -> &str {
        self.0.get(name as usize).map_or("", |(_, value)| value)
    }
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(Hole),
}

/// Compact JSON with holes; the first brace is left to the writer.
#[derive(Debug)]
struct Template(Vec<Part>);

impl Template {
    /// Takes the whitespace out of readable JSON and splits it at `@name@`; `#` means the at sign of an image digest.
    fn parse(source: &str) -> Template {
        let (mut compact, mut quoted, mut escaped) = (String::with_capacity(source.len()), false, false);
        for character in source.trim().trim_start_matches('{').chars() {
            if character == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = character == '\\' && !escaped;
            if quoted || !character.is_whitespace() {
                compact.push(character);
            }
        }
        let parts = compact.split('@').map(|part| match Hole::parse(part) {
            Some(name) => Part::Value(name),
            None => Part::Text(part.replace('#', "@")),
        });
        Template(parts.collect())
    }

    fn render(&self, out: &mut Vec<u8>, values: &Values, metadata: &Template) {
        for part in &self.0 {
            match part {
                Part::Text(text) => push(out, text),
                Part::Value(Hole::Metadata) => {
                    out.push(b'{');
                    metadata.render(out, values, metadata);
                }
                Part::Value(name) => push(out, values.get(*name)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load::new(2000, 3, 1000, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn parsed(load: &Load, index: usize) -> (Value, usize) {
        let mut out = Vec::new();
        load.write(&mut out, &load.get(index), true);
        (serde_json::from_slice(&out).unwrap(), out.len())
    }

    #[test]
    fn a_synthetic_pod_has_the_weight_of_a_real_one() {
        let load = load();
        let total: usize = (0..200).map(|index| parsed(&load, index).1).sum();
        let mean = total / 200;
        assert!((5700..6100).contains(&mean), "{mean} bytes");
        let managed = parsed(&load, 1).0["metadata"]["managedFields"].to_string().len();
        assert!((1500..1800).contains(&managed), "{managed} bytes of managedFields");
    }

    #[test]
    fn names_come_in_random_order_and_are_found_again() {
        let load = load();
        let names: Vec<String> = (0..2000).map(|index| load.name(index)).collect();
        let rising = names.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((700..1300).contains(&rising), "{rising} of 2000 are in order");
        assert_eq!(load.find(&Load::namespace(1234), &names[1234]), Some(1234));
        assert_eq!(load.find("load-000", "nobody"), None);
    }

    #[test]
    fn a_namespace_is_walked_from_anywhere() {
        let load = load();
        let all: Vec<usize> = load.indices(Some("load-007"), 0).collect();
        assert_eq!(all.len(), 10);
        assert!(all.iter().all(|index| Load::namespace(*index) == "load-007"));
        assert_eq!(load.indices(Some("load-007"), 208).collect::<Vec<_>>(), all[2..]);
        assert_eq!(load.indices(Some("elsewhere"), 0).count(), 0);
    }

    #[test]
    fn the_written_pod_and_its_selectable_fields_agree() {
        let load = load();
        for index in [0, 1, 97, 1999] {
            let (pod, _) = parsed(&load, index);
            let subject = load.subject(index);
            for (key, value) in pod["metadata"]["labels"].as_object().unwrap() {
                assert_eq!(subject.label(key).as_deref(), value.as_str(), "{key}");
            }
            for path in ["metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "status.podIP"] {
                assert_eq!(subject.field(path), pod.field(path), "{path}");
            }
            let now = "2026-01-01T00:10:00Z".parse().unwrap();
            assert_eq!(load.cells(&load.get(index), now), super::super::pod_cells::cells(&pod, now));
        }
    }

    #[test]
    fn a_touched_pod_shows_the_change() {
        let mut load = load();
        let (index, changes) = load.touch(5, 9000, "2026-01-01T00:01:00Z".parse().unwrap());
        let (pod, _) = parsed(&load, index as usize);
        assert_eq!(changes, 1);
        assert_eq!(pod["metadata"]["resourceVersion"], "9000");
        assert_eq!(pod["metadata"]["annotations"]["demo.watchkeeper.dev/turn"], "1");
    }
}
