//! Kinds that the API server serves, that are relevant, and that are not read: they are named wherever their absence
//! could be taken for health. A kind that gets a row in the list of kinds disappears from here by itself.

use super::{Api, KINDS};

/// Group, kind, and what cannot be seen without it.
const ROWS: &[(&str, &str, &str)] = &[
    ("image.toolkit.fluxcd.io", "ImageRepository", "registries that cannot be scanned for new images"),
    ("image.toolkit.fluxcd.io", "ImagePolicy", "images that no policy can choose"),
    ("image.toolkit.fluxcd.io", "ImageUpdateAutomation", "image updates that cannot be written to Git"),
    ("notification.toolkit.fluxcd.io", "Receiver", "webhooks that cannot trigger a reconcile"),
    ("notification.toolkit.fluxcd.io", "Provider", "where Flux sends its notifications"),
    ("notification.toolkit.fluxcd.io", "Alert", "which events of Flux are sent"),
    ("external-secrets.io", "ClusterExternalSecret", "ExternalSecrets that are made for namespaces"),
    ("external-secrets.io", "PushSecret", "Secrets that cannot be pushed"),
    ("velero.io", "VolumeSnapshotLocation", "where snapshots of volumes go"),
    ("velero.io", "BackupRepository", "repositories of file backups that are not ready"),
];

/// Groups whose kinds all have conditions that say whether they work.
const FAMILIES: [&str; 2] = [".toolkit.fluxcd.io", ".extensions.fluxcd.io"];

/// Groups that are asked for although no kind is read from them.
pub fn groups() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|(group, ..)| *group)
}

/// What cannot be seen of a served kind, when that matters and the kind is not read.
pub fn misses(group: &str, kind: &str) -> Option<&'static str> {
    let is_read =
        KINDS.iter().any(|row| row.name == kind && matches!(row.api, Api::Watch { group: of, .. } if of == group));
    if is_read {
        return None;
    }
    let row = ROWS.iter().find(|(of, name, _)| *of == group && *name == kind).map(|(.., misses)| *misses);
    row.or_else(|| FAMILIES.iter().any(|family| group.ends_with(family)).then_some("whether they are ready"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("batch", "CronJob", false)]
    #[case("batch", "Job", false)]
    #[case("notification.toolkit.fluxcd.io", "Alert", true)]
    #[case("image.toolkit.fluxcd.io", "ImageUpdateAutomation", true)]
    #[case("image.toolkit.fluxcd.io", "SomethingNew", true)]
    #[case("helm.toolkit.fluxcd.io", "HelmRelease", false)]
    #[case("velero.io", "DownloadRequest", false)]
    #[case("example.com", "Widget", false)]
    fn what_matters_and_is_not_read_is_known(#[case] group: &str, #[case] kind: &str, #[case] missing: bool) {
        let read =
            KINDS.iter().any(|row| row.name == kind && matches!(row.api, Api::Watch { group: of, .. } if of == group));
        assert_eq!(misses(group, kind).is_some(), missing && !read);
    }
}
