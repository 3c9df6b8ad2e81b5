//! The emergency restart of a component: suspend its release so that Flux does not interfere, restart its workloads,
//! wait for them, resume.

use super::input::Input;
use super::risk::{self, Weight};
use super::workload::{self, Workload};
use super::{ActionSpec, dependents, flux, marks, restart, resume, suspend, twin};
use crate::domain::json::{flag, list, text};
use crate::domain::plan::{Guard, Plan, Stop};
use crate::domain::proof::RUN_AT;

pub const SPEC: ActionSpec = ActionSpec {
    name: "emergency-restart",
    key: None,
    doc: "suspend the release, restart its workloads, wait for them, resume",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| subject.of(&["HelmRelease"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let (name, namespace) = (&target.key.name, &target.key.namespace);
    let place = Some(text(object, "/spec/targetNamespace")).filter(|n| !n.is_empty()).unwrap_or(namespace);
    let selector = format!("helm.toolkit.fluxcd.io/name={name},helm.toolkit.fluxcd.io/namespace={namespace}");
    let selector = crate::domain::served::escape(&selector);
    let lists = workload::all(input, place, &format!("?labelSelector={selector}"))?;
    let is_suspended = flag(object, "/spec/suspend");
    // what our own interrupted run has suspended is resumed at the end all the same, unless somebody suspended it since
    let by_us = is_suspended && marks::of_continued(input, &path, object) && marks::is_ours(object);
    let holder = marks::told(object).filter(|_| is_suspended);
    let mut steps = if is_suspended { Vec::new() } else { suspend::steps(input, &path, object)? };
    let mut warnings = Vec::new();
    let mut count = 0;
    for (kind, served, found) in lists {
        for item in list(found, "/items") {
            let name = text(item, "/metadata/name");
            let workload = Workload::listed(kind, place, &served, item);
            warnings.extend(workload::cautions(&workload).into_iter().map(|w| format!("{name}: {w}")));
            steps.extend(restart::steps(input, &workload)?);
            count += 1;
        }
    }
    if count == 0 {
        return Err(Stop::Refuse(format!("no workload in {place} carries the labels of {}", target.told())));
    }
    if by_us {
        steps.extend(resume::steps(input, &path, object)?);
    } else if !is_suspended {
        let mut back = resume::steps(input, &path, object)?;
        if let Some(guard) = back.first_mut().and_then(|step| match &mut step.act {
            crate::domain::plan::Act::Send(request) => request.guard.as_mut(),
            _ => None,
        }) {
            // by then our own suspend has changed it
            *guard = Guard {
                generation: guard.generation + 1,
                fields: vec![("/spec/suspend".into(), true.into()), (RUN_AT.into(), input.token.into())],
                ..guard.clone()
            };
        }
        steps.extend(back);
    }
    // a suspend by somebody else is not ours to end
    let undo = if is_suspended && !by_us {
        String::new()
    } else {
        format!("restarted pods stay; if it stops in the middle:\n{}", twin::flux(input, "resume", target))
    };
    let mut plan = flux::plan(input, SPEC.name, steps, undo)?;
    plan.reach.push(format!("{count} workloads of {} are restarted", target.told()));
    plan.warnings = warnings;
    if by_us {
        plan.reach.push("it was suspended by the run that was interrupted, and is resumed at the end".into());
    } else if let Some(holder) = holder {
        plan.reach.push(format!(
            "it was suspended before, with watchkeeper, by {holder}, and stays so; `:plans` or `watchkeeper audit unfinished` shows whether a plan can be continued"
        ));
    } else if is_suspended {
        plan.reach.push("it was suspended before, and stays so".into());
    }
    plan.risk = risk::of(input, Weight::Ends, risk::places(target.kind, object, namespace), name);
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}
