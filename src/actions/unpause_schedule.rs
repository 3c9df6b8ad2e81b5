//! Velero: make runs of the schedule again.

use serde_json::json;

use super::input::Input;
use super::{ActKey, ActionSpec, Field, Start, velero};
use crate::domain::plan::{Plan, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "unpause-schedule",
    key: Some(ActKey::Toggle),
    doc: "make runs of the schedule again",
    rights: velero::RIGHTS,
    fields: &[Field {
        name: "skip",
        help: "yes: do not make up at once for a run that was missed",
        default: Start::Text("yes"),
    }],
    wants_reason: false,
    offered: |subject| velero::when_paused(subject, true),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let skip = input.setting("skip").is_none() || input.yes("skip")?;
    // Velero 1.13 and later: the server sets it back by itself
    let (spec, reach) = if skip {
        (json!({ "paused": false, "skipImmediately": true }), "the next run is the next one due")
    } else {
        (json!({ "paused": false }), "a run that was missed starts within a minute")
    };
    velero::pause(input, SPEC.name, false, &spec, reach)
}
