//! Quotas: which resource of a namespace is nearest to its limit. What counts is the pods' requests, not their usage.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending;
use super::wire::{Object, Text, or_default};
use super::workload;
use super::{Alarm, Api, Kind, KindSpec, base, decode};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::quantity::Quantity;
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

const DELETED: u8 = 0;
/// The resource that is nearest to its limit: `requests.cpu`.
pub const FULLEST: u8 = 1;
/// How much of its limit is used, in percent.
pub const PERCENT: u8 = 2;
/// How many resources are limited.
const LIMITS: u8 = 3;

/// Percent of a limit from which it is nearly full.
const NEARLY: i64 = 90;
const FULL: i64 = 100;

pub const SPEC: KindSpec = KindSpec {
    name: "ResourceQuota",
    word: "quota",
    aliases: &["quotas", "resourcequotas"],
    title: "Quotas",
    api: Api::Watch {
        group: "",
        versions: &["v1"],
        plural: "resourcequotas",
        namespaced: true,
        decode: decode::<Quotas>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 32, 0),
        Column::new("NAME", Field::Name, 12, 40, 0),
        Column::new("STATUS", Field::Status, 10, 12, 0),
        Column::new("USED%", Field::Cell(PERCENT), 5, 6, 1).right(),
        Column::new("FULLEST", Field::Cell(FULLEST), 12, 36, 2),
        Column::new("MESSAGE", Field::Note, 16, 160, 3),
        Column::new("LIMITS", Field::Cell(LIMITS), 6, 6, 5).right(),
        Column::new("AGE", Field::Age, 5, 7, 4),
    ],
    blinds: "quotas that are full",
    judge,
    guide: include_str!("../../assets/guides/quota.txt"),
    alarm: Alarm::Perhaps("resourcequota"),
    ..KindSpec::BASE
};

struct Quotas;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    hard: BTreeMap<Box<str>, Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "or_default")]
    hard: BTreeMap<Box<str>, Text>,
    #[serde(deserialize_with = "or_default")]
    used: BTreeMap<Box<str>, Text>,
}

struct Use<'a> {
    key: &'a str,
    used: &'a str,
    hard: &'a str,
    percent: i64,
}

impl Status {
    /// The fullest first. A limit of 0 forbids something: it is full only when there is some of it all the same.
    fn uses(&self) -> Vec<Use<'_>> {
        let mut uses: Vec<Use<'_>> = Vec::with_capacity(self.hard.len());
        for (key, hard) in &self.hard {
            let used = self.used.get(key).map_or("0", |used| used);
            let (Some(of), Some(all)) = (Quantity::parse(used), Quantity::parse(hard)) else { continue };
            if !(of.is_zero() && all.is_zero()) {
                uses.push(Use { key, used, hard, percent: of.percent_of(all) });
            }
        }
        // stable, so equals stay in the order of their names
        uses.sort_by_key(|one| std::cmp::Reverse(one.percent));
        uses
    }
}

impl Status {
    /// A limit, or its usage, that is no quantity.
    fn unread(&self) -> Option<&str> {
        let is_read = |text: &Text| Quantity::parse(text).is_some();
        let broken = |(key, hard): &(&str, &Text)| !is_read(hard) || !self.used.get(*key).is_none_or(is_read);
        self.hard.iter().map(|(key, hard)| (&**key, hard)).find(broken).map(|(key, _)| key)
    }
}

impl Kind for Quotas {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, status) = (&object.metadata, &object.status);
        let mut record = base(meta, intern);
        let uses = status.uses();
        let percent = uses.first().map_or(0, |fullest| fullest.percent);
        let unread = status.unread();
        let (health, word) = match percent {
            // before its controller has counted, nothing is known
            _ if status.hard.is_empty() && !object.spec.hard.is_empty() => (Health::Unknown, "Waiting"),
            FULL.. => (Health::Failed, "Full"),
            NEARLY.. => (Health::Warning, "NearlyFull"),
            _ if unread.is_some() => (Health::Unknown, "Unknown"),
            _ => (Health::Ok, "Within"),
        };
        (record.health, record.status) = (health, intern.get(word));
        let least = if percent >= NEARLY { NEARLY } else { percent };
        let told = uses.iter().take_while(|one| one.percent >= least).take(4);
        let told: Vec<String> = told.map(|one| format!("{} {} of {}", one.key, one.used, one.hard)).collect();
        record.note = clean(&match unread.filter(|_| health == Health::Unknown) {
            Some(key) => format!("its {key} is no quantity"),
            None => told.join(", "),
        });
        let deleted = ending::mark(&mut record, meta, intern);
        record.cells = Box::new([
            Cell::time(deleted),
            Cell::text(uses.first().map_or("", |fullest| fullest.key), intern),
            if uses.is_empty() { Cell::None } else { Cell::Int(percent.min(999)) },
            Cell::Int(i64::try_from(status.hard.len()).unwrap_or(i64::MAX)),
        ]);
        record.links = workload::links("ResourceQuota", meta, intern);
        record
    }
}

fn judge(record: &Record, _: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    match record.health {
        Health::Terminating => ending::judge(record, record.time(DELETED), thresholds, now),
        // nothing more can be created there
        Health::Failed => judged.with(Finding::new(Severity::P3, None, format!("full: {}", record.note))),
        Health::Warning => judged.with(Finding::new(Severity::P4, None, format!("nearly full: {}", record.note))),
        Health::Unknown => {
            let ends = record.created.plus(thresholds.reconcile_grace);
            let why = if record.note.is_empty() { "nobody counts what is used" } else { &*record.note };
            if now < ends { judged.again_at(ends) } else { judged.with(Finding::new(Severity::P4, None, why)) }
        }
        _ => judged,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn quota(hard: &Value, used: &Value) -> Seen {
        seen(
            "quota",
            &json!({"metadata": {"name": "team", "namespace": "beta", "creationTimestamp": "2026-11-01T00:00:00Z"},
                "spec": {"hard": hard}, "status": {"hard": hard, "used": used}}),
        )
    }

    #[rstest]
    #[case::within(json!({"pods": "20", "cpu": "4"}), json!({"pods": "5", "cpu": "3500m"}), "Within", "cpu", "87", "ok")]
    #[case::not_yet_nearly(json!({"cpu": "4"}), json!({"cpu": "3599m"}), "Within", "cpu", "89", "ok")]
    #[case::nearly(json!({"pods": "20", "cpu": "4"}), json!({"pods": "5", "cpu": "3600m"}), "NearlyFull", "cpu", "90",
        "warning P4 nearly full: cpu 3600m of 4")]
    #[case::full(json!({"pods": "20", "cpu": "4"}), json!({"pods": "20", "cpu": "3800m"}), "Full", "pods", "100",
        "failed P3 full: pods 20 of 20, cpu 3800m of 4")]
    #[case::over(json!({"memory": "1Gi"}), json!({"memory": "2048Mi"}), "Full", "memory", "200",
        "failed P3 full: memory 2048Mi of 1Gi")]
    #[case::forbidden_and_there_is_none(json!({"services.loadbalancers": "0", "pods": 10}), json!({
        "services.loadbalancers": "0", "pods": 1}), "Within", "pods", "10", "ok")]
    #[case::forbidden_and_there_is_some(json!({"services.loadbalancers": "0"}), json!({"services.loadbalancers": "1"}),
        "Full", "services.loadbalancers", "999", "failed P3 full: services.loadbalancers 1 of 0")]
    #[case::not_counted(json!({"pods": "10"}), json!({}), "Within", "pods", "0", "ok")]
    #[case::in_words(json!({"pods": "many"}), json!({"pods": "1"}), "Unknown", "", "", "unknown P4 its pods is no quantity")]
    #[case::in_words_and_full(json!({"pods": "many", "cpu": "1"}), json!({"pods": "1", "cpu": "1"}), "Full", "cpu", "100",
        "failed P3 full: cpu 1 of 1")]
    fn the_fullest_limit_decides(
        #[case] hard: Value,
        #[case] used: Value,
        #[case] status: &str,
        #[case] fullest: &str,
        #[case] percent: &str,
        #[case] verdict: &str,
    ) {
        let seen = quota(&hard, &used);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
        assert_eq!((seen.column("FULLEST").as_str(), seen.column("USED%").as_str()), (fullest, percent));
    }

    #[test]
    fn a_quota_that_nobody_counts_is_not_green() {
        let object = json!({"metadata": {"name": "q", "creationTimestamp": "2026-11-21T13:59:00Z"},
            "spec": {"hard": {"pods": "1"}}});
        assert_eq!(seen("quota", &object).verdict(NOW), "unknown");
        assert_eq!(seen("quota", &object).verdict("2026-11-21T14:02:00Z"), "unknown P4 nobody counts what is used");
    }
}
