//! One request of a plan, sent once, and what its answer means. Whatever changes something needs a permit; a dry run
//! does not.

use std::time::Duration;

use ::http::{Method as HttpMethod, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::lock::Permit;
use super::rehearsal;
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::http::{Answer, Http, Undelivered};
use crate::domain::plan::{Body, Guard, MANAGER, Method, Request, Via};
use crate::domain::text;

const DEADLINE: Duration = Duration::from_secs(30);
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

impl Sent {
    /// The audit's word for it, and what was said.
    pub fn told(&self) -> (&'static str, &str) {
        match self {
            Self::Taken(_) => ("taken", ""),
            Self::Refused(why) => ("refused", why),
            Self::Changed(why) => ("changed", why),
            Self::Later(why) => ("later", why),
            Self::Unknown(why) => ("unknown", why),
            Self::NotSent(why) => ("not sent", why),
        }
    }
}

/// One request exactly as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    pub method: HttpMethod,
    /// With its query.
    pub path: String,
    pub content_type: Option<&'static str>,
    pub body: Option<Value>,
    /// The resource version that it was made for, where it is guarded.
    pub version: Option<String>,
}

/// Hears of each request before it is sent, and of what came back.
pub trait Journal {
    /// # Errors
    /// It could not be recorded: then it is not sent.
    fn intent(&self, exact: &Exact) -> Result<(), String>;
    /// # Errors
    /// It could not be recorded.
    fn answer(&self, sent: &Sent) -> Result<(), String>;
}

/// Sends a request to `http`; each time that it has to be made for a newer version, `journal` hears of it.
pub async fn real(http: &Http, cluster: &Cluster, request: &Request, _permit: &Permit, journal: &dyn Journal) -> Sent {
    guarded(http, cluster, request, Some(journal)).await
}

/// Asks the API server what it would say. What cannot be proven harmless by its form is not sent.
pub async fn dry(cluster: &Cluster, request: &Request) -> Sent {
    guarded(&Http::api(cluster), cluster, request, None).await
}

/// With a journal it is meant, without one it is a rehearsal.
async fn guarded(http: &Http, cluster: &Cluster, request: &Request, journal: Option<&dyn Journal>) -> Sent {
    if let (Via::Alertmanager, Some(guard)) = (request.via, &request.guard)
        && let Err(sent) = reread(http, guard).await
    {
        // it has no versions that could be sent along
        return sent;
    }
    let mut version = request.guard.as_ref().map(|guard| guard.version.clone());
    for _ in 0..AGAIN {
        let mut whole = None;
        if let (Body::WithCondition(_), Some(guard)) = (&request.body, &request.guard) {
            match reread(&Http::api(cluster), guard).await {
                Ok(object) => {
                    version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
                    whole = Some(object);
                }
                Err(sent) => return sent,
            }
        }
        let mut exact = exact(request, version.as_deref(), whole);
        match journal {
            Some(journal) => {
                if let Err(why) = journal.intent(&exact) {
                    return Sent::NotSent(why);
                }
            }
            None => {
                exact = match rehearsal::of(exact) {
                    Ok(exact) => exact,
                    Err(why) => return Sent::NotSent(why),
                };
            }
        }
        let answer = once(http, &exact).await;
        let code = answer.as_ref().ok().map(|answer| answer.status);
        let sent = meaning(request, answer);
        if let Some(Err(why)) = journal.map(|journal| journal.answer(&sent)) {
            return Sent::Unknown(why);
        }
        // a wrong uid is "invalid", not a conflict
        let moved = matches!(code, Some(StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY));
        let (Some(guard), true, Via::Kubernetes) = (&request.guard, moved, request.via) else { return sent };
        match reread(&Http::api(cluster), guard).await {
            Ok(_) if code != Some(StatusCode::CONFLICT) => return sent,
            Ok(object) => {
                let now = object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
                // a conflict about something else comes again
                if now == version {
                    return sent;
                }
                version = now;
            }
            Err(other) => return other,
        }
    }
    Sent::Changed("it changes faster than it can be written to: preview again".to_owned())
}

/// The guarded object as it is now, if it is still what was previewed.
async fn reread(http: &Http, guard: &Guard) -> Result<Value, Sent> {
    let read = async { http.get(&guard.path, DEADLINE).await?.into_result()?.json::<Value>() };
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

/// The request as it is sent for this version of the object.
fn exact(request: &Request, version: Option<&str>, whole: Option<Value>) -> Exact {
    let method = match request.method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Patch => HttpMethod::PATCH,
        Method::Delete => HttpMethod::DELETE,
    };
    let query = match request.via {
        Via::Kubernetes if request.method != Method::Delete => format!("?fieldManager={MANAGER}"),
        Via::Kubernetes | Via::Alertmanager => String::new(),
    };
    Exact {
        method,
        path: format!("{}{query}", request.path),
        content_type: request.body.content_type(),
        body: body(request, version, whole),
        version: version.map(str::to_owned),
    }
}

async fn once(http: &Http, exact: &Exact) -> Result<Answer, Undelivered> {
    let body = exact.content_type.zip(exact.body.as_ref());
    let body = body.map(|(content, body)| (content, Bytes::from(body.to_string())));
    http.deliver(exact.method.clone(), &exact.path, body, DEADLINE).await
}

fn meaning(request: &Request, answer: Result<Answer, Undelivered>) -> Sent {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Undelivered { error, left: false }) => return Sent::NotSent(words(&error)),
        Err(Undelivered { error, left: true }) => return Sent::Unknown(words(&error)),
    };
    let code = answer.status.as_u16();
    let body: Value = answer.json().unwrap_or_default();
    // what stands between may answer in the server's place: a login page, a default backend, a firewall
    let is_own = match request.via {
        Via::Kubernetes if answer.status.is_success() => body.get("kind").is_some_and(Value::is_string),
        Via::Kubernetes => body.get("kind").and_then(Value::as_str) == Some("Status") || code == 429,
        Via::Alertmanager => answer.from_api_server().is_none(),
    };
    if !is_own && request.via == Via::Kubernetes {
        return Sent::Unknown(format!("{code} was answered, but not by the API server: {}", says(&answer)));
    }
    if answer.status.is_success() || request.fine.contains(&code) {
        return Sent::Taken(body);
    }
    let says = says(&answer);
    match code {
        429 => Sent::Later(says),
        // kubectl asks again as well: soon the pod is terminating as its namespace is
        403 if request.path.ends_with("/eviction") && has_cause(&body, "NamespaceTerminating") => Sent::Later(says),
        // an eviction that two budgets claim is refused by this code, in words, and always will be
        500 if request.path.ends_with("/eviction") && !says.is_empty() => Sent::Refused(says),
        500..=599 => Sent::Unknown(format!("the server answered {code}: {says}")),
        401 => Sent::Refused("the server does not accept these credentials: log in again".to_owned()),
        409 => Sent::Changed(format!("{says}: preview again")),
        _ => Sent::Refused(if says.is_empty() { format!("the server answered {code}") } else { says }),
    }
}

/// Whether a refusal gives this cause.
fn has_cause(status: &Value, reason: &str) -> bool {
    let causes = status.pointer("/details/causes").and_then(Value::as_array);
    causes.is_some_and(|causes| causes.iter().any(|cause| cause["reason"] == reason))
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
