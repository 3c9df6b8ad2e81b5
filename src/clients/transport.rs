//! Connections: TCP with keepalive (a peer that has vanished is noticed within 15 seconds), connecting bounded in time,
//! HTTP and SOCKS proxies, TLS by kube's rules, gzip, the bounds of what comes back, and the credentials of every request. A request is sent once;
//! only after a 401 is it sent again, with renewed credentials, since the server has not acted on it.

#![expect(clippy::disallowed_methods, reason = "the difference of the clocks is measured where an answer arrives")]

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use kube::Config;
use kube::client::{Body, ConfigExt};
use percent_encoding::percent_decode_str;
use tower::util::{BoxCloneSyncService, MapErr};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use super::answered::{self, Head};
use super::auth::{Credential, Credentials};
use super::bounds;
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
use super::connecting::UNACKNOWLEDGED;
use super::connecting::{Bounded, KEEPALIVE_AFTER, KEEPALIVE_EVERY, KEEPALIVE_PROBES, Resolver, userinfo};
use super::errors::{Foreign, RequestError};
use super::failure::{Overdue, ProxyFailed};
use super::gzip::AnyBody;
use super::stats::Stats;
use super::{bounded, tls};

/// TCP alone.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

type Connected = BoxCloneSyncService<Request<Body>, Response<AnyBody>, BoxError>;

/// Sends requests to one API server. Clones share connections, credentials and counters.
#[derive(Clone)]
pub struct Sender(Arc<Inner>);

struct Inner {
    config: Config,
    idle: Duration,
    credentials: Arc<Credentials>,
    stats: Arc<Stats>,
    /// The connections, and the generation of the client certificate that they use.
    pool: Mutex<Option<(u64, Connected)>>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({}, {:?})", self.0.config.cluster_url, self.0.credentials)
    }
}

impl Sender {
    /// A sender for the API server of `config`, whose `proxy_url` is already chosen and whose `auth_info` holds at most
    /// client certificates and a provider. Connections that nobody used for `idle` are not used again.
    #[must_use]
    pub fn new(config: Config, idle: Duration, credentials: Arc<Credentials>, stats: Arc<Stats>) -> Self {
        Self(Arc::new(Inner { config, idle, credentials, stats, pool: Mutex::default() }))
    }

    /// Sends a request with an absolute URI and waits for the answer's head.
    ///
    /// # Errors
    /// Whatever keeps us from an answer; [`super::RequestError::from_chain`] sorts it. A status code is no error.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<AnyBody>, BoxError> {
        let inner = &self.0;
        let shape = bounded::shape(request.uri());
        answered::introduce(request.headers_mut(), !inner.config.disable_compression);
        let (parts, body) = request.into_parts();
        let again = body.try_clone().map(|body| Request::from_parts(parts.clone(), body));
        let proxied = parts.uri.path().split('/').any(|part| part == "proxy");
        let credential = inner.credentials.current().await?;
        let mut answer = self.send_as(Request::from_parts(parts, body), &credential, !proxied).await;
        if answered::is_refused(&answer)
            && let Some(again) = again
            && let Some(credential) = inner.credentials.renew(credential.generation).await?
        {
            inner.stats.note_renewal();
            answer = self.send_as(again, &credential, !proxied).await;
        } else if answer.as_ref().is_ok_and(|response| response.status() != StatusCode::UNAUTHORIZED) {
            inner.credentials.accepted(credential.generation);
        }
        let response = answer?;
        if !proxied {
            foreign(&response)?;
        }
        Ok(answered::taken_in(response, shape, &inner.stats))
    }

    /// `direct`: no service behind the API server's proxy is meant. What one says about time and load is not the API
    /// server's.
    async fn send_as(&self, mut request: Request<Body>, credential: &Credential, direct: bool) -> Head {
        let inner = &self.0;
        if let Some(header) = &credential.header {
            request.headers_mut().insert(header::AUTHORIZATION, header.clone());
        }
        let service = self.connected(credential)?;
        inner.stats.note_request();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let sent = Timestamp::now();
        let answer = tokio::time::timeout(bounds::HEAD, service.oneshot(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(Overdue::Answer.into()));
        let now = Timestamp::now();
        answered::note(&method, &path, now.duration_since(sent).unsigned_abs(), &answer);
        if let Ok(response) = answer.as_ref()
            && direct
        {
            inner.stats.note_answer(&path, response.status(), response.headers(), sent, now);
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
        let service = connect(&with_identity(&inner.config, credential), inner.idle)?;
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

fn connect(config: &Config, idle: Duration) -> Result<Connected, BoxError> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver::new(|_| true));
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

/// A proxy's connector whose errors are distinguished from the server's.
fn named<C>(connector: C) -> MapErr<C, fn(C::Error) -> ProxyFailed>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
{
    connector.map_err(|error| ProxyFailed(error.into()))
}

fn with_login<C>(proxy: &Uri, tunnel: Tunnel<C>) -> Tunnel<C> {
    let login = userinfo(proxy).map(|user| format!("Basic {}", BASE64_STANDARD.encode(decoded(user))));
    match login.and_then(|login| HeaderValue::from_str(&login).ok()) {
        Some(mut value) => {
            value.set_sensitive(true);
            tunnel.with_auth(value)
        }
        None => tunnel,
    }
}

fn with_socks_login<C>(proxy: &Uri, socks: SocksV5<C>) -> SocksV5<C> {
    let Some(userinfo) = userinfo(proxy) else { return socks };
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let plain = |text| String::from_utf8_lossy(&decoded(text)).into_owned();
    socks.with_auth(plain(user), plain(password))
}

fn decoded(userinfo: &str) -> Vec<u8> {
    percent_decode_str(userinfo).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_password_is_decoded_before_it_is_sent() {
        assert_eq!(decoded("al%40ce:p%3Ass%zz%2"), b"al@ce:p:ss%zz%2");
    }
}
