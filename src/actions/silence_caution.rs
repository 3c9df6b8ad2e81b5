//! What a silence covers now, and what has to be typed before it is made: wide is never the default. A silence is wide
//! when nothing in it names an alert or an object, when it covers many alerts, those of every namespace, or the one by
//! which alerting itself is watched; a silence whose coverage is not known counts as wide.

use std::collections::{BTreeMap, BTreeSet};

use super::input::Input;
use super::silence_scope::OBJECT;
use crate::domain::go_regex;
use crate::domain::matcher::{Labels, Matcher, Test};
use crate::domain::plan::{Risk, Stop};

/// A silence over more alerts than this is broad.
const BROAD: usize = 10;
/// Alerts that fire as long as alerting works.
const WATCHDOGS: &[&str] =
    &["Watchdog", "DeadMansSwitch", "DeadManSwitch", "DeadMan", "DeadMansSnitch", "Heartbeat", "AlwaysFiring"];
/// Labels that many alerts of all kinds share.
const SHARED: &[&str] = &[
    "severity",
    "priority",
    "cluster",
    "datacenter",
    "dc",
    "prometheus",
    "prometheus_replica",
    "replica",
    "region",
    "zone",
    "environment",
    "env",
    "stage",
    "tier",
    "team",
    "owner",
    "job",
    "service",
    "endpoint",
    "container",
    "metrics_path",
];

/// What is known of a silence before it is made.
#[derive(Debug)]
pub struct Caution {
    /// How many alerts match, in words.
    pub count: String,
    /// How many of the alerts that are about the object.
    pub about: Option<String>,
    pub warnings: Vec<String>,
    pub risk: Risk,
}

impl Caution {
    /// `wider` says in words what is covered beyond the object, when that was requested.
    pub fn of(input: &Input<'_>, matchers: &[Matcher], wider: Option<String>) -> Result<Self, Stop> {
        let test = Test::of(matchers).map_err(Stop::Refuse)?;
        let hit: Vec<&Labels> = input.alerts.iter().filter(|labels| test.all(labels)).collect();
        let mut reasons: Vec<String> = wider.into_iter().collect();
        let mut warnings = Vec::new();
        let count = match input.blind {
            Some(why) => {
                reasons.push(format!("what it covers is unknown: {why}"));
                format!("how many alerts match is unknown ({why})")
            }
            None if hit.len() == 1 => "1 alert that fires or is pending now matches".to_owned(),
            None => format!("{} alerts that fire or are pending now match", hit.len()),
        };
        if hit.is_empty() && input.blind.is_none() {
            warnings.push("no alert that is known now matches: is every label right?".to_owned());
        }
        reasons.extend(wide(matchers));
        if hit.len() > BROAD {
            reasons.push(format!("broad: {} alerts match: {}", hit.len(), names(&hit)));
        }
        reasons.extend(everywhere(&hit, input.alerts));
        if let Some(name) = watchdog(matchers, &hit) {
            reasons.push(format!("it silences {name}: nobody would notice that alerting is dead"));
        }
        let about = &input.target()?.known.alerts;
        let covered = about.iter().filter(|alert| test.all(&alert.labels)).count();
        if covered < about.len() {
            warnings.push(format!("{} of the alerts about it are not silenced by this", about.len() - covered));
        }
        let risk = if reasons.is_empty() { Risk::Press } else { Risk::Context(input.context.to_owned()) };
        let about = (!about.is_empty()).then(|| format!("{covered} of the {} alerts about it match", about.len()));
        warnings.splice(0..0, reasons);
        Ok(Self { count, about, warnings, risk })
    }
}

fn names(hit: &[&Labels]) -> String {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for labels in hit {
        *names.entry(labels.get("alertname").map_or("", String::as_str)).or_default() += 1;
    }
    names.iter().take(6).map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
}

/// Why these matchers are wide whatever fires now, if they are.
fn wide(matchers: &[Matcher]) -> Option<String> {
    let telling: Vec<&Matcher> = matchers.iter().filter(|m| tells(m)).collect();
    let has_place = telling.iter().any(|m| is_place(&m.name) && is_finite(m));
    let names = |m: &&Matcher| match &*m.name {
        "alertname" => is_finite(m),
        name if is_shared(name) => false,
        name if is_place(name) => true,
        // a name pattern matches objects of every namespace
        _ => has_place || is_finite(m),
    };
    if !telling.iter().any(names) {
        return Some(
            "nothing in it names an alert, an object or a namespace: it covers alerts of every namespace".into(),
        );
    }
    if !telling.iter().any(|m| !is_place(&m.name) && (OBJECT.contains(&&*m.name) || !is_everywhere(&m.name))) {
        return Some("it covers every alert of a namespace, not those of one object".into());
    }
    None
}

/// Labels that say where, and of whom: `namespace`, `exported_namespace`, `kubernetes_namespace`.
fn is_place(name: &str) -> bool {
    name == "namespace" || name.ends_with("_namespace")
}

/// Labels that many alerts of all kinds share, under whatever name a site gives to its clusters.
fn is_shared(name: &str) -> bool {
    SHARED.contains(&name) || name.contains("cluster")
}

/// Labels that distinguish nothing within a namespace either.
fn is_everywhere(name: &str) -> bool {
    is_shared(name) && !matches!(name, "job" | "service" | "endpoint" | "container")
}

/// Whether a matcher requires something: not an absent label, and not just any value.
fn tells(m: &Matcher) -> bool {
    const ANY: &[&str] = &["", "zqx", "Zq9-x.probe", "70"];
    if !m.is_equal {
        return false;
    }
    if !m.is_regex {
        return !m.value.is_empty();
    }
    go_regex::anchored(&m.value).is_ok_and(|regex| !ANY.iter().any(|any| regex.is_match(any)))
}

/// Whether it lists the values that it requires.
fn is_finite(m: &Matcher) -> bool {
    !m.is_regex || !m.value.contains(['*', '+', '{', '[', '\\', '?'])
}

/// Why it is wide, considering the alerts that fire now: alerts of every namespace that has any.
fn everywhere(hit: &[&Labels], all: &[Labels]) -> Option<String> {
    fn place(labels: &Labels) -> Option<&str> {
        let found = labels.get("exported_namespace").or_else(|| labels.get("namespace"));
        found.map(String::as_str).filter(|place| !place.is_empty())
    }
    let of = |alerts: &mut dyn Iterator<Item = &Labels>| {
        alerts.filter_map(|l| place(l).map(str::to_owned)).collect::<BTreeSet<_>>()
    };
    let (here, there) = (of(&mut hit.iter().copied()), of(&mut all.iter()));
    (here.len() > 1 && here == there).then(|| format!("alerts of every namespace that has any: {}", here.len()))
}

/// The alert by which alerting is watched, if it is covered; also while it is not seen to fire, when its other labels
/// are not known.
fn watchdog(matchers: &[Matcher], hit: &[&Labels]) -> Option<&'static str> {
    let known: Vec<Matcher> =
        matchers.iter().filter(|m| m.name == "severity" || !is_shared(&m.name)).cloned().collect();
    let test = Test::of(&known).ok()?;
    let seen = |name: &str| hit.iter().any(|labels| labels.get("alertname").is_some_and(|have| have == name));
    let as_shipped = |name: &str| {
        Labels::from([("alertname".to_owned(), name.to_owned()), ("severity".to_owned(), "none".to_owned())])
    };
    WATCHDOGS.iter().find(|name| seen(name) || test.all(&as_shipped(name))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::matcher::parse;
    use rstest::rstest;

    #[rstest]
    #[case::an_alert(r#"alertname="TargetDown""#, "")]
    #[case::two_alerts(r#"alertname=~"TargetDown|KubePodCrashLooping""#, "")]
    #[case::a_pod("pod=x", "")]
    #[case::pods_of_a_workload(r#"namespace="a" pod=~"payments-.*""#, "")]
    #[case::a_node("node=n1", "")]
    #[case::a_label_of_ones_own("namespace=a queue=x", "")]
    #[case::a_scrape_job_of_a_namespace("namespace=a job=x", "")]
    #[case::any_name(r#"alertname=~".+""#, "every namespace")]
    #[case::nearly_any_name(r#"alertname=~"[A-Z].*""#, "every namespace")]
    #[case::names_of_a_kind(r#"alertname=~"Kube.*""#, "every namespace")]
    #[case::names_of_a_kind_here(r#"alertname=~"Kube.*" namespace="a""#, "")]
    #[case::a_severity("severity=critical", "every namespace")]
    #[case::a_team("team=payments", "every namespace")]
    #[case::a_scrape_job("job=kube-state-metrics", "every namespace")]
    #[case::others("alertname!=Watchdog severity=warning", "every namespace")]
    #[case::a_pattern_of_addresses(r#"instance=~"10\\..+""#, "every namespace")]
    #[case::a_pattern_of_pods(r#"pod=~".*-[0-9a-z]{5}""#, "every namespace")]
    #[case::a_namespace_by_another_name("kubernetes_namespace=a", "every alert of a namespace")]
    #[case::a_cluster_by_another_name("cluster_name=prod", "every namespace")]
    #[case::a_data_centre("dc=fra1", "every namespace")]
    #[case::any_namespace(r#"namespace=~".+""#, "every namespace")]
    #[case::a_namespace("namespace=a", "every alert of a namespace")]
    #[case::namespaces(r#"namespace=~"a|b""#, "every alert of a namespace")]
    #[case::what_warns_there("namespace=a severity=warning", "every alert of a namespace")]
    #[case::any_pod_there(r#"namespace=a pod=~".*""#, "every alert of a namespace")]
    #[case::some_pod_there(r#"namespace=a pod!="""#, "every alert of a namespace")]
    fn a_silence_is_wide_when_nothing_in_it_narrows(#[case] text: &str, #[case] expected: &str) {
        let told = wide(&parse(text).unwrap()).unwrap_or_default();
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{told}");
    }

    fn labels(text: &str) -> Labels {
        text.split(',').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn alerts_of_every_namespace_are_told() {
        let all =
            [labels("alertname=A,namespace=a"), labels("alertname=A,exported_namespace=b"), labels("alertname=B")];
        let told = |hit: &[usize]| everywhere(&hit.iter().map(|at| &all[*at]).collect::<Vec<_>>(), &all);
        assert_eq!(told(&[0]), None);
        assert!(told(&[0, 1]).unwrap().ends_with(": 2"));
        let one = [labels("alertname=A,namespace=a")];
        assert_eq!(everywhere(&[&one[0]], &one), None, "where only one namespace has alerts, it is no sign of width");
    }

    #[test]
    fn the_watchdog_is_known_also_while_it_is_not_seen() {
        let covers = |text: &str| watchdog(&parse(text).unwrap(), &[]);
        assert_eq!(covers("alertname=Watchdog"), Some("Watchdog"));
        assert_eq!(covers("severity=none"), Some("Watchdog"));
        assert_eq!(covers(r#"alertname=~"Dead.*""#), Some("DeadMansSwitch"));
        assert_eq!(covers("alertname!=X severity=~.+"), Some("Watchdog"));
        assert_eq!(covers(r#"alertname=Watchdog prometheus="monitoring/k8s""#), Some("Watchdog"));
        assert_eq!(covers("alertname=Heartbeat"), Some("Heartbeat"));
        assert_eq!(covers("alertname=TargetDown"), None);
        assert_eq!(covers("namespace=a severity=none"), None);
    }
}
