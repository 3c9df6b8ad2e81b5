//! What became of a plan, and how far it is: data that screens, the audit and exit codes share.

use std::fmt;

/// How a plan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done and verified; what was seen.
    Done(String),
    /// It was tried and did not work; the controller's or the server's words.
    Failed(String),
    /// Nothing was sent: by us, by the server, or because the object is no longer what was previewed.
    Refused(String),
    /// Sent, but not seen to work or to fail.
    Unknown(String),
    /// The operator or the end of the session stopped it between two steps.
    Interrupted(String),
}

impl Outcome {
    /// The word that audit, screens and scripts use.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Unknown(_) => "unknown",
            Self::Interrupted(_) => "interrupted",
        }
    }

    pub fn detail(&self) -> &str {
        match self {
            Self::Done(text)
            | Self::Failed(text)
            | Self::Refused(text)
            | Self::Unknown(text)
            | Self::Interrupted(text) => text,
        }
    }

    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            "" => f.write_str(self.word()),
            detail => write!(f, "{}: {detail}", self.word()),
        }
    }
}

/// News of a running plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step begins, or says something while it lasts.
    At {
        step: usize,
        note: String,
    },
    /// A text that was asked for, line by line, sanitised; its end, when it is long.
    Output(Vec<String>),
    Ended(Outcome),
}

/// What was found out about a step before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which step of the plan.
    pub step: usize,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server would take it.
    Allowed,
    /// It would be refused: the right that is missing, or the server's words.
    Denied(String),
    /// Nobody could be asked; why.
    Unknown(String),
}

/// A plan whose end is not known: the process ended first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    pub time: String,
    pub title: String,
    /// The step that it had come to, and all of them as (words, equivalent command).
    pub at: usize,
    pub steps: Vec<(String, String)>,
}
