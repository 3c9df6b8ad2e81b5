//! Carries out the faults that meet a request: before the answer, and while its body is being sent.

use std::io;
use std::sync::Arc;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use tokio::sync::watch;

use crate::demo::faults::{Instead, Live, Plan};
use crate::demo::gate::Hook;
use crate::demo::route::Route;
use crate::demo::shared::Shared;
use crate::demo::status::{Failure, plain_not_found, typed};
use crate::demo::watch::error_frame;

/// What garbled bytes become: nothing that JSON allows anywhere.
const NOISE: &[u8] = b"\x01#}{\x02garbled\xff\xfe";

/// Waits, keeps silent, answers something else; none: go on.
pub async fn before(
    shared: &Arc<Shared>,
    route: &Route,
    method: &str,
    plan: &Plan,
    hook: &Hook,
) -> Option<Response<Body>> {
    if !plan.delay.is_zero() {
        tokio::time::sleep(plan.delay).await;
    }
    if plan.silent {
        let mut pulse = shared.pulse.subscribe();
        while shared.faults().silent(route, method, shared.elapsed()) {
            pulse.changed().await.ok()?;
        }
    }
    match plan.instead.as_ref()? {
        Instead::NotFound => Some(plain_not_found()),
        Instead::Drop => {
            hook.cut();
            // The connection ends under us.
            std::future::pending().await
        }
        Instead::Deny(reason) => {
            let message =
                format!("admission webhook \"validate.policies.example.internal\" denied the request: {reason}");
            Some(Failure::new(400, "", message).response())
        }
        Instead::Gone { in_stream } => {
            let failure = Failure::expired("The resourceVersion for the provided watch is too old.");
            if *in_stream { Some(typed("application/json", error_frame(&failure))) } else { Some(failure.response()) }
        }
        Instead::Status { code, retry_after, body } => {
            let mut response = match body {
                // A whole Status object is sent as one.
                Some(text) if text.starts_with('{') => typed("application/json", text.clone()),
                Some(text) => typed("text/plain; charset=utf-8", text.clone()),
                None => status(*code).response(),
            };
            *response.status_mut() = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Some(response)
        }
    }
}

/// The reason and words that usually come with a code.
fn status(code: u16) -> Failure {
    let (reason, message) = match code {
        400 => ("BadRequest", "the server rejected our request for an unknown reason"),
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden by a fault of the demo"),
        404 => ("NotFound", "the server could not find the requested resource"),
        409 => {
            ("Conflict", "the object has been modified; please apply your changes to the latest version and try again")
        }
        410 => ("Expired", "too old resource version"),
        422 => ("Invalid", "the request is invalid"),
        429 => ("TooManyRequests", "Too many requests, please try again later."),
        500 => ("InternalError", "Internal error occurred: etcdserver: request timed out"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ("Timeout", "the server was unable to return a response in the time allotted"),
        _ => ("", "a fault of the demo"),
    };
    Failure::new(code, reason, message)
}

/// A body under supervision.
struct Governed {
    inner: BodyDataStream,
    shared: Arc<Shared>,
    pulse: watch::Receiver<u64>,
    route: Route,
    method: String,
    hook: Hook,
    passed: usize,
    cut: Option<usize>,
    garble: Option<usize>,
    /// Set by a rule that met the request; the rules of the moment also apply to open streams.
    hang: Option<usize>,
    /// The cut was reached: the connection ends next.
    doomed: bool,
    over: bool,
}

/// Wraps a body so that faults can reach it, also those that are set later.
pub fn govern(body: Body, shared: &Arc<Shared>, route: Route, method: String, plan: &Plan, hook: Hook) -> Body {
    let governed = Governed {
        inner: body.into_data_stream(),
        shared: Arc::clone(shared),
        pulse: shared.pulse.subscribe(),
        route,
        method,
        hook,
        passed: 0,
        cut: plan.cut,
        garble: plan.garble,
        hang: plan.hang,
        doomed: false,
        over: false,
    };
    Body::from_stream(futures::stream::unfold(governed, |mut governed| async move {
        let frame = governed.next().await?;
        Some((frame, governed))
    }))
}

impl Governed {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return None;
        }
        if self.doomed {
            self.over = true;
            // What was passed leaves before the connection breaks.
            tokio::task::yield_now().await;
            return Some(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        loop {
            self.pulse.mark_unchanged();
            let (live, hung) = {
                let (faults, elapsed) = (self.shared.faults(), self.shared.elapsed());
                let live = faults.live(&self.route, &self.method, elapsed);
                let hung = self.hang.is_some() && faults.hanging(&self.route, &self.method, elapsed);
                (live, hung)
            };
            if live == Some(Live::Drop) {
                self.over = true;
                self.hook.cut();
                return Some(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let limit = match live {
                Some(Live::Hang(after)) => Some(after),
                _ => self.hang.filter(|_| hung),
            };
            if limit.is_some_and(|limit| self.passed >= limit) {
                self.pulse.changed().await.ok()?;
                continue;
            }
            tokio::select! {
                // A fault that was set before a change must meet it.
                biased;
                _ = self.pulse.changed() => {}
                frame = self.inner.next() => {
                    let frame = frame?;
                    return Some(frame.map_err(io::Error::other).map(|bytes| self.spoil(bytes)));
                }
            }
        }
    }

    /// Passes bytes on as the faults leave them.
    fn spoil(&mut self, bytes: Bytes) -> Bytes {
        let start = self.passed;
        let end = start + bytes.len();
        if let Some(cut) = self.cut.filter(|cut| end > *cut) {
            self.passed = cut;
            self.doomed = true;
            return bytes.slice(..cut - start);
        }
        self.passed = end;
        let Some(garble) = self.garble.filter(|garble| (start..end).contains(garble)) else { return bytes };
        let mut bytes = BytesMut::from(bytes.as_ref());
        let at = garble - start;
        let length = NOISE.len().min(bytes.len() - at);
        bytes[at..at + length].copy_from_slice(&NOISE[..length]);
        bytes.freeze()
    }
}
