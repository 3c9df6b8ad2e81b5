//! Runs a plan: each request is written to the audit before it is sent, each proof is awaited, and the end is recorded,
//! whatever it is. Nothing is sent without a permit, and nothing without an audit.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::audit::{Audit, Event, digest};
use super::evictions::{self, End};
use super::exact::Exact;
use super::lock::{Leave, Lock, Permit};
use super::send::{self, Journal, Sent, Ways};
use super::{DOUBT, fetch, local, reach};
use crate::clients::cluster::Cluster;
use crate::clients::http::Http;
use crate::domain::ages::Time;
use crate::domain::evictions::Evictions;
use crate::domain::outcome::{Held, Outcome, Progress, Taken, hold};
use crate::domain::plan::{Act, Body, Method, Plan, Proof, Request, Step, Via};
use crate::domain::proof::{self, Answer, Check, Seen};
use crate::domain::text;

/// Files of one process that begin in the same second.
const MOST_FILES: u32 = 1000;
/// Between two changes of one plan for several objects.
const BETWEEN: Duration = Duration::from_secs(1);
/// Between two looks at a proof, after the first ones.
const LOOK: Duration = Duration::from_secs(2);
const READ: Duration = Duration::from_secs(10);
/// Between two requests that were refused for now.
const LATER: Duration = Duration::from_secs(5);
/// Looks at what a program says.
const ASKED: u32 = 15;
/// A replica that cannot be read for so long no longer keeps a plan waiting.
const SPLIT: Duration = Duration::from_secs(10);

/// Where the audit of this process is kept; opened with its first line.
#[derive(Debug)]
pub struct Recorder {
    folder: Option<PathBuf>,
    stamp: String,
    process: u32,
    open: Option<Audit>,
}

impl Recorder {
    /// For this process, from now on.
    pub fn of_process(folder: Option<PathBuf>, now: Time) -> Self {
        Self::new(folder, now.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string(), std::process::id())
    }

    /// `stamp` is when this begins, in a form that sorts; the process's own id ends the file's name.
    pub fn new(folder: Option<PathBuf>, stamp: String, process: u32) -> Self {
        Self { folder, stamp, process, open: None }
    }

    /// A file that nobody has begun yet.
    fn begin(&self, folder: &Path) -> std::io::Result<Audit> {
        let mut nth = 0;
        loop {
            let more = if nth == 0 { String::new() } else { format!("-{nth}") };
            match Audit::open(folder, &format!("{}{more}-{}", self.stamp, self.process)) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && nth < MOST_FILES => nth += 1,
                other => return other,
            }
        }
    }

    pub fn folder(&self) -> Option<&PathBuf> {
        self.folder.as_ref()
    }

    /// # Errors
    /// Why the line could not be written: then nothing may be sent.
    pub fn write(&mut self, event: Event, time: Time, fields: Map<String, Value>) -> Result<(), String> {
        let folder = self.folder.as_ref().ok_or("there is no state directory: set XDG_STATE_HOME or HOME")?;
        let wrong = |error: std::io::Error| format!("the audit in {} cannot be written: {error}", folder.display());
        if self.open.is_none() {
            self.open = Some(self.begin(folder).map_err(wrong)?);
        }
        let Some(audit) = &mut self.open else { return Ok(()) };
        audit.write(event, &time.timestamp().to_string(), fields).map_err(wrong)
    }
}

/// What every plan of a connection shares.
#[derive(Debug)]
pub struct Runner {
    pub cluster: Arc<Cluster>,
    pub recorder: Rc<RefCell<Recorder>>,
    pub lock: Rc<RefCell<Lock>>,
    pub operator: RefCell<String>,
    pub clock: fn() -> Time,
}

/// A plan on its way. Dropped before its end, it records that it was interrupted.
struct Run<'a> {
    runner: &'a Runner,
    id: String,
    plan: &'a Plan,
    leave: Leave,
    step: usize,
    /// How far each step came.
    taken: Vec<Taken>,
    recorded: bool,
}

/// The state of a run after a step.
#[derive(Default)]
struct Course {
    /// The answer to the last request.
    last: Value,
    /// What was seen last.
    seen: String,
    /// Why it is not known whether the last request arrived.
    doubt: Option<String>,
    /// What a person has to do.
    left: Vec<String>,
    sent: usize,
}

impl Runner {
    /// Runs it to its end, and records that. `stop` is looked at between steps and while something is awaited.
    pub async fn run(&self, id: &str, plan: &Plan, stop: &Cell<bool>, tell: &dyn Fn(Progress)) -> Outcome {
        let outcome = match Run::begin(self, id, plan) {
            Err(why) => Outcome::Refused(format!("nothing was sent: {why}")),
            Ok(mut run) => {
                let outcome = run.steps(stop, tell).await;
                let outcome = run.with_left(outcome);
                match run.end(&outcome) {
                    Ok(()) => outcome,
                    Err(why) => Outcome::Unknown(format!("{outcome}; but {why}")),
                }
            }
        };
        tell(Progress::Ended(outcome.clone()));
        outcome
    }
}

impl<'a> Run<'a> {
    fn begin(runner: &'a Runner, id: &str, plan: &'a Plan) -> Result<Self, String> {
        let Runner { cluster, lock, operator, clock, .. } = runner;
        let leave = lock.borrow().begin(clock())?;
        if plan.needs_reason && plan.reason.is_empty() {
            return Err("it needs a reason".to_owned());
        }
        let taken = vec![Taken::No; plan.steps.len()];
        let mut run = Self { runner, id: id.to_owned(), plan, leave, step: 0, taken, recorded: true };
        let targets: Vec<String> = plan.targets.iter().map(|key| format!("{}/{}", key.namespace, key.name)).collect();
        let steps: Vec<Value> = plan.steps.iter().map(recorded).collect();
        run.record(
            Event::Plan,
            json!({
                "action": plan.action, "title": plan.title, "targets": targets, "server": cluster.server,
                "cluster": cluster.identity, "objects": plan.origin.objects, "set": plan.origin.set,
                "way": plan.origin.way.written(),
                "continues": plan.origin.continues, "operator": *operator.borrow(), "reason": plan.reason,
                "undo": plan.undo, "steps": steps,
            }),
        )?;
        run.recorded = false;
        Ok(run)
    }

    fn record(&self, event: Event, fields: Value) -> Result<(), String> {
        let mut map = Map::from_iter([
            ("run".to_owned(), json!(self.id)),
            ("context".to_owned(), json!(self.runner.cluster.context)),
        ]);
        if let Value::Object(fields) = fields {
            map.extend(fields);
        }
        self.runner.recorder.borrow_mut().write(event, (self.runner.clock)(), map)
    }

    fn end(&mut self, outcome: &Outcome) -> Result<(), String> {
        self.recorded = true;
        let fields = json!({ "outcome": outcome.word(), "detail": outcome.detail(), "step": self.step });
        self.record(Event::Outcome, fields)
    }

    /// What is suspended, cordoned, scaled or paused by this plan now.
    fn held(&self) -> Vec<Held> {
        let mut held = Vec::new();
        self.plan.steps.iter().zip(&self.taken).for_each(|(step, taken)| hold(&mut held, &step.leaves, *taken));
        held
    }

    /// An end that is not the good one says what stays behind.
    fn with_left(&self, outcome: Outcome) -> Outcome {
        let held = self.held();
        if held.is_empty() || outcome.is_done() {
            return outcome;
        }
        let left: Vec<String> = held.iter().map(ToString::to_string).collect();
        outcome.and(&format!("LEFT BEHIND: {}", left.join(", ")))
    }

    async fn steps(&mut self, stop: &Cell<bool>, tell: &dyn Fn(Progress)) -> Outcome {
        let mut course = Course::default();
        for (nth, step) in self.plan.steps.iter().enumerate() {
            self.step = nth;
            if stop.get() {
                return self.interrupted();
            }
            let say = |note: String| tell(Progress::At { step: nth, note });
            say(step.what.clone());
            if let Err(outcome) = self.one(step, &mut course, stop, tell).await {
                return outcome;
            }
        }
        if let Some(why) = course.doubt {
            return Outcome::Unknown(why);
        }
        course.left.insert(0, course.seen);
        Outcome::Done(course.left.join("; "))
    }

    /// One step; the outcome when it was the last.
    async fn one(
        &mut self,
        step: &Step,
        course: &mut Course,
        stop: &Cell<bool>,
        tell: &dyn Fn(Progress),
    ) -> Result<(), Outcome> {
        let nth = self.step;
        let say = |note: String| tell(Progress::At { step: nth, note });
        match &step.act {
            Act::Send(request) => {
                if let Some(why) = course.doubt.take() {
                    return Err(Outcome::Unknown(why));
                }
                if course.sent > 0 && self.plan.targets.len() > 1 {
                    tokio::time::sleep(BETWEEN).await;
                }
                self.taken[nth] = Taken::Maybe;
                let sent = self.send(request, &step.twin, stop, &say).await;
                self.taken[nth] = match &sent {
                    Sent::Taken(_) => Taken::Yes,
                    Sent::Unknown(_) => Taken::Maybe,
                    _ => Taken::No,
                };
                match sent {
                    Sent::Taken(answer) => course.last = answer,
                    Sent::Unknown(why) => {
                        say(format!("the answer was lost, reading back: {why}"));
                        course.last = Value::Null;
                        course.doubt = Some(why);
                    }
                    Sent::Refused(why) | Sent::Changed(why) | Sent::NotSent(why) | Sent::Later(why) => {
                        return Err(self.refused(why, course));
                    }
                }
                course.sent += 1;
            }
            Act::Await(proof) => {
                let uid = self.uid(step, proof, &course.last);
                match self.wait(proof, &uid, course.doubt.is_some(), &course.last, stop, &say).await {
                    Ok(Seen::Done(what)) => {
                        self.confirm(&what)?;
                        course.doubt = None;
                        course.seen = what;
                    }
                    Ok(Seen::Failed(why)) => return Err(self.failed(why)),
                    Ok(Seen::Lost(why)) => return Err(Outcome::Unknown(why)),
                    Ok(Seen::Absent(how) | Seen::Waiting(how) | Seen::Unread(how)) => {
                        let why = course.doubt.take().unwrap_or_else(|| format!("not seen within {} s", proof.limit));
                        return Err(Outcome::Unknown(format!("{why}; last seen: {how}")));
                    }
                    Err(()) => return Err(self.interrupted()),
                }
            }
            Act::Fetch(wanted) => {
                match fetch::run(&self.runner.cluster, wanted, course.doubt.is_some(), stop, &say).await {
                    fetch::Got::Text(text) => {
                        course.doubt = None;
                        course.seen = text.told();
                        tell(Progress::Output(text.into_lines()));
                    }
                    fetch::Got::Failed(why) => {
                        return Err(match course.doubt.take() {
                            Some(lost) => Outcome::Unknown(format!("{lost}; {why}")),
                            None => self.failed(why),
                        });
                    }
                    fetch::Got::Stopped => return Err(self.interrupted()),
                }
            }
            Act::Evict(wanted) => {
                course.seen = self.evict(wanted, course, stop, tell).await?;
                course.sent += 1;
            }
            Act::Local(argv) => {
                course.seen = self.local(argv, course).await?;
                course.sent += 1;
            }
            Act::Ask { argv, check } => match (self.ask(argv, check, stop, &say).await, course.doubt.take()) {
                (Seen::Done(what), _) => {
                    self.confirm(&what)?;
                    course.seen = what;
                }
                (Seen::Failed(why), None) => return Err(self.failed(why)),
                // the program has ended, and what it would have begun with is not there
                (Seen::Failed(how) | Seen::Absent(how), Some(why)) => return Err(self.failed(format!("{why}; {how}"))),
                (Seen::Lost(how) | Seen::Absent(how) | Seen::Waiting(how) | Seen::Unread(how), doubt) => {
                    let why = doubt.unwrap_or_else(|| "not seen to have worked".to_owned());
                    return Err(Outcome::Unknown(format!("{why}; last seen: {how}")));
                }
            },
            Act::Manual(why) => course.left.push(format!("manual step: {}: {why}", step.what)),
        }
        Ok(())
    }

    /// What a step waited for was seen; the audit says so, and without it nothing more is sent.
    fn confirm(&mut self, what: &str) -> Result<(), Outcome> {
        self.taken[self.step] = Taken::Yes;
        // what was seen was taken, whether its answer came or not
        self.taken[..self.step]
            .iter_mut()
            .filter(|taken| **taken == Taken::Maybe)
            .for_each(|taken| *taken = Taken::Yes);
        self.record(Event::Proof, json!({ "step": self.step, "seen": what })).map_err(Outcome::Unknown)
    }

    /// The uid of the object that is awaited: what the step says, that of the object that was last written there, or what
    /// the `last` answer calls the object that was made there.
    fn uid(&self, step: &Step, proof: &Proof, last: &Value) -> String {
        if !step.uid.is_empty() {
            return step.uid.clone();
        }
        let mut sent = self.plan.steps[..self.step].iter().rev().filter_map(Step::request);
        let guards = sent.clone().filter_map(|request| request.guard.as_ref());
        let mut guarded = guards.filter(|guard| guard.path == proof.path).map(|guard| guard.uid.clone());
        guarded.next().or_else(|| made_at(&proof.path, &sent.next()?.path, last)).unwrap_or_default()
    }

    /// Runs a program that changes something. What it did before it failed only a question can tell.
    async fn local(&mut self, argv: &[String], course: &mut Course) -> Result<String, Outcome> {
        let nth = self.step;
        self.record(Event::Intent, json!({ "step": nth, "argv": argv })).map_err(|why| self.refused(why, course))?;
        self.taken[nth] = Taken::Maybe;
        let result = local::run(argv, &self.runner.cluster.context, &self.runner.cluster.settings).await;
        let (word, said) = match &result {
            Ok(said) => ("taken", said),
            Err(local::Wrong { why, began: true }) => ("failed", why),
            Err(local::Wrong { why, began: false }) => ("not sent", why),
        };
        self.record(Event::Answer, json!({ "step": nth, "answer": word, "says": said })).map_err(Outcome::Unknown)?;
        match result {
            Ok(said) => {
                self.taken[nth] = Taken::Yes;
                Ok(said)
            }
            Err(local::Wrong { why, began: false }) => {
                self.taken[nth] = Taken::No;
                Err(self.refused(why, course))
            }
            Err(local::Wrong { why, began: true }) => {
                course.doubt = Some(why.clone());
                Ok(why)
            }
        }
    }

    /// Evicts pods side by side: as many intents and answers as there are requests, and a proof when none is left.
    async fn evict(
        &mut self,
        wanted: &Evictions,
        course: &mut Course,
        stop: &Cell<bool>,
        tell: &dyn Fn(Progress),
    ) -> Result<String, Outcome> {
        if let Some(why) = course.doubt.take() {
            return Err(Outcome::Unknown(why));
        }
        let nth = self.step;
        self.taken[nth] = Taken::Maybe;
        let run = &*self;
        let desk = evictions::Desk {
            cluster: &self.runner.cluster,
            clock: self.runner.clock,
            stop,
            say: &|note| tell(Progress::At { step: nth, note }),
            permit: &|| run.leave.permit(),
            journal: &|request| Box::new(Lines { run, request, twin: "" }),
        };
        let ended = evictions::run(wanted, &desk).await;
        if !ended.lines.is_empty() {
            tell(Progress::Output(ended.lines));
        }
        match ended.end {
            End::Done(what) => self.confirm(&what).map(|()| what),
            End::Failed(why) => Err(self.failed(why)),
            End::Refused(why) => {
                self.taken[nth] = Taken::No;
                Err(self.refused(why, course))
            }
            End::Unknown(why) => Err(Outcome::Unknown(why)),
            End::Stopped(why) => Err(Outcome::Interrupted(why)),
        }
    }

    /// Asks a program that only reads, until what it prints is an answer.
    async fn ask(&self, argv: &[String], check: &Check, stop: &Cell<bool>, say: &dyn Fn(String)) -> Seen {
        let mut seen = Seen::Lost("it was not asked".to_owned());
        for _ in 0..ASKED {
            seen = match local::run(argv, &self.runner.cluster.context, &self.runner.cluster.settings).await {
                Ok(said) => match serde_json::from_str(&said) {
                    Ok(said) => proof::judge_other(check, &said),
                    Err(_) => Seen::Lost(format!("{} answers no JSON", argv.join(" "))),
                },
                Err(local::Wrong { why, .. }) => Seen::Unread(why),
            };
            let (Seen::Waiting(how) | Seen::Unread(how)) = &seen else { break };
            say(how.clone());
            if stop.get() {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        seen
    }

    fn place(&self) -> String {
        format!("step {} of {}, {}", self.step + 1, self.plan.steps.len(), self.plan.steps[self.step].what)
    }

    /// Nothing of this step has happened.
    fn refused(&self, why: String, course: &Course) -> Outcome {
        if course.sent == 0 { Outcome::Refused(why) } else { self.failed(why) }
    }

    fn failed(&self, why: String) -> Outcome {
        if self.plan.steps.len() <= 2 {
            Outcome::Failed(why)
        } else {
            Outcome::Failed(format!("{}: {why}", self.place()))
        }
    }

    fn interrupted(&self) -> Outcome {
        Outcome::Interrupted(format!("before {}; what was sent stays", self.place()))
    }

    async fn send(&self, request: &Request, twin: &str, stop: &Cell<bool>, say: &dyn Fn(String)) -> Sent {
        let until = Instant::now() + Duration::from_secs(request.patience.into());
        let cluster = &self.runner.cluster;
        let silence = match request.method {
            Method::Delete => Some(&request.path),
            _ => request.guard.as_ref().map(|guard| &guard.path),
        };
        let (http, holder) = match (request.via, silence) {
            (Via::Kubernetes, _) => (Http::api(cluster), None),
            (Via::Alertmanager, Some(silence)) => match reach::knowing(cluster, silence).await {
                Ok(found) => found,
                Err(why) => return Sent::NotSent(why),
            },
            (Via::Alertmanager, None) => match reach::alertmanager(cluster).await {
                Ok((front, _)) => (front, None),
                Err(why) => return Sent::NotSent(why),
            },
        };
        let agreed = Instant::now() + SPLIT;
        loop {
            let permit: Permit = self.leave.permit();
            let journal = Lines { run: self, request, twin };
            let ways = Ways { write: &http, read: holder.as_ref().unwrap_or(&http) };
            match send::real(ways, cluster, request, &permit, &journal).await {
                Sent::Later(why) if Instant::now() + LATER < until && !stop.get() => {
                    say(format!("refused for now, trying again: {why}"));
                    tokio::time::sleep(LATER).await;
                }
                // it may have come to a replica that has not heard of the silence yet
                Sent::Refused(why) if holder.is_some() && Instant::now() < agreed && !stop.get() => {
                    say(format!("the replicas of Alertmanager do not agree yet, trying again: {why}"));
                    tokio::time::sleep(LOOK).await;
                }
                other => return other,
            }
        }
    }

    /// Looks until it is done or failed, until the time is over, or until it is to stop. While nobody knows whether the
    /// request has arrived, a trace of it is looked for only so long; once there is one, it is awaited as ever.
    async fn wait(
        &self,
        proof: &Proof,
        uid: &str,
        doubt: bool,
        last: &Value,
        stop: &Cell<bool>,
        say: &dyn Fn(String),
    ) -> Result<Seen, ()> {
        let began = Instant::now();
        let (hopeful, until) = (
            began + Duration::from_secs(DOUBT.min(proof.limit).into()),
            began + Duration::from_secs(proof.limit.into()),
        );
        let Some(path) = filled(&proof.path, last).or_else(|| proof.check.list().map(str::to_owned)) else {
            return Ok(Seen::Lost("what it was called was in the answer that was lost".to_owned()));
        };
        let request = proof.check.request().and_then(|path| filled(path, last));
        let mut doubt = doubt;
        let replicas = match proof.via {
            Via::Kubernetes => vec![Http::api(&self.runner.cluster)],
            Via::Alertmanager => {
                reach::alertmanager(&self.runner.cluster).await.map(|(_, all)| all).unwrap_or_default()
            }
        };
        let mut pause = Duration::from_millis(250);
        let mut told = String::new();
        loop {
            let target = Target { path: &path, uid, doubt, hurry: began.elapsed() > SPLIT };
            let seen = look(&replicas, proof, &target).await;
            let (how, end) = match &seen {
                Seen::Absent(how) => (how.clone(), if doubt { hopeful } else { until }),
                Seen::Unread(how) => (how.clone(), until),
                Seen::Waiting(how) => {
                    // what was sent has arrived
                    doubt = false;
                    (how.clone(), until)
                }
                Seen::Done(_) | Seen::Failed(_) | Seen::Lost(_) => return Ok(seen),
            };
            if let (Some(path), Some(http)) = (&request, replicas.first())
                && let Some(why) = refused(http, path).await
            {
                return Ok(Seen::Failed(why));
            }
            if Instant::now() >= end {
                return Ok(seen);
            }
            if how != told {
                say(how.clone());
                told = how;
            }
            let next = Instant::now() + pause;
            while Instant::now() < next {
                if stop.get() {
                    return Err(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            pause = (pause * 2).min(LOOK);
        }
    }
}

/// What the audit keeps of a step, so that a later run can go on from it.
fn recorded(step: &Step) -> Value {
    let mut out = json!({
        "what": step.what, "twin": step.twin, "target": step.target, "sends": step.sends(), "leaves": step.leaves,
        "uid": step.uid, "many": matches!(step.act, Act::Evict(_)),
    });
    match &step.act {
        Act::Await(proof) => out["proof"] = json!(proof),
        Act::Manual(why) => out["manual"] = json!(why),
        Act::Ask { argv, check } => out["ask"] = json!({ "argv": argv, "check": check }),
        Act::Send(_) | Act::Fetch(_) | Act::Evict(_) | Act::Local(_) => {}
    }
    out
}

/// The lines of one request in the audit.
struct Lines<'r, 'a> {
    run: &'r Run<'a>,
    request: &'r Request,
    twin: &'r str,
}

impl Journal for Lines<'_, '_> {
    /// The request as it is sent. Templates may hold values that are nobody's business: of them, and of whole objects that
    /// are sent for one condition, only a digest is kept.
    fn intent(&self, exact: &Exact) -> Result<(), String> {
        let Self { run, request, twin } = self;
        let mut fields = json!({
            "step": run.step, "method": request.method.to_string(), "path": request.path,
            "before": request.before, "after": request.after, "twin": twin,
        });
        if let Some(guard) = request.guard.as_ref().filter(|guard| !guard.uid.is_empty()) {
            fields["uid"] = json!(guard.uid);
        }
        if let Some(version) = &exact.version {
            fields["version"] = json!(version);
        }
        let body = exact.body.clone().unwrap_or_default();
        match &request.body {
            Body::Patch(_) => fields["body_digest"] = json!(digest(&body)),
            Body::WithCondition(condition) => {
                fields["body"] = condition.clone();
                fields["body_digest"] = json!(digest(&body));
            }
            _ => fields["body"] = body,
        }
        run.record(Event::Intent, fields)
    }

    fn answer(&self, sent: &Sent) -> Result<(), String> {
        let (word, says) = sent.told();
        let mut fields = json!({ "step": self.run.step, "path": self.request.path, "answer": word, "says": says });
        if let Sent::Taken(answer) = sent
            && let Some(made) = made(answer)
        {
            fields["made"] = made;
        }
        self.run.record(Event::Answer, fields)
    }
}

/// What an answer calls what it made: a later run may have to look for it.
fn made(answer: &Value) -> Option<Value> {
    let fields = [("silenceID", "/silenceID"), ("uid", "/metadata/uid")];
    let map: Map<String, Value> = fields
        .into_iter()
        .filter_map(|(name, pointer)| Some((name.to_owned(), answer.pointer(pointer)?.clone())))
        .collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

impl Drop for Run<'_> {
    /// The process is ending, or the connection is left.
    fn drop(&mut self) {
        if !self.recorded {
            let outcome = Outcome::Interrupted(format!("at {}; whether it was taken is not known", self.place()));
            let outcome = self.with_left(outcome);
            // nobody is left to tell
            let _ = self.end(&outcome);
        }
    }
}

/// The uid of an object that was made in `collection`, where that is the one at `path`.
fn made_at(path: &str, collection: &str, answer: &Value) -> Option<String> {
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = crate::domain::served::escape(text("/metadata/name")?);
    (format!("{collection}/{name}") == path).then(|| text("/metadata/uid").map(str::to_owned))?
}

/// What the request by which a controller was asked says against it, as far as it can be read.
async fn refused(http: &Http, path: &str) -> Option<String> {
    let request: Value = http.get(path, READ).await.ok()?.into_result().ok()?.json().ok()?;
    proof::refused_by_velero(&request).map(|why| text::line(&why).into_owned())
}

/// What is looked at to see what became of a request.
struct Target<'t> {
    path: &'t str,
    uid: &'t str,
    doubt: bool,
    /// Replicas that cannot be read are named, no longer awaited.
    hurry: bool,
}

/// One look at all replicas.
async fn look(replicas: &[Http], proof: &Proof, target: &Target<'_>) -> Seen {
    let answers = futures::future::join_all(replicas.iter().map(|http| http.get(target.path, READ))).await;
    let mut done = Vec::new();
    let (mut waiting, mut absent, mut unread) = (None, None, None);
    let mut lost = Vec::new();
    for (http, answer) in replicas.iter().zip(answers) {
        let answer = match answer {
            Ok(answer) if answer.from_api_server().is_some() && proof.via == Via::Alertmanager => {
                lost.push((http.label(), answer.status.to_string()));
                continue;
            }
            Ok(answer) => answer,
            Err(error) => {
                lost.push((http.label(), text::line(&error.headline()).into_owned()));
                continue;
            }
        };
        let body: Value = answer.json().unwrap_or_default();
        let code = answer.status.as_u16();
        // a replica that has not heard of a silence yet does not know its id; some answer 500 for that
        if proof.via == Via::Alertmanager && !(200..300).contains(&code) {
            waiting = Some("not known to every replica yet".to_owned());
            continue;
        }
        let seen = match proof.via {
            Via::Kubernetes => proof::judge(&proof.check, Answer { code, body: &body }, target.uid, target.doubt),
            Via::Alertmanager => proof::judge_other(&proof.check, &body),
        };
        match seen {
            Seen::Done(what) => done.push(text::line(&what).into_owned()),
            Seen::Absent(how) => absent = Some(text::line(&how).into_owned()),
            Seen::Waiting(how) => waiting = Some(text::line(&how).into_owned()),
            Seen::Unread(how) => unread = Some(text::line(&how).into_owned()),
            Seen::Failed(why) => return Seen::Failed(text::line(&why).into_owned()),
            Seen::Lost(why) => return Seen::Lost(text::line(&why).into_owned()),
        }
    }
    if let Some(how) = waiting {
        return Seen::Waiting(how);
    }
    if let Some(how) = absent {
        return Seen::Absent(how);
    }
    match (done.first(), unread, lost.first()) {
        (Some(what), None, None) if replicas.len() > 1 => Seen::Done(format!("{what}, on {} replicas", done.len())),
        (Some(what), None, None) => Seen::Done(what.clone()),
        // one that cannot be asked may not know it, and notifies
        (Some(what), None, Some((who, why))) if target.hurry => {
            let (have, all) = (done.len(), replicas.len());
            Seen::Lost(format!("{what}, on {have} of {all} replicas; {who} cannot be read: {why}"))
        }
        (_, Some(how), _) => Seen::Unread(how),
        (_, None, Some((_, why))) => Seen::Unread(format!("cannot be read now: {why}")),
        (None, None, None) => Seen::Unread("nobody can be asked".to_owned()),
    }
}

/// `{/metadata/name}` in a path, from the last answer; `None` where that does not say it.
fn filled(path: &str, last: &Value) -> Option<String> {
    let Some((before, (pointer, after))) = path.split_once('{').and_then(|(b, rest)| Some((b, rest.split_once('}')?)))
    else {
        return Some(path.to_owned());
    };
    let value = last.pointer(pointer).and_then(Value::as_str).filter(|value| !value.is_empty())?;
    Some(format!("{before}{}{after}", crate::domain::served::escape(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_takes_a_field_of_the_last_answer() {
        assert_eq!(filled("/s/{/silenceID}", &json!({"silenceID": "a b"})).as_deref(), Some("/s/a%20b"));
        assert_eq!(filled("/s/x", &Value::Null).as_deref(), Some("/s/x"));
        assert_eq!(filled("/s/{/silenceID}", &Value::Null), None);
    }

    #[test]
    fn what_was_made_is_known_by_the_uid_of_its_answer() {
        let answer = json!({"metadata": {"name": "b", "uid": "u"}});
        assert_eq!(made_at("/v/backups/b", "/v/backups", &answer).as_deref(), Some("u"));
        assert_eq!(made_at("/v/backups/c", "/v/backups", &answer), None, "another one");
        assert_eq!(made_at("/v/backups/b", "/v/backups", &Value::Null), None, "a lost answer");
    }

    #[test]
    fn without_a_state_directory_nothing_can_be_recorded() {
        let mut recorder = Recorder::new(None, "a".into(), 1);
        let why = recorder.write(Event::Plan, Time(0), Map::new()).unwrap_err();
        assert!(why.contains("XDG_STATE_HOME"), "{why}");
    }
}
