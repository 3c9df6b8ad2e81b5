//! Deployment: pause its rollout: changes of its template wait.

use super::{ActionSpec, workload};

pub const SPEC: ActionSpec = ActionSpec {
    name: "pause-rollout",
    key: None,
    doc: "pause its rollout: changes of its template wait",
    rights: workload::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| subject.of(&["Deployment"]),
    plan: |input| workload::pause(input, SPEC.name, true),
};
