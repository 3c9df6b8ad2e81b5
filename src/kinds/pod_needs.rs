//! What an unhealthy pod waits for: the missing Secret or `ConfigMap`, the claims of a Pending pod, the registry from
//! which its image cannot be pulled. Kept for such pods only, so that all others cost nothing.

use crate::domain::interner::Interner;
use crate::domain::record::{Link, Relation};

use super::ending::link;

/// Kind and name of what the kubelet could not find, from its message for a container in `CreateContainerConfigError`.
///
/// Nothing else in a pod says so. The message has two forms: the API's own `secret "NAME" not found`, and `couldn't
/// find key KEY in Secret NAMESPACE/NAME`. Source: Kubernetes `pkg/kubelet/kubelet_pods.go`,
/// `makeEnvironmentVariables`, and apimachinery's `errors.NewNotFound`. A mounted Secret is named in events only.
pub fn missing(message: &str) -> Option<(&'static str, &str)> {
    for (kind, start) in [("Secret", "secret \""), ("ConfigMap", "configmap \"")] {
        if let Some((name, rest)) = message.strip_prefix(start).and_then(|rest| rest.split_once('"')) {
            return (rest.trim_end() == " not found" && !name.is_empty()).then_some((kind, name));
        }
    }
    let rest = message.strip_prefix("couldn't find key ")?;
    for (kind, between) in [("Secret", " in Secret "), ("ConfigMap", " in ConfigMap ")] {
        if let Some((_, name)) = rest.split_once(between).and_then(|(_, place)| place.trim_end().split_once('/')) {
            return (!name.is_empty() && !name.contains([' ', '/'])).then_some((kind, name));
        }
    }
    None
}

/// A link to what is missing.
pub fn needed(message: &str, namespace: &str, intern: &mut Interner) -> Option<Link> {
    missing(message).map(|(kind, name)| link(Relation::Uses, kind, namespace, name, intern))
}

/// Whether a container waits for its image under this reason.
pub fn is_pull(reason: &str) -> bool {
    matches!(reason, "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable")
}

/// The host that an image comes from. Without a host in its name it is Docker's; source: distribution `reference`.
pub fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("secret \"payments-credentials\" not found", Some(("Secret", "payments-credentials")))]
    #[case("configmap \"settings\" not found", Some(("ConfigMap", "settings")))]
    #[case("couldn't find key password in Secret team-alpha/db", Some(("Secret", "db")))]
    #[case("couldn't find key a.b in ConfigMap team-alpha/settings", Some(("ConfigMap", "settings")))]
    #[case("secret \"\" not found", None)]
    #[case("secret \"db\" was seen", None)]
    #[case("couldn't find key x in Secret db", None)]
    #[case("couldn't find key x in Secret a/b c", None)]
    #[case("failed to sync secret cache: timed out waiting for the condition", None)]
    #[case("container has runAsNonRoot and image will run as root", None)]
    #[case("", None)]
    fn the_kubelet_names_what_is_missing(#[case] message: &str, #[case] found: Option<(&str, &str)>) {
        assert_eq!(missing(message), found);
    }

    #[rstest]
    #[case("harbor.example.internal/team/catalog:2.1", "harbor.example.internal")]
    #[case("localhost/x", "localhost")]
    #[case("localhost:5000/x", "localhost:5000")]
    #[case("registry:443/a/b@sha256:00", "registry:443")]
    #[case("grafana/loki:3", "docker.io")]
    #[case("redis", "docker.io")]
    #[case("redis:7.2", "docker.io")]
    #[case("", "docker.io")]
    fn the_registry_is_the_first_part_if_it_is_a_host(#[case] image: &str, #[case] host: &str) {
        assert_eq!(registry(image), host);
    }
}
