//! Uncordon a node. One that somebody else cordoned is left alone unless set otherwise.

use serde_json::{Value, json};

use super::input::Input;
use super::risk::{self, Weight};
use super::{ActKey, ActionSpec, Field, Start, cordon, flux, marks, twin};
use crate::domain::json::flag;
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "uncordon",
    key: Some(ActKey::Toggle),
    doc: "mark the node schedulable again",
    rights: cordon::RIGHTS,
    fields: &[Field::new("any", "yes: even if it was cordoned by somebody else", Start::Text("no"))],
    reason: None,
    offered: |subject| cordon::when_cordoned(subject, true),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, node) = input.object()?;
    if !flag(node, "/spec/unschedulable") {
        return Err(Stop::Refuse(format!("{} is not cordoned", target.told())));
    }
    let by = marks::by(node);
    if by.is_empty() && !input.yes("any")? {
        return Err(Stop::Refuse(format!(
            "{} was not cordoned by watchkeeper: somebody may rely on it; set any=yes to uncordon it anyway",
            target.told()
        )));
    }
    let body = json!({ "metadata": { "annotations": marks::gone() }, "spec": { "unschedulable": null } });
    let mut request = flux::patch(input, &path, node, &["/spec/unschedulable"], body)?;
    request.before = format!("unschedulable: true, by {}", if by.is_empty() { "somebody" } else { by });
    let note = if by.is_empty() { String::new() } else { format!(", {}: absent", marks::BY) };
    request.after = format!("unschedulable: absent{note}");
    let name = &target.key.name;
    let (pointer, is) = ("/spec/unschedulable".into(), Value::Null);
    let check = Check::Field { pointer, is, sent: marks::taken_away() };
    let proof = Proof { via: Via::Kubernetes, path: path.clone(), check, limit: 30 };
    let steps = vec![
        Step::send(format!("uncordon node {name}"), twin::kubectl(input, &["uncordon"]).arg(&**name), request)
            .freeing(target.object()),
        Step::wait("read it back: it is not cordoned", proof),
    ];
    let undo = twin::kubectl(input, &["cordon"]).arg(&**name).to_string();
    let mut plan = flux::plan(input, SPEC.name, steps, undo)?;
    plan.risk = risk::of_node(input, Weight::Holds, node);
    Ok(plan)
}
