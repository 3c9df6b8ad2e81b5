//! Answers to what a screen asked for: an object, its events, a log.

use std::collections::HashMap;

use super::ages::Time;
use super::outcome::Checked;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The API server itself says that there is no such object. Every other answer leaves open whether there is one.
    pub absent: bool,
    /// In plain words, sanitised.
    pub why: String,
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self { absent: false, why }
    }
}

/// Paths that were read, each by itself.
pub type Answers = HashMap<String, Result<serde_json::Value, Unread>>;

/// What a screen gets for a ticket.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Object(Result<serde_json::Value, String>),
    Events(Result<Vec<Event>, String>),
    Log(LogNews),
    /// Paths of the API server that were read, each by itself.
    Read(Answers),
    /// Results of the dry run of a plan's steps.
    Checked(Vec<Checked>),
    /// Lines of the audit, the newest first.
    Audit(Result<Vec<Recorded>, String>),
}

/// A line of the audit for people, sanitised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// RFC 3339.
    pub time: String,
    /// The audit's name of the run; empty where it belongs to none.
    pub run: String,
    pub event: String,
    pub what: String,
}

/// Whether there is a namespace of some name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    There,
    /// There is none; names that may be meant, the nearest first.
    Absent {
        near: Vec<String>,
    },
    /// Not permitted to know; why.
    Unknown(String),
}

impl Standing {
    /// What to say of it; nothing when it is there.
    pub fn told(&self, name: &str) -> Option<String> {
        match self {
            Self::There => None,
            Self::Absent { near } if near.is_empty() && name == "all" => {
                Some("there is no namespace all: -A means all of them".to_owned())
            }
            Self::Absent { near } if near.is_empty() => Some(format!("there is no namespace {name}")),
            Self::Absent { near } => Some(format!("there is no namespace {name}: is it {}?", near.join(", "))),
            Self::Unknown(why) => Some(format!("whether there is a namespace {name} cannot be checked: {why}")),
        }
    }
}

/// News of a followed log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogNews {
    /// The containers of the pod, the one that is opened first, and whether the lines are of its run before this one.
    Containers(Vec<String>, bool),
    /// Sanitised lines with their time, oldest first.
    Lines(Vec<LogLine>),
    /// Lines that were not kept because they came faster than they could be shown.
    Dropped(u64),
    /// No more lines; why.
    Ended(String),
    Failed(String),
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// RFC 3339, as the API server prefixes it; empty when unknown.
    pub time: Box<str>,
    pub text: Box<str>,
}

/// An event about an object, newest first when listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub last: Time,
    pub count: i64,
    pub warning: bool,
    pub reason: String,
    pub from: String,
    pub note: String,
    /// It is about another object of the same name, usually an earlier one.
    pub other: bool,
}
