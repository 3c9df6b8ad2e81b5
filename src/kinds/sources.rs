//! What the five kinds of Flux sources share: an artifact, where it comes from, and how old it is.
//!
//! An old artifact is normal: its time moves only with its revision. Never a failure by age.

use serde::Deserialize;

use super::column::{Column, Field};
use super::flux::{self, FluxKind, FluxObject, Reference, Told, short_revision};
use super::redact;
use super::wire::{Condition, Many, Text, or_default};
use crate::domain::ages::Time;
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record, Relation};

/// When the artifact's revision last changed.
pub const ARTIFACT: u8 = flux::OWN;
/// The address, without user and password; `chart 1.x` for a HelmChart.
pub const PLACE: u8 = flux::OWN + 1;

pub const COLUMNS: &[Column] = &[
    flux::NAMESPACE,
    flux::NAME,
    flux::STATUS,
    flux::SINCE_COLUMN,
    flux::REVISION_COLUMN,
    Column::new("ARTIFACT", Field::Cell(ARTIFACT), 8, 8, 4),
    flux::SUSPENDED_COLUMN,
    flux::READY_COLUMN,
    Column::new("URL", Field::Cell(PLACE), 12, 60, 9),
    flux::MESSAGE,
    flux::AGE,
];

pub const GROUP: &str = "source.toolkit.fluxcd.io";

/// The fields of all five kinds; a field that a kind lacks stays empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    suspend: Option<bool>,
    url: Text,
    r#type: Text,
    endpoint: Text,
    bucket_name: Text,
    chart: Text,
    version: Text,
    #[serde(deserialize_with = "or_default")]
    source_ref: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    observed_generation: Option<i64>,
    conditions: Many<Condition>,
    #[serde(deserialize_with = "or_default")]
    artifact: Artifact,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Artifact {
    revision: Text,
    last_update_time: Text,
}

impl Spec {
    fn place(&self) -> String {
        if !self.bucket_name.is_empty() {
            let scheme = if self.endpoint.contains("://") { "" } else { "s3://" };
            let url = format!("{scheme}{}/{}", &*self.endpoint, &*self.bucket_name);
            return redact::urls(&url).into_owned();
        }
        match (&*self.chart, &*self.version) {
            ("", _) => redact::urls(&self.url).into_owned(),
            (chart, "") => chart.to_owned(),
            (chart, version) => format!("{chart} {version}"),
        }
    }
}

/// A kind of source; only the name differs.
pub trait Source {
    const KIND: &'static str;
}

/// Reads any source.
#[derive(Debug)]
pub struct Sources<K>(std::marker::PhantomData<K>);

impl<K: Source> FluxKind for Sources<K> {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let own = [Cell::time(Time::parse(&status.artifact.last_update_time)), Cell::text(&spec.place(), intern)];
        let told = Told {
            kind: K::KIND,
            suspend: spec.suspend,
            // the registry is asked by each chart itself
            inert: K::KIND == "HelmRepository" && &*spec.r#type == "oci",
            observed: status.observed_generation,
            conditions: &status.conditions,
            revision: &short_revision(&status.artifact.revision),
            links: spec
                .source_ref
                .link(Relation::Source, "HelmRepository", &meta.namespace, intern)
                .into_iter()
                .collect(),
            ..Told::default()
        };
        flux::read(meta, told, own, intern)
    }
}
