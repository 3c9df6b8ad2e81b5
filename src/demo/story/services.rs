//! The Services of the platform, with the names and port names that their charts give them.

use serde_json::{Value, json};

use super::build::meta;
use super::moment::Moment;

/// namespace, name, labels `app.kubernetes.io/name` of the Service, selector, ports (name, port, target), headless.
type Row =
    (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static [(&'static str, u16, u16)], bool);

const APP: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";

#[rustfmt::skip]
const SERVICES: &[Row] = &[
    ("monitoring", "monitoring-kube-prometheus-prometheus", &[(APP, "prometheus")], &[("http-web", 9090, 9090), ("reloader-web", 8080, 8080)], false),
    ("monitoring", "prometheus-operated", &[(APP, "prometheus")], &[("http-web", 9090, 9090)], true),
    ("monitoring", "monitoring-kube-prometheus-alertmanager", &[(APP, "alertmanager")], &[("http-web", 9093, 9093), ("reloader-web", 8080, 8080)], false),
    ("monitoring", "alertmanager-operated", &[(APP, "alertmanager")], &[("http-web", 9093, 9093), ("tcp-mesh", 9094, 9094)], true),
    ("monitoring", "monitoring-grafana", &[(APP, "grafana")], &[("http-web", 80, 3000)], false),
    ("monitoring", "monitoring-kube-state-metrics", &[(APP, "kube-state-metrics")], &[("http", 8080, 8080)], false),
    ("monitoring", "monitoring-prometheus-node-exporter", &[(APP, "prometheus-node-exporter")], &[("http-metrics", 9100, 9100)], false),
    ("openbao", "openbao", &[(APP, "openbao"), ("component", "server")], &[("http", 8200, 8200), ("https-internal", 8201, 8201)], false),
    ("openbao", "openbao-active", &[(APP, "openbao"), ("component", "server"), ("openbao-active", "true")], &[("http", 8200, 8200)], false),
    ("openbao", "openbao-internal", &[(APP, "openbao"), ("component", "server")], &[("http", 8200, 8200), ("https-internal", 8201, 8201)], true),
    ("istio-system", "istiod", &[(APP, "istiod")], &[("https-dns", 15012, 15012), ("http-monitoring", 15014, 15014)], false),
    ("istio-system", "istio-gateway", &[(APP, "istio-gateway")], &[("http2", 80, 8080), ("https", 443, 8443)], false),
    ("cert-manager", "cert-manager", &[(APP, "cert-manager")], &[("tcp-prometheus-servicemonitor", 9402, 9402)], false),
    ("cert-manager", "cert-manager-webhook", &[(APP, "webhook")], &[("https", 443, 10250)], false),
    ("kyverno", "kyverno-svc", &[(APP, "kyverno"), (COMPONENT, "admission-controller")], &[("https", 443, 9443)], false),
    ("logging", "loki-gateway", &[(APP, "loki"), (COMPONENT, "gateway")], &[("http", 80, 8080)], false),
    ("tempo", "tempo-distributor", &[(APP, "tempo"), (COMPONENT, "distributor")], &[("otlp", 4317, 4317)], false),
    ("external-secrets", "external-secrets-webhook", &[(APP, "external-secrets-webhook")], &[("webhook", 443, 10250)], false),
    ("neuvector", "neuvector-svc-controller", &[(APP, "neuvector-controller-pod")], &[("rest", 10443, 10443)], false),
    ("velero", "velero", &[(APP, "velero")], &[("http-monitoring", 8085, 8085)], false),
    ("slopilot", "slopilot-rightsizing", &[(APP, "slopilot-rightsizing")], &[("http", 8080, 8080)], false),
    ("slopilot", "slopilot-rightsizing-prometheus-stack-server", &[(APP, "prometheus"), (COMPONENT, "server")], &[("http", 80, 9090)], false),
    ("slo-scout", "slo-scout-backend", &[(APP, "slo-scout"), (COMPONENT, "backend")], &[("http", 8000, 8000)], false),
    ("slo-scout", "slo-scout-kafka", &[(APP, "kafka")], &[("client", 9092, 9092)], false),
    ("kubeop-system", "kubeop-manager", &[(APP, "kubeop-manager")], &[("http", 8080, 8080)], false),
    ("kubeop-system", "kubeop-admission", &[(APP, "kubeop-admission")], &[("https", 443, 9443)], false),
    ("team-alpha", "shop-web", &[(APP, "shop-web")], &[("http", 80, 8080)], false),
    ("team-alpha", "shop-api", &[(APP, "shop-api")], &[("http", 80, 8080)], false),
    ("team-alpha", "payments", &[(APP, "payments")], &[("http", 80, 8080)], false),
    ("team-beta", "orders", &[(APP, "orders")], &[("http", 80, 8080)], false),
    ("team-beta", "catalog", &[(APP, "catalog")], &[("http", 80, 8080)], false),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    for (at, (namespace, name, selector, ports, headless)) in SERVICES.iter().enumerate() {
        let mut meta = meta(namespace, name, m.days_ago(88), &[]);
        // kube-prometheus-stack labels its Services with `app`, others with the recommended label.
        if *namespace == "monitoring" && name.starts_with("monitoring-kube-prometheus-") {
            meta["labels"]["app"] = json!(
                name.replacen("monitoring-kube-", "kube-prometheus-stack-", 1)
                    .replace("prometheus-stack-prometheus-", "prometheus-stack-")
            );
            meta["labels"]["self-monitor"] = json!("true");
        }
        for (key, value) in selector.iter().filter(|(key, _)| *key != "openbao-active") {
            meta["labels"][*key] = json!(value);
        }
        let ports: Vec<Value> = ports
            .iter()
            .map(|(name, port, target)| json!({ "name": name, "port": port, "targetPort": target, "protocol": "TCP" }))
            .collect();
        let ip = if *headless { "None".to_owned() } else { format!("10.43.{}.{}", m.hash(name) % 250, at + 10) };
        let selector: std::collections::BTreeMap<&str, &str> = selector.iter().copied().collect();
        all.push(json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta,
            "spec": { "type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "selector": selector, "ports": ports, "sessionAffinity": "None",
                "publishNotReadyAddresses": *namespace == "openbao" || (*headless && *namespace == "monitoring") },
            "status": { "loadBalancer": {} } }));
    }
}
