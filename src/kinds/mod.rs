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

/// The kinds that have something in common.
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
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ages::Time;
    use crate::domain::change::Bad;
    use crate::domain::interner::{Interner, Strings};
    use crate::domain::thresholds::Thresholds;

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

    /// Every field name that some kind reads, and a few that none does.
    const FIELDS: &[&str] = &[
        "acme",
        "addresses",
        "annotations",
        "apiVersion",
        "artifact",
        "artifacts",
        "availableReplicas",
        "averageUtilization",
        "backupName",
        "bucket",
        "bucketName",
        "ca",
        "capabilities",
        "chart",
        "chartRef",
        "completionTimestamp",
        "conditions",
        "config",
        "containerResource",
        "containerStatuses",
        "containers",
        "controller",
        "creationTimestamp",
        "current",
        "currentHealthy",
        "currentMetrics",
        "currentReplicas",
        "currentRevision",
        "default",
        "deletionTimestamp",
        "dependsOn",
        "desiredHealthy",
        "desiredNumberScheduled",
        "desiredReplicas",
        "disruptionsAllowed",
        "endpoint",
        "entries",
        "errors",
        "exitCode",
        "expectedPods",
        "expiration",
        "external",
        "f:annotations",
        "f:fluxcd.controlplane.io/reconcile",
        "f:metadata",
        "f:spec",
        "f:suspend",
        "failedIssuanceAttempts",
        "failureReason",
        "failures",
        "fieldsV1",
        "finalizers",
        "finishedAt",
        "firstReconciled",
        "generation",
        "helmChart",
        "history",
        "initContainerStatuses",
        "initContainers",
        "fluxcd.controlplane.io/reconcile",
        "inputs",
        "inputsFrom",
        "inventory",
        "issuerRef",
        "itemsBackedUp",
        "kind",
        "labels",
        "lastAppliedRevision",
        "lastAttemptedRevision",
        "lastBackup",
        "lastFailureTime",
        "lastReconciled",
        "lastReconciledStatus",
        "lastScaleTime",
        "lastState",
        "lastTransitionTime",
        "lastUpdateTime",
        "lastValidationTime",
        "managedFields",
        "manager",
        "maxReplicas",
        "maxUnavailable",
        "message",
        "metric",
        "metrics",
        "minAvailable",
        "minReplicas",
        "name",
        "namespace",
        "nodeInfo",
        "nodeName",
        "notAfter",
        "numberAvailable",
        "numberMisscheduled",
        "numberReady",
        "object",
        "objectStorage",
        "observedGeneration",
        "ownerReferences",
        "partition",
        "path",
        "paused",
        "phase",
        "pods",
        "progress",
        "provider",
        "ready",
        "readyReplicas",
        "reason",
        "refreshInterval",
        "refreshPolicy",
        "refreshTime",
        "renewalTime",
        "replicas",
        "resource",
        "resourceVersion",
        "restartCount",
        "restartPolicy",
        "revision",
        "rollingUpdate",
        "running",
        "scaleTargetRef",
        "schedule",
        "secretStoreRef",
        "server",
        "signal",
        "sourceRef",
        "spec",
        "startTimestamp",
        "started",
        "state",
        "status",
        "storageLocation",
        "strategy",
        "suspend",
        "taints",
        "target",
        "template",
        "terminated",
        "time",
        "totalItems",
        "totalReconciliations",
        "ttl",
        "type",
        "uid",
        "unschedulable",
        "updateRevision",
        "updateStrategy",
        "updatedNumberScheduled",
        "updatedReplicas",
        "url",
        "validationErrors",
        "validationFrequency",
        "velero.io/schedule-name",
        "version",
        "waiting",
        "warnings",
        "accessModes",
        "active",
        "allocatedResourceStatuses",
        "capacity",
        "claimName",
        "commonName",
        "completionTime",
        "completions",
        "dnsName",
        "dnsNames",
        "error",
        "fail",
        "failed",
        "failureTime",
        "hard",
        "host",
        "hostname",
        "image",
        "ingress",
        "ingressClassName",
        "ip",
        "loadBalancer",
        "pass",
        "persistentVolumeClaim",
        "policy",
        "presented",
        "requests",
        "resources",
        "result",
        "rule",
        "rules",
        "secretName",
        "skip",
        "startTime",
        "storage",
        "storageClassName",
        "succeeded",
        "summary",
        "tls",
        "used",
        "volumeName",
        "volumes",
        "warn",
        "wildcard",
        "count",
        "lastObservedTime",
    ];

    /// Decodes and, when that works, judges and draws: what the program does with anything a server sends.
    fn handle(row: &KindSpec, json: &str, now: i64) -> Option<Bad> {
        let Api::Watch { decode, .. } = row.api else { return None };
        let (mut intern, mut strings) = (Interner::default(), Strings::default());
        match decode(json, &mut intern).record {
            Err(bad) => Some(bad),
            Ok(record) => {
                strings.extend(intern.unshipped());
                let show = column::Show { strings: &strings, now: Time(now) };
                let judged = (row.judge)(&record, &strings, &Thresholds::default(), Time(now));
                assert!(judged.recheck.is_none_or(|at| at > Time(now)), "{}: a recheck in the past: {json}", row.name);
                for column in row.columns {
                    let _ = (column.text(&record, &show), column.compare(&record, &record, &strings));
                }
                None
            }
        }
    }

    #[test]
    fn missing_and_null_fields_make_a_record_of_every_kind() {
        let with = |names: &[&str], value: &serde_json::Value| -> serde_json::Value {
            names.iter().map(|f| ((*f).to_owned(), value.clone())).collect()
        };
        let inner = with(FIELDS, &serde_json::Value::Null);
        let of_maps: Vec<&str> = LISTS.iter().copied().filter(|f| !OF_TEXTS.contains(f)).collect();
        let lists = with(&of_maps, &serde_json::json!([null, inner]));
        // that of an order is a text; a container's stands further down
        let maps: Vec<&str> = MAPS.iter().copied().filter(|f| *f != "state").collect();
        let maps = with(&maps, &inner);
        for row in KINDS {
            for json in [
                serde_json::json!({}),
                serde_json::json!({"metadata": null, "spec": null, "status": null}),
                serde_json::json!({"metadata": inner, "spec": inner, "status": inner}),
                serde_json::json!({"metadata": maps, "spec": maps, "status": maps}),
                serde_json::json!({"metadata": {"ownerReferences": [null, inner], "managedFields": [null, inner]},
                    "spec": lists, "status": lists}),
                serde_json::json!({"metadata": null, "scope": null, "summary": null, "results": null}),
                serde_json::json!({"involvedObject": null, "series": null, "count": null, "message": null}),
                serde_json::json!({"metadata": inner, "involvedObject": inner, "series": inner, "reason": "", "count": 0}),
                serde_json::json!({"metadata": inner, "scope": inner, "summary": inner, "results": [null, inner]}),
            ] {
                let json = json.to_string();
                let bad = handle(row, &json, 1_795_255_200);
                assert!(bad.is_none(), "{}: {:?} in {json}", row.name, bad);
            }
        }
    }

    const LISTS: &[&str] = &[
        "addresses",
        "conditions",
        "containerStatuses",
        "containers",
        "currentMetrics",
        "dependsOn",
        "entries",
        "finalizers",
        "history",
        "initContainerStatuses",
        "initContainers",
        "managedFields",
        "metrics",
        "ownerReferences",
        "taints",
        "validationErrors",
        "accessModes",
        "dnsNames",
        "ingress",
        "results",
        "artifacts",
        "sources",
        "rules",
        "tls",
        "volumes",
    ];
    const OF_TEXTS: &[&str] = &["finalizers", "validationErrors", "accessModes", "dnsNames"];
    const MAPS: &[&str] = &[
        "acme",
        "annotations",
        "apiVersion",
        "artifact",
        "chartRef",
        "containerResource",
        "current",
        "external",
        "f:spec",
        "f:suspend",
        "fieldsV1",
        "inventory",
        "issuerRef",
        "labels",
        "lastState",
        "metric",
        "nodeInfo",
        "object",
        "objectStorage",
        "pods",
        "progress",
        "resource",
        "rollingUpdate",
        "running",
        "scaleTargetRef",
        "secretStoreRef",
        "sourceRef",
        "spec",
        "state",
        "strategy",
        "target",
        "template",
        "terminated",
        "updateStrategy",
        "waiting",
        "allocatedResourceStatuses",
        "capacity",
        "hard",
        "loadBalancer",
        "persistentVolumeClaim",
        "requests",
        "resources",
        "used",
    ];
    const NUMBERS: &[&str] = &[
        "availableReplicas",
        "averageUtilization",
        "currentHealthy",
        "currentReplicas",
        "desiredHealthy",
        "desiredNumberScheduled",
        "desiredReplicas",
        "disruptionsAllowed",
        "errors",
        "exitCode",
        "expectedPods",
        "failedIssuanceAttempts",
        "failures",
        "generation",
        "itemsBackedUp",
        "maxReplicas",
        "minReplicas",
        "numberAvailable",
        "numberMisscheduled",
        "numberReady",
        "observedGeneration",
        "partition",
        "readyReplicas",
        "replicas",
        "restartCount",
        "signal",
        "totalItems",
        "totalReconciliations",
        "updatedNumberScheduled",
        "updatedReplicas",
        "version",
        "warnings",
        "active",
        "completions",
        "error",
        "fail",
        "failed",
        "pass",
        "skip",
        "succeeded",
        "warn",
        "count",
    ];
    const SWITCHES: &[&str] =
        &["controller", "default", "paused", "ready", "started", "suspend", "unschedulable", "presented", "wildcard"];
    const WORDS: &[&str] = &[
        "True",
        "False",
        "Unknown",
        "Ready",
        "Reconciling",
        "Stalled",
        "Issuing",
        "Drifted",
        "DependencyNotReady",
        "SourceNotReady",
        "RollbackSucceeded",
        "DoesNotExist",
        "SecretMissing",
        "SecretSynced",
        "ScalingActive",
        "ScalingLimited",
        "ReplicaFailure",
        "Progressing",
        "ProgressDeadlineExceeded",
        "OnDelete",
        "Periodic",
        "Failed",
        "Completed",
        "InProgress",
        "Enabled",
        "Available",
        "Always",
        "m0",
        "2026-11-21T10:00:00Z",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "0 2 * * *",
        "@every 9999999h",
        "30 2 30 2 1",
        "1h",
        "-1h",
        "sha256:0",
        "a/b",
        "://@",
        "\u{1b}[2J",
        "ä",
        "",
        "Pending",
        "Bound",
        "Lost",
        "Resizing",
        "pending",
        "invalid",
        "pass",
        "fail",
        "4",
        "3800m",
        "1.5Gi",
        "9e99",
        "BackoffLimitExceeded",
        "CreateContainerConfigError",
        "ErrImagePull",
    ];

    /// A value of the type that `field` has, most of the time: anything else does not get past the decoder.
    fn value(field: &str, dice: &mut impl Iterator<Item = u16>, depth: u8) -> serde_json::Value {
        use serde_json::Value;
        let roll = dice.next().unwrap_or(0);
        if roll % 64 == 63 {
            return Value::Null;
        }
        let roll = if roll % 64 == 62 { return Value::from(roll) } else { usize::from(roll) };
        let map = |dice: &mut _| object(dice, depth + 1);
        match field {
            _ if depth > 5 => Value::Null,
            _ if LISTS.contains(&field) => {
                (0..roll % 4).map(|_| if OF_TEXTS.contains(&field) { "f".into() } else { map(dice) }).collect()
            }
            _ if MAPS.contains(&field) && (field != "state" || depth > 1) => map(dice),
            _ if NUMBERS.contains(&field) => [i64::MIN, -1, 0, 1, 2, 65_536, i64::MAX][roll % 7].into(),
            _ if SWITCHES.contains(&field) => (roll % 2 == 0).into(),
            _ => WORDS[roll % WORDS.len()].into(),
        }
    }

    fn object(dice: &mut impl Iterator<Item = u16>, depth: u8) -> serde_json::Value {
        let mut map = serde_json::Map::new();
        for _ in 0..dice.next().unwrap_or(0) % 16 {
            let field = FIELDS[usize::from(dice.next().unwrap_or(0)) % FIELDS.len()];
            map.insert(field.to_owned(), value(field, dice, depth));
        }
        map.into()
    }

    proptest! {
        #[test]
        fn no_shape_of_any_object_panics(dice in prop::collection::vec(any::<u16>(), 600), now in 0i64..4_102_444_800) {
            let mut dice = dice.into_iter();
            let json = serde_json::json!({"metadata": object(&mut dice, 0), "spec": object(&mut dice, 0),
                "status": object(&mut dice, 0), "scope": object(&mut dice, 4), "summary": object(&mut dice, 4),
                "results": [object(&mut dice, 4)], "involvedObject": object(&mut dice, 4),
                "series": object(&mut dice, 4), "count": value("count", &mut dice, 0),
                "firstTimestamp": value("time", &mut dice, 0), "lastTimestamp": value("time", &mut dice, 0)});
            for row in KINDS {
                let _ = handle(row, &json.to_string(), now);
            }
        }
    }
}
