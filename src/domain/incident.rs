//! What an incident is about, in words that outlive the rows: what navigation carries and a timeline writes down.

use super::record::Key;

/// The name of a group of failures, which identifies it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// A kind of the API where the group is about one object (`Deployment`), else a word: `Registry`.
    pub kind: &'static str,
    /// Empty where it is about no namespace.
    pub namespace: Box<str>,
    pub name: Box<str>,
    /// What its members have in common besides: `CrashLoopBackOff OOMKilled 137`.
    pub detail: Box<str>,
}

impl Group {
    /// `Deployment shop/cart`.
    pub fn told(&self) -> String {
        format!("{} {}", self.kind, self.place())
    }

    /// With what its members have in common: no two groups have the same.
    pub fn unique(&self) -> Box<str> {
        format!("{} {}", self.told(), self.detail).into()
    }

    /// `shop/cart`, or the name alone where there is no namespace.
    pub fn place(&self) -> String {
        match &*self.namespace {
            "" => self.name.to_string(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }
}

/// The root of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Anchor {
    Object(Key),
    Group(Group),
}
