//! Who we are to the API server, and what we may do: reviews that change nothing.

use std::time::Duration;

use ::http::Method as HttpMethod;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::clients::cluster::Cluster;
use crate::clients::http::Http;
use crate::domain::outcome::Verdict;
use crate::domain::plan::Right;
use crate::domain::text;

const DEADLINE: Duration = Duration::from_secs(15);

fn clean(raw: &str) -> String {
    text::line(raw).into_owned()
}

/// Who we are to the API server; `None` where it does not say.
pub async fn who(cluster: &Cluster) -> Option<String> {
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let answer = post(cluster, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &body).await.ok()?;
    answer.pointer("/status/userInfo/username").and_then(Value::as_str).map(clean)
}

async fn post(cluster: &Cluster, path: &str, body: &Value) -> Result<Value, String> {
    let bytes = Bytes::from(body.to_string());
    let asking = async {
        let http = Http::api(cluster);
        http.request(HttpMethod::POST, path, Some(("application/json", bytes)), DEADLINE).await?.into_result()?.json()
    };
    asking.await.map_err(|error| clean(&error.to_string()))
}

/// Whether we may do something, as the API server says.
pub(super) async fn may(cluster: &Cluster, right: &Right) -> Verdict {
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": right.verb, "group": right.group, "resource": right.resource, "subresource": right.sub,
            "namespace": right.namespace, "name": right.name,
        } }
    });
    match post(cluster, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &body).await {
        Ok(answer) if answer.pointer("/status/allowed").and_then(Value::as_bool) == Some(true) => Verdict::Allowed,
        Ok(answer) => {
            let why = answer.pointer("/status/reason").and_then(Value::as_str).unwrap_or("");
            let why = if why.is_empty() { String::new() } else { format!(" ({})", clean(why)) };
            Verdict::Denied(format!("you may not {right}{why}"))
        }
        Err(why) => Verdict::Unknown(format!("whether you may {right} cannot be asked: {why}")),
    }
}
