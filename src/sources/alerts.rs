//! Alerts and silences: several Prometheus and several Alertmanager replicas, read and joined into two lists of
//! records. What fires is read from Prometheus, what is silenced or inhibited from Alertmanager; either may be absent.
//!
//! An alert is called silenced only when everybody who knows it agrees: a page that goes out is never hidden.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::about;
use super::alertmanager;
use super::labels::Labels;
use super::poll::{Ask, AskError, Half, Polled, problem};
use super::prometheus::{self, Annotations, RuleHealth};
use crate::domain::ages::Time;
use crate::domain::change::{Bad, FeedState};
use crate::domain::interner::Interner;
use crate::domain::record::Record;
use crate::domain::text;
use crate::kinds::alerts::{self as kind, Alert, State};
use crate::kinds::silences;

/// At most this many records of each kind; more are counted.
const MOST: usize = 5000;
/// At most this many undecodable entries are named.
const MOST_BAD: usize = 50;
/// Expired silences are shown for this long, in seconds.
const EXPIRED_SHOWN: i64 = 3600;
/// Replicas of Alertmanager may lag this far behind each other, in seconds.
const GOSSIP: i64 = 60;
/// Alerts that fire as long as alerting works.
const WATCHDOGS: [&str; 2] = ["Watchdog", "DeadMansSwitch"];

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
    let (joined, disagreeing) = join(prometheus, alertmanager, &silences, now);
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
        let alerts = known.map(|j| self.silence.covers(&j.labels)).try_fold(0, |n, c| c.map(|c| n + usize::from(c)));
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
        if !(expired && old) {
            out.push(Merged { silence: newest.clone(), split: split.filter(|_| !expired) });
        }
    }
    out
}

/// A joined alert with the labels that silences see.
struct Joined {
    alert: Alert,
    labels: Labels,
}

/// An alert over all replicas of Prometheus.
#[derive(Default)]
struct Fires<'a> {
    firing: bool,
    since: Option<Time>,
    annotations: Option<&'a Annotations>,
}

/// An alert over all replicas of Alertmanager.
struct Routed<'a> {
    first: &'a alertmanager::Alert,
    starts: Option<Time>,
    views: usize,
    suppressed: usize,
    silenced_by: BTreeSet<&'a str>,
    inhibited_by: BTreeSet<&'a str>,
    muted_by: BTreeSet<&'a str>,
}

impl Routed<'_> {
    fn is_suppressed(&self) -> bool {
        self.suppressed == self.views
    }

    fn is_split(&self) -> bool {
        self.suppressed > 0 && self.suppressed < self.views
    }
}

/// Joins both views. Also tells on how many alerts Alertmanager's replicas disagree.
fn join(
    prometheus: &[prometheus::Seen],
    alertmanager: &[alertmanager::Seen],
    silences: &[Merged],
    now: Time,
) -> (Vec<Joined>, usize) {
    let fires = merged_fires(prometheus);
    let routed = merged_routed(alertmanager, now);
    let finder = Finder::new(&fires, &routed);
    let details = Details {
        silences: silences.iter().map(|m| (&*m.silence.id, &m.silence)).collect(),
        names: routed.iter().map(|r| (&*r.first.fingerprint, r.first.labels.get("alertname").unwrap_or(""))).collect(),
    };
    let mut claimed = HashSet::new();
    let mut out = Vec::new();
    for (labels, fire) in &fires {
        let known = finder.find(labels, fire.firing);
        claimed.extend(known.iter().copied());
        let views: Vec<&Routed<'_>> = known.iter().map(|&i| &routed[i]).collect();
        let mut alert = from_labels(labels);
        alert.since = fire.since;
        alert.seen_by = if views.is_empty() { "Prometheus" } else { "both" };
        alert.state = if fire.firing { State::Firing } else { State::Pending };
        annotate(&mut alert, fire.annotations);
        if fire.firing {
            details.apply(&mut alert, &views);
        }
        let labels = views.first().map_or(*labels, |v| &v.first.labels).clone();
        out.push(Joined { alert, labels });
    }
    for (_, view) in routed.iter().enumerate().filter(|(i, _)| !claimed.contains(i)) {
        let mut alert = from_labels(&view.first.labels);
        alert.since = view.starts;
        alert.seen_by = "Alertmanager";
        alert.state = State::Active;
        annotate(&mut alert, Some(&view.first.annotations));
        details.apply(&mut alert, &[view]);
        out.push(Joined { alert, labels: view.first.labels.clone() });
    }
    let disagreeing = routed.iter().filter(|r| r.is_split()).count();
    (out, disagreeing)
}

/// Firing if any replica says so, since the earliest time that one of them gives.
fn merged_fires(replicas: &[prometheus::Seen]) -> BTreeMap<&Labels, Fires<'_>> {
    let mut out: BTreeMap<&Labels, Fires<'_>> = BTreeMap::new();
    for alert in replicas.iter().filter_map(|s| s.alerts.as_ref().ok()).flatten() {
        let merged = out.entry(&alert.labels).or_default();
        merged.firing |= alert.firing;
        merged.since = [merged.since, alert.since].into_iter().flatten().min();
        merged.annotations = merged.annotations.or(Some(&alert.annotations));
    }
    out
}

fn merged_routed(replicas: &[alertmanager::Seen], now: Time) -> Vec<Routed<'_>> {
    let mut at: HashMap<&Labels, usize> = HashMap::new();
    let mut out: Vec<Routed<'_>> = Vec::new();
    for alert in replicas.iter().filter_map(|s| s.alerts.as_ref().ok()).flatten() {
        if alert.ends.is_some_and(|ends| ends <= now) {
            continue;
        }
        let index = *at.entry(&alert.labels).or_insert_with(|| {
            out.push(Routed {
                first: alert,
                starts: None,
                views: 0,
                suppressed: 0,
                silenced_by: BTreeSet::new(),
                inhibited_by: BTreeSet::new(),
                muted_by: BTreeSet::new(),
            });
            out.len() - 1
        });
        let merged = &mut out[index];
        merged.views += 1;
        merged.suppressed += usize::from(alert.suppressed);
        merged.starts = [merged.starts, alert.starts].into_iter().flatten().min();
        merged.silenced_by.extend(alert.silenced_by.iter().map(String::as_str));
        merged.inhibited_by.extend(alert.inhibited_by.iter().map(String::as_str));
        merged.muted_by.extend(alert.muted_by.iter().map(String::as_str));
    }
    out
}

/// Finds Alertmanager's copies of an alert of Prometheus, which carry external labels in addition.
struct Finder<'a> {
    /// Each copy reduced to the names that some alert of Prometheus has: external labels go, mostly.
    reduced: Vec<Labels>,
    whole: HashMap<Labels, Vec<usize>>,
    /// Copies that equal no alert of Prometheus, by alert name.
    odd: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Finder<'a> {
    fn new(fires: &BTreeMap<&Labels, Fires<'_>>, routed: &'a [Routed<'a>]) -> Self {
        let names: HashSet<&str> = fires.keys().flat_map(|labels| labels.iter()).map(|(name, _)| name).collect();
        let reduced: Vec<Labels> = routed.iter().map(|r| r.first.labels.only(|name| names.contains(name))).collect();
        let mut whole: HashMap<Labels, Vec<usize>> = HashMap::new();
        let mut odd: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, labels) in reduced.iter().enumerate() {
            if fires.contains_key(labels) {
                whole.entry(labels.clone()).or_default().push(index);
            } else {
                odd.entry(routed[index].first.labels.get("alertname").unwrap_or("")).or_default().push(index);
            }
        }
        Self { reduced, whole, odd }
    }

    /// All copies, when external labels make several. A pending alert was never sent: it is matched exactly only.
    fn find(&self, labels: &Labels, firing: bool) -> Vec<usize> {
        if let Some(whole) = self.whole.get(labels) {
            return whole.clone();
        }
        if !firing {
            return Vec::new();
        }
        // relabelling on the way may have dropped labels, or an external label has an ordinary name: one set must
        // hold the other, and the copies that share the most count
        let mut most = labels.len().min(2);
        let mut best = Vec::new();
        for &index in self.odd.get(labels.get("alertname").unwrap_or("")).into_iter().flatten() {
            let copy = &self.reduced[index];
            let Some(shared) = copy.agreeing(labels) else { continue };
            if shared < most || shared < labels.len().min(copy.len()) {
                continue;
            }
            if shared > most {
                best.clear();
                most = shared;
            }
            best.push(index);
        }
        best
    }
}

/// What is needed to say who suppresses an alert.
struct Details<'a> {
    silences: HashMap<&'a str, &'a alertmanager::Silence>,
    /// Alert names by fingerprint.
    names: HashMap<&'a str, &'a str>,
}

impl Details<'_> {
    /// Turns a firing alert into a silenced or inhibited one, if all of Alertmanager's copies are.
    fn apply(&self, alert: &mut Alert, views: &[&Routed<'_>]) {
        alert.receivers = receivers(views);
        alert.split = views.iter().any(|v| v.is_split());
        let ids: BTreeSet<&str> = views.iter().flat_map(|v| v.silenced_by.iter().copied()).collect();
        alert.silences = ids.iter().map(|id| (*id).to_owned()).collect();
        let last = ids.iter().filter_map(|id| self.silences.get(id)).max_by_key(|s| s.ends);
        if views.is_empty() || !views.iter().all(|v| v.is_suppressed()) {
            // some pages go out: say who tried, change nothing
            alert.by = if alert.split { "split".to_owned() } else { String::new() };
            return;
        }
        let inhibitor = views.iter().flat_map(|v| v.inhibited_by.iter()).next();
        let interval = views.iter().flat_map(|v| v.muted_by.iter()).next();
        match (last, inhibitor, interval) {
            (Some(silence), ..) => {
                alert.state = State::Silenced;
                alert.by = silence.by.clone();
                alert.until = silence.ends;
            }
            _ if !ids.is_empty() => alert.state = State::Silenced,
            (_, Some(fingerprint), _) => {
                alert.state = State::Inhibited;
                alert.by = (*self.names.get(fingerprint).unwrap_or(&"")).to_owned();
            }
            (_, _, Some(interval)) => {
                alert.state = State::Silenced;
                alert.by = format!("time interval {interval}");
            }
            // suppressed, and nobody says by what
            _ => alert.state = State::Silenced,
        }
    }
}

fn receivers(views: &[&Routed<'_>]) -> String {
    let names: BTreeSet<&str> = views.iter().flat_map(|v| v.first.receivers.iter().map(String::as_str)).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

fn from_labels(labels: &Labels) -> Alert {
    let told = labels.to_string();
    Alert {
        identity: told.clone(),
        labels: told,
        name: labels.get("alertname").unwrap_or("").to_owned(),
        namespace: about::namespace(labels).to_owned(),
        severity: labels.get("severity").unwrap_or("").to_owned(),
        about: about::object(labels),
        ..Alert::default()
    }
}

fn annotate(alert: &mut Alert, annotations: Option<&Annotations>) {
    if let Some(annotations) = annotations {
        annotations.summary().clone_into(&mut alert.summary);
        annotations.runbook().clone_into(&mut alert.runbook);
    }
}

/// Rules that cannot be evaluated, and a watchdog that does not fire.
fn rule_findings(replicas: &[prometheus::Seen], problems: &mut Vec<String>) -> Vec<Alert> {
    let mut out: BTreeMap<String, Alert> = BTreeMap::new();
    for rule in replicas.iter().filter_map(|s| s.rules.as_ref().ok()).flatten() {
        if rule.health == RuleHealth::Broken && !WATCHDOGS.contains(&&*rule.name) {
            let identity = format!("rule {}/{} {}", rule.group, rule.name, rule.labels);
            out.entry(identity.clone()).or_insert_with(|| Alert {
                identity,
                name: rule.name.clone(),
                severity: rule.labels.get("severity").unwrap_or("").to_owned(),
                namespace: about::namespace(&rule.labels).to_owned(),
                state: State::BrokenRule,
                summary: rule.error.clone(),
                seen_by: "Prometheus",
                ..Alert::default()
            });
        }
    }
    for name in WATCHDOGS {
        let (mut quiet, mut fires) = (Vec::new(), false);
        for replica in replicas {
            let (Ok(alerts), Ok(rules)) = (&replica.alerts, &replica.rules) else { continue };
            // a rule that has not been evaluated yet proves nothing
            let rule = rules.iter().find(|r| r.name == name && r.health != RuleHealth::Unknown);
            match (rule, alerts.iter().any(|a| a.labels.get("alertname") == Some(name))) {
                (_, true) => fires = true,
                (Some(rule), false) => quiet.push((replica, rule)),
                (None, false) => {}
            }
        }
        if fires {
            problems
                .extend(quiet.iter().map(|(r, _)| problem("Prometheus", &format!("{name} does not fire"), &r.address)));
        } else if let Some((_, rule)) = quiet.first() {
            let identity = format!("watchdog {name}");
            out.insert(
                identity.clone(),
                Alert {
                    identity,
                    name: name.to_owned(),
                    severity: rule.labels.get("severity").unwrap_or("").to_owned(),
                    state: State::NotFiring,
                    summary: rule.error.clone(),
                    seen_by: "Prometheus",
                    ..Alert::default()
                },
            );
        }
    }
    out.into_values().collect()
}
