//! How far a story is: the time since its beginning on a loop of twelve minutes, and the spans of trouble on that
//! loop. Every failure is a row here, so that what happens when can be read in one place.

use jiff::{SignedDuration, Timestamp};

/// Seconds after which the same troubles come again.
pub const LOOP: i64 = 720;

/// Trouble as seconds `[from, until)` on the loop. A negative `from` is trouble that was there before the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Trouble(pub i64, pub i64);

pub const BAO_ONE_SEALED: Trouble = Trouble(-240, 420);
pub const BAO_TWO_SEALED: Trouble = Trouble(90, 330);
pub const SECRETS_FAILING: Trouble = Trouble(110, 345);
pub const SECRET_MISSING: Trouble = Trouble(150, 360);
pub const MONITORING_UPGRADE: Trouble = Trouble(-400, 240);
pub const MONITORING_RETRY: Trouble = Trouble(240, 270);
pub const SHOP_ROLLED_BACK: Trouble = Trouble(-100, 560);
pub const LEDGER_FAILING: Trouble = Trouble(-90, 30);
pub const LEDGER_STALLED: Trouble = Trouble(30, 600);
pub const TEAM_BETA_GIT: Trouble = Trouble(300, 560);
pub const GRAFANA_CHARTS: Trouble = Trouble(-200, 120);
pub const WORKER_CRASH: Trouble = Trouble(-560, 100);
pub const SHOP_CRASH: Trouble = Trouble(360, 660);
pub const PAYMENTS_OOM: Trouble = Trouble(60, 400);
pub const CATALOG_PULL: Trouble = Trouble(-150, 250);
pub const FLINK_PENDING: Trouble = Trouble(-350, 180);
pub const EXPORT_FAILED: Trouble = Trouble(-500, 200);
pub const SLOPILOT_UNREADY: Trouble = Trouble(400, 520);
pub const NODE_LOST: Trouble = Trouble(420, 560);
pub const LOKI_CERT: Trouble = Trouble(-600, 110);
pub const TEMPO_CERT_ISSUING: Trouble = Trouble(470, 500);
pub const OFFSITE_DOWN: Trouble = Trouble(240, 480);
pub const QUOTA_FULL: Trouble = Trouble(260, 520);
pub const MANUAL_BACKUP: Trouble = Trouble(-60, 300);

/// The newest time that a trouble began.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Still going on.
    pub active: bool,
    pub since: Timestamp,
    pub until: Timestamp,
    /// Seconds since it began.
    pub age: i64,
    /// Seconds that it lasts or lasted.
    pub length: i64,
    /// How many times it has begun before.
    pub nth: i64,
}

/// A story's seed, its beginning and the seconds since.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub seed: u64,
    pub start: Timestamp,
    pub elapsed: i64,
    /// The story in which nothing is ever wrong.
    pub healthy: bool,
}

impl Moment {
    /// The story's present.
    pub fn now(&self) -> Timestamp {
        self.at(self.elapsed)
    }

    /// A time so many seconds after the beginning (before it when negative).
    pub fn at(&self, seconds: i64) -> Timestamp {
        self.start.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(self.start)
    }

    pub fn days_ago(&self, days: i64) -> Timestamp {
        self.at(-days * 86_400)
    }

    /// The newest beginning of a trouble, whether it still lasts or not; `None` when it has never begun.
    pub fn newest(&self, trouble: Trouble) -> Option<Span> {
        if self.healthy {
            return None;
        }
        let since = self.elapsed - trouble.0;
        if since < 0 {
            return None;
        }
        let (nth, age, length) = (since / LOOP, since % LOOP, trouble.1 - trouble.0);
        let begun = self.elapsed - age;
        Some(Span { active: age < length, since: self.at(begun), until: self.at(begun + length), age, length, nth })
    }

    /// The trouble, if it goes on now.
    pub fn during(&self, trouble: Trouble) -> Option<Span> {
        self.newest(trouble).filter(|span| span.active)
    }

    pub fn is(&self, trouble: Trouble) -> bool {
        self.during(trouble).is_some()
    }

    /// A number for a text, the same for the same seed.
    pub fn hash(&self, text: &str) -> u64 {
        let mut hash = self.seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash ^= hash >> 33;
        hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^ (hash >> 33)
    }

    /// `length` letters as Kubernetes puts behind generated names.
    pub fn suffix(&self, text: &str, length: usize) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut hash = self.hash(text);
        (0..length)
            .map(|_| {
                let letter = LETTERS[usize::try_from(hash % 27).unwrap_or(0)];
                hash = (hash / 27) ^ hash.rotate_left(29);
                char::from(letter)
            })
            .collect()
    }

    /// Hexadecimal digits, as digests have them.
    pub fn hex(&self, text: &str, length: usize) -> String {
        let parts = (0..length.div_ceil(16)).map(|part| format!("{:016x}", self.hash(&format!("{text}/{part}"))));
        let mut digits = parts.fold(String::new(), |all, part| all + &part);
        digits.truncate(length);
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(elapsed: i64) -> Moment {
        Moment { seed: 1, start: Timestamp::UNIX_EPOCH, elapsed, healthy: false }
    }

    #[test]
    fn every_trouble_lasts_less_than_the_loop() {
        for trouble in [BAO_ONE_SEALED, MONITORING_UPGRADE, SHOP_ROLLED_BACK, LEDGER_STALLED, WORKER_CRASH, LOKI_CERT] {
            assert!(trouble.1 - trouble.0 < LOOP, "{trouble:?} would never heal");
        }
    }

    #[test]
    fn a_trouble_from_before_the_beginning_is_there_at_once_ends_and_comes_again() {
        assert_eq!(at(0).during(BAO_ONE_SEALED).map(|s| s.since), Some(at(0).at(-240)));
        assert!(!at(420).is(BAO_ONE_SEALED));
        let again = at(500).during(BAO_ONE_SEALED).expect("it comes again at 480");
        assert_eq!((again.nth, again.age), (1, 20));
    }

    #[test]
    fn a_trouble_of_later_has_not_begun() {
        assert!(at(89).newest(BAO_TWO_SEALED).is_none());
        assert!(at(90).is(BAO_TWO_SEALED));
    }
}
