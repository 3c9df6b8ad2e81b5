//! What `/` and `-f` mean. A filter that cannot be understood is an error with its reason, never an empty table.
//!
//! Words are joined by "and". `word` is looked for in every column, without regard to case; `!word` must be absent;
//! `column:text` looks in one column, `column=text` wants it whole, `column>n` and `column<n` compare numbers and ages
//! (`age<10m`, `restarts>5`); `/regex/` and `~fuzzy` are what they say. `"two words"` is one word.

use std::fmt;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Matcher, Utf32Str};
use regex::{Regex, RegexBuilder};

use crate::domain::ages::duration;

/// A parsed filter over the columns of one table.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    negated: bool,
    /// Index of the column; `None` for any column.
    column: Option<usize>,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Contains(String),
    Equals(String),
    Less(i64),
    Greater(i64),
    Matches(Regex),
    Fuzzy(Pattern),
}

/// Why a filter was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterError {
    NoColumn { name: String, columns: Vec<String> },
    NotANumber { text: String },
    Regex { text: String, why: String },
    Empty { term: String },
    Unclosed,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoColumn { name, columns } => write!(f, "no column `{name}` here; columns: {}", columns.join(" ")),
            Self::NotANumber { text } => write!(f, "`{text}` is neither a number nor a time like 10m"),
            Self::Regex { text, why } => write!(f, "/{text}/: {why}"),
            Self::Empty { term } => write!(f, "`{term}` names nothing to look for"),
            Self::Unclosed => f.write_str("a quote is not closed"),
        }
    }
}

/// One row, as a filter sees it.
pub trait Fields {
    /// Appends the text of a column.
    fn text(&self, column: usize, out: &mut String);
    /// The number that the column shows; for an age its seconds.
    fn number(&self, column: usize) -> Option<i64>;
    fn columns(&self) -> usize;
}

impl Filter {
    /// `titles` are the columns' titles; `LAST EXIT` is written `last-exit`.
    pub fn parse(text: &str, titles: &[&str]) -> Result<Self, FilterError> {
        let terms = split(text)?.iter().map(|word| term(word, titles)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), terms })
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn matches(&self, row: &dyn Fields, scratch: &mut String) -> bool {
        self.terms.iter().all(|t| t.holds(row, scratch) != t.negated)
    }
}

impl Term {
    fn holds(&self, row: &dyn Fields, scratch: &mut String) -> bool {
        let mut one = |column: usize| match &self.test {
            Test::Less(n) => row.number(column).is_some_and(|have| have < *n),
            Test::Greater(n) => row.number(column).is_some_and(|have| have > *n),
            test => {
                scratch.clear();
                row.text(column, scratch);
                test.holds(scratch)
            }
        };
        match self.column {
            Some(column) => one(column),
            None => (0..row.columns()).any(one),
        }
    }
}

impl Test {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Contains(needle) => contains(text, needle),
            Self::Equals(whole) => text.to_lowercase() == *whole,
            Self::Matches(regex) => regex.is_match(text),
            Self::Fuzzy(pattern) => {
                let mut matcher = Matcher::new(nucleo_matcher::Config::DEFAULT);
                pattern.score(Utf32Str::new(text, &mut Vec::new()), &mut matcher).is_some()
            }
            Self::Less(_) | Self::Greater(_) => false,
        }
    }
}

/// Case-insensitive search; `needle` is lower case already.
fn contains(text: &str, needle: &str) -> bool {
    if !text.is_ascii() || !needle.is_ascii() {
        return text.to_lowercase().contains(needle);
    }
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    text.len() >= needle.len() && text.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle))
}

fn split(text: &str) -> Result<Vec<String>, FilterError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut slashed) = (false, false);
    for c in text.chars() {
        match c {
            '"' if !slashed => quoted = !quoted,
            '/' if !quoted && (slashed || word.is_empty() || word == "!" || word.ends_with(':')) => {
                slashed = !slashed;
                word.push('/');
            }
            c if c.is_whitespace() && !quoted && !slashed => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if quoted {
        return Err(FilterError::Unclosed);
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn term(word: &str, titles: &[&str]) -> Result<Term, FilterError> {
    let (negated, rest) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
    if rest.is_empty() {
        return Err(FilterError::Empty { term: word.to_owned() });
    }
    let named = rest
        .find([':', '=', '<', '>'])
        .filter(|at| *at > 0 && rest[..*at].chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    let Some(at) = named else {
        return Ok(Term { negated, column: None, test: test(rest)? });
    };
    let (name, value) = (&rest[..at], &rest[at + 1..]);
    let column =
        titles.iter().position(|t| t.to_lowercase().replace([' ', '_'], "-") == name.to_lowercase().replace('_', "-"));
    let Some(column) = column else {
        let columns = titles.iter().map(|t| t.to_lowercase().replace(' ', "-")).collect();
        return Err(FilterError::NoColumn { name: name.to_owned(), columns });
    };
    if value.is_empty() && &rest[at..=at] != "=" {
        return Err(FilterError::Empty { term: word.to_owned() });
    }
    let test = match &rest[at..=at] {
        ":" => test(value)?,
        "=" => Test::Equals(value.to_lowercase()),
        "<" => Test::Less(number(value)?),
        _ => Test::Greater(number(value)?),
    };
    Ok(Term { negated, column: Some(column), test })
}

fn test(text: &str) -> Result<Test, FilterError> {
    if let Some(pattern) = text.strip_prefix('~').filter(|p| !p.is_empty()) {
        return Ok(Test::Fuzzy(Pattern::parse(pattern, CaseMatching::Smart, Normalization::Smart)));
    }
    if let Some(pattern) = text.strip_prefix('/').filter(|p| !p.is_empty()) {
        let pattern = pattern.strip_suffix('/').unwrap_or(pattern);
        let built = RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build();
        return built.map(Test::Matches).map_err(|e| FilterError::Regex {
            text: pattern.to_owned(),
            why: e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        });
    }
    Ok(Test::Contains(text.to_lowercase()))
}

/// A number, or a time in seconds: `10m`, `2h`, `3d`.
fn number(text: &str) -> Result<i64, FilterError> {
    let bad = || FilterError::NotANumber { text: text.to_owned() };
    if text.bytes().all(|c| c.is_ascii_digit()) {
        return text.parse().map_err(|_| bad());
    }
    duration(text).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const TITLES: &[&str] = &["NAMESPACE", "NAME", "STATUS", "RESTARTS", "AGE", "LAST EXIT"];

    struct Fake;
    impl Fields for Fake {
        fn text(&self, column: usize, out: &mut String) {
            out.push_str(
                ["team-alpha", "shop-7d4f-x2k9m", "CrashLoopBackOff", "9 (5m ago)", "12m", "OOMKilled 137"][column],
            );
        }
        fn number(&self, column: usize) -> Option<i64> {
            match column {
                3 => Some(9),
                4 => Some(720),
                _ => None,
            }
        }
        fn columns(&self) -> usize {
            TITLES.len()
        }
    }

    #[rstest]
    #[case("", true)]
    #[case("crash", true)]
    #[case("SHOP crash", true)]
    #[case("shop running", false)]
    #[case("!running", true)]
    #[case("!crash", false)]
    #[case("status:crash", true)]
    #[case("name:crash", false)]
    #[case("namespace=team-alpha", true)]
    #[case("namespace=team", false)]
    #[case("restarts>5", true)]
    #[case("restarts<5", false)]
    #[case("age<15m", true)]
    #[case("age>1h", false)]
    #[case("last-exit:oom", true)]
    #[case("/^shop-.*m$/", true)]
    #[case("name:/^crash/", false)]
    #[case("~shpx2", true)]
    #[case("\"9 (5m\"", true)]
    #[case("http://x", false)]
    fn a_filter_means_what_it_says(#[case] text: &str, #[case] expected: bool) {
        let filter = Filter::parse(text, TITLES);
        let Ok(filter) = filter else {
            assert!(text.starts_with("http"), "{filter:?}");
            return;
        };
        assert_eq!(filter.matches(&Fake, &mut String::new()), expected);
    }

    #[rstest]
    #[case("colour:red", "no column `colour` here; columns: namespace name status restarts age last-exit")]
    #[case("age>9999999999999999w", "`9999999999999999w` is neither a number nor a time like 10m")]
    #[case("restarts>many", "`many` is neither a number nor a time like 10m")]
    #[case("/(/", "/(/: unclosed group")]
    #[case("!", "`!` names nothing to look for")]
    #[case("\"open", "a quote is not closed")]
    fn a_filter_that_cannot_be_understood_says_why(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(Filter::parse(text, TITLES).unwrap_err().to_string(), expected);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            if let Ok(filter) = Filter::parse(&text, TITLES) {
                let _ = filter.matches(&Fake, &mut String::new());
            }
        }
    }
}
