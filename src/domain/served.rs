//! Where a kind lives on the API server, as discovery told: the paths of its objects.

use std::fmt::Write as _;

/// A kind as the server serves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Served {
    pub group: String,
    pub version: String,
    pub plural: String,
    pub namespaced: bool,
}

impl Served {
    /// Where the objects of a namespace live; of all namespaces when it is empty.
    #[must_use]
    pub fn collection(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match (self.namespaced, namespace) {
            (true, namespace) if !namespace.is_empty() => {
                format!("{root}/namespaces/{}/{}", escape(namespace), self.plural)
            }
            _ => format!("{root}/{}", self.plural),
        }
    }

    #[must_use]
    pub fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.collection(namespace), escape(name))
    }

    /// `apps/v1`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// A kind that is served, matters, and is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwatched {
    pub group: Box<str>,
    pub kind: Box<str>,
    /// What is not seen because of that.
    pub misses: &'static str,
}

impl Unwatched {
    /// `CronJob (batch)`.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{} ({})", self.kind, self.group)
    }
}

/// Percent-encodes what may not stand in a path segment or query value.
#[must_use]
pub fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for b in raw.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            out.push(b as char);
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_built_and_escaped() {
        let mut served =
            Served { group: "apps".into(), version: "v1".into(), plural: "deployments".into(), namespaced: true };
        assert_eq!(served.collection("a b"), "/apis/apps/v1/namespaces/a%20b/deployments");
        assert_eq!(served.object("a", "x"), "/apis/apps/v1/namespaces/a/deployments/x");
        served = Served { group: String::new(), version: "v1".into(), plural: "nodes".into(), namespaced: false };
        assert_eq!(served.collection(""), "/api/v1/nodes");
        assert_eq!(escape("../x?y=1&z"), "..%2Fx%3Fy%3D1%26z");
    }
}
