//! What a plan is made from: the targets, what was read of them, what the operator set, and the time. All of it is
//! passed in; nothing is requested here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::domain::ages::Time;
use crate::domain::json::text;
use crate::domain::outcome::Unfinished;
use crate::domain::plan::{Right, Stop};
use crate::domain::record::{Key, Uid};
use crate::domain::reply::Answers;
use crate::domain::served::Served;
use crate::domain::way::Way;
use crate::kinds::{self, Api};

/// Where kinds live, by kind.
pub type Apis = HashMap<&'static str, Served>;
/// What was read, by path: the object, or why it could not be.
pub type Have = Answers;
pub use crate::domain::matcher::Labels;

/// Whether an object exists.
#[derive(Debug, Clone, Copy)]
pub enum There<'a> {
    Yes(&'a Value),
    No,
    /// It cannot be seen; why.
    Unknown(&'a str),
}

/// An object that an action is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub kind: &'static str,
    pub key: Key,
    /// The labels of an alert.
    pub labels: Labels,
    /// The component of a platform profile that it belongs to.
    pub component: Option<Component>,
    pub known: Known,
}

/// What is known of a target from the objects around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The alerts that are about it: by their labels, or because it explains them.
    pub alerts: Vec<Alerted>,
    /// Of an alert, the kind of object that it is about.
    pub about: Option<String>,
    /// Pods of others in its namespace begin with its name, too.
    pub shared: bool,
}

/// An alert, and the kind of object that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerted {
    pub labels: Labels,
    pub about: Option<String>,
}

/// A component, as far as alerts can be matched to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub name: String,
    pub namespace: String,
    /// Names of its workloads, `*` being any text; empty when the whole namespace is its own.
    pub workloads: Vec<String>,
}

/// A pod of OpenBao or Vault, as far as its seal is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub namespace: String,
    pub pod: String,
    /// Unsealed; none when that is not known.
    pub serves: Option<bool>,
    /// Once it has ended, its keys must be entered by hand before it serves again.
    pub by_hand: bool,
}

/// Paths that have yet to be read, gathered over many looks, so that they are read at once.
#[derive(Debug, Default)]
pub struct Needs(BTreeSet<String>);

impl Needs {
    /// What was found, or nothing until its path was read.
    pub fn take<T>(&mut self, found: Result<T, Stop>) -> Result<Option<T>, Stop> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Stop::Need(paths)) => {
                self.0.extend(paths);
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What was made of all of it, once nothing is missing.
    pub fn met<T>(self, made: T) -> Result<T, Stop> {
        if self.0.is_empty() { Ok(made) } else { Err(Stop::Need(self.0.into_iter().collect())) }
    }
}

impl Target {
    /// `HelmRelease/monitoring/monitoring`, as plans and the audit name it.
    pub fn object(&self) -> String {
        format!("{}/{}/{}", self.kind, self.key.namespace, self.key.name)
    }

    /// `HelmRelease monitoring/monitoring`.
    pub fn told(&self) -> String {
        match &*self.key.namespace {
            "" => format!("{} {}", self.kind, self.key.name),
            namespace => format!("{} {namespace}/{}", self.kind, self.key.name),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    pub targets: &'a [Target],
    pub have: &'a Have,
    pub apis: &'a Apis,
    /// What the operator set, by field.
    pub set: &'a BTreeMap<String, String>,
    pub reason: &'a str,
    /// Who acts, as the server knows them.
    pub operator: &'a str,
    pub context: &'a str,
    /// How a command reaches the cluster.
    pub way: &'a Way,
    pub now: Time,
    /// The time zone in which the operator writes a time: that of the screen's clock.
    pub zone: &'a TimeZone,
    /// RFC 3339 with nanoseconds, never the same twice.
    pub token: &'a str,
    /// Namespaces of core components: a risky action there asks for the typed context.
    pub core: &'a [String],
    /// The alerts that are known now.
    pub alerts: &'a [Labels],
    /// Why these may be incomplete.
    pub blind: Option<&'a str>,
    /// What is known of seals now.
    pub seals: &'a [Sealed],
    /// The interrupted plan that is continued: what it has done need not be done again.
    pub continues: Option<&'a Unfinished>,
}

/// Kinds that are not kinds of ours, and whose path is the same on every server.
const FIXED: &[(&str, &str, &str, &str, bool)] = &[
    ("PersistentVolume", "", "v1", "persistentvolumes", false),
    ("ControllerRevision", "apps", "v1", "controllerrevisions", true),
    ("DeleteBackupRequest", "velero.io", "v1", "deletebackuprequests", true),
    ("DownloadRequest", "velero.io", "v1", "downloadrequests", true),
];

/// Where a kind lives on every server, for when discovery has not reported it.
fn fixed(kind: &str) -> Option<Served> {
    let own = kinds::by_name(kind).map(kinds::spec).filter(|spec| spec.fixed);
    let place = match own.map(|spec| spec.api) {
        Some(Api::Watch { group, versions, plural, namespaced, .. }) => (group, *versions.first()?, plural, namespaced),
        _ => FIXED.iter().find(|(name, ..)| *name == kind).map(|(_, g, v, p, n)| (*g, *v, *p, *n))?,
    };
    let (group, version, plural, namespaced) = place;
    Some(Served { group: group.into(), version: version.into(), plural: plural.into(), namespaced })
}

impl<'a> Input<'a> {
    /// The same, about one of the targets.
    #[must_use]
    pub fn only(&self, target: &'a Target) -> Self {
        Self { targets: std::slice::from_ref(target), ..*self }
    }

    /// The one target of a plan for one object.
    pub fn target(&self) -> Result<&'a Target, Stop> {
        self.targets.first().ok_or_else(|| Stop::refuse("nothing selected"))
    }

    pub fn served(&self, kind: &str) -> Result<Served, Stop> {
        if let Some(served) = self.apis.get(kind) {
            return Ok(served.clone());
        }
        fixed(kind).ok_or_else(|| Stop::Refuse(format!("{kind} is not served by this cluster, as far as is known")))
    }

    pub fn path(&self, kind: &str, namespace: &str, name: &str) -> Result<String, Stop> {
        Ok(self.served(kind)?.object(namespace, name))
    }

    /// What was read from a path.
    pub fn read(&self, path: &str) -> Result<&'a Value, Stop> {
        match self.have.get(path) {
            Some(Ok(value)) => Ok(value),
            Some(Err(unread)) => Err(Stop::Refuse(format!("cannot be planned: {}", unread.why))),
            None => Err(Stop::Need(vec![path.to_owned()])),
        }
    }

    /// What was read from a path, if it could be: a plan that can do without says so instead of ending.
    pub fn maybe(&self, path: &str) -> Result<Result<&'a Value, &'a str>, Stop> {
        match self.have.get(path) {
            Some(Ok(value)) => Ok(Ok(value)),
            Some(Err(unread)) => Ok(Err(&unread.why)),
            None => Err(Stop::Need(vec![path.to_owned()])),
        }
    }

    /// Whether there is such an object, as far as can be seen.
    pub fn look(&self, path: &str) -> Result<There<'a>, Stop> {
        match self.have.get(path) {
            Some(Ok(value)) => Ok(There::Yes(value)),
            Some(Err(unread)) if unread.absent => Ok(There::No),
            Some(Err(unread)) => Ok(There::Unknown(&unread.why)),
            None => Err(Stop::Need(vec![path.to_owned()])),
        }
    }

    /// The target's object as it is now, with its path. Refused when it is another object with the same name.
    pub fn object(&self) -> Result<(String, &'a Value), Stop> {
        let target = self.target()?;
        let path = self.path(target.kind, &target.key.namespace, &target.key.name)?;
        let object = self.read(&path)?;
        let uid = text(object, "/metadata/uid");
        if target.key.uid != Uid::default() && Uid::of(uid) != target.key.uid {
            return Err(Stop::Refuse(format!("{} was deleted and created again: look at it first", target.told())));
        }
        Ok((path, object))
    }

    pub fn setting(&self, name: &str) -> Option<&'a str> {
        self.set.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A setting that is yes or no.
    pub fn yes(&self, name: &str) -> Result<bool, Stop> {
        match self.setting(name) {
            None | Some("no" | "false") => Ok(false),
            Some("yes" | "true") => Ok(true),
            Some(other) => Err(Stop::Refuse(format!("{name} is yes or no, not `{other}`"))),
        }
    }

    /// Whether the interrupted plan that is continued has sent this value there.
    pub fn did(&self, path: &str, pointer: &str, value: &Value) -> bool {
        self.continues.is_some_and(|left| left.did(path, pointer, value))
    }

    pub fn is_core(&self, namespace: &str) -> bool {
        // without it there is no cluster, whatever is configured
        namespace == "kube-system" || self.core.iter().any(|core| core == namespace)
    }

    /// The right to do this to an object of a kind.
    pub fn right(&self, verb: &str, kind: &str, sub: &str, namespace: &str, name: &str) -> Result<Right, Stop> {
        let served = self.served(kind)?;
        Ok(Right {
            verb: verb.to_owned(),
            group: served.group,
            resource: served.plural,
            sub: sub.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}
