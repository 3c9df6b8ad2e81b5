//! What the actions on Velero's schedules share.

use serde_json::{Value, json};

use super::input::Input;
use super::{Offer, RightRow, Subject, flux, marks, right};
use crate::domain::json::flag;
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::Check;

pub const RIGHTS: &[RightRow] = &[right("velero.io", "schedules", "patch")];

/// Offered for a schedule that is paused, or is not.
pub fn when_paused(subject: &Subject<'_>, wanted: bool) -> Offer {
    match subject.of(&["Schedule"]) {
        Offer::Yes if subject.record.suspended == Some(wanted) => Offer::Yes,
        Offer::Yes => Offer::No(if wanted { "it is not paused" } else { "it is paused already" }.to_owned()),
        other => other,
    }
}

/// Pauses or unpauses a schedule, with `spec` as the whole change.
pub fn pause(input: &Input<'_>, action: &'static str, wanted: bool, spec: &Value, reach: &str) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let paused = flag(object, "/spec/paused");
    if paused == wanted {
        let word = if paused { "is paused already" } else { "is not paused" };
        return Err(Stop::Refuse(format!("{} {word}", target.told())));
    }
    let (verb, opposite) = if wanted { ("pause", "unpause") } else { ("unpause", "pause") };
    let annotations = if wanted { marks::set(input, object, "false") } else { marks::gone() };
    let body = json!({ "metadata": { "annotations": annotations }, "spec": spec });
    let mut request = flux::patch(input, &path, object, &["/spec/paused"], body)?;
    request.before = format!("paused: {paused}");
    request.after = format!("paused: {wanted}");
    let (namespace, name) = (&target.key.namespace, &target.key.name);
    let twin = |verb: &str| format!("velero schedule {verb} {name} -n {namespace}");
    let check = Check::Field { pointer: "/spec/paused".into(), is: json!(wanted) };
    let proof = Proof { via: Via::Kubernetes, path, check, limit: 30 };
    let send = Step::send(format!("{verb} schedule {name}"), twin(verb), request);
    let send = if wanted { send.holding("paused", target.object()) } else { send.freeing(target.object()) };
    let steps = vec![send, Step::wait("read it back", proof)];
    let mut plan = flux::plan(input, action, steps, twin(opposite))?;
    plan.reach.push(reach.to_owned());
    Ok(plan)
}
