//! Back up now: a run of a schedule, or a backup of its own.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActKey, ActionSpec, Field, Start, right};
use crate::domain::json::{flag, list, text};
use crate::domain::plan::{Body, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::Check;

/// How a backup or a restore ends.
pub fn phases() -> Check {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
    Check::Phase { done: words(&["Completed"]), failed: words(&["PartiallyFailed", "Failed", "FailedValidation"]) }
}

/// Runs under way, of any phase that is not an end.
const RUNNING: &[&str] = &["InProgress", "WaitingForPluginOperations", "Finalizing", "Queued", "ReadyToStart"];

pub const SPEC: ActionSpec = ActionSpec {
    name: "backup",
    key: Some(ActKey::Backup),
    doc: "back up now, as the schedule does or with settings of its own, and wait for the result",
    rights: &[right("velero.io", "backups", "create")],
    fields: &[
        Field { name: "name", help: "the backup's name; made from the time by default", default: Start::Text("") },
        Field {
            name: "namespaces",
            help: "without a schedule: which, separated by commas; * for all",
            default: Start::Text("*"),
        },
        Field { name: "ttl", help: "without a schedule: how long it is kept", default: Start::Text("168h0m0s") },
    ],
    wants_reason: false,
    offered: |subject| subject.of(&["Schedule", "Backup", "BackupStorageLocation"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let velero = &*target.key.namespace;
    let stamp = input.now.timestamp().strftime("%Y%m%d%H%M%S").to_string();
    let backups = input.served("Backup")?.collection(velero);
    let locations = input.served("BackupStorageLocation")?.collection(velero);
    let (all, stores) = match (input.read(&backups), input.read(&locations)) {
        (Ok(all), Ok(stores)) => (all, stores),
        (Err(Stop::Need(mut a)), Err(Stop::Need(b))) => {
            a.extend(b);
            return Err(Stop::Need(a));
        }
        (Err(stop), _) | (_, Err(stop)) => return Err(stop),
    };
    let (mut body, twin) = if target.kind == "Schedule" {
        let (_, schedule) = input.object()?;
        let name = input.setting("name").map_or_else(|| format!("{}-{stamp}", target.key.name), str::to_owned);
        (
            from_schedule(schedule, velero, &name),
            format!("velero backup create {name} --from-schedule {} -n {velero}", target.key.name),
        )
    } else {
        let name = input.setting("name").map_or_else(|| format!("watchkeeper-{stamp}"), str::to_owned);
        let namespaces: Vec<&str> = input.setting("namespaces").unwrap_or("*").split(',').map(str::trim).collect();
        let ttl = input.setting("ttl").unwrap_or("168h0m0s");
        let twin = format!(
            "velero backup create {name} --include-namespaces {} --ttl {ttl} -n {velero}",
            namespaces.join(",")
        );
        (
            json!({ "metadata": { "name": name, "namespace": velero }, "spec": { "includedNamespaces": namespaces, "ttl": ttl } }),
            twin,
        )
    };
    body["apiVersion"] = json!("velero.io/v1");
    body["kind"] = json!("Backup");
    let name = text(&body, "/metadata/name").to_owned();
    if list(all, "/items").iter().any(|b| text(b, "/metadata/name") == name) {
        return Err(Stop::Refuse(format!("a backup {name} is there already: give it another name")));
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
    warnings.extend(storage(stores, text(&body, "/spec/storageLocation"))?);
    let after = format!("backup {name}");
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: backups.clone(),
        body: Body::Json(body),
        guard: None,
        right: Some(input.right("create", "Backup", "", velero, "")?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: String::new(),
        after,
    };
    let check = phases();
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
        undo: format!("velero backup delete {name} -n {velero}"),
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}

/// As Velero makes a run of a schedule: it counts as one.
fn from_schedule(schedule: &Value, velero: &str, name: &str) -> Value {
    let mut labels = schedule
        .pointer("/spec/template/metadata/labels")
        .filter(|l| l.as_object().is_some_and(|m| !m.is_empty()))
        .or_else(|| schedule.pointer("/metadata/labels"))
        .cloned()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    labels["velero.io/schedule-name"] = json!(text(schedule, "/metadata/name"));
    let mut spec = schedule.pointer("/spec/template").cloned().unwrap_or_else(|| json!({}));
    if let Some(map) = spec.as_object_mut() {
        map.remove("metadata");
    }
    let mut body = json!({ "metadata": { "name": name, "namespace": velero, "labels": labels }, "spec": spec });
    if let Some(annotations) = schedule.pointer("/metadata/annotations") {
        body["metadata"]["annotations"] = annotations.clone();
        if let Some(map) = body["metadata"]["annotations"].as_object_mut() {
            map.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    if flag(schedule, "/spec/useOwnerReferencesInBackup") {
        body["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "velero.io/v1", "kind": "Schedule", "controller": true,
            "name": text(schedule, "/metadata/name"), "uid": text(schedule, "/metadata/uid")
        }]);
    }
    body
}

/// Refused when the storage cannot take it.
fn storage(stores: &Value, wanted: &str) -> Result<Vec<String>, Stop> {
    let all = list(stores, "/items");
    let store = all
        .iter()
        .find(|s| if wanted.is_empty() { flag(s, "/spec/default") } else { text(s, "/metadata/name") == wanted });
    let Some(store) = store else {
        return Ok(vec!["no default storage location is known: the server may refuse it".into()]);
    };
    let name = text(store, "/metadata/name");
    match text(store, "/status/phase") {
        "Unavailable" => {
            return Err(Stop::Refuse(format!(
                "storage location {name} is Unavailable: {}",
                text(store, "/status/message")
            )));
        }
        "Available" => {}
        _ => return Ok(vec![format!("whether storage location {name} is available is not known")]),
    }
    if text(store, "/spec/accessMode") == "ReadOnly" {
        return Err(Stop::Refuse(format!("storage location {name} is ReadOnly")));
    }
    Ok(Vec::new())
}
