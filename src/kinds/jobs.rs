//! Jobs: complete, running or failed. The reason of a failure is in its pods.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending::{self, because, words};
use super::wire::{Condition, Conditions, Many, Object, Text};
use super::workload::{self, ratio};
use super::{Alarm, Api, Family, Kind, KindSpec, base, decode, flux};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

/// When it failed, or deletion was requested.
pub const SINCE: u8 = 0;
/// Pods that succeeded, out of the desired ones.
const DONE: u8 = 1;
/// Pods that failed.
pub const FAILED: u8 = 2;
/// When it started.
pub const STARTED: u8 = 3;
/// When it was complete.
pub const COMPLETED: u8 = 4;
/// Pods that exist and have not ended.
pub const ACTIVE: u8 = 5;
/// Seconds that it may take, where it has a deadline.
const DEADLINE: u8 = 6;
/// One of its pods has ended already.
const HAS_BEGUN: u8 = 7;

pub const SPEC: KindSpec = KindSpec {
    name: "Job",
    word: "jobs",
    aliases: &["job"],
    title: "Jobs",
    api: Api::Watch { group: "batch", versions: &["v1"], plural: "jobs", namespaced: true, decode: decode::<Jobs> },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 52, 0),
        Column::new("STATUS", Field::Status, 9, 22, 0),
        Column::new("DONE", Field::Cell(DONE), 5, 7, 1),
        Column::new("FAILED", Field::Cell(FAILED), 6, 6, 3).right(),
        Column::new("AGE", Field::Age, 5, 7, 6),
        Column::new("MESSAGE", Field::Note, 12, 160, 4),
        Column::new("OWNER", Field::With(workload::owner), 12, 40, 5),
        Column::new("COMPLETED", Field::Cell(COMPLETED), 9, 9, 7),
    ],
    blinds: "jobs that failed",
    judge,
    guide: include_str!("../../assets/guides/job.txt"),
    family: Family::PodOwner,
    switch: Some(&flux::IN_SPEC),
    alarm: Alarm::Perhaps("job_name"),
    asked_whole: true,
    owns: &["Pod"],
    ..KindSpec::BASE
};

struct Jobs;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    completions: Option<i64>,
    active_deadline_seconds: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    active: Option<i64>,
    /// Of the active ones; older servers do not report it.
    ready: Option<i64>,
    terminating: Option<i64>,
    succeeded: Option<i64>,
    failed: Option<i64>,
    start_time: Text,
    completion_time: Text,
    conditions: Many<Condition>,
}

impl Kind for Jobs {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let on = |name: &str| status.conditions.of(name).filter(|c| c.is_true());
        // FailureTarget is set while its pods are still being ended: it has failed already
        let failed = on("Failed").or_else(|| on("FailureTarget"));
        let (health, word) = match failed {
            _ if on("Complete").is_some() => (Health::Ok, "Complete"),
            Some(c) => (Health::Failed, if c.reason.is_empty() { "Failed" } else { &*c.reason }),
            None if on("Suspended").is_some() => (Health::Suspended, "Suspended"),
            None if status.start_time.is_empty() => (Health::Progressing, "Waiting"),
            None if status.active.unwrap_or(0) > 0 && status.ready == Some(0) => (Health::Progressing, "NotReady"),
            None if status.active.unwrap_or(0) > 0 => (Health::Progressing, "Running"),
            None => (Health::Progressing, "Starting"),
        };
        (record.health, record.status) = (health, intern.get(word));
        let why = failed.filter(|_| health == Health::Failed);
        record.note = why.map_or_else(Box::default, |c| clean(&c.message));
        let since = ending::mark(&mut record, meta, intern).or_else(|| why.and_then(Condition::since));
        // without a number of completions, one pod that succeeds is enough
        let wanted = spec.completions.unwrap_or(1);
        record.cells = Box::new([
            Cell::time(since),
            ratio(status.succeeded.unwrap_or(0), wanted),
            Cell::Int(status.failed.unwrap_or(0)),
            Cell::time(Time::parse(&status.start_time)),
            Cell::time(Time::parse(&status.completion_time)),
            Cell::Int(status.active.unwrap_or(0)),
            spec.active_deadline_seconds.filter(|s| *s > 0).map_or(Cell::None, Cell::Int),
            Cell::Flag([status.failed, status.succeeded, status.terminating].iter().any(|n| n.unwrap_or(0) > 0)),
        ]);
        record.links = workload::links("Job", meta, intern);
        record
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let judged = Judgement::of(record.health);
    match record.health {
        Health::Terminating => ending::judge(record, since, thresholds, now),
        // a condition that is final: there is nothing to wait for
        Health::Failed => {
            let why = because(&words(strings.get(record.status)), &record.note);
            judged.with(Finding::new(Severity::P3, since, why))
        }
        Health::Progressing => under_way(record, strings, thresholds, now),
        _ => judged,
    }
}

/// A Job may run as long as it likes, unless it has a deadline; but it must be started, and its first pod must get
/// ready.
fn under_way(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    let begun = record.time(STARTED).unwrap_or(record.created);
    let late = |why: &str, grace: i64| ending::after(judged.clone(), begun, grace, Severity::P3, why.to_owned(), now);
    let waits = match strings.get(record.status) {
        "Waiting" => Some("no controller has begun it"),
        // between two attempts it has no pod for a while, and a failing pod says so itself
        "Starting" if !record.flag(HAS_BEGUN) => Some("it has no pod"),
        "NotReady" if !record.flag(HAS_BEGUN) => Some("none of its pods has got ready"),
        _ => None,
    };
    match (waits, record.cell(DEADLINE)) {
        (Some(why), _) => late(why, thresholds.no_progress),
        (None, Cell::Int(own)) => {
            late("it runs longer than its own deadline allows", own.saturating_add(thresholds.reconcile_grace))
        }
        _ => judged,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn job(spec: &Value, conditions: &[(&str, &str)], more: &Value) -> Seen {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(t, r)| {
                json!({"type": t, "status": "True", "reason": r, "message": "m",
                    "lastTransitionTime": "2026-11-21T13:30:00Z"})
            })
            .collect();
        let mut status = more.clone();
        status["conditions"] = conditions.into();
        seen(
            "jobs",
            &json!({"metadata": {"name": "export-1", "namespace": "n", "creationTimestamp": "2026-11-21T13:00:00Z",
                "ownerReferences": [{"kind": "CronJob", "name": "export", "controller": true}]},
                "spec": spec, "status": status}),
        )
    }

    #[rstest]
    #[case::complete(&[("SuccessCriteriaMet", "x"), ("Complete", "CompletionsReached")], "Complete", "ok")]
    #[case::given_up(&[("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")],
        "BackoffLimitExceeded", "failed P3 backoff limit exceeded: m")]
    #[case::too_slow(&[("Failed", "DeadlineExceeded")], "DeadlineExceeded", "failed P3 deadline exceeded: m")]
    #[case::about_to_fail(&[("FailureTarget", "PodFailurePolicy")], "PodFailurePolicy", "failed P3 pod failure policy: m")]
    #[case::no_reason(&[("Failed", "")], "Failed", "failed P3 failed: m")]
    #[case::suspended(&[("Suspended", "JobSuspended")], "Suspended", "suspended")]
    #[case::at_work(&[], "Running", "progressing")]
    #[case::of_a_later_version(&[("Dreaming", "x")], "Running", "progressing")]
    fn a_job_is_what_its_conditions_say(
        #[case] conditions: &[(&str, &str)],
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = job(&json!({}), conditions, &json!({"active": 1, "startTime": "2026-11-21T13:00:01Z"}));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
        assert_eq!(seen.links(), ["Owner CronJob n/export"]);
    }

    #[rstest]
    #[case(json!({"completions": 5, "parallelism": 2}), "2/5")]
    #[case(json!({"parallelism": 3}), "2/1")]
    #[case(json!({}), "2/1")]
    fn completions_are_counted(#[case] spec: Value, #[case] done: &str) {
        let seen = job(&spec, &[], &json!({"succeeded": 2, "failed": 1}));
        assert_eq!(
            (seen.status(), seen.column("DONE").as_str(), seen.column("FAILED").as_str()),
            ("Waiting", done, "1")
        );
    }

    #[rstest]
    #[case::begun_by_nobody(json!({}), json!({}), "Waiting", "warning P3 no controller has begun it")]
    #[case::without_a_pod(json!({}), json!({"startTime": "2026-11-21T13:45:00Z"}), "Starting", "warning P3 it has no pod")]
    #[case::not_ready(json!({}), json!({"startTime": "2026-11-21T13:45:00Z", "active": 1, "ready": 0}), "NotReady",
        "warning P3 none of its pods has got ready")]
    #[case::not_yet(json!({}), json!({"startTime": "2026-11-21T13:45:01Z", "active": 1, "ready": 0}), "NotReady", "progressing")]
    #[case::between_attempts(json!({}), json!({"startTime": "2026-11-21T09:00:00Z", "active": 1, "ready": 0, "failed": 1}), "NotReady",
        "progressing")]
    #[case::at_work_for_hours(json!({}), json!({"startTime": "2026-11-19T12:00:00Z", "active": 1, "ready": 1}), "Running", "progressing")]
    #[case::of_an_older_server(json!({}), json!({"startTime": "2026-11-19T12:00:00Z", "active": 1}), "Running", "progressing")]
    #[case::beyond_its_deadline(json!({"activeDeadlineSeconds": 600}), json!({"startTime": "2026-11-21T13:47:00Z", "active": 1, "ready": 1}),
        "Running", "warning P3 it runs longer than its own deadline allows")]
    #[case::within_it(json!({"activeDeadlineSeconds": 600}), json!({"startTime": "2026-11-21T13:47:01Z", "active": 1, "ready": 1}),
        "Running", "progressing")]
    fn a_job_that_does_not_begin_or_end_has_an_age(
        #[case] spec: Value,
        #[case] status: Value,
        #[case] word: &str,
        #[case] verdict: &str,
    ) {
        let seen = job(&spec, &[], &status);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (word, verdict));
    }

    #[test]
    fn a_job_that_goes_on_after_failures_is_no_finding() {
        let seen = job(&json!({}), &[], &json!({"failed": 2, "startTime": "2026-11-21T13:00:01Z"}));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), ("Starting", "progressing"));
    }
}
