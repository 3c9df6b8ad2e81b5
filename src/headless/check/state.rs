//! The four states of the monitoring-plugins convention, and which of two counts: what is known to be critical outranks
//! what is not known, and that outranks a warning.

/// In the order of their weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum State {
    #[default]
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl State {
    /// From counts of incidents of P1 to P4, and of what could not be read.
    pub fn of(by_severity: [u32; 4], unknown: u32) -> Self {
        let [p1, p2, p3, _] = by_severity;
        match (p1, unknown, p2, p3) {
            (1.., ..) => Self::Critical,
            (_, 1.., ..) => Self::Unknown,
            (0, 0, 0, 0) => Self::Ok,
            _ => Self::Warning,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing([0, 0, 0, 0], 0, State::Ok, 0)]
    #[case::notes([0, 0, 0, 7], 0, State::Ok, 0)]
    #[case::today([0, 0, 1, 0], 0, State::Warning, 1)]
    #[case::within_the_hour([0, 1, 0, 0], 0, State::Warning, 1)]
    #[case::now([1, 0, 0, 0], 0, State::Critical, 2)]
    #[case::blind([0, 0, 0, 0], 1, State::Unknown, 3)]
    #[case::unknown_outranks_a_warning([0, 5, 5, 5], 1, State::Unknown, 3)]
    #[case::critical_outranks_unknown([1, 5, 5, 5], 9, State::Critical, 2)]
    fn a_state_follows_from_the_counts(
        #[case] by_severity: [u32; 4],
        #[case] unknown: u32,
        #[case] state: State,
        #[case] code: u8,
    ) {
        let told = State::of(by_severity, unknown);
        assert_eq!((told, told.code()), (state, code));
    }

    #[test]
    fn the_worst_of_a_fleet_is_the_heaviest() {
        let worst = [State::Warning, State::Unknown, State::Ok].into_iter().max();
        assert_eq!(worst, Some(State::Unknown));
        assert_eq!([State::Unknown, State::Critical].into_iter().max(), Some(State::Critical));
    }
}
