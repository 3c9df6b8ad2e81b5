//! `CertificateRequests`: one attempt each to get a certificate signed.
//!
//! A failed request of a Certificate is reported at that Certificate and makes no finding of its own.

use serde::Deserialize;

use super::certificates::CERT_MANAGER;
use super::column::{Column, Field};
use super::ending::{self, because, link, words};
use super::issuer_ref::IssuerRef;
use super::wire::{Condition, Conditions, Many, Object, or_default};
use super::{Api, Family, Kind, KindSpec, base, decode};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

const SINCE: u8 = 0;
/// The Certificate it is for.
pub const CERTIFICATE: u8 = 1;
/// The Certificate's revision that it would make.
pub const REVISION: u8 = 2;
const ISSUER: u8 = 3;
const APPROVED: u8 = 4;

pub const SPEC: KindSpec = KindSpec {
    name: "CertificateRequest",
    word: "certreqs",
    aliases: &["certreq", "certificaterequest", "certificaterequests"],
    title: "CertificateRequests",
    api: Api::Watch {
        group: "cert-manager.io",
        versions: &["v1"],
        plural: "certificaterequests",
        namespaced: true,
        decode: decode::<CertificateRequests>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Status, 9, 20, 0),
        Column::new("SINCE", Field::Cell(SINCE), 5, 7, 1),
        Column::new("CERTIFICATE", Field::Cell(CERTIFICATE), 11, 40, 3),
        Column::new("REVISION", Field::Cell(REVISION), 8, 8, 6),
        Column::new("APPROVED", Field::Cell(APPROVED), 8, 8, 5),
        Column::new("ISSUER", Field::Cell(ISSUER), 8, 36, 7),
        Column::new("MESSAGE", Field::Note, 12, 160, 4),
        Column::new("AGE", Field::Age, 5, 7, 8),
    ],
    blinds: "where a certificate's issuance is stuck",
    judge,
    guide: include_str!("../../assets/guides/certificate.txt"),
    family: Family::Issuance,
    controller: Some(&CERT_MANAGER),
    ..KindSpec::BASE
};

struct CertificateRequests;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    issuer_ref: IssuerRef,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Many<Condition>,
}

impl Kind for CertificateRequests {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, conditions) = (&object.metadata, &object.status.conditions);
        let mut record = base(meta, intern);
        let on = |name: &str| conditions.of(name).filter(|c| c.is_true());
        let ready = conditions.of("Ready");
        let refused =
            on("InvalidRequest").map(|c| (c, "InvalidRequest")).or_else(|| on("Denied").map(|c| (c, "Denied")));
        let reason = ready.map_or("", |c| &c.reason);
        let (health, word, by) = match (refused, ready) {
            (_, Some(c)) if c.is_true() => (Health::Ok, "Issued", Some(c)),
            (Some((c, word)), _) => (Health::Failed, word, Some(c)),
            (None, Some(c)) if matches!(reason, "Failed" | "Denied") => (Health::Failed, reason, Some(c)),
            (None, Some(c)) if matches!(reason, "" | "Pending") => (Health::Progressing, "Pending", Some(c)),
            // cert-manager has four words; an external issuer may have its own
            (None, Some(c)) => (Health::Unknown, reason, Some(c)),
            (None, None) => (Health::Progressing, "Waiting", None),
        };
        record.health = health;
        record.status = intern.get(word);
        if let Some(c) = by.filter(|_| health != Health::Ok) {
            record.note = clean(&c.message);
        }
        let since = ending::mark(&mut record, meta, intern).or_else(|| by.and_then(Condition::since));
        let is_ours = |o: &&super::wire::OwnerReference| {
            ending::qualified(&o.kind, ending::group(&o.api_version)) == "Certificate"
        };
        let owner = meta.controller().filter(is_ours).map(|o| &*o.name);
        let certificate =
            owner.or_else(|| meta.annotations.get("cert-manager.io/certificate-name")).unwrap_or_default();
        let issuer = &object.spec.issuer_ref;
        let mut links = Vec::with_capacity(2);
        if !certificate.is_empty() {
            links.push(link(Relation::Owner, "Certificate", &meta.namespace, certificate, intern));
        }
        links.extend(issuer.link(&meta.namespace, intern));
        record.links = links.into();
        record.cells = Box::new([
            Cell::time(since),
            Cell::text(certificate, intern),
            Cell::text(meta.annotations.get("cert-manager.io/certificate-revision").unwrap_or_default(), intern),
            Cell::text(&issuer.told(), intern),
            Cell::Flag(on("Approved").is_some()),
        ]);
        record
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let alone = record.link(Relation::Owner).is_none();
    let judged = Judgement::of(record.health);
    match record.health {
        Health::Terminating => ending::judge(record, since, thresholds, now),
        Health::Failed if alone => {
            judged.with(Finding::new(Severity::P4, since, because(&words(strings.get(record.status)), &record.note)))
        }
        Health::Progressing | Health::Unknown => {
            let ends = record.created.plus(thresholds.issuing);
            let late = if record.health == Health::Progressing { Health::Warning } else { record.health };
            match alone {
                _ if now < ends => judged.again_at(ends),
                false => Judgement::of(late),
                // nothing else reports that it waits
                true => {
                    let why = because(&format!("{} for long", words(strings.get(record.status))), &record.note);
                    Judgement::of(late).with(Finding::new(Severity::P3, Some(record.created), why))
                }
            }
        }
        _ => judged,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    fn request(conditions: &[(&str, &str, &str)], meta: &Value) -> Value {
        let conditions: Vec<Value> =
            conditions.iter().map(|(t, s, r)| json!({"type": t, "status": s, "reason": r, "message": "m"})).collect();
        let mut meta = meta.clone();
        meta["name"] = "loki-tls-2".into();
        meta["namespace"] = "logging".into();
        meta["creationTimestamp"] = "2026-11-21T12:00:00Z".into();
        json!({"metadata": meta, "spec": {"issuerRef": {"name": "ca"}}, "status": {"conditions": conditions}})
    }

    #[rstest]
    #[case(&[("Approved", "True", "a"), ("Ready", "True", "Issued")], "Issued", "ok")]
    #[case(&[("Ready", "False", "Pending"), ("Approved", "True", "a")], "Pending", "warning P3 pending for long: m")]
    #[case(&[("Ready", "False", "Thinking"), ("Approved", "True", "a")], "Thinking", "unknown P3 thinking for long: m")]
    #[case(&[("Ready", "False", "Failed")], "Failed", "failed P4 failed: m")]
    #[case(&[("Denied", "True", "policy"), ("Ready", "False", "Denied")], "Denied", "failed P4 denied: m")]
    #[case(&[("InvalidRequest", "True", "x")], "InvalidRequest", "failed P4 invalid request: m")]
    #[case(&[], "Waiting", "warning P3 waiting for long")]
    fn a_request_tells_where_it_is(
        #[case] conditions: &[(&str, &str, &str)],
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = seen("certreqs", &request(conditions, &json!({})));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[test]
    fn a_request_of_a_certificate_leaves_its_lateness_to_it() {
        let meta = json!({"ownerReferences": [{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": "loki-tls", "controller": true}]});
        let seen = seen("certreqs", &request(&[("Ready", "False", "Pending")], &meta));
        assert_eq!(
            (seen.verdict("2026-11-21T12:14:59Z").as_str(), seen.verdict(NOW).as_str()),
            ("progressing", "warning")
        );
    }

    #[test]
    fn a_failed_request_of_a_certificate_leaves_the_news_to_it() {
        let meta = json!({"ownerReferences": [{"kind": "Certificate", "name": "loki-tls", "controller": true}],
            "annotations": {"cert-manager.io/certificate-revision": "2"}});
        let seen = seen("certreqs", &request(&[("Ready", "False", "Failed")], &meta));
        assert_eq!(seen.verdict(NOW), "failed");
        assert_eq!(seen.links(), ["Owner Certificate logging/loki-tls", "From Issuer logging/ca"]);
        assert_eq!(seen.column("REVISION"), "2");
    }
}
