//! Which Flux object manages a workload, and whether it reverts a manual change. A Kustomization and a ResourceSet
//! apply what is declared at every reconcile. A HelmRelease does so only with drift detection; without it a change
//! stays until the next upgrade.
//!
//! Source: helm-controller 1.6 `internal/reconcile/atomic_release.go`, `spec.driftDetection`; kustomize-controller 1.9
//! `internal/controller/kustomization_controller.go`, the labels and annotations of its group.

use regex::Regex;
use serde_json::Value;

use super::flux;
use super::input::{Input, There};
use super::owner::Workload;
use crate::domain::json::{annotation, label, list, text};
use crate::domain::plan::Stop;
use crate::domain::proof::flux_suspended;

/// What happens to a manual change.
#[derive(Debug, PartialEq, Eq)]
pub enum Back {
    /// Written back at the next reconcile.
    Next,
    /// Written back once the manager is resumed.
    Resumed,
    /// It stays until the next upgrade of the release.
    Upgrade,
    /// It stays: this object is left out.
    Never,
    /// It is not known; why.
    Unknown(String),
}

#[derive(Debug)]
pub struct Manager {
    /// `Kustomization flux-system/apps`.
    pub told: String,
    pub back: Back,
}

/// The manager of a workload, as its labels name it, and what it does about a change at `pointer`.
pub fn of(input: &Input<'_>, workload: &Workload<'_>, pointer: &str) -> Result<Option<Manager>, Stop> {
    let Some((kind, namespace, name)) = flux::maker(workload.object) else { return Ok(None) };
    let told = format!("{kind} {namespace}/{name}");
    if left_out(workload.object) {
        return Ok(Some(Manager { told, back: Back::Never }));
    }
    let Ok(path) = input.path(kind, namespace, name) else {
        return Ok(Some(Manager { told, back: Back::Unknown("its kind is not served here".to_owned()) }));
    };
    let back = match input.look(&path)? {
        There::Yes(manager) => back(manager, workload, pointer),
        // what it left behind has no manager
        There::No => return Ok(None),
        There::Unknown(why) => Back::Unknown(why.to_owned()),
    };
    Ok(Some(Manager { told, back }))
}

/// Whether the object asks Kustomizations to leave it alone.
fn left_out(object: &Value) -> bool {
    let note = |name: &str| annotation(object, &format!("kustomize.toolkit.fluxcd.io/{name}")).to_lowercase();
    note("reconcile") == "disabled" || matches!(&*note("ssa"), "ignore" | "ifnotpresent")
}

fn back(manager: &Value, workload: &Workload<'_>, pointer: &str) -> Back {
    let suspended = flux_suspended(manager);
    if text(manager, "/kind") == "HelmRelease" && !corrects(manager, workload, pointer) {
        return Back::Upgrade;
    }
    if suspended { Back::Resumed } else { Back::Next }
}

/// Whether a HelmRelease corrects drift there.
fn corrects(release: &Value, workload: &Workload<'_>, pointer: &str) -> bool {
    if text(release, "/spec/driftDetection/mode") != "enabled" {
        return false;
    }
    let off = annotation(workload.object, "helm.toolkit.fluxcd.io/driftDetection");
    let off = if off.is_empty() { label(workload.object, "helm.toolkit.fluxcd.io/driftDetection") } else { off };
    if off.eq_ignore_ascii_case("disabled") {
        return false;
    }
    let is_ignored = |rule: &&Value| {
        let below =
            |path: &str| pointer.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let covers = |path: &Value| path.as_str().is_some_and(below);
        // a target is matched by whole expressions; a label selector may match it or not
        let fits = |part: &str, own: &str| match text(rule, &format!("/target/{part}")) {
            "" => true,
            wanted => Regex::new(&format!("^(?:{wanted})$")).is_ok_and(|wanted| wanted.is_match(own)),
        };
        list(rule, "/paths").iter().any(covers)
            && fits("kind", &workload.kind)
            && fits("name", &workload.name)
            && fits("namespace", &workload.namespace)
    };
    !list(release, "/spec/driftDetection/ignore").iter().any(|rule| is_ignored(&rule))
}

impl Manager {
    /// In a sentence, as a warning.
    pub fn warning(&self) -> Option<String> {
        let told = &self.told;
        let release = told.starts_with("HelmRelease");
        Some(match &self.back {
            Back::Next if release => {
                format!(
                    "{told} manages it with drift detection: what its chart declares is written back at its next reconcile"
                )
            }
            Back::Next => format!("{told} manages it: what Git declares is written back at its next reconcile"),
            Back::Resumed => {
                format!("{told} manages it and is suspended: what is declared is written back once it is resumed")
            }
            Back::Upgrade => format!(
                "{told} manages it without drift detection: this stays until its next upgrade, which sets what its chart declares"
            ),
            Back::Never => return None,
            Back::Unknown(why) => format!("{told} manages it: whether it writes this back could not be read: {why}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn workload(object: &Value) -> Workload<'_> {
        Workload { kind: "Deployment".into(), namespace: "a".into(), name: "web".into(), path: String::new(), object }
    }

    #[rstest]
    #[case::kustomization(json!({"kind": "Kustomization", "spec": {}}), Back::Next)]
    #[case::suspended(json!({"kind": "Kustomization", "spec": {"suspend": true}}), Back::Resumed)]
    #[case::resource_set(json!({"kind": "ResourceSet"}), Back::Next)]
    #[case::switched_off(json!({"apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet", "metadata": {"annotations": {"fluxcd.controlplane.io/reconcile": "disabled"}}}), Back::Resumed)]
    #[case::release(json!({"kind": "HelmRelease", "spec": {}}), Back::Upgrade)]
    #[case::release_that_warns(json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "warn"}}}), Back::Upgrade)]
    #[case::suspended_release(json!({"kind": "HelmRelease", "spec": {"suspend": true}}), Back::Upgrade)]
    #[case::release_that_corrects(json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "enabled"}}}), Back::Next)]
    #[case::but_not_this(json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "enabled",
        "ignore": [{"paths": ["/spec/replicas"], "target": {"kind": "Deploy.*"}}]}}}), Back::Upgrade)]
    #[case::but_nothing_of_it(json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "enabled",
        "ignore": [{"paths": ["/spec"]}]}}}), Back::Upgrade)]
    #[case::but_not_of_another(json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "enabled",
        "ignore": [{"paths": ["/spec/replicas"], "target": {"kind": "StatefulSet"}}]}}}), Back::Next)]
    #[case::but_not_elsewhere(json!({"kind": "HelmRelease", "spec": {"driftDetection": {"mode": "enabled",
        "ignore": [{"paths": ["/spec/template"]}]}}}), Back::Next)]
    fn who_writes_back_depends_on_the_kind_and_on_drift_detection(#[case] manager: Value, #[case] expected: Back) {
        let object = json!({"metadata": {"name": "web"}});
        assert_eq!(back(&manager, &workload(&object), "/spec/replicas"), expected);
    }

    #[rstest]
    #[case(json!({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}), true)]
    #[case(json!({"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}), true)]
    #[case(json!({"kustomize.toolkit.fluxcd.io/ssa": "Merge"}), false)]
    #[case(json!({}), false)]
    fn an_object_may_be_left_out(#[case] notes: Value, #[case] expected: bool) {
        assert_eq!(left_out(&json!({"metadata": {"annotations": notes}})), expected);
    }
}
