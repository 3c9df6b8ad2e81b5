//! Commands that draw nothing: each reads, prints and ends.

pub mod audit;
pub mod config;
pub mod feed;
pub mod man;
pub mod plain;
pub mod profile;
pub mod rbac;
pub mod run;
pub mod timeline;
