//! The outcome of a plan, and its progress: data that screens, the audit and exit codes share.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::BuildHasher;

use serde::Deserialize;
use serde_json::Value;

use super::command_line::{CommandLine, WATCHKEEPER};
use super::plan::{Leaves, Proof};
use super::proof::Check;
use super::way::Way;

/// How a plan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done and verified; what was seen.
    Done(String),
    /// It was tried and failed; the controller's or the server's words.
    Failed(String),
    /// Nothing was sent: by us, by the server, or because the object is no longer what was previewed.
    Refused(String),
    /// Sent, but neither seen to succeed nor to fail.
    Unknown(String),
    /// The operator or the end of the session stopped it after a step.
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

    /// The same, with more words.
    #[must_use]
    pub fn and(self, more: &str) -> Self {
        let with = |text: String| if text.is_empty() { more.to_owned() } else { format!("{text}; {more}") };
        match self {
            Self::Done(text) => Self::Done(with(text)),
            Self::Failed(text) => Self::Failed(with(text)),
            Self::Refused(text) => Self::Refused(with(text)),
            Self::Unknown(text) => Self::Unknown(with(text)),
            Self::Interrupted(text) => Self::Interrupted(with(text)),
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

/// Progress of a running plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step begins, or reports something while it lasts.
    At {
        step: usize,
        note: String,
    },
    /// A requested text, line by line, sanitised; its end, when it is long.
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
    /// The dry run was accepted.
    Allowed,
    /// No required right is missing, and only that is known: it cannot be tried without doing it, or only after an
    /// earlier step.
    Untried,
    /// The dry run was rejected: the right that is missing, or the server's words.
    Denied(String),
    /// It could not be checked; why.
    Unknown(String),
}

/// How far a step got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Taken {
    #[default]
    No,
    /// It was sent, or was about to be; whether it arrived is not known.
    Maybe,
    /// It was accepted, or what it waits for was seen.
    Yes,
}

/// A program on this machine that reports a result.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Asked {
    pub argv: Vec<String>,
    pub check: Check,
}

/// A step of a plan as the audit has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    pub what: String,
    pub twin: String,
    /// Which of the plan's targets it is for.
    pub target: usize,
    /// What it changes ([`super::plan::Step::sends`]); empty for what only waits.
    pub sends: String,
    /// What it waits for.
    pub proof: Option<Proof>,
    /// The program that is asked for its result, and how that is judged.
    pub ask: Option<Asked>,
    /// The uid of the object that it is about, where it is known.
    pub uid: String,
    /// What was a manual step.
    pub manual: String,
    /// It sends as many requests as are needed: it counts as accepted once its proof was seen, not before.
    pub many: bool,
    pub leaves: Leaves,
    pub taken: Taken,
    /// What its answer named: `{"silenceID": ...}`.
    pub answer: Value,
}

/// A plan that did not complete, and either was interrupted or has left something suspended, cordoned, scaled or
/// paused. When it was continued and that did not complete either, both are one: what both have sent, and what is left
/// of the later.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unfinished {
    /// The audit's name of the run that began it.
    pub run: String,
    pub time: String,
    pub action: String,
    pub title: String,
    /// The context that it ran in.
    pub context: String,
    /// `KIND/NAMESPACE/NAME`; the namespace is empty where there is none.
    pub objects: Vec<String>,
    /// What was set in addition to the objects.
    pub set: BTreeMap<String, String>,
    pub reason: String,
    pub undo: String,
    /// How its cluster was reached.
    pub way: Way,
    /// The word of its outcome: `interrupted`, `failed`, `unknown`, `refused`.
    pub ending: String,
    /// What the outcome says.
    pub detail: String,
    /// The last step that it reached.
    pub at: usize,
    pub steps: Vec<Trace>,
    /// What earlier runs of the same plan have done.
    pub earlier: Vec<Trace>,
    /// What was sent and not refused: path and body; for a program on this machine an empty path and its words.
    pub sent: Vec<(String, Value)>,
    /// What it leaves: `suspended` and `HelmRelease/team-alpha/shop`.
    pub left: Vec<Held>,
}

/// An object that a plan has left in a temporary state, or in one that nobody has seen confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub word: String,
    /// `KIND/NAMESPACE/NAME`.
    pub object: String,
    /// Whether it is known that the request was accepted.
    pub sure: bool,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.object.split_once('/').unwrap_or(("", &self.object));
        let may = if self.sure { "" } else { "perhaps " };
        write!(f, "{kind} {} {may}{}", name.trim_start_matches('/'), self.word)
    }
}

/// Updates what is left: a step that was accepted, or may have been, adds to it or takes from it.
pub fn hold(held: &mut Vec<Held>, leaves: &Leaves, taken: Taken) {
    match leaves {
        Leaves::Held { word, object } if taken != Taken::No => {
            let sure = taken == Taken::Yes;
            match held.iter_mut().find(|known| known.object == *object && known.word == *word) {
                Some(known) => known.sure |= sure,
                None => held.push(Held { word: word.clone(), object: object.clone(), sure }),
            }
        }
        Leaves::Freed { object } if taken == Taken::Yes => held.retain(|known| known.object != *object),
        Leaves::Freed { object } if taken == Taken::Maybe => {
            held.iter_mut().filter(|known| known.object == *object).for_each(|known| known.sure = false);
        }
        Leaves::Held { .. } | Leaves::Freed { .. } | Leaves::Nothing => {}
    }
}

impl Unfinished {
    /// The run as a number, for those that keep no texts.
    pub fn id(&self) -> u64 {
        foldhash::fast::FixedState::with_seed(11).hash_one(&self.run)
    }

    /// What is wrong with it, in one line.
    pub fn why(&self) -> String {
        let left = if self.left.is_empty() { String::new() } else { format!("left behind: {}; ", self.leaves()) };
        let of = match self.steps.len() {
            0 => String::new(),
            steps => format!(" of {steps}"),
        };
        format!("{left}{} at step {}{of}", self.ending, self.at + 1)
    }

    /// Whether it has sent this value to this place.
    pub fn did(&self, path: &str, pointer: &str, value: &Value) -> bool {
        self.sent.iter().any(|(to, body)| to == path && body.pointer(pointer) == Some(value))
    }

    /// The remaining steps: what was not sent, what was not seen, and what has more to send.
    pub fn left_over(&self) -> impl Iterator<Item = &Trace> {
        let more = |step: &Trace| step.taken == Taken::Maybe && (step.sends.is_empty() || step.many);
        self.steps.iter().filter(move |step| step.taken == Taken::No || more(step))
    }

    /// The steps that were sent, but may not have arrived.
    pub fn in_doubt(&self) -> impl Iterator<Item = &Trace> {
        self.steps.iter().filter(|step| step.taken == Taken::Maybe && !step.sends.is_empty() && !step.many)
    }

    /// What was left, in words: `HelmRelease team-alpha/shop suspended`.
    pub fn leaves(&self) -> String {
        self.left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// The command that continues it, but for the word that approves it. A plan whose action is not known is dismissed
    /// instead.
    pub fn command(&self) -> String {
        if self.action.is_empty() {
            return format!("watchkeeper audit dismiss {} --reason TEXT", self.run);
        }
        let mut line = CommandLine::new(&WATCHKEEPER, &self.way, &["run", &self.action])
            .args(self.objects.iter().map(|object| object.replace("//", "/")));
        for (name, value) in self.set.iter().filter(|(_, value)| !value.is_empty()) {
            line = line.flag("set", format!("{name}={value}"));
        }
        if !self.reason.is_empty() {
            line = line.flag("reason", &self.reason);
        }
        line.pair("--continue", &self.run).to_string()
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
            way: Way { context: "prod".into(), kubeconfig: "/tmp/k".into(), ..Way::default() },
            ..Unfinished::default()
        };
        let wanted = r"watchkeeper --context prod run drain Node/n1 --set=timeout=60 --reason='it'\''s old' --continue 7-1 --kubeconfig /tmp/k";
        assert_eq!(left.command(), wanted);
    }
}
