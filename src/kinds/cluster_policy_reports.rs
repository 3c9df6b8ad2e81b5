//! Policy reports about objects without a namespace: a row of their own, read and judged as those in namespaces.

use super::{Api, Family, KindSpec, policy_reports};

pub const SPEC: KindSpec = KindSpec {
    name: "ClusterPolicyReport",
    word: "cpolr",
    aliases: &["clusterpolicyreports"],
    title: "Cluster policy reports",
    api: Api::Watch {
        group: policy_reports::GROUP,
        versions: &["v1alpha2"],
        plural: "clusterpolicyreports",
        namespaced: false,
        decode: policy_reports::decode,
    },
    columns: policy_reports::COLUMNS,
    blinds: "which namespaces and nodes break a policy",
    judge: policy_reports::judge,
    lazy: true,
    guide: include_str!("../../assets/guides/policy.txt"),
    family: Family::PolicyReport,
    ..KindSpec::BASE
};
