//! Reconcile a HelmRelease or Kustomization, beginning with its source: each object of the chain is reconciled and
//! awaited in turn.

use serde_json::Value;

use super::input::Input;
use super::{ActionSpec, Offer, dependents, flux};
use crate::domain::json::{list, text};
use crate::domain::plan::{Plan, Step, Stop};
use crate::kinds::helm_releases::made;
use crate::kinds::{by_name, ending};

pub const SPEC: ActionSpec = ActionSpec {
    name: "reconcile-with-source",
    key: None,
    doc: "fetch its source again, then reconcile it; waits for each step",
    rights: flux::RIGHTS,
    fields: &[],
    reason: None,
    offered: |subject| match subject.of(&["HelmRelease", "Kustomization"]) {
        Offer::Yes => flux::when_suspended(subject, false),
        other => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let Sources { mut steps, unasked } = sources(input, object)?;
    steps.extend(flux::reconcile(input, target.kind, &path, object, &[])?);
    let links = steps.len() / 2;
    let mut plan = flux::plan(input, SPEC.name, steps, String::new())?;
    if links > 1 {
        plan.reach.push(format!("{links} objects are reconciled, one after another"));
    }
    plan.warnings.extend(unasked);
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}

/// The sources of the object's content.
#[derive(Debug, Default)]
pub struct Sources {
    /// The farthest first.
    pub steps: Vec<Step>,
    /// What cannot be reconciled, in words.
    pub unasked: Vec<String>,
}

/// Objects of a chain: a release, its artifact, the generator of that, and its repositories.
const DEEP: usize = 5;

pub fn sources(input: &Input<'_>, object: &Value) -> Result<Sources, Stop> {
    let mut found = Sources::default();
    found.of(input, object, DEEP)?;
    Ok(found)
}

impl Sources {
    fn of(&mut self, input: &Input<'_>, object: &Value, left: usize) -> Result<(), Stop> {
        let namespace = text(object, "/metadata/namespace");
        let one = |pointer: &str| object.pointer(pointer).filter(|reference| !reference.is_null());
        if let Some(reference) = one("/spec/chartRef") {
            return self.link(input, reference, namespace, left);
        }
        if let Some(reference) = one("/spec/chart/spec/sourceRef") {
            self.link(input, reference, namespace, left)?;
        }
        if one("/spec/chart/spec").is_some() {
            // a HelmChart, or an OCIRepository that was made from the template and has no other source
            if let Some((kind, namespace, name)) = made(text(object, "/status/helmChart")) {
                let path = input.path(kind, namespace, name)?;
                self.steps.extend(flux::reconcile(input, kind, &path, input.read(&path)?, &[])?);
            }
        } else if let Some(reference) = one("/spec/sourceRef") {
            self.link(input, reference, namespace, left)?;
        }
        // of an ArtifactGenerator
        for reference in list(object, "/spec/sources") {
            self.link(input, reference, namespace, left)?;
        }
        Ok(())
    }

    fn link(&mut self, input: &Input<'_>, reference: &Value, namespace: &str, left: usize) -> Result<(), Stop> {
        let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
        let namespace = Some(text(reference, "/namespace")).filter(|n| !n.is_empty()).unwrap_or(namespace);
        let version = text(reference, "/apiVersion");
        let word = ending::qualified(kind, ending::group(version));
        if by_name(&word).is_none() || left == 0 {
            self.unasked.push(format!("{word} {namespace}/{name} is of another controller: it is not reconciled"));
            return Ok(());
        }
        let path = input.path(kind, namespace, name)?;
        let source = input.read(&path)?;
        // an OCI HelmRepository is static: it is never reconciled and never says anything
        if kind == "HelmRepository" && text(source, "/spec/type") == "oci" {
            return Ok(());
        }
        // a chart or an artifact has a source, too
        self.of(input, source, left - 1)?;
        if kind == "ExternalArtifact" {
            if source.pointer("/spec/sourceRef").is_none() {
                self.unasked
                    .push(format!("what makes ExternalArtifact {namespace}/{name} is not known: it is not reconciled"));
            }
            return Ok(());
        }
        self.steps.extend(flux::reconcile(input, kind, &path, source, &[])?);
        Ok(())
    }
}
