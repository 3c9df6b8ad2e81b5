//! Claims, quotas, disruption budgets and autoscalers. One quota fills up and has room again.

use serde_json::{Value, json};

use super::build::{meta, time};
use super::moment::{Moment, QUOTA_FULL};
use super::releases::{Kind, WORKLOADS};

/// Claims that are nearly full, in percent; the metrics read it from the annotation.
const FULL: &[(&str, &str)] = &[("data-loki-write-1", "98"), ("slopilot-rightsizing-prometheus-stack-server", "86")];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    claims(m, all);
    budgets(m, all);
    forgotten_budget(m, all);
    autoscalers(m, all);
}

fn claims(m: &Moment, all: &mut Vec<Value>) {
    for w in WORKLOADS {
        let Some(size) = w.claim else { continue };
        let count = if w.kind == Kind::StatefulSet { w.replicas } else { 1 };
        for name in (0..count).filter_map(|index| w.claim_of(index)) {
            let mut meta = meta(w.namespace, &name, m.days_ago(88), &w.labels());
            if let Some((_, full)) = FULL.iter().find(|(full, _)| *full == name).filter(|_| !m.healthy) {
                meta["annotations"] = json!({ "demo/percent-full": full });
            }
            let volume = format!("pvc-{}", m.hex(&name, 32));
            all.push(json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": super::build::meta("", &volume, m.days_ago(88), &[]),
                "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "longhorn", "volumeMode": "Filesystem", "capacity": { "storage": format!("{size}Gi") }, "persistentVolumeReclaimPolicy": "Delete",
                    "claimRef": { "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": w.namespace, "name": name }, "csi": { "driver": "driver.longhorn.io", "volumeHandle": volume } },
                "status": { "phase": "Bound" } }));
            all.push(json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta,
                "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "longhorn", "volumeMode": "Filesystem", "volumeName": volume, "resources": { "requests": { "storage": format!("{size}Gi") } } },
                "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": format!("{size}Gi") } } }));
        }
    }
    if !m.healthy {
        // The driver was asked, and has not answered.
        let mut meta = meta("team-beta", "reports-cache", m.at(-5400), &[("app", "reports")]);
        meta["annotations"] = json!({ "volume.kubernetes.io/storage-provisioner": "driver.longhorn.io" });
        all.push(json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta,
            "spec": { "accessModes": ["ReadWriteMany"], "storageClassName": "longhorn-rwx", "volumeMode": "Filesystem", "resources": { "requests": { "storage": "200Gi" } } }, "status": { "phase": "Pending" } }));
    }
}

/// The used amounts follow from the objects of the namespace.
pub fn quotas(m: &Moment, all: &mut Vec<Value>) {
    let tight = match () {
        () if m.healthy => "3100m",
        () if m.is(QUOTA_FULL) => "4",
        () => "3800m",
    };
    for (namespace, used_cpu, pods) in [("team-alpha", "2400m", "9"), ("team-beta", tight, "10")] {
        let hard = json!({ "requests.cpu": "4", "requests.memory": "8Gi", "limits.cpu": "8", "limits.memory": "16Gi", "pods": "20", "persistentvolumeclaims": "10" });
        all.push(json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta(namespace, &format!("{namespace}-quota"), m.days_ago(120), &[("app.kubernetes.io/part-of", namespace)]),
            "spec": { "hard": hard }, "status": { "hard": hard, "used": { "requests.cpu": used_cpu, "requests.memory": "3584Mi", "limits.cpu": "5200m", "limits.memory": "7Gi", "pods": pods, "persistentvolumeclaims": "1" } } }));
    }
}

fn budgets(m: &Moment, all: &mut Vec<Value>) {
    for w in WORKLOADS.iter().filter(|w| w.replicas > 1) {
        // kubeop-manager asks for both of its replicas: nothing there may be drained.
        let (spec, needed) = if w.name == "kubeop-manager" {
            (json!({ "minAvailable": 2 }), 2)
        } else {
            (json!({ "maxUnavailable": 1 }), w.replicas - 1)
        };
        let mut spec = spec;
        spec["selector"] = json!({ "matchLabels": w.selector() });
        let allowed = (w.replicas - needed).max(0);
        all.push(json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta(w.namespace, w.name, m.days_ago(88), &w.labels()), "spec": spec,
            "status": { "observedGeneration": 0, "currentHealthy": w.replicas, "desiredHealthy": needed, "expectedPods": w.replicas, "disruptionsAllowed": allowed,
                "conditions": [{ "type": "DisruptionAllowed", "status": if allowed > 0 { "True" } else { "False" }, "reason": if allowed > 0 { "SufficientPods" } else { "InsufficientPods" }, "message": "", "observedGeneration": 0, "lastTransitionTime": time(m.days_ago(88)) }] } }));
    }
}

/// Left over from before the broker had a chart: its pods are guarded twice, and none of them can be evicted.
fn forgotten_budget(m: &Moment, all: &mut Vec<Value>) {
    let at = m.days_ago(170);
    all.push(json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta("slo-scout", "kafka-broker", at, &[]),
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": { "app.kubernetes.io/name": "kafka" } } },
        "status": { "observedGeneration": 0, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3, "disruptionsAllowed": 1,
            "conditions": [{ "type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods", "message": "", "observedGeneration": 0, "lastTransitionTime": time(at) }] } }));
}

fn autoscalers(m: &Moment, all: &mut Vec<Value>) {
    for (namespace, name, now, max) in [
        ("istio-system", "istio-gateway", 3, 10),
        ("team-alpha", "shop-web", 3, 8),
        ("slo-scout", "slo-scout-backend", 3, if m.healthy { 20 } else { 3 }),
    ] {
        let limited = now == max;
        let since = time(m.days_ago(3));
        let condition = |kind: &str, yes: bool, reason: &str, message: &str| json!({ "type": kind, "status": if yes { "True" } else { "False" }, "reason": reason, "message": message, "lastTransitionTime": since });
        all.push(json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta(namespace, name, m.days_ago(88), &[]),
            "spec": { "minReplicas": 2, "maxReplicas": max, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
                "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } }] },
            "status": { "observedGeneration": 0, "currentReplicas": now, "desiredReplicas": now, "lastScaleTime": since,
                "currentMetrics": [{ "type": "Resource", "resource": { "name": "cpu", "current": { "averageUtilization": if limited { 93 } else { 48 }, "averageValue": "48m" } } }],
                "conditions": [condition("AbleToScale", true, "ReadyForNewScale", "recommended size matches current size"),
                    condition("ScalingActive", true, "ValidMetricFound", "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"),
                    condition("ScalingLimited", limited, if limited { "TooManyReplicas" } else { "DesiredWithinRange" }, if limited { "the desired replica count is more than the maximum replica count" } else { "the desired count is within the acceptable range" })] } }));
    }
}
