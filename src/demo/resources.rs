//! The kinds that the demo serves, as one table: group, version, names, scope. It holds no objects and knows no request.

/// Who defines a kind: it decides how its objects are printed and whether they can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Builtin,
    /// By a `CustomResourceDefinition`: items of lists repeat apiVersion and kind.
    Custom,
    /// Served by metrics-server: computed on read, never watched.
    Metrics,
}

/// One row of the table.
#[derive(Debug)]
pub struct Resource {
    pub group: &'static str,
    /// The version served unless the world says otherwise.
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub short: &'static [&'static str],
    pub categories: &'static [&'static str],
    pub namespaced: bool,
    pub origin: Origin,
}

impl Resource {
    /// `pods`, or `helmreleases.helm.toolkit.fluxcd.io`: how messages name a kind.
    #[must_use]
    pub fn qualified(&self) -> String {
        qualified(self.group, self.plural)
    }

    /// The verbs that are really answered.
    #[must_use]
    pub fn verbs(&self) -> &'static [&'static str] {
        match self.origin {
            Origin::Metrics => &["get", "list"],
            Origin::Builtin | Origin::Custom => &["create", "delete", "get", "list", "patch", "update", "watch"],
        }
    }

    /// Whether the status is written by itself: a write of the whole object then leaves it alone, and vice versa.
    #[must_use]
    pub fn has_status(&self) -> bool {
        !matches!(self.group, VELERO | "wgpolicyk8s.io" | "openreports.io" | "metrics.k8s.io" | "events.k8s.io")
            && !matches!(self.plural, "configmaps" | "endpoints" | "events" | "secrets" | "controllerrevisions")
    }

    /// Whether it has a number of replicas that can be written by itself.
    #[must_use]
    pub fn has_scale(&self) -> bool {
        self.group == "apps" && matches!(self.plural, "deployments" | "replicasets" | "statefulsets")
    }

    /// Subresources with their kind and verbs.
    #[must_use]
    pub fn subresources(&self) -> Vec<Subresource> {
        let mut all = match (self.group, self.plural) {
            ("", "pods") => POD_SUBRESOURCES.to_vec(),
            ("", "services") => SERVICE_SUBRESOURCES.to_vec(),
            _ => Vec::new(),
        };
        if self.has_scale() {
            all.push(SCALE);
        }
        if self.has_status() {
            let (group, version, kind) = (self.group, self.version, self.kind);
            all.push(Subresource { name: "status", group, version, kind, verbs: &["get", "patch", "update"] });
        }
        all
    }
}

/// `pods/log` and its like.
#[derive(Clone, Copy, Debug)]
pub struct Subresource {
    pub name: &'static str,
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub verbs: &'static [&'static str],
}

const SCALE: Subresource = Subresource {
    name: "scale",
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    verbs: &["get", "patch", "update"],
};
const POD_SUBRESOURCES: &[Subresource] = &[
    Subresource { name: "eviction", group: "policy", version: "v1", kind: "Eviction", verbs: &["create"] },
    Subresource { name: "log", group: "", version: "v1", kind: "Pod", verbs: &["get"] },
    Subresource {
        name: "proxy",
        group: "",
        version: "v1",
        kind: "PodProxyOptions",
        verbs: &["create", "delete", "get"],
    },
];
const SERVICE_SUBRESOURCES: &[Subresource] = &[Subresource {
    name: "proxy",
    group: "",
    version: "v1",
    kind: "ServiceProxyOptions",
    verbs: &["create", "delete", "get"],
}];

/// `plural`, or `plural.group` outside the core group.
#[must_use]
pub fn qualified(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

/// The row for a group and plural name.
#[must_use]
pub fn find(group: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.group == group && resource.plural == plural)
}

/// Every group in the order of the table, once; the core group is the empty name.
pub fn groups() -> impl Iterator<Item = &'static str> {
    let mut seen: Vec<&'static str> = Vec::new();
    RESOURCES.iter().map(|resource| resource.group).filter(move |group| {
        let new = !seen.contains(group);
        if new {
            seen.push(group);
        }
        new
    })
}

/// Groups that a cluster has only when their operator is installed; a story may show them.
pub const HIDDEN_AT_FIRST: &[&str] = &["fluxcd.controlplane.io", "openreports.io"];

type Names = &'static [&'static str];

const fn builtin(
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    short: Names,
) -> Resource {
    Resource { group, version, plural, kind, short, categories: &[], namespaced: true, origin: Origin::Builtin }
}

const fn custom(
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    short: Names,
) -> Resource {
    Resource { group, version, plural, kind, short, categories: &[], namespaced: true, origin: Origin::Custom }
}

const fn metrics(plural: &'static str, kind: &'static str) -> Resource {
    let group = "metrics.k8s.io";
    let version = "v1beta1";
    Resource { group, version, plural, kind, short: &[], categories: &[], namespaced: true, origin: Origin::Metrics }
}

impl Resource {
    const fn cluster(mut self) -> Resource {
        self.namespaced = false;
        self
    }

    const fn within(mut self, categories: Names) -> Resource {
        self.categories = categories;
        self
    }
}

const ALL: Names = &["all"];
const CERT_MANAGER: Names = &["cert-manager"];
const ACME: Names = &["cert-manager", "cert-manager-acme"];
const EXTERNAL_SECRETS: Names = &["external-secrets"];
const HELM: &str = "helm.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";
const VELERO: &str = "velero.io";
const ISSUERS: &str = "cert-manager.io";
const ORDERS: &str = "acme.cert-manager.io";
const SECRETS: &str = "external-secrets.io";

/// Everything that is served. Kinds are unique: the world finds objects by kind alone.
pub static RESOURCES: &[Resource] = &[
    builtin("", "v1", "configmaps", "ConfigMap", &["cm"]),
    builtin("", "v1", "endpoints", "Endpoints", &["ep"]),
    builtin("", "v1", "events", "Event", &["ev"]),
    builtin("", "v1", "namespaces", "Namespace", &["ns"]).cluster(),
    builtin("", "v1", "nodes", "Node", &["no"]).cluster(),
    builtin("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", &["pvc"]),
    builtin("", "v1", "persistentvolumes", "PersistentVolume", &["pv"]).cluster(),
    builtin("", "v1", "pods", "Pod", &["po"]).within(ALL),
    builtin("", "v1", "resourcequotas", "ResourceQuota", &["quota"]),
    builtin("", "v1", "secrets", "Secret", &[]),
    builtin("", "v1", "services", "Service", &["svc"]).within(ALL),
    builtin("apps", "v1", "controllerrevisions", "ControllerRevision", &[]),
    builtin("apps", "v1", "daemonsets", "DaemonSet", &["ds"]).within(ALL),
    builtin("apps", "v1", "deployments", "Deployment", &["deploy"]).within(ALL),
    builtin("apps", "v1", "replicasets", "ReplicaSet", &["rs"]).within(ALL),
    builtin("apps", "v1", "statefulsets", "StatefulSet", &["sts"]).within(ALL),
    builtin("events.k8s.io", "v1", "events", "Event", &["ev"]),
    builtin("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", &["hpa"]).within(ALL),
    builtin("batch", "v1", "cronjobs", "CronJob", &["cj"]).within(ALL),
    builtin("batch", "v1", "jobs", "Job", &[]).within(ALL),
    builtin("networking.k8s.io", "v1", "ingresses", "Ingress", &["ing"]),
    builtin("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", &["pdb"]),
    custom(HELM, "v2", "helmreleases", "HelmRelease", &["hr"]),
    custom(KUSTOMIZE, "v1", "kustomizations", "Kustomization", &["ks"]),
    custom(SOURCE, "v1", "buckets", "Bucket", &[]),
    custom(SOURCE, "v1", "externalartifacts", "ExternalArtifact", &["ea"]),
    custom(SOURCE, "v1", "gitrepositories", "GitRepository", &["gitrepo"]),
    custom(SOURCE, "v1", "helmcharts", "HelmChart", &["hc"]),
    custom(SOURCE, "v1", "helmrepositories", "HelmRepository", &["helmrepo"]),
    custom(SOURCE, "v1", "ocirepositories", "OCIRepository", &["ocirepo"]),
    custom("source.extensions.fluxcd.io", "v1beta1", "artifactgenerators", "ArtifactGenerator", &["ag"]),
    custom("fluxcd.controlplane.io", "v1", "resourcesets", "ResourceSet", &["rset"]),
    custom(ISSUERS, "v1", "certificaterequests", "CertificateRequest", &["cr", "crs"]).within(CERT_MANAGER),
    custom(ISSUERS, "v1", "certificates", "Certificate", &["cert", "certs"]).within(CERT_MANAGER),
    custom(ISSUERS, "v1", "clusterissuers", "ClusterIssuer", &["ciss"]).cluster().within(CERT_MANAGER),
    custom(ISSUERS, "v1", "issuers", "Issuer", &["iss"]).within(CERT_MANAGER),
    custom(ORDERS, "v1", "challenges", "Challenge", &[]).within(ACME),
    custom(ORDERS, "v1", "orders", "Order", &[]).within(ACME),
    custom(VELERO, "v1", "backups", "Backup", &[]),
    custom(VELERO, "v1", "backupstoragelocations", "BackupStorageLocation", &["bsl"]),
    custom(VELERO, "v1", "deletebackuprequests", "DeleteBackupRequest", &[]),
    custom(VELERO, "v1", "downloadrequests", "DownloadRequest", &[]),
    custom(VELERO, "v1", "restores", "Restore", &[]),
    custom(VELERO, "v1", "schedules", "Schedule", &[]),
    custom(VELERO, "v1", "volumesnapshotlocations", "VolumeSnapshotLocation", &["vsl"]),
    custom(SECRETS, "v1", "clustersecretstores", "ClusterSecretStore", &["css"]).cluster().within(EXTERNAL_SECRETS),
    custom(SECRETS, "v1", "externalsecrets", "ExternalSecret", &["es"]).within(EXTERNAL_SECRETS),
    custom(SECRETS, "v1", "secretstores", "SecretStore", &["ss"]).within(EXTERNAL_SECRETS),
    custom("wgpolicyk8s.io", "v1alpha2", "clusterpolicyreports", "ClusterPolicyReport", &["cpolr"]).cluster(),
    custom("wgpolicyk8s.io", "v1alpha2", "policyreports", "PolicyReport", &["polr"]),
    custom("openreports.io", "v1alpha1", "clusterreports", "ClusterReport", &["creps"]).cluster(),
    custom("openreports.io", "v1alpha1", "reports", "Report", &["reps"]),
    custom("security.istio.io", "v1", "peerauthentications", "PeerAuthentication", &["pa"]),
    metrics("nodes", "NodeMetrics").cluster(),
    metrics("pods", "PodMetrics"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_are_served_by_two_groups_under_one_kind() {
        for (index, one) in RESOURCES.iter().enumerate() {
            for other in &RESOURCES[index + 1..] {
                assert!(one.kind != other.kind || one.kind == "Event", "{} is declared twice", one.kind);
            }
        }
    }

    #[test]
    fn a_short_name_means_one_kind_unless_it_is_the_event_of_both_groups() {
        let mut seen = std::collections::HashMap::new();
        for resource in RESOURCES {
            for short in resource.short {
                if let Some(kind) = seen.insert(short, resource.kind) {
                    assert_eq!(kind, resource.kind, "{short}");
                }
            }
        }
    }
}
