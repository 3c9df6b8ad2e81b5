//! Scale a Deployment or StatefulSet.

use serde_json::json;

use super::input::Input;
use super::{ActionSpec, Field, Start, right, workload};
use crate::domain::plan::{Body, Plan, Proof, Step, Stop, Via};
use crate::domain::proof::{Check, Sent};

/// More than this is a typing error.
const MOST: i64 = 1000;

pub const SPEC: ActionSpec = ActionSpec {
    name: "scale",
    key: None,
    doc: "set the number of replicas, and wait until they are ready",
    rights: &[right("apps", "deployments/scale", "patch"), right("apps", "statefulsets/scale", "patch")],
    fields: &[Field::new("replicas", "how many", Start::Of(now)).required()],
    reason: None,
    offered: |subject| subject.of(&["Deployment", "StatefulSet"]),
    plan,
};

/// The current number, where it is known already.
fn now(input: &Input<'_>) -> String {
    workload::find(input).map(|w| workload::replicas(w.object).to_string()).unwrap_or_default()
}

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let workload = workload::find(input)?;
    let now = workload::replicas(workload.object);
    let Some(wanted) = input.setting("replicas") else {
        return Err(Stop::Refuse(format!("replicas is not set (now {now})")));
    };
    let wanted: i64 = wanted
        .parse()
        .ok()
        .filter(|n| (0..=MOST).contains(n))
        .ok_or_else(|| Stop::Refuse(format!("replicas is a number from 0 to {MOST}, not `{wanted}`")))?;
    if wanted == now {
        return Err(Stop::Refuse(format!("{} has {now} replicas already: set another number", workload.told())));
    }
    let body = Body::Merge(json!({ "spec": { "replicas": wanted } }));
    let mut request = workload::patch(input, &workload, "scale", &["/spec/replicas"], body)?;
    request.before = format!("replicas: {now}");
    request.after = format!("replicas: {wanted}");
    let twin = |count: i64| workload.kubectl(input, &["scale"]).flag("replicas", count);
    // the answer is a Scale, which has no generation of the workload
    let sent = vec![Sent::owned("/spec/replicas", "scale")];
    let field = Check::Field { pointer: "/spec/replicas".into(), is: json!(wanted), sent };
    let read = Proof { via: Via::Kubernetes, path: workload.path.clone(), check: field, limit: 30 };
    let steps = vec![
        Step::send(format!("scale {} to {wanted}", workload.told()), twin(wanted), request)
            .holding(&format!("scaled from {now} to {wanted}"), workload.id()),
        Step::wait("read it back", read),
        workload::rollout(&workload, vec![Sent::value("/spec/replicas", json!(wanted))]),
    ];
    let mut plan = workload::plan(input, SPEC.name, &workload, steps)?;
    plan.undo = twin(now).to_string();
    plan.reach = vec![format!("{now} pods become {wanted}")];
    if wanted == 0 {
        plan.warnings.push("nothing will be left running".into());
    }
    plan.warnings.extend(workload::autoscalers(input, &workload)?);
    plan.warnings.extend(workload::drift(input, &workload, "/spec/replicas")?);
    Ok(plan)
}
