//! Drains of a node of the demo: what a budget holds back does not keep the others, and it is done only when no pod is
//! left that had to go.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults};

use super::driver::{Seen, State, demo, writes};

const NODE: &str = "worker-3";

fn at(pod: &Value) -> (String, String) {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
    (text("namespace"), text("name"))
}

/// The pods of the node that a drain evicts, as namespace and name.
fn evictable(demo: &Demo) -> BTreeSet<(String, String)> {
    let stays = |pod: &Value| {
        let owner = &pod["metadata"]["ownerReferences"][0]["kind"];
        owner == "DaemonSet" || owner == "Node"
    };
    demo.control().with_world(|world| {
        let here = world.list("Pod").into_iter().filter(|pod| pod["spec"]["nodeName"] == NODE && !stays(pod));
        here.map(at).collect()
    })
}

/// A pod of the node that no budget guards, and that has a controller.
fn free(demo: &Demo) -> (String, String) {
    let guarded = demo.control().with_world(|world| {
        let budgets = world.list("PodDisruptionBudget");
        budgets
            .into_iter()
            .map(|b| (b["metadata"]["namespace"].clone(), b["metadata"]["name"].clone()))
            .collect::<Vec<_>>()
    });
    let is_guarded = |pod: &(String, String)| {
        guarded.iter().any(|(namespace, name)| *namespace == *pod.0 && pod.1.starts_with(name.as_str().unwrap()))
    };
    evictable(demo).into_iter().find(|pod| !is_guarded(pod)).expect("a pod that no budget guards")
}

/// A budget over one pod alone, with these numbers: allowed, healthy, desired.
fn guard(demo: &Demo, (namespace, name): &(String, String), numbers: (i64, i64, i64), policy: &str) {
    demo.control().with_world(|world| {
        world.edit("Pod", namespace, name, |pod| pod["metadata"]["labels"]["only"] = json!("this"));
        let (allowed, healthy, desired) = numbers;
        world.apply(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "tight", "namespace": namespace},
            "spec": {"minAvailable": 1, "unhealthyPodEvictionPolicy": policy, "selector": {"matchLabels": {"only": "this"}}},
            "status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
                "desiredHealthy": desired, "expectedPods": 1, "disruptedPods": {}}}));
    });
}

fn drain(more: &str) -> String {
    format!("drain node/{NODE} delete-emptydir-data=yes unmanaged=yes leave-unevictable=yes confirm=sre-demo {more}")
}

/// The paths that were asked to be evicted, each time.
fn evictions(demo: &Demo) -> Vec<String> {
    writes(demo).into_iter().filter(|line| line.contains("/eviction")).collect()
}

fn path((namespace, name): &(String, String)) -> String {
    format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction")
}

/// Every request is recorded before it is sent, and its answer after it.
#[track_caller]
fn every_request_is_audited(state: &State, demo: &Demo) {
    let audit = state.audited();
    let of = |event: &str| {
        let lines = audit.iter().filter(|line| line["event"] == event);
        let mut paths: Vec<String> = lines.map(|line| line["path"].as_str().unwrap().to_owned()).collect();
        paths.sort();
        paths
    };
    let mut sent: Vec<String> =
        writes(demo).iter().map(|line| line.split(['?', ' ']).nth(1).unwrap().to_owned()).collect();
    sent.sort();
    assert_eq!(of("intent"), sent);
    assert_eq!(of("answer"), sent);
}

/// The outcome; what is left follows it, line by line.
#[track_caller]
fn ended(seen: &Seen, code: u8, outcome: &str) {
    assert_eq!(seen.code, code, "{}", seen.out);
    let told = seen.out.lines().any(|line| line.starts_with(outcome));
    assert!(told, "wanted `{outcome}`: {} {}", seen.out, seen.err);
}

#[test]
fn a_drain_is_done_when_no_pod_is_left_that_had_to_go() {
    let (demo, state) = (demo("quiet"), State::new());
    let all = evictable(&demo);
    let seen = state.on(&demo, &drain("timeout=120"));
    seen.is(0, &format!("{} pods gone, none is left that had to go", all.len()));
    assert_eq!(evictable(&demo).intersection(&all).count(), 0);
    assert!(seen.out.contains(&format!("0 of {} gone", all.len())), "it is counted: {seen:#?}");
    every_request_is_audited(&state, &demo);
    state.on(&demo, &drain("")).is(4, "is drained");
}

#[test]
fn what_a_budget_holds_back_does_not_keep_the_others() {
    let (demo, state) = (demo("quiet"), State::new());
    let held = free(&demo);
    guard(&demo, &held, (0, 1, 1), "IfHealthyBudget");
    let all = evictable(&demo);
    let seen = state.on(&demo, &drain("timeout=14"));
    let (namespace, name) = &held;
    let step = format!("failed: step 3 of 3, evict {} pods from {NODE}", all.len());
    ended(&seen, 1, &format!("{step}: 1 pod is left: {namespace}/{name} (held back by budget tight)"));
    let line = format!("{namespace}/{name}: held back by budget tight: Cannot evict pod as it would violate");
    assert!(seen.out.lines().any(|out| out.starts_with(&line)), "the whole reason is shown: {seen:#?}");
    assert!(seen.out.contains("1 held back by budget tight"), "while it runs, too: {seen:#?}");
    assert_eq!(evictable(&demo).intersection(&all).collect::<Vec<_>>(), [&held], "all others are gone");
    let asked = evictions(&demo).iter().filter(|line| line.contains(&path(&held))).count();
    assert!((2..=3).contains(&asked), "every 5 s: {asked}");
    every_request_is_audited(&state, &demo);
    assert!(
        seen.out
            .contains(&format!("warning: budget {namespace}/tight holds back {namespace}/{name}: it needs 1 healthy"))
    );
    // running it again continues with what is left
    demo.control().with_world(|world| world.remove("PodDisruptionBudget", namespace, "tight"));
    let again = state.on(&demo, &drain("timeout=60"));
    again.is(0, "1 pod gone");
    assert!(!again.out.contains("cordon node"), "the cordon is done");
}

#[test]
fn a_pod_that_terminates_for_ever_is_no_drained_node() {
    let (demo, state) = (demo("quiet"), State::new());
    let stuck = free(&demo);
    demo.control().with_world(|world| {
        world.edit("Pod", &stuck.0, &stuck.1, |pod| {
            pod["metadata"]["finalizers"] = json!(["x/y"]);
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
    });
    let seen = state.on(&demo, &drain("timeout=10"));
    assert_eq!(seen.code, 1, "{seen:#?}");
    let told = format!("1 pod is left: {}/{} (terminating for ", stuck.0, stuck.1);
    assert!(seen.out.contains(&told) && seen.out.contains("held by the finalizer x/y"), "{seen:#?}");
    assert!(!evictions(&demo).iter().any(|line| line.contains(&path(&stuck))), "it is not asked to go again");
}

/// Bound to the node once the drain has begun.
fn newcomer(demo: &Demo) -> std::thread::JoinHandle<()> {
    let control = demo.control();
    std::thread::spawn(move || {
        for _ in 0..600 {
            let begun = control.requests().iter().any(|r| r.path.ends_with("/eviction") && !r.query.contains("dryRun"));
            if begun {
                control.with_world(|world| {
                    world.apply(json!({"apiVersion": "v1", "kind": "Pod",
                        "metadata": {"name": "newcomer", "namespace": "team-beta", "labels": {}, "ownerReferences":
                            [{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": true}]},
                        "spec": {"nodeName": NODE, "containers": [{"name": "a", "image": "x"}]},
                        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}));
                });
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
    })
}

#[test]
fn a_pod_that_came_after_the_preview_is_named_and_it_is_not_done() {
    let (demo, state) = (demo("quiet"), State::new());
    let newcomer = newcomer(&demo);
    let seen = state.on(&demo, &drain("timeout=60"));
    newcomer.join().unwrap();
    assert_eq!(seen.code, 1, "{}", seen.out);
    assert!(seen.out.contains(": 1 pod is left: team-beta/newcomer (came after the preview)"), "{}", seen.out);
    assert!(!evictions(&demo).iter().any(|line| line.contains("newcomer")), "what nobody approved is not evicted");
}

#[test]
fn an_eviction_whose_answer_was_lost_is_looked_for_and_not_sent_again() {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = free(&demo);
    // the first is the rehearsal
    demo.control().set_faults(Faults::one(Rule::new(Act::Lose).path(&path(&pod)).only(2, 1)));
    let seen = state.on(&demo, &drain("timeout=60"));
    seen.is(0, "none is left that had to go");
    assert_eq!(evictions(&demo).iter().filter(|line| line.contains(&path(&pod))).count(), 1, "sent once");
    let unknown =
        state.audited().iter().filter(|line| line["event"] == "answer" && line["answer"] == "unknown").count();
    assert_eq!(unknown, 1);
}

#[test]
fn an_eviction_that_was_lost_without_effect_is_unknown() {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = free(&demo);
    let lost = Act::Status { code: 503, retry_after: None, body: None };
    demo.control().set_faults(Faults::one(Rule::new(lost).path(&path(&pod)).only(2, 1)));
    let seen = state.on(&demo, &drain("timeout=10"));
    ended(&seen, 5, &format!("unknown: 1 pod is left: {}/{} (the answer was lost)", pod.0, pod.1));
    assert_eq!(evictions(&demo).iter().filter(|line| line.contains(&path(&pod))).count(), 1, "sent once");
    assert_eq!(state.audited().last().unwrap()["outcome"], "unknown");
}

/// As the API server refuses evictions in a namespace that is going.
#[test]
fn in_a_namespace_that_goes_a_pod_is_asked_for_again_until_it_terminates() {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = free(&demo);
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 403,
        "reason": "Forbidden", "message": "unable to create new content in namespace x because it is being terminated",
        "details": {"causes": [{"reason": "NamespaceTerminating", "message": "namespace x is being terminated", "field": "metadata.namespace"}]}});
    let refused = Act::Status { code: 403, retry_after: None, body: Some(body.to_string()) };
    demo.control().set_faults(Faults::one(Rule::new(refused).path(&path(&pod)).only(2, 1)));
    state.on(&demo, &drain("timeout=60")).is(0, "none is left that had to go");
    assert_eq!(evictions(&demo).iter().filter(|line| line.contains(&path(&pod))).count(), 2);
}

#[test]
fn what_the_server_refuses_for_good_is_asked_for_once_and_told() {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = free(&demo);
    demo.control().set_faults(Faults::one(Rule::new(Act::Deny("not this one".to_owned())).path(&path(&pod))));
    let seen = state.on(&demo, &drain("timeout=60"));
    let told = format!(": 1 pod is left: {}/{} (not taken)", pod.0, pod.1);
    assert!(seen.code == 1 && seen.out.contains(&told), "{}", seen.out);
    assert!(seen.out.contains(&format!("would be rejected: {}/{}: admission webhook", pod.0, pod.1)), "{seen:#?}");
    let told = |line: &str| line.contains("not this one") && !line.contains("would be rejected");
    assert!(seen.out.lines().any(told), "in the server's words: {seen:#?}");
    assert_eq!(evictions(&demo).iter().filter(|line| line.contains(&path(&pod))).count(), 1);
}

#[test]
fn a_node_that_cannot_be_looked_at_is_not_called_drained() {
    let (demo, state) = (demo("quiet"), State::new());
    let blind = Act::Status { code: 503, retry_after: None, body: None };
    // the preview's own look is the first
    let rule = Rule::new(blind).path("/api/v1/pods").query("spec.nodeName").only(2, 10_000);
    demo.control().set_faults(Faults::one(rule));
    let seen = state.on(&demo, &drain("timeout=5"));
    ended(&seen, 5, "unknown: what is left cannot be listed: ");
}

/// A note that was wrapped, in one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The lines of the plan, as it is shown before anything is sent.
fn shown(demo: &Demo, state: &State, more: &str) -> Seen {
    let seen = state.on(demo, &format!("drain node/{NODE} {more} --dry-run"));
    assert_eq!(writes(demo), Vec::<String>::new());
    seen
}

#[test]
fn a_drain_is_shown_as_a_table_of_its_pods_and_as_the_command_that_does_it() {
    let (demo, state) = (demo("quiet"), State::new());
    let pod = free(&demo);
    demo.control().with_world(|world| {
        world.edit("Pod", &pod.0, &pod.1, |pod| {
            pod["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
            pod["spec"]["terminationGracePeriodSeconds"] = json!(3600);
        });
    });
    let refused = shown(&demo, &state, "leave-unevictable=yes");
    refused.is(4, "some pods need your consent: delete-emptydir-data=yes (their emptyDir data is lost: ");
    let seen = shown(&demo, &state, "leave-unevictable=yes delete-emptydir-data=yes timeout=400");
    assert_eq!(seen.code, 0, "{seen:#?}");
    let rows: Vec<&str> = seen.out.lines().skip_while(|line| !line.trim_start().starts_with("POD ")).skip(1).collect();
    let all = evictable(&demo);
    for (namespace, name) in &all {
        let told = format!("{namespace}/{name}");
        assert_eq!(
            rows.iter().filter(|row| row.trim_start().starts_with(&told)).count(),
            1,
            "{told} has a row: {seen:#?}"
        );
    }
    let wanted = format!(
        "same as: kubectl --context sre-demo drain {NODE} --ignore-daemonsets --delete-emptydir-data --timeout=400s --kubeconfig "
    );
    assert!(seen.out.lines().any(|line| line.trim().starts_with(&wanted)), "{seen:#?}");
    assert!(!seen.out.contains("--raw"), "{seen:#?}");
    let note = rows.iter().position(|row| row.contains(&format!("{}/{}", pod.0, pod.1))).unwrap();
    let notes = one_line(&rows[note..].iter().take(4).copied().collect::<String>());
    assert!(notes.contains("emptyDir data is lost") && notes.contains("may take 60m to end"), "{notes}");
    assert!(seen.out.contains(&format!("emptyDir data is lost: {}/{}", pod.0, pod.1)), "{seen:#?}");
    assert!(seen.out.contains("1 pod may take up to 60m to end, the timeout is 400 s"), "{seen:#?}");
    assert!(seen.out.lines().count() < all.len() * 3 + 40, "it is short: {} lines", seen.out.lines().count());
}

#[test]
fn the_only_ready_pod_the_last_unsealed_replica_and_a_local_volume_are_named() {
    let (demo, state) = (demo("quiet"), State::new());
    let (namespace, name) = ("openbao", "openbao-0");
    demo.control().with_world(|world| {
        world.edit("Pod", namespace, name, |pod| pod["spec"]["nodeName"] = json!(NODE));
        let claim = world.get("PersistentVolumeClaim", namespace, "data-openbao-0").unwrap().clone();
        world.edit("PersistentVolume", "", claim["spec"]["volumeName"].as_str().unwrap(), |volume| {
            volume["spec"]["nodeAffinity"] = json!({"required": {"nodeSelectorTerms":
                [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]}]}});
        });
        world.edit("StatefulSet", namespace, "openbao", |set| set["status"]["readyReplicas"] = json!(1));
    });
    let ways = "/api/v1/namespaces/openbao/pods/http:openbao-";
    let sealed = json!({"type": "shamir", "initialized": true, "sealed": true, "t": 3, "n": 5, "progress": 0, "version": "2.6.0"});
    let sealed = |nth: u8| {
        let act = Act::Status { code: 200, retry_after: None, body: Some(sealed.to_string()) };
        Rule::new(act).path(&format!("{ways}{nth}:8200/proxy/v1/sys/seal-status"))
    };
    demo.control().set_faults(Faults::one(sealed(1)).with(sealed(2)));
    let seen = shown(&demo, &state, "leave-unevictable=yes delete-emptydir-data=yes unmanaged=yes");
    for wanted in [
        "warning: openbao/openbao-0 is the last unsealed replica of openbao: nothing answers without it",
        "warning: without a ready pod until a new one is: ",
        "warning: can run nowhere else, as long as their volume is on this node alone: openbao/openbao-0",
        "the last unsealed replica; unsealed; comes back sealed, to be unsealed by hand; the only ready pod of its StatefulSet",
    ] {
        assert!(one_line(&seen.out).contains(wanted), "{wanted}: {}", seen.out);
    }
}

#[test]
fn what_several_targets_lose_together_is_told() {
    let (demo, state) = (demo("quiet"), State::new());
    let all = "openbao-0 openbao-1 openbao-2".replace("openbao-", "pod/openbao/openbao-");
    let seen = state.on(&demo, &format!("evict {all} --dry-run"));
    let told = "openbao/openbao-0, openbao/openbao-1, openbao/openbao-2 are all unsealed replicas of openbao";
    assert!(one_line(&seen.out).contains(told), "{}", seen.out);
    let one = state.on(&demo, "evict pod/openbao/openbao-1 --dry-run");
    assert!(!one.out.contains("all unsealed replicas"), "{}", one.out);
    // and nodes, by the pods that run there
    let nodes: BTreeSet<String> = demo.control().with_world(|world| {
        let here = world
            .list("Pod")
            .into_iter()
            .filter(|pod| pod["metadata"]["name"].as_str().unwrap().starts_with("openbao-"));
        let named = here.filter(|pod| pod["metadata"]["name"].as_str().unwrap().len() == "openbao-0".len());
        named.map(|pod| format!("node/{}", pod["spec"]["nodeName"].as_str().unwrap())).collect()
    });
    assert_eq!(nodes.len(), 3, "each replica on a node of its own");
    let nodes: Vec<String> = nodes.into_iter().collect();
    let more = "leave-unevictable=yes delete-emptydir-data=yes unmanaged=yes --dry-run";
    let seen = state.on(&demo, &format!("drain {} {more}", nodes.join(" ")));
    assert!(one_line(&seen.out).contains("are all unsealed replicas of openbao"), "{}", seen.out);
}

#[rstest]
#[case::no_number("timeout=soon", "timeout is a number of seconds up to 86400, not `soon`")]
#[case::for_ever("timeout=0", "timeout is a number of seconds up to 86400, not `0`")]
#[case::longer_than_a_day("timeout=86401", "not `86401`")]
fn a_timeout_that_is_none_is_refused(#[case] more: &str, #[case] says: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    shown(&demo, &state, more).is(4, says);
}

#[test]
fn of_several_nodes_all_are_cordoned_before_any_pod_is_evicted() {
    let (demo, state) = (demo("quiet"), State::new());
    let line = "drain node/worker-2 node/worker-3 delete-emptydir-data=yes unmanaged=yes leave-unevictable=yes timeout=60 confirm=sre-demo";
    let seen = state.on(&demo, line);
    let sent = writes(&demo);
    let last_cordon = sent.iter().rposition(|line| line.starts_with("PATCH /api/v1/nodes/")).unwrap();
    let first_eviction = sent.iter().position(|line| line.contains("/eviction")).unwrap();
    assert!(last_cordon < first_eviction, "{sent:#?} {seen:#?}");
    assert_eq!(sent.iter().filter(|line| line.starts_with("PATCH /api/v1/nodes/")).count(), 2);
}

#[test]
fn a_node_that_others_have_cordoned_is_not_uncordoned_by_our_undo() {
    let (demo, state) = (demo("quiet"), State::new());
    assert!(
        shown(&demo, &state, "leave-unevictable=yes")
            .out
            .contains("undo: kubectl --context sre-demo uncordon worker-3")
    );
    demo.control().with_world(|world| world.edit("Node", "", NODE, |node| node["spec"]["unschedulable"] = json!(true)));
    let seen = shown(&demo, &state, "leave-unevictable=yes");
    assert!(seen.code == 0 && !seen.out.contains("undo:"), "{seen:#?}");
}
