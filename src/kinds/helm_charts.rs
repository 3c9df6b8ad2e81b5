//! `HelmCharts`: the chart that a `HelmRelease` asked its repository for.

use super::flux::decode;
use super::sources::{COLUMNS, GROUP, Source, Sources};
use super::{Api, KindSpec, flux_judge};

pub const SPEC: KindSpec = KindSpec {
    name: "HelmChart",
    word: "helmchart",
    aliases: &["hc", "helmcharts"],
    title: "HelmCharts",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta2"],
        plural: "helmcharts",
        namespaced: true,
        decode: decode::<Sources<HelmChart>>,
    },
    columns: COLUMNS,
    blinds: "Helm charts",
    judge: flux_judge::judge,
    lazy: false,
};

struct HelmChart;

impl Source for HelmChart {
    const KIND: &'static str = "HelmChart";
}
