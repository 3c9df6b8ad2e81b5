//! Which workload is meant: the target, the owner of a pod, or those of a namespace; and which labels a selector selects.

use serde_json::Value;

use super::input::Input;
use super::twin;
use crate::domain::command_line::CommandLine;
use crate::domain::json::{flag, label, list, text};
use crate::domain::plan::Stop;
use crate::domain::served::Served;

pub const KINDS: &[&str] = &["Deployment", "StatefulSet", "DaemonSet"];

/// The workload that is meant: the target, or the owner of the target pod.
#[derive(Debug)]
pub struct Workload<'a> {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub path: String,
    pub object: &'a Value,
}

impl Workload<'_> {
    pub fn told(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// `Deployment/team-alpha/shop`, as plans and the audit name it.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }

    /// `kubectl ... deployment/shop -n team-alpha`.
    pub fn kubectl(&self, input: &Input<'_>, words: &[&str]) -> CommandLine {
        let name = format!("{}/{}", self.kind.to_lowercase(), self.name);
        twin::kubectl(input, words).arg(name).within(&self.namespace)
    }
}

impl<'a> Workload<'a> {
    /// An item of a list, which does not say its kind.
    pub fn listed(kind: &str, namespace: &str, served: &Served, object: &'a Value) -> Self {
        let name = text(object, "/metadata/name").to_owned();
        let path = served.object(namespace, &name);
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name, path, object }
    }
}

/// All workloads of a namespace, by kind; `query` narrows the lists.
pub fn all<'a>(
    input: &Input<'a>,
    namespace: &str,
    query: &str,
) -> Result<Vec<(&'static str, Served, &'a Value)>, Stop> {
    let (mut lists, mut needs) = (Vec::new(), Vec::new());
    for kind in KINDS {
        let served = input.served(kind)?;
        match input.read(&format!("{}{query}", served.collection(namespace))) {
            Ok(list) => lists.push((*kind, served, list)),
            Err(Stop::Need(paths)) => needs.extend(paths),
            Err(other) => return Err(other),
        }
    }
    if needs.is_empty() { Ok(lists) } else { Err(Stop::Need(needs)) }
}

pub fn find<'a>(input: &Input<'a>) -> Result<Workload<'a>, Stop> {
    let target = input.target()?;
    let namespace = target.key.namespace.to_string();
    if target.kind != "Pod" {
        let (path, object) = input.object()?;
        return Ok(Workload {
            kind: target.kind.to_owned(),
            namespace,
            name: target.key.name.to_string(),
            path,
            object,
        });
    }
    let (_, pod) = input.object()?;
    let (kind, name) = owner(pod).ok_or_else(|| Stop::Refuse(format!("{} has no controller", target.told())))?;
    if !KINDS.contains(&&*kind) {
        return Err(Stop::Refuse(format!("{} belongs to {kind} {name}, which has no rollout", target.told())));
    }
    let path = input.path(&kind, &namespace, &name)?;
    let object = input.read(&path)?;
    Ok(Workload { kind, namespace, name, path, object })
}

/// The workload that owns a pod, without asking for its ReplicaSet: a Deployment names it after itself.
pub fn owner(pod: &Value) -> Option<(String, String)> {
    let owner = list(pod, "/metadata/ownerReferences").iter().find(|o| flag(o, "/controller"))?;
    let (kind, name) = (text(owner, "/kind"), text(owner, "/name"));
    let hash = label(pod, "pod-template-hash");
    if kind == "ReplicaSet"
        && let Some(deployment) =
            name.strip_suffix(hash).and_then(|rest| rest.strip_suffix('-')).filter(|_| !hash.is_empty())
    {
        return Some(("Deployment".to_owned(), deployment.to_owned()));
    }
    Some((kind.to_owned(), name.to_owned()))
}

/// Whether a label selector selects these labels. An empty one selects everything.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let value = |name: &str| labels.get(name).and_then(Value::as_str);
    let equal = selector.pointer("/matchLabels").and_then(Value::as_object);
    let all = equal.is_none_or(|m| m.iter().all(|(name, want)| value(name) == want.as_str()));
    all && list(selector, "/matchExpressions").iter().all(|e| {
        let have = value(text(e, "/key"));
        let listed = have.is_some_and(|have| list(e, "/values").iter().any(|v| v.as_str() == Some(have)));
        match text(e, "/operator") {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => have.is_some(),
            "DoesNotExist" => have.is_none(),
            _ => false,
        }
    })
}
