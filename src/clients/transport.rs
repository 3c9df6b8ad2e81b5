//! Connections: TCP with keepalive (a peer that has vanished is noticed within 15 seconds), connecting bounded in time,
//! HTTP and SOCKS proxies, TLS by kube's rules, gzip, the bounds of what comes back, and the credentials of every request. A request is sent once;
//! only after a 401 is it sent again, with renewed credentials, since the server has not acted on it.

#![expect(clippy::disallowed_methods, reason = "the difference of the clocks is measured where an answer arrives")]

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use kube::Config;
use kube::client::{Body, ConfigExt};
use tower::util::{BoxCloneSyncService, MapErr};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use super::auth::{Credential, Credentials, base64};
use super::bounds::{self, Shape};
use super::errors::{Foreign, RequestError, TlsProblem};
use super::gzip::{self, AnyBody};
use super::stats::Stats;
use super::tls;

/// What we say we are.
pub const USER_AGENT: &str = concat!("watchkeeper/", env!("CARGO_PKG_VERSION"));
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// TCP and, behind it, the proxy's and the TLS handshakes.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);
const KEEPALIVE_PROBES: u32 = 2;
/// Keepalive rests while a request waits for its acknowledgement; this does not, and cuts the last probe short.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(12);

type Connected = BoxCloneSyncService<Request<Body>, Response<AnyBody>, BoxError>;
type Pending<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Sends requests to one server. Clones share connections, credentials and counters.
#[derive(Clone)]
pub struct Sender(Arc<Inner>);

struct Inner {
    config: Config,
    idle: Duration,
    /// It is the API server: what answers otherwise than one is somebody else.
    api: bool,
    credentials: Arc<Credentials>,
    stats: Arc<Stats>,
    /// To which addresses it may connect.
    allowed: fn(IpAddr) -> bool,
    /// The connections, and the generation of the client certificate that they use.
    pool: Mutex<Option<(u64, Connected)>>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({}, {:?})", self.0.config.cluster_url, self.0.credentials)
    }
}

impl Sender {
    /// A sender for the server of `config`, whose `proxy_url` is already chosen and whose `auth_info` holds at most
    /// client certificates and a provider. Connections that nobody used for `idle` are not used again.
    #[must_use]
    pub fn new(config: Config, idle: Duration, credentials: Arc<Credentials>, stats: Arc<Stats>) -> Self {
        Self::guarded(config, idle, credentials, stats, |_| true)
    }

    /// The same for an API server.
    #[must_use]
    pub fn of_api(config: Config, idle: Duration, credentials: Arc<Credentials>, stats: Arc<Stats>) -> Self {
        let pool = Mutex::default();
        Self(Arc::new(Inner { config, idle, api: true, credentials, stats, allowed: |_| true, pool }))
    }

    /// The same, for an address that somebody else has chosen: names that lead to other addresses are as if they led
    /// nowhere. An address in place of a name is for the caller to look at.
    #[must_use]
    pub fn guarded(
        config: Config,
        idle: Duration,
        credentials: Arc<Credentials>,
        stats: Arc<Stats>,
        allowed: fn(IpAddr) -> bool,
    ) -> Self {
        Self(Arc::new(Inner { config, idle, api: false, credentials, stats, allowed, pool: Mutex::default() }))
    }

    /// Sends a request with an absolute URI and waits for the answer's head.
    ///
    /// # Errors
    /// Whatever keeps us from an answer; [`super::RequestError::from_chain`] sorts it. A status code is no error.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<AnyBody>, BoxError> {
        let inner = &self.0;
        let shape = bounds::shape(request.uri());
        let headers = request.headers_mut();
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
        if !inner.config.disable_compression {
            headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
        }
        let (parts, body) = request.into_parts();
        let again = body.try_clone().map(|body| Request::from_parts(parts.clone(), body));
        let proxied = parts.uri.path().split('/').any(|part| part == "proxy");
        let credential = inner.credentials.current().await?;
        let mut answer = self.send_as(Request::from_parts(parts, body), &credential, !proxied).await;
        if is_refused(&answer)
            && let Some(again) = again
            && let Some(credential) = inner.credentials.renew(credential.generation).await?
        {
            inner.stats.note_renewal();
            answer = self.send_as(again, &credential, !proxied).await;
        } else if answer.as_ref().is_ok_and(|response| response.status() != StatusCode::UNAUTHORIZED) {
            inner.credentials.accepted(credential.generation);
        }
        let mut response = answer?;
        if inner.api && !proxied {
            foreign(&response)?;
        }
        let zipped = response.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        if zipped {
            response.headers_mut().remove(header::CONTENT_ENCODING);
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let shape = if response.status().is_success() { shape } else { Shape::Words };
        Ok(response.map(|body| {
            let text = gzip::unpack(body, zipped, Arc::clone(&inner.stats));
            bounds::bounded(text, shape, Arc::clone(&inner.stats))
        }))
    }

    /// `direct`: no service behind the API server's proxy is meant. What one says about time and load is not the API
    /// server's.
    async fn send_as(
        &self,
        mut request: Request<Body>,
        credential: &Credential,
        direct: bool,
    ) -> Result<Response<AnyBody>, BoxError> {
        let inner = &self.0;
        if let Some(header) = &credential.header {
            request.headers_mut().insert(header::AUTHORIZATION, header.clone());
        }
        let service = self.connected(credential)?;
        inner.stats.note_request();
        // a query may hold what is nobody's business, and a header does
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let sent = Timestamp::now();
        let answer = tokio::time::timeout(bounds::HEAD, service.oneshot(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(Overdue::answer()));
        let now = Timestamp::now();
        let took = now.duration_since(sent).as_millis();
        match &answer {
            Ok(response) => {
                let code = response.status().as_u16();
                if matches!(code, 401 | 403 | 429 | 500..) {
                    tracing::info!(%method, path, code, took_ms = took, "refused");
                } else {
                    tracing::debug!(%method, path, code, took_ms = took, "answered");
                }
                if direct {
                    inner.stats.note_answer(&path, response.status(), response.headers(), sent, now);
                }
            }
            Err(error) => {
                let why = RequestError::from_chain(error.as_ref()).headline();
                tracing::info!(%method, path, took_ms = took, why, "no answer");
            }
        }
        answer
    }

    /// The connections for this credential: new ones when its client certificate is new.
    fn connected(&self, credential: &Credential) -> Result<Connected, BoxError> {
        let inner = &self.0;
        let generation = if credential.identity.is_some() { credential.generation } else { 0 };
        let mut pool = inner.pool();
        if let Some((_, service)) = pool.as_ref().filter(|(of, _)| *of == generation) {
            return Ok(service.clone());
        }
        let service = connect(&with_identity(&inner.config, credential), inner.idle, inner.allowed)?;
        *pool = Some((generation, service.clone()));
        Ok(service)
    }
}

impl Inner {
    fn pool(&self) -> MutexGuard<'_, Option<(u64, Connected)>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The configuration with the client certificate of a credential.
pub(super) fn with_identity(config: &Config, credential: &Credential) -> Config {
    let mut config = config.clone();
    if let Some(identity) = &credential.identity {
        config.auth_info.client_certificate_data = Some(identity.certificate.clone());
        config.auth_info.client_key_data = Some(identity.key.clone());
    }
    config
}

/// Whether the server does not take the credentials; it has not acted on the request then.
fn is_refused(answer: &Result<Response<AnyBody>, BoxError>) -> bool {
    match answer {
        Ok(response) => response.status() == StatusCode::UNAUTHORIZED,
        Err(error) => {
            matches!(RequestError::from_chain(error.as_ref()), RequestError::Tls(TlsProblem::ClientRefused))
        }
    }
}

/// What no API server answers, by its code and its content type.
fn foreign(response: &Response<AnyBody>) -> Result<(), RequestError> {
    let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let code = response.status();
    if code.is_redirection() && code != StatusCode::NOT_MODIFIED {
        let to: Option<Uri> = header(header::LOCATION).and_then(|to| to.parse().ok());
        // what follows the host may be a secret
        let to = to.and_then(|to| Some(format!("{}://{}", to.scheme_str()?, to.host()?)));
        return Err(RequestError::Foreign(Foreign::Redirect(to.unwrap_or_else(|| "another path".to_owned()))));
    }
    let html = header(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    match code.as_u16() {
        _ if !html => Ok(()),
        // what these mean is known, whoever says it
        401 | 429 => Ok(()),
        code @ 500.. => Err(RequestError::Server { code, says: "an HTML page of something on the way".to_owned() }),
        _ => Err(RequestError::Foreign(Foreign::Html)),
    }
}

/// Makes the connections for a configuration. The connectors have different types: each becomes a boxed service here.
macro_rules! pooled {
    ($config:expr, $idle:expr, $connector:expr) => {{
        let connector = Bounded(tls::over($config, $connector)?);
        let client: Client<_, Body> = Client::builder(TokioExecutor::new())
            .pool_idle_timeout($idle)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let service = service_fn(move |request: Request<Body>| {
            let client = client.clone();
            async move {
                let response = client.request(request).await.map_err(BoxError::from)?;
                Ok::<_, BoxError>(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
            }
        });
        Connected::new(service)
    }};
}

fn connect(config: &Config, idle: Duration, allowed: fn(IpAddr) -> bool) -> Result<Connected, BoxError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster: one is as good as the other.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let mut tcp = HttpConnector::new_with_resolver(Resolver { names: GaiResolver::new(), allowed });
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_DEADLINE));
    tcp.set_keepalive(Some(KEEPALIVE_AFTER));
    tcp.set_keepalive_interval(Some(KEEPALIVE_EVERY));
    tcp.set_keepalive_retries(Some(KEEPALIVE_PROBES));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let service = match &config.proxy_url {
        None => pooled!(config, idle, tcp),
        Some(proxy) if proxy.scheme_str() == Some("socks5") => {
            pooled!(config, idle, named(with_socks_login(proxy, SocksV5::new(proxy.clone(), tcp))))
        }
        Some(proxy) if proxy.scheme_str() == Some("https") => {
            let tls = tls::over(config, tcp)?;
            pooled!(config, idle, named(with_login(proxy, Tunnel::new(proxy.clone(), tls))))
        }
        Some(proxy) => pooled!(config, idle, named(with_login(proxy, Tunnel::new(proxy.clone(), tcp)))),
    };
    Ok(match config.auth_info.auth_provider {
        Some(_) => match config.auth_layer()? {
            Some(layer) => Connected::new(layer.layer(service)),
            None => service,
        },
        None => service,
    })
}

/// A proxy's connector whose errors can be told from the server's.
fn named<C>(connector: C) -> MapErr<C, fn(C::Error) -> ProxyFailed>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
{
    connector.map_err(|error| ProxyFailed(error.into()))
}

/// The proxy on the way failed, not the server.
#[derive(Debug)]
pub struct ProxyFailed(pub BoxError);

impl fmt::Display for ProxyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy: {}", self.0)
    }
}

impl StdError for ProxyFailed {}

fn with_login<C>(proxy: &Uri, tunnel: Tunnel<C>) -> Tunnel<C> {
    let userinfo = proxy.authority().and_then(|authority| authority.as_str().rsplit_once('@')).map(|(user, _)| user);
    let value =
        userinfo.and_then(|user| HeaderValue::from_str(&format!("Basic {}", base64(&percent_decoded(user)))).ok());
    match value {
        Some(mut value) => {
            value.set_sensitive(true);
            tunnel.with_auth(value)
        }
        None => tunnel,
    }
}

fn with_socks_login<C>(proxy: &Uri, socks: SocksV5<C>) -> SocksV5<C> {
    let userinfo = proxy.authority().and_then(|authority| authority.as_str().rsplit_once('@')).map(|(user, _)| user);
    let Some(userinfo) = userinfo else { return socks };
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let plain = |text| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
    socks.with_auth(plain(user), plain(password))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// A connector that gives up in time, whatever stage it hangs in.
#[derive(Clone)]
struct Bounded<C>(C);

impl<C> Service<Uri> for Bounded<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pending<C::Response, BoxError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            match tokio::time::timeout(HANDSHAKE_DEADLINE, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(Overdue("connecting took too long").into()),
            }
        })
    }
}

/// The system's resolver, with errors that can be told from others by their type.
#[derive(Clone)]
struct Resolver {
    names: GaiResolver,
    allowed: fn(IpAddr) -> bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = DnsFailed;
    type Future = Pending<Self::Response, DnsFailed>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DnsFailed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.as_str().to_owned();
        let (lookup, allowed) = (self.names.call(name), self.allowed);
        Box::pin(async move {
            match lookup.await {
                Ok(found) => {
                    let found: Vec<SocketAddr> = found.collect();
                    let there = !found.is_empty();
                    let kept: Vec<SocketAddr> = found.into_iter().filter(|address| allowed(address.ip())).collect();
                    if kept.is_empty() && there {
                        return Err(DnsFailed {
                            host,
                            error: "it leads where nothing is asked".to_owned(),
                            barred: true,
                        });
                    }
                    Ok(kept.into_iter())
                }
                Err(error) => Err(DnsFailed { host, error: error.to_string(), barred: false }),
            }
        })
    }
}

/// A host name without an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsFailed {
    pub host: String,
    pub error: String,
    /// It has addresses, and we may connect to none of them.
    pub barred: bool,
}

impl fmt::Display for DnsFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no address for {}: {}", self.host, self.error)
    }
}

impl StdError for DnsFailed {}

/// Connecting took too long, or nothing was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue(&'static str);

impl Overdue {
    fn answer() -> BoxError {
        Self("no answer in time").into()
    }
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Overdue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_password_is_decoded_before_it_is_sent() {
        assert_eq!(percent_decoded("al%40ce:p%3Ass%zz%2"), b"al@ce:p:ss%zz%2");
    }
}
