//! A backup location that cannot be reached fails every backup that goes there, and the schedules that make them.

use super::{Explained, RuleSpec, row};
use crate::domain::health::{Health, Severity};
use crate::domain::record::{Record, Relation};
use crate::kinds::alerts::Confidence;
use crate::kinds::{backups, schedules, silences};
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "backup-location",
    doc: "Backups and schedules fail because their backup location is not available.",
    symptoms: &["Backup", "Schedule", "Restore"],
    explain,
    weigh: Some(weigh),
    next: &[],
    next_for: &[],
    ..RuleSpec::BASE
};

/// Without a way back, maintenance is a risk: while a window is open it is urgent.
fn weigh(scan: &Scan<'_>, root: Subject, _: Explained) -> Option<Severity> {
    let id = row(root).filter(|id| scan.kind(*id) == "BackupStorageLocation")?;
    let silence = |record: &Record| {
        !record.sym(silences::WINDOW).is_empty() && scan.text(record.status) == silences::State::Active.word()
    };
    let open = scan.all("Silence").any(|(_, record)| silence(record));
    (open && scan.health(id) == Health::Failed).then_some(Severity::P1)
}

/// Velero checks the location every minute, so a run may fail that much before the location is marked.
const SLACK: i64 = 300;

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    let Some((id, record)) = row(subject).and_then(|id| Some((id, scan.record(id)?))) else { return };
    let strings = &scan.store.strings;
    let namespace = scan.namespace(record);
    let name = match scan.kind(id) {
        "Backup" => record.text(backups::STORAGE, strings),
        "Schedule" => match record.text(schedules::STORAGE, strings) {
            // Velero's own name for the location that is used when none is named
            "" => "default",
            name => name,
        },
        // a restore reads from where its backup is
        _ => {
            let backup = scan.linked(record, Relation::From).next().and_then(|id| scan.record(id));
            backup.map_or("", |r| r.text(backups::STORAGE, strings))
        }
    };
    let Some(place) = scan.named("BackupStorageLocation", namespace, name) else { return };
    let down = scan.finding(place).and_then(|f| f.since);
    let since = scan.finding(id).and_then(|f| f.since);
    // a paused or refused schedule has a reason of its own
    let own = scan.kind(id) == "Schedule"
        && matches!(scan.record(id).map(|r| r.health), Some(Health::Suspended | Health::Failed));
    // Velero does not say since when a location is unavailable: an old failure had another reason
    let news = scan.finding(id).is_some_and(|f| f.severity < Severity::P4);
    let follows = if down.is_some() { scan.follows(since, down, SLACK) } else { news };
    if scan.health(place) == Health::Failed && !own && (scan.kind(id) == "Schedule" || follows) {
        let confidence = if down.is_some() { Confidence::Exact } else { Confidence::Likely };
        claims.row(place, confidence, format!("it is kept in {name}, which is not available"));
    }
}
