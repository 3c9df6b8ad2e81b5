//! Get the log of a backup that has ended, from where Velero stores it.

use super::{ActionSpec, download};

pub const SPEC: ActionSpec = ActionSpec {
    name: "backup-logs",
    key: None,
    doc: "get the log of the backup from its storage and show it",
    rights: download::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| download::offered(subject, "Backup"),
    plan: |input| download::plan(input, SPEC.name, "backup"),
};
