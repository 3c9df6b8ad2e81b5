//! The pods of a node that one step evicts in parallel, as data: which go, which stay, and what is known of each. And
//! what a look at the node says of them afterwards. It sends nothing.

use serde_json::Value;

use super::ages::{self, Time};
use super::json::{annotation, flag, int, list, text};
use super::request::Request;

/// What one step of a drain does.
#[derive(Debug, Clone, PartialEq)]
pub struct Evictions {
    pub node: String,
    /// The pods that have to go, in the order in which they are shown and evicted.
    pub pods: Vec<Leaving>,
    /// The pods that the operator leaves there although they could run elsewhere: uid and words.
    pub kept: Vec<(String, String)>,
    /// Seconds for the whole step: evictions that are held back, and pods that end.
    pub limit: u32,
    /// The path that lists what is on the node.
    pub look: String,
}

/// A pod that has to go.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaving {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// `Deployment shop`; empty when nothing recreates it.
    pub controller: String,
    /// The budget that is checked; empty when there is none.
    pub budget: String,
    /// The state of that budget: `1 of 3 now`.
    pub room: String,
    /// It will be held back, as far as is known.
    pub held: bool,
    /// What to know before, the most severe first.
    pub notes: Vec<String>,
    /// The request; none for a terminating pod: its end is awaited.
    pub request: Option<Request>,
}

impl Leaving {
    /// `team-alpha/shop-web-5d8f`.
    pub fn told(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// How many are named before the rest is counted.
const NAMED: usize = 3;

/// `a, b, c and 4 more`.
pub fn some(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// `1 pod`, `18 pods`.
pub fn pods(count: usize) -> String {
    if count == 1 { "1 pod".to_owned() } else { format!("{count} pods") }
}

/// Ended: nothing of it runs any more.
pub fn is_over(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// The controller that recreates a pod.
pub fn controller(pod: &Value) -> Option<&Value> {
    list(pod, "/metadata/ownerReferences").iter().find(|owner| flag(owner, "/controller"))
}

/// The word for pods that their DaemonSet would only recreate on the same node.
pub const DAEMON: &str = "of a DaemonSet";

/// Why a drain leaves a pod where it is: it would only come back. As kubectl decides, which knows the DaemonSets of
/// `apps/v1` alone, and evicts what has ended.
pub fn stays(pod: &Value) -> Option<&'static str> {
    if !annotation(pod, "kubernetes.io/config.mirror").is_empty() {
        return Some("static");
    }
    let daemon = |owner: &Value| text(owner, "/kind") == "DaemonSet" && text(owner, "/apiVersion") == "apps/v1";
    (!is_over(pod) && controller(pod).is_some_and(daemon)).then_some(DAEMON)
}

/// Since when a pod is terminating: the deletion's time is when its grace ends.
pub fn terminating(pod: &Value) -> Option<Time> {
    let end = Time::parse(text(pod, "/metadata/deletionTimestamp"))?;
    Some(end.plus(-int(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0)))
}

/// `terminating for 2h, held by the finalizer x/y`.
pub fn ending(pod: &Value, now: Time) -> Option<String> {
    let since = terminating(pod)?.age(now).max(0);
    let finalizers: Vec<&str> = list(pod, "/metadata/finalizers").iter().filter_map(Value::as_str).collect();
    let held = if finalizers.is_empty() {
        String::new()
    } else {
        format!(", held by the finalizer {}", finalizers.join(", "))
    };
    Some(format!("terminating for {}{held}", ages::told(since)))
}

/// A pod that a look at the node has found.
#[derive(Debug, Clone, PartialEq)]
pub struct There {
    pub uid: String,
    /// `namespace/name`.
    pub told: String,
    /// How it ends, if it does.
    pub ending: Option<String>,
    /// It has to go, unless it is known that it may stay.
    pub must_go: bool,
}

impl There {
    pub fn read(pod: &Value, now: Time) -> Self {
        Self {
            uid: text(pod, "/metadata/uid").to_owned(),
            told: format!("{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/name")),
            ending: ending(pod, now),
            must_go: stays(pod).is_none() && !is_over(pod),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn owned(api: &str, kind: &str, phase: &str) -> Value {
        json!({"metadata": {"ownerReferences": [{"apiVersion": api, "kind": kind, "name": "x", "controller": true}]},
            "status": {"phase": phase}})
    }

    #[rstest]
    #[case::of_a_daemon_set(owned("apps/v1", "DaemonSet", "Running"), Some("of a DaemonSet"))]
    #[case::that_has_ended(owned("apps/v1", "DaemonSet", "Failed"), None)]
    #[case::of_somebody_elses_daemon_set(owned("apps.kruise.io/v1alpha1", "DaemonSet", "Running"), None)]
    #[case::of_a_deployment(owned("apps/v1", "ReplicaSet", "Running"), None)]
    #[case::from_a_file(json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "h"}}}), Some("static"))]
    #[case::alone(json!({"metadata": {}}), None)]
    fn what_would_only_come_back_stays(#[case] pod: Value, #[case] expected: Option<&str>) {
        assert_eq!(stays(&pod), expected);
    }

    #[test]
    fn a_pod_terminates_since_its_grace_began_and_names_what_holds_it() {
        let now = Time::parse("2026-11-21T10:02:00Z").unwrap();
        let pod = json!({"metadata": {"deletionTimestamp": "2026-11-21T10:00:30Z", "deletionGracePeriodSeconds": 30,
            "finalizers": ["x/y"]}});
        assert_eq!(ending(&pod, now).unwrap(), "terminating for 2m, held by the finalizer x/y");
        assert_eq!(ending(&json!({"metadata": {}}), now), None);
    }

    #[test]
    fn a_long_list_is_counted_after_its_first_three() {
        let all: Vec<String> = (1..=7).map(|n| n.to_string()).collect();
        assert_eq!(some(&all), "1, 2, 3 and 4 more");
        assert_eq!(some(&all[..3]), "1, 2, 3");
        assert_eq!((pods(1), pods(2)), ("1 pod".to_owned(), "2 pods".to_owned()));
    }
}
