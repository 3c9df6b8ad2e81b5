//! Restore a backup, into another namespace unless told otherwise.

use serde_json::json;

use super::input::Input;
use super::{ActionSpec, Field, Offer, Start, backup, right};
use crate::domain::json::list;
use crate::domain::plan::{Body, Method, Plan, Proof, Request, Risk, Step, Stop, Via};

pub const SPEC: ActionSpec = ActionSpec {
    name: "restore",
    key: None,
    doc: "restore one namespace of the backup into another one, and wait for the result",
    rights: &[right("velero.io", "restores", "create")],
    fields: &[
        Field { name: "namespace", help: "the namespace to restore", default: Start::Text("") },
        Field { name: "into", help: "where to; restore-NAMESPACE by default", default: Start::Text("") },
        Field { name: "live", help: "yes: into the same namespace; what is there is kept", default: Start::Text("no") },
    ],
    wants_reason: true,
    offered: |subject| match subject.of(&["Backup"]) {
        Offer::Yes
            if subject.strings.get(subject.record.status) != "Completed"
                && subject.strings.get(subject.record.status) != "PartiallyFailed" =>
        {
            Offer::No("it is not Completed".to_owned())
        }
        other => other,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (_, object) = input.object()?;
    let velero = &*target.key.namespace;
    let included: Vec<&str> = list(object, "/spec/includedNamespaces").iter().filter_map(|v| v.as_str()).collect();
    let Some(from) = input.setting("namespace") else {
        return Err(Stop::Refuse(format!("namespace is not set: which of {}?", included.join(", "))));
    };
    if !included.is_empty() && !included.contains(&"*") && !included.contains(&from) {
        return Err(Stop::Refuse(format!("the backup holds no namespace {from}; it holds {}", included.join(", "))));
    }
    let live = input.yes("live")?;
    let into = input
        .setting("into")
        .map_or_else(|| if live { from.to_owned() } else { format!("restore-{from}") }, str::to_owned);
    if into == from && !live {
        return Err(Stop::Refuse(format!("that is the live namespace {from}: set live=yes if it is meant")));
    }
    let name = format!("{}-{}", target.key.name, input.now.timestamp().strftime("%Y%m%d%H%M%S"));
    let mut spec =
        json!({ "backupName": &*target.key.name, "includedNamespaces": [from], "includeClusterResources": false });
    if into != from {
        spec["namespaceMapping"] = json!({ from: into });
    }
    let body = json!({ "apiVersion": "velero.io/v1", "kind": "Restore", "metadata": { "name": name, "namespace": velero }, "spec": spec });
    let restores = input.served("Restore")?.collection(velero);
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: restores.clone(),
        body: Body::Json(body),
        guard: None,
        right: Some(input.right("create", "Restore", "", velero, "")?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: String::new(),
        after: format!("restore {name}: {from} into {into}"),
    };
    let mapping = if into == from { String::new() } else { format!(" --namespace-mappings {from}:{into}") };
    let twin = format!(
        "velero restore create {name} --from-backup {} --include-namespaces {from}{mapping} --include-cluster-resources=false -n {velero}",
        target.key.name
    );
    let check = backup::phases();
    let proof = Proof { via: Via::Kubernetes, path: format!("{restores}/{name}"), check, limit: 3600 };
    Ok(Plan {
        action: SPEC.name,
        title: format!("restore {from} of {} into {into}", target.key.name),
        targets: vec![target.key.clone()],
        steps: vec![
            Step::send(format!("create restore {name}"), twin, request),
            Step::wait("wait until it is Completed", proof),
        ],
        risk: if into == from {
            Risk::Context(input.context.to_owned())
        } else {
            Risk::Name(target.key.name.to_string())
        },
        reach: vec![
            format!("objects of {from} are created in {into}; what is there already is kept"),
            "cluster-wide objects are left alone".into(),
        ],
        warnings: if into == from { vec![format!("{from} is live")] } else { Vec::new() },
        undo: if into == from { String::new() } else { format!("kubectl delete namespace {into}") },
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}
