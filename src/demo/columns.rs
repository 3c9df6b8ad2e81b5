//! The printed columns of each kind: for built-in kinds those of the API server, for custom ones their definition's
//! additionalPrinterColumns. Pods compute theirs in `pod_cells`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::resources::Resource;

/// How a cell is made.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    /// A JSON pointer; absent is empty.
    Text(&'static str),
    Number(&'static str),
    Boolean(&'static str),
    /// A time, printed as the span since then.
    Date(&'static str),
    /// A field of the condition of that type.
    Condition(&'static str, &'static str),
    /// What a pointer alone cannot say.
    Computed(fn(&Value, Timestamp) -> String),
}

/// One column after the name.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    /// 1: shown by `-o wide` only.
    pub priority: u8,
    pub cell: Cell,
}

impl Cell {
    /// The cell's value. Missing values of custom columns are null, which kubectl prints as `<none>`.
    #[must_use]
    pub fn print(&self, object: &Value, now: Timestamp) -> Value {
        match self {
            Cell::Text(pointer) => match object.pointer(pointer) {
                Some(Value::String(text)) => json!(text),
                Some(Value::Null) | None => json!(""),
                Some(other) => json!(other.to_string()),
            },
            Cell::Number(pointer) => object.pointer(pointer).cloned().unwrap_or(json!(0)),
            Cell::Boolean(pointer) => object.pointer(pointer).cloned().unwrap_or(Value::Null),
            Cell::Date(pointer) => match object.pointer(pointer).and_then(Value::as_str) {
                Some(text) => json!(since(text, now)),
                None if *pointer == CREATED => json!("<unknown>"),
                None => Value::Null,
            },
            Cell::Condition(kind, field) => {
                json!(condition(object, kind).and_then(|condition| condition[*field].as_str()).unwrap_or_default())
            }
            Cell::Computed(compute) => json!(compute(object, now)),
        }
    }
}

const CREATED: &str = "/metadata/creationTimestamp";

const fn column(name: &'static str, cell: Cell) -> Column {
    Column { name, priority: 0, cell }
}

const fn wide(name: &'static str, cell: Cell) -> Column {
    Column { name, priority: 1, cell }
}

const AGE: Column = column("Age", Cell::Date(CREATED));
const READY: Column = column("Ready", Cell::Condition("Ready", "status"));
const STATUS: Column = column("Status", Cell::Condition("Ready", "message"));
const STATUS_WIDE: Column = wide("Status", Cell::Condition("Ready", "message"));
const URL: Column = column("URL", Cell::Text("/spec/url"));

/// The columns after the name.
#[must_use]
pub fn of(resource: &Resource) -> &'static [Column] {
    match resource.kind {
        "Pod" => PODS,
        "Node" => NODES,
        "Namespace" => NAMESPACES,
        "Service" => SERVICES,
        "Event" => EVENTS,
        "ConfigMap" => CONFIG_MAPS,
        "Endpoints" => ENDPOINTS,
        "PersistentVolumeClaim" => CLAIMS,
        "Deployment" => DEPLOYMENTS,
        "StatefulSet" => STATEFUL_SETS,
        "DaemonSet" => DAEMON_SETS,
        "ReplicaSet" => REPLICA_SETS,
        "Job" => JOBS,
        "CronJob" => CRON_JOBS,
        "PodDisruptionBudget" => BUDGETS,
        "HorizontalPodAutoscaler" => AUTOSCALERS,
        "Ingress" => INGRESSES,
        "HelmRelease" | "Kustomization" | "ResourceSet" | "ArtifactGenerator" | "ExternalArtifact" => RELEASES,
        "GitRepository" | "HelmRepository" => REPOSITORIES,
        "OCIRepository" => OCI_REPOSITORIES,
        "Bucket" => BUCKETS,
        "HelmChart" => CHARTS,
        "Certificate" => CERTIFICATES,
        "CertificateRequest" => REQUESTS,
        "Issuer" | "ClusterIssuer" => ISSUERS,
        "Order" => ORDERS,
        "Challenge" => CHALLENGES,
        "Schedule" => SCHEDULES,
        "BackupStorageLocation" => LOCATIONS,
        "ExternalSecret" => EXTERNAL_SECRETS,
        "SecretStore" | "ClusterSecretStore" => STORES,
        "PeerAuthentication" => PEERS,
        "PolicyReport" | "ClusterPolicyReport" | "Report" | "ClusterReport" => REPORTS,
        _ => ONLY_AGE,
    }
}

const CONFIG_MAPS: &[Column] = &[column("Data", Cell::Computed(data)), AGE];
const ENDPOINTS: &[Column] = &[column("Endpoints", Cell::Computed(endpoints)), AGE];
const STATEFUL_SETS: &[Column] = &[column("Ready", Cell::Computed(ready_replicas)), AGE];
const RELEASES: &[Column] = &[AGE, READY, STATUS];
const REPOSITORIES: &[Column] = &[URL, AGE, READY, STATUS];
const OCI_REPOSITORIES: &[Column] = &[URL, READY, STATUS, AGE];
const BUCKETS: &[Column] = &[column("Endpoint", Cell::Text("/spec/endpoint")), AGE, READY, STATUS];
const ISSUERS: &[Column] = &[READY, STATUS_WIDE, AGE];
const PEERS: &[Column] = &[column("Mode", Cell::Text("/spec/mtls/mode")), AGE];
const ONLY_AGE: &[Column] = &[AGE];

/// Only their headers: `pod_cells` fills them.
const PODS: &[Column] = &[
    column("Ready", Cell::Text("")),
    column("Status", Cell::Text("")),
    column("Restarts", Cell::Text("")),
    AGE,
    wide("IP", Cell::Text("")),
    wide("Node", Cell::Text("")),
    wide("Nominated Node", Cell::Text("")),
    wide("Readiness Gates", Cell::Text("")),
];

const NODES: &[Column] = &[
    column("Status", Cell::Computed(node_status)),
    column("Roles", Cell::Computed(node_roles)),
    AGE,
    column("Version", Cell::Text("/status/nodeInfo/kubeletVersion")),
    wide("Internal-IP", Cell::Computed(|node, _| address(node, "InternalIP"))),
    wide("External-IP", Cell::Computed(|node, _| address(node, "ExternalIP"))),
    wide("OS-Image", Cell::Text("/status/nodeInfo/osImage")),
    wide("Kernel-Version", Cell::Text("/status/nodeInfo/kernelVersion")),
    wide("Container-Runtime", Cell::Text("/status/nodeInfo/containerRuntimeVersion")),
];

const NAMESPACES: &[Column] = &[column("Status", Cell::Text("/status/phase")), AGE];

const SERVICES: &[Column] = &[
    column("Type", Cell::Computed(|service, _| text_or(service, "/spec/type", "ClusterIP"))),
    column("Cluster-IP", Cell::Computed(|service, _| text_or(service, "/spec/clusterIP", "<none>"))),
    column("External-IP", Cell::Computed(|_, _| "<none>".to_owned())),
    column("Port(s)", Cell::Computed(ports)),
    AGE,
    wide("Selector", Cell::Computed(|service, _| labels(service, "/spec/selector"))),
];

const EVENTS: &[Column] = &[
    column("Last Seen", Cell::Computed(|event, now| span_since(super::events::last_seen(event), now))),
    column("Type", Cell::Text("/type")),
    column("Reason", Cell::Text("/reason")),
    column("Object", Cell::Computed(event_object)),
    wide("Source", Cell::Computed(event_source)),
    column("Message", Cell::Computed(event_message)),
    wide("Count", Cell::Computed(event_count)),
    wide("Name", Cell::Text("/metadata/name")),
];

const CLAIMS: &[Column] = &[
    column("Status", Cell::Text("/status/phase")),
    column("Volume", Cell::Text("/spec/volumeName")),
    column("Capacity", Cell::Text("/status/capacity/storage")),
    column("Access Modes", Cell::Computed(access_modes)),
    column("StorageClass", Cell::Text("/spec/storageClassName")),
    AGE,
    wide("VolumeMode", Cell::Text("/spec/volumeMode")),
];

const DEPLOYMENTS: &[Column] = &[
    column("Ready", Cell::Computed(ready_replicas)),
    column("Up-to-date", Cell::Number("/status/updatedReplicas")),
    column("Available", Cell::Number("/status/availableReplicas")),
    AGE,
];

const DAEMON_SETS: &[Column] = &[
    column("Desired", Cell::Number("/status/desiredNumberScheduled")),
    column("Current", Cell::Number("/status/currentNumberScheduled")),
    column("Ready", Cell::Number("/status/numberReady")),
    column("Up-to-date", Cell::Number("/status/updatedNumberScheduled")),
    column("Available", Cell::Number("/status/numberAvailable")),
    column("Node Selector", Cell::Computed(|set, _| labels(set, "/spec/template/spec/nodeSelector"))),
    AGE,
];

const REPLICA_SETS: &[Column] = &[
    column("Desired", Cell::Number("/spec/replicas")),
    column("Current", Cell::Number("/status/replicas")),
    column("Ready", Cell::Number("/status/readyReplicas")),
    AGE,
];

const JOBS: &[Column] = &[
    column("Status", Cell::Computed(job_status)),
    column("Completions", Cell::Computed(completions)),
    column("Duration", Cell::Computed(job_duration)),
    AGE,
];

const CRON_JOBS: &[Column] = &[
    column("Schedule", Cell::Text("/spec/schedule")),
    column("Timezone", Cell::Computed(|job, _| text_or(job, "/spec/timeZone", "<none>"))),
    column("Suspend", Cell::Computed(|job, _| title(job["spec"]["suspend"] == true))),
    column("Active", Cell::Computed(|job, _| job["status"]["active"].as_array().map_or(0, Vec::len).to_string())),
    column("Last Schedule", Cell::Computed(last_schedule)),
    AGE,
];

const BUDGETS: &[Column] = &[
    column("Min Available", Cell::Computed(|budget, _| text_or(budget, "/spec/minAvailable", "N/A"))),
    column("Max Unavailable", Cell::Computed(|budget, _| text_or(budget, "/spec/maxUnavailable", "N/A"))),
    column("Allowed Disruptions", Cell::Number("/status/disruptionsAllowed")),
    AGE,
];

const AUTOSCALERS: &[Column] = &[
    column("Reference", Cell::Computed(scale_target)),
    column("Targets", Cell::Computed(|scaler, _| count(scaler, "/spec/metrics", "metrics"))),
    column("MinPods", Cell::Text("/spec/minReplicas")),
    column("MaxPods", Cell::Number("/spec/maxReplicas")),
    column("Replicas", Cell::Number("/status/currentReplicas")),
    AGE,
];

const INGRESSES: &[Column] = &[
    column("Class", Cell::Computed(|ingress, _| text_or(ingress, "/spec/ingressClassName", "<none>"))),
    column("Hosts", Cell::Computed(hosts)),
    column("Address", Cell::Text("/status/loadBalancer/ingress/0/ip")),
    column(
        "Ports",
        Cell::Computed(|ingress, _| if ingress["spec"]["tls"].is_array() { "80, 443" } else { "80" }.to_owned()),
    ),
    AGE,
];

const CHARTS: &[Column] = &[
    column("Chart", Cell::Text("/spec/chart")),
    column("Version", Cell::Text("/spec/version")),
    column("Source Kind", Cell::Text("/spec/sourceRef/kind")),
    column("Source Name", Cell::Text("/spec/sourceRef/name")),
    AGE,
    READY,
    STATUS,
];

const CERTIFICATES: &[Column] = &[
    READY,
    column("Secret", Cell::Text("/spec/secretName")),
    wide("Issuer", Cell::Text("/spec/issuerRef/name")),
    STATUS_WIDE,
    AGE,
];

const REQUESTS: &[Column] = &[
    column("Approved", Cell::Condition("Approved", "status")),
    column("Denied", Cell::Condition("Denied", "status")),
    READY,
    column("Issuer", Cell::Text("/spec/issuerRef/name")),
    column("Requester", Cell::Text("/spec/username")),
    STATUS_WIDE,
    AGE,
];

const ORDERS: &[Column] = &[
    column("State", Cell::Text("/status/state")),
    wide("Issuer", Cell::Text("/spec/issuerRef/name")),
    wide("Reason", Cell::Text("/status/reason")),
    AGE,
];

const CHALLENGES: &[Column] = &[
    column("State", Cell::Text("/status/state")),
    column("Domain", Cell::Text("/spec/dnsName")),
    wide("Reason", Cell::Text("/status/reason")),
    AGE,
];

const SCHEDULES: &[Column] = &[
    column("Status", Cell::Text("/status/phase")),
    column("Schedule", Cell::Text("/spec/schedule")),
    column("LastBackup", Cell::Date("/status/lastBackup")),
    AGE,
    column("Paused", Cell::Boolean("/spec/paused")),
];

const LOCATIONS: &[Column] = &[
    column("Phase", Cell::Text("/status/phase")),
    column("Last Validated", Cell::Date("/status/lastValidationTime")),
    AGE,
    column("Default", Cell::Boolean("/spec/default")),
];

const EXTERNAL_SECRETS: &[Column] = &[
    column("StoreType", Cell::Text("/spec/secretStoreRef/kind")),
    column("Store", Cell::Text("/spec/secretStoreRef/name")),
    column("Refresh Interval", Cell::Text("/spec/refreshInterval")),
    column("Status", Cell::Condition("Ready", "reason")),
    READY,
    column("Last Sync", Cell::Date("/status/refreshTime")),
];

const STORES: &[Column] = &[
    AGE,
    column("Status", Cell::Condition("Ready", "reason")),
    column("Capabilities", Cell::Text("/status/capabilities")),
    READY,
];

const REPORTS: &[Column] = &[
    column("Kind", Cell::Text("/scope/kind")),
    column("Name", Cell::Text("/scope/name")),
    column("Pass", Cell::Number("/summary/pass")),
    column("Fail", Cell::Number("/summary/fail")),
    column("Warn", Cell::Number("/summary/warn")),
    column("Error", Cell::Number("/summary/error")),
    column("Skip", Cell::Number("/summary/skip")),
    AGE,
];

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object.pointer("/status/conditions")?.as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn text_or(object: &Value, pointer: &str, otherwise: &str) -> String {
    match object.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(Value::Null | Value::String(_)) | None => otherwise.to_owned(),
        Some(other) => other.to_string(),
    }
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn title(yes: bool) -> String {
    if yes { "True" } else { "False" }.to_owned()
}

fn labels(object: &Value, pointer: &str) -> String {
    let map = object.pointer(pointer).and_then(Value::as_object).filter(|map| !map.is_empty());
    let Some(map) = map else { return "<none>".to_owned() };
    let pairs: Vec<String> =
        map.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    pairs.join(",")
}

fn count(object: &Value, pointer: &str, what: &str) -> String {
    format!("{} {what}", object.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len))
}

fn data(object: &Value, _: Timestamp) -> String {
    let size = |key: &str| object[key].as_object().map_or(0, serde_json::Map::len);
    (size("data") + size("binaryData")).to_string()
}

fn endpoints(object: &Value, _: Timestamp) -> String {
    let subsets = object["subsets"].as_array().map_or(&[][..], Vec::as_slice);
    let mut all = Vec::new();
    for subset in subsets {
        for address in subset["addresses"].as_array().into_iter().flatten() {
            for port in subset["ports"].as_array().into_iter().flatten() {
                all.push(format!("{}:{}", address["ip"].as_str().unwrap_or_default(), number(port, "/port")));
            }
        }
    }
    if all.is_empty() { "<none>".to_owned() } else { all.join(",") }
}

fn access_modes(object: &Value, _: Timestamp) -> String {
    let modes = object.pointer("/spec/accessModes").and_then(Value::as_array);
    let short = modes.into_iter().flatten().map(|mode| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        Some("ReadWriteOncePod") => "RWOP",
        _ => "?",
    });
    short.collect::<Vec<_>>().join(",")
}

fn ready_replicas(object: &Value, _: Timestamp) -> String {
    format!("{}/{}", number(object, "/status/readyReplicas"), number(object, "/spec/replicas"))
}

fn node_status(node: &Value, _: Timestamp) -> String {
    let word = match condition(node, "Ready").and_then(|condition| condition["status"].as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if node["spec"]["unschedulable"] == true { format!("{word},SchedulingDisabled") } else { word.to_owned() }
}

fn node_roles(node: &Value, _: Timestamp) -> String {
    let labels = node["metadata"]["labels"].as_object();
    let roles: Vec<&str> = labels
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .filter_map(|key| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn address(node: &Value, kind: &str) -> String {
    let addresses = node.pointer("/status/addresses").and_then(Value::as_array);
    let found = addresses.into_iter().flatten().find(|address| address["type"] == kind);
    found.and_then(|address| address["address"].as_str()).unwrap_or("<none>").to_owned()
}

fn ports(service: &Value, _: Timestamp) -> String {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array);
    let words = ports
        .into_iter()
        .flatten()
        .map(|port| format!("{}/{}", number(port, "/port"), port["protocol"].as_str().unwrap_or("TCP")));
    words.collect::<Vec<_>>().join(",")
}

fn either<'a>(object: &'a Value, one: &str, other: &str) -> &'a Value {
    if object[one].is_null() { &object[other] } else { &object[one] }
}

fn event_object(event: &Value, _: Timestamp) -> String {
    let about = either(event, "involvedObject", "regarding");
    let kind = about["kind"].as_str().unwrap_or_default().to_lowercase();
    format!("{kind}/{}", about["name"].as_str().unwrap_or_default())
}

fn event_source(event: &Value, _: Timestamp) -> String {
    let component = either(event, "source", "deprecatedSource")["component"].as_str();
    let reporter = either(event, "reportingComponent", "reportingController").as_str();
    component.or(reporter).unwrap_or_default().to_owned()
}

fn event_message(event: &Value, _: Timestamp) -> String {
    either(event, "message", "note").as_str().unwrap_or_default().trim().to_owned()
}

fn event_count(event: &Value, _: Timestamp) -> String {
    let series = event.pointer("/series/count").and_then(Value::as_i64);
    series.or_else(|| either(event, "count", "deprecatedCount").as_i64()).unwrap_or(1).to_string()
}

fn job_status(job: &Value, _: Timestamp) -> String {
    let is = |kind: &str| condition(job, kind).is_some_and(|condition| condition["status"] == "True");
    let word = if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if is("Suspended") {
        "Suspended"
    } else {
        "Running"
    };
    word.to_owned()
}

fn completions(job: &Value, _: Timestamp) -> String {
    let wanted = job.pointer("/spec/completions").and_then(Value::as_i64).unwrap_or(1);
    format!("{}/{wanted}", number(job, "/status/succeeded"))
}

fn job_duration(job: &Value, now: Timestamp) -> String {
    let time =
        |pointer: &str| job.pointer(pointer).and_then(Value::as_str).and_then(|text| text.parse::<Timestamp>().ok());
    let Some(start) = time("/status/startTime") else { return String::new() };
    let end = time("/status/completionTime").unwrap_or(now);
    duration(end.as_second() - start.as_second())
}

fn last_schedule(job: &Value, now: Timestamp) -> String {
    let last = job.pointer("/status/lastScheduleTime").and_then(Value::as_str);
    last.map_or_else(|| "<none>".to_owned(), |text| since(text, now))
}

fn scale_target(scaler: &Value, _: Timestamp) -> String {
    let target = &scaler["spec"]["scaleTargetRef"];
    format!("{}/{}", target["kind"].as_str().unwrap_or_default(), target["name"].as_str().unwrap_or_default())
}

fn hosts(ingress: &Value, _: Timestamp) -> String {
    let rules = ingress.pointer("/spec/rules").and_then(Value::as_array);
    let hosts: Vec<&str> = rules.into_iter().flatten().map(|rule| rule["host"].as_str().unwrap_or("*")).collect();
    if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") }
}

/// The object's age as kubectl writes it.
#[must_use]
pub fn age(object: &Value, now: Timestamp) -> String {
    object.pointer(CREATED).and_then(Value::as_str).map_or_else(|| "<unknown>".to_owned(), |text| since(text, now))
}

fn since(text: &str, now: Timestamp) -> String {
    span_since(text.parse::<Timestamp>().ok().map(Timestamp::as_second), now)
}

fn span_since(second: Option<i64>, now: Timestamp) -> String {
    second.map_or_else(|| "<unknown>".to_owned(), |second| duration(now.as_second() - second))
}

/// A span in the two largest units that matter, as the API server's printers write it.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let pair = |large: i64, unit: &str, small: i64, rest: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{rest}") }
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match seconds {
        i64::MIN..=-2 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => pair(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_kubectl_does() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (11_000, "3h3m"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (86_400 * 8, "8d"),
            (86_400 * 731, "2y1d"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }
}
