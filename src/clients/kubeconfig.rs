//! The kubeconfig as kubectl reads it: `--kubeconfig`, else the files of `$KUBECONFIG` merged, else `~/.kube/config`.
//! A malformed file is named with its line and costs only its own contexts. Reads files; connects to nothing, runs no
//! plugin, and repeats no value of a file in an error: it may be a token.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ::http::Uri;
use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};

use super::errors::ConnectError;
use crate::config::Settings;

/// Something wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    pub path: PathBuf,
    /// Line and column, from 1, where they are known.
    pub at: Option<(u64, u64)>,
    pub what: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A context for the picker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextInfo {
    pub name: String,
    pub cluster: String,
    /// The API server's address, if the cluster is defined.
    pub server: Option<String>,
    pub user: Option<String>,
    pub namespace: Option<String>,
    /// The file that defines it.
    pub file: PathBuf,
}

/// All kubeconfig files together.
#[derive(Debug, Clone, Default)]
pub struct Kubeconfigs {
    merged: Kubeconfig,
    /// In the order of the files.
    pub contexts: Vec<ContextInfo>,
    pub current: Option<String>,
    pub problems: Vec<FileProblem>,
    /// The files that were looked at, existing or not.
    pub looked: Vec<PathBuf>,
}

/// What a context stands for.
#[derive(Debug, Clone)]
pub struct Target {
    pub context: String,
    pub server: Uri,
    pub cluster_name: String,
    pub cluster: Cluster,
    pub user_name: String,
    pub user: AuthInfo,
    pub namespace: String,
}

/// Reads the files that the settings and the environment name.
#[must_use]
pub fn load(settings: &Settings) -> Kubeconfigs {
    let (paths, must_exist) = paths(settings);
    let mut all = Kubeconfigs { looked: paths.clone(), ..Kubeconfigs::default() };
    for path in paths {
        match Kubeconfig::read_from(&path) {
            Ok(file) => all.add(&path, file),
            // As kubectl does: a listed file that is not there is skipped.
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound && !must_exist => {}
            Err(error) => all.problems.push(problem(&path, &error)),
        }
    }
    all
}

/// The files in kubectl's order, and whether they must exist.
fn paths(settings: &Settings) -> (Vec<PathBuf>, bool) {
    if let Some(path) = &settings.kubeconfig {
        return (vec![path.clone()], true);
    }
    if let Some(list) = settings.env.get("KUBECONFIG") {
        let paths: Vec<PathBuf> = std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect();
        if !paths.is_empty() {
            return (paths, false);
        }
    }
    let home = settings.env.get("HOME").map(|home| Path::new(home).join(".kube").join("config"));
    (home.into_iter().collect(), false)
}

impl Kubeconfigs {
    fn add(&mut self, path: &Path, file: Kubeconfig) {
        let names: Vec<String> = file.contexts.iter().map(|context| context.name.clone()).collect();
        match self.merged.clone().merge(file) {
            Ok(merged) => self.merged = merged,
            Err(error) => return self.problems.push(problem(path, &error)),
        }
        self.current = self.merged.current_context.clone().filter(|name| !name.is_empty());
        for name in names {
            let Some(context) = self.merged.contexts.iter().find(|context| context.name == name) else { continue };
            if self.contexts.iter().any(|known| known.name == name) {
                continue;
            }
            let context = context.context.clone().unwrap_or_default();
            self.contexts.push(ContextInfo {
                name,
                server: None,
                cluster: context.cluster,
                user: context.user,
                namespace: context.namespace.filter(|namespace| !namespace.is_empty()),
                file: path.to_path_buf(),
            });
        }
        // A context may stand in one file and its cluster in a later one.
        for context in &mut self.contexts {
            context.server = find_cluster(&self.merged, &context.cluster).and_then(|cluster| cluster.server.clone());
        }
    }

    /// Everything that the context names; `None` is the current context.
    ///
    /// # Errors
    /// No such context (with those that exist), or a context whose cluster is missing or has no usable address.
    pub fn target(&self, name: Option<&str>) -> Result<Target, ConnectError> {
        let known = || self.contexts.iter().map(|context| context.name.clone()).collect::<Vec<_>>();
        let Some(name) = name.map(str::to_owned).or_else(|| self.current.clone()) else {
            return Err(if self.contexts.is_empty() {
                ConnectError::NoConfig { looked: self.looked.clone(), problems: self.problems.clone() }
            } else {
                ConnectError::NoCurrent { known: known() }
            });
        };
        let Some(context) = self.contexts.iter().find(|context| context.name == name) else {
            return Err(ConnectError::NoContext { name, known: known(), problems: self.problems.clone() });
        };
        let incomplete = |what: String| ConnectError::Incomplete { context: name.clone(), what };
        let cluster = find_cluster(&self.merged, &context.cluster).ok_or_else(|| {
            incomplete(format!("its cluster \"{}\" is not defined in any kubeconfig file", context.cluster))
        })?;
        let user_name = context.user.clone().unwrap_or_default();
        let user = self.merged.auth_infos.iter().find(|user| user.name == user_name);
        let user = user.and_then(|user| user.auth_info.clone()).unwrap_or_default();
        let server = with_scheme(cluster.server.as_deref().unwrap_or_default(), cluster, &user)
            .parse::<Uri>()
            .ok()
            .filter(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")))
            .ok_or_else(|| {
                incomplete(format!("the server of its cluster \"{}\" is not an address", context.cluster))
            })?;
        Ok(Target {
            context: name,
            server,
            cluster_name: context.cluster.clone(),
            cluster: cluster.clone(),
            user,
            user_name,
            namespace: context.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        })
    }
}

/// An address without a scheme is https where anything of TLS is configured for it, else http, as client-go has it.
fn with_scheme(address: &str, cluster: &Cluster, user: &AuthInfo) -> String {
    if address.contains("://") {
        return address.to_owned();
    }
    let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let tls = set(&cluster.certificate_authority)
        || set(&cluster.certificate_authority_data)
        || set(&user.client_certificate)
        || set(&user.client_certificate_data)
        || cluster.insecure_skip_tls_verify == Some(true);
    format!("{}://{address}", if tls { "https" } else { "http" })
}

fn find_cluster<'a>(merged: &'a Kubeconfig, name: &str) -> Option<&'a Cluster> {
    merged.clusters.iter().find(|cluster| cluster.name == name).and_then(|cluster| cluster.cluster.as_ref())
}

fn problem(path: &Path, error: &KubeconfigError) -> FileProblem {
    let (at, what) = match error {
        KubeconfigError::ReadConfig(error, _) => (
            None,
            match error.kind() {
                io::ErrorKind::NotFound => "does not exist".to_owned(),
                io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
                _ => format!("cannot be read: {error}"),
            },
        ),
        KubeconfigError::Parse(error) => {
            let at = error.location().map(|location| (location.line(), location.column()));
            (at, format!("not a valid kubeconfig: {}", without_values(&error.without_snippet().to_string())))
        }
        other => (None, without_values(&other.to_string())),
    };
    FileProblem { path: path.to_path_buf(), at, what }
}

/// The first line of a parser's message without what it quotes.
fn without_values(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let parts: Vec<&str> = first.split('"').collect();
    let shown: Vec<&str> =
        parts.iter().enumerate().map(|(index, part)| if index % 2 == 1 { "..." } else { *part }).collect();
    shown.join("\"").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_scheme_is_https_where_tls_is_configured() {
        let none = AuthInfo::default();
        let of = |cluster: &Cluster, user: &AuthInfo| with_scheme("10.0.0.1:6443", cluster, user);
        let some = || Some("x".to_owned());
        assert_eq!(of(&Cluster::default(), &none), "http://10.0.0.1:6443");
        let clusters = [
            Cluster { certificate_authority: some(), ..Cluster::default() },
            Cluster { certificate_authority_data: some(), ..Cluster::default() },
            Cluster { insecure_skip_tls_verify: Some(true), ..Cluster::default() },
        ];
        for cluster in clusters {
            assert_eq!(of(&cluster, &none), "https://10.0.0.1:6443", "{cluster:?}");
            assert_eq!(with_scheme("http://10.0.0.1", &cluster, &none), "http://10.0.0.1");
        }
        let user = AuthInfo { client_certificate_data: some(), ..AuthInfo::default() };
        assert_eq!(of(&Cluster::default(), &user), "https://10.0.0.1:6443");
    }

    #[test]
    fn a_parsers_message_is_shown_without_the_value_it_quotes() {
        assert_eq!(
            without_values("invalid type: string \"s3cret\", expected a map\nmore"),
            "invalid type: string \"...\", expected a map"
        );
    }
}
