//! HelmReleases: what is deployed, what was tried, and whether the controller will try again.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending::link;
use super::flux::{self, FluxKind, FluxObject, Reference, Told, decode};
use super::wire::{Condition, Many, Text, or_default};
use super::{Api, KindSpec, flux_judge};
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Link, Record, Relation};

/// `kube-prometheus-stack 60.x`, as the spec wants it.
pub const CHART: u8 = flux::OWN;
/// The chart version tried last, when it is not the deployed one.
pub const ATTEMPTED: u8 = flux::OWN + 1;
/// The Helm release's own revision number.
pub const HELM_REVISION: u8 = flux::OWN + 2;

pub const SPEC: KindSpec = KindSpec {
    name: "HelmRelease",
    word: "hr",
    aliases: &["helmrelease", "helmreleases", "releases"],
    title: "HelmReleases",
    api: Api::Watch {
        group: "helm.toolkit.fluxcd.io",
        versions: &["v2", "v2beta2", "v2beta1"],
        plural: "helmreleases",
        namespaced: true,
        decode: decode::<HelmReleases>,
    },
    columns: &[
        flux::NAMESPACE,
        flux::NAME,
        flux::STATUS,
        flux::SINCE_COLUMN,
        flux::REVISION_COLUMN,
        flux::BLOCKED_COLUMN,
        flux::SUSPENDED_COLUMN,
        flux::READY_COLUMN,
        Column::new("FAILURES", Field::Cell(flux::FAILURES), 8, 8, 9).right(),
        flux::MESSAGE,
        Column::new("CHART", Field::Cell(CHART), 8, 32, 10),
        Column::new("ATTEMPTED", Field::Cell(ATTEMPTED), 9, 20, 11).wide(),
        Column::new("HELM REV", Field::Cell(HELM_REVISION), 8, 8, 12).wide().right(),
        flux::AGE,
    ],
    blinds: "Helm releases, failed upgrades, suspended releases",
    judge: flux_judge::judge,
};

struct HelmReleases;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    suspend: Option<bool>,
    depends_on: Many<Reference>,
    #[serde(deserialize_with = "or_default")]
    chart: Chart,
    #[serde(deserialize_with = "or_default")]
    chart_ref: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chart {
    #[serde(deserialize_with = "or_default")]
    spec: ChartSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ChartSpec {
    chart: Text,
    version: Text,
    #[serde(deserialize_with = "or_default")]
    source_ref: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    conditions: Many<Condition>,
    history: Many<Release>,
    last_applied_revision: Text,
    last_attempted_revision: Text,
    failures: Option<i64>,
    /// `namespace/name`
    helm_chart: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Release {
    version: Option<i64>,
    chart_version: Text,
}

impl Status {
    /// Past the first entry, the history is not in order.
    fn newest(&self) -> Option<&Release> {
        self.history.iter().rev().max_by_key(|r| r.version)
    }

    /// v2beta1 has no history.
    fn revision(&self) -> &str {
        let deployed = self.newest().map_or("", |r| &r.chart_version);
        [deployed, &self.last_applied_revision, &self.last_attempted_revision]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

impl FluxKind for HelmReleases {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let revision = status.revision();
        let attempted = &*status.last_attempted_revision;
        let own = [
            Cell::text(&chart(spec), intern),
            Cell::text(if attempted == revision { "" } else { attempted }, intern),
            status.newest().and_then(|r| r.version).map_or(Cell::None, Cell::Int),
        ];
        let told = Told {
            kind: "HelmRelease",
            suspend: spec.suspend,
            observed: status.observed_generation,
            conditions: &status.conditions,
            failures: status.failures.unwrap_or(0),
            revision,
            links: links(object, intern),
            ..Told::default()
        };
        flux::read(meta, told, own, intern)
    }
}

fn chart(spec: &Spec) -> String {
    let wanted = &spec.chart.spec;
    match (&*wanted.chart, &*wanted.version) {
        ("", _) if spec.chart_ref.name.is_empty() => String::new(),
        ("", _) => format!("{}/{}", &*spec.chart_ref.kind, &*spec.chart_ref.name),
        (chart, "") => chart.to_owned(),
        (chart, version) => format!("{chart} {version}"),
    }
}

/// Dependencies, then the sources: where the chart comes from, and the HelmChart in between.
fn links(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Vec<Link> {
    let (spec, home) = (&object.spec, &*object.metadata.namespace);
    let mut links: Vec<Link> =
        spec.depends_on.iter().filter_map(|d| d.link(Relation::DependsOn, "HelmRelease", home, intern)).collect();
    links.extend(spec.chart.spec.source_ref.link(Relation::Source, "HelmRepository", home, intern));
    links.extend(spec.chart_ref.link(Relation::Source, "OCIRepository", home, intern));
    if let Some((namespace, name)) = object.status.helm_chart.split_once('/') {
        links.push(link(Relation::Source, "HelmChart", namespace, name, intern));
    }
    links
}
