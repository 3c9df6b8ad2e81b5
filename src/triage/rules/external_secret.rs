//! A store that fails makes its `ExternalSecrets` fail; a pod that waits for a Secret waits for what makes it.

use super::{Explained, RuleSpec, quorum, row};
use crate::domain::health::{Health, Severity};
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "external-secret",
    doc: "An ExternalSecret fails because of its store; a pod waits for a Secret that an ExternalSecret could not make.",
    symptoms: &["ExternalSecret", "Pod"],
    explain,
    weigh: Some(weigh),
    next: &["force-sync"],
    next_for: &["ExternalSecret"],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    if scan.kind(id) == "ExternalSecret" {
        if record.health != Health::Failed {
            return;
        }
        for store in scan.linked(record, Relation::From) {
            if scan.health(store) == Health::Failed {
                claims.row(store, Confidence::Exact, format!("its store fails: {}", scan.told(store.into())));
            }
        }
        return;
    }
    for link in record.links.iter().filter(|l| l.relation == Relation::Uses && scan.text(l.kind) == "Secret") {
        // what makes a Secret is found under the Secret's name
        if let Some(maker) = scan.at(link)
            && scan.kind(maker) == "ExternalSecret"
        {
            let name = scan.text(link.name);
            claims.row(maker, Confidence::Exact, format!("it waits for the Secret {name}, which comes from there"));
            // a pod's grace is shorter than theirs: until they count as failures, what explains them explains the pod
            let failed = scan.record(maker).filter(|maker| maker.health == Health::Failed);
            for store in failed.into_iter().flat_map(|maker| scan.linked(maker, Relation::From)) {
                let of = scan.record(store).filter(|store| store.health == Health::Failed);
                if let Some(of) = of {
                    let told = scan.told(store.into());
                    claims.row(store, Confidence::Exact, format!("it waits for the Secret {name} out of {told}"));
                    quorum::behind(scan, of, claims);
                }
            }
        }
    }
}

/// Pods that cannot start make it more severe than a note for today.
fn weigh(scan: &Scan<'_>, root: Subject, members: Explained) -> Option<Severity> {
    let id =
        row(root).filter(|id| matches!(scan.kind(*id), "ExternalSecret" | "SecretStore" | "ClusterSecretStore"))?;
    let failing = scan.health(id) == Health::Failed;
    (failing && members.has("Pod")).then_some(Severity::P2)
}
