//! One run that does not end holds up all others of its server: Velero processes them one after another.

use super::{RuleSpec, row};
use crate::domain::health::Health;
use crate::domain::record::{Record, Relation};
use crate::kinds::alerts::Confidence;
use crate::kinds::{joined, velero};
use crate::store::RowId;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "backup-queue",
    doc: "Backups that wait, and the schedules that lack them, are held up by a backup that does not end; so are restores.",
    symptoms: &["Backup", "Restore", "Schedule"],
    explain,
    next: &["backup-logs"],
    next_for: &["Backup"],
    ..RuleSpec::BASE
};

/// A run is missed from its due time on, and the run that holds it up may have started a little later.
const SLACK: i64 = 3600;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let kind = scan.kind(id);
    let runs = if kind == "Schedule" { "Backup" } else { kind };
    let Some((root, stuck)) = stuck(scan, runs, record) else { return };
    let held = match kind {
        // a schedule that is paused, refused or not understood lacks its runs for that reason
        "Schedule" if matches!(record.health, Health::Suspended | Health::Failed | Health::Unknown) => false,
        "Schedule" => is_of(scan, stuck, record) || lacks_runs(scan, record, stuck),
        _ => is_behind(scan, record, stuck),
    };
    if held {
        let told = scan.told(root.into());
        claims.row(root, Confidence::Exact, format!("{told} does not end, and the server works on one after another"));
    }
}

/// The oldest run of a kind in the same place that has occupied the server for too long.
fn stuck<'a>(scan: &Scan<'a>, kind: &str, of: &Record) -> Option<(RowId, &'a Record)> {
    let is_stuck = |id: RowId, run: &Record| {
        run.namespace == of.namespace && velero::holds_others(scan.text(run.status)) && scan.finding(id).is_some()
    };
    let all = scan.all(kind).filter(|(id, run)| is_stuck(*id, run));
    all.min_by_key(|(_, run)| (velero::begun(run), run.uid))
}

/// Whether a run is of this schedule.
fn is_of(scan: &Scan<'_>, run: &Record, schedule: &Record) -> bool {
    let mut from = run.links.iter().filter(|l| l.relation == Relation::From);
    from.any(|l| l.namespace == schedule.namespace && scan.text(l.name) == &*schedule.name)
}

/// Whether all that is wrong with a schedule is that its runs wait behind this one, or were missed since it began. A
/// run that failed did so by itself, and backups that are missing or not kept do not come from a queue.
fn lacks_runs(scan: &Scan<'_>, schedule: &Record, stuck: &Record) -> bool {
    let (strings, thresholds) = (&scan.store.strings, scan.settings.thresholds);
    let own: Vec<&Record> = scan.all("Backup").map(|(_, run)| run).filter(|run| is_of(scan, run, schedule)).collect();
    let state = joined::schedule_state(schedule, own.iter().copied(), strings, thresholds, scan.now);
    let is_bad = |run: &Record| matches!(run.health, Health::Failed | Health::Warning | Health::Unknown);
    let fails = own.iter().any(|run| is_bad(run) && state.last_good.is_none_or(|good| velero::begun(run) > good));
    if state.missed + state.bad_in_a_row == 0 || state.gone || fails {
        return false;
    }
    match state.first_missed {
        Some(at) => at.plus(SLACK) >= velero::begun(stuck),
        None => own.iter().any(|run| is_behind(scan, run, stuck)),
    }
}

fn is_behind(scan: &Scan<'_>, run: &Record, stuck: &Record) -> bool {
    velero::waits(scan.text(run.status)) && run.created >= velero::begun(stuck)
}
