//! The Deployments, `StatefulSets` and `DaemonSets` of the story with their `ReplicaSets` and pods, and the Jobs. Which
//! component runs what is the table in `releases.rs`.

use serde_json::{Value, json};

use super::build::{meta, owner, time};
use super::moment::{CATALOG_PULL, EXPORT_FAILED, Moment};
use super::nodes::{FIRST_WORKER, LOST, NODES};
use super::pods::{self, Pod};
use super::releases::{Kind, WORKLOADS, Workload};

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    let mut address = 1;
    for workload in WORKLOADS {
        one(m, workload, &mut address, all);
    }
    static_pods(m, all);
    jobs(m, &mut address, all);
}

fn one(m: &Moment, w: &'static Workload, address: &mut i64, all: &mut Vec<Value>) {
    let mut pods = Vec::new();
    let created = m.days_ago(20 + i64::try_from(m.hash(w.name) % 60).unwrap_or(0));
    let hash = template_hash(m, w, 1);
    let nodes: Vec<usize> = match w.kind {
        Kind::DaemonSet => (0..NODES.len()).filter(|at| w.everywhere || *at >= FIRST_WORKER).collect(),
        _ => (0..w.replicas).map(|i| worker(m, w, i)).collect(),
    };
    for (at, node) in nodes.iter().enumerate() {
        let index = i64::try_from(at).unwrap_or(0);
        let key = format!("{}/{}/{index}", w.namespace, w.name);
        let (name, by, extra) = match w.kind {
            Kind::Deployment => (
                format!("{}-{hash}-{}", w.name, m.suffix(&key, 5)),
                owner("apps/v1", "ReplicaSet", &format!("{}-{hash}", w.name)),
                vec![("pod-template-hash", hash.clone())],
            ),
            Kind::StatefulSet => {
                let name = format!("{}-{index}", w.name);
                let labels = vec![
                    ("apps.kubernetes.io/pod-index", index.to_string()),
                    ("statefulset.kubernetes.io/pod-name", name.clone()),
                    ("controller-revision-hash", format!("{}-{}", w.name, &hash[..9])),
                ];
                (name, owner("apps/v1", "StatefulSet", w.name), labels)
            }
            Kind::DaemonSet => (
                format!("{}-{}", w.name, m.suffix(&key, 5)),
                owner("apps/v1", "DaemonSet", w.name),
                vec![("controller-revision-hash", hash[..9].to_owned())],
            ),
        };
        *address += 1;
        pods.push(Pod { workload: w, index, name, owner: by, labels: extra, node: *node, address: *address, created });
    }
    let built: Vec<(Value, bool)> = pods.iter().map(|pod| pods::build(m, pod)).collect();
    let ready = i64::try_from(built.iter().filter(|(_, ready)| *ready).count()).unwrap_or(0);
    let wanted = i64::try_from(built.len()).unwrap_or(0);
    let mut fresh = None;
    match w.kind {
        Kind::Deployment => {
            let pulling = (w.name == "catalog").then(|| m.during(CATALOG_PULL)).flatten();
            if let Some(span) = pulling {
                *address += 1;
                let hash = template_hash(m, w, 2);
                fresh = Some((
                    hash.clone(),
                    Pod {
                        workload: w,
                        index: -1,
                        name: format!("{}-{hash}-{}", w.name, m.suffix("catalog/new", 5)),
                        owner: owner("apps/v1", "ReplicaSet", &format!("{}-{hash}", w.name)),
                        labels: vec![("pod-template-hash", hash)],
                        node: FIRST_WORKER,
                        address: *address,
                        created: span.since,
                    },
                ));
            }
            let pods: Vec<&Value> = built.iter().map(|(pod, _)| pod).collect();
            let rolling = fresh.as_ref().map(|(_, pod)| pod.created);
            all.push(deployment(w, created, &pods, (ready, wanted), rolling));
            if let Some(earlier) = retagged(w, EARLIER).filter(|_| w.namespace.starts_with("team-")) {
                all.push(replica_set(w, &template_hash(m, w, 0), (created, 0, 0, 13), earlier));
            }
            all.push(replica_set(w, &hash, (created, ready, wanted, 14), template(w)));
            if let Some((hash, pod)) = &fresh {
                let template = retagged(w, &[UNPUSHED]).unwrap_or_else(|| template(w));
                all.push(replica_set(w, hash, (pod.created, 0, 1, 15), template));
            }
        }
        Kind::StatefulSet => {
            all.push(stateful_set(w, &hash, created, ready, wanted));
            revisions(m, w, &hash, created, all);
        }
        Kind::DaemonSet => {
            all.push(daemon_set(w, created, ready, wanted));
            revisions(m, w, &hash, created, all);
        }
    }
    all.extend(built.into_iter().map(|(pod, _)| pod));
    all.extend(fresh.map(|(_, pod)| pods::build(m, &pod).0));
}

/// Replicas go around the workers; the catalogue of nodes starts at a place of the workload's own.
fn worker(m: &Moment, w: &Workload, index: i64) -> usize {
    let workers = NODES.len() - FIRST_WORKER;
    let first = usize::try_from(m.hash(&format!("place/{}/{}", w.namespace, w.name)) % 5).unwrap_or(0);
    let at = FIRST_WORKER + (first + usize::try_from(index).unwrap_or(0)) % workers;
    // OpenBao has its own trouble; a lost node under it would make one incident out of two.
    if w.namespace == "openbao" && NODES[at] == LOST { FIRST_WORKER } else { at }
}

fn template_hash(m: &Moment, w: &Workload, revision: u8) -> String {
    m.suffix(&format!("template/{}/{}/{revision}", w.namespace, w.name), 10)
}

fn labelled(w: &Workload, name: &str, created: jiff::Timestamp) -> Value {
    let mut meta = meta(w.namespace, name, created, &[]);
    for (key, value) in w.labels() {
        meta["labels"][key] = json!(value);
    }
    if w.release.is_empty() {
        return meta;
    }
    let (by, ns) = if w.namespace == "flux-system" { ("kustomize", "flux-system") } else { ("helm", w.namespace) };
    meta["labels"][format!("{by}.toolkit.fluxcd.io/name")] = json!(w.release);
    meta["labels"][format!("{by}.toolkit.fluxcd.io/namespace")] = json!(ns);
    meta["annotations"] =
        json!({ "meta.helm.sh/release-name": w.release, "meta.helm.sh/release-namespace": w.namespace });
    meta
}

/// Tags of images that changed with a revision: as it runs, and as it was before.
const EARLIER: &[(&str, &str)] = &[
    (":2.9.6", ":2.9.5"),
    (":16.4", ":16.3"),
    (":v1.1.1", ":v1.1.0"),
    (":1.4.0", ":1.3.2"),
    (":3.2.1", ":3.2.0"),
    (":0.9.4", ":0.9.3"),
    (":2.0.3", ":2.0.2"),
    (":1.1.0", ":1.0.9"),
];
/// The tag that the newest revision of the catalogue asks for, which nobody has pushed.
const UNPUSHED: (&str, &str) = (":2.0.3", ":2.1.0-rc1");

fn template(w: &Workload) -> Value {
    json!({ "metadata": { "labels": w.labels().into_iter().collect::<std::collections::BTreeMap<_, _>>() }, "spec": pods::spec(w) })
}

/// The template with another tag of its first image; `None` when it has no such tag.
fn retagged(w: &Workload, tags: &[(&str, &str)]) -> Option<Value> {
    let mut template = template(w);
    let image = &mut template["spec"]["containers"][0]["image"];
    let text = image.as_str().unwrap_or_default();
    let (from, to) = tags.iter().find(|(from, _)| text.ends_with(from))?;
    *image = json!(text.replace(from, to));
    Some(template)
}

/// How many pods must be ready for a Deployment to be available: all but a quarter, rounded down.
fn least(wanted: i64) -> usize {
    usize::try_from(wanted - wanted / 4).unwrap_or(0)
}

/// Whether a Deployment is available, and since when: by its pods, as its controller would have noted it.
fn available(pods: &[&Value], wanted: i64, created: jiff::Timestamp) -> (bool, String) {
    let ready = |pod: &&Value| -> (bool, String) {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let ready = conditions.into_iter().find(|c| c["type"] == "Ready");
        let text = |c: &Value| c.as_str().unwrap_or_default().to_owned();
        ready.map_or_else(|| (false, time(created)), |c| (c["status"] == "True", text(&c["lastTransitionTime"])))
    };
    let states: Vec<(bool, String)> = pods.iter().map(ready).collect();
    let mut since: Vec<&String> = states.iter().filter(|(ready, _)| *ready).map(|(_, since)| since).collect();
    let mut until: Vec<&String> = states.iter().filter(|(ready, _)| !*ready).map(|(_, since)| since).collect();
    // times of one format sort as texts
    since.sort_unstable();
    until.sort_unstable();
    let least = least(wanted);
    let time_of = |times: &[&String], nth: usize| times.get(nth).map_or_else(|| time(created), |at| (*at).clone());
    if since.len() >= least {
        (true, least.checked_sub(1).map_or_else(|| time(created), |nth| time_of(&since, nth)))
    } else {
        // the one too many that went away
        (false, time_of(&until, states.len().saturating_sub(least)))
    }
}

fn deployment(
    w: &Workload,
    created: jiff::Timestamp,
    pods: &[&Value],
    (ready, wanted): (i64, i64),
    rollout: Option<jiff::Timestamp>,
) -> Value {
    let rolling = rollout.is_some();
    let mut meta = labelled(w, w.name, created);
    meta["annotations"]["deployment.kubernetes.io/revision"] = json!(if rolling { "15" } else { "14" });
    let (available, since) = available(pods, wanted, created);
    let progressed = time(rollout.unwrap_or(created));
    let strategy = if w.namespace == "slopilot" {
        json!({ "type": "Recreate" })
    } else {
        json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } })
    };
    let extra = i64::from(rolling);
    let mut status = json!({ "observedGeneration": 0, "replicas": wanted + extra, "updatedReplicas": if rolling { 1 } else { wanted }, "readyReplicas": ready, "availableReplicas": ready,
        "conditions": [
            { "type": "Available", "status": if available { "True" } else { "False" }, "reason": if available { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" },
              "message": if available { "Deployment has minimum availability." } else { "Deployment does not have minimum availability." }, "lastTransitionTime": since, "lastUpdateTime": since },
            { "type": "Progressing", "status": "True", "reason": if rolling { "ReplicaSetUpdated" } else { "NewReplicaSetAvailable" },
              "message": format!("ReplicaSet for \"{}\" is progressing.", w.name), "lastTransitionTime": progressed, "lastUpdateTime": progressed }] });
    if wanted + extra > ready {
        status["unavailableReplicas"] = json!(wanted + extra - ready);
    }
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
        "spec": { "replicas": wanted, "selector": { "matchLabels": w.selector() }, "template": if rolling { retagged(w, &[UNPUSHED]).unwrap_or_else(|| template(w)) } else { template(w) }, "strategy": strategy, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600 },
        "status": status })
}

fn replica_set(
    w: &Workload,
    hash: &str,
    (created, ready, wanted, revision): (jiff::Timestamp, i64, i64, i64),
    mut template: Value,
) -> Value {
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut meta = labelled(w, &format!("{}-{hash}", w.name), created);
    meta["labels"]["pod-template-hash"] = json!(hash);
    meta["annotations"]["deployment.kubernetes.io/revision"] = json!(revision.to_string());
    meta["ownerReferences"] = owner("apps/v1", "Deployment", w.name);
    let mut selector = w.selector();
    selector["pod-template-hash"] = json!(hash);
    json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": { "replicas": wanted, "selector": { "matchLabels": selector }, "template": template },
        "status": { "observedGeneration": 0, "replicas": wanted, "fullyLabeledReplicas": wanted, "readyReplicas": ready, "availableReplicas": ready } })
}

/// The present template of a `StatefulSet` or `DaemonSet` as its controller keeps it for an undo, and the one before.
fn revisions(m: &Moment, w: &Workload, hash: &str, created: jiff::Timestamp, all: &mut Vec<Value>) {
    let earlier = retagged(w, EARLIER).map(|template| (template_hash(m, w, 0), template));
    let kept = earlier.into_iter().chain([(hash.to_owned(), template(w))]);
    for ((hash, mut template), revision) in kept.zip(1..) {
        let name = format!("{}-{}", w.name, &hash[..9]);
        let (kind, label) =
            if w.kind == Kind::StatefulSet { ("StatefulSet", name.as_str()) } else { ("DaemonSet", &hash[..9]) };
        let mut meta = meta(w.namespace, &name, created, &w.labels());
        meta["labels"]["controller-revision-hash"] = json!(label);
        meta["ownerReferences"] = owner("apps/v1", kind, w.name);
        template["$patch"] = json!("replace");
        all.push(json!({ "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta, "revision": revision, "data": { "spec": { "template": template } } }));
    }
}

fn stateful_set(w: &Workload, hash: &str, created: jiff::Timestamp, ready: i64, wanted: i64) -> Value {
    let revision = format!("{}-{}", w.name, &hash[..9]);
    let mut meta = labelled(w, w.name, created);
    if w.namespace == "monitoring" {
        // Rendered by the operator: a restart annotation may be stripped again.
        let kind = if w.app == "prometheus" { "Prometheus" } else { "Alertmanager" };
        meta["ownerReferences"] =
            owner("monitoring.coreos.com/v1", kind, &format!("monitoring-kube-prometheus-{}", w.app));
    }
    let strategy = if w.namespace == "openbao" {
        json!({ "type": "OnDelete" })
    } else {
        json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } })
    };
    json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta,
        "spec": { "replicas": wanted, "serviceName": format!("{}-internal", w.name), "podManagementPolicy": "Parallel", "selector": { "matchLabels": w.selector() }, "template": template(w), "updateStrategy": strategy },
        "status": { "observedGeneration": 0, "replicas": wanted, "readyReplicas": ready, "availableReplicas": ready, "currentReplicas": wanted, "updatedReplicas": wanted, "currentRevision": revision, "updateRevision": revision, "collisionCount": 0 } })
}

fn daemon_set(w: &Workload, created: jiff::Timestamp, ready: i64, wanted: i64) -> Value {
    let mut status = json!({ "observedGeneration": 0, "desiredNumberScheduled": wanted, "currentNumberScheduled": wanted, "updatedNumberScheduled": wanted, "numberReady": ready, "numberAvailable": ready, "numberMisscheduled": 0 });
    if ready < wanted {
        status["numberUnavailable"] = json!(wanted - ready);
    }
    json!({ "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": labelled(w, w.name, created),
        "spec": { "selector": { "matchLabels": w.selector() }, "template": template(w), "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 0 } } },
        "status": status })
}

/// The control plane's own pods, which the kubelets run from files.
fn static_pods(m: &Moment, all: &mut Vec<Value>) {
    for (at, node) in NODES.iter().enumerate().take(FIRST_WORKER) {
        for (name, image) in [
            ("etcd", "rancher/hardened-etcd:v3.5.21"),
            ("kube-apiserver", "rancher/hardened-kubernetes:v1.33.5-rke2r1"),
            ("kube-controller-manager", "rancher/hardened-kubernetes:v1.33.5-rke2r1"),
            ("kube-scheduler", "rancher/hardened-kubernetes:v1.33.5-rke2r1"),
        ] {
            all.push(pods::of_node(m, name, image, node, at));
        }
    }
}

/// The nightly invoice export of kubeOP: yesterday's run, and today's, which fails for a while.
fn jobs(m: &Moment, address: &mut i64, all: &mut Vec<Value>) {
    let labels = [("app", "invoice-export"), ("app.kubernetes.io/part-of", "kubeop")];
    let failing = m.during(EXPORT_FAILED);
    let day = m.at(-6 * 3600);
    let mut meta_of = meta("kubeop-system", "invoice-export", m.days_ago(100), &labels);
    meta_of["labels"]["helm.toolkit.fluxcd.io/name"] = json!("kubeop");
    meta_of["labels"]["helm.toolkit.fluxcd.io/namespace"] = json!("kubeop-system");
    let last = failing.map_or(day, |span| span.since);
    // at this hour each day: the next run is far enough away that nobody waits for it
    let hour = day.strftime("%-M %-H * * *").to_string();
    all.push(json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta_of,
        "spec": { "schedule": hour, "suspend": false, "concurrencyPolicy": "Forbid", "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
            "jobTemplate": { "spec": { "backoffLimit": 2, "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "export", "image": "harbor.example.internal/kubeop/invoice-export:0.14.2" }] } } } } },
        "status": { "lastScheduleTime": time(last), "lastSuccessfulTime": time(day) } }));
    let mut runs = vec![(format!("invoice-export-{}", day.as_second() / 60), day, false)];
    if let Some(span) = failing {
        runs.push((format!("invoice-export-{}", span.since.as_second() / 60), span.since, true));
    }
    for (name, begun, failed) in runs {
        let mut meta_of = meta("kubeop-system", &name, begun, &labels);
        meta_of["labels"]["batch.kubernetes.io/job-name"] = json!(name);
        meta_of["ownerReferences"] = owner("batch/v1", "CronJob", "invoice-export");
        let ended = time(begun.checked_add(jiff::SignedDuration::from_secs(41)).unwrap_or(begun));
        let status = if failed {
            json!({ "startTime": time(begun), "failed": 3, "conditions": [
                { "type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit", "lastTransitionTime": ended, "lastProbeTime": ended },
                { "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit", "lastTransitionTime": ended, "lastProbeTime": ended }] })
        } else {
            json!({ "startTime": time(begun), "completionTime": ended, "succeeded": 1, "conditions": [
                { "type": "Complete", "status": "True", "reason": "CompletionsReached", "message": "Reached expected number of succeeded pods", "lastTransitionTime": ended, "lastProbeTime": ended }] })
        };
        all.push(json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": meta_of,
            "spec": { "backoffLimit": 2, "completions": 1, "parallelism": 1, "selector": { "matchLabels": { "batch.kubernetes.io/job-name": name } },
                "template": { "metadata": { "labels": { "batch.kubernetes.io/job-name": name } }, "spec": { "restartPolicy": "Never", "containers": [{ "name": "export", "image": "harbor.example.internal/kubeop/invoice-export:0.14.2" }] } } },
            "status": status }));
        for attempt in 0..if failed { 3 } else { 1 } {
            *address += 1;
            all.push(pods::of_job(m, &name, attempt, begun, failed, *address));
        }
    }
}
