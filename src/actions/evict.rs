//! Evict a pod: a deletion that its disruption budgets may refuse.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActionSpec, losses, right, twin, workload};
use crate::domain::json::text;
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Step, Stop, Via};
use crate::domain::proof::Check;
use crate::domain::shell::quoted;

pub const SPEC: ActionSpec = ActionSpec {
    name: "evict",
    key: None,
    doc: "evict the pod, if its disruption budgets allow",
    rights: &[right("", "pods/eviction", "create")],
    fields: &[],
    reason: None,
    offered: |subject| subject.of(&["Pod"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let (path, pod) = input.object()?;
    workload::pod_plan(input, SPEC.name, "evict", pod, steps(input, &path, pod)?)
}

/// The request that evicts one pod, repeated for so many seconds while a budget refuses.
pub fn request(input: &Input<'_>, path: &str, pod: &Value, patience: u32) -> Result<Request, Stop> {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    Ok(Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: format!("{path}/eviction"),
        body: Body::Json(json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": name, "namespace": namespace },
            "deleteOptions": { "preconditions": { "uid": text(pod, "/metadata/uid") } }
        })),
        guard: Some(Guard::of(path, pod, &[])),
        right: Some(input.right("create", "Pod", "eviction", namespace, name)?),
        dry_run: true,
        fine: &[404],
        patience,
        before: format!("{} on {}", text(pod, "/status/phase"), text(pod, "/spec/nodeName")),
        after: "evicted".into(),
    })
}

/// Evicts one pod and waits until it is gone.
fn steps(input: &Input<'_>, path: &str, pod: &Value) -> Result<Vec<Step>, Stop> {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let request = request(input, path, pod, 120)?;
    let check = Check::Gone { uid: text(pod, "/metadata/uid").to_owned() };
    let limit = u32::try_from(losses::grace(pod)).unwrap_or(30).saturating_add(90);
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit };
    // kubectl has a command for all pods of a node, which it cordons, and none for the eviction of one
    let body = request.body.json().map(ToString::to_string).unwrap_or_default();
    let create = twin::kubectl(input, &["create"]).flag("raw", &request.path).flag("filename", "-");
    let twin = format!("echo {} | {create}", quoted(&body));
    Ok(vec![
        Step::send(format!("evict pod {namespace}/{name}"), twin, request),
        Step::wait(format!("wait until {name} is gone"), proof),
    ])
}
