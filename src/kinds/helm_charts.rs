//! `HelmCharts`: the chart that a `HelmRelease` asked its repository for.

use super::flux::{self, decode};
use super::sources::{COLUMNS, CONTROLLER, GROUP, Source, Sources};
use super::{Api, Family, KindSpec, Switch, flux_judge};

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
    guide: include_str!("../../assets/guides/source.txt"),
    family: Family::FluxSource,
    controller: Some(&CONTROLLER),
    switch: Some(&Switch { noun: &["source", "chart"], ..flux::IN_SPEC }),
    tells: flux::SWITCHED,
    counted_as: "Flux sources",
    ..KindSpec::BASE
};

struct HelmChart;

impl Source for HelmChart {
    const KIND: &'static str = "HelmChart";
}
