//! `HelmRepositories`: chart indexes. Those of type `oci` are static and never say anything.

use super::flux::decode;
use super::sources::{COLUMNS, GROUP, Source, Sources};
use super::{Api, KindSpec, flux_judge};

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
    lazy: false,
};

struct HelmRepository;

impl Source for HelmRepository {
    const KIND: &'static str = "HelmRepository";
}
