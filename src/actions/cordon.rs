//! Cordon a node: no new pods are put on it.

use serde_json::{Value, json};

use super::input::Input;
use super::risk::{self, Weight};
use super::{ActKey, ActionSpec, Offer, RightRow, Subject, flux, marks, right, twin};
use crate::domain::json::flag;
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::Check;

pub const RIGHTS: &[RightRow] = &[right("", "nodes", "patch")];

pub const SPEC: ActionSpec = ActionSpec {
    name: "cordon",
    key: Some(ActKey::Toggle),
    doc: "mark the node unschedulable: it gets no new pods",
    rights: RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| when_cordoned(subject, false),
    plan,
};

/// As kubectl's STATUS says it.
fn is_cordoned(subject: &Subject<'_>) -> bool {
    subject.strings.get(subject.record.status).ends_with("SchedulingDisabled")
}

pub fn when_cordoned(subject: &Subject<'_>, wanted: bool) -> Offer {
    match subject.of(&["Node"]) {
        Offer::Yes if is_cordoned(subject) == wanted => Offer::Yes,
        Offer::Yes => Offer::No(if wanted { "it is not cordoned" } else { "it is cordoned" }.to_owned()),
        other => other,
    }
}

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, node) = input.object()?;
    if flag(node, "/spec/unschedulable") {
        return Err(Stop::Refuse(format!("{} is cordoned already", target.told())));
    }
    let undo = twin::kubectl(input, &["uncordon"]).arg(&*target.key.name).to_string();
    let mut plan = flux::plan(input, SPEC.name, steps(input, &path, node)?, undo)?;
    plan.risk = risk::of_node(input, Weight::Holds, node);
    Ok(plan)
}

pub fn steps(input: &Input<'_>, path: &str, node: &Value) -> Result<Vec<Step>, Stop> {
    let name = &input.target()?.key.name;
    let body =
        json!({ "metadata": { "annotations": marks::set(input, node, "false") }, "spec": { "unschedulable": true } });
    let mut request = flux::patch(input, path, node, &["/spec/unschedulable"], body)?;
    request.before = "unschedulable: false".into();
    request.after = format!("unschedulable: true{}", marks::written(input));
    let (pointer, is) = ("/spec/unschedulable".into(), Value::Bool(true));
    let check = Check::Field { pointer, is, sent: marks::ours(input) };
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit: 30 };
    Ok(vec![
        Step::send(format!("cordon node {name}"), twin::kubectl(input, &["cordon"]).arg(&**name), request)
            .holding("cordoned", input.target()?.object()),
        Step::wait("read it back: it is cordoned", proof),
    ])
}
