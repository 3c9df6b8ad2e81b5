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
use secrecy::ExposeSecret;
use tower::util::{BoxCloneSyncService, MapErr};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use super::auth::{Credential, Credentials, base64};
use super::bounds::{self, Shape};
use super::gzip::{self, AnyBody};
use super::stats::Stats;

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
        Self(Arc::new(Inner { config, idle, credentials, stats, allowed, pool: Mutex::default() }))
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
        let credential = inner.credentials.current().await?;
        let mut response = self.send_as(Request::from_parts(parts, body), &credential).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(again) = again
            && let Some(credential) = inner.credentials.renew(credential.generation).await?
        {
            inner.stats.note_renewal();
            response = self.send_as(again, &credential).await?;
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

    async fn send_as(
        &self,
        mut request: Request<Body>,
        credential: &Credential,
    ) -> Result<Response<AnyBody>, BoxError> {
        let inner = &self.0;
        if let Some(header) = &credential.header {
            request.headers_mut().insert(header::AUTHORIZATION, header.clone());
        }
        // What a service behind the API server's proxy says about time and load is not the API server's.
        let direct = !request.uri().path().split('/').any(|part| part == "proxy");
        let service = self.connected(credential)?;
        inner.stats.note_request();
        let sent = Timestamp::now();
        let response =
            tokio::time::timeout(bounds::HEAD, service.oneshot(request)).await.map_err(|_| Overdue::answer())??;
        if direct {
            inner.stats.note_answer(response.status(), response.headers(), sent, Timestamp::now());
        }
        Ok(response)
    }

    /// The connections for this credential: new ones when its client certificate is new.
    fn connected(&self, credential: &Credential) -> Result<Connected, BoxError> {
        let inner = &self.0;
        let generation = if credential.identity.is_some() { credential.generation } else { 0 };
        let mut pool = inner.pool();
        if let Some((_, service)) = pool.as_ref().filter(|(of, _)| *of == generation) {
            return Ok(service.clone());
        }
        let mut config = inner.config.clone();
        if let Some(identity) = &credential.identity {
            config.auth_info.client_certificate_data = Some(base64(identity.certificate.as_bytes()));
            config.auth_info.client_key_data = Some(base64(identity.key.expose_secret().as_bytes()).into());
        }
        let service = connect(&config, inner.idle, inner.allowed)?;
        *pool = Some((generation, service.clone()));
        Ok(service)
    }
}

impl Inner {
    fn pool(&self) -> MutexGuard<'_, Option<(u64, Connected)>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the connections for a configuration. The connectors have different types: each becomes a boxed service here.
macro_rules! pooled {
    ($config:expr, $idle:expr, $connector:expr) => {{
        let connector = Bounded($config.rustls_https_connector_with_connector($connector)?);
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
            pooled!(config, idle, named(SocksV5::new(proxy.clone(), tcp)))
        }
        Some(proxy) if proxy.scheme_str() == Some("https") => {
            let tls = config.rustls_https_connector_with_connector(tcp)?;
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
