//! `GitRepositories`: the revision that Flux works from.

use super::flux::{self, decode};
use super::sources::{COLUMNS, CONTROLLER, GROUP, Source, Sources};
use super::{Api, Family, KindSpec, Switch, flux_judge};

pub const SPEC: KindSpec = KindSpec {
    name: "GitRepository",
    word: "git",
    aliases: &["gitrepo", "gitrepos", "gitrepository", "gitrepositories"],
    title: "GitRepositories",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta2"],
        plural: "gitrepositories",
        namespaced: true,
        decode: decode::<Sources<GitRepository>>,
    },
    columns: COLUMNS,
    blinds: "Git sources",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/source.txt"),
    family: Family::FluxSource,
    controller: Some(&CONTROLLER),
    switch: Some(&Switch { noun: &["source", "git"], ..flux::IN_SPEC }),
    tells: flux::SWITCHED,
    counted_as: "Flux sources",
    ..KindSpec::BASE
};

struct GitRepository;

impl Source for GitRepository {
    const KIND: &'static str = "GitRepository";
}
