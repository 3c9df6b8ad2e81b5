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
use super::lock::Lock;
use super::send::{self, Sent};
use super::{fetch, local, reach};
use crate::clients::cluster::Cluster;
use crate::clients::http::Http;
use crate::domain::ages::Time;
use crate::domain::outcome::{Outcome, Progress};
use crate::domain::plan::{Act, Body, Plan, Proof, Request, Via};
use crate::domain::proof::{self, Answer, Seen};
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
/// After an answer that was lost, the proof is looked for this long.
pub(super) const DOUBT: u32 = 30;
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
    step: usize,
    recorded: bool,
}

impl Runner {
    /// Runs it to its end, and records that. `stop` is looked at between steps and while something is awaited.
    pub async fn run(&self, id: &str, plan: &Plan, stop: &Cell<bool>, tell: &dyn Fn(Progress)) -> Outcome {
        let mut run = Run { runner: self, id: id.to_owned(), plan, step: 0, recorded: true };
        if let Err(why) = run.begin() {
            let outcome = Outcome::Refused(format!("nothing was sent: {why}"));
            tell(Progress::Ended(outcome.clone()));
            return outcome;
        }
        run.recorded = false;
        let outcome = run.steps(stop, tell).await;
        let outcome = match run.end(&outcome) {
            Ok(()) => outcome,
            Err(why) => Outcome::Unknown(format!("{outcome}; but {why}")),
        };
        tell(Progress::Ended(outcome.clone()));
        outcome
    }
}

impl Run<'_> {
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

    fn begin(&self) -> Result<(), String> {
        let Runner { cluster, lock, operator, clock, .. } = self.runner;
        lock.borrow().permit(clock())?;
        let plan = self.plan;
        if plan.needs_reason && plan.reason.is_empty() {
            return Err("it needs a reason".to_owned());
        }
        let targets: Vec<String> = plan.targets.iter().map(|key| format!("{}/{}", key.namespace, key.name)).collect();
        let steps: Vec<Value> = plan.steps.iter().map(|s| json!({ "what": s.what, "twin": s.twin })).collect();
        self.record(
            Event::Plan,
            json!({
                "action": plan.action, "title": plan.title, "targets": targets, "server": cluster.server,
                "objects": plan.origin.objects, "set": plan.origin.set, "continues": plan.origin.continues,
                "operator": *operator.borrow(), "reason": plan.reason, "undo": plan.undo, "steps": steps,
            }),
        )
    }

    fn end(&mut self, outcome: &Outcome) -> Result<(), String> {
        self.recorded = true;
        let fields = json!({ "outcome": outcome.word(), "detail": outcome.detail(), "step": self.step });
        self.record(Event::Outcome, fields)
    }

    async fn steps(&mut self, stop: &Cell<bool>, tell: &dyn Fn(Progress)) -> Outcome {
        let mut last = Value::Null;
        let mut seen = String::new();
        let mut doubt: Option<String> = None;
        let mut left = Vec::new();
        let mut sent = 0usize;
        for (nth, step) in self.plan.steps.iter().enumerate() {
            self.step = nth;
            let say = |note: String| tell(Progress::At { step: nth, note });
            if stop.get() {
                return self.interrupted();
            }
            say(step.what.clone());
            match &step.act {
                Act::Send(request) => {
                    if let Some(why) = doubt.take() {
                        return Outcome::Unknown(why);
                    }
                    if sent > 0 && self.plan.targets.len() > 1 {
                        tokio::time::sleep(BETWEEN).await;
                    }
                    match self.send(request, &step.twin, stop, &say).await {
                        Sent::Taken(answer) => last = answer,
                        Sent::Unknown(why) => {
                            say(format!("the answer was lost, reading back: {why}"));
                            doubt = Some(why);
                        }
                        Sent::Refused(why) | Sent::Changed(why) | Sent::NotSent(why) | Sent::Later(why) => {
                            return if sent == 0 { Outcome::Refused(why) } else { self.failed(why) };
                        }
                    }
                    sent += 1;
                }
                Act::Await(proof) => {
                    let limit = if doubt.is_some() { proof.limit.min(DOUBT) } else { proof.limit };
                    match self.wait(proof, limit, &last, stop, &say).await {
                        Ok(Seen::Done(what)) => {
                            doubt = None;
                            seen = what;
                        }
                        Ok(Seen::Failed(why)) => return self.failed(why),
                        Ok(Seen::Waiting(how)) => {
                            let why = doubt.unwrap_or_else(|| format!("not seen within {limit} s"));
                            return Outcome::Unknown(format!("{why}; last seen: {how}"));
                        }
                        Err(()) => return self.interrupted(),
                    }
                }
                Act::Fetch(wanted) => match fetch::run(&self.runner.cluster, wanted, doubt.is_some(), stop, &say).await
                {
                    fetch::Got::Text(text) => {
                        doubt = None;
                        seen = text.told();
                        tell(Progress::Output(text.into_lines()));
                    }
                    fetch::Got::Failed(why) => {
                        return doubt.map_or_else(
                            || self.failed(why.clone()),
                            |lost| Outcome::Unknown(format!("{lost}; {why}")),
                        );
                    }
                    fetch::Got::Stopped => return self.interrupted(),
                },
                Act::Local(argv) => {
                    if let Err(why) = self.permitted() {
                        return if sent == 0 { Outcome::Refused(why) } else { self.failed(why) };
                    }
                    if let Err(why) = self.record(Event::Intent, json!({ "step": nth, "argv": argv })) {
                        return self.failed(why);
                    }
                    let result = {
                        let cluster = &self.runner.cluster;
                        local::run(argv, &cluster.context, &cluster.settings).await
                    };
                    let (word, said) = match &result {
                        Ok(said) => ("taken", said),
                        Err(said) => ("failed", said),
                    };
                    if let Err(why) = self.record(Event::Answer, json!({ "step": nth, "answer": word, "says": said })) {
                        return Outcome::Unknown(why);
                    }
                    match result {
                        Ok(said) => seen = said,
                        Err(why) => return self.failed(why),
                    }
                    sent += 1;
                }
                Act::Manual(why) => left.push(format!("left to you: {}: {why}", step.what)),
            }
        }
        if let Some(why) = doubt {
            return Outcome::Unknown(why);
        }
        left.insert(0, seen);
        Outcome::Done(left.join("; "))
    }

    fn permitted(&self) -> Result<super::lock::Permit, String> {
        self.runner.lock.borrow().permit((self.runner.clock)())
    }

    fn place(&self) -> String {
        format!("step {} of {}, {}", self.step + 1, self.plan.steps.len(), self.plan.steps[self.step].what)
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
        let http = match request.via {
            Via::Kubernetes => Http::api(&self.runner.cluster),
            Via::Alertmanager => match reach::alertmanager(&self.runner.cluster).await {
                Ok((front, _)) => front,
                Err(why) => return Sent::NotSent(why),
            },
        };
        loop {
            let permit = match self.permitted() {
                Ok(permit) => permit,
                Err(why) => return Sent::NotSent(why),
            };
            if let Err(why) = self.record(Event::Intent, self.intent(request, twin)) {
                return Sent::NotSent(why);
            }
            let sent = send::real(&http, &self.runner.cluster, request, &permit).await;
            let (word, says) = match &sent {
                Sent::Taken(_) => ("taken", ""),
                Sent::Refused(why) => ("refused", &**why),
                Sent::Changed(why) => ("changed", &**why),
                Sent::Later(why) => ("later", &**why),
                Sent::Unknown(why) => ("unknown", &**why),
                Sent::NotSent(why) => ("not sent", &**why),
            };
            if let Err(why) = self.record(Event::Answer, json!({ "step": self.step, "answer": word, "says": says })) {
                return Sent::Unknown(why);
            }
            match sent {
                Sent::Later(why) if Instant::now() + LATER < until && !stop.get() => {
                    say(format!("refused for now, trying again: {why}"));
                    tokio::time::sleep(LATER).await;
                }
                other => return other,
            }
        }
    }

    /// What the audit says of a request. Templates may hold values that are nobody's business: of them only a digest
    /// is kept.
    fn intent(&self, request: &Request, twin: &str) -> Value {
        let mut fields = json!({
            "step": self.step, "method": request.method.to_string(), "path": request.path,
            "before": request.before, "after": request.after, "twin": twin,
        });
        if let Some(guard) = &request.guard {
            fields["uid"] = json!(guard.uid);
        }
        match &request.body {
            Body::Patch(body) => fields["body_digest"] = json!(digest(body)),
            body => fields["body"] = body.json().cloned().unwrap_or_default(),
        }
        fields
    }

    /// Looks until it is done or failed (`Waiting`: the time is over), or until it is to stop.
    async fn wait(
        &self,
        proof: &Proof,
        limit: u32,
        last: &Value,
        stop: &Cell<bool>,
        say: &dyn Fn(String),
    ) -> Result<Seen, ()> {
        let began = Instant::now();
        let until = began + Duration::from_secs(limit.into());
        let path = filled(&proof.path, last);
        let replicas = match proof.via {
            Via::Kubernetes => vec![Http::api(&self.runner.cluster)],
            Via::Alertmanager => {
                reach::alertmanager(&self.runner.cluster).await.map(|(_, all)| all).unwrap_or_default()
            }
        };
        let mut pause = Duration::from_millis(250);
        let mut told = String::new();
        loop {
            let seen = look(&replicas, &path, proof, last, began.elapsed() > SPLIT).await;
            match seen {
                Seen::Waiting(how) => {
                    if Instant::now() >= until {
                        return Ok(Seen::Waiting(how));
                    }
                    if how != told {
                        say(format!("{}: {how}", self.plan.steps[self.step].what));
                        told = how;
                    }
                }
                seen => return Ok(seen),
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

impl Drop for Run<'_> {
    /// The process is ending, or the connection is left.
    fn drop(&mut self) {
        if !self.recorded {
            let outcome = Outcome::Interrupted(format!("at {}; whether it was taken is not known", self.place()));
            // nobody is left to tell
            let _ = self.end(&outcome);
        }
    }
}

/// One look at all replicas. `patient` no longer: those that cannot be read are told, not awaited.
async fn look(replicas: &[Http], path: &str, proof: &Proof, last: &Value, hurry: bool) -> Seen {
    let answers = futures::future::join_all(replicas.iter().map(|http| http.get(path, READ))).await;
    let mut done = Vec::new();
    let mut waiting = None;
    let mut lost = Vec::new();
    for answer in answers {
        let answer = match answer {
            Ok(answer) if answer.from_api_server().is_some() && proof.via == Via::Alertmanager => {
                lost.push(answer.status.to_string());
                continue;
            }
            Ok(answer) => answer,
            Err(error) => {
                lost.push(text::line(&error.headline()).into_owned());
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
        match proof::judge(&proof.check, Answer { code, body: &body }, last) {
            Seen::Done(what) => done.push(text::line(&what).into_owned()),
            Seen::Waiting(how) => waiting = Some(text::line(&how).into_owned()),
            Seen::Failed(why) => return Seen::Failed(text::line(&why).into_owned()),
        }
    }
    match (waiting, done.first(), lost.first()) {
        (Some(how), ..) => Seen::Waiting(how),
        (None, Some(what), None) if replicas.len() > 1 => Seen::Done(format!("{what}, on {} replicas", done.len())),
        (None, Some(what), None) => Seen::Done(what.clone()),
        (None, Some(what), Some(why)) if hurry => {
            Seen::Done(format!("{what}, on {} of {} replicas: {why}", done.len(), replicas.len()))
        }
        (None, _, Some(why)) => Seen::Waiting(format!("cannot be read now: {why}")),
        (None, None, None) => Seen::Waiting("nobody can be asked".to_owned()),
    }
}

/// `{/metadata/name}` in a path, from the last answer.
fn filled(path: &str, last: &Value) -> String {
    let Some((before, (pointer, after))) = path.split_once('{').and_then(|(b, rest)| Some((b, rest.split_once('}')?)))
    else {
        return path.to_owned();
    };
    let value = last.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    format!("{before}{}{after}", crate::domain::served::escape(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_takes_a_field_of_the_last_answer() {
        assert_eq!(filled("/s/{/silenceID}", &json!({"silenceID": "a b"})), "/s/a%20b");
        assert_eq!(filled("/s/x", &Value::Null), "/s/x");
    }

    #[test]
    fn without_a_state_directory_nothing_can_be_recorded() {
        let mut recorder = Recorder::new(None, "a".into(), 1);
        let why = recorder.write(Event::Plan, Time(0), Map::new()).unwrap_err();
        assert!(why.contains("XDG_STATE_HOME"), "{why}");
    }
}
