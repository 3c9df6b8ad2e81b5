//! A certificate that is being issued is judged with its issuer: if that is not ready, or does not exist, waiting is no
//! use.

use super::JoinSpec;
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::record::{KindId, Record, Relation};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, Family, certificates};
use crate::store::{RowId, Store};

pub const SPEC: JoinSpec = JoinSpec {
    doc: "A certificate that is being issued is judged with its issuer.",
    concerned: |t| concerned(t.store, t.rows),
    join: |look, judged| join(look.store, look.id, judged, look.thresholds, look.now),
};

/// Unhealthy certificates, when an issuer is among the touched rows.
fn concerned(store: &Store, touched: &[RowId]) -> Vec<RowId> {
    if !touched.iter().any(|id| is_issuer(id.kind)) {
        return Vec::new();
    }
    let waiting = store.table(kinds::CERTIFICATE).iter().filter(|(_, row)| waits(&row.record));
    waiting.map(|(slot, _)| RowId { kind: kinds::CERTIFICATE, slot }).collect()
}

fn is_issuer(kind: KindId) -> bool {
    kinds::spec(kind).family == Family::Issuer
}

fn waits(certificate: &Record) -> bool {
    let failing = certificate.time(certificates::LAST_FAILURE).is_some();
    certificate.time(certificates::ISSUING).is_some() || failing || certificate.health != Health::Ok
}

/// Adds that no issuer can issue a certificate; `judged` is returned as it is for all others.
fn join(store: &Store, id: RowId, mut judged: Judgement, thresholds: &Thresholds, now: Time) -> Judgement {
    if id.kind != kinds::CERTIFICATE {
        return judged;
    }
    let Some(record) = store.row(id).map(|row| &row.record).filter(|record| waits(record)) else { return judged };
    if record.health == Health::Terminating {
        return judged;
    }
    let Some((issuer, why)) = unable(store, record) else { return judged };
    // each try has a time of its own, and it has failed since the first of them
    let failing = record.time(certificates::LAST_FAILURE).and_then(|_| certificates::failing_since(record, now));
    let begun = failing.or_else(|| record.time(certificates::ISSUING)).unwrap_or(record.created);
    let ends = begun.plus(thresholds.reconcile_grace);
    if now < ends {
        return judged.again_at(ends);
    }
    let urgency = certificates::urgency(record, thresholds, now);
    let gravest = judged.findings.iter().map(|f| f.severity).min();
    // what is wrong already has words of its own; that there is no issuer is the reason for it
    if issuer.is_some() && gravest.is_some() {
        return judged;
    }
    if judged.health == Health::Progressing {
        judged.health = Health::Warning;
    }
    let severity = gravest.map_or(urgency.0, |g| g.min(urgency.0));
    judged.findings.insert(0, certificates::finding(severity, Some(begun), urgency, why));
    judged
}

/// The issuer that cannot issue, or none where it does not exist; with the words for it.
fn unable(store: &Store, certificate: &Record) -> Option<(Option<RowId>, String)> {
    let link = certificate.link(Relation::From)?;
    let (name, namespace) = (store.strings.get(link.name), store.strings.get(link.namespace));
    let kind = kinds::by_name(store.strings.get(link.kind)).filter(|kind| is_issuer(*kind))?;
    let feed = &store.table(kind).feed;
    // only a console that sees all of them can say that one does not exist
    if !feed.state.is_live() || (!feed.only.is_empty() && !feed.only.iter().any(|seen| **seen == *namespace)) {
        return None;
    }
    let told = format!("{} {name}", kinds::spec(kind).name);
    let Some(issuer) = store.find(kind, namespace, name) else {
        return Some((None, format!("its issuer does not exist: {told}")));
    };
    let failed = store.row(issuer).is_some_and(|row| row.record.health == Health::Failed);
    failed.then(|| (Some(issuer), format!("its issuer is not ready: {told}")))
}
