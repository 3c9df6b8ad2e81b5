//! A context of the kubeconfig, as it is shown: sanitised texts, no credentials, nothing to connect with.

/// One way into a cluster. A text that the kubeconfig does not give is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    pub name: String,
    /// The server's address, or the cluster's name where that is unknown.
    pub cluster: String,
    pub user: String,
    pub namespace: String,
    /// Another kubeconfig file defines it differently; how.
    pub warning: String,
}
