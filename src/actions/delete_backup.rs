//! Delete a backup with its data, by asking Velero: if only the object were deleted, the data would stay, and the
//! backup would come back.

use serde_json::json;

use super::input::Input;
use super::velero::{self, Unfit};
use super::{ActKey, ActionSpec, right, twin};
use crate::domain::json::text;
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "delete-backup",
    key: Some(ActKey::Delete),
    doc: "have Velero delete the backup and its data",
    rights: &[right("velero.io", "deletebackuprequests", "create"), right("velero.io", "deletebackuprequests", "get")],
    fields: &[],
    reason: Some("recorded"),
    offered: |subject| subject.of(&["Backup"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let (place, name, uid) = (&*target.key.namespace, &*target.key.name, text(object, "/metadata/uid"));
    let requests = input.served("DeleteBackupRequest")?.collection(place);
    let body = json!({
        "apiVersion": "velero.io/v1", "kind": "DeleteBackupRequest",
        "metadata": {
            "generateName": format!("{name}-"), "namespace": place,
            "labels": { "velero.io/backup-name": velero::label_value(name), "velero.io/backup-uid": uid }
        },
        "spec": { "backupName": name }
    });
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: requests.clone(),
        body: Body::Json(body),
        // Velero gets the name only
        guard: Some(Guard::identity(&path, object)),
        right: Some(input.right("create", "DeleteBackupRequest", "", place, "")?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: format!("{}, expires {}", text(object, "/status/phase"), text(object, "/status/expiration")),
        after: "deleted".into(),
    };
    let locations = velero::locations(input, place)?;
    let mut warnings: Vec<String> = velero::silence(locations, input.now).into_iter().collect();
    let store = text(object, "/spec/storageLocation");
    match locations.ok().filter(|_| !store.is_empty()).and_then(|all| velero::unfit(all, store, true)) {
        Some(Unfit::ReadOnly) => {
            return Err(Stop::Refuse(format!("storage location {store} is ReadOnly: Velero deletes nothing there")));
        }
        Some(Unfit::Unavailable(why)) => warnings.push(format!("storage location {store} is Unavailable: {why}")),
        Some(Unfit::Unknown(why)) => warnings.push(why),
        None => {}
    }
    let gone = Check::Deleted { uid: uid.to_owned(), request: format!("{requests}/{{/metadata/name}}") };
    Ok(Plan {
        action: SPEC.name,
        title: format!("delete {} and its data", target.told()),
        targets: vec![target.key.clone()],
        steps: vec![
            Step::send(
                format!("ask Velero to delete {name}"),
                twin::velero(input, &["backup", "delete"]).arg(name).within(place),
                request,
            ),
            // a request that was processed without errors is removed, so the backup itself is the proof
            Step::wait("wait until the backup is gone", Proof { via: Via::Kubernetes, path, check: gone, limit: 600 }),
        ],
        risk: Risk::Context(input.context.to_owned()),
        reach: vec!["its data in the object storage and its snapshots go with it".into()],
        warnings,
        undo: String::new(),
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}
