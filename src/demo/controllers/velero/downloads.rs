//! Velero's download requests: a URL of the demo itself, and behind it a gzipped file that is made when it is fetched.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ahead;
use crate::demo::controllers::parts;
use crate::demo::overlay::Key;
use crate::demo::world::World;

/// Seconds that a URL is good for.
const GOOD_FOR: i64 = 600;

/// Gives out a URL for a log, if there is something that it is the log of.
pub fn offer(world: &mut World, at: &Key, request: &Value) {
    let kind = request["spec"]["target"]["kind"].as_str().unwrap_or_default();
    let name = request["spec"]["target"]["name"].as_str().unwrap_or_default();
    let of = if kind.starts_with("Restore") { "Restore" } else { "Backup" };
    let ended = world.get(of, &at.1, name).is_some_and(|run| run["status"]["completionTimestamp"].is_string());
    // As the real one does: without the file there is no answer, ever.
    let (true, Some(address)) = (ended, world.desk.address) else { return };
    let until = ahead(world.now(), GOOD_FOR);
    let url = format!("http://{address}/downloads/{}/{}?signature={}", at.1, at.2, parts::uid(request));
    world.say(at, |object| object["status"] = json!({"phase": "Processed", "downloadURL": url, "expiration": until}));
}

/// The gzipped file behind a download URL: code and body.
pub fn download(world: &World, path: &str, signature: Option<&str>) -> (u16, Vec<u8>) {
    let denied = |why: &str| {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code><Message>{why}</Message></Error>"
        );
        (403, text.into_bytes())
    };
    let request = path.split_once('/').and_then(|(namespace, name)| world.get("DownloadRequest", namespace, name));
    let Some(request) = request.filter(|request| Some(parts::uid(request).as_str()) == signature) else {
        return denied("The request signature does not match");
    };
    let until: Option<Timestamp> = request["status"]["expiration"].as_str().and_then(|text| text.parse().ok());
    if until.is_none_or(|until| until < world.now()) {
        return denied("Request has expired");
    }
    let kind = request["spec"]["target"]["kind"].as_str().unwrap_or_default();
    let name = request["spec"]["target"]["name"].as_str().unwrap_or_default();
    let of = if kind.starts_with("Restore") { "Restore" } else { "Backup" };
    let namespace = request["metadata"]["namespace"].as_str().unwrap_or_default();
    let Some(run) = world.get(of, namespace, name) else { return denied("The file is gone") };
    let text = if kind.ends_with("Results") { results(run) } else { log(run, of) };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    (200, encoder.finish().unwrap_or_default())
}

fn results(run: &Value) -> String {
    let list = |field: &str| -> Value {
        let number = run["status"][field].as_i64().unwrap_or(0);
        (1..=number)
            .map(|at| json!(format!("{field} {at}: resource /persistentvolumeclaims could not be processed")))
            .collect()
    };
    json!({"errors": {"velero": list("errors")}, "warnings": {"velero": list("warnings")}}).to_string()
}

fn log(run: &Value, kind: &str) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&run["metadata"]["name"]);
    let (begun, ended) = (text(&run["status"]["startTimestamp"]), text(&run["status"]["completionTimestamp"]));
    let what = kind.to_lowercase();
    let mut lines = vec![
        format!("time=\"{begun}\" level=info msg=\"Setting up {what} temp file\" {what}=velero/{name}"),
        format!("time=\"{begun}\" level=info msg=\"Starting {what}\" {what}=velero/{name}"),
    ];
    for (level, field) in [("warning", "warnings"), ("error", "errors")] {
        for at in 0..run["status"][field].as_i64().unwrap_or(0) {
            lines.push(format!("time=\"{ended}\" level={level} msg=\"item {at} could not be processed\" {what}=velero/{name} resource=persistentvolumeclaims"));
        }
    }
    if let Some(why) = run["status"]["failureReason"].as_str() {
        lines.push(format!("time=\"{ended}\" level=error msg={why:?} {what}=velero/{name}"));
    }
    lines.push(format!(
        "time=\"{ended}\" level=info msg=\"{kind} ended as {}\" {what}=velero/{name}",
        text(&run["status"]["phase"])
    ));
    lines.join("\n") + "\n"
}
