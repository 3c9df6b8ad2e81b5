//! How long a state may last before it counts, in seconds.

/// Grace periods and windows of every judgement. All values are seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// A pod's failed reason younger than this is a rollout, not a failure.
    pub pod_grace: i64,
    /// Pending longer than this is a warning.
    pub pending: i64,
    /// Running but not Ready longer than this is a warning.
    pub not_ready: i64,
    /// A restart within this time is a warning.
    pub recent_restart: i64,
    /// A failing reconcile younger than this is not yet a finding.
    pub reconcile_grace: i64,
    /// Certificates with less than this left are P1.
    pub certificate_critical: i64,
    /// Certificates with less than this left are P2.
    pub certificate_warning: i64,
    /// A renewal later than `renewalTime` plus this is overdue.
    pub renewal_overdue: i64,
    /// A backup that runs longer is a warning.
    pub backup_running: i64,
    /// A schedule is late when due by more than this (or twice the last duration, if longer).
    pub backup_overdue: i64,
    /// Suspended longer than this is a P2.
    pub suspended_for: i64,
    /// Terminating longer than its grace period plus this is a warning.
    pub terminating: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            pod_grace: 60,
            pending: 300,
            not_ready: 300,
            recent_restart: 3600,
            reconcile_grace: 180,
            certificate_critical: 24 * 3600,
            certificate_warning: 7 * 24 * 3600,
            renewal_overdue: 3600,
            backup_running: 4 * 3600,
            backup_overdue: 3600,
            suspended_for: 24 * 3600,
            terminating: 300,
        }
    }
}
