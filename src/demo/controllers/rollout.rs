//! The controllers of Deployments and `ReplicaSets`: one set per pod template, moved from old to new within what surge
//! and unavailability allow.

use serde_json::{Value, json};

use super::parts::{put_condition, share, suffix, without_zeros};
use super::{parts, pods, workloads};
use crate::demo::birth;
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

const REVISION: &str = "deployment.kubernetes.io/revision";

/// The sets that this uid owns.
pub fn sets<'a>(world: &'a World, uid: &str) -> Vec<&'a Value> {
    let owned = |set: &&Value| parts::controller(set).is_some_and(|owner| owner["uid"] == uid);
    world.list("ReplicaSet").into_iter().filter(owned).collect()
}

/// A set with its pods that are not on their way out.
struct Set {
    object: Value,
    target: i64,
    /// Name and readiness, the newest last.
    pods: Vec<(String, bool)>,
    ending: usize,
}

impl Set {
    fn ready(&self) -> i64 {
        count(self.pods.iter().filter(|(_, ready)| *ready).count())
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn revision(object: &Value) -> i64 {
    object["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A template without the label that its own set puts on.
fn bare(template: &Value) -> Value {
    let mut template = template.clone();
    template["metadata"]["labels"].as_object_mut().and_then(|labels| labels.remove("pod-template-hash"));
    template
}

/// Whether a set has this template.
fn same(set: &Value, template: &Value) -> bool {
    parts::lean(&bare(&set["spec"]["template"])) == parts::lean(template)
}

fn gather(world: &World, deployment: &Value) -> Vec<Set> {
    let pods = world.list("Pod");
    let mut all: Vec<Set> = sets(world, &parts::uid(deployment))
        .into_iter()
        .map(|object| {
            let uid = parts::uid(object);
            let mut own: Vec<&Value> = pods
                .iter()
                .copied()
                .filter(|pod| parts::controller(pod).is_some_and(|owner| owner["uid"] == uid.as_str()))
                .collect();
            own.sort_by_key(|pod| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned());
            let (live, ending): (Vec<&Value>, Vec<&Value>) =
                own.into_iter().partition(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            let pods = live
                .into_iter()
                .map(|pod| (pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(), parts::is_ready(pod)))
                .collect();
            let target = object["spec"]["replicas"].as_i64().unwrap_or(0);
            Set { object: object.clone(), target, pods, ending: ending.len() }
        })
        .collect();
    all.sort_by_key(|set| revision(&set.object));
    all
}

/// One look of the controllers at a Deployment.
pub fn step(world: &mut World, at: &Key, deployment: &Value) {
    let wanted = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    let paused = deployment["spec"]["paused"] == true;
    let template = bare(&deployment["spec"]["template"]);
    let mut all = gather(world, deployment);
    let mut fresh = all.iter().position(|set| same(&set.object, &template));
    if fresh.is_none() && !paused {
        create_set(
            world,
            at,
            deployment,
            &template,
            all.iter().map(|set| revision(&set.object)).max().unwrap_or(0) + 1,
        );
        all = gather(world, deployment);
        fresh = all.iter().position(|set| same(&set.object, &template));
    }
    if let Some(fresh) = fresh.filter(|_| !paused) {
        renumber(world, at, &mut all, fresh);
    }
    let recreate = deployment["spec"]["strategy"]["type"] == "Recreate";
    match fresh {
        Some(fresh) if !paused && recreate => replace_all(&mut all, fresh, wanted),
        Some(fresh) if !paused => {
            let limits = &deployment["spec"]["strategy"]["rollingUpdate"];
            roll(&mut all, fresh, wanted, limits);
        }
        _ => {
            // While paused only the number is followed, by the one set that has pods.
            let mut active: Vec<&mut Set> = all.iter_mut().filter(|set| set.target > 0).collect();
            if let [only] = active.as_mut_slice() {
                only.target = wanted;
            }
        }
    }
    fill(world, at, &all, fresh);
    let now = gather(world, deployment);
    for set in &now {
        tell_set(world, set);
    }
    tell(world, at, deployment, &now, &template, (wanted, paused));
}

/// The set of the present template has the highest revision, and the Deployment says it.
fn renumber(world: &mut World, at: &Key, all: &mut [Set], fresh: usize) {
    let highest = all.iter().map(|set| revision(&set.object)).max().unwrap_or(0);
    let mut own = revision(&all[fresh].object);
    if own < highest {
        own = highest + 1;
        let set = key(&all[fresh].object);
        world.say(&set, |set| set["metadata"]["annotations"][REVISION] = json!(own.to_string()));
    }
    world.say(at, |object| {
        if !object["metadata"]["annotations"].is_object() {
            object["metadata"]["annotations"] = json!({});
        }
        object["metadata"]["annotations"][REVISION] = json!(own.to_string());
    });
}

fn create_set(world: &mut World, at: &Key, deployment: &Value, template: &Value, revision: i64) {
    let hash = suffix(&format!("{}/{}/{template}", at.1, at.2), 10);
    let mut labels = template["metadata"]["labels"].clone();
    labels["pod-template-hash"] = json!(hash);
    let mut own = template.clone();
    own["metadata"]["labels"] = labels.clone();
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": format!("{}-{hash}", at.2), "namespace": at.1, "labels": labels, "creationTimestamp": birth::time(world.now()),
            "annotations": {REVISION: revision.to_string()}, "ownerReferences": [workloads::reference(deployment)]},
        "spec": {"replicas": 0, "selector": selector, "template": own}, "status": {"observedGeneration": 1, "replicas": 0}});
    world.apply(set);
}

fn replace_all(all: &mut [Set], fresh: usize, wanted: i64) {
    let mut others = 0;
    for (_, set) in all.iter_mut().enumerate().filter(|(at, _)| *at != fresh) {
        others += set.pods.len() + set.ending;
        set.target = 0;
    }
    if others == 0 {
        all[fresh].target = wanted;
    }
}

fn roll(all: &mut [Set], fresh: usize, wanted: i64, limits: &Value) {
    let surge = share(&limits["maxSurge"], wanted, true, 1);
    let mut unavailable = share(&limits["maxUnavailable"], wanted, false, 0);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let total: i64 = all.iter().map(|set| set.target).sum();
    let new = &mut all[fresh];
    let room = (wanted + surge - total).max(0);
    new.target = (new.target + room).min(wanted);
    let (new_target, new_ready) = (new.target, new.ready());
    let total: i64 = all.iter().map(|set| set.target).sum();
    let least = wanted - unavailable;
    let mut spare = total - least - (new_target - new_ready).max(0);
    // What is not ready anyway goes first, then the ready ones that are too many.
    for (_, set) in all.iter_mut().enumerate().filter(|(at, set)| *at != fresh && set.target > 0) {
        let ill = (set.target - set.ready()).clamp(0, spare.max(0));
        set.target -= ill;
        spare -= ill;
    }
    let ready: i64 = all.iter().map(Set::ready).sum();
    let mut many = (ready - least).max(0);
    for (_, set) in all.iter_mut().enumerate().filter(|(at, set)| *at != fresh && set.target > 0) {
        let fewer = many.min(set.target).min(spare.max(0));
        set.target -= fewer;
        many -= fewer;
        spare -= fewer;
    }
}

/// Makes the pods of each set as many as its target says.
fn fill(world: &mut World, at: &Key, all: &[Set], fresh: Option<usize>) {
    for set in all {
        let name = key(&set.object);
        world.say(&name, |object| object["spec"]["replicas"] = json!(set.target));
        let mut many = count(set.pods.len()) - set.target;
        // Not ready before ready, young before old.
        let mut order: Vec<&(String, bool)> = set.pods.iter().rev().collect();
        order.sort_by_key(|(_, ready)| *ready);
        for (pod, _) in order {
            if many <= 0 {
                break;
            }
            pods::dismiss(world, &at.1, pod);
            many -= 1;
        }
    }
    let old: Vec<String> = all
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != fresh)
        .flat_map(|(_, set)| set.pods.iter().map(|(pod, _)| pod.clone()))
        .collect();
    for set in all {
        for _ in count(set.pods.len())..set.target {
            let hash = set.object["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or_default().to_owned();
            pods::create(
                world,
                &pods::Birth {
                    workload: at,
                    name: None,
                    prefix: set.object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                    owner: workloads::reference(&set.object),
                    template: &set.object["spec"]["template"],
                    labels: vec![("pod-template-hash", hash)],
                    node: None,
                    follows: old.clone(),
                },
            );
        }
    }
}

fn tell_set(world: &mut World, set: &Set) {
    let at = key(&set.object);
    world.freeze(&at);
    let (pods, ready) = (count(set.pods.len()), set.ready());
    world.say(&at, |object| {
        let status = json!({"observedGeneration": object["metadata"]["generation"], "replicas": pods, "fullyLabeledReplicas": pods,
            "readyReplicas": ready, "availableReplicas": ready});
        object["status"] = without_zeros(status, &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]);
    });
}

fn tell(world: &mut World, at: &Key, deployment: &Value, all: &[Set], template: &Value, (wanted, paused): (i64, bool)) {
    let fresh = all.iter().find(|set| same(&set.object, template));
    let total: i64 = all.iter().map(|set| count(set.pods.len())).sum();
    let ready: i64 = all.iter().map(Set::ready).sum();
    let updated = fresh.map_or(0, |set| count(set.pods.len()));
    let least = wanted - share(&deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], wanted, false, 0);
    let done = updated == wanted && total == updated && ready >= wanted;
    let now = world.now();
    let deadline = deployment["spec"]["progressDeadlineSeconds"].as_i64().unwrap_or(600);
    let late = world.desk.workloads.get_mut(at).is_some_and(|taken| {
        if taken.seen != (total, ready, updated) || done {
            taken.seen = (total, ready, updated);
            taken.moved = now;
        }
        now.as_second() - taken.moved.as_second() > deadline
    });
    let name = fresh.map_or(at.2.as_str(), |set| set.object["metadata"]["name"].as_str().unwrap_or_default());
    let time = birth::time(now);
    let one = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": time, "lastTransitionTime": time});
    let available = if ready >= least {
        one("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        one("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let progressing = if paused {
        one("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    } else if done {
        one(
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            &format!("ReplicaSet {name:?} has successfully progressed."),
        )
    } else if late {
        one(
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            &format!("ReplicaSet {name:?} has timed out progressing."),
        )
    } else {
        one("Progressing", "True", "ReplicaSetUpdated", &format!("ReplicaSet {name:?} is progressing."))
    };
    world.say(at, |object| {
        let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        put_condition(&mut conditions, available);
        put_condition(&mut conditions, progressing);
        let status = json!({"observedGeneration": object["metadata"]["generation"], "replicas": total, "updatedReplicas": updated,
            "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": (total.max(wanted) - ready).max(0), "conditions": conditions});
        object["status"] = without_zeros(status, &["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"]);
    });
}
