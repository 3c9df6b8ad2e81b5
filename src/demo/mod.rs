//! The demo platform: a story in a world, and the services that run in it. Imports nothing else of this crate.

pub mod services;
pub mod story;
pub mod world;
