//! Roll a release back to an earlier revision. Flux would upgrade it again, so it is suspended first, and Git must be
//! changed before it is resumed.

use super::input::Input;
use super::{ActionSpec, Field, Start, dependents, flux, suspend};
use crate::domain::json::{flag, list, text};
use crate::domain::plan::{Act, Plan, Risk, Step, Stop};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "rollback",
    key: None,
    doc: "suspend it, and let helm roll back to an earlier revision; Git must change before it is resumed",
    rights: flux::RIGHTS,
    fields: &[Field { name: "revision", help: "the Helm revision to go back to", default: Start::Text("") }],
    wants_reason: true,
    offered: |subject| subject.of(&["HelmRelease"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let mut history: Vec<(i64, &str, &str)> = list(object, "/status/history")
        .iter()
        .map(|h| {
            let version = h.pointer("/version").and_then(serde_json::Value::as_i64).unwrap_or(0);
            (version, text(h, "/status"), text(h, "/chartVersion"))
        })
        .collect();
    // it is not strictly newest first
    history.sort_unstable_by(|a, b| b.cmp(a));
    let told: Vec<String> = history.iter().map(|(n, status, chart)| format!("{n} ({chart}, {status})")).collect();
    let newest = history.first().map_or(0, |(n, ..)| *n);
    let revision = match input.setting("revision") {
        Some(text) => text.parse().map_err(|_| Stop::Refuse(format!("revision `{text}` is no number")))?,
        None => history
            .iter()
            .skip(1)
            .find(|(_, status, _)| *status == "superseded" || *status == "deployed")
            .map(|(n, ..)| *n)
            .ok_or_else(|| Stop::Refuse(format!("no earlier good revision is known: {}", told.join(", "))))?,
    };
    if revision >= newest {
        return Err(Stop::Refuse(format!(
            "revision {revision} is not earlier than {newest}; known: {}",
            told.join(", ")
        )));
    }
    let namespace =
        Some(text(object, "/status/storageNamespace")).filter(|n| !n.is_empty()).unwrap_or(&target.key.namespace);
    let release = release_name(object, &target.key.name);
    let argv: Vec<String> =
        ["helm", "rollback", &release, &revision.to_string(), "-n", namespace, "--wait"].map(str::to_owned).into();
    let mut steps = if flag(object, "/spec/suspend") { Vec::new() } else { suspend::steps(input, &path, object)? };
    steps.push(Step::new(format!("helm rolls back to revision {revision}"), argv.join(" "), Act::Local(argv)));
    let asked: Vec<String> =
        ["helm", "history", &release, "-n", namespace, "--max", "1", "-o", "json"].map(str::to_owned).into();
    let check = Check::RolledBack { above: newest, to: revision };
    steps.push(Step::new("ask helm whether it did", asked.join(" "), Act::Ask { argv: asked, check }));
    steps.push(Step::new("change Git to the old chart or values before resuming", "", Act::Manual("resumed before Git is changed, helm-controller sees a release that it did not make, and upgrades to the bad version again".into())));
    let mut plan =
        flux::plan(input, SPEC.name, steps, format!("helm rollback {release} {newest} -n {namespace}, then resume"))?;
    plan.reach.push(format!("revisions: {}", told.join(", ")));
    plan.warnings.push("the release stays suspended afterwards: resume it once Git is right".into());
    plan.risk = Risk::Context(input.context.to_owned());
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}

/// The release's name as helm-controller makes it, unless it would be too long.
fn release_name(object: &serde_json::Value, name: &str) -> String {
    let deployed = text(object, "/status/history/0/name");
    if !deployed.is_empty() {
        return deployed.to_owned();
    }
    match (text(object, "/spec/releaseName"), text(object, "/spec/targetNamespace")) {
        ("", "") => name.to_owned(),
        ("", target) => format!("{target}-{name}"),
        (given, _) => given.to_owned(),
    }
}
