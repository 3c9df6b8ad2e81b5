//! Certificate, request, order and challenge are one failure, reported at the certificate; what waits for its Secret
//! waits for it.

use super::{RuleSpec, row};
use crate::domain::health::Health;
use crate::domain::record::Relation;
use crate::kinds::alerts::Confidence;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "certificate",
    doc: "A request, order or challenge belongs to its certificate, as do an ingress and a pod that wait for its Secret.",
    symptoms: &["CertificateRequest", "Order", "Challenge", "Ingress", "Pod"],
    explain,
    next: &["renew"],
    next_for: &["Certificate"],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    // an object that is stuck in deletion waits for finalizers
    if record.health == Health::Terminating && scan.kind(id) == "Ingress" {
        return;
    }
    if matches!(scan.kind(id), "Ingress" | "Pod") {
        for link in record.links.iter().filter(|l| l.relation == Relation::Uses && scan.text(l.kind) == "Secret") {
            if let Some(maker) = scan.at(link)
                && scan.kind(maker) == "Certificate"
            {
                claims.row(maker, Confidence::Exact, format!("it needs the Secret {}", scan.text(link.name)));
            }
        }
        return;
    }
    // the request of an order may be healthy until the order is decided: the way up does not end there
    let mut at = id;
    for _ in 0..3 {
        let Some(up) = scan.record(at).and_then(|r| scan.linked(r, Relation::Owner).next()) else { return };
        if scan.finding(up).is_some() {
            claims.row(up, Confidence::Exact, format!("it was made for {}", scan.told(up.into())));
            return;
        }
        at = up;
    }
}
