//! `OCIRepositories`: artifacts from a registry.

use super::flux::decode;
use super::sources::{COLUMNS, GROUP, Source, Sources};
use super::{Api, KindSpec, flux_judge};

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
    lazy: false,
};

struct OCIRepository;

impl Source for OCIRepository {
    const KIND: &'static str = "OCIRepository";
}
