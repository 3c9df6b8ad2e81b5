//! After a secret was rotated in its store: sync it now, then restart what uses it, one workload after another.

use serde_json::Value;

use super::input::Input;
use super::risk::{self, Weight};
use super::workload::{self, Workload};
use super::{ActionSpec, flux, force_sync, restart, right};
use crate::domain::json::{list, text};
use crate::domain::plan::{Plan, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "rotate",
    key: None,
    doc: "a rotated secret: sync it now, then restart every workload that uses it",
    rights: &[
        right("external-secrets.io", "externalsecrets", "patch"),
        right("apps", "deployments", "patch"),
        right("apps", "statefulsets", "patch"),
        right("apps", "daemonsets", "patch"),
    ],
    fields: &[],
    reason: None,
    offered: |subject| subject.of(&["ExternalSecret"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let namespace = &target.key.namespace;
    let secret = Some(text(object, "/spec/target/name")).filter(|n| !n.is_empty()).unwrap_or(&target.key.name);
    let mut steps = force_sync::steps(input, &path, object)?;
    let (mut names, mut warnings) = (Vec::new(), Vec::new());
    for (kind, served, found) in workload::all(input, namespace, "")? {
        for item in list(found, "/items").iter().filter(|item| uses(item, secret)) {
            let name = text(item, "/metadata/name");
            let workload = Workload::listed(kind, namespace, &served, item);
            warnings.extend(workload::cautions(&workload).into_iter().map(|w| format!("{name}: {w}")));
            warnings.extend(workload::budgets(input, &workload)?.into_iter().map(|w| format!("{name}: {w}")));
            steps.extend(restart::steps(input, &workload)?);
            names.push(name.to_owned());
        }
    }
    let mut plan = flux::plan(input, SPEC.name, steps, String::new())?;
    plan.warnings = warnings;
    if names.is_empty() {
        plan.reach.push(format!("no workload in {namespace} uses Secret {secret}: it is only synced"));
    } else {
        plan.reach.push(format!("restarted after it, as users of Secret {secret}: {}", names.join(", ")));
        plan.risk = risk::of(input, Weight::Ends, [&**namespace], &target.key.name);
    }
    Ok(plan)
}

/// Whether the workload's pods take anything from this Secret: as a volume, or into their environment.
fn uses(workload: &Value, secret: &str) -> bool {
    let Some(spec) = workload.pointer("/spec/template/spec") else { return false };
    let volume = |v: &Value| {
        text(v, "/secret/secretName") == secret
            || list(v, "/projected/sources").iter().any(|s| text(s, "/secret/name") == secret)
    };
    let container = |c: &Value| {
        list(c, "/env").iter().any(|e| text(e, "/valueFrom/secretKeyRef/name") == secret)
            || list(c, "/envFrom").iter().any(|e| text(e, "/secretRef/name") == secret)
    };
    list(spec, "/volumes").iter().any(volume)
        || ["/containers", "/initContainers"].iter().any(|p| list(spec, p).iter().any(container))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::volume(json!({"volumes": [{"secret": {"secretName": "s"}}]}), true)]
    #[case::projected(json!({"volumes": [{"projected": {"sources": [{"secret": {"name": "s"}}]}}]}), true)]
    #[case::one_key(json!({"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "s"}}}]}]}), true)]
    #[case::all_keys(json!({"initContainers": [{"envFrom": [{"secretRef": {"name": "s"}}]}]}), true)]
    #[case::another(json!({"volumes": [{"secret": {"secretName": "t"}}], "containers": [{"env": [{"name": "s"}]}]}), false)]
    fn users_of_a_secret_are_found_wherever_they_name_it(#[case] spec: Value, #[case] expected: bool) {
        assert_eq!(uses(&json!({"spec": {"template": {"spec": spec}}}), "s"), expected);
    }
}
