//! Judged by its Ready condition alone: an issuer of certificates, a store of secrets.

use super::ending::{self, because, words};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::Strings;
use crate::domain::record::Record;
use crate::domain::thresholds::Thresholds;

/// Not Ready for longer than the grace of a reconciliation is P3; `waiting` says who has not reported a status yet.
pub fn judge(
    record: &Record,
    since: Option<Time>,
    waiting: &str,
    strings: &Strings,
    thresholds: &Thresholds,
    now: Time,
) -> Judgement {
    let why = match record.health {
        Health::Terminating => return ending::judge(record, since, thresholds, now),
        Health::Failed => because(&words(strings.get(record.status)), &record.note),
        Health::Unknown => because(waiting, &record.note),
        other => return Judgement::of(other),
    };
    let ends = since.unwrap_or(record.created).plus(thresholds.reconcile_grace);
    let judged = Judgement::of(record.health);
    if now < ends { judged.again_at(ends) } else { judged.with(Finding::new(Severity::P3, since, why)) }
}
