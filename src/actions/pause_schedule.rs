//! Velero: pause the schedule: no new runs.

use super::{ActKey, ActionSpec, velero};

pub const SPEC: ActionSpec = ActionSpec {
    name: "pause-schedule",
    key: Some(ActKey::Toggle),
    doc: "pause the schedule: no new runs",
    rights: velero::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| velero::when_paused(subject, false),
    plan: |input| velero::pause(input, SPEC.name, true, None, "a run in progress continues; no new one starts"),
};
