//! `OCIRepositories`: artifacts from a registry.

use super::flux::{self, decode};
use super::sources::{COLUMNS, CONTROLLER, GROUP, Source, Sources};
use super::{Api, Family, KindSpec, Switch, flux_judge};

pub const SPEC: KindSpec = KindSpec {
    name: "OCIRepository",
    word: "ocirepo",
    aliases: &["ocirepos", "ocirepository", "ocirepositories"],
    title: "OCIRepositories",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta2"],
        plural: "ocirepositories",
        namespaced: true,
        decode: decode::<Sources<OCIRepository>>,
    },
    columns: COLUMNS,
    blinds: "OCI sources",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/source.txt"),
    family: Family::FluxSource,
    controller: Some(&CONTROLLER),
    switch: Some(&Switch { noun: &["source", "oci"], ..flux::IN_SPEC }),
    tells: flux::SWITCHED,
    counted_as: "Flux sources",
    ..KindSpec::BASE
};

struct OCIRepository;

impl Source for OCIRepository {
    const KIND: &'static str = "OCIRepository";
}
