//! Controllers and webhooks that others cannot do without: with none of them ready, what they look after stands still,
//! and nothing in the failing objects says so. This file knows which workloads those are and judges them.

use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::record::{Cell, Record};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, workload};
use crate::store::{RowId, Store};

/// A workload by the ending of its name, so that a release's prefix does not matter, and what stands still without it.
pub struct Controller {
    pub name: &'static str,
    pub serves: &'static str,
    /// Kinds that only it moves on.
    pub kinds: &'static [&'static str],
}

/// The names are those of the published manifests and charts.
pub static CONTROLLERS: &[Controller] = &[
    Controller { name: "helm-controller", serves: "HelmReleases", kinds: &["HelmRelease"] },
    Controller { name: "kustomize-controller", serves: "Kustomizations", kinds: &["Kustomization"] },
    Controller {
        name: "source-controller",
        serves: "Flux sources",
        kinds: &["GitRepository", "HelmRepository", "HelmChart", "OCIRepository", "Bucket"],
    },
    Controller { name: "source-watcher", serves: "ArtifactGenerators", kinds: &["ArtifactGenerator"] },
    Controller { name: "flux-operator", serves: "ResourceSets", kinds: &["ResourceSet"] },
    Controller { name: "cert-manager", serves: "certificates", kinds: &["Certificate", "CertificateRequest"] },
    Controller { name: "cert-manager-webhook", serves: "admission of certificates", kinds: &[] },
    Controller { name: "kyverno-admission-controller", serves: "admission policies", kinds: &[] },
    Controller { name: "kyverno", serves: "admission policies", kinds: &[] },
    Controller { name: "istiod", serves: "the mesh's configuration and injection", kinds: &[] },
    Controller { name: "external-secrets", serves: "ExternalSecrets", kinds: &["ExternalSecret"] },
    Controller { name: "external-secrets-webhook", serves: "admission of ExternalSecrets", kinds: &[] },
    Controller { name: "velero", serves: "backups", kinds: &["Backup", "Restore"] },
];

/// The controller that a workload is.
pub fn of(kind: &str, name: &str) -> Option<&'static Controller> {
    let is = |c: &&Controller| name == c.name || name.strip_suffix(c.name).is_some_and(|head| head.ends_with('-'));
    // the longest ending decides: `cert-manager-webhook` is no `webhook` of somebody else
    CONTROLLERS.iter().filter(|_| kind == "Deployment").filter(is).max_by_key(|c| c.name.len())
}

/// Whether a workload wants pods and has none that is ready.
pub fn is_down(record: &Record) -> bool {
    is_gone(record) && record.int(workload::WANTED) > 0
}

/// Whether it has no ready pod, wanted or not.
pub fn is_gone(record: &Record) -> bool {
    matches!(record.cell(workload::READY), Cell::Ratio(0, _))
}

/// Makes a finding of a controller without a ready pod, or one that is scaled to nothing; `judged` is returned as it
/// is for all others.
pub fn join(store: &Store, id: RowId, mut judged: Judgement, thresholds: &Thresholds, now: Time) -> Judgement {
    let Some(row) = store.row(id).filter(|_| kinds::spec(id.kind).name == "Deployment") else { return judged };
    let Some(controller) = of("Deployment", &row.record.name) else { return judged };
    let record = &row.record;
    let wanted = record.int(workload::WANTED);
    if record.health == Health::Terminating || (wanted > 0 && !is_down(record)) {
        return judged;
    }
    let since = record.time(workload::SINCE);
    let ends = since.unwrap_or(record.created).plus(thresholds.pod_grace);
    if wanted > 0 && now < ends {
        return judged.again_at(ends);
    }
    let (severity, why) = match wanted {
        0 => (Severity::P2, format!("scaled to 0: {} stand still", controller.serves)),
        n => (Severity::P1, format!("0 of {n} ready: {} stand still", controller.serves)),
    };
    judged.health = Health::Failed;
    judged.findings.insert(0, Finding::new(severity, since, why));
    judged
}
