//! Undo a Deployment's rollout: its template becomes that of an earlier ReplicaSet. Flux would write it back, so this
//! is offered only while what manages it is suspended.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActionSpec, Field, Start, workload};
use crate::domain::json::{annotation, flag, label, list, text};
use crate::domain::plan::{Body, Plan, Step, Stop};
use crate::domain::proof::Sent;

const REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotations of the Deployment itself, not of a revision.
const OWN: &[&str] = &[
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "kubectl.kubernetes.io/last-applied-configuration",
];

pub const SPEC: ActionSpec = ActionSpec {
    name: "undo-rollout",
    key: None,
    doc: "go back to an earlier revision of a Deployment, while Flux is suspended",
    rights: workload::RIGHTS,
    fields: &[Field {
        name: "revision",
        help: "the revision to go back to; the one before by default",
        default: Start::Text(""),
    }],
    wants_reason: false,
    offered: |subject| subject.of(&["Deployment"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let workload = workload::find(input)?;
    if flag(workload.object, "/spec/paused") {
        return Err(Stop::Refuse(format!("{} is paused: resume its rollout first", workload.told())));
    }
    manager_is_suspended(input, workload.object)?;
    let path = input.served("ReplicaSet")?.collection(&workload.namespace);
    let uid = text(workload.object, "/metadata/uid");
    let owned = |rs: &&Value| list(rs, "/metadata/ownerReferences").iter().any(|o| text(o, "/uid") == uid);
    let number = |rs: &Value| annotation(rs, REVISION).parse::<i64>().unwrap_or(0);
    let mut sets: Vec<&Value> = list(input.read(&path)?, "/items").iter().filter(owned).collect();
    sets.sort_by_key(|rs| std::cmp::Reverse(number(rs)));
    let known: Vec<String> = sets.iter().map(|rs| number(rs).to_string()).collect();
    let target = match input.setting("revision") {
        Some(wanted) => sets.iter().find(|rs| annotation(rs, REVISION) == wanted),
        None => sets.get(1),
    };
    let Some(target) = target else {
        return Err(Stop::Refuse(format!("no such earlier revision; known: {}", known.join(", "))));
    };
    let now = annotation(workload.object, REVISION);
    let then = annotation(target, REVISION);
    if now == then {
        return Err(Stop::Refuse(format!("revision {now} is the present one; known: {}", known.join(", "))));
    }
    let mut template = target.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    let pick = |object: &Value, own: bool| -> serde_json::Map<String, Value> {
        let all = object.pointer("/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default();
        all.into_iter().filter(|(name, _)| OWN.contains(&&**name) == own).collect()
    };
    let mut annotations = pick(workload.object, true);
    annotations.extend(pick(target, false));
    let sent = vec![Sent::digest("/spec/template", &template)];
    let body = Body::Patch(json!([
        { "op": "replace", "path": "/spec/template", "value": template },
        { "op": "replace", "path": "/metadata/annotations", "value": annotations },
    ]));
    let mut request = workload::patch(input, &workload, "", &["/spec/template"], body)?;
    request.before = format!("revision {now}: {}", images(workload.object));
    request.after = format!("revision {then}: {}", images(target));
    let twin = format!("kubectl rollout undo {} --to-revision={then}", workload.argument());
    let steps =
        vec![Step::send(format!("go back to revision {then}"), twin, request), workload::rollout(&workload, sent)];
    let mut plan = workload::plan(input, SPEC.name, &workload, steps)?;
    plan.undo = format!("kubectl rollout undo {} --to-revision={now}", workload.argument());
    plan.reach.push(format!("images: {}", images(target)));
    plan.warnings = workload::cautions(&workload);
    plan.warnings.extend(workload::budgets(input, &workload)?);
    Ok(plan)
}

fn images(object: &Value) -> String {
    let containers = list(object, "/spec/template/spec/containers");
    containers.iter().map(|c| text(c, "/image")).collect::<Vec<_>>().join(", ")
}

fn manager_is_suspended(input: &Input<'_>, object: &Value) -> Result<(), Stop> {
    for (group, kind) in [("helm", "HelmRelease"), ("kustomize", "Kustomization")] {
        let name = label(object, &format!("{group}.toolkit.fluxcd.io/name"));
        let namespace = label(object, &format!("{group}.toolkit.fluxcd.io/namespace"));
        if name.is_empty() {
            continue;
        }
        let path = input.path(kind, namespace, name)?;
        if !flag(input.read(&path)?, "/spec/suspend") {
            return Err(Stop::Refuse(format!(
                "{kind} {namespace}/{name} would write it back: suspend that first, or change Git"
            )));
        }
    }
    Ok(())
}
