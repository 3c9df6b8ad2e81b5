//! What resuming a Flux object would change, from its status and from what its source holds now. A change is announced
//! only where it is certain.
//!
//! Source: the controllers raise `status.observedGeneration` while an object is suspended (helm-controller 1.6 and
//! kustomize-controller 1.9 in what they defer, source-controller 1.9 in `summarize`, which renews Ready, too). What was
//! last tried is in `lastAttemptedGeneration`, in the condition Ready of a HelmRelease or a Kustomization, and in the
//! condition `ArtifactInStorage` of a source.

use serde_json::Value;

use super::input::{Input, There};
use crate::domain::json::{condition, int, list, text};
use crate::domain::plan::Stop;
use crate::domain::versions::{self, Version};
use crate::kinds::flux::short_revision;

pub fn told(input: &Input<'_>, kind: &str, object: &Value) -> Result<String, Stop> {
    let what = match kind {
        "ResourceSet" => {
            return Ok("it applies its objects as its inputs are now, over what was changed meanwhile".to_owned());
        }
        "HelmRelease" => release(input, object)?,
        "Kustomization" => kustomization(input, object)?,
        _ => source(object),
    };
    Ok(if is_changed(kind, object) { format!("{what}; its spec was changed since it was last tried") } else { what })
}

/// Whether more than the suspend itself was changed since the controller last ran.
fn is_changed(kind: &str, object: &Value) -> bool {
    let of = |name| condition(object, name).and_then(|c| int(c, "/observedGeneration"));
    let tried = match kind {
        "HelmRelease" => int(object, "/status/lastAttemptedGeneration").or_else(|| of("Ready")),
        "Kustomization" => of("Ready"),
        _ => of("ArtifactInStorage"),
    };
    let now = int(object, "/metadata/generation");
    now.zip(tried).is_some_and(|(now, tried)| tried > 0 && now - tried > 1)
}

/// The object that a reference names, where it can be read.
fn named<'a>(input: &Input<'a>, reference: &Value, home: &str, kind: &str) -> Result<Option<&'a Value>, Stop> {
    let kind = Some(text(reference, "/kind")).filter(|kind| !kind.is_empty()).unwrap_or(kind);
    let namespace = Some(text(reference, "/namespace")).filter(|name| !name.is_empty()).unwrap_or(home);
    let Ok(path) = input.path(kind, namespace, text(reference, "/name")) else { return Ok(None) };
    Ok(if let There::Yes(found) = input.look(&path)? { Some(found) } else { None })
}

/// The chart that its source would give a release now, as far as that is known: version, and digest of an OCI artifact.
fn given<'a>(input: &Input<'a>, object: &Value) -> Result<Option<(&'a str, &'a str)>, Stop> {
    let home = text(object, "/metadata/namespace");
    let found = if let Some(reference) = object.pointer("/spec/chartRef") {
        named(input, reference, home, "OCIRepository")?
    } else if let Some((namespace, name)) = text(object, "/status/helmChart").split_once('/') {
        let Ok(path) = input.path("HelmChart", namespace, name) else { return Ok(None) };
        let chart = if let There::Yes(chart) = input.look(&path)? { Some(chart) } else { None };
        // it takes over what the release wants only once that is reconciled
        chart.filter(|chart| {
            wanted(chart, "/spec/version") == wanted(object, "/spec/chart/spec/version")
                && text(chart, "/spec/chart") == text(object, "/spec/chart/spec/chart")
                && text(chart, "/spec/sourceRef/name") == text(object, "/spec/chart/spec/sourceRef/name")
        })
    } else {
        None
    };
    let revision = found.map_or("", |found| text(found, "/status/artifact/revision"));
    if revision.is_empty() {
        return Ok(None);
    }
    Ok(Some(revision.split_once('@').unwrap_or((revision, ""))))
}

/// The version that is asked for; empty matches all.
fn wanted<'v>(object: &'v Value, pointer: &str) -> &'v str {
    Some(text(object, pointer)).filter(|version| !version.is_empty()).unwrap_or("*")
}

fn release(input: &Input<'_>, object: &Value) -> Result<String, Stop> {
    // past the first entry, the history is not in order
    let entry = list(object, "/status/history").iter().max_by_key(|entry| int(entry, "/version").unwrap_or(0));
    let deployed = entry.map_or_else(|| text(object, "/status/lastAppliedRevision"), |e| text(e, "/chartVersion"));
    if deployed.is_empty() {
        return Ok("nothing is deployed yet: it will be installed".to_owned());
    }
    let wants = wanted(object, "/spec/chart/spec/version");
    let by_reference = object.pointer("/spec/chartRef").is_some();
    let told = match given(input, object)? {
        Some((version, digest)) => {
            let range = if by_reference || versions::is_exact(wants) { String::new() } else { format!(" for {wants}") };
            let known = entry.map_or("", |entry| text(entry, "/ociDigest"));
            let same = if digest.is_empty() || known.is_empty() { is_same(version, deployed) } else { digest == known };
            if same {
                format!("chart {deployed} is deployed, and its source has no other one{range}")
            } else {
                format!(
                    "chart {deployed} is deployed, its source has {version}{range}: {}",
                    direction(deployed, version)
                )
            }
        }
        None if by_reference => format!("chart {deployed} is deployed; what its source has now is not known"),
        None if versions::is_exact(wants) && is_same(wants, deployed) => {
            format!("chart {deployed} is deployed and wanted")
        }
        None if versions::is_exact(wants) => {
            format!("chart {deployed} is deployed, {wants} is wanted: {}", direction(deployed, wants))
        }
        None => match versions::fits(wants, deployed) {
            Some(true) => format!(
                "chart {deployed} is deployed and fits {wants}; whether its source has a newer one is not known"
            ),
            Some(false) => format!("chart {deployed} is deployed and does not fit {wants}: it will get another one"),
            None => {
                format!("chart {deployed} is deployed, {wants} is wanted: whether that is another one is not known")
            }
        },
    };
    let tried = text(object, "/status/lastAttemptedRevision");
    let tried =
        if tried.is_empty() || is_same(tried, deployed) { String::new() } else { format!("; {tried} was tried last") };
    let values = if list(object, "/spec/valuesFrom").is_empty() {
        ""
    } else {
        "; its values come from elsewhere, too, and may be others now"
    };
    Ok(format!("{told}{tried}{values}"))
}

/// Whether two texts name the same chart: exactly where both name a build, else by their versions.
fn is_same(a: &str, b: &str) -> bool {
    if a == b || (a.contains('+') && b.contains('+')) {
        return a == b;
    }
    Version::parse(a).zip(Version::parse(b)).is_some_and(|(a, b)| a == b)
}

fn direction(from: &str, to: &str) -> String {
    match Version::parse(from).zip(Version::parse(to)) {
        Some((from, to)) if to < from => "it will be downgraded".to_owned(),
        Some((from, to)) if to > from => "it will be upgraded".to_owned(),
        _ => "it will get that one".to_owned(),
    }
}

fn kustomization(input: &Input<'_>, object: &Value) -> Result<String, Stop> {
    let home = text(object, "/metadata/namespace");
    let reference = object.pointer("/spec/sourceRef").unwrap_or(&Value::Null);
    let found = named(input, reference, home, "GitRepository")?;
    let has = found.map_or("", |source| text(source, "/status/artifact/revision"));
    let applied = text(object, "/status/lastAppliedRevision");
    Ok(match (applied, has) {
        ("", _) => "nothing is applied yet: it applies what its source has".to_owned(),
        (applied, "") => {
            format!("revision {} is applied; what its source has now is not known", short_revision(applied))
        }
        (applied, has) if applied == has => format!(
            "revision {} is applied, and its source has no other one: what was changed by hand is written back",
            short_revision(applied)
        ),
        (applied, has) => {
            format!(
                "revision {} is applied, its source has {}: it will be applied",
                short_revision(applied),
                short_revision(has)
            )
        }
    })
}

fn source(object: &Value) -> String {
    match text(object, "/status/artifact/revision") {
        "" => "it holds nothing yet; it fetches what is there now".to_owned(),
        revision => format!(
            "it holds {}; it fetches what is there now, for everything that takes from it",
            short_revision(revision)
        ),
    }
}
