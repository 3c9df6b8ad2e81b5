//! What the Flux actions share: the kinds, a patch of one object, tokens and their proof, and who declares a field.

use serde_json::{Value, json};

use super::input::{Input, Target, There};
use super::risk::{self, Weight};
use super::twin::{self, REQUESTED};
use super::{Offer, RightRow, Subject, right};
use crate::domain::json::{annotation, condition, label, list, text};
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::{Check, flux_suspended};
pub use crate::kinds::flux::switch;
use crate::kinds::{self, Api, KindSpec, Switch};

pub const FORCED: &str = "reconcile.fluxcd.io/forceAt";
pub const RESET: &str = "reconcile.fluxcd.io/resetAt";
pub const HANDLED: &str = "/status/lastHandledReconcileAt";

/// One for each Flux kind that can be switched.
pub const RIGHTS: &[RightRow] = &rights();

const fn rights() -> [RightRow; SWITCHED] {
    let mut out = [right("", "", "patch"); SWITCHED];
    let (mut at, mut next) = (0, 0);
    while at < kinds::KINDS.len() {
        if let (true, Api::Watch { group, plural, .. }) = (is_switched(&kinds::KINDS[at]), kinds::KINDS[at].api) {
            out[next] = right(group, plural, "patch");
            next += 1;
        }
        at += 1;
    }
    out
}

/// How many Flux kinds can be switched.
const SWITCHED: usize = {
    let (mut at, mut count) = (0, 0);
    while at < kinds::KINDS.len() {
        count += is_switched(&kinds::KINDS[at]) as usize;
        at += 1;
    }
    count
};

const fn is_switched(kind: &KindSpec) -> bool {
    kind.is_flux() && kind.switch.is_some()
}

/// Offered for a Flux object that is suspended, or is not.
pub fn when_suspended(subject: &Subject<'_>, wanted: bool) -> Offer {
    if !kinds::by_name(subject.kind).is_some_and(|kind| is_switched(kinds::spec(kind))) {
        return Offer::Never;
    }
    if kinds::flux::Case::of(subject.record) == kinds::flux::Case::Static {
        return Offer::No(STATIC.to_owned());
    }
    match subject.record.suspended {
        Some(is) if is == wanted => Offer::Yes,
        Some(true) => Offer::No("it is suspended".to_owned()),
        Some(false) => Offer::No("it is not suspended".to_owned()),
        None => Offer::No("it cannot be suspended".to_owned()),
    }
}

/// What is said about a source that has no status.
const STATIC: &str = "it is static (type oci): no controller reconciles it, and each chart asks the registry itself";

/// Whether no controller writes its status, so that nothing about it can ever be observed. A Flux before 2.3 had a
/// controller that did, which its conditions show.
pub fn is_static(kind: &str, object: &Value) -> bool {
    kind == "HelmRepository" && text(object, "/spec/type") == "oci" && condition(object, "Ready").is_none()
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

/// Annotates an object with the token and waits until its controller has handled it and reports Ready.
pub fn reconcile(input: &Input<'_>, kind: &str, path: &str, object: &Value, more: &[&str]) -> Result<Vec<Step>, Stop> {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    if flux_suspended(object) {
        return Err(Stop::Refuse(format!(
            "{kind} {namespace}/{name} is suspended: a reconcile would look like success and do nothing; resume it first"
        )));
    }
    if is_static(kind, object) {
        return Err(Stop::Refuse(format!("{kind} {namespace}/{name}: {STATIC}")));
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
    let twin = twin::of_flux(input, "reconcile", kind, namespace, name);
    let twin = match more {
        [FORCED] => twin.switch("--force"),
        [RESET] => twin.switch("--reset"),
        _ => twin,
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

/// A reconciliation of a HelmRelease with one more token.
pub fn once_more(input: &Input<'_>, action: &'static str, token: &str) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let mut plan = plan(input, action, reconcile(input, target.kind, &path, object, &[token])?, String::new())?;
    plan.reach.push("Helm runs against the cluster: its workloads may be rolled".into());
    name_when_core(input, target, &mut plan);
    plan.reach.extend(super::dependents::told(input)?);
    Ok(plan)
}

/// If what it manages is core, the operator types its name.
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

/// The groups of the labels by which Flux marks what it makes, and who does.
const MAKERS: &[(&str, &str)] = &[
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("resourceset.fluxcd.controlplane.io", "ResourceSet"),
];

/// Who made the object, by its labels: kind, namespace and name.
pub fn maker(object: &Value) -> Option<(&'static str, &str, &str)> {
    let of = |group: &str, part: &str| label(object, &format!("{group}/{part}"));
    let (group, kind) = MAKERS.iter().find(|(group, _)| !of(group, "name").is_empty())?;
    Some((kind, of(group, "namespace"), of(group, "name")))
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

/// What happens to a switch that Git declares, too.
pub fn git_warning(input: &Input<'_>, object: &Value, switch: &Switch) -> Result<Option<String>, Stop> {
    if !declared_in_git(object, switch) {
        return Ok(None);
    }
    let told = switch.told;
    let Some((kind, namespace, name)) = maker(object) else {
        return Ok(Some(format!("Git declares {told}: it will be written back; change Git")));
    };
    let parent = format!("{kind} {namespace}/{name}");
    let path = input.path(kind, namespace, name).ok();
    let suspended = match path.map(|path| input.look(&path)).transpose()? {
        Some(There::Yes(parent)) => flux_suspended(parent),
        _ => false,
    };
    Ok(Some(if suspended {
        format!("Git declares {told}: {parent} is suspended, and will write it back once it is resumed; change Git")
    } else {
        format!(
            "Git declares {told}: {parent} will write it back at its next interval; suspend that first, or change Git"
        )
    }))
}

/// A running Helm action continues whatever is changed in the spec.
pub fn running(object: &Value) -> Option<String> {
    let reconciling = condition(object, "Reconciling").filter(|c| text(c, "/status") == "True")?;
    let ready = condition(object, "Ready");
    // a failing release keeps Reconciling for ever
    if ready.is_some_and(|c| text(c, "/status") == "False") {
        return None;
    }
    Some(format!("under way now: {}", text(reconciling, "/message")))
}
