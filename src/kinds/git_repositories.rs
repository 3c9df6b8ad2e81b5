//! `GitRepositories`: the revision that Flux works from.

use super::flux::decode;
use super::sources::{COLUMNS, GROUP, Source, Sources};
use super::{Api, KindSpec, flux_judge};

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
    lazy: false,
};

struct GitRepository;

impl Source for GitRepository {
    const KIND: &'static str = "GitRepository";
}
