//! Policy reports: what a policy engine found about an object. Notes, never louder: a policy that must not be broken
//! refuses the object, and then there is no report of it. Many and seldom looked at, so they are read on demand.
//!
//! Everything stands beside the metadata: there is neither spec nor status.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::ending::{self, because, link};
use super::wire::{Many, Meta, Text, Versioned, or_default};
use super::{Api, Decoded, KindSpec, base, decode_with};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

const DELETED: u8 = 0;
pub const PASS: u8 = 1;
pub const FAIL: u8 = 2;
pub const WARN: u8 = 3;
/// Rules that could not be evaluated.
pub const ERROR: u8 = 4;
const SKIP: u8 = 5;
/// The policy of the first result that is not well.
pub const POLICY: u8 = 6;

pub const GROUP: &str = "wgpolicyk8s.io";

pub const COLUMNS: &[Column] = &[
    Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
    Column::new("ABOUT", Field::With(about), 20, 56, 1),
    Column::new("STATUS", Field::Status, 6, 8, 0),
    Column::new("FAIL", Field::Cell(FAIL), 4, 5, 3).right(),
    Column::new("WARN", Field::Cell(WARN), 4, 5, 6).right(),
    Column::new("ERROR", Field::Cell(ERROR), 5, 5, 7).right(),
    Column::new("PASS", Field::Cell(PASS), 4, 5, 8).right(),
    Column::new("MESSAGE", Field::Note, 12, 160, 4),
    Column::new("AGE", Field::Age, 5, 7, 5),
    Column::new("SKIP", Field::Cell(SKIP), 4, 5, 10).right(),
    Column::new("NAME", Field::Name, 12, 40, 9),
];

pub const SPEC: KindSpec = KindSpec {
    name: "PolicyReport",
    word: "polr",
    aliases: &["policyreports"],
    title: "Policy reports",
    api: Api::Watch { group: GROUP, versions: &["v1alpha2"], plural: "policyreports", namespaced: true, decode },
    columns: COLUMNS,
    blinds: "which objects break a policy",
    judge,
    lazy: true,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    #[serde(deserialize_with = "or_default")]
    metadata: Meta,
    #[serde(deserialize_with = "or_default")]
    scope: Scope,
    #[serde(deserialize_with = "or_default")]
    summary: Summary,
    results: Many<Found>,
}

impl Versioned for Report {
    fn version(&self) -> &str {
        &self.metadata.resource_version
    }
}

/// What the report is about. Older engines leave it out and name the objects in each result.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scope {
    kind: Text,
    namespace: Text,
    name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Summary {
    pass: Option<i64>,
    fail: Option<i64>,
    warn: Option<i64>,
    error: Option<i64>,
    skip: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Found {
    policy: Text,
    rule: Text,
    result: Text,
    message: Text,
}

/// Reads both scopes.
pub fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, |report: &Report| read(report, intern))
}

fn read(report: &Report, intern: &mut Interner) -> Record {
    let (meta, summary, scope) = (&report.metadata, &report.summary, &report.scope);
    let mut record = base(meta, intern);
    let counted = |n: Option<i64>| n.unwrap_or(0).max(0);
    let (fail, warn, error) = (counted(summary.fail), counted(summary.warn), counted(summary.error));
    let (health, word) = match (fail, error, warn) {
        (1.., ..) => (Health::Warning, "fail"),
        (0, 1.., _) => (Health::Warning, "error"),
        (0, 0, 1..) => (Health::Warning, "warn"),
        _ => (Health::Ok, "pass"),
    };
    (record.health, record.status) = (health, intern.get(word));
    let first = report.results.iter().find(|found| health != Health::Ok && &*found.result == word);
    record.note = first.map_or_else(Box::default, |f| {
        let rule = if f.rule.is_empty() { f.policy.to_string() } else { format!("{}/{}", &*f.policy, &*f.rule) };
        clean(&because(&rule, &f.message))
    });
    let deleted = ending::mark(&mut record, meta, intern);
    let number = |n: i64| if n == 0 { Cell::None } else { Cell::Int(n) };
    record.cells = Box::new([
        Cell::time(deleted),
        number(counted(summary.pass)),
        number(fail),
        number(warn),
        number(error),
        number(counted(summary.skip)),
        Cell::text(first.map_or("", |f| &f.policy), intern),
    ]);
    if !scope.name.is_empty() {
        // a scope may leave its namespace out: it is the report's own then
        let space = if scope.namespace.is_empty() { &meta.namespace } else { &scope.namespace };
        record.links = Box::new([link(Relation::About, &scope.kind, space, &scope.name, intern)]);
    }
    record
}

/// `Deployment/web`, or the report's own name when it does not say.
fn about(record: &Record, show: &Show<'_>, out: &mut String) {
    match record.link(Relation::About) {
        Some(link) => {
            out.push_str(show.strings.get(link.kind));
            out.push('/');
            out.push_str(show.strings.get(link.name));
        }
        None => out.push_str(&record.name),
    }
}

pub fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    if record.health == Health::Terminating {
        return ending::judge(record, record.time(DELETED), thresholds, now);
    }
    let judged = Judgement::of(record.health);
    let many = |n: i64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let what = match strings.get(record.status) {
        "fail" => many(record.int(FAIL), "policy failure"),
        "error" => many(record.int(ERROR), "policy error"),
        _ => return judged,
    };
    judged.with(Finding::new(Severity::P4, None, because(&what, &record.note)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn report(summary: &Value, scope: &Value) -> Seen {
        let result = |policy: &str, rule: &str, result: &str| json!({"policy": policy, "rule": rule, "result": result, "message": "m"});
        seen(
            "polr",
            &json!({"metadata": {"name": "0b0d", "namespace": "alpha", "creationTimestamp": "2026-11-01T00:00:00Z"},
                "scope": scope, "summary": summary,
                "results": [result("a", "x", "pass"), result("b", "y", "warn"), result("c", "", "error"), result("d", "z", "fail"),
                    result("e", "z", "fail")]}),
        )
    }

    #[rstest]
    #[case::pass(json!({"pass": 3}), "pass", "ok", "")]
    #[case::fail(json!({"pass": 3, "fail": 2, "warn": 1, "error": 1}), "fail", "warning P4 2 policy failures: d/z: m", "d/z: m")]
    #[case::error(json!({"fail": 0, "error": 1, "warn": 1}), "error", "warning P4 1 policy error: c: m", "c: m")]
    #[case::warn(json!({"warn": 1}), "warn", "warning", "b/y: m")]
    #[case::skipped(json!({"skip": 4}), "pass", "ok", "")]
    #[case::empty(json!(null), "pass", "ok", "")]
    #[case::nonsense(json!({"fail": -1}), "pass", "ok", "")]
    fn a_report_is_a_note_that_names_the_first_rule_that_fails(
        #[case] summary: Value,
        #[case] status: &str,
        #[case] verdict: &str,
        #[case] note: &str,
    ) {
        let seen = report(&summary, &json!(null));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str(), &*seen.record.note), (status, verdict, note));
        assert!(seen.judged(NOW).findings.iter().all(|f| !f.muted));
    }

    #[rstest]
    #[case(json!({"kind": "Pod", "namespace": "alpha", "name": "web-0"}), "Pod/web-0", &["About Pod alpha/web-0"])]
    #[case(json!({"kind": "Pod", "name": "web-0"}), "Pod/web-0", &["About Pod alpha/web-0"])]
    #[case(json!(null), "0b0d", &[])]
    fn a_report_is_linked_to_what_it_is_about(#[case] scope: Value, #[case] about: &str, #[case] links: &[&str]) {
        let seen = report(&json!({"pass": 1}), &scope);
        assert_eq!(seen.column("ABOUT"), about);
        assert_eq!(seen.links(), links);
    }

    #[test]
    fn a_report_that_cannot_be_read_still_tells_its_name() {
        let mut intern = crate::domain::interner::Interner::default();
        let bad = super::decode(r#"{"metadata": {"name": "r", "resourceVersion": "7"}, "summary": "x"}"#, &mut intern);
        assert_eq!((bad.version.as_str(), &*bad.record.unwrap_err().name), ("7", "r"));
    }
}
