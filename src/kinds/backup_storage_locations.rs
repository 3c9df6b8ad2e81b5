//! `BackupStorageLocations`: whether backups can be stored.
//!
//! Velero validates each location every minute; when it stops doing so, the last result no longer counts.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::ending::{self, because};
use super::wire::{Object, Text, or_default};
use super::{Api, Kind, KindSpec, base, decode};
use crate::domain::ages::{Time, go_duration};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::redact;
use crate::domain::thresholds::Thresholds;

const VALIDATED: u8 = 0;
/// From this time on the last validation is too old; none when validation is switched off.
const STALE_AT: u8 = 1;
const PROVIDER: u8 = 2;
const BUCKET: u8 = 3;
/// `ReadWrite` or `ReadOnly`.
pub const ACCESS: u8 = 4;
/// Backups that name no location go here.
pub const DEFAULT: u8 = 5;
const SYNCED: u8 = 6;
const DELETED: u8 = 7;

/// Velero's own default, and how many validations may be missing.
const VALIDATION: i64 = 60;
const MISSING: i64 = 5;

pub const SPEC: KindSpec = KindSpec {
    name: "BackupStorageLocation",
    word: "bsl",
    aliases: &["bsls", "backupstoragelocation", "backupstoragelocations"],
    title: "BackupStorageLocations",
    api: Api::Watch {
        group: "velero.io",
        versions: &["v1"],
        plural: "backupstoragelocations",
        namespaced: true,
        decode: decode::<Locations>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 6),
        Column::new("NAME", Field::Name, 12, 48, 0),
        Column::new("STATUS", Field::With(status), 9, 20, 0),
        Column::new("VALIDATED", Field::Cell(VALIDATED), 9, 9, 1),
        Column::new("ACCESS", Field::Cell(ACCESS), 9, 9, 2),
        Column::new("DEFAULT", Field::Cell(DEFAULT), 7, 7, 3),
        Column::new("PROVIDER", Field::Cell(PROVIDER), 8, 12, 7),
        Column::new("BUCKET", Field::Cell(BUCKET), 8, 32, 5),
        Column::new("MESSAGE", Field::Note, 12, 160, 4),
        Column::new("SYNCED", Field::Cell(SYNCED), 7, 7, 8).wide(),
        Column::new("AGE", Field::Age, 5, 7, 9),
    ],
    blinds: "where backups are stored",
    judge,
    guide: include_str!("../../assets/guides/backup.txt"),
    ..KindSpec::BASE
};

struct Locations;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    default: Option<bool>,
    access_mode: Text,
    provider: Text,
    validation_frequency: Text,
    #[serde(deserialize_with = "or_default")]
    object_storage: ObjectStorage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ObjectStorage {
    bucket: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Text,
    message: Text,
    last_validation_time: Text,
    last_synced_time: Text,
}

impl Kind for Locations {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let access = if spec.access_mode.is_empty() { "ReadWrite" } else { &*spec.access_mode };
        let closed = spec.default == Some(true) && access == "ReadOnly";
        (record.health, record.status) = match &*status.phase {
            "Available" if closed => (Health::Warning, intern.get("ReadOnly")),
            "Available" => (Health::Ok, intern.get("Available")),
            "Unavailable" => (Health::Failed, intern.get("Unavailable")),
            "" => (Health::Unknown, intern.get("Waiting")),
            other => (Health::Unknown, intern.get(other)),
        };
        record.note = clean(&redact::urls(&status.message));
        let deleted = ending::mark(&mut record, meta, intern);
        let validated = Time::parse(&status.last_validation_time);
        let stale = validated.zip(patience(&spec.validation_frequency)).map(|(at, patience)| at.plus(patience));
        record.cells = Box::new([
            Cell::time(validated),
            Cell::time(stale),
            Cell::text(&spec.provider, intern),
            Cell::text(&spec.object_storage.bucket, intern),
            Cell::text(access, intern),
            Cell::Flag(spec.default == Some(true)),
            Cell::time(Time::parse(&status.last_synced_time)),
            Cell::time(deleted),
        ]);
        record.links = ending::managers("BackupStorageLocation", meta, intern).into();
        record
    }
}

/// How many seconds after a validation the next one counts as missed, by the validation interval; none where validation
/// is switched off.
pub fn patience(frequency: &str) -> Option<i64> {
    let every = go_duration(frequency).unwrap_or(VALIDATION);
    (every > 0).then(|| every.max(VALIDATION).saturating_mul(MISSING))
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let stale_at = record.time(STALE_AT);
    let silent = stale_at.filter(|at| now >= *at);
    let found = |health: Health, severity: Severity, since: Option<Time>, why: String| {
        Judgement::of(health).with(Finding::new(severity, since, why))
    };
    let told = match record.health {
        Health::Terminating => return ending::judge(record, record.time(DELETED), thresholds, now),
        Health::Failed => found(Health::Failed, Severity::P2, None, because("unavailable", &record.note)),
        Health::Ok | Health::Warning if silent.is_some() => found(
            Health::Stale,
            Severity::P2,
            record.time(VALIDATED),
            "no longer validated, Velero is silent".to_owned(),
        ),
        Health::Warning => found(Health::Warning, Severity::P3, None, "the default location is read-only".to_owned()),
        Health::Unknown => {
            let ends = record.created.plus(thresholds.reconcile_grace);
            if now < ends {
                return Judgement::of(Health::Unknown).again_at(ends);
            }
            let what = match strings.get(record.status) {
                "Waiting" => "never validated".to_owned(),
                phase => format!("unknown phase {phase}"),
            };
            found(Health::Unknown, Severity::P3, None, because(&what, &record.note))
        }
        other => Judgement::of(other),
    };
    stale_at.filter(|at| now < *at).into_iter().fold(told, Judgement::again_at)
}

fn status(record: &Record, show: &Show<'_>, out: &mut String) {
    out.push_str(show.strings.get(record.status));
    let silent = record.time(STALE_AT).is_some_and(|at| show.now >= at);
    if silent && record.health != Health::Terminating {
        out.push_str(" (stale)");
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, at, seen};

    #[rstest]
    #[case::fine(json!({}), json!({"phase": "Available", "lastValidationTime": "2026-11-21T13:59:00Z"}), "Available", "ok")]
    #[case::down(json!({}), json!({"phase": "Unavailable", "message": "dial 'https://k:s@s3.example/b': refused"}), "Unavailable",
        "failed P2 unavailable: dial 'https://s3.example/b': refused")]
    #[case::silent(json!({}), json!({"phase": "Available", "lastValidationTime": "2026-11-21T13:55:00Z"}), "Available (stale)",
        "stale P2 no longer validated, Velero is silent")]
    #[case::rarely(json!({"validationFrequency": "1h"}), json!({"phase": "Available", "lastValidationTime": "2026-11-21T10:00:00Z"}),
        "Available", "ok")]
    #[case::never(json!({"validationFrequency": "0s"}), json!({"phase": "Available", "lastValidationTime": "2026-01-01T00:00:00Z"}),
        "Available", "ok")]
    #[case::closed(json!({"accessMode": "ReadOnly", "default": true}), json!({"phase": "Available"}), "ReadOnly",
        "warning P3 the default location is read-only")]
    #[case::archive(json!({"accessMode": "ReadOnly"}), json!({"phase": "Available"}), "Available", "ok")]
    #[case::new(json!({}), Value::Null, "Waiting", "unknown P3 never validated")]
    #[case::of_a_later_version(json!({}), json!({"phase": "Degraded", "message": "slow"}), "Degraded",
        "unknown P3 unknown phase Degraded: slow")]
    fn a_location_counts_only_while_it_is_validated(
        #[case] spec: Value,
        #[case] status: Value,
        #[case] word: &str,
        #[case] verdict: &str,
    ) {
        let seen = seen(
            "bsl",
            &json!({"metadata": {"name": "default", "namespace": "velero",
            "creationTimestamp": "2026-11-01T00:00:00Z"}, "spec": spec, "status": status}),
        );
        assert_eq!((seen.column("STATUS").as_str(), seen.verdict(NOW).as_str()), (word, verdict));
    }

    #[test]
    fn silence_is_noticed_when_it_begins() {
        let seen =
            seen("bsl", &json!({"status": {"phase": "Available", "lastValidationTime": "2026-11-21T13:59:00Z"}}));
        assert_eq!(seen.judged(NOW).recheck, Some(at("2026-11-21T14:04:00Z")));
    }
}
