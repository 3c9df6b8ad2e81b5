//! Sync an `ExternalSecret` from its store now.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActKey, ActionSpec, flux, right};
use crate::domain::ages::go_duration;
use crate::domain::json::{annotation, text};
use crate::domain::plan::{Plan, Proof, Step, Stop, Via};
use crate::domain::proof::Check;

pub const SPEC: ActionSpec = ActionSpec {
    name: "force-sync",
    key: Some(ActKey::Refresh),
    doc: "read the secret from its store now, and wait for it",
    rights: &[right("external-secrets.io", "externalsecrets", "patch")],
    fields: &[],
    wants_reason: false,
    offered: |subject| subject.of(&["ExternalSecret"]),
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let (path, object) = input.object()?;
    let mut plan = flux::plan(input, SPEC.name, steps(input, &path, object)?, String::new())?;
    plan.reach.push("pods keep the old value in their environment until they are restarted: see rotate".into());
    Ok(plan)
}

/// The annotation that makes its controller read the store now, and the proof that it did.
pub fn steps(input: &Input<'_>, path: &str, object: &Value) -> Result<Vec<Step>, Stop> {
    let target = input.target()?;
    let policy = text(object, "/spec/refreshPolicy");
    let interval = text(object, "/spec/refreshInterval");
    let synced = !text(object, "/status/refreshTime").is_empty();
    if policy == "CreatedOnce" || (synced && !interval.is_empty() && go_duration(interval) == Some(0)) {
        return Err(Stop::Refuse(format!(
            "{} is synced once only (refreshPolicy {}, interval {interval}): an annotation changes nothing",
            target.told(),
            if policy.is_empty() { "Periodic" } else { policy }
        )));
    }
    let value = input.now.0.to_string();
    let body = json!({ "metadata": { "annotations": { "force-sync": value } } });
    let mut request = flux::patch(input, path, object, &[], body)?;
    request.before = format!("force-sync={}", annotation(object, "force-sync"));
    request.after = format!("force-sync={value}");
    let (namespace, name) = (&target.key.namespace, &target.key.name);
    let twin = format!("kubectl annotate externalsecret {name} -n {namespace} force-sync={value} --overwrite");
    let check = Check::Refreshed { pointer: "/status/refreshTime".into(), since: input.now };
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit: 120 };
    Ok(vec![Step::send(format!("sync {name}"), twin, request), Step::wait("wait until it was read anew", proof)])
}
