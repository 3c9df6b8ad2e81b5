//! Ingresses: hosts, addresses, and the Secrets of their TLS. Never a finding: whether a controller reports an address
//! is a setting of its own, and whether it serves is not known here.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending::{self, link};
use super::wire::{Many, Object, Text, or_default};
use super::workload;
use super::{Alarm, Api, Kind, KindSpec, base, decode};
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record, Relation};

const DELETED: u8 = 0;
pub const HOSTS: u8 = 1;
const CLASS: u8 = 2;
const ADDRESSES: u8 = 3;
/// The Secrets of its TLS; each is also a link.
pub const SECRETS: u8 = 4;

pub const SPEC: KindSpec = KindSpec {
    name: "Ingress",
    word: "ing",
    aliases: &["ingresses"],
    title: "Ingresses",
    api: Api::Watch {
        group: "networking.k8s.io",
        versions: &["v1"],
        plural: "ingresses",
        namespaced: true,
        decode: decode::<Ingresses>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Status, 9, 11, 0),
        Column::new("HOSTS", Field::Cell(HOSTS), 16, 64, 1),
        Column::new("CLASS", Field::Cell(CLASS), 8, 20, 4),
        Column::new("ADDRESS", Field::Cell(ADDRESSES), 11, 40, 5),
        Column::new("TLS", Field::Cell(SECRETS), 8, 48, 3),
        Column::new("AGE", Field::Age, 5, 7, 7),
        Column::new("MESSAGE", Field::Note, 12, 80, 6),
    ],
    blinds: "which hosts use a certificate",
    judge: |record, _, thresholds, now| match record.health {
        Health::Terminating => ending::judge(record, record.time(DELETED), thresholds, now),
        other => Judgement::of(other),
    },
    lazy: true,
    guide: include_str!("../../assets/guides/ingress.txt"),
    alarm: Alarm::Perhaps("ingress"),
    ..KindSpec::BASE
};

struct Ingresses;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    ingress_class_name: Text,
    rules: Many<Rule>,
    tls: Many<Tls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    host: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tls {
    secret_name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "or_default")]
    load_balancer: LoadBalancer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LoadBalancer {
    ingress: Many<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    ip: Text,
    hostname: Text,
}

/// Each once, in their order.
fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut out: Vec<&str> = Vec::new();
    for one in all.filter(|one| !one.is_empty()) {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

impl Kind for Ingresses {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec) = (&object.metadata, &object.spec);
        let mut record = base(meta, intern);
        let hosts = distinct(spec.rules.iter().map(|rule| if rule.host.is_empty() { "*" } else { &*rule.host }));
        let secrets = distinct(spec.tls.iter().map(|tls| &*tls.secret_name));
        let addresses = object.status.load_balancer.ingress.iter();
        let addresses = distinct(addresses.map(|a| if a.ip.is_empty() { &*a.hostname } else { &*a.ip }));
        record.health = Health::Ok;
        record.status = intern.get(if addresses.is_empty() { "NoAddress" } else { "HasAddress" });
        let deleted = ending::mark(&mut record, meta, intern);
        record.cells = Box::new([
            Cell::time(deleted),
            Cell::text(&hosts.join(","), intern),
            Cell::text(&spec.ingress_class_name, intern),
            Cell::text(&addresses.join(","), intern),
            Cell::text(&secrets.join(","), intern),
        ]);
        let mut links = workload::links("Ingress", meta, intern).into_vec();
        links.extend(secrets.iter().map(|name| link(Relation::Uses, "Secret", &meta.namespace, name, intern)));
        record.links = links.into();
        record
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn ingress(spec: &Value, addresses: &Value) -> Seen {
        seen(
            "ing",
            &json!({"metadata": {"name": "shop", "namespace": "alpha", "creationTimestamp": "2026-11-01T00:00:00Z"},
                "spec": spec, "status": {"loadBalancer": {"ingress": addresses}}}),
        )
    }

    #[test]
    fn each_secret_of_its_tls_is_a_link_once() {
        let seen = ingress(
            &json!({"ingressClassName": "nginx", "rules": [{"host": "a.example"}, {"host": "b.example"}, {"host": "a.example"}],
                "tls": [{"secretName": "a-tls"}, {"secretName": "b-tls"}, {"secretName": "a-tls"}, {"hosts": ["c"]}]}),
            &json!([{"ip": "10.0.0.1"}, {"hostname": "lb.example"}]),
        );
        assert_eq!(seen.links(), ["Uses Secret alpha/a-tls", "Uses Secret alpha/b-tls"]);
        let columns = ["HOSTS", "CLASS", "ADDRESS", "TLS"].map(|c| seen.column(c));
        assert_eq!(columns, ["a.example,b.example", "nginx", "10.0.0.1,lb.example", "a-tls,b-tls"]);
    }

    #[rstest]
    #[case(json!([{"ip": "10.0.0.1"}]), "HasAddress")]
    #[case(json!(null), "NoAddress")]
    fn an_address_that_is_not_told_is_no_fault(#[case] addresses: Value, #[case] status: &str) {
        let seen = ingress(&json!({"rules": [{}]}), &addresses);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str(), seen.column("HOSTS").as_str()), (status, "ok", "*"));
    }
}
