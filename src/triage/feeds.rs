//! A feed that cannot be read is itself a finding, and names what cannot be seen without it. A kind that is not
//! installed is no finding, except for the alerts: a platform without them is worth a note. Feeds of the API server
//! that lost touch did so together: one line for all of them.

use super::node::Subject;
use crate::domain::change::{FeedState, Lack};
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::record::KindId;
use crate::kinds::{self, Api};
use crate::store::Store;

/// How many kinds one line names, before the rest is counted.
const NAMED: usize = 6;

/// After a reconnect, feeds of the API server have this long to report that they work, in seconds.
pub const CATCH_UP: i64 = 10;

/// `catching_up`: the connection was down a moment ago.
pub fn findings(store: &Store, catching_up: bool) -> Vec<(Subject, Finding)> {
    let mut out = Vec::new();
    let mut refused = Vec::new();
    let lost = together(store);
    for (kind, table) in store.tables() {
        let feed = &table.feed;
        let spec = kinds::spec(kind);
        let is_alerts = kind == kinds::ALERT;
        let severity = match feed.state {
            FeedState::Unreachable | FeedState::Stale if lost.contains(&kind) => continue,
            FeedState::Unreachable | FeedState::Stale if is_watched(kind) && catching_up => continue,
            // what used to report trouble and is silent now
            FeedState::Unreachable | FeedState::Stale if is_alerts => Severity::P1,
            FeedState::Unreachable | FeedState::Stale => Severity::P2,
            // there may be alerts, but no source of them is configured
            FeedState::Unconfirmed if is_alerts && feed.fresh.is_some() => Severity::P1,
            FeedState::Unconfirmed if is_alerts => Severity::P2,
            FeedState::Unconfirmed => Severity::P3,
            FeedState::NotInstalled if is_alerts => Severity::P4,
            FeedState::NoAccess => {
                refused.push(kind);
                continue;
            }
            // Prometheus without Alertmanager, or the reverse, when both were there
            FeedState::Live if feed.lack == Lack::Lost && is_alerts => Severity::P1,
            // an installation without it is no failure
            FeedState::Live if feed.lack == Lack::Absent => Severity::P4,
            // a replica is missing, or some entries cannot be read
            FeedState::Live if feed.error.is_some() || !feed.bad.is_empty() => Severity::P3,
            _ => continue,
        };
        let bad = feed.bad.last().map(|bad| format!("{} cannot be read: {}: {}", feed.bad.len(), bad.name, bad.error));
        let why = match &feed.error {
            None if feed.state.is_live() => format!("partly blind to {}: {}", spec.blinds, bad.unwrap_or_default()),
            Some(error) if feed.state.is_live() => format!("partly blind to {}: {error}", spec.blinds),
            Some(error) => format!("blind to {}: {}: {error}", spec.blinds, feed.state.word()),
            None => format!("blind to {}: {}", spec.blinds, feed.state.word()),
        };
        out.push((Subject::Feed(kind), Finding::new(severity, Some(feed.since).filter(|t| t.is_set()), why)));
    }
    if let Some(first) = lost.first().filter(|_| !catching_up) {
        let feeds = || lost.iter().map(|kind| &store.table(*kind).feed);
        let since = feeds().map(|feed| feed.since).filter(|t| t.is_set()).min();
        let error = feeds().find_map(|feed| feed.error.as_deref()).unwrap_or("no answer");
        let why = format!("{} feeds have lost touch, blind to {}: {error}", lost.len(), words(&lost));
        out.push((Subject::Feed(*first), Finding::new(Severity::P2, since, why)));
    }
    // one missing right usually affects many kinds: one line for all of them
    if let Some(first) = refused.first() {
        let since = Some(store.table(*first).feed.since).filter(|t| t.is_set());
        let words: Vec<_> = refused.iter().map(|kind| kinds::spec(*kind).word).collect();
        let why = format!("no access: blind to {}", words.join(", "));
        // some missing rights are a note; with none at all nothing can be watched
        let sees = store.tables().any(|(_, table)| table.feed.state.is_live());
        let severity = if sees { Severity::P4 } else { Severity::P2 };
        out.push((Subject::Feed(*first), Finding::new(severity, since, why)));
    }
    out
}

/// Whether one line covers this feed and others.
pub fn is_of_many(store: &Store, kind: KindId) -> bool {
    store.table(kind).feed.state == FeedState::NoAccess || together(store).contains(&kind)
}

/// Feeds of the API server that lost touch, when there are several.
fn together(store: &Store) -> Vec<KindId> {
    let is_lost = |state| matches!(state, FeedState::Unreachable | FeedState::Stale);
    let lost = store.tables().filter(|(kind, table)| is_watched(*kind) && is_lost(table.feed.state));
    let lost: Vec<KindId> = lost.map(|(kind, _)| kind).collect();
    if lost.len() > 1 { lost } else { Vec::new() }
}

fn is_watched(kind: KindId) -> bool {
    matches!(kinds::spec(kind).api, Api::Watch { .. })
}

fn words(kinds: &[KindId]) -> String {
    let named: Vec<&str> = kinds.iter().take(NAMED).map(|kind| kinds::spec(*kind).word).collect();
    let more = kinds.len().saturating_sub(NAMED);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ages::Time;
    use crate::domain::change::{Batch, Change, Feed};

    fn store(states: &[(&str, FeedState, i64)]) -> Store {
        let mut store = Store::new(kinds::KINDS.len());
        for kind in kinds::ids() {
            let given = states.iter().find(|(word, ..)| kinds::spec(kind).word == *word);
            let (state, since) = given.map_or((FeedState::Live, 1), |(_, state, since)| (*state, *since));
            let error = (state != FeedState::Live).then(|| "connection refused".into());
            let feed = Feed { state, since: Time(since), error, ..Feed::default() };
            let changes = vec![Change::Feed(feed)];
            store.apply(Batch { kind, strings: Vec::new(), changes }, &mut Vec::new());
        }
        store
    }

    fn told(store: &Store) -> Vec<(Severity, Option<Time>, String)> {
        findings(store, false).into_iter().map(|(_, f)| (f.severity, f.since, f.why.to_string())).collect()
    }

    #[test]
    fn feeds_that_lost_touch_together_are_one_finding_and_one_alone_is_its_own() {
        let stale =
            [("pods", FeedState::Stale, 60), ("nodes", FeedState::Stale, 50), ("hr", FeedState::Unreachable, 70)];
        let found = told(&store(&stale));
        assert_eq!(found.len(), 1, "{found:?}");
        let why = "3 feeds have lost touch, blind to pods, nodes, hr: connection refused";
        assert_eq!(found[0], (Severity::P2, Some(Time(50)), why.to_owned()));
        let found = told(&store(&stale[..1]));
        assert!(found[0].2.starts_with("blind to pods"), "{found:?}");
    }

    #[test]
    fn feeds_that_lost_touch_with_the_connection_have_a_moment_to_catch_up() {
        let stale = [("pods", FeedState::Stale, 60), ("nodes", FeedState::Stale, 50), ("alerts", FeedState::Stale, 55)];
        let of = |stale: &[(&str, FeedState, i64)], catching_up| {
            findings(&store(stale), catching_up).into_iter().map(|(_, f)| f.severity).collect::<Vec<_>>()
        };
        // the alerts do not come over that connection
        assert_eq!(of(&stale, true), [Severity::P1]);
        assert_eq!(of(&stale, false), [Severity::P1, Severity::P2]);
        assert_eq!((of(&stale[..1], true).len(), of(&stale[..1], false).len()), (0, 1), "one alone");
    }

    #[test]
    fn a_service_that_is_gone_is_not_hidden_among_the_feeds_of_the_api_server() {
        let all = [("pods", FeedState::Stale, 60), ("nodes", FeedState::Stale, 50), ("alerts", FeedState::Stale, 70)];
        let found = told(&store(&all));
        assert_eq!(found.iter().map(|(severity, ..)| *severity).collect::<Vec<_>>(), [Severity::P1, Severity::P2]);
    }
}
