//! The API server's refusals as `Status` objects. It holds the words of each; it never decides when one is due.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::resources::Resource;

/// A `Status` with `status: Failure`.
#[derive(Debug)]
pub struct Failure {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Value,
    /// Seconds, sent as header and as `details.retryAfterSeconds`.
    pub retry_after: Option<u32>,
    /// A fresh token that an expired one is answered with.
    pub cont: Option<String>,
}

impl Failure {
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, reason, message: message.into(), details: Value::Null, retry_after: None, cont: None }
    }

    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(400, "BadRequest", message)
    }

    #[must_use]
    pub fn not_found(resource: &Resource, name: &str) -> Failure {
        let mut failure = Failure::new(404, "NotFound", format!("{} {name:?} not found", resource.qualified()));
        failure.details = details(resource, name);
        failure
    }

    /// The object that is served has no such path: what the server says for an unknown subresource.
    #[must_use]
    pub fn no_resource() -> Failure {
        Failure::new(404, "NotFound", "the server could not find the requested resource")
    }

    #[must_use]
    pub fn method_not_allowed(message: impl Into<String>) -> Failure {
        Failure::new(405, "MethodNotAllowed", message)
    }

    /// 409: the object is another than the client believes.
    #[must_use]
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Failure {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        let mut failure = Failure::new(409, "Conflict", message);
        failure.details = details(resource, name);
        failure
    }

    #[must_use]
    pub fn already_exists(resource: &Resource, name: &str) -> Failure {
        let mut failure =
            Failure::new(409, "AlreadyExists", format!("{} {name:?} already exists", resource.qualified()));
        failure.details = details(resource, name);
        failure
    }

    /// 415 with the media types that would have been read.
    #[must_use]
    pub fn unsupported_media(known: &[&str]) -> Failure {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            known.join(", ")
        );
        Failure::new(415, "UnsupportedMediaType", message)
    }

    #[must_use]
    pub fn expired(message: impl Into<String>) -> Failure {
        Failure::new(410, "Expired", message)
    }

    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Failure {
        Failure::new(503, "ServiceUnavailable", message)
    }

    /// 422 naming one field.
    #[must_use]
    pub fn invalid(kind: &str, field: &str, message: &str) -> Failure {
        let mut failure = Failure::new(422, "Invalid", format!("{kind} is invalid: {field}: {message}"));
        failure.details = json!({
            "group": "meta.k8s.io", "kind": kind,
            "causes": [{"reason": "FieldValueForbidden", "message": message, "field": field}],
        });
        failure
    }

    /// A read at a version that this server has not reached: clients retry.
    #[must_use]
    pub fn future_version(asked: u64, current: u64) -> Failure {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let mut failure = Failure::new(504, "Timeout", message);
        failure.details = json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        });
        failure.retry_after = Some(1);
        failure
    }

    /// The object itself.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut metadata = json!({});
        if let Some(token) = &self.cont {
            metadata["continue"] = json!(token);
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if self.reason.is_empty() {
            status.as_object_mut().and_then(|status| status.remove("reason"));
        }
        let mut details = self.details.clone();
        if let Some(seconds) = self.retry_after {
            if details.is_null() {
                details = json!({});
            }
            details["retryAfterSeconds"] = json!(seconds);
        }
        if !details.is_null() {
            status["details"] = details;
        }
        status
    }

    #[must_use]
    pub fn response(&self) -> Response<Body> {
        let mut response = json_response(&self.body());
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// `details` for an object of a kind.
#[must_use]
pub fn details(resource: &Resource, name: &str) -> Value {
    let mut details = json!({"kind": resource.plural});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    if !name.is_empty() {
        details["name"] = json!(name);
    }
    details
}

/// 200 with a JSON body and the newline that the API server ends its bodies with.
#[must_use]
pub fn json_response(body: &Value) -> Response<Body> {
    let mut text = body.to_string();
    text.push('\n');
    typed("application/json", text)
}

/// The untyped text that unknown paths, and kinds without a definition, answer.
#[must_use]
pub fn plain_not_found() -> Response<Body> {
    let mut response = typed("text/plain; charset=utf-8", "404 page not found\n");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// 200 with a body of the given type.
#[must_use]
pub fn typed(content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
