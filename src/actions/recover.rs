//! The procedure for a failed release: reset its retries, fetch the source again, reconcile, and wait for the result.

use super::input::Input;
use super::{ActionSpec, Offer, dependents, flux, reconcile_with_source};
use crate::domain::health::Health;
use crate::domain::plan::{Plan, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "recover",
    key: None,
    doc: "failed release: fetch its source again, reset its retries, reconcile, wait",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| match (subject.of(&["HelmRelease"]), flux::when_suspended(subject, false)) {
        (Offer::Yes, Offer::Yes) if subject.record.health == Health::Ok => Offer::No("it has not failed".to_owned()),
        (Offer::Yes, offer) => offer,
        (other, _) => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let reconcile_with_source::Sources { mut steps, unasked } = reconcile_with_source::sources(input, object)?;
    steps.extend(flux::reconcile(input, target.kind, &path, object, &[flux::RESET])?);
    let mut plan = flux::plan(input, SPEC.name, steps, String::new())?;
    plan.reach.push("Helm tries again with what its source has now; if it fails again, its events say why".into());
    plan.warnings.extend(unasked);
    flux::name_when_core(input, target, &mut plan);
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}
