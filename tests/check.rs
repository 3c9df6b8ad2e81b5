//! The one-shot commands, as processes against a demo that is healthy, fails, or injects faults: what they
//! print, what they write, and the exit code with which they end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "how long a process takes is measured")]

#[path = "support/tls.rs"]
mod tls;

mod check {
    mod exits;
    mod formats;
    mod health;
    pub mod program;
    mod schema;
    mod snapshots;
    mod streams;
}
