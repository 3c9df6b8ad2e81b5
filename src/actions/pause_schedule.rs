//! Velero: make no more runs of the schedule.

use serde_json::json;

use super::input::{Input, flag};
use super::{ActKey, ActionSpec, Offer, flux, right};
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "pause-schedule",
    key: Some(ActKey::Toggle),
    doc: "make no more runs of the schedule",
    rights: &[right("velero.io", "schedules", "patch")],
    fields: &[],
    wants_reason: false,
    offered: |subject| match (subject.of(&["Schedule"]), subject.record.suspended == Some(false)) {
        (Offer::Yes, true) => Offer::Yes,
        (Offer::Yes, false) => Offer::No("it is paused already".to_owned()),
        (other, _) => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let paused = flag(object, "/spec/paused");
    if paused {
        return Err(Stop::Refuse(format!("{} is paused already", target.told())));
    }
    let body = json!({ "spec": { "paused": true } });
    let mut request = flux::patch(input, &path, object, &["/spec/paused"], body)?;
    request.before = format!("paused: {paused}");
    request.after = "paused: true".into();
    let name = &target.key.name;
    let check = Check::Field { pointer: "/spec/paused".into(), is: json!(true) };
    let proof = Proof { via: Via::Kubernetes, path, check, limit: 30 };
    let steps = vec![
        Step::send(
            format!("pause schedule {name}"),
            format!("velero schedule pause {name} -n {}", target.key.namespace),
            request,
        ),
        Step::wait("read it back", proof),
    ];
    let mut plan =
        flux::plan(input, SPEC.name, steps, format!("velero schedule unpause {name} -n {}", target.key.namespace))?;
    plan.reach.push("a run under way goes on; no new one begins".into());
    Ok(plan)
}
