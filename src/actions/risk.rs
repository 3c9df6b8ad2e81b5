//! Which word has to be typed before a plan runs: the one rule for every action. What an action does counts, and where
//! it does it decides the rest: a component is core by the namespace of its workloads, wherever the object that manages
//! them is, and a node by its role.

use std::collections::BTreeSet;

use serde_json::Value;

use super::input::Input;
use crate::domain::json::{list, text};
use crate::domain::plan::Risk;

/// What an action does, from light to heavy. Read-only actions are not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Flux or another controller stops, starts or starts again: a key, in core the object's name.
    Steers,
    /// A rollout is paused, a node is cordoned, a pod is replaced: a key, in core the context's name.
    Holds,
    /// Pods end or start: the object's name, in core the context's.
    Ends,
}

/// What has to be typed for an action in these namespaces on the object of this name.
pub fn of<'n>(input: &Input<'_>, weight: Weight, places: impl IntoIterator<Item = &'n str>, name: &str) -> Risk {
    let core = places.into_iter().any(|place| input.is_core(place));
    word(input, weight, core, name)
}

/// The same for a node: one that runs the control plane is core.
pub fn of_node(input: &Input<'_>, weight: Weight, node: &Value) -> Risk {
    word(input, weight, runs_control_plane(node), text(node, "/metadata/name"))
}

fn word(input: &Input<'_>, weight: Weight, core: bool, name: &str) -> Risk {
    match (weight, core) {
        (Weight::Steers | Weight::Holds, false) => Risk::Press,
        (Weight::Steers, true) | (Weight::Ends, false) => Risk::Name(name.to_owned()),
        (Weight::Holds | Weight::Ends, true) => Risk::Context(input.context.to_owned()),
    }
}

/// Roles of nodes that the cluster cannot do without, as distributions name them.
const ROLES: &[&str] = &["control-plane", "controlplane", "master", "etcd"];

/// Whether the API server, its store or its controllers run there.
pub fn runs_control_plane(node: &Value) -> bool {
    let is_role = |key: &str, value: &str| match key {
        "kubernetes.io/role" => ROLES.contains(&value),
        _ => key.strip_prefix("node-role.kubernetes.io/").is_some_and(|role| ROLES.contains(&role)) && value != "false",
    };
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object);
    labels.into_iter().flatten().any(|(key, value)| is_role(key, value.as_str().unwrap_or("")))
        || list(node, "/spec/taints").iter().any(|taint| is_role(text(taint, "/key"), text(taint, "/value")))
}

/// The namespaces where what an object of this kind manages runs: those that a release installs into, those of what a
/// Kustomization has applied; else its own.
pub fn places<'o>(kind: &str, object: &'o Value, home: &'o str) -> BTreeSet<&'o str> {
    let target = text(object, "/spec/targetNamespace");
    let mut out = BTreeSet::new();
    match kind {
        "HelmRelease" if !target.is_empty() => drop(out.insert(target)),
        "HelmRelease" => drop(out.insert(home)),
        _ => {
            out.insert(home);
            out.extend(Some(target).filter(|target| !target.is_empty()));
            // `namespace_name_group_kind`; what is of no namespace begins with the sign
            let applied = list(object, "/status/inventory/entries").iter().map(|entry| text(entry, "/id"));
            out.extend(applied.filter_map(|id| id.split('_').next()).filter(|namespace| !namespace.is_empty()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::control_plane(json!({"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}}), true)]
    #[case::an_older_name(json!({"metadata": {"labels": {"node-role.kubernetes.io/master": "true"}}}), true)]
    #[case::a_distribution(json!({"metadata": {"labels": {"node-role.kubernetes.io/controlplane": "true"}}}), true)]
    #[case::store(json!({"metadata": {"labels": {"node-role.kubernetes.io/etcd": ""}}}), true)]
    #[case::one_label_for_all(json!({"metadata": {"labels": {"kubernetes.io/role": "master"}}}), true)]
    #[case::by_its_taint(json!({"spec": {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}}), true)]
    #[case::worker(json!({"metadata": {"labels": {"node-role.kubernetes.io/worker": "", "x": "master"}}}), false)]
    #[case::not_any_more(json!({"metadata": {"labels": {"node-role.kubernetes.io/master": "false"}}}), false)]
    #[case::nothing(json!({}), false)]
    fn a_node_of_the_control_plane_is_known_by_its_role(#[case] node: Value, #[case] expected: bool) {
        assert_eq!(runs_control_plane(&node), expected);
    }

    #[rstest]
    #[case::release("HelmRelease", json!({}), &["home"])]
    #[case::release_elsewhere("HelmRelease", json!({"spec": {"targetNamespace": "there"}}), &["there"])]
    #[case::kustomization("Kustomization", json!({"spec": {"targetNamespace": "there"}}), &["home", "there"])]
    #[case::what_it_applied(
        "Kustomization",
        json!({"status": {"inventory": {"entries": [{"id": "kube-system_coredns_apps_Deployment"}, {"id": "_crd_apiextensions.k8s.io_CustomResourceDefinition"}]}}}),
        &["home", "kube-system"]
    )]
    #[case::another_kind("GitRepository", json!({}), &["home"])]
    fn what_is_managed_runs_where_it_was_put(#[case] kind: &str, #[case] object: Value, #[case] expected: &[&str]) {
        assert_eq!(places(kind, &object, "home").into_iter().collect::<Vec<_>>(), expected);
    }
}
