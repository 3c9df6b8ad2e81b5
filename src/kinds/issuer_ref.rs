//! The issuer: a reference as Certificates, requests, orders and challenges have it. Its group says whose issuer it is;
//! without one it is cert-manager's own.

use std::borrow::Cow;

use serde::Deserialize;

use super::ending::{self, link};
use super::wire::Text;
use crate::domain::interner::Interner;
use crate::domain::record::{Link, Relation};

/// cert-manager's own group.
pub const GROUP: &str = "cert-manager.io";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct IssuerRef {
    group: Text,
    kind: Text,
    pub name: Text,
}

impl IssuerRef {
    /// `Issuer`, or `AWSPCAClusterIssuer.awspca.cert-manager.io`.
    fn kind(&self) -> Cow<'_, str> {
        let kind = if self.kind.is_empty() { "Issuer" } else { &*self.kind };
        ending::qualified(kind, Some(if self.group.is_empty() { GROUP } else { &*self.group }))
    }

    /// `ClusterIssuer/platform-ca`, or nothing.
    pub fn told(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!("{}/{}", self.kind(), &*self.name) }
    }

    /// A link to it from an object in `home`. Whether an external issuer has a namespace is not known: by naming
    /// convention, it has none when its kind ends in `ClusterIssuer`.
    pub fn link(&self, home: &str, intern: &mut Interner) -> Option<Link> {
        let space = if self.kind.ends_with("ClusterIssuer") { "" } else { home };
        (!self.name.is_empty()).then(|| link(Relation::From, &self.kind(), space, &self.name, intern))
    }
}
