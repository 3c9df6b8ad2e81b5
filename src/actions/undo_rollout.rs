//! Undo a Deployment's rollout: its template becomes that of an earlier ReplicaSet. What writes that back at its next
//! reconcile has to be suspended first.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActionSpec, Field, Start, manager, workload};
use crate::domain::json::{annotation, flag, list, text};
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
    "deprecated.deployment.rollback.to",
];

pub const SPEC: ActionSpec = ActionSpec {
    name: "undo-rollout",
    key: None,
    doc: "roll a Deployment back to an earlier revision, where Flux does not revert that at once",
    rights: workload::RIGHTS,
    fields: &[Field::new("revision", "the revision to roll back to; the previous one by default", Start::Text(""))],
    reason: None,
    offered: |subject| subject.of(&["Deployment"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let workload = workload::find(input)?;
    if flag(workload.object, "/spec/paused") {
        return Err(Stop::Refuse(format!("{} is paused: resume its rollout first", workload.told())));
    }
    let manager = manager::of(input, &workload, "/spec/template")?;
    if let Some(manager) = manager.as_ref().filter(|manager| manager.back == manager::Back::Next) {
        return Err(Stop::Refuse(format!("{} would write it back: suspend that first, or change Git", manager.told)));
    }
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
        return Err(Stop::Refuse(format!("revision {now} is the current one; known: {}", known.join(", "))));
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
    let twin = |revision: &str| workload.kubectl(input, &["rollout", "undo"]).flag("to-revision", revision);
    let send = Step::send(format!("roll back to revision {then}"), twin(then), request);
    let steps = vec![send, workload::rollout(&workload, sent)];
    let mut plan = workload::plan(input, SPEC.name, &workload, steps)?;
    plan.undo = if now.is_empty() { String::new() } else { twin(now).to_string() };
    plan.reach.push(format!("images: {}", images(target)));
    plan.warnings = workload::cautions(&workload);
    plan.warnings.extend(manager.and_then(|manager| manager.warning()));
    plan.warnings.extend(workload::budgets(input, &workload)?);
    Ok(plan)
}

fn images(object: &Value) -> String {
    let containers = list(object, "/spec/template/spec/containers");
    containers.iter().map(|c| text(c, "/image")).collect::<Vec<_>>().join(", ")
}
