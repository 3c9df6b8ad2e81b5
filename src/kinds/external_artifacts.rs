//! `ExternalArtifacts`: content that was made outside of Flux' own sources, usually by an `ArtifactGenerator`. It is a
//! result: nothing reconciles or suspends it. Source: source-controller `api/v1/externalartifact_types.go`.

use super::flux::decode;
use super::sources::{COLUMNS, GROUP, Source, Sources};
use super::{Api, Family, KindSpec, flux_judge};

pub const SPEC: KindSpec = KindSpec {
    name: "ExternalArtifact",
    word: "externalartifacts",
    aliases: &["ea", "externalartifact"],
    title: "ExternalArtifacts",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1"],
        plural: "externalartifacts",
        namespaced: true,
        decode: decode::<Sources<ExternalArtifact>>,
    },
    columns: COLUMNS,
    blinds: "artifacts made outside of Flux' own sources",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/source.txt"),
    family: Family::FluxSource,
    counted_as: "Flux sources",
    ..KindSpec::BASE
};

struct ExternalArtifact;

impl Source for ExternalArtifact {
    const KIND: &'static str = "ExternalArtifact";
}
