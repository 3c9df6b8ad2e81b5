//! Sync an `ExternalSecret` from its store now.

use serde_json::{Value, json};

use super::input::Input;
use super::{ActKey, ActionSpec, flux, right, twin};
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
    reason: None,
    offered: |subject| subject.of(&["ExternalSecret"]),
    plan,
};

/// What the proof compares with: when it has changed since the preview, it is not sent.
const RESTS_ON: &[&str] = &["/metadata/annotations", "/metadata/labels", "/status/syncedResourceVersion"];

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
    // never the same twice, so that a sync of ours differs from any other
    let value = input.token.to_owned();
    let body = json!({ "metadata": { "annotations": { "force-sync": value } } });
    let mut request = flux::patch(input, path, object, RESTS_ON, body)?;
    request.before = format!("force-sync={}", annotation(object, "force-sync"));
    request.after = format!("force-sync={value}");
    let (namespace, name) = (&target.key.namespace, &target.key.name);
    let twin = twin::kubectl(input, &["annotate", "externalsecret"])
        .arg(&**name)
        .arg(format!("force-sync={value}"))
        .within(namespace)
        .switch("--overwrite");
    let check = Check::Synced {
        token: value,
        version: text(object, "/status/syncedResourceVersion").to_owned(),
        refreshed: text(object, "/status/refreshTime").to_owned(),
    };
    let proof = Proof { via: Via::Kubernetes, path: path.to_owned(), check, limit: 120 };
    Ok(vec![Step::send(format!("sync {name}"), twin, request), Step::wait("wait until it was read again", proof)])
}
