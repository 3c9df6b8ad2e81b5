//! Commands that draw nothing: each reads, prints and ends.

pub mod audit;
pub mod check;
pub mod compare;
pub mod config;
pub mod feed;
pub mod health;
pub mod look;
pub mod man;
pub mod place;
pub mod plain;
pub mod profile;
pub mod rbac;
pub mod run;
pub mod snapshot;
pub mod timeline;
