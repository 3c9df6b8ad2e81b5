//! The usage of the nodes, read once and on demand: answers of the API server become a few numbers, and nothing else of
//! them is kept.

use serde_json::Value;

use super::quantity::Quantity;
use super::reply::Answers;
use super::text;

/// The groups that are served: a group that is missing is not installed.
pub const GROUPS: &str = "/apis";
/// The allocatable resources of the nodes. The first page is enough for a verdict.
pub const NODES: &str = "/api/v1/nodes?limit=500";
/// metrics-server 0.8: usage as quantities, `100n`, `1024Ki`.
pub const METRICS: &str = "/apis/metrics.k8s.io/v1beta1/nodes?limit=500";

pub const PATHS: [&str; 3] = [GROUPS, NODES, METRICS];

/// One answer: what it is, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Seen<T> {
    /// Not asked yet.
    #[default]
    NotAsked,
    NotInstalled,
    Unreadable(String),
    Is(T),
}

/// How much of one node is used, in percent of what is allocatable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub node: String,
    pub cpu: i64,
    pub memory: i64,
}

/// What is known of the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usages {
    pub nodes: Vec<Usage>,
    /// Nodes that have no metrics, or none that can be read.
    pub unknown: Vec<String>,
}

fn items<'a>(read: &'a Answers, path: &str) -> Result<&'a Vec<Value>, String> {
    match read.get(path) {
        None => Err("no answer in time".to_owned()),
        Some(Err(unread)) => Err(unread.why.clone()),
        Some(Ok(list)) => list["items"].as_array().ok_or_else(|| "the answer is no list".to_owned()),
    }
}

/// Whether a group is served; nothing when that could not be asked.
fn served(read: &Answers, group: &str) -> Option<bool> {
    let groups = read.get(GROUPS)?.as_ref().ok()?["groups"].as_array()?;
    Some(groups.iter().any(|known| known["name"] == group))
}

/// From the answers to [`PATHS`].
pub fn of(read: &Answers) -> Seen<Usages> {
    if served(read, "metrics.k8s.io") == Some(false) {
        return Seen::NotInstalled;
    }
    let (nodes, metrics) = match (items(read, NODES), items(read, METRICS)) {
        (Ok(nodes), Ok(metrics)) => (nodes, metrics),
        (Err(why), _) | (_, Err(why)) => return Seen::Unreadable(why),
    };
    let mut out = Usages::default();
    for node in nodes {
        let name = &node["metadata"]["name"];
        let one = metrics.iter().find(|one| one["metadata"]["name"] == *name);
        let percent = |resource: &str| {
            let read = |value: &Value| value.as_str().and_then(Quantity::parse);
            let all = read(&node["status"]["allocatable"][resource])?;
            Some(read(&one?["usage"][resource])?.percent_of(all))
        };
        let node = text::line(name.as_str().unwrap_or_default()).into_owned();
        match (percent("cpu"), percent("memory")) {
            (Some(cpu), Some(memory)) => out.nodes.push(Usage { node, cpu, memory }),
            _ => out.unknown.push(node),
        }
    }
    if out.nodes.is_empty() {
        return Seen::Unreadable("metrics of no node".to_owned());
    }
    Seen::Is(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(answers: &[(&str, Result<Value, &str>)]) -> Answers {
        let one = |answer: &Result<Value, &str>| answer.clone().map_err(|why| why.to_owned().into());
        answers.iter().map(|(path, answer)| ((*path).to_owned(), one(answer))).collect()
    }

    #[test]
    fn usage_is_told_in_percent_of_what_a_node_can_give() {
        let node = json!({"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}});
        let metric = json!({"metadata": {"name": "n1"}, "usage": {"cpu": "1000000000n", "memory": "6291456Ki"}});
        let both = read(&[(NODES, Ok(json!({"items": [node]}))), (METRICS, Ok(json!({"items": [metric]})))]);
        let seen = of(&both);
        let nodes = vec![Usage { node: "n1".to_owned(), cpu: 25, memory: 75 }];
        assert_eq!(seen, Seen::Is(Usages { nodes, unknown: Vec::new() }));
    }

    #[test]
    fn a_node_without_metrics_is_not_known() {
        let node =
            |name: &str| json!({"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}});
        let metric =
            |name: &str, cpu: &str| json!({"metadata": {"name": name}, "usage": {"cpu": cpu, "memory": "1Gi"}});
        let both = read(&[
            (NODES, Ok(json!({"items": [node("n1"), node("n2"), node("n3")]}))),
            (METRICS, Ok(json!({"items": [metric("n1", "1"), metric("n3", "much"), metric("gone", "1")]}))),
        ]);
        let Seen::Is(usages) = of(&both) else { panic!("metrics are there") };
        assert_eq!((usages.nodes.len(), usages.unknown), (1, vec!["n2".to_owned(), "n3".to_owned()]));
    }

    #[test]
    fn what_is_not_served_is_not_installed_and_what_does_not_come_is_unreadable() {
        let groups = json!({"groups": [{"name": "security.istio.io"}]});
        assert_eq!(of(&read(&[(GROUPS, Ok(groups))])), Seen::NotInstalled);
        assert_eq!(of(&Answers::new()), Seen::Unreadable("no answer in time".to_owned()));
    }
}
