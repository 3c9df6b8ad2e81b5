//! What can go wrong below a request, each as a type of its own, so that nobody has to search a text for it: a file, a
//! login, a name, a proxy, the time. [`super::errors`] makes words for a screen of them.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

use tower::BoxError;

/// Something wrong with one file of the kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    pub path: PathBuf,
    /// Line and column, from 1, where they are known.
    pub at: Option<(u64, u64)>,
    pub what: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Nobody can log in for us: a person must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginNeeded {
    pub context: String,
    /// What went wrong, in one line.
    pub why: String,
    /// What the credential plugin printed to its error stream, made visible and shortened.
    pub output: String,
    /// What to do about it.
    pub hint: String,
    /// Asking again runs a program, which may bother a person: not to be done often.
    pub costly: bool,
}

impl fmt::Display for LoginNeeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.why, self.hint)
    }
}

impl StdError for LoginNeeded {}

/// A host name without an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsFailed {
    pub host: String,
    pub error: String,
    /// It has addresses, and we may connect to none of them.
    pub barred: bool,
}

impl fmt::Display for DnsFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no address for {}: {}", self.host, self.error)
    }
}

impl StdError for DnsFailed {}

/// The proxy on the way failed, not the server.
#[derive(Debug)]
pub struct ProxyFailed(pub BoxError);

impl fmt::Display for ProxyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy: {}", self.0)
    }
}

impl StdError for ProxyFailed {}

/// Connecting took too long, or nothing was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    Connecting,
    Answer,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting took too long",
            Self::Answer => "no answer in time",
        })
    }
}

impl StdError for Overdue {}
