//! The faults file: TOML with one `[[rule]]` per fault. A key that is misspelt, missing or without meaning for its rule is
//! refused with file and line.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Act, Faults, Rule};

/// Why a faults file was refused.
#[derive(Debug)]
pub enum FaultsError {
    Read(PathBuf, std::io::Error),
    /// The file, the line from 1, and what is wrong there.
    Parse(PathBuf, usize, String),
}

impl fmt::Display for FaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultsError::Read(path, error) => write!(f, "cannot read the faults in {}: {error}", path.display()),
            FaultsError::Parse(path, line, message) => write!(f, "{}:{line}: {message}", path.display()),
        }
    }
}

impl std::error::Error for FaultsError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "do")]
    act: Spanned<String>,
    path: Option<String>,
    query: Option<String>,
    verb: Option<String>,
    nth: Option<Spanned<u64>>,
    times: Option<u64>,
    from: Option<Spanned<f64>>,
    until: Option<Spanned<f64>>,
    code: Option<Spanned<u16>>,
    retry_after: Option<Spanned<u32>>,
    body: Option<Spanned<String>>,
    seconds: Option<Spanned<f64>>,
    after: Option<Spanned<usize>>,
    stream: Option<Spanned<bool>>,
}

/// A place in the file and what is wrong there.
type Wrong = (Range<usize>, String);

impl Faults {
    /// Reads a faults file.
    ///
    /// # Errors
    /// The file cannot be read, or a rule in it is wrong.
    pub fn load(path: &Path) -> Result<Faults, FaultsError> {
        let text = std::fs::read_to_string(path).map_err(|error| FaultsError::Read(path.to_owned(), error))?;
        Faults::parse(&text, path)
    }

    /// The rules in a text; the path is for messages only.
    ///
    /// # Errors
    /// The first rule that is wrong, with its line.
    pub fn parse(text: &str, path: &Path) -> Result<Faults, FaultsError> {
        let wrong = |(span, message): Wrong| {
            let before = &text[..span.start.min(text.len())];
            FaultsError::Parse(path.to_owned(), before.matches('\n').count() + 1, message)
        };
        let file: File = toml::from_str(text)
            .map_err(|error| wrong((error.span().unwrap_or_default(), error.message().trim_end().to_owned())))?;
        let rules = file.rule.into_iter().map(|row| rule(row).map_err(wrong));
        Ok(Faults { rules: rules.collect::<Result<_, _>>()?, begun: Duration::ZERO })
    }
}

fn seconds(value: Option<&Spanned<f64>>) -> Result<Option<Duration>, Wrong> {
    let Some(value) = value else { return Ok(None) };
    Duration::try_from_secs_f64(*value.get_ref())
        .map(Some)
        .map_err(|_| (value.span(), "must be a number of seconds from 0 on".to_owned()))
}

fn rule(row: Spanned<Row>) -> Result<Rule, Wrong> {
    let whole = row.span();
    let row = row.into_inner();
    let name = row.act.get_ref().as_str();
    let given: [(&str, Option<Range<usize>>); 6] = [
        ("code", row.code.as_ref().map(Spanned::span)),
        ("retry_after", row.retry_after.as_ref().map(Spanned::span)),
        ("body", row.body.as_ref().map(Spanned::span)),
        ("seconds", row.seconds.as_ref().map(Spanned::span)),
        ("after", row.after.as_ref().map(Spanned::span)),
        ("stream", row.stream.as_ref().map(Spanned::span)),
    ];
    let meant: &[&str] = match name {
        "status" => &["code", "retry_after", "body"],
        "delay" | "skew" => &["seconds"],
        "cut" | "garble" | "hang" => &["after"],
        "gone" => &["stream"],
        "deny" => &["body"],
        "silent" | "drop" | "lose" | "refuse" | "not-found" => &[],
        other => {
            let known = "status, delay, cut, garble, silent, hang, gone, drop, lose, deny, refuse, skew, not-found";
            return Err((row.act.span(), format!("do = {other:?} is unknown; there are: {known}")));
        }
    };
    for (key, span) in given {
        if let Some(span) = span.filter(|_| !meant.contains(&key)) {
            return Err((span, format!("`{key}` means nothing to do = {name:?}")));
        }
    }
    let missing = |key: &str| (whole.clone(), format!("do = {name:?} needs `{key}`"));
    let after = row.after.as_ref().map_or(0, |after| *after.get_ref());
    let act = match name {
        "status" => {
            let code = row.code.as_ref().ok_or_else(|| missing("code"))?;
            if !(200..=599).contains(code.get_ref()) {
                return Err((code.span(), "`code` must be from 200 to 599".to_owned()));
            }
            Act::Status {
                code: *code.get_ref(),
                retry_after: row.retry_after.map(Spanned::into_inner),
                body: row.body.map(Spanned::into_inner),
            }
        }
        "delay" => Act::Delay(seconds(row.seconds.as_ref())?.ok_or_else(|| missing("seconds"))?),
        "skew" => {
            let value = row.seconds.as_ref().ok_or_else(|| missing("seconds"))?;
            let skew = *value.get_ref();
            if !(-1e9..=1e9).contains(&skew) {
                return Err((value.span(), "must be a number of seconds within 30 years".to_owned()));
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
            Act::Skew(skew.round() as i64)
        }
        "cut" => Act::Cut(after),
        "garble" => Act::Garble(after),
        "hang" => Act::Hang(after),
        "gone" => Act::Gone { in_stream: row.stream.is_some_and(Spanned::into_inner) },
        "silent" => Act::Silent,
        "drop" => Act::Drop,
        "lose" => Act::Lose,
        "deny" => Act::Deny(row.body.map(Spanned::into_inner).ok_or_else(|| missing("body"))?),
        "refuse" => Act::Refuse,
        _ => Act::NotFound,
    };
    let nth = match &row.nth {
        None => 1,
        Some(nth) if *nth.get_ref() == 0 => return Err((nth.span(), "`nth` counts from 1".to_owned())),
        Some(nth) => *nth.get_ref(),
    };
    let mut rule = Rule::new(act);
    rule.path = row.path;
    rule.query = row.query;
    rule.verb = row.verb;
    rule.nth = nth;
    rule.times = row.times;
    rule.from = seconds(row.from.as_ref())?.unwrap_or_default();
    rule.until = seconds(row.until.as_ref())?;
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Faults::parse(text, Path::new("faults.toml")).unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_rules_is_read() {
        let text = "[[rule]]\npath = \"/api/v1/pods\"\nverb = \"list\"\nnth = 2\ntimes = 3\ndo = \"status\"\ncode = 429\nretry_after = 5\n\n[[rule]]\ndo = \"skew\"\nseconds = -90\nfrom = 1.5\nuntil = 2\n";
        let faults = Faults::parse(text, Path::new("f")).unwrap();
        let expected = Faults::one(
            Rule::new(Act::Status { code: 429, retry_after: Some(5), body: None })
                .path("/api/v1/pods")
                .verb("list")
                .only(2, 3),
        )
        .with(Rule::new(Act::Skew(-90)).from(Duration::from_millis(1500)).until(Duration::from_secs(2)));
        assert_eq!(faults, expected);
    }

    #[test]
    fn mistakes_are_told_with_file_and_line() {
        for (text, line, word) in [
            ("[[rule]]\ndo = \"cut\"\nafther = 3\n", 3, "afther"),
            ("[[rule]]\ndo = \"explode\"\n", 2, "explode"),
            ("\n[[rule]]\ndo = \"status\"\n", 2, "code"),
            ("[[rule]]\ndo = \"drop\"\ncode = 500\n", 3, "means nothing"),
            ("[[rule]]\ndo = \"status\"\ncode = 99\n", 3, "200 to 599"),
            ("[[rule]]\ndo = \"drop\"\nnth = 0\n", 3, "from 1"),
            ("\n[[rule]]\ndo = \"deny\"\n", 2, "body"),
            ("[[rule]]\ndo = \"lose\"\nbody = \"x\"\n", 3, "means nothing"),
            ("[[rule]]\ndo = \"delay\"\nseconds = -1\n", 3, "from 0"),
            ("[[rule]]\ndo = \"delay\"\nseconds = \"x\"\n", 3, "invalid type"),
            ("[[rule]\n", 1, ""),
        ] {
            let message = refused(text);
            assert!(
                message.starts_with(&format!("faults.toml:{line}: ")) && message.contains(word),
                "{text:?}: {message}"
            );
        }
    }
}
