//! What the audit of this machine tells as entries of the timeline: plans that began and ended, contexts that were
//! unlocked. Of every session but this process's own, which tells its plans itself.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::audit;
use crate::domain::ages::Time;
use crate::domain::moment::{self, Moment};

/// The newest files that are looked at.
const FILES: usize = 50;

/// Entries of a context, the oldest first, no older than what a timeline keeps. `but` ends the names of files that are
/// left out: the id of a process. What cannot be read is left out: the audit's own commands say why.
pub fn read(folder: &Path, context: &str, but: Option<u32>, now: Time) -> Vec<Moment> {
    let files = audit::files(folder).unwrap_or_default();
    let own = but.map(|process| format!("-{process}"));
    let mut out = Vec::new();
    for path in files.iter().rev().take(FILES) {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if own.as_ref().is_some_and(|own| stem.ends_with(own)) {
            continue;
        }
        // a run's end does not repeat what its beginning says
        let mut begun: HashMap<String, (String, Vec<String>)> = HashMap::new();
        for line in audit::lines(path).unwrap_or_default().into_iter().flatten() {
            if text(&line, "context") == context {
                out.extend(told(&line, &mut begun));
            }
        }
    }
    moment::settle(&mut out, now);
    out
}

fn text<'l>(line: &'l Map<String, Value>, name: &str) -> &'l str {
    line.get(name).and_then(Value::as_str).unwrap_or("")
}

fn told(line: &Map<String, Value>, begun: &mut HashMap<String, (String, Vec<String>)>) -> Option<Moment> {
    let time = Time::parse(text(line, "time"))?;
    let run = text(line, "run");
    match text(line, "event") {
        "plan" => {
            let objects = line.get("objects").and_then(Value::as_array).into_iter().flatten();
            let objects: Vec<String> = objects.filter_map(|o| o.as_str().map(str::to_owned)).collect();
            let title = text(line, "title");
            let moment = Moment::began(time, title, text(line, "operator"), text(line, "reason"), &objects);
            begun.insert(run.to_owned(), (title.to_owned(), objects));
            Some(moment)
        }
        "outcome" => {
            let (title, objects) = begun.get(run)?;
            Some(Moment::ended(time, title, text(line, "outcome"), text(line, "detail"), objects))
        }
        "unlock" => {
            let title = format!("unlock {}", text(line, "context"));
            Some(Moment::began(time, &title, text(line, "operator"), text(line, "reason"), &[]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::audit::{Audit, Event};
    use serde_json::json;

    fn fields(context: &str, more: Value) -> Map<String, Value> {
        let mut map = Map::from_iter([("run".to_owned(), json!("1")), ("context".to_owned(), json!(context))]);
        if let Value::Object(more) = more {
            map.extend(more);
        }
        map
    }

    #[test]
    fn plans_of_other_sessions_and_of_this_context_are_told() {
        let folder = tempfile::tempdir().unwrap();
        for (name, context) in [("a-1", "prod"), ("b-2", "lab"), ("c-3", "prod")] {
            let mut audit = Audit::open(folder.path(), name).unwrap();
            let plan = json!({"title": "suspend HelmRelease a/x", "operator": "alice", "reason": "storm",
                "objects": ["HelmRelease/a/x"]});
            audit.write(Event::Plan, "2026-11-21T10:00:00Z", fields(context, plan)).unwrap();
            audit.write(Event::Intent, "2026-11-21T10:00:01Z", fields(context, json!({"step": 0}))).unwrap();
            let end = json!({"outcome": "done", "detail": "seen"});
            audit.write(Event::Outcome, "2026-11-21T10:00:02Z", fields(context, end)).unwrap();
        }
        let now = Time::parse("2026-11-21T12:00:00Z").unwrap();
        let all = read(folder.path(), "prod", Some(3), now);
        let words: Vec<_> = all.iter().map(|m| (m.told(), &*m.words)).collect();
        assert_eq!(
            words,
            [
                ("HelmRelease a/x".to_owned(), "suspend HelmRelease a/x by alice (storm)"),
                ("HelmRelease a/x".to_owned(), "done: suspend HelmRelease a/x: seen"),
            ]
        );
        assert_eq!(read(folder.path(), "prod", Some(3), now.plus(2 * moment::KEPT)), []);
    }
}
