//! How long a feed waits: after failures, between lists, and when a server has come back. Nothing here keeps time.

use std::time::Duration;

use crate::domain::record::KindId;

const LONGEST: Duration = Duration::from_secs(30);
/// Between two lists of a small collection that is not watched.
const POLL: Duration = Duration::from_secs(30);
/// A collection of more objects than this is listed less often, in proportion.
const SMALL: usize = 2_000;
const LONGEST_POLL: Duration = Duration::from_secs(300);

/// After the n-th failure in a row: 1 s doubling to 30 s, spread by kind so that the feeds of a cluster that comes back
/// do not all ask at once.
pub fn pause(failures: u32, kind: KindId) -> Duration {
    let base = Duration::from_secs(1 << failures.saturating_sub(1).min(5)).min(LONGEST);
    let spread = (u32::from(kind.0) * 37 + failures * 11) % 50;
    base.mul_f64(0.75 + f64::from(spread) / 100.0)
}

/// After the server has come back: by then all feeds have asked.
pub fn spread(kind: KindId) -> Duration {
    Duration::from_millis(u64::from(kind.0) * 37 % 1_000)
}

/// Between two lists of so many objects.
pub fn between_lists(objects: usize) -> Duration {
    let times = u32::try_from(objects / SMALL).unwrap_or(u32::MAX).saturating_add(1);
    POLL.saturating_mul(times).min(LONGEST_POLL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_grows_to_half_a_minute_and_differs_by_kind() {
        let at = |n| pause(n, KindId(0));
        assert!(at(1) < at(3) && at(3) < at(9));
        assert!(at(40) <= Duration::from_secs(38));
        assert_ne!(pause(3, KindId(1)), pause(3, KindId(2)));
    }

    #[test]
    fn all_feeds_ask_within_a_second_of_a_server_that_is_back() {
        assert!((0..=u8::MAX).all(|kind| spread(KindId(kind)) < Duration::from_secs(1)));
        assert_ne!(spread(KindId(1)), spread(KindId(2)));
    }

    #[test]
    fn a_large_collection_is_listed_less_often() {
        let seconds = [0, 1_999, 2_000, 10_000, 1_000_000].map(|objects| between_lists(objects).as_secs());
        assert_eq!(seconds, [30, 30, 60, 180, 300]);
    }
}
