//! HelmRelease: install or upgrade once more, even if nothing changed or retries are used up.

use super::input::Input;
use super::{ActionSpec, Offer, flux};
use crate::domain::plan::{Plan, Risk, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "force",
    key: None,
    doc: "install or upgrade once more, even if nothing changed or retries are used up",
    rights: flux::RIGHTS,
    fields: &[],
    wants_reason: false,
    offered: |subject| match subject.of(&["HelmRelease"]) {
        Offer::Yes => flux::when_suspended(subject, false),
        other => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let steps = flux::reconcile(input, target.kind, &path, object, &[flux::FORCED])?;
    let mut plan = flux::plan(input, SPEC.name, steps, String::new())?;
    plan.reach.push("Helm runs against the cluster: its workloads may be rolled".into());
    if input.is_core(&target.key.namespace) {
        plan.risk = Risk::Name(target.key.name.to_string());
    }
    Ok(plan)
}
