//! Deployment: continue its rollout, and wait for it.

use super::{ActionSpec, workload};

pub const SPEC: ActionSpec = ActionSpec {
    name: "resume-rollout",
    key: None,
    doc: "continue its rollout, and wait for it",
    rights: workload::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| subject.of(&["Deployment"]),
    plan: |input| workload::pause(input, SPEC.name, false),
};
