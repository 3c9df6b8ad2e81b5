//! Authenticated HTTP to the API server and to the other services: credentials, connections, discovery, and errors
//! in plain words. It decodes no objects, keeps no records and never retries by itself, but for one renewal of
//! credentials; whoever asks decides when to ask again.

mod answered;
pub mod api;
pub mod auth;
mod bounded;
pub mod bounds;
pub mod cluster;
mod connecting;
pub mod discovery;
pub mod download;
pub mod errors;
pub mod exec;
pub mod failure;
pub mod gzip;
pub mod http;
pub mod instances;
pub mod kubeconfig;
pub mod proxy;
pub mod stats;
mod tls;
mod transport;
pub mod trust;
mod web;

pub use cluster::Cluster;
pub use errors::{ConnectError, RequestError};
pub use failure::LoginNeeded;
pub use http::{Answer, Http};
pub use stats::Stats;
