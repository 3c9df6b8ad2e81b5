//! cert-manager: an issuance that was asked for by hand ends with a new revision, or fails as the story says.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::parts::{a_condition, condition, holds, put_condition};
use super::{Task, later};
use crate::demo::birth;
use crate::demo::overlay::{Key, key};
use crate::demo::world::World;

#[derive(Clone, Copy, Debug)]
pub enum Stage {
    Request,
    Issue,
}

pub fn noticed(world: &mut World, before: Option<&Value>, after: &Value) {
    let issuing = |object: &Value| holds(object, "Issuing");
    if issuing(after) && !before.is_some_and(issuing) {
        later(world, 1, Task::Certificate(key(after), Stage::Request));
    }
}

pub fn step(world: &mut World, at: &Key, stage: Stage) {
    let Some(certificate) = world.get(&at.0, &at.1, &at.2).cloned() else { return };
    if !holds(&certificate, "Issuing") {
        return;
    }
    match stage {
        Stage::Request => {
            request(world, &certificate, "False", "Pending", "Waiting on certificate issuance from the issuer");
            let secret = format!("{}-{}", at.2, super::parts::suffix(&format!("{at:?}/{}", world.version()), 5));
            world.say(at, |object| object["status"]["nextPrivateKeySecretName"] = json!(secret));
            later(world, 1, Task::Certificate(at.clone(), Stage::Issue));
        }
        Stage::Issue => issue(world, at, &certificate),
    }
}

/// What the story holds against an issuance: its own failed one, or an issuer that is not ready.
fn trouble(world: &World, at: &Key, certificate: &Value) -> Option<String> {
    let told = world.base(at)?;
    if let Some(failed) = condition(told, "Issuing").filter(|issuing| issuing["status"] == "False") {
        return Some(failed["message"].as_str().unwrap_or_default().to_owned());
    }
    let issuer = &certificate["spec"]["issuerRef"];
    let (kind, name) = (issuer["kind"].as_str().unwrap_or("Issuer"), issuer["name"].as_str().unwrap_or_default());
    let place = if kind == "ClusterIssuer" { "" } else { at.1.as_str() };
    let ready = world.get(kind, place, name).is_some_and(|issuer| holds(issuer, "Ready"));
    (!ready).then(|| format!("The certificate request has failed to complete and will be retried: Referenced {kind:?} not found or not ready: {name}"))
}

fn issue(world: &mut World, at: &Key, certificate: &Value) {
    let now = world.now();
    let generation = certificate["metadata"]["generation"].clone();
    if let Some(message) = trouble(world, at, certificate) {
        request(world, certificate, "False", "Failed", &message);
        world.say(at, |object| {
            let status = &mut object["status"];
            let mut conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            put_condition(&mut conditions, a_condition("Issuing", "False", "Failed", &message, now, &generation));
            status["conditions"] = json!(conditions);
            status["failedIssuanceAttempts"] = json!(status["failedIssuanceAttempts"].as_i64().unwrap_or(0) + 1);
            status["lastFailureTime"] = json!(birth::time(now));
            status.as_object_mut().and_then(|status| status.remove("nextPrivateKeySecretName"));
        });
        return;
    }
    request(world, certificate, "True", "Issued", "Certificate fetched from issuer successfully");
    let hours = |field: &str, otherwise: i64| hours(&certificate["spec"][field]).unwrap_or(otherwise);
    let life = hours("duration", 2160);
    let before = hours("renewBefore", life / 3);
    let ahead = |hours: i64| birth::time(now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX));
    world.say(at, |object| {
        let status = &mut object["status"];
        let mut conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        conditions.retain(|one| one["type"] != "Issuing");
        let message = "Certificate is up to date and has not expired";
        put_condition(&mut conditions, a_condition("Ready", "True", "Ready", message, now, &generation));
        status["conditions"] = json!(conditions);
        status["revision"] = json!(status["revision"].as_i64().unwrap_or(0) + 1);
        status["notBefore"] = json!(birth::time(now));
        status["notAfter"] = json!(ahead(life));
        status["renewalTime"] = json!(ahead(life - before));
        if let Some(status) = status.as_object_mut() {
            for field in ["failedIssuanceAttempts", "lastFailureTime", "nextPrivateKeySecretName"] {
                status.remove(field);
            }
        }
    });
}

fn hours(duration: &Value) -> Option<i64> {
    duration.as_str()?.split_once('h')?.0.parse().ok()
}

/// The request of the next revision, made or moved on.
fn request(world: &mut World, certificate: &Value, ready: &str, reason: &str, message: &str) {
    let now = world.now();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text(&certificate["metadata"]["namespace"]), text(&certificate["metadata"]["name"]));
    let revision = certificate["status"]["revision"].as_i64().unwrap_or(0) + 1;
    let at = ("CertificateRequest".to_owned(), namespace.clone(), format!("{name}-{revision}"));
    let time = birth::time(now);
    if world.get(&at.0, &at.1, &at.2).is_none() {
        world.apply(json!({"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": {"name": at.2, "namespace": namespace, "creationTimestamp": time,
                "annotations": {"cert-manager.io/certificate-name": name, "cert-manager.io/certificate-revision": revision.to_string()},
                "ownerReferences": [{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": name, "uid": certificate["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true}]},
            "spec": {"issuerRef": certificate["spec"]["issuerRef"], "usages": ["digital signature", "key encipherment"]},
            "status": {"conditions": [{"type": "Approved", "status": "True", "reason": "cert-manager.io", "lastTransitionTime": time,
                "message": "Certificate request has been approved by cert-manager.io"}]}}));
    }
    world.say(&at, |object| {
        let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let new =
            json!({"type": "Ready", "status": ready, "reason": reason, "message": message, "lastTransitionTime": time});
        put_condition(&mut conditions, new);
        object["status"]["conditions"] = json!(conditions);
        if reason == "Failed" {
            object["status"]["failureTime"] = json!(time);
        }
    });
}
