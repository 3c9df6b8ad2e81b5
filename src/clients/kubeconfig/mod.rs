//! The kubeconfig as kubectl reads it: `--kubeconfig`, else the files of `$KUBECONFIG` merged, else `~/.kube/config`.
//! A malformed file is named with its line and costs only its own contexts. Reads files; connects to nothing, runs no
//! plugin, and repeats no value of a file in an error: it may be a token.

mod parse;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ::http::Uri;
use kube::config::{AuthInfo, Cluster};
use serde_json::Value;

use super::errors::ConnectError;
use super::failure::FileProblem;
use crate::config::Settings;
use parse::{Context, Entry, Unreadable};

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
    /// What another file would have it mean.
    pub warnings: Vec<String>,
}

/// All kubeconfig files together.
#[derive(Debug, Clone, Default)]
pub struct Kubeconfigs {
    clusters: BTreeMap<String, Defined<Cluster>>,
    users: BTreeMap<String, Defined<AuthInfo>>,
    /// In the order of the files.
    pub contexts: Vec<ContextInfo>,
    pub current: Option<String>,
    pub problems: Vec<FileProblem>,
    /// The files that were looked at, existing or not.
    pub looked: Vec<PathBuf>,
}

/// A cluster or user, and the files further back that define another one of its name.
#[derive(Debug, Clone)]
struct Defined<T> {
    entry: Entry<T>,
    hides: Vec<PathBuf>,
}

/// What a context refers to.
#[derive(Clone)]
pub struct Target {
    pub context: String,
    pub server: Uri,
    /// As the kubeconfig calls it.
    pub cluster_name: String,
    pub cluster: Cluster,
    pub user_name: String,
    pub user: AuthInfo,
    pub namespace: String,
    /// What should be known by whoever connects to it.
    pub warnings: Vec<String>,
    /// The cluster and the user as written, to be compared.
    raw: (Value, Value),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} at {})", self.context, self.server)
    }
}

impl Target {
    /// Whether both lead to the same server, in the same way.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        (&self.context, &self.raw.0) == (&other.context, &other.raw.0)
            && self.namespace == other.namespace
            && self.raw.1.get("auth-provider") == other.raw.1.get("auth-provider")
    }

    /// The user, to be compared.
    #[must_use]
    pub fn user_as_written(&self) -> &Value {
        &self.raw.1
    }
}

/// What tells a file from another one of the same name: when it was written, its size, and which one it is.
pub type Stamp = (SystemTime, u64, u64);

/// The present stamp of a file; nothing when it cannot be looked at.
#[must_use]
pub fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len(), meta.ino()))
}

/// Where a context leads, and whether its files say something else now.
#[derive(Debug)]
pub struct Place {
    target: Target,
    /// The authority's file, as it was read.
    authority: Option<(PathBuf, Vec<u8>)>,
    files: Vec<PathBuf>,
    stamps: Vec<Option<Stamp>>,
}

impl Place {
    /// Of a context that was just connected to; nothing when no kubeconfig knows it.
    #[must_use]
    pub fn of(settings: &Settings, context: &str) -> Option<Self> {
        let known = load(settings);
        let target = known.target(Some(context)).ok()?;
        let authority = target.cluster.certificate_authority.as_ref().map(PathBuf::from);
        let authority = authority.filter(|_| target.cluster.certificate_authority_data.is_none());
        let authority = authority.map(|path| (path.clone(), std::fs::read(path).unwrap_or_default()));
        let files: Vec<_> = known.looked.into_iter().chain(authority.iter().map(|(path, _)| path.clone())).collect();
        let stamps = files.iter().map(|path| stamp(path)).collect();
        Some(Self { target, authority, files, stamps })
    }

    /// Whether the context now leads elsewhere. One that is gone, or a file that is being written, says nothing.
    #[must_use]
    pub fn has_moved(&mut self, settings: &Settings) -> bool {
        let now: Vec<_> = self.files.iter().map(|path| stamp(path)).collect();
        if now == self.stamps {
            return false;
        }
        self.stamps = now;
        let other = load(settings).target(Some(&self.target.context)).is_ok_and(|now| !now.is_same_place(&self.target));
        let trusts = self
            .authority
            .as_ref()
            .is_some_and(|(path, before)| std::fs::read(path).is_ok_and(|now| !now.is_empty() && now != *before));
        other || trusts
    }
}

/// Reads the files that the settings and the environment name.
#[must_use]
pub fn load(settings: &Settings) -> Kubeconfigs {
    let (paths, must_exist) = paths(settings);
    let mut all = Kubeconfigs { looked: paths.clone(), ..Kubeconfigs::default() };
    for path in paths {
        match parse::read(&path) {
            Ok(file) => all.add(&path, file),
            // As kubectl does: a listed file that is not there is skipped.
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound && !must_exist => {}
            Err(Unreadable::Io(error)) => {
                all.problems.push(FileProblem { path, at: None, what: unreadable(&error) });
            }
            Err(Unreadable::Bad(problem)) => all.problems.push(problem),
        }
    }
    all.finish();
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
    /// Takes in the next file: what an earlier one defines is never changed.
    fn add(&mut self, path: &Path, file: parse::File) {
        self.problems.extend(file.problems);
        self.current = self.current.take().or(file.current);
        define(&mut self.clusters, file.clusters);
        define(&mut self.users, file.users);
        for (name, Context { cluster, user, namespace }) in file.contexts {
            if self.contexts.iter().any(|known| known.name == name) {
                continue;
            }
            let given = |text: String| Some(text).filter(|text| !text.is_empty());
            self.contexts.push(ContextInfo {
                name,
                server: None,
                cluster,
                user: given(user),
                namespace: given(namespace),
                file: path.to_path_buf(),
                warnings: Vec::new(),
            });
        }
    }

    /// A context may be in one file and its cluster in a later one.
    fn finish(&mut self) {
        for context in &mut self.contexts {
            let cluster = self.clusters.get(&context.cluster);
            context.server = cluster
                .and_then(|cluster| cluster.entry.value.as_ref().ok())
                .and_then(|cluster| cluster.server.clone());
            let user = context.user.as_ref().and_then(|user| self.users.get(user).map(|found| (user, found)));
            let hidden = cluster.map(|found| hides("cluster", &context.cluster, found));
            context.warnings =
                hidden.into_iter().chain(user.map(|(name, user)| hides("user", name, user))).flatten().collect();
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
        let cluster = self.clusters.get(&context.cluster).ok_or_else(|| {
            incomplete(format!("its cluster \"{}\" is not defined in any kubeconfig file", context.cluster))
        })?;
        let unusable = |what: &str, name: &str, file: &Path, why: &str| {
            incomplete(format!("its {what} \"{name}\" in {} cannot be used: {why}", file.display()))
        };
        let (raw_cluster, cluster) = match &cluster.entry {
            Entry { value: Ok(value), raw, .. } => (raw, value),
            Entry { value: Err(why), file, .. } => return Err(unusable("cluster", &context.cluster, file, why)),
        };
        let user_name = context.user.clone().unwrap_or_default();
        let (raw_user, user) = match self.users.get(&user_name).map(|user| &user.entry) {
            None => (Value::Null, AuthInfo::default()),
            Some(Entry { value: Ok(value), raw, .. }) => (raw.clone(), value.clone()),
            Some(Entry { value: Err(why), file, .. }) => return Err(unusable("user", &user_name, file, why)),
        };
        let server = address(cluster, &user).ok_or_else(|| {
            incomplete(format!("the server of its cluster \"{}\" is not an address", context.cluster))
        })?;
        Ok(Target {
            server,
            cluster_name: context.cluster.clone(),
            cluster: cluster.clone(),
            user,
            user_name,
            namespace: context.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            warnings: context.warnings.clone(),
            raw: (raw_cluster.clone(), raw_user),
            context: name,
        })
    }
}

fn define<T>(known: &mut BTreeMap<String, Defined<T>>, entries: Vec<(String, Entry<T>)>) {
    for (name, entry) in entries {
        match known.get_mut(&name) {
            None => {
                known.insert(name, Defined { entry, hides: Vec::new() });
            }
            Some(first) if first.entry.raw != entry.raw => first.hides.push(entry.file),
            Some(_) => {}
        }
    }
}

/// Of two files with one name the first counts, as for kubectl: whoever chose a context of the second one may not know.
fn hides<T>(what: &str, name: &str, found: &Defined<T>) -> Option<String> {
    let others: Vec<String> = found.hides.iter().map(|path| path.display().to_string()).collect();
    if others.is_empty() {
        return None;
    }
    Some(format!(
        "{what} \"{name}\" is another one in {}: that of {} counts",
        others.join(", "),
        found.entry.file.display()
    ))
}

/// The server's address. Without a scheme it is https where something of TLS is said, as for kubectl.
/// Source: client-go `rest/url_utils.go`, `DefaultServerURL`.
fn address(cluster: &Cluster, user: &AuthInfo) -> Option<Uri> {
    let text = cluster.server.as_deref().unwrap_or_default();
    let tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true)
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some();
    let scheme = if tls { "https" } else { "http" };
    let text = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
    let uri: Uri = text.parse().ok()?;
    (uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))).then_some(uri)
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
