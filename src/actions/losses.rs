//! What is lost when pods go: the last unsealed replica, the only ready pod of a workload, data without a copy, a run
//! that is cut short. For a drain of a node, and for the end of a single pod.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::input::{Input, Needs, Sealed};
use super::owner::owner;
use crate::domain::ages;
use crate::domain::evictions::{controller, is_over, pods as counted, some, terminating};
use crate::domain::json::{int, is_true, label, list, text};
use crate::domain::plan::Stop;

const LAST: &str = "the last unsealed replica";
const QUORUM: &str = "the quorum is lost without it";
/// A pod that takes longer to end is mentioned.
const LONG: i64 = 60;

/// What is known to be lost.
#[derive(Debug, Default)]
pub struct Losses {
    /// By the pod's uid, the most severe first.
    notes: HashMap<String, Vec<String>>,
    /// The same for all of them together, in a few lines.
    pub warnings: Vec<String>,
    /// Fewer replicas than a quorum stay unsealed.
    pub quorum: bool,
}

impl Losses {
    pub fn notes(&self, pod: &Value) -> Vec<String> {
        self.notes.get(text(pod, "/metadata/uid")).cloned().unwrap_or_default()
    }

    fn note(&mut self, pod: &Value, note: impl Into<String>) {
        self.notes.entry(text(pod, "/metadata/uid").to_owned()).or_default().push(note.into());
    }

    /// For a plan that ends this pod alone.
    pub fn of_one(mut self, pod: &Value) -> Vec<String> {
        let mut notes = self.notes.remove(text(pod, "/metadata/uid")).unwrap_or_default();
        if let (true, Some(first)) = (self.quorum, self.warnings.into_iter().next()) {
            notes.retain(|note| note != LAST && note != QUORUM);
            notes.insert(0, first);
        }
        notes
    }

    /// A note for each of these pods, and one line for all.
    fn warn(&mut self, pods: &[&Value], note: &str, line: &str) {
        for pod in pods {
            self.note(pod, note);
        }
        if !pods.is_empty() {
            self.warnings.push(format!("{line}: {}", some(&told(pods))));
        }
    }
}

/// `namespace/name` of each.
pub fn told(pods: &[&Value]) -> Vec<String> {
    pods.iter().map(|pod| format!("{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"))).collect()
}

pub fn has_empty_dir(pod: &Value) -> bool {
    list(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some())
}

/// Seconds that a pod may take to end.
pub fn grace(pod: &Value) -> i64 {
    int(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30)
}

/// What is lost with these pods. `node`: they are to leave it.
pub fn of(input: &Input<'_>, pods: &[&Value], node: Option<&str>) -> Result<Losses, Stop> {
    let (mut out, mut needs) = (Losses::default(), Needs::default());
    let pods: Vec<&Value> = pods.iter().copied().filter(|pod| !is_over(pod) && terminating(pod).is_none()).collect();
    seals(input.seals, &pods, &mut out);
    replicas(input, &pods, &mut needs, &mut out)?;
    if let Some(node) = node {
        bound(input, &pods, node, &mut needs, &mut out)?;
    }
    let those = |is: fn(&Value) -> bool| pods.iter().copied().filter(|pod| is(pod)).collect::<Vec<_>>();
    out.warn(
        &those(|pod| controller(pod).is_none()),
        "no controller recreates it",
        "lost permanently, no controller recreates them",
    );
    out.warn(&those(has_empty_dir), "its emptyDir data is lost", "emptyDir data is lost");
    for pod in &pods {
        if controller(pod).is_some_and(|owner| text(owner, "/kind") == "Job") {
            out.note(pod, "its run is cut short");
        }
        if grace(pod) > LONG {
            out.note(pod, format!("may take {} to end", ages::told(grace(pod))));
        }
    }
    needs.met(out)
}

/// A pod's name without its number: what the replicas of a StatefulSet have in common.
fn stem(name: &str) -> &str {
    name.rsplit_once('-').filter(|(_, n)| n.bytes().all(|b| b.is_ascii_digit())).map_or(name, |(stem, _)| stem)
}

/// What the service registration of OpenBao and Vault writes on their pods: a hint where they cannot be asked.
fn labelled(pod: &Value) -> Option<Sealed> {
    let word = ["openbao-sealed", "vault-sealed"].iter().map(|name| label(pod, name)).find(|word| !word.is_empty())?;
    Some(Sealed {
        namespace: text(pod, "/metadata/namespace").to_owned(),
        pod: text(pod, "/metadata/name").to_owned(),
        serves: Some(word == "false"),
        by_hand: false,
    })
}

fn seals(known: &[Sealed], pods: &[&Value], out: &mut Losses) {
    let find = |pod: &Value| {
        let is = |s: &&Sealed| s.namespace == text(pod, "/metadata/namespace") && s.pod == text(pod, "/metadata/name");
        known.iter().find(is).cloned().or_else(|| labelled(pod))
    };
    // pods that go and are unsealed, by namespace and the common part of their names
    let mut going: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for pod in pods {
        match find(pod).map(|seal| (seal.serves, seal)) {
            Some((Some(true), seal)) => {
                let key = (seal.namespace.clone(), stem(&seal.pod).to_owned());
                going.entry(key).or_default().push(pod);
                if seal.by_hand {
                    out.note(pod, "unsealed; comes back sealed, to be unsealed by hand");
                }
            }
            Some((None, _)) => out.note(pod, "whether it is unsealed is not known"),
            _ => {}
        }
    }
    for ((namespace, cluster), gone) in going {
        let all: Vec<&Sealed> = known.iter().filter(|s| s.namespace == namespace && stem(&s.pod) == cluster).collect();
        if all.is_empty() {
            out.quorum = true;
            let names = some(&told(&gone));
            out.warnings
                .insert(0, format!("how many replicas of {cluster} stay unsealed without {names} is not known"));
            continue;
        }
        let names = told(&gone);
        let Some((left, warning)) = quorum(&all, &namespace, &cluster, &names) else { continue };
        out.quorum = true;
        for pod in &gone {
            let note = if left == 0 { LAST } else { QUORUM };
            out.notes.entry(text(pod, "/metadata/uid").to_owned()).or_default().insert(0, note.to_owned());
        }
        out.warnings.insert(0, warning);
    }
}

/// What a cluster of replicas loses when these unsealed replicas go: how many stay, and the words for it. Nothing while
/// a quorum stays.
fn quorum(all: &[&Sealed], namespace: &str, cluster: &str, gone: &[String]) -> Option<(usize, String)> {
    let total = all.len().max(gone.len());
    let left = all.iter().filter(|s| s.serves == Some(true)).count().saturating_sub(gone.len());
    if left > total / 2 {
        return None;
    }
    let names = some(gone);
    let told = match left {
        0 if gone.len() == 1 => {
            format!("{names} is the last unsealed replica of {cluster}: nothing answers without it")
        }
        0 => format!("{names} are all unsealed replicas of {cluster}: nothing answers without them"),
        left => format!(
            "{cluster} in {namespace} loses its quorum: {left} of {total} replicas stay unsealed without {names}"
        ),
    };
    Some((left, told))
}

/// What is lost only when all targets of a plan go: `going` are the pods that each target takes, `of` is the controller
/// of each pod without a budget to hold it back.
pub fn together(known: &[Sealed], going: &[Vec<(String, String)>], of: &[Vec<String>]) -> Vec<String> {
    let mut clusters: BTreeMap<(&str, &str), Vec<(usize, String)>> = BTreeMap::new();
    for (nth, pods) in going.iter().enumerate() {
        for (namespace, pod) in pods {
            if known.iter().any(|s| s.namespace == *namespace && s.pod == *pod && s.serves == Some(true)) {
                clusters.entry((namespace, stem(pod))).or_default().push((nth, format!("{namespace}/{pod}")));
            }
        }
    }
    let mut out = Vec::new();
    for ((namespace, cluster), gone) in clusters.into_iter().filter(|(_, gone)| is_spread(gone.iter().map(|(n, _)| *n)))
    {
        let all: Vec<&Sealed> = known.iter().filter(|s| s.namespace == namespace && stem(&s.pod) == cluster).collect();
        let names: Vec<String> = gone.into_iter().map(|(_, name)| name).collect();
        out.extend(quorum(&all, namespace, cluster, &names).map(|(_, told)| told));
    }
    let mut controllers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (nth, name) in of.iter().enumerate().flat_map(|(nth, names)| names.iter().map(move |name| (nth, name))) {
        controllers.entry(name).or_default().push(nth);
    }
    let spread = controllers.into_iter().filter(|(_, from)| is_spread(from.iter().copied()));
    let told: Vec<String> = spread.map(|(name, from)| format!("{} of {name}", counted(from.len()))).collect();
    if !told.is_empty() {
        out.push(format!("without a budget to hold them back: {}", some(&told)));
    }
    out
}

/// Whether more than one target takes part.
fn is_spread(mut targets: impl Iterator<Item = usize>) -> bool {
    let first = targets.next();
    targets.any(|next| Some(next) != first)
}

/// Workloads whose ready pods are all among these.
fn replicas(input: &Input<'_>, pods: &[&Value], needs: &mut Needs, out: &mut Losses) -> Result<(), Stop> {
    let mut by: BTreeMap<(String, String, String), Vec<&Value>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| is_true(pod, "Ready")) {
        if let Some((kind, name)) = owner(pod)
            && matches!(&*kind, "Deployment" | "StatefulSet" | "ReplicaSet")
        {
            by.entry((kind, text(pod, "/metadata/namespace").to_owned(), name)).or_default().push(pod);
        }
    }
    let mut away = Vec::new();
    for ((kind, namespace, name), here) in by {
        let Some(found) = needs.take(input.maybe(&input.path(&kind, &namespace, &name)?))? else { continue };
        let note = match found.map(|object| int(object, "/status/readyReplicas").unwrap_or(0)) {
            Err(_) => "whether others are ready is not known".to_owned(),
            Ok(ready) if ready > i64::try_from(here.len()).unwrap_or(0) => continue,
            Ok(_) => {
                away.push(format!("{kind} {namespace}/{name}"));
                match here.len() {
                    1 => format!("the only ready pod of its {kind}"),
                    all => format!("all {all} ready pods of its {kind} go"),
                }
            }
        };
        for pod in here {
            out.note(pod, note.clone());
        }
    }
    if !away.is_empty() {
        out.warnings.push(format!("without a ready pod until a new one is: {}", some(&away)));
    }
    Ok(())
}

/// Pods whose volume is on this node alone.
fn bound(input: &Input<'_>, pods: &[&Value], node: &str, needs: &mut Needs, out: &mut Losses) -> Result<(), Stop> {
    let (mut stuck, mut unsure) = (Vec::new(), Vec::new());
    for pod in pods {
        for name in claims(pod) {
            let claim = input.path("PersistentVolumeClaim", text(pod, "/metadata/namespace"), &name)?;
            let Some(claim) = needs.take(input.maybe(&claim))? else { continue };
            let volume = claim.map_or("", |claim| text(claim, "/spec/volumeName"));
            if volume.is_empty() {
                unsure.push(*pod);
                continue;
            }
            match needs.take(input.maybe(&input.path("PersistentVolume", "", volume)?))? {
                Some(Ok(volume)) if is_of_node(volume, node) => stuck.push(*pod),
                Some(Err(_)) => unsure.push(*pod),
                Some(Ok(_)) | None => {}
            }
        }
    }
    stuck.dedup();
    unsure.dedup();
    let line = "can run nowhere else, as long as their volume is on this node alone";
    out.warn(&stuck, "its volume is on this node alone", line);
    for pod in unsure {
        out.note(pod, "whether its volume can follow is not known");
    }
    Ok(())
}

/// The claims that a pod mounts; those of ephemeral volumes are named after the pod and the volume.
fn claims(pod: &Value) -> Vec<String> {
    let one = |volume: &Value| match text(volume, "/persistentVolumeClaim/claimName") {
        "" if volume.get("ephemeral").is_some() => {
            Some(format!("{}-{}", text(pod, "/metadata/name"), text(volume, "/name")))
        }
        "" => None,
        name => Some(name.to_owned()),
    };
    list(pod, "/spec/volumes").iter().filter_map(one).collect()
}

/// Whether a volume can be mounted on this node only: drivers of local disks say so by its node affinity.
fn is_of_node(volume: &Value, node: &str) -> bool {
    let alone = |term: &Value| {
        list(term, "/matchExpressions").iter().any(|e| {
            let values = list(e, "/values");
            text(e, "/operator") == "In" && values.len() == 1 && values[0].as_str() == Some(node)
        })
    };
    let terms = list(volume, "/spec/nodeAffinity/required/nodeSelectorTerms");
    !terms.is_empty() && terms.iter().all(alone) || volume.pointer("/spec/hostPath").is_some()
}

/// Pods that may take longer to end than the timeout.
pub fn too_slow(pods: &[&Value], limit: u32) -> Option<String> {
    let slow: Vec<&Value> = pods.iter().copied().filter(|pod| !is_over(pod) && grace(pod) > limit.into()).collect();
    let longest = slow.iter().map(|pod| grace(pod)).max()?;
    let (count, longest) = (counted(slow.len()), ages::told(longest));
    Some(format!("{count} may take up to {longest} to end, the timeout is {limit} s: {}", some(&told(&slow))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pod(namespace: &str, name: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "name": name, "uid": name,
            "ownerReferences": [{"kind": "StatefulSet", "name": "bao", "controller": true}]}})
    }

    fn known(states: &[Option<bool>]) -> Vec<Sealed> {
        let one = |(nth, serves): (usize, &Option<bool>)| Sealed {
            namespace: "bao".into(),
            pod: format!("bao-{nth}"),
            serves: *serves,
            by_hand: true,
        };
        states.iter().enumerate().map(one).collect()
    }

    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);

    #[rstest]
    #[case::one_of_three(&[YES, YES, YES], &[0], "")]
    #[case::two_of_three(&[YES, YES, YES], &[0, 1], "bao in bao loses its quorum: 1 of 3 replicas stay unsealed without bao/bao-0, bao/bao-1")]
    #[case::the_last(&[YES, NO, NO], &[0], "bao/bao-0 is the last unsealed replica of bao: nothing answers without it")]
    #[case::with_one_sealed(&[YES, YES, NO], &[0], "bao in bao loses its quorum: 1 of 3 replicas stay unsealed without bao/bao-0")]
    #[case::a_sealed_one(&[YES, YES, NO], &[2], "")]
    #[case::what_is_not_known_counts_for_nothing(&[YES, YES, None], &[0], "bao in bao loses its quorum: 1 of 3 replicas stay unsealed without bao/bao-0")]
    #[case::all(&[YES], &[0], "bao/bao-0 is the last unsealed replica of bao: nothing answers without it")]
    fn unsealed_replicas_that_are_needed_are_named(
        #[case] states: &[Option<bool>],
        #[case] going: &[usize],
        #[case] expected: &str,
    ) {
        let pods: Vec<Value> = going.iter().map(|n| pod("bao", &format!("bao-{n}"))).collect();
        let mut out = Losses::default();
        seals(&known(states), &pods.iter().collect::<Vec<_>>(), &mut out);
        assert_eq!(out.warnings.join("; "), expected);
        assert_eq!(out.quorum, !expected.is_empty());
        let noted = out.notes(&pods[0]).iter().any(|note| note.contains("comes back sealed"));
        assert_eq!(noted, states[going[0]] == YES);
    }

    #[test]
    fn where_nobody_has_asked_a_replica_its_labels_are_believed() {
        let mut one = pod("x", "vault-0");
        one["metadata"]["labels"] = json!({"vault-sealed": "false"});
        let mut out = Losses::default();
        seals(&[], &[&one], &mut out);
        assert_eq!(out.warnings, ["how many replicas of vault stay unsealed without x/vault-0 is not known"]);
        assert!(out.quorum, "what is not known is not taken for well");
        let mut unknown = Losses::default();
        seals(&known(&[None]), &[&pod("bao", "bao-0")], &mut unknown);
        assert_eq!(unknown.notes(&pod("bao", "bao-0")), ["whether it is unsealed is not known"]);
    }

    #[rstest]
    #[case::of_another_zone(json!([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]), false)]
    #[case::of_this_node(json!([{"matchExpressions": [{"key": "topology.x/node", "operator": "In", "values": ["n1"]}]}]), true)]
    #[case::of_two_nodes(json!([{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1", "n2"]}]}]), false)]
    #[case::of_this_or_another(json!([{"matchExpressions": [{"key": "k", "operator": "In", "values": ["n1"]}]},
        {"matchExpressions": [{"key": "k", "operator": "In", "values": ["n2"]}]}]), false)]
    #[case::of_any(json!([]), false)]
    fn a_volume_is_of_a_node_when_its_affinity_names_no_other(#[case] terms: Value, #[case] expected: bool) {
        let volume = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}});
        assert_eq!(is_of_node(&volume, "n1"), expected);
    }

    #[test]
    fn a_grace_beyond_the_timeout_is_told() {
        let slow =
            json!({"metadata": {"namespace": "a", "name": "x"}, "spec": {"terminationGracePeriodSeconds": 3600}});
        let told = too_slow(&[&slow, &pod("a", "y")], 300).unwrap();
        assert_eq!(told, "1 pod may take up to 60m to end, the timeout is 300 s: a/x");
        assert_eq!(too_slow(&[&slow], 3600), None);
    }
}
