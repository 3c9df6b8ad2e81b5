//! Reconcile a Flux object now, and wait for the result.

use super::input::Input;
use super::{ActKey, ActionSpec, dependents, flux};
use crate::domain::plan::{Plan, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "reconcile",
    key: Some(ActKey::Refresh),
    doc: "reconcile it now, and wait for the result",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| flux::when_suspended(subject, false),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let steps = flux::reconcile(input, target.kind, &path, object, &[])?;
    let mut plan = flux::plan(input, SPEC.name, steps, String::new())?;
    if target.kind == "Kustomization" {
        plan.reach.push("its dependents may say DependencyNotReady for half a minute: that is no new failure".into());
    }
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}
