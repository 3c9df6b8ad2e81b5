//! Regular expressions as Go reads them, written as the `regex` crate reads them. Alertmanager and Prometheus compile
//! theirs with Go, and the two differ: what `.` leaves out, what `\w` is, which escapes and classes there are, and what
//! is refused. Every character is written as its number, so that nothing of the pattern means anything else here.
//!
//! Source: Go 1.26 `regexp/syntax/parse.go` with the flags of `regexp.Compile`.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

use regex::{Regex, RegexBuilder};

/// A compiled expression may take this many bytes.
const SIZE: usize = 4 << 20;
/// Go's limits: of a repetition, of nested repetitions, and of nesting.
const MOST_REPEATS: i64 = 1000;
const MOST_NESTED: usize = 1000;

/// Why an expression is invalid, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    what: &'static str,
    part: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.part.is_empty() { f.write_str(self.what) } else { write!(f, "{}: `{}`", self.what, self.part) }
    }
}

fn mistake<T>(what: &'static str, part: &str) -> Result<T, Mistake> {
    Err(Mistake { what, part: part.to_owned() })
}

/// Compiled so that it must fit the whole text, in the words of Alertmanager: a bracket in it may close the first one.
///
/// # Errors
/// As [`compile`].
pub fn anchored(pattern: &str) -> Result<Regex, String> {
    compile(&format!("^(?:{pattern})$")).map_err(|mistake| mistake.to_string())
}

/// A text as an expression that matches only that text.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Compiles what Go's `regexp.Compile` would accept.
///
/// # Errors
/// Go refuses it too, or it is larger than is compiled here.
pub fn compile(pattern: &str) -> Result<Regex, Mistake> {
    let text = translate(pattern)?;
    let limit = u32::try_from(MOST_NESTED * 8).unwrap_or(u32::MAX);
    let built = RegexBuilder::new(&text).size_limit(SIZE).nest_limit(limit).build();
    built.map_err(|_| Mistake { what: "too large to be compiled here", part: String::new() })
}

/// A part of the translation, and what of it counts for Go's bounds.
#[derive(Debug, Default)]
struct Node {
    text: String,
    repeats: Vec<Repeat>,
    height: usize,
}

/// A counted repetition, with those inside of it.
#[derive(Debug)]
struct Repeat {
    times: i64,
    inner: Vec<Repeat>,
}

impl Repeat {
    fn fits(&self, most: i64) -> bool {
        if self.times == 0 {
            return true;
        }
        self.times <= most && self.inner.iter().all(|inner| inner.fits(most / self.times))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    fold: bool,
    many_lines: bool,
    dot_all: bool,
}

/// What is between two brackets, or the whole.
#[derive(Debug, Default)]
struct Level {
    done: Vec<Vec<Node>>,
    now: Vec<Node>,
    /// The flags outside.
    flags: Flags,
}

impl Level {
    fn close(mut self) -> Node {
        self.done.push(self.now);
        let mut out = Node { text: "(?:".to_owned(), ..Node::default() };
        for (n, branch) in self.done.into_iter().enumerate() {
            if n > 0 {
                out.text.push('|');
            }
            for node in branch {
                out.text.push_str(&node.text);
                out.repeats.extend(node.repeats);
                out.height = out.height.max(node.height);
            }
        }
        out.text.push(')');
        out.height += 1;
        out
    }
}

struct Parser<'p> {
    rest: &'p str,
    flags: Flags,
    levels: Vec<Level>,
    names: HashSet<&'p str>,
}

fn translate(pattern: &str) -> Result<String, Mistake> {
    let mut parser =
        Parser { rest: pattern, flags: Flags::default(), levels: vec![Level::default()], names: HashSet::new() };
    // the last thing was a repetition: the text from there on
    let mut repeated = None;
    while let Some(c) = parser.rest.chars().next() {
        repeated = parser.step(c, repeated)?;
        if parser.levels.len() > MOST_NESTED {
            return mistake("expression nests too deeply", "");
        }
    }
    match (parser.levels.pop(), parser.levels.is_empty()) {
        (Some(whole), true) => Ok(whole.close().text),
        _ => mistake("missing closing )", pattern),
    }
}

impl<'p> Parser<'p> {
    /// Takes the next thing; when that was a repetition, after which there must not be another one, the text from there on.
    fn step(&mut self, c: char, repeated: Option<&'p str>) -> Result<Option<&'p str>, Mistake> {
        let before = self.rest;
        let after = &before[c.len_utf8()..];
        match c {
            '(' if after.starts_with('?') => self.flags_or_group()?,
            '(' => {
                self.rest = after;
                self.open();
            }
            ')' => {
                self.rest = after;
                self.close()?;
            }
            '|' => {
                self.rest = after;
                let level = self.level();
                let now = std::mem::take(&mut level.now);
                level.done.push(now);
            }
            '[' => self.class()?,
            '\\' => self.escape()?,
            '*' | '+' | '?' => {
                self.rest = after;
                let times = &before[..1];
                self.repeat(times, None, before, repeated)?;
                return Ok(Some(before));
            }
            '{' => match count(after) {
                Some((least, most, rest)) => {
                    self.rest = rest;
                    let times = &before[..before.len() - rest.len()];
                    let small = |n: i64| (0..=MOST_REPEATS).contains(&n);
                    if !small(least) || most.is_some_and(|most| !small(most) || most < least) {
                        return mistake("invalid repeat count", times);
                    }
                    self.repeat(times, Some((least, most)), before, repeated)?;
                    return Ok(Some(before));
                }
                None => self.literal_and('{', after),
            },
            '.' => {
                self.rest = after;
                self.push(if self.flags.dot_all { "(?s:.)" } else { "[^\\n]" });
            }
            '^' => {
                self.rest = after;
                self.push(if self.flags.many_lines { "(?m:^)" } else { "\\A" });
            }
            '$' => {
                self.rest = after;
                self.push(if self.flags.many_lines { "(?m:$)" } else { "\\z" });
            }
            c => self.literal_and(c, after),
        }
        Ok(None)
    }

    fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    fn push(&mut self, text: &str) {
        self.level().now.push(Node { text: text.to_owned(), ..Node::default() });
    }

    fn literal_and(&mut self, c: char, rest: &'p str) {
        self.rest = rest;
        self.literal(u32::from(c));
    }

    fn literal(&mut self, c: u32) {
        let text = match (written(c, c), self.flags.fold) {
            // half of a pair: it is in no text
            (text, _) if text.is_empty() => NOTHING.to_owned(),
            (text, true) => format!("(?i:{text})"),
            (text, false) => text,
        };
        self.push(&text);
    }

    fn open(&mut self) {
        let flags = self.flags;
        self.levels.push(Level { flags, ..Level::default() });
    }

    fn close(&mut self) -> Result<(), Mistake> {
        if self.levels.len() < 2 {
            return mistake("unexpected )", "");
        }
        if let Some(level) = self.levels.pop() {
            self.flags = level.flags;
            let node = level.close();
            self.level().now.push(node);
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        times: &str,
        counted: Option<(i64, Option<i64>)>,
        before: &str,
        repeated: Option<&str>,
    ) -> Result<(), Mistake> {
        // lazy or greedy, what is matched as a whole is the same
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        let part = &before[..before.len() - self.rest.len()];
        if let Some(first) = repeated {
            return mistake("invalid nested repetition operator", &first[..first.len() - self.rest.len()]);
        }
        let Some(node) = self.level().now.pop() else {
            return mistake("missing argument to repetition operator", times);
        };
        let mut out =
            Node { text: format!("(?:{}){times}", node.text), repeats: node.repeats, height: node.height + 1 };
        if let Some((least, most)) = counted {
            let inner = std::mem::take(&mut out.repeats);
            // without an end the beginning counts, and from 0 on once
            let whole = Repeat { times: most.unwrap_or(least.max(1)), inner };
            let counts = least >= 2 || most.is_some_and(|most| most >= 2);
            if counts && !whole.fits(MOST_REPEATS) {
                return mistake("invalid repeat count", part);
            }
            out.repeats.push(whole);
        }
        if out.height > MOST_NESTED {
            return mistake("expression nests too deeply", "");
        }
        self.level().now.push(out);
        Ok(())
    }

    /// `(?i)`, `(?i-s:`, `(?:`, `(?P<name>`, `(?<name>`.
    fn flags_or_group(&mut self) -> Result<(), Mistake> {
        let whole = self.rest;
        let inner = &whole[2..];
        for start in ["P<", "<"] {
            if let Some(named) = inner.strip_prefix(start).filter(|named| !named.is_empty()) {
                let Some((name, rest)) = named.split_once('>') else { return mistake("invalid named capture", whole) };
                let part = &whole[..whole.len() - rest.len()];
                if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    return mistake("invalid named capture", part);
                }
                if !self.names.insert(name) {
                    return mistake("duplicate capture group name", name);
                }
                self.rest = rest;
                self.open();
                return Ok(());
            }
        }
        let mut flags = self.flags;
        let (mut on, mut seen) = (true, false);
        for (at, c) in inner.char_indices() {
            match c {
                'i' => (flags.fold, seen) = (on, true),
                'm' => (flags.many_lines, seen) = (on, true),
                's' => (flags.dot_all, seen) = (on, true),
                'U' => seen = true,
                '-' if on => (on, seen) = (false, false),
                ':' | ')' if on || seen => {
                    self.rest = &inner[at + 1..];
                    if c == ':' {
                        self.open();
                    }
                    self.flags = flags;
                    return Ok(());
                }
                c => return mistake("invalid or unsupported Perl syntax", &whole[..2 + at + c.len_utf8()]),
            }
        }
        mistake("missing closing )", whole)
    }

    fn escape(&mut self) -> Result<(), Mistake> {
        let text = self.rest;
        let after = &text[1..];
        let simple = match after.chars().next() {
            Some('A') => Some("\\A"),
            Some('z') => Some("\\z"),
            Some('b') => Some("(?-u:\\b)"),
            Some('B') => Some("(?-u:\\B)"),
            Some('C') => return mistake("invalid escape sequence", "\\C"),
            _ => None,
        };
        if let Some(simple) = simple {
            self.rest = &after[1..];
            self.push(simple);
            return Ok(());
        }
        if let Some(quoted) = after.strip_prefix('Q') {
            let (literal, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            for c in literal.chars() {
                self.literal(u32::from(c));
            }
            self.rest = rest;
            return Ok(());
        }
        if let Some((set, rest)) = named_set(text)? {
            self.rest = rest;
            self.push_set(&format!("[{set}]"));
            return Ok(());
        }
        let (c, rest) = character(text)?;
        self.rest = rest;
        self.literal(c);
        Ok(())
    }

    fn push_set(&mut self, set: &str) {
        let text = if self.flags.fold { format!("(?i:{set})") } else { set.to_owned() };
        self.push(&text);
    }

    /// `[a-z\d[:alpha:]]`.
    fn class(&mut self) -> Result<(), Mistake> {
        let whole = self.rest;
        let mut rest = &whole[1..];
        let negated = rest.starts_with('^');
        rest = rest.strip_prefix('^').unwrap_or(rest);
        let mut set = String::new();
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if let Some((named, left)) = posix(rest)? {
                set.push_str(named);
                rest = left;
                continue;
            }
            if let Some((named, left)) = named_set(rest)? {
                set.push_str(&named);
                rest = left;
                continue;
            }
            let begins = rest;
            let (low, left) = member(rest, whole)?;
            rest = left;
            let mut high = low;
            if let Some(end) = rest.strip_prefix('-').filter(|end| !end.is_empty() && !end.starts_with(']')) {
                (high, rest) = member(end, whole)?;
                if high < low {
                    return mistake("invalid character class range", &begins[..begins.len() - rest.len()]);
                }
            }
            set.push_str(&written(low, high));
        }
        self.rest = &rest[1..];
        let set = match (set.is_empty(), negated) {
            (true, false) => NOTHING.to_owned(),
            (true, true) => format!("[{ANYTHING}]"),
            (false, true) => format!("[^{set}]"),
            (false, false) => format!("[{set}]"),
        };
        self.push_set(&set);
        Ok(())
    }
}

/// The inside of a class of everything.
const ANYTHING: &str = "\\x{0}-\\x{10FFFF}";
/// A class of nothing.
const NOTHING: &str = "[^\\x{0}-\\x{10FFFF}]";

/// A character or a range for the inside of a class, without what is no character; for one character also outside.
fn written(low: u32, high: u32) -> String {
    let mut out = String::new();
    for (low, high) in [(low, high.min(0xD7FF)), (low.max(0xE000), high.min(0x0010_FFFF))] {
        if low < high {
            let _ = write!(out, "\\x{{{low:X}}}-\\x{{{high:X}}}");
        } else if low == high {
            let _ = write!(out, "\\x{{{low:X}}}");
        }
    }
    out
}

/// `{n}`, `{n,}`, `{n,m}` without its first bracket; anything else is no repetition but text. A number that is too big
/// is -1.
fn count(text: &str) -> Option<(i64, Option<i64>, &str)> {
    let (least, rest) = number(text)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((least, Some(least), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((least, None, rest));
    }
    let (most, rest) = number(rest)?;
    Some((if most < 0 { -1 } else { least }, Some(most), rest.strip_prefix('}')?))
}

fn number(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let digits = &text[..end];
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    let value = digits.parse::<i64>().ok().filter(|n| *n < 100_000_000).unwrap_or(-1);
    Some((value, &text[end..]))
}

/// One character of a class.
fn member<'t>(text: &'t str, class: &str) -> Result<(u32, &'t str), Mistake> {
    match text.chars().next() {
        None => mistake("missing closing ]", class),
        Some('\\') => character(text),
        Some(c) => Ok((u32::from(c), &text[c.len_utf8()..])),
    }
}

/// `[:alpha:]` within a class.
fn posix(text: &str) -> Result<Option<(&str, &str)>, Mistake> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else { return Ok(None) };
    let part = &text[..text.len() - rest.len()];
    if NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        Ok(Some((part, rest)))
    } else {
        mistake("invalid character class range", part)
    }
}

/// `\d`, `\pL`, `\p{Greek}`, as the inside of a class.
fn named_set(text: &str) -> Result<Option<(String, &str)>, Mistake> {
    let Some(after) = text.strip_prefix('\\') else { return Ok(None) };
    let Some(c) = after.chars().next() else { return Ok(None) };
    let rest = &after[c.len_utf8()..];
    let set = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\x{C}\\r ]",
        'S' => "[^\\t\\n\\x{C}\\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return unicode(text, rest, c == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some((set.to_owned(), rest)))
}

fn unicode<'t>(whole: &str, text: &'t str, negated: bool) -> Result<(String, &'t str), Mistake> {
    let (name, rest) = match text.chars().next() {
        Some('{') => match text[1..].split_once('}') {
            Some(found) => found,
            None => return mistake("invalid character class range", whole),
        },
        Some(c) => text.split_at(c.len_utf8()),
        None => return mistake("invalid character class range", whole),
    };
    let part = &whole[..whole.len() - rest.len()];
    let (name, negated) = name.strip_prefix('^').map_or((name, negated), |name| (name, !negated));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '-');
    if name.is_empty() || !name.chars().all(is_name) {
        return mistake("invalid character class range", part);
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let set = match &*plain {
        "any" => Some((ANYTHING.to_owned(), false)),
        "ascii" => Some(("\\x{0}-\\x{7F}".to_owned(), false)),
        "assigned" => Some(("\\p{gc=Cn}".to_owned(), true)),
        // a category before a script of that name
        _ => ["gc", "sc"].into_iter().find_map(|of| {
            let set = format!("\\p{{{of}={name}}}");
            Regex::new(&set).is_ok().then_some((set, false))
        }),
    };
    match set {
        Some((set, inverse)) if inverse == negated => Ok((format!("[{set}]"), rest)),
        Some((set, _)) => Ok((format!("[^{set}]"), rest)),
        None => mistake("invalid character class range", part),
    }
}

/// One escaped character: `\n`, `\.`, `\x41`, `\x{2126}`, `\101`.
fn character(text: &str) -> Result<(u32, &str), Mistake> {
    let after = &text[1..];
    let Some(c) = after.chars().next() else { return mistake("trailing backslash at end of expression", "") };
    let rest = &after[c.len_utf8()..];
    let wrong = |used: usize| mistake("invalid escape sequence", text.get(..1 + c.len_utf8() + used).unwrap_or(text));
    let octal = |c: char| c.to_digit(8);
    let plain = |c: char| Ok((u32::from(c), rest));
    match c {
        'a' => plain('\u{7}'),
        'f' => plain('\u{c}'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\u{b}'),
        '0'..='7' if c == '0' || rest.starts_with(|c| octal(c).is_some()) => {
            let more = rest.chars().take(2).take_while(|c| octal(*c).is_some()).count();
            let value = after[..=more].chars().filter_map(octal).fold(0, |sum, digit| sum * 8 + digit);
            Ok((value, &after[1 + more..]))
        }
        'x' => {
            if let Some(inner) = rest.strip_prefix('{') {
                let Some((digits, rest)) = inner.split_once('}') else { return wrong(rest.len()) };
                let is_hex = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
                let value = u32::from_str_radix(digits.trim_start_matches('0'), 16);
                let value = if digits.trim_start_matches('0').is_empty() { Ok(0) } else { value };
                return match value {
                    Ok(value) if is_hex && value <= 0x0010_FFFF => Ok((value, rest)),
                    _ => wrong(2 + digits.len()),
                };
            }
            let digits = rest.get(..2).filter(|two| two.chars().all(|c| c.is_ascii_hexdigit()));
            match digits.and_then(|two| u32::from_str_radix(two, 16).ok()) {
                Some(value) => Ok((value, &rest[2..])),
                None => wrong(0),
            }
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => plain(c),
        _ => wrong(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::Value;

    /// What Go 1.26 says of a few hundred expressions: refused, or which of the values it matches as a whole.
    const GO: &str = include_str!("../../tests/data/regex/go.json");

    #[test]
    fn what_go_matches_and_what_it_refuses_is_the_same_here() {
        let oracle: Value = serde_json::from_str(GO).unwrap();
        let values: Vec<&str> = oracle["values"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        let mut wrong = Vec::new();
        for row in oracle["regexes"].as_array().unwrap() {
            let text = row["re"].as_str().unwrap();
            let ours = anchored(text).ok().map(|regex| {
                let bit = |v: &&str| if regex.is_match(v) { '1' } else { '0' };
                values.iter().map(bit).collect::<String>()
            });
            if ours.as_deref() != row["go"].as_str() {
                wrong.push(format!("{text:?}: Go {}, here {ours:?}", row["go"]));
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[rstest]
    #[case("(", "missing closing ): `(`")]
    #[case("a)", "unexpected )")]
    #[case("*a", "missing argument to repetition operator: `*`")]
    #[case("a**", "invalid nested repetition operator: `**`")]
    #[case("a{2,1}", "invalid repeat count: `{2,1}`")]
    #[case("(a{100}){20}", "invalid repeat count: `{20}`")]
    #[case("[b", "missing closing ]: `[b`")]
    #[case("[z-a]", "invalid character class range: `z-a`")]
    #[case("\\q", "invalid escape sequence: `\\q`")]
    #[case("\\", "trailing backslash at end of expression")]
    #[case("(?=a)", "invalid or unsupported Perl syntax: `(?=`")]
    #[case("\\p{Klingon}", "invalid character class range: `\\p{Klingon}`")]
    fn what_is_no_expression_is_told_in_gos_words(#[case] text: &str, #[case] told: &str) {
        assert_eq!(compile(text).unwrap_err().to_string(), told);
    }

    #[test]
    fn a_quoted_text_fits_itself_alone() {
        let text = r"a.b*[c]{1}|(d)^$\+?-é";
        assert_eq!(quoted("a.b-c"), r"a\.b-c");
        assert!(anchored(&quoted(text)).unwrap().is_match(text));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert!(compile(&"(".repeat(5000)).is_err());
        let deep = format!("{}a{}", "(".repeat(900), ")".repeat(900));
        assert!(compile(&deep).is_ok());
        let deeper = format!("{}a{}", "(".repeat(2000), ")".repeat(2000));
        assert_eq!(compile(&deeper).unwrap_err().to_string(), "expression nests too deeply");
        assert!(compile("(?:\\pL{900}|\\PL{900}|[^a]{900})").is_err(), "it would take too much memory");
    }
}
