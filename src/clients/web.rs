//! Asks a server that is not the API server: a service by its own address, or a storage by an address that it gave out.
//! No redirection is followed, no proxy is used but the selected one, what comes before the `@` of an address is
//! sent nowhere, and nothing is sent twice but after a 401, with renewed credentials.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{Request, Response, StatusCode, Uri, header};
use bytes::Bytes;
use futures::TryFutureExt;
use futures::future::MapErr;
use http_body_util::BodyExt;
use reqwest::{Client, Identity, Proxy, Url, redirect, retry};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

use super::answered::{self, Head};
use super::auth::{Credential, Credentials};
use super::bounded::Shape;
use super::bounds;
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
use super::connecting::UNACKNOWLEDGED;
use super::connecting::{Bounded, KEEPALIVE_AFTER, KEEPALIVE_EVERY, KEEPALIVE_PROBES, Resolver};
use super::errors::RequestError;
use super::failure::{Overdue, ProxyFailed};
use super::gzip::AnyBody;
use super::stats::Stats;
use super::tls;

/// Connections that nobody used for so long are not used again.
const IDLE: Duration = Duration::from_mins(1);

/// The way to one server.
pub struct Reach {
    /// Its address.
    url: Url,
    /// The proxy on the way, already chosen.
    pub proxy: Option<Uri>,
    /// The only authorities that may vouch for it; without them, those of this machine.
    pub roots: Option<Vec<Vec<u8>>>,
    /// Its certificate is not checked.
    pub insecure: bool,
    /// A client certificate and its key, both PEM.
    pub identity: Option<Vec<u8>>,
    /// To which addresses its name may lead. An address in place of a name is for the caller to look at.
    pub allowed: fn(IpAddr) -> bool,
    pub idle: Duration,
}

impl Reach {
    pub fn of(url: Url) -> Self {
        Self { url, proxy: None, roots: None, insecure: false, identity: None, allowed: |_| true, idle: IDLE }
    }

    /// Everybody on the way reads what is sent there.
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }
}

/// Sends requests to one server. Clones share connections, credentials and counters.
#[derive(Clone)]
pub struct Web {
    client: Client,
    credentials: Arc<Credentials>,
    stats: Arc<Stats>,
    /// Requests go to an HTTP proxy, which passes them on: what says 407 is the proxy.
    forwarded: bool,
}

impl Web {
    /// # Errors
    /// Certificates, a key or a proxy's address that cannot be used.
    pub fn new(reach: &Reach, credentials: Arc<Credentials>) -> Result<Self, BoxError> {
        tls::provider();
        let plain = reach.is_plain();
        let scheme = reach.proxy.as_ref().and_then(Uri::scheme_str);
        let connecting = Connecting { proxied: scheme.is_some(), tls: !plain };
        let forwarded = plain && scheme.is_some_and(|scheme| scheme != "socks5");
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .dns_resolver(Resolver::new(reach.allowed))
            .pool_idle_timeout(reach.idle)
            .tcp_keepalive(KEEPALIVE_AFTER)
            .tcp_keepalive_interval(KEEPALIVE_EVERY)
            .tcp_keepalive_retries(KEEPALIVE_PROBES)
            .connector_layer(connecting);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        {
            builder = builder.tcp_user_timeout(UNACKNOWLEDGED);
        }
        builder = match &reach.roots {
            Some(roots) if !reach.insecure => {
                builder.tls_backend_preconfigured(tls::trusting(roots, reach.identity.as_deref())?)
            }
            // no certificate is looked at: the authorities of this machine need not be there
            _ if plain && scheme != Some("https") => builder.tls_certs_only([]),
            _ => {
                let builder = builder.tls_danger_accept_invalid_certs(reach.insecure);
                match &reach.identity {
                    Some(pem) => builder.identity(Identity::from_pem(pem)?),
                    None => builder,
                }
            }
        };
        if let Some(proxy) = &reach.proxy {
            // names are looked up by the proxy
            let proxy = proxy.to_string().replacen("socks5://", "socks5h://", 1);
            builder = builder.proxy(Proxy::all(proxy)?);
        }
        Ok(Self { client: builder.build()?, credentials, stats: Arc::default(), forwarded })
    }

    /// Sends a request with an absolute URI and waits for the answer's head.
    ///
    /// # Errors
    /// Whatever keeps us from an answer; [`RequestError::from_chain`] sorts it. A status code is no error, but for the
    /// proxy's own refusal.
    pub async fn send(&self, request: Request<Option<Bytes>>) -> Head {
        let request = made(request)?;
        let credential = self.credentials.current().await?;
        let again = request.try_clone();
        let mut answer = self.send_as(request, &credential).await;
        if answered::is_refused(&answer)
            && let Some(again) = again
            && let Some(credential) = self.credentials.renew(credential.generation).await?
        {
            self.stats.note_renewal();
            answer = self.send_as(again, &credential).await;
        } else if answer.as_ref().is_ok_and(|response| response.status() != StatusCode::UNAUTHORIZED) {
            self.credentials.accepted(credential.generation);
        }
        let response = answer?;
        if self.forwarded && response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            let why = RequestError::Client { code: 407, says: String::new() };
            return Err(RequestError::Proxy(Box::new(why)).into());
        }
        Ok(answered::taken_in(response, Shape::Whole, &self.stats))
    }

    async fn send_as(&self, mut request: reqwest::Request, credential: &Credential) -> Head {
        if let Some(header) = &credential.header {
            request.headers_mut().insert(header::AUTHORIZATION, header.clone());
        }
        self.stats.note_request();
        let (method, path, sent) = (request.method().clone(), request.url().path().to_owned(), Instant::now());
        let answer = match tokio::time::timeout(bounds::HEAD, self.client.execute(request)).await {
            Ok(Ok(response)) => Ok(Response::<reqwest::Body>::from(response).map(any)),
            Ok(Err(error)) => Err(nameless(error)),
            Err(_) => Err(Overdue::Answer.into()),
        };
        answered::note(&method, &path, sent.elapsed(), &answer);
        answer
    }
}

/// The request as reqwest takes it.
fn made(request: Request<Option<Bytes>>) -> Result<reqwest::Request, RequestError> {
    let (parts, body) = request.into_parts();
    let parsed = Url::parse(&parts.uri.to_string());
    let mut url = parsed.map_err(|error| RequestError::Other(error.to_string()))?;
    // an address without a host has neither, and is refused when it is sent
    let _ = (url.set_username(""), url.set_password(None));
    let mut request = reqwest::Request::new(parts.method, url);
    *request.headers_mut() = parts.headers;
    answered::introduce(request.headers_mut(), true);
    *request.body_mut() = body.map(reqwest::Body::from);
    Ok(request)
}

fn any(body: reqwest::Body) -> AnyBody {
    body.map_err(nameless).boxed_unsync()
}

/// The address may be a secret.
fn nameless(error: reqwest::Error) -> BoxError {
    error.without_url().into()
}

/// An error and what caused it, in one line; for those that name no address.
pub fn words(error: &(dyn StdError + 'static)) -> String {
    let mut chain = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        chain.push(error.to_string());
        next = error.source();
    }
    chain.join(": ")
}

/// Wraps reqwest's own connector: it gives up in time, and a proxy's failure is distinguished from the server's.
#[derive(Clone, Copy)]
struct Connecting {
    proxied: bool,
    /// The server speaks TLS.
    tls: bool,
}

impl Connecting {
    fn named(self, error: BoxError) -> BoxError {
        // behind a proxy, only the server's own handshake fails as an I/O error
        let is_servers = self.tls && error.is::<io::Error>();
        if self.proxied && !is_servers { ProxyFailed(error).into() } else { error }
    }
}

impl<C> Layer<C> for Connecting {
    type Service = Connector<C>;

    fn layer(&self, inner: C) -> Connector<C> {
        Connector { inner: Bounded(inner), of: *self }
    }
}

#[derive(Clone)]
struct Connector<C> {
    inner: Bounded<C>,
    of: Connecting,
}

impl<C, T> Service<T> for Connector<C>
where
    Bounded<C>: Service<T, Error = BoxError>,
{
    type Response = <Bounded<C> as Service<T>>::Response;
    type Error = BoxError;
    type Future = MapErr<<Bounded<C> as Service<T>>::Future, Box<dyn FnOnce(BoxError) -> BoxError + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let of = self.of;
        self.inner.call(target).map_err(Box::new(move |error| of.named(error)))
    }
}
