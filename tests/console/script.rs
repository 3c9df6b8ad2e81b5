//! An API server that answers as a test says: pods and namespaces, and whatever else a hook puts in their place. It
//! keeps what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub query: String,
    pub token: String,
}

impl Asked {
    pub fn is_watch(&self) -> bool {
        self.query.contains("watch=")
    }

    /// The list of all pods, or its watch.
    pub fn is_pods(&self) -> bool {
        self.path == "/api/v1/pods"
    }

    pub fn version(&self) -> u64 {
        let given = self.query.split('&').find_map(|part| part.strip_prefix("resourceVersion="));
        given.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// What a hook does in place of the ordinary answer.
pub enum Instead {
    Status(u16, Value),
    Html(u16),
    /// A watch that ends as soon as it has begun.
    Ended,
}

impl Instead {
    pub fn status(code: u16, reason: &str) -> Self {
        Self::Status(code, json!({"message": format!("a test says {reason}"), "reason": reason}))
    }

    /// As an API server says that it has not come to this position.
    pub fn ahead() -> Self {
        let causes = json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]);
        Self::Status(504, json!({"message": "Timeout", "reason": "Timeout", "details": {"causes": causes}}))
    }
}

type Hook = Box<dyn Fn(&Asked) -> Option<Instead> + Send>;

#[derive(Default)]
struct State {
    version: u64,
    pods: BTreeMap<String, Value>,
    history: Vec<(u64, &'static str, Value)>,
    hook: Option<Hook>,
    asked: Vec<Asked>,
}

/// The server, and a kubeconfig for it.
pub struct Script {
    state: Arc<Mutex<State>>,
    /// Counts what makes watches look up: changes, and cuts in the upper half.
    pulse: watch::Sender<u64>,
    running: Option<(tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>)>,
    address: std::net::SocketAddr,
    folder: tempfile::TempDir,
}

const CUT: u64 = 1 << 32;

impl Script {
    /// Two pods, `web-0` and `web-1`, in the namespace `shop`.
    pub fn start() -> Self {
        let mut state = State { version: 1000, ..State::default() };
        for name in ["web-0", "web-1"] {
            state.put(name);
        }
        let folder = tempfile::tempdir().unwrap();
        let (pulse, _) = watch::channel(0);
        let mut script = Self {
            state: Arc::new(Mutex::new(state)),
            pulse,
            running: None,
            address: ([127, 0, 0, 1], 0).into(),
            folder,
        };
        script.listen();
        script.write_kubeconfig("t0");
        script
    }

    /// Opens the socket, on the port of before if there was one.
    pub fn listen(&mut self) {
        let socket = std::net::TcpListener::bind(self.address).unwrap();
        socket.set_nonblocking(true).unwrap();
        self.address = socket.local_addr().unwrap();
        let (state, pulse) = (self.state.clone(), self.pulse.clone());
        let router = Router::new().fallback(move |request: Request| {
            let (state, pulse) = (state.clone(), pulse.subscribe());
            async move { answer(&state, pulse, &request) }
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(socket).unwrap();
                tokio::select! {
                    served = async { axum::serve(listener, router).await } => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        self.running = Some((stop, thread));
    }

    /// Is gone, with all its connections.
    pub fn close(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            let _ = stop.send(());
            thread.join().unwrap();
        }
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub fn write_kubeconfig(&self, token: &str) {
        self.write_kubeconfig_to(&format!("{{server: \"http://{}\"}}", self.address), &format!("{{token: {token}}}"));
    }

    /// As a cluster and a user of a kubeconfig, in flow YAML.
    pub fn write_kubeconfig_to(&self, cluster: &str, user: &str) {
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n"
        );
        // whole or not at all, as tools write it
        let other = self.folder.path().join("new");
        std::fs::write(&other, text).unwrap();
        std::fs::rename(other, self.kubeconfig()).unwrap();
    }

    /// The same server behind TLS, as a cluster of a kubeconfig.
    pub fn secure(&self) -> String {
        crate::tls::secure(self.address)
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn hook(&self, hook: impl Fn(&Asked) -> Option<Instead> + Send + 'static) {
        self.state.lock().unwrap().hook = Some(Box::new(hook));
    }

    pub fn unhook(&self) {
        self.state.lock().unwrap().hook = None;
    }

    /// Adds or changes a pod.
    pub fn put(&self, name: &str) {
        self.state.lock().unwrap().put(name);
        self.pulse.send_modify(|pulse| *pulse += 1);
    }

    /// Takes a pod away without a word, and goes to this version: what a restore does.
    pub fn restore(&self, version: u64, gone: &str) {
        let mut state = self.state.lock().unwrap();
        state.pods.remove(gone);
        state.history.clear();
        state.version = version;
    }

    /// Ends every watch that is open.
    pub fn cut(&self) {
        self.pulse.send_modify(|pulse| *pulse += CUT);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    pub fn forget(&self) {
        self.state.lock().unwrap().asked.clear();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn put(&mut self, name: &str) {
        self.version += 1;
        let kind = if self.pods.contains_key(name) { "MODIFIED" } else { "ADDED" };
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"),
                "resourceVersion": self.version.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i:1"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "c", "ready": true, "restartCount": 0, "state": {"running": {}}}]},
        });
        self.pods.insert(name.to_owned(), pod.clone());
        self.history.push((self.version, kind, pod));
    }
}

fn respond(code: u16, kind: &str, body: impl Into<Body>) -> Response {
    Response::builder().status(code).header("content-type", kind).body(body.into()).unwrap()
}

fn answer(state: &Arc<Mutex<State>>, pulse: watch::Receiver<u64>, request: &Request) -> Response {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = Asked {
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        token: header("authorization").trim_start_matches("Bearer ").to_owned(),
    };
    let mut locked = state.lock().unwrap();
    locked.asked.push(asked.clone());
    let instead = locked.hook.as_ref().and_then(|hook| hook(&asked));
    let json = |code: u16, body: Value| respond(code, "application/json", body.to_string());
    match instead {
        Some(Instead::Status(code, mut body)) => {
            body["kind"] = "Status".into();
            body["apiVersion"] = "v1".into();
            body["status"] = "Failure".into();
            body["code"] = code.into();
            return json(code, body);
        }
        Some(Instead::Html(code)) => return respond(code, "text/html; charset=utf-8", "<html>Sign in</html>"),
        Some(Instead::Ended) => return respond(200, "application/json", ""),
        None => {}
    }
    let version = locked.version.to_string();
    let list = |kind: &str, items: Vec<Value>| {
        json(200, json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items}))
    };
    let served = |plural: &str, kind: &str, scope: &str| json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope});
    match asked.path.as_str() {
        "/version" => json(200, json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})),
        "/readyz" => respond(200, "text/plain", "ok"),
        "/api" => {
            let resources = [
                served("pods", "Pod", "Namespaced"),
                served("namespaces", "Namespace", "Cluster"),
                served("nodes", "Node", "Cluster"),
            ];
            let group = json!({"metadata": {"name": ""}, "versions": [{"version": "v1", "freshness": "Current", "resources": resources}]});
            json(200, json!({"kind": "APIGroupDiscoveryList", "items": [group]}))
        }
        "/apis" => json(200, json!({"kind": "APIGroupDiscoveryList", "items": []})),
        "/api/v1/pods" if asked.is_watch() => {
            drop(locked);
            watching(state.clone(), pulse, asked.version(), "pods")
        }
        "/api/v1/nodes" if asked.is_watch() => {
            drop(locked);
            watching(state.clone(), pulse, asked.version(), "nodes")
        }
        "/api/v1/pods" => list("PodList", locked.pods.values().cloned().collect()),
        "/api/v1/nodes" => list("NodeList", Vec::new()),
        "/api/v1/namespaces" => {
            let named = |name: &str| json!({"metadata": {"name": name}});
            list("NamespaceList", vec![named("shop"), named("bank")])
        }
        "/api/v1/namespaces/shop" => json(200, json!({"metadata": {"name": "shop"}})),
        _ => json(
            404,
            json!({"kind": "Status", "apiVersion": "v1", "code": 404, "reason": "NotFound", "message": "not here"}),
        ),
    }
}

/// What has happened since a version, and what happens, until the watch is cut. Nothing is said of what comes before it.
fn watching(state: Arc<Mutex<State>>, mut pulse: watch::Receiver<u64>, since: u64, what: &'static str) -> Response {
    let cut = *pulse.borrow_and_update() / CUT;
    let frames = futures::stream::unfold((since, pulse, false), move |(mut seen, mut pulse, over)| {
        let state = state.clone();
        async move {
            loop {
                if over || *pulse.borrow() / CUT != cut {
                    return None;
                }
                let new: Vec<String> = if what == "pods" {
                    let state = state.lock().unwrap();
                    let later = state.history.iter().filter(|(version, ..)| *version > seen);
                    later.map(|(_, kind, object)| format!(r#"{{"type":"{kind}","object":{object}}}"#)).collect()
                } else {
                    Vec::new()
                };
                if !new.is_empty() {
                    seen = seen.max(state.lock().unwrap().version);
                    let text = new.join("\n") + "\n";
                    return Some((Ok::<_, Infallible>(Bytes::from(text)), (seen, pulse, false)));
                }
                let waited = tokio::time::timeout(Duration::from_secs(120), pulse.changed()).await;
                if !matches!(waited, Ok(Ok(()))) {
                    return None;
                }
                pulse.borrow_and_update();
            }
        }
    });
    respond(200, "application/json", Body::from_stream(frames))
}
