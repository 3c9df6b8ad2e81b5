//! Where Flux gets things from: Git, Helm, OCI and bucket sources, and the charts of the releases.

use serde_json::{Value, json};

use super::build::{NOW, condition, meta, time};
use super::flux::{RELEASES, chart_name};
use super::moment::{GRAFANA_CHARTS, Moment, Span, TEAM_BETA_GIT};

/// The revision that the platform's repository is at.
pub fn platform_revision(m: &Moment) -> String {
    format!("main@sha1:{}", m.hex("git/platform", 40))
}

/// Helm repositories: name, URL, `oci`.
const HELM: &[(&str, &str, bool)] = &[
    ("istio", "https://charts.example.internal/istio", false),
    ("jetstack", "https://charts.example.internal/jetstack", false),
    ("kyverno", "https://charts.example.internal/kyverno", false),
    ("prometheus-community", "https://charts.example.internal/prometheus-community", false),
    ("grafana", "https://charts.example.internal/grafana", false),
    ("openbao", "https://charts.example.internal/openbao", false),
    ("external-secrets", "https://charts.example.internal/external-secrets", false),
    ("neuvector", "https://charts.example.internal/neuvector", false),
    ("vmware-tanzu", "https://charts.example.internal/vmware-tanzu", false),
    ("harbor", "oci://harbor.example.internal/charts", true),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    for (namespace, name, path, trouble) in [
        ("flux-system", "platform", "sre/platform", None),
        ("team-alpha", "apps", "team-alpha/apps", None),
        ("team-beta", "apps", "team-beta/apps", Some(TEAM_BETA_GIT)),
    ] {
        let url = format!("https://git.example.internal/{path}.git");
        let span = trouble.and_then(|t| m.during(t));
        let revision = if name == "platform" { platform_revision(m) } else { format!("main@sha1:{}", m.hex(path, 40)) };
        let failure = span.map(|s| (s, "GitOperationFailed", format!("failed to checkout and determine revision: unable to clone '{url}': authentication required: 401 Unauthorized")));
        let spec = json!({ "interval": "1m0s", "timeout": "60s", "url": url, "ref": { "branch": "main" }, "secretRef": { "name": "git-credentials" } });
        all.push(source(m, "GitRepository", namespace, name, &spec, &revision, failure));
    }
    for (name, url, oci) in HELM {
        if *oci {
            all.push(json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository", "metadata": meta("flux-system", name, m.days_ago(200), &[]), "spec": { "type": "oci", "interval": "30m0s", "url": url } }));
            continue;
        }
        let span = if *name == "grafana" { m.during(GRAFANA_CHARTS) } else { None };
        let failure = span.map(|s| (s, "IndexationFailed", format!("failed to fetch Helm repository index: failed to cache index to temporary file: failed to fetch {url}/index.yaml : 503 Service Unavailable")));
        all.push(source(
            m,
            "HelmRepository",
            "flux-system",
            name,
            &json!({ "interval": "30m0s", "url": url, "timeout": "60s" }),
            &format!("sha256:{}", m.hex(url, 64)),
            failure,
        ));
    }
    let oci = json!({ "interval": "10m0s", "url": "oci://harbor.example.internal/charts/slo-scout", "ref": { "semver": "0.3.x" }, "timeout": "60s" });
    all.push(source(
        m,
        "OCIRepository",
        "slo-scout",
        "slo-scout",
        &oci,
        &format!("0.3.0@sha256:{}", m.hex("oci/slo-scout", 64)),
        None,
    ));
    let bucket = json!({ "interval": "5m0s", "provider": "generic", "bucketName": "compliance-artifacts", "endpoint": "minio.example.internal", "timeout": "60s" });
    all.push(source(
        m,
        "Bucket",
        "flux-system",
        "compliance",
        &bucket,
        &format!("sha256:{}", m.hex("bucket/compliance", 64)),
        None,
    ));
    generated(m, all);
    for release in RELEASES {
        let Some((repository, chart)) = release.chart.split_once('/') else { continue };
        let name = chart_name(release);
        let spec = json!({ "chart": chart, "version": release.version, "interval": "30m0s", "reconcileStrategy": "ChartVersion", "sourceRef": { "kind": "HelmRepository", "name": repository } });
        let mut object = source(m, "HelmChart", "flux-system", &name, &spec, release.version, None);
        object["status"]["observedChartName"] = json!(chart);
        all.push(object);
    }
}

/// What a team's repository is split into.
fn generated(m: &Moment, all: &mut Vec<Value>) {
    let (namespace, name, made) = ("team-alpha", "apps", "apps-frontend");
    let from = json!({ "sources": [{ "alias": "apps", "kind": "GitRepository", "name": "apps" }],
        "artifacts": [{ "name": made, "revision": "@apps", "copy": [{ "from": "@apps/frontend/**", "to": "@artifact/" }] }] });
    let ready = condition(
        "Ready",
        "True",
        "Succeeded",
        "reconciliation succeeded, generated 1 artifact(s)",
        m.days_ago(2),
        NOW,
    );
    all.push(json!({ "apiVersion": "source.extensions.fluxcd.io/v1beta1", "kind": "ArtifactGenerator",
        "metadata": meta(namespace, name, m.days_ago(60), &[]), "spec": from, "status": { "conditions": [ready],
            "inventory": [{ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact", "namespace": namespace, "name": made }] } }));
    let maker = json!({ "sourceRef": { "apiVersion": "source.extensions.fluxcd.io/v1beta1", "kind": "ArtifactGenerator", "name": name, "namespace": namespace } });
    let revision = format!("main@sha1:{}", m.hex("team-alpha/apps", 40));
    let mut artifact = source(m, "ExternalArtifact", namespace, made, &maker, &revision, None);
    artifact["status"]["conditions"] =
        json!([condition("Ready", "True", "Succeeded", "Artifact is ready", m.days_ago(2), NOW)]);
    all.push(artifact);
}

fn source(
    m: &Moment,
    kind: &str,
    namespace: &str,
    name: &str,
    spec: &Value,
    revision: &str,
    failure: Option<(Span, &str, String)>,
) -> Value {
    let created = m.days_ago(200);
    let plural = kind.to_lowercase();
    let mut object = json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind, "metadata": meta(namespace, name, created, &[]), "spec": spec });
    let path = format!("{plural}/{namespace}/{name}");
    let mut status = json!({ "observedGeneration": NOW, "artifact": { "revision": revision, "digest": format!("sha256:{}", m.hex(&path, 64)), "path": format!("{path}/artifact.tar.gz"),
        "url": format!("http://source-controller.flux-system.svc.cluster.local./{path}/artifact.tar.gz"), "lastUpdateTime": time(m.days_ago(2)), "size": 48_213 } });
    status["conditions"] = match failure {
        None => json!([
            condition(
                "Ready",
                "True",
                "Succeeded",
                &format!("stored artifact for revision '{revision}'"),
                m.days_ago(2),
                NOW
            ),
            condition(
                "ArtifactInStorage",
                "True",
                "Succeeded",
                &format!("stored artifact for revision '{revision}'"),
                m.days_ago(2),
                NOW
            )
        ]),
        Some((span, reason, message)) => json!([
            condition("Reconciling", "True", "ProgressingWithRetry", &message, span.since, NOW),
            condition("Ready", "False", reason, &message, span.since, NOW),
            condition("FetchFailed", "True", reason, &message, span.since, NOW),
            condition(
                "ArtifactInStorage",
                "True",
                "Succeeded",
                &format!("stored artifact for revision '{revision}'"),
                m.days_ago(2),
                NOW
            )
        ]),
    };
    object["status"] = status;
    object
}
