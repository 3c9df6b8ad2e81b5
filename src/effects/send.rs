//! One request of a plan, sent once, and what its answer means. Whatever changes something needs a permit; a dry run
//! does not.

use std::time::Duration;

use ::http::{Method as HttpMethod, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::exact::Exact;
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
pub async fn real(
    ways: Ways<'_>,
    cluster: &Cluster,
    request: &Request,
    _permit: &Permit,
    journal: &dyn Journal,
) -> Sent {
    guarded(ways, cluster, request, Some(journal)).await
}

/// Where a request goes, and where its guard is read.
#[derive(Debug, Clone, Copy)]
pub struct Ways<'a> {
    pub write: &'a Http,
    pub read: &'a Http,
}

impl<'a> From<&'a Http> for Ways<'a> {
    fn from(http: &'a Http) -> Self {
        Self { write: http, read: http }
    }
}

/// Asks the API server what it would say. What cannot be proven harmless by its form is not sent.
pub async fn dry(cluster: &Cluster, request: &Request) -> Sent {
    guarded((&Http::api(cluster)).into(), cluster, request, None).await
}

/// With a journal it is meant, without one it is a rehearsal.
async fn guarded(ways: Ways<'_>, cluster: &Cluster, request: &Request, journal: Option<&dyn Journal>) -> Sent {
    if let Some(guard) = apart(request)
        && let Err(sent) = reread(ways.read, guard).await
    {
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
        let answer = once(ways.write, &exact).await;
        let code = answer.as_ref().ok().map(|answer| answer.status);
        let sent = meaning(request, answer);
        if let Some(Err(why)) = journal.map(|journal| journal.answer(&sent)) {
            return Sent::Unknown(why);
        }
        // a wrong uid is "invalid", not a conflict
        let moved = matches!(code, Some(StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY));
        let (Some(guard), true, None) = (&request.guard, moved, apart(request)) else { return sent };
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

/// The guard of what cannot be sent along: Alertmanager has no versions, and a request that makes something rests on
/// another object than the one that it writes. That one is read once more before.
fn apart(request: &Request) -> Option<&Guard> {
    let of_another = |guard: &&Guard| !request.path.starts_with(&*guard.path);
    request.guard.as_ref().filter(|guard| request.via == Via::Alertmanager || of_another(guard))
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
        version: version.filter(|_| request.body.holds_version()).map(str::to_owned),
    }
}

async fn once(http: &Http, exact: &Exact) -> Result<Answer, Undelivered> {
    let body = exact.content_type.zip(exact.body.as_ref());
    let body = body.map(|(content, body)| (content, Bytes::from(body.to_string())));
    http.deliver(exact.method.clone(), &exact.path, body, DEADLINE).await
}

/// Codes that are answered before anything is written. After any other that is no success it may have been: a server that
/// gives up waiting for its store answers in the same form as one that refuses.
const BEFORE: &[u16] = &[400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429];
/// The message of an eviction that is refused permanently, by 500.
const TWO_BUDGETS: &str = "more than one PodDisruptionBudget";

fn meaning(request: &Request, answer: Result<Answer, Undelivered>) -> Sent {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Undelivered { error, left: false }) => return Sent::NotSent(words(&error)),
        Err(Undelivered { error, left: true }) => return Sent::Unknown(words(&error)),
    };
    let code = answer.status.as_u16();
    let body: Value = answer.json().unwrap_or_default();
    // a proxy may answer in the server's place: a login page, a default backend, a firewall
    let is_own = match request.via {
        Via::Kubernetes if answer.status.is_success() => body.get("kind").is_some_and(Value::is_string),
        Via::Kubernetes => body.get("kind").and_then(Value::as_str) == Some("Status") || code == 429,
        Via::Alertmanager => answer.from_api_server().is_none(),
    };
    if !is_own && request.via == Via::Kubernetes {
        return Sent::Unknown(format!("{code} was answered, but not by the API server: {}", says(&answer)));
    }
    if request.fine.contains(&code) {
        return Sent::Taken(body);
    }
    let says = says(&answer);
    if answer.status.is_success() {
        return if is_about(request, &body) {
            Sent::Taken(body)
        } else {
            Sent::Unknown(format!("{code} was answered, but about something else than was sent: {says}"))
        };
    }
    match code {
        429 => Sent::Later(says),
        // kubectl asks again, too: soon the pod is terminating as its namespace is
        403 if request.path.ends_with("/eviction") && has_cause(&body, "NamespaceTerminating") => Sent::Later(says),
        // in these words alone: any other 500 may come after it was carried out
        500 if request.path.ends_with("/eviction") && says.contains(TWO_BUDGETS) => Sent::Refused(says),
        _ if !BEFORE.contains(&code) => Sent::Unknown(format!("the server answered {code}: {says}")),
        401 => Sent::Refused("the server does not accept these credentials: log in again".to_owned()),
        409 => Sent::Changed(format!("{says}: preview again")),
        _ => Sent::Refused(if says.is_empty() { format!("the server answered {code}") } else { says }),
    }
}

/// Whether a successful answer is about what was sent: the object that was written to, or the one to be created. A
/// proxy may also answer with a success.
fn is_about(request: &Request, answer: &Value) -> bool {
    let (kind, uid, name) =
        (text_at(answer, "/kind"), text_at(answer, "/metadata/uid"), text_at(answer, "/metadata/name"));
    let is_success = kind == "Status" && text_at(answer, "/status") == "Success";
    let guarded = request.guard.as_ref().is_some_and(|guard| !uid.is_empty() && guard.uid == uid);
    match (request.via, request.method) {
        (Via::Alertmanager, Method::Post) => !text_at(answer, "/silenceID").is_empty(),
        (_, Method::Get) | (Via::Alertmanager, _) => true,
        (Via::Kubernetes, Method::Put | Method::Patch) => guarded,
        (Via::Kubernetes, Method::Delete) => guarded || is_success,
        (Via::Kubernetes, Method::Post) if request.path.ends_with("/eviction") => is_success || kind == "Eviction",
        (Via::Kubernetes, Method::Post) => {
            let sent = |pointer: &str| request.body.json().map_or("", |body| text_at(body, pointer));
            let (wanted, begins) = (sent("/metadata/name"), sent("/metadata/generateName"));
            kind == sent("/kind") && if wanted.is_empty() { name.starts_with(begins) } else { name == wanted }
        }
    }
}

fn text_at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
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
    text::line(&error.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const SHOP: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/a/helmreleases/x";
    const POD: &str = "/api/v1/namespaces/a/pods/x";

    /// A request about the object `x` of uid `u`.
    fn request(method: Method, path: &str, body: Body) -> Request {
        let guarded = path.strip_suffix("/eviction").or(path.strip_suffix("/scale")).unwrap_or(path);
        let guard = Guard::of(guarded, &json!({"metadata": {"uid": "u", "resourceVersion": "7"}}), &[]);
        Request {
            via: Via::Kubernetes,
            method,
            path: path.to_owned(),
            body,
            guard: Some(guard),
            right: None,
            dry_run: true,
            fine: &[],
            patience: 0,
            before: String::new(),
            after: String::new(),
        }
    }

    fn patched() -> Request {
        request(Method::Patch, SHOP, Body::Merge(json!({"spec": {"suspend": true}})))
    }

    fn evicted() -> Request {
        request(Method::Post, &format!("{POD}/eviction"), Body::Json(json!({"kind": "Eviction"})))
    }

    fn made() -> Request {
        let body = json!({"kind": "Backup", "metadata": {"name": "b"}});
        Request { guard: None, ..request(Method::Post, "/apis/velero.io/v1/namespaces/v/backups", Body::Json(body)) }
    }

    fn heard(request: &Request, code: u16, body: &Value) -> &'static str {
        let answer = Answer::of(StatusCode::from_u16(code).unwrap(), body.to_string());
        meaning(request, Ok(answer)).told().0
    }

    #[rstest]
    #[case::too_late(500, "etcdserver: request timed out", "unknown")]
    #[case::no_leader(503, "etcdserver: leader changed", "unknown")]
    #[case::given_up(504, "Timeout: request did not complete within the allotted timeout", "unknown")]
    #[case::of_no_known_meaning(418, "no", "unknown")]
    #[case::malformed(400, "no", "refused")]
    #[case::forbidden(403, "no", "refused")]
    #[case::invalid(422, "no", "refused")]
    #[case::too_large(413, "no", "refused")]
    #[case::another_version(409, "no", "changed")]
    #[case::too_many(429, "no", "later")]
    fn refused_is_only_what_is_answered_before_anything_is_written(
        #[case] code: u16,
        #[case] message: &str,
        #[case] expected: &str,
    ) {
        let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message});
        for request in [patched(), evicted(), made()] {
            assert_eq!(heard(&request, code, &body), expected, "{} {}", request.method, request.path);
        }
    }

    #[test]
    fn an_eviction_that_two_budgets_claim_is_refused_by_its_own_words() {
        let says = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        let body = json!({"kind": "Status", "code": 500, "message": says});
        assert_eq!(heard(&evicted(), 500, &body), "refused");
        assert_eq!(heard(&patched(), 500, &body), "unknown");
    }

    fn success() -> Value {
        json!({"kind": "Status", "status": "Success"})
    }

    fn object(kind: &str, name: &str, uid: &str) -> Value {
        json!({"kind": kind, "metadata": {"name": name, "uid": uid}})
    }

    #[rstest]
    #[case::its_object(patched(), object("HelmRelease", "x", "u"), "taken")]
    #[case::another_object(patched(), object("HelmRelease", "x", "v"), "unknown")]
    #[case::a_mere_success(patched(), success(), "unknown")]
    #[case::its_scale(request(Method::Patch, "/apis/apps/v1/namespaces/a/deployments/x/scale", Body::Merge(json!({}))), object("Scale", "x", "u"), "taken")]
    #[case::what_was_made(made(), object("Backup", "b", "n"), "taken")]
    #[case::another_that_was_made(made(), object("Backup", "c", "n"), "unknown")]
    #[case::nothing_that_was_made(made(), success(), "unknown")]
    #[case::an_eviction(evicted(), success(), "taken")]
    #[case::no_eviction(evicted(), object("Pod", "x", "u"), "unknown")]
    #[case::a_pod_that_terminates(request(Method::Delete, POD, Body::None), object("Pod", "x", "u"), "taken")]
    #[case::another_pod(request(Method::Delete, POD, Body::None), object("Pod", "x", "v"), "unknown")]
    #[case::a_pod_that_is_gone(request(Method::Delete, POD, Body::None), success(), "taken")]
    fn a_yes_is_one_only_about_what_was_sent(#[case] request: Request, #[case] answer: Value, #[case] expected: &str) {
        assert_eq!(heard(&request, 200, &answer), expected);
    }

    #[test]
    fn a_name_that_the_server_makes_begins_as_it_was_sent() {
        let body = json!({"kind": "DeleteBackupRequest", "metadata": {"generateName": "b-"}});
        let request = Request { body: Body::Json(body), ..made() };
        assert_eq!(heard(&request, 201, &object("DeleteBackupRequest", "b-x7k2p", "n")), "taken");
        assert_eq!(heard(&request, 201, &object("DeleteBackupRequest", "c-x7k2p", "n")), "unknown");
    }

    #[rstest]
    #[case::a_patch(patched(), Some("7"))]
    #[case::an_eviction(evicted(), None)]
    #[case::a_deletion(request(Method::Delete, POD, Body::Json(json!({"preconditions": {"uid": "u"}}))), None)]
    fn a_version_is_told_only_where_it_is_sent(#[case] request: Request, #[case] expected: Option<&str>) {
        let exact = exact(&request, Some("7"), None);
        assert_eq!(exact.version.as_deref(), expected);
        assert_eq!(exact.body.unwrap().to_string().contains("\"7\""), expected.is_some());
    }

    #[test]
    fn what_rests_on_another_object_is_sent_only_after_that_was_read_again() {
        assert!(apart(&patched()).is_none() && apart(&evicted()).is_none(), "the server itself compares");
        let backup = Guard::of("/apis/velero.io/v1/namespaces/v/backups/b", &json!({}), &[]);
        let request =
            Request { guard: Some(backup), path: "/apis/velero.io/v1/namespaces/v/restores".into(), ..made() };
        assert!(apart(&request).is_some());
    }
}
