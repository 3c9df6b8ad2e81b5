//! The parts of Kubernetes objects that every kind reads, tolerant of what is missing or null.
//!
//! A wire type names only the fields that are shown; serde skips the rest without allocating. A field of the wrong
//! type fails the object, not its page: see [`super::Decoded`].

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::domain::ages::Time;
use crate::domain::record::Uid;

/// An object with the metadata that every kind needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound = "S: DeserializeOwned + Default, T: DeserializeOwned + Default, M: DeserializeOwned + Default")]
pub struct Object<S, T, M = Skipped> {
    #[serde(deserialize_with = "or_default")]
    pub metadata: Meta<M>,
    #[serde(deserialize_with = "or_default")]
    pub spec: S,
    #[serde(deserialize_with = "or_default")]
    pub status: T,
}

/// What has a `metadata.resourceVersion`, which resuming a watch needs.
pub trait Versioned {
    fn version(&self) -> &str;
}

impl<S, T, M> Versioned for Object<S, T, M> {
    fn version(&self) -> &str {
        &self.metadata.resource_version
    }
}

/// For kinds without a spec or a status.
#[derive(Debug, Default, Deserialize)]
pub struct Nothing {}

/// For fields that are skipped without a copy, whatever they contain.
#[derive(Debug, Default, Clone, Copy)]
pub struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(d).map(|_| Self)
    }
}

/// `M` reads `managedFields`: a quarter of an object's bytes, which only the kinds that can be suspended look at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound = "M: DeserializeOwned + Default")]
pub struct Meta<M = Skipped> {
    pub name: Text,
    pub namespace: Text,
    pub uid: Text,
    pub resource_version: Text,
    pub creation_timestamp: Text,
    pub deletion_timestamp: Text,
    pub deletion_grace_period_seconds: Option<i64>,
    pub generation: Option<i64>,
    pub labels: Kept,
    pub annotations: Kept,
    pub owner_references: Many<OwnerReference>,
    pub finalizers: Many<Text>,
    pub managed_fields: M,
}

impl<M> Meta<M> {
    pub fn created(&self) -> Time {
        Time::parse(&self.creation_timestamp).unwrap_or_default()
    }

    /// When deletion was requested, if it was.
    pub fn deleted(&self) -> Option<Time> {
        Time::parse(&self.deletion_timestamp)
    }

    pub fn id(&self) -> Uid {
        Uid::of(&self.uid)
    }

    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|o| o.controller.unwrap_or(false))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnerReference {
    pub api_version: Text,
    pub kind: Text,
    pub name: Text,
    pub controller: Option<bool>,
}

/// A condition of any kind. Find them by `type`, never by index.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    pub r#type: Text,
    pub status: Text,
    pub reason: Text,
    pub message: Text,
    pub last_transition_time: Text,
    pub last_update_time: Text,
    pub observed_generation: Option<i64>,
}

impl Condition {
    pub fn is_true(&self) -> bool {
        &*self.status == "True"
    }

    pub fn is_false(&self) -> bool {
        &*self.status == "False"
    }

    pub fn since(&self) -> Option<Time> {
        Time::parse(&self.last_transition_time)
    }
}

/// Looking conditions up by type.
pub trait Conditions {
    fn of(&self, r#type: &str) -> Option<&Condition>;
}

impl Conditions for [Condition] {
    fn of(&self, r#type: &str) -> Option<&Condition> {
        self.iter().find(|c| &*c.r#type == r#type)
    }
}

/// A string field: absent and null are the empty string, numbers and booleans their text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Text(Box<str>);

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, v: &str) -> Result<Text, E> {
                Ok(Text(v.into()))
            }
            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text::default())
            }
            fn visit_bool<E>(self, v: bool) -> Result<Text, E> {
                Ok(Text(v.to_string().into()))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Text, E> {
                Ok(Text(v.to_string().into()))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Text, E> {
                Ok(Text(v.to_string().into()))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Text, E> {
                Ok(Text(v.to_string().into()))
            }
        }
        d.deserialize_any(V)
    }
}

/// A list field: absent and null are empty, null elements are skipped.
#[derive(Debug, Clone)]
pub struct Many<T>(Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for Many<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<Many<T>, E> {
                Ok(Many::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element::<Option<T>>()? {
                    out.extend(item);
                }
                Ok(Many(out))
            }
        }
        d.deserialize_any(V(PhantomData))
    }
}

/// The labels and annotations that some kind reads; all others are skipped without a copy.
pub(super) const KEPT: &[&str] = &[
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "component",
    "pod-template-hash",
    "deployment.kubernetes.io/revision",
    "openbao-active",
    "openbao-initialized",
    "openbao-perf-standby",
    "openbao-sealed",
    "openbao-version",
    "vault-active",
    "vault-initialized",
    "vault-perf-standby",
    "vault-sealed",
    "vault-version",
    "helm.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/namespace",
    "kustomize.toolkit.fluxcd.io/name",
    "kustomize.toolkit.fluxcd.io/namespace",
    "resourceset.fluxcd.controlplane.io/name",
    "resourceset.fluxcd.controlplane.io/namespace",
    "velero.io/schedule-name",
    "velero.io/storage-location",
    "cert-manager.io/certificate-name",
    "cert-manager.io/certificate-revision",
    "reconcile.fluxcd.io/requestedAt",
    "fluxcd.controlplane.io/reconcile",
    "fluxcd.controlplane.io/reconcileTimeout",
    "source.extensions.fluxcd.io/reconcile",
    "watchkeeper.dev/window",
    "watchkeeper.dev/until",
    "watchkeeper.dev/by",
    "kubectl.kubernetes.io/default-container",
    "kubernetes.io/config.mirror",
    "kubernetes.io/role",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
];

/// Node roles are in the label's name.
pub(super) const KEPT_PREFIX: &str = "node-role.kubernetes.io/";

/// A map of strings of which only the keys that some kind reads are kept.
#[derive(Debug, Default)]
pub struct Kept(Vec<(Box<str>, Box<str>)>);

impl Kept {
    pub fn get(&self, key: &str) -> Option<&str> {
        debug_assert!(KEPT.contains(&key), "{key} must be listed in KEPT");
        self.0.iter().find(|(k, _)| **k == *key).map(|(_, v)| &**v)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }
}

/// A map key that is copied only when it is kept.
struct KeptKey(Option<Box<str>>);

impl<'de> Deserialize<'de> for KeptKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = KeptKey;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E>(self, v: &str) -> Result<KeptKey, E> {
                let keep = KEPT.contains(&v) || v.starts_with(KEPT_PREFIX);
                Ok(KeptKey(keep.then(|| v.into())))
            }
        }
        d.deserialize_str(V)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Kept;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_unit<E>(self) -> Result<Kept, E> {
                Ok(Kept::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kept, A::Error> {
                let mut out = Vec::new();
                while let Some(KeptKey(key)) = map.next_key()? {
                    match key {
                        Some(key) => out.push((key, map.next_value::<Text>()?.0)),
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(Kept(out))
            }
        }
        d.deserialize_any(V)
    }
}

/// Null as the default value.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(d).map(Option::unwrap_or_default)
}

/// What identifies an object that could not be decoded as its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Identity {
    pub namespace: Text,
    pub name: Text,
    pub uid: Text,
    pub resource_version: Text,
    pub creation_timestamp: Text,
}

impl Identity {
    pub fn of(json: &str) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Named {
            metadata: Identity,
        }
        serde_json::from_str::<Named>(json).unwrap_or_default().metadata
    }

    /// `namespace/name`.
    pub fn told(&self) -> String {
        match (&*self.namespace, &*self.name) {
            (_, "") => "(no name)".to_owned(),
            ("", name) => name.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_null_fields_are_defaults() {
        let text = r#"{"metadata":{"name":"a","labels":null,"ownerReferences":null,"generation":null},"spec":null}"#;
        let object: Object<Nothing, Nothing> = serde_json::from_str(text).unwrap();
        assert_eq!(&*object.metadata.name, "a");
        assert!(object.metadata.owner_references.is_empty());
    }

    #[test]
    fn only_known_labels_are_kept() {
        let text = r#"{"labels":{"a":"b","app.kubernetes.io/name":"openbao","node-role.kubernetes.io/worker":""}}"#;
        let meta: Meta = serde_json::from_str(text).unwrap();
        assert_eq!(meta.labels.iter().count(), 2);
        assert_eq!(meta.labels.get("app.kubernetes.io/name"), Some("openbao"));
    }

    #[test]
    fn a_bad_object_still_tells_its_name() {
        let bad = Identity::of(r#"{"metadata":{"name":"x","namespace":"y","resourceVersion":"5"},"spec":7}"#);
        assert_eq!((&*bad.told(), &*bad.resource_version), ("y/x", "5"));
        assert_eq!(Identity::of("[]").told(), "(no name)");
    }
}
