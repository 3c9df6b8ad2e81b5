//! Connections end to end, over loopback: kubeconfig files, credentials and their renewal, plugins, what answers say
//! besides their bodies, service proxies, discovery, and the words for everything that fails.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]
#![expect(
    clippy::disallowed_methods,
    reason = "waits and the validity of what a test issues are measured in real time"
)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use watchkeeper::clients::api::{self, Found};
use watchkeeper::clients::bounds::{self, Exceeded};
use watchkeeper::clients::errors::TlsProblem;
use watchkeeper::clients::exec::{Plugin, PluginError, Said};
use watchkeeper::clients::http::{Endpoint, ProxyTarget};
use watchkeeper::clients::{Cluster, ConnectError, Http, LoginNeeded, RequestError, discovery, instances, kubeconfig};
use watchkeeper::config::env::Env;
use watchkeeper::config::{Request as Load, Service, ServiceName, Settings};
use watchkeeper::domain::record::Uid;
use watchkeeper::domain::reply::Standing;
use watchkeeper::effects::{namespaces, read};

#[path = "connect/by_url.rs"]
mod by_url;

const SOON: Duration = Duration::from_secs(20);

fn settings(env: &[(&str, &str)], text: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    Settings::load(Load { file: Some(file), env: env.iter().copied().collect(), ..Load::default() }).unwrap()
}

/// A server that gives scripted answers and remembers what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Server {
    async fn start(answer: impl Fn(&str, &HeaderMap) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        let router = Router::new().fallback(move |request: Request| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let path = request.uri().path_and_query().unwrap().to_string();
                log.lock().unwrap().push((path.clone(), request.headers().clone()));
                if path.ends_with("/hang") {
                    std::future::pending::<()>().await;
                }
                answer(&path, request.headers())
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, asked }
    }

    /// One that says yes to everything.
    async fn friendly() -> Self {
        Self::start(|_, _| json(200, VERSION)).await
    }

    fn paths(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }

    fn headers(&self, index: usize) -> HeaderMap {
        self.asked.lock().unwrap()[index].1.clone()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same server behind TLS, as a cluster of a kubeconfig (flow YAML).
    fn secure(&self) -> String {
        let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/ca.pem");
        format!("{{server: \"https://{}\", certificate-authority: \"{ca}\"}}", tls_front(self.address))
    }
}

/// Takes TLS off in front of a server: one request for each connection.
fn tls_front(upstream: SocketAddr) -> SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read, Write};
    drop(rustls::crypto::ring::default_provider().install_default());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    let chain = vec![CertificateDer::from_pem_file(data.join("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(data.join("server.key")).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || -> std::io::Result<()> {
                let session = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
                let mut tls = rustls::StreamOwned::new(session, stream?);
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    tls.read_exact(&mut byte)?;
                    head.push(byte[0]);
                }
                head.truncate(head.len() - 2);
                head.extend(b"connection: close\r\n\r\n");
                let mut plain = std::net::TcpStream::connect(upstream)?;
                plain.write_all(&head)?;
                std::io::copy(&mut plain, &mut tls)?;
                tls.conn.send_close_notify();
                tls.flush()
            });
        }
    });
    address
}

const VERSION: &str = r#"{"major":"1","minor":"36+","gitVersion":"v1.36.2"}"#;

fn json(code: u16, body: &str) -> Response {
    response(code, &[("content-type", "application/json")], body.to_owned())
}

fn response(code: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

fn status(code: u16, reason: &str, message: &str) -> Response {
    json(
        code,
        &format!(
            r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}"#
        ),
    )
}

/// A folder with a kubeconfig whose context `c` leads to `server` as the user that `user` describes (flow YAML).
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new(server: &str, user: &str) -> Self {
        Self::with_cluster(&format!("{{server: \"{server}\"}}"), user)
    }

    fn with_cluster(cluster: &str, user: &str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster: {cluster}\n\
             contexts:\n- name: c\n  context: {{cluster: k, user: u, namespace: shop}}\nusers:\n- name: u\n  user: {user}\n"
        );
        std::fs::write(home.path("config"), text).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        std::fs::write(&path, format!("#!/bin/sh\ncd {}\n{text}\n", self.folder.path().display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn settings(&self) -> Settings {
        settings(&[("KUBECONFIG", self.path("config").to_str().unwrap())], "")
    }

    async fn connect(&self) -> Result<Cluster, ConnectError> {
        Cluster::connect(&self.settings(), None).await
    }
}

/// A home whose user is a plugin: `script` runs in the home's folder.
fn plugin_home(cluster: &str, script: &str) -> Home {
    let home = Home::with_cluster(cluster, "{}");
    let path = home.script("plugin", script);
    let with_plugin = std::fs::read_to_string(home.path("config")).unwrap().replace(
        "user: {}",
        &format!(
            "user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: \"{path}\", interactiveMode: IfAvailable, \
             args: [get-token], env: [{{name: FLAVOUR, value: sweet}}]}}}}"
        ),
    );
    std::fs::write(home.path("config"), with_plugin).unwrap();
    home
}

const TOKEN_BY_COUNT: &str = r#"echo run >> runs
printf '{"kind":"ExecCredential","status":{"token":"token-%s"}}' "$(wc -l < runs | tr -d ' ')""#;

fn runs(home: &Home) -> usize {
    std::fs::read_to_string(home.path("runs")).unwrap_or_default().lines().count()
}

// ---- kubeconfig files

fn kubeconfig_text(current: &str, context: &str, cluster: Option<&str>) -> String {
    let clusters =
        cluster.map(|name| format!("clusters: [{{name: {name}, cluster: {{server: \"https://{name}:6443\"}}}}]\n"));
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {current}\n{}contexts: [{{name: {context}, context: {{cluster: one, user: u}}}}]\n",
        clusters.unwrap_or_default()
    )
}

fn listed(folder: &Path, files: &[(&str, &str)]) -> kubeconfig::Kubeconfigs {
    let mut paths = vec![folder.join("not-there")];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
        paths.push(folder.join(name));
    }
    let list = std::env::join_paths(paths).unwrap().into_string().unwrap();
    kubeconfig::load(&settings(&[("KUBECONFIG", &list)], ""))
}

#[test]
fn listed_files_are_merged_the_first_wins_and_missing_ones_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let known = listed(
        folder.path(),
        &[
            ("a", &kubeconfig_text("first", "first", None)),
            ("b", &kubeconfig_text("second", "second", Some("one"))),
            ("c", &kubeconfig_text("third", "first", Some("two"))),
        ],
    );
    assert_eq!(known.problems, []);
    assert_eq!(known.current.as_deref(), Some("first"));
    let names: Vec<_> =
        known.contexts.iter().map(|context| (context.name.as_str(), context.file.file_name().unwrap())).collect();
    assert_eq!(names, [("first", "a".as_ref()), ("second", "b".as_ref())]);
    assert_eq!(known.contexts[0].server.as_deref(), Some("https://one:6443"), "its cluster is in a later file");
    assert_eq!(known.target(None).unwrap().server, "https://one:6443");
}

#[test]
fn a_malformed_file_is_named_with_its_line_and_the_others_stay_usable() {
    let folder = tempfile::tempdir().unwrap();
    let broken = "apiVersion: v1\nkind: Config\nusers:\n- name: v\n  user: \"hunter2\"\n";
    let known = listed(folder.path(), &[("broken", broken), ("good", &kubeconfig_text("x", "x", Some("one")))]);
    assert!(known.target(Some("x")).is_ok());
    let [problem] = &known.problems[..] else { panic!("{:?}", known.problems) };
    assert_eq!((problem.path.file_name().unwrap(), problem.at.map(|at| at.0)), ("broken".as_ref(), Some(5)));
    assert!(!problem.to_string().contains("hunter2"), "{problem}");
    let known = listed(folder.path(), &[("torn", "contexts: [\n  {name: \"a\n")]);
    assert!(known.problems[0].at.is_some() && known.contexts.is_empty());
}

#[tokio::test]
async fn a_missing_context_lists_those_that_exist() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let error = Cluster::connect(&home.settings(), Some("prod")).await.unwrap_err();
    assert_eq!(error, ConnectError::NoContext { name: "prod".into(), known: vec!["c".into()], problems: vec![] });
    assert_eq!(error.headline(), "no context named \"prod\"");
    assert_eq!(error.detail(), "contexts: c");
}

#[tokio::test]
async fn without_any_kubeconfig_the_places_that_were_looked_at_are_named() {
    let error = Cluster::connect(&settings(&[("HOME", "/nonexistent")], ""), None).await.unwrap_err();
    assert_eq!(error.headline(), "no kubeconfig");
    assert!(error.detail().contains("/nonexistent/.kube/config"), "{error}");
    let asked = settings(&[], "kubeconfig = \"/nonexistent/config\"");
    let error = Cluster::connect(&asked, None).await.unwrap_err();
    assert_eq!(error.detail(), "/nonexistent/config: does not exist");
}

#[tokio::test]
async fn a_context_without_its_cluster_or_with_an_unreadable_authority_says_what_is_missing() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let text = std::fs::read_to_string(home.path("config")).unwrap();
    std::fs::write(home.path("config"), text.replace("name: k\n", "name: other\n")).unwrap();
    let error = home.connect().await.unwrap_err();
    assert_eq!(error.detail(), "its cluster \"k\" is not defined in any kubeconfig file");
    let home = Home::with_cluster("{server: \"https://127.0.0.1:1\", certificate-authority: nowhere.pem}", "{}");
    let error = home.connect().await.unwrap_err();
    assert!(error.detail().starts_with("certificate-authority: ") && error.detail().contains("nowhere.pem"), "{error}");
}

// ---- connecting

#[tokio::test]
async fn a_connection_says_who_we_are_and_learns_the_version() {
    let server = Server::friendly().await;
    let cluster = Home::with_cluster(&server.secure(), "{token: t0ken}").connect().await.unwrap();
    assert_eq!(cluster.version.as_ref().unwrap().numbers(), Some((1, 36)));
    assert_eq!((cluster.context.as_str(), cluster.user.as_str(), cluster.namespace.as_str()), ("c", "u", "shop"));
    assert!(!cluster.insecure && !cluster.withheld);
    let headers = server.headers(0);
    assert_eq!(headers["authorization"], "Bearer t0ken");
    assert_eq!(headers["user-agent"], concat!("watchkeeper/", env!("CARGO_PKG_VERSION")));
    assert_eq!(headers["accept-encoding"], "gzip");
    assert!(!format!("{cluster:?}").contains("t0ken"));
}

#[tokio::test]
async fn flags_impersonate() {
    let server = Server::friendly().await;
    let home = Home::with_cluster(&server.secure(), "{username: alice, password: secret, as: someone-else}");
    let kubeconfig = home.path("config");
    let env =
        [("KUBECONFIG", kubeconfig.to_str().unwrap()), ("WATCHKEEPER_AS", "bob"), ("WATCHKEEPER_AS_GROUPS", "a,b")];
    Cluster::connect(&settings(&env, ""), None).await.unwrap();
    let headers = server.headers(0);
    assert_eq!(headers["authorization"], "Basic YWxpY2U6c2VjcmV0");
    assert_eq!(headers["impersonate-user"], "bob");
    assert_eq!(headers.get_all("impersonate-group").iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn a_user_name_without_a_password_is_sent_with_an_empty_one() {
    let server = Server::friendly().await;
    Home::with_cluster(&server.secure(), "{username: alice}").connect().await.unwrap();
    assert_eq!(server.headers(0)["authorization"], "Basic YWxpY2U6");
}

#[rstest]
#[case::token("{token: t0ken}")]
#[case::basic("{username: alice, password: t0ken}")]
#[case::file("{tokenFile: /etc/hostname}")]
#[case::provider("{auth-provider: {name: oidc, config: {id-token: t0ken}}}")]
#[tokio::test]
async fn no_login_goes_out_over_http_and_that_is_said(#[case] user: &str) {
    let server = Server::friendly().await;
    let user = format!("{}, as: bob}}", &user[..user.len() - 1]);
    let cluster = Home::new(&server.url(), &user).connect().await.unwrap();
    Http::api(&cluster).get("/healthz", SOON).await.unwrap();
    cluster.read.request_text(http::Request::get("/api/v1/pods").body(vec![]).unwrap()).await.unwrap();
    for at in 0..3 {
        assert!(!server.headers(at).contains_key("authorization"), "{:?}", server.headers(at));
        assert_eq!(server.headers(at)["impersonate-user"], "bob", "kubectl sends it, too");
    }
    assert!(cluster.withheld);
}

#[tokio::test]
async fn a_plugin_is_not_run_for_an_http_address_and_a_refusal_says_why() {
    let server = Server::start(|_, _| status(401, "Unauthorized", "Unauthorized")).await;
    let home = plugin_home(&format!("{{server: \"{}\"}}", server.url()), TOKEN_BY_COUNT);
    let error = home.connect().await.unwrap_err();
    assert!(error.detail().contains("was not sent") && error.detail().contains("https://"), "{error:?}");
    assert_eq!((runs(&home), server.paths().len()), (0, 1));
}

#[tokio::test]
async fn a_server_without_a_scheme_is_asked_over_tls_where_an_authority_is_given() {
    let server = Server::friendly().await;
    let home = Home::with_cluster(&server.secure().replace("https://", ""), "{token: t0ken}");
    home.connect().await.unwrap();
    assert_eq!(server.headers(0)["authorization"], "Bearer t0ken");
}

#[tokio::test]
async fn a_password_in_the_servers_address_is_not_shown() {
    let server = Server::friendly().await;
    let home = Home::new(&server.url().replace("http://", "http://alice:hunter2@"), "{}");
    let cluster = home.connect().await.unwrap();
    assert!(!format!("{cluster:?} {}", cluster.server).contains("hunter2"), "{cluster:?}");
    assert!(cluster.server.contains(&server.address.to_string()));
}

#[tokio::test]
async fn a_refused_connection_is_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let error = Home::new(&format!("http://{address}"), "{}").connect().await.unwrap_err();
    assert_eq!(error, ConnectError::Request(RequestError::Refused));
}

#[tokio::test]
async fn a_server_without_tls_is_told_apart() {
    let server = Server::friendly().await;
    let home = Home::with_cluster(
        &format!("{{server: \"https://{}\", insecure-skip-tls-verify: true}}", server.address),
        "{}",
    );
    let error = home.connect().await.unwrap_err();
    assert_eq!(error, ConnectError::Request(RequestError::Tls(TlsProblem::NotTls)));
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await;
        }
    });
    let error = Home::new(&format!("http://{address}"), "{}").connect().await.unwrap_err();
    assert_eq!(error, ConnectError::Request(RequestError::Closed));
}

#[rstest]
#[case::untrusted(rustls::CertificateError::UnknownIssuer, TlsProblem::Untrusted, "certificate-authority")]
#[case::expired(rustls::CertificateError::Expired, TlsProblem::Expired, "clock")]
#[case::name(rustls::CertificateError::NotValidForName, TlsProblem::WrongName, "tls-server-name")]
fn a_bad_certificate_names_the_option_that_helps(
    #[case] error: rustls::CertificateError,
    #[case] expected: TlsProblem,
    #[case] names: &str,
) {
    let tls = rustls::Error::InvalidCertificate(error);
    let wrapped = kube::Error::Service(Box::new(std::io::Error::other(tls)));
    let sorted = RequestError::from_kube(&wrapped);
    assert_eq!(sorted, RequestError::Tls(expected));
    assert!(sorted.detail().contains(names), "{}", sorted.detail());
}

#[tokio::test]
async fn an_insecure_cluster_says_so() {
    let server = Server::friendly().await;
    let cluster = format!("{{server: \"{}\", insecure-skip-tls-verify: true}}", server.url());
    assert!(Home::with_cluster(&cluster, "{}").connect().await.unwrap().insecure);
}

#[tokio::test]
async fn a_server_that_forbids_its_version_is_connected_all_the_same() {
    let server = Server::start(|_, _| status(403, "Forbidden", "no")).await;
    assert_eq!(Home::new(&server.url(), "{}").connect().await.unwrap().version, None);
}

// ---- proxies

/// An HTTP proxy that knows CONNECT; `answers` are its first lines, then it lets everything through.
async fn connect_proxy(answers: &[&str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://us%3Aer:pa%40ss@{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut answers: VecDeque<String> = answers.iter().map(ToString::to_string).collect();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let target = head.split(' ').nth(1).unwrap().to_owned();
            log.lock().unwrap().push(head);
            if let Some(answer) = answers.pop_front() {
                stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
                continue;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut upstream = tokio::net::TcpStream::connect(target).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut upstream).await });
        }
    });
    (url, seen)
}

#[tokio::test]
async fn the_clusters_proxy_is_used_with_its_login_and_its_refusal_is_told_apart() {
    let server = Server::friendly().await;
    let (proxy, seen) = connect_proxy(&["407 Proxy Authentication Required"]).await;
    let home = Home::with_cluster(&format!("{{server: \"{}\", proxy-url: \"{proxy}\"}}", server.url()), "{}");
    let error = home.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Request(RequestError::Proxy(_))), "{error:?}");
    home.connect().await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen[1].starts_with(&format!("CONNECT {}", server.address)), "{seen:?}");
    // us:er:pa@ss
    assert!(
        seen[1].to_lowercase().contains("proxy-authorization: basic dXM6ZXI6cGFAc3M=".to_lowercase().as_str()),
        "{seen:?}"
    );
}

// ---- plugins

#[tokio::test]
async fn a_plugin_gets_no_terminal_and_its_token_is_used_for_all_requests() {
    let server = Server::friendly().await;
    let script = format!(
        "{TOKEN_BY_COUNT}\n(if read -r line; then echo input; else echo no input; fi\n\
         if (: < /dev/tty) 2>/dev/null; then echo terminal; else echo no terminal; fi\n\
         echo \"$1 $FLAVOUR $KUBERNETES_EXEC_INFO\") > facts"
    );
    let home = plugin_home(&server.secure(), &script);
    let cluster = home.connect().await.unwrap();
    for _ in 0..3 {
        Http::api(&cluster).get("/healthz", SOON).await.unwrap();
    }
    assert_eq!(runs(&home), 1);
    assert!((0..4).all(|index| server.headers(index)["authorization"] == "Bearer token-1"));
    let facts = std::fs::read_to_string(home.path("facts")).unwrap();
    let lines: Vec<_> = facts.lines().collect();
    assert_eq!(&lines[..2], ["no input", "no terminal"]);
    let info = lines[2].strip_prefix("get-token sweet ").expect(lines[2]);
    let info: serde_json::Value = serde_json::from_str(info).unwrap();
    assert_eq!((&info["kind"], &info["spec"]["interactive"]), (&"ExecCredential".into(), &false.into()));
}

/// The keepalive timers of connections to this port, in seconds until the next probe, as the kernel tells them.
#[cfg(target_os = "linux")]
fn keepalives(port: u16) -> Vec<f64> {
    let hertz = 100.0;
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // remote address, state (01: established), timer (02: keepalive) and when it fires
    let ours = fields.filter(|f| f[2].ends_with(&format!(":{port:04X}")) && f[3] == "01");
    let timers = ours.filter_map(|f| f[5].strip_prefix("02:").map(|when| u32::from_str_radix(when, 16).unwrap()));
    timers.map(|ticks| f64::from(ticks) / hertz).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_peer_that_vanishes_is_looked_for_within_seconds() {
    let server = Server::friendly().await;
    let home = Home::new(&server.url(), "{}");
    let cluster = home.connect().await.unwrap();
    Http::api(&cluster).get("/healthz", SOON).await.unwrap();
    let timers = keepalives(server.address.port());
    assert!(!timers.is_empty(), "the connection is kept open, and it is watched");
    assert!(timers.iter().all(|seconds| *seconds <= 10.0), "{timers:?}: the first of three probes, 3 s apart");
}

#[tokio::test]
async fn a_token_that_is_over_as_soon_as_it_is_issued_does_not_run_its_plugin_for_each_request() {
    let server = Server::friendly().await;
    let script = r#"echo run >> runs
printf '{"status":{"token":"t","expirationTimestamp":"2020-01-01T00:00:00Z"}}'"#;
    let home = plugin_home(&server.secure(), script);
    let cluster = home.connect().await.unwrap();
    let before = runs(&home);
    for _ in 0..3 {
        Http::api(&cluster).get("/healthz", SOON).await.unwrap();
    }
    assert_eq!(runs(&home), before, "the server takes it, whatever this machine's clock says");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_request_sent_again() {
    let server = Server::start(|_, headers| match headers["authorization"].to_str().unwrap() {
        "Bearer token-2" => json(200, VERSION),
        _ => status(401, "Unauthorized", "Unauthorized"),
    })
    .await;
    let home = plugin_home(&server.secure(), TOKEN_BY_COUNT);
    let cluster = home.connect().await.unwrap();
    assert_eq!((runs(&home), server.paths().len(), cluster.stats.renewals()), (2, 3, 1));
}

#[tokio::test]
async fn a_server_that_refuses_every_token_ends_in_a_login_hint_not_in_a_loop() {
    let server = Server::start(|_, _| status(401, "Unauthorized", "Unauthorized")).await;
    let home = plugin_home(&server.secure(), TOKEN_BY_COUNT);
    let error = home.connect().await.unwrap_err();
    assert_eq!(error, ConnectError::Request(RequestError::Unauthorized));
    assert_eq!(error.headline(), "not logged in");
    assert_eq!((runs(&home), server.paths().len()), (2, 2));
}

#[tokio::test]
async fn a_failing_plugin_shows_its_words_and_a_hint() {
    let home = plugin_home("{server: \"https://127.0.0.1:1\"}", "printf 'session \\033[31mexpired\\n' >&2; exit 7");
    let error = home.connect().await.unwrap_err();
    let ConnectError::Request(RequestError::Login(LoginNeeded { context, why, output, hint, costly: true })) = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(context, "c");
    assert!(why.ends_with("failed with exit code 7"), "{why}");
    assert_eq!(output, "session ␛[31mexpired");
    assert!(hint.contains("kubectl --context c"), "{hint}");
}

#[tokio::test]
async fn a_plugin_that_is_not_installed_shows_the_install_hint() {
    let exec =
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, installHint: get it somewhere}}";
    let error = Home::new("https://127.0.0.1:1", exec).connect().await.unwrap_err();
    let detail = error.detail();
    assert!(detail.starts_with("the credential plugin no-such-plugin is not installed; get it somewhere"), "{detail}");
}

fn plugin(home: &Home, script: &str, deadline: Duration) -> Plugin {
    let command = Some(home.script("plugin", script));
    let config = kube::config::ExecConfig { command, ..Default::default() };
    Plugin { config, cluster: None, deadline, patience: deadline, said: Said::default() }
}

fn alive(pid: &str) -> bool {
    // A killed process stays as a zombie until its parent has looked; it does nothing any more.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !matches!(stat.rsplit(')').next().unwrap_or_default().trim().chars().next(), None | Some('Z' | 'X'))
}

async fn gone(pid: &str) {
    let deadline = Instant::now() + SOON;
    while alive(pid) {
        assert!(Instant::now() < deadline, "process {pid} is still alive");
        tokio::task::yield_now().await;
    }
}

async fn written(path: &Path) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text.trim().to_owned();
        }
        assert!(Instant::now() < deadline, "{} was not written", path.display());
        tokio::task::yield_now().await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_plugin_that_hangs_is_killed_with_all_that_it_started() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let plugin = plugin(
        &home,
        "echo waiting for the browser >&2\nsleep 1000 &\necho $! > child\nwait",
        Duration::from_millis(700),
    );
    let error = plugin.run().await.unwrap_err();
    assert!(matches!(&error, PluginError::TimedOut { output, .. } if output == "waiting for the browser"), "{error:?}");
    gone(&written(&home.path("child")).await).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn leaving_a_context_kills_its_plugin() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let plugin = plugin(&home, "sleep 1000 &\necho $! > child\nwait", SOON);
    let running = tokio::spawn(async move { plugin.run().await });
    let child = written(&home.path("child")).await;
    assert!(alive(&child));
    running.abort();
    gone(&child).await;
}

#[tokio::test]
async fn a_plugin_that_must_ask_on_the_terminal_is_not_started() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let mut plugin = plugin(&home, "echo run >> runs", SOON);
    plugin.config.interactive_mode = Some(kube::config::ExecInteractiveMode::Always);
    assert_eq!(plugin.run().await.unwrap_err(), PluginError::NeedsTerminal);
    assert_eq!(runs(&home), 0);
}

#[tokio::test]
async fn a_plugin_that_prints_without_end_does_not_block() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let script = "head -c 3000000 /dev/zero | tr '\\0' x >&2\nprintf '{\"status\":{\"token\":\"t\"}}'";
    assert!(plugin(&home, script, SOON).run().await.unwrap().token.is_some());
}

#[tokio::test]
async fn a_plugin_whose_answer_is_too_long_is_told_so() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let error = plugin(&home, "head -c 3000000 /dev/zero | tr '\\0' x", SOON).run().await.unwrap_err();
    assert!(error.to_string().ends_with("printed more than 1 MiB"), "{error}");
}

// ---- what answers say besides their bodies

#[tokio::test]
async fn a_429_is_passed_on_at_once_with_the_wait_that_was_asked_for() {
    let server = Server::start(|path, _| match path {
        "/version" => json(200, VERSION),
        _ => response(
            429,
            &[("retry-after", "7")],
            r#"{"kind":"Status","apiVersion":"v1","code":429,"message":"slow down"}"#,
        ),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    for client in [&cluster.read, &cluster.once] {
        let asked = server.paths().len();
        let error = client.request_text(http::Request::get("/api/v1/pods").body(vec![]).unwrap()).await.unwrap_err();
        assert_eq!(server.paths().len(), asked + 1, "it was not repeated");
        let RequestError::Throttled { retry_after: Some(wait) } = cluster.classify(&error) else { panic!("{error:?}") };
        assert!(wait > Duration::from_secs(5) && wait <= Duration::from_secs(7), "{wait:?}");
    }
    // and once when the cluster's identity was asked for
    assert_eq!(cluster.stats.throttled(), 3);
}

#[tokio::test]
async fn the_servers_clock_and_warnings_are_noted_but_not_those_of_a_service_behind_its_proxy() {
    let server = Server::start(|path, _| {
        let year = if path.contains("/proxy") { 2040 } else { 2030 };
        let date = format!("Tue, 01 Jan {year} 00:00:00 GMT");
        response(200, &[("date", &date), ("warning", "299 - \"old\"")], VERSION)
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let skew = cluster.stats.skew_seconds().unwrap();
    Http::api(&cluster).get("/api/v1/namespaces/n/services/http:s:80/proxy/x", SOON).await.unwrap();
    let now = jiff::Timestamp::now();
    let expected = "2030-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second() - now.as_second();
    assert!((cluster.stats.skew_seconds().unwrap() - expected).abs() <= 60 && (skew - expected).abs() <= 60);
    assert_eq!(cluster.stats.warnings(), ["old"]);
}

#[tokio::test]
async fn a_compressed_answer_is_unpacked_and_both_sizes_are_counted() {
    use std::io::Write;
    let text = format!("{{\"gitVersion\":\"{}\"}}", "v".repeat(20_000));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let size = packed.len() as u64;
    let server = Server::start(move |_, _| response(200, &[("content-encoding", "gzip")], packed.clone())).await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    assert_eq!(cluster.version.as_ref().unwrap().git_version.len(), 20_000);
    // the version and the cluster's identity
    assert_eq!(cluster.stats.bytes(), (2 * size, 2 * text.len() as u64));
    assert_eq!(cluster.stats.requests(), 2);
}

#[tokio::test]
async fn errors_are_sorted_by_code_with_the_servers_words() {
    let server = Server::start(|path, _| match path {
        "/version" => json(200, VERSION),
        "/forbidden" => json(
            403,
            r#"{"kind":"Status","apiVersion":"v1","code":403,"reason":"Forbidden","message":"alice may not",
               "details":{"group":"helm.toolkit.fluxcd.io","kind":"helmreleases"}}"#,
        ),
        "/gone" => status(410, "Expired", "too old"),
        "/plain" => response(404, &[], "404 page not found"),
        _ => status(500, "InternalError", "403 in a text means nothing"),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let fail = async |path: &str| {
        let error = cluster.read.request_text(http::Request::get(path).body(vec![]).unwrap()).await.unwrap_err();
        RequestError::from_kube(&error)
    };
    let forbidden = fail("/forbidden").await;
    assert_eq!(forbidden.headline(), "no access to helmreleases.helm.toolkit.fluxcd.io");
    assert_eq!(forbidden.detail(), "alice may not");
    assert_eq!(fail("/gone").await, RequestError::Gone);
    assert_eq!(fail("/plain").await, RequestError::NotFound { says: "404 page not found".into() });
    assert_eq!(fail("/boom").await, RequestError::Server { code: 500, says: "403 in a text means nothing".into() });
}

#[tokio::test]
async fn the_probe_takes_the_version_where_readyz_is_forbidden_and_repeats_what_is_not_ready() {
    let server =
        Server::start(|path, _| if path == "/readyz" { status(403, "Forbidden", "no") } else { json(200, VERSION) })
            .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    assert_eq!(cluster.probe(SOON).await.unwrap().problem, None);
    let server =
        Server::start(
            |path, _| if path == "/readyz" { response(500, &[], "[-]etcd failed") } else { json(200, VERSION) },
        )
        .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    assert_eq!(cluster.probe(SOON).await.unwrap().problem.as_deref(), Some("[-]etcd failed"));
}

// ---- services

fn endpoint() -> Endpoint {
    Endpoint {
        target: ProxyTarget::Service,
        namespace: "vault".into(),
        name: "bao".into(),
        tls: false,
        port: "8200".into(),
    }
}

#[tokio::test]
async fn behind_the_proxy_every_status_code_comes_back_with_its_body() {
    let server = Server::start(|path, _| match path {
        "/version" => json(200, VERSION),
        path if path.contains("http:bao:8200/proxy/ui/v1/sys/health?x=1") => json(503, r#"{"sealed":true}"#),
        _ => status(503, "ServiceUnavailable", "no endpoints available for service"),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let settings = Service {
        path_prefix: "/ui/".into(),
        headers: vec![("X-Scope-OrgID".into(), "team".into())],
        ..Service::default()
    };
    let http = Http::through(&cluster, &endpoint(), &settings).unwrap();
    let sealed = http.get("/v1/sys/health?x=1", SOON).await.unwrap();
    assert_eq!(
        (sealed.status, sealed.json::<serde_json::Value>().unwrap()["sealed"].clone()),
        (StatusCode::SERVICE_UNAVAILABLE, true.into())
    );
    assert_eq!(sealed.from_api_server(), None);
    assert_eq!(server.headers(2)["x-scope-orgid"], "team");
    let nobody = http.get("/v1/sys/leader", SOON).await.unwrap();
    let says = "no endpoints available for service".to_owned();
    assert_eq!(nobody.from_api_server(), Some(RequestError::Server { code: 503, says }));
}

/// A body without an end.
fn endless(byte: u8) -> Body {
    let piece = bytes::Bytes::from(vec![byte; 256 << 10]);
    Body::from_stream(futures::stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone())))
}

#[tokio::test]
async fn a_service_that_hangs_or_floods_is_given_up() {
    let server = Server::start(|path, _| match path {
        "/flood" => response(200, &[], endless(b'x')),
        "/words" => response(503, &[], endless(b'x')),
        _ => json(200, VERSION),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let http = Http::api(&cluster);
    assert_eq!(http.get("/hang", Duration::from_millis(50)).await.unwrap_err(), RequestError::Timeout);
    let error = http.get("/flood", SOON).await.unwrap_err();
    assert_eq!(error, RequestError::Exceeded(Exceeded::Answer(bounds::ANSWER)));
    assert_eq!(error.headline(), "the answer is larger than 32 MiB");
    let refused = http.get("/words", SOON).await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.body.len()), (503, bounds::WORDS));
    assert_eq!(cluster.stats.held(), 0);
}

#[tokio::test]
async fn an_endless_list_an_endless_event_and_endless_words_are_errors_that_name_their_bound() {
    let server = Server::start(|path, _| match path {
        "/version" => json(200, VERSION),
        path if path.contains("watch=true") => response(200, &[("content-type", "application/json")], endless(b' ')),
        path if path.contains("/secrets") => response(500, &[], endless(b'x')),
        _ => response(200, &[("content-type", "application/json")], endless(b'[')),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let ask = |path: &str| http::Request::get(path).body(vec![]).unwrap();
    let error = cluster.read.request_text(ask("/api/v1/pods?limit=500")).await.unwrap_err();
    assert_eq!(RequestError::from_kube(&error), RequestError::Exceeded(Exceeded::Answer(bounds::ANSWER)));
    let error = cluster.read.request_text(ask("/api/v1/secrets")).await.unwrap_err();
    assert!(matches!(RequestError::from_kube(&error), RequestError::Server { code: 500, .. }), "{error:?}");
    let events = cluster.read.request_events::<serde_json::Value>(ask("/api/v1/pods?watch=true")).await.unwrap();
    let first = futures::TryStreamExt::try_next(&mut Box::pin(events)).await.unwrap_err();
    assert_eq!(RequestError::from_kube(&first), RequestError::Exceeded(Exceeded::Event(bounds::EVENT)));
}

#[tokio::test]
async fn a_name_that_leads_to_another_object_is_not_asked_for() {
    let server = Server::friendly().await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let http = Http::api(&cluster);
    let asked = server.paths().len();
    for path in ["/api/v1/namespaces/a%2Fpods%2Fb/pods", "/api/v1/namespaces/a/pods/..", "/api/v1/namespaces//pods"] {
        let error = http.get(path, SOON).await.unwrap_err();
        assert!(matches!(error, RequestError::NoName(_)), "{path}: {error:?}");
    }
    assert_eq!(server.paths().len(), asked);
}

/// What becomes of a connection: refused, closed after the request was read, or no TLS where TLS is spoken.
#[rstest]
#[case::nothing_listens("http", None, false)]
#[case::closed_after_the_request("http", Some(&b""[..]), true)]
#[case::rubbish_after_the_request("http", Some(&b"no http at all\r\n\r\n"[..]), true)]
#[case::the_handshake_fails("https", Some(&b"no tls at all"[..]), false)]
#[tokio::test]
async fn a_request_counts_as_unsent_only_when_there_never_was_a_connection(
    #[case] scheme: &str,
    #[case] answer: Option<&'static [u8]>,
    #[case] left: bool,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        let Some(answer) = answer else { return };
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 1024];
            drop(socket.read(&mut head).await);
            drop(socket.write_all(answer).await);
        }
    };
    let serving = tokio::spawn(serve);
    while answer.is_none() && !serving.is_finished() {
        tokio::task::yield_now().await;
    }
    let service = Service { url: Some(format!("{scheme}://{address}")), ..Service::default() };
    let http = Http::direct(&service, &Env::default()).unwrap();
    let failed = http.deliver(http::Method::POST, "/x", None, SOON).await.unwrap_err();
    assert_eq!(failed.left, left, "{failed:?}");
    serving.abort();
}

#[tokio::test]
async fn a_service_by_url_gets_its_prefix_headers_and_login() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let env: Env = [("PROM_TOKEN", "t0ken"), ("PROM_PASSWORD", "pass")].into_iter().collect();
    let base = Service {
        url: Some(format!("https://{}/base/?team=a", tls_front(server.address))),
        ca_file: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/ca.pem").into()),
        path_prefix: "prom".into(),
        headers: vec![("X-Scope-OrgID".into(), "team".into())],
        ..Service::default()
    };
    let bearer = Service { bearer_token_env: Some("PROM_TOKEN".into()), ..base.clone() };
    let http = Http::direct(&bearer, &env).unwrap();
    let answer = http.get("/api/v1/alerts", SOON).await.unwrap();
    assert_eq!((answer.from_api_server(), http.is_proxied()), (None, false));
    http.get("/api/v1/query?query=up", SOON).await.unwrap();
    assert_eq!(server.paths(), ["/base/prom/api/v1/alerts?team=a", "/base/prom/api/v1/query?query=up&team=a"]);
    assert_eq!(server.headers(0)["authorization"], "Bearer t0ken");
    assert_eq!(server.headers(0)["x-scope-orgid"], "team");
    assert!(!format!("{http:?}").contains("t0ken") && !format!("{http:?}").contains("team=a"));
    let basic = Service { username: Some("u".into()), password_env: Some("PROM_PASSWORD".into()), ..base.clone() };
    Http::direct(&basic, &env).unwrap().get("/", SOON).await.unwrap();
    assert_eq!(server.headers(2)["authorization"], "Basic dTpwYXNz");
    assert_eq!((bearer.alarm(), basic.alarm()), (None, None));
    let unset = Service { bearer_token_env: Some("NOT_SET".into()), ..base };
    assert!(Http::direct(&unset, &env).unwrap_err().detail().contains("NOT_SET is not set"));
}

#[tokio::test]
async fn a_services_login_does_not_go_out_over_http() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let env: Env = [("PROM_TOKEN", "t0ken")].into_iter().collect();
    let url = Some(server.url());
    let bearer = Service { url: url.clone(), bearer_token_env: Some("PROM_TOKEN".into()), ..Service::default() };
    let headers = vec![("Authorization".into(), "Bearer t0ken".into()), ("X-Scope-OrgID".into(), "team".into())];
    let header = Service { url: url.clone(), headers, ..Service::default() };
    for settings in [&bearer, &header] {
        Http::direct(settings, &env).unwrap().get("/", SOON).await.unwrap();
        assert_eq!(settings.alarm(), Some("HTTP: LOGIN NOT SENT"));
    }
    assert!(!server.headers(0).contains_key("authorization") && !server.headers(1).contains_key("authorization"));
    assert_eq!(server.headers(1)["x-scope-orgid"], "team");
    let keys = ["X-Api-Key", "X-Auth-Token", "Cookie", "X-Scope-OrgID"];
    let keys = Service {
        url: Some(format!("{}/p?token=hunter2&team=a", server.url())),
        headers: keys.iter().map(|name| ((*name).into(), "hunter2".into())).collect(),
        ..Service::default()
    };
    Http::direct(&keys, &env).unwrap().get("/x?query=up", SOON).await.unwrap();
    assert_eq!((keys.alarm(), &*server.paths()[2]), (Some("HTTP: LOGIN NOT SENT"), "/p/x?query=up&team=a"));
    let sent: Vec<_> = keys.headers.iter().filter(|(name, _)| server.headers(2).contains_key(name)).collect();
    assert_eq!(sent, [&("X-Scope-OrgID".to_owned(), "hunter2".to_owned())]);
    let by_query = Service { url: Some("http://p?sig=hunter2".into()), ..Service::default() };
    assert_eq!(by_query.alarm(), Some("HTTP: LOGIN NOT SENT"));
    assert_eq!(Service { url, ..Service::default() }.alarm(), None);
    let insecure = Service { url: Some("https://p".into()), insecure_skip_tls_verify: true, ..Service::default() };
    assert_eq!(insecure.alarm(), Some("TLS NOT CHECKED"));
}

fn found_paths(found: &discovery::Discovered, name: ServiceName) -> Vec<String> {
    found.candidates[&name]
        .iter()
        .map(|candidate| format!("{}/{}", candidate.endpoint.namespace, candidate.endpoint.proxy_name()))
        .collect()
}

const PAGE_ONE: &str = r#"{"metadata":{"continue":"a+b/="},"items":[
  {"metadata":{"name":"prometheus-operated","namespace":"monitoring","labels":{"operated-prometheus":"true"}},"spec":{"ports":[{"name":"http-web","port":9090}]}},
  {"metadata":{"name":"bare","namespace":"x"},"spec":{}}]}"#;
const PAGE_TWO: &str = r#"{"metadata":{},"items":[
  {"metadata":{"name":"kps-prometheus","namespace":"monitoring","labels":{"app":"kube-prometheus-stack-prometheus"}},"spec":{"ports":[{"name":"http-web","port":9090}]}},
  {"metadata":{"name":"bao","namespace":"vault","labels":{"app.kubernetes.io/name":"openbao"}},"spec":{"ports":[{"name":"https","port":8200}]}}]}"#;

#[tokio::test]
async fn services_are_found_over_all_pages_best_first() {
    let server = Server::start(|path, _| match path {
        "/version" => json(200, VERSION),
        "/api/v1/services?limit=500" => json(200, PAGE_ONE),
        "/api/v1/services?limit=500&continue=a%2Bb%2F%3D" => json(200, PAGE_TWO),
        _ => status(404, "NotFound", "no"),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let found = discovery::discover(&cluster).await.unwrap();
    assert_eq!(
        found_paths(&found, ServiceName::Prometheus),
        ["monitoring/http:kps-prometheus:9090", "monitoring/http:prometheus-operated:9090"]
    );
    assert_eq!(found_paths(&found, ServiceName::OpenBao), ["vault/https:bao:8200"]);
    assert_eq!(found.best(ServiceName::Alertmanager), None);
    // whoever may make a Service may make one that looks so
    assert_eq!(found.best(ServiceName::Prometheus), None);
    let trouble = found.trouble(ServiceName::Prometheus, &Service::default()).unwrap();
    assert!(trouble.contains("found monitoring/kps-prometheus, monitoring/prometheus-operated, not used"), "{trouble}");
    assert!(found.forbidden.is_empty());
}

#[rstest]
#[case::one_token(false, Exceeded::Circle)]
#[case::new_tokens(true, Exceeded::Empty(bounds::EMPTY))]
#[tokio::test]
async fn a_list_that_goes_on_and_brings_nothing_is_given_up(#[case] new: bool, #[case] bound: Exceeded) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::start(move |path, _| match path {
        "/version" => json(200, VERSION),
        "/api/v1/namespaces/a" => status(404, "NotFound", "no"),
        _ => {
            let n = if new { count.fetch_add(1, Ordering::Relaxed) } else { 0 };
            json(200, &format!(r#"{{"metadata":{{"continue":"t{n}"}},"items":[]}}"#))
        }
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let expected = RequestError::Exceeded(bound);
    assert_eq!(discovery::discover(&cluster).await.unwrap_err(), expected);
    assert_eq!(read::events(&cluster, "Pod", "a", "b", Uid::default()).await.unwrap_err(), expected);
    let standing = namespaces::standing(&cluster, "a").await;
    assert!(matches!(standing, Standing::Absent { ref near } if near.is_empty()), "{standing:?}");
    assert!(server.paths().len() < 50, "{:?}", server.paths());
}

#[tokio::test]
async fn who_may_not_list_everywhere_looks_in_the_usual_and_configured_namespaces() {
    let server = Server::start(|path, _| match path {
        "/version" => json(200, VERSION),
        "/api/v1/namespaces/mine/services?limit=500" => json(200, PAGE_TWO),
        "/api/v1/namespaces/monitoring/services?limit=500" | "/api/v1/services?limit=500" => {
            status(403, "Forbidden", "no")
        }
        _ => json(200, r#"{"items":[]}"#),
    })
    .await;
    let home = Home::new(&server.url(), "{}");
    let kubeconfig = home.path("config");
    let settings = settings(
        &[("KUBECONFIG", kubeconfig.to_str().unwrap())],
        "namespaces = [\"mine\"]\n[services.openbao]\nmode = \"off\"",
    );
    let cluster = Cluster::connect(&settings, None).await.unwrap();
    let found = discovery::discover(&cluster).await.unwrap();
    assert_eq!(found_paths(&found, ServiceName::Prometheus), ["monitoring/http:kps-prometheus:9090"]);
    assert_eq!(found.forbidden, ["*", "monitoring"]);
    assert!(!found.candidates.contains_key(&ServiceName::OpenBao), "it is switched off");
    assert!(server.paths().iter().any(|path| path.contains("/namespaces/shop/")), "the context's own namespace");
}

#[tokio::test]
async fn what_the_configuration_names_is_used_and_only_a_named_service_gets_the_headers() {
    let server = Server::start(|path, _| match path {
        "/version" => json(200, VERSION),
        "/api/v1/services?limit=500" => json(200, PAGE_TWO),
        _ => json(200, r#"{"items":[]}"#),
    })
    .await;
    let home = Home::with_cluster(&server.secure(), "{}");
    let kubeconfig = home.path("config");
    let headers = "headers = { X-Key = \"hunter2\" }\n";
    for (more, sent) in [("", false), ("service = \"kps-prometheus\"\n", true)] {
        let text = format!("[services.prometheus]\nnamespace = \"monitoring\"\n{headers}{more}");
        let settings = settings(&[("KUBECONFIG", kubeconfig.to_str().unwrap())], &text);
        let cluster = Cluster::connect(&settings, None).await.unwrap();
        let found = discovery::discover(&cluster).await.unwrap();
        let used = found.best(ServiceName::Prometheus).unwrap();
        assert_eq!(used.place(), "monitoring/kps-prometheus");
        let asked = server.paths().len();
        let all = instances::of(&cluster, &found, ServiceName::Prometheus, "prometheus", 9090).await;
        all[0].get("/api/v1/alerts", SOON).await.unwrap();
        let got = (asked..server.paths().len()).filter(|at| server.headers(*at).contains_key("x-key")).count();
        assert_eq!(got > 0, sent, "{more:?}: {:?}", &server.paths()[asked..]);
        assert!(found.best(ServiceName::OpenBao).is_none());
    }
}

#[tokio::test]
async fn a_services_key_does_not_go_to_an_api_server_over_http() {
    let server = Server::start(|_, _| json(200, VERSION)).await;
    let headers = [("Authorization", "Bearer hunter2"), ("X-Api-Key", "hunter2"), ("X-Scope-OrgID", "team")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let settings = Service { headers, ..Service::default() };
    for (home, sent) in [
        (Home::new(&server.url(), "{}"), vec!["x-scope-orgid"]),
        (Home::with_cluster(&server.secure(), "{}"), vec!["authorization", "x-api-key", "x-scope-orgid"]),
    ] {
        let cluster = home.connect().await.unwrap();
        Http::through(&cluster, &endpoint(), &settings).unwrap().get("/", SOON).await.unwrap();
        let got = server.headers(server.paths().len() - 1);
        let got: Vec<&str> = ["authorization", "x-api-key", "x-scope-orgid"]
            .into_iter()
            .filter(|name| got.contains_key(*name))
            .collect();
        assert_eq!(got, sent);
        assert_eq!(cluster.alarm_of(&settings), (sent.len() == 1).then_some("HTTP: LOGIN NOT SENT"));
        assert_eq!(cluster.alarm_of(&settings.without_headers()), None);
    }
}

#[tokio::test]
async fn a_service_that_is_configured_completely_needs_no_list() {
    let server = Server::friendly().await;
    let home = Home::new(&server.url(), "{}");
    let kubeconfig = home.path("config");
    let off = "[services.prometheus]\nmode = \"off\"\n[services.alertmanager]\nmode = \"off\"\n";
    let text = format!("{off}[services.openbao]\nnamespace = \"vault\"\nservice = \"https:bao:8200\"");
    let cluster =
        Cluster::connect(&settings(&[("KUBECONFIG", kubeconfig.to_str().unwrap())], &text), None).await.unwrap();
    let found = discovery::discover(&cluster).await.unwrap();
    assert_eq!(found_paths(&found, ServiceName::OpenBao), ["vault/https:bao:8200"]);
    assert_eq!(server.paths(), ["/version", "/api/v1/namespaces/kube-system"]);
}

// ---- what is served

const CORE: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":""},"versions":[{"version":"v1","freshness":"Current","resources":[
  {"resource":"pods","responseKind":{"group":"","version":"","kind":"Pod"},"scope":"Namespaced"},
  {"resource":"odd","responseKind":null,"scope":"Namespaced"}]}]}]}"#;
const GROUPS: &str = r#"{"kind":"APIGroupDiscoveryList","items":[
  {"metadata":{"name":"source.toolkit.fluxcd.io"},"versions":[
    {"version":"v1beta2","freshness":"Current","resources":[{"resource":"gitrepositories","responseKind":{"kind":"GitRepository"},"scope":"Namespaced"},
      {"resource":"buckets","responseKind":{"kind":"Bucket"},"scope":"Namespaced"}]},
    {"version":"v1","freshness":"Current","resources":[{"resource":"gitrepositories","responseKind":{"kind":"GitRepository"},"scope":"Namespaced"}]}]},
  {"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale","resources":[]}]}]}"#;

fn version_of(found: &Found) -> String {
    match found {
        Found::Served(served) => format!("{}/{} {}", served.version, served.plural, served.namespaced),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn kinds_are_found_in_the_preferred_version_absent_or_unknown() {
    let server = Server::start(|path, _| match path {
        "/api" => json(200, CORE),
        "/apis" => json(200, GROUPS),
        _ => json(200, VERSION),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let map = api::discover(&cluster, &[]).await;
    let flux = "source.toolkit.fluxcd.io";
    assert_eq!(version_of(&map.find("", "Pod", &["v1"])), "v1/pods true");
    assert_eq!(version_of(&map.find(flux, "GitRepository", &["v1", "v1beta2"])), "v1/gitrepositories true");
    assert_eq!(
        version_of(&map.find(flux, "Bucket", &["v1"])),
        "v1beta2/buckets true",
        "no preferred version serves it"
    );
    assert_eq!(map.find(flux, "OCIRepository", &["v1"]), Found::Absent);
    assert_eq!(map.find("velero.io", "Backup", &["v1"]), Found::Absent);
    assert_eq!(map.find("metrics.k8s.io", "PodMetrics", &["v1beta1"]), Found::Stale);
}

#[tokio::test]
async fn an_old_server_is_asked_for_the_wanted_groups_only() {
    let server = Server::start(|path, _| match path {
        "/api" => json(200, r#"{"kind":"APIVersions","versions":["v1"]}"#),
        "/apis" => json(
            200,
            r#"{"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"version":"v1"}]},
               {"name":"batch","versions":[{"version":"v1"}]},{"name":"broken.io","versions":[{"version":"v1"}]}]}"#,
        ),
        "/api/v1" => json(200, r#"{"resources":[{"name":"nodes","kind":"Node","namespaced":false},{"name":"nodes/status","kind":"Node"}]}"#),
        "/apis/apps/v1" => json(200, r#"{"resources":[{"name":"deployments","kind":"Deployment","namespaced":true}]}"#),
        "/version" => json(200, VERSION),
        _ => status(503, "ServiceUnavailable", "down"),
    })
    .await;
    let cluster = Home::new(&server.url(), "{}").connect().await.unwrap();
    let map = api::discover(&cluster, &["apps", "broken.io"]).await;
    assert_eq!(version_of(&map.find("", "Node", &[])), "v1/nodes false");
    assert_eq!(version_of(&map.find("apps", "Deployment", &["v1"])), "v1/deployments true");
    assert_eq!(map.find("broken.io", "Thing", &["v1"]), Found::Stale);
    assert!(!server.paths().iter().any(|path| path.contains("batch")));
}

// ---- a real cluster

/// The kubeconfig of a cluster whose address is https and whose authority no system knows.
fn real() -> (PathBuf, Settings) {
    let path = PathBuf::from(std::env::var_os("WATCHKEEPER_TEST_KUBECONFIG").unwrap());
    let settings = settings(&[("KUBECONFIG", path.to_str().unwrap())], "");
    (path, settings)
}

#[tokio::test]
#[ignore = "needs a cluster: WATCHKEEPER_TEST_KUBECONFIG"]
async fn a_real_cluster_is_connected_probed_and_discovered() {
    let (_, settings) = real();
    let cluster = Cluster::connect(&settings, None).await.unwrap();
    assert!(cluster.version.as_ref().unwrap().numbers().unwrap() >= (1, 26));
    assert_eq!(cluster.probe(SOON).await.unwrap().problem, None);
    let map = api::discover(&cluster, &[]).await;
    assert_eq!(version_of(&map.find("", "Pod", &["v1"])), "v1/pods true");
    assert_eq!(version_of(&map.find("apps", "Deployment", &["v1"])), "v1/deployments true");
    assert_eq!(
        version_of(&map.find("authorization.k8s.io", "SelfSubjectAccessReview", &[])),
        "v1/selfsubjectaccessreviews false"
    );
    assert_eq!(map.find("no.such.group", "Thing", &[]), Found::Absent);
    discovery::discover(&cluster).await.unwrap();
    assert!(cluster.stats.skew_seconds().is_some());
    // An API server compresses only what is larger than 128 KiB.
    let (wire, body) = cluster.stats.bytes();
    assert!(wire > 0 && wire <= body, "{wire} bytes for {body}");
}

#[tokio::test]
#[ignore = "needs a cluster: WATCHKEEPER_TEST_KUBECONFIG"]
async fn a_real_cluster_whose_authority_is_unknown_is_refused() {
    let (path, settings) = real();
    let target = kubeconfig::load(&settings).target(None).unwrap();
    let home = Home::new(&target.server.to_string(), "{}");
    let error = home.connect().await.unwrap_err();
    assert_eq!(error, ConnectError::Request(RequestError::Tls(TlsProblem::Untrusted)), "{}", path.display());
    assert!(error.detail().contains("certificate-authority"));
}

/// Needs a user with a client certificate.
#[tokio::test]
#[ignore = "needs a cluster: WATCHKEEPER_TEST_KUBECONFIG"]
async fn a_plugin_may_issue_a_client_certificate() {
    let (_, settings) = real();
    let target = kubeconfig::load(&settings).target(None).unwrap();
    let read =
        |path: &Option<String>| std::fs::read_to_string(path.as_ref().expect("a client certificate in files")).unwrap();
    let answer = serde_json::json!({ "status": {
        "clientCertificateData": read(&target.user.client_certificate),
        "clientKeyData": read(&target.user.client_key),
    }});
    let home = plugin_home("{server: \"unused\"}", "cat answer");
    std::fs::write(home.path("answer"), answer.to_string()).unwrap();
    let authority = target.cluster.certificate_authority.expect("an authority in a file");
    let text = std::fs::read_to_string(home.path("config")).unwrap();
    let cluster = format!("{{server: \"{}\", certificate-authority: \"{authority}\"}}", target.server);
    std::fs::write(home.path("config"), text.replace("{server: \"unused\"}", &cluster)).unwrap();
    let cluster = home.connect().await.unwrap();
    let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let post = http::Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
        .header("content-type", "application/json");
    let answer = cluster.once.request_text(post.body(review.into()).unwrap()).await.unwrap();
    assert!(!answer.contains("system:anonymous"), "{answer}");
}

// ---- what is trusted

/// A server with one of the certificates of `tests/certificates`, which says its version to everybody.
fn tls_server(name: &str) -> SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read, Write};
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_file(certificate(name)).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificate_folder().join(format!("{name}.key"))).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let config = Arc::new(config.unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let length = VERSION.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{VERSION}"
            );
            let _ = stream.flush();
        }
    });
    address
}

fn certificate_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/trust")
}

fn certificate(name: &str) -> PathBuf {
    certificate_folder().join(format!("{name}.pem"))
}

/// What Go 1.26's `crypto/x509` says to the same certificates is what is expected here; tests/data/trust/README.md.
#[rstest]
#[case::its_own_authority("selfca", "selfca", Ok(()))]
#[case::a_pinned_leaf("leaf", "leaf", Ok(()))]
#[case::signed("leaf", "ca", Ok(()))]
#[case::pinned_but_over("expired", "expired", Err(TlsProblem::Expired))]
#[case::pinned_but_of_another_name("wrong", "wrong", Err(TlsProblem::WrongName))]
#[case::signed_for_another_name("wrong", "ca", Err(TlsProblem::WrongName))]
#[case::of_somebody_else("leaf", "selfca", Err(TlsProblem::Untrusted))]
#[tokio::test]
async fn a_certificate_is_trusted_as_by_kubectl(
    #[case] server: &str,
    #[case] authority: &str,
    #[case] expected: Result<(), TlsProblem>,
) {
    let cluster = format!(
        "{{server: \"https://{}\", certificate-authority: \"{}\"}}",
        tls_server(server),
        certificate(authority).display()
    );
    let connected = Home::with_cluster(&cluster, "{}").connect().await.map(drop);
    assert_eq!(connected, expected.map_err(|problem| ConnectError::Request(RequestError::Tls(problem))));
}

#[rstest]
#[case::pinned("client", "client")]
#[case::signed("client", "ca")]
#[tokio::test]
async fn a_certificate_for_clients_is_none_for_a_server(#[case] server: &str, #[case] authority: &str) {
    let cluster = format!(
        "{{server: \"https://{}\", certificate-authority: \"{}\"}}",
        tls_server(server),
        certificate(authority).display()
    );
    let error = Home::with_cluster(&cluster, "{}").connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Request(RequestError::Tls(TlsProblem::Other(_)))), "{error:?}");
}

// ---- kubeconfigs as kubectl takes them

#[rstest]
#[case::authority_data("{certificate-authority-data: \"\", URL}", "{token: t}")]
#[case::the_key_twice("{certificate-authority: \"\", URL}", "{token: t}")]
#[case::server_name("{tls-server-name: \"\", proxy-url: \"\", URL}", "{token: t}")]
#[case::files("{URL}", "{token: t, tokenFile: \"\", client-certificate: \"\", client-key: \"\", username: \"\"}")]
#[case::null("{certificate-authority-data: ~, URL}", "{token: t, exec: ~, auth-provider: ~}")]
#[tokio::test]
async fn an_empty_value_is_none(#[case] cluster: &str, #[case] user: &str) {
    let server = Server::friendly().await;
    let secure = server.secure();
    let more = secure.trim_end_matches('}').trim_start_matches('{');
    // what is empty comes before what counts: of a key that occurs twice the last one counts
    let home = Home::with_cluster(&cluster.replace("URL", more), user);
    home.connect().await.unwrap();
    assert_eq!(server.headers(0)["authorization"], "Bearer t");
}

#[tokio::test]
async fn one_bad_entry_costs_the_contexts_that_use_it_and_no_other() {
    let server = Server::friendly().await;
    let home = Home::new(&server.url(), "{token: t}");
    let text = std::fs::read_to_string(home.path("config")).unwrap();
    let more = "- name: old\n  user: {auth-provider: {name: gcp, config: ~}}\n\
                - name: odd\n  user: {exec: {command: x, interactiveMode: Sometimes}}\n- user: {}\n";
    let text =
        text.replace("contexts:\n", "contexts:\n- name: odd\n  context: {cluster: k, user: odd}\n- context: {}\n");
    std::fs::write(home.path("config"), format!("{text}{more}")).unwrap();
    home.connect().await.unwrap();
    let error = Cluster::connect(&home.settings(), Some("odd")).await.unwrap_err();
    assert!(error.detail().contains("its user \"odd\"") && error.detail().contains("cannot be used"), "{error}");
}

#[test]
fn a_name_that_two_files_define_is_that_of_the_first_and_whoever_chooses_it_is_warned() {
    let folder = tempfile::tempdir().unwrap();
    let of = |context: &str, server: &str, token: &str| {
        format!(
            "contexts: [{{name: {context}, context: {{cluster: kubernetes, user: admin}}}}]\n\
             clusters: [{{name: kubernetes, cluster: {{server: \"https://{server}\"}}}}]\n\
             users: [{{name: admin, user: {{token: {token}}}}}]\n"
        )
    };
    let known = listed(folder.path(), &[("a", &of("lab", "lab", "t")), ("b", &of("prod", "prod", "t"))]);
    let target = known.target(Some("prod")).unwrap();
    assert_eq!(target.server, "https://lab");
    let [warning] = &target.warnings[..] else { panic!("{:?}", target.warnings) };
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    assert_eq!(
        *warning,
        format!("cluster \"kubernetes\" is another one in {}: that of {} counts", b.display(), a.display())
    );
    // the same in both is no matter
    let known = listed(folder.path(), &[("a", &of("lab", "lab", "t")), ("b", &of("prod", "lab", "t"))]);
    assert_eq!(known.target(Some("prod")).unwrap().warnings, [""; 0]);
}

#[rstest]
#[case::plain("api:6443", "{}", "http://api:6443")]
#[case::with_an_authority("{server: \"api:6443\", certificate-authority-data: eA==}", "{}", "https://api:6443")]
#[case::unchecked("{server: \"api:6443\", insecure-skip-tls-verify: true}", "{}", "https://api:6443")]
#[case::with_a_certificate("api:6443", "{client-certificate: c.pem, client-key: k.pem}", "https://api:6443")]
fn a_server_without_a_scheme_is_https_where_something_of_tls_is_said(
    #[case] cluster: &str,
    #[case] user: &str,
    #[case] expected: &str,
) {
    let home = if cluster.starts_with('{') { Home::with_cluster(cluster, user) } else { Home::new(cluster, user) };
    assert_eq!(kubeconfig::load(&home.settings()).target(None).unwrap().server, expected);
}

/// A SOCKS5 proxy that asks for this login.
async fn socks_proxy(user: &'static str, password: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 2];
            stream.read_exact(&mut head).await.unwrap();
            stream.read_exact(&mut vec![0; head[1].into()]).await.unwrap();
            stream.write_all(&[5, 2]).await.unwrap();
            let mut login = [0; 2];
            stream.read_exact(&mut login).await.unwrap();
            let mut name = vec![0; login[1].into()];
            stream.read_exact(&mut name).await.unwrap();
            let mut secret = vec![0; stream.read_u8().await.unwrap().into()];
            stream.read_exact(&mut secret).await.unwrap();
            let right = name == user.as_bytes() && secret == password.as_bytes();
            stream.write_all(&[1, u8::from(!right)]).await.unwrap();
            if !right {
                continue;
            }
            let mut request = [0; 4];
            stream.read_exact(&mut request).await.unwrap();
            let host = match request[3] {
                1 => {
                    let mut octets = [0; 4];
                    stream.read_exact(&mut octets).await.unwrap();
                    std::net::Ipv4Addr::from(octets).to_string()
                }
                _ => {
                    let mut name = vec![0; stream.read_u8().await.unwrap().into()];
                    stream.read_exact(&mut name).await.unwrap();
                    // a name that this proxy alone knows
                    String::from_utf8(name).unwrap().replace("prom.example", "127.0.0.1")
                }
            };
            let port = stream.read_u16().await.unwrap();
            let mut upstream = tokio::net::TcpStream::connect((host, port)).await.unwrap();
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut upstream).await });
        }
    });
    address
}

#[tokio::test]
async fn a_socks_proxy_gets_its_login_whatever_its_scheme_is_called() {
    let server = Server::friendly().await;
    let proxy = socks_proxy("us:er", "pa@ss").await;
    for scheme in ["socks5", "socks5h", "SOCKS5"] {
        let cluster = format!("{{server: \"{}\", proxy-url: \"{scheme}://us%3Aer:pa%40ss@{proxy}\"}}", server.url());
        Home::with_cluster(&cluster, "{}").connect().await.unwrap();
    }
    let cluster = format!("{{server: \"{}\", proxy-url: \"socks5://{proxy}\"}}", server.url());
    assert!(Home::with_cluster(&cluster, "{}").connect().await.is_err());
}

// ---- who answers

#[rstest]
#[case::a_login_page(200, "text/html", "answers HTML")]
#[case::a_wrong_path(404, "text/html; charset=utf-8", "answers HTML")]
#[case::a_text(200, "text/plain", "is not JSON")]
#[tokio::test]
async fn what_is_no_api_server_is_no_connection(#[case] code: u16, #[case] kind: &str, #[case] words: &str) {
    let kind = kind.to_owned();
    let server = Server::start(move |_, _| response(code, &[("content-type", &kind)], "<html>Sign in</html>")).await;
    let error = Home::new(&server.url(), "{}").connect().await.unwrap_err();
    assert!(error.headline().contains(words) && error.detail().contains("login page"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_no_api_server_and_its_secrets_are_not_repeated() {
    let server =
        Server::start(|_, _| response(302, &[("location", "https://login.example.com/?state=s3cret")], "")).await;
    let error = Home::new(&server.url(), "{}").connect().await.unwrap_err();
    assert!(error.headline().contains("a redirect to https://login.example.com,"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_plugin_that_asks_a_person_may_take_its_time_and_is_heard_meanwhile() {
    let home = Home::new("http://127.0.0.1:1", "{}");
    let script = "echo 'open example.com, enter ABCD' >&2\nuntil [ -e done ]; do sleep 0.05; done\n\
                  printf '{\"status\":{\"token\":\"t\"}}'";
    let plugin = Plugin { patience: SOON, ..plugin(&home, script, Duration::from_millis(300)) };
    let mut said = plugin.said.follow();
    let running = tokio::spawn(async move { plugin.run().await });
    said.wait_for(|words| words.contains("ABCD")).await.unwrap();
    // beyond the deadline of one that says nothing
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!running.is_finished());
    std::fs::write(home.path("done"), "").unwrap();
    assert!(running.await.unwrap().unwrap().token.is_some());
    assert!(said.borrow().is_empty(), "what it said is over with it");
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_read_or_has_no_key_is_named() {
    let server = Server::friendly().await;
    let home = Home::with_cluster(&server.secure(), "{client-certificate: c.pem, client-key: k.pem}");
    let error = home.connect().await.unwrap_err();
    assert!(error.detail().contains("c.pem cannot be read"), "{error}");
    std::fs::copy(certificate("client"), home.path("c.pem")).unwrap();
    std::fs::copy(certificate_folder().join("client.key"), home.path("k.pem")).unwrap();
    home.connect().await.unwrap();
    let home = Home::with_cluster(&server.secure(), "{client-certificate: c.pem}");
    assert!(home.connect().await.unwrap_err().detail().contains("without its client-key"));
}
