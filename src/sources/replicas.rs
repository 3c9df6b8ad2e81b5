//! The replicas of OpenBao and Vault as their pods tell: where to ask each, and what its labels hint at.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::poll::{AskError, entries, utf8};
use crate::domain::ages::Time;
use crate::domain::change::Bad;
use crate::domain::served::escape;
use crate::kinds::seals::State;
use crate::kinds::wire::{Condition, Conditions, Many, Meta, Object, Text};

/// `app.kubernetes.io/name in (openbao,vault),component=server`, percent-encoded.
const SELECTOR: &str = "app.kubernetes.io%2Fname%20in%20%28openbao%2Cvault%29%2Ccomponent%3Dserver";
/// Where OpenBao and Vault listen by default.
const PORT: u16 = 8200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Http => Self::Https,
            Self::Https => Self::Http,
        }
    }

    fn of(url: &str) -> Option<Self> {
        match url.split_once("://")?.0 {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }
}

/// One replica, as its pod tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub created: Time,
    pub ip: Option<String>,
    pub phase: String,
    /// Condition Ready is True.
    pub ready: bool,
    /// The release: the instance label, else the name label.
    pub cluster: String,
    pub port: u16,
    /// The scheme to try first.
    pub scheme: Scheme,
    pub hint: Hint,
}

impl Replica {
    /// The pod's proxy on the API server, which the paths of [`super::seals`] are appended to. The API server does
    /// not verify the pod's certificate: good for reading only.
    pub fn proxy_path(&self, scheme: Scheme, port: u16) -> String {
        let (namespace, name) = (escape(&self.namespace), escape(&self.name));
        format!("/api/v1/namespaces/{namespace}/pods/{}:{name}:{port}/proxy", scheme.word())
    }
}

/// What `service_registration "kubernetes"` wrote into the pod's labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    pub sealed: Option<bool>,
    pub active: Option<bool>,
    pub initialized: Option<bool>,
    pub version: String,
}

impl Hint {
    fn read(meta: &Meta) -> Self {
        let get = |bao: &str, vault: &str| meta.labels.get(bao).or_else(|| meta.labels.get(vault));
        let flag = |value: Option<&str>| match value {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        Self {
            sealed: flag(get("openbao-sealed", "vault-sealed")),
            active: flag(get("openbao-active", "vault-active")),
            initialized: flag(get("openbao-initialized", "vault-initialized")),
            version: get("openbao-version", "vault-version").unwrap_or("").to_owned(),
        }
    }

    pub fn state(&self) -> State {
        match (self.initialized, self.sealed, self.active) {
            (Some(false), ..) => State::Uninitialised,
            (_, Some(true), _) => State::Sealed,
            (_, Some(false), Some(true)) => State::Active,
            (_, Some(false), Some(false)) => State::Standby,
            (_, Some(false), None) => State::Unsealed,
            (_, None, _) => State::Unknown,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct List {
    items: Many<Box<RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    containers: Many<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    ports: Many<Port>,
    env: Many<Env>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Port {
    name: Text,
    container_port: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Env {
    name: Text,
    value: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: Text,
    #[serde(rename = "podIP")]
    pod_ip: Text,
    conditions: Many<Condition>,
}

/// The path that lists the replicas' pods, of one namespace or of all.
pub fn pods_path(namespace: Option<&str>) -> String {
    let within = namespace.map_or(String::new(), |n| format!("namespaces/{}/", escape(n)));
    format!("/api/v1/{within}pods?labelSelector={SELECTOR}&resourceVersion=0")
}

/// Decodes the answer of [`pods_path`].
pub fn replicas(body: &[u8], bad: &mut Vec<Bad>) -> Result<Vec<Replica>, AskError> {
    let list: List =
        serde_json::from_str(&utf8(body)).map_err(|error| AskError::Other(format!("not a list of pods: {error}")))?;
    Ok(entries::<Object<Spec, PodStatus>>(&list.items, "pod", bad).iter().map(replica).collect())
}

fn replica(pod: &Object<Spec, PodStatus>) -> Replica {
    let meta = &pod.metadata;
    let label = |key: &str| meta.labels.get(key).filter(|v| !v.is_empty());
    let ports = || pod.spec.containers.iter().flat_map(|c| c.ports.iter());
    // the charts name the API's port after its scheme
    let named = ports().find_map(|p| match &*p.name {
        "http" => Some((Scheme::Http, p)),
        "https" => Some((Scheme::Https, p)),
        _ => None,
    });
    let addresses = ["BAO_ADDR", "VAULT_ADDR", "BAO_API_ADDR", "VAULT_API_ADDR"];
    let env = || pod.spec.containers.iter().flat_map(|c| c.env.iter());
    let told = addresses.iter().find_map(|name| env().find(|e| &*e.name == *name).and_then(|e| Scheme::of(&e.value)));
    let port = named.and_then(|(_, p)| p.container_port).and_then(|p| u16::try_from(p).ok());
    let ready = pod.status.conditions.of("Ready").is_some_and(Condition::is_true);
    Replica {
        namespace: meta.namespace.to_string(),
        name: meta.name.to_string(),
        uid: meta.uid.to_string(),
        created: meta.created(),
        ip: Some(pod.status.pod_ip.to_string()).filter(|ip| !ip.is_empty()),
        phase: pod.status.phase.to_string(),
        ready,
        cluster: label("app.kubernetes.io/instance")
            .or_else(|| label("app.kubernetes.io/name"))
            .unwrap_or("openbao")
            .to_owned(),
        port: port.unwrap_or(PORT),
        scheme: named.map(|(scheme, _)| scheme).or(told).unwrap_or(Scheme::Http),
        hint: Hint::read(meta),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"ports":[{"name":"http","containerPort":8210}]}"#, Scheme::Http, 8210)]
    #[case(r#"{"ports":[{"name":"api","containerPort":8200}],"env":[{"name":"BAO_ADDR","value":"https://127.0.0.1:8200"}]}"#, Scheme::Https, 8200)]
    #[case(r#"{"ports":null,"env":[{"name":"BAO_ADDR","valueFrom":{}}]}"#, Scheme::Http, 8200)]
    fn the_likely_scheme_comes_from_the_port_or_the_environment(
        #[case] container: &str,
        #[case] scheme: Scheme,
        #[case] port: u16,
    ) {
        let body = format!(
            r#"{{"items":[{{"metadata":{{"name":"a"}},"spec":{{"containers":[{container}]}},"status":null}}]}}"#
        );
        let found = replicas(body.as_bytes(), &mut Vec::new()).unwrap();
        assert_eq!((found[0].scheme, found[0].port), (scheme, port));
    }
}
