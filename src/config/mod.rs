//! Settings: defaults < file < environment < flags, each value with its origin.
//!
//! One list ([`schema::rows`]) says which keys exist; the file reader, the environment, the suggestions, the example
//! file's test and `watchkeeper config` follow from it. Nothing here talks to a cluster, and no secret is stored: the
//! configuration names files and environment variables that hold them.

mod contexts;
pub mod env;
pub mod file;
pub mod load;
pub mod problem;
pub mod profile;
pub mod profiles;
mod readonly;
pub mod schema;
mod service;
pub mod settings;
pub mod suggest;
mod toml_table;
pub mod value;

pub use load::{Override, Request};
pub use problem::{ConfigError, Problem};
pub use readonly::{Names, ReadOnly};
pub use service::{Service, ServiceMode, ServiceName};
pub use settings::Settings;
pub use value::{Kind, Origin, Value};
