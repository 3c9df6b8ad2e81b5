//! Matchers of silences and of `filter` parameters. Regular expressions are anchored at both ends.

use regex::Regex;
use serde_json::{Value as Json, json};

use crate::demo::services::tsdb::Labels;

#[derive(Clone, Debug)]
pub struct Matcher {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    pub is_equal: bool,
    pattern: Option<Regex>,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.value, self.is_regex, self.is_equal)
            == (&other.name, &other.value, other.is_regex, other.is_equal)
    }
}

impl Matcher {
    /// `Err` names what is wrong with it.
    pub fn new(name: &str, value: &str, is_regex: bool, is_equal: bool) -> Result<Self, String> {
        let valid = name
            .bytes()
            .enumerate()
            .all(|(at, b)| b.is_ascii_alphabetic() || b == b'_' || (at > 0 && b.is_ascii_digit()));
        if name.is_empty() || !valid {
            return Err(format!("invalid label name {name:?}"));
        }
        let pattern = if is_regex {
            Some(Regex::new(&format!("^(?:{value})$")).map_err(|_| format!("invalid regular expression {value:?}"))?)
        } else {
            None
        };
        Ok(Self { name: name.to_owned(), value: value.to_owned(), is_regex, is_equal, pattern })
    }

    /// Of a silence as it is posted.
    pub fn of_json(json: &Json) -> Result<Self, String> {
        let (Some(name), Some(value), Some(is_regex)) =
            (json["name"].as_str(), json["value"].as_str(), json["isRegex"].as_bool())
        else {
            return Err("a matcher needs name, value and isRegex".to_owned());
        };
        Self::new(name, value, is_regex, json["isEqual"].as_bool().unwrap_or(true))
    }

    /// Of `filter=name="value"` with one of `=`, `!=`, `=~`, `!~`; the quotes may be left out.
    pub fn of_filter(text: &str) -> Result<Self, String> {
        let bad = || format!("bad matcher format: {text}");
        let at = text.find(['=', '!']).ok_or_else(bad)?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let op = ["=~", "!~", "!=", "="].into_iter().find(|op| rest.starts_with(op)).ok_or_else(bad)?;
        let value = rest[op.len()..].trim();
        let value = match value.strip_prefix('"') {
            Some(inner) => inner.strip_suffix('"').ok_or_else(bad)?.replace("\\\"", "\"").replace("\\\\", "\\"),
            None => value.to_owned(),
        };
        Self::new(name, &value, op.ends_with('~'), op.starts_with('='))
    }

    pub fn fits_text(&self, value: &str) -> bool {
        let equal = self.pattern.as_ref().map_or_else(|| value == self.value, |pattern| pattern.is_match(value));
        equal == self.is_equal
    }

    /// A label that is absent is an empty one.
    pub fn fits(&self, labels: &Labels) -> bool {
        self.fits_text(labels.get(&self.name).map_or("", String::as_str))
    }

    pub fn json(&self) -> Json {
        json!({ "name": self.name, "value": self.value, "isRegex": self.is_regex, "isEqual": self.is_equal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_with_and_without_quotes() {
        let read = |text: &str| Matcher::of_filter(text).map(|m| (m.name, m.value, m.is_regex, m.is_equal));
        let is = |name: &str, value: &str, regex, equal| Ok((name.to_owned(), value.to_owned(), regex, equal));
        assert_eq!(read("alertname=\"X\""), is("alertname", "X", false, true));
        assert_eq!(read("a=~b.*"), is("a", "b.*", true, true));
        assert_eq!(read("a!=\"b=c\""), is("a", "b=c", false, false));
        assert_eq!(read("a !~ b"), is("a", "b", true, false));
        assert!(read("a").is_err() && read("=b").is_err() && read("a=~\"(\"").is_err());
    }

    #[test]
    fn a_regular_expression_must_fit_the_whole_value() {
        let matcher = Matcher::new("a", "b", true, true).expect("valid");
        assert!(matcher.fits_text("b") && !matcher.fits_text("bb"));
    }
}
