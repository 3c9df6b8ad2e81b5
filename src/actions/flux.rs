//! What the Flux actions share: the kinds, a patch of one object, tokens and their proof, who declares a field.

use serde_json::{Value, json};

use super::input::{Input, Target};
use super::risk::{self, Weight};
use super::{Offer, RightRow, Subject, right};
use crate::domain::json::{annotation, condition, label, list, text};
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::{Check, GENERATOR_SWITCH, RESOURCE_SET_SWITCH, flux_suspended};

pub const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";
pub const FORCED: &str = "reconcile.fluxcd.io/forceAt";
pub const RESET: &str = "reconcile.fluxcd.io/resetAt";
pub const HANDLED: &str = "/status/lastHandledReconcileAt";

/// Kinds that Flux reconciles and that can be suspended.
pub const KINDS: &[&str] = &[
    "HelmRelease",
    "Kustomization",
    "GitRepository",
    "HelmRepository",
    "OCIRepository",
    "Bucket",
    "HelmChart",
    "ArtifactGenerator",
    "ResourceSet",
];

/// What switches an object off and on.
#[derive(Debug)]
pub struct Switch {
    pub pointer: &'static str,
    /// As people write it.
    pub told: &'static str,
    /// Where its owner stands in a field set.
    owned: &'static str,
    /// The annotation that says `enabled` or `disabled`, where it is none of the spec.
    pub annotation: Option<&'static str>,
}

const IN_SPEC: Switch =
    Switch { pointer: "/spec/suspend", told: ".spec.suspend", owned: "/fieldsV1/f:spec/f:suspend", annotation: None };
const OF_SETS: Switch = Switch {
    pointer: RESOURCE_SET_SWITCH,
    told: "the annotation fluxcd.controlplane.io/reconcile",
    owned: "/fieldsV1/f:metadata/f:annotations/f:fluxcd.controlplane.io~1reconcile",
    annotation: Some("fluxcd.controlplane.io/reconcile"),
};
const OF_GENERATORS: Switch = Switch {
    pointer: GENERATOR_SWITCH,
    told: "the annotation source.extensions.fluxcd.io/reconcile",
    owned: "/fieldsV1/f:metadata/f:annotations/f:source.extensions.fluxcd.io~1reconcile",
    annotation: Some("source.extensions.fluxcd.io/reconcile"),
};

pub fn switch(kind: &str) -> &'static Switch {
    match kind {
        "ResourceSet" => &OF_SETS,
        "ArtifactGenerator" => &OF_GENERATORS,
        _ => &IN_SPEC,
    }
}

pub const RIGHTS: &[RightRow] = &[
    right("helm.toolkit.fluxcd.io", "helmreleases", "patch"),
    right("kustomize.toolkit.fluxcd.io", "kustomizations", "patch"),
    right("source.toolkit.fluxcd.io", "gitrepositories", "patch"),
    right("source.toolkit.fluxcd.io", "helmrepositories", "patch"),
    right("source.toolkit.fluxcd.io", "ocirepositories", "patch"),
    right("source.toolkit.fluxcd.io", "buckets", "patch"),
    right("source.toolkit.fluxcd.io", "helmcharts", "patch"),
    right("source.extensions.fluxcd.io", "artifactgenerators", "patch"),
    right("fluxcd.controlplane.io", "resourcesets", "patch"),
];

/// Offered for a Flux object that is suspended, or is not.
pub fn when_suspended(subject: &Subject<'_>, wanted: bool) -> Offer {
    if !KINDS.contains(&subject.kind) {
        return Offer::Never;
    }
    match subject.record.suspended {
        Some(is) if is == wanted => Offer::Yes,
        Some(true) => Offer::No("it is suspended".to_owned()),
        Some(false) => Offer::No("it is not suspended".to_owned()),
        None => Offer::No("it cannot be suspended".to_owned()),
    }
}

/// The word that the flux command has for a kind.
pub fn noun(kind: &str) -> &'static str {
    match kind {
        "HelmRelease" => "helmrelease",
        "Kustomization" => "kustomization",
        "GitRepository" => "source git",
        "HelmRepository" => "source helm",
        "OCIRepository" => "source oci",
        "Bucket" => "source bucket",
        _ => "source chart",
    }
}

/// `flux suspend helmrelease monitoring -n monitoring`; what is switched by an annotation the flux command does not know.
pub fn command(verb: &str, target: &Target, more: &str) -> String {
    if switch(target.kind).annotation.is_some() {
        return annotate(verb, target.kind, &target.key.namespace, &target.key.name, "$(date +%s)");
    }
    let more = if more.is_empty() { String::new() } else { format!(" {more}") };
    format!("flux {verb} {} {} -n {}{more}", noun(target.kind), target.key.name, target.key.namespace)
}

/// kubectl's way to switch such an object, or to have it reconciled.
fn annotate(verb: &str, kind: &str, namespace: &str, name: &str, token: &str) -> String {
    let what = match (verb, switch(kind).annotation) {
        ("suspend", Some(switch)) => format!("{switch}=disabled"),
        ("resume", Some(switch)) => format!("{switch}=enabled {REQUESTED}={token}"),
        _ => format!("{REQUESTED}={token}"),
    };
    format!("kubectl annotate {} {name} -n {namespace} {what} --overwrite", kind.to_lowercase())
}

/// A merge patch of the target, sent only if it is still as previewed.
pub fn patch(input: &Input<'_>, path: &str, object: &Value, fields: &[&str], body: Value) -> Result<Request, Stop> {
    let target = input.target()?;
    let right = input.right("patch", target.kind, "", &target.key.namespace, &target.key.name)?;
    Ok(Request {
        via: Via::Kubernetes,
        method: Method::Patch,
        path: path.to_owned(),
        body: Body::Merge(body),
        guard: Some(Guard::of(path, object, fields)),
        right: Some(right),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: String::new(),
        after: String::new(),
    })
}

/// A plan about the target with these steps.
pub fn plan(input: &Input<'_>, action: &'static str, steps: Vec<Step>, undo: String) -> Result<Plan, Stop> {
    let target = input.target()?;
    Ok(Plan {
        action,
        title: format!("{action} {}", target.told()),
        targets: vec![target.key.clone()],
        steps,
        risk: Risk::Press,
        reach: Vec::new(),
        warnings: Vec::new(),
        undo,
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}

/// Annotates an object with the token and waits until its controller has handled it and says Ready.
pub fn reconcile(input: &Input<'_>, kind: &str, path: &str, object: &Value, more: &[&str]) -> Result<Vec<Step>, Stop> {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    if flux_suspended(object) {
        return Err(Stop::Refuse(format!(
            "{kind} {namespace}/{name} is suspended: a reconcile would look like success and do nothing; resume it first"
        )));
    }
    let mut annotations = serde_json::Map::new();
    for name in std::iter::once(&REQUESTED).chain(more) {
        annotations.insert((*name).to_owned(), json!(input.token));
    }
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Patch,
        path: path.to_owned(),
        body: Body::Merge(json!({ "metadata": { "annotations": annotations } })),
        guard: Some(Guard::of(path, object, &[switch(kind).pointer])),
        right: Some(input.right("patch", kind, "", namespace, name)?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: format!("{REQUESTED}={}", annotation(object, REQUESTED)),
        after: format!("{REQUESTED}={}", input.token),
    };
    let flag = match more {
        [FORCED] => " --force",
        [RESET] => " --reset",
        _ => "",
    };
    let twin = match switch(kind).annotation {
        Some(_) => annotate("reconcile", kind, namespace, name, input.token),
        None => format!("flux reconcile {} {name} -n {namespace}{flag}", noun(kind)),
    };
    let token = input.token.to_owned();
    let check = Check::FluxHandled { token, annotation: REQUESTED.into(), handled: HANDLED.into() };
    let limit = limit(kind, object);
    let wait = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit };
    Ok(vec![
        Step::send(format!("ask the controller to reconcile {kind} {name}"), twin, request),
        Step::wait(format!("wait until {kind} {name} was reconciled and is Ready"), wait),
    ])
}

/// A reconciliation of a HelmRelease with one more token beside.
pub fn once_more(input: &Input<'_>, action: &'static str, token: &str) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let mut plan = plan(input, action, reconcile(input, target.kind, &path, object, &[token])?, String::new())?;
    plan.reach.push("Helm runs against the cluster: its workloads may be rolled".into());
    name_when_core(input, target, &mut plan);
    plan.reach.extend(super::dependents::told(input)?);
    Ok(plan)
}

/// Where what it manages is core, the operator types its name.
pub fn name_when_core(input: &Input<'_>, target: &Target, plan: &mut Plan) {
    let object = input.object().map_or(&Value::Null, |(_, object)| object);
    let places = risk::places(target.kind, object, &target.key.namespace);
    plan.risk = risk::of(input, Weight::Steers, places, &target.key.name);
}

/// Offered for a HelmRelease that is not suspended.
pub fn when_release_runs(subject: &Subject<'_>) -> Offer {
    match subject.of(&["HelmRelease"]) {
        Offer::Yes => when_suspended(subject, false),
        other => other,
    }
}

/// Twice as long as the controller itself would wait.
pub fn limit(kind: &str, object: &Value) -> u32 {
    let timeout = match kind {
        "ResourceSet" => annotation(object, "fluxcd.controlplane.io/reconcileTimeout"),
        _ => text(object, "/spec/timeout"),
    };
    2 * go_seconds(timeout).clamp(150, 900)
}

fn go_seconds(text: &str) -> u32 {
    crate::domain::ages::go_duration(text).and_then(|s| u32::try_from(s).ok()).unwrap_or(300)
}

/// Who manages the object through Flux, as `Kustomization flux-system/platform`.
pub fn parent(object: &Value) -> Option<String> {
    for (group, kind) in [
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
        ("resourceset.fluxcd.controlplane.io", "ResourceSet"),
    ] {
        let name = label(object, &format!("{group}/name"));
        if !name.is_empty() {
            return Some(format!("{kind} {}/{name}", label(object, &format!("{group}/namespace"))));
        }
    }
    None
}

/// Whether Git declares the switch, so that the parent writes it back at its next interval: the field is owned by a
/// Flux controller that applies manifests.
pub fn declared_in_git(object: &Value, switch: &Switch) -> bool {
    list(object, "/metadata/managedFields").iter().any(|entry| {
        matches!(text(entry, "/manager"), "kustomize-controller" | "helm-controller" | "flux-operator")
            && text(entry, "/operation") == "Apply"
            && entry.pointer(switch.owned).is_some()
    })
}

pub fn git_warning(object: &Value, switch: &Switch) -> Option<String> {
    declared_in_git(object, switch).then(|| {
        let parent = parent(object).unwrap_or_else(|| "its parent".to_owned());
        format!(
            "Git declares {}: {parent} will write it back at its next interval; suspend that first, or change Git",
            switch.told
        )
    })
}

/// A running Helm action goes on whatever is done to the spec.
pub fn running(object: &Value) -> Option<String> {
    let reconciling = condition(object, "Reconciling").filter(|c| text(c, "/status") == "True")?;
    let ready = condition(object, "Ready");
    // a failing release keeps Reconciling for ever
    if ready.is_some_and(|c| text(c, "/status") == "False") {
        return None;
    }
    Some(format!("under way now: {}", text(reconciling, "/message")))
}
