//! Velero: make no more runs of the schedule.

use super::{ActKey, ActionSpec, velero};

pub const SPEC: ActionSpec = ActionSpec {
    name: "pause-schedule",
    key: Some(ActKey::Toggle),
    doc: "make no more runs of the schedule",
    rights: velero::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| velero::when_paused(subject, false),
    plan: |input| velero::pause(input, SPEC.name, true, None, "a run under way goes on; no new one begins"),
};
