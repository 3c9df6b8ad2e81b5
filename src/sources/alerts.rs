//! Alerts and silences: several Prometheus and several Alertmanager replicas, read and joined into two lists of
//! records. What fires is read from Prometheus, what is silenced or inhibited from Alertmanager; either may be absent.

use std::collections::BTreeMap;

use super::alertmanager;
use super::join::{Joined, join};
use super::poll::{Ask, AskError, Half, Polled, problem};
use super::prometheus;
use super::rules::rule_findings;
use crate::domain::ages::Time;
use crate::domain::change::{Bad, FeedState};
use crate::domain::interner::Interner;
use crate::domain::record::Record;
use crate::domain::text;
use crate::kinds::alerts::{self as kind, State};
use crate::kinds::silences;

/// At most this many records of each kind; more are counted.
const MOST: usize = 5000;
/// At most this many undecodable entries are named.
const MOST_BAD: usize = 50;
/// Expired silences are shown for this long, in seconds.
const EXPIRED_SHOWN: i64 = 3600;
/// Replicas of Alertmanager may lag this far behind each other, in seconds.
const GOSSIP: i64 = 60;

/// What one step yields for both kinds.
#[derive(Debug, Clone, PartialEq)]
pub struct Both {
    pub alerts: Polled,
    pub silences: Polled,
}

/// Asks every replica once, all at the same time, and joins what they say.
pub async fn poll_once<P: Ask, A: Ask>(prometheus: &[P], alertmanager: &[A], intern: &mut Interner, now: Time) -> Both {
    let (prometheus, alertmanager) = futures::join!(
        futures::future::join_all(prometheus.iter().map(prometheus::read)),
        futures::future::join_all(alertmanager.iter().map(alertmanager::read)),
    );
    assemble(&prometheus, &alertmanager, intern, now)
}

/// The join as a pure step.
pub fn assemble(
    prometheus: &[prometheus::Seen],
    alertmanager: &[alertmanager::Seen],
    intern: &mut Interner,
    now: Time,
) -> Both {
    let firing = Half::of("Prometheus", prometheus.iter().map(|s| s.alerts.as_ref().err()));
    let routed = Half::of("Alertmanager", alertmanager.iter().map(|s| s.alerts.as_ref().err()));
    let silencing = Half::of("Alertmanager", alertmanager.iter().map(|s| s.silences.as_ref().err()));

    let mut problems = troubles(&firing, prometheus.iter().map(|s| (&*s.address, s.alerts.as_ref().err())));
    if firing.state == FeedState::Live {
        let rules = prometheus.iter().filter(|s| s.alerts.is_ok());
        problems.extend(rules.filter_map(|s| Some(problem("Prometheus rules", s.rules.as_ref().err()?, &s.address))));
    }
    problems.extend(troubles(&routed, alertmanager.iter().map(|s| (&*s.address, s.alerts.as_ref().err()))));
    let mut silence_problems =
        troubles(&silencing, alertmanager.iter().map(|s| (&*s.address, s.silences.as_ref().err())));

    let silences = merged_silences(alertmanager, now);
    let by_id = silences.iter().map(|m| (&*m.silence.id, &m.silence)).collect();
    let (joined, disagreeing) = join(prometheus, alertmanager, &by_id, now);
    if disagreeing > 0 {
        problems.push(format!("Alertmanager: replicas disagree on {disagreeing} alerts"));
    }
    let silence_records = records(
        silences.iter().map(|merged| silences::read(&merged.shown(&joined), intern)),
        "silences",
        &mut silence_problems,
    );
    let rules = rule_findings(prometheus, &mut problems);
    let alert_records = records(
        rules.iter().chain(joined.iter().map(|j| &j.alert)).map(|a| kind::read(a, intern)),
        "alerts",
        &mut problems,
    );

    let state = best([firing.state, routed.state]);
    let addresses = |half: &mut dyn Iterator<Item = &str>| half.collect::<Vec<_>>().join(", ");
    let alertmanagers = addresses(&mut alertmanager.iter().map(|s| &*s.address));
    let both = addresses(&mut prometheus.iter().map(|s| &*s.address).chain(alertmanager.iter().map(|s| &*s.address)));
    let bad: Vec<Bad> =
        prometheus.iter().flat_map(|s| &s.bad).chain(alertmanager.iter().flat_map(|s| &s.bad)).cloned().collect();
    let (of_silences, mut of_alerts): (Vec<Bad>, Vec<Bad>) =
        bad.into_iter().partition(|b| b.name.starts_with("silence"));
    of_alerts.truncate(MOST_BAD);
    Both {
        alerts: Polled {
            records: if state == FeedState::Live { alert_records } else { Vec::new() },
            problems,
            state,
            origin: text::line(&both).into_owned(),
            halves: vec![firing, routed],
            bad: of_alerts,
        },
        silences: Polled {
            records: silence_records,
            problems: silence_problems,
            state: silencing.state,
            origin: text::line(&alertmanagers).into_owned(),
            halves: vec![silencing],
            bad: of_silences.into_iter().take(MOST_BAD).collect(),
        },
    }
}

/// The records, bounded; what is left out is said.
fn records(mut all: impl Iterator<Item = Record>, what: &str, problems: &mut Vec<String>) -> Vec<Record> {
    let kept: Vec<Record> = all.by_ref().take(MOST).collect();
    let more = all.count();
    if more > 0 {
        problems.push(format!("{more} more {what} are not shown"));
    }
    kept
}

/// What is wrong with one service, address by address.
fn troubles<'s>(half: &Half, outcomes: impl Iterator<Item = (&'s str, Option<&'s AskError>)>) -> Vec<String> {
    if half.asked == 0 {
        return vec![format!("{}: not found", half.service)];
    }
    outcomes.filter_map(|(address, error)| Some(problem(half.service, error?, address))).collect()
}

/// The state of a feed that has two sources: live when one of them is.
fn best(states: [FeedState; 2]) -> FeedState {
    [FeedState::Live, FeedState::NoAccess, FeedState::Unreachable]
        .into_iter()
        .find(|s| states.contains(s))
        .unwrap_or(FeedState::NotInstalled)
}

/// A silence over all replicas.
struct Merged {
    silence: alertmanager::Silence,
    split: Option<(usize, usize)>,
}

impl Merged {
    fn shown(&self, joined: &[Joined]) -> silences::Silence {
        let known = joined.iter().filter(|j| j.alert.state != State::Pending);
        // a copy that it does not cover goes on paging
        let covers = |j: &Joined| j.copies.iter().try_fold(true, |all, copy| Some(self.silence.covers(copy)? && all));
        let alerts = known.map(covers).try_fold(0, |n, c| c.map(|c| n + usize::from(c)));
        silences::Silence {
            id: self.silence.id.clone(),
            state: self.silence.state,
            namespace: self.silence.namespace().unwrap_or("").to_owned(),
            matchers: self.silence.told(),
            by: self.silence.by.clone(),
            comment: self.silence.comment.clone(),
            window: self.silence.window().unwrap_or("").to_owned(),
            starts: self.silence.starts,
            ends: self.silence.ends,
            alerts,
            split: self.split,
        }
    }
}

/// One silence per id: the newest version counts. Long expired ones are left out.
fn merged_silences(replicas: &[alertmanager::Seen], now: Time) -> Vec<Merged> {
    let answered: Vec<_> = replicas.iter().filter_map(|s| s.silences.as_ref().ok()).collect();
    let mut by_id: BTreeMap<&str, Vec<&alertmanager::Silence>> = BTreeMap::new();
    for silence in answered.iter().copied().flatten() {
        by_id.entry(&silence.id).or_default().push(silence);
    }
    let near = |time: Option<Time>| time.is_some_and(|t| t.age(now).abs() < GOSSIP);
    let mut out = Vec::new();
    for versions in by_id.into_values() {
        let Some(newest) = versions.iter().copied().max_by_key(|s| s.updated) else { continue };
        let same = versions.iter().filter(|s| s.state == newest.state).count();
        let settled = !near(newest.updated) && !near(newest.starts) && !near(newest.ends);
        let split = (settled && same < answered.len()).then_some((same, answered.len()));
        let old = newest.ends.is_some_and(|ends| ends.age(now) > EXPIRED_SHOWN);
        // a replica that keeps an active copy makes even an old one matter
        let expired = versions.iter().all(|s| s.state == silences::State::Expired);
        let mut silence = newest.clone();
        if silence.state == silences::State::Active && silence.ends.is_some_and(|ends| ends.age(now) > GOSSIP) {
            // it says that it is active, and that it is over
            silence.state = silences::State::Unknown;
        }
        if !(expired && old) {
            out.push(Merged { silence, split: split.filter(|_| !expired) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::poll::tests::Fake;
    use super::*;
    use crate::domain::interner::Strings;
    use crate::domain::record::Relation;
    use crate::domain::thresholds::Thresholds;
    use crate::kinds::column::Show;
    use rstest::rstest;

    /// 2026-11-21T12:00:00Z
    const NOW: Time = Time(1_795_262_400);
    const NO_ALERTS: &str = r#"{"status":"success","data":{"alerts":[]}}"#;
    const NO_RULES: &str = r#"{"status":"success","data":{"groups":[]}}"#;

    fn prometheus(label: &str, alerts: &str) -> Fake {
        let body = format!(r#"{{"status":"success","data":{{"alerts":[{alerts}]}}}}"#);
        Fake::new(label).on("/api/v1/alerts", 200, &body).on("/api/v1/rules", 200, NO_RULES)
    }

    fn alertmanager(label: &str, alerts: &str, silences: &str) -> Fake {
        Fake::new(label).on("/api/v2/alerts", 200, &format!("[{alerts}]")).on(
            "/api/v2/silences",
            200,
            &format!("[{silences}]"),
        )
    }

    /// `X,namespace=shop` as a label map.
    fn set(labels: &str) -> String {
        let pairs = format!("alertname={labels}");
        let pairs = pairs.split(',').filter_map(|p| p.split_once('=')).map(|(k, v)| format!(r#""{k}":"{v}""#));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
    }

    fn fires(labels: &str, state: &str, since: &str) -> String {
        format!(
            r#"{{"labels":{},"annotations":{{"summary":"s"}},"state":"{state}","activeAt":"{since}","value":"NaN"}}"#,
            set(labels)
        )
    }

    /// `by`: `silencedBy:ID`, `inhibitedBy:FINGERPRINT`, `mutedBy:INTERVAL`, or empty for an active one.
    fn routed(labels: &str, fingerprint: &str, by: &str) -> String {
        let (state, by) = match by.split_once(':') {
            Some((field, id)) => ("suppressed", format!(r#","{field}":["{id}"]"#)),
            None => ("active", String::new()),
        };
        format!(
            r#"{{"labels":{},"fingerprint":"{fingerprint}","startsAt":"2026-11-21T11:00:00Z","endsAt":"2026-11-21T12:05:00Z",
                "receivers":[{{"name":"pager"}}],"status":{{"state":"{state}"{by}}}}}"#,
            set(labels)
        )
    }

    fn silence(id: &str, state: &str, ends: &str, matchers: &[(&str, &str)]) -> String {
        let matchers: Vec<_> = matchers
            .iter()
            .map(|(n, v)| format!(r#"{{"name":"{n}","value":"{v}","isRegex":false,"isEqual":true}}"#))
            .collect();
        format!(
            r#"{{"id":"{id}","status":{{"state":"{state}"}},"createdBy":"alice","comment":"[wk:7Q] upgrade","startsAt":"2026-11-21T10:00:00Z",
                "updatedAt":"2026-11-21T10:00:00Z","endsAt":"{ends}","matchers":[{}]}}"#,
            matchers.join(",")
        )
    }

    const AT_13: &str = "2026-11-21T13:00:00Z";

    async fn polled(prometheus: &[Fake], alertmanager: &[Fake]) -> (Both, Strings) {
        let mut intern = Interner::default();
        let both = poll_once(prometheus, alertmanager, &mut intern, NOW).await;
        let mut strings = Strings::default();
        strings.extend(intern.unshipped());
        (both, strings)
    }

    /// Each record as `NAME STATE BY UNTIL SEEN-BY`, `-` for what is empty.
    fn lines(polled: &Polled, strings: &Strings) -> Vec<String> {
        let show = Show { strings, now: NOW };
        let cell = |record: &Record, title: &str| {
            let column = kind::SPEC.columns.iter().find(|c| c.title == title).unwrap();
            Some(column.text(record, &show)).filter(|t| !t.is_empty()).unwrap_or_else(|| "-".to_owned())
        };
        let titles = ["NAME", "STATE", "SILENCED BY", "UNTIL", "SEEN BY"];
        let line = |r: &Record| titles.iter().map(|t| cell(r, t)).collect::<Vec<_>>().join(" ");
        polled.records.iter().map(line).collect()
    }

    #[rstest]
    #[case::both_agree("X,pod=a", "X,pod=a", "", "X firing - - both")]
    #[case::external_labels("X,pod=a", "X,pod=a,cluster=prod", "silencedBy:s1", "X silenced alice 60m both")]
    #[case::replica_labels("X,pod=a", "X,pod=a,prometheus_replica=p-0", "silencedBy:s1", "X silenced alice 60m both")]
    #[case::labels_dropped_on_the_way(
        "X,pod=a,uid=7",
        "X,pod=a,cluster=prod",
        "silencedBy:s1",
        "X silenced alice 60m both"
    )]
    #[case::unknown_silence("X,pod=a", "X,pod=a", "silencedBy:gone", "X silenced - - both")]
    #[case::mute_interval("X,pod=a", "X,pod=a", "mutedBy:nights", "X silenced time interval nights - both")]
    #[case::by_nothing_known("X,pod=a", "X,pod=a", "laterBy:x", "X firing suppressed, by what is unknown - both")]
    #[tokio::test]
    async fn one_alert_seen_by_both_becomes_one_record(
        #[case] at_prometheus: &str,
        #[case] at_alertmanager: &str,
        #[case] by: &str,
        #[case] expected: &str,
    ) {
        let p = prometheus("p", &fires(at_prometheus, "firing", "2026-11-21T11:00:00Z"));
        let a = alertmanager("a", &routed(at_alertmanager, "f", by), &silence("s1", "active", AT_13, &[("pod", "a")]));
        let (both, strings) = polled(&[p], &[a]).await;
        assert_eq!(lines(&both.alerts, &strings), [expected]);
        assert_eq!(both.alerts.state, FeedState::Live);
        assert!(both.alerts.problems.is_empty(), "{:?}", both.alerts.problems);
    }

    #[tokio::test]
    async fn a_silence_on_another_pods_alert_does_not_hide_this_one() {
        let p = prometheus("p", &fires("X,severity=critical,pod=a", "firing", "2026-11-21T11:00:00Z"));
        let copy = routed("X,severity=critical,pod=b,cluster=prod", "f", "silencedBy:s1");
        let (both, strings) = polled(&[p], &[alertmanager("a", &copy, "")]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X firing - - Prometheus", "X silenced - - Alertmanager"]);
    }

    #[tokio::test]
    async fn a_silence_on_an_alert_that_only_resembles_this_one_does_not_hide_it() {
        let mine = fires("X,severity=critical,pod=a", "firing", "");
        let other = fires("Y,deployment=e", "firing", "");
        let copy = routed("X,severity=critical,deployment=d", "f", "silencedBy:s1");
        let (both, strings) =
            polled(&[prometheus("p", &format!("{mine},{other}"))], &[alertmanager("a", &copy, "")]).await;
        assert_eq!(
            lines(&both.alerts, &strings),
            ["X firing - - Prometheus", "Y firing - - Prometheus", "X silenced - - Alertmanager",]
        );
    }

    #[tokio::test]
    async fn of_two_clusters_copies_one_silence_is_not_enough() {
        let p = prometheus("p", &fires("X", "firing", "2026-11-21T11:00:00Z"));
        let here = routed("X,cluster=a", "f1", "silencedBy:s1");
        let there = routed("X,cluster=b", "f2", "");
        let (both, strings) = polled(&[p], &[alertmanager("a", &format!("{here},{there}"), "")]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X firing - - both"]);
    }

    #[tokio::test]
    async fn an_inhibited_alert_names_the_alert_that_inhibits_it() {
        let alerts = [fires("Root", "firing", ""), fires("Symptom", "firing", "")].join(",");
        let copies = [routed("Root", "f1", ""), routed("Symptom", "f2", "inhibitedBy:f1")].join(",");
        let (both, strings) = polled(&[prometheus("p", &alerts)], &[alertmanager("a", &copies, "")]).await;
        assert_eq!(lines(&both.alerts, &strings), ["Root firing - - both", "Symptom inhibited Root - both"]);
        let by = both.alerts.records[1].link(Relation::From).map(|l| (strings.get(l.kind), strings.get(l.name)));
        assert_eq!(by, Some(("Alert", r#"{alertname="Root"}"#)), "by the labels as the other one keeps them");
    }

    #[tokio::test]
    async fn two_prometheus_fire_if_one_does_since_the_earliest_time() {
        let a = prometheus("p0", &fires("X,pod=a", "pending", "2026-11-21T11:50:00Z"));
        let b = prometheus("p1", &fires("X,pod=a", "firing", "2026-11-21T11:40:00Z"));
        let (both, strings) = polled(&[a, b], &[]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X firing - - Prometheus"]);
        assert_eq!(both.alerts.records[0].created.age(NOW), 1200);
    }

    #[tokio::test]
    async fn replicas_of_an_application_are_alerts_of_their_own() {
        let both = ["X,namespace=db,replica=0", "X,namespace=db,replica=1"];
        let p = prometheus("p", &both.map(|labels| fires(labels, "firing", "2026-11-21T11:00:00Z")).join(","));
        let copies = [routed(both[0], "f0", "silencedBy:s1"), routed(both[1], "f1", "")].join(",");
        let silence = silence("s1", "active", AT_13, &[("alertname", "X"), ("replica", "0")]);
        for p in [vec![p.clone()], Vec::new()] {
            let (both, strings) = polled(&p, &[alertmanager("a", &copies, &silence)]).await;
            let (seen, fires) = if p.is_empty() { ("Alertmanager", "active") } else { ("both", "firing") };
            assert_eq!(
                lines(&both.alerts, &strings),
                [format!("X silenced alice 60m {seen}"), format!("X {fires} - - {seen}")]
            );
            assert_eq!(both.silences.records[0].int(silences::COUNT), 1);
            let not_found = |problem: &&String| problem.contains("not found");
            assert_eq!(both.alerts.problems.iter().filter(|problem| !not_found(problem)).count(), 0);
        }
    }

    #[tokio::test]
    async fn copies_of_two_replicas_of_prometheus_are_one_alert_and_one_silence_covers_all_of_them() {
        let copies = ["X,prometheus_replica=p-0", "X,prometheus_replica=p-1"];
        let a = |first: &str, second: &str, matcher: (&str, &str)| {
            let routed = [routed(copies[0], "f0", first), routed(copies[1], "f1", second)].join(",");
            alertmanager("a", &routed, &silence("s1", "active", AT_13, &[matcher]))
        };
        let one = ("prometheus_replica", "p-0");
        let (both, strings) = polled(&[], &[a("silencedBy:s1", "", one)]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X active - - Alertmanager"]);
        assert_eq!(both.silences.records[0].int(silences::COUNT), 0, "one copy goes on paging");
        assert_eq!(both.alerts.problems, ["Prometheus: not found"], "one server cannot disagree with itself");
        let (both, strings) = polled(&[], &[a("silencedBy:s1", "silencedBy:s1", ("alertname", "X"))]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X silenced alice 60m Alertmanager"]);
        assert_eq!(both.silences.records[0].int(silences::COUNT), 1);
        // a label of that name that Prometheus' own alerts have tells them apart
        let p = prometheus("p", &copies.map(|labels| fires(labels, "firing", "2026-11-21T11:00:00Z")).join(","));
        let (both, strings) = polled(&[p], &[a("silencedBy:s1", "", one)]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X silenced alice 60m both", "X firing - - both"]);
        assert_eq!(both.silences.records[0].int(silences::COUNT), 1);
    }

    #[tokio::test]
    async fn alertmanagers_that_disagree_do_not_silence() {
        let p = prometheus("p", &fires("X", "firing", "2026-11-21T11:00:00Z"));
        let silences = silence("s1", "active", AT_13, &[("alertname", "X")]);
        let a = alertmanager("a0", &routed("X", "f", "silencedBy:s1"), &silences);
        let b = alertmanager("a1", &routed("X", "f", ""), "");
        let (both, strings) = polled(&[p], &[a, b]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X firing split - both"]);
        assert_eq!(both.alerts.problems, ["Alertmanager: replicas disagree on 1 alerts"]);
        let judge = silences::SPEC.judge;
        let found = judge(&both.silences.records[0], &strings, &Thresholds::default(), NOW);
        assert_eq!(&*found.findings[0].why, "Alertmanager's replicas disagree: 1 of 2 know it so");
    }

    #[rstest]
    #[case::an_hour_ago("2026-11-21T11:00:00Z", silences::State::Unknown)]
    #[case::a_clock_apart("2026-11-21T11:59:30Z", silences::State::Active)]
    fn a_silence_that_is_over_and_says_that_it_is_active_is_neither(
        #[case] ends: &str,
        #[case] expected: silences::State,
    ) {
        let body = format!("[{}]", silence("s1", "active", ends, &[("alertname", "X")]));
        let silences = alertmanager::silences(body.as_bytes(), &mut Vec::new());
        let seen = alertmanager::Seen { address: "a".into(), alerts: Ok(Vec::new()), silences, bad: Vec::new() };
        assert_eq!(merged_silences(&[seen], NOW)[0].silence.state, expected);
    }

    #[tokio::test]
    async fn a_half_that_was_never_found_leaves_the_other_alone() {
        let (both, strings) = polled(&[prometheus("p", &fires("X", "firing", ""))], &[]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X firing - - Prometheus"]);
        assert_eq!((both.alerts.state, both.silences.state), (FeedState::Live, FeedState::NotInstalled));
        assert_eq!(both.alerts.problems, ["Alertmanager: not found"]);

        let (both, strings) = polled(&[], &[alertmanager("a", &routed("X", "f", ""), "")]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X active - - Alertmanager"]);
        assert_eq!((both.alerts.state, both.silences.state), (FeedState::Live, FeedState::Live));
        assert_eq!(both.alerts.problems, ["Prometheus: not found"]);

        let (both, _) = polled(&[], &[]).await;
        assert_eq!((both.alerts.state, both.silences.state), (FeedState::NotInstalled, FeedState::NotInstalled));
    }

    #[tokio::test]
    async fn a_half_that_fails_is_said_and_the_peer_is_used() {
        let dead = Fake::new("10.0.0.7:9093")
            .failing("/api/v2/alerts", AskError::Timeout)
            .failing("/api/v2/silences", AskError::Timeout);
        let p = || prometheus("p", &fires("X", "firing", ""));
        let (both, strings) = polled(&[p()], std::slice::from_ref(&dead)).await;
        assert_eq!(lines(&both.alerts, &strings), ["X firing - - Prometheus"]);
        assert_eq!(both.alerts.problems, ["Alertmanager: no answer in time (10.0.0.7:9093)"]);
        assert_eq!(both.alerts.origin, "p, 10.0.0.7:9093");
        assert_eq!(both.silences.state, FeedState::Unreachable);
        assert_eq!(
            both.alerts.halves[1],
            Half { service: "Alertmanager", asked: 1, answered: 0, state: FeedState::Unreachable, soon: false }
        );

        let live = alertmanager("a1", &routed("X", "f", "silencedBy:s1"), "");
        let (both, strings) = polled(&[p()], &[dead, live]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X silenced - - both"]);
        assert_eq!(both.silences.state, FeedState::Live);
    }

    #[tokio::test]
    async fn nothing_readable_is_no_access_or_unreachable_and_never_zero_alerts() {
        let forbidden = Fake::new("p").on("/api/v1/alerts", 403, "").on("/api/v1/rules", 403, "");
        let (both, _) = polled(&[forbidden], &[]).await;
        assert_eq!(both.alerts.state, FeedState::NoAccess);
        let starting = Fake::new("p").on("/api/v1/alerts", 503, "").on("/api/v1/rules", 503, "");
        let (both, _) = polled(&[starting], &[]).await;
        assert_eq!(both.alerts.state, FeedState::Unreachable);
        assert_eq!(both.alerts.problems[0], "Prometheus: cannot be reached: HTTP 503 (p)");
    }

    #[tokio::test]
    async fn a_pending_alert_stays_pending_whatever_alertmanager_remembers() {
        let p = prometheus("p", &fires("X", "pending", "2026-11-21T11:59:00Z"));
        let (both, strings) = polled(&[p], &[alertmanager("a", &routed("X", "f", "silencedBy:s"), "")]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X pending - - both"]);
    }

    #[tokio::test]
    async fn what_alertmanager_knows_as_resolved_is_gone() {
        let old = routed("X", "f", "").replace("2026-11-21T12:05:00Z", "2026-11-21T11:59:00Z");
        let (both, _) = polled(&[], &[alertmanager("a", &old, "")]).await;
        assert!(both.alerts.records.is_empty());
    }

    #[tokio::test]
    async fn an_alert_keeps_its_identity_and_one_without_a_namespace_has_none() {
        let p = || prometheus("p", &fires("X", "firing", ""));
        let (first, _) = polled(&[p()], &[]).await;
        let (again, strings) =
            polled(&[p()], &[alertmanager("a", &routed("X,cluster=c", "f", "silencedBy:s"), "")]).await;
        assert_eq!(first.alerts.records[0].uid, again.alerts.records[0].uid);
        assert_eq!(strings.get(again.alerts.records[0].namespace), "");
        assert!(again.alerts.records[0].links.iter().all(|l| strings.get(l.kind) == "Silence"));
    }

    #[tokio::test]
    async fn silences_tell_their_window_their_count_and_drop_the_long_expired() {
        let alerts = [
            fires("X,namespace=shop", "firing", ""),
            fires("Y,namespace=shop", "firing", ""),
            fires("Z,namespace=shop", "pending", ""),
            fires("X,namespace=db", "firing", ""),
        ];
        let silences = [
            silence("1", "active", AT_13, &[("namespace", "shop")]),
            silence("2", "expired", "2026-11-21T11:30:00Z", &[("alertname", "X")]),
            silence("3", "expired", "2026-11-21T10:59:00Z", &[("alertname", "X")]),
        ];
        let a = alertmanager("a", "", &silences.join(","));
        let (both, strings) = polled(&[prometheus("p", &alerts.join(","))], &[a]).await;
        let told: Vec<_> = both
            .silences
            .records
            .iter()
            .map(|r| {
                let text = |i| r.text(i, &strings).to_owned();
                (strings.get(r.status), text(silences::MATCHERS), r.int(silences::COUNT), text(silences::WINDOW))
            })
            .collect();
        assert_eq!(
            told,
            [
                ("active", r#"namespace="shop""#.to_owned(), 2, "7Q".to_owned()),
                ("expired", r#"alertname="X""#.to_owned(), 2, "7Q".to_owned()),
            ]
        );
        assert_eq!(strings.get(both.silences.records[0].namespace), "shop");
    }

    #[tokio::test]
    async fn an_expired_silence_that_one_replica_still_holds_is_shown_as_split() {
        let ended = "2026-11-21T09:00:00Z";
        let a = alertmanager(
            "a0",
            "",
            &silence("1", "active", AT_13, &[("alertname", "X")]).replace("T10:00:00Z", "T08:00:00Z"),
        );
        let b = alertmanager("a1", "", &silence("1", "expired", ended, &[("alertname", "X")]));
        let (both, strings) = polled(&[], &[a, b]).await;
        assert_eq!(both.silences.records.len(), 1);
        assert_eq!(strings.get(both.silences.records[0].status), "expired");
        assert_eq!(both.silences.records[0].cell(silences::SPLIT), crate::domain::record::Cell::Ratio(1, 2));
    }

    fn with_rules(label: &str, alerts: &str, rules: &str) -> Fake {
        let body = format!(r#"{{"status":"success","data":{{"groups":[{{"name":"g","rules":[{rules}]}}]}}}}"#);
        prometheus(label, alerts).on("/api/v1/rules", 200, &body)
    }

    #[tokio::test]
    async fn a_broken_rule_is_a_warning_of_its_name_once_for_all_replicas() {
        let rule = r#"{"name":"TSDBHead","type":"alerting","health":"err","lastError":"many-to-many","labels":{"severity":"critical"}}"#;
        let (both, strings) = polled(&[with_rules("p0", "", rule), with_rules("p1", "", rule)], &[]).await;
        assert_eq!(lines(&both.alerts, &strings), ["TSDBHead broken rule - - Prometheus"]);
        assert_eq!(&*both.alerts.records[0].note, "many-to-many");
    }

    #[rstest]
    #[case::fires("ok", true, &["Watchdog firing - - Prometheus"])]
    #[case::silent("ok", false, &["Watchdog not firing - - Prometheus"])]
    #[case::broken("err", false, &["Watchdog not firing - - Prometheus"])]
    #[case::not_evaluated_yet("unknown", false, &[])]
    #[tokio::test]
    async fn a_watchdog_that_is_silent_is_told(#[case] health: &str, #[case] firing: bool, #[case] expected: &[&str]) {
        let rule =
            format!(r#"{{"name":"Watchdog","type":"alerting","health":"{health}","labels":{{"severity":"none"}}}}"#);
        let alerts = if firing { fires("Watchdog,severity=none", "firing", "") } else { String::new() };
        let (both, strings) = polled(&[with_rules("p", &alerts, &rule)], &[]).await;
        assert_eq!(lines(&both.alerts, &strings), expected);
    }

    #[tokio::test]
    async fn rules_that_cannot_be_read_are_said_and_alerts_stay() {
        let p = prometheus("p", &fires("X", "firing", "")).on("/api/v1/rules", 404, "");
        let (both, strings) = polled(&[p], &[]).await;
        assert_eq!(lines(&both.alerts, &strings), ["X firing - - Prometheus"]);
        assert_eq!(both.alerts.problems[0], "Prometheus rules: not found: HTTP 404 (p)");
    }

    #[tokio::test]
    async fn more_alerts_than_fit_are_counted() {
        let many: Vec<_> = (0..MOST + 7).map(|i| fires(&format!("X,pod=p{i}"), "firing", "")).collect();
        let (both, _) = polled(&[prometheus("p", &many.join(","))], &[]).await;
        assert_eq!(both.alerts.records.len(), MOST);
        assert!(both.alerts.problems.contains(&"7 more alerts are not shown".to_owned()));
    }

    #[tokio::test]
    async fn entries_that_cannot_be_read_are_named() {
        let p = prometheus("p", r#"{"labels":[]}"#);
        let (both, _) = polled(&[p], &[alertmanager("a", "", r#"{"id":{}}"#)]).await;
        assert_eq!(&*both.alerts.bad[0].name, "Prometheus alert 1");
        assert_eq!(&*both.silences.bad[0].name, "silence 1");
        let empty = Fake::new("p").on("/api/v1/alerts", 200, NO_ALERTS).on("/api/v1/rules", 200, NO_RULES);
        assert!(polled(&[empty], &[]).await.0.alerts.bad.is_empty());
    }

    /// Answers of Prometheus 2.42 (external labels `cluster` and `prometheus_replica`) and Alertmanager 0.25.
    #[tokio::test]
    async fn what_real_servers_answered_is_joined() {
        let p = Fake::new("p")
            .on("/api/v1/alerts", 200, include_str!("../../tests/data/monitoring/prometheus-alerts.json"))
            .on("/api/v1/rules", 200, include_str!("../../tests/data/monitoring/prometheus-rules.json"));
        let a = Fake::new("a")
            .on("/api/v2/alerts", 200, include_str!("../../tests/data/monitoring/alertmanager-alerts.json"))
            .on("/api/v2/silences", 200, include_str!("../../tests/data/monitoring/alertmanager-silences.json"));
        let mut intern = Interner::default();
        // 2026-11-21T14:32:25Z
        let both = poll_once(&[p], &[a], &mut intern, Time(1_795_271_545)).await;
        let mut strings = Strings::default();
        strings.extend(intern.unshipped());
        let mut told: Vec<_> = both
            .alerts
            .records
            .iter()
            .map(|r| {
                let object = r.links.first().map_or("", |l| strings.get(l.name));
                format!("{} {} {} {object}", r.name, strings.get(r.status), r.text(kind::BY, &strings))
            })
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "Broken broken rule  ",
                "NaN firing  ",
                "Quiet silenced alice pg",
                "Root firing  cart-1",
                "Slow pending  ",
                "Symptom inhibited Root cart-1",
                "Watchdog firing  ",
            ]
        );
        assert_eq!((both.alerts.problems.len(), both.alerts.bad.len(), both.silences.records.len()), (0, 0, 1));
        let silence = &both.silences.records[0];
        assert_eq!(silence.text(silences::MATCHERS, &strings), r#"alertname="Quiet" namespace=~"db|x""#);
        assert_eq!((silence.int(silences::COUNT), silence.text(silences::WINDOW, &strings)), (1, "7Q"));
    }
}
