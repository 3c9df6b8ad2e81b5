//! Get the log of a restore that has ended, from where Velero stores it.

use super::{ActionSpec, download};

pub const SPEC: ActionSpec = ActionSpec {
    name: "restore-logs",
    key: None,
    doc: "get the log of the restore from its storage and show it",
    rights: download::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| download::offered(subject, "Restore"),
    plan: |input| download::plan(input, SPEC.name, "restore"),
};
