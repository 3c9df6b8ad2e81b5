//! Commands that draw nothing: each reads, prints and ends.

pub mod config;
pub mod feed;
pub mod man;
pub mod plain;
