//! `SecretStores`: whether secrets can be read at all. `ClusterSecretStores` are read here too; only their scope
//! differs.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::column::{Column, Field};
use super::ending;
use super::external_secrets::GROUP;
use super::wire::{Condition, Conditions, Many, Object, Text};
use super::{Api, Family, Kind, KindSpec, base, decode, readiness};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::redact;
use crate::domain::thresholds::Thresholds;

const SINCE: u8 = 0;
/// `vault`, `aws`.
pub const PROVIDER: u8 = 1;
/// `ReadOnly`, `WriteOnly`, `ReadWrite`.
pub const CAPABILITIES: u8 = 2;

pub const COLUMNS: &[Column] = &[
    Column::new("NAME", Field::Name, 16, 48, 0),
    Column::new("STATUS", Field::Status, 9, 28, 0),
    Column::new("SINCE", Field::Cell(SINCE), 5, 7, 1),
    Column::new("PROVIDER", Field::Cell(PROVIDER), 8, 20, 2),
    Column::new("MESSAGE", Field::Note, 12, 160, 3),
    Column::new("CAPABILITIES", Field::Cell(CAPABILITIES), 12, 12, 5),
    Column::new("AGE", Field::Age, 5, 7, 4),
];

pub const SPEC: KindSpec = KindSpec {
    name: "SecretStore",
    word: "secretstores",
    aliases: &["ss"],
    title: "SecretStores",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta1"],
        plural: "secretstores",
        namespaced: true,
        decode: decode::<Stores>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        COLUMNS[0],
        COLUMNS[1],
        COLUMNS[2],
        COLUMNS[3],
        COLUMNS[4],
        COLUMNS[5],
        COLUMNS[6],
    ],
    blinds: "secret stores of namespaces",
    judge,
    guide: include_str!("../../assets/guides/secret.txt"),
    family: Family::SecretStore,
    counted_as: "Secret stores",
    ..KindSpec::BASE
};

/// Reads both scopes.
#[derive(Debug)]
pub struct Stores;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    provider: Provider,
}

/// The name of the one provider that is set; its contents are skipped.
#[derive(Debug, Default)]
struct Provider(Box<str>);

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Provider;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a provider")
            }
            fn visit_unit<E>(self) -> Result<Provider, E> {
                Ok(Provider::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Provider, A::Error> {
                let mut set = Provider::default();
                while let Some(name) = map.next_key::<Text>()? {
                    if map.next_value::<Option<IgnoredAny>>()?.is_some() && set.0.is_empty() {
                        set = Provider((*name).into());
                    }
                }
                Ok(set)
            }
        }
        d.deserialize_any(V)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    capabilities: Text,
    conditions: Many<Condition>,
}

impl Kind for Stores {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, status) = (&object.metadata, &object.status);
        let mut record = base(meta, intern);
        let ready = status.conditions.of("Ready");
        let reason = ready.map_or("", |c| &*c.reason);
        let told = |other: &'static str| if reason.is_empty() { other.to_owned() } else { reason.to_owned() };
        let (health, word) = match ready {
            Some(c) if c.is_true() => (Health::Ok, told("Valid")),
            Some(c) if c.is_false() => (Health::Failed, told("NotReady")),
            Some(_) => (Health::Unknown, told("Unknown")),
            None => (Health::Unknown, "Waiting".to_owned()),
        };
        (record.health, record.status) = (health, intern.get(&word));
        if let Some(c) = ready.filter(|c| !c.is_true()) {
            record.note = clean(&redact::urls(&c.message));
        }
        let since = ending::mark(&mut record, meta, intern).or_else(|| ready.and_then(Condition::since));
        record.cells = Box::new([
            Cell::time(since),
            Cell::text(&object.spec.provider.0, intern),
            Cell::text(&status.capabilities, intern),
        ]);
        record.links = ending::managers("SecretStore", meta, intern).into();
        record
    }
}

/// Existing Secrets stay as they are while their store is down: nothing is lost yet.
pub fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    readiness::judge(record, record.time(SINCE), "waiting for external-secrets", strings, thresholds, now)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    fn ready(status: &str, reason: &str, at: &str) -> Value {
        json!([{"type": "Ready", "status": status, "reason": reason, "message": "PUT https://u:p@bao.example/v1 failed",
            "lastTransitionTime": at}])
    }

    #[rstest]
    #[case(ready("True", "Valid", "2026-11-21T13:00:00Z"), "Valid", "ok")]
    #[case(
        ready("False", "InvalidProviderConfig", "2026-11-21T13:00:00Z"),
        "InvalidProviderConfig",
        "failed P3 invalid provider config: PUT https://bao.example/v1 failed"
    )]
    #[case(ready("False", "ValidationFailed", "2026-11-21T13:59:00Z"), "ValidationFailed", "failed")]
    #[case(
        ready("Unknown", "ValidationUnknown", "2026-11-21T13:00:00Z"),
        "ValidationUnknown",
        "unknown P3 waiting for external-secrets: PUT https://bao.example/v1 failed"
    )]
    #[case(json!([{"type": "Other", "status": "True"}]), "Waiting", "unknown P3 waiting for external-secrets")]
    #[case(Value::Null, "Waiting", "unknown P3 waiting for external-secrets")]
    fn a_store_is_as_ready_as_it_says(#[case] conditions: Value, #[case] status: &str, #[case] verdict: &str) {
        for word in ["secretstores", "css"] {
            let seen = seen(
                word,
                &json!({"metadata": {"name": "a", "creationTimestamp": "2026-11-01T00:00:00Z"},
                    "spec": {"provider": {"aws": null, "vault": {"server": "https://u:p@bao.example"}}},
                    "status": {"capabilities": "ReadWrite", "conditions": conditions}}),
            );
            assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
            assert_eq!(["PROVIDER", "CAPABILITIES"].map(|c| seen.column(c)), ["vault", "ReadWrite"]);
        }
    }
}
