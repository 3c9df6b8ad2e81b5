//! What the logs of Velero's backups and restores share: a request for an address, and the text at that address.

use serde_json::{Value, json};

use super::input::Input;
use super::{Offer, RightRow, Subject, right, twin, velero};
use crate::domain::json::{list, text};
use crate::domain::plan::{Body, Fetch, Method, Plan, Request, Risk, Step, Stop, Via};

pub const RIGHTS: &[RightRow] =
    &[right("velero.io", "downloadrequests", "create"), right("velero.io", "downloadrequests", "get")];
/// Velero stores a log when a run has ended, and only for a run that has started.
const ENDED: &[&str] = &["Completed", "PartiallyFailed", "Failed"];
/// The longest name of an object.
const LONGEST: usize = 253;
const LIMIT: u32 = 60;

/// Whether there can be a log, by the phase.
fn logged(phase: &str) -> Result<(), String> {
    match phase {
        phase if ENDED.contains(&phase) => Ok(()),
        "FailedValidation" => Err("it never started (FailedValidation): it has no log".to_owned()),
        phase => Err(format!(
            "it has not ended ({}): its log is stored at its end",
            if phase.is_empty() { "New" } else { phase }
        )),
    }
}

pub fn offered(subject: &Subject<'_>, kind: &'static str) -> Offer {
    match (subject.of(&[kind]), logged(subject.strings.get(subject.record.status))) {
        (Offer::Yes, Err(why)) => Offer::No(why),
        (offer, _) => offer,
    }
}

/// The scheme, host and port of the storage of these locations, as they are configured.
fn origins(locations: &Value) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for location in list(locations, "/items") {
        for key in ["publicUrl", "s3Url"] {
            let address = text(location, &format!("/spec/config/{key}")).trim();
            let Some((scheme @ ("http" | "https"), rest)) = address.split_once("://") else { continue };
            let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let place = place.rsplit('@').next().unwrap_or_default();
            let origin = format!("{scheme}://{place}");
            if !place.is_empty() && !out.contains(&origin) {
                out.push(origin);
            }
        }
    }
    out
}

/// The plan for the log of one run; `word` is what the velero command calls its kind.
pub fn plan(input: &Input<'_>, action: &'static str, word: &str) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (_, object) = input.object()?;
    logged(text(object, "/status/phase")).map_err(Stop::Refuse)?;
    let (place, name) = (&*target.key.namespace, &*target.key.name);
    let digits: String = input.token.chars().filter(char::is_ascii_digit).collect();
    let kept: String = name.chars().take(LONGEST.saturating_sub(digits.len() + 1)).collect();
    let request_name = format!("{}-{digits}", kept.trim_end_matches(['-', '.']));
    let requests = input.served("DownloadRequest")?.collection(place);
    let locations = match input.served("BackupStorageLocation") {
        Ok(served) => input.maybe(&served.collection(place))?.ok(),
        Err(_) => None,
    };
    let body = json!({
        "apiVersion": "velero.io/v1", "kind": "DownloadRequest",
        "metadata": { "name": request_name, "namespace": place },
        "spec": { "target": { "kind": format!("{}Log", target.kind), "name": name } }
    });
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Post,
        path: requests.clone(),
        body: Body::Json(body),
        guard: None,
        right: Some(input.right("create", "DownloadRequest", "", place, "")?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: String::new(),
        after: format!("request {request_name}"),
    };
    let mut warnings = vec![format!(
        "often the address is inside the cluster and cannot be reached from here: then see the logs of the velero pod in {place}"
    )];
    warnings.extend(velero::silence(velero::locations(input, place)?, input.now));
    let fetch = Fetch {
        path: format!("{requests}/{request_name}"),
        pointer: "/status/downloadURL",
        right: input.right("get", "DownloadRequest", "", place, &request_name)?,
        origins: locations.map(origins).unwrap_or_default(),
        limit: LIMIT,
        instead: format!("see the logs of the velero pod in {place}"),
    };
    Ok(Plan {
        action,
        title: format!("get the log of {}", target.told()),
        targets: vec![target.key.clone()],
        steps: vec![
            Step::send(
                "ask Velero for the log's address",
                twin::velero(input, &[word, "logs"]).arg(name).within(place),
                request,
            ),
            Step::fetch("get the log", fetch),
        ],
        risk: Risk::Press,
        reach: vec![
            "anyone who has the address can read the log for ten minutes: it is used once, never shown or recorded"
                .into(),
        ],
        warnings,
        undo: "nothing to undo: Velero removes the request when its address has expired".into(),
        reason: String::new(),
        needs_reason: false,
        origin: crate::domain::plan::Origin::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configured_storage_is_known_by_its_origin_alone() {
        let config = |config| json!({"spec": {"config": config}});
        let locations = json!({"items": [
            config(json!({"s3Url": "http://minio.velero.svc:9000/x", "publicUrl": "https://u:p@s3.example/y?z"})),
            config(json!({"s3Url": "http://minio.velero.svc:9000"})),
            config(json!({"region": "eu", "s3Url": "minio", "publicUrl": "file:///etc/passwd"})),
            json!({"spec": {}})
        ]});
        assert_eq!(origins(&locations), ["https://s3.example", "http://minio.velero.svc:9000"]);
    }

    #[test]
    fn only_a_run_that_has_begun_and_ended_has_a_log() {
        assert!(ENDED.iter().all(|phase| logged(phase).is_ok()));
        assert!(logged("FailedValidation").unwrap_err().contains("never started"));
        for phase in ["", "New", "InProgress", "Finalizing", "WaitingForPluginOperations", "Deleting"] {
            assert!(logged(phase).unwrap_err().contains("has not ended"), "{phase}");
        }
    }
}
