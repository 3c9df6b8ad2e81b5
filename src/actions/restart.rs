//! Rolling restart: every pod is replaced, a few at a time.

use serde_json::json;

use super::input::Input;
use super::workload::{self, Workload};
use super::{ActKey, ActionSpec};
use crate::domain::json::{flag, text};
use crate::domain::plan::{Body, Plan, Step, Stop};
use crate::domain::proof::Sent;

/// Where the time of the last restart is.
const AT: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";

pub const SPEC: ActionSpec = ActionSpec {
    name: "restart",
    key: Some(ActKey::Restart),
    doc: "replace its pods one after another, and wait for the rollout",
    rights: workload::RIGHTS,
    fields: &[],
    reason: None,
    offered: workload::of_workload,
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let workload = workload::find(input)?;
    let steps = steps(input, &workload)?;
    let mut plan = workload::plan(input, SPEC.name, &workload, steps)?;
    plan.warnings = workload::cautions(&workload);
    plan.warnings.extend(workload::budgets(input, &workload)?);
    Ok(plan)
}

pub fn steps(input: &Input<'_>, workload: &Workload<'_>) -> Result<Vec<Step>, Stop> {
    if flag(workload.object, "/spec/paused") {
        return Err(Stop::Refuse(format!("{} is paused: resume its rollout first", workload.told())));
    }
    if text(workload.object, "/spec/updateStrategy/type") == "OnDelete" {
        return Err(Stop::Refuse(format!(
            "{} replaces pods only when they are deleted (OnDelete): delete its pods one by one",
            workload.told()
        )));
    }
    if let Some(pods) = workload::partition(workload.object).filter(|pods| pods.replaced == 0) {
        return Err(Stop::Refuse(format!(
            "{} has partition {} and {} pods: a rollout replaces none of them; lower the partition first",
            workload.told(),
            pods.from,
            pods.all
        )));
    }
    // our own unfinished run has sent it: its rollout is all that is left
    if let Some(at) = workload.object.pointer(AT).filter(|at| input.did(&workload.path, AT, at)) {
        return Ok(vec![workload::rollout(workload, vec![Sent::value(AT, at.clone())])]);
    }
    // in seconds, as kubectl writes it: a second restart within the same second would change nothing
    let at = input.now.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotation = json!({ "kubectl.kubernetes.io/restartedAt": at });
    let body = json!({ "spec": { "template": { "metadata": { "annotations": annotation } } } });
    let mut request = workload::patch(input, workload, "", &[], Body::Merge(body))?;
    let before = workload
        .object
        .pointer("/spec/template/metadata/annotations")
        .and_then(|a| a.get("kubectl.kubernetes.io/restartedAt"))
        .and_then(|v| v.as_str())
        .unwrap_or("never");
    request.before = format!("restartedAt: {before}");
    request.after = format!("restartedAt: {at}");
    let twin = workload.kubectl(input, &["rollout", "restart"]);
    let sent = vec![Sent::value(AT, json!(at))];
    Ok(vec![Step::send(format!("restart {}", workload.told()), twin, request), workload::rollout(workload, sent)])
}
