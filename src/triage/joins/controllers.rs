//! Controllers and webhooks that others depend on: with none of them ready, nothing handles their objects, and nothing
//! in the failing objects says so. This file knows which workloads those are and judges them.

use super::JoinSpec;
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::record::{Cell, KindId, Record};
use crate::domain::thresholds::Thresholds;
use crate::kinds::{self, Controller, workload};
use crate::store::{RowId, Store};

pub const SPEC: JoinSpec = JoinSpec {
    doc: "A controller without a ready pod leaves everything that it serves as it is.",
    concerned: |_| Vec::new(),
    join: |look, judged| join(look.store, look.id, judged, look.thresholds, look.now),
};

/// Webhooks and controllers that none of our kinds waits for.
static OTHERS: &[Controller] = &[
    Controller { name: "cert-manager-webhook", serves: "admission of certificates", home: "cert-manager" },
    Controller { name: "kyverno-admission-controller", serves: "admission policies", home: "kyverno" },
    Controller { name: "kyverno", serves: "admission policies", home: "kyverno" },
    Controller { name: "istiod", serves: "the mesh's configuration and injection", home: "istio-system" },
    Controller { name: "external-secrets-webhook", serves: "admission of ExternalSecrets", home: "external-secrets" },
];

/// Every controller; one that several kinds wait for is listed several times.
pub fn all() -> impl Iterator<Item = &'static Controller> {
    kinds::KINDS.iter().filter_map(|kind| kind.controller).chain(OTHERS)
}

/// The controller that a workload runs.
pub fn of(kind: KindId, name: &str) -> Option<&'static Controller> {
    // asked for every row that is judged
    if kind != kinds::DEPLOYMENT {
        return None;
    }
    let is = |c: &&Controller| name == c.name || name.strip_suffix(c.name).is_some_and(|head| head.ends_with('-'));
    // the longest ending decides: `cert-manager-webhook` is not another product's `webhook`
    all().filter(is).max_by_key(|c| c.name.len())
}

/// Whether a workload should have pods and has none that is ready.
pub fn is_down(record: &Record) -> bool {
    is_gone(record) && record.int(workload::WANTED) > 0
}

/// Whether it has no ready pod, scaled to 0 or not.
pub fn is_gone(record: &Record) -> bool {
    matches!(record.cell(workload::READY), Cell::Ratio(0, _))
}

/// Makes a finding of a controller without a ready pod, or one that is scaled to 0; `judged` is returned as it is for
/// all others.
fn join(store: &Store, id: RowId, mut judged: Judgement, thresholds: &Thresholds, now: Time) -> Judgement {
    let Some(row) = store.row(id) else { return judged };
    let Some(controller) = of(id.kind, &row.record.name) else { return judged };
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
        0 => (Severity::P2, format!("scaled to 0: nothing handles {}", controller.serves)),
        n => (Severity::P1, format!("0 of {n} ready: nothing handles {}", controller.serves)),
    };
    judged.health = Health::Failed;
    judged.findings.insert(0, Finding::new(severity, since, why));
    judged
}
