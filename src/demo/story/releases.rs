//! What the platform is made of: the table of workloads, and of the containers in them.

use serde_json::{Value, json};

/// Which controller runs the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

/// A container; sizes are requests, limits are twice as much.
#[derive(Debug)]
pub struct Container {
    pub name: &'static str,
    pub image: &'static str,
    pub port: Option<(&'static str, u16)>,
    pub millicores: i64,
    pub mebibytes: i64,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub namespace: &'static str,
    /// The HelmRelease (or, in flux-system, the Kustomization) that brought it; empty for the cluster's own.
    pub release: &'static str,
    pub kind: Kind,
    pub name: &'static str,
    /// `app.kubernetes.io/name`.
    pub app: &'static str,
    /// `app.kubernetes.io/component`, or empty.
    pub component: &'static str,
    pub replicas: i64,
    pub containers: &'static [Container],
    /// A `DaemonSet` that tolerates the control plane.
    pub everywhere: bool,
    /// Size in GiB of the claim that each pod of a `StatefulSet` (or the Deployment as a whole) has.
    pub claim: Option<i64>,
}

impl Workload {
    /// Runs with a sidecar of the mesh.
    pub fn meshed(&self) -> bool {
        self.namespace.starts_with("team-")
    }

    /// The labels of its pods.
    pub fn labels(&self) -> Vec<(&'static str, &'static str)> {
        let mut labels = vec![
            ("app", self.name),
            ("app.kubernetes.io/name", self.app),
            ("app.kubernetes.io/part-of", part_of(self.namespace)),
        ];
        if !self.release.is_empty() {
            labels.push(("app.kubernetes.io/instance", self.release));
            labels
                .push(("app.kubernetes.io/managed-by", if self.namespace == "flux-system" { "flux" } else { "Helm" }));
        }
        if !self.component.is_empty() {
            labels.push(("app.kubernetes.io/component", self.component));
        }
        if self.namespace == "openbao" && self.component == "server" {
            labels.push(("component", "server"));
        }
        labels
    }

    /// The claim of its pod with this number, if it has one; of a StatefulSet each pod has its own.
    pub fn claim_of(&self, index: i64) -> Option<String> {
        self.claim?;
        Some(match self.kind {
            Kind::StatefulSet => format!("data-{}-{index}", self.name),
            _ if self.name.ends_with("-server") => self.name.to_owned(),
            _ => format!("data-{}", self.name),
        })
    }

    /// The labels that select its pods.
    pub fn selector(&self) -> Value {
        let mut selector = json!({ "app": self.name, "app.kubernetes.io/name": self.app });
        if !self.component.is_empty() {
            selector["app.kubernetes.io/component"] = json!(self.component);
        }
        selector
    }
}

fn part_of(namespace: &str) -> &'static str {
    match namespace {
        "slopilot" => "slopilot",
        "slo-scout" => "slo-scout",
        "kubeop-system" => "kubeop",
        "team-alpha" => "team-alpha",
        "team-beta" => "team-beta",
        "kube-system" => "rke2",
        _ => "sre-platform",
    }
}

const fn c(name: &'static str, image: &'static str, port: (&'static str, u16)) -> Container {
    Container { name, image, port: Some(port), millicores: 100, mebibytes: 256 }
}

const fn side(name: &'static str, image: &'static str) -> Container {
    Container { name, image, port: None, millicores: 20, mebibytes: 64 }
}

const fn row(
    kind: Kind,
    at: (&'static str, &'static str),
    name: &'static str,
    app: (&'static str, &'static str),
    replicas: i64,
    containers: &'static [Container],
) -> Workload {
    Workload {
        namespace: at.0,
        release: at.1,
        kind,
        name,
        app: app.0,
        component: app.1,
        replicas,
        containers,
        everywhere: true,
        claim: None,
    }
}

const fn keeps(workload: Workload, gibibytes: i64) -> Workload {
    Workload { claim: Some(gibibytes), ..workload }
}

const fn workers_only(workload: Workload) -> Workload {
    Workload { everywhere: false, ..workload }
}

use Kind::{DaemonSet as Ds, Deployment as De, StatefulSet as St};

const FLUX: (&str, &str) = ("flux-system", "flux-system");
const LOGGING: (&str, &str) = ("logging", "logging");
const MONITORING: (&str, &str) = ("monitoring", "monitoring");
const NEUVECTOR: (&str, &str) = ("neuvector", "runtime-security");
const KYVERNO: (&str, &str) = ("kyverno", "kyverno");
const CERTS: (&str, &str) = ("cert-manager", "cert-manager");
const TEMPO: (&str, &str) = ("tempo", "tempo");
const SCOUT: (&str, &str) = ("slo-scout", "slo-scout");
const KUBEOP: (&str, &str) = ("kubeop-system", "kubeop");
const SECRETS: (&str, &str) = ("external-secrets", "external-secrets");
const RELOADER: Container =
    side("config-reloader", "harbor.example.internal/prometheus-operator/prometheus-config-reloader:v0.72.0");

/// Every workload of the story.
#[rustfmt::skip]
pub const WORKLOADS: &[Workload] = &[
    row(De, FLUX, "source-controller", ("source-controller", "source-controller"), 1, &[c("manager", "harbor.example.internal/fluxcd/source-controller:v1.9.0", ("http", 9090))]),
    row(De, FLUX, "kustomize-controller", ("kustomize-controller", "kustomize-controller"), 1, &[c("manager", "harbor.example.internal/fluxcd/kustomize-controller:v1.9.0", ("http-prom", 8080))]),
    row(De, FLUX, "helm-controller", ("helm-controller", "helm-controller"), 1, &[c("manager", "harbor.example.internal/fluxcd/helm-controller:v1.6.3", ("http-prom", 8080))]),
    row(De, FLUX, "notification-controller", ("notification-controller", "notification-controller"), 1, &[c("manager", "harbor.example.internal/fluxcd/notification-controller:v1.9.0", ("http", 9090))]),
    row(De, ("kube-system", ""), "rke2-coredns-rke2-coredns", ("rke2-coredns", "dns"), 2, &[c("coredns", "rancher/hardened-coredns:v1.12.3", ("dns", 53))]),
    row(De, ("kube-system", ""), "rke2-metrics-server", ("rke2-metrics-server", ""), 1, &[c("metrics-server", "rancher/hardened-k8s-metrics-server:v0.8.0", ("https", 10250))]),
    row(Ds, ("kube-system", ""), "rke2-canal", ("rke2-canal", ""), 0, &[c("calico-node", "rancher/hardened-calico:v3.30.3", ("metrics", 9091)), side("kube-flannel", "rancher/hardened-flannel:v0.27.3")]),
    row(De, ("istio-system", "istiod"), "istiod", ("istiod", "pilot"), 2, &[c("discovery", "harbor.example.internal/istio/pilot:1.27.1", ("http-monitoring", 15014))]),
    row(De, ("istio-system", "istio-gateway"), "istio-gateway", ("istio-gateway", "gateway"), 3, &[c("istio-proxy", "harbor.example.internal/istio/proxyv2:1.27.1", ("http-envoy-prom", 15090))]),
    row(De, CERTS, "cert-manager", ("cert-manager", "controller"), 2, &[c("cert-manager-controller", "harbor.example.internal/jetstack/cert-manager-controller:v1.14.4", ("http-metrics", 9402))]),
    row(De, CERTS, "cert-manager-webhook", ("webhook", "webhook"), 2, &[c("cert-manager-webhook", "harbor.example.internal/jetstack/cert-manager-webhook:v1.14.4", ("https", 10250))]),
    row(De, CERTS, "cert-manager-cainjector", ("cainjector", "cainjector"), 2, &[c("cert-manager-cainjector", "harbor.example.internal/jetstack/cert-manager-cainjector:v1.14.4", ("http-metrics", 9402))]),
    row(De, KYVERNO, "kyverno-admission-controller", ("kyverno", "admission-controller"), 3, &[c("kyverno", "harbor.example.internal/kyverno/kyverno:v1.15.2", ("https", 9443))]),
    row(De, KYVERNO, "kyverno-background-controller", ("kyverno", "background-controller"), 2, &[c("controller", "harbor.example.internal/kyverno/background-controller:v1.15.2", ("metrics", 8000))]),
    row(De, KYVERNO, "kyverno-cleanup-controller", ("kyverno", "cleanup-controller"), 1, &[c("controller", "harbor.example.internal/kyverno/cleanup-controller:v1.15.2", ("metrics", 8000))]),
    row(De, KYVERNO, "kyverno-reports-controller", ("kyverno", "reports-controller"), 2, &[c("controller", "harbor.example.internal/kyverno/reports-controller:v1.15.2", ("metrics", 8000))]),
    keeps(row(St, MONITORING, "prometheus-monitoring-kube-prometheus-prometheus", ("prometheus", ""), 2, &[c("prometheus", "harbor.example.internal/prometheus/prometheus:v2.51.0", ("http-web", 9090)), RELOADER]), 50),
    keeps(row(St, MONITORING, "alertmanager-monitoring-kube-prometheus-alertmanager", ("alertmanager", ""), 2, &[c("alertmanager", "harbor.example.internal/prometheus/alertmanager:v0.27.0", ("http-web", 9093)), RELOADER]), 2),
    row(De, MONITORING, "monitoring-grafana", ("grafana", ""), 2, &[c("grafana", "harbor.example.internal/grafana/grafana:10.4.0", ("http-web", 3000)), side("grafana-sc-dashboard", "harbor.example.internal/kiwigrid/k8s-sidecar:1.26.1"), side("grafana-sc-datasources", "harbor.example.internal/kiwigrid/k8s-sidecar:1.26.1")]),
    row(De, MONITORING, "monitoring-kube-prometheus-operator", ("kube-prometheus-stack-prometheus-operator", ""), 1, &[c("kube-prometheus-stack", "harbor.example.internal/prometheus-operator/prometheus-operator:v0.72.0", ("https", 10250))]),
    row(De, MONITORING, "monitoring-kube-state-metrics", ("kube-state-metrics", "metrics"), 1, &[c("kube-state-metrics", "harbor.example.internal/kube-state-metrics/kube-state-metrics:v2.11.0", ("http", 8080))]),
    row(Ds, MONITORING, "monitoring-prometheus-node-exporter", ("prometheus-node-exporter", "metrics"), 0, &[c("node-exporter", "harbor.example.internal/prometheus/node-exporter:v1.7.0", ("http-metrics", 9100))]),
    row(Ds, ("logging", "alloy"), "alloy", ("alloy", ""), 0, &[c("alloy", "harbor.example.internal/grafana/alloy:v1.1.1", ("http-metrics", 12345)), RELOADER]),
    row(De, LOGGING, "loki-gateway", ("loki", "gateway"), 2, &[c("nginx", "harbor.example.internal/nginxinc/nginx-unprivileged:1.25-alpine", ("http", 8080))]),
    keeps(row(St, LOGGING, "loki-write", ("loki", "write"), 3, &[c("loki", "harbor.example.internal/grafana/loki:2.9.6", ("http-metrics", 3100))]), 10),
    row(De, LOGGING, "loki-read", ("loki", "read"), 2, &[c("loki", "harbor.example.internal/grafana/loki:2.9.6", ("http-metrics", 3100))]),
    keeps(row(St, LOGGING, "loki-backend", ("loki", "backend"), 2, &[c("loki", "harbor.example.internal/grafana/loki:2.9.6", ("http-metrics", 3100))]), 10),
    keeps(row(St, ("openbao", "openbao"), "openbao", ("openbao", "server"), 3, &[c("openbao", "harbor.example.internal/openbao/openbao:2.6.0", ("http", 8200))]), 10),
    row(De, ("openbao", "openbao"), "openbao-agent-injector", ("openbao-agent-injector", "webhook"), 1, &[c("sidecar-injector", "harbor.example.internal/hashicorp/vault-k8s:1.4.0", ("https", 8080))]),
    row(De, SECRETS, "external-secrets", ("external-secrets", ""), 2, &[c("external-secrets", "harbor.example.internal/external-secrets/external-secrets:v2.9.0", ("metrics", 8080))]),
    row(De, SECRETS, "external-secrets-webhook", ("external-secrets-webhook", ""), 1, &[c("webhook", "harbor.example.internal/external-secrets/external-secrets:v2.9.0", ("webhook", 10250))]),
    row(De, SECRETS, "external-secrets-cert-controller", ("external-secrets-cert-controller", ""), 1, &[c("cert-controller", "harbor.example.internal/external-secrets/external-secrets:v2.9.0", ("metrics", 8080))]),
    row(De, NEUVECTOR, "neuvector-controller-pod", ("neuvector-controller-pod", "controller"), 3, &[c("neuvector-controller-pod", "harbor.example.internal/neuvector/controller:5.3.2", ("rest", 10443))]),
    workers_only(row(Ds, NEUVECTOR, "neuvector-enforcer-pod", ("neuvector-enforcer-pod", "enforcer"), 0, &[c("neuvector-enforcer-pod", "harbor.example.internal/neuvector/enforcer:5.3.2", ("metrics", 8500))])),
    row(De, NEUVECTOR, "neuvector-scanner-pod", ("neuvector-scanner-pod", "scanner"), 2, &[side("neuvector-scanner-pod", "harbor.example.internal/neuvector/scanner:latest")]),
    keeps(row(St, TEMPO, "tempo-ingester", ("tempo", "ingester"), 3, &[c("ingester", "harbor.example.internal/grafana/tempo:2.4.1", ("http-metrics", 3100))]), 10),
    row(De, TEMPO, "tempo-distributor", ("tempo", "distributor"), 2, &[c("distributor", "harbor.example.internal/grafana/tempo:2.4.1", ("http-metrics", 3100))]),
    row(De, TEMPO, "tempo-querier", ("tempo", "querier"), 2, &[c("querier", "harbor.example.internal/grafana/tempo:2.4.1", ("http-metrics", 3100))]),
    row(De, ("velero", "backup"), "velero", ("velero", ""), 1, &[c("velero", "harbor.example.internal/velero/velero:v1.18.0", ("http-monitoring", 8085))]),
    workers_only(row(Ds, ("velero", "backup"), "node-agent", ("velero", "node-agent"), 0, &[c("node-agent", "harbor.example.internal/velero/velero:v1.18.0", ("http-monitoring", 8085))])),
    row(De, ("team-alpha", "shop"), "shop-web", ("shop-web", "web"), 3, &[c("web", "harbor.example.internal/team-alpha/shop-web:1.4.0", ("http", 8080))]),
    row(De, ("team-alpha", "shop"), "shop-api", ("shop-api", "api"), 3, &[c("api", "harbor.example.internal/team-alpha/shop-api:1.4.0", ("http", 8080))]),
    keeps(row(St, ("team-alpha", "shop"), "shop-db", ("shop-db", "database"), 1, &[c("postgres", "harbor.example.internal/library/postgres:16.4", ("postgres", 5432))]), 20),
    row(De, ("team-alpha", "payments"), "payments", ("payments", "api"), 2, &[c("payments", "harbor.example.internal/team-alpha/payments:3.2.1", ("http", 8080))]),
    row(De, ("team-beta", "orders"), "orders", ("orders", "api"), 2, &[c("orders", "harbor.example.internal/team-beta/orders:0.9.4", ("http", 8080))]),
    row(De, ("team-beta", "orders"), "orders-worker", ("orders-worker", "worker"), 2, &[side("worker", "harbor.example.internal/team-beta/orders-worker:0.9.4")]),
    row(De, ("team-beta", "catalog"), "catalog", ("catalog", "api"), 3, &[c("catalog", "harbor.example.internal/team-beta/catalog:2.0.3", ("http", 8080))]),
    row(De, ("team-beta", "ledger"), "ledger", ("ledger", "api"), 2, &[c("ledger", "harbor.example.internal/team-beta/ledger:1.1.0", ("http", 8080))]),
    keeps(row(De, ("slopilot", "slopilot-rightsizing"), "slopilot-rightsizing", ("slopilot-rightsizing", ""), 1, &[c("slopilot", "harbor.example.internal/valuematic/slopilot-rightsizing:v1.6.2", ("http", 8080))]), 5),
    keeps(row(De, ("slopilot", "slopilot-rightsizing"), "slopilot-rightsizing-prometheus-stack-server", ("prometheus", "server"), 1, &[c("prometheus-server", "harbor.example.internal/prometheus/prometheus:v2.51.0", ("http", 9090))]), 40),
    row(De, SCOUT, "slo-scout-prometheus-collector", ("slo-scout", "prometheus-collector"), 2, &[c("collector", "harbor.example.internal/slo-scout/prometheus-collector:0.3.0", ("http", 8080))]),
    row(De, SCOUT, "slo-scout-otlp-collector", ("slo-scout", "otlp-collector"), 2, &[c("collector", "harbor.example.internal/slo-scout/otlp-collector:0.3.0", ("grpc", 4317))]),
    row(De, SCOUT, "slo-scout-flink-jobmanager", ("slo-scout", "flink-jobmanager"), 1, &[c("jobmanager", "harbor.example.internal/library/flink:1.18.1", ("ui", 8081))]),
    row(De, SCOUT, "slo-scout-flink-taskmanager", ("slo-scout", "flink-taskmanager"), 3, &[c("taskmanager", "harbor.example.internal/library/flink:1.18.1", ("rpc", 6122))]),
    row(De, SCOUT, "slo-scout-backend", ("slo-scout", "backend"), 3, &[c("api", "harbor.example.internal/slo-scout/backend:0.3.0", ("http", 8000))]),
    keeps(row(St, SCOUT, "slo-scout-kafka", ("kafka", "broker"), 3, &[c("kafka", "harbor.example.internal/bitnami/kafka:3.7.0", ("client", 9092))]), 50),
    keeps(row(St, SCOUT, "slo-scout-timescaledb", ("timescaledb", ""), 1, &[c("timescaledb", "harbor.example.internal/timescale/timescaledb:2.14.2-pg16", ("postgres", 5432))]), 100),
    keeps(row(St, SCOUT, "slo-scout-minio", ("minio", ""), 1, &[c("minio", "harbor.example.internal/minio/minio:RELEASE.2025-01-20T14-49-07Z", ("http", 9000))]), 100),
    keeps(row(St, SCOUT, "slo-scout-milvus", ("milvus", ""), 1, &[c("milvus", "harbor.example.internal/milvusdb/milvus:v2.4.1", ("grpc", 19530))]), 50),
    row(De, KUBEOP, "kubeop-manager", ("kubeop-manager", "manager"), 2, &[c("manager", "harbor.example.internal/kubeop/manager:0.14.2", ("http", 8080))]),
    row(De, KUBEOP, "kubeop-operator", ("kubeop-operator", "operator"), 2, &[c("operator", "harbor.example.internal/kubeop/operator:0.14.2", ("metrics", 8081))]),
    row(De, KUBEOP, "kubeop-admission", ("kubeop-admission", "admission"), 2, &[c("admission", "harbor.example.internal/kubeop/admission:0.14.2", ("https", 9443))]),
];
