//! How far each eviction is: what was answered, what a look at the node found, and what is left at the end. It sends
//! nothing and waits for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::ended::{End, Ended};
use crate::domain::evictions::{Evictions, Leaving, There, pods, some};
use crate::domain::plan::Request;
use crate::domain::text;
use crate::effects::DOUBT;
use crate::effects::send::Sent;

/// As kubectl waits between two requests that were refused for now.
const LATER: Duration = Duration::from_secs(5);

/// The state of one pod.
#[derive(Debug, Clone, PartialEq)]
enum State {
    /// To be asked for, from then on.
    Due(Instant),
    Sending,
    /// Taken, or terminating: its end is awaited.
    Ending,
    /// Not taken, or nobody knows: a look that begins at this time or later decides.
    Doubt {
        why: String,
        lost: bool,
        until: Instant,
    },
    Gone,
    /// It stays, and why.
    Left {
        why: String,
        lost: bool,
    },
}

/// Why it is asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    No,
    /// Refused for now, in the server's words.
    Later(String),
    /// The request never left.
    Unsent(String),
}

#[derive(Debug)]
struct Pod<'a> {
    of: &'a Leaving,
    state: State,
    held: Held,
    /// How it ends, as last seen.
    ending: String,
    /// What it was before it was seen to be gone.
    before: State,
}

/// All of them.
#[derive(Debug)]
pub struct Work<'a> {
    pub wanted: &'a Evictions,
    pods: Vec<Pod<'a>>,
    until: Instant,
    /// Pods that came after the preview.
    came: Vec<String>,
    /// Why the node cannot be looked at.
    blind: Option<String>,
    /// Why nothing more is sent.
    broken: Option<String>,
    /// Something was taken, or may have been.
    changed: bool,
    told: String,
}

impl<'a> Work<'a> {
    pub fn new(wanted: &'a Evictions, until: Instant) -> Self {
        let now = Instant::now();
        let state = |pod: &Leaving| if pod.request.is_some() { State::Due(now) } else { State::Ending };
        let one =
            |of: &'a Leaving| Pod { of, state: state(of), held: Held::No, ending: String::new(), before: state(of) };
        Self {
            wanted,
            pods: wanted.pods.iter().map(one).collect(),
            until,
            came: Vec::new(),
            blind: None,
            broken: None,
            changed: false,
            told: String::new(),
        }
    }

    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Nothing more will be found out by waiting.
    pub fn is_settled(&self) -> bool {
        self.pods.iter().all(|pod| matches!(pod.state, State::Gone | State::Left { .. }))
    }

    /// The next that is to be asked for.
    pub fn due(&self, now: Instant) -> Option<(usize, &'a Request)> {
        let due =
            |pod: &Pod<'a>| matches!(pod.state, State::Due(at) if at <= now).then_some(pod.of.request.as_ref())?;
        self.pods.iter().enumerate().find_map(|(nth, pod)| Some((nth, due(pod)?)))
    }

    /// It is being asked for.
    pub fn sends(&mut self, nth: usize) {
        if let Some(pod) = self.pods.get_mut(nth) {
            pod.state = State::Sending;
        }
    }

    /// A request or an answer could not be recorded: nothing more is sent.
    pub fn unrecorded(&mut self, why: String) {
        self.broken.get_or_insert(why);
    }

    pub fn heard(&mut self, nth: usize, sent: Sent, now: Instant) {
        let Some(pod) = self.pods.get_mut(nth) else { return };
        let doubt = |why: String, lost: bool| {
            let patience = if lost { Duration::from_secs(DOUBT.into()) } else { Duration::ZERO };
            State::Doubt { why, lost, until: now + patience }
        };
        pod.state = match sent {
            Sent::Taken(_) => {
                self.changed = true;
                State::Ending
            }
            Sent::Later(why) => {
                pod.held = Held::Later(why);
                State::Due(now + LATER)
            }
            // nothing of it has left: it may go again
            Sent::NotSent(why) => {
                pod.held = Held::Unsent(why);
                State::Due(now + LATER)
            }
            Sent::Unknown(why) => {
                self.changed = true;
                doubt(why, true)
            }
            Sent::Refused(why) | Sent::Changed(why) => doubt(why, false),
        };
    }

    /// What a look found that began at `began`; `surely` when it tells what is stored.
    pub fn take(&mut self, seen: Result<Vec<There>, String>, began: Instant, surely: bool) {
        let there = match seen {
            Ok(there) => there,
            Err(why) => {
                self.blind = Some(why);
                return;
            }
        };
        self.blind = None;
        for pod in &mut self.pods {
            let found = there.iter().find(|found| found.uid == pod.of.uid);
            pod.look(found, began, surely);
        }
        let known = |found: &&There| {
            self.pods.iter().any(|pod| pod.of.uid == found.uid)
                || self.wanted.kept.iter().any(|(uid, _)| *uid == found.uid)
        };
        let came = there.iter().filter(|found| found.must_go && !known(found));
        self.came = came.map(|found| found.told.clone()).collect();
    }

    pub fn is_blind(&self) -> bool {
        self.blind.is_some()
    }

    fn count(&self, is: fn(&Pod<'_>) -> bool) -> usize {
        self.pods.iter().filter(|pod| is(pod)).count()
    }

    fn gone(&self) -> usize {
        self.count(|pod| pod.state == State::Gone)
    }

    /// How far it is, when that has changed.
    pub fn news(&mut self) -> Option<String> {
        let mut parts = vec![format!("{} of {} gone", self.gone(), self.pods.len())];
        let ending = self.count(|pod| pod.state == State::Ending);
        if ending > 0 {
            parts.push(format!("{ending} ending"));
        }
        parts.extend(self.held_back());
        let left = self.count(|pod| matches!(pod.state, State::Left { .. } | State::Doubt { .. }));
        if left > 0 {
            parts.push(format!("{left} not taken"));
        }
        if !self.came.is_empty() {
            parts.push(format!("{} came since", self.came.len()));
        }
        if let Some(why) = &self.blind {
            parts.push(format!("the node cannot be looked at: {why}"));
        }
        let told = text::line(&parts.join(", ")).into_owned();
        (told != self.told).then(|| {
            self.told.clone_from(&told);
            told
        })
    }

    /// What is asked for again: by which budgets, and what else.
    fn held_back(&self) -> Vec<String> {
        let open = |pod: &&Pod<'_>| matches!(pod.state, State::Due(_) | State::Sending) && pod.held != Held::No;
        let (mut budgets, mut count, mut others) = (BTreeSet::new(), 0, BTreeMap::<String, usize>::new());
        for pod in self.pods.iter().filter(open) {
            match (&pod.held, &*pod.of.budget) {
                (Held::Later(_), budget) if !budget.is_empty() => {
                    budgets.insert(budget.to_owned());
                    count += 1;
                }
                _ => *others.entry(pod.held_back()).or_default() += 1,
            }
        }
        let word = if budgets.len() == 1 { "budget" } else { "budgets" };
        let held = format!("{count} held back by {word} {}", some(&budgets.into_iter().collect::<Vec<_>>()));
        let others = others.into_iter().map(|(why, count)| format!("{count} {why}"));
        (count > 0).then_some(held).into_iter().chain(others).collect()
    }

    /// What is left, as it was last seen.
    pub fn ended(&self, stopped: bool) -> Ended {
        let left: Vec<(String, String, String)> =
            self.pods.iter().filter_map(|pod| pod.left().map(|(short, long)| (pod.of.told(), short, long))).collect();
        let came = self.came.iter().map(|pod| (pod.clone(), "came after the preview".to_owned(), String::new()));
        let left: Vec<_> = left.into_iter().chain(came).collect();
        let line = |(pod, short, long): &(String, String, String)| match &**long {
            "" => format!("{pod}: {short}"),
            long => format!("{pod}: {short}: {long}"),
        };
        let lines: Vec<String> = left.iter().map(|left| text::line(&line(left)).into_owned()).collect();
        let short: Vec<String> = left.iter().map(|(pod, short, _)| format!("{pod} ({short})")).collect();
        let (gone, all) = (self.gone(), self.pods.len());
        let lost = self
            .pods
            .iter()
            .any(|pod| matches!(pod.state, State::Left { lost: true, .. } | State::Doubt { lost: true, .. }));
        let count = if left.len() == 1 { "1 pod is left".to_owned() } else { format!("{} pods are left", left.len()) };
        let told = format!("{count}: {}", text::line(&some(&short)));
        let end = if let Some(why) = &self.broken {
            if self.changed { End::Unknown(why.clone()) } else { End::Refused(why.clone()) }
        } else if let Some(why) = &self.blind {
            End::Unknown(format!("what is left cannot be listed: {why}; {gone} of {all} were seen to go"))
        } else if left.is_empty() {
            let kept: Vec<String> = self.wanted.kept.iter().map(|(_, words)| words.clone()).collect();
            let kept = if kept.is_empty() { String::new() } else { format!("; left on purpose: {}", some(&kept)) };
            End::Done(match all {
                0 => format!("no pod is left that had to go{kept}"),
                all => format!("{} gone, none is left that had to go{kept}", pods(all)),
            })
        } else if stopped {
            End::Stopped(format!("{gone} of {all} gone; what was sent stays; {told}"))
        } else if lost {
            End::Unknown(told)
        } else if self.changed {
            End::Failed(told)
        } else {
            End::Refused(told)
        };
        Ended { end, lines }
    }
}

impl Pod<'_> {
    /// What a look found of it.
    fn look(&mut self, found: Option<&There>, began: Instant, surely: bool) {
        self.ending = found.and_then(|found| found.ending.clone()).unwrap_or_default();
        let next = match (&self.state, found) {
            // its answer comes first
            (State::Sending, _) | (State::Gone, None) => return,
            (_, None) => {
                self.before = self.state.clone();
                State::Gone
            }
            // a cache did not know it yet
            (State::Gone, Some(_)) if !surely => return,
            (_, Some(found)) if found.ending.is_some() => State::Ending,
            (State::Gone, Some(_)) => self.before.clone(),
            (State::Doubt { why, lost, until }, Some(_)) if began >= *until => {
                State::Left { why: why.clone(), lost: *lost }
            }
            (_, Some(_)) => return,
        };
        self.state = next;
    }

    fn held_back(&self) -> String {
        match (&self.held, &*self.of.budget) {
            (Held::Unsent(_), _) => "not sent yet".to_owned(),
            (_, "") => "refused for now".to_owned(),
            (_, budget) => format!("held back by budget {budget}"),
        }
    }

    /// Why it is left: in few words, and what was said of it.
    fn left(&self) -> Option<(String, String)> {
        Some(match (&self.state, &self.held) {
            (State::Gone, _) => return None,
            (State::Sending, _) => ("no answer yet".to_owned(), String::new()),
            (State::Due(_), Held::No) => ("not asked for".to_owned(), String::new()),
            (State::Due(_), Held::Later(why) | Held::Unsent(why)) => (self.held_back(), why.clone()),
            (State::Ending, _) if self.ending.is_empty() => ("taken, and does not end yet".to_owned(), String::new()),
            (State::Ending, _) => (self.ending.clone(), String::new()),
            (State::Left { why, lost } | State::Doubt { why, lost, .. }, _) => {
                (if *lost { "the answer was lost" } else { "not taken" }.to_owned(), why.clone())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{Body, Method, Via};
    use serde_json::Value;

    fn request(name: &str) -> Request {
        Request {
            via: Via::Kubernetes,
            method: Method::Post,
            path: format!("/{name}/eviction"),
            body: Body::None,
            guard: None,
            right: None,
            dry_run: true,
            fine: &[404],
            patience: 0,
            before: String::new(),
            after: String::new(),
        }
    }

    /// Pods by name, of which those that begin with `t` terminate already; `b` is guarded by the budget `tight`.
    fn wanted(names: &[&str]) -> Evictions {
        let pod = |name: &&str| Leaving {
            namespace: "n".into(),
            name: (*name).into(),
            uid: (*name).into(),
            controller: String::new(),
            budget: if *name == "b" { "tight".into() } else { String::new() },
            room: String::new(),
            held: false,
            notes: Vec::new(),
            request: (!name.starts_with('t')).then(|| request(name)),
        };
        let kept = vec![("kept".to_owned(), "n/kept (x and y)".to_owned())];
        Evictions { node: "n1".into(), pods: names.iter().map(pod).collect(), kept, limit: 60, look: String::new() }
    }

    fn there(name: &str, ending: Option<&str>) -> There {
        There { uid: name.into(), told: format!("n/{name}"), ending: ending.map(str::to_owned), must_go: true }
    }

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    fn taken() -> Sent {
        Sent::Taken(Value::Null)
    }

    /// Sends all that is due and gives it this answer.
    fn answer(work: &mut Work<'_>, at: Instant, sent: &Sent) -> Vec<usize> {
        let mut asked = Vec::new();
        while let Some((nth, _)) = work.due(at) {
            work.sends(nth);
            asked.push(nth);
        }
        for nth in &asked {
            work.heard(*nth, sent.clone(), at);
        }
        asked
    }

    #[test]
    fn it_is_done_when_a_look_finds_none_of_them() {
        let wanted = wanted(&["a", "term"]);
        let mut work = Work::new(&wanted, later(60));
        assert_eq!(work.news().unwrap(), "0 of 2 gone, 1 ending");
        assert_eq!(answer(&mut work, later(0), &taken()), [0], "what terminates is not asked to go");
        work.take(Ok(vec![there("a", Some("terminating for 1s")), there("kept", None)]), later(0), false);
        assert_eq!(work.news().unwrap(), "1 of 2 gone, 1 ending");
        assert_eq!(work.news(), None, "news are reported once");
        work.take(Ok(vec![there("kept", None)]), later(1), true);
        assert!(work.is_settled());
        let done = "2 pods gone, none is left that had to go; left on purpose: n/kept (x and y)";
        assert_eq!(work.ended(false), Ended { end: End::Done(done.into()), lines: Vec::new() });
    }

    #[test]
    fn what_is_held_back_is_due_again_and_named_at_the_end() {
        let wanted = wanted(&["a", "b"]);
        let mut work = Work::new(&wanted, later(60));
        let (nth, _) = work.due(later(0)).unwrap();
        work.sends(nth);
        work.heard(nth, taken(), later(0));
        answer(&mut work, later(0), &Sent::Later("needs 1 and has 1".into()));
        assert_eq!(work.due(later(4)), None);
        assert!(work.due(later(6)).is_some(), "after 5 s");
        work.take(Ok(vec![there("b", None)]), later(1), true);
        assert_eq!(work.news().unwrap(), "1 of 2 gone, 1 held back by budget tight");
        let ended = work.ended(false);
        assert_eq!(ended.end, End::Failed("1 pod is left: n/b (held back by budget tight)".into()));
        assert_eq!(ended.lines, ["n/b: held back by budget tight: needs 1 and has 1"]);
        assert_eq!(
            work.ended(true).end,
            End::Stopped("1 of 2 gone; what was sent stays; 1 pod is left: n/b (held back by budget tight)".into())
        );
    }

    #[test]
    fn where_nothing_was_taken_it_was_refused() {
        let wanted = wanted(&["b"]);
        let mut work = Work::new(&wanted, later(60));
        answer(&mut work, later(0), &Sent::Refused("never".into()));
        work.take(Ok(vec![there("b", None)]), later(1), false);
        assert!(work.is_settled(), "it is not asked for again");
        assert_eq!(work.ended(false).end, End::Refused("1 pod is left: n/b (not taken)".into()));
    }

    #[test]
    fn a_lost_answer_is_decided_by_looks_and_never_sent_again() {
        let wanted = wanted(&["a"]);
        let mut work = Work::new(&wanted, later(600));
        answer(&mut work, later(0), &Sent::Unknown("no answer in time".into()));
        assert_eq!(work.due(later(500)), None);
        work.take(Ok(vec![there("a", None)]), later(1), false);
        assert!(!work.is_settled(), "it may still come");
        let mut seen = Work::new(&wanted, later(600));
        answer(&mut seen, later(0), &Sent::Unknown("no answer in time".into()));
        seen.take(Ok(vec![there("a", Some("terminating for 1s"))]), later(1), false);
        seen.take(Ok(Vec::new()), later(2), true);
        assert!(matches!(seen.ended(false).end, End::Done(_)), "it was taken");
        work.take(Ok(vec![there("a", None)]), later(u64::from(DOUBT) + 1), false);
        assert!(work.is_settled());
        assert_eq!(work.ended(false).end, End::Unknown("1 pod is left: n/a (the answer was lost)".into()));
    }

    #[test]
    fn a_request_that_never_left_may_go_again() {
        let wanted = wanted(&["b"]);
        let mut work = Work::new(&wanted, later(60));
        answer(&mut work, later(0), &Sent::NotSent("connection refused".into()));
        assert_eq!(work.news().unwrap(), "0 of 1 gone, 1 not sent yet");
        assert!(work.due(later(6)).is_some());
        assert_eq!(work.ended(false).lines, ["n/b: not sent yet: connection refused"]);
    }

    #[test]
    fn a_cache_that_did_not_know_a_pod_yet_does_not_end_its_eviction() {
        let wanted = wanted(&["a", "b"]);
        let mut work = Work::new(&wanted, later(60));
        work.take(Ok(Vec::new()), later(0), false);
        assert!(work.is_settled());
        work.take(Ok(vec![there("a", None), there("b", Some("terminating for 1s"))]), later(0), true);
        assert!(work.due(later(0)).is_some_and(|(nth, _)| nth == 0), "it was never asked for");
        assert_eq!(work.news().unwrap(), "0 of 2 gone, 1 ending");
    }

    #[test]
    fn what_came_after_the_preview_is_named_and_what_a_drain_leaves_is_not() {
        let wanted = wanted(&["a"]);
        let mut work = Work::new(&wanted, later(60));
        answer(&mut work, later(0), &taken());
        let daemon = There { must_go: false, ..there("daemon", None) };
        work.take(Ok(vec![there("new", None), daemon, there("kept", None)]), later(1), true);
        assert_eq!(work.news().unwrap(), "1 of 1 gone, 1 came since");
        assert_eq!(work.ended(false).end, End::Failed("1 pod is left: n/new (came after the preview)".into()));
    }

    #[test]
    fn without_a_look_or_without_a_record_nothing_is_said_to_be_done() {
        let wanted = wanted(&["a"]);
        let mut work = Work::new(&wanted, later(60));
        answer(&mut work, later(0), &taken());
        work.take(Ok(Vec::new()), later(1), true);
        work.take(Err("no answer in time".into()), later(2), true);
        let blind = "what is left cannot be listed: no answer in time; 1 of 1 were seen to go";
        assert_eq!(work.ended(false).end, End::Unknown(blind.into()));
        work.take(Ok(Vec::new()), later(3), true);
        work.unrecorded("the audit cannot be written".into());
        assert_eq!(work.ended(false).end, End::Unknown("the audit cannot be written".into()));
        let mut unsent = Work::new(&wanted, later(60));
        unsent.unrecorded("the audit cannot be written".into());
        assert_eq!(unsent.ended(false).end, End::Refused("the audit cannot be written".into()));
    }
}
