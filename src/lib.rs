//! The on-call console for Kubernetes platforms. `docs/architecture.md` is the map of these modules.

pub mod actions;
pub mod app;
pub mod cli;
pub mod clients;
pub mod config;
pub mod data;
#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
pub mod effects;
pub mod headless;
pub mod intent;
pub mod kinds;
pub mod scene;
pub mod screens;
pub mod session;
pub mod sources;
pub mod store;
pub mod triage;
pub mod ui;
