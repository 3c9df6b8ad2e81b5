//! What the API server does with the requests that actions make, above all with those that are only tried: the same table
//! against the demo, and against a real cluster. Where both differ, the demo is wrong.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use watchkeeper::actions::ACTIONS;
use watchkeeper::clients::cluster::Cluster;
use watchkeeper::clients::http::Http;
use watchkeeper::config::Settings;

use super::driver::{State, demo};
use super::refusals::line;

const NAMESPACE: &str = "team-alpha";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const DEADLINE: Duration = Duration::from_secs(20);

/// A server that may be changed, by a user who may do everything.
struct Server {
    runtime: tokio::runtime::Runtime,
    cluster: Arc<Cluster>,
}

impl Server {
    fn of(settings: &Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let cluster = runtime.block_on(Cluster::connect(settings, None)).unwrap();
        Self { runtime, cluster: Arc::new(cluster) }
    }

    fn ask(&self, method: Method, path: &str, body: Option<(&'static str, &Value)>) -> (u16, Value) {
        let body = body.map(|(content, body)| (content, Bytes::from(body.to_string())));
        let answer = self.runtime.block_on(Http::api(&self.cluster).request(method, path, body, DEADLINE)).unwrap();
        (answer.status.as_u16(), answer.json().unwrap_or_default())
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None)
    }

    /// Waits for a state; panics when it does not come.
    fn until(&self, what: &str, path: &str, is: impl Fn(u16, &Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let (code, object) = self.get(path);
            if is(code, &object) {
                return object;
            }
            assert!(Instant::now() < end, "{what}: {code} {object}");
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);

/// A Deployment of two pods, made for the test and removed with it.
struct Scratch<'s> {
    server: &'s Server,
    name: String,
}

impl<'s> Scratch<'s> {
    fn new(server: &'s Server) -> Self {
        // tests run in parallel
        let name = format!("contract-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let labels = json!({"app": name});
        let body = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]}}}
        });
        let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments");
        let (code, answer) = server.ask(Method::POST, &path, Some((JSON, &body)));
        assert_eq!(code, 201, "{answer}");
        let scratch = Self { server, name };
        server.until("two pods run", &scratch.deployment(), |_, object| object["status"]["availableReplicas"] == 2);
        scratch
    }

    fn deployment(&self) -> String {
        format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{}", self.name)
    }

    /// One of its pods that is not ending.
    fn pod(&self) -> (String, String) {
        let (_, list) =
            self.server.get(&format!("/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{}", self.name));
        let pods = list["items"].as_array().unwrap();
        let pod = pods.iter().find(|pod| pod["metadata"]["deletionTimestamp"].is_null()).expect("a pod that lives");
        let text = |key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
        (format!("/api/v1/namespaces/{NAMESPACE}/pods/{}", text("name")), text("uid"))
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.server.ask(Method::DELETE, &self.deployment(), None);
    }
}

fn options(uid: &str, dry: bool) -> Value {
    let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}});
    if dry {
        options["dryRun"] = json!(["All"]);
    }
    options
}

/// Every form of a rehearsal that an action can ask for, and the one that is none.
fn rehearsals_are_what_they_seem(server: &Server) {
    let scratch = Scratch::new(server);
    let (pod, uid) = scratch.pod();
    let lives = |what: &str| {
        let (code, object) = server.get(&pod);
        assert_eq!((code, object["metadata"]["uid"].as_str()), (200, Some(&*uid)), "{what}");
        assert!(object["metadata"]["deletionTimestamp"].is_null(), "{what}: it is ending");
    };
    let dry = format!("{pod}?dryRun=All");

    let (code, _) = server.ask(Method::DELETE, &dry, None);
    assert_eq!(code, 200);
    lives("DELETE without a body is tried by its query");
    let (code, _) = server.ask(Method::DELETE, &dry, Some((JSON, &options(&uid, true))));
    assert_eq!(code, 200);
    lives("DELETE with a body is tried by its body");
    let (code, answer) = server.ask(Method::DELETE, &dry, Some((JSON, &options("another", true))));
    assert_eq!((code, answer["reason"].as_str()), (409, Some("Conflict")));

    let eviction = |options: Value| {
        let (_, name) = pod.rsplit_once('/').unwrap();
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAMESPACE},
            "deleteOptions": options})
    };
    let (code, answer) = server.ask(
        Method::POST,
        &format!("{pod}/eviction?fieldManager=contract&dryRun=All"),
        Some((JSON, &eviction(json!({"preconditions": {"uid": uid}})))),
    );
    assert_eq!(code, 201, "{answer}");
    lives("an eviction is tried by its query");

    let deployment = scratch.deployment();
    let before = server.get(&deployment).1;
    for (path, body) in [
        (deployment.clone(), json!({"spec": {"paused": true}})),
        (format!("{deployment}/scale"), json!({"spec": {"replicas": 0}})),
    ] {
        let (code, answer) =
            server.ask(Method::PATCH, &format!("{path}?fieldManager=contract&dryRun=All"), Some((MERGE, &body)));
        assert_eq!(code, 200, "{answer}");
    }
    let after = server.get(&deployment).1;
    assert_eq!(after["spec"], before["spec"], "a patch and a scale are tried by their query");
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);

    let backups = "/apis/velero.io/v1/namespaces/velero/backups";
    let backup = json!({"apiVersion": "velero.io/v1", "kind": "Backup",
        "metadata": {"name": scratch.name, "namespace": "velero"}, "spec": {}});
    let (code, answer) = server.ask(Method::POST, &format!("{backups}?dryRun=All"), Some((JSON, &backup)));
    assert_eq!(code, 201, "{answer}");
    let (code, answer) = server.get(&format!("{backups}/{}", scratch.name));
    assert_eq!((code, answer["kind"].as_str()), (404, Some("Status")), "a creation is tried by its query");

    // and the form that looks like a rehearsal and is none: what the body does not say, the query does not add
    let (code, _) = server.ask(Method::DELETE, &dry, Some((JSON, &options(&uid, false))));
    assert_eq!(code, 200);
    server.until("the pod is deleted for real", &pod, |code, object| {
        code == 404 || !object["metadata"]["deletionTimestamp"].is_null()
    });
}

/// What a guarded request relies on.
fn another_object_is_never_written_to(server: &Server) {
    let scratch = Scratch::new(server);
    let deployment = scratch.deployment();
    let is = server.get(&deployment).1;
    let patch = |metadata: Value| {
        server
            .ask(Method::PATCH, &deployment, Some((MERGE, &json!({"metadata": metadata, "spec": {"paused": true}}))))
            .0
    };
    let (uid, version) = (&is["metadata"]["uid"], &is["metadata"]["resourceVersion"]);
    let wrong = patch(json!({"uid": "another", "resourceVersion": version}));
    assert!(matches!(wrong, 409 | 422), "{wrong}");
    assert_eq!(patch(json!({"uid": uid, "resourceVersion": "1"})), 409);
    assert_eq!(server.get(&deployment).1["spec"]["paused"], Value::Null);
    let (pod, _) = scratch.pod();
    let (code, answer) = server.ask(Method::DELETE, &pod, Some((JSON, &options("another", false))));
    assert_eq!((code, answer["kind"].as_str()), (409, Some("Status")));
    assert_eq!(server.get(&pod).0, 200);
    // what is not there is said by the server itself
    let (code, answer) = server.get(&format!("{deployment}-none"));
    assert_eq!((code, &answer["kind"], &answer["reason"]), (404, &json!("Status"), &json!("NotFound")));
}

const WATCHED: &[&str] = &[
    "/api/v1/pods",
    "/api/v1/nodes",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/helm.toolkit.fluxcd.io/v2/helmreleases",
    "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
    "/apis/source.toolkit.fluxcd.io/v1/gitrepositories",
    "/apis/source.toolkit.fluxcd.io/v1/helmcharts",
    "/apis/cert-manager.io/v1/certificates",
    "/apis/velero.io/v1/backups",
    "/apis/velero.io/v1/restores",
    "/apis/velero.io/v1/schedules",
    "/apis/velero.io/v1/deletebackuprequests",
    "/apis/velero.io/v1/downloadrequests",
    "/apis/external-secrets.io/v1/externalsecrets",
    "/apis/policy/v1/poddisruptionbudgets",
];

/// Of every object what a write would change, by its uid.
fn everything(server: &Server) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for path in WATCHED {
        let (code, list) = server.get(path);
        // a cluster need not have all of them
        if code != 200 {
            continue;
        }
        for object in list["items"].as_array().unwrap() {
            let metadata = &object["metadata"];
            let name = format!("{path} {}/{} {}", metadata["namespace"], metadata["name"], metadata["uid"]);
            let kept = json!([
                metadata["generation"],
                metadata["annotations"],
                metadata["labels"],
                metadata["deletionTimestamp"],
                object["spec"]
            ]);
            all.insert(name, kept);
        }
    }
    all
}

fn changed(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("gone: {name}"));
    let other =
        after.iter().filter(|(name, is)| before.get(*name) != Some(is)).map(|(name, _)| format!("changed: {name}"));
    gone.chain(other).collect()
}

#[test]
fn the_demo_keeps_the_contract() {
    let (demo, state) = (demo("quiet"), State::new());
    let server = Server::of(&state.settings(demo.kubeconfig(), None, ""));
    rehearsals_are_what_they_seem(&server);
    another_object_is_never_written_to(&server);
}

#[test]
fn the_preview_of_every_action_changes_nothing_on_the_demo() {
    let (demo, state) = (demo("quiet"), State::new());
    let server = Server::of(&state.settings(demo.kubeconfig(), None, ""));
    let before = everything(&server);
    for action in ACTIONS {
        state.on(&demo, &format!("{} {} reason=test --dry-run", action.name, line(action.name)));
    }
    assert_eq!(changed(&before, &everything(&server)), Vec::<String>::new());
    assert!(state.audited().is_empty(), "a preview is no plan");
}

/// Tests of the real cluster make and delete objects: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Namespaces of releases that are not ready, as [`everything`] writes them.
fn unready(server: &Server) -> Vec<String> {
    let (_, list) = server.get("/apis/helm.toolkit.fluxcd.io/v2/helmreleases");
    let is_ready = |release: &Value| {
        let conditions = release["status"]["conditions"].as_array();
        conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
    };
    let releases = list["items"].as_array().into_iter().flatten().filter(|release| !is_ready(release));
    let place = |release: &Value| match &release["spec"]["targetNamespace"] {
        Value::String(named) => format!("\"{named}\"/"),
        _ => format!("{}/", release["metadata"]["namespace"]),
    };
    releases.map(place).collect()
}

/// The folder with the kubeconfigs of a real cluster that may be changed.
pub fn folder() -> PathBuf {
    std::env::var_os("WATCHKEEPER_TEST_LAB").expect("WATCHKEEPER_TEST_LAB names a folder of kubeconfigs").into()
}

/// One test at a time changes that cluster.
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lab(identity: &str) -> PathBuf {
    folder().join(format!("{identity}.yaml"))
}

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_LAB=FOLDER cargo test --test actions -- --ignored contract"]
fn a_real_server_keeps_the_contract() {
    let _alone = alone();
    let state = State::new();
    let server = Server::of(&state.settings(&lab("admin"), None, ""));
    rehearsals_are_what_they_seem(&server);
    another_object_is_never_written_to(&server);
}

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_LAB=FOLDER cargo test --test actions -- --ignored contract"]
fn the_preview_of_every_action_changes_nothing_on_a_real_server() {
    let _alone = alone();
    let state = State::new();
    let server = Server::of(&state.settings(&lab("admin"), None, ""));
    let scratch = Scratch::new(&server);
    let (pod, _) = scratch.pod();
    let pod = format!("pod/{NAMESPACE}/{}", pod.rsplit('/').next().unwrap());
    let deployment = format!("deploy/{NAMESPACE}/{}", scratch.name);
    let targets = |action: &str| match action {
        "suspend" | "reconcile" | "reconcile-with-source" | "force" | "reset" | "emergency-restart" | "rollback" => {
            "hr/flux-system/istio-base".to_owned()
        }
        "resume" => "hr/flux-system/logging".to_owned(),
        "recover" => "hr/team-alpha/ledger".to_owned(),
        "restart" | "pause-rollout" | "resume-rollout" | "undo-rollout" => deployment.clone(),
        "scale" => format!("{deployment} replicas=5"),
        "delete-pod" | "evict" => pod.clone(),
        "renew" => "cert/team-alpha/web-tls".to_owned(),
        "cordon" | "uncordon" => "node/n07".to_owned(),
        "drain" => "node/n07 delete-emptydir-data=yes unmanaged=yes leave-unevictable=yes".to_owned(),
        "backup" | "pause-schedule" | "unpause-schedule" => "schedule/velero/daily-backup".to_owned(),
        "silence" => format!(r#"{deployment} matchers=alertname="X""#),
        // no such object, or no such controller, is there
        _ => String::new(),
    };
    let before = everything(&server);
    let mut tried = Vec::new();
    for action in ACTIONS {
        let target = targets(action.name);
        if target.is_empty() {
            continue;
        }
        let seen = State::run(
            state.settings(&lab("sre"), None, ""),
            &format!("{} {target} reason=test --dry-run", action.name),
        );
        tried.push(format!("{} -> {}", action.name, seen.code));
    }
    println!("tried: {}", tried.join(", "));
    let mut moved = changed(&before, &everything(&server));
    // what Flux installs and rolls back meanwhile by itself
    let busy = unready(&server);
    moved.retain(|told| {
        !(told.contains("/pods ") || told.contains("/apis/apps/")) || !busy.iter().any(|n| told.contains(n))
    });
    assert!(moved.is_empty(), "{}", moved.join("\n"));
    assert!(tried.iter().filter(|line| line.ends_with("-> 0")).count() > 12, "too few were possible: {tried:?}");
}
