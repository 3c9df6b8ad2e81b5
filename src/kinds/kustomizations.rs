//! Kustomizations: which revision is applied, and which one is failing.

use serde::Deserialize;

use super::column::{Column, Field};
use super::flux::{self, FluxKind, FluxObject, Reference, Told, decode, short_revision};
use super::flux_history::History;
use super::wire::{Condition, Many, Nothing, Text, or_default};
use super::{Alarm, Api, Controller, Family, KindSpec, Switch, Tells, flux_judge};
use crate::domain::ages::go_duration;
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Link, Record, Relation};

/// The revision tried last, when it is not the applied one: it is the failing one.
pub const ATTEMPTED: u8 = flux::OWN;
pub const PATH: u8 = flux::OWN + 1;
/// `GitRepository/platform`
pub const SOURCE: u8 = flux::OWN + 2;
/// How many objects it manages.
pub const INVENTORY: u8 = flux::OWN + 3;

pub const SPEC: KindSpec = KindSpec {
    name: "Kustomization",
    word: "ks",
    aliases: &["kustomization", "kustomizations"],
    title: "Kustomizations",
    api: Api::Watch {
        group: "kustomize.toolkit.fluxcd.io",
        versions: &["v1", "v1beta2", "v1beta1"],
        plural: "kustomizations",
        namespaced: true,
        decode: decode::<Kustomizations>,
    },
    columns: &[
        flux::NAMESPACE,
        flux::NAME,
        flux::STATUS,
        flux::SINCE_COLUMN,
        flux::REVISION_COLUMN,
        Column::new("ATTEMPTED", Field::Cell(ATTEMPTED), 9, 24, 7),
        flux::BLOCKED_COLUMN,
        flux::SUSPENDED_COLUMN,
        flux::READY_COLUMN,
        flux::MESSAGE,
        Column::new("SOURCE", Field::Cell(SOURCE), 8, 40, 9),
        Column::new("PATH", Field::Cell(PATH), 6, 40, 10),
        Column::new("OBJECTS", Field::Cell(INVENTORY), 7, 7, 11).right(),
        flux::AGE,
    ],
    blinds: "Kustomizations, failed and suspended reconciles",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/release.txt"),
    family: Family::FluxApplier,
    controller: Some(&Controller { name: "kustomize-controller", serves: "Kustomizations", home: "flux-system" }),
    switch: Some(&Switch { noun: &["kustomization"], ..flux::IN_SPEC }),
    alarm: Alarm::By("name"),
    tells: Tells::Revision,
    counted_as: "Flux Kustomizations",
    ..KindSpec::BASE
};

struct Kustomizations;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    suspend: Option<bool>,
    interval: Text,
    retry_interval: Text,
    timeout: Text,
    path: Text,
    depends_on: Many<Reference>,
    #[serde(deserialize_with = "or_default")]
    source_ref: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    conditions: Many<Condition>,
    last_applied_revision: Text,
    last_attempted_revision: Text,
    inventory: Option<Inventory>,
    history: History,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inventory {
    entries: Many<Nothing>,
}

impl Spec {
    fn interval(&self) -> Option<i64> {
        go_duration(&self.interval).filter(|s| *s > 0)
    }

    /// Without a timeout of its own an attempt may take the interval, less half a minute. Source: kustomize-controller
    /// `api/v1/kustomization_types.go`, `GetTimeout`.
    fn timeout(&self) -> Option<i64> {
        go_duration(&self.timeout).filter(|s| *s > 0).or_else(|| self.interval().map(|s| (s - 30).max(30)))
    }

    fn retry(&self) -> Option<i64> {
        go_duration(&self.retry_interval).filter(|s| *s > 0).or_else(|| self.interval())
    }
}

impl FluxKind for Kustomizations {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let home = &*meta.namespace;
        let mut links: Vec<Link> =
            spec.depends_on.iter().filter_map(|d| d.link(Relation::DependsOn, "Kustomization", home, intern)).collect();
        links.extend(spec.source_ref.link(Relation::Source, "GitRepository", home, intern));
        let applied = short_revision(&status.last_applied_revision);
        let attempted = short_revision(&status.last_attempted_revision);
        let source = match (&*spec.source_ref.kind, &*spec.source_ref.name) {
            (_, "") => String::new(),
            (kind, name) => format!("{kind}/{name}"),
        };
        let count = status.inventory.as_ref().and_then(|i| i64::try_from(i.entries.len()).ok());
        let own = [
            Cell::text(if attempted == applied { "" } else { &attempted }, intern),
            Cell::text(&spec.path, intern),
            Cell::text(&source, intern),
            count.map_or(Cell::None, Cell::Int),
        ];
        let (failures, failing_since) = status.history.failing();
        let told = Told {
            due: status.history.succeeded().zip(spec.interval()).map(|(at, every)| at.plus(every)),
            never: applied.is_empty() && status.history.succeeded().is_none(),
            patience: spec.timeout(),
            retry: spec.retry(),
            changed: status.history.changed(),
            kind: "Kustomization",
            suspend: spec.suspend,
            observed: status.observed_generation,
            conditions: &status.conditions,
            failures,
            failing_since,
            revision: &applied,
            links,
            ..Told::default()
        };
        flux::read(meta, told, own, intern)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    fn kustomization(status: &Value) -> Value {
        json!({"metadata": {"name": "platform", "namespace": "flux-system", "creationTimestamp": "2026-11-01T00:00:00Z",
                "labels": {"kustomize.toolkit.fluxcd.io/name": "platform",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
            "spec": {"path": "./clusters/prod", "dependsOn": [{"name": "crds"}],
                "sourceRef": {"kind": "GitRepository", "name": "platform"}},
            "status": status})
    }

    #[test]
    fn a_failing_revision_stands_beside_the_applied_one() {
        let seen = seen(
            "ks",
            &kustomization(&json!({
            "lastAppliedRevision": "main@sha1:0123456789abcdef0123456789abcdef01234567",
            "lastAttemptedRevision": "main@sha1:fedcba9876543210fedcba9876543210fedcba98",
            "inventory": {"entries": [{"id": "a", "v": "v1"}, {"id": "b", "v": "v1"}]},
            "conditions": [
                {"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry", "message": "r"},
                {"type": "Ready", "status": "False", "reason": "HealthCheckFailed", "message": "timeout",
                    "lastTransitionTime": "2026-11-21T13:00:00Z"}]})),
        );
        assert_eq!(seen.verdict(NOW), "failed P2 health check failed: timeout");
        assert_eq!(
            (seen.column("REVISION"), seen.column("ATTEMPTED")),
            ("main@01234567".into(), "main@fedcba98".into())
        );
        assert_eq!((seen.column("OBJECTS"), seen.column("SOURCE")), ("2".into(), "GitRepository/platform".into()));
    }

    #[test]
    fn the_root_does_not_manage_itself() {
        let seen = seen("ks", &kustomization(&json!({})));
        assert_eq!(
            seen.links(),
            ["DependsOn Kustomization flux-system/crds", "Source GitRepository flux-system/platform"]
        );
    }

    #[test]
    fn a_retry_does_not_hide_a_revision_that_keeps_failing() {
        let status = |total: i64, last: &str| {
            json!({"history": [
                {"firstReconciled": "2026-11-20T00:00:00Z", "lastReconciled": "2026-11-21T10:00:00Z",
                    "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 90},
                {"firstReconciled": "2026-11-21T12:00:00Z", "lastReconciled": "2026-11-21T13:59:00Z",
                    "lastReconciledStatus": last, "totalReconciliations": total}],
                "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "in progress",
                    "lastTransitionTime": "2026-11-21T13:59:30Z"}]})
        };
        let failing = seen("ks", &kustomization(&status(5, "HealthCheckFailed")));
        assert_eq!(failing.verdict(NOW), "progressing P2 failed 5 times, trying again: in progress");
        assert_eq!(failing.column("SINCE"), "120m");
        assert_eq!(seen("ks", &kustomization(&status(5, "ReconciliationSucceeded"))).verdict(NOW), "progressing");
        assert_eq!(
            seen("ks", &kustomization(&status(1, "HealthCheckFailed"))).verdict(NOW),
            "progressing P2 failed once, trying again: in progress"
        );
        // it gave way to a newer one
        assert_eq!(seen("ks", &kustomization(&status(1, "HealthCheckCanceled"))).verdict(NOW), "progressing");
    }

    /// A failing one of a minute's interval, `seconds` after its last attempt.
    fn minutely(more: &Value, seconds: i64) -> crate::kinds::testing::Seen {
        let at = crate::kinds::testing::at(NOW).plus(-seconds).timestamp().to_string();
        let mut object = kustomization(
            &json!({"lastAttemptedRevision": "main@sha1:fedcba9876543210fedcba9876543210fedcba98",
            "lastAppliedRevision": "main@sha1:0123456789abcdef0123456789abcdef01234567", "conditions": [
            {"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry", "lastTransitionTime": at},
            {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no such file", "lastTransitionTime": at}]}),
        );
        object["spec"]["interval"] = json!("1m");
        for (key, value) in more.as_object().into_iter().flatten() {
            object["status"][key] = value.clone();
        }
        seen("ks", &object)
    }

    #[test]
    fn one_that_is_tried_again_within_its_grace_is_told_half_way_to_the_next_attempt() {
        assert_eq!(minutely(&json!({}), 29).verdict(NOW), "failed");
        assert_eq!(minutely(&json!({}), 30).verdict(NOW), "failed P2 build failed: no such file");
    }

    #[test]
    fn one_that_was_never_applied_fails_since_it_was_made_and_another_since_its_last_success() {
        let never = minutely(&json!({"lastAppliedRevision": ""}), 5);
        assert_eq!(
            (never.column("SINCE").as_str(), never.verdict(NOW).as_str()),
            ("20d", "failed P2 build failed: no such file")
        );
        let before = json!({"history": [{"firstReconciled": "2026-11-20T00:00:00Z", "lastReconciled": "2026-11-21T13:30:00Z",
            "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 90}]});
        let since = minutely(&before, 5);
        assert_eq!(
            (since.column("SINCE").as_str(), since.verdict(NOW).as_str()),
            ("29m", "failed P2 build failed: no such file")
        );
    }

    /// One of a minute's interval that is under way for five seconds, with this revision applied.
    fn trying(reason: &str, applied: &str) -> crate::kinds::testing::Seen {
        let at = "2026-11-21T13:59:55Z";
        minutely(
            &json!({"lastAppliedRevision": applied, "conditions": [
                {"type": "Reconciling", "status": "True", "reason": reason, "message": "Building manifests", "lastTransitionTime": at},
                {"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "m", "lastTransitionTime": at}]}),
            5,
        )
    }

    #[test]
    fn one_that_is_caught_while_it_is_tried_again_has_failed() {
        let again = trying("ProgressingWithRetry", "main@sha1:0123456789abcdef0123456789abcdef01234567");
        assert_eq!(again.verdict(NOW), "progressing P2 failed, trying again: Building manifests");
        assert_eq!(again.column("SINCE"), "65s", "the attempt before was an interval ago");
        // a first attempt at a new revision
        let first = trying("Progressing", "main@sha1:0123456789abcdef0123456789abcdef01234567");
        assert_eq!(first.verdict(NOW), "progressing");
        let never = trying("Progressing", "");
        assert_eq!(never.verdict(NOW), "warning P3 in progress for more than 30s: Building manifests");
        assert_eq!(never.column("SINCE"), "20d");
    }

    #[test]
    fn an_attempt_has_its_timeout_or_its_interval() {
        let of = |spec: Value, since: &str| {
            let mut object = kustomization(&json!({"lastAppliedRevision": "a", "conditions": [
                {"type": "Reconciling", "status": "True", "reason": "Progressing", "message": "Building manifests", "lastTransitionTime": "2026-11-21T13:59:59Z"},
                {"type": "Ready", "status": "Unknown", "reason": "Progressing", "lastTransitionTime": since}]}));
            object["spec"] = spec;
            seen("ks", &object).verdict(NOW)
        };
        let late = "warning P3 in progress for more than 2m: Building manifests";
        assert_eq!(of(json!({"timeout": "2m", "interval": "1h"}), "2026-11-21T13:55:00Z"), late);
        assert_eq!(of(json!({"timeout": "2m", "interval": "1h"}), "2026-11-21T13:55:01Z"), "progressing");
        let late = "warning P3 in progress for more than 9m30s: Building manifests";
        assert_eq!(of(json!({"interval": "10m"}), "2026-11-21T13:47:00Z"), late);
        assert_eq!(of(json!({}), "2026-11-21T13:45:01Z"), "progressing");
    }
}
