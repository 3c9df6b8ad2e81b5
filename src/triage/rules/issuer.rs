//! An issuer that is not ready issues nothing: its certificates wait for it.

use super::{RuleSpec, row};
use crate::domain::health::Health;
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "issuer-down",
    doc: "A certificate in trouble, or a request, fails because its issuer is not ready.",
    symptoms: &["Certificate", "CertificateRequest", "Order", "Challenge"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    for issuer in scan.linked(record, Relation::From) {
        let kind = scan.kind(issuer);
        if matches!(kind, "Issuer" | "ClusterIssuer") && scan.health(issuer) == Health::Failed {
            claims.row(issuer, Confidence::Exact, format!("its issuer is not ready: {}", scan.told(issuer.into())));
        }
    }
}
