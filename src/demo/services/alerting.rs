//! One Prometheus behind its API: samples, rules, and the alerts that come of them.

use std::collections::BTreeMap;

use super::promql::{Error, Evaluator, Expr, Value, number, parse};
use super::rules::Rule;
use super::tsdb::{Labels, Sample, Shape, Tsdb, float};

/// An alert that is pending or firing.
#[derive(Clone, Debug)]
pub struct Active {
    pub rule: &'static Rule,
    /// With `alertname` and `severity`.
    pub labels: Labels,
    /// Milliseconds.
    pub since: i64,
    pub value: f64,
}

impl Active {
    pub fn fires_at(&self) -> i64 {
        self.since + self.rule.for_seconds * 1000
    }

    /// The summary with labels and value put in.
    pub fn summary(&self) -> String {
        let mut text = self.rule.summary.replace("{{ $value }}", &number((self.value * 1000.0).round() / 1000.0));
        for (name, value) in &self.labels {
            text = text.replace(&format!("{{{{ $labels.{name} }}}}"), value);
        }
        text
    }
}

/// Samples, rules and alerts of one Prometheus.
#[derive(Debug, Default)]
pub struct Prometheus {
    pub tsdb: Tsdb,
    pub rules: &'static [Rule],
    /// What each rule asks, in the same order.
    parsed: Vec<Result<Expr, Error>>,
    pub alerts: BTreeMap<(usize, Labels), Active>,
    /// What went wrong when a rule was last evaluated, by its place.
    pub errors: BTreeMap<usize, String>,
    /// When the rules were last evaluated, in milliseconds.
    pub evaluated: i64,
}

impl Prometheus {
    pub fn new(rules: &'static [Rule]) -> Self {
        Self { rules, parsed: rules.iter().map(|rule| parse(rule.query)).collect(), ..Self::default() }
    }

    /// The first look: what is wrong already has been wrong for a while, and most of it fires.
    pub fn begin(&mut self, samples: &[Sample], now: i64) {
        self.scrape(samples.to_vec(), now);
        for ((_, labels), active) in &mut self.alerts {
            let wait = active.rule.for_seconds * 1000;
            let sum: i64 = labels.values().flat_map(|value| value.bytes()).map(i64::from).sum();
            // One in six is young: it still waits.
            let young = wait > 30_000 && active.rule.severity == "warning" && sum % 6 == 0;
            active.since -= if young { wait / 2 } else { wait + 20_000 + sum % 600 * 1000 };
        }
        self.scrape(samples.to_vec(), now);
    }

    /// Takes in the samples, then evaluates every rule.
    pub fn scrape(&mut self, mut samples: Vec<Sample>, now: i64) {
        samples.extend(self.alerts.values().flat_map(|active| series_of(active, now)));
        self.tsdb.take(samples, now);
        self.evaluated = now;
        for (at, rule) in self.rules.iter().enumerate() {
            match self.evaluate(at, now) {
                Ok(found) => {
                    self.errors.remove(&at);
                    self.update(at, rule, found, now);
                }
                Err(error) => {
                    self.errors.insert(at, format!("{error:?}"));
                }
            }
        }
    }

    fn evaluate(&self, at: usize, now: i64) -> Result<Vec<(Labels, f64)>, Error> {
        let Some(parsed) = self.parsed.get(at) else { return Ok(Vec::new()) };
        match (Evaluator { tsdb: &self.tsdb, at: now }).value(parsed.as_ref().map_err(Clone::clone)?)? {
            Value::Vector(vector) => Ok(vector),
            Value::Scalar(value) => Ok(vec![(Labels::new(), value)]),
            Value::Matrix(_) | Value::Text(_) => Err(Error::Execution("a rule must give a vector".to_owned())),
        }
    }

    fn update(&mut self, at: usize, rule: &'static Rule, found: Vec<(Labels, f64)>, now: i64) {
        let mut still: BTreeMap<Labels, f64> = BTreeMap::new();
        for (mut labels, value) in found {
            labels.remove("__name__");
            labels.remove("alertstate");
            labels.insert("alertname".to_owned(), rule.alert.to_owned());
            labels.insert("severity".to_owned(), rule.severity.to_owned());
            still.insert(labels, value);
        }
        self.alerts.retain(|(place, labels), _| *place != at || still.contains_key(labels));
        for (labels, value) in still {
            let active = self.alerts.entry((at, labels.clone())).or_insert(Active { rule, labels, since: now, value });
            active.value = value;
        }
    }

    /// The alerts that fire at this time.
    pub fn firing(&self, now: i64) -> impl Iterator<Item = &Active> {
        self.alerts.values().filter(move |active| active.fires_at() <= now)
    }
}

/// `ALERTS` and `ALERTS_FOR_STATE` of an alert.
fn series_of(active: &Active, now: i64) -> [Sample; 2] {
    let mut labels = active.labels.clone();
    labels.insert("__name__".to_owned(), "ALERTS_FOR_STATE".to_owned());
    let since = Sample { labels: labels.clone(), shape: Shape::Gauge(float(active.since / 1000)) };
    let state = if active.fires_at() <= now { "firing" } else { "pending" };
    labels.insert("__name__".to_owned(), "ALERTS".to_owned());
    labels.insert("alertstate".to_owned(), state.to_owned());
    [Sample { labels, shape: Shape::Gauge(1.0) }, since]
}

#[cfg(test)]
mod tests {
    use super::super::rules::{PLATFORM, SLOPILOT};
    use super::*;

    #[test]
    fn every_rule_is_promql_that_the_demo_knows() {
        for rule in PLATFORM.iter().chain(SLOPILOT) {
            assert!(parse(rule.query).is_ok(), "{}: {:?}", rule.alert, parse(rule.query));
        }
    }

    #[test]
    fn an_alert_waits_for_its_time_fires_and_ends_with_its_cause() {
        static RULES: &[Rule] = &[Rule {
            group: "g",
            alert: "Down",
            severity: "warning",
            for_seconds: 30,
            query: "up == 0",
            summary: "{{ $labels.pod }}",
        }];
        let up = |value| Sample {
            labels: Labels::from([("__name__".to_owned(), "up".to_owned()), ("pod".to_owned(), "a".to_owned())]),
            shape: Shape::Gauge(value),
        };
        let mut prometheus = Prometheus::new(RULES);
        prometheus.scrape(vec![up(0.0)], 0);
        assert_eq!((prometheus.alerts.len(), prometheus.firing(15_000).count()), (1, 0));
        assert_eq!(prometheus.firing(30_000).next().map(Active::summary).as_deref(), Some("a"));
        prometheus.scrape(vec![up(1.0)], 45_000);
        assert!(prometheus.alerts.is_empty());
    }
}
