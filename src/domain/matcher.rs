//! The matchers of a silence: how they are written, printed and matched. Alertmanager's own rules, in one place.
//!
//! Sources: Alertmanager 0.28 `pkg/labels/matcher.go` (`String`, `NewMatcher`), `pkg/labels/parse.go` (the classic
//! syntax) and `matcher/parse` (the one with quoted names). If both accept a name, the classic reading counts, as in
//! its `matcher/compat`.

use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;

use super::go_regex;

/// The labels of one alert.
pub type Labels = BTreeMap<String, String>;

/// One matcher, as Alertmanager reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matcher {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    pub is_equal: bool,
}

impl Matcher {
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), is_regex: false, is_equal: true }
    }

    /// It matches what this expression matches, from end to end.
    pub fn fits(name: impl Into<String>, regex: impl Into<String>) -> Self {
        Self { name: name.into(), value: regex.into(), is_regex: true, is_equal: true }
    }

    /// `=`, `!=`, `=~` or `!~`.
    pub fn operator(&self) -> &'static str {
        match (self.is_equal, self.is_regex) {
            (true, false) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (false, true) => "!~",
        }
    }
}

/// Several matchers, compiled once and held against many alerts: all of them must match.
#[derive(Debug, Clone)]
pub struct Test(Vec<(Matcher, Option<Regex>)>);

impl Test {
    /// # Errors
    /// A value that is no regular expression to Go, or too large a one.
    pub fn of(matchers: &[Matcher]) -> Result<Self, String> {
        let ready = |m: &Matcher| {
            let regex = if m.is_regex { Some(go_regex::anchored(&m.value)) } else { None };
            Ok((
                m.clone(),
                regex.transpose().map_err(|why| format!("{}: /{}/ is not a valid regex: {why}", m.name, m.value))?,
            ))
        };
        matchers.iter().map(ready).collect::<Result<_, String>>().map(Self)
    }

    pub fn all(&self, labels: &Labels) -> bool {
        self.each(labels).all(|matches| matches)
    }

    /// For each matcher, whether it matches. A missing label is empty.
    pub fn each<'t>(&'t self, labels: &'t Labels) -> impl Iterator<Item = bool> + 't {
        self.0.iter().map(|(matcher, regex)| {
            let have = labels.get(&matcher.name).map_or("", String::as_str);
            let same = regex.as_ref().map_or_else(|| have == matcher.value, |regex| regex.is_match(have));
            same == matcher.is_equal
        })
    }
}

/// As Alertmanager prints it: `alertname="X"`, and `"host name"="a \"b\""` where the name could be misread.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = self.operator();
        if self.name.is_empty() || self.name.chars().any(is_reserved) {
            write!(f, "{}{operator}{}", Quoted(&self.name, true), Quoted(&self.value, true))
        } else {
            write!(f, "{}{operator}{}", self.name, Quoted(&self.value, false))
        }
    }
}

/// Several as amtool reads them, next to each other.
pub fn written(matchers: &[Matcher]) -> String {
    matchers.iter().map(Matcher::to_string).collect::<Vec<_>>().join(" ")
}

/// A label's name as it is written in a label set: quoted only where it must be.
pub fn name_written(name: &str) -> String {
    if name.is_empty() || name.contains(is_reserved) { Quoted(name, true).to_string() } else { name.to_owned() }
}

/// A label set as it is kept, `{a="b",c="d"}`; of a set that was cut, the whole labels.
pub fn label_set(text: &str) -> Labels {
    let mut rest = text.trim_start_matches('{');
    let mut out = Labels::new();
    while let Ok((matcher, left)) = one(rest) {
        out.insert(matcher.name, matcher.value);
        rest = left.trim_start_matches(',');
    }
    out
}

/// A text between double quotes: as Go quotes it, or as `OpenMetrics` does, which escapes three characters only.
struct Quoted<'t>(&'t str, bool);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                '\t' if self.1 => f.write_str("\\t")?,
                '\r' if self.1 => f.write_str("\\r")?,
                c if self.1 && c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// What a name or a value may contain only in quotes.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// Whether the classic syntax has such names; it reads what follows in its own way.
pub fn is_classic_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
    begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// `name="value" "other name"!="value" name=~"regex"`: with or without quotes around a value, braces around all, and
/// commas between.
///
/// # Errors
/// The part that is no matcher.
pub fn parse(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.trim();
    let mut rest = match text.strip_prefix('{') {
        Some(inner) => inner.strip_suffix('}').ok_or("the brace at the beginning is not closed")?.trim(),
        None => text,
    };
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (matcher, left) = one(rest)?;
        Test::of(std::slice::from_ref(&matcher))?;
        out.push(matcher);
        rest = left.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Ok(out)
}

/// The first matcher, and the text after it.
fn one(text: &str) -> Result<(Matcher, &str), String> {
    let (name, left) = if text.starts_with('"') {
        let (raw, left) = quoted(text)?;
        (go_unquoted(raw)?, left)
    } else {
        let end = text.find(is_reserved).unwrap_or(text.len());
        (text[..end].to_owned(), &text[end..])
    };
    let left = left.trim_start();
    if name.is_empty() && left.starts_with(['=', '!']) {
        return Err(format!("`{text}` names no label"));
    }
    let operators = [("=~", true, true), ("!~", true, false), ("!=", false, false), ("=", false, true)];
    let found = operators.into_iter().find(|(operator, ..)| left.starts_with(operator));
    let Some((operator, is_regex, is_equal)) = found else {
        let why = if left.contains(['=', '!']) { "has no =, !=, =~ or !~ after the name" } else { "has no = in it" };
        return Err(format!("`{text}` {why}"));
    };
    let (value, left) = value(left[operator.len()..].trim_start(), is_classic_name(&name))?;
    Ok((Matcher { name, value, is_regex, is_equal }, left))
}

fn value(text: &str, classic: bool) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        let (raw, left) = quoted(text)?;
        return Ok((if classic { classic_unescaped(raw) } else { go_unquoted(raw)? }, left));
    }
    let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
    let (raw, left) = text.split_at(end);
    // an escaped quote is part of the value, one that is not is a mistake
    if raw.replace("\\\\", "").replace("\\\"", "").contains('"') {
        return Err(format!("a quote inside of a value that is not quoted: {raw}"));
    }
    if !classic && (raw.is_empty() || raw.contains(is_reserved)) {
        return Err(format!("`{raw}` must be quoted behind such a name"));
    }
    Ok((if classic { classic_unescaped(raw) } else { raw.to_owned() }, left))
}

/// The text between quotes, as it is written, and what follows.
fn quoted(text: &str) -> Result<(&str, &str), String> {
    let inner = &text[1..];
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Ok((&inner[..at], &inner[at + 1..])),
            _ => {}
        }
    }
    Err(format!("a quote is not closed: {text}"))
}

/// `\n`, `\"` and `\\`; any other backslash is one.
fn classic_unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next @ ('n' | '"' | '\\'))) => {
                chars.next();
                out.push(if next == 'n' { '\n' } else { next });
            }
            (c, _) => out.push(c),
        }
    }
    out
}

/// The escapes of a text of Go.
fn go_unquoted(raw: &str) -> Result<String, String> {
    let wrong = || format!("an unknown escape: \"{raw}\"");
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.push(c);
            continue;
        }
        let kind = rest.chars().next().ok_or_else(wrong)?;
        rest = &rest[kind.len_utf8()..];
        let mut number = |digits: usize, radix: u32| {
            let text = rest.get(..digits)?;
            rest = &rest[digits..];
            char::from_u32(u32::from_str_radix(text, radix).ok()?)
        };
        let c = match kind {
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            '\\' | '"' => Some(kind),
            // a byte of more is a part of a character, which is not put together here
            'x' => number(2, 16).filter(char::is_ascii),
            'u' => number(4, 16),
            'U' => number(8, 16),
            _ => None,
        };
        out.push(c.ok_or_else(wrong)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn matcher(name: &str, value: &str, operator: &str) -> Matcher {
        let (is_regex, is_equal) = (operator.contains('~'), operator.starts_with('='));
        Matcher { name: name.to_owned(), value: value.to_owned(), is_regex, is_equal }
    }

    #[rstest]
    #[case("namespace", "shop", "=", Some("shop"), true)]
    #[case("namespace", "shop", "!=", Some("shop"), false)]
    #[case::anchored("namespace", "sho", "=~", Some("shop"), false)]
    #[case::alternatives("namespace", "a|shop", "=~", Some("shop"), true)]
    #[case::not_matching("namespace", "a|b", "!~", Some("shop"), true)]
    #[case::missing_is_empty("team", "", "=", None, true)]
    #[case::missing_matches_anything("team", ".*", "=~", None, true)]
    #[case::a_dot_is_no_line_break("message", ".*", "=~", Some("a\nb"), false)]
    #[case::a_bracket_that_closes_the_anchor("x", "a)|(?:b", "=~", Some("a and more"), true)]
    fn a_matcher_matches_as_in_alertmanager(
        #[case] name: &str,
        #[case] value: &str,
        #[case] operator: &str,
        #[case] actual: Option<&str>,
        #[case] matches: bool,
    ) {
        let labels = actual.map(|actual| (name.to_owned(), actual.to_owned())).into_iter().collect();
        assert_eq!(Test::of(&[matcher(name, value, operator)]).unwrap().all(&labels), matches);
    }

    #[rstest]
    #[case(matcher("alertname", "X", "="), r#"alertname="X""#)]
    #[case(matcher("namespace", "a|b", "!~"), r#"namespace!~"a|b""#)]
    #[case(matcher("pod", "a\"\\\n\t", "="), "pod=\"a\\\"\\\\\\n\t\"")]
    #[case::a_dot_needs_no_quotes(matcher("service.name", "checkout api", "="), r#"service.name="checkout api""#)]
    #[case::a_blank_does(matcher("host name", "a \"b\"", "="), r#""host name"="a \"b\"""#)]
    #[case::and_then_go_quotes(matcher("a=b", "x\ty", "="), r#""a=b"="x\ty""#)]
    fn a_matcher_is_printed_as_by_alertmanager(#[case] matcher: Matcher, #[case] told: &str) {
        assert_eq!(matcher.to_string(), told);
    }

    /// With each, what amtool makes of it, one matcher an argument.
    #[rstest]
    #[case(r#"alertname="X" namespace=~"a|b""#, &[matcher("alertname", "X", "="), matcher("namespace", "a|b", "=~")])]
    #[case("{alertname=X, pod!=y,}", &[matcher("alertname", "X", "="), matcher("pod", "y", "!=")])]
    #[case(r#"a!~"x\"y" b=c"#, &[matcher("a", "x\"y", "!~"), matcher("b", "c", "=")])]
    #[case::a_brace_of_the_value(r#"a=~"x{2}""#, &[matcher("a", "x{2}", "=~")])]
    #[case::a_backslash_stays(r#"alertname=~"a{1,3}\d+\.b""#, &[matcher("alertname", r"a{1,3}\d+\.b", "=~")])]
    #[case::also_of_any_letter(r#"pod="\x""#, &[matcher("pod", r"\x", "=")])]
    #[case::without_quotes(r"alertname=~a\d+", &[matcher("alertname", r"a\d+", "=~")])]
    #[case::two_are_one(r#"pod=~"a\\.b""#, &[matcher("pod", r"a\.b", "=~")])]
    #[case::a_tab_is_no_escape_here(r#"pod="a\tb""#, &[matcher("pod", r"a\tb", "=")])]
    #[case::a_line_break_is(r#"pod="a\nb""#, &[matcher("pod", "a\nb", "=")])]
    #[case::a_quoted_name(r#""service.name"="checkout api""#, &[matcher("service.name", "checkout api", "=")])]
    #[case::a_name_with_a_dot(r#"service.name="checkout api""#, &[matcher("service.name", "checkout api", "=")])]
    #[case::go_escapes_there(r#""host name"!="a \"b\"\t\u00e9""#, &[matcher("host name", "a \"b\"\té", "!=")])]
    #[case::a_comma_within_quotes(r#"a="x, y",b="z""#, &[matcher("a", "x, y", "="), matcher("b", "z", "=")])]
    #[case::blanks_around(r#" a = "x" "#, &[matcher("a", "x", "=")])]
    #[case::nothing("", &[])]
    #[case::an_empty_value(r#"a="" b="#, &[matcher("a", "", "="), matcher("b", "", "=")])]
    fn matchers_are_read_as_amtool_reads_them(#[case] text: &str, #[case] expected: &[Matcher]) {
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[rstest]
    #[case("alertname", "has no =")]
    #[case("=x", "names no label")]
    #[case(r#""a"#, "a quote is not closed")]
    #[case(r#"a=~"(""#, "a: /(/ is not a valid regex: missing closing )")]
    #[case(r#"a=~"(?x)a""#, "is not a valid regex: invalid or unsupported Perl syntax")]
    #[case(r#"a="open"#, "a quote is not closed")]
    #[case(r#"{a="b""#, "is not closed")]
    #[case(r#"a.b="\x""#, "an unknown escape")]
    #[case("a.b=c\\d", "must be quoted")]
    #[case("a b=c", "has no =, !=, =~ or !~ after the name")]
    #[case(r#"a=x"y"#, "a quote inside")]
    fn what_is_no_matcher_is_refused(#[case] text: &str, #[case] expected: &str) {
        let why = parse(text).unwrap_err();
        assert!(why.contains(expected), "{why}");
    }

    #[test]
    fn a_label_set_is_read_back_and_what_was_cut_costs_the_rest_alone() {
        let set = label_set(r#"{alertname="X","host name"="a \"b\"",path="C:\\d\n"}"#);
        assert_eq!((&*set["alertname"], &*set["host name"], &*set["path"]), ("X", "a \"b\"", "C:\\d\n"));
        assert_eq!(label_set(r#"{a="b",c="d…"#), Labels::from([("a".into(), "b".into())]));
        assert!(label_set("").is_empty() && label_set("{}").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(name in "[a-z. ={\\\\\"é]{1,6}", value in any::<String>(), equal in any::<bool>()) {
            let matcher = Matcher { name, value, is_regex: false, is_equal: equal };
            prop_assert_eq!(parse(&matcher.to_string()).unwrap(), vec![matcher]);
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
