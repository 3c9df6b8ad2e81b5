//! The services that run in the demo's pods: Prometheus, Alertmanager, OpenBao and two applications, answering as
//! the real ones do. They see the world as it is now, and change nothing in it but their own memory.

mod alerting;
mod alertmanager;
mod http;
mod metrics;
mod openbao;
mod probes;
mod prometheus;
mod promql;
mod rules;
mod tsdb;

use jiff::Timestamp;
use serde_json::Value;

use self::alerting::Prometheus;
use self::alertmanager::{Silences, matcher::Matcher};

use crate::demo::world::World;

/// What the services remember between requests.
#[derive(Debug, Default)]
pub struct Platform {
    monitoring: Prometheus,
    slopilot: Prometheus,
    silences: Silences,
}

impl Platform {
    /// How many milliseconds later one Alertmanager knows what the other has received.
    pub fn set_gossip(&mut self, millis: i64) {
        self.silences.gossip = millis;
    }
}

/// A request as it arrives in the pod: the path starts with `/` and is what follows the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Without the question mark; still percent-encoded.
    pub query: &'a str,
    pub body: &'a [u8],
}

/// What the pod answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// Answers what runs in this pod on this port (by the pod's labels); `None` when nothing listens there.
pub fn answer(world: &mut World, namespace: &str, pod: &str, port: u16, request: &Request<'_>) -> Option<Reply> {
    let object = world.get("Pod", namespace, pod)?;
    if !listens(object) {
        return None;
    }
    let app = object["metadata"]["labels"]["app.kubernetes.io/name"].as_str().unwrap_or_default().to_owned();
    let now = world.now().as_millisecond();
    match (app.as_str(), port) {
        ("prometheus", 9090) if namespace == "slopilot" => {
            Some(prometheus::answer(&world.platform.slopilot, 0, now, request))
        }
        ("prometheus", 9090) => {
            let replica = i64::from(pod.ends_with("-1"));
            Some(prometheus::answer(&world.platform.monitoring, replica, now, request))
        }
        ("alertmanager", 9093) => {
            let platform = &mut world.platform;
            let asked = (now, usize::from(pod.ends_with("-1")));
            Some(alertmanager::answer(&mut platform.silences, &platform.monitoring, asked, request))
        }
        ("openbao", 8200) => Some(openbao::answer(world, namespace, pod, request)),
        ("slopilot-rightsizing", 8080) => Some(probes::slopilot(object, request)),
        ("kubeop-manager", 8080) | ("kubeop-operator", 8081) | ("kubeop-admission", 9443) => {
            Some(probes::kubeop(world, pod, request))
        }
        ("slo-scout", 8000 | 8081) => Some(probes::slo_scout(object, port, request)),
        _ => None,
    }
}

/// A process listens while its first container runs; readiness is another matter.
fn listens(pod: &Value) -> bool {
    let status = &pod["status"];
    let running = status["containerStatuses"][0]["state"]["running"].is_object();
    let lost = status["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "False")
            && conditions.iter().any(|c| c["type"] == "ContainersReady" && c["status"] == "True")
    });
    running && !lost && pod["metadata"]["deletionTimestamp"].is_null()
}

/// The story has begun: `troubled` says that a person had reason to silence something.
pub fn begin(world: &mut World, start: Timestamp, troubled: bool) {
    let now = start.as_millisecond();
    let (of_platform, of_slopilot) = (metrics::of_platform(world), metrics::of_slopilot(world));
    let mut platform = Platform {
        monitoring: Prometheus::new(rules::PLATFORM),
        slopilot: Prometheus::new(rules::SLOPILOT),
        silences: Silences::default(),
    };
    platform.monitoring.begin(&of_platform, now);
    platform.slopilot.begin(&of_slopilot, now);
    if troubled {
        let hour = 3_600_000;
        let matcher = |name: &str, value: &str, is_regex| Matcher::new(name, value, is_regex, true);
        let known: Vec<Matcher> = [
            matcher("alertname", "KubePodCrashLooping|KubeDeploymentReplicasMismatch", true),
            matcher("namespace", "team-beta", false),
        ]
        .into_iter()
        .flatten()
        .collect();
        platform.silences.add(
            known,
            now - hour / 2,
            now + 4 * hour,
            "alice",
            "orders team is rolling out the queue fix, ends with their window",
        );
        let over: Vec<Matcher> = [matcher("alertname", "TargetDown", false), matcher("namespace", "monitoring", false)]
            .into_iter()
            .flatten()
            .collect();
        platform.silences.add(over, now - 9 * hour, now - 7 * hour, "operator", "Planned maintenance window");
        let later: Vec<Matcher> = [matcher("namespace", "velero", false)].into_iter().flatten().collect();
        platform.silences.add(later, now + 6 * hour, now + 8 * hour, "bob", "backup storage moves tonight");
    }
    world.platform = platform;
}

/// Prometheus looks at everything once.
pub fn scrape(world: &mut World, now: Timestamp) {
    let (of_platform, of_slopilot) = (metrics::of_platform(world), metrics::of_slopilot(world));
    world.platform.monitoring.scrape(of_platform, now.as_millisecond());
    world.platform.slopilot.scrape(of_slopilot, now.as_millisecond());
}
