//! A connection to one cluster, as one context of the kubeconfig says: two clients with the same identity, what the
//! server reported about itself, and the probe of its health. It holds no data of the cluster.

#![expect(clippy::disallowed_methods, reason = "measures how long a probe takes, within its deadline")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::{Request, Uri};
use kube::Client;
use kube::Config;
use kube::client::{Body, ConfigExt};
use kube::config::{AuthInfo, Cluster as ClusterInfo, ExecAuthCluster};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::watch;
use tower::{BoxError, Layer, service_fn};

use super::auth::{Credentials, Login, Pem, Reload, Source};
use super::errors::{ConnectError, RequestError};
use super::exec::{PLUGIN_DEADLINE, PLUGIN_PATIENCE, Plugin, Said};
use super::failure::LoginNeeded;
use super::http::{Answer, Endpoint, Http};
use super::kubeconfig::{self, Kubeconfigs, Target};
use super::proxy;
use super::stats::Stats;
use super::tls;
use super::transport::{Sender, with_identity};
use super::trust::Trust;
use crate::config::env::Env;
use crate::config::{Origin, Service, ServiceMode, Settings};
use crate::domain::command_line::{CommandLine, KUBECTL};
use crate::domain::way::Way;
use crate::domain::{redact, served};

/// How long the first answer may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Profiles are looked for within this time.
const TRUST_DEADLINE: Duration = Duration::from_secs(20);
/// Watches and lists keep their connections longer than actions may trust an idle one.
const IDLE_READ: Duration = Duration::from_secs(90);
const IDLE_ONCE: Duration = Duration::from_secs(15);
/// The name of the context that uses the pod's own service account.
pub const IN_CLUSTER: &str = "in-cluster";

/// A cluster that has answered once.
#[derive(Clone)]
pub struct Cluster {
    /// The context's name.
    pub context: String,
    /// As the kubeconfig calls the cluster; empty in a pod.
    pub name: String,
    /// What a command has to say to get here, too.
    pub way: Way,
    /// The API server's address.
    pub server: String,
    /// The kubeconfig's user.
    pub user: String,
    /// The context's own namespace.
    pub namespace: String,
    /// Certificates are not checked: to be shown as long as it lasts.
    pub insecure: bool,
    /// There is a login, and it is not sent because the server's address is http: to be shown as long as it lasts.
    pub withheld: bool,
    /// What `/version` said, if we may read it.
    pub version: Option<Version>,
    /// The uid of the namespace `kube-system`, by which a cluster is known whatever its contexts are called; empty where
    /// it may not be read.
    pub identity: String,
    /// For lists and watches.
    pub read: Client,
    /// For actions and service proxies: its own connections, none that has been idle for long.
    pub once: Client,
    pub stats: Arc<Stats>,
    /// The settings with this context's overrides.
    pub settings: Settings,
    /// Which Services may be used; until somebody tells more, those that the configuration names.
    pub trust: watch::Receiver<Arc<Trust>>,
    /// What should be known of the way here.
    pub warnings: Vec<String>,
    credentials: Arc<Credentials>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({} at {})", self.context, self.server)
    }
}

/// The API server's version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    pub git_version: String,
    major: String,
    minor: String,
}

impl Version {
    /// Major and minor as numbers; providers append signs to the minor (`29+`).
    #[must_use]
    pub fn numbers(&self) -> Option<(u32, u32)> {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        Some((digits(&self.major)?, digits(&self.minor)?))
    }
}

/// The answer to a health probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub took: Duration,
    /// What is not ready, in the server's words.
    pub problem: Option<String>,
}

impl Cluster {
    /// Connects to a context (`None`: the current one, else the cluster that we run in) and asks for its version.
    ///
    /// # Errors
    /// Why not; the contexts that exist are in [`super::kubeconfig::load`]. Takes at most the plugin's 30 s and 10 s
    /// for the answer.
    pub async fn connect(settings: &Settings, context: Option<&str>) -> Result<Self, ConnectError> {
        let known = super::kubeconfig::load(settings);
        Self::connect_among(settings, &known, context, &Said::default()).await
    }

    /// As [`Cluster::connect`], with the kubeconfig files already read; what a plugin says meanwhile goes to `said`.
    ///
    /// # Errors
    /// As [`Cluster::connect`].
    pub async fn connect_among(
        settings: &Settings,
        known: &Kubeconfigs,
        context: Option<&str>,
        said: &Said,
    ) -> Result<Self, ConnectError> {
        let wanted = context.map(str::to_owned).or_else(|| settings.context.clone());
        let (resolved, by_file) = match known.target(wanted.as_deref()) {
            Ok(target) => (resolve(target, settings, said)?, true),
            Err(nothing @ ConnectError::NoConfig { .. }) => (in_cluster(settings).ok_or(nothing)??, false),
            Err(error) => return Err(error),
        };
        let Resolved { context, name, user, config, login, reload, withheld, warnings } = resolved;
        let settings = settings.for_context(&context);
        let way = way(if by_file { &context } else { "" }, &settings);
        let get = CommandLine::new(&KUBECTL, &way, &["get"]).flag("raw", "/version");
        let hint = format!("log in from another terminal, for example with: {get}");
        let written = if reload.is_some() { known.looked.clone() } else { Vec::new() };
        let credentials = Credentials::written(login, context.clone(), hint, written, reload);
        let stats = Arc::new(Stats::default());
        let first = credentials.current().await.map_err(|login| ConnectError::Request(RequestError::Login(login)))?;

        let setup = |error: BoxError| ConnectError::Incomplete { context: context.clone(), what: error.to_string() };
        // Built here once for nothing but its error: a bad client key should not wait for the first request.
        tls::client(&with_identity(&config, &first)).map_err(setup)?;
        let sender = |idle| Sender::new(config.clone(), idle, Arc::clone(&credentials), Arc::clone(&stats));
        let (read, once) = (client(&config, sender(IDLE_READ)), client(&config, sender(IDLE_ONCE)));
        let mut cluster = Self {
            server: redact::urls(&config.cluster_url.to_string()).into_owned(),
            user,
            namespace: config.default_namespace.clone(),
            insecure: config.accept_invalid_certs,
            withheld,
            version: None,
            identity: String::new(),
            read: read.map_err(|error| setup(error.into()))?,
            once: once.map_err(|error| setup(error.into()))?,
            stats,
            settings,
            trust: watch::channel(Arc::new(Trust::default())).1,
            warnings,
            credentials,
            context: context.clone(),
            name,
            way,
        };
        cluster.version = cluster.ask_version().await?;
        cluster.identity = cluster.ask_identity().await.unwrap_or_default();
        Ok(cluster)
    }

    /// A cluster has no name of its own; this namespace is there from its first minute to its last.
    pub async fn ask_identity(&self) -> Option<String> {
        let answer = Http::api(self).get("/api/v1/namespaces/kube-system", CONNECT_DEADLINE).await.ok()?;
        let namespace: serde_json::Value = answer.into_result().ok()?.json().ok()?;
        namespace.pointer("/metadata/uid").and_then(serde_json::Value::as_str).map(str::to_owned)
    }

    /// Which Services may be used, once that is known; what is known after a while, otherwise.
    pub async fn trust(&self) -> Arc<Trust> {
        let mut told = self.trust.clone();
        let settled = tokio::time::timeout(TRUST_DEADLINE, told.wait_for(|trust| trust.settled)).await;
        if let Ok(Ok(trust)) = settled {
            return trust.clone();
        }
        self.trust.borrow().clone()
    }

    async fn ask_version(&self) -> Result<Option<Version>, ConnectError> {
        let answer = Http::api(self).get("/version", CONNECT_DEADLINE).await?;
        match answer.into_result() {
            Ok(answer) => {
                let version = serde_json::from_slice::<Version>(&answer.body);
                version.map(Some).map_err(|error| RequestError::from_json(&error).into())
            }
            // Readable by default, but it need not be: we have been answered, which is the point.
            Err(RequestError::Forbidden { .. } | RequestError::NotFound { .. }) => Ok(None),
            Err(RequestError::Unauthorized) if self.withheld => Err(RequestError::Login(self.not_sent()).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether everybody on the way to the API server reads what is sent.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.server.starts_with("http://")
    }

    /// What of a service is weaker than it should be, in the words of the header.
    #[must_use]
    pub fn alarm_of(&self, service: &Service) -> Option<&'static str> {
        let withheld = self.is_plain() && service.effective_mode() == ServiceMode::Auto && service.has_login_header();
        service.alarm().or_else(|| withheld.then_some("HTTP: LOGIN NOT SENT"))
    }

    fn not_sent(&self) -> LoginNeeded {
        LoginNeeded {
            context: self.context.clone(),
            why: "the login of the kubeconfig was not sent: the server's address is http, which everybody on the way can \
                  read"
                .to_owned(),
            output: String::new(),
            costly: false,
            hint: "write https:// before the server's address in the kubeconfig".to_owned(),
        }
    }

    /// What the credential plugin that runs now has said; empty when none runs.
    #[must_use]
    pub fn login(&self) -> &Said {
        self.credentials.said()
    }

    /// A person says that what failed for want of a login should be tried again now.
    pub fn retry_login(&self) {
        self.credentials.retry();
    }

    /// Asks the API server whether it is healthy, within `deadline`.
    ///
    /// # Errors
    /// No answer, or one that says that we may not talk to it at all (401).
    pub async fn probe(&self, deadline: Duration) -> Result<Health, RequestError> {
        let http = Http::api(self);
        let started = Instant::now();
        let mut answer = http.get("/readyz", deadline).await?;
        if matches!(answer.status.as_u16(), 403 | 404) {
            answer = http.get("/version", deadline.saturating_sub(started.elapsed())).await?;
        }
        let took = started.elapsed();
        match answer.status.as_u16() {
            401 => Err(RequestError::Unauthorized),
            429 => Err(RequestError::Throttled { retry_after: self.stats.retry_after() }),
            500.. => Ok(Health { took, problem: Some(answer.text(2000)) }),
            _ => Ok(Health { took, problem: None }),
        }
    }

    /// Sorts an error of one of the clients, with the wait that the server asked for in a header.
    #[must_use]
    pub fn classify(&self, error: &kube::Error) -> RequestError {
        self.with_wait(RequestError::from_kube(error))
    }

    /// Adds the wait that the server asked for, which kube's errors have lost.
    #[must_use]
    pub fn with_wait(&self, error: RequestError) -> RequestError {
        match error {
            RequestError::Throttled { retry_after: None } => {
                RequestError::Throttled { retry_after: self.stats.retry_after() }
            }
            other => other,
        }
    }

    /// Sends a request with a path and gives back whatever came, as the API server proxy needs it.
    pub(super) async fn send_once(&self, request: Request<Body>) -> Result<Answer, RequestError> {
        Answer::read(self.once.send(request).await.map_err(|error| RequestError::from_kube(&error))?).await
    }
}

impl Http {
    /// The API server itself.
    #[must_use]
    pub fn api(cluster: &Cluster) -> Self {
        Self::of_server(cluster.once.clone())
    }

    /// A service or pod through the API server's proxy. Tokens and client certificates of `settings` cannot pass it, and
    /// what else is a login does not go to an API server over http.
    ///
    /// # Errors
    /// A header of the settings that is none.
    pub fn through(cluster: &Cluster, endpoint: &Endpoint, settings: &Service) -> Result<Self, ConnectError> {
        Self::behind(cluster.once.clone(), endpoint, settings, cluster.is_plain())
    }
}

struct Resolved {
    context: String,
    name: String,
    user: String,
    config: Config,
    login: Login,
    reload: Option<Reload>,
    withheld: bool,
    warnings: Vec<String>,
}

/// How another program gets to the same place.
fn way(context: &str, settings: &Settings) -> Way {
    // a command may be pasted in another folder
    let whole = |file: Option<&std::path::PathBuf>| {
        let file = file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        file.map_or_else(String::new, |file| file.display().to_string())
    };
    Way {
        context: context.to_owned(),
        kubeconfig: whole(settings.kubeconfig.as_ref()),
        config: whole(settings.named_file.as_ref()),
        user: settings.impersonate.clone().unwrap_or_default(),
        groups: settings.impersonate_groups.clone(),
    }
}

/// Turns a context into kube's configuration and a source of credentials that is ours.
fn resolve(target: Target, settings: &Settings, said: &Said) -> Result<Resolved, ConnectError> {
    let incomplete = |what: String| ConnectError::Incomplete { context: target.context.clone(), what };
    let (cluster, server) = (&target.cluster, &target.server);
    let settings = settings.for_context(&target.context);
    // Loads the authority from data or file.
    let described =
        ExecAuthCluster::try_from(cluster).map_err(|error| incomplete(format!("certificate-authority: {error}")))?;
    let roots =
        described.certificate_authority_data.as_deref().map(tls::authorities).transpose().map_err(&incomplete)?;
    let withheld = is_plain(&target) && has_login(&target.user);
    let login = login(&target, &described, said).map_err(&incomplete)?;

    let mut config = Config::new(server.clone());
    config.default_namespace.clone_from(&target.namespace);
    config.root_cert = roots;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.proxy_url = proxy_of(cluster, server, &settings.env)?;
    config.auth_info = transport_identity(user_of(&target));
    impersonate(&mut config.auth_info, &settings).map_err(&incomplete)?;
    config.default_retry = false;
    let reload = rereading(&target, described, settings, said.clone());
    Ok(Resolved {
        config,
        login,
        reload: Some(reload),
        withheld,
        name: target.cluster_name,
        context: target.context,
        user: target.user_name,
        warnings: target.warnings,
    })
}

/// How the login is read again. One that the kubeconfig now has for another server is not for this one.
fn rereading(target: &Target, described: ExecAuthCluster, settings: Settings, said: Said) -> Reload {
    let known = target.clone();
    Arc::new(move || {
        let now = kubeconfig::load(&settings).target(Some(&known.context)).ok()?;
        if !now.is_same_place(&known) {
            return None;
        }
        login(&now, &described, &said).ok()
    })
}

fn proxy_of(cluster: &ClusterInfo, server: &Uri, env: &Env) -> Result<Option<Uri>, ConnectError> {
    proxy::choose(server, cluster.proxy_url.as_deref(), env).map_err(ConnectError::Proxy)
}

/// The pod's own service account, when we run in one.
fn in_cluster(settings: &Settings) -> Option<Result<Resolved, ConnectError>> {
    settings.env.get("KUBERNETES_SERVICE_HOST")?;
    let mut config = match Config::incluster() {
        Ok(config) => config,
        Err(error) => {
            return Some(Err(ConnectError::Incomplete { context: IN_CLUSTER.to_owned(), what: error.to_string() }));
        }
    };
    let token = config.auth_info.token_file.take();
    let source = token.map_or(Source::None, |path| Source::BearerFile(Path::new(&path).to_path_buf(), None));
    if let Err(what) = impersonate(&mut config.auth_info, &settings.for_context(IN_CLUSTER)) {
        return Some(Err(ConnectError::Incomplete { context: IN_CLUSTER.to_owned(), what }));
    }
    config.default_retry = false;
    Some(Ok(Resolved {
        context: IN_CLUSTER.to_owned(),
        user: "service account".to_owned(),
        config,
        login: source.into(),
        reload: None,
        name: String::new(),
        withheld: false,
        warnings: Vec::new(),
    }))
}

/// Everybody on the way reads what is sent to such an address.
fn is_plain(target: &Target) -> bool {
    target.server.scheme_str() == Some("http")
}

/// The user as far as this server may know it: as kubectl, which does not even run a plugin for plain http.
fn user_of(target: &Target) -> AuthInfo {
    if is_plain(target) { without_login(target.user.clone()) } else { target.user.clone() }
}

/// What the user of a context logs in by.
fn login(target: &Target, cluster: &ExecAuthCluster, said: &Said) -> Result<Login, String> {
    let user = &user_of(target);
    let pem = |data: Option<SecretString>, path: &Option<String>| {
        data.map(Pem::Data).or_else(|| path.as_ref().map(|path| Pem::File(Path::new(path).to_path_buf())))
    };
    let certificate = pem(user.client_certificate_data.clone().map(SecretString::from), &user.client_certificate);
    let key = pem(user.client_key_data.clone(), &user.client_key);
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (Some(_), None) => return Err("its user has a client-certificate without its client-key".to_owned()),
        // as for kubectl, which looks for a key only where there is a certificate
        (None, _) => None,
    };
    Ok(Login { source: source(user, cluster, said)?, certificate, raw: target.user_as_written().clone() })
}

/// In the order of kubectl's own preference.
fn source(user: &AuthInfo, cluster: &ExecAuthCluster, said: &Said) -> Result<Source, String> {
    if let Some(provider) = &user.auth_provider {
        return match provider.name.as_str() {
            "oidc" => Ok(Source::None),
            name => Err(format!("kubectl has dropped the auth-provider \"{name}\": use an exec plugin")),
        };
    }
    if let Some(name) = user.username.as_ref().filter(|name| !name.is_empty()) {
        // a name alone is sent with an empty password
        let password = user.password.clone().unwrap_or_else(|| SecretString::from(String::new()));
        return Ok(Source::Basic { user: name.clone(), password });
    }
    // the file wins over the inline token, which is used only while the file cannot be read
    if let Some(path) = &user.token_file {
        return Ok(Source::BearerFile(Path::new(path).to_path_buf(), user.token.clone()));
    }
    if let Some(token) = &user.token {
        return Ok(Source::Bearer(token.clone()));
    }
    Ok(match &user.exec {
        Some(exec) => {
            let cluster = exec.provide_cluster_info.then(|| cluster.clone());
            Source::Plugin(Box::new(Plugin {
                config: exec.clone(),
                cluster,
                deadline: PLUGIN_DEADLINE,
                patience: PLUGIN_PATIENCE,
                said: said.clone(),
            }))
        }
        None => Source::None,
    })
}

/// Whether the kubeconfig says by which user's right we come. Impersonation is no login.
fn has_login(user: &AuthInfo) -> bool {
    let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let secret = |secret: &Option<SecretString>| secret.as_ref().is_some_and(|s| !s.expose_secret().is_empty());
    set(&user.username)
        || secret(&user.password)
        || secret(&user.token)
        || set(&user.token_file)
        || set(&user.client_certificate)
        || set(&user.client_certificate_data)
        || user.auth_provider.is_some()
        || user.exec.is_some()
}

fn without_login(user: AuthInfo) -> AuthInfo {
    AuthInfo {
        impersonate: user.impersonate,
        impersonate_groups: user.impersonate_groups,
        impersonate_uid: user.impersonate_uid,
        impersonate_user_extra: user.impersonate_user_extra,
        ..AuthInfo::default()
    }
}

/// What remains for kube: impersonation, and the provider that it serves itself.
fn transport_identity(user: AuthInfo) -> AuthInfo {
    AuthInfo {
        impersonate: user.impersonate,
        impersonate_uid: user.impersonate_uid,
        impersonate_groups: user.impersonate_groups,
        impersonate_user_extra: user.impersonate_user_extra,
        auth_provider: user.auth_provider,
        ..AuthInfo::default()
    }
}

/// Acts as another user. Groups without one would be left out, and the request sent with our own rights: as kubectl,
/// that is refused, wherever they come from.
fn impersonate(auth: &mut AuthInfo, settings: &Settings) -> Result<(), String> {
    if let Some(user) = &settings.impersonate {
        auth.impersonate = Some(user.clone());
        auth.impersonate_groups = Some(settings.impersonate_groups.clone());
        auth.impersonate_uid = None;
        auth.impersonate_user_extra = None;
    } else if !settings.impersonate_groups.is_empty() {
        // for the user that the kubeconfig names
        auth.impersonate_groups = Some(settings.impersonate_groups.clone());
    }
    let named = auth.impersonate.as_ref().is_some_and(|user| !user.is_empty());
    let groups = auth.impersonate_groups.as_ref().is_some_and(|groups| !groups.is_empty());
    let more = auth.impersonate_uid.as_ref().is_some_and(|uid| !uid.is_empty())
        || auth.impersonate_user_extra.as_ref().is_some_and(|extra| !extra.is_empty());
    if named || !(groups || more) {
        return Ok(());
    }
    Err(match settings.origin("as-groups") {
        Origin::Default => "its user asks for groups, a uid or extra fields to impersonate, and names no user to \
                            impersonate (as)"
            .to_owned(),
        origin => format!("groups to impersonate are set by {origin}, and no user: they need one (--as, or `as`)"),
    })
}

fn client(config: &Config, sender: Sender) -> Result<Client, kube::Error> {
    let service = service_fn(move |request: Request<Body>| {
        let sender = sender.clone();
        async move {
            served::path(request.uri().path()).map_err(RequestError::NoName)?;
            sender.send(request).await
        }
    });
    let service = config.base_uri_layer().layer(config.extra_headers_layer()?.layer(service));
    Ok(Client::new(service, config.default_namespace.clone()))
}
