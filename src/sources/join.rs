//! One alert out of the views of several Prometheus and several Alertmanager replicas. Pure: no request, no record.
//!
//! An alert is called silenced only when everybody who knows it agrees: a page that goes out is never hidden.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::labels::Labels;
use super::prometheus::{self, Annotations};
use super::{about, alertmanager};
use crate::domain::ages::Time;
use crate::domain::matcher;
use crate::kinds::alerts::{Alert, State};

/// At most this many copies that equal no alert are compared with each alert of their name: the one step that is
/// not linear.
const MOST_ODD: usize = 500;

/// What tells the replicas of one Prometheus apart, as its operator sets it. Unlike `replica`, which applications use as
/// well, it says nothing of what an alert is about, unless Prometheus' own alerts have it.
const REPLICA: &str = "prometheus_replica";

/// A joined alert with the labels that silences see.
#[derive(Debug)]
pub struct Joined {
    pub alert: Alert,
    /// Those of each copy that Alertmanager has, else Prometheus' own.
    pub copies: Vec<matcher::Labels>,
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
#[expect(clippy::implicit_hasher, reason = "one caller, the standard map")]
pub fn join(
    prometheus: &[prometheus::Seen],
    alertmanager: &[alertmanager::Seen],
    silences: &HashMap<&str, &alertmanager::Silence>,
    now: Time,
) -> (Vec<Joined>, usize) {
    let fires = merged_fires(prometheus);
    let routed = merged_routed(alertmanager, now);
    let finder = Finder::new(&fires, &routed);
    let details = Details {
        silences,
        names: routed.iter().map(|r| (&*r.first.fingerprint, r.first.labels.get("alertname").unwrap_or(""))).collect(),
    };
    let mut claimed = HashSet::new();
    let mut out = Vec::new();
    // which joined alert a copy of Alertmanager became
    let mut became: HashMap<&str, String> = HashMap::new();
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
        let copies = if views.is_empty() { vec![told(labels)] } else { labels_of(&views) };
        alert.routed = as_routed(&alert, &views);
        became.extend(views.iter().map(|v| (&*v.first.fingerprint, alert.identity.clone())));
        out.push(Joined { alert, copies });
    }
    let is_own = fires.keys().any(|labels| labels.get(REPLICA).is_some());
    let mut alone: BTreeMap<Labels, Vec<&Routed<'_>>> = BTreeMap::new();
    for (_, view) in routed.iter().enumerate().filter(|(i, _)| !claimed.contains(i)) {
        alone.entry(view.first.labels.only(|name| is_own || name != REPLICA)).or_default().push(view);
    }
    for (labels, views) in alone {
        let mut alert = from_labels(&labels);
        alert.since = views.iter().filter_map(|v| v.starts).min();
        alert.seen_by = "Alertmanager";
        alert.state = State::Active;
        annotate(&mut alert, views.first().map(|v| &v.first.annotations));
        details.apply(&mut alert, &views);
        became.extend(views.iter().map(|v| (&*v.first.fingerprint, alert.identity.clone())));
        alert.routed = as_routed(&alert, &views);
        out.push(Joined { alert, copies: labels_of(&views) });
    }
    for joined in out.iter_mut().filter(|j| j.alert.state == State::Inhibited) {
        let by = joined.alert.inhibitor.take();
        joined.alert.inhibitor = by.and_then(|by| became.get(&*by)).filter(|by| **by != joined.alert.identity).cloned();
    }
    let disagreeing = routed.iter().filter(|r| r.is_split()).count();
    (out, disagreeing)
}

fn labels_of(views: &[&Routed<'_>]) -> Vec<matcher::Labels> {
    views.iter().map(|v| told(&v.first.labels)).collect()
}

/// The labels that silences are held against, where they are not those that the alert is known by.
fn as_routed(alert: &Alert, views: &[&Routed<'_>]) -> String {
    let copy = views.first().map(|v| v.first.labels.to_string());
    copy.filter(|copy| *copy != alert.labels).unwrap_or_default()
}

fn told(labels: &Labels) -> matcher::Labels {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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
        for &index in self.odd.get(labels.get("alertname").unwrap_or("")).into_iter().flatten().take(MOST_ODD) {
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
    silences: &'a HashMap<&'a str, &'a alertmanager::Silence>,
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
                alert.by.clone_from(&silence.by);
                alert.until = silence.ends;
            }
            _ if !ids.is_empty() => alert.state = State::Silenced,
            (_, Some(fingerprint), _) => {
                alert.state = State::Inhibited;
                // its fingerprint for now: which alert that is, is known once all are joined
                alert.inhibitor = Some((**fingerprint).to_owned());
                (**self.names.get(fingerprint).unwrap_or(&"")).clone_into(&mut alert.by);
            }
            (_, _, Some(interval)) => {
                alert.state = State::Silenced;
                alert.by = format!("time interval {interval}");
            }
            // suppressed, and nobody says by what: it may page
            _ => "suppressed, by what is unknown".clone_into(&mut alert.by),
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
