//! Which plans did not complete, according to the audit alone: those that were interrupted, and those that
//! failed and have left something suspended, cordoned, scaled or paused. It writes nothing.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::audit;
use crate::domain::outcome::{Taken, Trace, Unfinished, hold};
use crate::domain::plan::Leaves;
use crate::domain::text;
use crate::domain::way::Way;

/// The word of an outcome that nobody has chosen.
const INTERRUPTED: &str = "interrupted";
/// The title of a plan whose beginning is lost.
const LOST: &str = "a plan whose first line cannot be read";

/// Where plans are looked for. A cluster is known by its identity; where it or the audit has none, by the context's name
/// together with the server's address.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub identity: &'a str,
    pub context: &'a str,
    pub server: &'a str,
}

impl Place<'_> {
    fn is_of(&self, line: &Map<String, Value>) -> bool {
        let identity = string(line, "cluster");
        if !identity.is_empty() && !self.identity.is_empty() {
            return identity == self.identity;
        }
        string(line, "context") == self.context && string(line, "server") == self.server
    }
}

/// What was found, the newest first, and what could not be read.
#[derive(Debug, Default)]
pub struct Found {
    pub plans: Vec<Unfinished>,
    pub problems: Vec<String>,
}

/// Unfinished plans of a cluster, or of all of them, which were neither continued to success nor dismissed.
pub fn of(folder: &Path, place: Option<Place<'_>>) -> Found {
    let mut found = Found::default();
    let mut problem = |path: &Path, error: &io::Error| found.problems.push(format!("{}: {error}", path.display()));
    let files = audit::files(folder).unwrap_or_else(|error| {
        problem(folder, &error);
        Vec::new()
    });
    let mut runs: Vec<Story> = Vec::new();
    let mut over: Vec<String> = Vec::new();
    let mut elsewhere: HashSet<String> = HashSet::new();
    for path in &files {
        let at_work = audit::is_at_work(path);
        let lines = audit::lines(path).unwrap_or_else(|error| {
            problem(path, &error);
            Vec::new()
        });
        match audit::unreadable(&lines, at_work) {
            0 => {}
            lost => problem(path, &io::Error::other(format!("{} cannot be read", text::counted(lost, "line")))),
        }
        for line in lines.into_iter().flatten() {
            let run = string(&line, "run");
            match string(&line, "event") {
                "plan" if place.is_none_or(|place| place.is_of(&line)) => runs.push(Story::begin(&line, at_work)),
                "plan" => drop(elsewhere.insert(run.to_owned())),
                "dismiss" => over.push(run.to_owned()),
                event => {
                    let mut known = runs.iter().rposition(|story| story.left.run == run);
                    // what was sent by a plan whose beginning is lost was sent all the same, and on which cluster is not known
                    if known.is_none() && matches!(event, "intent" | "outcome") && !elsewhere.contains(run) {
                        runs.push(Story::headless(&line, at_work));
                        known = Some(runs.len() - 1);
                    }
                    if let Some(at) = known {
                        runs[at].hear(event, &line);
                    }
                }
            }
        }
    }
    // a console lives for hours: its file is older than plans of others that came before its own
    runs.sort_by(|a, b| a.left.time.cmp(&b.left.time));
    found.plans = joined(runs);
    found.plans.retain(|left| !over.contains(&left.run));
    found.plans.reverse();
    found
}

/// Each after the one that it continues; files that were begun within one second may be in another order.
fn in_order(runs: Vec<Story>) -> Vec<Story> {
    let mut awaited: HashSet<String> = runs.iter().map(|story| story.left.run.clone()).collect();
    let (mut out, mut waiting) = (Vec::new(), Vec::<Story>::new());
    for story in runs {
        if story.continues.as_ref().is_some_and(|run| *run != story.left.run && awaited.contains(run)) {
            waiting.push(story);
            continue;
        }
        let mut next = vec![story];
        while !next.is_empty() {
            let story = next.remove(0);
            let run = story.left.run.clone();
            awaited.remove(&run);
            out.push(story);
            let (its, others) = waiting.into_iter().partition(|late| late.continues.as_ref() == Some(&run));
            next.extend::<Vec<Story>>(its);
            waiting = others;
        }
    }
    out.extend(waiting);
    out
}

/// Each plan with the runs that continued it.
fn joined(runs: Vec<Story>) -> Vec<Unfinished> {
    let mut roots: Vec<(Unfinished, bool, String)> = Vec::new();
    for story in in_order(runs) {
        let Story { mut left, continues, end, place } = story;
        left.left.clear();
        let root = continues.as_ref().and_then(|run| roots.iter().position(|(known, ..)| known.run == *run));
        let Some(at) = root else {
            left.steps.iter().for_each(|step| hold(&mut left.left, &step.leaves, step.taken));
            let of_here = roots.iter_mut().filter(|(.., other)| *other == place);
            of_here.for_each(|(known, is_known, _)| taken_back(known, is_known, &left.steps));
            let is_left = is_left(&left, end);
            roots.push((left, is_left, place));
            continue;
        };
        let (known, is_known, _) = &mut roots[at];
        if end == Ending::Running {
            continue;
        }
        left.steps.iter().for_each(|step| hold(&mut known.left, &step.leaves, step.taken));
        known.sent.extend(left.sent);
        if end == Ending::Done {
            *is_known = false;
            continue;
        }
        // what came to nothing leaves the plan as it was
        if left.steps.iter().any(|step| step.taken != Taken::No) || end == Ending::Interrupted {
            let before = std::mem::replace(&mut known.steps, left.steps);
            known.earlier.extend(before.into_iter().filter(|step| step.taken != Taken::No));
            (known.time, known.at) = (left.time, left.at);
            (known.ending, known.detail) = (left.ending, left.detail);
        }
    }
    roots.into_iter().filter(|(_, is_left, _)| *is_left).map(|(left, ..)| left).collect()
}

/// What an earlier plan had left, and a later one of its own has undone, is left no more.
fn taken_back(known: &mut Unfinished, is_left: &mut bool, steps: &[Trace]) {
    let before = known.left.len();
    for step in steps.iter().filter(|step| step.taken == Taken::Yes) {
        if let Leaves::Freed { object } = &step.leaves {
            known.left.retain(|held| held.object != *object);
        }
    }
    // one that was cut short has steps that nobody has taken
    if known.left.is_empty() && before > 0 && known.ending != INTERRUPTED {
        *is_left = false;
    }
}

fn is_left(left: &Unfinished, end: Ending) -> bool {
    match end {
        Ending::Interrupted => true,
        Ending::Otherwise => !left.left.is_empty(),
        Ending::Done | Ending::Running => false,
    }
}

fn string<'l>(line: &'l Map<String, Value>, name: &str) -> &'l str {
    line.get(name).and_then(Value::as_str).unwrap_or("")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Done,
    Interrupted,
    /// Failed, unknown or refused.
    Otherwise,
    /// Its process is still at it.
    Running,
}

/// One run, as its lines tell it.
struct Story {
    left: Unfinished,
    continues: Option<String>,
    end: Ending,
    /// Where it ran: the cluster's identity, or context and server.
    place: String,
}

impl Story {
    fn begin(line: &Map<String, Value>, at_work: bool) -> Self {
        let list = |name: &str| line.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let set = line.get("set").and_then(Value::as_object).into_iter().flatten();
        let set: BTreeMap<String, String> = set.map(|(name, value)| (name.clone(), words(value))).collect();
        Self {
            left: Unfinished {
                run: string(line, "run").to_owned(),
                time: string(line, "time").to_owned(),
                action: string(line, "action").to_owned(),
                title: string(line, "title").to_owned(),
                context: string(line, "context").to_owned(),
                objects: list("objects").iter().map(words).collect(),
                set,
                reason: string(line, "reason").to_owned(),
                undo: string(line, "undo").to_owned(),
                way: Way::read(line.get("way").unwrap_or(&Value::Null), string(line, "context")),
                ending: INTERRUPTED.to_owned(),
                detail: "its process ended".to_owned(),
                steps: list("steps").iter().map(trace).collect(),
                ..Unfinished::default()
            },
            continues: Some(string(line, "continues")).filter(|run| !run.is_empty()).map(str::to_owned),
            place: match string(line, "cluster") {
                "" => format!("{} {}", string(line, "context"), string(line, "server")),
                identity => identity.to_owned(),
            },
            // a process that is gone has ended it, whether it could still say so or not
            end: if at_work { Ending::Running } else { Ending::Interrupted },
        }
    }

    /// Of a run whose first line cannot be read: what it was about is not known.
    fn headless(line: &Map<String, Value>, at_work: bool) -> Self {
        let mut story = Self::begin(line, at_work);
        LOST.clone_into(&mut story.left.title);
        story
    }

    fn hear(&mut self, event: &str, line: &Map<String, Value>) {
        let at = line.get("step").and_then(Value::as_u64).and_then(|step| usize::try_from(step).ok());
        if let Some(at) = at {
            self.left.at = at;
        }
        let step = at.and_then(|at| self.left.steps.get_mut(at));
        match event {
            "intent" => {
                let body = line.get("argv").or_else(|| line.get("body")).cloned().unwrap_or_default();
                self.left.sent.push((string(line, "path").to_owned(), body));
                if let Some(step) = step {
                    step.taken = step.taken.max(Taken::Maybe);
                    let uid = string(line, "uid");
                    if !uid.is_empty() {
                        uid.clone_into(&mut step.uid);
                    }
                }
            }
            "answer" => {
                let taken = match string(line, "answer") {
                    "taken" => Taken::Yes,
                    // an answer that was lost may have been taken, and so may what a program began: what is there decides
                    "unknown" | "failed" => Taken::Maybe,
                    _ => Taken::No,
                };
                if taken == Taken::No {
                    // of several that are under way at once, the one that was answered
                    let path = line.get("path").and_then(Value::as_str);
                    let at = self.left.sent.iter().rposition(|(to, _)| path.is_none_or(|path| path == to));
                    at.map(|at| self.left.sent.remove(at));
                }
                // one answer says nothing of the other requests of its step
                if let Some(step) = step.filter(|step| !step.many) {
                    step.taken = taken;
                    step.answer = line.get("made").cloned().unwrap_or_default();
                }
            }
            "proof" => {
                if let Some(step) = step {
                    step.taken = Taken::Yes;
                }
                // what was seen was taken, whether its answer came or not
                let before = self.left.steps.iter_mut().take(at.unwrap_or(0));
                before.filter(|step| step.taken == Taken::Maybe).for_each(|step| step.taken = Taken::Yes);
            }
            "outcome" => {
                string(line, "outcome").clone_into(&mut self.left.ending);
                string(line, "detail").clone_into(&mut self.left.detail);
                self.end = match string(line, "outcome") {
                    "done" => Ending::Done,
                    INTERRUPTED => Ending::Interrupted,
                    _ => Ending::Otherwise,
                };
            }
            _ => {}
        }
    }
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn trace(step: &Value) -> Trace {
    let read = |name: &str| step.get(name).cloned().unwrap_or_default();
    Trace {
        what: words(&step["what"]),
        twin: words(&step["twin"]),
        target: step["target"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        sends: words(&step["sends"]),
        proof: serde_json::from_value(read("proof")).ok(),
        ask: serde_json::from_value(read("ask")).ok(),
        uid: words(&step["uid"]),
        manual: words(&step["manual"]),
        many: step["many"].as_bool().unwrap_or(false),
        leaves: serde_json::from_value::<Leaves>(read("leaves")).unwrap_or_default(),
        taken: Taken::No,
        answer: Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::audit::{Audit, Event};
    use serde_json::json;

    const HERE: Place<'static> = Place { identity: "", context: "c", server: "" };

    fn fields(run: &str, more: &[(&str, Value)]) -> Map<String, Value> {
        let mut map = Map::from_iter([("run".to_owned(), json!(run)), ("context".to_owned(), json!("c"))]);
        map.extend(more.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        map
    }

    /// A folder with one file, whose process is gone.
    fn told(lines: &[(Event, &str, Value)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "b-1", "t", lines);
        folder
    }

    /// A file of a process that is gone, with all its lines of one time.
    fn write(folder: &Path, name: &str, time: &str, lines: &[(Event, &str, Value)]) -> std::path::PathBuf {
        let mut audit = Audit::open(folder, name).unwrap();
        for (event, run, more) in lines {
            let more: Vec<(&str, Value)> = more.as_object().unwrap().iter().map(|(k, v)| (&**k, v.clone())).collect();
            audit.write(*event, time, fields(run, &more)).unwrap();
        }
        folder.join(format!("{name}.jsonl"))
    }

    /// The lines of a plan, run 2, that resumes what [`steps`] suspends.
    fn resumed() -> [(Event, &'static str, Value); 4] {
        let resume = json!([{"what": "resume it", "leaves": {"Freed": {"object": "HelmRelease/a/x"}}}]);
        [
            (Event::Plan, "2", json!({"title": "resume x", "steps": resume})),
            (Event::Intent, "2", json!({"step": 0, "path": "/x"})),
            (Event::Answer, "2", json!({"step": 0, "answer": "taken"})),
            (Event::Outcome, "2", json!({"outcome": "done", "step": 0})),
        ]
    }

    fn steps() -> Value {
        json!([
            {"what": "suspend it", "sends": "PATCH /x", "leaves": {"Held": {"word": "suspended", "object": "HelmRelease/a/x"}}},
            {"what": "restart it", "sends": "PATCH /y"},
            {"what": "resume it", "sends": "PATCH /x", "leaves": {"Freed": {"object": "HelmRelease/a/x"}}},
        ])
    }

    fn plan(run: &str) -> (Event, &str, Value) {
        (Event::Plan, run, json!({"title": "restart it", "steps": steps()}))
    }

    fn intent(step: u64) -> (Event, &'static str, Value) {
        (Event::Intent, "1", json!({"step": step, "path": "/x", "body": {"spec": {"suspend": true}}}))
    }

    fn answer(step: u64, word: &str) -> (Event, &'static str, Value) {
        (Event::Answer, "1", json!({"step": step, "answer": word}))
    }

    fn end(word: &str, step: u64) -> (Event, &'static str, Value) {
        (Event::Outcome, "1", json!({"outcome": word, "step": step, "detail": "d"}))
    }

    /// A step with several requests: their answers come in any order, and none of them speaks for the others.
    #[test]
    fn of_requests_side_by_side_each_answer_is_of_its_own() {
        let steps = json!([{"what": "evict 3 pods", "sends": "POST pods/eviction n1", "many": true}]);
        let ask = |path: &str| (Event::Intent, "1", json!({"step": 0, "path": path, "body": {"for": path}}));
        let say = |path: &str, word: &str| (Event::Answer, "1", json!({"step": 0, "path": path, "answer": word}));
        let folder = told(&[
            (Event::Plan, "1", json!({"title": "drain n1", "steps": steps})),
            ask("/a"),
            ask("/b"),
            ask("/c"),
            say("/b", "later"),
            say("/a", "taken"),
            end("interrupted", 0),
        ]);
        let found = of(folder.path(), Some(HERE)).plans;
        let sent: Vec<&str> = found[0].sent.iter().map(|(path, _)| &**path).collect();
        assert_eq!(sent, ["/a", "/c"], "what was refused was not done, and what was not answered may have been");
        assert_eq!(found[0].steps[0].taken, Taken::Maybe, "the others are not done by it");
    }

    #[test]
    fn what_a_plan_leaves_is_unfinished_however_it_ended() {
        for word in ["failed", "unknown", "refused", "interrupted"] {
            let folder = told(&[plan("1"), intent(0), answer(0, "taken"), end(word, 1)]);
            let found = of(folder.path(), Some(HERE)).plans;
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!((&*found[0].ending, found[0].leaves()), (word, "HelmRelease a/x suspended".to_owned()));
            assert_eq!(found[0].left_over().map(|s| &*s.what).collect::<Vec<_>>(), ["restart it", "resume it"]);
        }
    }

    #[test]
    fn what_leaves_nothing_is_over_and_what_was_taken_back_is_not_left() {
        let nothing = told(&[plan("1"), intent(0), answer(0, "refused"), end("refused", 0)]);
        assert_eq!(of(nothing.path(), Some(HERE)).plans, []);
        let back = told(&[plan("1"), intent(0), answer(0, "taken"), intent(2), answer(2, "taken"), end("failed", 2)]);
        assert_eq!(of(back.path(), Some(HERE)).plans, []);
    }

    #[test]
    fn what_a_later_plan_of_ours_has_taken_back_is_left_no_more() {
        let resume =
            json!([{"what": "resume it", "sends": "PATCH /x", "leaves": {"Freed": {"object": "HelmRelease/a/x"}}}]);
        let later = |word: &'static str| {
            let told = told(&[
                plan("1"),
                intent(0),
                answer(0, "taken"),
                end("failed", 1),
                (Event::Plan, "2", json!({"title": "resume x", "steps": resume})),
                (Event::Intent, "2", json!({"step": 0, "path": "/x"})),
                (Event::Answer, "2", json!({"step": 0, "answer": word})),
                (Event::Outcome, "2", json!({"outcome": if word == "taken" { "done" } else { "refused" }, "step": 0})),
            ]);
            of(told.path(), Some(HERE)).plans
        };
        assert_eq!(later("taken"), []);
        assert_eq!(later("refused")[0].leaves(), "HelmRelease a/x suspended");
    }

    /// Two processes of one second, of which the later one has the id that sorts first.
    #[test]
    fn what_came_later_within_a_second_is_later_whatever_its_process_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let write_at = |nanos: u32, name: &str, lines: &[(Event, &str, Value)]| {
            let path = write(folder.path(), name, "t", lines);
            let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_800_000_000, nanos);
            std::fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
            path
        };
        let found = || of(folder.path(), Some(HERE)).plans;
        write_at(1, "b-9", &[plan("1"), intent(0), answer(0, "taken"), end("failed", 1)]);
        let later = write_at(2, "b-10", &resumed());
        assert_eq!(found(), [], "it was resumed after it was suspended");
        std::fs::remove_file(later).unwrap();
        assert_eq!(found().len(), 1);
        // nor does it count when a clock has been set back
        let mut on = plan("3");
        on.2["continues"] = "1".into();
        write_at(2, "a-1", &[on, (Event::Outcome, "3", json!({"outcome": "done", "step": 2}))]);
        assert_eq!(found(), [], "it was continued");
    }

    /// A console that was opened long before: its file is the older one, what it has done last is not.
    #[test]
    fn what_was_taken_back_before_it_was_left_again_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let suspended = [plan("1"), intent(0), answer(0, "taken"), end("failed", 1)];
        let early = write(folder.path(), "20261121T090000Z-7", "2026-11-21T11:00:00Z", &suspended);
        write(folder.path(), "20261121T100000Z-8", "2026-11-21T10:00:00Z", &resumed());
        assert_eq!(of(folder.path(), Some(HERE)).plans.len(), 1, "it was suspended after it was resumed");
        std::fs::remove_file(early).unwrap();
        write(folder.path(), "20261121T093000Z-9", "2026-11-21T09:30:00Z", &suspended);
        assert_eq!(of(folder.path(), Some(HERE)).plans, [], "it was resumed after it was suspended");
    }

    #[test]
    fn a_process_that_was_killed_between_a_request_and_its_answer_has_perhaps_sent_it() {
        let folder = told(&[plan("1"), intent(0)]);
        let found = of(folder.path(), Some(HERE)).plans;
        assert_eq!(found[0].leaves(), "HelmRelease a/x perhaps suspended");
        assert_eq!(found[0].steps[0].taken, Taken::Maybe);
        assert!(found[0].did("/x", "/spec/suspend", &true.into()), "{found:?}");
        let left: Vec<_> = found[0].left_over().map(|step| &*step.what).collect();
        assert_eq!(left, ["restart it", "resume it"], "what may have been taken is not listed as left");
    }

    #[test]
    fn a_cluster_is_known_by_its_identity_and_without_one_by_context_and_server() {
        let line = |more: Value| {
            let mut whole = json!({"title": "t"});
            whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            (Event::Plan, "1", whole)
        };
        let seen = |more: Value, place: Place<'_>| !of(told(&[line(more)]).path(), Some(place)).plans.is_empty();
        let place = Place { identity: "u1", context: "c", server: "s" };
        assert!(seen(json!({"cluster": "u1", "context": "renamed", "server": "elsewhere"}), place));
        assert!(!seen(json!({"cluster": "u2", "context": "c", "server": "s"}), place));
        assert!(seen(json!({"context": "c", "server": "s"}), place));
        assert!(!seen(json!({"context": "c", "server": "t"}), place));
        assert!(seen(json!({"cluster": "u1", "context": "c", "server": "s"}), Place { identity: "", ..place }));
    }

    /// One byte of the first line is enough.
    #[test]
    fn a_plan_whose_first_line_is_torn_is_unfinished_all_the_same_and_the_line_is_told() {
        let torn = |lines: &[(Event, &str, Value)]| {
            let folder = told(lines);
            let path = folder.path().join("b-1.jsonl");
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[5] = 0xff;
            std::fs::write(&path, bytes).unwrap();
            of(folder.path(), Some(HERE))
        };
        let found = torn(&[plan("1"), intent(0), answer(0, "taken")]);
        let left = &found.plans[0];
        assert_eq!((&*left.run, &*left.title, &*left.context), ("1", LOST, "c"));
        assert!(left.command().starts_with("watchkeeper audit dismiss 1"), "{}", left.command());
        assert!(found.problems[0].ends_with("b-1.jsonl: 1 line cannot be read"), "{:?}", found.problems);
        assert_eq!(torn(&[plan("1"), intent(0), end("done", 2)]).plans, [], "its end can be read");
        let other = Place { context: "other", ..HERE };
        let whole = told(&[plan("1"), intent(0)]);
        assert!(of(whole.path(), Some(other)).plans.is_empty(), "its beginning names another cluster");
        assert!(of(whole.path(), Some(other)).problems.is_empty());
    }

    #[test]
    fn old_plans_are_found_behind_any_number_of_later_files() {
        let folder = told(&[plan("1"), intent(0)]);
        for nth in 0..40 {
            let mut audit = Audit::open(folder.path(), &format!("c{nth:02}-1")).unwrap();
            audit.write(Event::Plan, "t", fields(&format!("x{nth}"), &[("title", json!("x"))])).unwrap();
            audit.write(Event::Outcome, "t", fields(&format!("x{nth}"), &[("outcome", json!("done"))])).unwrap();
        }
        assert_eq!(of(folder.path(), Some(HERE)).plans.len(), 1);
    }

    #[test]
    fn a_plan_without_an_end_is_unfinished_once_its_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut audit = Audit::open(folder.path(), "b-1").unwrap();
        audit.write(Event::Plan, "t", fields("1", &[("title", json!("drain n1")), ("steps", steps())])).unwrap();
        audit.write(Event::Intent, "t", fields("1", &[("step", json!(1))])).unwrap();
        assert_eq!(of(folder.path(), Some(HERE)).plans, [], "it is being run");
        drop(audit);
        let found = of(folder.path(), Some(HERE)).plans;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].title.as_str(), found[0].at, found[0].steps.len()), ("drain n1", 1, 3));
        assert!(of(folder.path(), Some(Place { context: "other", ..HERE })).plans.is_empty());
        assert_eq!(of(folder.path(), None).plans.len(), 1, "wherever it was");
    }

    #[test]
    fn what_was_continued_is_one_plan_until_it_is_done_or_dismissed() {
        let next = |run: &'static str| (Event::Plan, run, json!({"continues": "1", "steps": steps()}));
        let begun = [
            plan("1"),
            intent(0),
            answer(0, "taken"),
            end("interrupted", 1),
            next("2"),
            (Event::Intent, "2", json!({"step": 1, "path": "/y", "body": {}})),
            (Event::Answer, "2", json!({"step": 1, "answer": "refused"})),
            (Event::Outcome, "2", json!({"outcome": "refused", "step": 1})),
            next("3"),
            (Event::Outcome, "3", json!({"outcome": "interrupted", "step": 1})),
        ];
        let found = of(told(&begun).path(), Some(HERE)).plans;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&*found[0].run, found[0].sent.len()), ("1", 1));
        assert!(found[0].did("/x", "/spec/suspend", &true.into()));
        assert_eq!(found[0].leaves(), "HelmRelease a/x suspended");
        assert_eq!(found[0].earlier.len(), 1, "what the first run did is not forgotten");
        for last in [
            vec![next("4"), (Event::Outcome, "4", json!({"outcome": "done"}))],
            vec![(Event::Dismiss, "1", json!({"reason": "resumed by hand"}))],
        ] {
            let all: Vec<_> = begun.iter().cloned().chain(last).collect();
            assert!(of(told(&all).path(), Some(HERE)).plans.is_empty());
        }
    }
}
