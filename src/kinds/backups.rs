//! Backups: how each run ended, and until when it can be restored.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending::{self, link};
use super::spec::decode_with;
use super::suspender::SuspendedBy;
use super::velero::{self, DONE, ERRORS, START, Status, WARNINGS, progress};
use super::wire::{Object, Text};
use super::{Api, Decoded, KindSpec};
use crate::domain::ages::{Time, go_duration};
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record, Relation};

/// When Velero deletes it.
pub const EXPIRES: u8 = velero::OWN;
/// The schedule that made it.
pub const SCHEDULE: u8 = velero::OWN + 1;
pub const STORAGE: u8 = velero::OWN + 2;

pub const SPEC: KindSpec = KindSpec {
    name: "Backup",
    word: "backups",
    aliases: &["backup"],
    title: "Backups",
    api: Api::Watch { group: "velero.io", versions: &["v1"], plural: "backups", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 8),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Status, 9, 26, 0),
        Column::new("STARTED", Field::Cell(START), 7, 8, 1),
        Column::new("ERRORS", Field::Cell(ERRORS), 6, 6, 2).right(),
        Column::new("WARNINGS", Field::Cell(WARNINGS), 8, 8, 5).right(),
        Column::new("ITEMS", Field::Ranked(progress, |r| r.int(DONE)), 8, 15, 6),
        Column::new("EXPIRES", Field::Left(EXPIRES), 7, 8, 3),
        Column::new("SCHEDULE", Field::Cell(SCHEDULE), 8, 28, 4),
        Column::new("LOCATION", Field::Cell(STORAGE), 8, 20, 7),
        Column::new("MESSAGE", Field::Note, 12, 160, 9),
    ],
    blinds: "backups",
    judge: velero::judge,
    guide: include_str!("../../assets/guides/backup.txt"),
    controller: Some(&velero::CONTROLLER),
    crowd: true,
    asked_whole: true,
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    ttl: Text,
    storage_location: Text,
}

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Object<Spec, Status, SuspendedBy>, intern| read(object, intern))
}

fn read(object: &Object<Spec, Status, SuspendedBy>, intern: &mut Interner) -> Record {
    let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
    let lasting = go_duration(&spec.ttl).filter(|s| *s > 0 && meta.created().is_set());
    let expires = Time::parse(&status.expiration).or_else(|| lasting.map(|s| meta.created().plus(s)));
    let schedule = meta.labels.get("velero.io/schedule-name").unwrap_or_default();
    let label = meta.labels.get("velero.io/storage-location").unwrap_or_default();
    let storage = if spec.storage_location.is_empty() { label } else { &*spec.storage_location };
    let own = [Cell::time(expires), Cell::text(schedule, intern), Cell::text(storage, intern)];
    let mut record = velero::read(meta, status, own, intern);
    let mut links = ending::managers("Backup", meta, intern);
    if !schedule.is_empty() {
        links.push(link(Relation::From, "Schedule", &meta.namespace, schedule, intern));
    }
    if !storage.is_empty() {
        links.push(link(Relation::StoredIn, "BackupStorageLocation", &meta.namespace, storage, intern));
    }
    record.links = links.into();
    record
}
