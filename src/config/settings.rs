//! The effective settings, typed. Secrets are not in here: only the files and variables that hold them are named.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::env::Env;
use super::schema;
use super::value::{Origin, Value};
use crate::domain::locked::Locked;
use crate::domain::secrets;
use crate::domain::thresholds::Thresholds;

/// The services beside the API server.
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

    /// How it is really reached: a `url` without a mode means that url.
    #[must_use]
    pub fn effective_mode(&self) -> ServiceMode {
        match (self.mode, &self.url) {
            (ServiceMode::Auto, Some(_)) => ServiceMode::Url,
            (mode, _) => mode,
        }
    }
}

/// One key with its effective value. `None`: not set, and no default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: String,
    pub value: Option<Value>,
    pub origin: Origin,
}

/// An action and the chords that trigger it, as written; the keymap checks the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remap {
    pub action: String,
    pub chords: Vec<String>,
    pub origin: Origin,
}

/// Why a context starts without the right to change anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOnly {
    /// `readonly` is set, with its origin.
    Set(Origin),
    /// The context's name matches this pattern of `readonly-contexts`.
    Pattern(String),
    /// So does the name of its cluster, or of its server.
    Place { what: &'static str, name: String, pattern: String },
}

/// The names by which a place is known to be one that must not be written to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    pub context: &'a str,
    /// As the kubeconfig calls the cluster.
    pub cluster: &'a str,
    /// The server's address.
    pub server: &'a str,
}

impl std::fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Set(origin) => write!(f, "readonly is set by {origin}"),
            Self::Pattern(pattern) => write!(f, "the context matches {pattern} of readonly-contexts"),
            Self::Place { what, name, pattern } => {
                write!(f, "the {what} {name} matches {pattern} of readonly-contexts")
            }
        }
    }
}

impl From<ReadOnly> for Locked {
    /// A pattern is a caution that a reason lifts for a while; what was set is meant, and is changed where it was set.
    fn from(readonly: ReadOnly) -> Self {
        let instead = match &readonly {
            ReadOnly::Set(Origin::Flag(flag)) => Some(format!("start without {flag}")),
            ReadOnly::Set(Origin::Env(name)) => Some(format!("start without {name}")),
            ReadOnly::Set(origin) => Some(format!("change it there ({origin})")),
            ReadOnly::Pattern(_) | ReadOnly::Place { .. } => None,
        };
        Self { why: readonly.to_string(), instead }
    }
}

/// Everything that can be configured, for one context or before one is chosen.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct Settings {
    /// The configuration file, where it was named on the command line.
    pub named_file: Option<PathBuf>,
    pub context: Option<String>,
    pub kubeconfig: Option<PathBuf>,
    /// The namespace to start in; `None` is all of them.
    pub namespace: Option<String>,
    /// Namespaces to read where listing across all of them is forbidden.
    pub namespaces: Vec<String>,
    pub readonly: bool,
    pub readonly_contexts: Vec<String>,
    pub impersonate: Option<String>,
    pub impersonate_groups: Vec<String>,
    pub theme: String,
    pub ascii: bool,
    pub utc: bool,
    pub bell: bool,
    pub log_file: Option<PathBuf>,
    /// Where audit and timeline are kept; see [`Settings::audit_folder`].
    pub state_dir: Option<PathBuf>,
    /// Namespaces of core components.
    pub core_namespaces: Vec<String>,
    /// Names or files of the profiles that are on; none: what is found.
    pub profiles: Vec<String>,
    /// See [`Settings::profiles_folder`].
    pub profiles_dir: Option<PathBuf>,
    /// The word of the first screen, as after `:`.
    pub default_view: String,
    pub thresholds: Thresholds,
    pub services: BTreeMap<ServiceName, Service>,
    pub remaps: Vec<Remap>,
    /// Overrides by context name, already checked; [`Settings::for_context`] applies them.
    pub contexts: BTreeMap<String, Vec<Entry>>,
    /// Every key of the schema with its effective value and origin, in the schema's order.
    pub entries: Vec<Entry>,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// What looks wrong but does not stop us.
    pub warnings: Vec<String>,
    pub env: Env,
}

impl Settings {
    /// Builds the typed settings from effective entries.
    pub(super) fn build(entries: Vec<Entry>) -> Self {
        let mut settings = Self::default();
        for row in schema::rows() {
            if let Some(value) =
                entries.iter().find(|entry| entry.path == row.path).and_then(|entry| entry.value.clone())
            {
                row.apply(&mut settings, value);
            }
        }
        settings.entries = entries;
        settings
    }

    /// Where the audit is kept: below `state-dir`, else below the user's state directory; `None` when there is neither.
    #[must_use]
    pub fn audit_folder(&self) -> Option<PathBuf> {
        self.state_folder().map(|folder| folder.join("audit"))
    }

    /// Where the timelines of the contexts are kept, as with the audit.
    #[must_use]
    pub fn timeline_folder(&self) -> Option<PathBuf> {
        self.state_folder().map(|folder| folder.join("timeline"))
    }

    /// Where it is kept which Services the operator has confirmed, as with the audit.
    #[must_use]
    pub fn confirmed_file(&self) -> Option<PathBuf> {
        self.state_folder().map(|folder| folder.join("confirmed").join("services.jsonl"))
    }

    fn state_folder(&self) -> Option<PathBuf> {
        let absolute = |name: &str| self.env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let xdg = || absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        self.state_dir.clone().or_else(|| Some(xdg()?.join("watchkeeper")))
    }

    /// Where the user's own profiles are looked for: `profiles-dir`, else below the user's configuration directory.
    #[must_use]
    pub fn profiles_folder(&self) -> Option<PathBuf> {
        let absolute = |name: &str| self.env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let xdg = || absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
        self.profiles_dir.clone().or_else(|| Some(xdg()?.join("watchkeeper/profiles")))
    }

    /// What is configured for a service.
    #[must_use]
    pub fn service(&self, name: ServiceName) -> Service {
        self.services.get(&name).cloned().unwrap_or_default()
    }

    /// The settings with the overrides of this context's own table. Environment and flags still win over them.
    #[must_use]
    pub fn for_context(&self, context: &str) -> Self {
        let Some(overrides) = self.contexts.get(context) else { return self.clone() };
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            let Some(own) = overrides.iter().find(|own| own.path == entry.path) else { continue };
            let replaceable = if entry.path == READONLY {
                // true anywhere counts, whatever is said elsewhere
                entry.value != Some(Value::Flag(true)) && (own.value == Some(Value::Flag(true)) || is_weak(entry))
            } else {
                is_weak(entry)
            };
            if replaceable {
                *entry = own.clone();
            }
        }
        Self {
            remaps: self.remaps.clone(),
            contexts: self.contexts.clone(),
            file: self.file.clone(),
            named_file: self.named_file.clone(),
            warnings: self.warnings.clone(),
            env: self.env.clone(),
            ..Self::build(entries)
        }
    }

    /// Where a key's value comes from.
    #[must_use]
    pub fn origin(&self, path: &str) -> Origin {
        self.entries.iter().find(|entry| entry.path == path).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// Why this context starts read-only, if it does, as far as its name alone tells: see [`Settings::readonly_at`].
    #[must_use]
    pub fn starts_readonly(&self, context: &str) -> Option<ReadOnly> {
        self.readonly_at(&Names { context, ..Names::default() })
    }

    /// Why this place starts read-only, if it does: `readonly = true` anywhere wins, then an explicit
    /// `readonly = false` of the context's own table, then the patterns, of which one that fits any of the names is
    /// enough: a context may be called `eu1` and lead to `sre-prod`. Patterns ignore case: an unlocked `PROD` costs
    /// more than a locked one.
    #[must_use]
    pub fn readonly_at(&self, names: &Names<'_>) -> Option<ReadOnly> {
        let own = self.for_context(names.context);
        if own.readonly {
            return Some(ReadOnly::Set(own.origin(READONLY)));
        }
        if self.contexts.get(names.context).is_some_and(|own| own.iter().any(|entry| entry.path == READONLY)) {
            return None;
        }
        let fits = |name: &str| {
            let name = name.to_lowercase();
            own.readonly_contexts.iter().find(|pattern| matches_glob(&pattern.to_lowercase(), &name)).cloned()
        };
        let place = |what: &'static str, name: &str| {
            fits(name).filter(|_| !name.is_empty()).map(|pattern| ReadOnly::Place {
                what,
                name: name.to_owned(),
                pattern,
            })
        };
        let address = address(names.server);
        fits(names.context)
            .map(ReadOnly::Pattern)
            .or_else(|| place("cluster", names.cluster))
            .or_else(|| place("server", host(address)))
            .or_else(|| place("server", address))
    }
}

const READONLY: &str = "readonly";

/// Whether a context's own table may say otherwise.
fn is_weak(entry: &Entry) -> bool {
    matches!(entry.origin, Origin::Default | Origin::File { .. })
}

/// An address without its scheme and without the user that may stand in it: `api.prod:6443/path`.
fn address(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest).trim_end_matches('/');
    let end = rest.find('/').unwrap_or(rest.len());
    rest[..end].rfind('@').map_or(rest, |at| &rest[at + 1..])
}

/// The host of such an address.
fn host(address: &str) -> &str {
    match address.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => address.split([':', '/']).next().unwrap_or(address),
    }
}

/// `*` is any text, `?` any one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_chars.as_str();
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| matches_glob(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut text_chars = text.chars();
            text_chars.next().is_some_and(|found| wanted == '?' || wanted == found)
                && matches_glob(pattern_chars.as_str(), text_chars.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names() {
        assert!(matches_glob("*prod*", "sre-prod-1"));
        assert!(matches_glob("prod-?", "prod-1"));
        assert!(!matches_glob("prod-?", "prod-10"));
        assert!(!matches_glob("prod", "sre-prod"));
        assert!(matches_glob("*", ""));
    }

    #[test]
    fn the_host_of_an_address_is_what_a_pattern_looks_at() {
        for (server, expected) in [
            ("https://api.sre-prod.example:6443/", "api.sre-prod.example"),
            ("https://user:pass@api.prod", "api.prod"),
            ("https://[fd00::1]:6443/x", "fd00::1"),
            ("https://rancher.example/k8s/clusters/prod@1", "rancher.example"),
            ("10.0.0.1:6443", "10.0.0.1"),
            ("", ""),
        ] {
            assert_eq!(host(address(server)), expected);
        }
    }
}
