//! Resume a Flux object: it is reconciled at once, which may change what runs.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActKey, ActionSpec, dependents, flux, marks};
use crate::domain::json::{annotation, int, text};
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::{Check, flux_suspended};

pub const SPEC: ActionSpec = ActionSpec {
    name: "resume",
    key: Some(ActKey::Toggle),
    doc: "let Flux reconcile it again, and wait until it is Ready",
    rights: flux::RIGHTS,
    fields: &[],
    wants_reason: false,
    offered: |subject| flux::when_suspended(subject, true),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    if !flux_suspended(object) {
        return Err(Stop::Refuse(format!("{} is not suspended", target.told())));
    }
    let mut plan = flux::plan(input, SPEC.name, steps(input, &path, object)?, flux::command("suspend", target, ""))?;
    plan.reach.push(match target.kind {
        "ResourceSet" => "it applies its objects as its inputs are now, over what was changed meanwhile".to_owned(),
        _ => change(object),
    });
    plan.warnings.extend(flux::git_warning(object, flux::switch(target.kind)));
    flux::name_when_core(input, target, &mut plan);
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}

/// The patch and its proof. The value is removed, so that nothing is left to fight Git with.
pub fn steps(input: &Input<'_>, path: &str, object: &Value) -> Result<Vec<Step>, Stop> {
    let target = input.target()?;
    if let Some(switch) = flux::switch(target.kind).annotation {
        return enable(input, path, object, switch);
    }
    let body = json!({ "metadata": { "annotations": marks::gone() }, "spec": { "suspend": null } });
    let mut request = flux::patch(input, path, object, &["/spec/suspend"], body)?;
    request.before = "suspend: true".into();
    request.after = "suspend: absent".into();
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check: Check::FluxResumed, limit: 600 };
    Ok(vec![
        Step::send(format!("resume {}", target.told()), flux::command("resume", target, ""), request)
            .freeing(target.object()),
        Step::wait("wait until it was reconciled and is Ready", proof),
    ])
}

/// An annotation does not move the generation, so that an old Ready would prove nothing: a token goes along.
fn enable(input: &Input<'_>, path: &str, object: &Value, switch: &str) -> Result<Vec<Step>, Stop> {
    let target = input.target()?;
    let token = input.token.to_owned();
    let mut annotations = marks::gone();
    annotations.insert(switch.to_owned(), json!("enabled"));
    annotations.insert(flux::REQUESTED.to_owned(), json!(token));
    let body = json!({ "metadata": { "annotations": annotations } });
    let mut request = flux::patch(input, path, object, &[flux::switch(target.kind).pointer], body)?;
    request.before = format!("{switch}={}", annotation(object, switch));
    request.after = format!("{switch}=enabled, {}={token}", flux::REQUESTED);
    let check = Check::FluxHandled { token, annotation: flux::REQUESTED.into(), handled: flux::HANDLED.into() };
    let limit = flux::limit(target.kind, object);
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit };
    Ok(vec![
        Step::send(format!("resume {}", target.told()), flux::command("resume", target, ""), request)
            .freeing(target.object()),
        Step::wait("wait until it was reconciled and is Ready", proof),
    ])
}

/// What resuming would change: wanted against deployed.
fn change(object: &Value) -> String {
    let wanted = text(object, "/spec/chart/spec/version");
    let deployed = ["/status/history/0/chartVersion", "/status/lastAppliedRevision", "/status/artifact/revision"]
        .iter()
        .map(|p| text(object, p))
        .find(|t| !t.is_empty())
        .unwrap_or("nothing yet");
    let attempted = text(object, "/status/lastAttemptedRevision");
    // the suspend itself is one change that was not observed
    let behind = int(object, "/metadata/generation").zip(int(object, "/status/observedGeneration"));
    let changed = behind.is_some_and(|(now, observed)| observed > 0 && now - observed > 1);
    let spec = if changed { "; its spec was changed while it was suspended" } else { "" };
    match (wanted, attempted) {
        ("", "") => format!("deployed {deployed}; it will take what its source has now{spec}"),
        ("", attempted) => {
            format!("deployed {deployed}, last tried {attempted}; it will take what its source has now{spec}")
        }
        (wanted, _) if wanted == deployed => format!("chart {wanted} is deployed and wanted: values may differ{spec}"),
        (wanted, _) => format!("chart {deployed} is deployed, {wanted} is wanted: it will be upgraded{spec}"),
    }
}
