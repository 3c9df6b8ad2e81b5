//! Flux resources, in the words of the kube-state-metrics configuration that Flux publishes.

use serde_json::Value;

use super::{Found, KSM, condition, name, namespace, text};
use crate::demo::world::World;

const KINDS: &[&str] =
    &["HelmRelease", "Kustomization", "GitRepository", "HelmRepository", "HelmChart", "OCIRepository", "Bucket"];

pub fn collect(world: &World, found: &mut Found) {
    for kind in KINDS {
        for object in world.list(kind) {
            let suspended = if object["spec"]["suspend"] == Value::Bool(true) { "true" } else { "false" };
            let ready = condition(object, "Ready").unwrap_or("Unknown");
            let revision =
                ["/status/history/0/chartVersion", "/status/lastAppliedRevision", "/status/artifact/revision"]
                    .into_iter()
                    .map(|path| text(object, path))
                    .find(|text| !text.is_empty());
            found.gauge(
                "gotk_resource_info",
                &[
                    KSM,
                    ("customresource_kind", kind),
                    ("exported_namespace", namespace(object)),
                    ("name", name(object)),
                    ("ready", ready),
                    ("suspended", suspended),
                    ("revision", revision.unwrap_or_default()),
                ],
                1.0,
            );
        }
    }
}
