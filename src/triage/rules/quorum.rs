//! OpenBao without a quorum serves no requests: stores fail, and with them what is synced from them. Existing Secrets
//! stay, so running pods are never blamed on it; a pod that waits for a missing Secret gets here through its
//! `ExternalSecret`.

use super::{RuleSpec, row};
use crate::domain::record::Record;
use crate::kinds::alerts::Confidence;
use crate::kinds::{seals, secret_stores};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "quorum-lost",
    doc: "A secret store of OpenBao fails because its quorum is lost.",
    symptoms: &["SecretStore", "ClusterSecretStore"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    if let Some(record) = row(subject).and_then(|id| scan.record(id)) {
        behind(scan, record, claims);
    }
}

/// Claims the clusters without a quorum that a store may use.
pub fn behind(scan: &Scan<'_>, record: &Record, claims: &mut Claims) {
    // External Secrets reaches OpenBao by its provider for Vault
    if record.text(secret_stores::PROVIDER, &scan.store.strings) != "vault" {
        return;
    }
    let mut clusters: Vec<_> = scan.all("Seal").filter(|(_, seal)| seal.flag(seals::IS_CLUSTER)).collect();
    clusters.sort_unstable_by_key(|(_, seal)| (scan.namespace(seal), &*seal.name));
    for (id, seal) in &clusters {
        if scan.text(seal.status) == seals::LOST {
            // with several clusters it need not be this one
            let confidence = if clusters.len() == 1 { Confidence::Exact } else { Confidence::Likely };
            claims.row(*id, confidence, format!("{} has lost its quorum: it serves no requests", seal.name));
        }
    }
}
