//! Chart versions and requested ranges of them, as Helm and Flux read them. What cannot be read is `None`, and never a
//! guess.
//!
//! Source: github.com/Masterminds/semver v3, which Helm and source-controller use. Build metadata decides nothing; a
//! pre-release fits only a range that names one.

use std::cmp::Ordering;

/// A version. Parts that are left out count as 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    pre: Vec<Identifier>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    // numbers come before words
    Number(u64),
    Word(String),
}

impl Version {
    pub fn parse(text: &str) -> Option<Self> {
        // `v1` and `1.2` are versions, `1.x` is none
        Partial::parse(text).filter(|partial| !partial.wild).map(|partial| partial.floor())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let pre = match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self.pre.cmp(&other.pre),
        };
        self.numbers.cmp(&other.numbers).then(pre)
    }
}

/// A version whose parts may be left out or be a wildcard.
#[derive(Debug)]
struct Partial {
    numbers: [Option<u64>; 3],
    pre: Vec<Identifier>,
    /// How many parts were written.
    count: usize,
    wild: bool,
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (core, pre) = text.split_once('-').map_or((text, ""), |(core, pre)| (core, pre));
        let mut out = Self { numbers: [None; 3], pre: Vec::new(), count: 0, wild: false };
        for (nth, part) in core.split('.').enumerate() {
            let slot = out.numbers.get_mut(nth)?;
            out.count += 1;
            match part {
                "x" | "X" | "*" => out.wild = true,
                // after a wildcard nothing is meant any more
                _ if out.wild => return None,
                digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                    *slot = Some(digits.parse().ok()?);
                }
                _ => return None,
            }
        }
        if !pre.is_empty() {
            if out.wild || out.count < 3 {
                return None;
            }
            out.pre = pre.split('.').map(identifier).collect::<Option<_>>()?;
        }
        Some(out)
    }

    fn floor(&self) -> Version {
        Version { numbers: self.numbers.map(|n| n.unwrap_or(0)), pre: self.pre.clone() }
    }

    /// The first version after all that begin with the parts up to this one; `None` without an end.
    fn after(&self, part: usize) -> Option<Version> {
        let mut numbers = [0; 3];
        for (nth, slot) in numbers.iter_mut().enumerate().take(part + 1) {
            *slot = self.numbers[nth]?;
        }
        numbers[part] = numbers[part].saturating_add(1);
        Some(Version { numbers, pre: Vec::new() })
    }

    /// The last part that is written; `None` for `*`.
    fn last(&self) -> Option<usize> {
        self.numbers.iter().take_while(|n| n.is_some()).count().checked_sub(1)
    }
}

fn identifier(text: &str) -> Option<Identifier> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    Some(number.map_or_else(|| Identifier::Word(text.to_owned()), Identifier::Number))
}

/// Whether a text is one version and no range: `1.2.3`, `v1.2.3-rc.1`.
pub fn is_exact(wanted: &str) -> bool {
    Partial::parse(wanted.trim().trim_start_matches('=').trim_start()).is_some_and(|p| p.count == 3 && !p.wild)
}

/// Whether a version is in the requested range: `1.x`, `>=1.2 <2`, `~1.4 || ^2`, `1.2 - 1.4`. `None` when either cannot
/// be read.
pub fn fits(wanted: &str, version: &str) -> Option<bool> {
    let version = Version::parse(version)?;
    let mut any = false;
    for all in wanted.split("||") {
        let mut every = true;
        for comparison in comparisons(all)? {
            every &= comparison.holds(&version);
        }
        any |= every;
    }
    Some(any)
}

#[derive(Debug)]
struct Comparison {
    operator: &'static str,
    with: Partial,
}

/// Longer ones first.
const OPERATORS: &[&str] = &["!=", "=>", ">=", "=<", "<=", "~>", ">", "<", "=", "~", "^"];

fn comparisons(text: &str) -> Option<Vec<Comparison>> {
    let text = text.replace(',', " ");
    if let Some((from, to)) = text.split_once(" - ") {
        let (from, to) = (Partial::parse(from)?, Partial::parse(to)?);
        return Some(vec![Comparison { operator: ">=", with: from }, Comparison { operator: "<=", with: to }]);
    }
    let mut out = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let operator = OPERATORS.iter().find(|operator| word.starts_with(**operator)).copied().unwrap_or("");
        // an operator may be a word of its own
        let rest = match &word[operator.len()..] {
            "" => words.next()?,
            rest => rest,
        };
        out.push(Comparison { operator, with: Partial::parse(rest)? });
    }
    // nothing requested: everything matches
    if out.is_empty() {
        out.push(Comparison { operator: "", with: Partial::parse("*")? });
    }
    Some(out)
}

impl Comparison {
    fn holds(&self, version: &Version) -> bool {
        let with = &self.with;
        if !version.pre.is_empty() && with.pre.is_empty() {
            return false;
        }
        let floor = with.floor();
        let Some(last) = with.last() else { return !matches!(self.operator, "!=" | ">" | "<") };
        // all that begin with the parts that are written
        let within = |part: usize| *version >= floor && with.after(part).is_none_or(|end| *version < end);
        match self.operator {
            "" | "=" if last == 2 => *version == floor,
            "" | "=" => within(last),
            "!=" if last == 2 => *version != floor,
            "!=" => !within(last),
            ">" if last == 2 => *version > floor,
            ">" => with.after(last).is_some_and(|end| *version >= end),
            ">=" | "=>" => *version >= floor,
            "<" => *version < floor,
            "<=" | "=<" if last == 2 => *version <= floor,
            "<=" | "=<" => with.after(last).is_none_or(|end| *version < end),
            "~" | "~>" if last == 2 && floor.numbers == [0; 3] => *version >= floor,
            "~" | "~>" => within(last.min(1)),
            // the first part that is not 0 may not change
            _ => within((0..last).find(|nth| with.numbers[*nth] != Some(0)).unwrap_or(last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // the answers are those of Masterminds/semver 3.4
    #[rstest]
    #[case("1.x", "1.1.0", true)]
    #[case("1.x", "2.0.0", false)]
    #[case("*", "0.1.0", true)]
    #[case("", "0.1.0", true)]
    #[case("60.x", "60.1.0", true)]
    #[case("1.2.X", "1.2.9", true)]
    #[case("1.2", "1.2.9", true)]
    #[case("1.2", "1.3.0", false)]
    #[case("1.2.3", "1.2.3", true)]
    #[case("=1.2.3", "v1.2.3", true)]
    #[case("1.2.3", "1.2.3+sha.1", true)]
    #[case(">=1.2 <2", "1.9.0", true)]
    #[case(">=1.2, <2", "2.0.0", false)]
    #[case(">= 1.2, < 2", "1.1.9", false)]
    #[case(">1", "1.9.0", false)]
    #[case(">1", "2.0.0", true)]
    #[case("<2.x", "1.9.9", true)]
    #[case("<=1.2", "1.2.9", true)]
    #[case("<=1.2", "1.3.0", false)]
    #[case("!=1.2.3", "1.2.4", true)]
    #[case("!=1.2.x", "1.2.4", false)]
    #[case("~1.2.3", "1.2.9", true)]
    #[case("~1.2.3", "1.3.0", false)]
    #[case("~1", "1.9.0", true)]
    #[case("~0.0.0", "9.0.0", true)]
    #[case("^1.2.3", "1.9.0", true)]
    #[case("^1.2.3", "2.0.0", false)]
    #[case("^0.2.3", "0.2.9", true)]
    #[case("^0.2.3", "0.3.0", false)]
    #[case("^0.0.3", "0.0.4", false)]
    #[case("^0.0", "0.1.0", false)]
    #[case("^0", "0.9.0", true)]
    #[case("1.2 - 1.4.5", "1.4.5", true)]
    #[case("1.2 - 1.4.5", "1.4.6", false)]
    #[case("~1.2 || ^3", "3.1.0", true)]
    #[case("1.x", "1.1.0-rc.1", false)]
    #[case(">=1.1.0-0", "1.1.0-rc.1", true)]
    #[case(">=1.1.0-rc.2", "1.1.0-rc.1", false)]
    #[case(">=1.1.0-rc.2", "1.1.0-rc.11", true)]
    fn a_range_takes_what_helm_would_take(#[case] wanted: &str, #[case] version: &str, #[case] expected: bool) {
        assert_eq!(fits(wanted, version), Some(expected));
    }

    #[rstest]
    #[case("latest", "1.0.0")]
    #[case("1.x.3", "1.0.0")]
    #[case(">=", "1.0.0")]
    #[case("1.2.3.4", "1.0.0")]
    #[case("1.x", "main")]
    #[case("1.x", "")]
    #[case("1.x-rc", "1.0.0")]
    fn what_cannot_be_read_is_not_guessed(#[case] wanted: &str, #[case] version: &str) {
        assert_eq!(fits(wanted, version), None);
    }

    #[test]
    fn versions_are_in_the_order_of_their_parts() {
        let order = ["1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0", "1.0.1", "1.2", "1.10.0", "2"];
        let read: Vec<Version> = order.iter().map(|text| Version::parse(text).unwrap()).collect();
        assert!(read.is_sorted() && read[3] == Version::parse("v1.0.0+build").unwrap());
        assert!(is_exact("v1.2.3-rc.1") && is_exact("= 1.2.3") && !is_exact("1.2") && !is_exact("1.x"));
    }
}
