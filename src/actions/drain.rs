//! Drain a node: cordon it, then evict its pods one after another, each asked of its budgets. Running it again goes on
//! with whatever is left.

use std::collections::BTreeMap;

use serde_json::Value;

use super::input::Input;
use super::{ActionSpec, Field, Start, cordon, evict, flux, right, twin, workload};
use crate::domain::json::{annotation, flag, int, list, text};
use crate::domain::plan::{Plan, Risk, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "drain",
    key: None,
    doc: "cordon the node and evict its pods, as their disruption budgets allow",
    rights: &[right("", "nodes", "patch"), right("", "pods/eviction", "create")],
    fields: &[
        Field { name: "timeout", help: "seconds to wait for a budget, for each pod", default: Start::Text("300") },
        Field {
            name: "delete-emptydir-data",
            help: "yes: evict pods with emptyDir data, which is lost",
            default: Start::Text("no"),
        },
        Field {
            name: "leave-unevictable",
            help: "yes: leave pods that two budgets claim, which the server never evicts",
            default: Start::Text("no"),
        },
        Field {
            name: "unmanaged",
            help: "yes: evict pods without a controller, which are gone for good",
            default: Start::Text("no"),
        },
    ],
    wants_reason: false,
    offered: |subject| subject.of(&["Node"]),
    plan,
};

/// What becomes of a pod.
enum Fate {
    Evict,
    Skip(&'static str),
    Consent(&'static str, &'static str),
}

fn fate(pod: &Value) -> Fate {
    let owner = list(pod, "/metadata/ownerReferences").iter().find(|o| flag(o, "/controller"));
    let done = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    if !annotation(pod, "kubernetes.io/config.mirror").is_empty() {
        return Fate::Skip("static");
    }
    if owner.is_some_and(|o| text(o, "/kind") == "DaemonSet") {
        return Fate::Skip("of a DaemonSet");
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        return Fate::Skip("terminating already");
    }
    if done {
        return Fate::Evict;
    }
    if owner.is_none() {
        return Fate::Consent("unmanaged", "no controller makes it anew");
    }
    if list(pod, "/spec/volumes").iter().any(|v| v.get("emptyDir").is_some()) {
        return Fate::Consent("delete-emptydir-data", "its emptyDir data is lost");
    }
    Fate::Evict
}

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let name = &target.key.name;
    let (path, node) = input.object()?;
    let pods = input.served("Pod")?;
    let selector = crate::domain::served::escape(&format!("spec.nodeName={name}"));
    let all = list(input.read(&format!("{}?fieldSelector={selector}", pods.collection("")))?, "/items");
    let patience: u32 = match input.setting("timeout") {
        None => 300,
        Some(text) => {
            text.parse().map_err(|_| Stop::Refuse(format!("timeout is a number of seconds, not `{text}`")))?
        }
    };
    let (claimed, mut warnings) = tight(input, all)?;
    if !claimed.is_empty() && !input.yes("leave-unevictable")? {
        return Err(Stop::Refuse(format!(
            "{}; mend the budgets, or set leave-unevictable=yes to leave them here",
            claimed.values().cloned().collect::<Vec<_>>().join("; ")
        )));
    }
    let mut steps = if flag(node, "/spec/unschedulable") { Vec::new() } else { cordon::steps(input, &path, node)? };
    let (mut evicted, mut skipped, mut missing) = (0, Vec::new(), Vec::new());
    for pod in all {
        let (namespace, pod_name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        match fate(pod) {
            _ if claimed.contains_key(&(namespace, pod_name)) => {
                skipped.push(format!("{namespace}/{pod_name} (two budgets)"));
            }
            Fate::Skip(why) => skipped.push(format!("{namespace}/{pod_name} ({why})")),
            Fate::Consent(setting, why) if !input.yes(setting)? => {
                missing.push(format!("{namespace}/{pod_name}: {why} ({setting}=yes)"));
            }
            Fate::Evict | Fate::Consent(..) => {
                evicted += 1;
                steps.extend(evict::steps(input, &pods.object(namespace, pod_name), pod, patience)?);
            }
        }
    }
    if !missing.is_empty() {
        return Err(Stop::Refuse(format!("some pods need your consent: {}", missing.join("; "))));
    }
    if steps.is_empty() {
        return Err(Stop::Refuse(format!("{} is drained: cordoned, and no pod is left to evict", target.told())));
    }
    // a cordon of somebody else's is not ours to end
    let undo = if flag(node, "/spec/unschedulable") {
        String::new()
    } else {
        twin::kubectl(input, &["uncordon"]).arg(&**name).to_string()
    };
    let mut plan = flux::plan(input, SPEC.name, steps, undo)?;
    plan.risk = Risk::Context(input.context.to_owned());
    plan.reach.push(format!("{evicted} pods are evicted, one after another"));
    if !skipped.is_empty() {
        plan.reach.push(format!("left alone: {}", skipped.join(", ")));
    }
    warnings.extend(claimed.into_values());
    plan.warnings = warnings;
    Ok(plan)
}

/// Pods that two budgets claim, by namespace and name.
type Claimed<'a> = BTreeMap<(&'a str, &'a str), String>;

/// Pods that two budgets claim, which are never evicted, and budgets that leave no room now.
fn tight<'a>(input: &Input<'_>, pods: &'a [Value]) -> Result<(Claimed<'a>, Vec<String>), Stop> {
    let path = input.served("PodDisruptionBudget")?.collection("");
    let found = match input.maybe(&path)? {
        Ok(found) => found,
        Err(why) => return Ok((Claimed::new(), vec![format!("disruption budgets could not be read: {why}")])),
    };
    let (mut claimed, mut warnings) = (Claimed::new(), Vec::new());
    for pod in pods.iter().filter(|pod| matches!(fate(pod), Fate::Evict | Fate::Consent(..))) {
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let labels = pod.pointer("/metadata/labels").unwrap_or(&Value::Null);
        let over: Vec<&Value> = list(found, "/items")
            .iter()
            .filter(|pdb| text(pdb, "/metadata/namespace") == namespace)
            .filter(|pdb| workload::selects(pdb.pointer("/spec/selector").unwrap_or(&Value::Null), labels))
            .collect();
        let names = over.iter().map(|pdb| text(pdb, "/metadata/name")).collect::<Vec<_>>().join(" and ");
        if over.len() > 1 {
            claimed.insert(
                (namespace, name),
                format!("{namespace}/{name} is claimed by {names}: the server never evicts it"),
            );
        } else if over.iter().any(|pdb| int(pdb, "/status/disruptionsAllowed") == Some(0)) {
            warnings.push(format!("{namespace}/{name}: budget {names} allows no disruption now"));
        }
    }
    Ok((claimed, warnings))
}
