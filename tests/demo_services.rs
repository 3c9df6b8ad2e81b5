//! The demo's story and the services in it: what exists, how it changes, and what Prometheus, Alertmanager and OpenBao
//! say about it. No sockets here: the wire is tested elsewhere.

#![expect(clippy::expect_used, reason = "the helpers here fail as their tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use watchkeeper::demo::services::{self, Reply, Request};
use watchkeeper::demo::story::{self, Story};
use watchkeeper::demo::world::World;

const KINDS: &[&str] = &[
    "Namespace",
    "Node",
    "Pod",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Service",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "HelmRelease",
    "Kustomization",
    "ResourceSet",
    "GitRepository",
    "HelmRepository",
    "HelmChart",
    "OCIRepository",
    "Bucket",
    "ExternalArtifact",
    "ArtifactGenerator",
    "Certificate",
    "CertificateRequest",
    "Issuer",
    "ClusterIssuer",
    "ExternalSecret",
    "SecretStore",
    "ClusterSecretStore",
    "Backup",
    "Schedule",
    "Restore",
    "BackupStorageLocation",
    "VolumeSnapshotLocation",
    "PeerAuthentication",
    "PolicyReport",
    "ClusterPolicyReport",
    "Ingress",
    "Order",
    "Challenge",
    "Event",
];

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().expect("a time")
}

fn tell(name: &str, seed: u64, to: &[u64]) -> (Box<dyn Story>, World) {
    let mut world = World::new(seed, start());
    let mut story = story::by_name(name, seed).expect("a story of that name");
    story.begin(&mut world);
    for seconds in to {
        story.tick(&mut world, Duration::from_secs(*seconds));
    }
    (story, world)
}

/// Every object, without what depends on how often it was written.
fn objects(world: &World) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for object in KINDS.iter().flat_map(|kind| world.list(kind)) {
        let mut object = object.clone();
        for part in ["resourceVersion", "managedFields"] {
            object["metadata"].as_object_mut().expect("metadata").remove(part);
        }
        all.insert(
            format!(
                "{}/{}/{}",
                text(&object, "/kind"),
                text(&object, "/metadata/namespace"),
                text(&object, "/metadata/name")
            ),
            object,
        );
    }
    all
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

fn ask_as(world: &mut World, pod: (&str, &str, u16), method: &str, target: &str, body: &[u8]) -> Option<Reply> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    services::answer(world, pod.0, pod.1, pod.2, &Request { method, path, query, body })
}

fn ask(world: &mut World, pod: (&str, &str, u16), target: &str) -> (u16, Value) {
    let reply = ask_as(world, pod, "GET", target, b"").expect("something listens");
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
}

/// Percent-encodes everything.
fn encode(query: &str) -> String {
    query.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

const PROMETHEUS: (&str, &str, u16) = ("monitoring", "prometheus-monitoring-kube-prometheus-prometheus-0", 9090);
const ALERTMANAGER: (&str, &str, u16) = ("monitoring", "alertmanager-monitoring-kube-prometheus-alertmanager-0", 9093);

fn alert_names(world: &mut World, state: &str) -> BTreeSet<String> {
    let (_, body) = ask(world, PROMETHEUS, "/api/v1/alerts");
    let alerts = body["data"]["alerts"].as_array().expect("alerts").clone();
    alerts.iter().filter(|a| a["state"] == state).map(|a| text(a, "/labels/alertname").to_owned()).collect()
}

#[test]
fn the_platform_is_as_large_as_it_should_be() {
    let (_, world) = tell("platform", 1, &[]);
    let count = |kind: &str| world.list(kind).len();
    let namespaces: BTreeSet<&str> = world.list("Pod").iter().map(|pod| text(pod, "/metadata/namespace")).collect();
    assert!((140..=180).contains(&count("Pod")), "{} pods", count("Pod"));
    assert!(namespaces.len() >= 15, "{namespaces:?}");
    assert_eq!((count("Node"), count("Schedule"), count("Certificate"), count("BackupStorageLocation")), (8, 3, 30, 2));
    assert!((20..=28).contains(&count("Backup")), "{} backups", count("Backup"));
    assert!(count("HelmRelease") >= 18 && count("Kustomization") >= 10 && count("ExternalSecret") >= 10);
}

#[test]
fn the_same_seed_and_time_give_the_same_objects_however_often_it_was_told() {
    let (_, often) = tell("platform", 7, &(1..=400).collect::<Vec<_>>());
    let (_, once) = tell("platform", 7, &[400]);
    let (often, once) = (objects(&often), objects(&once));
    assert_eq!(often.keys().collect::<Vec<_>>(), once.keys().collect::<Vec<_>>());
    for (key, object) in &often {
        let mut strip = [object.clone(), once[key].clone()];
        for object in &mut strip {
            // Generations count the changes on the way, uids the incarnations.
            remove_counts(object);
        }
        assert_eq!(strip[0], strip[1], "{key}");
    }
}

fn remove_counts(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for key in ["generation", "observedGeneration", "uid"] {
                map.remove(key);
            }
            map.values_mut().for_each(remove_counts);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_counts),
        _ => {}
    }
}

#[test]
fn the_same_way_gives_the_same_world_to_the_letter_and_another_seed_another() {
    let (_, one) = tell("platform", 3, &[5, 60, 300]);
    let (_, two) = tell("platform", 3, &[5, 60, 300]);
    let (_, other) = tell("platform", 4, &[5, 60, 300]);
    assert_eq!(objects(&one), objects(&two));
    assert_ne!(objects(&one).keys().collect::<Vec<_>>(), objects(&other).keys().collect::<Vec<_>>());
}

#[test]
fn the_quiet_story_does_not_change_in_ten_minutes_and_nothing_in_it_is_wrong() {
    let (mut story, mut world) = tell("quiet", 1, &[]);
    let versions = |world: &World| {
        KINDS
            .iter()
            .flat_map(|kind| world.list(kind))
            .map(|o| text(o, "/metadata/resourceVersion").to_owned())
            .collect::<Vec<_>>()
    };
    let before = versions(&world);
    for seconds in 1..=600 {
        story.tick(&mut world, Duration::from_secs(seconds));
    }
    assert_eq!(versions(&world), before);
    assert!(world.list("Event").is_empty());
    for kind in [
        "Pod",
        "HelmRelease",
        "Kustomization",
        "ResourceSet",
        "GitRepository",
        "HelmChart",
        "Certificate",
        "ExternalSecret",
        "ClusterSecretStore",
        "Node",
        "Issuer",
    ] {
        for object in world.list(kind).into_iter().filter(|o| text(o, "/status/phase") != "Succeeded") {
            assert_eq!(
                condition(object, "Ready").map(|c| &c["status"]),
                Some(&json!("True")),
                "{kind} {}",
                text(object, "/metadata/name")
            );
            assert!(object["spec"]["suspend"].is_null());
        }
    }
    let (firing, pending) = (alert_names(&mut world, "firing"), alert_names(&mut world, "pending"));
    assert_eq!((firing, pending), (BTreeSet::from(["Watchdog".to_owned()]), BTreeSet::new()));
}

#[test]
fn every_object_has_an_identity_and_an_owner_that_exists() {
    let (_, world) = tell("platform", 1, &[200]);
    let uids: BTreeSet<&str> =
        KINDS.iter().flat_map(|kind| world.list(kind)).map(|o| text(o, "/metadata/uid")).collect();
    for object in KINDS.iter().flat_map(|kind| world.list(kind)) {
        let name = format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"));
        assert!(
            !text(object, "/metadata/uid").is_empty() && !text(object, "/metadata/creationTimestamp").is_empty(),
            "{name}"
        );
        for owner in object["metadata"]["ownerReferences"].as_array().into_iter().flatten() {
            let rendered = matches!(text(owner, "/kind"), "Prometheus" | "Alertmanager");
            assert!(rendered || uids.contains(text(owner, "/uid")), "{name} is owned by nobody: {owner}");
        }
        if let Some(about) = object.get("regarding") {
            assert!(uids.contains(text(about, "/uid")), "{name} is about nothing: {about}");
        }
    }
}

#[rstest]
#[case(0)]
#[case(35)]
#[case(120)]
#[case(250)]
#[case(450)]
#[case(700)]
fn what_claims_to_be_in_order_has_seen_its_generation(#[case] at: u64) {
    let (_, world) = tell("platform", 1, &[at]);
    for kind in ["HelmRelease", "Kustomization", "GitRepository", "Deployment", "StatefulSet", "DaemonSet"] {
        for object in world.list(kind) {
            let (generation, observed) = (&object["metadata"]["generation"], &object["status"]["observedGeneration"]);
            let excused = condition(object, "Reconciling").is_some() || object["spec"]["suspend"] == true;
            assert!(
                generation == observed || excused,
                "{kind} {} at {at}: {generation} is not {observed}",
                text(object, "/metadata/name")
            );
        }
    }
}

#[test]
fn failing_and_blocked_releases_keep_reconciling_beside_ready_false() {
    let (_, world) = tell("platform", 1, &[]);
    for (ns, name, reason) in [
        ("monitoring", "monitoring", "UpgradeFailed"),
        ("tempo", "tempo", "DependencyNotReady"),
        ("kubeop-system", "kubeop", "DependencyNotReady"),
    ] {
        let release = world.get("HelmRelease", ns, name).expect("a release");
        assert_eq!(
            (
                condition(release, "Ready").map(|c| &c["reason"]),
                condition(release, "Reconciling").map(|c| &c["status"])
            ),
            (Some(&json!(reason)), Some(&json!("True")))
        );
        assert_eq!(release["status"]["observedGeneration"], -1);
    }
    let shop = world.get("HelmRelease", "team-alpha", "shop").and_then(|r| condition(r, "Ready")).expect("Ready");
    assert_eq!((text(shop, "/reason"), text(shop, "/status")), ("RollbackSucceeded", "False"));
}

#[test]
fn what_is_suspended_shows_ready_and_says_who_did_it() {
    let (_, world) = tell("platform", 1, &[]);
    for (kind, ns, name) in
        [("HelmRelease", "neuvector", "runtime-security"), ("Kustomization", "team-beta", "dashboards")]
    {
        let object = world.get(kind, ns, name).expect("it exists");
        assert_eq!(object["spec"]["suspend"], true);
        assert_eq!(condition(object, "Ready").map(|c| &c["status"]), Some(&json!("True")));
        let by = object["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|f| f["fieldsV1"]["f:spec"]["f:suspend"].is_object());
        assert_eq!(by.map(|f| text(f, "/manager")), Some("flux"), "{kind}");
    }
}

#[test]
fn a_stalled_release_comes_and_goes() {
    let stalled = |at: u64| {
        tell("platform", 1, &[at])
            .1
            .get("HelmRelease", "team-beta", "ledger")
            .is_some_and(|r| condition(r, "Stalled").is_some_and(|c| c["reason"] == "RetriesExceeded"))
    };
    assert_eq!((stalled(0), stalled(60), stalled(620)), (false, true, false));
}

#[test]
fn a_certificate_whose_renewal_fails_is_ready_until_it_expires() {
    let (_, world) = tell("platform", 1, &[]);
    let loki = world.get("Certificate", "logging", "loki-gateway-tls").expect("a certificate");
    assert_eq!(condition(loki, "Ready").map(|c| &c["status"]), Some(&json!("True")));
    assert_eq!(loki["status"]["failedIssuanceAttempts"], 4);
    assert!(!text(loki, "/status/lastFailureTime").is_empty());
    assert_eq!(text(&loki["status"]["conditions"][0], "/type"), "Issuing", "the first condition is not Ready");
    let legacy = world.get("Certificate", "team-beta", "legacy-tls").expect("a certificate");
    let over: Timestamp = text(legacy, "/status/notAfter").parse().expect("a time");
    assert!(over < start() && condition(legacy, "Ready").is_some_and(|c| c["reason"] == "Expired"));
    let overdue: Timestamp = text(
        world.get("Certificate", "kubeop-system", "kubeop-admission-tls").expect("a certificate"),
        "/status/renewalTime",
    )
    .parse()
    .expect("a time");
    assert_eq!(start().as_second() - overdue.as_second(), 26 * 3600);
}

#[test]
fn restarts_grow_while_a_pod_crashes_and_stay_when_it_has_healed() {
    let restarts = |at: u64| {
        let (_, world) = tell("platform", 1, &[at]);
        let pods = world.list("Pod");
        let pod = pods.iter().find(|p| text(p, "/metadata/name").starts_with("orders-worker-")).expect("a worker");
        let status = &pod["status"]["containerStatuses"][0];
        (
            status["restartCount"].as_i64().expect("a count"),
            status["ready"] == true,
            text(status, "/lastState/terminated/reason").to_owned(),
        )
    };
    let (first, healed, again) = (restarts(0), restarts(140), restarts(400));
    assert!(first.0 >= 4 && !first.1 && first.2 == "Error", "{first:?}");
    assert!(healed.0 >= first.0 && healed.1, "{healed:?}");
    assert!(again.0 > healed.0 && !again.1, "{again:?}");
}

#[test]
fn every_way_for_a_pod_to_fail_is_seen_within_a_loop() {
    let mut seen = BTreeSet::new();
    let (mut story, mut world) = tell("platform", 1, &[]);
    for seconds in (0..720).step_by(15) {
        story.tick(&mut world, Duration::from_secs(seconds));
        for pod in world.list("Pod") {
            for status in pod["status"]["containerStatuses"].as_array().into_iter().flatten() {
                seen.insert(text(status, "/state/waiting/reason").to_owned());
                seen.insert(text(status, "/lastState/terminated/reason").to_owned());
            }
            seen.insert(condition(pod, "PodScheduled").map(|c| text(c, "/reason").to_owned()).unwrap_or_default());
        }
        for node in world.list("Node") {
            seen.insert(condition(node, "Ready").map(|c| text(c, "/reason").to_owned()).unwrap_or_default());
        }
    }
    for wanted in [
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "CreateContainerConfigError",
        "OOMKilled",
        "Error",
        "Unschedulable",
        "NodeStatusUnknown",
    ] {
        assert!(seen.contains(wanted), "{wanted} is never seen: {seen:?}");
    }
}

#[test]
fn a_person_s_suspend_is_respected_and_a_deleted_pod_comes_back_as_another() {
    let (mut story, mut world) = tell("platform", 1, &[]);
    world.edit("HelmRelease", "team-beta", "ledger", |o| o["spec"]["suspend"] = json!(true));
    let before = world.get("HelmRelease", "team-beta", "ledger").expect("it exists")["status"].clone();
    let pod = text(
        world.list("Pod").iter().find(|p| text(p, "/metadata/name").starts_with("shop-web-")).expect("a pod"),
        "/metadata/name",
    )
    .to_owned();
    let uid = text(world.get("Pod", "team-alpha", &pod).expect("it exists"), "/metadata/uid").to_owned();
    world.remove("Pod", "team-alpha", &pod);
    story.tick(&mut world, Duration::from_mins(1));
    assert_eq!(world.get("HelmRelease", "team-beta", "ledger").expect("it exists")["status"], before);
    assert_ne!(text(world.get("Pod", "team-alpha", &pod).expect("it came back"), "/metadata/uid"), uid);
}

#[rstest]
#[case(0, [200, 503, 429])]
#[case(100, [429, 503, 503])]
#[case(350, [200, 503, 429])]
#[case(430, [200, 429, 429])]
fn each_openbao_replica_answers_for_itself(#[case] at: u64, #[case] expected: [u16; 3]) {
    let (_, mut world) = tell("platform", 1, &[at]);
    let mut codes = [0; 3];
    for (replica, code) in codes.iter_mut().enumerate() {
        let name = format!("openbao-{replica}");
        let pod = ("openbao", name.as_str(), 8200);
        *code = ask(&mut world, pod, "/v1/sys/health").0;
        let (status, seal) = ask(&mut world, pod, "/v1/sys/seal-status");
        assert_eq!((status, &seal["sealed"], &seal["t"]), (200, &json!(*code == 503), &json!(3)));
        let (status, leader) = ask(&mut world, pod, "/v1/sys/leader");
        assert_eq!(status == 503, *code == 503);
        assert!(*code == 503 || (leader["is_self"] == json!(*code == 200)));
        assert_eq!(ask(&mut world, pod, "/v1/sys/health?sealedcode=200&standbyok=true").0, 200);
        assert_eq!(ask(&mut world, pod, "/v1/sys/ha-status").0, if *code == 503 { 503 } else { 403 });
    }
    assert_eq!(codes, expected);
}

#[test]
fn nothing_listens_on_a_port_that_no_service_has_or_in_a_pod_that_does_not_run() {
    let (_, mut world) = tell("platform", 1, &[]);
    assert!(ask_as(&mut world, ("monitoring", PROMETHEUS.1, 1), "GET", "/", b"").is_none());
    assert!(ask_as(&mut world, ("monitoring", "nobody", 9090), "GET", "/", b"").is_none());
    world.edit("Pod", "openbao", "openbao-0", |pod| {
        pod["status"]["containerStatuses"][0]["state"] = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    });
    assert!(ask_as(&mut world, ("openbao", "openbao-0", 8200), "GET", "/v1/sys/health", b"").is_none());
}

#[test]
fn slopilot_lives_and_names_what_it_waits_for() {
    let (mut story, mut world) = tell("platform", 1, &[]);
    let name = text(
        world.list("Pod").iter().find(|p| text(p, "/metadata/labels/app") == "slopilot-rightsizing").expect("a pod"),
        "/metadata/name",
    )
    .to_owned();
    let pod = ("slopilot", name.as_str(), 8080);
    assert_eq!((ask(&mut world, pod, "/health").0, ask(&mut world, pod, "/ready").0), (200, 200));
    story.tick(&mut world, Duration::from_secs(430));
    let (status, body) = ask(&mut world, pod, "/ready");
    assert_eq!((ask(&mut world, pod, "/health").0, status), (200, 503));
    assert!(text(&body, "/prometheus").contains("unreachable"));
}

#[test]
fn alerts_say_what_the_objects_say() {
    let (_, mut world) = tell("platform", 1, &[]);
    let firing = alert_names(&mut world, "firing");
    let expected = [
        "Watchdog",
        "OpenBaoSealed",
        "KubePodCrashLooping",
        "FluxReconciliationFailure",
        "CertManagerCertNotReady",
        "CertManagerRenewalOverdue",
        "VeleroBackupMissed",
        "KubePersistentVolumeFillingUp",
        "KubeJobFailed",
    ];
    for name in expected {
        assert!(firing.contains(name), "{name} does not fire: {firing:?}");
    }
    assert!(!alert_names(&mut world, "pending").is_empty(), "something is young at the beginning");
    assert!(!firing.contains("OpenBaoQuorumLost"));
    let (_, body) = ask(&mut world, PROMETHEUS, "/api/v1/query?query=ALERTS%7Balertname%3D%22OpenBaoSealed%22%7D");
    assert_eq!(text(&body, "/data/result/0/metric/pod"), "openbao-1");
    let (_, rules) = ask(&mut world, PROMETHEUS, "/api/v1/rules?type=alert&exclude_alerts=true");
    for rule in rules["data"]["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|g| g["rules"].as_array().into_iter().flatten())
    {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert!(rule.get("alerts").is_none());
    }
}

#[test]
fn the_quorum_is_lost_and_found_again_and_secrets_fail_meanwhile() {
    let (mut story, mut world) = tell("platform", 1, &[]);
    let count = |world: &mut World| {
        let (_, body) = ask(
            world,
            PROMETHEUS,
            &format!(
                "/api/v1/query?time={}&query=ALERTS%7Balertname%3D%22OpenBaoQuorumLost%22%7D",
                start().as_second() + 3600
            ),
        );
        body["data"]["result"].as_array().map_or(0, Vec::len)
    };
    let failing = |world: &World| {
        world
            .list("ExternalSecret")
            .iter()
            .filter(|s| condition(s, "Ready").is_some_and(|c| c["reason"] == "SecretSyncedError"))
            .count()
    };
    assert_eq!((count(&mut world), failing(&world)), (0, 0));
    story.tick(&mut world, Duration::from_mins(4));
    assert_eq!((count(&mut world), failing(&world)), (1, 12));
    story.tick(&mut world, Duration::from_secs(400));
    assert_eq!((count(&mut world), failing(&world)), (0, 0));
}

#[rstest]
#[case("min_over_time(sum by(controller)(rate(controller_runtime_reconcile_total{result=\"error\"}[2m]))[3m:30s]) > 0")]
#[case("sum(rate(http_request_errors_total[5m])) / sum(rate(http_request_duration_seconds_count[5m])) > 0.01")]
#[case("sum(rate(http_request_errors_total[30d])) / sum(rate(http_request_duration_seconds_count[30d])) > 0.001")]
#[case("kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes > 0.9")]
#[case("certmanager_certificate_ready_status{condition=\"False\"} == 1")]
#[case("(certmanager_certificate_renewal_timestamp_seconds > 0) < time() - 3600")]
#[case("sum by (namespace) (kube_pod_status_phase{phase=\"Running\"}) > 5")]
#[case("topk(3, sum by (pod) (rate(container_cpu_usage_seconds_total[5m])))")]
#[case("up == 0")]
fn the_profiles_expressions_find_something(#[case] query: &str) {
    let (_, mut world) = tell("platform", 1, &[]);
    let encoded = encode(query);
    let (status, body) = ask(&mut world, PROMETHEUS, &format!("/api/v1/query?query={encoded}"));
    assert_eq!((status, text(&body, "/status")), (200, "success"), "{body}");
    assert!(!body["data"]["result"].as_array().expect("a vector").is_empty(), "{query} finds nothing");
}

#[rstest]
#[case(
    "kube_deployment_status_replicas_available{namespace=\"kubeop-system\",deployment=~\".*admission.*\"} < kube_deployment_spec_replicas"
)]
#[case("histogram_quantile(0.95, sum by(le)(rate(controller_runtime_reconcile_time_seconds_bucket[5m]))) > 60")]
fn expressions_of_what_is_well_find_nothing(#[case] query: &str) {
    let (_, mut world) = tell("quiet", 1, &[]);
    let encoded = encode(query);
    let (status, body) = ask(&mut world, PROMETHEUS, &format!("/api/v1/query?query={encoded}"));
    assert_eq!((status, &body["data"]["result"]), (200, &json!([])));
}

#[rstest]
#[case("/api/v1/query?query=up%7B", 400, "bad_data")]
#[case("/api/v1/query?query=", 400, "bad_data")]
#[case("/api/v1/query?query=predict_linear(up%5B1h%5D,60)", 400, "bad_data")]
#[case("/api/v1/query?query=up&time=soon", 400, "bad_data")]
#[case("/api/v1/query?query=up*on(namespace)up", 422, "execution")]
#[case("/api/v1/query_range?query=up&start=0&end=20000&step=1", 400, "bad_data")]
#[case("/api/v1/query_range?query=up&start=5&end=0&step=1", 400, "bad_data")]
#[case("/api/v1/query_range?query=up&start=0&end=5&step=0", 400, "bad_data")]
#[case("/api/v1/series", 400, "bad_data")]
#[case("/api/v1/label/a-b/values", 400, "bad_data")]
fn prometheus_refuses_with_its_own_codes(#[case] target: &str, #[case] code: u16, #[case] kind: &str) {
    let (_, mut world) = tell("quiet", 1, &[]);
    let (status, body) = ask(&mut world, PROMETHEUS, target);
    assert_eq!((status, text(&body, "/status"), text(&body, "/errorType")), (code, "error", kind), "{body}");
}

#[test]
fn prometheus_answers_ranges_series_labels_and_its_status() {
    let (_, mut world) = tell("platform", 1, &[120]);
    let end = start().as_second() + 120;
    let (_, range) = ask(
        &mut world,
        PROMETHEUS,
        &format!("/api/v1/query_range?query=sum(up)&start={}&end={end}&step=30s", end - 300),
    );
    assert_eq!(range["data"]["result"][0]["values"].as_array().map(Vec::len), Some(11));
    let (_, series) = ask(&mut world, PROMETHEUS, "/api/v1/series?match%5B%5D=vault_core_unsealed");
    assert_eq!(series["data"].as_array().map(Vec::len), Some(3));
    let (_, values) = ask(&mut world, PROMETHEUS, "/api/v1/label/phase/values");
    assert!(values["data"].as_array().is_some_and(|v| v.contains(&json!("Running"))));
    for path in
        ["labels", "targets", "metadata", "status/buildinfo", "status/runtimeinfo", "status/tsdb", "status/flags"]
    {
        let (status, body) = ask(&mut world, PROMETHEUS, &format!("/api/v1/{path}"));
        assert_eq!((status, text(&body, "/status")), (200, "success"), "{path}");
    }
    assert_eq!(ask(&mut world, PROMETHEUS, "/-/ready").0, 200);
    let posted =
        ask_as(&mut world, PROMETHEUS, "POST", "/api/v1/query", b"query=vector(1)&time=5").expect("it listens");
    assert_eq!(
        serde_json::from_slice::<Value>(&posted.body).expect("JSON")["data"]["result"][0]["value"],
        json!([5.0, "1"])
    );
}

#[test]
fn slopilot_s_own_prometheus_knows_only_its_guardrails() {
    let (_, mut world) = tell("platform", 1, &[]);
    let name = text(
        world
            .list("Pod")
            .iter()
            .find(|p| text(p, "/metadata/labels/app") == "slopilot-rightsizing-prometheus-stack-server")
            .expect("a pod"),
        "/metadata/name",
    )
    .to_owned();
    let (_, body) = ask(&mut world, ("slopilot", name.as_str(), 9090), "/api/v1/alerts");
    let names: Vec<&str> =
        body["data"]["alerts"].as_array().into_iter().flatten().map(|a| text(a, "/labels/alertname")).collect();
    assert_eq!(names, ["SLOpilotPrometheusDiskUsageHigh"]);
}

#[test]
fn one_alert_is_silenced_by_a_person_and_one_is_inhibited() {
    let (_, mut world) = tell("platform", 1, &[]);
    let (_, alerts) = ask(&mut world, ALERTMANAGER, "/api/v2/alerts");
    let alerts = alerts.as_array().expect("alerts").clone();
    let by = |field: &str| {
        alerts
            .iter()
            .filter(|a| !a["status"][field].as_array().expect("a list").is_empty())
            .map(|a| text(a, "/labels/alertname"))
            .collect::<BTreeSet<_>>()
    };
    assert!(by("silencedBy").contains("KubePodCrashLooping"), "{:?}", by("silencedBy"));
    assert!(by("inhibitedBy").contains("KubePersistentVolumeFillingUp"), "{:?}", by("inhibitedBy"));
    assert!(alerts.iter().all(|a| text(a, "/labels/cluster") == "sre-prod"));
    let count = |world: &mut World, query: &str| {
        ask(world, ALERTMANAGER, &format!("/api/v2/alerts?{query}")).1.as_array().map_or(0, Vec::len)
    };
    let (all, active) = (count(&mut world, ""), count(&mut world, "silenced=false&inhibited=false"));
    assert_eq!(count(&mut world, "active=false") + active, all);
    assert!(active < all);
    assert_eq!(count(&mut world, "filter=alertname%3D%22Watchdog%22"), 1);
    assert_eq!(ask(&mut world, ALERTMANAGER, "/api/v2/alerts?filter=nonsense").0, 400);
    let (_, groups) = ask(&mut world, ALERTMANAGER, "/api/v2/alerts/groups");
    assert_eq!(
        groups.as_array().into_iter().flatten().map(|g| g["alerts"].as_array().map_or(0, Vec::len)).sum::<usize>(),
        all
    );
}

#[test]
fn a_silence_is_made_seen_by_the_other_replica_and_expired() {
    let (_, mut world) = tell("platform", 1, &[]);
    let body = json!({ "matchers": [{ "name": "alertname", "value": "OpenBaoSealed", "isRegex": false }], "startsAt": "2026-11-21T10:00:00Z", "endsAt": "2026-11-21T11:00:00Z", "createdBy": "carol", "comment": "unsealing" });
    let made =
        ask_as(&mut world, ALERTMANAGER, "POST", "/api/v2/silences", body.to_string().as_bytes()).expect("it listens");
    let id = text(&serde_json::from_slice::<Value>(&made.body).expect("JSON"), "/silenceID").to_owned();
    let other = ("monitoring", "alertmanager-monitoring-kube-prometheus-alertmanager-1", 9093);
    let state = |world: &mut World| {
        text(&ask(world, other, "/api/v2/alerts?filter=alertname%3DOpenBaoSealed").1, "/0/status/state").to_owned()
    };
    assert_eq!((made.status, state(&mut world)), (200, "suppressed".to_owned()));
    assert_eq!(text(&ask(&mut world, other, &format!("/api/v2/silence/{id}")).1, "/status/state"), "active");
    assert_eq!(ask_as(&mut world, other, "DELETE", &format!("/api/v2/silence/{id}"), b"").map(|r| r.status), Some(200));
    assert_eq!(state(&mut world), "active");
    assert_eq!(text(&ask(&mut world, ALERTMANAGER, &format!("/api/v2/silence/{id}")).1, "/status/state"), "expired");
    assert_eq!(ask(&mut world, ALERTMANAGER, "/api/v2/silence/unknown").0, 404);
    for path in ["/api/v2/status", "/api/v2/receivers", "/-/ready"] {
        assert_eq!(ask(&mut world, ALERTMANAGER, path).0, 200, "{path}");
    }
}

#[test]
fn logs_are_there_for_what_ran_and_only_for_that() {
    let (story, world) = tell("platform", 1, &[]);
    let pod = |start: &str| {
        text(
            world.list("Pod").iter().find(|p| text(p, "/metadata/name").starts_with(start)).expect("a pod"),
            "/metadata/name",
        )
        .to_owned()
    };
    let crashed = story.logs(&world, "team-beta", &pod("orders-worker-"), "worker", true).expect("it ran before");
    assert!(crashed.iter().any(|(_, line)| line.starts_with("panic:")));
    assert!(crashed.windows(2).all(|w| w[0].0 <= w[1].0), "oldest first");
    let steady = story.logs(&world, "team-alpha", &pod("shop-web-"), "web", false).expect("it runs");
    assert!(steady.len() > 50 && steady.last().is_some_and(|(at, _)| *at <= start()));
    assert!(story.logs(&world, "team-alpha", &pod("shop-web-"), "web", true).is_none(), "it never ran before");
    assert!(story.logs(&world, "team-alpha", &pod("shop-web-"), "nobody", false).is_none());
}
