//! The few shapes that a setting can have, and how each is read from text and shown. Durations are whole seconds.

use std::fmt;
use std::path::PathBuf;

use crate::domain::ages::duration;

/// What a key accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A path; a leading `~/` is the home directory.
    Path,
    Flag,
    Seconds,
    List,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A table of strings; has no environment variable.
    Map,
}

impl Kind {
    /// What to write, for an error message.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a string".to_owned(),
            Self::Path => "a path, as a string".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Seconds => "a duration like \"90s\", \"5m\", \"24h\" or \"7d\"".to_owned(),
            Self::List => "a list of strings, like [\"a\", \"b\"]".to_owned(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Map => "a table of strings, like { NAME = \"value\" }".to_owned(),
        }
    }

    /// Reads a value from one piece of text: an environment variable, a flag, a default, a string of the file.
    /// Lists are separated by commas. `None` when the text is not of this kind.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Text | Self::Path => Some(Value::Text(text.to_owned())),
            Self::Flag => match text {
                "true" | "1" | "yes" | "on" => Some(Value::Flag(true)),
                "false" | "0" | "no" | "off" => Some(Value::Flag(false)),
                _ => None,
            },
            Self::Seconds => duration(text).map(Value::Seconds),
            Self::List => Some(Value::List(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
            )),
            Self::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
            Self::Map => None,
        }
    }
}

/// `"a", "b" or "c"`.
#[must_use]
pub fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Flag(bool),
    Seconds(i64),
    List(Vec<String>),
    Map(Vec<(String, String)>),
}

impl Value {
    /// The text, or nothing for the other shapes.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            _ => String::new(),
        }
    }

    #[must_use]
    pub fn flag(&self) -> bool {
        matches!(self, Self::Flag(true))
    }

    /// Seconds, or 0 for the other shapes.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        if let Self::Seconds(seconds) = self { *seconds } else { 0 }
    }

    #[must_use]
    pub fn list(self) -> Vec<String> {
        if let Self::List(list) = self { list } else { Vec::new() }
    }

    #[must_use]
    pub fn map(self) -> Vec<(String, String)> {
        if let Self::Map(map) = self { map } else { Vec::new() }
    }

    /// The same value with the parts that may be secret replaced: all of a text, the values of a map.
    #[must_use]
    pub fn masked(&self) -> Self {
        const MASK: &str = "********";
        match self {
            Self::Text(_) => Self::Text(MASK.to_owned()),
            Self::List(list) => Self::List(list.iter().map(|_| MASK.to_owned()).collect()),
            Self::Map(map) => Self::Map(map.iter().map(|(name, _)| (name.clone(), MASK.to_owned())).collect()),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Value {
    /// As it would be written in the configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", toml::Value::String(text.clone())),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Seconds(seconds) => write!(f, "\"{}\"", friendly(*seconds)),
            Self::List(list) => {
                let items: Vec<String> =
                    list.iter().map(|item| toml::Value::String(item.clone()).to_string()).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Map(map) if map.is_empty() => f.write_str("{}"),
            Self::Map(map) => {
                let pairs: Vec<String> = map
                    .iter()
                    .map(|(name, value)| format!("\"{name}\" = {}", toml::Value::String(value.clone())))
                    .collect();
                write!(f, "{{ {} }}", pairs.join(", "))
            }
        }
    }
}

/// The shortest form that [`duration`] reads back: `90s`, `5m`, `24h`, `7d`.
#[must_use]
pub fn friendly(seconds: i64) -> String {
    match seconds {
        0 => "0s".to_owned(),
        s if s % 86_400 == 0 && s > 86_400 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 && s > 60 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    Env(String),
    Flag(&'static str),
    /// The demo sets what it needs itself.
    Demo,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Demo => f.write_str("demo"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_show_the_way_people_write_them() {
        for (text, expected) in
            [("90s", 90), ("5m", 300), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("1h 30m", 5400)]
        {
            assert_eq!(duration(text), Some(expected), "{text}");
            assert_eq!(duration(&friendly(expected)), Some(expected), "{text}");
        }
        for text in ["", "5", "five", "-5m", "0.5s", "1 month"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(friendly(86_400), "24h");
        assert_eq!(friendly(60), "60s");
    }
}
