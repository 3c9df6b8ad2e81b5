//! The Kustomizations: the root, the platform in its parts, the tenants.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::build::{NOW, condition, managed, meta, time};
use super::flux_sources::platform_revision;
use super::moment::{Moment, TEAM_BETA_GIT};

/// namespace, name, path, source, dependencies.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("flux-system", "flux-system", "./clusters/prod", "platform", &[]),
    ("flux-system", "platform", "./platform/core", "platform", &["flux-system"]),
    ("flux-system", "sre-istio", "./platform/core/istio", "platform", &["platform"]),
    ("flux-system", "sre-cert-manager", "./platform/core/cert-manager", "platform", &["platform"]),
    ("flux-system", "sre-kyverno", "./platform/core/kyverno", "platform", &["platform"]),
    ("flux-system", "sre-monitoring", "./platform/core/monitoring", "platform", &["platform"]),
    ("flux-system", "sre-logging", "./platform/core/logging", "platform", &["platform"]),
    ("flux-system", "sre-openbao", "./platform/core/openbao", "platform", &["platform"]),
    ("flux-system", "policies", "./policies", "platform", &["sre-kyverno"]),
    ("flux-system", "tenants", "./apps/tenants", "platform", &["platform", "policies"]),
    ("team-alpha", "apps", "./deploy", "apps", &[]),
    ("team-beta", "apps", "./deploy", "apps", &[]),
    ("team-beta", "dashboards", "./dashboards", "apps", &["apps"]),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    for (namespace, name, path, source, depends) in ROWS {
        let depends: Vec<Value> = depends.iter().map(|on| json!({ "name": on })).collect();
        let mut spec = json!({ "interval": "10m0s", "timeout": "5m0s", "path": path, "prune": true, "wait": *name != "flux-system", "sourceRef": { "kind": "GitRepository", "name": source } });
        if !depends.is_empty() {
            spec["dependsOn"] = json!(depends);
        }
        let mut meta = meta(
            namespace,
            name,
            m.days_ago(200),
            &[
                ("kustomize.toolkit.fluxcd.io/name", "flux-system"),
                ("kustomize.toolkit.fluxcd.io/namespace", "flux-system"),
            ],
        );
        let revision = if *source == "platform" {
            platform_revision(m)
        } else {
            format!("main@sha1:{}", m.hex(&format!("{namespace}/apps"), 40))
        };
        let applied = m.days_ago(2);
        let mut conditions = vec![
            condition(
                "Ready",
                "True",
                "ReconciliationSucceeded",
                &format!("Applied revision: {revision}"),
                applied,
                NOW,
            ),
            condition("Healthy", "True", "Succeeded", "Health check passed in 31.8ms", applied, NOW),
        ];
        let mut status = json!({ "observedGeneration": NOW, "lastAppliedRevision": revision, "lastAttemptedRevision": revision,
            "inventory": { "entries": inventory(namespace, name) },
            "history": [{ "digest": format!("sha256:{}", m.hex(path, 64)), "firstReconciled": time(applied), "lastReconciled": time(applied), "lastReconciledDuration": "1.84s", "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 288 }] });
        // A person stopped the dashboards 50 minutes ago: Ready is frozen from before.
        if !m.healthy && *name == "dashboards" {
            spec["suspend"] = json!(true);
            meta["managedFields"] = json!([
                managed("kustomize-controller", "kustomize.toolkit.fluxcd.io/v1", m.days_ago(200), "f:path"),
                managed("flux", "kustomize.toolkit.fluxcd.io/v1", m.at(-3000), "f:suspend")
            ]);
        }
        // The new commit of the tenant breaks while its repository cannot be read: what was attempted is not what is applied.
        if *namespace == "team-beta"
            && *name == "apps"
            && let Some(span) = m.during(TEAM_BETA_GIT)
        {
            let attempted = format!("main@sha1:{}", m.hex("team-beta/apps/next", 40));
            let message = "Deployment/team-beta/reports dry-run failed (Forbidden): deployments.apps \"reports\" is forbidden: exceeded quota: team-beta-quota, requested: requests.cpu=500m, used: requests.cpu=3800m, limited: requests.cpu=4";
            conditions = vec![
                condition("Reconciling", "True", "ProgressingWithRetry", message, span.since, NOW),
                condition("Ready", "False", "ReconciliationFailed", message, span.since, NOW),
            ];
            status["lastAttemptedRevision"] = json!(attempted);
            // the attempt before was the last good one
            status["history"][0]["lastReconciled"] =
                json!(time(span.since.checked_sub(SignedDuration::from_mins(10)).unwrap_or(span.since)));
        }
        status["conditions"] = json!(conditions);
        all.push(json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": meta, "spec": spec, "status": status }));
    }
}

fn inventory(namespace: &str, name: &str) -> Value {
    let ids: &[&str] = match (namespace, name) {
        ("flux-system", "flux-system") => &[
            "flux-system_platform_source.toolkit.fluxcd.io_GitRepository",
            "flux-system_platform_kustomize.toolkit.fluxcd.io_Kustomization",
            "flux-system_tenants_kustomize.toolkit.fluxcd.io_Kustomization",
            "flux-system_helm-controller_apps_Deployment",
        ],
        (_, "sre-istio") => &[
            "istio-system_istio-base_helm.toolkit.fluxcd.io_HelmRelease",
            "istio-system_istiod_helm.toolkit.fluxcd.io_HelmRelease",
            "istio-system_istio-gateway_helm.toolkit.fluxcd.io_HelmRelease",
        ],
        (_, "sre-cert-manager") => &["cert-manager_cert-manager_helm.toolkit.fluxcd.io_HelmRelease"],
        (_, "sre-kyverno") => &["kyverno_kyverno_helm.toolkit.fluxcd.io_HelmRelease"],
        (_, "sre-monitoring") => &["monitoring_monitoring_helm.toolkit.fluxcd.io_HelmRelease"],
        (_, "sre-logging") => {
            &["logging_logging_helm.toolkit.fluxcd.io_HelmRelease", "logging_alloy_helm.toolkit.fluxcd.io_HelmRelease"]
        }
        (_, "sre-openbao") => &[
            "openbao_openbao_helm.toolkit.fluxcd.io_HelmRelease",
            "external-secrets_external-secrets_helm.toolkit.fluxcd.io_HelmRelease",
        ],
        (_, "tenants") => &[
            "_team-alpha__Namespace",
            "_team-beta__Namespace",
            "team-alpha_team-alpha-quota__ResourceQuota",
            "team-beta_team-beta-quota__ResourceQuota",
        ],
        ("team-alpha", "apps") => &[
            "team-alpha_shop_helm.toolkit.fluxcd.io_HelmRelease",
            "team-alpha_payments_helm.toolkit.fluxcd.io_HelmRelease",
        ],
        ("team-beta", "apps") => &[
            "team-beta_orders_helm.toolkit.fluxcd.io_HelmRelease",
            "team-beta_catalog_helm.toolkit.fluxcd.io_HelmRelease",
            "team-beta_ledger_helm.toolkit.fluxcd.io_HelmRelease",
        ],
        _ => &[],
    };
    ids.iter().map(|id| json!({ "id": id, "v": if id.contains("helm.toolkit") { "v2" } else { "v1" } })).collect()
}
