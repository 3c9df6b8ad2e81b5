//! Authenticated HTTP to the API server and to the services beside it: credentials, connections, discovery, and errors
//! in plain words. It decodes no objects, keeps no records and never retries by itself, but for one renewal of
//! credentials; whoever asks decides when to ask again.

pub mod api;
pub mod auth;
pub mod bounds;
pub mod cluster;
pub mod discovery;
pub mod download;
pub mod errors;
pub mod exec;
pub mod gzip;
pub mod http;
pub mod instances;
pub mod kubeconfig;
pub mod proxy;
pub mod stats;
mod tls;
pub mod transport;
pub mod trust;

pub use cluster::Cluster;
pub use errors::{ConnectError, LoginNeeded, RequestError};
pub use http::{Answer, Http};
pub use stats::Stats;
