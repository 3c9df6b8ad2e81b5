//! Evict a pod: as a deletion, but its disruption budgets are asked.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActionSpec, right, twin, workload};
use crate::domain::json::{int, text};
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "evict",
    key: None,
    doc: "evict the pod, if its disruption budgets allow",
    rights: &[right("", "pods/eviction", "create")],
    fields: &[],
    wants_reason: false,
    offered: |subject| subject.of(&["Pod"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let (path, pod) = input.object()?;
    workload::pod_plan(input, SPEC.name, "evict", pod, steps(input, &path, pod, 120)?)
}

/// Evicts one pod, asking again for so many seconds while a budget refuses, and waits until it is gone.
pub fn steps(input: &Input<'_>, path: &str, pod: &Value, patience: u32) -> Result<Vec<Step>, Stop> {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let uid = text(pod, "/metadata/uid");
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: format!("{path}/eviction"),
        body: Body::Json(json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": name, "namespace": namespace },
            "deleteOptions": { "preconditions": { "uid": uid } }
        })),
        guard: Some(Guard::of(path, pod, &[])),
        right: Some(input.right("create", "Pod", "eviction", namespace, name)?),
        dry_run: true,
        fine: &[404],
        patience,
        before: format!("{} on {}", text(pod, "/status/phase"), text(pod, "/spec/nodeName")),
        after: "evicted".into(),
    };
    let grace = int(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    let limit = u32::try_from(grace).unwrap_or(30).saturating_add(90);
    let proof =
        Proof { via: Via::Kubernetes, path: path.to_owned(), check: Check::Gone { uid: uid.to_owned() }, limit };
    // kubectl has no command for the eviction of a single pod
    let twin =
        twin::kubectl(input, &["create"]).flag("raw", format!("{path}/eviction")).flag("filename", "eviction.json");
    Ok(vec![
        Step::send(format!("evict pod {namespace}/{name}"), twin, request),
        Step::wait(format!("wait until {name} is gone"), proof),
    ])
}
