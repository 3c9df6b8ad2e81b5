//! The eight health words and the four severities.

use std::fmt;

/// How an object is, worst last in declaration order of concern: see [`Health::concern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Health {
    Ok,
    Progressing,
    Warning,
    Failed,
    Suspended,
    Stale,
    Terminating,
    #[default]
    Unknown,
}

impl Health {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Progressing => "progressing",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Suspended => "suspended",
            Self::Stale => "stale",
            Self::Terminating => "terminating",
            Self::Unknown => "unknown",
        }
    }

    /// Larger needs attention sooner. Unknown is never green: it ranks above what is merely under way.
    pub fn concern(self) -> u8 {
        match self {
            Self::Failed => 7,
            Self::Warning => 6,
            Self::Unknown => 5,
            Self::Stale => 4,
            Self::Suspended => 3,
            Self::Terminating => 2,
            Self::Progressing => 1,
            Self::Ok => 0,
        }
    }

    /// A fault for the "faults only" view.
    pub fn is_fault(self) -> bool {
        matches!(self, Self::Failed | Self::Warning | Self::Unknown | Self::Stale)
    }

    /// One column wide; there is always a word next to it.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Ok => " ",
            Self::Progressing => "↻",
            Self::Warning => "▲",
            Self::Failed => "✖",
            Self::Suspended => "⏸",
            Self::Stale => "○",
            Self::Terminating => "↓",
            Self::Unknown => "?",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// P1 act now, P2 within the hour, P3 today, P4 a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    P1 = 1,
    P2,
    P3,
    P4,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}", *self as u8)
    }
}
