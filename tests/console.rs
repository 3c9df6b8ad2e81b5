//! The console over real sockets, without a terminal: keys in, frames out. What an operator sees of a living platform,
//! of a healthy one, and of one whose API has every fault that is known.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]
#![allow(clippy::disallowed_methods, reason = "a wait has a deadline in real time")]

#[path = "support/tls.rs"]
mod tls;

mod console {
    mod actions;
    mod cluster;
    mod contexts;
    mod faults;
    pub mod harness;
    mod health;
    mod hostile;
    mod incidents;
    mod keys;
    mod lazy;
    mod navigation;
    mod objects;
    mod platform;
    mod previews;
    mod reading;
    mod remapped;
    mod screens;
    mod script;
    mod snapshots;
    mod tables;
    mod timeline;
    mod trust;
}
