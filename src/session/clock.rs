//! The wall clock: the one place that reads it.

use crate::domain::ages::Time;

/// Now, by this machine.
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock; everything else is given the time")]
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_second())
}

/// Now as the API server counts it: ages and expiry follow its clock when ours is off by more than the network explains.
pub fn server_time(skew: i64) -> Time {
    let now = now();
    if skew.abs() > 5 { now.plus(skew) } else { now }
}
