//! Delete a pod gracefully: exactly this one, by its uid.

use serde_json::json;

use super::input::Input;
use super::{ActKey, ActionSpec, losses, right, twin, workload};
use crate::domain::json::text;
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "delete-pod",
    key: Some(ActKey::Delete),
    doc: "delete the pod gracefully; its controller makes a new one. Disruption budgets are not checked: see evict",
    rights: &[right("", "pods", "delete")],
    fields: &[],
    reason: None,
    offered: |subject| subject.of(&["Pod"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, pod) = input.object()?;
    let (namespace, name) = (&target.key.namespace, &target.key.name);
    let uid = text(pod, "/metadata/uid");
    let grace = losses::grace(pod);
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Delete,
        path: path.clone(),
        body: Body::Json(json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace, "preconditions": { "uid": uid }
        })),
        guard: Some(Guard::of(&path, pod, &[])),
        right: Some(input.right("delete", "Pod", "", namespace, name)?),
        dry_run: true,
        fine: &[404],
        patience: 0,
        before: format!("{} on {}", text(pod, "/status/phase"), text(pod, "/spec/nodeName")),
        after: "deleted".into(),
    };
    let limit = u32::try_from(grace).unwrap_or(30).saturating_add(60);
    let proof = Proof { via: Via::Kubernetes, path, check: Check::Gone { uid: uid.to_owned() }, limit };
    let steps = vec![
        Step::send(
            format!("delete {}", target.told()),
            twin::kubectl(input, &["delete", "pod"]).arg(&**name).within(namespace),
            request,
        ),
        Step::wait("wait until it is gone", proof),
    ];
    workload::pod_plan(input, SPEC.name, "delete", pod, steps)
}
