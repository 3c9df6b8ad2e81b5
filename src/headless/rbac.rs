//! `watchkeeper rbac reader|operator`: the minimal rights as manifests, made from the lists of kinds and actions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;

use crate::actions::ACTIONS;
use crate::kinds::{Api, KINDS};

/// Whose role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Looks, and changes nothing
    Reader,
    /// What the actions need besides
    Operator,
}

/// Verbs by group and resource.
type Rules = BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>;

/// What is read in addition to the watched kinds: logs, events, services to be found, what plans look at.
const BESIDE: &[(&str, &str, &[&str])] = &[
    ("", "events", &["get", "list", "watch"]),
    ("", "pods/log", &["get"]),
    ("", "services", &["get", "list"]),
    // which platform this is
    ("", "namespaces", &["get", "list"]),
    // of the health screen
    ("metrics.k8s.io", "nodes", &["list"]),
];

/// # Errors
/// What writing fails with.
pub fn print(role: Role, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(manifest(role).as_bytes())
}

pub fn manifest(role: Role) -> String {
    let mut rules = Rules::new();
    let mut add = |group, resource, verb| {
        rules.entry((group, resource)).or_default().insert(verb);
    };
    let name = match role {
        Role::Reader => {
            for kind in KINDS {
                if let Api::Watch { group, plural, .. } = kind.api {
                    for verb in ["get", "list", "watch"] {
                        add(group, plural, verb);
                    }
                }
            }
            for (group, resource, verbs) in BESIDE {
                for verb in *verbs {
                    add(group, resource, verb);
                }
            }
            "reader"
        }
        Role::Operator => {
            // proxies are granted by namespace: see the documentation
            let rights = ACTIONS.iter().flat_map(|action| action.rights);
            for r in rights.filter(|r| !r.resource.ends_with("/proxy")) {
                add(r.group, r.resource, r.verb);
            }
            "operator"
        }
    };
    // resources of the same group and verbs are one rule
    let mut merged: BTreeMap<(&str, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for ((group, resource), verbs) in rules {
        merged.entry((group, verbs.into_iter().collect())).or_default().push(resource);
    }
    let mut text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: watchkeeper-{name}\nrules:\n"
    );
    for ((group, verbs), resources) in merged {
        let _ = writeln!(text, "  - apiGroups: [\"{group}\"]\n    resources: [{}]", resources.join(", "));
        let _ = writeln!(text, "    verbs: [{}]", verbs.join(", "));
    }
    text
}
