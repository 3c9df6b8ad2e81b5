//! The applications outside of the platform: kubeOP's requests and reconciliations, and the Prometheus of `SLOpilot`.

use serde_json::Value;

use super::{Found, count, name, namespace, text};
use crate::demo::world::World;

/// Upper bounds of a latency histogram, and the share of requests below each.
const REQUESTS: &[(&str, f64)] =
    &[("0.005", 0.21), ("0.025", 0.66), ("0.1", 0.91), ("0.5", 0.985), ("2.5", 0.998), ("10", 1.0), ("+Inf", 1.0)];
const RECONCILES: &[(&str, f64)] =
    &[("0.1", 0.4), ("1", 0.72), ("10", 0.93), ("30", 0.98), ("60", 0.995), ("+Inf", 1.0)];

pub fn collect(pods: &[&Value], found: &mut Found) {
    let failed_job = pods
        .iter()
        .any(|pod| text(pod, "/metadata/labels/app") == "invoice-export" && text(pod, "/status/phase") == "Failed");
    for pod in pods {
        let at = [("namespace", namespace(pod)), ("pod", name(pod))];
        match text(pod, "/metadata/labels/app") {
            "kubeop-manager" => {
                let rate = 4.0;
                // The export that fails asks again and again, and is refused.
                let errors = if failed_job { 0.09 } else { 0.0005 };
                histogram(
                    "http_request_duration_seconds",
                    &[at[0], at[1], ("job", "kubeop-manager")],
                    REQUESTS,
                    rate,
                    found,
                );
                found.counter("http_request_errors_total", &[at[0], at[1], ("job", "kubeop-manager")], errors);
            }
            "kubeop-operator" => {
                for controller in ["app", "cluster", "tenant"] {
                    let own = [at[0], at[1], ("job", "kubeop-operator"), ("controller", controller)];
                    let errors = if failed_job && controller == "tenant" { 0.05 } else { 0.0 };
                    for (result, rate) in [("success", 0.6), ("requeue_after", 0.2), ("error", errors)] {
                        found.counter(
                            "controller_runtime_reconcile_total",
                            &[own[0], own[1], own[2], own[3], ("result", result)],
                            rate,
                        );
                    }
                    histogram("controller_runtime_reconcile_time_seconds", &own, RECONCILES, 0.8 + errors, found);
                }
            }
            "kubeop-admission" => found.counter(
                "admission_requests_total",
                &[at[0], at[1], ("job", "kubeop-admission"), ("allowed", "true")],
                0.7,
            ),
            _ => {}
        }
    }
}

fn histogram(metric: &str, labels: &[(&str, &str)], buckets: &[(&str, f64)], rate: f64, found: &mut Found) {
    for (le, part) in buckets {
        let mut all = labels.to_vec();
        all.push(("le", le));
        found.counter(&format!("{metric}_bucket"), &all, rate * part);
    }
    found.counter(&format!("{metric}_count"), labels, rate);
    found.counter(&format!("{metric}_sum"), labels, rate * 0.04);
}

/// `SLOpilot`'s bundled Prometheus watches itself and the pods of a few namespaces.
pub fn slopilot(world: &World, found: &mut Found) {
    let own = [("job", "prometheus"), ("instance", "localhost:9090")];
    found.gauge("up", &own, 1.0);
    found.gauge("prometheus_tsdb_head_series", &own, 41_210.0);
    found.gauge("prometheus_tsdb_storage_blocks_bytes", &own, 19_327_352_832.0);
    found.gauge("prometheus_target_scrapes_exceeded_sample_limit_total", &own, 0.0);
    found.gauge("scrape_samples_scraped", &own, 812.0);
    found.gauge("scrape_samples_scraped", &[("job", "kubernetes-nodes-cadvisor"), ("instance", "worker-1")], 18_420.0);
    for claim in world.list("PersistentVolumeClaim").into_iter().filter(|claim| namespace(claim) == "slopilot") {
        let at = [("job", "kubelet"), ("namespace", "slopilot"), ("persistentvolumeclaim", name(claim))];
        let capacity = super::quantity(text(claim, "/status/capacity/storage"));
        found.gauge("kubelet_volume_stats_capacity_bytes", &at, capacity);
        found.gauge("kubelet_volume_stats_used_bytes", &at, (capacity * super::fill(claim)).floor());
    }
    for pod in world.list("Pod").into_iter().filter(|pod| namespace(pod) == "team-alpha") {
        found.gauge(
            "kube_pod_container_status_restarts_total",
            &[("namespace", "team-alpha"), ("pod", name(pod))],
            count(pod, "/status/containerStatuses/0/restartCount"),
        );
    }
}
