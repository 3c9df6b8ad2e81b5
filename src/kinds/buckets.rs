//! Buckets: artifacts from object storage.

use super::flux::decode;
use super::sources::{COLUMNS, GROUP, Source, Sources};
use super::{Api, KindSpec, flux_judge};

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
    lazy: false,
};

struct Bucket;

impl Source for Bucket {
    const KIND: &'static str = "Bucket";
}
