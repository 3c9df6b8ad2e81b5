//! Which places start read-only, and why: a setting, or a pattern that fits the name of the context, of its cluster or of
//! its server.

use super::settings::{READONLY, Settings};
use super::value::Origin;
use crate::domain::locked::Locked;

/// Why a context starts without the right to change anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOnly {
    /// `readonly` is set, with its origin.
    Set(Origin),
    /// The context's name matches this pattern of `readonly-contexts`.
    Pattern(String),
    /// So does the name of its cluster, or of its server.
    Place { what: &'static str, name: String, pattern: String },
}

/// The names by which a place is known to be one that must not be written to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    pub context: &'a str,
    /// As the kubeconfig calls the cluster.
    pub cluster: &'a str,
    /// The server's address.
    pub server: &'a str,
}

impl std::fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Set(origin) => write!(f, "readonly is set by {origin}"),
            Self::Pattern(pattern) => write!(f, "the context matches {pattern} of readonly-contexts"),
            Self::Place { what, name, pattern } => {
                write!(f, "the {what} {name} matches {pattern} of readonly-contexts")
            }
        }
    }
}

impl From<ReadOnly> for Locked {
    /// A pattern is a caution that a reason lifts for a while; what was set is meant, and is changed where it was set.
    fn from(readonly: ReadOnly) -> Self {
        let instead = match &readonly {
            ReadOnly::Set(Origin::Flag(flag)) => Some(format!("start without {flag}")),
            ReadOnly::Set(Origin::Env(name)) => Some(format!("start without {name}")),
            ReadOnly::Set(origin) => Some(format!("change it there ({origin})")),
            ReadOnly::Pattern(_) | ReadOnly::Place { .. } => None,
        };
        Self { why: readonly.to_string(), instead }
    }
}

impl Settings {
    /// Why this context starts read-only, if it does, as far as its name alone tells: see [`Settings::readonly_at`].
    #[must_use]
    pub fn starts_readonly(&self, context: &str) -> Option<ReadOnly> {
        self.readonly_at(&Names { context, ..Names::default() })
    }

    /// Why this place starts read-only, if it does: `readonly = true` anywhere wins, then an explicit
    /// `readonly = false` of the context's own table, then the patterns, of which one that fits any of the names is
    /// enough: a context may be called `eu1` and lead to `sre-prod`. Patterns ignore case: an unlocked `PROD` costs
    /// more than a locked one.
    #[must_use]
    pub fn readonly_at(&self, names: &Names<'_>) -> Option<ReadOnly> {
        let own = self.for_context(names.context);
        if own.readonly {
            return Some(ReadOnly::Set(own.origin(READONLY)));
        }
        if self.contexts.get(names.context).is_some_and(|own| own.iter().any(|entry| entry.path == READONLY)) {
            return None;
        }
        let fits = |name: &str| {
            let name = name.to_lowercase();
            own.readonly_contexts.iter().find(|pattern| matches_glob(&pattern.to_lowercase(), &name)).cloned()
        };
        let place = |what: &'static str, name: &str| {
            fits(name).filter(|_| !name.is_empty()).map(|pattern| ReadOnly::Place {
                what,
                name: name.to_owned(),
                pattern,
            })
        };
        let address = address(names.server);
        fits(names.context)
            .map(ReadOnly::Pattern)
            .or_else(|| place("cluster", names.cluster))
            .or_else(|| place("server", host(address)))
            .or_else(|| place("server", address))
    }
}

/// An address without its scheme and without the user that it may contain: `api.prod:6443/path`.
fn address(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest).trim_end_matches('/');
    let end = rest.find('/').unwrap_or(rest.len());
    rest[..end].rfind('@').map_or(rest, |at| &rest[at + 1..])
}

/// The host of such an address.
fn host(address: &str) -> &str {
    match address.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => address.split([':', '/']).next().unwrap_or(address),
    }
}

/// `*` is any text, `?` any one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_chars.as_str();
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| matches_glob(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut text_chars = text.chars();
            text_chars.next().is_some_and(|found| wanted == '?' || wanted == found)
                && matches_glob(pattern_chars.as_str(), text_chars.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names() {
        assert!(matches_glob("*prod*", "sre-prod-1"));
        assert!(matches_glob("prod-?", "prod-1"));
        assert!(!matches_glob("prod-?", "prod-10"));
        assert!(!matches_glob("prod", "sre-prod"));
        assert!(matches_glob("*", ""));
    }

    #[test]
    fn the_host_of_an_address_is_what_a_pattern_looks_at() {
        for (server, expected) in [
            ("https://api.sre-prod.example:6443/", "api.sre-prod.example"),
            ("https://user:pass@api.prod", "api.prod"),
            ("https://[fd00::1]:6443/x", "fd00::1"),
            ("https://rancher.example/k8s/clusters/prod@1", "rancher.example"),
            ("10.0.0.1:6443", "10.0.0.1"),
            ("", ""),
        ] {
            assert_eq!(host(address(server)), expected);
        }
    }
}
