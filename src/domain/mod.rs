//! The nouns of the product, as data: no I/O, no clock, no terminal.

pub mod ages;
pub mod beside;
pub mod change;
pub mod context;
pub mod evictions;
pub mod finding;
pub mod go_regex;
pub mod health;
pub mod incident;
pub mod interner;
pub mod json;
pub mod locked;
pub mod matcher;
pub mod moment;
pub mod outcome;
pub mod plan;
pub mod profile;
pub mod proof;
pub mod quantity;
pub mod record;
pub mod reply;
pub mod served;
pub mod shell;
pub mod text;
pub mod thresholds;
