//! Velero: make runs of the schedule again.

use serde_json::json;

use super::input::{Input, flag};
use super::{ActKey, ActionSpec, Field, Offer, Start, flux, right};
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "unpause-schedule",
    key: Some(ActKey::Toggle),
    doc: "make runs of the schedule again",
    rights: &[right("velero.io", "schedules", "patch")],
    fields: &[Field {
        name: "skip",
        help: "yes: do not make up at once for a run that was missed",
        default: Start::Text("yes"),
    }],
    wants_reason: false,
    offered: |subject| match (subject.of(&["Schedule"]), subject.record.suspended == Some(true)) {
        (Offer::Yes, true) => Offer::Yes,
        (Offer::Yes, false) => Offer::No("it is not paused".to_owned()),
        (other, _) => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let paused = flag(object, "/spec/paused");
    if !paused {
        return Err(Stop::Refuse(format!("{} is not paused", target.told())));
    }
    let skip = input.setting("skip").is_none() || input.yes("skip")?;
    // the server sets it back by itself (Velero 1.13 and later)
    let body = if skip {
        json!({ "spec": { "paused": false, "skipImmediately": true } })
    } else {
        json!({ "spec": { "paused": false } })
    };
    let mut request = flux::patch(input, &path, object, &["/spec/paused"], body)?;
    request.before = format!("paused: {paused}");
    request.after = "paused: false".into();
    let name = &target.key.name;
    let check = Check::Field { pointer: "/spec/paused".into(), is: json!(false) };
    let proof = Proof { via: Via::Kubernetes, path, check, limit: 30 };
    let steps = vec![
        Step::send(
            format!("unpause schedule {name}"),
            format!("velero schedule unpause {name} -n {}", target.key.namespace),
            request,
        ),
        Step::wait("read it back", proof),
    ];
    let mut plan =
        flux::plan(input, SPEC.name, steps, format!("velero schedule pause {name} -n {}", target.key.namespace))?;
    plan.reach.push(
        if skip { "the next run is the next one due" } else { "a run that was missed starts within a minute" }.into(),
    );
    Ok(plan)
}
