//! Back up now: a run of a schedule, or a backup of its own.

use serde_json::{Value, json};

use super::input::Input;
use super::velero::{self, Unfit};
use super::{ActKey, ActionSpec, Field, Start, marks, right, twin};
use crate::domain::json::{flag, list, text};
use crate::domain::plan::{Body, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::{Check, RUN};
use crate::domain::served;

/// How a backup or a restore ends.
pub fn phases(input: &Input<'_>) -> Check {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
    let failed = words(&["PartiallyFailed", "Failed", "FailedValidation"]);
    Check::Phase { done: words(&["Completed"]), failed, sent: marks::ours(input) }
}

/// Runs under way, of any phase that is not an end.
const RUNNING: &[&str] = &["InProgress", "WaitingForPluginOperations", "Finalizing", "Queued", "ReadyToStart"];

/// Why a schedule's row takes no other settings.
const OF_SCHEDULE: &str =
    "a run of a schedule uses its template; set this on the row of a backup or a storage location";

pub const SPEC: ActionSpec = ActionSpec {
    name: "backup",
    key: Some(ActKey::Backup),
    doc: "back up now, as the schedule does or with settings of its own, and wait for the result",
    rights: &[right("velero.io", "backups", "create")],
    fields: &[
        Field::new("name", "the backup's name; made from the time by default", Start::Text("")),
        Field::new(
            "namespaces",
            "which, separated by commas; * for all",
            Start::Of(|input| namespaces(input).unwrap_or_default()),
        )
        .never_of("Schedule", OF_SCHEDULE),
        Field::new("ttl", "how long it is kept", Start::Text("168h0m0s")).never_of("Schedule", OF_SCHEDULE),
    ],
    reason: None,
    offered: |subject| subject.of(&["Schedule", "Backup", "BackupStorageLocation"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    if let Some(name) = input.setting("name") {
        served::subdomain(name).map_err(Stop::Refuse)?;
    }
    let place = &*target.key.namespace;
    let stamp = input.now.timestamp().strftime("%Y%m%d%H%M%S").to_string();
    let backups = input.served("Backup")?.collection(place);
    let (all, locations) = match (input.read(&backups), velero::locations(input, place)) {
        (Ok(all), Ok(locations)) => (all, locations),
        (Err(Stop::Need(mut a)), Err(Stop::Need(b))) => {
            a.extend(b);
            return Err(Stop::Need(a));
        }
        (Err(stop), _) | (_, Err(stop)) => return Err(stop),
    };
    let (mut body, twin) = if target.kind == "Schedule" {
        let (_, schedule) = input.object()?;
        let name = input.setting("name").map_or_else(|| format!("{}-{stamp}", target.key.name), str::to_owned);
        let twin = twin::velero(input, &["backup", "create"]).arg(&*name).flag("from-schedule", &target.key.name);
        (from_schedule(schedule, place, &name), twin)
    } else {
        let name = input.setting("name").map_or_else(|| format!("watchkeeper-{stamp}"), str::to_owned);
        let wanted = input.setting("namespaces").map_or_else(|| namespaces(input), |set| Ok(set.to_owned()))?;
        let namespaces: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        for namespace in &namespaces {
            // patterns are part of Velero's own syntax
            let plain: String = namespace.chars().filter(|c| !matches!(c, '*' | '?' | '[' | ']')).collect();
            if plain == **namespace || plain.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
                served::label(namespace).map_err(Stop::Refuse)?;
            }
        }
        let ttl = input.setting("ttl").unwrap_or("168h0m0s");
        let mut twin = twin::velero(input, &["backup", "create"])
            .arg(&*name)
            .flag("include-namespaces", namespaces.join(","))
            .flag("ttl", ttl);
        let mut spec = json!({ "includedNamespaces": namespaces, "ttl": ttl });
        // on the row of a location, that location is used
        if target.kind == "BackupStorageLocation" {
            twin = twin.flag("storage-location", &target.key.name);
            spec["storageLocation"] = json!(&*target.key.name);
        }
        (json!({ "metadata": { "name": name, "namespace": place }, "spec": spec }), twin)
    };
    let twin = twin.within(place);
    body["apiVersion"] = json!("velero.io/v1");
    body["kind"] = json!("Backup");
    // distinguishes ours from another one of this name
    body["metadata"]["annotations"][RUN] = json!(input.token);
    let name = text(&body, "/metadata/name").to_owned();
    if list(all, "/items").iter().any(|b| text(b, "/metadata/name") == name) {
        return Err(Stop::Refuse(format!("backup {name} already exists: set another name")));
    }
    let mut warnings = Vec::new();
    let running: Vec<&str> = list(all, "/items")
        .iter()
        .filter(|b| RUNNING.contains(&text(b, "/status/phase")))
        .map(|b| text(b, "/metadata/name"))
        .collect();
    if !running.is_empty() {
        warnings.push(format!("{} is under way: this one waits for it", running.join(", ")));
    }
    let (store, warning) = storage(locations, text(&body, "/spec/storageLocation"))?;
    warnings.extend(warning);
    warnings.extend(velero::silence(locations, input.now));
    let after = format!("backup {name}{}", store.map_or_else(String::new, |store| format!(" in {store}")));
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: backups.clone(),
        body: Body::Json(body),
        guard: None,
        right: Some(input.right("create", "Backup", "", place, "")?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: String::new(),
        after,
    };
    let check = phases(input);
    let proof = Proof { via: Via::Kubernetes, path: format!("{backups}/{name}"), check, limit: 3600 };
    Ok(Plan {
        action: SPEC.name,
        title: format!("back up now: {name}"),
        targets: vec![target.key.clone()],
        steps: vec![
            Step::send(format!("create backup {name}"), twin, request),
            Step::wait("wait until it is Completed", proof),
        ],
        risk: Risk::Press,
        reach: vec!["storage and the API server are busy meanwhile".into()],
        warnings,
        undo: twin::velero(input, &["backup", "delete"]).arg(name).within(place).to_string(),
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}

/// The proposed namespaces: on a backup's row those that the backup includes, else all.
fn namespaces(input: &Input<'_>) -> Result<String, Stop> {
    let target = input.target()?;
    if target.kind != "Backup" {
        return Ok("*".to_owned());
    }
    let all = input.read(&input.served("Backup")?.collection(&target.key.namespace))?;
    let own = list(all, "/items").iter().find(|backup| *text(backup, "/metadata/name") == *target.key.name);
    let names: Vec<&str> =
        own.map_or(&[][..], |own| list(own, "/spec/includedNamespaces")).iter().filter_map(Value::as_str).collect();
    Ok(if names.is_empty() { "*".to_owned() } else { names.join(",") })
}

/// As Velero creates a run of a schedule: it counts as one. Everything is copied, as the server and its command do
/// (Velero 1.18 `pkg/builder/backup_builder.go`, `FromSchedule`).
fn from_schedule(schedule: &Value, velero: &str, name: &str) -> Value {
    let mut labels = schedule
        .pointer("/spec/template/metadata/labels")
        .filter(|labels| labels.is_object())
        .or_else(|| schedule.pointer("/metadata/labels"))
        .cloned()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    labels["velero.io/schedule-name"] = json!(text(schedule, "/metadata/name"));
    let spec = schedule.pointer("/spec/template").cloned().unwrap_or_else(|| json!({}));
    let mut body = json!({ "metadata": { "name": name, "namespace": velero, "labels": labels }, "spec": spec });
    if let Some(annotations) = schedule.pointer("/metadata/annotations") {
        body["metadata"]["annotations"] = annotations.clone();
    }
    if flag(schedule, "/spec/useOwnerReferencesInBackup") {
        body["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "velero.io/v1", "kind": "Schedule", "controller": true,
            "name": text(schedule, "/metadata/name"), "uid": text(schedule, "/metadata/uid")
        }]);
    }
    body
}

/// Where it will be stored, and the warnings about that. Refused when the location cannot take it.
fn storage(locations: Result<&[Value], &str>, wanted: &str) -> Result<(Option<String>, Option<String>), Stop> {
    let own = (!wanted.is_empty()).then(|| wanted.to_owned());
    // the warning about a silent Velero says why they could not be read
    let Ok(locations) = locations else { return Ok((own, None)) };
    let default =
        || locations.iter().find(|one| flag(one, "/spec/default")).map(|one| text(one, "/metadata/name").to_owned());
    let Some(name) = own.or_else(default) else {
        return Ok((None, Some("no default storage location is known: the server may refuse it".to_owned())));
    };
    match velero::unfit(locations, &name, true) {
        None => Ok((Some(name), None)),
        Some(Unfit::Unavailable(why)) => {
            Err(Stop::Refuse(format!("storage location {name} is Unavailable: nothing can be stored there: {why}")))
        }
        Some(Unfit::ReadOnly) => {
            Err(Stop::Refuse(format!("storage location {name} is ReadOnly: nothing can be stored there")))
        }
        Some(Unfit::Unknown(why)) => Ok((Some(name), Some(why))),
    }
}
