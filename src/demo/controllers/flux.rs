//! Flux: tokens are taken note of, attempts take a step, and end as the story says of the object. What is suspended notes
//! the token and the generation, and does nothing else.

mod revert;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::parts::{a_condition, condition, holds};
use super::{Task, after_time, later};
use crate::demo::birth;
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";
const FORCED: &str = "reconcile.fluxcd.io/forceAt";
const RESET: &str = "reconcile.fluxcd.io/resetAt";

/// What an attempt does next.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    Begin,
    End {
        force: bool,
        reset: bool,
    },
    /// Its parent looks whether it is suspended against Git.
    Revert,
}

/// The annotation that switches a ResourceSet or an `ArtifactGenerator` on and off.
fn switch(kind: &str) -> Option<&'static str> {
    match kind {
        "ResourceSet" => Some("fluxcd.controlplane.io/reconcile"),
        "ArtifactGenerator" => Some("source.extensions.fluxcd.io/reconcile"),
        _ => None,
    }
}

fn switched(object: &Value) -> Option<&str> {
    note(object, switch(object["kind"].as_str().unwrap_or_default())?)
}

fn suspended(object: &Value) -> bool {
    let off = switched(object).is_some_and(|switch| switch.eq_ignore_ascii_case("disabled"));
    off || object["spec"]["suspend"] == true
}

/// Whether its status says which generation was seen; what is switched by an annotation has that in its conditions alone.
fn observes(at: &Key) -> bool {
    switch(&at.0).is_none()
}

fn note<'a>(object: &'a Value, annotation: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][annotation].as_str()
}

pub fn noticed(world: &mut World, before: Option<&Value>, after: &Value) {
    let at = key(after);
    let asked = before.and_then(|before| note(before, REQUESTED)) != note(after, REQUESTED);
    let changed = before.is_none_or(|before| before["spec"] != after["spec"] || switched(before) != switched(after));
    if suspended(after) && before.is_some_and(|before| !suspended(before)) && !world.desk.attempts.contains(&at) {
        // A running attempt goes on to its end; the status is frozen then.
        world.freeze(&at);
    }
    if suspended(after) && before.is_none_or(|before| !suspended(before)) {
        revert::suspended_now(world, &at);
    }
    // A registry is nothing that could be fetched.
    let fetched = after["spec"]["type"] != "oci" || after["kind"] != "HelmRepository";
    if (asked || changed) && fetched {
        later(world, 1, Task::Flux(at, Stage::Begin));
    }
}

pub fn step(world: &mut World, at: &Key, stage: Stage) {
    match stage {
        Stage::Begin => begin(world, at),
        Stage::End { force, reset } => end(world, at, force, reset),
        Stage::Revert => revert::one(world, at),
    }
}

fn begin(world: &mut World, at: &Key) {
    let Some(object) = world.get(&at.0, &at.1, &at.2).cloned() else { return };
    let token = note(&object, REQUESTED).map(str::to_owned);
    let status = &object["status"];
    let wanted = |annotation: &str, handled: &str| {
        token.is_some()
            && note(&object, annotation) == token.as_deref()
            && status[handled].as_str() != token.as_deref()
            && at.0 == "HelmRelease"
    };
    let (force, reset) = (wanted(FORCED, "lastHandledForceAt"), wanted(RESET, "lastHandledResetAt"));
    if !suspended(&object) {
        world.thaw(at);
    }
    let handled = ["lastHandledReconcileAt", "lastHandledForceAt", "lastHandledResetAt"];
    world.say(at, |object| {
        // What was noted while it was suspended stays noted.
        for field in handled.iter().filter(|field| !status[**field].is_null()) {
            object["status"][*field] = status[*field].clone();
        }
        if let Some(token) = &token {
            object["status"]["lastHandledReconcileAt"] = json!(token);
            if force {
                object["status"]["lastHandledForceAt"] = json!(token);
            }
            if reset {
                object["status"]["lastHandledResetAt"] = json!(token);
            }
        }
        if suspended(object) {
            observe(object);
        }
    });
    let Some(object) = world.get(&at.0, &at.1, &at.2).cloned() else { return };
    let observed = object["status"]["observedGeneration"] == object["metadata"]["generation"];
    let exhausted = holds(&object, "Stalled") && observed && !force && !reset;
    if suspended(&object) || exhausted {
        return;
    }
    let (now, generation) = (world.now(), object["metadata"]["generation"].clone());
    let doing = doing(&object);
    world.say(at, |object| {
        let mut conditions = vec![
            a_condition("Reconciling", "True", "Progressing", &doing, now, &generation),
            a_condition("Ready", "Unknown", "Progressing", &doing, now, &generation),
        ];
        let kept = object["status"]["conditions"].as_array().into_iter().flatten();
        conditions.extend(
            kept.filter(|one| !matches!(one["type"].as_str(), Some("Reconciling" | "Ready" | "Stalled"))).cloned(),
        );
        object["status"]["conditions"] = json!(conditions);
    });
    world.desk.attempts.insert(at.clone());
    later(world, 1, Task::Flux(at.clone(), Stage::End { force, reset }));
}

/// What is suspended says all the same which generation it has seen: a HelmRelease always, a Kustomization when it is
/// Ready, a source in its condition Ready, too.
fn observe(object: &mut Value) {
    let generation = object["metadata"]["generation"].clone();
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    if kind == "ResourceSet" || (kind == "Kustomization" && !holds(object, "Ready")) {
        return;
    }
    object["status"]["observedGeneration"] = generation.clone();
    if !matches!(&*kind, "HelmRelease" | "Kustomization") {
        let conditions = object["status"]["conditions"].as_array_mut().into_iter().flatten();
        conditions.filter(|one| one["type"] == "Ready").for_each(|one| one["observedGeneration"] = generation.clone());
    }
}

fn doing(object: &Value) -> String {
    let timeout = object["spec"]["timeout"].as_str().unwrap_or("5m0s");
    match object["kind"].as_str().unwrap_or_default() {
        "HelmRelease" => format!("Running 'upgrade' action with timeout of {timeout}"),
        "Kustomization" => {
            let revision = object["status"]["lastAttemptedRevision"].as_str().unwrap_or("main");
            format!("Detecting drift for revision {revision} with a timeout of {timeout}")
        }
        "ResourceSet" => "Reconciliation in progress".to_owned(),
        _ => "building artifact".to_owned(),
    }
}

/// The first dependency that is not ready: `namespace/name`.
fn blocked(world: &World, object: &Value) -> Option<String> {
    let own_kind = object["kind"].as_str()?;
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
    object["spec"]["dependsOn"].as_array()?.iter().find_map(|on| {
        let (namespace, name) = (on["namespace"].as_str().unwrap_or(own), on["name"].as_str()?);
        let kind = on["kind"].as_str().unwrap_or(own_kind);
        let ready = world.get(kind, namespace, name).is_some_and(|on| {
            let observed = &on["status"]["observedGeneration"];
            holds(on, "Ready") && (observed.is_null() || *observed == on["metadata"]["generation"])
        });
        (!ready).then(|| format!("{namespace}/{name}"))
    })
}

fn end(world: &mut World, at: &Key, force: bool, reset: bool) {
    world.desk.attempts.remove(at);
    let Some(object) = world.get(&at.0, &at.1, &at.2).cloned() else { return };
    let base = world.base(at).cloned().unwrap_or(Value::Null);
    let told = condition(&base, "Ready").cloned();
    let well = told.as_ref().is_none_or(|ready| ready["status"] == "True" || base == object);
    let (now, generation) = (world.now(), object["metadata"]["generation"].clone());
    if well && let Some(on) = blocked(world, &object) {
        let message = format!("dependency '{on}' is not ready");
        world.say(at, |object| {
            object["status"]["conditions"] = json!([
                a_condition("Reconciling", "True", "Progressing", "Fulfilling prerequisites", now, &generation),
                a_condition("Ready", "False", "DependencyNotReady", &message, now, &generation),
            ]);
            if observes(at) {
                object["status"]["observedGeneration"] = json!(-1);
            }
        });
        // The controllers look again after half a minute.
        let after = world.desk.step.checked_mul(15).unwrap_or(SignedDuration::from_secs(30));
        after_time(world, after, Task::Flux(at.clone(), Stage::Begin));
    } else if well {
        succeed(world, at, &base, force);
        if at.0 == "Kustomization" {
            revert::all(world, &object);
        }
    } else {
        fail(world, at, &base, reset);
    }
    if suspended(&object) {
        world.freeze(at);
    }
}

/// The conditions that the story has for a healthy object, as of now.
fn good(base: &Value, object: &Value, now: jiff::Timestamp) -> Vec<Value> {
    let generation = &object["metadata"]["generation"];
    let mut conditions = base["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.retain(|one| !matches!(one["type"].as_str(), Some("Reconciling" | "Stalled")));
    if conditions.iter().all(|one| one["type"] != "Ready" || one["status"] != "True") {
        let (reason, message) = match object["kind"].as_str().unwrap_or_default() {
            "HelmRelease" => ("UpgradeSucceeded", "Helm upgrade succeeded"),
            "Kustomization" => ("ReconciliationSucceeded", "Applied revision"),
            "ResourceSet" => ("ReconciliationSucceeded", "Reconciliation finished in 212ms"),
            _ => ("Succeeded", "stored artifact"),
        };
        conditions.retain(|one| one["type"] != "Ready");
        conditions.push(a_condition("Ready", "True", reason, message, now, generation));
    }
    for one in &mut conditions {
        one["observedGeneration"] = generation.clone();
        if one["type"] == "Ready" {
            one["lastTransitionTime"] = json!(birth::time(now));
        }
    }
    conditions
}

/// helm-controller hands the wanted version on to the chart that it made for the release.
fn hand_on(world: &mut World, release: &Value) {
    let wanted = release["spec"]["chart"]["spec"]["version"].clone();
    let Some((namespace, name)) = release["status"]["helmChart"].as_str().and_then(|chart| chart.split_once('/'))
    else {
        return;
    };
    let chart = ("HelmChart".to_owned(), namespace.to_owned(), name.to_owned());
    let now = birth::time(world.now());
    world.say(&chart, |chart| {
        if chart["spec"]["version"] != wanted {
            chart["spec"]["version"] = wanted.clone();
            chart["status"]["artifact"]["revision"] = wanted;
            chart["status"]["artifact"]["lastUpdateTime"] = json!(now);
            chart["status"]["observedGeneration"] = json!(chart["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
    });
}

fn succeed(world: &mut World, at: &Key, base: &Value, force: bool) {
    let now = world.now();
    if let Some(release) = world.get(&at.0, &at.1, &at.2).filter(|_| at.0 == "HelmRelease").cloned() {
        hand_on(world, &release);
    }
    world.say(at, |object| {
        let mut conditions = good(base, object, now);
        let generation = object["metadata"]["generation"].clone();
        if at.0 == "HelmRelease" {
            upgrade(object, &mut conditions, force, now);
        }
        let status = &mut object["status"];
        status["conditions"] = json!(conditions);
        if observes(at) {
            status["observedGeneration"] = generation;
        }
        if let Some(status) = status.as_object_mut() {
            for count in ["failures", "installFailures", "upgradeFailures"] {
                status.remove(count);
            }
        }
        if let Some(last) = status["history"]
            .as_array_mut()
            .filter(|_| matches!(&*at.0, "Kustomization" | "ResourceSet"))
            .and_then(|all| all.first_mut())
        {
            last["lastReconciled"] = json!(birth::time(now));
            last["totalReconciliations"] = json!(last["totalReconciliations"].as_i64().unwrap_or(0) + 1);
        }
    });
}

/// A new revision of the release, if the chart is another or it was forced.
fn upgrade(object: &mut Value, conditions: &mut [Value], force: bool, now: jiff::Timestamp) {
    let wanted = object["spec"]["chart"]["spec"]["version"].as_str().map(str::to_owned);
    let history = object["status"]["history"].as_array().cloned().unwrap_or_default();
    let Some(current) = history.first().cloned() else { return };
    let version = wanted.unwrap_or_else(|| current["chartVersion"].as_str().unwrap_or_default().to_owned());
    if !force && current["chartVersion"] == version.as_str() {
        return;
    }
    let number = history.iter().filter_map(|one| one["version"].as_i64()).max().unwrap_or(0) + 1;
    let mut entry = current.clone();
    entry["version"] = json!(number);
    entry["chartVersion"] = json!(version);
    entry["appVersion"] = json!(version.trim_start_matches('v'));
    entry["status"] = json!("deployed");
    entry["action"] = json!("upgrade");
    entry["lastDeployed"] = json!(birth::time(now));
    let mut all = history;
    if all[0]["status"] == "deployed" {
        all[0]["status"] = json!("superseded");
    }
    all.insert(0, entry);
    all.truncate(5);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let message = format!(
        "Helm upgrade succeeded for release {}/{}.v{number} with chart {}@{version}",
        text(&current["namespace"]),
        text(&current["name"]),
        text(&current["chartName"])
    );
    for one in conditions.iter_mut().filter(|one| matches!(one["type"].as_str(), Some("Ready" | "Released"))) {
        one["message"] = json!(message);
        one["reason"] = json!("UpgradeSucceeded");
    }
    let status = &mut object["status"];
    status["history"] = json!(all);
    status["lastAttemptedRevision"] = json!(version);
    status["lastAttemptedReleaseAction"] = json!("upgrade");
}

fn fail(world: &mut World, at: &Key, base: &Value, reset: bool) {
    let now = world.now();
    let helm =
        at.0 == "HelmRelease" && condition(base, "Ready").is_some_and(|ready| ready["reason"] != "DependencyNotReady");
    world.say(at, |object| {
        let generation = object["metadata"]["generation"].clone();
        let mut conditions = base["status"]["conditions"].as_array().cloned().unwrap_or_default();
        if reset && conditions.iter().any(|one| one["type"] == "Stalled") {
            conditions.retain(|one| one["type"] != "Stalled");
            conditions.insert(0, a_condition("Reconciling", "True", "Progressing", &doing(object), now, &generation));
        }
        for one in &mut conditions {
            one["observedGeneration"] = generation.clone();
            if one["type"] == "Ready" {
                one["lastTransitionTime"] = json!(birth::time(now));
            }
        }
        let status = &mut object["status"];
        status["conditions"] = json!(conditions);
        let seen = &base["status"]["observedGeneration"];
        if observes(at) {
            status["observedGeneration"] = if reset || seen == -1 { json!(-1) } else { generation };
        }
        if helm {
            for count in ["failures", "upgradeFailures"] {
                let before = if reset { 0 } else { status[count].as_i64().unwrap_or(0) };
                status[count] = json!(before + 1);
            }
        }
    });
}
