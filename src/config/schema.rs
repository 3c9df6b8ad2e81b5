//! The one list of configuration keys. The file reader, the environment names, suggestions, `watchkeeper config` and
//! the test of the example file derive from [`rows`]. It reads nothing itself.

use std::path::PathBuf;

use super::service::{Service, ServiceMode, ServiceName};
use super::settings::Settings;
use super::value::{Kind, Value, friendly};
use crate::domain::thresholds::{THRESHOLDS, Threshold};

/// A table of free keys (`keys.<action>`), which has no rows.
pub const KEYMAP_TABLE: &str = "keys";
/// The tables of overrides (`contexts."NAME".<key>`).
pub const CONTEXTS_TABLE: &str = "contexts";

/// A key outside the repeated tables.
struct Key {
    path: &'static str,
    kind: Kind,
    /// As in the environment; empty is unset.
    default: &'static str,
    doc: &'static str,
    per_context: bool,
    apply: fn(&mut Settings, Value),
}

/// A key below `services.<name>`.
struct ServiceKey {
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
    /// The value itself may be a secret, and is masked where it is printed.
    secret: bool,
    apply: fn(&mut Service, Value),
}

fn path(value: Value) -> PathBuf {
    PathBuf::from(value.text())
}

/// Where platforms of the usual build keep what everything else depends on.
const CORE: &str = "kube-system,flux-system,istio-system,cert-manager,kyverno,monitoring,logging,openbao,external-secrets,neuvector,tempo,velero";

#[rustfmt::skip]
const KEYS: &[Key] = &[
    Key { path: "context", kind: Kind::Text, default: "", per_context: false, apply: |s, v| s.context = Some(v.text()),
        doc: "The kubeconfig context to open. Unset: the kubeconfig's current one." },
    Key { path: "kubeconfig", kind: Kind::Path, default: "", per_context: false, apply: |s, v| s.kubeconfig = Some(path(v)),
        doc: "The kubeconfig file. Unset: the files of $KUBECONFIG, else ~/.kube/config, else the pod's own account." },
    Key { path: "namespace", kind: Kind::Text, default: "", per_context: true, apply: |s, v| s.namespace = Some(v.text()),
        doc: "The namespace to start in. Unset: all of them." },
    Key { path: "namespaces", kind: Kind::List, default: "", per_context: true, apply: |s, v| s.namespaces = v.list(),
        doc: "Namespaces to read where listing across all of them is forbidden (no API says which are readable)." },
    Key { path: "readonly", kind: Kind::Flag, default: "false", per_context: true, apply: |s, v| s.readonly = v.flag(),
        doc: "Change nothing, whatever is asked: this cannot be unlocked, and true anywhere counts." },
    Key { path: "readonly-contexts", kind: Kind::List, default: "*prod*", per_context: false, apply: |s, v| s.readonly_contexts = v.list(),
        doc: "Contexts start read-only when their name, or that of their cluster or server, matches one of these patterns; * is any text, case does not matter." },
    Key { path: "state-dir", kind: Kind::Path, default: "", per_context: false, apply: |s, v| s.state_dir = Some(path(v)),
        doc: "Where the audit of actions and the timelines are kept. Unset: watchkeeper in $XDG_STATE_HOME, else in ~/.local/state." },
    Key { path: "core-namespaces", kind: Kind::List, default: CORE, per_context: true, apply: |s, v| s.core_namespaces = v.list(),
        doc: "Namespaces of core components, in addition to those of the profiles: risky actions there ask for the name of the context to be typed." },
    Key { path: "profiles", kind: Kind::List, default: "", per_context: true, apply: |s, v| s.profiles = v.list(),
        doc: "The platform profiles that are on: names, or files. Empty: those that are found in the cluster; [\"none\"]: none." },
    Key { path: "profiles-dir", kind: Kind::Path, default: "", per_context: false, apply: |s, v| s.profiles_dir = Some(path(v)),
        doc: "Your own profiles, NAME.toml each; one of a built-in name replaces it. Unset: watchkeeper/profiles in $XDG_CONFIG_HOME, else in ~/.config." },
    Key { path: "as", kind: Kind::Text, default: "", per_context: true, apply: |s, v| s.impersonate = Some(v.text()),
        doc: "The user to impersonate." },
    Key { path: "as-groups", kind: Kind::List, default: "", per_context: true, apply: |s, v| s.impersonate_groups = v.list(),
        doc: "The groups to impersonate; without a user to impersonate they are refused." },
    Key { path: "default-view", kind: Kind::Text, default: "home", per_context: false, apply: |s, v| s.default_view = v.text(),
        doc: "The screen to start on: any word that may follow a colon." },
    Key { path: "theme", kind: Kind::Text, default: "default", per_context: false, apply: |s, v| s.theme = v.text(),
        doc: "The colours: a built-in name or a theme file." },
    Key { path: "ascii", kind: Kind::Flag, default: "false", per_context: false, apply: |s, v| s.ascii = v.flag(),
        doc: "Draw with ASCII characters only." },
    Key { path: "utc", kind: Kind::Flag, default: "false", per_context: false, apply: |s, v| s.utc = v.flag(),
        doc: "Show times in UTC instead of the local zone." },
    Key { path: "bell", kind: Kind::Flag, default: "false", per_context: false, apply: |s, v| s.bell = v.flag(),
        doc: "Ring the terminal's bell when a new P1 appears." },
    Key { path: "log-file", kind: Kind::Path, default: "", per_context: false, apply: |s, v| s.log_file = Some(path(v)),
        doc: "Write a diagnostic log to this file, for its owner only: connections, feeds, refusals, plans. Unset: none. $WATCHKEEPER_LOG sets its level, such as debug." },
];

#[rustfmt::skip]
const SERVICE_KEYS: &[ServiceKey] = &[
    ServiceKey { key: "mode", kind: Kind::Choice(&["auto", "url", "off"]), default: "auto", secret: false,
        apply: |s, v| s.mode = match v.text().as_str() { "url" => ServiceMode::Url, "off" => ServiceMode::Off, _ => ServiceMode::Auto },
        doc: "auto finds it in the cluster and asks through the API server, url asks the address below, off leaves it alone. A url alone means url. What is found is used only in a namespace that is named below or by an active profile, or once you have confirmed it (:trust)." },
    ServiceKey { key: "url", kind: Kind::Text, default: "", secret: false, apply: |s, v| s.url = Some(v.text()),
        doc: "The address: https://host:port, with a path if it has one. No login goes to an http address." },
    ServiceKey { key: "path-prefix", kind: Kind::Text, default: "", secret: false,
        apply: |s, v| s.path_prefix = v.text(),
        doc: "The prefix of every path (--web.route-prefix or --web.external-url of the server)." },
    ServiceKey { key: "headers", kind: Kind::Map, default: "", secret: true, apply: |s, v| s.headers = v.map(),
        doc: "Headers for every request, such as { X-Scope-OrgID = \"team\" }. They go to a url, or to the Service that namespace and service name, and to nothing that was found; over http without those that are a secret by name or form." },
    ServiceKey { key: "bearer-token-file", kind: Kind::Path, default: "", secret: false, apply: |s, v| s.bearer_token_file = Some(path(v)),
        doc: "A file with a bearer token, read again each minute. Only with a url: the API server's proxy drops it." },
    ServiceKey { key: "bearer-token-env", kind: Kind::Text, default: "", secret: false, apply: |s, v| s.bearer_token_env = Some(v.text()),
        doc: "The environment variable that holds a bearer token." },
    ServiceKey { key: "username", kind: Kind::Text, default: "", secret: false, apply: |s, v| s.username = Some(v.text()),
        doc: "The user for basic authentication." },
    ServiceKey { key: "password-file", kind: Kind::Path, default: "", secret: false, apply: |s, v| s.password_file = Some(path(v)),
        doc: "A file with the password." },
    ServiceKey { key: "password-env", kind: Kind::Text, default: "", secret: false, apply: |s, v| s.password_env = Some(v.text()),
        doc: "The environment variable that holds the password." },
    ServiceKey { key: "ca-file", kind: Kind::Path, default: "", secret: false, apply: |s, v| s.ca_file = Some(path(v)),
        doc: "The authorities (PEM) that may sign the server's certificate. Unset: those of the system." },
    ServiceKey { key: "client-cert-file", kind: Kind::Path, default: "", secret: false, apply: |s, v| s.client_cert_file = Some(path(v)),
        doc: "A client certificate (PEM), with its key below." },
    ServiceKey { key: "client-key-file", kind: Kind::Path, default: "", secret: false, apply: |s, v| s.client_key_file = Some(path(v)),
        doc: "The client certificate's key (PEM)." },
    ServiceKey { key: "insecure-skip-tls-verify", kind: Kind::Flag, default: "false", secret: false, apply: |s, v| s.insecure_skip_tls_verify = v.flag(),
        doc: "Accept any certificate. Shown on screen as long as it is set." },
    ServiceKey { key: "namespace", kind: Kind::Text, default: "", secret: false, apply: |s, v| s.namespace = Some(v.text()),
        doc: "Look for it in this namespace only, and use what is found there." },
    ServiceKey { key: "service", kind: Kind::Text, default: "", secret: false, apply: |s, v| s.service = Some(v.text()),
        doc: "Take this Service: NAME, NAME:PORT or https:NAME:PORT. With namespace and port nothing needs to be listed." },
    ServiceKey { key: "poll-interval", kind: Kind::Seconds, default: "15s", secret: false, apply: |s, v| s.poll_interval = v.seconds(),
        doc: "Polling interval." },
];

#[derive(Clone, Copy)]
enum Apply {
    Root(fn(&mut Settings, Value)),
    Service(ServiceName, fn(&mut Service, Value)),
    Threshold(&'static Threshold),
}

/// One key of the schema.
#[derive(Clone)]
pub struct Row {
    /// The dotted path, such as `services.prometheus.url`.
    pub path: String,
    pub kind: Kind,
    /// `None`: unset.
    pub default: Option<Value>,
    pub doc: &'static str,
    /// Masked where it is printed.
    pub secret: bool,
    /// May be set in `[contexts."NAME"]` too.
    pub per_context: bool,
    apply: Apply,
}

impl Row {
    /// The environment variable that sets it; tables have none.
    #[must_use]
    pub fn env_name(&self) -> Option<String> {
        let word = self.path.to_uppercase().replace(['.', '-'], "_");
        (self.kind != Kind::Map).then(|| format!("WATCHKEEPER_{word}"))
    }

    pub(super) fn apply(&self, settings: &mut Settings, value: Value) {
        match self.apply {
            Apply::Root(apply) => apply(settings, value),
            Apply::Service(name, apply) => apply(settings.services.entry(name).or_default(), value),
            Apply::Threshold(row) => (row.set)(&mut settings.thresholds, value.seconds()),
        }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({}: {:?} = {:?})", self.path, self.kind, self.default)
    }
}

/// Every key, in the order in which they are documented.
#[must_use]
pub fn rows() -> Vec<Row> {
    let keys = KEYS.iter().map(|key| Row {
        path: key.path.to_owned(),
        kind: key.kind,
        default: default_of(key.kind, key.default),
        doc: key.doc,
        secret: false,
        per_context: key.per_context,
        apply: Apply::Root(key.apply),
    });
    let thresholds = THRESHOLDS.iter().map(|row| Row {
        path: format!("thresholds.{}", row.key),
        kind: Kind::Seconds,
        default: default_of(Kind::Seconds, &friendly(row.default)),
        doc: row.doc,
        secret: false,
        per_context: false,
        apply: Apply::Threshold(row),
    });
    let services = ServiceName::ALL.into_iter().flat_map(|name| {
        SERVICE_KEYS.iter().map(move |key| Row {
            path: format!("services.{}.{}", name.key(), key.key),
            kind: key.kind,
            default: default_of(key.kind, key.default),
            doc: key.doc,
            secret: key.secret,
            per_context: true,
            apply: Apply::Service(name, key.apply),
        })
    });
    keys.chain(thresholds).chain(services).collect()
}

/// An empty default is "unset", except for lists, which are then empty.
fn default_of(kind: Kind, text: &str) -> Option<Value> {
    if text.is_empty() && kind != Kind::List { None } else { kind.parse(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_of_its_own_kind() {
        let defaults = KEYS.iter().map(|key| (key.path, key.kind, key.default));
        let of_services = SERVICE_KEYS.iter().map(|key| (key.key, key.kind, key.default));
        for (path, kind, default) in defaults.chain(of_services) {
            assert!(default.is_empty() || kind.parse(default).is_some(), "{path} = {default}");
        }
    }

    #[test]
    fn no_two_keys_share_a_path_or_an_environment_variable() {
        let rows = rows();
        for (index, row) in rows.iter().enumerate() {
            for other in &rows[index + 1..] {
                assert_ne!(row.path, other.path);
                assert!(row.env_name() != other.env_name() || row.env_name().is_none(), "{}", row.path);
            }
        }
    }
}
