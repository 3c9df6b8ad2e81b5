//! A `CronJob` that misses its runs because the previous run hangs or fails: that Job is what has to be fixed.

use super::{RuleSpec, row};
use crate::domain::health::Health;
use crate::kinds::alerts::Confidence;
use crate::kinds::cron_jobs;
use crate::triage::joins::runs;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "cron-job",
    doc: "A CronJob misses its runs because the Job of the last one has not ended.",
    symptoms: &["CronJob"],
    explain,
    next: &["events", "logs"],
    next_for: &["CronJob"],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some(record) = row(subject).and_then(|id| scan.record(id)) else { return };
    if record.time(cron_jobs::DUE).is_none() || record.health == Health::Suspended {
        return;
    }
    let name = (record.namespace, &*record.name);
    let strings = &scan.store.strings;
    let is_its = |job: &crate::domain::record::Record| {
        runs::cron_job(job, strings).is_some_and(|(namespace, of)| (namespace, strings.get(of)) == name)
    };
    let runs = scan.all("Job").filter(|(_, job)| is_its(job));
    let Some((newest, job)) = runs.max_by_key(|(_, job)| runs::order(job)) else { return };
    if job.health == Health::Progressing && scan.finding(newest).is_some() {
        let why = format!("the previous run has not ended: {}", scan.told(newest.into()));
        claims.row(newest, Confidence::Exact, why);
    }
}
