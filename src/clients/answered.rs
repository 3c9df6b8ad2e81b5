//! What happens to every answer, whichever server gave it: it is noted in the log without what may be secret, its body is
//! unpacked and bounded, and a refusal of the credentials is recognised.

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use tower::BoxError;

use super::bounded::{self, Shape};
use super::connecting::USER_AGENT;
use super::errors::{RequestError, TlsProblem};
use super::gzip::{self, AnyBody};
use super::stats::Stats;

/// The head of an answer, or why there is none.
pub type Head = Result<Response<AnyBody>, BoxError>;

/// Says who asks, and that the answer may come packed.
pub fn introduce(headers: &mut HeaderMap, packed: bool) {
    headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
    if packed {
        headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
    }
}

/// Notes what came: a query may hold what is nobody's business, and a header does.
pub fn note(method: &Method, path: &str, took: Duration, answer: &Head) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(response) => {
            let code = response.status().as_u16();
            if matches!(code, 401 | 403 | 429 | 500..) {
                tracing::info!(%method, path, code, took_ms, "refused");
            } else {
                tracing::debug!(%method, path, code, took_ms, "answered");
            }
        }
        Err(error) => {
            let why = RequestError::from_chain(error.as_ref()).headline();
            tracing::info!(%method, path, took_ms, why, "no answer");
        }
    }
}

/// Whether the server does not take the credentials; it has not acted on the request then.
pub fn is_refused(answer: &Head) -> bool {
    match answer {
        Ok(response) => response.status() == StatusCode::UNAUTHORIZED,
        Err(error) => {
            matches!(RequestError::from_chain(error.as_ref()), RequestError::Tls(TlsProblem::ClientRefused))
        }
    }
}

/// The answer with its body unpacked and bounded; `shape` is what comes if it is no error.
pub fn taken_in(mut response: Response<AnyBody>, shape: Shape, stats: &Arc<Stats>) -> Response<AnyBody> {
    let zipped = response.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
    if zipped {
        response.headers_mut().remove(header::CONTENT_ENCODING);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let shape = if response.status().is_success() { shape } else { Shape::Words };
    response.map(|body| {
        let text = gzip::unpack(body, zipped, Arc::clone(stats));
        bounded::bounded(text, shape, Arc::clone(stats))
    })
}
