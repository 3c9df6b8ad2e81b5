//! Buckets: artifacts from object storage.

use super::flux::{self, decode};
use super::sources::{COLUMNS, CONTROLLER, GROUP, Source, Sources};
use super::{Api, Family, KindSpec, Switch, flux_judge};

pub const SPEC: KindSpec = KindSpec {
    name: "Bucket",
    word: "bucket",
    aliases: &["buckets"],
    title: "Buckets",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta2"],
        plural: "buckets",
        namespaced: true,
        decode: decode::<Sources<Bucket>>,
    },
    columns: COLUMNS,
    blinds: "bucket sources",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/source.txt"),
    family: Family::FluxSource,
    controller: Some(&CONTROLLER),
    switch: Some(&Switch { noun: &["source", "bucket"], ..flux::IN_SPEC }),
    tells: flux::SWITCHED,
    counted_as: "Flux sources",
    ..KindSpec::BASE
};

struct Bucket;

impl Source for Bucket {
    const KIND: &'static str = "Bucket";
}
