//! The hosts that are served, each with the Secret of a certificate of the story.

use serde_json::{Value, json};

use super::build::meta;
use super::moment::Moment;

/// namespace, name, Secret of its TLS, Service, port.
const INGRESSES: &[(&str, &str, &str, &str, u16)] = &[
    ("monitoring", "grafana", "grafana-tls", "monitoring-grafana", 80),
    ("logging", "loki-gateway", "loki-gateway-tls", "loki-gateway", 80),
    ("neuvector", "neuvector-manager", "neuvector-manager-tls", "neuvector-svc-controller", 10443),
    ("slo-scout", "slo-scout-api", "slo-scout-api-tls", "slo-scout-backend", 8000),
    ("team-alpha", "shop", "shop-tls", "shop-web", 80),
    ("team-alpha", "payments", "payments-tls", "payments", 80),
    ("team-beta", "orders", "orders-tls", "orders", 80),
    ("team-beta", "legacy", "legacy-tls", "catalog", 80),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    for (namespace, name, secret, service, port) in INGRESSES {
        let host = format!("{name}.{namespace}.example.internal");
        let backend = json!({ "service": { "name": service, "port": { "number": port } } });
        all.push(json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(namespace, name, m.days_ago(88), &[]),
            "spec": { "ingressClassName": "istio", "tls": [{ "hosts": [host], "secretName": secret }],
                "rules": [{ "host": host, "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] } }] },
            "status": { "loadBalancer": { "ingress": [{ "ip": "10.20.0.10" }] } } }));
    }
}
