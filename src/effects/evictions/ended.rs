//! How the evictions of a node ended.

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// No pod is left that had to go.
    Done(String),
    /// Some are left.
    Failed(String),
    /// Some are left, and nothing was taken.
    Refused(String),
    /// It cannot be said what is left, or whether it still goes.
    Unknown(String),
    /// The operator stopped it.
    Stopped(String),
}

/// How it ended, and all of what is left, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub end: End,
    pub lines: Vec<String>,
}
