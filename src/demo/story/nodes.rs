//! Namespaces and nodes.

use serde_json::{Value, json};

use super::build::{meta, time};
use super::moment::{Moment, NODE_LOST};
use crate::demo::birth::{mix, uuid};

/// Every namespace of the story.
pub const NAMESPACES: &[&str] = &[
    "cert-manager",
    "default",
    "external-secrets",
    "flux-system",
    "istio-system",
    "kube-system",
    "kubeop-system",
    "kyverno",
    "logging",
    "monitoring",
    "neuvector",
    "openbao",
    "slo-scout",
    "slopilot",
    "team-alpha",
    "team-beta",
    "tempo",
    "velero",
];

/// The nodes that run the platform; the first three are the control plane.
pub const NODES: &[&str] = &["cp-1", "cp-2", "cp-3", "worker-1", "worker-2", "worker-3", "worker-4", "worker-5"];
/// The first node that takes ordinary pods.
pub const FIRST_WORKER: usize = 3;
/// The node that is lost for a while.
pub const LOST: &str = "worker-4";

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    for name in NAMESPACES {
        let mut labels = vec![("kubernetes.io/metadata.name", *name)];
        if name.starts_with("team-") {
            labels.extend([("istio-injection", "enabled"), ("app.kubernetes.io/part-of", "tenants")]);
        }
        let mut meta = meta("", name, m.days_ago(212), &labels);
        if *name == "kube-system" {
            // by it a cluster is known, and a server that is started again is another cluster
            let begun = u64::try_from(m.start.as_second()).unwrap_or(0);
            meta["uid"] = json!(uuid(mix(m.seed ^ begun), mix(begun)));
        }
        all.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": meta,
            "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" } }));
    }
    for (at, name) in NODES.iter().enumerate() {
        all.push(node(m, at, name));
    }
}

fn node(m: &Moment, at: usize, name: &str) -> Value {
    let created = m.days_ago(212);
    let control = at < FIRST_WORKER;
    let zone = format!("eu-central-1{}", ["a", "b", "c"][at % 3]);
    let mut labels = vec![
        ("kubernetes.io/hostname", name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("topology.kubernetes.io/zone", zone.as_str()),
        ("topology.kubernetes.io/region", "eu-central-1"),
    ];
    if control {
        labels.extend([("node-role.kubernetes.io/control-plane", "true"), ("node-role.kubernetes.io/etcd", "true")]);
    } else {
        labels.push(("node-role.kubernetes.io/worker", "true"));
    }
    let lost = if name == LOST { m.during(NODE_LOST) } else { None };
    let healed = if name == LOST { m.newest(NODE_LOST).map(|span| span.until) } else { None };
    // The kubelet's own heartbeat is a Lease; this field moves only every five minutes when nothing changes.
    let beat = lost.map_or_else(|| m.at(if m.healthy { 0 } else { m.elapsed / 300 * 300 }), |span| span.since);
    let conditions: Vec<Value> = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    .into_iter()
    .map(|(kind, status, reason, message)| match lost {
        Some(span) => json!({ "type": kind, "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.", "lastHeartbeatTime": time(beat), "lastTransitionTime": time(span.since) }),
        None => json!({ "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": time(beat), "lastTransitionTime": time(healed.unwrap_or(created)) }),
    })
    .collect();
    let mut spec = json!({ "podCIDR": format!("10.42.{at}.0/24"), "podCIDRs": [format!("10.42.{at}.0/24")], "providerID": format!("rke2://{name}") });
    let mut taints = Vec::new();
    if control {
        taints.push(json!({ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }));
    }
    if let Some(span) = lost {
        taints.push(
            json!({ "key": "node.kubernetes.io/unreachable", "effect": "NoSchedule", "timeAdded": time(span.since) }),
        );
        taints.push(
            json!({ "key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": time(span.since) }),
        );
    }
    if !taints.is_empty() {
        spec["taints"] = json!(taints);
    }
    let (cpu, memory) = if control { ("4", "16291316Ki") } else { ("16", "65806852Ki") };
    let capacity = json!({ "cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": "203056560Ki" });
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": meta("", name, created, &labels), "spec": spec,
        "status": { "capacity": capacity, "allocatable": capacity, "conditions": conditions,
            "addresses": [{ "type": "InternalIP", "address": address(at) }, { "type": "Hostname", "address": name }],
            "nodeInfo": { "kubeletVersion": "v1.33.5+rke2r1", "kubeProxyVersion": "", "containerRuntimeVersion": "containerd://2.1.4-k3s1", "osImage": "Rocky Linux 9.6 (Blue Onyx)",
                "kernelVersion": "5.14.0-570.el9.x86_64", "operatingSystem": "linux", "architecture": "amd64",
                "machineID": m.hex(&format!("machine/{name}"), 32), "systemUUID": m.hex(&format!("system/{name}"), 32), "bootID": m.hex(&format!("boot/{name}"), 32) } } })
}

/// The address of the node at this place in [`NODES`].
pub fn address(at: usize) -> String {
    format!("10.0.{}.{}", at % 3, 10 + at)
}
