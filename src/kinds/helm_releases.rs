//! `HelmReleases`: what is deployed, what was tried, and whether the controller will try again.

use serde::Deserialize;

use super::column::{Column, Field};
use super::ending::link;
use super::flux::{self, FluxKind, FluxObject, Reference, Told, decode};
use super::wire::{Condition, Conditions, Many, Text, or_default};
use super::{Alarm, Api, Controller, Family, KindSpec, Switch, Tells, flux_judge};
use crate::domain::ages::{Time, go_duration};
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Link, Record, Relation};
use crate::domain::redact;

/// `kube-prometheus-stack 60.x`, as the spec wants it.
pub const CHART: u8 = flux::OWN;
/// The chart version tried last, when it is not the deployed one.
pub const ATTEMPTED: u8 = flux::OWN + 1;
/// The Helm release's own revision number.
pub const HELM_REVISION: u8 = flux::OWN + 2;
/// Where it installs, when that is not its own namespace.
pub const TARGET: u8 = flux::OWN + 3;

pub const SPEC: KindSpec = KindSpec {
    name: "HelmRelease",
    word: "hr",
    aliases: &["helmrelease", "helmreleases", "releases"],
    title: "HelmReleases",
    api: Api::Watch {
        group: "helm.toolkit.fluxcd.io",
        versions: &["v2", "v2beta2", "v2beta1"],
        plural: "helmreleases",
        namespaced: true,
        decode: decode::<HelmReleases>,
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
        Column::new("FAILURES", Field::Cell(flux::FAILURES), 8, 8, 9).right(),
        flux::MESSAGE,
        Column::new("CHART", Field::Cell(CHART), 8, 32, 10),
        Column::new("ATTEMPTED", Field::Cell(ATTEMPTED), 9, 20, 11).wide(),
        Column::new("HELM REV", Field::Cell(HELM_REVISION), 8, 8, 12).wide().right(),
        flux::AGE,
    ],
    blinds: "Helm releases, failed upgrades, suspended releases",
    judge: flux_judge::judge,
    guide: include_str!("../../assets/guides/release.txt"),
    family: Family::FluxApplier,
    controller: Some(&Controller { name: "helm-controller", serves: "HelmReleases", home: "flux-system" }),
    switch: Some(&Switch { noun: &["helmrelease"], ..flux::IN_SPEC }),
    alarm: Alarm::By("name"),
    tells: Tells::Revision,
    counted_as: "Flux HelmReleases",
    ..KindSpec::BASE
};

struct HelmReleases;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    suspend: Option<bool>,
    timeout: Text,
    #[serde(deserialize_with = "or_default")]
    install: Action,
    #[serde(deserialize_with = "or_default")]
    upgrade: Action,
    #[serde(deserialize_with = "or_default")]
    rollback: Action,
    #[serde(deserialize_with = "or_default")]
    test: Action,
    depends_on: Many<Reference>,
    target_namespace: Text,
    #[serde(deserialize_with = "or_default")]
    chart: Chart,
    #[serde(deserialize_with = "or_default")]
    chart_ref: Reference,
}

/// What each of Helm's actions may set for itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Action {
    timeout: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chart {
    /// The object made from the template: a `HelmChart`, or (Flux 2.10) an `OCIRepository`.
    kind: Text,
    #[serde(deserialize_with = "or_default")]
    spec: ChartSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ChartSpec {
    chart: Text,
    version: Text,
    /// For an `OCIRepository`, which has neither chart nor source.
    url: Text,
    #[serde(deserialize_with = "or_default")]
    r#ref: OciRef,
    #[serde(deserialize_with = "or_default")]
    source_ref: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OciRef {
    tag: Text,
    semver: Text,
    digest: Text,
}

/// The timeout of an action without any of its own. Source: helm-controller `api/v2`, `GetTimeout`.
const TIMEOUT: i64 = 300;

impl Spec {
    /// The longest that one of its actions may take.
    fn timeout(&self) -> i64 {
        let own =
            [&self.timeout, &self.install.timeout, &self.upgrade.timeout, &self.rollback.timeout, &self.test.timeout];
        let longest = own.into_iter().filter_map(|text| go_duration(text)).max().unwrap_or(0);
        if self.timeout.is_empty() { longest.max(TIMEOUT) } else { longest }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    conditions: Many<Condition>,
    history: Many<Release>,
    last_applied_revision: Text,
    last_attempted_revision: Text,
    failures: Option<i64>,
    /// `namespace/name` of a `HelmChart`; for another kind `OCIRepository/namespace/name`.
    helm_chart: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Release {
    version: Option<i64>,
    chart_version: Text,
    last_deployed: Text,
}

impl Status {
    /// Past the first entry, the history is not in order.
    fn newest(&self) -> Option<&Release> {
        self.history.iter().rev().max_by_key(|r| r.version)
    }

    /// No release exists, and none has failed: what it waits for comes first.
    fn is_new(&self) -> bool {
        let is_false = |name| self.conditions.of(name).is_some_and(Condition::is_false);
        let failed = is_false("Ready") || is_false("Released") || self.failures.unwrap_or(0) > 0;
        self.history.is_empty() && self.last_applied_revision.is_empty() && !failed
    }

    /// v2beta1 has no history.
    fn revision(&self) -> &str {
        let deployed = self.newest().map_or("", |r| &r.chart_version);
        [deployed, &self.last_applied_revision, &self.last_attempted_revision]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

impl FluxKind for HelmReleases {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let revision = status.revision();
        let attempted = &*status.last_attempted_revision;
        let own = [
            Cell::text(&chart(spec), intern),
            Cell::text(if attempted == revision { "" } else { attempted }, intern),
            status.newest().and_then(|r| r.version).map_or(Cell::None, Cell::Int),
            Cell::text(&spec.target_namespace, intern),
        ];
        let told = Told {
            changed: status.newest().and_then(|r| Time::parse(&r.last_deployed)),
            kind: "HelmRelease",
            suspend: spec.suspend,
            observed: status.observed_generation,
            conditions: &status.conditions,
            failures: status.failures.unwrap_or(0),
            never: status.is_new(),
            patience: Some(spec.timeout()),
            revision,
            links: links(object, intern),
            ..Told::default()
        };
        flux::read(meta, told, own, intern)
    }
}

fn chart(spec: &Spec) -> String {
    let wanted = &spec.chart.spec;
    if !wanted.url.is_empty() {
        let version = [&wanted.r#ref.digest, &wanted.r#ref.semver, &wanted.r#ref.tag];
        let version = version.into_iter().find(|text| !text.is_empty()).map_or("", |text| text);
        return format!("{} {version}", redact::urls(&wanted.url)).trim_end().to_owned();
    }
    match (&*wanted.chart, &*wanted.version) {
        ("", _) if spec.chart_ref.name.is_empty() => String::new(),
        ("", _) => format!("{}/{}", &*spec.chart_ref.kind, &*spec.chart_ref.name),
        (chart, "") => chart.to_owned(),
        (chart, version) => format!("{chart} {version}"),
    }
}

/// Kind, namespace and name of the object that the controller made from the chart's template, from `status.helmChart`.
pub fn made(chart: &str) -> Option<(&str, &str, &str)> {
    match chart.split('/').collect::<Vec<_>>()[..] {
        [namespace, name] => Some(("HelmChart", namespace, name)),
        [kind, namespace, name] => Some((kind, namespace, name)),
        _ => None,
    }
}

/// Dependencies, then the sources: where the chart comes from, and the `HelmChart` in between.
fn links(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Vec<Link> {
    let (spec, home) = (&object.spec, &*object.metadata.namespace);
    let mut links: Vec<Link> =
        spec.depends_on.iter().filter_map(|d| d.link(Relation::DependsOn, "HelmRelease", home, intern)).collect();
    links.extend(spec.chart.spec.source_ref.link(Relation::Source, "HelmRepository", home, intern));
    links.extend(spec.chart_ref.link(Relation::Source, "OCIRepository", home, intern));
    match made(&object.status.helm_chart) {
        Some((kind, namespace, name)) => links.push(link(Relation::Source, kind, namespace, name, intern)),
        // the name that the controller will give to the object made from the template
        None if &*spec.chart.kind == "OCIRepository" => {
            let name = format!("{home}-{}", &*object.metadata.name);
            links.push(link(Relation::Source, "OCIRepository", home, &name, intern));
        }
        None => {}
    }
    links
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    /// Conditions as (type, status, reason, message), all since 2026-11-21T13:00:00Z.
    fn release(conditions: &[(&str, &str, &str, &str)], more: &Value) -> Value {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(t, s, r, m)| {
                json!({"type": t, "status": s, "reason": r, "message": m,
                "lastTransitionTime": "2026-11-21T13:00:00Z"})
            })
            .collect();
        let mut object = json!({
            "metadata": {"name": "monitoring", "namespace": "flux-system", "uid": "u", "generation": 3,
                "creationTimestamp": "2026-11-01T00:00:00Z",
                "labels": {"kustomize.toolkit.fluxcd.io/name": "platform",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
            "spec": {"dependsOn": [{"name": "cert-manager"}, {"name": "istiod", "namespace": "mesh"}],
                "chart": {"spec": {"chart": "kube-prometheus-stack", "version": "60.x",
                    "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}},
            "status": {"observedGeneration": 3, "helmChart": "flux-system/flux-system-monitoring",
                "history": [{"version": 9, "chartVersion": "60.2.0"}, {"version": 4, "chartVersion": "59.0.0"},
                    {"version": 8, "chartVersion": "60.1.0"}],
                "lastAttemptedRevision": "60.2.0"}});
        merge(&mut object, more);
        object["status"]["conditions"] = conditions.into();
        object
    }

    fn merge(into: &mut Value, from: &Value) {
        match (into, from) {
            (Value::Object(into), Value::Object(from)) => {
                for (key, value) in from {
                    merge(into.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
            (into, from) => *into = from.clone(),
        }
    }

    const HELM: &str = "Helm upgrade failed for release monitoring/monitoring with chart kube-prometheus-stack@60.3.0: \
                        context deadline exceeded";
    const WAITS: &str = "dependency 'mesh/istiod' is not ready";
    const CHART: &str = "HelmChart 'flux-system/flux-system-monitoring' is not ready: no artifact";

    #[rstest]
    #[case::ok(&[("Ready", "True", "UpgradeSucceeded", "fine")], json!({}), "UpgradeSucceeded", "ok")]
    #[case::ready_is_not_the_first(&[("TestSuccess", "True", "TestSucceeded", "x"), ("Ready", "True", "TestSucceeded", "y")],
        json!({}), "TestSucceeded", "ok")]
    #[case::failed(&[("Ready", "False", "UpgradeFailed", HELM)], json!({}), "UpgradeFailed",
        "failed P2 upgrade failed: context deadline exceeded")]
    #[case::failing_keeps_reconciling(&[("Reconciling", "True", "Progressing", "retrying"), ("Ready", "False", "InstallFailed", "schema")],
        json!({"status": {"observedGeneration": -1, "failures": 40}}), "InstallFailed", "failed P2 install failed: schema")]
    #[case::blocked_keeps_reconciling(&[("Reconciling", "True", "Progressing", "x"), ("Ready", "False", "DependencyNotReady", WAITS)],
        json!({"status": {"observedGeneration": -1}}), "DependencyNotReady", "warning P3 blocked by mesh/istiod")]
    #[case::blocked_by_its_chart(&[("Ready", "False", "SourceNotReady", CHART)], json!({}), "SourceNotReady",
        "warning P3 blocked by HelmChart flux-system-monitoring")]
    #[case::blocked_by_one_of_many(&[("Ready", "False", "DependencyNotReady", "?")], json!({}), "DependencyNotReady",
        "warning P3 blocked by one of 2")]
    #[case::blocked_by_the_only_one(&[("Ready", "False", "DependencyNotReady", "?")],
        json!({"spec": {"dependsOn": [{"name": "istiod"}]}}), "DependencyNotReady", "warning P3 blocked by istiod")]
    #[case::stalled(&[("Stalled", "True", "RetriesExceeded", "no more"), ("Ready", "False", "UpgradeFailed", HELM)], json!({}),
        "RetriesExceeded", "failed P2 upgrade failed, retries exceeded, will not retry: context deadline exceeded")]
    #[case::rolled_back(&[("Ready", "False", "RollbackSucceeded", "rollback done"), ("Remediated", "True", "RollbackSucceeded", ""),
        ("Released", "False", "UpgradeFailed", HELM)], json!({}), "RollbackSucceeded",
        "failed P2 rolled back to 60.2.0: context deadline exceeded")]
    #[case::rolled_back_for_good(&[("Stalled", "True", "RetriesExceeded", "no more"),
        ("Ready", "False", "RollbackSucceeded", "rollback done")], json!({}), "RetriesExceeded",
        "failed P2 rolled back to 60.2.0, retries exceeded, will not retry: rollback done")]
    #[case::stalled_without_ready(&[("Stalled", "True", "AccessDenied", "cross-namespace")], json!({}), "AccessDenied",
        "failed P2 access denied, will not retry: cross-namespace")]
    #[case::under_way(&[("Reconciling", "True", "Progressing", "Running 'upgrade' action with timeout of 5m"),
        ("Ready", "Unknown", "Progressing", "x")], json!({"spec": {"timeout": "60m"}}), "Progressing", "progressing")]
    #[case::unknown_is_under_way(&[("Ready", "Unknown", "Progressing", "x")], json!({"spec": {"timeout": "60m"}}), "Progressing", "progressing")]
    #[case::under_way_for_too_long(&[("Reconciling", "True", "Progressing", "Running 'upgrade' action with timeout of 5m"),
        ("Ready", "Unknown", "Progressing", "x")], json!({"spec": {"timeout": "55m"}}), "Progressing",
        "warning P3 in progress for more than 55m: Running 'upgrade' action with timeout of 5m")]
    #[case::without_a_timeout(&[("Ready", "Unknown", "Progressing", "x")], json!({}), "Progressing",
        "warning P3 in progress for more than 5m: x")]
    #[case::an_action_has_a_timeout_of_its_own(&[("Ready", "Unknown", "Progressing", "x")],
        json!({"spec": {"timeout": "5m", "upgrade": {"timeout": "1h"}}}), "Progressing", "progressing")]
    #[case::retrying(&[("Ready", "Unknown", "Progressing", "x")], json!({"status": {"failures": 3}}), "Progressing",
        "progressing P2 failed 3 times, trying again: x")]
    #[case::tests_failed(&[("Ready", "True", "UpgradeSucceeded", "y"), ("TestSuccess", "False", "TestFailed", "1 test failed")],
        json!({}), "UpgradeSucceeded", "ok P4 ready, though its tests failed: 1 test failed")]
    #[case::retrying_after_one_failure(&[("Ready", "Unknown", "Progressing", "x"), ("Released", "False", "UpgradeFailed", HELM)],
        json!({"status": {"failures": 1}, "spec": {"timeout": "60m"}}), "Progressing",
        "progressing P2 upgrade failed once, trying again: context deadline exceeded")]
    #[case::rolled_back_and_retrying(&[("Reconciling", "True", "ProgressingWithRetry", "m"), ("Ready", "Unknown", "Progressing", "x"),
        ("Remediated", "True", "RollbackSucceeded", ""), ("Released", "False", "UpgradeFailed", HELM)], json!({}),
        "ProgressingWithRetry", "progressing P2 upgrade failed, trying again: context deadline exceeded")]
    #[case::retrying_by_its_reason(&[("Reconciling", "True", "ProgressingWithRetry", "m"), ("Ready", "Unknown", "Progressing", "x")],
        json!({"spec": {"timeout": "60m"}}), "ProgressingWithRetry", "progressing P2 failed, trying again: m")]
    #[case::never_installed(&[("Reconciling", "True", "Progressing", "m"), ("Ready", "Unknown", "Progressing", "x")],
        json!({"spec": {"timeout": "60m"}, "status": {"history": null}}), "Progressing", "warning P3 in progress for more than 60m: m")]
    #[case::drifted(&[("Ready", "True", "UpgradeSucceeded", ""), ("Drifted", "True", "DriftDetected", "1 object")], json!({}),
        "DriftDetected", "warning P3 drifted: 1 object")]
    #[case::older_generation(&[("Ready", "True", "UpgradeSucceeded", "")], json!({"status": {"observedGeneration": 2}}),
        "Progressing", "warning P3 its controller has not observed its newest spec")]
    #[case::older_generation_of_now(&[("Ready", "True", "UpgradeSucceeded", "")], json!({"status": {"observedGeneration": 2},
        "metadata": {"managedFields": [{"manager": "k", "time": "2026-11-21T13:59:00Z", "fieldsV1": {"f:spec": {"f:values": {}}}}]}}),
        "Progressing", "progressing")]
    #[case::a_health_check_that_gave_way(&[("Ready", "False", "HealthCheckCanceled", "New reconciliation triggered")],
        json!({"spec": {"timeout": "2h"}}), "HealthCheckCanceled", "progressing")]
    #[case::never_reconciled(&[], json!({}), "Waiting", "unknown P3 waiting to be reconciled")]
    #[case::suspended_and_frozen(&[("Ready", "True", "UpgradeSucceeded", "")], json!({"spec": {"suspend": true}}), "Suspended",
        "suspended P3 suspended")]
    #[case::suspended_while_failing(&[("Ready", "False", "UpgradeFailed", "x"), ("Stalled", "True", "RetriesExceeded", "y")],
        json!({"spec": {"suspend": true}}), "Suspended", "warning P2 upgrade failed, and suspended: x")]
    #[case::suspended_from_the_start(&[], json!({"spec": {"suspend": true}}), "Suspended",
        "warning P3 suspended: never reconciled")]
    #[case::deletion_wins(&[("Ready", "False", "UninstallFailed", "x")], json!({"spec": {"suspend": true},
        "metadata": {"deletionTimestamp": "2026-11-21T13:00:00Z", "finalizers": ["finalizers.fluxcd.io"]}}), "Terminating",
        "warning P3 stuck terminating: uninstall failed: x: waits for finalizers.fluxcd.io")]
    #[case::deletion_in_helms_words(&[("Ready", "False", "UninstallFailed", "Helm uninstall failed for release a/b: failed to delete hook job: timed out")],
        json!({"metadata": {"deletionTimestamp": "2026-11-21T13:00:00Z", "finalizers": ["finalizers.fluxcd.io"]}}), "Terminating",
        "warning P3 stuck terminating: uninstall failed: failed to delete hook job: timed out: waits for finalizers.fluxcd.io")]
    #[case::an_older_failure_says_nothing_of_the_deletion(&[("Ready", "False", "UpgradeFailed", "x")], json!({
        "metadata": {"deletionTimestamp": "2026-11-21T13:30:00Z", "finalizers": ["finalizers.fluxcd.io"]}}), "Terminating",
        "warning P3 stuck terminating: waits for finalizers.fluxcd.io")]
    fn the_order_of_conditions_decides(
        #[case] conditions: &[(&str, &str, &str, &str)],
        #[case] more: Value,
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = seen("hr", &release(conditions, &more));
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[test]
    fn a_chart_from_an_oci_template_has_neither_chart_nor_source() {
        let template = json!({"kind": "OCIRepository", "spec": {"url": "oci://ghcr.example/charts/app", "ref": {"semver": "6.x"}}});
        let more =
            json!({"spec": {"chart": null, "dependsOn": null}, "status": {"helmChart": "OCIRepository/apps/apps-app"}});
        let mut object = release(&[], &more);
        object["spec"]["chart"] = template;
        let told = seen("hr", &object);
        assert_eq!(told.links()[0], "Source OCIRepository apps/apps-app");
        assert_eq!(told.column("CHART"), "oci://ghcr.example/charts/app 6.x");
        // before it was made, it will be called after the release
        object["status"]["helmChart"] = json!("");
        assert_eq!(seen("hr", &object).links()[0], "Source OCIRepository flux-system/flux-system-monitoring");
        object["spec"] = json!({"chartRef": {"kind": "ExternalArtifact", "name": "app"}});
        assert_eq!(seen("hr", &object).links()[0], "Source ExternalArtifact flux-system/app");
    }

    #[test]
    fn what_failed_first_says_since_when_it_fails() {
        let conditions = [("Released", "False", "UpgradeFailed", "x"), ("Ready", "False", "UpgradeFailed", "x")];
        let mut object = release(&conditions, &json!({}));
        object["status"]["conditions"][1]["lastTransitionTime"] = json!("2026-11-21T13:59:58Z");
        let seen = seen("hr", &object);
        assert_eq!((seen.column("SINCE").as_str(), seen.verdict(NOW).as_str()), ("60m", "failed P2 upgrade failed: x"));
    }

    #[test]
    fn a_young_failure_waits_out_its_grace_and_a_repeated_one_does_not() {
        let conditions = [("Ready", "False", "UpgradeFailed", "x")];
        let young = seen("hr", &release(&conditions, &json!({})));
        assert_eq!(young.verdict("2026-11-21T13:02:59Z"), "failed");
        assert_eq!(
            young.judged("2026-11-21T13:02:59Z").recheck.unwrap().timestamp().to_string(),
            "2026-11-21T13:03:00Z"
        );
        assert_eq!(young.verdict("2026-11-21T13:03:00Z"), "failed P2 upgrade failed: x");
        let repeated = seen("hr", &release(&conditions, &json!({"status": {"failures": 2}})));
        assert_eq!(repeated.verdict("2026-11-21T13:00:01Z"), "failed P2 upgrade failed: x");
    }

    /// Suspended at 13:00 with these conditions.
    fn suspended(conditions: &[(&str, &str, &str, &str)], status: &Value) -> crate::kinds::testing::Seen {
        let by = json!({"spec": {"suspend": true}, "status": status, "metadata": {"managedFields": [{"manager": "flux",
            "time": "2026-11-21T13:30:00Z", "fieldsV1": {"f:spec": {"f:suspend": {}}}}]}});
        seen("hr", &release(conditions, &by))
    }

    #[rstest]
    #[case::given_up(&[("Stalled", "True", "RetriesExceeded", "x"), ("Ready", "Unknown", "Progressing", "x"),
        ("Released", "False", "UpgradeFailed", "boom")], json!({}), "warning P2 upgrade failed, and suspended by flux: x")]
    #[case::between_two_tries(&[("Reconciling", "True", "Progressing", "m"), ("Ready", "Unknown", "Progressing", "x"),
        ("Released", "False", "UpgradeFailed", "boom")], json!({"failures": 2}), "warning P2 upgrade failed, and suspended by flux: boom")]
    #[case::by_its_count(&[("Ready", "Unknown", "Progressing", "x")], json!({"failures": 2}), "warning P2 failed, and suspended by flux: x")]
    #[case::by_ready(&[("Ready", "False", "InstallFailed", "boom")], json!({}), "warning P2 install failed, and suspended by flux: boom")]
    #[case::under_way(&[("Ready", "Unknown", "Progressing", "x")], json!({}), "warning P3 suspended by flux at progressing: x")]
    #[case::waiting(&[("Ready", "False", "DependencyNotReady", "x")], json!({}),
        "warning P3 suspended by flux at dependency not ready: x")]
    fn a_failure_is_none_the_less_for_being_suspended_between_two_tries(
        #[case] conditions: &[(&str, &str, &str, &str)],
        #[case] status: Value,
        #[case] verdict: &str,
    ) {
        let seen = suspended(conditions, &status);
        assert_eq!(seen.verdict(NOW), verdict);
        // since it failed, not since somebody suspended it
        let since = seen.judged(NOW).findings[0].since.unwrap().timestamp().to_string();
        assert_eq!(since == "2026-11-21T13:00:00Z", verdict.contains("P2"), "{since}");
    }

    #[test]
    fn a_release_that_is_tried_again_fails_since_it_failed_first() {
        let mut object = release(
            &[("Released", "False", "UpgradeFailed", "boom"), ("Ready", "Unknown", "Progressing", "x")],
            &json!({"status": {"failures": 14}}),
        );
        object["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-11-19T14:00:00Z");
        object["status"]["conditions"][1]["lastTransitionTime"] = json!("2026-11-21T13:59:55Z");
        let seen = seen("hr", &object);
        assert_eq!(seen.column("SINCE"), "2d");
        assert_eq!(seen.verdict(NOW), "progressing P2 upgrade failed 14 times, trying again: boom");
    }

    #[test]
    fn a_suspend_names_its_hand_and_grows_louder_after_a_day() {
        let more = json!({"spec": {"suspend": true}, "metadata": {"managedFields": [
            {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:chart": {}}}},
            {"manager": "flux", "operation": "Update", "time": "2026-11-21T11:00:00Z",
                "fieldsV1": {"f:spec": {"f:suspend": {}}}}]}});
        let seen = seen("hr", &release(&[("Ready", "True", "UpgradeSucceeded", "")], &more));
        assert_eq!(seen.record.suspended, Some(true));
        assert_eq!(seen.column("SUSPENDED"), "3h by flux");
        assert_eq!(seen.column("READY"), "True, frozen");
        assert_eq!(seen.verdict(NOW), "suspended P3 suspended by flux");
        assert_eq!(seen.judged(NOW).recheck.unwrap().timestamp().to_string(), "2026-11-22T11:00:00Z");
        assert_eq!(seen.verdict("2026-11-22T11:00:00Z"), "suspended P2 suspended by flux");
        // as urgent as that since a day has gone by
        let finding = seen.judged("2026-11-24T11:00:00Z").findings[0].clone();
        let told = |at: Option<crate::domain::ages::Time>| at.unwrap().timestamp().to_string();
        assert_eq!(
            (told(finding.since), told(finding.severe())),
            ("2026-11-21T11:00:00Z".into(), "2026-11-22T11:00:00Z".into())
        );
    }

    #[test]
    fn the_revision_is_that_of_the_newest_release() {
        let ok = [("Ready", "True", "UpgradeSucceeded", "")];
        assert_eq!(seen("hr", &release(&ok, &json!({}))).column("REVISION"), "60.2.0");
        let late = json!({"status": {"history": [{"version": 4, "chartVersion": "59.0.0"}, {"version": 10, "chartVersion": "61.0.0"}],
            "lastAttemptedRevision": "62.0.0"}});
        let seen_late = seen("hr", &release(&ok, &late));
        assert_eq!((seen_late.column("REVISION"), seen_late.column("ATTEMPTED")), ("61.0.0".into(), "62.0.0".into()));
        let unversioned = json!({"status": {"history": [{"chartVersion": "2"}, {"chartVersion": "1"}]}});
        assert_eq!(seen("hr", &release(&ok, &unversioned)).column("REVISION"), "2");
        let old_api = json!({"status": {"history": null, "lastAppliedRevision": "1.2.3"}});
        assert_eq!(seen("hr", &release(&ok, &old_api)).column("REVISION"), "1.2.3");
        let never = json!({"status": {"history": []}});
        assert_eq!(seen("hr", &release(&ok, &never)).column("REVISION"), "60.2.0");
    }

    #[test]
    fn links_default_to_the_own_namespace() {
        assert_eq!(
            seen("hr", &release(&[], &json!({}))).links(),
            [
                "DependsOn HelmRelease flux-system/cert-manager",
                "DependsOn HelmRelease mesh/istiod",
                "Source HelmRepository flux-system/charts",
                "Source HelmChart flux-system/flux-system-monitoring",
                "ManagedBy Kustomization flux-system/platform",
            ]
        );
        let by_ref = json!({"spec": {"chart": null, "dependsOn": null, "chartRef": {"kind": "OCIRepository", "name": "app"}},
            "status": {"helmChart": ""}});
        let by_ref = seen("hr", &release(&[], &by_ref));
        assert_eq!(by_ref.links()[0], "Source OCIRepository flux-system/app");
        assert_eq!(by_ref.column("CHART"), "OCIRepository/app");
    }

    #[test]
    fn passwords_in_messages_do_not_reach_the_screen() {
        let seen = seen(
            "hr",
            &release(&[("Ready", "False", "ArtifactFailed", "get 'https://bob:hunter2@h/x': 401")], &json!({})),
        );
        assert_eq!(seen.verdict(NOW), "failed P2 artifact failed: get 'https://h/x': 401");
    }
}
