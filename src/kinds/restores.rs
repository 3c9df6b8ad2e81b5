//! Restores: how each ended, and from what.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending::link;
use super::spec::decode_with;
use super::suspender::SuspendedBy;
use super::velero::{self, DONE, ERRORS, START, Status, WARNINGS, progress};
use super::wire::{Object, Text};
use super::{Api, Decoded, KindSpec};
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record, Relation};

/// The backup, or the schedule whose newest backup was used.
pub const FROM: u8 = velero::OWN;

pub const SPEC: KindSpec = KindSpec {
    name: "Restore",
    word: "restores",
    aliases: &["restore"],
    title: "Restores",
    api: Api::Watch { group: "velero.io", versions: &["v1"], plural: "restores", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 7),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Status, 9, 26, 0),
        Column::new("STARTED", Field::Cell(START), 7, 8, 1),
        Column::new("ERRORS", Field::Cell(ERRORS), 6, 6, 2).right(),
        Column::new("WARNINGS", Field::Cell(WARNINGS), 8, 8, 4).right(),
        Column::new("ITEMS", Field::Ranked(progress, |r| r.int(DONE)), 8, 15, 5),
        Column::new("FROM", Field::Cell(FROM), 8, 48, 3),
        Column::new("MESSAGE", Field::Note, 12, 160, 6),
    ],
    blinds: "restores",
    judge: velero::judge,
    guide: include_str!("../../assets/guides/backup.txt"),
    controller: Some(&velero::CONTROLLER),
    asked_whole: true,
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    backup_name: Text,
    schedule_name: Text,
}

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Object<Spec, Status, SuspendedBy>, intern| read(object, intern))
}

fn read(object: &Object<Spec, Status, SuspendedBy>, intern: &mut Interner) -> Record {
    let (meta, spec) = (&object.metadata, &object.spec);
    let (kind, name) = match (&*spec.backup_name, &*spec.schedule_name) {
        ("", schedule) => ("Schedule", schedule),
        (backup, _) => ("Backup", backup),
    };
    let mut record = velero::read(meta, &object.status, [Cell::text(name, intern)], intern);
    if !name.is_empty() {
        record.links = Box::new([link(Relation::From, kind, &meta.namespace, name, intern)]);
    }
    record
}
