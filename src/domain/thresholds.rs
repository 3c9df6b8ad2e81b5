//! How long a state may last before it counts: one row per threshold, from which the struct, its defaults and the
//! configuration keys follow. Plain numbers of seconds; nothing here reads a clock or judges anything.

/// One threshold as the configuration sees it.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// The key below `thresholds.` in the configuration file.
    pub key: &'static str,
    /// The default, in seconds.
    pub default: i64,
    /// What the threshold decides, for help and the example file.
    pub doc: &'static str,
    /// Reads the value, in seconds.
    pub get: fn(&Thresholds) -> i64,
    /// Writes the value, in seconds.
    pub set: fn(&mut Thresholds, i64),
}

macro_rules! thresholds {
    ($($field:ident, $key:literal, $default:expr, $doc:literal;)+) => {
        /// Every duration that turns a state into a finding, in seconds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Thresholds {
            $(#[doc = $doc] pub $field: i64,)+
        }

        impl Default for Thresholds {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        /// The rows, in the order in which they are documented.
        pub const THRESHOLDS: &[Threshold] = &[
            $(Threshold {
                key: $key,
                default: $default,
                doc: $doc,
                get: |thresholds| thresholds.$field,
                set: |thresholds, seconds| thresholds.$field = seconds,
            },)+
        ];
    };
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

thresholds! {
    pod_grace, "pod-grace", MINUTE, "A pod in a failed state counts as a failure after this long: before it, it is a rollout.";
    pending, "pending", 5 * MINUTE, "A pod, a volume claim or an ACME order that is pending is a warning after this long.";
    not_ready, "not-ready", 5 * MINUTE, "A pod that runs without being Ready is a warning after this long.";
    recent_restart, "recent-restart", HOUR, "A container restart is a warning for this long.";
    terminating, "terminating", 5 * MINUTE, "An object that is being deleted is a warning this long after its grace period.";
    reconcile_grace, "reconcile-grace", 3 * MINUTE, "A Flux object may fail or progress this long before it counts.";
    no_progress, "no-progress", 15 * MINUTE, "A state that should pass by itself (unknown, waiting, under way) is a warning after this long, where the object names neither a timeout nor an interval.";
    suspended_for, "suspended-for", DAY, "A suspension outside a maintenance window becomes more urgent after this long.";
    certificate_urgent, "certificate-urgent", DAY, "A certificate that expires within this time is urgent.";
    certificate_soon, "certificate-soon", 7 * DAY, "A certificate in trouble that expires within this time is pressing.";
    renewal_overdue, "renewal-overdue", HOUR, "A certificate renewal is overdue this long after its planned time.";
    issuing, "issuing", 15 * MINUTE, "A certificate issuance is a warning when it takes longer.";
    backup_running, "backup-running", 4 * HOUR, "A backup or restore is a warning when it runs longer.";
    backup_overdue, "backup-overdue", HOUR, "A scheduled backup is overdue at least this long after its time.";
    recent_change, "recent-change", 30 * MINUTE, "A revision that changed at most this long before a failure is named with it.";
    clock_skew, "clock-skew", 5, "A larger difference to the API server's clock is shown, and ages follow that clock.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_and_writes_its_own_field() {
        for (index, row) in THRESHOLDS.iter().enumerate() {
            let mut thresholds = Thresholds::default();
            (row.set)(&mut thresholds, -7);
            for (other, reader) in THRESHOLDS.iter().enumerate() {
                let expected = if other == index { -7 } else { reader.default };
                assert_eq!((reader.get)(&thresholds), expected, "{} after writing {}", reader.key, row.key);
            }
        }
    }
}
