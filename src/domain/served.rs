//! Where a kind lives on the API server, as discovery reports: the paths of its objects.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::text;

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

/// A kind that is served and relevant, but not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwatched {
    pub group: Box<str>,
    pub kind: Box<str>,
    /// What cannot be seen because of that.
    pub misses: &'static str,
}

impl Unwatched {
    /// `CronJob (batch)`.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{} ({})", self.kind, self.group)
    }
}

/// Whether a name may be a segment of a path, as the API server has it for names and namespaces: it decodes `%2F`, and
/// everything behind would be another object.
///
/// # Errors
/// Why the name is invalid.
pub fn segment(name: &str) -> Result<(), String> {
    let shown = text::line(name);
    let wrong = match name {
        "" => return Err("a name may not be empty".to_owned()),
        "." | ".." => format!("\"{name}\" is no name"),
        name => match name.chars().find(|c| matches!(c, '/' | '%')) {
            Some(c) => format!("\"{shown}\" is no name: it may not contain '{c}'"),
            None => return Ok(()),
        },
    };
    Err(wrong)
}

/// Whether this may be the name of a namespace: a label of RFC 1123. Source: apimachinery `pkg/util/validation`,
/// `IsDNS1123Label`.
///
/// # Errors
/// Why the name is invalid.
pub fn label(name: &str) -> Result<(), String> {
    if is_label(name) {
        return Ok(());
    }
    let shown = text::line(name);
    Err(format!(
        "\"{shown}\" is no name of a namespace: at most 63 of a-z, 0-9 and '-', with a letter or digit first and last"
    ))
}

/// Whether this may be the name of an object of a kind without rules of its own: labels with dots between them. Source:
/// apimachinery `pkg/util/validation`, `IsDNS1123Subdomain`.
///
/// # Errors
/// Why the name is invalid.
pub fn subdomain(name: &str) -> Result<(), String> {
    // between two dots, a label may be as long as the whole
    if name.len() <= 253 && name.split('.').all(is_word) {
        return Ok(());
    }
    let shown = text::line(name);
    Err(format!(
        "\"{shown}\" is no name: at most 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends of each part"
    ))
}

fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_word(name)
}

fn is_word(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.bytes().all(|b| plain(b) || b == b'-')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().next_back().is_some_and(plain)
}

/// Whether every segment of an API path is a name: nothing in it leads elsewhere once the server has decoded it.
///
/// # Errors
/// Which segment is invalid, and why.
pub fn path(path: &str) -> Result<(), String> {
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let is_proxy =
        |at: usize| at >= 2 && parts[at] == "proxy" && matches!(parts[at - 2], "services" | "pods" | "nodes");
    // what is behind a proxy is for another server
    let own = (0..parts.len()).find(|at| is_proxy(*at)).unwrap_or(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let decoded = unescape(part);
        if at < own || matches!(&*decoded, "." | "..") {
            segment(&decoded)?;
        }
    }
    Ok(())
}

/// Undoes [`escape`].
fn unescape(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Bytes that need no encoding in a path segment or query value.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes what a path segment or query value may not contain.
#[must_use]
pub fn escape(raw: &str) -> String {
    utf8_percent_encode(raw, PLAIN).to_string()
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

    #[test]
    fn a_name_that_leads_elsewhere_is_none() {
        for name in ["web", "a.b-c", "system:node:x", "名", "..."] {
            assert_eq!(segment(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a/b", "../x", "a%2Fb", "%", "/"] {
            assert!(segment(name).is_err(), "{name}");
        }
        let served = Served { group: String::new(), version: "v1".into(), plural: "pods".into(), namespaced: true };
        for (namespace, name) in
            [("a", "b/log"), ("a/pods/b", "x"), ("..", "x"), ("a", ".."), ("a", "%2e%2e"), ("a", "")]
        {
            assert!(path(&served.object(namespace, name)).is_err(), "{namespace} {name}");
        }
        for sound in [
            "/api/v1/namespaces/a/pods/b",
            "/readyz",
            "/apis/apps/v1/deployments",
            "/api/v1/namespaces/a/services/https:b:8200/proxy/v1/sys/health",
            "/api/v1/namespaces/a/pods/http:b:80/proxy/",
            "/k8s/clusters/c-1/api/v1/pods",
            "/api/v1/namespaces/proxy-a/pods/proxy",
        ] {
            assert_eq!(path(sound), Ok(()), "{sound}");
        }
        for wrong in [
            "/api/v1/namespaces//pods",
            "/api/v1/namespaces/a/pods/http:b:80/proxy/../x",
            "/api/v1/x%2fy",
            "/api/v1/namespaces/proxy-a/pods/a%2fb",
        ] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
