//! Challenges: the proof, name by name, that somebody controls a domain. Its reason is where a certificate that is not
//! issued says what is wrong: a record that cannot be written, an answer that cannot be reached.

use serde::Deserialize;

use super::acme::{self, NAMES};
use super::column::{Column, Field};
use super::issuer_ref::IssuerRef;
use super::wire::{Object, Text, or_default};
use super::{Api, Family, Kind, KindSpec, base, decode, workload};
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record};

/// `HTTP-01` or `DNS-01`.
pub const TYPE: u8 = 2;
/// The answer is where the server will look for it.
pub const PRESENTED: u8 = 3;
const ISSUER: u8 = 4;

pub const SPEC: KindSpec = KindSpec {
    name: "Challenge",
    word: "challenges",
    aliases: &["challenge"],
    title: "Challenges",
    api: Api::Watch {
        group: acme::GROUP,
        versions: &["v1"],
        plural: "challenges",
        namespaced: true,
        decode: decode::<Challenges>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 16, 52, 0),
        Column::new("STATUS", Field::Status, 8, 11, 0),
        Column::new("MESSAGE", Field::Note, 12, 160, 1),
        Column::new("DOMAIN", Field::Cell(NAMES), 12, 64, 3),
        Column::new("TYPE", Field::Cell(TYPE), 7, 8, 4),
        Column::new("PRESENTED", Field::Cell(PRESENTED), 9, 9, 6),
        Column::new("OWNER", Field::With(workload::owner), 12, 48, 5),
        Column::new("ISSUER", Field::Cell(ISSUER), 8, 36, 8),
        Column::new("AGE", Field::Age, 5, 7, 7),
    ],
    blinds: "which domain an ACME server cannot verify",
    judge: acme::judge,
    lazy: true,
    guide: include_str!("../../assets/guides/certificate.txt"),
    family: Family::Issuance,
    ..KindSpec::BASE
};

struct Challenges;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    dns_name: Text,
    wildcard: Option<bool>,
    r#type: Text,
    #[serde(deserialize_with = "or_default")]
    issuer_ref: IssuerRef,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    state: Text,
    reason: Text,
    presented: Option<bool>,
}

impl Kind for Challenges {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let deleted = acme::state(&mut record, meta, &status.state, &status.reason, intern);
        // for a wildcard, the name is given without its star
        let star = if spec.wildcard == Some(true) { "*." } else { "" };
        let domain = if spec.dns_name.is_empty() { String::new() } else { format!("{star}{}", &*spec.dns_name) };
        record.cells = Box::new([
            Cell::time(deleted),
            Cell::text(&domain, intern),
            Cell::text(&spec.r#type, intern),
            Cell::Flag(status.presented == Some(true)),
            Cell::text(&spec.issuer_ref.name, intern),
        ]);
        record.links = acme::links(meta, &spec.issuer_ref, intern);
        record
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn challenge(state: &str, spec: &Value) -> Seen {
        let mut spec = spec.clone();
        spec["dnsName"] = "a.example".into();
        spec["issuerRef"] = json!({"name": "le"});
        seen(
            "challenges",
            &json!({"metadata": {"name": "web-2-77-1", "namespace": "n", "creationTimestamp": "2026-11-21T13:00:00Z",
                "ownerReferences": [{"kind": "Order", "name": "web-2-77", "controller": true}]},
                "spec": spec, "status": {"state": state, "reason": "wrong status code '404'", "presented": true}}),
        )
    }

    #[rstest]
    #[case("valid", "ok", "")]
    #[case("pending", "warning", "wrong status code '404'")]
    #[case("invalid", "failed", "wrong status code '404'")]
    #[case("errored", "failed", "wrong status code '404'")]
    #[case("expired", "failed", "wrong status code '404'")]
    fn a_challenge_tells_what_is_wrong_and_leaves_the_finding_to_the_certificate(
        #[case] state: &str,
        #[case] verdict: &str,
        #[case] note: &str,
    ) {
        let seen = challenge(state, &json!({}));
        assert_eq!((seen.verdict(NOW).as_str(), &*seen.record.note), (verdict, note));
        assert_eq!(seen.links(), ["Owner Order n/web-2-77", "From Issuer n/le"]);
    }

    #[rstest]
    #[case(json!({"type": "DNS-01", "wildcard": true}), "*.a.example", "DNS-01")]
    #[case(json!({"type": "HTTP-01"}), "a.example", "HTTP-01")]
    fn a_wildcard_has_its_star(#[case] spec: Value, #[case] domain: &str, #[case] r#type: &str) {
        let seen = challenge("pending", &spec);
        assert_eq!(["DOMAIN", "TYPE", "PRESENTED"].map(|c| seen.column(c)), [domain, r#type, "yes"]);
    }
}
