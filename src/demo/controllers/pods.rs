//! Pods that end and pods that begin. A new pod of a workload plays the role of a pod of the story, if one is
//! free: when it has started, it is as healthy or as ill as the story says.

use serde_json::{Value, json};

use super::{Task, after_time, later, nodes, parts, workloads};
use crate::demo::birth;
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

/// A pod that a workload wants.
pub struct Birth<'a> {
    pub workload: &'a Key,
    /// Given for `StatefulSets`; else made from `prefix`.
    pub name: Option<String>,
    pub prefix: String,
    pub owner: Value,
    pub template: &'a Value,
    pub labels: Vec<(&'static str, String)>,
    /// Given for `DaemonSets`.
    pub node: Option<String>,
    /// Pods whose role it may take over when none is free.
    pub follows: Vec<String>,
}

/// Creates the pod; it starts a step later.
pub fn create(world: &mut World, birth: &Birth<'_>) {
    let namespace = birth.workload.1.clone();
    let name = birth.name.clone().unwrap_or_else(|| {
        let seed = format!("{}/{}/{}", namespace, birth.prefix, world.version());
        format!("{}-{}", birth.prefix, parts::suffix(&seed, 5))
    });
    let role = role(world, birth, &name);
    let mut labels = birth.template["metadata"]["labels"].clone();
    if let Some(role) = &role {
        for (label, value) in world.role_labels(&namespace, role) {
            if labels.get(&label).is_none() && !label.contains("hash") {
                labels[&label] = value;
            }
        }
    }
    for (label, value) in &birth.labels {
        labels[*label] = json!(value);
    }
    let node = birth.node.clone().or_else(|| nodes::choose(world, &namespace, &labels["app"]));
    let mut spec = birth.template["spec"].clone();
    if let Some(name) = &birth.name {
        own_claims(&mut spec, &birth.workload.2, name);
    }
    let status = match &node {
        Some(node) => {
            spec["nodeName"] = json!(node);
            pending(&spec, world)
        }
        None => unschedulable(world),
    };
    let mut metadata = json!({"name": name, "namespace": namespace, "labels": labels, "generateName": format!("{}-", birth.prefix),
        "ownerReferences": [&birth.owner], "creationTimestamp": birth::time(world.now())});
    if let Some(annotations) = birth.template["metadata"].get("annotations") {
        metadata["annotations"] = annotations.clone();
    }
    world.apply(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}));
    if let Some(role) = role {
        world.cast(&namespace, &role, &name);
    }
    let at = ("Pod".to_owned(), namespace, name);
    let uid = world.get(&at.0, &at.1, &at.2).map(parts::uid).unwrap_or_default();
    later(world, 1, Task::PodStarts(at, uid));
}

/// A pod of a `StatefulSet` mounts the claims that are named after it.
fn own_claims(spec: &mut Value, workload: &str, pod: &str) {
    for volume in spec["volumes"].as_array_mut().into_iter().flatten() {
        let of_all = format!("data-{workload}");
        if volume["persistentVolumeClaim"]["claimName"] == of_all {
            volume["persistentVolumeClaim"]["claimName"] = json!(format!("data-{pod}"));
        }
    }
}

/// A role of the workload that nobody plays, or that somebody is about to leave; it is vacant afterwards.
fn role(world: &mut World, birth: &Birth<'_>, name: &str) -> Option<String> {
    let (kind, namespace, workload) = birth.workload;
    let mut roles = world.roles(namespace, &format!("{kind}/{workload}"));
    // Whoever waits for an image that nobody has pushed is played by a pod of that image only.
    let image = images(&birth.template["spec"]).next().map(|(_, image)| image.to_owned()).unwrap_or_default();
    roles.retain(|(role, _)| unpulled(&world.role_status(namespace, role)).is_none_or(|other| other == image));
    let leaves = |pod: &Option<String>| match pod {
        None => true,
        Some(pod) => world.get("Pod", namespace, pod).is_none_or(|pod| !pod["metadata"]["deletionTimestamp"].is_null()),
    };
    let followed = |pod: &Option<String>| pod.as_ref().is_some_and(|pod| birth.follows.contains(pod));
    let free: Vec<&(String, Option<String>)> = roles.iter().filter(|(_, pod)| leaves(pod)).collect();
    let own = free.iter().find(|(role, _)| role == name).or_else(|| free.first()).copied();
    let chosen = own.or_else(|| roles.iter().find(|(_, pod)| followed(pod)))?.0.clone();
    world.vacate(namespace, &chosen);
    Some(chosen)
}

/// The pod's node has pulled and started everything, or could not.
pub fn starts(world: &mut World, at: &Key, uid: &str) {
    let Some(pod) = world.get(&at.0, &at.1, &at.2).filter(|pod| parts::uid(pod) == uid).cloned() else { return };
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    if pod["spec"]["nodeName"].is_null() {
        if let Some(node) = nodes::choose(world, &at.1, &pod["metadata"]["labels"]["app"]) {
            world.say(at, |pod| pod["spec"]["nodeName"] = json!(node));
        }
        later(world, 1, Task::PodStarts(at.clone(), uid.to_owned()));
        return;
    }
    if let Some(status) = not_pulled(world, &pod) {
        world.say(at, |pod| pod["status"] = status);
        return;
    }
    let ill = world.below(at).is_some_and(|below| !parts::holds(below, "Ready"));
    world.thaw(at);
    if !ill {
        let status = running(world, &pod);
        world.say(at, |pod| pod["status"] = status);
    }
}

/// Ends a pod that carries its deletion already, after its grace or a step, whichever is shorter. Returns it as stored.
pub fn end(world: &mut World, pod: Value, grace: i64) -> Value {
    let at = key(&pod);
    workloads::take_of(world, &pod);
    if grace == 0 {
        remove(world, &at);
        return pod;
    }
    let stored = world.write(pod);
    let after = world.desk.step.min(jiff::SignedDuration::from_secs(grace));
    after_time(world, after, Task::PodEnds(at, parts::uid(&stored)));
    stored
}

/// Ends a pod as a controller does.
pub fn dismiss(world: &mut World, namespace: &str, name: &str) {
    let Some(mut pod) = world.get("Pod", namespace, name).cloned() else { return };
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let until = world.now().checked_add(jiff::SignedDuration::from_secs(30)).unwrap_or_else(|_| world.now());
    pod["metadata"]["deletionTimestamp"] = json!(birth::time(until));
    pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    end(world, pod, 30);
}

pub fn ends(world: &mut World, at: &Key, uid: &str) {
    if world.get(&at.0, &at.1, &at.2).is_some_and(|pod| parts::uid(pod) == uid) {
        remove(world, at);
    }
}

/// The pod is gone. Its role in the story waits for a successor; a pod that nobody owns stays gone, and one that a
/// node runs from a file comes back by the story's own hand.
pub fn remove(world: &mut World, at: &Key) {
    let Some(pod) = world.get(&at.0, &at.1, &at.2) else { return };
    let by_node = parts::controller(pod).is_some_and(|owner| owner["kind"] == "Node");
    let workload = workloads::of_pod(world, pod).map(|(kind, _, name)| format!("{kind}/{name}")).unwrap_or_default();
    if !by_node && let Some(role) = world.role_of(&at.1, &at.2, &workload) {
        world.vacate(&at.1, &role);
    }
    world.remove(&at.0, &at.1, &at.2);
}

fn images(spec: &Value) -> impl Iterator<Item = (&str, &str)> {
    let containers = spec["containers"].as_array().into_iter().flatten();
    containers.map(|one| (one["name"].as_str().unwrap_or_default(), one["image"].as_str().unwrap_or_default()))
}

fn conditions(world: &World, ready: bool) -> Value {
    let now = birth::time(world.now());
    let one = |kind: &str, yes: bool| json!({"type": kind, "status": if yes { "True" } else { "False" }, "lastTransitionTime": now});
    let not_ready = |kind: &str| {
        let mut condition = one(kind, ready);
        if !ready {
            condition["reason"] = json!("ContainersNotReady");
            condition["message"] = json!("containers are not ready");
        }
        condition
    };
    json!([
        one("PodReadyToStartContainers", ready),
        one("Initialized", true),
        not_ready("Ready"),
        not_ready("ContainersReady"),
        one("PodScheduled", true)
    ])
}

fn pending(spec: &Value, world: &World) -> Value {
    let statuses: Vec<Value> = images(spec)
        .map(|(name, image)| {
            json!({"name": name, "image": image, "imageID": "", "ready": false, "started": false, "restartCount": 0,
                "lastState": {}, "state": {"waiting": {"reason": "ContainerCreating"}}})
        })
        .collect();
    json!({"phase": "Pending", "qosClass": "Burstable", "startTime": birth::time(world.now()),
        "conditions": conditions(world, false), "containerStatuses": statuses})
}

fn unschedulable(world: &World) -> Value {
    let nodes = world.list("Node").len();
    json!({"phase": "Pending", "qosClass": "Burstable", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": format!("0/{nodes} nodes are available: {nodes} node(s) were unschedulable."), "lastTransitionTime": birth::time(world.now())}]})
}

fn running(world: &World, pod: &Value) -> Value {
    let now = birth::time(world.now());
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let number = name.bytes().fold(7, |hash, byte| birth::mix(hash ^ u64::from(byte)));
    let ip = format!("10.42.{}.{}", number % 8, number / 8 % 250 + 2);
    let one = |name: &str, image: &str| {
        json!({"name": name, "image": image, "imageID": format!("{image}@sha256:{number:0>64x}"), "containerID": format!("containerd://{number:0>64x}"),
            "ready": true, "started": true, "restartCount": 0, "state": {"running": {"startedAt": now}}, "lastState": {}})
    };
    let statuses: Vec<Value> = images(&pod["spec"]).map(|(name, image)| one(name, image)).collect();
    let mut status = json!({"phase": "Running", "qosClass": "Burstable", "startTime": pod["metadata"]["creationTimestamp"],
        "podIP": ip, "podIPs": [{"ip": ip}], "conditions": conditions(world, true), "containerStatuses": statuses});
    let init = pod["spec"]["initContainers"].as_array();
    let inits: Vec<Value> = init
        .into_iter()
        .flatten()
        .map(|container| {
            let mut status =
                one(container["name"].as_str().unwrap_or_default(), container["image"].as_str().unwrap_or_default());
            if container["restartPolicy"] != "Always" {
                status["started"] = json!(false);
                status["state"] =
                    json!({"terminated": {"reason": "Completed", "exitCode": 0, "startedAt": now, "finishedAt": now}});
            }
            status
        })
        .collect();
    if !inits.is_empty() {
        status["initContainerStatuses"] = json!(inits);
    }
    status
}

/// The image that a pod with this status cannot pull.
fn unpulled(status: &Value) -> Option<&str> {
    let waits =
        |one: &&Value| matches!(one["state"]["waiting"]["reason"].as_str(), Some("ImagePullBackOff" | "ErrImagePull"));
    status["containerStatuses"].as_array()?.iter().find(waits)?["image"].as_str()
}

/// The status of a pod whose image another pod of the namespace has failed to pull.
fn not_pulled(world: &World, pod: &Value) -> Option<Value> {
    let (name, image) = images(&pod["spec"]).next()?;
    let failed = world.list("Pod").into_iter().any(|other| {
        other["metadata"]["namespace"] == pod["metadata"]["namespace"] && unpulled(&other["status"]) == Some(image)
    });
    if !failed {
        return None;
    }
    let mut status = pending(&pod["spec"], world);
    status["containerStatuses"][0]["state"]["waiting"] = json!({"reason": "ImagePullBackOff",
        "message": format!("Back-off pulling image \"{image}\": ErrImagePull: failed to pull and unpack image: {image}: not found")});
    status["containerStatuses"][0]["name"] = json!(name);
    Some(status)
}
