//! Deployment: go on with its rollout, and wait for it.

use serde_json::{Value, json};

use super::input::{Input, flag};
use super::{ActionSpec, workload};
use crate::domain::plan::{Body, Plan, Proof, Risk, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "resume-rollout",
    key: None,
    doc: "go on with its rollout, and wait for it",
    rights: workload::RIGHTS,
    fields: &[],
    wants_reason: false,
    offered: |subject| subject.of(&["Deployment"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let workload = workload::find(input)?;
    let paused = flag(workload.object, "/spec/paused");
    if !paused {
        return Err(Stop::Refuse(format!("{} is not paused", workload.told())));
    }
    let wanted: Value = json!(null);
    let body = Body::Merge(json!({ "spec": { "paused": wanted } }));
    let mut request = workload::patch(input, &workload, "", &["/spec/paused"], body)?;
    request.before = format!("paused: {paused}");
    request.after = format!("paused: {}", !paused);
    let check = Check::Field { pointer: "/spec/paused".into(), is: wanted };
    let read = Proof { via: Via::Kubernetes, path: workload.path.clone(), check, limit: 30 };
    let mut steps = vec![
        Step::send(
            format!("resume the rollout of {}", workload.told()),
            format!("kubectl rollout resume {}", workload.argument()),
            request,
        ),
        Step::wait("read it back", read),
    ];
    if paused {
        steps.push(workload::rollout(&workload));
    }
    let mut plan = workload::plan(input, SPEC.name, &workload, steps)?;
    plan.risk = Risk::Press;
    plan.undo = format!("kubectl rollout pause {}", workload.argument());
    plan.warnings.extend(workload::drift(&workload));
    Ok(plan)
}
