//! HelmRelease: install or upgrade once more, even if nothing changed or retries are used up.

use super::{ActionSpec, flux};

pub const SPEC: ActionSpec = ActionSpec {
    name: "force",
    key: None,
    doc: "install or upgrade once more, even if nothing changed or retries are used up",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: flux::when_release_runs,
    plan: |input| flux::once_more(input, SPEC.name, flux::FORCED),
};
