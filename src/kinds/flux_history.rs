//! `status.history` of Kustomizations and ResourceSets: how often the newest revision has failed, and since when.

use serde::Deserialize;

use super::wire::{Many, Text};
use crate::domain::ages::Time;

/// One revision's reconciliations: retries of a failing one flip `Ready` to Unknown and back each time, this counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Attempt {
    first_reconciled: Text,
    last_reconciled: Text,
    last_reconciled_status: Text,
    total_reconciliations: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct History(Many<Attempt>);

impl History {
    fn newest(&self) -> Option<&Attempt> {
        self.0.iter().rev().max_by_key(|a| Time::parse(&a.last_reconciled))
    }

    /// When the newest revision came in.
    pub fn changed(&self) -> Option<Time> {
        self.newest().and_then(|a| Time::parse(&a.first_reconciled))
    }

    /// When it was last applied without an error.
    pub fn succeeded(&self) -> Option<Time> {
        let good = self.0.iter().filter(|a| &*a.last_reconciled_status == "ReconciliationSucceeded");
        good.filter_map(|a| Time::parse(&a.last_reconciled)).max()
    }

    /// How often the newest attempt has failed, and since when.
    pub fn failing(&self) -> (i64, Option<Time>) {
        match self.newest() {
            Some(a) if matches!(&*a.last_reconciled_status, "" | "ReconciliationSucceeded") => (0, None),
            Some(a) => {
                // a revision that was replaced by a newer one has not failed
                let given_up = i64::from(&*a.last_reconciled_status == "HealthCheckCanceled");
                let failed = a.total_reconciliations.unwrap_or(0).saturating_sub(given_up);
                (failed, Time::parse(&a.first_reconciled).filter(|_| failed > 0))
            }
            None => (0, None),
        }
    }
}
