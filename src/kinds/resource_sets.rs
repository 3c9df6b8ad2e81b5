//! ResourceSets of the Flux operator: objects made from a template and inputs. It is disabled by an annotation, not by
//! a field of its spec, and its status has no generation of its own: the conditions have.

use serde::Deserialize;

use super::column::{Column, Field};
use super::flux::{self, FluxKind, FluxObject, Reference, Told, decode, short_revision};
use super::flux_history::History;
use super::wire::{Condition, Conditions, Many, Nothing, Skipped, Text};
use super::{Api, Controller, Family, KindSpec, Switch, flux_judge};
use crate::domain::ages::go_duration;
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Link, Record, Relation};

/// `3`, `ResourceSetInputProvider/branches`, or both.
pub const INPUTS: u8 = flux::OWN;
/// How many objects it manages.
pub const INVENTORY: u8 = flux::OWN + 1;

/// The annotation that disables its reconciliation.
const SWITCH: &str = "fluxcd.controlplane.io/reconcile";

/// The annotation that says how long an attempt may take. Source: flux-operator `api/v1`.
const TIMEOUT: &str = "fluxcd.controlplane.io/reconcileTimeout";

const BY_ANNOTATION: Switch = Switch {
    pointer: "/metadata/annotations/fluxcd.controlplane.io~1reconcile",
    told: "the annotation fluxcd.controlplane.io/reconcile",
    owned: "/fieldsV1/f:metadata/f:annotations/f:fluxcd.controlplane.io~1reconcile",
    annotation: Some(SWITCH),
    noun: &[],
};

pub const SPEC: KindSpec = KindSpec {
    name: "ResourceSet",
    word: "resourcesets",
    aliases: &["rset", "resourceset"],
    title: "ResourceSets",
    api: Api::Watch {
        group: "fluxcd.controlplane.io",
        versions: &["v1"],
        plural: "resourcesets",
        namespaced: true,
        decode: decode::<ResourceSets>,
    },
    columns: &[
        flux::NAMESPACE,
        flux::NAME,
        flux::STATUS,
        flux::SINCE_COLUMN,
        flux::REVISION_COLUMN,
        flux::BLOCKED_COLUMN,
        flux::SUSPENDED_COLUMN,
        flux::READY_COLUMN,
        flux::MESSAGE,
        Column::new("INPUTS", Field::Cell(INPUTS), 6, 40, 9),
        Column::new("OBJECTS", Field::Cell(INVENTORY), 7, 7, 10).right(),
        flux::AGE,
    ],
    blinds: "ResourceSets, failed and disabled ones",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/release.txt"),
    family: Family::FluxApplier,
    controller: Some(&Controller { name: "flux-operator", serves: "ResourceSets", home: "flux-system" }),
    switch: Some(&BY_ANNOTATION),
    tells: flux::SWITCHED,
    counted_as: "Flux ResourceSets",
    ..KindSpec::BASE
};

struct ResourceSets;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    inputs: Many<Skipped>,
    inputs_from: Many<Reference>,
    depends_on: Many<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    conditions: Many<Condition>,
    last_applied_revision: Text,
    inventory: Option<Inventory>,
    history: History,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inventory {
    entries: Many<Nothing>,
}

/// Where the inputs come from: how many are inline, and who provides more.
fn inputs(spec: &Spec) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !spec.inputs.is_empty() {
        parts.push(spec.inputs.len().to_string());
    }
    for from in spec.inputs_from.iter() {
        let kind = if from.kind.is_empty() { "ResourceSetInputProvider" } else { &from.kind };
        // without a name it is selected by labels
        let name = if from.name.is_empty() { "*" } else { &from.name };
        parts.push(format!("{kind}/{name}"));
    }
    parts.join(", ")
}

impl FluxKind for ResourceSets {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        // a dependency says its own kind and namespace; without a namespace it is cluster-wide
        let links: Vec<Link> =
            spec.depends_on.iter().filter_map(|d| d.link(Relation::DependsOn, "ResourceSet", "", intern)).collect();
        let count = status.inventory.as_ref().and_then(|i| i64::try_from(i.entries.len()).ok());
        let own = [Cell::text(&inputs(spec), intern), count.map_or(Cell::None, Cell::Int)];
        let (failures, failing_since) = status.history.failing();
        let told = Told {
            kind: "ResourceSet",
            suspend: meta.annotations.get(SWITCH).map(|switch| switch.eq_ignore_ascii_case("disabled")),
            observed: status.conditions.of("Ready").and_then(|c| c.observed_generation),
            conditions: &status.conditions,
            // the operator's own default
            patience: meta.annotations.get(TIMEOUT).and_then(go_duration).or(Some(300)),
            failures,
            failing_since,
            never: status.last_applied_revision.is_empty() && status.history.succeeded().is_none(),
            changed: status.history.changed(),
            revision: &short_revision(&status.last_applied_revision),
            links,
            ..Told::default()
        };
        flux::read(meta, told, own, intern)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    fn set(switch: &Value, ready: &Value, more: &Value) -> Value {
        let mut conditions = vec![json!({"type": "Ready", "status": ready[0], "reason": ready[1], "message": "m",
            "observedGeneration": 3, "lastTransitionTime": "2026-11-21T12:00:00Z"})];
        conditions.extend(more.as_array().cloned().unwrap_or_default());
        json!({"metadata": {"name": "tenants", "namespace": "flux-system", "generation": 3,
                "creationTimestamp": "2026-11-01T00:00:00Z",
                "annotations": {"fluxcd.controlplane.io/reconcile": switch, "fluxcd.controlplane.io/reconcileEvery": "5m"},
                "managedFields": [
                    {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-20T08:00:00Z",
                     "fieldsV1": {"f:metadata": {"f:annotations": {"f:fluxcd.controlplane.io/reconcileEvery": {}}}, "f:spec": {"f:inputs": {}}}},
                    {"manager": "kubectl-annotate", "operation": "Update", "time": "2026-11-21T13:00:00Z",
                     "fieldsV1": {"f:metadata": {"f:annotations": {"f:fluxcd.controlplane.io/reconcile": {}}}}}]},
            "spec": {"suspend": true, "inputs": [{"tenant": "a"}, {"tenant": "b"}],
                "inputsFrom": [{"kind": "ResourceSetInputProvider", "name": "branches"}, {"selector": {"matchLabels": {"a": "b"}}}],
                "dependsOn": [{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "name": "platform", "namespace": "flux-system", "ready": true},
                    {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "name": "widgets.example.com"}]},
            "status": {"conditions": conditions, "inventory": {"entries": [{"id": "a", "v": "v1"}]},
                "lastAppliedRevision": "sha256:0123456789abcdef"}})
    }

    #[rstest]
    #[case::ready(json!("enabled"), json!(["True", "ReconciliationSucceeded"]), json!([]), "ok")]
    #[case::never_switched(json!(null), json!(["True", "ReconciliationSucceeded"]), json!([]), "ok")]
    #[case::disabled(json!("disabled"), json!(["True", "ReconciliationSucceeded"]), json!([]), "suspended P3 suspended by kubectl-annotate")]
    #[case::disabled_in_capitals(json!("Disabled"), json!(["True", "ReconciliationSucceeded"]), json!([]), "suspended P3 suspended by kubectl-annotate")]
    #[case::disabled_while_failing(json!("disabled"), json!(["False", "ReconciliationFailed"]), json!([]), "warning P2 reconciliation failed, and suspended by kubectl-annotate: m")]
    #[case::stalled(json!("enabled"), json!(["False", "BuildFailed"]), json!([{"type": "Stalled", "status": "True", "reason": "BuildFailed", "message": "build failed"}]), "failed P2 build failed, will not retry: m")]
    #[case::blocked(json!("enabled"), json!(["False", "DependencyNotReady"]), json!([]), "warning P3 blocked by one of 2")]
    #[case::failed(json!("enabled"), json!(["False", "ReconciliationFailed"]), json!([]), "failed P2 reconciliation failed: m")]
    #[case::progressing(json!("enabled"), json!(["Unknown", "Progressing"]), json!([{"type": "Reconciling", "status": "True", "reason": "Progressing", "message": "m"}]),
        "warning P3 in progress for more than 5m: m")]
    fn it_is_judged_in_the_order_of_the_other_flux_kinds(
        #[case] switch: Value,
        #[case] ready: Value,
        #[case] more: Value,
        #[case] verdict: &str,
    ) {
        assert_eq!(seen("rset", &set(&switch, &ready, &more)).verdict(NOW), verdict);
    }

    #[test]
    fn the_annotation_suspends_and_a_field_of_the_spec_does_not() {
        let of = |switch: &Value| {
            let seen = seen("resourcesets", &set(switch, &json!(["True", "ReconciliationSucceeded"]), &json!([])));
            (seen.record.suspended, seen.column("SUSPENDED"), seen.column("READY"))
        };
        assert_eq!(of(&json!("disabled")), (Some(true), "60m by kubectl-annotate".into(), "True, frozen".into()));
        assert_eq!(of(&json!("enabled")), (Some(false), String::new(), "True".into()));
        assert_eq!(of(&Value::Null), (Some(false), String::new(), "True".into()));
    }

    #[test]
    fn columns_and_links_tell_of_inputs_objects_and_dependencies() {
        let seen = seen("rset", &set(&Value::Null, &json!(["True", "ReconciliationSucceeded"]), &json!([])));
        assert_eq!(
            (seen.column("REVISION"), seen.column("OBJECTS"), seen.column("INPUTS")),
            ("01234567".into(), "1".into(), "2, ResourceSetInputProvider/branches, ResourceSetInputProvider/*".into())
        );
        assert_eq!(
            seen.links(),
            ["DependsOn Kustomization flux-system/platform", "DependsOn CustomResourceDefinition /widgets.example.com"]
        );
    }

    #[test]
    fn a_blocker_is_named_by_kind_where_the_message_names_it() {
        let mut object = set(&Value::Null, &json!(["False", "DependencyNotReady"]), &json!([]));
        object["status"]["conditions"][0]["message"] = json!(
            "Retrying dependency check: dependency kustomize.toolkit.fluxcd.io/v1/Kustomization/platform not ready: status InProgress"
        );
        assert_eq!(seen("rset", &object).column("BLOCKED BY"), "Kustomization platform");
    }

    #[test]
    fn an_older_generation_in_the_condition_is_progressing() {
        let mut object = set(&Value::Null, &json!(["True", "ReconciliationSucceeded"]), &json!([]));
        object["metadata"]["generation"] = json!(4);
        // its inputs were applied the day before
        assert_eq!(seen("rset", &object).verdict(NOW), "warning P3 its controller has not observed its newest spec");
        object["metadata"]["managedFields"][0]["time"] = json!("2026-11-21T13:59:00Z");
        assert_eq!(seen("rset", &object).verdict(NOW), "progressing");
    }

    #[test]
    fn one_that_never_applied_anything_and_is_tried_again_fails_since_it_was_made() {
        let mut object = set(
            &Value::Null,
            &json!(["Unknown", "Progressing"]),
            &json!([{"type": "Reconciling", "status": "True",
            "reason": "ProgressingWithRetry", "message": "x", "lastTransitionTime": "2026-11-21T13:59:55Z"}]),
        );
        object["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-11-21T13:59:55Z");
        assert_eq!(seen("rset", &object).verdict(NOW), "progressing", "within its grace");
        object["status"]["lastAppliedRevision"] = json!(null);
        assert_eq!(seen("rset", &object).verdict(NOW), "progressing P2 failed, trying again: x");
    }

    #[test]
    fn a_retry_does_not_hide_that_it_keeps_failing() {
        let mut object = set(&Value::Null, &json!(["Unknown", "Progressing"]), &json!([]));
        object["status"]["history"] = json!([{"digest": "sha256:0", "firstReconciled": "2026-11-21T12:00:00Z",
            "lastReconciled": "2026-11-21T13:59:00Z", "lastReconciledStatus": "ReconciliationFailed", "totalReconciliations": 5}]);
        assert_eq!(seen("rset", &object).verdict(NOW), "progressing P2 failed 5 times, trying again: m");
    }
}
