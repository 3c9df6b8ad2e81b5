//! Suspend a Flux object: its controller stops reconciling it. What runs already continues.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActKey, ActionSpec, dependents, flux, marks, twin};
use crate::domain::json::annotation;
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::{Check, flux_suspended};

pub const SPEC: ActionSpec = ActionSpec {
    name: "suspend",
    key: Some(ActKey::Toggle),
    doc: "stop Flux from reconciling it",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| flux::when_suspended(subject, false),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    if flux_suspended(object) {
        return Err(Stop::Refuse(format!("{} is suspended already", target.told())));
    }
    let steps = steps(input, &path, object)?;
    let mut plan = flux::plan(input, SPEC.name, steps, twin::flux(input, "resume", target).to_string())?;
    plan.warnings.extend(flux::git_warning(input, object, flux::switch(target.kind))?);
    if let Some(running) = flux::running(object) {
        plan.warnings.push(format!("a suspend does not stop what runs: {running}"));
    }
    match target.kind {
        "HelmRelease" => plan.reach.push("its HelmChart is still fetched; its workloads stay as they are".into()),
        "ResourceSet" => plan.reach.push("the objects that it made stay, and continue by themselves".into()),
        "Kustomization" => plan.reach.push("the HelmReleases that it made continue by themselves".into()),
        _ => plan.reach.push("what uses its content keeps the current revision".into()),
    }
    plan.reach.push("objects that depend on it are blocked when they change; it still reports Ready".into());
    flux::name_when_core(input, target, &mut plan);
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}

/// The patch and its proof.
pub fn steps(input: &Input<'_>, path: &str, object: &Value) -> Result<Vec<Step>, Stop> {
    let target = input.target()?;
    let pointer = flux::switch(target.kind).pointer;
    let (body, is, before, after) = if let Some(switch) = flux::switch(target.kind).annotation {
        let before = format!("{switch}={}", annotation(object, switch));
        let mut annotations = marks::set(input, object, annotation(object, switch));
        annotations.insert(switch.to_owned(), json!("disabled"));
        let body = json!({ "metadata": { "annotations": annotations } });
        (body, json!("disabled"), before, format!("{switch}=disabled"))
    } else {
        let body =
            json!({ "metadata": { "annotations": marks::set(input, object, "false") }, "spec": { "suspend": true } });
        (body, Value::Bool(true), "suspend: false".into(), "suspend: true".into())
    };
    let mut request = flux::patch(input, path, object, &[pointer], body)?;
    request.before = before;
    // what the flux command does not write
    request.after = format!("{after}{}", marks::written(input));
    let check = Check::Field { pointer: pointer.into(), is, sent: marks::ours(input) };
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit: 30 };
    Ok(vec![
        Step::send(format!("suspend {}", target.told()), twin::flux(input, "suspend", target), request)
            .holding("suspended", target.object()),
        Step::wait("read it back: it is suspended", proof),
    ])
}
