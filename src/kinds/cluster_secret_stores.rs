//! `ClusterSecretStores`: the stores that every namespace may use.

use super::external_secrets::GROUP;
use super::secret_stores::{COLUMNS, Stores, judge};
use super::{Api, Family, KindSpec, decode};

pub const SPEC: KindSpec = KindSpec {
    name: "ClusterSecretStore",
    word: "clustersecretstores",
    aliases: &["css"],
    title: "ClusterSecretStores",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta1"],
        plural: "clustersecretstores",
        namespaced: false,
        decode: decode::<Stores>,
    },
    columns: COLUMNS,
    blinds: "secret stores of the cluster",
    judge,
    guide: include_str!("../../assets/guides/secret.txt"),
    family: Family::SecretStore,
    counted_as: "Secret stores",
    ..KindSpec::BASE
};
