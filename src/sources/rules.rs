//! What is wrong with alerting itself: rules that cannot be evaluated, and a watchdog that does not fire.

use std::collections::BTreeMap;

use super::about;
use super::poll::problem;
use super::prometheus::{self, RuleHealth};
use crate::kinds::alerts::{Alert, State};

/// Alerts that fire as long as alerting works.
const WATCHDOGS: [&str; 2] = ["Watchdog", "DeadMansSwitch"];

/// Both as alerts. Replicas of Prometheus that differ are said in `problems`.
pub fn rule_findings(replicas: &[prometheus::Seen], problems: &mut Vec<String>) -> Vec<Alert> {
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
