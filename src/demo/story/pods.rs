//! A pod and its status: healthy, or in the trouble that the story has for it. Restart counts grow as the kubelet's
//! back-off lets them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::build::{meta, time};
use super::moment::{
    BAO_ONE_SEALED, BAO_TWO_SEALED, CATALOG_PULL, FLINK_PENDING, Moment, NODE_LOST, PAYMENTS_OOM, SECRET_MISSING,
    SHOP_CRASH, SLOPILOT_UNREADY, Span, Trouble, WORKER_CRASH,
};
use super::nodes::{LOST, NODES, address};
use super::releases::{Kind, Workload};

/// A pod before its status is known.
pub struct Pod {
    pub workload: &'static Workload,
    /// Place among the replicas; -1 is the one pod of a new revision.
    pub index: i64,
    pub name: String,
    pub owner: Value,
    pub labels: Vec<(&'static str, String)>,
    pub node: usize,
    pub address: i64,
    pub created: Timestamp,
}

/// A container that exits again and again, or did so once.
struct Exits {
    count: i64,
    reason: &'static str,
    code: i64,
    started: Timestamp,
    finished: Timestamp,
    /// Waiting for so many seconds of back-off; `None`: it runs (again).
    back_off: Option<i64>,
    active: bool,
}

enum State {
    Fine,
    Exiting(Exits),
    Unready(Span),
    Pulling(Span),
    Unschedulable(Span),
    NoSecret(Span),
    NodeGone(Span),
}

/// The object, and whether it is ready.
pub fn build(m: &Moment, pod: &Pod) -> (Value, bool) {
    let state = state_of(m, pod);
    let w = pod.workload;
    let mut meta = meta(w.namespace, &pod.name, created(&state, pod), &w.labels());
    for (key, value) in &pod.labels {
        meta["labels"][*key] = json!(value);
    }
    if w.namespace == "openbao" && w.component == "server" {
        seal_labels(m, pod.index, &mut meta);
    }
    meta["ownerReferences"] = pod.owner.clone();
    meta["generateName"] = json!(format!("{}-", pod.name.rsplit_once('-').map_or("", |(head, _)| head)));
    let mut spec = spec(w);
    if let (State::Pulling(_), Some(image)) = (&state, w.containers.first().map(|first| first.image)) {
        spec["containers"][0]["image"] = json!(image.replace(":2.0.3", ":2.1.0-rc1"));
    }
    if let Some(claim) = w.claim_of(pod.index) {
        spec["volumes"][0]["persistentVolumeClaim"]["claimName"] = json!(claim);
    }
    if !matches!(state, State::Unschedulable(_)) {
        spec["nodeName"] = json!(NODES[pod.node]);
    }
    let ready = matches!(&state, State::Fine) || matches!(&state, State::Exiting(e) if !e.active);
    let status = status(pod, &state, ready);
    (json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status }), ready)
}

fn created(state: &State, pod: &Pod) -> Timestamp {
    match state {
        State::Unschedulable(span) | State::NoSecret(span) | State::Pulling(span) => span.since,
        _ => pod.created,
    }
}

fn state_of(m: &Moment, pod: &Pod) -> State {
    let w = pod.workload;
    let exits = |trouble: Trouble, run: i64, reason: &'static str, code: i64| {
        m.newest(trouble).map(|span| exits(&span, run, reason, code))
    };
    let lost = if NODES[pod.node] == LOST { m.during(NODE_LOST) } else { None };
    let state = match (w.name, pod.index) {
        ("catalog", -1) => m.during(CATALOG_PULL).map(State::Pulling),
        ("slo-scout-flink-taskmanager", 2) => m.during(FLINK_PENDING).map(State::Unschedulable),
        ("payments", 1) if m.is(SECRET_MISSING) => m.during(SECRET_MISSING).map(State::NoSecret),
        ("slopilot-rightsizing", _) => m.during(SLOPILOT_UNREADY).map(State::Unready),
        ("openbao", 1) => m.during(BAO_ONE_SEALED).map(State::Unready),
        ("openbao", 2) => m.during(BAO_TWO_SEALED).map(State::Unready),
        _ if lost.is_some() => lost.map(State::NodeGone),
        ("orders-worker", _) => exits(WORKER_CRASH, 6, "Error", 1).map(State::Exiting),
        ("shop-api", 0 | 1) => exits(SHOP_CRASH, 11, "Error", 2).map(State::Exiting),
        ("payments", 0) => exits(PAYMENTS_OOM, 27, "OOMKilled", 137).map(State::Exiting),
        _ => None,
    };
    state.unwrap_or(State::Fine)
}

/// Walks the kubelet's back-off (10 s doubling to 5 min) over the seconds of a trouble.
fn exits(span: &Span, run: i64, reason: &'static str, code: i64) -> Exits {
    let of_one = walk(span.length, run).0;
    let (count, started, wait) = walk(span.age.min(span.length), run);
    let at = |seconds: i64| span.since.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(span.since);
    Exits {
        count: span.nth * of_one + count,
        reason,
        code,
        started: at(started - run),
        finished: at(started),
        back_off: if span.active { wait } else { None },
        active: span.active,
    }
}

/// (exits so far, second of the newest exit, back-off that it now waits for).
fn walk(age: i64, run: i64) -> (i64, i64, Option<i64>) {
    let (mut count, mut exit, mut wait) = (1, 0, 10);
    loop {
        if age < exit + wait {
            return (count, exit, Some(wait));
        }
        if age < exit + wait + run {
            return (count, exit, None);
        }
        exit += wait + run;
        count += 1;
        wait = (wait * 2).min(300);
    }
}

/// The labels by which OpenBao tells the API server how each replica is.
fn seal_labels(m: &Moment, index: i64, meta: &mut Value) {
    let (one, two) = (m.is(BAO_ONE_SEALED), m.is(BAO_TWO_SEALED));
    let sealed = (index == 1 && one) || (index == 2 && two);
    let active = index == 0 && !(one && two);
    for (key, value) in [
        ("openbao-sealed", sealed),
        ("openbao-active", active),
        ("openbao-initialized", true),
        ("openbao-perf-standby", false),
    ] {
        meta["labels"][key] = json!(value.to_string());
    }
    meta["labels"]["openbao-version"] = json!("2.6.0");
}

/// The pod template's spec.
pub fn spec(w: &Workload) -> Value {
    let containers: Vec<Value> = w.containers.iter().enumerate().map(|(at, c)| {
        let mut container = json!({ "name": c.name, "image": c.image, "imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": { "requests": { "cpu": format!("{}m", c.millicores), "memory": format!("{}Mi", c.mebibytes) },
                           "limits": { "cpu": format!("{}m", c.millicores * 2), "memory": format!("{}Mi", c.mebibytes * 2) } } });
        if let Some((name, port)) = c.port {
            container["ports"] = json!([{ "name": name, "containerPort": port, "protocol": "TCP" }]);
            if at == 0 {
                container["readinessProbe"] = json!({ "httpGet": { "path": probe(w.name), "port": name, "scheme": "HTTP" }, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3, "successThreshold": 1 });
            }
        }
        container
    }).collect();
    let mut spec = json!({ "containers": containers, "restartPolicy": "Always", "serviceAccountName": w.name, "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } } });
    if w.meshed() {
        spec["initContainers"] = json!([
            { "name": "istio-init", "image": "harbor.example.internal/istio/proxyv2:1.27.1", "resources": {} },
            { "name": "istio-proxy", "image": "harbor.example.internal/istio/proxyv2:1.27.1", "restartPolicy": "Always", "resources": { "requests": { "cpu": "100m", "memory": "128Mi" } } }]);
    }
    // the template of a StatefulSet has one of its own for each pod
    let claim = if w.kind == Kind::StatefulSet { w.claim.map(|_| format!("data-{}", w.name)) } else { w.claim_of(0) };
    if let Some(claim) = claim {
        spec["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": claim } }]);
    }
    spec
}

fn probe(name: &str) -> &'static str {
    match name {
        "slopilot-rightsizing" => "/ready",
        "openbao" => "/v1/sys/health?standbyok=true",
        n if n.starts_with("prometheus-") || n.starts_with("alertmanager-") => "/-/ready",
        _ => "/healthz",
    }
}

fn status(pod: &Pod, state: &State, ready: bool) -> Value {
    let w = pod.workload;
    let born = created(state, pod);
    let began = time(born.checked_add(SignedDuration::from_secs(12)).unwrap_or(born));
    let scheduled = !matches!(state, State::Unschedulable(_));
    let word = |yes: bool| if yes { "True" } else { "False" };
    let since = match state {
        State::Fine => time(born),
        State::Exiting(e) => time(if e.active { e.started } else { e.finished }),
        State::Unready(s) | State::Pulling(s) | State::Unschedulable(s) | State::NoSecret(s) | State::NodeGone(s) => {
            time(s.since)
        }
    };
    if let State::Unschedulable(_) = state {
        return json!({ "phase": "Pending", "qosClass": "Burstable", "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since,
            "message": "0/8 nodes are available: 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 5 Insufficient cpu. preemption: 0/8 nodes are available: 3 Preemption is not helpful for scheduling, 5 No preemption victims found for incoming pod." }] });
    }
    let waits = matches!(state, State::Pulling(_) | State::NoSecret(_));
    let ready_reason = if let State::NodeGone(_) = state {
        json!({ "type": "Ready", "status": "False", "lastTransitionTime": since })
    } else if ready {
        json!({ "type": "Ready", "status": "True", "lastTransitionTime": since })
    } else {
        json!({ "type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": format!("containers with unready status: [{}]", w.containers[0].name), "lastTransitionTime": since })
    };
    let statuses: Vec<Value> = w
        .containers
        .iter()
        .enumerate()
        .map(|(at, c)| {
            if at == 0 {
                first_container(pod, state, c.name, c.image, &began)
            } else {
                running(c.name, c.image, &began)
            }
        })
        .collect();
    let all_ready = !waits && ready;
    let mut status = json!({ "phase": if waits { "Pending" } else { "Running" }, "qosClass": "Burstable", "startTime": time(born),
        "hostIP": address(pod.node), "podIP": format!("10.42.{}.{}", pod.node, pod.address % 250 + 2), "podIPs": [{ "ip": format!("10.42.{}.{}", pod.node, pod.address % 250 + 2) }],
        "conditions": [
            { "type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": time(born) },
            { "type": "Initialized", "status": "True", "lastTransitionTime": time(born) },
            ready_reason,
            { "type": "ContainersReady", "status": word(all_ready || matches!(state, State::NodeGone(_))), "lastTransitionTime": since },
            { "type": "PodScheduled", "status": word(scheduled), "lastTransitionTime": time(born) }],
        "containerStatuses": statuses });
    if w.meshed() {
        status["initContainerStatuses"] = json!([
            { "name": "istio-init", "image": "harbor.example.internal/istio/proxyv2:1.27.1", "imageID": "", "ready": true, "started": false, "restartCount": 0, "lastState": {},
              "state": { "terminated": { "reason": "Completed", "exitCode": 0, "startedAt": time(born), "finishedAt": time(born) } } },
            running("istio-proxy", "harbor.example.internal/istio/proxyv2:1.27.1", &began)]);
    }
    status
}

fn running(name: &str, image: &str, since: &str) -> Value {
    json!({ "name": name, "image": image, "imageID": format!("{image}@sha256:{:0>64}", name.len()), "containerID": format!("containerd://{:0>64}", name.len()),
        "ready": true, "started": true, "restartCount": 0, "state": { "running": { "startedAt": since } }, "lastState": {} })
}

fn first_container(pod: &Pod, state: &State, name: &str, image: &str, began: &str) -> Value {
    let mut status = running(name, image, began);
    match state {
        State::Fine | State::Unschedulable(_) | State::NodeGone(_) => {}
        State::Unready(span) => {
            status["ready"] = json!(false);
            if pod.workload.namespace == "openbao" {
                // It came back sealed after its process was killed.
                status["restartCount"] = json!(span.nth + 1);
                status["state"] = json!({ "running": { "startedAt": time(span.since) } });
                status["lastState"] = json!({ "terminated": { "reason": "Error", "exitCode": 137, "signal": 9, "startedAt": began, "finishedAt": time(span.since) } });
            }
        }
        State::Exiting(e) => {
            let message =
                if e.code == 1 { "panic: dial tcp 10.43.112.9:5672: connect: connection refused" } else { "" };
            let mut terminated = json!({ "reason": e.reason, "exitCode": e.code, "startedAt": time(e.started), "finishedAt": time(e.finished), "containerID": format!("containerd://{:0>64}", e.count) });
            if !message.is_empty() {
                terminated["message"] = json!(message);
            }
            status["restartCount"] = json!(if e.back_off.is_some() { e.count - 1 } else { e.count });
            status["lastState"] = json!({ "terminated": terminated });
            if let Some(seconds) = e.back_off {
                status["ready"] = json!(false);
                status["started"] = json!(false);
                status["state"] = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": format!("back-off {} restarting failed container={name} pod={}_{}", back_off(seconds), pod.name, pod.workload.namespace) } });
            } else {
                let again = e.finished.checked_add(SignedDuration::from_secs(1)).unwrap_or(e.finished);
                status["ready"] = json!(!e.active);
                status["state"] = json!({ "running": { "startedAt": time(again) } });
            }
        }
        State::Pulling(_) => {
            let image = image.replace(":2.0.3", ":2.1.0-rc1");
            wait(
                &mut status,
                "ImagePullBackOff",
                &format!(
                    "Back-off pulling image \"{image}\": ErrImagePull: failed to pull and unpack image: {image}: not found"
                ),
            );
            status["image"] = json!(image);
        }
        State::NoSecret(_) => {
            wait(&mut status, "CreateContainerConfigError", "secret \"payments-credentials\" not found");
        }
    }
    status
}

fn wait(status: &mut Value, reason: &str, message: &str) {
    status["ready"] = json!(false);
    status["started"] = json!(false);
    status["imageID"] = json!("");
    status["state"] = json!({ "waiting": { "reason": reason, "message": message } });
    if let Some(status) = status.as_object_mut() {
        status.remove("containerID");
    }
}

/// As Go prints a duration.
fn back_off(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, s) => format!("{s}s"),
        (m, s) => format!("{m}m{s}s"),
    }
}

/// A pod that a node's kubelet runs from a file.
pub fn of_node(m: &Moment, app: &str, image: &str, node: &str, at: usize) -> Value {
    let created = m.days_ago(90);
    let name = format!("{app}-{node}");
    let mut meta = meta(
        "kube-system",
        &name,
        created,
        &[("component", app), ("tier", "control-plane"), ("app.kubernetes.io/part-of", "rke2")],
    );
    meta["annotations"] =
        json!({ "kubernetes.io/config.mirror": m.hex(&name, 32), "kubernetes.io/config.source": "file" });
    meta["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Node", "name": node, "uid": "", "controller": true }]);
    let began = time(created);
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta,
        "spec": { "nodeName": node, "hostNetwork": true, "restartPolicy": "Always", "priorityClassName": "system-cluster-critical", "containers": [{ "name": app, "image": image, "resources": { "requests": { "cpu": "250m", "memory": "512Mi" } } }] },
        "status": { "phase": "Running", "qosClass": "Burstable", "startTime": began, "hostIP": address(at), "podIP": address(at), "podIPs": [{ "ip": address(at) }],
            "conditions": [{ "type": "Initialized", "status": "True", "lastTransitionTime": began }, { "type": "Ready", "status": "True", "lastTransitionTime": began },
                { "type": "ContainersReady", "status": "True", "lastTransitionTime": began }, { "type": "PodScheduled", "status": "True", "lastTransitionTime": began }],
            "containerStatuses": [running(app, image, &began)] } })
}

/// A finished pod of a Job.
pub fn of_job(m: &Moment, job: &str, attempt: i64, begun: Timestamp, failed: bool, ip: i64) -> Value {
    let name = format!("{job}-{}", m.suffix(&format!("{job}/{attempt}"), 5));
    let at = |seconds: i64| begun.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(begun);
    let (start, end) = (at(attempt * 14), at(attempt * 14 + 9));
    let mut meta = meta(
        "kubeop-system",
        &name,
        start,
        &[
            ("app", "invoice-export"),
            ("app.kubernetes.io/name", "invoice-export"),
            ("app.kubernetes.io/part-of", "kubeop"),
            ("batch.kubernetes.io/job-name", job),
            ("job-name", job),
        ],
    );
    meta["ownerReferences"] = super::build::owner("batch/v1", "Job", job);
    let image = "harbor.example.internal/kubeop/invoice-export:0.14.2";
    let mut container = running("export", image, &time(start));
    container["ready"] = json!(false);
    container["started"] = json!(false);
    container["state"] = json!({ "terminated": { "reason": if failed { "Error" } else { "Completed" }, "exitCode": if failed { 3 } else { 0 }, "startedAt": time(start), "finishedAt": time(end),
        "message": if failed { "export failed: usage snapshot and invoice differ for tenant team-beta" } else { "" } } });
    let not_ready = |kind: &str| json!({ "type": kind, "status": "False", "reason": if failed { "PodFailed" } else { "PodCompleted" }, "lastTransitionTime": time(end) });
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta,
        "spec": { "nodeName": "worker-2", "restartPolicy": "Never", "containers": [{ "name": "export", "image": image, "resources": { "requests": { "cpu": "50m", "memory": "64Mi" } } }] },
        "status": { "phase": if failed { "Failed" } else { "Succeeded" }, "qosClass": "Burstable", "startTime": time(start), "hostIP": address(4), "podIP": format!("10.42.4.{}", ip % 250 + 2), "podIPs": [{ "ip": format!("10.42.4.{}", ip % 250 + 2) }],
            "conditions": [{ "type": "Initialized", "status": "True", "lastTransitionTime": time(start) }, not_ready("Ready"), not_ready("ContainersReady"), { "type": "PodScheduled", "status": "True", "lastTransitionTime": time(start) }],
            "containerStatuses": [container] } })
}

#[cfg(test)]
mod tests {
    use super::walk;

    #[test]
    fn the_back_off_doubles_and_stops_at_five_minutes() {
        assert_eq!(walk(0, 6), (1, 0, Some(10)));
        assert_eq!(walk(12, 6), (1, 0, None), "it runs again after 10 s");
        assert_eq!(walk(16, 6), (2, 16, Some(20)));
        let (_, _, wait) = walk(1500, 6);
        assert_eq!(wait, Some(300));
    }
}
