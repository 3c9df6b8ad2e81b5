//! The kinds: one file and one row each. A kind reads its wire form into a record and judges records; it does no
//! I/O and knows no screen.

pub mod acme;
pub mod alerts;
pub mod artifact_generators;
pub mod autoscalers;
pub mod backup_storage_locations;
pub mod backups;
pub mod buckets;
pub mod certificate_requests;
pub mod certificates;
pub mod challenges;
pub mod cluster_issuers;
pub mod cluster_policy_reports;
pub mod cluster_secret_stores;
pub mod column;
pub mod cron;
pub mod cron_calendar;
pub mod cron_jobs;
pub mod daemon_sets;
pub mod deployments;
pub mod ending;
pub mod external_artifacts;
pub mod external_secrets;
pub mod flux;
pub mod flux_history;
pub mod flux_judge;
#[cfg(test)]
mod fuzz;
pub mod git_repositories;
pub mod guardrails;
pub mod helm_charts;
pub mod helm_releases;
pub mod helm_repositories;
pub mod ingresses;
pub mod issuer_ref;
pub mod issuers;
pub mod jobs;
pub mod joined;
pub mod kustomizations;
pub mod nodes;
pub mod oci_repositories;
pub mod orders;
pub mod peer_authentications;
pub mod persistent_volume_claims;
pub mod pod_disruption_budgets;
pub mod pod_needs;
pub mod pods;
pub mod policy_reports;
pub mod probes;
pub mod readiness;
pub mod refusals;
pub mod replica_sets;
pub mod resource_quotas;
pub mod resource_sets;
pub mod restores;
pub mod schedules;
pub mod seals;
pub mod secret_stores;
pub mod silences;
pub mod sources;
pub mod spec;
pub mod stateful_sets;
pub mod suspender;
#[cfg(test)]
pub(crate) mod testing;
pub mod unwatched;
pub mod velero;
pub mod window;
pub mod wire;
pub mod workload;

pub use spec::{
    Alarm, Api, Controller, Decode, Decoded, Family, Judge, Kind, KindSpec, Service, Switch, Tells, base, decode,
};

use crate::domain::record::KindId;

/// Every kind, in the order of the palette and of `:feeds`.
pub static KINDS: &[KindSpec] = &[
    pods::SPEC,
    nodes::SPEC,
    alerts::SPEC,
    seals::SPEC,
    helm_releases::SPEC,
    kustomizations::SPEC,
    certificates::SPEC,
    backups::SPEC,
    schedules::SPEC,
    git_repositories::SPEC,
    helm_repositories::SPEC,
    oci_repositories::SPEC,
    buckets::SPEC,
    helm_charts::SPEC,
    external_artifacts::SPEC,
    artifact_generators::SPEC,
    issuers::SPEC,
    cluster_issuers::SPEC,
    certificate_requests::SPEC,
    orders::SPEC,
    challenges::SPEC,
    backup_storage_locations::SPEC,
    restores::SPEC,
    silences::SPEC,
    deployments::SPEC,
    stateful_sets::SPEC,
    daemon_sets::SPEC,
    jobs::SPEC,
    cron_jobs::SPEC,
    persistent_volume_claims::SPEC,
    resource_quotas::SPEC,
    ingresses::SPEC,
    external_secrets::SPEC,
    secret_stores::SPEC,
    cluster_secret_stores::SPEC,
    replica_sets::SPEC,
    refusals::SPEC,
    pod_disruption_budgets::SPEC,
    autoscalers::SPEC,
    resource_sets::SPEC,
    policy_reports::SPEC,
    cluster_policy_reports::SPEC,
    peer_authentications::SPEC,
    probes::SPEC,
    guardrails::SPEC,
    // the last one, so that it takes no other row's number
    #[cfg(test)]
    testing::GIZMO,
];

pub const POD: KindId = id("Pod");
pub const NODE: KindId = id("Node");
pub const ALERT: KindId = id("Alert");
pub const SEAL: KindId = id("Seal");
pub const HELM_RELEASE: KindId = id("HelmRelease");
pub const KUSTOMIZATION: KindId = id("Kustomization");
pub const CERTIFICATE: KindId = id("Certificate");
pub const BACKUP: KindId = id("Backup");
pub const SCHEDULE: KindId = id("Schedule");
pub const GIT_REPOSITORY: KindId = id("GitRepository");
pub const HELM_REPOSITORY: KindId = id("HelmRepository");
pub const OCI_REPOSITORY: KindId = id("OCIRepository");
pub const BUCKET: KindId = id("Bucket");
pub const HELM_CHART: KindId = id("HelmChart");
pub const EXTERNAL_ARTIFACT: KindId = id("ExternalArtifact");
pub const ARTIFACT_GENERATOR: KindId = id("ArtifactGenerator");
pub const ISSUER: KindId = id("Issuer");
pub const CLUSTER_ISSUER: KindId = id("ClusterIssuer");
pub const CERTIFICATE_REQUEST: KindId = id("CertificateRequest");
pub const ORDER: KindId = id("Order");
pub const CHALLENGE: KindId = id("Challenge");
pub const BACKUP_STORAGE_LOCATION: KindId = id("BackupStorageLocation");
pub const RESTORE: KindId = id("Restore");
pub const SILENCE: KindId = id("Silence");
pub const DEPLOYMENT: KindId = id("Deployment");
pub const STATEFUL_SET: KindId = id("StatefulSet");
pub const DAEMON_SET: KindId = id("DaemonSet");
pub const JOB: KindId = id("Job");
pub const CRON_JOB: KindId = id("CronJob");
pub const PERSISTENT_VOLUME_CLAIM: KindId = id("PersistentVolumeClaim");
pub const RESOURCE_QUOTA: KindId = id("ResourceQuota");
pub const INGRESS: KindId = id("Ingress");
pub const EXTERNAL_SECRET: KindId = id("ExternalSecret");
pub const SECRET_STORE: KindId = id("SecretStore");
pub const CLUSTER_SECRET_STORE: KindId = id("ClusterSecretStore");
pub const REPLICA_SET: KindId = id("ReplicaSet");
pub const EVENT: KindId = id("Event");
pub const POD_DISRUPTION_BUDGET: KindId = id("PodDisruptionBudget");
pub const HORIZONTAL_POD_AUTOSCALER: KindId = id("HorizontalPodAutoscaler");
pub const RESOURCE_SET: KindId = id("ResourceSet");
pub const POLICY_REPORT: KindId = id("PolicyReport");
pub const CLUSTER_POLICY_REPORT: KindId = id("ClusterPolicyReport");
pub const PEER_AUTHENTICATION: KindId = id("PeerAuthentication");
pub const PROBE: KindId = id("Probe");
pub const GUARDRAIL: KindId = id("Guardrail");

/// The row number of a kind of the list; a name that is not on it does not compile.
const fn id(name: &str) -> KindId {
    let mut at = 0;
    while at < KINDS.len() {
        if is_same(KINDS[at].name, name) {
            #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 256 kinds")]
            return KindId(at as u8);
        }
        at += 1;
    }
    panic!("no kind of this name is on the list")
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

pub fn spec(id: KindId) -> &'static KindSpec {
    &KINDS[id.0 as usize]
}

/// All row numbers.
pub fn ids() -> impl Iterator<Item = KindId> {
    (0..KINDS.len()).filter_map(|i| u8::try_from(i).ok()).map(KindId)
}

/// The API's word for a kind: `HelmRelease`.
pub fn name(id: KindId) -> &'static str {
    spec(id).name
}

/// The kinds whose objects bring revisions into the cluster.
pub fn with_revisions() -> impl Iterator<Item = KindId> {
    ids().filter(|id| spec(*id).tells == Tells::Revision)
}

/// The kinds of one family.
pub fn of_family(family: Family) -> impl Iterator<Item = KindId> {
    ids().filter(move |id| spec(*id).family == family)
}

/// The row of an API kind: `HelmRelease`.
pub fn by_name(name: &str) -> Option<KindId> {
    ids().find(|id| spec(*id).name == name)
}

/// The row of a word after `:` or `-c`, in any of its spellings.
pub fn by_word(word: &str) -> Option<KindId> {
    let word = word.to_ascii_lowercase();
    ids().find(|id| {
        let row = spec(*id);
        row.word == word || row.name.eq_ignore_ascii_case(&word) || row.aliases.contains(&&*word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_word_and_columns_are_sane() {
        let mut seen = std::collections::HashSet::new();
        for row in KINDS {
            for word in std::iter::once(&row.word).chain(row.aliases) {
                assert!(seen.insert(*word), "{word} names two kinds");
            }
            assert!(seen.insert(row.name), "{} names two kinds", row.name);
            let mut titles = std::collections::HashSet::new();
            for column in row.columns {
                assert!(titles.insert(column.title), "{}: column {} twice", row.name, column.title);
                assert!(column.min <= column.max, "{}: {}", row.name, column.title);
            }
            assert!(row.columns.iter().any(|c| c.title == "NAME"), "{} has no NAME", row.name);
        }
    }
}
