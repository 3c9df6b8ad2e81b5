//! Which budgets block a drain: the plan is made from objects as the API server gives them, and nothing
//! is sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchkeeper::actions::{self, Apis, Have, Input, Known, Target};
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::plan::{Act, Plan, Stop};
use watchkeeper::domain::record::{Key, KindId, Uid};
use watchkeeper::domain::way::Way;

fn pod(name: &str, labels: &Value, phase: &str, ready: bool) -> Value {
    let namespace = if name.starts_with("all") { "other" } else { "case" };
    json!({"metadata": {"name": name, "namespace": namespace, "uid": name, "labels": labels,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "controller": true}]},
        "spec": {"nodeName": "n1"},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
}

fn budget(name: &str, spec: &Value, allowed: i64, healthy: i64, desired: i64) -> Value {
    let namespace = if name == "all" { "other" } else { "case" };
    json!({"metadata": {"name": name, "namespace": namespace, "generation": 1}, "spec": spec,
        "status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
            "desiredHealthy": desired, "expectedPods": 3}})
}

fn app(name: &str) -> Value {
    json!({"app": name})
}

fn picks(name: &str) -> Value {
    json!({"selector": {"matchLabels": {"app": name}}})
}

/// The plan of a drain over these pods and budgets.
fn plan(pods: &[Value], budgets: &[Value]) -> Result<Plan, Stop> {
    planned(pods, Ok(json!({"items": budgets})), &[])
}

fn planned(pods: &[Value], budgets: Result<Value, String>, more: &[(&str, &str)]) -> Result<Plan, Stop> {
    let key = Key { kind: KindId(0), uid: Uid::default(), namespace: "".into(), name: "n1".into() };
    let target = Target { kind: "Node", key, labels: BTreeMap::new(), component: None, known: Known::default() };
    let mut have = Have::new();
    have.insert("/api/v1/nodes/n1".into(), Ok(json!({"metadata": {"name": "n1", "uid": "n"}, "spec": {}})));
    have.insert("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1".into(), Ok(json!({"items": pods})));
    have.insert("/apis/policy/v1/poddisruptionbudgets".into(), budgets.map_err(Into::into));
    have.insert("/apis/apps/v1/daemonsets".into(), Ok(json!({"items": []})));
    for namespace in ["case", "other"] {
        let set = json!({"status": {"readyReplicas": 30}});
        have.insert(format!("/apis/apps/v1/namespaces/{namespace}/replicasets/rs"), Ok(set));
    }
    let mut set = BTreeMap::from([("leave-unevictable".to_owned(), "yes".to_owned())]);
    set.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let way = Way::default();
    let input = Input {
        way: &way,
        targets: &[target],
        have: &have,
        apis: &Apis::new(),
        set: &set,
        reason: "",
        operator: "me",
        context: "c",
        now: Time(0),
        zone: &jiff::tz::TimeZone::UTC,
        token: "t",
        core: &[],
        alerts: &[],
        blind: None,
        seals: &[],
        continues: None,
    };
    actions::plan(actions::by_name("drain").unwrap(), &input)
}

#[test]
fn a_drain_warns_of_exactly_the_budgets_that_the_eviction_api_would_refuse_by() {
    let mut terminating = pod("term-1", &app("zero"), "Running", true);
    terminating["metadata"]["deletionTimestamp"] = json!("1970-01-01T00:00:00Z");
    let pods = [
        pod("zero-1", &app("zero"), "Running", true),
        pod("crash-1", &app("crash"), "Running", false),
        pod("crashd-1", &app("crashd"), "Running", false),
        pod("two-1", &json!({"app": "two", "tier": "db"}), "Running", true),
        pod("done-1", &app("zero"), "Succeeded", false),
        pod("failed-1", &app("zero"), "Failed", false),
        pod("pending-1", &app("zero"), "Pending", false),
        pod("all-1", &json!({"any": "x"}), "Running", true),
        pod("nothing-1", &app("nothing"), "Running", true),
        terminating,
    ];
    let mut always = picks("crash");
    always["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
    let tier = json!({"selector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["db"]}]}});
    let budgets = [
        budget("zero", &picks("zero"), 0, 1, 1),
        budget("crash", &always, 0, 0, 1),
        budget("crashd", &picks("crashd"), 0, 0, 1),
        budget("two-a", &picks("two"), 1, 2, 1),
        budget("two-b", &tier, 1, 2, 1),
        budget("all", &json!({"selector": {}}), 0, 1, 1),
        budget("selects-nothing", &json!({}), 0, 1, 1),
    ];
    let plan = plan(&pods, &budgets).unwrap();
    let held: Vec<&String> = plan.warnings.iter().filter(|w| w.contains("budget ") || w.contains("claimed")).collect();
    assert_eq!(
        held,
        [
            "case/two-1 is claimed by two-a and two-b: the server never evicts it",
            "budget case/crashd holds back case/crashd-1: it needs 1 healthy pods and has 0",
            "budget case/zero holds back case/zero-1: it needs 1 healthy pods and has 1",
            "budget other/all holds back other/all-1: it needs 1 healthy pods and has 1",
        ]
    );
    let Some(Act::Evict(evictions)) = plan.steps.last().map(|step| &step.act) else { panic!("it evicts") };
    assert_eq!(evictions.kept, [("two-1".to_owned(), "case/two-1 (two-a and two-b)".to_owned())]);
    let unsent: Vec<&str> = evictions.pods.iter().filter(|p| p.request.is_none()).map(|p| &*p.name).collect();
    assert_eq!(unsent, ["term-1"], "what terminates is awaited, not evicted");
}

#[test]
fn of_several_pods_of_one_budget_as_many_go_at_first_as_it_has_room_for() {
    let pods = ["a-1", "a-2", "a-3"].map(|name| pod(name, &app("a"), "Running", true));
    let plan = plan(&pods, &[budget("a", &picks("a"), 1, 3, 2)]).unwrap();
    assert_eq!(plan.warnings, Vec::<String>::new(), "it waits its turn");
    let Some(Act::Evict(evictions)) = plan.steps.last().map(|step| &step.act) else { panic!("it evicts") };
    assert!(evictions.pods.iter().all(|pod| pod.budget == "a" && pod.room == "1 of 3 now" && !pod.held));
}

#[test]
fn budgets_that_cannot_be_read_are_not_taken_for_none() {
    let pods = [pod("a-1", &app("a"), "Running", true)];
    assert_eq!(plan(&pods, &[]).unwrap().warnings, Vec::<String>::new());
    let unread = planned(&pods, Err("no access".into()), &[]).unwrap();
    assert_eq!(unread.warnings, ["disruption budgets could not be read: no access"]);
}

#[test]
fn a_pod_whose_daemon_set_is_gone_is_left_unless_it_is_told_to_go() {
    let mut orphan = pod("ds-1", &app("ds"), "Running", true);
    orphan["metadata"]["ownerReferences"][0]["kind"] = json!("DaemonSet");
    let pods = [orphan, pod("a-1", &app("a"), "Running", true)];
    let going = |plan: &Plan| match plan.steps.last().map(|step| &step.act) {
        Some(Act::Evict(evictions)) => evictions.pods.iter().map(|pod| pod.name.clone()).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let left = plan(&pods, &[]).unwrap();
    assert_eq!(going(&left), ["a-1"]);
    assert!(left.reach.iter().any(|line| line.contains("1 pod of a DaemonSet that is gone")), "{:?}", left.reach);
    let told = planned(&pods, Ok(json!({"items": []})), &[("unmanaged", "yes")]).unwrap();
    assert_eq!(going(&told).len(), 2);
    assert!(told.steps.last().unwrap().twin.contains(" --force "), "{}", told.steps.last().unwrap().twin);
}
