//! The stories of the demo: what is in the world, and how it changes as time passes. A story is a pure
//! function of seed and elapsed time; it never looks at a clock and never draws random numbers.

mod acme;
mod build;
mod certs;
mod events;
mod flux;
mod flux_sources;
mod ingresses;
mod kustomizations;
mod logs;
mod moment;
mod nodes;
mod platform;
mod pods;
mod policies;
mod releases;
mod resource_sets;
mod secrets;
mod services;
mod storage;
mod velero;
mod workloads;

use std::time::Duration;

use jiff::Timestamp;

use crate::demo::world::World;

/// A platform that lives in a world.
pub trait Story: Send {
    /// Puts every object, with times relative to `world.now()`.
    fn begin(&mut self, world: &mut World);
    /// Moves on to `elapsed` since the beginning. The same seed and elapsed time give the same objects.
    fn tick(&mut self, world: &mut World, elapsed: Duration);
    /// Log lines of a container, oldest first, as (time, text). `None`: there is no such container, or no previous one.
    fn logs(
        &self,
        world: &World,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Option<Vec<(Timestamp, String)>>;
}

/// The names that [`by_name`] knows, the default first.
pub const NAMES: &[&str] = &["platform", "quiet"];

/// The story of that name: `platform` fails, moves and heals; `quiet` is healthy, and nothing changes by itself but the
/// backups that are due.
#[must_use]
pub fn by_name(name: &str, seed: u64) -> Option<Box<dyn Story>> {
    match name {
        "platform" => Some(Box::new(platform::Platform::new(seed, false))),
        "quiet" => Some(Box::new(platform::Platform::new(seed, true))),
        _ => None,
    }
}
