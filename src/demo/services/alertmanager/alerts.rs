//! The alerts that Prometheus has sent, with what suppresses each: a silence, or an alert that inhibits it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::matcher::Matcher;
use super::silences::Silences;
use super::{CLUSTER, time};
use crate::demo::services::Reply;
use crate::demo::services::alerting::Prometheus;
use crate::demo::services::http::{Params, json as reply};
use crate::demo::services::tsdb::Labels;

pub const RECEIVERS: &[&str] = &["null", "default-webhook", "critical-webhook"];

/// As the operator configures it for two replicas of Prometheus: how long an alert lives without news.
const LIVES: i64 = 4 * 60_000;

/// Who inhibits whom: severity of the source, severities of the target, labels that must agree.
const INHIBITS: &[(&str, &str, &[&str], &[&str])] = &[
    ("severity", "critical", &["warning", "info"], &["namespace", "alertname"]),
    ("severity", "warning", &["info"], &["namespace", "alertname"]),
    ("alertname", "InfoInhibitor", &["info"], &["namespace"]),
];

/// The time in milliseconds, and the replica that is asked.
type Asker = (i64, usize);

struct Alert {
    labels: Labels,
    summary: String,
    fingerprint: String,
    started: i64,
    silenced: Vec<String>,
    inhibited: Vec<String>,
}

impl Alert {
    fn receiver(&self) -> &'static str {
        let label = |name: &str| self.labels.get(name).map_or("", String::as_str);
        match (label("alertname"), label("severity")) {
            ("Watchdog" | "InfoInhibitor", _) => "null",
            (_, "critical") => "critical-webhook",
            _ => "default-webhook",
        }
    }

    fn json(&self, updated: i64) -> Json {
        let state = if self.silenced.is_empty() && self.inhibited.is_empty() { "active" } else { "suppressed" };
        let name = self.labels.get("alertname").map_or("", String::as_str);
        json!({ "labels": self.labels, "annotations": { "summary": self.summary }, "fingerprint": self.fingerprint, "startsAt": time(self.started), "endsAt": time(updated + LIVES), "updatedAt": time(updated),
            "generatorURL": format!("http://monitoring-kube-prometheus-prometheus.monitoring:9090/graph?g0.tab=1#{name}"), "receivers": [{ "name": self.receiver() }],
            "status": { "state": state, "silencedBy": self.silenced, "inhibitedBy": self.inhibited, "mutedBy": [] } })
    }
}

/// FNV-1a over names and values, as Alertmanager prints it.
fn fingerprint(labels: &Labels) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in labels.iter().flat_map(|(name, value)| name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

fn all(silences: &Silences, prometheus: &Prometheus, (now, replica): Asker) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = prometheus
        .firing(now)
        .map(|active| {
            let mut labels = active.labels.clone();
            labels.insert(CLUSTER.0.to_owned(), CLUSTER.1.to_owned());
            let muted_by = silences.matching(&labels, now, replica);
            Alert {
                fingerprint: fingerprint(&labels),
                summary: active.summary(),
                started: active.fires_at(),
                silenced: muted_by,
                inhibited: Vec::new(),
                labels,
            }
        })
        .collect();
    let inhibited: Vec<Vec<String>> = alerts
        .iter()
        .map(|target| {
            let sources = alerts
                .iter()
                .filter(|source| source.fingerprint != target.fingerprint && inhibits(&source.labels, &target.labels));
            sources.map(|source| source.fingerprint.clone()).collect()
        })
        .collect();
    for (alert, by) in alerts.iter_mut().zip(inhibited) {
        alert.inhibited = by;
    }
    alerts.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    alerts
}

fn inhibits(source: &Labels, target: &Labels) -> bool {
    INHIBITS.iter().any(|(label, value, severities, equal)| {
        source.get(*label).is_some_and(|found| found == value)
            && target.get("severity").is_some_and(|severity| severities.contains(&severity.as_str()))
            && equal.iter().all(|name| source.get(*name) == target.get(*name))
    })
}

/// Those that the parameters ask for.
fn asked(silences: &Silences, prometheus: &Prometheus, now: Asker, params: &Params) -> Result<Vec<Alert>, Reply> {
    let bad = |message: String| reply(400, &json!(message));
    let filters: Vec<Matcher> = params.all("filter").map(Matcher::of_filter).collect::<Result<_, _>>().map_err(bad)?;
    let receiver =
        params.get("receiver").map(|text| Matcher::new("receiver", text, true, true)).transpose().map_err(bad)?;
    let mut alerts = all(silences, prometheus, now);
    alerts.retain(|alert| {
        let (muted, inhibited) = (!alert.silenced.is_empty(), !alert.inhibited.is_empty());
        let shown = (params.on_unless_false("silenced") || !muted)
            && (params.on_unless_false("inhibited") || !inhibited)
            && (params.on_unless_false("active") || muted || inhibited);
        shown
            && filters.iter().all(|m| m.fits(&alert.labels))
            && receiver.as_ref().is_none_or(|m| m.fits_text(alert.receiver()))
    });
    Ok(alerts)
}

pub fn list(silences: &Silences, prometheus: &Prometheus, now: Asker, params: &Params) -> Reply {
    match asked(silences, prometheus, now, params) {
        Ok(alerts) => {
            reply(200, &json!(alerts.iter().map(|alert| alert.json(prometheus.evaluated)).collect::<Vec<_>>()))
        }
        Err(refusal) => refusal,
    }
}

pub fn groups(silences: &Silences, prometheus: &Prometheus, now: Asker, params: &Params) -> Reply {
    let alerts = match asked(silences, prometheus, now, params) {
        Ok(alerts) => alerts,
        Err(refusal) => return refusal,
    };
    let mut groups: BTreeMap<(Labels, &str), Vec<Json>> = BTreeMap::new();
    for alert in &alerts {
        let by = alert.labels.iter().filter(|(name, _)| matches!(name.as_str(), "namespace" | "alertname"));
        let key = by.map(|(name, value)| (name.clone(), value.clone())).collect();
        groups.entry((key, alert.receiver())).or_default().push(alert.json(prometheus.evaluated));
    }
    let shown: Vec<Json> = groups.into_iter().map(|((labels, receiver), alerts)| json!({ "labels": labels, "receiver": { "name": receiver }, "alerts": alerts })).collect();
    reply(200, &json!(shown))
}
