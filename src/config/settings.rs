//! The effective settings, typed. Secrets are not in here: only the files and variables that hold them are named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::env::Env;
use super::service::{Service, ServiceName};
use super::value::{Origin, Value};
use crate::domain::thresholds::Thresholds;

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

/// The key that is true as soon as it is true anywhere.
pub(super) const READONLY: &str = "readonly";

/// Everything that can be configured, for one context or before one is selected.
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

    /// Where a key's value comes from.
    #[must_use]
    pub fn origin(&self, path: &str) -> Origin {
        self.entries.iter().find(|entry| entry.path == path).map_or(Origin::Default, |entry| entry.origin.clone())
    }
}
