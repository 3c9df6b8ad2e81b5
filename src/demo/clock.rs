//! The demo's only look at real clocks, the second's tick and the churn. All other parts get the time from here.

#![expect(clippy::disallowed_methods, reason = "where the demo reads the clocks")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::shared::Shared;
use super::world::World;

/// etcd is compacted this often; a continue token lives one to two periods.
const COMPACTION: u64 = 300;

/// The wall clock, read once when a demo starts.
#[must_use]
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// The clock that the story runs by.
#[must_use]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Tells the story once a second, for ever.
pub async fn run(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.tell();
    }
}

/// What the control plane does by itself.
pub fn housekeeping(world: &mut World, told: Duration) {
    let seconds = told.as_secs();
    if seconds.is_multiple_of(60) {
        world.expire_events();
    }
    if seconds.is_multiple_of(COMPACTION) {
        world.compact_periodically();
    }
}

/// MODIFIED pods at a steady pace, for ever. Timers have a millisecond's grain: beyond that, several at once.
pub async fn churn(shared: Arc<Shared>, per_second: f64) {
    if per_second <= 0.0 {
        return std::future::pending().await;
    }
    let period = Duration::from_secs_f64((1.0 / per_second).clamp(0.001, 3600.0));
    let started = monotonic();
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut turn = 0_u64;
    loop {
        ticks.tick().await;
        let due = started.elapsed().as_secs_f64() * per_second;
        let mut state = shared.state();
        #[expect(clippy::cast_precision_loss, reason = "a count of events, far below 2^52")]
        while (turn as f64) < due {
            state.world.churn_once(turn);
            turn += 1;
        }
    }
}
