//! Roll a release back to an earlier revision. Flux would upgrade it again, so it is suspended first, and Git must be
//! changed before it is resumed.

use super::input::Input;
use super::{ActionSpec, Field, Start, dependents, digest, flux, marks, suspend, twin};
use crate::domain::json::{flag, list, text};
use crate::domain::plan::{Act, Plan, Risk, Step, Stop};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "rollback",
    key: None,
    doc: "suspend it, and let helm roll back to an earlier revision; Git must change before it is resumed",
    rights: flux::RIGHTS,
    fields: &[Field::new("revision", "the Helm revision to go back to", Start::Text(""))],
    reason: Some("recorded, and written on the release that is suspended"),
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
        Some(text) => text
            .parse()
            .ok()
            .filter(|revision| *revision > 0)
            .ok_or_else(|| Stop::Refuse(format!("revision `{text}` is not a revision: they start at 1")))?,
        None => history
            .iter()
            .skip(1)
            .find(|(n, status, _)| *n > 0 && (*status == "superseded" || *status == "deployed"))
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
    // they become arguments of a program: what Helm itself rejects is not passed to it
    if !is_release_name(&release) {
        return Err(Stop::Refuse(format!("`{release}` is not a valid name of a Helm release: nothing is run for it")));
    }
    if !is_label(namespace) {
        return Err(Stop::Refuse(format!("`{namespace}` is not a valid name of a namespace: nothing is run for it")));
    }
    let argv: Vec<String> =
        ["helm", "rollback", &release, &revision.to_string(), "-n", namespace, "--wait"].map(str::to_owned).into();
    let by_helm = |revision: i64| {
        twin::helm(input, &["rollback"]).arg(&*release).arg(revision.to_string()).within(namespace).switch("--wait")
    };
    let is_suspended = flag(object, "/spec/suspend");
    let mut steps = if is_suspended { Vec::new() } else { suspend::steps(input, &path, object)? };
    steps.push(Step::new(format!("helm rolls back to revision {revision}"), by_helm(revision), Act::Local(argv)));
    let asked: Vec<String> =
        ["helm", "history", &release, "-n", namespace, "--max", "1", "-o", "json"].map(str::to_owned).into();
    let history =
        twin::helm(input, &["history"]).arg(&*release).within(namespace).flag("max", 1).flag("output", "json");
    let check = Check::RolledBack { above: newest, to: revision };
    steps.push(Step::new("check with helm that it did", history, Act::Ask { argv: asked, check }));
    steps.push(Step::new("change Git to the old chart or values before resuming", "", Act::Manual("resumed before Git is changed, helm-controller sees a release that it did not make, and upgrades to the bad version again".into())));
    let mut undo = by_helm(newest).to_string();
    // a suspend by somebody else is not ours to end
    if !is_suspended || marks::of_continued(input, &path, object) {
        undo = format!("{undo}\n{}", twin::flux(input, "resume", target));
    }
    let mut plan = flux::plan(input, SPEC.name, steps, undo)?;
    plan.reach.push(format!("revisions: {}", told.join(", ")));
    plan.warnings.push("the release stays suspended afterwards: resume it once Git is fixed".into());
    plan.risk = Risk::Context(input.context.to_owned());
    plan.reach.extend(dependents::told(input)?);
    Ok(plan)
}

/// As Helm takes it: DNS names with dots between, 53 characters at most.
///
/// Helm 4 `pkg/chart/common/util/validate_name.go`, `ValidateReleaseName`.
fn is_release_name(name: &str) -> bool {
    name.len() <= LONGEST && name.split('.').all(is_part)
}

/// A DNS label of RFC 1123.
fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

fn is_part(part: &str) -> bool {
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = part.as_bytes();
    bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && ends(bytes.first())
        && ends(bytes.last())
}

/// The longest name of a release.
const LONGEST: usize = 53;

/// The release's name as helm-controller makes it: a name that is too long is cut, and ends in twelve digits of its
/// hash.
///
/// helm-controller 1.6 `internal/release/name.go`, `ShortenName`.
fn release_name(object: &serde_json::Value, name: &str) -> String {
    let deployed = text(object, "/status/history/0/name");
    if !deployed.is_empty() {
        return deployed.to_owned();
    }
    let wanted = match (text(object, "/spec/releaseName"), text(object, "/spec/targetNamespace")) {
        ("", "") => name.to_owned(),
        ("", target) => format!("{target}-{name}"),
        (given, _) => given.to_owned(),
    };
    if wanted.len() <= LONGEST {
        return wanted;
    }
    let head: String = wanted.chars().take(40).collect();
    format!("{head}-{}", digest(&wanted, 12))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("monitoring", true)]
    #[case("a.b-c.1", true)]
    #[case("", false)]
    #[case("-kubeconfig", false)]
    #[case("--kubeconfig=/tmp/evil", false)]
    #[case("a;touch x", false)]
    #[case("Monitoring", false)]
    #[case("a..b", false)]
    #[case("a-", false)]
    #[case(&"a".repeat(54), false)]
    fn only_what_helm_would_take_is_a_release(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_release_name(name), expected);
    }

    #[test]
    fn a_release_is_called_as_it_was_deployed_and_else_as_flux_would_call_it() {
        assert_eq!(release_name(&json!({"status": {"history": [{"name": "deployed"}]}}), "x"), "deployed");
        assert_eq!(release_name(&json!({"spec": {"targetNamespace": "there"}}), "x"), "there-x");
        let long = release_name(
            &json!({"spec": {"targetNamespace": "a-namespace-with-a-name"}}),
            "and-a-release-with-a-name-as-long",
        );
        assert_eq!(long, "a-namespace-with-a-name-and-a-release-wi-e995dfc79662");
    }
}
