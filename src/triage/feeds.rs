//! A feed that cannot be read is itself a finding, and says what it blinds. Kinds that are not installed are none, but
//! for the alerts: a platform without them is worth a note.

use super::node::Subject;
use crate::domain::change::{FeedState, Lack};
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::kinds;
use crate::store::Store;

pub fn findings(store: &Store) -> Vec<(Subject, Finding)> {
    let mut out = Vec::new();
    let mut refused = Vec::new();
    for (kind, table) in store.tables() {
        let feed = &table.feed;
        let spec = kinds::spec(kind);
        let is_alerts = spec.name == "Alert";
        let severity = match feed.state {
            // what used to tell of trouble and is silent now
            FeedState::Unreachable | FeedState::Stale if is_alerts => Severity::P1,
            FeedState::Unreachable | FeedState::Stale => Severity::P2,
            FeedState::NotInstalled if is_alerts => Severity::P4,
            FeedState::NoAccess => {
                refused.push(kind);
                continue;
            }
            // Prometheus without Alertmanager, or the reverse, when both were there
            FeedState::Live if feed.lack == Lack::Lost && is_alerts => Severity::P1,
            // an installation without it is no failure
            FeedState::Live if feed.lack == Lack::Absent => Severity::P4,
            // a replica is missing, or entries that cannot be read
            FeedState::Live if feed.error.is_some() => Severity::P3,
            _ => continue,
        };
        let why = match &feed.error {
            Some(error) if feed.state.is_live() => format!("partly blind to {}: {error}", spec.blinds),
            Some(error) => format!("blind to {}: {}: {error}", spec.blinds, feed.state.word()),
            None => format!("blind to {}: {}", spec.blinds, feed.state.word()),
        };
        out.push((Subject::Feed(kind), Finding::new(severity, Some(feed.since).filter(|t| t.is_set()), why)));
    }
    // one right that is missing is often many: one line for all of them
    if let Some(first) = refused.first() {
        let since = Some(store.table(*first).feed.since).filter(|t| t.is_set());
        let words: Vec<_> = refused.iter().map(|kind| kinds::spec(*kind).word).collect();
        let why = format!("no access: blind to {}", words.join(", "));
        // some rights less are a note; no right at all is no watch
        let sees = store.tables().any(|(_, table)| table.feed.state.is_live());
        let severity = if sees { Severity::P4 } else { Severity::P2 };
        out.push((Subject::Feed(*first), Finding::new(severity, since, why)));
    }
    out
}
