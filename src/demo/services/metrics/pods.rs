//! Pods as kube-state-metrics, the kubelet and the scrapes themselves show them.

use serde_json::Value;

use super::{Found, KSM, condition, count, name, namespace, quantity, share, text};

const PHASES: &[&str] = &["Pending", "Running", "Succeeded", "Failed", "Unknown"];

pub fn collect(pods: &[&Value], found: &mut Found) {
    for pod in pods {
        let at = [KSM, ("namespace", namespace(pod)), ("pod", name(pod))];
        for phase in PHASES {
            found.truth(
                "kube_pod_status_phase",
                &[at[0], at[1], at[2], ("phase", phase)],
                text(pod, "/status/phase") == *phase,
            );
        }
        let ready = condition(pod, "Ready").unwrap_or("False");
        for (word, is) in [("true", "True"), ("false", "False"), ("unknown", "Unknown")] {
            found.truth("kube_pod_status_ready", &[at[0], at[1], at[2], ("condition", word)], ready == is);
        }
        let owner = &pod["metadata"]["ownerReferences"][0];
        found.gauge(
            "kube_pod_info",
            &[
                at[0],
                at[1],
                at[2],
                ("node", text(pod, "/spec/nodeName")),
                ("host_ip", text(pod, "/status/hostIP")),
                ("pod_ip", text(pod, "/status/podIP")),
                ("created_by_kind", text(owner, "/kind")),
                ("created_by_name", text(owner, "/name")),
            ],
            1.0,
        );
        if condition(pod, "PodScheduled") == Some("False") {
            found.gauge("kube_pod_status_unschedulable", &at, 1.0);
        }
        for container in pod["status"]["containerStatuses"].as_array().into_iter().flatten() {
            of_container(&at, container, found);
        }
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            usage(pod, &at, container, found);
        }
        up(pod, ready == "True", found);
    }
}

fn of_container(at: &[(&str, &str); 3], container: &Value, found: &mut Found) {
    let labels = [at[0], at[1], at[2], ("container", text(container, "/name"))];
    found.gauge("kube_pod_container_status_restarts_total", &labels, count(container, "/restartCount"));
    found.truth("kube_pod_container_status_ready", &labels, container["ready"] == true);
    let with = |reason| [labels[0], labels[1], labels[2], labels[3], ("reason", reason)];
    let waiting = text(container, "/state/waiting/reason");
    if !waiting.is_empty() {
        found.gauge("kube_pod_container_status_waiting_reason", &with(waiting), 1.0);
    }
    let last = text(container, "/lastState/terminated/reason");
    if !last.is_empty() {
        found.gauge("kube_pod_container_status_last_terminated_reason", &with(last), 1.0);
    }
}

fn usage(pod: &Value, at: &[(&str, &str); 3], container: &Value, found: &mut Found) {
    let own = text(container, "/name");
    for (resource, unit) in [("cpu", "core"), ("memory", "byte")] {
        let asked = quantity(text(container, &format!("/resources/requests/{resource}")));
        found.gauge(
            "kube_pod_container_resource_requests",
            &[at[0], at[1], at[2], ("container", own), ("resource", resource), ("unit", unit)],
            asked,
        );
    }
    if text(pod, "/status/phase") != "Running" {
        return;
    }
    let labels = [
        ("job", "kubelet"),
        ("metrics_path", "/metrics/cadvisor"),
        at[1],
        at[2],
        ("container", own),
        ("node", text(pod, "/spec/nodeName")),
    ];
    let part = share(&format!("{}{own}", at[2].1));
    found.counter(
        "container_cpu_usage_seconds_total",
        &labels,
        quantity(text(container, "/resources/requests/cpu")) * (0.1 + part),
    );
    found.gauge(
        "container_memory_working_set_bytes",
        &labels,
        (quantity(text(container, "/resources/requests/memory")) * (0.4 + part)).floor(),
    );
}

/// `up` of every pod whose first container has a port that is scraped.
fn up(pod: &Value, ready: bool, found: &mut Found) {
    let port = &pod["spec"]["containers"][0]["ports"][0];
    let Some(number) = port["containerPort"].as_i64() else { return };
    let ip = text(pod, "/status/podIP");
    if ip.is_empty() {
        return;
    }
    let app = text(pod, "/metadata/labels/app");
    let instance = format!("{ip}:{number}");
    found.truth(
        "up",
        &[
            ("job", app),
            ("namespace", namespace(pod)),
            ("pod", name(pod)),
            ("service", app),
            ("endpoint", text(port, "/name")),
            ("container", text(pod, "/spec/containers/0/name")),
            ("instance", &instance),
        ],
        ready,
    );
}
