//! HelmRelease: reset the failure counts, and try again.

use super::{ActionSpec, flux};

pub const SPEC: ActionSpec = ActionSpec {
    name: "reset",
    key: None,
    doc: "reset the failure counts, and try again",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: flux::when_release_runs,
    plan: |input| flux::once_more(input, SPEC.name, flux::RESET),
};
