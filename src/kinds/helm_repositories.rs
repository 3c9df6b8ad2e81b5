//! `HelmRepositories`: chart indexes. Those of type `oci` are static and have no status.

use super::flux::{self, decode};
use super::sources::{COLUMNS, CONTROLLER, GROUP, Source, Sources};
use super::{Api, Family, KindSpec, Switch, flux_judge};

pub const SPEC: KindSpec = KindSpec {
    name: "HelmRepository",
    word: "helmrepo",
    aliases: &["helmrepos", "helmrepository", "helmrepositories"],
    title: "HelmRepositories",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta2"],
        plural: "helmrepositories",
        namespaced: true,
        decode: decode::<Sources<HelmRepository>>,
    },
    columns: COLUMNS,
    blinds: "Helm chart repositories",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/source.txt"),
    family: Family::FluxSource,
    controller: Some(&CONTROLLER),
    switch: Some(&Switch { noun: &["source", "helm"], ..flux::IN_SPEC }),
    tells: flux::SWITCHED,
    counted_as: "Flux sources",
    ..KindSpec::BASE
};

struct HelmRepository;

impl Source for HelmRepository {
    const KIND: &'static str = "HelmRepository";
}
