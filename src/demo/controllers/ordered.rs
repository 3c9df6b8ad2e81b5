//! The controllers of `StatefulSets` and `DaemonSets`: one pod after the other.

use serde_json::{Value, json};

use super::parts::{suffix, without_zeros};
use super::{parts, pods, workloads};
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

const HASH: &str = "controller-revision-hash";

/// The name of the revision of the present template, which becomes the newest one.
fn revision(world: &mut World, at: &Key, object: &Value) -> String {
    let template = &object["spec"]["template"];
    let uid = parts::uid(object);
    let own: Vec<Value> = world
        .list("ControllerRevision")
        .into_iter()
        .filter(|revision| parts::controller(revision).is_some_and(|owner| owner["uid"] == uid.as_str()))
        .cloned()
        .collect();
    let highest = own.iter().filter_map(|revision| revision["revision"].as_i64()).max().unwrap_or(0);
    if let Some(kept) =
        own.iter().find(|revision| parts::lean(&bare(&revision["data"]["spec"]["template"])) == parts::lean(template))
    {
        if kept["revision"] != highest {
            world.say(&key(kept), |revision| revision["revision"] = json!(highest + 1));
        }
        let hash = kept["metadata"]["labels"][HASH].as_str().unwrap_or_default().to_owned();
        remember(world, at, template, &hash);
        return hash;
    }
    let known =
        world.desk.workloads.get(at).and_then(|taken| {
            taken.revisions.iter().find(|(known, _)| known == template).map(|(_, name)| name.clone())
        });
    if let Some(name) = known {
        return name;
    }
    let hash = suffix(&format!("{}/{}/{template}", at.1, at.2), 9);
    let name = format!("{}-{hash}", at.2);
    let label = if at.0 == "StatefulSet" { name.clone() } else { hash };
    let mut labels = template["metadata"]["labels"].clone();
    labels[HASH] = json!(label);
    let mut data = template.clone();
    data["$patch"] = json!("replace");
    world.apply(json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": highest + 1, "data": {"spec": {"template": data}},
        "metadata": {"name": name, "namespace": at.1, "labels": labels, "ownerReferences": [workloads::reference(object)]}}));
    remember(world, at, template, &label);
    label
}

/// A template as a revision keeps it, without the directive that it carries.
fn bare(template: &Value) -> Value {
    let mut template = template.clone();
    template.as_object_mut().and_then(|template| template.remove("$patch"));
    template
}

fn remember(world: &mut World, at: &Key, template: &Value, name: &str) {
    let Some(taken) = world.desk.workloads.get_mut(at) else { return };
    if taken.revisions.iter().all(|(_, known)| known != name) {
        taken.revisions.push((template.clone(), name.to_owned()));
    }
}

/// The template of a revision that is older than the present one.
fn template_of(world: &World, at: &Key, revision: &str) -> Option<Value> {
    let taken = world.desk.workloads.get(at)?;
    taken.revisions.iter().find(|(_, name)| name == revision).map(|(template, _)| template.clone())
}

struct Member {
    name: String,
    revision: String,
    node: String,
    ready: bool,
    ending: bool,
}

fn members(world: &World, at: &Key) -> Vec<Member> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = workloads::pods(world, at).into_iter().map(|pod| Member {
        name: text(&pod["metadata"]["name"]),
        revision: text(&pod["metadata"]["labels"][HASH]),
        node: text(&pod["spec"]["nodeName"]),
        ready: parts::is_ready(pod),
        ending: !pod["metadata"]["deletionTimestamp"].is_null(),
    });
    all.collect()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn stateful_set(world: &mut World, at: &Key, object: &Value) {
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let template = &object["spec"]["template"];
    let update = revision(world, at, object);
    let current = object["status"]["currentRevision"].as_str().unwrap_or(update.as_str()).to_owned();
    let strategy = &object["spec"]["updateStrategy"];
    let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    let all = members(world, at);
    let find = |ordinal: i64| all.iter().find(|member| member.name == format!("{}-{ordinal}", at.2));
    let parallel = object["spec"]["podManagementPolicy"] == "Parallel";
    let mut whole = true;
    for ordinal in 0..wanted {
        let healthy = find(ordinal).is_some_and(|member| member.ready && !member.ending);
        if find(ordinal).is_none() && (whole || parallel) {
            let revision = if ordinal < partition { &current } else { &update };
            let older = template_of(world, at, revision);
            let name = format!("{}-{ordinal}", at.2);
            let labels = vec![
                ("apps.kubernetes.io/pod-index", ordinal.to_string()),
                ("statefulset.kubernetes.io/pod-name", name.clone()),
                (HASH, revision.clone()),
            ];
            pods::create(
                world,
                &pods::Birth {
                    workload: at,
                    name: Some(name),
                    prefix: at.2.clone(),
                    owner: workloads::reference(object),
                    template: older.as_ref().unwrap_or(template),
                    labels,
                    node: None,
                    follows: Vec::new(),
                },
            );
        }
        whole &= healthy;
    }
    for member in all.iter().filter(|member| !member.ending) {
        let ordinal = member.name.rsplit_once('-').and_then(|(_, number)| number.parse::<i64>().ok());
        if ordinal.is_some_and(|ordinal| ordinal >= wanted) {
            pods::dismiss(world, &at.1, &member.name);
        }
    }
    if strategy["type"] != "OnDelete" {
        for ordinal in (partition..wanted).rev() {
            let Some(member) = find(ordinal) else { break };
            if member.ending {
                break;
            }
            if member.revision != update {
                pods::dismiss(world, &at.1, &member.name);
                break;
            }
            // It continues only when what it has replaced is ready: a broken one stops it.
            if !member.ready {
                break;
            }
        }
    }
    tell_stateful_set(world, at, &update, &current);
}

fn tell_stateful_set(world: &mut World, at: &Key, update: &str, current: &str) {
    let all = members(world, at);
    let live: Vec<&Member> = all.iter().filter(|member| !member.ending).collect();
    let ready = count(live.iter().filter(|member| member.ready).count());
    let of = |revision: &str| count(live.iter().filter(|member| member.revision == revision).count());
    let (updated, total) = (of(update), count(live.len()));
    let done = updated == total && ready == total;
    let current = if done { update } else { current };
    let currents = of(current);
    world.say(at, |object| {
        let status = json!({"observedGeneration": object["metadata"]["generation"], "replicas": total, "readyReplicas": ready,
            "availableReplicas": ready, "currentReplicas": currents, "updatedReplicas": updated, "currentRevision": current,
            "updateRevision": update, "collisionCount": 0});
        object["status"] = without_zeros(status, &["readyReplicas", "currentReplicas", "updatedReplicas"]);
    });
}

pub fn daemon_set(world: &mut World, at: &Key, object: &Value) {
    let template = &object["spec"]["template"];
    let update = revision(world, at, object);
    let nodes = world.desk.workloads.get(at).map(|taken| taken.nodes.clone()).unwrap_or_default();
    let all = members(world, at);
    for node in &nodes {
        if all.iter().all(|member| member.node != *node) {
            pods::create(
                world,
                &pods::Birth {
                    workload: at,
                    name: None,
                    prefix: at.2.clone(),
                    owner: workloads::reference(object),
                    template,
                    labels: vec![(HASH, update.clone())],
                    node: Some(node.clone()),
                    follows: Vec::new(),
                },
            );
        }
    }
    let on_delete = object["spec"]["updateStrategy"]["type"] == "OnDelete";
    let away = nodes.iter().filter(|node| all.iter().all(|member| member.node != **node || member.ending)).count();
    let limit =
        parts::share(&object["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], count(nodes.len()), true, 1);
    let ill = all.iter().filter(|member| !member.ready && !member.ending).count();
    let mut room = limit - count(away) - count(ill);
    if !on_delete {
        for member in all.iter().filter(|member| !member.ending && member.revision != update) {
            // One that is not ready costs nothing.
            if member.ready && room <= 0 {
                continue;
            }
            pods::dismiss(world, &at.1, &member.name);
            room -= i64::from(member.ready);
        }
    }
    let live = members(world, at);
    let live: Vec<&Member> = live.iter().filter(|member| !member.ending).collect();
    let desired = count(nodes.len());
    let ready = count(live.iter().filter(|member| member.ready).count());
    let updated = count(live.iter().filter(|member| member.revision == update).count());
    let scheduled = count(live.len());
    world.say(at, |object| {
        let status = json!({"observedGeneration": object["metadata"]["generation"], "desiredNumberScheduled": desired, "currentNumberScheduled": scheduled,
            "updatedNumberScheduled": updated, "numberReady": ready, "numberAvailable": ready, "numberMisscheduled": 0, "numberUnavailable": desired - ready});
        object["status"] = without_zeros(status, &["updatedNumberScheduled", "numberAvailable", "numberUnavailable"]);
    });
}
