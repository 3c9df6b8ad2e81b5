//! A webhook or controller without a ready pod: what it admits is refused, what it reconciles makes no progress.

use super::{RuleSpec, row};
use crate::domain::health::Health;
use crate::kinds;
use crate::kinds::alerts::Confidence;
use crate::kinds::flux::{self, Case};
use crate::store::RowId;
use crate::triage::joins::controllers;
use crate::triage::node::Subject;
use crate::triage::scan::{Claims, Scan};

pub const SPEC: RuleSpec = RuleSpec {
    name: "controller-down",
    doc: "What a webhook refuses by not answering, and what waits for a controller, fails because that has no ready pod.",
    symptoms: &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "crash-loop"],
    symptoms_by: |kind| kind.controller.is_some(),
    explain,
    next: &["scale", "restart"],
    next_for: &["Deployment"],
    ..RuleSpec::BASE
};

fn explain(scan: &Scan<'_>, subject: Subject, claims: &mut Claims) {
    if let Subject::Group(id) = subject {
        let Some(group) = scan.group(id).map(|g| &g.group) else { return };
        if let Some(row) = scan.named(group.kind, &group.namespace, &group.name)
            && controllers::of(row.kind, &group.name).is_some()
            && scan.record(row).is_some_and(controllers::is_down)
        {
            claims.row(row, Confidence::Exact, "these are its pods");
        }
        return;
    }
    let Some(id) = row(subject).filter(|id| scan.record(*id).is_some()) else { return };
    if let Some((service, namespace)) = scan.said(id).into_iter().find_map(webhook)
        && let Some(down) = server(scan, service, namespace)
        && down != id
    {
        claims.row(down, Confidence::Exact, format!("its request to the webhook {namespace}/{service} failed"));
    }
    if let Some(controller) = kinds::spec(id.kind).controller.filter(|_| waits(scan, id))
        && let Some(down) = scan.named("Deployment", controller.home, controller.name)
        && scan.record(down).is_some_and(controllers::is_gone)
    {
        claims.row(down, Confidence::Likely, format!("nothing handles it: {} is down", controller.name));
    }
}

/// Whether it makes no progress: it does not report a failure, it just does not continue.
fn waits(scan: &Scan<'_>, id: RowId) -> bool {
    let Some(record) = scan.record(id) else { return false };
    match id.kind {
        kind if kinds::spec(kind).is_flux() => {
            matches!(Case::of(record), Case::Waiting | Case::Progressing | Case::Outdated)
                || record.text(flux::READY, &scan.store.strings) == "Unknown"
        }
        kinds::BACKUP | kinds::RESTORE => record.health == Health::Progressing,
        _ => matches!(scan.health(id), Health::Unknown | Health::Progressing | Health::Warning),
    }
}

/// Service and namespace of the webhook that did not answer, out of the API server's message:
/// `failed calling webhook "NAME": failed to call webhook: Post "https://SERVICE.NAMESPACE.svc:443/PATH": ...`.
/// Source: Kubernetes `apiserver/pkg/admission/plugin/webhook/errors`.
fn webhook(message: &str) -> Option<(&str, &str)> {
    let (_, rest) = message.split_once("failed calling webhook")?;
    let (_, rest) = rest.split_once("https://")?;
    let host = rest.split(['/', ':', '"']).next()?;
    let mut parts = host.split('.');
    let (service, namespace) = (parts.next()?, parts.next()?);
    (parts.next() == Some("svc")).then_some((service, namespace))
}

/// The workload behind a service, if it has no ready pod, scaled to 0 or not: found by naming conventions.
fn server(scan: &Scan<'_>, service: &str, namespace: &str) -> Option<RowId> {
    let base = service.strip_suffix("-svc").or_else(|| service.strip_suffix("-service")).unwrap_or(service);
    let known = controllers::all().map(|c| c.name).filter(|name| name.starts_with(base));
    std::iter::once(service)
        .chain([base])
        .chain(known)
        .filter_map(|name| scan.named("Deployment", namespace, name))
        .find(|id| scan.record(*id).is_some_and(controllers::is_gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhook_that_did_not_answer_is_read_from_the_message() {
        let message = "Internal error occurred: failed calling webhook \"validate.kyverno.svc-fail\": failed to call \
            webhook: Post \"https://kyverno-svc.kyverno.svc:443/validate/fail?timeout=10s\": no endpoints available";
        assert_eq!(webhook(message), Some(("kyverno-svc", "kyverno")));
        assert_eq!(webhook("failed calling webhook \"x\": Post \"https://example.com/\": refused"), None);
        assert_eq!(webhook("admission webhook \"x\" denied the request"), None);
    }
}
