//! What our suspend, cordon or pause writes on the object in the same patch: who, why, by which plan, and the previous
//! value. It identifies our own changes, whoever looks and wherever the audit is; our own undo removes it. An object
//! that we create is marked with its plan, too.

use serde_json::{Map, Value, json};

use super::input::Input;
use crate::domain::json::annotation;
use crate::domain::plan::MANAGER;
use crate::domain::proof::{RUN, RUN_AT, Sent};
use crate::kinds::suspender::SuspendedBy;

pub const BY: &str = "watchkeeper.dev/by";
pub const REASON: &str = "watchkeeper.dev/reason";
pub const BEFORE: &str = "watchkeeper.dev/before";
/// Written by version 0.1 on a node.
const CORDONED_BY: &str = "watchkeeper.dev/cordoned-by";

/// The annotations for an object; `before` is the previous value.
pub fn set(input: &Input<'_>, object: &Value, before: &str) -> Map<String, Value> {
    let mut out = Map::from_iter([
        (BY.to_owned(), json!(input.operator)),
        (BEFORE.to_owned(), json!(before)),
        (RUN.to_owned(), json!(input.token)),
    ]);
    let reason = input.reason.trim();
    // a reason of an earlier suspend that somebody else has ended must not stay
    if !reason.is_empty() || !annotation(object, REASON).is_empty() {
        out.insert(REASON.to_owned(), json!(Some(reason).filter(|reason| !reason.is_empty())));
    }
    out
}

/// For the change of a step: what the command that would do the same does not write.
pub fn written(input: &Input<'_>) -> String {
    format!(", {BY}: {}", input.operator)
}

/// All of them removed.
pub fn gone() -> Map<String, Value> {
    [BY, REASON, BEFORE, RUN, CORDONED_BY].map(|name| (name.to_owned(), Value::Null)).into_iter().collect()
}

/// What distinguishes our own write from the same one of somebody else.
pub fn ours(input: &Input<'_>) -> Vec<Sent> {
    vec![Sent::value(RUN_AT, json!(input.token))]
}

/// The same for an undo: when somebody else has undone it, our mark is still there.
pub fn taken_away() -> Vec<Sent> {
    vec![Sent::value(RUN_AT, Value::Null)]
}

/// Whether the interrupted plan that is continued has written the object's current value.
pub fn of_continued(input: &Input<'_>, path: &str, object: &Value) -> bool {
    object.pointer(RUN_AT).is_some_and(|run| input.did(path, RUN_AT, run))
}

/// Who did it with this program, as far as the object says; empty when nobody did, or when something else has written
/// the switch since: then the marks are left over from an earlier time.
pub fn by(object: &Value) -> &str {
    if !is_ours(object) {
        return "";
    }
    match annotation(object, BY) {
        "" => annotation(object, CORDONED_BY),
        by => by,
    }
}

/// Whether this program was the last to write the switch, as far as the object's field managers say.
pub fn is_ours(object: &Value) -> bool {
    let last: SuspendedBy = serde_json::from_value(object["metadata"]["managedFields"].clone()).unwrap_or_default();
    last.manager.is_empty() || &*last.manager == MANAGER
}

/// `alice (disk full)`.
pub fn told(object: &Value) -> Option<String> {
    let by = Some(by(object)).filter(|by| !by.is_empty())?;
    Some(match annotation(object, REASON) {
        "" => by.to_owned(),
        reason => format!("{by} ({reason})"),
    })
}
