//! Feeds: where the news of each kind comes from. One task a kind; each backs off on its own and reports its state.

pub mod about;
mod address;
pub mod alertmanager;
pub mod alerts;
mod feed;
pub mod guardrails;
pub mod join;
pub mod labels;
pub mod memory;
pub mod outbox;
mod pause;
pub mod poll;
mod polled_feed;
pub mod probes;
pub mod profiles;
pub mod prometheus;
mod reader;
pub mod replicas;
pub mod report;
pub mod rules;
mod scope;
pub mod seals;
pub mod services;
pub mod shared;
pub mod slim;
pub mod watch;

use crate::domain::ages::Time;

/// Reads the wall clock; an argument, so that tests can set it.
pub type Clock = fn() -> Time;
