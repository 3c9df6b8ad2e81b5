//! The configuration of a service other than the API server: the way to reach it, and the login.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::domain::secrets;

/// The services other than the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceName {
    Prometheus,
    Alertmanager,
    OpenBao,
}

impl ServiceName {
    pub const ALL: [Self; 3] = [Self::Prometheus, Self::Alertmanager, Self::OpenBao];

    /// The word in the configuration: `services.<word>`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Alertmanager => "alertmanager",
            Self::OpenBao => "openbao",
        }
    }

    /// Its name for a person.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Alertmanager => "Alertmanager",
            Self::OpenBao => "OpenBao",
        }
    }
}

/// How a service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServiceMode {
    /// Found in the cluster and reached through the API server; a `url` turns this into [`ServiceMode::Url`].
    #[default]
    Auto,
    /// By its own address.
    Url,
    /// Not at all.
    Off,
}

/// What is configured for one service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    pub mode: ServiceMode,
    pub url: Option<String>,
    /// Put before every path.
    pub path_prefix: String,
    pub headers: Vec<(String, String)>,
    pub bearer_token_file: Option<PathBuf>,
    /// The name of an environment variable.
    pub bearer_token_env: Option<String>,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// The name of an environment variable.
    pub password_env: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub client_cert_file: Option<PathBuf>,
    pub client_key_file: Option<PathBuf>,
    pub insecure_skip_tls_verify: bool,
    /// Discovery looks only here.
    pub namespace: Option<String>,
    /// Discovery takes only this Service: `NAME`, `NAME:PORT` or `https:NAME:PORT`.
    pub service: Option<String>,
    /// Seconds between polls.
    pub poll_interval: i64,
}

impl Service {
    /// Whether a header, or a field of an address' query, goes only where a login may go: its name says that it is a
    /// secret (`Authorization`, `Cookie`, `X-Api-Key`), or its value is one by its form.
    #[must_use]
    pub fn is_login(name: &str, value: &str) -> bool {
        secrets::is_secret(name) || matches!(secrets::text(value), Cow::Owned(shown) if shown.contains(secrets::HIDDEN))
    }

    /// Whether a header is configured that goes only where a login may go.
    #[must_use]
    pub fn has_login_header(&self) -> bool {
        self.headers.iter().any(|(name, value)| Self::is_login(name, value))
    }

    /// The query of an address without what is a login.
    #[must_use]
    pub fn harmless_query(query: &str) -> String {
        let fields = query.split('&').filter(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            !Self::is_login(name, value)
        });
        fields.collect::<Vec<_>>().join("&")
    }

    /// Whether what says who asks is configured.
    #[must_use]
    pub fn has_login(&self) -> bool {
        let query = self.url.as_deref().and_then(|url| url.split('#').next()?.split_once('?')).map(|(_, query)| query);
        self.bearer_token_file.is_some()
            || self.bearer_token_env.is_some()
            || self.username.is_some()
            || self.client_cert_file.is_some()
            || self.has_login_header()
            || query.is_some_and(|query| Self::harmless_query(query) != query)
    }

    /// What is to be shown as long as it lasts: certificates that are not checked, a login that is not sent.
    #[must_use]
    pub fn alarm(&self) -> Option<&'static str> {
        if self.effective_mode() != ServiceMode::Url {
            return None;
        }
        let plain = self.url.as_ref().is_some_and(|url| url.trim_start().to_ascii_lowercase().starts_with("http://"));
        match plain {
            true if self.has_login() => Some("HTTP: LOGIN NOT SENT"),
            false if self.insecure_skip_tls_verify => Some("TLS NOT CHECKED"),
            _ => None,
        }
    }

    /// The same without its headers: for an address that the configuration does not name.
    #[must_use]
    pub fn without_headers(&self) -> Self {
        Self { headers: Vec::new(), ..self.clone() }
    }

    /// The mode that is used: a `url` without a mode means that url.
    #[must_use]
    pub fn effective_mode(&self) -> ServiceMode {
        match (self.mode, &self.url) {
            (ServiceMode::Auto, Some(_)) => ServiceMode::Url,
            (mode, _) => mode,
        }
    }
}
