//! One request of a plan, sent once, and what its answer means. Whatever changes something needs a permit; a dry run
//! does not.

use std::time::Duration;

use ::http::{Method as HttpMethod, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::lock::Permit;
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::http::{Answer, Http};
use crate::domain::plan::{Body, Guard, Method, Request};
use crate::domain::text;

const DEADLINE: Duration = Duration::from_secs(30);
/// By which the API server's own audit knows our writes, and Kustomize's controller leaves them alone.
const MANAGER: &str = "watchkeeper";
/// A status that moves on while we send is no change of what was previewed.
const AGAIN: usize = 5;

/// What an answer means.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// Taken; the answer.
    Taken(Value),
    /// Refused, in the server's words: nothing has happened.
    Refused(String),
    /// Not what was previewed any more: nothing has happened.
    Changed(String),
    /// Refused for now: it may be sent again.
    Later(String),
    /// It may have happened or not.
    Unknown(String),
    /// The request never left.
    NotSent(String),
}

/// Sends a request to `http`.
pub async fn real(http: &Http, cluster: &Cluster, request: &Request, _permit: &Permit) -> Sent {
    guarded(http, cluster, request, "").await
}

/// Asks the API server what it would say.
pub async fn dry(cluster: &Cluster, request: &Request) -> Sent {
    guarded(&Http::api(cluster), cluster, request, "&dryRun=All").await
}

async fn guarded(http: &Http, cluster: &Cluster, request: &Request, more: &str) -> Sent {
    let mut version = request.guard.as_ref().map(|guard| guard.version.clone());
    for _ in 0..AGAIN {
        let mut whole = None;
        if let (Body::WithCondition(_), Some(guard)) = (&request.body, &request.guard) {
            match reread(cluster, guard).await {
                Ok(object) => whole = Some(object),
                Err(sent) => return sent,
            }
        }
        let body = body(request, version.as_deref(), whole);
        let answer = once(http, request, body, more).await;
        let code = answer.as_ref().map(|answer| answer.status);
        // a wrong uid is "invalid", not a conflict
        let moved = matches!(code, Ok(StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY));
        let (Some(guard), true) = (&request.guard, moved) else { return meaning(request, answer) };
        match reread(cluster, guard).await {
            Ok(_) if code != Ok(StatusCode::CONFLICT) => return meaning(request, answer),
            Ok(object) => {
                let now = object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
                // a conflict about something else comes again
                if now == version {
                    return meaning(request, answer);
                }
                version = now;
            }
            Err(sent) => return sent,
        }
    }
    Sent::Changed("it changes faster than it can be written to: preview again".to_owned())
}

/// The guarded object as it is now, if it is still what was previewed.
async fn reread(cluster: &Cluster, guard: &Guard) -> Result<Value, Sent> {
    let read = async { Http::api(cluster).get(&guard.path, DEADLINE).await?.into_result()?.json::<Value>() };
    match read.await {
        Ok(object) => {
            guard.holds(&object).map(|()| object).map_err(|why| Sent::Changed(format!("{why}: preview again")))
        }
        Err(RequestError::NotFound { .. }) => Err(Sent::Changed("it was deleted since the preview".to_owned())),
        Err(error) => Err(Sent::NotSent(words(&error))),
    }
}

/// What is sent: the previewed body, with the identity that it was previewed for.
fn body(request: &Request, version: Option<&str>, whole: Option<Value>) -> Option<Value> {
    let guard = request.guard.as_ref();
    match (&request.body, whole) {
        (Body::None, _) => None,
        (Body::WithCondition(condition), Some(object)) => Some(with_condition(object, condition)),
        (Body::Merge(body) | Body::Strategic(body), _) => {
            let mut body = body.clone();
            // a subresource has its own metadata, and a pod's eviction names the uid in its options
            if let (Some(guard), Some(version)) = (guard, version)
                && body.is_object()
            {
                if body.get("metadata").is_none() {
                    body["metadata"] = json!({});
                }
                body["metadata"]["uid"] = json!(guard.uid);
                body["metadata"]["resourceVersion"] = json!(version);
            }
            Some(body)
        }
        (Body::Patch(operations), _) => {
            let mut operations = operations.clone();
            if let (Some(version), Some(list)) = (version, operations.as_array_mut()) {
                // a test that fails is answered 422; a replaced version that is old, 409
                list.insert(0, json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": version }));
            }
            Some(operations)
        }
        (body, _) => body.json().cloned(),
    }
}

fn with_condition(mut object: Value, condition: &Value) -> Value {
    let kind = condition.get("type").cloned().unwrap_or_default();
    if object.pointer("/status/conditions").is_none() {
        object["status"]["conditions"] = json!([]);
    }
    if let Some(list) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
        match list.iter_mut().find(|c| c.get("type") == Some(&kind)) {
            Some(old) => *old = condition.clone(),
            None => list.push(condition.clone()),
        }
    }
    object
}

async fn once(http: &Http, request: &Request, body: Option<Value>, more: &str) -> Result<Answer, RequestError> {
    let method = match request.method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Patch => HttpMethod::PATCH,
        Method::Delete => HttpMethod::DELETE,
    };
    let query = match request.via {
        crate::domain::plan::Via::Kubernetes if request.method == Method::Delete => more.replacen('&', "?", 1),
        crate::domain::plan::Via::Kubernetes => format!("?fieldManager={MANAGER}{more}"),
        crate::domain::plan::Via::Alertmanager => String::new(),
    };
    let content = request.body.content_type();
    let body = content.zip(body).map(|(content, body)| (content, Bytes::from(body.to_string())));
    http.request(method, &format!("{}{query}", request.path), body, DEADLINE).await
}

fn meaning(request: &Request, answer: Result<Answer, RequestError>) -> Sent {
    let answer = match answer {
        Ok(answer) => answer,
        // never connected, so never sent
        Err(
            error @ (RequestError::Refused
            | RequestError::Dns(_)
            | RequestError::Unreachable
            | RequestError::Tls(_)
            | RequestError::Proxy(_)
            | RequestError::Login(_)),
        ) => {
            return Sent::NotSent(words(&error));
        }
        Err(error) => return Sent::Unknown(words(&error)),
    };
    let code = answer.status.as_u16();
    if answer.status.is_success() || request.fine.contains(&code) {
        return Sent::Taken(answer.json().unwrap_or_default());
    }
    let says = says(&answer);
    match code {
        429 => Sent::Later(says),
        // an eviction that two budgets claim is refused by this code, in words, and always will be
        500 if request.path.ends_with("/eviction") && !says.is_empty() => Sent::Refused(says),
        500..=599 => Sent::Unknown(format!("the server answered {code}: {says}")),
        401 => Sent::Refused("the server does not accept these credentials: log in again".to_owned()),
        409 => Sent::Changed(format!("{says}: preview again")),
        _ => Sent::Refused(if says.is_empty() { format!("the server answered {code}") } else { says }),
    }
}

/// The server's words, with the causes that it gives.
fn says(answer: &Answer) -> String {
    let body: Value = answer.json().unwrap_or_default();
    // Alertmanager's errors are plain JSON strings, or plain text
    let message = match (&body, body.get("message").and_then(Value::as_str)) {
        (_, Some(message)) => message.to_owned(),
        (Value::String(message), _) => message.clone(),
        _ => answer.text(500),
    };
    let causes = body.pointer("/details/causes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let causes: Vec<&str> =
        causes.iter().filter_map(|c| c["message"].as_str()).filter(|c| !message.contains(c)).collect();
    let all = if causes.is_empty() { message } else { format!("{message} ({})", causes.join("; ")) };
    text::line(&all).into_owned()
}

fn words(error: &RequestError) -> String {
    text::line(&format!("{}: {}", error.headline(), error.detail())).into_owned()
}
