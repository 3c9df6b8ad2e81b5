//! What the demo's controllers do about a write: each answers as the real one would, seconds later on the demo's clock.

mod evictions;
mod flux;
mod issuers;
mod pods;
mod silences;
mod velero;
mod workloads;

use std::collections::BTreeSet;

use serde_json::Value;
use watchkeeper::demo::Options;

use crate::lab::Lab;

const HELM: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces";
const APPS: &str = "/apis/apps/v1/namespaces";
const VELERO: &str = "/apis/velero.io/v1/namespaces/velero";
const PODS: &str = "/api/v1/namespaces";

fn platform() -> Lab {
    Lab::with(Options::default())
}

fn condition(object: &Value, kind: &str) -> Value {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["type"] == kind).unwrap_or(Value::Null)
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Pods by a label selector.
async fn pods(lab: &Lab, namespace: &str, app: &str) -> Vec<Value> {
    let list = lab.object(&format!("{PODS}/{namespace}/pods?labelSelector=app%3D{app}")).await;
    list["items"].as_array().unwrap().clone()
}

fn names(pods: &[Value]) -> BTreeSet<String> {
    pods.iter().map(|pod| text(pod, "/metadata/name").to_owned()).collect()
}

fn ready(pod: &Value) -> bool {
    condition(pod, "Ready")["status"] == "True" && pod["metadata"]["deletionTimestamp"].is_null()
}

/// Lets seconds pass until it holds.
async fn until<F>(lab: &Lab, path: &str, what: &str, holds: F) -> Value
where
    F: Fn(&Value) -> bool,
{
    let mut last = Value::Null;
    for _ in 0..90 {
        last = lab.object(path).await;
        if holds(&last) {
            return last;
        }
        lab.pass(1);
    }
    panic!("never {what}: {last}")
}
