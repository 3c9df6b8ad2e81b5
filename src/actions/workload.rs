//! What the workload actions share: Deployments, StatefulSets and DaemonSets, found from a pod where need be; their
//! budgets, autoscalers and owners.

use serde_json::{Value, json};

use super::input::{Input, Target};
use super::owner::owner;
pub use super::owner::{Workload, all, find};
use super::risk::{self, Weight};
use super::{Offer, RightRow, Subject, budgets, losses, manager, marks, right};
use crate::domain::evictions::{is_over, stays};
use crate::domain::json::{flag, int, list, text};
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::{Check, Rollout, Sent};

pub const RIGHTS: &[RightRow] = &[
    right("apps", "deployments", "patch"),
    right("apps", "statefulsets", "patch"),
    right("apps", "daemonsets", "patch"),
];

/// Offered for workloads, and for pods of one.
pub fn of_workload(subject: &Subject<'_>) -> Offer {
    subject.of(&["Deployment", "StatefulSet", "DaemonSet", "Pod"])
}

/// A patch of the workload, sent only if it is still as previewed.
pub fn patch(
    input: &Input<'_>,
    workload: &Workload<'_>,
    sub: &str,
    fields: &[&str],
    body: Body,
) -> Result<Request, Stop> {
    let right = input.right("patch", &workload.kind, sub, &workload.namespace, &workload.name)?;
    let path = if sub.is_empty() { workload.path.clone() } else { format!("{}/{sub}", workload.path) };
    Ok(Request {
        via: Via::Kubernetes,
        method: Method::Patch,
        path,
        body,
        guard: Some(Guard::of(&workload.path, workload.object, fields)),
        right: Some(right),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: String::new(),
        after: String::new(),
    })
}

/// Waits until the workload holds what was sent and has rolled it out.
pub fn rollout(workload: &Workload<'_>, sent: Vec<Sent>) -> Step {
    let deadline = int(workload.object, "/spec/progressDeadlineSeconds").unwrap_or(600);
    let limit = u32::try_from(deadline).unwrap_or(600).clamp(60, 1800) + 60;
    let of = match &*workload.kind {
        "DaemonSet" => Rollout::DaemonSet,
        "StatefulSet" => Rollout::StatefulSet,
        _ => Rollout::Deployment,
    };
    let proof = Proof { via: Via::Kubernetes, path: workload.path.clone(), check: Check::Rollout { of, sent }, limit };
    let mut step = Step::wait(format!("wait for the rollout of {}", workload.name), proof);
    text(workload.object, "/metadata/uid").clone_into(&mut step.uid);
    step
}

pub fn plan(input: &Input<'_>, action: &'static str, workload: &Workload<'_>, steps: Vec<Step>) -> Result<Plan, Stop> {
    let target: &Target = input.target()?;
    Ok(Plan {
        action,
        title: format!("{action} {}", workload.told()),
        targets: vec![target.key.clone()],
        steps,
        risk: risk::of(input, Weight::Ends, [&*workload.namespace], &workload.name),
        reach: vec![format!("{} pods", replicas(workload.object))],
        warnings: Vec::new(),
        undo: String::new(),
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}

pub fn replicas(object: &Value) -> i64 {
    int(object, "/spec/replicas").or_else(|| int(object, "/status/desiredNumberScheduled")).unwrap_or(1)
}

/// How many pods a rollout of a StatefulSet replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// Pods below this number keep their revision.
    pub from: i64,
    pub all: i64,
    /// Pods that a rollout replaces.
    pub replaced: i64,
}

/// The partition of a StatefulSet, where it has one: the pods below it keep their revision.
///
/// Kubernetes `api/apps/v1/types.go`, `RollingUpdateStatefulSetStrategy`: pods from the last down to the partition are
/// updated.
pub fn partition(object: &Value) -> Option<Partition> {
    let partition = int(object, "/spec/updateStrategy/rollingUpdate/partition").filter(|partition| *partition > 0)?;
    let all = replicas(object);
    Some(Partition { from: partition, all, replaced: (all - partition).max(0) })
}

/// Budgets over the workload's pods that allow no disruption, or why they could not be read.
pub fn budgets(input: &Input<'_>, workload: &Workload<'_>) -> Result<Vec<String>, Stop> {
    let path = input.served("PodDisruptionBudget")?.collection(&workload.namespace);
    let labels = workload.object.pointer("/spec/template/metadata/labels").unwrap_or(&Value::Null);
    let found = match input.maybe(&path)? {
        Ok(found) => found,
        Err(why) => return Ok(vec![format!("disruption budgets could not be read: {why}")]),
    };
    Ok(budgets::over(found, &workload.namespace, labels)
        .into_iter()
        .filter(|pdb| budgets::room(pdb).is_err())
        .map(|pdb| format!("budget {} allows no disruption now", text(pdb, "/metadata/name")))
        .collect())
}

/// Pauses a Deployment's rollout, or resumes it.
pub fn pause(input: &Input<'_>, action: &'static str, wanted: bool) -> Result<Plan, Stop> {
    let workload = find(input)?;
    let paused = flag(workload.object, "/spec/paused");
    let (verb, opposite) = if wanted { ("pause", "resume") } else { ("resume", "pause") };
    if paused == wanted {
        let word = if paused { "is paused already" } else { "is not paused" };
        return Err(Stop::Refuse(format!("{} {word}", workload.told())));
    }
    let value = if wanted { Value::Bool(true) } else { Value::Null };
    let annotations = if wanted { marks::set(input, workload.object, "false") } else { marks::gone() };
    let body = Body::Merge(json!({ "metadata": { "annotations": annotations }, "spec": { "paused": value } }));
    let mut request = patch(input, &workload, "", &["/spec/paused"], body)?;
    request.before = format!("paused: {paused}");
    request.after = format!("paused: {wanted}{}", if wanted { marks::written(input) } else { String::new() });
    let sent = if wanted { marks::ours(input) } else { marks::taken_away() };
    let check = Check::Field { pointer: "/spec/paused".into(), is: value.clone(), sent };
    let read = Proof { via: Via::Kubernetes, path: workload.path.clone(), check, limit: 30 };
    let twin = |verb: &str| workload.kubectl(input, &["rollout", verb]);
    let send = Step::send(format!("{verb} the rollout of {}", workload.told()), twin(verb), request);
    let send = if wanted { send.holding("paused", workload.id()) } else { send.freeing(workload.id()) };
    let mut steps = vec![send, Step::wait("read it back", read)];
    if paused {
        steps.push(rollout(&workload, vec![Sent::value("/spec/paused", value)]));
    }
    let mut plan = plan(input, action, &workload, steps)?;
    plan.risk = risk::of(input, Weight::Holds, [&*workload.namespace], &workload.name);
    plan.undo = if wanted {
        twin(opposite).to_string()
    } else {
        format!("what has rolled out by then stays; to pause it again:\n{}", twin(opposite))
    };
    plan.warnings.extend(drift(input, &workload, "/spec/paused")?);
    Ok(plan)
}

/// Autoscalers that target the workload.
pub fn autoscalers(input: &Input<'_>, workload: &Workload<'_>) -> Result<Vec<String>, Stop> {
    let path = input.served("HorizontalPodAutoscaler")?.collection(&workload.namespace);
    let found = match input.maybe(&path)? {
        Ok(found) => found,
        Err(why) => return Ok(vec![format!("autoscalers could not be read: {why}")]),
    };
    let ours = list(found, "/items").iter().filter(|hpa| {
        text(hpa, "/spec/scaleTargetRef/kind") == workload.kind
            && text(hpa, "/spec/scaleTargetRef/name") == workload.name
    });
    Ok(ours
        .map(|hpa| {
            let (least, most) =
                (int(hpa, "/spec/minReplicas").unwrap_or(1), int(hpa, "/spec/maxReplicas").unwrap_or(0));
            format!("autoscaler {} sets the replicas itself, {least} to {most}", text(hpa, "/metadata/name"))
        })
        .collect())
}

/// What a rolling restart means for users, and what may undo it.
pub fn cautions(workload: &Workload<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let strategy = text(workload.object, "/spec/strategy/type");
    if strategy == "Recreate" {
        out.push("strategy Recreate: all pods are terminated before new ones start".into());
    }
    if workload.kind != "DaemonSet" && replicas(workload.object) == 1 && strategy != "Recreate" {
        out.push("one replica: it may be unavailable for a moment".into());
    }
    if let Some(pods) = partition(workload.object) {
        let Partition { from, all, replaced } = pods;
        out.push(format!("only {replaced} of {all} pods restart: its partition is {from}"));
    }
    let operator = list(workload.object, "/metadata/ownerReferences").iter().find(|o| flag(o, "/controller"));
    if let Some(operator) = operator {
        out.push(format!(
            "made by {} {}: its operator may revert the change midway",
            text(operator, "/kind"),
            text(operator, "/name")
        ));
    }
    out
}

/// What recreates a pod once it is gone.
pub fn successor(pod: &Value) -> String {
    if stays(pod) == Some("static") {
        return "its node runs it from a file: only what the API server shows of it goes, and comes back".to_owned();
    }
    match owner(pod) {
        _ if is_over(pod) => "it has ended: only the object and its logs go".to_owned(),
        Some((kind, name)) if kind == "Job" => format!("Job {name} makes a new one, unless it has ended"),
        Some((kind, name)) => format!("{kind} {name} makes a new one"),
        None => "nothing makes a new one".to_owned(),
    }
}

/// Whether its controller makes another one: a Job may have used up its retries.
fn is_replaced(pod: &Value) -> bool {
    owner(pod).is_some_and(|(kind, _)| kind != "Job")
}

/// A plan that ends one pod: a yes is enough where another pod replaces it.
pub fn pod_plan(
    input: &Input<'_>,
    action: &'static str,
    verb: &str,
    pod: &Value,
    steps: Vec<Step>,
) -> Result<Plan, Stop> {
    let target = input.target()?;
    let lost = losses::of(input, &[pod], None)?;
    let weight = if is_replaced(pod) || is_over(pod) { Weight::Holds } else { Weight::Ends };
    let risk = risk::of(input, weight, [&*target.key.namespace], &target.key.name);
    let quorum = if lost.quorum { Risk::Context(input.context.to_owned()) } else { Risk::Press };
    Ok(Plan {
        action,
        title: format!("{verb} {}", target.told()),
        targets: vec![target.key.clone()],
        steps,
        risk: risk.or(quorum),
        reach: vec![successor(pod)],
        warnings: lost.of_one(pod),
        undo: String::new(),
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}

/// What Flux does about a change of a field that it may declare.
pub fn drift(input: &Input<'_>, workload: &Workload<'_>, pointer: &str) -> Result<Option<String>, Stop> {
    Ok(manager::of(input, workload, pointer)?.and_then(|manager| manager.warning()))
}
