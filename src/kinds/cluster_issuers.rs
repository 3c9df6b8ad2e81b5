//! `ClusterIssuers`: the issuers that every namespace may use.

use super::issuers::{COLUMNS, Issuers, judge};
use super::{Api, Family, KindSpec, decode};

pub const SPEC: KindSpec = KindSpec {
    name: "ClusterIssuer",
    word: "clusterissuers",
    aliases: &["ciss", "clusterissuer"],
    title: "ClusterIssuers",
    api: Api::Watch {
        group: "cert-manager.io",
        versions: &["v1"],
        plural: "clusterissuers",
        namespaced: false,
        decode: decode::<Issuers>,
    },
    columns: COLUMNS,
    blinds: "certificate issuers of the cluster",
    judge,
    guide: include_str!("../../assets/guides/issuer.txt"),
    family: Family::Issuer,
    counted_as: "Certificate issuers",
    ..KindSpec::BASE
};
