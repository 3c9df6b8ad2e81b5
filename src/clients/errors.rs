//! Why a request or a connection failed, sorted by type and status code, in plain words for a screen. Texts of the
//! server are passed on, never searched. They are not sanitised here.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use kube::core::Status;

use super::bounds::Exceeded;
use super::failure::{DnsFailed, FileProblem, LoginNeeded, Overdue, ProxyFailed};
use super::proxy::BadProxy;
use crate::domain::text;

/// The cause of a `Status` for a position that the server has not reached.
/// Source: apimachinery `pkg/apis/meta/v1/types.go`, `CauseTypeResourceVersionTooLarge`.
const TOO_LARGE: &str = "ResourceVersionTooLarge";
/// Error chains deeper than this are loops.
const DEEPEST: usize = 16;

/// What is wrong with a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsProblem {
    /// No known authority signed the server's certificate.
    Untrusted,
    Expired,
    WrongName,
    /// The other side does not speak TLS.
    NotTls,
    /// The server does not accept our client certificate.
    ClientRefused,
    Other(String),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// Nothing listens at the address.
    Refused,
    /// The host's name has no address.
    Dns(String),
    Unreachable,
    /// No answer in time, or the connection has gone silent.
    Timeout,
    /// The connection broke in the middle.
    Closed,
    Tls(TlsProblem),
    /// The proxy on the way cannot be reached or does not let us through.
    Proxy(Box<RequestError>),
    Login(LoginNeeded),
    /// 401 although the credentials were renewed, or cannot be.
    Unauthorized,
    /// 403: the server's words, and the resource they are about (`pods`, `helmreleases.helm.toolkit.fluxcd.io`).
    Forbidden {
        says: String,
        resource: Option<String>,
    },
    NotFound {
        says: String,
    },
    Conflict {
        says: String,
    },
    /// 410: the position in the list or watch is too old.
    Gone,
    /// 504 with the cause `ResourceVersionTooLarge`: the server has not come to this position, or not any more.
    Ahead,
    /// 429, with the wait that the server asked for.
    Throttled {
        retry_after: Option<Duration>,
    },
    /// Any other 4xx.
    Client {
        code: u16,
        says: String,
    },
    /// 5xx: whether a write has happened is unknown.
    Server {
        code: u16,
        says: String,
    },
    /// A name that would lead to another object: nothing was sent.
    NoName(String),
    /// More came, or for longer, than we are willing to take.
    Exceeded(Exceeded),
    /// The answer is not what it should be.
    Decode(String),
    /// It is no answer of a Kubernetes API at all.
    Foreign(Foreign),
    Other(String),
}

/// What answers in place of the Kubernetes API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// A page for a browser.
    Html,
    /// A redirect, to this scheme and host.
    Redirect(String),
    /// A success that is no JSON.
    Text,
}

impl RequestError {
    /// Sorts an error of kube's client.
    #[must_use]
    pub fn from_kube(error: &kube::Error) -> Self {
        Self::from_chain(error)
    }

    /// Sorts a `Status` of the API server by its code.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        let details = status.details.as_ref();
        let mut causes = details.into_iter().flat_map(|details| &details.causes);
        if status.code == 504 && causes.any(|cause| cause.reason == TOO_LARGE) {
            return Self::Ahead;
        }
        let wait = details.map(|details| details.retry_after_seconds).filter(|seconds| *seconds > 0);
        let resource = details.filter(|details| !details.kind.is_empty()).map(|details| match details.group.as_str() {
            "" => details.kind.clone(),
            group => format!("{}.{group}", details.kind),
        });
        Self::from_code(
            status.code,
            status.message.clone(),
            resource,
            wait.map(|seconds| Duration::from_secs(seconds.into())),
        )
    }

    pub(super) fn from_code(code: u16, says: String, resource: Option<String>, retry_after: Option<Duration>) -> Self {
        match code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden { says, resource },
            404 => Self::NotFound { says },
            409 => Self::Conflict { says },
            410 => Self::Gone,
            429 => Self::Throttled { retry_after },
            500.. => Self::Server { code, says },
            _ => Self::Client { code, says },
        }
    }

    /// An answer that cannot be decoded; one that does not even begin like JSON comes from somebody else.
    #[must_use]
    pub fn from_json(error: &serde_json::Error) -> Self {
        if error.is_syntax() && (error.line(), error.column()) == (1, 1) {
            return Self::Foreign(Foreign::Text);
        }
        Self::Decode(error.to_string())
    }

    /// Whether the same question may be answered in a moment.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Server { .. } | Self::Timeout | Self::Closed | Self::Ahead)
    }

    /// Sorts any error by the types in its chain.
    #[must_use]
    pub fn from_chain(error: &(dyn StdError + 'static)) -> Self {
        let mut fallback = None;
        let mut next = Some(error);
        for _ in 0..DEEPEST {
            let Some(error) = next else { break };
            if let Some(sorted) = sort(error, &mut fallback) {
                return sorted;
            }
            // What an I/O error wraps is not its source: that is one further.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        // around what failed, reqwest's own error says nothing, and may name an address
        let inner = error.downcast_ref::<reqwest::Error>().and_then(StdError::source);
        fallback.unwrap_or_else(|| Self::Other(inner.unwrap_or(error).to_string()))
    }

    /// One short line: what happened.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::Refused => "connection refused".to_owned(),
            Self::Dns(host) => format!("no address for {host}"),
            Self::Unreachable => "no route to the server".to_owned(),
            Self::Timeout => "no answer in time".to_owned(),
            Self::Closed => "the connection broke".to_owned(),
            Self::Tls(TlsProblem::Untrusted) => "the server's certificate is not trusted".to_owned(),
            Self::Tls(TlsProblem::Expired) => "the server's certificate is not valid now".to_owned(),
            Self::Tls(TlsProblem::WrongName) => "the server's certificate is for another name".to_owned(),
            Self::Tls(TlsProblem::NotTls) => "the server does not speak TLS".to_owned(),
            Self::Tls(TlsProblem::ClientRefused) => "our client certificate is refused".to_owned(),
            Self::Tls(TlsProblem::Other(_)) => "TLS failed".to_owned(),
            Self::Proxy(_) => "the proxy does not let us through".to_owned(),
            Self::Login(_) | Self::Unauthorized => "not logged in".to_owned(),
            Self::Forbidden { resource: Some(resource), .. } => format!("no access to {resource}"),
            Self::Forbidden { resource: None, .. } => "no access".to_owned(),
            Self::NotFound { .. } => "not found".to_owned(),
            Self::Conflict { .. } => "changed by someone else".to_owned(),
            Self::Gone => "resource version expired, relisting".to_owned(),
            Self::Ahead => "the server has gone back, reading again".to_owned(),
            Self::Throttled { retry_after: Some(wait) } => format!("too many requests, again in {} s", wait.as_secs()),
            Self::Throttled { retry_after: None } => "too many requests".to_owned(),
            Self::Client { code, .. } => format!("the request was refused ({code})"),
            Self::Server { code, .. } => format!("the server failed ({code})"),
            Self::NoName(_) => "not sent".to_owned(),
            Self::Exceeded(bound) => bound.to_string(),
            Self::Decode(_) => "unexpected response".to_owned(),
            Self::Foreign(Foreign::Html) => "answers HTML, not the Kubernetes API".to_owned(),
            Self::Foreign(Foreign::Redirect(to)) => format!("answers by a redirect to {to}, not the Kubernetes API"),
            Self::Foreign(Foreign::Text) => "answers something that is not JSON, not the Kubernetes API".to_owned(),
            Self::Other(_) => "the request failed".to_owned(),
        }
    }

    /// What is known beyond the headline, and what to do. May be empty, or foreign text of several lines.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Refused => "nothing listens at this address: is the server up, and is the tunnel or VPN open?".to_owned(),
            Self::Dns(_) => "check the name, the VPN and the DNS of this machine".to_owned(),
            Self::Unreachable => "check the network, the VPN and the proxy settings".to_owned(),
            Self::Timeout => "the server, or something on the way to it, is silent".to_owned(),
            Self::Closed => "the server or something on the way closed it in the middle of an answer".to_owned(),
            Self::Tls(TlsProblem::Untrusted) => {
                "name its authority: certificate-authority or certificate-authority-data of the cluster in the kubeconfig, \
                 or ca-file of the service in our configuration"
                    .to_owned()
            }
            Self::Tls(TlsProblem::Expired) => "renew it on the server; compare this machine's clock, too".to_owned(),
            Self::Tls(TlsProblem::WrongName) => {
                "the certificate is not valid for the configured address: correct the address, or set \
                 tls-server-name of the cluster in the kubeconfig"
                    .to_owned()
            }
            Self::Tls(TlsProblem::NotTls) => "the address says https but plain text came back: try http, or another port".to_owned(),
            Self::Tls(TlsProblem::ClientRefused) => {
                "client-certificate and client-key of the kubeconfig's user: expired, or of another cluster?".to_owned()
            }
            Self::Tls(TlsProblem::Other(text)) | Self::NoName(text) | Self::Decode(text) | Self::Other(text) => text.clone(),
            Self::Proxy(why) => {
                format!("{}; see proxy-url of the cluster in the kubeconfig, or HTTPS_PROXY and NO_PROXY", why.headline())
            }
            Self::Login(login) => {
                let says = match login.output.trim() {
                    "" => String::new(),
                    output => format!(", saying: {output}"),
                };
                let again = if login.costly { "; it is run again after some minutes, and at once by ctrl-r" } else { "" };
                format!("{}{says}; {}{again}", login.why, login.hint)
            }
            Self::Unauthorized => "log in again: the server does not accept these credentials (401)".to_owned(),
            Self::Forbidden { says, .. }
            | Self::NotFound { says }
            | Self::Conflict { says }
            | Self::Client { says, .. }
            | Self::Server { says, .. } => says.clone(),
            Self::Foreign(_) => "wrong address or a login page: check the server of the cluster in the kubeconfig, and \
                                 whether something on the way wants a login"
                .to_owned(),
            Self::Gone | Self::Ahead | Self::Throttled { .. } | Self::Exceeded(_) => String::new(),
        }
    }

    /// What is known beyond the headline; the headline itself where that is all.
    #[must_use]
    pub fn reason(&self) -> String {
        Some(self.detail()).filter(|detail| !detail.trim().is_empty()).unwrap_or_else(|| self.headline())
    }

    /// Whether the server did not answer at all, so that everything else it serves is unreachable, too.
    #[must_use]
    pub fn is_connection(&self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::Dns(_)
                | Self::Unreachable
                | Self::Timeout
                | Self::Closed
                | Self::Tls(_)
                | Self::Proxy(_)
        )
    }
}

/// One link of the chain; `fallback` keeps a vague answer while deeper links may know better.
fn sort(error: &(dyn StdError + 'static), fallback: &mut Option<RequestError>) -> Option<RequestError> {
    if let Some(own) = error.downcast_ref::<RequestError>() {
        return Some(own.clone());
    }
    if let Some(login) = error.downcast_ref::<LoginNeeded>() {
        return Some(RequestError::Login(login.clone()));
    }
    if let Some(dns) = error.downcast_ref::<DnsFailed>() {
        return Some(if dns.barred {
            RequestError::NoName(dns.error.clone())
        } else {
            RequestError::Dns(dns.host.clone())
        });
    }
    if let Some(bound) = error.downcast_ref::<Exceeded>() {
        return Some(RequestError::Exceeded(bound.clone()));
    }
    if error.is::<Overdue>() || error.is::<tokio::time::error::Elapsed>() {
        return Some(RequestError::Timeout);
    }
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(RequestError::Tls(tls_problem(tls)));
    }
    if let Some(proxy) = error.downcast_ref::<ProxyFailed>() {
        return Some(RequestError::Proxy(Box::new(RequestError::from_chain(proxy.0.as_ref()))));
    }
    if let Some(auth) = error.downcast_ref::<kube::client::AuthError>() {
        return Some(RequestError::Login(LoginNeeded {
            context: String::new(),
            why: auth.to_string(),
            output: String::new(),
            costly: false,
            hint: "log in again with the tool that wrote the kubeconfig".to_owned(),
        }));
    }
    if let Some(json) = error.downcast_ref::<serde_json::Error>() {
        return Some(RequestError::from_json(json));
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        match io.kind() {
            io::ErrorKind::ConnectionRefused => return Some(RequestError::Refused),
            io::ErrorKind::TimedOut => return Some(RequestError::Timeout),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                return Some(RequestError::Unreachable);
            }
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => *fallback = Some(RequestError::Closed),
            _ => {}
        }
    }
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => return Some(RequestError::from_status(status)),
        Some(kube::Error::FromUtf8(error)) => return Some(RequestError::Decode(error.to_string())),
        Some(kube::Error::HyperError(error))
            if error.is_incomplete_message() || error.is_canceled() || error.is_closed() =>
        {
            *fallback = Some(RequestError::Closed);
        }
        _ => {}
    }
    None
}

fn tls_problem(error: &rustls::Error) -> TlsProblem {
    use rustls::{AlertDescription, CertificateError, Error};
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            TlsProblem::Untrusted
        }
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => TlsProblem::Expired,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => TlsProblem::WrongName,
        Error::InvalidMessage(_) => TlsProblem::NotTls,
        Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::AccessDenied,
        ) => TlsProblem::ClientRefused,
        other => TlsProblem::Other(other.to_string()),
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::with_detail(&self.headline(), &self.detail()))
    }
}

impl StdError for RequestError {}

/// Why there is no connection to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectError {
    /// No kubeconfig has a context, and we do not run in a cluster either.
    NoConfig {
        looked: Vec<PathBuf>,
        problems: Vec<FileProblem>,
    },
    /// No context was asked for and the kubeconfig has no current one.
    NoCurrent {
        known: Vec<String>,
    },
    /// The context does not exist.
    NoContext {
        name: String,
        known: Vec<String>,
        problems: Vec<FileProblem>,
    },
    /// The context exists, but something it names is missing or cannot be read.
    Incomplete {
        context: String,
        what: String,
    },
    Proxy(BadProxy),
    Request(RequestError),
}

impl ConnectError {
    /// One short line: what happened.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::NoConfig { problems, .. } if !problems.is_empty() => "the kubeconfig cannot be read".to_owned(),
            Self::NoConfig { .. } => "no kubeconfig".to_owned(),
            Self::NoCurrent { .. } => "no context chosen".to_owned(),
            Self::NoContext { name, .. } => format!("no context named \"{name}\""),
            Self::Incomplete { context, .. } => format!("context \"{context}\" cannot be used"),
            Self::Proxy(_) => "the proxy address is not usable".to_owned(),
            Self::Request(error) => error.headline(),
        }
    }

    /// What is known beyond the headline, and what to do.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NoConfig { looked, problems } if problems.is_empty() => {
                let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
                format!("looked at {}; pass --kubeconfig FILE or set KUBECONFIG", looked.join(", "))
            }
            Self::NoConfig { problems, .. } => lines(problems),
            Self::NoCurrent { known } => format!("contexts: {}; pass --context NAME", known.join(", ")),
            Self::NoContext { known, problems, .. } => {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                format!("contexts: {known}\n{}", lines(problems)).trim_end().to_owned()
            }
            Self::Incomplete { what, .. } => what.clone(),
            Self::Proxy(BadProxy { place, text }) => {
                format!("{place} says \"{text}\": write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")
            }
            Self::Request(error) => error.detail(),
        }
    }
}

fn lines(problems: &[FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl From<RequestError> for ConnectError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::with_detail(&self.headline(), &self.detail()))
    }
}

impl StdError for ConnectError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each kind, with nothing of its own to say where it could say something.
    fn every() -> Vec<RequestError> {
        use RequestError as E;
        let login = LoginNeeded {
            context: String::new(),
            why: "w".to_owned(),
            output: String::new(),
            hint: "h".to_owned(),
            costly: false,
        };
        let nothing = String::new;
        let tls = [
            TlsProblem::Untrusted,
            TlsProblem::Expired,
            TlsProblem::WrongName,
            TlsProblem::NotTls,
            TlsProblem::ClientRefused,
            TlsProblem::Other(nothing()),
        ];
        let foreign = [Foreign::Html, Foreign::Redirect("https://a".to_owned()), Foreign::Text];
        let others = vec![
            E::Refused,
            E::Dns("a".to_owned()),
            E::Unreachable,
            E::Timeout,
            E::Closed,
            E::Proxy(Box::new(E::Throttled { retry_after: None })),
            E::Login(login),
            E::Unauthorized,
            E::Forbidden { says: nothing(), resource: None },
            E::Forbidden { says: nothing(), resource: Some("pods".to_owned()) },
            E::NotFound { says: nothing() },
            E::Conflict { says: " \n".to_owned() },
            E::Gone,
            E::Ahead,
            E::Throttled { retry_after: None },
            E::Throttled { retry_after: Some(Duration::from_secs(3)) },
            E::Client { code: 418, says: nothing() },
            E::Server { code: 503, says: nothing() },
            E::NoName(nothing()),
            E::Exceeded(Exceeded::Answer(1 << 20)),
            E::Decode(nothing()),
            E::Other(nothing()),
        ];
        others.into_iter().chain(tls.map(E::Tls)).chain(foreign.map(E::Foreign)).collect()
    }

    #[test]
    fn no_error_ends_with_a_colon() {
        for error in every() {
            let connect = ConnectError::Request(error.clone());
            for text in [error.to_string(), error.reason(), connect.to_string()] {
                assert!(!text.trim_end().ends_with(':') && !text.is_empty(), "{error:?}: {text}");
            }
        }
        let incomplete = ConnectError::Incomplete { context: "c".to_owned(), what: String::new() };
        assert_eq!(incomplete.to_string(), "context \"c\" cannot be used");
    }

    #[test]
    fn what_a_server_says_follows_what_happened() {
        let refused = RequestError::Forbidden { says: "no, you".to_owned(), resource: None };
        assert_eq!((refused.to_string(), refused.reason()), ("no access: no, you".to_owned(), "no, you".to_owned()));
        let busy = RequestError::Throttled { retry_after: None };
        assert_eq!((busy.to_string(), busy.reason()), ("too many requests".to_owned(), "too many requests".to_owned()));
    }
}
