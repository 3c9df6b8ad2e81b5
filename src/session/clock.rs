//! The wall clock: the one place that reads it.

use crate::domain::ages::Time;

/// Now, by this machine.
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock; everything else is given the time")]
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_second())
}
