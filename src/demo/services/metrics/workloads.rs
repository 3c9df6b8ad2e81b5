//! Workloads, nodes, claims, quotas and autoscalers as kube-state-metrics and the kubelet show them.

use serde_json::Value;

use super::{Found, KSM, condition, count, name, namespace, quantity, share, text};
use crate::demo::world::World;

/// Metric and the field that it shows.
type Metric = (&'static str, &'static str);
type Row = (&'static str, &'static str, &'static [Metric]);

/// Kind, label, metrics with the field that each shows.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("Deployment", "deployment", &[("kube_deployment_spec_replicas", "/spec/replicas"), ("kube_deployment_status_replicas", "/status/replicas"), ("kube_deployment_status_replicas_available", "/status/availableReplicas"),
        ("kube_deployment_status_replicas_ready", "/status/readyReplicas"), ("kube_deployment_status_replicas_unavailable", "/status/unavailableReplicas"), ("kube_deployment_status_replicas_updated", "/status/updatedReplicas")]),
    ("StatefulSet", "statefulset", &[("kube_statefulset_replicas", "/spec/replicas"), ("kube_statefulset_status_replicas_ready", "/status/readyReplicas"), ("kube_statefulset_status_replicas_updated", "/status/updatedReplicas")]),
    ("DaemonSet", "daemonset", &[("kube_daemonset_status_desired_number_scheduled", "/status/desiredNumberScheduled"), ("kube_daemonset_status_number_ready", "/status/numberReady"), ("kube_daemonset_status_number_available", "/status/numberAvailable")]),
    ("Job", "job_name", &[("kube_job_status_failed", "/status/failed"), ("kube_job_status_succeeded", "/status/succeeded")]),
    ("HorizontalPodAutoscaler", "horizontalpodautoscaler", &[("kube_horizontalpodautoscaler_status_current_replicas", "/status/currentReplicas"), ("kube_horizontalpodautoscaler_status_desired_replicas", "/status/desiredReplicas"), ("kube_horizontalpodautoscaler_spec_max_replicas", "/spec/maxReplicas")]),
];

pub fn collect(world: &World, found: &mut Found) {
    for (kind, label, metrics) in ROWS {
        for object in world.list(kind) {
            for (metric, path) in *metrics {
                found.gauge(
                    metric,
                    &[KSM, ("namespace", namespace(object)), (label, name(object))],
                    count(object, path),
                );
            }
            if *kind == "Job" && condition(object, "Failed") == Some("True") {
                found.gauge(
                    "kube_job_failed",
                    &[KSM, ("namespace", namespace(object)), ("job_name", name(object)), ("condition", "true")],
                    1.0,
                );
            }
        }
    }
    for node in world.list("Node") {
        of_node(node, found);
    }
    for claim in world.list("PersistentVolumeClaim") {
        of_claim(claim, found);
    }
    for quota in world.list("ResourceQuota") {
        for kind in ["hard", "used"] {
            for (resource, value) in quota["status"][kind].as_object().into_iter().flatten() {
                let labels = [
                    KSM,
                    ("namespace", namespace(quota)),
                    ("resourcequota", name(quota)),
                    ("resource", resource),
                    ("type", kind),
                ];
                found.gauge("kube_resourcequota", &labels, quantity(value.as_str().unwrap_or_default()));
            }
        }
    }
}

fn of_node(node: &Value, found: &mut Found) {
    let at = [KSM, ("node", name(node))];
    for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
        let is = condition(node, kind).unwrap_or("Unknown");
        for (word, wanted) in [("true", "True"), ("false", "False"), ("unknown", "Unknown")] {
            found.truth(
                "kube_node_status_condition",
                &[at[0], at[1], ("condition", kind), ("status", word)],
                is == wanted,
            );
        }
    }
    found.truth("kube_node_spec_unschedulable", &at, node["spec"]["unschedulable"] == true);
    found.gauge(
        "kube_node_info",
        &[
            at[0],
            at[1],
            ("kubelet_version", text(node, "/status/nodeInfo/kubeletVersion")),
            ("internal_ip", text(node, "/status/addresses/0/address")),
        ],
        1.0,
    );
    if condition(node, "Ready") == Some("True") {
        let instance = format!("{}:9100", text(node, "/status/addresses/0/address"));
        let labels = [("job", "node-exporter"), ("instance", instance.as_str()), ("nodename", name(node))];
        let memory = quantity(text(node, "/status/capacity/memory"));
        found.gauge("node_memory_MemTotal_bytes", &labels, memory);
        found.gauge("node_memory_MemAvailable_bytes", &labels, (memory * (0.3 + 0.4 * share(name(node)))).floor());
    }
}

fn of_claim(claim: &Value, found: &mut Found) {
    let (namespace, name) = (namespace(claim), name(claim));
    for phase in ["Pending", "Bound", "Lost"] {
        found.truth(
            "kube_persistentvolumeclaim_status_phase",
            &[KSM, ("namespace", namespace), ("persistentvolumeclaim", name), ("phase", phase)],
            text(claim, "/status/phase") == phase,
        );
    }
    let capacity = quantity(text(claim, "/status/capacity/storage"));
    if capacity > 0.0 {
        let labels = [
            ("job", "kubelet"),
            ("metrics_path", "/metrics"),
            ("namespace", namespace),
            ("persistentvolumeclaim", name),
        ];
        let full = super::fill(claim);
        found.gauge("kubelet_volume_stats_capacity_bytes", &labels, capacity);
        found.gauge("kubelet_volume_stats_used_bytes", &labels, (capacity * full).floor());
        found.gauge("kubelet_volume_stats_available_bytes", &labels, (capacity * (1.0 - full)).floor());
    }
}
