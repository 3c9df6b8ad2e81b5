//! Issuers: whether certificates can be issued at all. `ClusterIssuers` are read here too; only their scope differs.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending;
use super::wire::{Condition, Conditions, Many, Object, Skipped, Text};
use super::{Api, Family, Kind, KindSpec, base, decode, readiness};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::redact;
use crate::domain::thresholds::Thresholds;

const SINCE: u8 = 0;
/// `acme`, `ca`, `selfSigned`, `vault`, `venafi`.
const TYPE: u8 = 1;
const SERVER: u8 = 2;
/// The Secret that it signs or logs in with, where it has one that must be provided.
pub const SECRET: u8 = 3;

pub const COLUMNS: &[Column] = &[
    Column::new("NAME", Field::Name, 16, 48, 0),
    Column::new("STATUS", Field::Status, 9, 28, 0),
    Column::new("SINCE", Field::Cell(SINCE), 5, 7, 1),
    Column::new("TYPE", Field::Cell(TYPE), 6, 10, 2),
    Column::new("MESSAGE", Field::Note, 12, 160, 3),
    Column::new("SERVER", Field::Cell(SERVER), 12, 60, 5),
    Column::new("AGE", Field::Age, 5, 7, 4),
    Column::new("SECRET", Field::Cell(SECRET), 8, 40, 6).wide(),
];

pub const SPEC: KindSpec = KindSpec {
    name: "Issuer",
    word: "issuers",
    aliases: &["iss"],
    title: "Issuers",
    api: Api::Watch {
        group: "cert-manager.io",
        versions: &["v1"],
        plural: "issuers",
        namespaced: true,
        decode: decode::<Issuers>,
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
        COLUMNS[7],
    ],
    blinds: "certificate issuers of namespaces",
    judge,
    guide: include_str!("../../assets/guides/issuer.txt"),
    family: Family::Issuer,
    counted_as: "Certificate issuers",
    ..KindSpec::BASE
};

/// Reads both scopes.
#[derive(Debug)]
pub struct Issuers;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    acme: Option<Server>,
    ca: Option<Ca>,
    self_signed: Option<Skipped>,
    vault: Option<Server>,
    venafi: Option<Skipped>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Server {
    server: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Ca {
    secret_name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    conditions: Many<Condition>,
}

impl Spec {
    fn r#type(&self) -> &'static str {
        let set = [
            (self.acme.is_some(), "acme"),
            (self.ca.is_some(), "ca"),
            (self.self_signed.is_some(), "selfSigned"),
            (self.vault.is_some(), "vault"),
            (self.venafi.is_some(), "venafi"),
        ];
        set.into_iter().find(|(is_set, _)| *is_set).map_or("", |(_, name)| name)
    }
}

impl Kind for Issuers {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec) = (&object.metadata, &object.spec);
        let mut record = base(meta, intern);
        let ready = object.status.conditions.of("Ready");
        let reason = ready.map_or("", |c| &c.reason);
        (record.health, record.status) = match ready {
            Some(c) if c.is_true() => (Health::Ok, intern.get("Ready")),
            Some(c) if c.is_false() => {
                (Health::Failed, intern.get(if reason.is_empty() { "NotReady" } else { reason }))
            }
            Some(_) => (Health::Unknown, intern.get("Unknown")),
            None => (Health::Unknown, intern.get("Waiting")),
        };
        if let Some(c) = ready.filter(|c| !c.is_true()) {
            record.note = clean(&redact::urls(&c.message));
        }
        let since = ending::mark(&mut record, meta, intern).or_else(|| ready.and_then(Condition::since));
        let server = spec.acme.as_ref().or(spec.vault.as_ref()).map_or("", |s| &s.server);
        let secret = spec.ca.as_ref().map_or("", |ca| &ca.secret_name);
        record.cells = Box::new([
            Cell::time(since),
            Cell::text(spec.r#type(), intern),
            Cell::text(&redact::urls(server), intern),
            Cell::text(secret, intern),
        ]);
        record.links = ending::managers("Issuer", meta, intern).into();
        record
    }
}

/// Nothing expires yet when an issuer is down: the certificates say how urgent it is.
pub fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    readiness::judge(record, record.time(SINCE), "waiting for cert-manager", strings, thresholds, now)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    #[rstest]
    #[case(json!([{"type": "Ready", "status": "True", "reason": "KeyPairVerified"}]), "Ready", "ok")]
    #[case(json!([{"type": "Ready", "status": "False", "reason": "ErrRegisterACMEAccount", "message": "dial tcp",
        "lastTransitionTime": "2026-11-21T13:00:00Z"}]), "ErrRegisterACMEAccount",
        "failed P3 err register acme account: dial tcp")]
    #[case(json!([{"type": "Ready", "status": "False", "reason": "X",
        "lastTransitionTime": "2026-11-21T13:59:00Z"}]), "X", "failed")]
    #[case(json!([{"type": "Other", "status": "True"}]), "Waiting", "unknown P3 waiting for cert-manager")]
    #[case(Value::Null, "Waiting", "unknown P3 waiting for cert-manager")]
    fn an_issuer_is_as_ready_as_it_says(#[case] conditions: Value, #[case] status: &str, #[case] verdict: &str) {
        for word in ["issuers", "clusterissuers"] {
            let seen = seen(
                word,
                &json!({"metadata": {"name": "a", "creationTimestamp": "2026-11-01T00:00:00Z"},
                    "spec": {"acme": {"server": "https://u:p@ca.example/dir"}}, "status": {"conditions": conditions}}),
            );
            assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
            assert_eq!(
                (seen.column("TYPE").as_str(), seen.column("SERVER").as_str()),
                ("acme", "https://ca.example/dir")
            );
        }
    }
}
