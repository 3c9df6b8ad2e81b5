//! How an unfinished plan is continued, for every action alike: what was sent is never sent again. If everything was
//! sent, only its result is looked for, as the audit has it; otherwise the action plans for the objects as they are
//! now, without the steps that its run has done.

use super::ActionSpec;
use super::input::{Input, Target};
use crate::domain::outcome::{Asked, Taken, Trace, Unfinished};
use crate::domain::plan::{Act, Origin, Plan, Proof, Risk, Step, Stop};

/// Whether the unfinished plan is one of this action for these objects.
pub fn fits(action: &str, left: &Unfinished, targets: &[Target]) -> Result<(), String> {
    if left.action != action {
        return Err(format!("{} was {}, not {action}", left.run, left.action));
    }
    let objects: Vec<String> = targets.iter().map(Target::object).collect();
    if left.objects != objects {
        let of = left.objects.iter().map(|object| object.replace("//", "/")).collect::<Vec<_>>().join(" ");
        return Err(format!("{} was about {of}: continue it for the same objects", left.run));
    }
    Ok(())
}

/// The plan for one target, the `nth` of the unfinished plan.
pub fn plan(action: &ActionSpec, input: &Input<'_>, nth: usize, left: &Unfinished) -> Result<Plan, Stop> {
    let own: Vec<&Trace> = left.steps.iter().filter(|step| step.target == nth).collect();
    let mut sends = own.iter().filter(|step| !step.sends.is_empty()).peekable();
    let sent = |step: &Trace| step.taken == Taken::Yes || (step.taken == Taken::Maybe && !step.many);
    let all_sent = sends.peek().is_some() && sends.all(|step| sent(step));
    if all_sent {
        return looked_for(action, input, left, &own);
    }
    let mut plan = (action.plan)(input)?;
    let done: Vec<&Trace> = left.earlier.iter().chain(left.steps.iter()).filter(|step| step.target == nth).collect();
    take_out(&mut plan.steps, &done, &input.target()?.key.name);
    Ok(plan)
}

/// Only the results, as they were to be observed.
fn looked_for(action: &ActionSpec, input: &Input<'_>, left: &Unfinished, own: &[&Trace]) -> Result<Plan, Stop> {
    let target = input.target()?;
    let mut steps = Vec::new();
    let mut answer = None;
    for trace in own {
        if !trace.sends.is_empty() {
            answer = trace.answer.get("silenceID").and_then(serde_json::Value::as_str);
        }
        if trace.taken == Taken::Yes {
            continue;
        }
        if !trace.manual.is_empty() {
            steps.push(step(trace, &target.key.name, Act::Manual(trace.manual.clone())));
        } else if let Some(Asked { argv, check }) = &trace.ask {
            steps.push(step(trace, &target.key.name, Act::Ask { argv: argv.clone(), check: check.clone() }));
        } else if let Some(proof) = &trace.proof {
            steps.push(step(trace, &target.key.name, Act::Await(named(proof, answer)?)));
        }
    }
    let sure = own.iter().all(|step| step.sends.is_empty() || step.taken == Taken::Yes);
    let is_seen = steps.iter().any(|step| matches!(step.act, Act::Await(_) | Act::Ask { .. }));
    if !sure && !is_seen {
        // what was sent has no result of its own to look for, or its record is of an older version
        return Err(nothing_to_see(left, &target.told()));
    }
    let is_over = steps.is_empty();
    Ok(Plan {
        action: action.name,
        title: format!("look for the result of: {}", left.title),
        targets: vec![target.key.clone()],
        steps,
        risk: Risk::Press,
        reach: vec![if is_over {
            "everything was sent and confirmed: nothing is left to do".to_owned()
        } else {
            format!("everything was sent at {}: nothing is sent again, only its result is looked for", left.time)
        }],
        warnings: if sure {
            Vec::new()
        } else {
            vec!["whether the last request arrived is not known: when no trace of it is there, it did not".into()]
        },
        undo: left.undo.clone(),
        reason: String::new(),
        needs_reason: false,
        origin: Origin::default(),
    })
}

/// Why a plan whose requests were all sent is not continued.
pub fn nothing_to_see(left: &Unfinished, object: &str) -> Stop {
    Stop::Refuse(format!(
        "all of {} was sent, and its result can no longer be observed: look at {object} itself, and dismiss the plan",
        left.title
    ))
}

/// What a step is called without its object's name, which a plan for several objects puts in front.
fn bare<'t>(what: &'t str, name: &str) -> &'t str {
    let shorter = |what: &'t str| what.strip_prefix(name)?.strip_prefix(": ");
    std::iter::successors(Some(what), |what| shorter(what)).last().unwrap_or(what)
}

fn step(trace: &Trace, name: &str, act: Act) -> Step {
    let mut step = Step::new(bare(&trace.what, name), trace.twin.clone(), act);
    step.uid.clone_from(&trace.uid);
    step
}

/// The proof with the names from the answer.
fn named(proof: &Proof, answer: Option<&str>) -> Result<Proof, Stop> {
    if !proof.path.contains('{') || (answer.is_none() && proof.check.list().is_some()) {
        return Ok(proof.clone());
    }
    let id = answer.ok_or_else(|| {
        Stop::refuse("its name was in the response that was lost: look for it in its list, and dismiss the plan")
    })?;
    let before = proof.path.split('{').next().unwrap_or("");
    Ok(Proof { path: format!("{before}{}", crate::domain::served::escape(id)), ..proof.clone() })
}

/// Steps that the unfinished run has taken, each with the wait behind it as it was recorded. What only may have been taken
/// stays: the action has looked at the objects as they are.
fn take_out(steps: &mut Vec<Step>, done: &[&Trace], name: &str) {
    let mut kept = Vec::with_capacity(steps.len());
    let mut recorded: Option<&Trace> = None;
    for step in steps.drain(..) {
        let sends = step.sends();
        if sends.is_empty() {
            // the wait for a step that was taken out waits for what was sent then
            match recorded.take().map(|trace| (trace.taken, &trace.proof)) {
                Some((Taken::Yes, _)) => continue,
                Some((_, Some(proof))) if matches!(step.act, Act::Await(_)) => {
                    kept.push(Step { act: Act::Await(proof.clone()), ..step });
                }
                _ => kept.push(step),
            }
            continue;
        }
        let before = done.iter().position(|trace| trace.sends == sends && bare(&trace.what, name) == step.what);
        // a program that was begun is not begun again: what it did is asked for
        let is_local = matches!(step.act, Act::Local(_));
        let taken = before.filter(|at| done[*at].taken == Taken::Yes || (is_local && done[*at].taken == Taken::Maybe));
        match taken {
            Some(at) => recorded = done.get(at + 1).filter(|next| next.sends.is_empty()).copied(),
            None => {
                recorded = None;
                kept.push(step);
            }
        }
    }
    *steps = kept;
}
