//! Which requests can be tried without any effect, and how: the API server takes `dryRun` from the query of a write, but
//! of a DELETE from its body alone as soon as it has one. What is not of a form that is known to be harmless is not sent.

use ::http::Method;
use serde_json::{Value, json};

use super::exact::Exact;

/// Subresources that the API server stores itself, and so can leave unstored. Others (`proxy`, `exec`, `binding`,
/// `token`) act at once, whatever the query says.
const STORED: &[&str] = &["", "status", "scale", "eviction"];
const ALL: &str = "All";

/// The same request as a rehearsal.
///
/// # Errors
/// It has an effect in any form; why.
pub fn of(mut exact: Exact) -> Result<Exact, String> {
    let sign = if exact.path.contains('?') { '&' } else { '?' };
    exact.path = format!("{}{sign}dryRun={ALL}", exact.path);
    if exact.method == Method::DELETE
        && let Some(body) = exact.body.as_mut().and_then(Value::as_object_mut)
    {
        body.insert("dryRun".to_owned(), json!([ALL]));
    }
    is_harmless(&exact).map(|()| exact)
}

/// Whether the form alone proves that nothing is changed.
fn is_harmless(exact: &Exact) -> Result<(), String> {
    let no = |why: &str| Err(format!("it cannot be tried without doing it: {why}"));
    let (path, query) = exact.path.split_once('?').unwrap_or((&exact.path, ""));
    let Some(sub) = subresource(path) else { return no("its path is none of an object") };
    if !STORED.contains(&sub) {
        return no(&format!("{sub} acts at once"));
    }
    if query.split('&').filter(|part| part.starts_with("dryRun=")).ne([format!("dryRun={ALL}")]) {
        return no("its query does not say so");
    }
    let is_said = |options: &Value| options.get("dryRun") == Some(&json!([ALL]));
    match (&exact.method, &exact.body) {
        (&Method::DELETE, None) => Ok(()),
        (&Method::DELETE, Some(options)) if is_said(options) => Ok(()),
        (&Method::DELETE, Some(_)) => no("its options do not say so"),
        (&Method::POST | &Method::PUT | &Method::PATCH, Some(body)) => match body.get("deleteOptions") {
            // an eviction's own options count together with the query, and must not contradict it
            Some(options) if options.get("dryRun").is_some() && !is_said(options) => no("its options contradict it"),
            _ => Ok(()),
        },
        (method, _) => no(&format!("{method} without a body")),
    }
}

/// The part behind an object's name; empty for the object or its collection.
fn subresource(path: &str) -> Option<&str> {
    let parts: Vec<&str> = path.split('/').collect();
    let (["", "api", "v1", rest @ ..] | ["", "apis", _, _, rest @ ..]) = &*parts else { return None };
    if rest.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return None;
    }
    match rest {
        // a namespace itself, and what is in one
        ["namespaces", _, sub @ ("status" | "finalize")] => Some(sub),
        ["namespaces", _, _plural] | ["namespaces", _, _plural, _] => Some(""),
        ["namespaces", _, _plural, _, sub] => Some(sub),
        [_plural] | [_plural, _] => Some(""),
        [_plural, _, sub] => Some(sub),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const POD: &str = "/api/v1/namespaces/a/pods/x";

    fn exact(method: Method, path: &str, body: Option<Value>) -> Exact {
        let content_type = body.as_ref().map(|_| "application/json");
        Exact { method, path: path.to_owned(), content_type, body, version: None }
    }

    #[test]
    fn a_deletion_says_in_its_body_that_it_is_a_rehearsal() {
        let options = json!({"kind": "DeleteOptions", "preconditions": {"uid": "u"}});
        let made = of(exact(Method::DELETE, POD, Some(options))).unwrap();
        assert_eq!(made.body.unwrap()["dryRun"], json!(["All"]));
        assert_eq!(made.path, format!("{POD}?dryRun=All"));
        assert_eq!(of(exact(Method::DELETE, POD, None)).unwrap().path, format!("{POD}?dryRun=All"));
    }

    #[rstest]
    #[case::a_patch(Method::PATCH, "/apis/apps/v1/namespaces/a/deployments/x?fieldManager=w", true)]
    #[case::a_scale(Method::PATCH, "/apis/apps/v1/namespaces/a/deployments/x/scale?fieldManager=w", true)]
    #[case::a_status(Method::PUT, "/apis/cert-manager.io/v1/namespaces/a/certificates/x/status", true)]
    #[case::an_eviction(Method::POST, "/api/v1/namespaces/a/pods/x/eviction", true)]
    #[case::a_creation(Method::POST, "/apis/velero.io/v1/namespaces/velero/backups", true)]
    #[case::a_node(Method::PATCH, "/api/v1/nodes/n1", true)]
    #[case::a_command(Method::POST, "/api/v1/namespaces/a/pods/x/exec", false)]
    #[case::a_proxy(Method::POST, "/api/v1/namespaces/a/services/x/proxy/api/v2/silences", false)]
    #[case::the_end_of_a_namespace(Method::PUT, "/api/v1/namespaces/a/finalize", false)]
    #[case::a_token(Method::POST, "/api/v1/namespaces/a/serviceaccounts/x/token", false)]
    #[case::a_binding(Method::POST, "/api/v1/namespaces/a/pods/x/binding", false)]
    #[case::no_api(Method::POST, "/api/v2/silences", false)]
    #[case::climbing(Method::PATCH, "/api/v1/namespaces/a/../pods", false)]
    #[case::a_query_of_its_own(Method::PATCH, "/api/v1/nodes/n1?dryRun=None", false)]
    fn only_what_the_server_stores_itself_is_tried(#[case] method: Method, #[case] path: &str, #[case] tried: bool) {
        assert_eq!(of(exact(method, path, Some(json!({})))).is_ok(), tried, "{path}");
    }

    #[test]
    fn options_that_contradict_the_query_are_not_tried() {
        let eviction =
            |options: Value| exact(Method::POST, &format!("{POD}/eviction"), Some(json!({"deleteOptions": options})));
        assert!(of(eviction(json!({"preconditions": {"uid": "u"}}))).is_ok());
        assert!(of(eviction(json!({"dryRun": []}))).is_err());
    }
}
