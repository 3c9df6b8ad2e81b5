//! Commands that draw nothing: each reads, prints and ends.

pub mod config;
pub mod man;
