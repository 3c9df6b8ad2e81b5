//! `ArtifactGenerators`: they compose and split sources into `ExternalArtifacts`. One is disabled by an annotation, and
//! its status has no generation of its own: the conditions have. Source: source-watcher `api/v1beta1`.

use serde::Deserialize;

use super::column::{Column, Field};
use super::flux::{self, FluxKind, FluxObject, Reference, Told, decode};
use super::wire::{Condition, Conditions, Many, Skipped, Text};
use super::{Api, Controller, Family, KindSpec, Switch, flux_judge};
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Link, Record, Relation};

/// Artifacts that it makes.
const MAKES: u8 = flux::OWN;
/// `GitRepository/apps, OCIRepository/charts`
const SOURCES: u8 = flux::OWN + 1;

/// The annotation that disables it.
const SWITCH: &str = "source.extensions.fluxcd.io/reconcile";

const BY_ANNOTATION: Switch = Switch {
    pointer: "/metadata/annotations/source.extensions.fluxcd.io~1reconcile",
    told: "the annotation source.extensions.fluxcd.io/reconcile",
    owned: "/fieldsV1/f:metadata/f:annotations/f:source.extensions.fluxcd.io~1reconcile",
    annotation: Some(SWITCH),
    noun: &[],
};

pub const SPEC: KindSpec = KindSpec {
    name: "ArtifactGenerator",
    word: "artifactgenerators",
    aliases: &["ag", "artifactgenerator"],
    title: "ArtifactGenerators",
    api: Api::Watch {
        group: "source.extensions.fluxcd.io",
        versions: &["v1", "v1beta1"],
        plural: "artifactgenerators",
        namespaced: true,
        decode: decode::<ArtifactGenerators>,
    },
    columns: &[
        flux::NAMESPACE,
        flux::NAME,
        flux::STATUS,
        flux::SINCE_COLUMN,
        Column::new("ARTIFACTS", Field::Cell(MAKES), 9, 9, 3).right(),
        flux::SUSPENDED_COLUMN,
        flux::READY_COLUMN,
        flux::MESSAGE,
        Column::new("SOURCES", Field::Cell(SOURCES), 8, 60, 9),
        flux::AGE,
    ],
    blinds: "generated artifacts",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/source.txt"),
    family: Family::FluxSource,
    controller: Some(&Controller { name: "source-watcher", serves: "ArtifactGenerators", home: "flux-system" }),
    switch: Some(&BY_ANNOTATION),
    tells: flux::SWITCHED,
    counted_as: "Flux sources",
    ..KindSpec::BASE
};

struct ArtifactGenerators;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    sources: Many<Reference>,
    artifacts: Many<Skipped>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    conditions: Many<Condition>,
    observed_sources_digest: Text,
}

impl FluxKind for ArtifactGenerators {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let links: Vec<Link> = spec
            .sources
            .iter()
            .filter_map(|s| s.link(Relation::Source, "GitRepository", &meta.namespace, intern))
            .collect();
        let sources: Vec<String> = spec.sources.iter().map(|s| format!("{}/{}", &*s.kind, &*s.name)).collect();
        let makes = i64::try_from(spec.artifacts.len()).unwrap_or(i64::MAX);
        let own = [Cell::Int(makes), Cell::text(&sources.join(", "), intern)];
        let told = Told {
            kind: "ArtifactGenerator",
            suspend: meta.annotations.get(SWITCH).map(|switch| switch.eq_ignore_ascii_case("disabled")),
            observed: status.conditions.of("Ready").and_then(|c| c.observed_generation),
            conditions: &status.conditions,
            never: status.observed_sources_digest.is_empty(),
            links,
            ..Told::default()
        };
        flux::read(meta, told, own, intern)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn generator(switch: &str, conditions: &Value) -> Seen {
        seen(
            "ag",
            &json!({"metadata": {"name": "apps", "namespace": "flux-system", "generation": 2,
                    "creationTimestamp": "2026-11-01T00:00:00Z", "annotations": {"source.extensions.fluxcd.io/reconcile": switch},
                    "managedFields": [{"manager": "kubectl-annotate", "time": "2026-11-21T13:00:00Z", "fieldsV1":
                        {"f:metadata": {"f:annotations": {"f:source.extensions.fluxcd.io/reconcile": {}}}}}]},
                "spec": {"sources": [{"alias": "git", "kind": "GitRepository", "name": "apps"},
                        {"alias": "oci", "kind": "OCIRepository", "name": "charts", "namespace": "common"}],
                    "artifacts": [{"name": "a"}, {"name": "b"}]},
                "status": {"conditions": conditions, "observedSourcesDigest": "sha256:0"}}),
        )
    }

    fn ready(status: &str, reason: &str, observed: i64) -> Value {
        json!([{"type": "Ready", "status": status, "reason": reason, "message": "m", "observedGeneration": observed,
            "lastTransitionTime": "2026-11-21T13:00:00Z"}])
    }

    #[rstest]
    #[case::well("enabled", ready("True", "Succeeded", 2), "ok")]
    #[case::broken("", ready("False", "BuildFailed", 2), "failed P2 build failed: m")]
    #[case::disabled("Disabled", ready("True", "Succeeded", 2), "suspended P3 suspended by kubectl-annotate")]
    #[case::in_progress("", ready("Unknown", "Progressing", 2), "warning P3 in progress for more than 15m: m")]
    #[case::looked_at_by_nobody(
        "",
        ready("True", "Succeeded", 1),
        "warning P3 its controller has not observed its newest spec"
    )]
    #[case::new("", json!(null), "unknown P3 waiting to be reconciled")]
    fn it_is_judged_like_the_other_flux_kinds(#[case] switch: &str, #[case] conditions: Value, #[case] verdict: &str) {
        assert_eq!(generator(switch, &conditions).verdict(NOW), verdict);
    }

    #[test]
    fn columns_and_links_tell_what_it_takes_and_makes() {
        let seen = generator("", &ready("True", "Succeeded", 2));
        assert_eq!(["ARTIFACTS", "SOURCES"].map(|c| seen.column(c)), ["2", "GitRepository/apps, OCIRepository/charts"]);
        assert_eq!(seen.links(), ["Source GitRepository flux-system/apps", "Source OCIRepository common/charts"]);
    }
}
