//! Failed runs of one `CronJob` are one finding: that of the newest.

use super::{RuleSpec, row};
use crate::domain::health::Health;
use crate::kinds::alerts::Confidence;
use crate::triage::joins::runs;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "job-runs",
    doc: "A failed run of a CronJob belongs to a later run of it that also failed.",
    symptoms: &["Job", "crash-loop"],
    explain,
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let id = match subject {
        Subject::Group(id) => {
            let Some(group) = scan.group(id).map(|g| &g.group).filter(|g| g.kind == "Job") else { return };
            scan.named("Job", &group.namespace, &group.name)
        }
        _ => row(subject),
    };
    let Some(record) = id.and_then(|id| scan.record(id)) else { return };
    if record.health != Health::Failed {
        return;
    }
    let Some(of) = runs::cron_job(record, &scan.store.strings) else { return };
    let mine = |job: &crate::domain::record::Record| runs::cron_job(job, &scan.store.strings) == Some(of);
    let fails = |job: &crate::domain::record::Record| job.health == Health::Failed;
    let newest = scan.all("Job").filter(|(_, job)| fails(job) && mine(job) && runs::is_later(job, record));
    if let Some((newest, _)) = newest.max_by_key(|(_, job)| runs::order(job)) {
        claims.row(newest, Confidence::Exact, format!("a later run also failed: {}", scan.told(newest.into())));
    }
}
