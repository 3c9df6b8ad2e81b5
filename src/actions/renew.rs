//! Renew a certificate now, as cmctl does: the condition Issuing is set, and nothing else.

use serde_json::json;

use super::input::Input;
use super::risk::{self, Weight};
use super::{ActKey, ActionSpec, flux, right, twin};
use crate::domain::json::{condition, int, is_true, list, text};
use crate::domain::plan::{Body, Guard, Method, Plan, Proof, Request, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "renew",
    key: Some(ActKey::Refresh),
    doc: "renew the certificate now, and wait for it",
    rights: &[right("cert-manager.io", "certificates/status", "update")],
    fields: &[],
    reason: None,
    offered: |subject| subject.of(&["Certificate"]),
    plan,
};

/// What the proof compares with: when it has changed since the preview, it is not sent.
const RESTS_ON: &[&str] = &["/spec/secretName", "/status/revision", "/status/failedIssuanceAttempts"];

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let (path, object) = input.object()?;
    let (namespace, name) = (&target.key.namespace, &target.key.name);
    if is_true(object, "Issuing") {
        return Err(Stop::Refuse(format!("{} is being issued already", target.told())));
    }
    let mut warnings = issuer(input, object, namespace)?;
    let secret = text(object, "/spec/secretName");
    let all = input.served("Certificate")?.collection(namespace);
    let others: Vec<&str> = list(input.read(&all)?, "/items")
        .iter()
        .filter(|c| text(c, "/spec/secretName") == secret && text(c, "/metadata/name") != &**name)
        .map(|c| text(c, "/metadata/name"))
        .collect();
    if !others.is_empty() {
        return Err(Stop::Refuse(format!(
            "Secret {secret} is also of {}: they would overwrite it for each other; give each its own first",
            others.join(", ")
        )));
    }
    let attempts = int(object, "/status/failedIssuanceAttempts").unwrap_or(0);
    if attempts > 0 {
        warnings.push(format!(
            "{attempts} attempts have failed: another failure doubles the wait, and may hit the CA's rate limits"
        ));
    }
    let asked = input.now.timestamp().to_string();
    let set = json!({
        "type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered",
        "observedGeneration": int(object, "/metadata/generation").unwrap_or(0),
        "lastTransitionTime": asked,
    });
    let revision = int(object, "/status/revision").unwrap_or(0);
    let request = Request {
        via: Via::Kubernetes,
        method: Method::Put,
        path: format!("{path}/status"),
        body: Body::WithCondition(set),
        guard: Some(Guard::of(&path, object, RESTS_ON)),
        right: Some(input.right("update", "Certificate", "status", namespace, name)?),
        dry_run: true,
        fine: &[],
        patience: 0,
        before: format!("revision {revision}, valid until {}", text(object, "/status/notAfter")),
        after: "Issuing: True (ManuallyTriggered)".into(),
    };
    let before = condition(object, "Issuing").map_or("", |c| text(c, "/lastTransitionTime")).to_owned();
    let check = Check::Reissued { revision, attempts, asked, before };
    let proof = Proof { via: Via::Kubernetes, path, check, limit: 600 };
    let steps = vec![
        Step::send(
            format!("ask cert-manager to renew {name}"),
            twin::cmctl(input, &["renew"]).arg(&**name).within(namespace),
            request,
        ),
        Step::wait("wait until it was issued", proof),
    ];
    let mut plan = flux::plan(input, SPEC.name, steps, String::new())?;
    plan.reach.push(format!("Secret {secret} changes: what mounts it may need a restart"));
    plan.warnings = warnings;
    plan.risk = risk::of(input, Weight::Steers, [&**namespace], name);
    Ok(plan)
}

fn issuer(input: &Input<'_>, object: &serde_json::Value, namespace: &str) -> Result<Vec<String>, Stop> {
    let name = text(object, "/spec/issuerRef/name");
    let kind = Some(text(object, "/spec/issuerRef/kind")).filter(|k| !k.is_empty()).unwrap_or("Issuer");
    let group = text(object, "/spec/issuerRef/group");
    if !matches!(group, "" | "cert-manager.io") || !matches!(kind, "Issuer" | "ClusterIssuer") {
        let of = if group.is_empty() { String::new() } else { format!(" of {group}") };
        return Ok(vec![format!("its issuer is an external {kind}{of}: whether it is ready is not known")]);
    }
    let path = input.path(kind, if kind == "Issuer" { namespace } else { "" }, name)?;
    match input.maybe(&path)? {
        Ok(issuer) if is_true(issuer, "Ready") => Ok(Vec::new()),
        Ok(issuer) => {
            let why = condition(issuer, "Ready").map_or("it says nothing", |c| text(c, "/message"));
            Err(Stop::Refuse(format!("{kind} {name} is not ready, so the issuance would fail: {why}")))
        }
        Err(why) => Ok(vec![format!("{kind} {name} could not be read: {why}")]),
    }
}
