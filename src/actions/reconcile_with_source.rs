//! Reconcile a HelmRelease or Kustomization from its source on: every link of the chain is asked and awaited in turn.

use serde_json::Value;

use super::input::Input;
use super::{ActionSpec, Offer, dependents, flux};
use crate::domain::json::text;
use crate::domain::plan::{Plan, Step, Stop};

pub const SPEC: ActionSpec = ActionSpec {
    name: "reconcile-with-source",
    key: None,
    doc: "fetch its source anew, then reconcile it; each link is awaited",
    rights: flux::RIGHTS,
    fields: &[],
    wants_reason: false,
    offered: |subject| match subject.of(&["HelmRelease", "Kustomization"]) {
        Offer::Yes => flux::when_suspended(subject, false),
        other => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let mut steps = sources(input, object)?;
    steps.extend(flux::reconcile(input, target.kind, &path, object, &[])?);
    let links = steps.len() / 2;
    let mut plan = flux::plan(input, SPEC.name, steps, String::new())?;
    if links > 1 {
        plan.reach.push(format!("{links} objects are reconciled, one after another"));
    }
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}

/// The steps for what the object takes its content from, the farthest first.
pub fn sources(input: &Input<'_>, object: &Value) -> Result<Vec<Step>, Stop> {
    let namespace = text(object, "/metadata/namespace");
    let mut steps = Vec::new();
    if let Some(reference) = object.pointer("/spec/chartRef") {
        steps.extend(link(input, reference, namespace)?);
    } else if let Some(reference) = object.pointer("/spec/chart/spec/sourceRef") {
        steps.extend(link(input, reference, namespace)?);
        if let Some((namespace, name)) = text(object, "/status/helmChart").split_once('/') {
            let path = input.path("HelmChart", namespace, name)?;
            steps.extend(flux::reconcile(input, "HelmChart", &path, input.read(&path)?, &[])?);
        }
    } else if let Some(reference) = object.pointer("/spec/sourceRef") {
        steps.extend(link(input, reference, namespace)?);
    }
    Ok(steps)
}

fn link(input: &Input<'_>, reference: &Value, namespace: &str) -> Result<Vec<Step>, Stop> {
    let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
    let namespace = Some(text(reference, "/namespace")).filter(|n| !n.is_empty()).unwrap_or(namespace);
    let path = input.path(kind, namespace, name)?;
    let source = input.read(&path)?;
    // an OCI HelmRepository is static: it is never reconciled and never says anything
    if text(source, "/spec/type") == "oci" {
        return Ok(Vec::new());
    }
    flux::reconcile(input, kind, &path, source, &[])
}
