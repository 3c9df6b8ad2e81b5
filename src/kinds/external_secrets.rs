//! `ExternalSecrets`: whether the Secret exists and is fresh enough. Never a Secret, never a value.
//!
//! `Ready` is True also when there is no Secret (`SecretMissing`, `SecretDeleted`): only the reason shows it. Source:
//! external-secrets `pkg/controllers/externalsecret/externalsecret_controller.go`, `markAsDone`.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::ending::{self, because, link, words};
use super::flux::Reference;
use super::wire::{Condition, Conditions, Many, Object, Text, or_default};
use super::workload::{self, SINCE};
use super::{Api, Controller, Kind, KindSpec, base, decode};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, Relation, clean};
use crate::domain::redact;
use crate::domain::thresholds::Thresholds;

/// When the Secret was last written with the provider's value.
pub const REFRESHED: u8 = 1;
/// Seconds between two refreshes; none where it is not refreshed by itself.
pub const INTERVAL: u8 = 2;
/// `ClusterSecretStore/openbao`.
pub const STORE: u8 = 3;
/// The Secret.
pub const SECRET: u8 = 4;
/// `Periodic`, `OnChange`, `CreatedOnce`.
pub const POLICY: u8 = 5;

pub const GROUP: &str = "external-secrets.io";

pub const SPEC: KindSpec = KindSpec {
    name: "ExternalSecret",
    word: "es",
    aliases: &["externalsecrets"],
    title: "ExternalSecrets",
    api: Api::Watch {
        group: GROUP,
        versions: &["v1", "v1beta1"],
        plural: "externalsecrets",
        namespaced: true,
        decode: decode::<ExternalSecrets>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 48, 0),
        Column::new("STATUS", Field::Status, 12, 20, 0),
        Column::new("REFRESHED", Field::Cell(REFRESHED), 9, 9, 1),
        Column::new("INTERVAL", Field::Ranked(interval, |r| r.int(INTERVAL)), 8, 8, 4),
        Column::new("STORE", Field::Cell(STORE), 12, 40, 3),
        Column::new("MESSAGE", Field::Note, 12, 160, 5),
        Column::new("SECRET", Field::Cell(SECRET), 8, 40, 6),
        Column::new("AGE", Field::Age, 5, 7, 7),
        Column::new("POLICY", Field::Cell(POLICY), 8, 11, 8).wide(),
    ],
    blinds: "secrets from outside, failing refreshes",
    judge,
    guide: include_str!("../../assets/guides/secret.txt"),
    controller: Some(&Controller { name: "external-secrets", serves: "ExternalSecrets", home: "external-secrets" }),
    makes_secret: Some(SECRET),
    counted_as: "External secrets",
    ..KindSpec::BASE
};

struct ExternalSecrets;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    refresh_interval: Text,
    refresh_policy: Text,
    #[serde(deserialize_with = "or_default")]
    secret_store_ref: Reference,
    #[serde(deserialize_with = "or_default")]
    target: Target,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    refresh_time: Text,
    conditions: Many<Condition>,
}

impl Spec {
    /// None for a secret that is synced once, or on a change of this object only.
    fn interval(&self) -> Option<i64> {
        let periodic = matches!(&*self.refresh_policy, "" | "Periodic");
        // the API server's own default
        let text = if self.refresh_interval.is_empty() { "1h" } else { &*self.refresh_interval };
        ages::go_duration(text).filter(|seconds| periodic && *seconds > 0)
    }
}

impl Kind for ExternalSecrets {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let ready = status.conditions.of("Ready");
        let reason = ready.map_or("", |c| &*c.reason);
        let told = |other: &'static str| if reason.is_empty() { other.to_owned() } else { reason.to_owned() };
        let (health, word) = match ready {
            Some(c) if c.is_true() && matches!(reason, "SecretMissing" | "SecretDeleted") => {
                (Health::Warning, told(""))
            }
            Some(c) if c.is_true() => (Health::Ok, told("Ready")),
            Some(c) if c.is_false() => (Health::Failed, told("NotReady")),
            _ => (Health::Unknown, "Waiting".to_owned()),
        };
        (record.health, record.status) = (health, intern.get(&word));
        if health != Health::Ok {
            record.note = ready.map_or_else(Box::default, |c| clean(&redact::urls(&c.message)));
        }
        let since = ending::mark(&mut record, meta, intern).or_else(|| ready.and_then(Condition::since));
        let store = &spec.secret_store_ref;
        let kind = if store.kind.is_empty() { "SecretStore" } else { &*store.kind };
        let named = if store.name.is_empty() { String::new() } else { format!("{kind}/{}", &*store.name) };
        // without a name of its own the Secret has this object's name
        let secret = if spec.target.name.is_empty() { &meta.name } else { &spec.target.name };
        record.cells = Box::new([
            Cell::time(since),
            Cell::time(Time::parse(&status.refresh_time)),
            spec.interval().map_or(Cell::None, Cell::Int),
            Cell::text(&named, intern),
            Cell::text(secret, intern),
            Cell::text(&spec.refresh_policy, intern),
        ]);
        let mut links = workload::links("ExternalSecret", meta, intern).into_vec();
        if !store.name.is_empty() {
            let space = if kind == "ClusterSecretStore" { "" } else { &*meta.namespace };
            links.push(link(Relation::From, kind, space, &store.name, intern));
        }
        record.links = links.into();
        record
    }
}

fn interval(record: &Record, _: &Show<'_>, out: &mut String) {
    if let Cell::Int(seconds) = record.cell(INTERVAL) {
        ages::human(seconds, out);
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let why = match record.health {
        Health::Terminating => return ending::judge(record, since, thresholds, now),
        Health::Ok => return overdue(record, now),
        Health::Unknown => because("waiting for external-secrets", &record.note),
        _ => because(&words(strings.get(record.status)), &record.note),
    };
    let ends = since.unwrap_or(record.created).plus(thresholds.reconcile_grace);
    let judged = Judgement::of(record.health);
    if now < ends { judged.again_at(ends) } else { judged.with(Finding::new(Severity::P3, since, why)) }
}

/// An object that is Ready and has missed two refreshes: nothing works on it.
fn overdue(record: &Record, now: Time) -> Judgement {
    let (Some(refreshed), Cell::Int(interval)) = (record.time(REFRESHED), record.cell(INTERVAL)) else {
        return Judgement::of(Health::Ok);
    };
    let ends = refreshed.plus(interval.saturating_mul(2));
    if now <= ends {
        return Judgement::of(Health::Ok).again_at(ends.plus(1));
    }
    let why = format!("not refreshed, though it is to be every {}", ages::told(interval));
    Judgement::of(Health::Warning).with(Finding::new(Severity::P3, Some(refreshed.plus(interval)), why))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn secret(ready: &Value, spec: &Value, refreshed: &str) -> Seen {
        seen(
            "es",
            &json!({"metadata": {"name": "db", "namespace": "shop", "creationTimestamp": "2026-11-01T00:00:00Z"},
                "spec": spec, "status": {"refreshTime": refreshed, "conditions": [{"type": "Deleted", "status": "False"}, ready]}}),
        )
    }

    fn ready(status: &str, reason: &str, message: &str) -> Value {
        json!({"type": "Ready", "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-11-21T13:00:00Z"})
    }

    const FRESH: &str = "2026-11-21T13:30:00Z";
    const OLD: &str = "2026-11-21T11:59:59Z";

    #[rstest]
    #[case::synced(ready("True", "SecretSynced", "secret synced"), FRESH, "SecretSynced", "ok")]
    #[case::failing(
        ready("False", "SecretSyncedError", "could not get secret"),
        FRESH,
        "SecretSyncedError",
        "failed P3 secret synced error: could not get secret"
    )]
    #[case::failing_and_old(
        ready("False", "SecretSyncedError", ""),
        OLD,
        "SecretSyncedError",
        "failed P3 secret synced error"
    )]
    #[case::ready_without_a_secret(
        ready("True", "SecretMissing", "no secret"),
        FRESH,
        "SecretMissing",
        "warning P3 secret missing: no secret"
    )]
    #[case::ready_and_deleted(ready("True", "SecretDeleted", ""), FRESH, "SecretDeleted", "warning P3 secret deleted")]
    #[case::nobody_looks(
        ready("True", "SecretSynced", ""),
        OLD,
        "SecretSynced",
        "warning P3 not refreshed, though it is to be every 60m"
    )]
    #[case::just_in_time(ready("True", "SecretSynced", ""), "2026-11-21T12:00:00Z", "SecretSynced", "ok")]
    #[case::new(json!(null), "", "Waiting", "unknown P3 waiting for external-secrets")]
    #[case::not_told(ready("Unknown", "x", ""), FRESH, "Waiting", "unknown P3 waiting for external-secrets")]
    fn a_secret_is_as_ready_as_its_reason(
        #[case] ready: Value,
        #[case] refreshed: &str,
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = secret(&ready, &json!({"refreshInterval": "1h0m0s"}), refreshed);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[rstest]
    #[case::never_again(json!({"refreshInterval": "0"}), "", "ok")]
    #[case::never_again_in_words(json!({"refreshInterval": "0s"}), "", "ok")]
    #[case::once(json!({"refreshInterval": "1m", "refreshPolicy": "CreatedOnce"}), "", "ok")]
    #[case::on_change(json!({"refreshInterval": "1m", "refreshPolicy": "OnChange"}), "", "ok")]
    #[case::by_default(json!({}), "60m", "warning P3 not refreshed, though it is to be every 60m")]
    #[case::periodic(json!({"refreshInterval": "24h", "refreshPolicy": "Periodic"}), "24h", "ok")]
    fn only_what_is_refreshed_by_itself_can_be_late(
        #[case] spec: Value,
        #[case] interval: &str,
        #[case] verdict: &str,
    ) {
        let seen = secret(&ready("True", "SecretSynced", ""), &spec, OLD);
        assert_eq!((seen.column("INTERVAL").as_str(), seen.verdict(NOW).as_str()), (interval, verdict));
    }

    #[test]
    fn a_failure_has_its_grace_and_a_refresh_its_moment() {
        let failing = secret(&ready("False", "SecretSyncedError", ""), &json!({}), FRESH);
        assert_eq!(failing.verdict("2026-11-21T13:02:59Z"), "failed");
        let fresh = secret(&ready("True", "SecretSynced", ""), &json!({}), FRESH);
        assert_eq!(fresh.judged(NOW).recheck, Some(crate::kinds::testing::at("2026-11-21T15:30:01Z")));
    }

    #[rstest]
    #[case(json!({"secretStoreRef": {"name": "openbao", "kind": "ClusterSecretStore"}, "target": {"name": "creds"}}),
        "ClusterSecretStore/openbao", "creds", &["From ClusterSecretStore /openbao"])]
    #[case(json!({"secretStoreRef": {"name": "tenant"}}), "SecretStore/tenant", "db", &["From SecretStore shop/tenant"])]
    #[case(json!({}), "", "db", &[])]
    fn its_store_is_linked(
        #[case] spec: Value,
        #[case] store: &str,
        #[case] secret_name: &str,
        #[case] links: &[&str],
    ) {
        let seen = secret(&json!(null), &spec, "");
        assert_eq!((seen.column("STORE").as_str(), seen.column("SECRET").as_str()), (store, secret_name));
        assert_eq!(seen.links(), links);
    }
}
