//! `PeerAuthentications` of Istio: whether the workloads of a namespace, or of the whole mesh, require mTLS. A rule
//! that does not is no failure, but it is not what a mesh is for. Read on demand.
//!
//! Source: Istio 1.22 and later serve v1; a rule without a mode inherits.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending;
use super::wire::{Nothing, Object, Text, or_default};
use super::{Api, Kind, KindSpec, base, decode};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record};
use crate::domain::thresholds::Thresholds;

/// Since when it is being deleted.
const DELETED: u8 = 0;
/// Ports with a mode of their own that is not strict.
pub const OPEN_PORTS: u8 = 1;

/// The mode of a rule that inherits.
pub const UNSET: &str = "UNSET";
pub const STRICT: &str = "STRICT";
/// Modes that accept connections without mTLS.
pub const OPEN: [&str; 2] = ["PERMISSIVE", "DISABLE"];

pub const SPEC: KindSpec = KindSpec {
    name: "PeerAuthentication",
    word: "peerauthentications",
    aliases: &["pa", "peerauthentication"],
    title: "PeerAuthentications",
    api: Api::Watch {
        group: "security.istio.io",
        versions: &["v1", "v1beta1"],
        plural: "peerauthentications",
        namespaced: true,
        decode: decode::<PeerAuthentications>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("MODE", Field::Status, 6, 10, 0),
        Column::new("OPEN PORTS", Field::Cell(OPEN_PORTS), 10, 10, 1).right(),
        Column::new("AGE", Field::Age, 5, 7, 3),
    ],
    blinds: "whether the mesh insists on mTLS",
    judge,
    lazy: true,
    guide: include_str!("../../assets/guides/mesh.txt"),
    ..KindSpec::BASE
};

struct PeerAuthentications;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    mtls: Mtls,
    #[serde(deserialize_with = "or_default")]
    port_level_mtls: std::collections::BTreeMap<String, Option<Mtls>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mtls {
    mode: Text,
}

impl Kind for PeerAuthentications {
    type Spec = Spec;
    type Status = Nothing;

    fn read(object: &Object<Spec, Nothing>, intern: &mut Interner) -> Record {
        let (meta, spec) = (&object.metadata, &object.spec);
        let mut record = base(meta, intern);
        let is_open = |mode: &str| OPEN.contains(&mode);
        let ports = spec.port_level_mtls.values().flatten().filter(|port| is_open(&port.mode)).count();
        let mode = if spec.mtls.mode.is_empty() { UNSET } else { &*spec.mtls.mode };
        record.health = match mode {
            mode if is_open(mode) || ports > 0 => Health::Warning,
            STRICT | UNSET => Health::Ok,
            _ => Health::Unknown,
        };
        record.status = intern.get(mode);
        let deleted = ending::mark(&mut record, meta, intern);
        record.cells = Box::new([Cell::time(deleted), Cell::Int(i64::try_from(ports).unwrap_or(i64::MAX))]);
        record.links = ending::managers("PeerAuthentication", meta, intern).into();
        record
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    match record.health {
        Health::Terminating => ending::judge(record, record.time(DELETED), thresholds, now),
        Health::Unknown => {
            judged.with(Finding::new(Severity::P4, None, format!("unknown mode {}", strings.get(record.status))))
        }
        _ => judged,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    #[rstest]
    #[case::strict(json!({"mtls": {"mode": "STRICT"}}), "STRICT", "ok", "0")]
    #[case::open(json!({"mtls": {"mode": "PERMISSIVE"}}), "PERMISSIVE", "warning", "0")]
    #[case::off(json!({"mtls": {"mode": "DISABLE"}}), "DISABLE", "warning", "0")]
    #[case::inherits(json!({"mtls": {}}), "UNSET", "ok", "0")]
    #[case::says_nothing(json!({}), "UNSET", "ok", "0")]
    #[case::open_ports(json!({"portLevelMtls": {"80": {"mode": "DISABLE"}, "81": {"mode": "STRICT"}, "82": null}}), "UNSET", "warning", "1")]
    #[case::of_a_later_version(json!({"mtls": {"mode": "STRICTER"}}), "STRICTER", "unknown P4 unknown mode STRICTER", "0")]
    fn a_rule_is_its_mode_and_its_open_ports(
        #[case] spec: Value,
        #[case] mode: &str,
        #[case] verdict: &str,
        #[case] open: &str,
    ) {
        let seen = seen("peerauthentications", &json!({"metadata": {"name": "b", "namespace": "a"}, "spec": spec}));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str(), &*seen.column("OPEN PORTS")), (mode, verdict, open));
    }
}
