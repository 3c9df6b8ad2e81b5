//! Restore a backup, into another namespace unless set otherwise. Whether that namespace is there already is read
//! first: what was there before this restore is never part of its undo.

use serde_json::{Value, json};

use super::input::{Input, There};
use super::velero::{self, Unfit};
use super::{ActionSpec, Field, Offer, Start, backup, right, twin};
use crate::domain::json::{list, text};
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::RUN;
use crate::domain::served;

pub const SPEC: ActionSpec = ActionSpec {
    name: "restore",
    key: None,
    doc: "restore one namespace of the backup into another one, and wait for the result",
    rights: &[right("velero.io", "restores", "create")],
    fields: &[
        Field::new("namespace", "the namespace to restore", Start::Of(|input| only(input).unwrap_or_default()))
            .required(),
        Field::new("into", "where to; restore-NAMESPACE by default", Start::Text("")),
        Field::new("live", "yes: into the same namespace; what is there is kept", Start::Text("no")),
    ],
    reason: Some("recorded"),
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

/// Namespaces of Kubernetes itself, on every cluster.
const OF_KUBERNETES: &[&str] = &["default", "kube-system", "kube-public", "kube-node-lease"];

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let (place, backup) = (&*target.key.namespace, &*target.key.name);
    let included = included(object);
    let Some(from) = input.setting("namespace").or(single(&included)) else {
        let held = if included.is_empty() { "all".to_owned() } else { included.join(", ") };
        return Err(Stop::Refuse(format!("namespace is not set: which one? The backup holds {held}")));
    };
    if !included.is_empty() && !included.contains(&"*") && !included.contains(&from) {
        return Err(Stop::Refuse(format!("the backup holds no namespace {from}; it holds {}", included.join(", "))));
    }
    served::label(from).map_err(Stop::Refuse)?;
    let live = input.yes("live")?;
    let into = input
        .setting("into")
        .map_or_else(|| if live { from.to_owned() } else { format!("restore-{from}") }, str::to_owned);
    served::label(&into).map_err(Stop::Refuse)?;
    if into == from && !live {
        return Err(Stop::Refuse(format!("that is the live namespace {from}: set live=yes if it is meant")));
    }
    let name = format!("{backup}-{}", input.now.timestamp().strftime("%Y%m%d%H%M%S"));
    let mut spec = json!({ "backupName": backup, "includedNamespaces": [from], "includeClusterResources": false });
    let mut twin = twin::velero(input, &["restore", "create"])
        .arg(&*name)
        .flag("from-backup", backup)
        .flag("include-namespaces", from);
    if into != from {
        spec["namespaceMapping"] = json!({ from: into });
        twin = twin.flag("namespace-mappings", format!("{from}:{into}"));
    }
    let twin = twin.flag("include-cluster-resources", false).within(place);
    let body = json!({ "apiVersion": "velero.io/v1", "kind": "Restore", "metadata": { "name": name, "namespace": place, "annotations": { RUN: input.token } }, "spec": spec });
    let restores = input.served("Restore")?.collection(place);
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: restores.clone(),
        body: Body::Json(body),
        guard: Some(Guard::identity(path, object)),
        right: Some(input.right("create", "Restore", "", place, "")?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: String::new(),
        after: format!("restore {name}: {from} into {into}"),
    };
    let ground = ground(input, &into)?;
    let core = input.is_core(&into) || into == place || OF_KUBERNETES.contains(&&*into);
    let mut warnings: Vec<String> = ground.warning.into_iter().collect();
    if into == from {
        warnings.push(format!("{from} is live"));
    }
    if core {
        warnings.push(format!("{into} is a namespace of the platform itself"));
    }
    warnings.extend(storage(input, text(object, "/spec/storageLocation"), place)?);
    let check = backup::phases(input);
    let proof = Proof { via: Via::Kubernetes, path: format!("{restores}/{name}"), check, limit: 3600 };
    Ok(Plan {
        action: SPEC.name,
        title: format!("restore {from} of {backup} into {into}"),
        targets: vec![target.key.clone()],
        steps: vec![
            Step::send(format!("create restore {name}"), twin, request),
            Step::wait("wait until it is Completed", proof),
        ],
        risk: if into == from || core || !ground.is_new {
            Risk::Context(input.context.to_owned())
        } else {
            Risk::Name(backup.to_owned())
        },
        reach: vec![
            format!("objects of {from} are created in {into}; what is there already is kept"),
            "cluster-wide objects are left alone".into(),
        ],
        warnings,
        undo: if ground.is_new && !core {
            let delete = twin::kubectl(input, &["delete", "namespace"]).arg(&*into);
            format!(
                "{into} does not exist now, so this restore creates it; to delete it with all that is in it by then:\n{delete}"
            )
        } else {
            String::new()
        },
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}

/// The namespaces that a backup includes; none, or `*`, are all.
fn included(backup: &Value) -> Vec<&str> {
    list(backup, "/spec/includedNamespaces").iter().filter_map(Value::as_str).collect()
}

fn single<'a>(included: &[&'a str]) -> Option<&'a str> {
    match included {
        [one] if *one != "*" => Some(one),
        _ => None,
    }
}

/// The only namespace of the backup, once that was read; empty when there are more.
fn only(input: &Input<'_>) -> Result<String, Stop> {
    let (_, backup) = input.object()?;
    Ok(single(&included(backup)).unwrap_or_default().to_owned())
}

/// The namespace that it is restored into.
struct Ground {
    /// It is certain that the namespace does not exist yet.
    is_new: bool,
    warning: Option<String>,
}

fn ground(input: &Input<'_>, namespace: &str) -> Result<Ground, Stop> {
    let path = format!("/api/v1/namespaces/{}", served::escape(namespace));
    let (is_new, warning) = match input.look(&path)? {
        There::No => (true, None),
        There::Yes(found) if text(found, "/status/phase") == "Terminating" => {
            return Err(Stop::Refuse(format!("namespace {namespace} is being deleted: wait until it is gone")));
        }
        There::Yes(_) => {
            let why = "what is restored is mixed with what is there, and cannot be distinguished from it afterwards";
            (false, Some(format!("namespace {namespace} is there already: {why}")))
        }
        There::Unknown(why) => {
            (false, Some(format!("whether namespace {namespace} is there could not be read: {why}")))
        }
    };
    Ok(Ground { is_new, warning })
}

/// The warnings about the location that holds the backup, and about a silent Velero.
fn storage(input: &Input<'_>, store: &str, place: &str) -> Result<Vec<String>, Stop> {
    let locations = velero::locations(input, place)?;
    let mut out: Vec<String> = velero::silence(locations, input.now).into_iter().collect();
    match locations.ok().filter(|_| !store.is_empty()).and_then(|all| velero::unfit(all, store, false)) {
        Some(Unfit::Unavailable(why)) => {
            out.push(format!("storage location {store} is Unavailable, so the backup cannot be read now: {why}"));
        }
        Some(Unfit::Unknown(why)) => out.push(why),
        Some(Unfit::ReadOnly) | None => {}
    }
    Ok(out)
}
