//! What changes a cluster, on the data thread: the lock, the audit, the plans that run. Plans run side by side; leaving
//! the connection ends them, and each records that it was interrupted.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::What;
use super::wire::Wire;
use crate::clients::cluster::Cluster;
use crate::config::Names;
use crate::domain::outcome::Progress;
use crate::domain::plan::{Act, Plan};
use crate::domain::reply::Recorded;
use crate::domain::text;
use crate::effects::audit::{self, Event};
use crate::effects::lock::Lock;
use crate::effects::rights;
use crate::effects::runner::{Recorder, Runner};
use crate::effects::unfinished::{self, Place};
use crate::intent::RunId;
use crate::sources::Clock;

/// Lines of the audit that a screen gets.
const SHOWN: usize = 500;

pub(super) struct Acting {
    pub runner: Rc<Runner>,
    pub stops: HashMap<RunId, Rc<Cell<bool>>>,
}

impl Acting {
    pub fn new(cluster: Arc<Cluster>, recorder: Rc<RefCell<Recorder>>, clock: Clock) -> Self {
        let names = Names { context: &cluster.context, cluster: &cluster.name, server: &cluster.server };
        let locked = cluster.settings.readonly_at(&names).map(Into::into);
        let operator = RefCell::new(cluster.user.clone());
        let lock = Rc::new(RefCell::new(Lock { locked, until: None }));
        Self { runner: Rc::new(Runner { cluster, recorder, lock, operator, clock }), stops: HashMap::new() }
    }

    /// Whether anything may be sent now, so that the server may be asked by dry runs, too.
    pub fn writable(&self) -> bool {
        self.runner.lock.borrow().permit((self.runner.clock)()).is_ok()
    }

    pub fn stop(&self, id: RunId) {
        if let Some(stop) = self.stops.get(&id) {
            stop.set(true);
        }
    }

    /// Allows writing for a while, once that is recorded.
    pub fn unlock(&self, why: &str) -> What {
        let runner = &self.runner;
        if let Err(why) = runner.lock.borrow().may_unlock(why) {
            return What::Complain(why);
        }
        let now = (runner.clock)();
        let fields = json!({ "context": runner.cluster.context, "operator": *runner.operator.borrow(), "reason": why });
        let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
        if let Err(why) = runner.recorder.borrow_mut().write(Event::Unlock, now, fields) {
            return What::Complain(why);
        }
        match runner.lock.borrow_mut().unlock(why, now) {
            Ok(()) => {}
            Err(why) => return What::Complain(why),
        }
        state(runner)
    }
}

impl Acting {
    /// Records that an unfinished plan is not continued.
    pub fn dismiss(&self, run: Box<str>, why: &str) -> What {
        let runner = &self.runner;
        let fields = json!({
            "run": run, "context": runner.cluster.context, "operator": *runner.operator.borrow(), "reason": why,
        });
        let Value::Object(fields) = fields else { return What::Dismissed(run) };
        match runner.recorder.borrow_mut().write(Event::Dismiss, (runner.clock)(), fields) {
            Ok(()) => What::Dismissed(run),
            Err(why) => What::Complain(why),
        }
    }
}

fn state(runner: &Runner) -> What {
    let lock = runner.lock.borrow();
    What::Lock { locked: lock.locked.clone(), until: lock.until }
}

/// Tells what a new connection may do, who it is, and what an earlier one left unfinished.
pub(super) async fn greet(runner: Rc<Runner>, wire: Wire) {
    wire.say(state(&runner)).await;
    if let Some(operator) = rights::who(&runner.cluster).await {
        runner.operator.replace(operator);
    }
    left(&runner, &wire).await;
    // the last: whoever waits for it knows all of the above
    let operator = text::line(&runner.operator.borrow()).into_owned();
    wire.say(What::Operator(operator)).await;
}

/// Tells what is unfinished on this cluster, as the audit has it now.
async fn left(runner: &Runner, wire: &Wire) {
    let Some(folder) = runner.recorder.borrow().folder().cloned() else { return };
    let cluster = runner.cluster.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let place = Place { identity: &cluster.identity, context: &cluster.context, server: &cluster.server };
        unfinished::of(&folder, Some(place))
    });
    let Ok(found) = looking.await else { return };
    wire.say(What::Unfinished(found.plans)).await;
    if let Some(problem) = found.problems.first() {
        let more = found.problems.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let problem = text::line(problem).into_owned();
        wire.say(What::Unread(format!("what is unfinished may not all be known: {problem}{more}"))).await;
    }
}

pub(super) async fn run(runner: Rc<Runner>, id: RunId, plan: Box<Plan>, stop: Rc<Cell<bool>>, wire: Wire) {
    // plans of several consoles may begin in the same second
    let name = format!("{}-{}-{}", (runner.clock)().0, std::process::id(), id.0);
    let texts = RefCell::new(Vec::new());
    let tell = |progress| match progress {
        Progress::Output(lines) => texts.borrow_mut().push(lines),
        // reported below, after its output
        Progress::Ended(_) => {}
        at @ Progress::At { .. } => wire.mention(What::Progress(id, at)),
    };
    let steps = plan.steps.len();
    tracing::info!(run = name, action = plan.action, title = plan.title, steps, "a plan begins");
    let outcome = runner.run(&name, &plan, &stop, &tell).await;
    tracing::info!(run = name, outcome = %outcome, "a plan has ended");
    let warned = plan.steps.iter().filter_map(|step| match &step.act {
        Act::Send(request) => Some(runner.cluster.stats.warnings_about(&request.path)),
        _ => None,
    });
    let mut warned: Vec<String> =
        warned.flatten().map(|text| format!("the server warns: {}", text::line(&text))).collect();
    warned.dedup();
    texts.borrow_mut().extend(Some(warned).filter(|warned| !warned.is_empty()));
    // before the end is reported: who waits for the end also knows what is left
    left(&runner, &wire).await;
    // the output and the end are reported in any case
    for lines in texts.take() {
        wire.say(What::Progress(id, Progress::Output(lines))).await;
    }
    wire.say(What::Progress(id, Progress::Ended(outcome))).await;
}

/// The newest lines of the audit, as they are shown.
pub(super) fn audit_lines(folder: Option<PathBuf>) -> Result<Vec<Recorded>, String> {
    let folder = folder.ok_or("there is no state directory")?;
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut out = Vec::new();
    for path in audit::files(&folder).map_err(wrong)?.iter().rev() {
        let lines = audit::lines(path).map_err(wrong)?;
        out.extend(lines.iter().rev().flatten().map(audit::recorded));
        if out.len() >= SHOWN {
            break;
        }
    }
    out.truncate(SHOWN);
    Ok(out)
}
