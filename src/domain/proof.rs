//! When a step counts as done: pure judgements on what was read back. What each controller reports, and in which order,
//! decides; a state that is merely not bad is never a proof.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ages::Time;
use super::json::{self, condition, is_true, text};
use super::request::{MANAGER, dotted};

/// What must be seen. It names what was sent, so that an earlier state, or a change by somebody else, is no proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Check {
    /// The field has this value; null is "absent". What was sent together with it is there, too.
    Field {
        pointer: String,
        is: Value,
        #[serde(default)]
        sent: Vec<Sent>,
    },
    /// Flux has handled this token, and then reports Ready for the current generation.
    FluxHandled { token: String, annotation: String, handled: String },
    /// It is no longer suspended, and Flux reports Ready for its current generation.
    FluxResumed,
    /// A workload holds what was sent, and has rolled it out.
    Rollout {
        #[serde(default)]
        of: Rollout,
        sent: Vec<Sent>,
    },
    /// The object is gone, or another one has its name.
    Gone { uid: String },
    /// The backup is gone, or another one has its name; an error in the request to Velero is a failure.
    Deleted { uid: String, request: String },
    /// The certificate has a revision after this one; more failed attempts than these are a failure. `asked` is when we
    /// asked, as the condition `Issuing` has it; a failure from `before` is not ours.
    Reissued {
        revision: i64,
        attempts: i64,
        #[serde(default)]
        asked: String,
        #[serde(default)]
        before: String,
    },
    /// `.status.phase` is one of the first; one of the second is a failure. An object whose uid was in no answer is
    /// recognised by what was sent with it.
    Phase {
        done: Vec<String>,
        failed: Vec<String>,
        #[serde(default)]
        sent: Vec<Sent>,
    },
    /// An `ExternalSecret` that carries this `force-sync` was synced in its current state: its controller records for
    /// which annotations it last synced, and that has changed.
    Synced { token: String, version: String, refreshed: String },
    /// Every replica knows the silence with this end, or, without one, as expired. A silence that begins later may be
    /// pending. If its id is not known, it is looked for among all by what it was `made` of.
    Silence {
        until: Option<String>,
        pending: bool,
        #[serde(default)]
        made: Option<Value>,
    },
    /// `helm history` ends with a rollback to `to`, beyond revision `above`, that is deployed.
    RolledBack { above: i64, to: i64 },
}

/// How a workload's status shows that it has rolled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Rollout {
    #[default]
    Deployment,
    StatefulSet,
    DaemonSet,
}

/// The annotation that names the one plan that wrote an object, or made it: somebody else's write does not have it.
pub const RUN: &str = "watchkeeper.dev/run";
/// Where it is, as a JSON pointer.
pub const RUN_AT: &str = "/metadata/annotations/watchkeeper.dev~1run";

impl Check {
    /// The list in which an object is looked for when the answer with its name was lost.
    pub fn list(&self) -> Option<&'static str> {
        matches!(self, Self::Silence { made: Some(_), .. }).then_some("/api/v2/silences")
    }

    /// The path of the request that asked a controller for it.
    pub fn request(&self) -> Option<&str> {
        match self {
            Self::Deleted { request, .. } => Some(request),
            _ => None,
        }
    }
}

/// A part of an object as it was sent. Of what may hold secrets only the digest is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Sent {
    Value {
        pointer: String,
        is: Value,
    },
    Digest {
        pointer: String,
        sha256: String,
    },
    /// A field that nobody else has changed since: the API server records who did, and through which subresource.
    Owned {
        pointer: String,
        sub: String,
    },
}

impl Sent {
    pub fn value(pointer: impl Into<String>, is: Value) -> Self {
        Self::Value { pointer: pointer.into(), is }
    }

    /// Recognised by its digest alone.
    pub fn digest(pointer: impl Into<String>, value: &Value) -> Self {
        Self::Digest { pointer: pointer.into(), sha256: digest(value) }
    }

    /// Recognised because we were the last to change it, which the subresource `sub` leaves as the only trace.
    pub fn owned(pointer: impl Into<String>, sub: &str) -> Self {
        Self::Owned { pointer: pointer.into(), sub: sub.to_owned() }
    }

    fn pointer(&self) -> &str {
        match self {
            Self::Value { pointer, .. } | Self::Digest { pointer, .. } | Self::Owned { pointer, .. } => pointer,
        }
    }

    fn is_in(&self, object: &Value) -> bool {
        let now = object.pointer(self.pointer()).unwrap_or(&Value::Null);
        match self {
            Self::Value { is, .. } => now == is,
            Self::Digest { sha256, .. } => digest(now) == *sha256,
            Self::Owned { pointer, sub } => {
                let at = format!("/fieldsV1{}", pointer.replace('/', "/f:"));
                let ours = |entry: &Value| text(entry, "/manager") == MANAGER && text(entry, "/subresource") == sub;
                json::list(object, "/metadata/managedFields").iter().any(|e| ours(e) && e.pointer(&at).is_some())
            }
        }
    }
}

/// The same for equivalent values: the API server leaves out what is null or an empty map.
fn digest(value: &Value) -> String {
    fn pruned(value: &Value) -> Value {
        match value {
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(name, value)| (name.clone(), pruned(value)))
                    .filter(|(_, value)| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty()))
                    .collect(),
            ),
            Value::Array(list) => Value::Array(list.iter().map(pruned).collect()),
            other => other.clone(),
        }
    }
    Sha256::digest(pruned(value).to_string().as_bytes()).iter().fold(String::new(), |mut out, byte| {
        use std::fmt::Write as _;
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// What an answer says about a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// What was sent is not there; what is there instead.
    Absent(String),
    /// It was accepted, but is not done yet; its progress.
    Waiting(String),
    /// It cannot be read now; why.
    Unread(String),
    Done(String),
    Failed(String),
    /// It can no longer be seen, whatever happened to it.
    Lost(String),
}

/// An answer: its status code, and its body where it is JSON.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub code: u16,
    pub body: &'a Value,
}

impl Answer<'_> {
    /// Whether the API server itself says that there is no such object; a load balancer's 404 says nothing.
    fn is_not_found(&self) -> bool {
        self.code == 404 && text(self.body, "/kind") == "Status"
    }

    fn unread(&self) -> Seen {
        match self.code {
            200..=299 => Seen::Unread("cannot be read now: the answer is no object".to_owned()),
            404 => Seen::Unread("cannot be read now: 404, but not from the API server".to_owned()),
            code => Seen::Unread(format!("cannot be read now ({code})")),
        }
    }
}

/// Judges one answer of the API server. `uid` is the object's, where it is known; `doubt`: whether what was sent has
/// arrived is not known.
pub fn judge(check: &Check, answer: Answer<'_>, uid: &str, doubt: bool) -> Seen {
    if let Check::Gone { uid } | Check::Deleted { uid, .. } = check {
        return gone(uid, answer);
    }
    if answer.is_not_found() {
        let why = "it is not there".to_owned();
        return if doubt { Seen::Absent(why) } else { Seen::Failed("it is no longer there".to_owned()) };
    }
    let object = answer.body;
    let is = text(object, "/metadata/uid");
    if !(200..=299).contains(&answer.code) || is.is_empty() {
        return answer.unread();
    }
    if !uid.is_empty() && is != uid {
        return Seen::Failed("it was deleted and created again: this is another one".to_owned());
    }
    match check {
        Check::Field { pointer, is, sent } => field(object, pointer, is, sent),
        Check::FluxHandled { token, annotation, handled } => flux_handled(object, token, annotation, handled, doubt),
        Check::FluxResumed => flux_resumed(object),
        Check::Rollout { of, sent } => missing(object, sent).unwrap_or_else(|| rollout(*of, object)),
        Check::Gone { uid } | Check::Deleted { uid, .. } => gone(uid, answer),
        Check::Reissued { revision, attempts, asked, before } => {
            reissued(object, (*revision, *attempts), (asked, before), doubt)
        }
        Check::Phase { done, failed, sent } => {
            let sent: &[Sent] = if uid.is_empty() { sent } else { &[] };
            missing(object, sent).unwrap_or_else(|| phase(object, done, failed))
        }
        Check::Synced { token, version, refreshed } => synced(object, token, version, refreshed),
        Check::Silence { .. } | Check::RolledBack { .. } => Seen::Lost("the API server does not know it".to_owned()),
    }
}

/// Judges what a program of this machine, or Alertmanager, has said.
pub fn judge_other(check: &Check, said: &Value) -> Seen {
    match check {
        Check::Silence { until, pending, made } => match (said.as_array(), made) {
            (None, _) => silence(said, until.as_deref(), *pending),
            (Some(all), Some(made)) => match all.iter().find(|one| is_that_silence(one, made)) {
                Some(found) => silence(found, until.as_deref(), *pending),
                None => Seen::Absent("there is no such silence".to_owned()),
            },
            (Some(_), None) => Seen::Lost("which of them it is, is not known".to_owned()),
        },
        Check::RolledBack { above, to } => rolled_back(said, *above, *to),
        _ => Seen::Lost("only the API server knows it".to_owned()),
    }
}

/// What is not there of what was sent.
fn missing(object: &Value, sent: &[Sent]) -> Option<Seen> {
    let other = sent.iter().find(|sent| !sent.is_in(object))?;
    Some(Seen::Absent(format!("{} is not what was sent", dotted(other.pointer()))))
}

/// What a `DeleteBackupRequest` says against the deletion. One that was processed without errors is removed.
pub fn refused_by_velero(request: &Value) -> Option<String> {
    let errors: Vec<&str> = json::list(request, "/status/errors").iter().filter_map(Value::as_str).collect();
    (text(request, "/status/phase") == "Processed" && !errors.is_empty())
        .then(|| format!("Velero did not delete it: {}", errors.join("; ")))
}

/// Whether a silence that was read is the one that was posted. Alertmanager moves a start that is over to its own now,
/// and may put the matchers into another order.
fn is_that_silence(found: &Value, made: &Value) -> bool {
    let matchers = |silence: &Value| {
        let flag = |m: &Value, name: &str, default: bool| m[name].as_bool().unwrap_or(default);
        let one = |m: &Value| {
            format!("{} {} {} {}", m["name"], m["value"], flag(m, "isRegex", false), flag(m, "isEqual", true))
        };
        let mut all: Vec<String> = json::list(silence, "/matchers").iter().map(one).collect();
        all.sort_unstable();
        all
    };
    let at = |silence: &Value, pointer: &str| Time::parse(text(silence, pointer));
    let same = |pointer: &str| text(found, pointer) == text(made, pointer);
    matchers(found) == matchers(made)
        && same("/createdBy")
        && same("/comment")
        && at(made, "/endsAt").is_some_and(|ends| at(found, "/endsAt") == Some(ends))
        && at(made, "/startsAt") <= at(found, "/startsAt")
}

/// `helm history -o json`: the newest revision is the last.
fn rolled_back(history: &Value, above: i64, to: i64) -> Seen {
    let Some(newest) = history.as_array().and_then(|all| all.iter().max_by_key(|r| number(r, "/revision"))) else {
        return Seen::Lost("helm shows no history".to_owned());
    };
    let revision = number(newest, "/revision");
    let (status, description) = (text(newest, "/status"), text(newest, "/description"));
    if revision <= above {
        return Seen::Absent(format!("revision {revision} is still the newest"));
    }
    // helm 3 and 4, pkg/action/rollback.go: this description, and in its place why it failed
    let broke = ["Rollback", "Release"].iter().any(|of| description.starts_with(&format!("{of} \"")));
    if status == "failed" && broke && description.contains("\" failed: ") {
        return Seen::Failed(format!("revision {revision}: {description}"));
    }
    if description != format!("Rollback to {to}") {
        return Seen::Lost(format!("revision {revision} is another change: {description}"));
    }
    match status {
        "deployed" => Seen::Done(format!("revision {revision}: {description}")),
        "failed" => Seen::Failed(format!("revision {revision}: {description}: {status}")),
        _ => Seen::Waiting(format!("revision {revision}: {description}: {status}")),
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
    let is = text(answer.body, "/metadata/uid");
    match answer.code {
        _ if answer.is_not_found() => Seen::Done("gone".to_owned()),
        200..=299 if is.is_empty() => answer.unread(),
        200..=299 if is != uid => Seen::Done("gone; another one has its name".to_owned()),
        200..=299 if !text(answer.body, "/metadata/deletionTimestamp").is_empty() => {
            Seen::Waiting("terminating".to_owned())
        }
        200..=299 => Seen::Absent("still there".to_owned()),
        _ => answer.unread(),
    }
}

fn field(object: &Value, pointer: &str, is: &Value, sent: &[Sent]) -> Seen {
    let now = object.pointer(pointer).unwrap_or(&Value::Null);
    let told = format!("{} is {now}", dotted(pointer));
    match missing(object, sent) {
        _ if now != is => Seen::Absent(told),
        Some(_) => Seen::Absent(format!("{told}, but not by this plan")),
        None => Seen::Done(told),
    }
}

/// Whether Flux leaves an object alone: by its spec, or, of the groups that have no such field, by an annotation.
pub fn flux_suspended(object: &Value) -> bool {
    let off = |switch: &str| text(object, switch).eq_ignore_ascii_case("disabled");
    match text(object, "/apiVersion").split('/').next() {
        Some("fluxcd.controlplane.io") => off("/metadata/annotations/fluxcd.controlplane.io~1reconcile"),
        Some("source.extensions.fluxcd.io") => off("/metadata/annotations/source.extensions.fluxcd.io~1reconcile"),
        _ => object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true),
    }
}

fn flux_handled(object: &Value, token: &str, annotation: &str, handled: &str, doubt: bool) -> Seen {
    let annotated = object.pointer("/metadata/annotations").and_then(|a| a.get(annotation)).and_then(Value::as_str);
    let is_handled = text(object, handled) == token;
    if annotated != Some(token) && !is_handled {
        return if doubt {
            Seen::Absent("our request for a reconciliation is not on it".to_owned())
        } else {
            Seen::Lost("somebody else has requested one since: whether ours was done may never be known".to_owned())
        };
    }
    if flux_suspended(object) {
        // the controllers record the token of a suspended object although nothing runs
        return Seen::Failed("it is suspended: nothing was reconciled".to_owned());
    }
    if !is_handled {
        return Seen::Waiting("waiting for the controller to pick it up".to_owned());
    }
    flux_ready(object)
}

/// The switch may be flicked back by others before we look: then nothing was resumed.
fn flux_resumed(object: &Value) -> Seen {
    if flux_suspended(object) {
        return Seen::Absent("it is suspended".to_owned());
    }
    // our resume takes it away
    if object.pointer(RUN_AT).is_some() {
        return Seen::Absent("it was resumed, but not by this plan".to_owned());
    }
    flux_ready(object)
}

/// Reasons of Ready=False that are a wait, not the end of an attempt.
const UNDER_WAY: &[&str] = &["Progressing", "ProgressingWithRetry"];
const BLOCKED: &[&str] = &["DependencyNotReady", "SourceNotReady", "ArtifactFailed"];

fn flux_ready(object: &Value) -> Seen {
    let generation = number(object, "/metadata/generation");
    let Some(ready) = condition(object, "Ready") else {
        return Seen::Waiting("waiting to be reconciled".to_owned());
    };
    if let Some(stalled) = condition(object, "Stalled").filter(|c| text(c, "/status") == "True") {
        let observed = number(stalled, "/observedGeneration");
        if observed == 0 || observed >= generation {
            return Seen::Failed(format!("stalled, it will not retry by itself: {}", words(ready)));
        }
    }
    // a failing HelmRelease has -1 in its status, and the truth in its condition
    let told = number(ready, "/observedGeneration").max(number(object, "/status/observedGeneration"));
    if told < generation {
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
fn rollout(of: Rollout, object: &Value) -> Seen {
    let status = |name: &str| number(object, &format!("/status/{name}"));
    if status("observedGeneration") < number(object, "/metadata/generation") {
        return Seen::Waiting("waiting for the controller to see the change".to_owned());
    }
    let wanted = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    match of {
        Rollout::DaemonSet => {
            let desired = status("desiredNumberScheduled");
            steps(&[
                ("updated", status("updatedNumberScheduled"), desired),
                ("available", status("numberAvailable"), desired),
            ])
        }
        Rollout::StatefulSet => {
            let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
            let mut parts = vec![("ready", status("readyReplicas"), wanted)];
            if partition > 0 {
                parts.insert(0, ("updated", status("updatedReplicas"), wanted - partition));
            } else if text(object, "/status/updateRevision") != text(object, "/status/currentRevision") {
                let updated = status("updatedReplicas");
                return Seen::Waiting(format!("{updated} of {wanted} updated"));
            }
            steps(&parts)
        }
        Rollout::Deployment => {
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

/// `(revision, attempts)` are the previous ones; `(asked, before)` is when we asked, and when the previous failure was
/// reported. While it is not known whether our request has arrived, only `Issuing` as we set it shows that it has.
fn reissued(object: &Value, (revision, attempts): (i64, i64), (asked, before): (&str, &str), doubt: bool) -> Seen {
    let issuing = condition(object, "Issuing");
    let told = issuing.map_or_else(String::new, words);
    let status = issuing.map_or("", |c| text(c, "/status"));
    let at = issuing.map_or("", |c| text(c, "/lastTransitionTime"));
    let now = number(object, "/status/revision");
    let issued = || format!("revision {now}, valid until {}", text(object, "/status/notAfter"));
    if doubt && !(status == "True" && Time::parse(at).is_some_and(|at| Time::parse(asked) == Some(at))) {
        return Seen::Absent(match status {
            _ if now > revision => format!("{}, by whose request is not known", issued()),
            "True" => format!("it is being issued, by another request: {told}"),
            "False" => format!("it failed, by whose request is not known: {told}"),
            _ => "our request is not on it".to_owned(),
        });
    }
    let failed = number(object, "/status/failedIssuanceAttempts");
    match status {
        "True" => Seen::Waiting(told),
        _ if failed > attempts => Seen::Failed(format!("the issuance failed ({failed} failed attempts): {told}")),
        "False" if now <= revision && (before.is_empty() || at != before) => Seen::Failed(told),
        _ if now > revision => Seen::Done(issued()),
        _ => Seen::Absent("waiting for cert-manager to pick it up".to_owned()),
    }
}

fn phase(object: &Value, done: &[String], failed: &[String]) -> Seen {
    let phase = text(object, "/status/phase");
    let told = if phase.is_empty() { "New" } else { phase };
    let errors = object.pointer("/status/errors").and_then(Value::as_array).map_or(0, Vec::len);
    let reason = ["/status/failureReason", "/status/message"].iter().map(|p| text(object, p)).find(|t| !t.is_empty());
    let invalid = object.pointer("/status/validationErrors").and_then(Value::as_array);
    let why = invalid
        .map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "))
        .or_else(|| reason.map(str::to_owned))
        .unwrap_or_default();
    let is = |words: &[String]| words.iter().any(|word| word == told);
    if is(failed) || (is(done) && errors > 0) {
        return Seen::Failed(if why.is_empty() { told.to_owned() } else { format!("{told}: {why}") });
    }
    if is(done) {
        return Seen::Done(told.to_owned());
    }
    let (items, total) =
        (number(object, "/status/progress/itemsBackedUp"), number(object, "/status/progress/totalItems"));
    Seen::Waiting(if total > 0 { format!("{told}, {items} of {total} items") } else { told.to_owned() })
}

/// External Secrets writes into `.status.syncedResourceVersion` for which generation, labels and annotations it last
/// synced: after our annotation it is another one. Where an old controller does not, the time of the refresh must be
/// after that of our own change, both by the cluster's clocks.
fn synced(object: &Value, token: &str, version: &str, refreshed: &str) -> Seen {
    if json::annotation(object, "force-sync") != token {
        return Seen::Absent("our request for a sync is not on it".to_owned());
    }
    let asked = ours(object);
    let ready = condition(object, "Ready");
    let now = text(object, "/status/syncedResourceVersion");
    let at = text(object, "/status/refreshTime");
    let after = |at: &str| Time::parse(at).zip(asked).is_some_and(|(at, asked)| at > asked);
    let is_new = if version.is_empty() && now.is_empty() { at != refreshed && after(at) } else { now != version };
    match ready {
        Some(ready) if is_new && text(ready, "/status") == "True" => Seen::Done(words(ready)),
        Some(ready) if text(ready, "/status") == "False" && (is_new || after(text(ready, "/lastTransitionTime"))) => {
            Seen::Failed(words(ready))
        }
        Some(ready) if text(ready, "/status") == "False" => {
            Seen::Waiting(format!("not synced yet; before and now: {}", words(ready)))
        }
        _ => Seen::Waiting("waiting for the controller to refresh it".to_owned()),
    }
}

/// When we last changed the object, by the API server's clock.
fn ours(object: &Value) -> Option<Time> {
    let entries = json::list(object, "/metadata/managedFields").iter();
    let own = entries.filter(|entry| text(entry, "/manager") == MANAGER);
    own.filter_map(|entry| Time::parse(text(entry, "/time"))).max()
}

fn silence(object: &Value, until: Option<&str>, pending: bool) -> Seen {
    let (state, ends) = (text(object, "/status/state"), text(object, "/endsAt"));
    match (state, until) {
        ("expired", None) => Seen::Done("expired".to_owned()),
        ("expired", Some(_)) => Seen::Failed("it has expired already".to_owned()),
        ("active" | "pending", Some(until)) if ends.is_empty() || Time::parse(ends) != Time::parse(until) => {
            Seen::Absent(format!("{state} until {ends}, not until {until}"))
        }
        ("pending", Some(_)) if !pending => {
            Seen::Waiting(format!("pending, it silences nothing before {}", text(object, "/startsAt")))
        }
        // its id is what the operator continues with
        ("active" | "pending", Some(_)) => Seen::Done(format!("{state} until {ends}, silence/{}", text(object, "/id"))),
        ("active" | "pending", None) => Seen::Absent(state.to_owned()),
        (state, _) => Seen::Waiting(state.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

    fn seen(check: &Check, object: &Value, doubt: bool) -> String {
        let mut object = object.clone();
        object["metadata"]["uid"] = json!("u");
        words_of(judge(check, Answer { code: 200, body: &object }, "u", doubt))
    }

    /// What Alertmanager says of it.
    fn heard(check: &Check, silence: &Value) -> String {
        words_of(judge_other(check, silence))
    }

    fn words_of(seen: Seen) -> String {
        match seen {
            Seen::Absent(how) => format!("absent: {how}"),
            Seen::Waiting(how) => format!("waiting: {how}"),
            Seen::Unread(how) => format!("unread: {how}"),
            Seen::Done(what) => format!("done: {what}"),
            Seen::Failed(why) => format!("failed: {why}"),
            Seen::Lost(why) => format!("lost: {why}"),
        }
    }

    fn told(check: &Check, object: &Value) -> String {
        seen(check, object, false)
    }

    fn handled() -> Check {
        Check::FluxHandled {
            token: "t".into(),
            annotation: REQUESTED.into(),
            handled: "/status/lastHandledReconcileAt".into(),
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
    #[case::not_taken_up(release("old", ("True", "UpgradeSucceeded", 2), &[]), "waiting: waiting for the controller to pick it up")]
    #[case::handled_and_ready(release("t", ("True", "UpgradeSucceeded", 2), &[]), "done: UpgradeSucceeded: m")]
    #[case::still_running(release("t", ("Unknown", "Progressing", 2), &[("Reconciling", "True")]), "waiting: Progressing: m")]
    #[case::ready_but_reconciling(release("t", ("True", "UpgradeSucceeded", 2), &[("Reconciling", "True")]), "waiting: UpgradeSucceeded: m")]
    #[case::ready_of_an_older_generation(release("t", ("True", "UpgradeSucceeded", 1), &[]), "waiting: waiting for the controller to see the change")]
    #[case::failed_though_it_says_reconciling(release("t", ("False", "UpgradeFailed", 2), &[("Reconciling", "True")]), "failed: the attempt failed, the controller retries: UpgradeFailed: m")]
    #[case::stalled(release("t", ("False", "UpgradeFailed", 2), &[("Stalled", "True")]), "failed: stalled, it will not retry by itself: UpgradeFailed: m")]
    #[case::blocked(release("t", ("False", "DependencyNotReady", 2), &[]), "waiting: blocked: DependencyNotReady: m")]
    fn a_token_is_proof_only_together_with_ready(#[case] object: Value, #[case] expected: &str) {
        assert_eq!(told(&handled(), &object), expected);
    }

    #[test]
    fn a_token_of_a_suspended_object_or_of_somebody_else_proves_nothing() {
        let mut object = release("older", ("True", "UpgradeSucceeded", 2), &[]);
        object["metadata"]["annotations"][REQUESTED] = json!("theirs");
        assert!(told(&handled(), &object).starts_with("lost: somebody else"));
        // whether ours arrived is not known: it may still come
        assert!(seen(&handled(), &object, true).starts_with("absent: our request"));
        // ours was handled before theirs came
        object["status"]["lastHandledReconcileAt"] = json!("t");
        assert_eq!(told(&handled(), &object), "done: UpgradeSucceeded: m");
        object["spec"] = json!({"suspend": true});
        assert_eq!(told(&handled(), &object), "failed: it is suspended: nothing was reconciled");
    }

    #[test]
    fn what_is_still_suspended_was_not_resumed_however_ready_it_is() {
        let mut object = release("t", ("True", "UpgradeSucceeded", 2), &[]);
        assert_eq!(told(&Check::FluxResumed, &object), "done: UpgradeSucceeded: m");
        object["spec"] = json!({"suspend": true});
        assert_eq!(told(&Check::FluxResumed, &object), "absent: it is suspended");
    }

    #[test]
    fn a_stall_of_before_the_change_is_no_end() {
        let mut object = release("t", ("False", "Progressing", 2), &[("Stalled", "True")]);
        object["status"]["conditions"][1]["observedGeneration"] = json!(1);
        assert_eq!(told(&Check::FluxResumed, &object), "waiting: Progressing: m");
        object["status"]["conditions"][1]["observedGeneration"] = json!(2);
        assert!(told(&Check::FluxResumed, &object).starts_with("failed: stalled"));
    }

    #[rstest]
    #[case::disabled("fluxcd.controlplane.io/v1", json!("disabled"), "failed: it is suspended: nothing was reconciled")]
    #[case::enabled("fluxcd.controlplane.io/v1", json!("enabled"), "done: ReconciliationSucceeded: m")]
    #[case::never_switched("fluxcd.controlplane.io/v1", Value::Null, "done: ReconciliationSucceeded: m")]
    #[case::of_no_meaning_elsewhere("helm.toolkit.fluxcd.io/v2", json!("disabled"), "done: ReconciliationSucceeded: m")]
    fn a_resource_set_is_suspended_by_its_annotation(
        #[case] version: &str,
        #[case] switch: Value,
        #[case] expected: &str,
    ) {
        let mut object = release("t", ("True", "ReconciliationSucceeded", 2), &[]);
        object["apiVersion"] = json!(version);
        object["metadata"]["annotations"]["fluxcd.controlplane.io/reconcile"] = switch;
        assert_eq!(told(&handled(), &object), expected);
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
    #[case::partitioned(json!({"kind": "StatefulSet", "metadata": {"generation": 5}, "spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}, "status": {"observedGeneration": 5, "readyReplicas": 3, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"}}), "done: rolled out, 3 of 3 available")]
    fn a_rollout_is_judged_in_kubectls_order(#[case] object: Value, #[case] expected: &str) {
        let of = match text(&object, "/kind") {
            "DaemonSet" => Rollout::DaemonSet,
            "StatefulSet" => Rollout::StatefulSet,
            _ => Rollout::Deployment,
        };
        assert_eq!(told(&Check::Rollout { of, sent: Vec::new() }, &object), expected);
    }

    #[test]
    fn a_rollout_of_something_else_is_no_proof() {
        const AT: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
        let rolled = |at: Value| {
            json!({"metadata": {"generation": 5}, "spec": {"replicas": 1, "template": {"metadata": {
                "annotations": {"kubectl.kubernetes.io/restartedAt": at}}, "spec": {"nodeName": null}}},
                "status": {"observedGeneration": 5, "updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}})
        };
        let ours = Check::Rollout { of: Rollout::default(), sent: vec![Sent::value(AT, json!("now"))] };
        assert_eq!(told(&ours, &rolled(json!("now"))), "done: rolled out, 1 of 1 available");
        for other in [json!("before"), Value::Null] {
            assert!(told(&ours, &rolled(other)).starts_with("absent: "));
        }
        // the server leaves out what is null or empty, and orders names as it likes
        let template = json!({"spec": {}, "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}});
        let undone = Check::Rollout { of: Rollout::default(), sent: vec![Sent::digest("/spec/template", &template)] };
        assert_eq!(told(&undone, &rolled(json!("now"))), "done: rolled out, 1 of 1 available");
        assert_eq!(told(&undone, &rolled(json!("later"))), "absent: .spec.template is not what was sent");
    }

    #[test]
    fn only_the_object_that_was_written_to_is_a_proof() {
        let check = Check::Field { pointer: "/spec/unschedulable".into(), is: Value::Null, sent: Vec::new() };
        let judged = |code, body: Value, doubt| judge(&check, Answer { code, body: &body }, "u", doubt);
        assert!(matches!(judged(200, json!({"metadata": {"uid": "u"}}), false), Seen::Done(_)));
        assert!(matches!(judged(200, json!({"metadata": {"uid": "v"}}), false), Seen::Failed(_)), "another one");
        assert!(matches!(judged(200, Value::Null, false), Seen::Unread(_)), "a login page is no node");
        let status = json!({"kind": "Status", "code": 404});
        assert!(matches!(judged(404, status.clone(), false), Seen::Failed(_)));
        assert!(matches!(judged(404, status, true), Seen::Absent(_)), "what was lost may never have been there");
        assert!(matches!(judged(404, Value::Null, false), Seen::Unread(_)), "a load balancer knows nothing");
    }

    #[rstest]
    #[case::not_on_it(json!({"force-sync": "x"}), json!({"syncedResourceVersion": "1-b"}), "absent: our request")]
    #[case::synced(json!({"force-sync": "t"}), json!({"syncedResourceVersion": "1-b"}), "done: SecretSynced")]
    #[case::of_before(json!({"force-sync": "t"}), json!({"syncedResourceVersion": "1-a", "refreshTime": "2026-11-29T10:00:05Z"}), "waiting: ")]
    fn a_sync_is_proven_by_what_was_synced_and_by_no_clock(
        #[case] annotations: Value,
        #[case] status: Value,
        #[case] expected: &str,
    ) {
        let check =
            Check::Synced { token: "t".into(), version: "1-a".into(), refreshed: "2026-11-29T10:00:00Z".into() };
        let mut status = status;
        status["conditions"] = json!([{"type": "Ready", "status": "True", "reason": "SecretSynced"}]);
        let object = json!({"metadata": {"annotations": annotations}, "status": status});
        let seen = told(&check, &object);
        assert!(seen.starts_with(expected), "{seen}");
    }

    #[rstest]
    #[case::helm_did_nothing(json!([{"revision": 4, "status": "deployed", "description": "Upgrade complete"}]), "absent")]
    #[case::it_did(json!([{"revision": 5, "status": "deployed", "description": "Rollback to 3"}]), "done")]
    #[case::it_is_at_it(json!([{"revision": 5, "status": "pending-rollback", "description": "Rollback to 3"}]), "waiting")]
    #[case::it_broke_off(json!([{"revision": 5, "status": "failed", "description": "Release \"x\" failed: timed out waiting for the condition"}]), "failed")]
    #[case::it_could_not(json!([{"revision": 5, "status": "failed", "description": "Rollback \"x\" failed: no"}]), "failed")]
    #[case::an_upgrade_failed(json!([{"revision": 5, "status": "failed", "description": "Upgrade \"x\" failed: no"}]), "lost")]
    #[case::another_was_faster(json!([{"revision": 5, "status": "deployed", "description": "Upgrade complete"}]), "lost")]
    #[case::no_answer(json!({}), "lost")]
    fn a_rollback_is_proven_by_helms_history(#[case] history: Value, #[case] expected: &str) {
        let seen = format!("{:?}", judge_other(&Check::RolledBack { above: 4, to: 3 }, &history)).to_lowercase();
        assert!(seen.starts_with(expected), "{seen}");
    }

    #[rstest]
    #[case::taken_up(json!({"status": {"revision": 3, "conditions": [{"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}]}}), "waiting: ManuallyTriggered")]
    #[case::issued(json!({"status": {"revision": 4, "notAfter": "2027-01-01T00:00:00Z"}}), "done: revision 4, valid until 2027-01-01T00:00:00Z")]
    #[case::failed_once_more(json!({"status": {"revision": 3, "failedIssuanceAttempts": 2, "conditions": [{"type": "Issuing", "status": "False", "reason": "Failed", "message": "no"}]}}), "failed: the issuance failed (2 failed attempts): Failed: no")]
    #[case::not_yet(json!({"status": {"revision": 3}}), "absent: waiting for cert-manager to pick it up")]
    fn a_renewal_is_a_new_revision(#[case] object: Value, #[case] expected: &str) {
        assert_eq!(told(&asked_to_issue(), &object), expected);
    }

    const ASKED: &str = "2026-11-29T10:00:00Z";

    fn asked_to_issue() -> Check {
        Check::Reissued { revision: 3, attempts: 1, asked: ASKED.into(), before: "2026-11-20T08:00:00Z".into() }
    }

    /// A certificate with this revision and number of failed attempts, whose `Issuing` is so since then.
    fn certificate(revision: i64, failed: i64, issuing: (&str, &str)) -> Value {
        json!({"status": {"revision": revision, "failedIssuanceAttempts": failed, "notAfter": "2027",
            "conditions": [{"type": "Issuing", "status": issuing.0, "lastTransitionTime": issuing.1, "reason": "R"}]}})
    }

    #[rstest]
    #[case::a_failure_of_before(certificate(3, 1, ("False", "2026-11-20T08:00:00Z")), "absent: waiting for cert-manager", "absent: it failed, by whose")]
    #[case::a_failure_since(certificate(3, 1, ("False", "2026-11-29T10:00:09Z")), "failed: R", "absent: it failed, by whose")]
    #[case::one_more_failure(certificate(3, 2, ("False", "2026-11-29T10:00:09Z")), "failed: the issuance failed", "absent: it failed, by whose")]
    #[case::ours_stands_there(certificate(3, 1, ("True", ASKED)), "waiting: R", "waiting: R")]
    #[case::somebody_elses(certificate(3, 1, ("True", "2026-11-29T10:00:02Z")), "waiting: R", "absent: it is being issued, by another")]
    #[case::issued(json!({"status": {"revision": 4, "notAfter": "2027"}}), "done: revision 4", "absent: revision 4, valid until 2027, by whose")]
    fn only_a_renewal_that_has_arrived_can_fail_or_succeed(
        #[case] object: Value,
        #[case] taken: &str,
        #[case] lost: &str,
    ) {
        for (doubt, expected) in [(false, taken), (true, lost)] {
            let seen = seen(&asked_to_issue(), &object, doubt);
            assert!(seen.starts_with(expected), "{doubt}: {seen}");
        }
    }

    /// A node that was cordoned, by the plan of this name.
    fn cordoned(run: &str) -> Value {
        json!({"metadata": {"annotations": {RUN: run}}, "spec": {"unschedulable": true}})
    }

    #[rstest]
    #[case::ours(cordoned("t"), "done: .spec.unschedulable is true")]
    #[case::of_another_plan(cordoned("u"), "absent: .spec.unschedulable is true, but not by this plan")]
    #[case::of_kubectl(json!({"spec": {"unschedulable": true}}), "absent: .spec.unschedulable is true, but not by this plan")]
    #[case::undone(json!({"metadata": {"annotations": {RUN: "t"}}}), "absent: .spec.unschedulable is null")]
    fn a_field_that_somebody_else_has_set_is_no_proof(#[case] object: Value, #[case] expected: &str) {
        let sent = vec![Sent::value(RUN_AT, json!("t"))];
        let check = Check::Field { pointer: "/spec/unschedulable".into(), is: json!(true), sent };
        assert_eq!(told(&check, &object), expected);
    }

    #[rstest]
    #[case::ours("watchkeeper", "scale", "done: .spec.replicas is 5")]
    #[case::of_kubectl("kubectl", "scale", "absent: .spec.replicas is 5, but not by this plan")]
    #[case::by_another_way("watchkeeper", "", "absent: .spec.replicas is 5, but not by this plan")]
    fn a_scale_is_known_by_who_changed_the_number_last(
        #[case] manager: &str,
        #[case] sub: &str,
        #[case] expected: &str,
    ) {
        let entry = json!({"manager": manager, "subresource": sub, "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        let object = json!({"metadata": {"managedFields": [entry]}, "spec": {"replicas": 5}});
        let sent = vec![Sent::owned("/spec/replicas", "scale")];
        let check = Check::Field { pointer: "/spec/replicas".into(), is: json!(5), sent };
        assert_eq!(told(&check, &object), expected);
    }

    #[test]
    fn a_resume_of_somebody_else_leaves_our_mark_and_proves_nothing() {
        let mut object = release("t", ("True", "UpgradeSucceeded", 2), &[]);
        object["metadata"]["annotations"][RUN] = json!("ours");
        assert_eq!(told(&Check::FluxResumed, &object), "absent: it was resumed, but not by this plan");
    }

    #[test]
    fn a_backup_is_ours_by_its_uid_or_else_by_its_mark() {
        let check = Check::Phase {
            done: vec!["Completed".into()],
            failed: vec![],
            sent: vec![Sent::value(RUN_AT, json!("t"))],
        };
        let of = |run: &str, uid: &str| {
            let body = json!({"metadata": {"uid": "u", "annotations": {RUN: run}}, "status": {"phase": "Completed"}});
            words_of(judge(&check, Answer { code: 200, body: &body }, uid, true))
        };
        assert_eq!(of("t", ""), "done: Completed");
        assert!(of("theirs", "").starts_with("absent: "));
        assert_eq!(of("", "u"), "done: Completed");
        assert!(of("t", "v").starts_with("failed: it was deleted and created again"));
    }

    #[rstest]
    #[case::refused(json!({"phase": "Processed", "errors": ["a", "b"]}), Some("Velero did not delete it: a; b"))]
    #[case::under_way(json!({"phase": "InProgress", "errors": ["a"]}), None)]
    #[case::done(json!({"phase": "Processed"}), None)]
    #[case::new(Value::Null, None)]
    fn what_velero_says_against_a_deletion_is_its_end(#[case] status: Value, #[case] expected: Option<&str>) {
        assert_eq!(refused_by_velero(&json!({"status": status})).as_deref(), expected);
    }

    /// What was posted.
    fn posted() -> Value {
        json!({"matchers": [{"name": "a", "value": "1", "isRegex": false, "isEqual": true}, {"name": "b", "value": "2", "isRegex": true, "isEqual": true}],
            "startsAt": "2026-11-29T12:00:00Z", "endsAt": "2026-11-29T14:00:00Z", "createdBy": "jo", "comment": "rack"})
    }

    #[rstest]
    #[case::ours("", json!(null), "done: active until 2026-11-29T14:00:00.000Z, silence/i")]
    #[case::of_somebody_else("createdBy", json!("al"), "absent: there is no such silence")]
    #[case::for_another_reason("comment", json!("x"), "absent: there is no such silence")]
    #[case::of_before("startsAt", json!("2026-11-29T11:59:00.000Z"), "absent: there is no such silence")]
    #[case::with_another_end("endsAt", json!("2026-11-29T14:00:01.000Z"), "absent: there is no such silence")]
    #[case::of_other_alerts("matchers", json!([{"name": "a", "value": "1", "isRegex": false}]), "absent: there is no such silence")]
    fn a_silence_whose_id_was_lost_is_known_by_what_it_says(
        #[case] field: &str,
        #[case] other: Value,
        #[case] expected: &str,
    ) {
        // as Alertmanager tells it: the start is its own, and what is true by default may be left out
        let mut one = json!({"id": "i", "status": {"state": "active"}, "createdBy": "jo", "comment": "rack",
            "matchers": [{"name": "b", "value": "2", "isRegex": true}, {"name": "a", "value": "1", "isRegex": false, "isEqual": true}],
            "startsAt": "2026-11-29T12:00:03.250Z", "endsAt": "2026-11-29T14:00:00.000Z"});
        if !field.is_empty() {
            one[field] = other;
        }
        let check = Check::Silence { until: Some("2026-11-29T14:00:00Z".into()), pending: false, made: Some(posted()) };
        assert_eq!(heard(&check, &json!([{"id": "h"}, one])), expected);
    }

    #[test]
    fn a_pod_is_gone_when_it_is_not_found_or_is_another_one() {
        let check = Check::Gone { uid: "u".into() };
        let at = |code, body: Value| judge(&check, Answer { code, body: &body }, "", false);
        assert_eq!(at(404, json!({"kind": "Status", "code": 404})), Seen::Done("gone".into()));
        assert!(matches!(at(404, Value::Null), Seen::Unread(_)), "a load balancer's 404 proves nothing");
        assert!(matches!(at(200, json!({"metadata": {"uid": "v"}})), Seen::Done(_)));
        assert!(matches!(at(200, json!({"metadata": {"uid": "u"}})), Seen::Absent(_)));
        assert!(matches!(at(200, Value::Null), Seen::Unread(_)), "a login page proves nothing");
        assert!(matches!(at(503, Value::Null), Seen::Unread(_)));
    }

    #[rstest]
    #[case::as_wanted("active", "2026-11-29T14:00:00.000Z", "done: active until 2026-11-29T14:00:00.000Z, silence/i")]
    #[case::still_the_old_end(
        "active",
        "2026-11-29T12:00:00Z",
        "absent: active until 2026-11-29T12:00:00Z, not until 2026-11-29T14:00:00Z"
    )]
    #[case::of_somebody_else(
        "active",
        "2026-11-29T16:00:00Z",
        "absent: active until 2026-11-29T16:00:00Z, not until 2026-11-29T14:00:00Z"
    )]
    #[case::without_an_end("active", "", "absent: active until , not until 2026-11-29T14:00:00Z")]
    #[case::its_clock_is_behind("pending", "2026-11-29T14:00:00Z", "waiting: pending, it silences nothing before s")]
    #[case::over("expired", "2026-11-29T14:00:00Z", "failed: it has expired already")]
    #[case::a_new_word("paused", "2026-11-29T14:00:00Z", "waiting: paused")]
    fn a_silence_is_proven_by_its_end_not_by_its_state(
        #[case] state: &str,
        #[case] ends: &str,
        #[case] expected: &str,
    ) {
        let until = Some("2026-11-29T14:00:00Z".to_owned());
        let object = json!({"id": "i", "status": {"state": state}, "startsAt": "s", "endsAt": ends});
        assert_eq!(heard(&Check::Silence { until, pending: false, made: None }, &object), expected);
    }

    #[test]
    fn a_silence_that_begins_later_may_be_pending_and_one_that_was_ended_is_expired() {
        let object = |state: &str| json!({"id": "i", "status": {"state": state}, "endsAt": "2026-11-29T14:00:00Z"});
        let later = Check::Silence { until: Some("2026-11-29T14:00:00Z".to_owned()), pending: true, made: None };
        assert!(heard(&later, &object("pending")).starts_with("done: pending"));
        let ended = Check::Silence { until: None, pending: false, made: None };
        assert_eq!(heard(&ended, &object("expired")), "done: expired");
        assert_eq!(heard(&ended, &object("active")), "absent: active");
    }

    #[rstest]
    #[case(json!({"status": {"phase": "InProgress", "progress": {"itemsBackedUp": 3, "totalItems": 9}}}), "waiting: InProgress, 3 of 9 items")]
    #[case(json!({}), "waiting: New")]
    #[case(json!({"status": {"phase": "Completed"}}), "done: Completed")]
    #[case(json!({"status": {"phase": "PartiallyFailed", "failureReason": "x"}}), "failed: PartiallyFailed: x")]
    #[case(json!({"status": {"phase": "FailedValidation", "validationErrors": ["a", "b"]}}), "failed: FailedValidation: a; b")]
    fn a_backup_is_done_by_its_phase(#[case] object: Value, #[case] expected: &str) {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        let failed = words(&["PartiallyFailed", "Failed", "FailedValidation"]);
        assert_eq!(told(&Check::Phase { done: words(&["Completed"]), failed, sent: Vec::new() }, &object), expected);
    }
}
