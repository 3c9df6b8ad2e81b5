//! Resume a Flux object: it is reconciled at once, which may change what runs.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActKey, ActionSpec, dependents, flux, marks, twin, upgrade};
use crate::domain::json::annotation;
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::{Check, flux_suspended};

pub const SPEC: ActionSpec = ActionSpec {
    name: "resume",
    key: Some(ActKey::Toggle),
    doc: "let Flux reconcile it again, and wait until it is Ready",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| flux::when_suspended(subject, true),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    if !flux_suspended(object) {
        return Err(Stop::Refuse(format!("{} is not suspended", target.told())));
    }
    let again = twin::flux(input, "suspend", target);
    let undo = format!("what it has reconciled by then stays; to suspend it again:\n{again}");
    let mut plan = flux::plan(input, SPEC.name, steps(input, &path, object)?, undo)?;
    plan.reach.push(if flux::is_static(target.kind, object) {
        "it is static: nothing is reconciled, only spec.suspend changes".to_owned()
    } else {
        upgrade::told(input, target.kind, object)?
    });
    plan.warnings.extend(flux::git_warning(input, object, flux::switch(target.kind))?);
    flux::name_when_core(input, target, &mut plan);
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}

/// The patch and its proof. The field is removed, so that it does not conflict with Git.
pub fn steps(input: &Input<'_>, path: &str, object: &Value) -> Result<Vec<Step>, Stop> {
    let target = input.target()?;
    if let Some(switch) = flux::switch(target.kind).annotation {
        return enable(input, path, object, switch);
    }
    let body = json!({ "metadata": { "annotations": marks::gone() }, "spec": { "suspend": null } });
    let mut request = flux::patch(input, path, object, &["/spec/suspend"], body)?;
    request.before = "suspend: true".into();
    request.after = "suspend: absent".into();
    let (what, check, limit) = if flux::is_static(target.kind, object) {
        let (pointer, is) = ("/spec/suspend".into(), Value::Null);
        ("read it back: it is not suspended", Check::Field { pointer, is, sent: marks::taken_away() }, 30)
    } else {
        ("wait until it was reconciled and is Ready", Check::FluxResumed, 600)
    };
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit };
    Ok(vec![
        Step::send(format!("resume {}", target.told()), twin::flux(input, "resume", target), request)
            .freeing(target.object()),
        Step::wait(what, proof),
    ])
}

/// An annotation does not change the generation, so an old Ready would prove nothing: a token is sent, too.
fn enable(input: &Input<'_>, path: &str, object: &Value, switch: &str) -> Result<Vec<Step>, Stop> {
    let target = input.target()?;
    let token = input.token.to_owned();
    let mut annotations = marks::gone();
    annotations.insert(switch.to_owned(), json!("enabled"));
    annotations.insert(twin::REQUESTED.to_owned(), json!(token));
    let body = json!({ "metadata": { "annotations": annotations } });
    let mut request = flux::patch(input, path, object, &[flux::switch(target.kind).pointer], body)?;
    request.before = format!("{switch}={}", annotation(object, switch));
    request.after = format!("{switch}=enabled, {}={token}", twin::REQUESTED);
    let check = Check::FluxHandled { token, annotation: twin::REQUESTED.into(), handled: flux::HANDLED.into() };
    let limit = flux::limit(target.kind, object);
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit };
    Ok(vec![
        Step::send(format!("resume {}", target.told()), twin::flux(input, "resume", target), request)
            .freeing(target.object()),
        Step::wait("wait until it was reconciled and is Ready", proof),
    ])
}
