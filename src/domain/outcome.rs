//! What became of a plan, and how far it is: data that screens, the audit and exit codes share.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::shell::quoted;

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

/// A plan that did not come to its end: it was interrupted, or the process ended first. When it was gone on with and
/// that was interrupted, too, it is told as one: what both have sent, and what is left of the later.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// The audit's name of the run that began it.
    pub run: String,
    pub time: String,
    pub action: String,
    pub title: String,
    /// `KIND/NAMESPACE/NAME`; the namespace is empty where there is none.
    pub objects: Vec<String>,
    /// What was set beside the objects.
    pub set: BTreeMap<String, String>,
    pub reason: String,
    /// The step that it had come to, and all of them as (words, equivalent command).
    pub at: usize,
    pub steps: Vec<(String, String)>,
    /// What was sent and not refused: path and body; of a program of this machine nothing and its words.
    pub sent: Vec<(String, Value)>,
}

impl Unfinished {
    /// Whether it has sent this value to this place.
    pub fn did(&self, path: &str, pointer: &str, value: &Value) -> bool {
        self.sent.iter().any(|(to, body)| to == path && body.pointer(pointer) == Some(value))
    }

    /// Whether it has run this program to its good end.
    pub fn ran(&self, argv: &[String]) -> bool {
        self.sent.iter().any(|(to, words)| to.is_empty() && *words == serde_json::json!(argv))
    }

    /// The command that goes on with it, but for the word that approves it.
    pub fn command(&self) -> String {
        let mut words = vec!["watchkeeper run".to_owned(), self.action.clone()];
        words.extend(self.objects.iter().map(|object| quoted(&object.replace("//", "/"))));
        for (name, value) in self.set.iter().filter(|(_, value)| !value.is_empty()) {
            words.extend(["--set".to_owned(), quoted(&format!("{name}={value}"))]);
        }
        if !self.reason.is_empty() {
            words.extend(["--reason".to_owned(), quoted(&self.reason)]);
        }
        words.extend(["--continue".to_owned(), self.run.clone()]);
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_goes_on_is_one_line_for_a_shell() {
        let left = Unfinished {
            run: "7-1".into(),
            action: "drain".into(),
            objects: vec!["Node//n1".into()],
            set: BTreeMap::from([("timeout".into(), "60".into()), ("unmanaged".into(), String::new())]),
            reason: "it's old".into(),
            ..Unfinished::default()
        };
        let wanted = r"watchkeeper run drain Node/n1 --set timeout=60 --reason 'it'\''s old' --continue 7-1";
        assert_eq!(left.command(), wanted);
    }
}
