//! What Orders and Challenges have in common: the states of ACME, how they are judged, and their links.
//!
//! Which states are final, and which of them are failures: cert-manager `pkg/acme/util.go`.

use super::ending::{self, because};
use super::issuer_ref::IssuerRef;
use super::wire::Meta;
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Link, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

pub const GROUP: &str = "acme.cert-manager.io";

/// When deletion was requested. It and the names are the first cells of both kinds.
pub const DELETED: u8 = 0;
/// The names that the certificate is for.
pub const NAMES: u8 = 1;

/// A state as health and word: `invalid`, `errored` and `expired` are final failures, `valid` is success.
fn health(state: &str) -> (Health, &str) {
    match state {
        "valid" => (Health::Ok, state),
        "invalid" | "errored" | "expired" => (Health::Failed, state),
        // an order that only has to be collected
        "" => (Health::Progressing, "new"),
        "pending" | "ready" | "processing" => (Health::Progressing, state),
        _ => (Health::Unknown, state),
    }
}

/// Sets health, status and note; returns the time of a deletion.
pub fn state<M>(record: &mut Record, meta: &Meta<M>, state: &str, reason: &str, intern: &mut Interner) -> Option<Time> {
    let (health, word) = health(state);
    (record.health, record.status) = (health, intern.get(word));
    if health != Health::Ok {
        record.note = clean(reason);
    }
    ending::mark(record, meta, intern)
}

/// Its controlling owner, and the issuer that it is made for.
pub fn links<M>(meta: &Meta<M>, issuer: &IssuerRef, intern: &mut Interner) -> Box<[Link]> {
    let owner = ending::owner(meta, intern);
    owner.into_iter().chain(issuer.link(&meta.namespace, intern)).collect()
}

/// An object with an owner only says why a certificate is not issued; the certificate says how severe that is.
pub fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    match record.health {
        Health::Terminating => ending::judge(record, record.time(DELETED), thresholds, now),
        Health::Failed if record.link(Relation::Owner).is_none() => {
            judged.with(Finding::new(Severity::P4, None, because(strings.get(record.status), &record.note)))
        }
        Health::Progressing => {
            let ends = record.created.plus(thresholds.pending);
            let late = Judgement::of(Health::Warning);
            match record.link(Relation::Owner) {
                _ if now < ends => judged.again_at(ends),
                Some(_) => late,
                None => {
                    let why = because(&format!("{} for long", strings.get(record.status)), &record.note);
                    late.with(Finding::new(Severity::P4, Some(record.created), why))
                }
            }
        }
        Health::Unknown => {
            let why = because(&format!("unknown state {}", strings.get(record.status)), &record.note);
            judged.with(Finding::new(Severity::P4, None, why))
        }
        _ => judged,
    }
}
