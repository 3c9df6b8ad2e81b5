//! The nouns of the console as plain data: no clock, no network, no terminal.

pub mod thresholds;
