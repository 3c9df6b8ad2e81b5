//! Velero: unpause the schedule: it runs again.

use super::input::Input;
use super::{ActKey, ActionSpec, Field, Start, velero};
use crate::domain::plan::{Plan, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "unpause-schedule",
    key: Some(ActKey::Toggle),
    doc: "unpause the schedule: it runs again",
    rights: velero::RIGHTS,
    fields: &[Field::new("skip", "yes: do not make up at once for a run that was missed", Start::Text("yes"))],
    reason: None,
    offered: |subject| velero::when_paused(subject, true),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let skip = input.setting("skip").is_none() || input.yes("skip")?;
    let reach = if skip { "the next run is the next one due" } else { "a run that was missed starts within a minute" };
    // always set explicitly: otherwise the server's own setting decides. Velero 1.13 and later sets it back by itself
    velero::pause(input, SPEC.name, false, Some(skip), reach)
}
