//! Policy reports: what a policy engine found about an object. Notes, never more severe: an enforced policy refuses the
//! object, and then there is no report of it. Many and seldom looked at, so they are read on demand.
//!
//! Everything is next to the metadata: there is neither spec nor status.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::ending::{self, because, link};
use super::spec::decode_with;
use super::wire::{Many, Meta, Text, Versioned, or_default};
use super::{Api, Decoded, Family, KindSpec, base};
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
/// The policy of the first result that did not pass.
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
    guide: include_str!("../../assets/guides/policy.txt"),
    family: Family::PolicyReport,
    crowd: true,
    ..KindSpec::BASE
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

/// The object that the report is about. Older engines leave it out and name the objects in each result.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Scope {
    api_version: Text,
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

/// The possible results of a rule.
const RESULTS: [&str; 5] = ["pass", "fail", "warn", "error", "skip"];

/// Reads both scopes.
pub fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |report: &Report, intern| read(report, intern))
}

fn read(report: &Report, intern: &mut Interner) -> Record {
    let (meta, summary, scope) = (&report.metadata, &report.summary, &report.scope);
    let mut record = base(meta, intern);
    let listed = |word: &str| i64::try_from(report.results.iter().filter(|f| &*f.result == word).count()).unwrap_or(0);
    // an incomplete summary says nothing about the results
    let counted = |n: Option<i64>, word: &str| n.unwrap_or(0).max(listed(word));
    let (pass, skip) = (counted(summary.pass, "pass"), counted(summary.skip, "skip"));
    let (fail, warn, error) =
        (counted(summary.fail, "fail"), counted(summary.warn, "warn"), counted(summary.error, "error"));
    let odd = report.results.iter().find(|f| !RESULTS.contains(&&*f.result));
    let (health, word) = match (fail, error, warn) {
        (1.., ..) => (Health::Warning, "fail"),
        (0, 1.., _) => (Health::Warning, "error"),
        (0, 0, 1..) => (Health::Warning, "warn"),
        _ if odd.is_some() => (Health::Unknown, "unknown"),
        _ if (pass, skip) == (0, 0) => (Health::Unknown, "empty"),
        _ => (Health::Ok, "pass"),
    };
    (record.health, record.status) = (health, intern.get(word));
    let first = report.results.iter().find(|found| health == Health::Warning && &*found.result == word);
    let first = first.or(odd.filter(|_| health == Health::Unknown));
    record.note = first.map_or_else(Box::default, |f| {
        let rule = if f.rule.is_empty() { f.policy.to_string() } else { format!("{}/{}", &*f.policy, &*f.rule) };
        clean(&because(&rule, &f.message))
    });
    let deleted = ending::mark(&mut record, meta, intern);
    let number = |n: i64| if n == 0 { Cell::None } else { Cell::Int(n) };
    record.cells = Box::new([
        Cell::time(deleted),
        number(pass),
        number(fail),
        number(warn),
        number(error),
        number(skip),
        Cell::text(first.map_or("", |f| &f.policy), intern),
    ]);
    if !scope.name.is_empty() {
        // a scope may leave its namespace out: then it is the report's own
        let space = if scope.namespace.is_empty() { &meta.namespace } else { &scope.namespace };
        let kind = ending::qualified(&scope.kind, ending::group(&scope.api_version));
        record.links = Box::new([link(Relation::About, &kind, space, &scope.name, intern)]);
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
        "unknown" => "a result that is not known".to_owned(),
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
        let all = [("a", "x", "pass"), ("b", "y", "warn"), ("c", "", "error"), ("d", "z", "fail"), ("e", "z", "fail")];
        let counted = all.iter().filter(|(.., word)| summary[*word].as_i64().unwrap_or(0) > 0);
        let results: Vec<Value> = counted.map(|(policy, rule, word)| result(policy, rule, word)).collect();
        seen(
            "polr",
            &json!({"metadata": {"name": "0b0d", "namespace": "alpha", "creationTimestamp": "2026-11-01T00:00:00Z"},
                "scope": scope, "summary": summary, "results": results}),
        )
    }

    #[rstest]
    #[case::no_summary(json!(null), json!(["pass", "fail"]), "fail", "warning P4 1 policy failure: a/x: m")]
    #[case::a_summary_that_leaves_out(json!({"pass": 1}), json!(["pass", "warn"]), "warn", "warning")]
    #[case::nonsense(json!({"fail": -1}), json!(["pass"]), "pass", "ok")]
    #[case::not_known(json!({"pass": 1}), json!(["pass", "blocked"]), "unknown", "unknown P4 a result that is not known: a/x: m")]
    #[case::nothing_said(json!(null), json!([]), "empty", "unknown")]
    #[case::more_than_can_be_counted(json!({"pass": i64::MAX, "skip": 1}), json!([]), "pass", "ok")]
    #[case::counts_alone(json!({"fail": 2}), json!([]), "fail", "warning P4 2 policy failures")]
    fn what_a_summary_does_not_say_its_results_do(
        #[case] summary: Value,
        #[case] results: Value,
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let results: Vec<Value> = results
            .as_array()
            .unwrap()
            .iter()
            .map(|r| json!({"policy": "a", "rule": "x", "result": r, "message": "m"}))
            .collect();
        let seen = seen("polr", &json!({"metadata": {"name": "r"}, "summary": summary, "results": results}));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[rstest]
    #[case::pass(json!({"pass": 3}), "pass", "ok", "")]
    #[case::fail(json!({"pass": 3, "fail": 2, "warn": 1, "error": 1}), "fail", "warning P4 2 policy failures: d/z: m", "d/z: m")]
    #[case::error(json!({"fail": 0, "error": 1, "warn": 1}), "error", "warning P4 1 policy error: c: m", "c: m")]
    #[case::warn(json!({"warn": 1}), "warn", "warning", "b/y: m")]
    #[case::skipped(json!({"skip": 4}), "pass", "ok", "")]
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
