//! When a step counts as done: pure judgements on what was read back. What each controller says, and in which order,
//! decides; a state that is merely not bad is never a proof.

use serde_json::Value;

use super::ages::Time;
use super::json::{self, condition, is_true, text};

/// What must be seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// The field has this value; null is "absent".
    Field { pointer: String, is: Value },
    /// Flux has handled this token, and then says Ready for the present generation.
    FluxHandled { token: String, annotation: &'static str, handled: &'static str },
    /// Flux says Ready for a generation that is at least the answer's.
    FluxReady,
    /// A Deployment, StatefulSet or DaemonSet has rolled out the generation of the answer.
    Rollout,
    /// The object is gone, or another one has its name.
    Gone { uid: String },
    /// The certificate has a revision beyond this one; more failed attempts than these are a failure.
    Reissued { revision: i64, attempts: i64 },
    /// `.status.phase` is one of the first; one of the second is a failure.
    Phase { done: &'static [&'static str], failed: &'static [&'static str] },
    /// The time at the pointer is at or after this, and Ready is True.
    Refreshed { pointer: String, since: Time },
    /// Every replica knows the silence in this state: active (or pending), or expired.
    Silence { expired: bool },
}

/// What an answer says about a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Not yet; how far it is.
    Waiting(String),
    Done(String),
    Failed(String),
}

/// An answer: its status code, and its body where it is JSON.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub code: u16,
    pub body: &'a Value,
}

/// Judges one answer. `sent` is the answer to the last request of the plan.
pub fn judge(check: &Check, answer: Answer<'_>, sent: &Value) -> Seen {
    if let Check::Gone { uid } = check {
        return gone(uid, answer);
    }
    match answer.code {
        200..=299 => {}
        404 => return Seen::Failed("it is no longer there".to_owned()),
        code => return Seen::Waiting(format!("cannot be read now ({code})")),
    }
    let object = answer.body;
    match check {
        Check::Field { pointer, is } => field(object, pointer, is),
        Check::FluxHandled { token, annotation, handled } => flux_handled(object, token, annotation, handled),
        Check::FluxReady => flux_ready(object, number(sent, "/metadata/generation")),
        Check::Rollout => rollout(object, number(sent, "/metadata/generation")),
        Check::Gone { uid } => gone(uid, answer),
        Check::Reissued { revision, attempts } => reissued(object, *revision, *attempts),
        Check::Phase { done, failed } => phase(object, done, failed),
        Check::Refreshed { pointer, since } => refreshed(object, pointer, *since),
        Check::Silence { expired } => silence(object, *expired),
    }
}

/// A counter or a generation; what is absent counts as 0, as Kubernetes leaves zeros out.
fn number(object: &Value, pointer: &str) -> i64 {
    json::int(object, pointer).unwrap_or(0)
}

/// `reason: message`, with whichever there is.
fn words(condition: &Value) -> String {
    match (text(condition, "/reason"), text(condition, "/message")) {
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

fn gone(uid: &str, answer: Answer<'_>) -> Seen {
    match answer.code {
        404 => Seen::Done("gone".to_owned()),
        200..=299 if text(answer.body, "/metadata/uid") != uid => {
            Seen::Done("gone; another one has its name".to_owned())
        }
        200..=299 if !text(answer.body, "/metadata/deletionTimestamp").is_empty() => {
            Seen::Waiting("terminating".to_owned())
        }
        200..=299 => Seen::Waiting("still there".to_owned()),
        code => Seen::Waiting(format!("cannot be read now ({code})")),
    }
}

fn field(object: &Value, pointer: &str, is: &Value) -> Seen {
    let now = object.pointer(pointer).unwrap_or(&Value::Null);
    if now == is {
        return Seen::Done(format!("{} is {is}", super::plan::dotted(pointer)));
    }
    Seen::Waiting(format!("{} is {now}", super::plan::dotted(pointer)))
}

/// Whether Flux leaves an object alone: by its spec, or, of a ResourceSet and an ArtifactGenerator, by an annotation.
pub fn flux_suspended(object: &Value) -> bool {
    let off = |switch: &str| text(object, switch).eq_ignore_ascii_case("disabled");
    match text(object, "/kind") {
        "ResourceSet" => off(RESOURCE_SET_SWITCH),
        "ArtifactGenerator" => off(GENERATOR_SWITCH),
        _ => object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true),
    }
}

/// The annotation that switches an ArtifactGenerator off, as a JSON pointer.
pub const GENERATOR_SWITCH: &str = "/metadata/annotations/source.extensions.fluxcd.io~1reconcile";

/// The annotation that switches a ResourceSet off, as a JSON pointer.
pub const RESOURCE_SET_SWITCH: &str = "/metadata/annotations/fluxcd.controlplane.io~1reconcile";

fn flux_handled(object: &Value, token: &str, annotation: &str, handled: &str) -> Seen {
    let annotated = object.pointer("/metadata/annotations").and_then(|a| a.get(annotation)).and_then(Value::as_str);
    if annotated != Some(token) {
        return Seen::Failed(
            "somebody else has asked for a reconciliation since: ours may never be told apart".to_owned(),
        );
    }
    if flux_suspended(object) {
        // the controllers record the token of a suspended object although nothing runs
        return Seen::Failed("it is suspended: nothing was reconciled".to_owned());
    }
    if text(object, handled) != token {
        return Seen::Waiting("waiting for the controller to take it up".to_owned());
    }
    flux_ready(object, 0)
}

/// Reasons of Ready=False that are a wait, not the end of an attempt.
const UNDER_WAY: &[&str] = &["Progressing", "ProgressingWithRetry"];
const BLOCKED: &[&str] = &["DependencyNotReady", "SourceNotReady", "ArtifactFailed"];

fn flux_ready(object: &Value, least: i64) -> Seen {
    let generation = number(object, "/metadata/generation");
    let Some(ready) = condition(object, "Ready") else {
        return Seen::Waiting("waiting to be reconciled".to_owned());
    };
    if let Some(stalled) = condition(object, "Stalled").filter(|c| text(c, "/status") == "True") {
        let observed = number(stalled, "/observedGeneration");
        if observed == 0 || observed >= generation.min(least.max(1)) {
            return Seen::Failed(format!("stalled, it will not retry by itself: {}", words(ready)));
        }
    }
    // a failing HelmRelease has -1 in its status, and the truth in its condition
    let told = number(ready, "/observedGeneration").max(number(object, "/status/observedGeneration"));
    if told < least || told < generation {
        return Seen::Waiting("waiting for the controller to see the change".to_owned());
    }
    match (text(ready, "/status"), text(ready, "/reason")) {
        ("True", _) if is_true(object, "Reconciling") => Seen::Waiting(words(ready)),
        ("True", _) => Seen::Done(words(ready)),
        ("False", reason) if UNDER_WAY.contains(&reason) => Seen::Waiting(words(ready)),
        ("False", reason) if BLOCKED.contains(&reason) => Seen::Waiting(format!("blocked: {}", words(ready))),
        ("False", _) => Seen::Failed(format!("the attempt failed, the controller retries: {}", words(ready))),
        _ => Seen::Waiting(words(ready)),
    }
}

/// kubectl's `rollout status`, in its order.
fn rollout(object: &Value, least: i64) -> Seen {
    let status = |name: &str| number(object, &format!("/status/{name}"));
    if status("observedGeneration") < number(object, "/metadata/generation").max(least) {
        return Seen::Waiting("waiting for the controller to see the change".to_owned());
    }
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    match text(object, "/kind") {
        "DaemonSet" => {
            let desired = status("desiredNumberScheduled");
            steps(&[
                ("updated", status("updatedNumberScheduled"), desired),
                ("available", status("numberAvailable"), desired),
            ])
        }
        "StatefulSet" => {
            let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
            let mut parts = vec![("ready", status("readyReplicas"), wanted)];
            if partition > 0 {
                parts.push(("updated", status("updatedReplicas"), wanted - partition));
            } else if text(object, "/status/updateRevision") != text(object, "/status/currentRevision") {
                let updated = status("updatedReplicas");
                return Seen::Waiting(format!("{updated} of {wanted} updated"));
            }
            steps(&parts)
        }
        _ => {
            if let Some(stuck) =
                condition(object, "Progressing").filter(|c| text(c, "/reason") == "ProgressDeadlineExceeded")
            {
                return Seen::Failed(words(stuck));
            }
            if let Some(failure) = condition(object, "ReplicaFailure").filter(|c| text(c, "/status") == "True") {
                return Seen::Failed(words(failure));
            }
            let updated = status("updatedReplicas");
            let old = status("replicas") - updated;
            if updated >= wanted && old > 0 {
                return Seen::Waiting(format!("{old} of the old pods still terminate"));
            }
            steps(&[("updated", updated, wanted), ("available", status("availableReplicas"), wanted)])
        }
    }
}

fn steps(parts: &[(&str, i64, i64)]) -> Seen {
    for (word, have, want) in parts {
        if have < want {
            return Seen::Waiting(format!("{have} of {want} {word}"));
        }
    }
    let want = parts.last().map_or(0, |(_, _, want)| *want);
    Seen::Done(format!("rolled out, {want} of {want} available"))
}

fn reissued(object: &Value, revision: i64, attempts: i64) -> Seen {
    let issuing = condition(object, "Issuing");
    let failed = number(object, "/status/failedIssuanceAttempts");
    if failed > attempts {
        let why = issuing.map_or_else(String::new, words);
        return Seen::Failed(format!("the issuance failed ({failed} failed attempts): {why}"));
    }
    let now = number(object, "/status/revision");
    match issuing.map(|c| text(c, "/status")) {
        Some("True") => Seen::Waiting(issuing.map_or_else(String::new, words)),
        Some("False") if now <= revision => Seen::Failed(issuing.map_or_else(String::new, words)),
        _ if now > revision => Seen::Done(format!("revision {now}, valid until {}", text(object, "/status/notAfter"))),
        _ => Seen::Waiting("waiting for cert-manager to take it up".to_owned()),
    }
}

fn phase(object: &Value, done: &[&str], failed: &[&str]) -> Seen {
    let phase = text(object, "/status/phase");
    let told = if phase.is_empty() { "New" } else { phase };
    let errors = object.pointer("/status/errors").and_then(Value::as_array).map_or(0, Vec::len);
    let reason = ["/status/failureReason", "/status/message"].iter().map(|p| text(object, p)).find(|t| !t.is_empty());
    let invalid = object.pointer("/status/validationErrors").and_then(Value::as_array);
    let why = invalid
        .map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "))
        .or_else(|| reason.map(str::to_owned))
        .unwrap_or_default();
    if failed.contains(&told) || (done.contains(&told) && errors > 0) {
        return Seen::Failed(if why.is_empty() { told.to_owned() } else { format!("{told}: {why}") });
    }
    if done.contains(&told) {
        return Seen::Done(told.to_owned());
    }
    let (items, total) =
        (number(object, "/status/progress/itemsBackedUp"), number(object, "/status/progress/totalItems"));
    Seen::Waiting(if total > 0 { format!("{told}, {items} of {total} items") } else { told.to_owned() })
}

fn refreshed(object: &Value, pointer: &str, since: Time) -> Seen {
    let at = Time::parse(text(object, pointer));
    if at.is_none_or(|at| at < since) {
        return Seen::Waiting("waiting for the controller to refresh it".to_owned());
    }
    match condition(object, "Ready") {
        Some(ready) if text(ready, "/status") == "True" => Seen::Done(words(ready)),
        Some(ready) => Seen::Failed(words(ready)),
        None => Seen::Waiting("no Ready condition yet".to_owned()),
    }
}

fn silence(object: &Value, expired: bool) -> Seen {
    match (text(object, "/status/state"), expired) {
        ("expired", true) => Seen::Done("expired".to_owned()),
        (state @ ("active" | "pending"), false) => Seen::Done(format!("{state} until {}", text(object, "/endsAt"))),
        ("expired", false) => Seen::Failed("it has expired already".to_owned()),
        (state, _) => Seen::Waiting(state.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

    fn told(check: &Check, object: &Value, sent: &Value) -> String {
        match judge(check, Answer { code: 200, body: object }, sent) {
            Seen::Waiting(how) => format!("waiting: {how}"),
            Seen::Done(what) => format!("done: {what}"),
            Seen::Failed(why) => format!("failed: {why}"),
        }
    }

    /// A HelmRelease of generation 2 whose annotation is `t`; `ready` is status, reason and observed generation.
    fn release(handled: &str, ready: (&str, &str, i64), more: &[(&str, &str)]) -> Value {
        let mut conditions = vec![
            json!({"type": "Ready", "status": ready.0, "reason": ready.1, "message": "m", "observedGeneration": ready.2}),
        ];
        conditions.extend(more.iter().map(|(kind, status)| json!({"type": kind, "status": status})));
        json!({"metadata": {"generation": 2, "annotations": {REQUESTED: "t"}},
            "status": {"lastHandledReconcileAt": handled, "observedGeneration": -1, "conditions": conditions}})
    }

    #[rstest]
    #[case::not_taken_up(release("old", ("True", "UpgradeSucceeded", 2), &[]), "waiting: waiting for the controller to take it up")]
    #[case::handled_and_ready(release("t", ("True", "UpgradeSucceeded", 2), &[]), "done: UpgradeSucceeded: m")]
    #[case::still_running(release("t", ("Unknown", "Progressing", 2), &[("Reconciling", "True")]), "waiting: Progressing: m")]
    #[case::ready_but_reconciling(release("t", ("True", "UpgradeSucceeded", 2), &[("Reconciling", "True")]), "waiting: UpgradeSucceeded: m")]
    #[case::ready_of_an_older_generation(release("t", ("True", "UpgradeSucceeded", 1), &[]), "waiting: waiting for the controller to see the change")]
    #[case::failed_though_it_says_reconciling(release("t", ("False", "UpgradeFailed", 2), &[("Reconciling", "True")]), "failed: the attempt failed, the controller retries: UpgradeFailed: m")]
    #[case::stalled(release("t", ("False", "UpgradeFailed", 2), &[("Stalled", "True")]), "failed: stalled, it will not retry by itself: UpgradeFailed: m")]
    #[case::blocked(release("t", ("False", "DependencyNotReady", 2), &[]), "waiting: blocked: DependencyNotReady: m")]
    fn a_token_is_proof_only_together_with_ready(#[case] object: Value, #[case] expected: &str) {
        let check =
            Check::FluxHandled { token: "t".into(), annotation: REQUESTED, handled: "/status/lastHandledReconcileAt" };
        assert_eq!(told(&check, &object, &Value::Null), expected);
    }

    #[test]
    fn a_token_of_a_suspended_object_or_of_somebody_else_proves_nothing() {
        let check = |token: &str| Check::FluxHandled {
            token: token.into(),
            annotation: REQUESTED,
            handled: "/status/lastHandledReconcileAt",
        };
        let mut object = release("t", ("True", "UpgradeSucceeded", 2), &[]);
        assert!(told(&check("mine"), &object, &Value::Null).starts_with("failed: somebody else"));
        object["spec"] = json!({"suspend": true});
        assert_eq!(told(&check("t"), &object, &Value::Null), "failed: it is suspended: nothing was reconciled");
    }

    #[rstest]
    #[case::disabled("ResourceSet", json!("disabled"), "failed: it is suspended: nothing was reconciled")]
    #[case::enabled("ResourceSet", json!("enabled"), "done: ReconciliationSucceeded: m")]
    #[case::never_switched("ResourceSet", Value::Null, "done: ReconciliationSucceeded: m")]
    #[case::of_no_meaning_elsewhere("HelmRelease", json!("disabled"), "done: ReconciliationSucceeded: m")]
    fn a_resource_set_is_suspended_by_its_annotation(
        #[case] kind: &str,
        #[case] switch: Value,
        #[case] expected: &str,
    ) {
        let check =
            Check::FluxHandled { token: "t".into(), annotation: REQUESTED, handled: "/status/lastHandledReconcileAt" };
        let mut object = release("t", ("True", "ReconciliationSucceeded", 2), &[]);
        object["kind"] = json!(kind);
        object["metadata"]["annotations"]["fluxcd.controlplane.io/reconcile"] = switch;
        assert_eq!(told(&check, &object, &Value::Null), expected);
    }

    #[rstest]
    #[case::not_seen(json!({"metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 4}}), "waiting: waiting for the controller to see the change")]
    #[case::updating(json!({"metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 5, "updatedReplicas": 1, "replicas": 4, "availableReplicas": 3}}), "waiting: 1 of 3 updated")]
    #[case::old_ones_terminate(json!({"metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 5, "updatedReplicas": 3, "replicas": 4, "availableReplicas": 3}}), "waiting: 1 of the old pods still terminate")]
    #[case::not_available(json!({"metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 5, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 2}}), "waiting: 2 of 3 available")]
    #[case::complete(json!({"metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 5, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}}), "done: rolled out, 3 of 3 available")]
    #[case::past_its_deadline(json!({"metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 5, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "m"}]}}), "failed: ProgressDeadlineExceeded: m")]
    #[case::refused_pods(json!({"metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 5, "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}]}}), "failed: FailedCreate: quota")]
    #[case::daemons(json!({"kind": "DaemonSet", "metadata": {"generation": 5}, "status": {"observedGeneration": 5, "desiredNumberScheduled": 8, "updatedNumberScheduled": 8, "numberAvailable": 7}}), "waiting: 7 of 8 available")]
    #[case::stateful(json!({"kind": "StatefulSet", "metadata": {"generation": 5}, "spec": {"replicas": 3}, "status": {"observedGeneration": 5, "readyReplicas": 3, "updatedReplicas": 2, "updateRevision": "b", "currentRevision": "a"}}), "waiting: 2 of 3 updated")]
    fn a_rollout_is_judged_in_kubectls_order(#[case] object: Value, #[case] expected: &str) {
        assert_eq!(told(&Check::Rollout, &object, &json!({"metadata": {"generation": 5}})), expected);
    }

    #[rstest]
    #[case::taken_up(json!({"status": {"revision": 3, "conditions": [{"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}]}}), "waiting: ManuallyTriggered")]
    #[case::issued(json!({"status": {"revision": 4, "notAfter": "2027-01-01T00:00:00Z"}}), "done: revision 4, valid until 2027-01-01T00:00:00Z")]
    #[case::failed_once_more(json!({"status": {"revision": 3, "failedIssuanceAttempts": 2, "conditions": [{"type": "Issuing", "status": "False", "reason": "Failed", "message": "no"}]}}), "failed: the issuance failed (2 failed attempts): Failed: no")]
    #[case::not_yet(json!({"status": {"revision": 3}}), "waiting: waiting for cert-manager to take it up")]
    fn a_renewal_is_a_new_revision(#[case] object: Value, #[case] expected: &str) {
        assert_eq!(told(&Check::Reissued { revision: 3, attempts: 1 }, &object, &Value::Null), expected);
    }

    #[test]
    fn a_pod_is_gone_when_it_is_not_found_or_is_another_one() {
        let check = Check::Gone { uid: "u".into() };
        let at = |code, body: Value| judge(&check, Answer { code, body: &body }, &Value::Null);
        assert_eq!(at(404, Value::Null), Seen::Done("gone".into()));
        assert!(matches!(at(200, json!({"metadata": {"uid": "v"}})), Seen::Done(_)));
        assert!(matches!(at(200, json!({"metadata": {"uid": "u"}})), Seen::Waiting(_)));
        assert!(matches!(at(503, Value::Null), Seen::Waiting(_)));
    }

    #[rstest]
    #[case(json!({"status": {"phase": "InProgress", "progress": {"itemsBackedUp": 3, "totalItems": 9}}}), "waiting: InProgress, 3 of 9 items")]
    #[case(json!({}), "waiting: New")]
    #[case(json!({"status": {"phase": "Completed"}}), "done: Completed")]
    #[case(json!({"status": {"phase": "PartiallyFailed", "failureReason": "x"}}), "failed: PartiallyFailed: x")]
    #[case(json!({"status": {"phase": "FailedValidation", "validationErrors": ["a", "b"]}}), "failed: FailedValidation: a; b")]
    fn a_backup_is_done_by_its_phase(#[case] object: Value, #[case] expected: &str) {
        let check = Check::Phase { done: &["Completed"], failed: &["PartiallyFailed", "Failed", "FailedValidation"] };
        assert_eq!(told(&check, &object, &Value::Null), expected);
    }
}
