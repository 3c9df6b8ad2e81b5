//! A Service that is used as Prometheus, Alertmanager or OpenBao, or that only looks like one.

/// As screens show it; every text is sanitised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// The word of the configuration: `prometheus`.
    pub service: &'static str,
    /// `Prometheus`.
    pub title: &'static str,
    pub namespace: String,
    pub name: String,
    pub port: String,
    /// Why it looks like one.
    pub why: String,
    pub used: bool,
    /// Why it is used, or why it is not.
    pub standing: String,
    /// Naming it in the configuration would make it used.
    pub open: bool,
}

impl Candidate {
    /// `namespace/name`.
    pub fn place(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}
