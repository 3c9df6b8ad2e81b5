//! Orders: one certificate requested from an ACME server. A failed order of a `CertificateRequest` is reported at its
//! Certificate.

use serde::Deserialize;

use super::acme::{self, NAMES};
use super::column::{Column, Field};
use super::issuer_ref::IssuerRef;
use super::wire::{Many, Object, Text, or_default};
use super::{Api, Family, Kind, KindSpec, base, decode, workload};
use crate::domain::ages::Time;
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record};

/// When it failed, where that is reported.
pub const FAILED_AT: u8 = 2;
const ISSUER: u8 = 3;

pub const SPEC: KindSpec = KindSpec {
    name: "Order",
    word: "orders",
    aliases: &["order"],
    title: "Orders",
    api: Api::Watch {
        group: acme::GROUP,
        versions: &["v1"],
        plural: "orders",
        namespaced: true,
        decode: decode::<Orders>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 16, 52, 0),
        Column::new("STATUS", Field::Status, 8, 11, 0),
        Column::new("MESSAGE", Field::Note, 12, 160, 1),
        Column::new("NAMES", Field::Cell(NAMES), 12, 64, 3),
        Column::new("OWNER", Field::With(workload::owner), 12, 48, 4),
        Column::new("ISSUER", Field::Cell(ISSUER), 8, 36, 6),
        Column::new("FAILED", Field::Cell(FAILED_AT), 6, 7, 7),
        Column::new("AGE", Field::Age, 5, 7, 5),
    ],
    blinds: "why an ACME server does not issue a certificate",
    judge: acme::judge,
    lazy: true,
    guide: include_str!("../../assets/guides/certificate.txt"),
    family: Family::Issuance,
    ..KindSpec::BASE
};

struct Orders;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    common_name: Text,
    dns_names: Many<Text>,
    #[serde(deserialize_with = "or_default")]
    issuer_ref: IssuerRef,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    state: Text,
    reason: Text,
    failure_time: Text,
}

impl Kind for Orders {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let deleted = acme::state(&mut record, meta, &status.state, &status.reason, intern);
        let names: Vec<&str> = spec.dns_names.iter().map(|name| &**name).collect();
        let names = if names.is_empty() { spec.common_name.to_string() } else { names.join(",") };
        record.cells = Box::new([
            Cell::time(deleted),
            Cell::text(&names, intern),
            Cell::time(Time::parse(&status.failure_time)),
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

    fn order(state: &str, owners: &Value) -> Seen {
        seen(
            "orders",
            &json!({"metadata": {"name": "web-2-77", "namespace": "n", "creationTimestamp": "2026-11-21T13:00:00Z",
                "ownerReferences": owners},
                "spec": {"dnsNames": ["a.example", "b.example"], "issuerRef": {"name": "le", "kind": "ClusterIssuer"}},
                "status": {"state": state, "reason": "m", "failureTime": "2026-11-21T13:30:00Z"}}),
        )
    }

    #[rstest]
    #[case("valid", "ok", "ok")]
    #[case("ready", "warning P4 ready for long: m", "progressing")]
    #[case("pending", "warning P4 pending for long: m", "progressing")]
    #[case("processing", "warning P4 processing for long: m", "progressing")]
    #[case("", "warning P4 new for long: m", "progressing")]
    #[case("deactivated", "unknown P4 unknown state deactivated: m", "unknown P4 unknown state deactivated: m")]
    #[case("invalid", "failed P4 invalid: m", "failed P4 invalid: m")]
    #[case("errored", "failed P4 errored: m", "failed P4 errored: m")]
    #[case("expired", "failed P4 expired: m", "failed P4 expired: m")]
    fn an_order_of_nobody_speaks_for_itself(#[case] state: &str, #[case] late: &str, #[case] young: &str) {
        let seen = order(state, &json!(null));
        assert_eq!(seen.status(), if state.is_empty() { "new" } else { state });
        assert_eq!((seen.verdict(NOW).as_str(), seen.verdict("2026-11-21T13:04:59Z").as_str()), (late, young));
    }

    #[test]
    fn the_failure_of_a_request_is_left_to_its_certificate() {
        let owners = json!([{"kind": "CertificateRequest", "name": "web-2", "controller": true}]);
        let seen = order("invalid", &owners);
        assert_eq!((seen.verdict(NOW).as_str(), &*seen.record.note), ("failed", "m"));
        assert_eq!(seen.links(), ["Owner CertificateRequest n/web-2", "From ClusterIssuer /le"]);
        assert_eq!(["NAMES", "FAILED", "ISSUER"].map(|c| seen.column(c)), ["a.example,b.example", "30m", "le"]);
    }
}
