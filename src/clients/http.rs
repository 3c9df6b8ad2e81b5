//! One way to ask a service, whether it is reached through the API server's proxy or by its own address. Every answer
//! comes back whole with its status code: for these services 429 and 503 are ordinary words. Bodies are bounded where
//! they are sent and received, waits here; nothing is retried.

#![expect(clippy::disallowed_methods, reason = "Retry-After may be a date")]

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower::BoxError;

use super::auth::{Credentials, Source};
use super::errors::{ConnectError, RequestError};
use super::failure::LoginNeeded;
use super::web::{self, Reach, Web};
use super::{proxy, tls};
use crate::config::Service;
use crate::config::env::Env;
use crate::domain::redact;
use crate::domain::served::escape;

/// Something behind the API server's proxy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    pub target: ProxyTarget,
    pub namespace: String,
    pub name: String,
    /// Whether it speaks TLS. The API server does not check its certificate.
    pub tls: bool,
    /// A port number, or a port's name.
    pub port: String,
}

/// What the proxy is asked to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyTarget {
    Service,
    Pod,
}

impl Endpoint {
    /// The API path of its proxy, without a trailing slash. The form is the one that an RBAC rule has to name.
    #[must_use]
    pub fn proxy_path(&self) -> String {
        let plural = match self.target {
            ProxyTarget::Service => "services",
            ProxyTarget::Pod => "pods",
        };
        let scheme = if self.tls { "https" } else { "http" };
        let name = format!("{scheme}:{}:{}", escape(&self.name), escape(&self.port));
        format!("/api/v1/namespaces/{}/{plural}/{name}/proxy", escape(&self.namespace))
    }

    /// `http:NAME:PORT`, the name under which RBAC knows it.
    #[must_use]
    pub fn proxy_name(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}:{}:{}", self.name, self.port)
    }
}

/// Asks one service.
#[derive(Clone)]
pub struct Http {
    way: Way,
    prefix: String,
    headers: HeaderMap,
}

#[derive(Clone)]
enum Way {
    /// The API server's client: sends paths.
    Server(Client),
    Direct {
        web: Web,
        base: String,
        /// What the configured address has behind its `?`; it goes with every request and is never shown.
        query: String,
    },
}

/// No whole answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    pub error: RequestError,
    /// Whether a byte of the request can have left: then what it asks for may have happened.
    pub left: bool,
}

impl Undelivered {
    fn midway(error: RequestError) -> Self {
        Self { error, left: true }
    }
}

/// Whether a byte of the request can have left. It has not when there was no connection yet (its handshakes included), and
/// when there were no credentials to send it with.
fn may_have_left(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    // deeper chains are loops
    for _ in 0..16 {
        let Some(error) = next else { break };
        let connecting = error.downcast_ref::<hyper_util::client::legacy::Error>();
        if connecting.is_some_and(hyper_util::client::legacy::Error::is_connect)
            || error.is::<LoginNeeded>()
            // it says so before it passes anything on
            || matches!(error.downcast_ref(), Some(RequestError::Proxy(_)))
        {
            return false;
        }
        next = error.source();
    }
    true
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Http({})", self.label())
    }
}

impl Http {
    /// The server of `client` itself.
    pub(super) fn of_server(client: Client) -> Self {
        Self { way: Way::Server(client), prefix: String::new(), headers: HeaderMap::new() }
    }

    /// What is behind the proxy of the server of `client`; `plain`: everybody on the way to that server reads what is
    /// sent.
    pub(super) fn behind(
        client: Client,
        endpoint: &Endpoint,
        settings: &Service,
        plain: bool,
    ) -> Result<Self, ConnectError> {
        let prefix = format!("{}{}", endpoint.proxy_path(), slashed(&settings.path_prefix));
        let headers = headers(&endpoint.proxy_name(), &settings.headers, plain)?;
        Ok(Self { way: Way::Server(client), prefix, headers })
    }

    /// A service by the `url` of its settings. `env` holds the variables that the settings name.
    ///
    /// # Errors
    /// An address, header, certificate or variable that cannot be used.
    pub fn direct(settings: &Service, env: &Env) -> Result<Self, ConnectError> {
        let url = settings.url.clone().unwrap_or_default();
        let place = redact::urls(&url).into_owned();
        let refuse = |what: String| ConnectError::Incomplete { context: place.clone(), what };
        let address = url.split('#').next().unwrap_or_default().trim();
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let lower = address.to_ascii_lowercase();
        if !["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme)) {
            return Err(refuse("url must start with http:// or https:// and name a host".to_owned()));
        }
        let no_address = || refuse("url is not an address".to_owned());
        let parsed: Url = address.parse().map_err(|_| no_address())?;
        // as it is written: a default port may be excepted from the proxy
        let target: Uri = address.parse().or_else(|_| parsed.as_str().parse()).map_err(|_| no_address())?;
        let mut reach = Reach::of(parsed);
        reach.insecure = settings.insecure_skip_tls_verify;
        reach.proxy = proxy::choose(&target, None, env).map_err(ConnectError::Proxy)?;
        let read = |key: &str, path: &Path| {
            std::fs::read(path).map_err(|error| refuse(format!("{key} {}: {error}", path.display())))
        };
        if let Some(path) = &settings.ca_file {
            let pem = read("ca-file", path)?;
            reach.roots =
                Some(tls::authorities(&pem).map_err(|what| refuse(format!("ca-file {}: {what}", path.display())))?);
        }
        reach.identity = match (&settings.client_cert_file, &settings.client_key_file) {
            (Some(certificate), Some(key)) => {
                let (mut pem, certificate) = (read("client-key-file", key)?, read("client-cert-file", certificate)?);
                pem.push(b'\n');
                pem.extend(certificate);
                Some(pem)
            }
            (None, None) => None,
            _ => return Err(refuse("client-cert-file and client-key-file need each other".to_owned())),
        };
        // everybody on the way reads what is sent over http
        let plain = reach.is_plain();
        let headers = headers(&place, &settings.headers, plain)?;
        let source = if plain { Source::None } else { source(settings, env).map_err(&refuse)? };
        let query = if plain { Service::harmless_query(query) } else { query.to_owned() };
        let hint = "correct the credentials of this service in the configuration".to_owned();
        let credentials = Credentials::new(source, place.clone(), hint);
        let web = Web::new(&reach, credentials).map_err(|error| refuse(web::words(error.as_ref())))?;
        let base = address.trim_end_matches('/').to_owned();
        Ok(Self { way: Way::Direct { web, base, query }, prefix: slashed(&settings.path_prefix), headers })
    }

    /// Whether answers pass through the API server, whose own errors then look like the service's.
    #[must_use]
    pub fn is_proxied(&self) -> bool {
        matches!(self.way, Way::Server(_))
    }

    /// The address for a person, without credentials.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.way {
            Way::Server(_) => self.prefix.clone(),
            Way::Direct { base, .. } => redact::urls(&format!("{base}{}", self.prefix)).into_owned(),
        }
    }

    /// GET `path` (with its query), the whole answer within `deadline`.
    ///
    /// # Errors
    /// No answer, or none that can be held. A status code is no error: see [`Answer::into_result`].
    pub async fn get(&self, path: &str, deadline: Duration) -> Result<Answer, RequestError> {
        self.request(Method::GET, path, None, deadline).await
    }

    /// Any method, with a body and its content type.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
        deadline: Duration,
    ) -> Result<Answer, RequestError> {
        self.deliver(method, path, body, deadline).await.map_err(|failed| failed.error)
    }

    /// As [`Http::request`], and says of a failure whether anything can have arrived.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn deliver(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
        deadline: Duration,
    ) -> Result<Answer, Undelivered> {
        let unsent = |error| Undelivered { error, left: false };
        let asking = async {
            match &self.way {
                Way::Server(client) => {
                    let uri = format!("{}{path}", self.prefix);
                    let body_of = |bytes: Option<Bytes>| bytes.map_or_else(Body::empty, Body::from);
                    let request = self.build(method, &uri, body).map_err(unsent)?.map(body_of);
                    let answer = client.send(request).await.map_err(|error| Undelivered {
                        left: may_have_left(&error),
                        error: RequestError::from_kube(&error),
                    })?;
                    Answer::read(answer).await.map_err(Undelivered::midway)
                }
                Way::Direct { web, base, query } => {
                    let sign = match (query.is_empty(), path.contains('?')) {
                        (true, _) => "",
                        (false, true) => "&",
                        (false, false) => "?",
                    };
                    let uri = format!("{base}{}{path}{sign}{query}", self.prefix);
                    let request = self.build(method, &uri, body).map_err(unsent)?;
                    let answer = web.send(request).await.map_err(|error| Undelivered {
                        left: may_have_left(error.as_ref()),
                        error: RequestError::from_chain(error.as_ref()),
                    })?;
                    Answer::read(answer).await.map_err(Undelivered::midway)
                }
            }
        };
        let answer = tokio::time::timeout(deadline, asking).await;
        let mut answer = answer.map_err(|_| Undelivered::midway(RequestError::Timeout))??;
        answer.proxied = self.is_proxied();
        Ok(answer)
    }

    fn build(
        &self,
        method: Method,
        uri: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Request<Option<Bytes>>, RequestError> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            if let Some((content_type, _)) = &body {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
        }
        request.body(body.map(|(_, bytes)| bytes)).map_err(|error| RequestError::Other(error.to_string()))
    }
}

/// A whole answer, whatever its status code.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    proxied: bool,
}

/// The API server's own error, as far as it matters here.
#[derive(Deserialize)]
struct ServerStatus {
    kind: String,
    #[serde(rename = "apiVersion")]
    version: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    reason: String,
}

impl Answer {
    /// One that nobody sent.
    #[cfg(test)]
    pub fn of(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into(), proxied: false }
    }

    pub(super) async fn read<B>(response: Response<B>) -> Result<Self, RequestError>
    where
        B: BodyExt<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let (parts, mut stream) = response.into_parts();
        let mut body = BytesMut::new();
        while let Some(frame) = stream.frame().await {
            let frame = frame.map_err(|error| RequestError::from_chain(error.into().as_ref()))?;
            if let Some(data) = frame.data_ref() {
                body.extend_from_slice(data);
            }
        }
        Ok(Self { status: parts.status, headers: parts.headers, body: body.freeze(), proxied: false })
    }

    /// The answer if its code is 2xx, else the error that it means.
    ///
    /// # Errors
    /// Any other code.
    pub fn into_result(self) -> Result<Self, RequestError> {
        if self.status.is_success() { Ok(self) } else { Err(self.error()) }
    }

    /// What the API server itself said instead of the service: no right to its proxy, no endpoint behind it. `None`
    /// when the answer is the service's own.
    #[must_use]
    pub fn from_api_server(&self) -> Option<RequestError> {
        let failed = self.status.is_client_error() || self.status.is_server_error();
        (self.proxied && failed && self.server_status().is_some()).then(|| self.error())
    }

    /// Decodes the body, whatever the code.
    ///
    /// # Errors
    /// The place and kind of the mistake, never the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, RequestError> {
        serde_json::from_slice(&self.body).map_err(|error| RequestError::Decode(error.to_string()))
    }

    /// The body as text, at most so many characters. Not sanitised.
    #[must_use]
    pub fn text(&self, limit: usize) -> String {
        let head = &self.body[..self.body.len().min(limit.saturating_mul(4))];
        String::from_utf8_lossy(head).trim().chars().take(limit).collect()
    }

    /// Whether the API server itself says that this object is not there. A 404 of something in between says nothing
    /// of it.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.status.as_u16() == 404 && self.server_status().is_some_and(|status| status.reason == "NotFound")
    }

    fn server_status(&self) -> Option<ServerStatus> {
        let status: ServerStatus = serde_json::from_slice(&self.body).ok()?;
        (status.kind == "Status" && status.version == "v1").then_some(status)
    }

    fn error(&self) -> RequestError {
        let says = self.server_status().map_or_else(|| self.text(500), |status| status.message);
        let wait = super::stats::retry_after(&self.headers, jiff::Timestamp::now());
        RequestError::from_code(self.status.as_u16(), says, None, wait)
    }
}

/// The headers of the configuration; over http, those that are no login.
fn headers(place: &str, pairs: &[(String, String)], plain: bool) -> Result<HeaderMap, ConnectError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().filter(|(name, value)| !(plain && Service::is_login(name, value))) {
        let (Ok(header), Ok(mut value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
            let what =
                format!("headers: \"{name}\" is not a header, or its value has characters that no header may have");
            return Err(ConnectError::Incomplete { context: place.to_owned(), what });
        };
        value.set_sensitive(true);
        headers.append(header, value);
    }
    Ok(headers)
}

fn source(settings: &Service, env: &Env) -> Result<Source, String> {
    let variable = |name: &String| {
        env.get(name)
            .map(|value| value.to_owned().into())
            .ok_or_else(|| format!("environment variable {name} is not set"))
    };
    if let Some(path) = &settings.bearer_token_file {
        return Ok(Source::BearerFile(path.clone(), None));
    }
    if let Some(name) = &settings.bearer_token_env {
        return Ok(Source::Bearer(variable(name)?));
    }
    let Some(user) = settings.username.clone() else { return Ok(Source::None) };
    match (&settings.password_file, &settings.password_env) {
        (Some(password), _) => Ok(Source::BasicFile { user, password: password.clone() }),
        (None, Some(name)) => Ok(Source::Basic { user, password: variable(name)? }),
        (None, None) => Err("username without password-file or password-env".to_owned()),
    }
}

/// A path prefix with its leading slash, or nothing.
fn slashed(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("/{prefix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_path_names_scheme_and_port_as_rbac_does() {
        let mut endpoint = Endpoint {
            target: ProxyTarget::Service,
            namespace: "monitoring".into(),
            name: "prometheus".into(),
            tls: false,
            port: "9090".into(),
        };
        assert_eq!(endpoint.proxy_path(), "/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy");
        endpoint.target = ProxyTarget::Pod;
        endpoint.tls = true;
        assert_eq!(endpoint.proxy_path(), "/api/v1/namespaces/monitoring/pods/https:prometheus:9090/proxy");
    }

    #[test]
    fn an_address_is_shown_without_its_password_and_its_query() {
        let url = Some("https://alice:hunter2@prom:9090/x/?token=hunter2".to_owned());
        let http = Http::direct(&Service { url, ..Service::default() }, &Env::default()).unwrap();
        assert_eq!(http.label(), "https://prom:9090/x");
        assert!(!format!("{http:?}").contains("hunter2"));
        assert_eq!(slashed("prometheus/"), "/prometheus");
        assert_eq!(slashed("/"), "");
    }
}
