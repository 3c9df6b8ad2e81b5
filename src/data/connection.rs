//! One connection after another, and the answer to everything that is asked of one.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use super::acting;
use super::connecting::connect;
use super::keeping::Keeper;
use super::live::live;
use super::reading::{fetch, log};
use super::trusting::Confirm;
use super::watching::watch_place;
use super::wire::{Wire, clean};
use super::{Ask, News, What};
use crate::config::Settings;
use crate::domain::outcome::{Outcome, Progress};
use crate::domain::record::KindId;
use crate::domain::reply::Reply;
use crate::effects::runner::Recorder;
use crate::intent::{Fetch, Ticket};
use crate::kinds::{self, Api, Service};
use crate::sources::Clock;

pub(super) async fn serve(
    settings: Settings,
    clock: Clock,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    tell: mpsc::Sender<News>,
) {
    let mut generation = 0;
    let mut next = None;
    let recorder = Rc::new(RefCell::new(Recorder::of_process(settings.audit_folder(), clock())));
    let keeper = Keeper::new(&settings, clock);
    loop {
        let context = match next.take() {
            Some(context) => context,
            None => match asked.recv().await {
                Some(Ask::Connect(context)) => context,
                Some(_) => continue,
                None => return,
            },
        };
        generation += 1;
        let wire = Wire::new(generation, tell.clone(), clock);
        // dropping the set ends every task of the connection
        let mut tasks = JoinSet::new();
        match connection(&settings, context, &wire, (&recorder, &keeper), &mut asked, &mut tasks).await {
            Some(other) => next = Some(other),
            None => return,
        }
    }
}

/// Lives until another context is wanted (`Some`) or the owner is gone (`None`).
#[expect(clippy::too_many_lines, reason = "one arm for each question of the session")]
async fn connection(
    settings: &Settings,
    context: Option<String>,
    wire: &Wire,
    (recorder, keeper): (&Rc<RefCell<Recorder>>, &Keeper),
    asked: &mut mpsc::UnboundedReceiver<Ask>,
    tasks: &mut JoinSet<()>,
) -> Option<Option<String>> {
    // what it is called before it has answered
    let called = RefCell::new(String::new());
    let mut connecting = std::pin::pin!(connect(settings, context, wire, keeper, &called));
    let mut wanted = HashSet::new();
    let cluster = loop {
        tokio::select! {
            cluster = &mut connecting => break cluster?,
            ask = asked.recv() => match ask? {
                Ask::Connect(other) => return Some(other),
                Ask::Fetch(ticket, what) => {
                    let why = || "not connected".to_owned();
                    let reply = match what {
                        Fetch::Object(_) => Reply::Object(Err(why())),
                        Fetch::Events(_) => Reply::Events(Err(why())),
                        Fetch::Paths(paths) => Reply::Read(paths.into_iter().map(|path| (path, Err(why().into()))).collect()),
                        Fetch::Check(_) => Reply::Checked(Vec::new()),
                        Fetch::Audit => Reply::Audit(acting::audit_lines(settings.audit_folder())),
                    };
                    wire.say(What::Reply(ticket, reply)).await;
                }
                Ask::Watch(kind) => {
                    wanted.insert(kind);
                }
                Ask::Run(id, _) => {
                    let refused = Outcome::Refused("not connected: nothing was sent".to_owned());
                    wire.say(What::Progress(id, Progress::Ended(refused))).await;
                }
                Ask::Unlock(_) => {
                    wire.say(What::Complain("not connected: there is nothing to unlock".to_owned())).await;
                }
                Ask::Trust(..) => {
                    wire.say(What::Complain("not connected: no Service can be confirmed now".to_owned())).await;
                }
                Ask::Dismiss(..) => {
                    wire.say(What::Complain("not connected: it cannot be dismissed now".to_owned())).await;
                }
                ask @ (Ask::Record(_) | Ask::Deeds) => {
                    let context = called.borrow().clone();
                    wire.say_all(keeper.answer(&context, ask)).await;
                }
                Ask::Reload(_) | Ask::Log(..) | Ask::Cancel(_) | Ask::Stop(_) => {}
            },
        }
    };
    // inside a cluster it has a name only now
    let context = clean(&cluster.context);
    // of the name alone nobody knows which cluster it is
    wire.say_all(keeper.arrived(&context, &cluster.identity)).await;
    let namespace = cluster.settings.namespace.clone();
    let mut live = live(cluster, wire, recorder, (&wanted, namespace), tasks);
    let running = Rc::new(Cell::new(0_usize));
    let elsewhere = Rc::new(Notify::new());
    tasks.spawn_local(watch_place(
        settings.clone(),
        live.cluster.clone(),
        live.replaced.clone(),
        running.clone(),
        elsewhere.clone(),
    ));
    let mut following: HashMap<Ticket, AbortHandle> = HashMap::new();
    loop {
        tokio::select! {
            ask = asked.recv() => match ask? {
                Ask::Connect(other) => return Some(other),
                Ask::Reload(kind) => {
                    live.cluster.retry_login();
                    // a kind that is not served may have been installed
                    live.look.notify_one();
                    live.start(feeder(kind), tasks);
                }
                Ask::Watch(kind) => {
                    if !live.feeds.contains_key(&kind) {
                        live.start(kind, tasks);
                    }
                }
                Ask::Fetch(ticket, what) => {
                    let (dry, folder) = (live.acting.writable(), settings.audit_folder());
                    tasks.spawn_local(fetch(
                        live.cluster.clone(),
                        live.served.clone(),
                        (dry, folder),
                        ticket,
                        what,
                        wire.clone(),
                    ));
                }
                Ask::Run(id, _) if live.replaced.get() => {
                    let why = "another cluster answers at this address now: nothing was sent".to_owned();
                    wire.say(What::Progress(id, Progress::Ended(Outcome::Refused(why)))).await;
                }
                Ask::Run(id, plan) => {
                    let stop = live.acting.stops.entry(id).or_default().clone();
                    let (running, work) = (running.clone(), acting::run(live.acting.runner.clone(), id, plan, stop, wire.clone()));
                    tasks.spawn_local(async move {
                        running.set(running.get() + 1);
                        work.await;
                        running.set(running.get() - 1);
                    });
                }
                Ask::Stop(id) => live.acting.stop(id),
                Ask::Unlock(why) => {
                    wire.say(live.acting.unlock(&why)).await;
                }
                ask @ (Ask::Record(_) | Ask::Deeds) => wire.say_all(keeper.answer(&context, ask)).await,
                Ask::Trust(service, place) => {
                    let operator = live.acting.runner.operator.borrow().clone();
                    // the task lives as long as the connection
                    let _ = live.confirm.send(Confirm { service, place, operator });
                }
                Ask::Dismiss(run, why) => {
                    wire.say(live.acting.dismiss(run, &why)).await;
                }
                Ask::Log(ticket, query) => {
                    let task = tasks.spawn_local(log(live.cluster.clone(), ticket, query, wire.clone()));
                    following.insert(ticket, task);
                }
                Ask::Cancel(ticket) => {
                    if let Some(task) = following.remove(&ticket) {
                        task.abort();
                    }
                }
            },
            () = elsewhere.notified() => {
                let why = if live.replaced.get() {
                    format!("another cluster answers at the address of {context}")
                } else {
                    format!("the kubeconfig leads {context} elsewhere now")
                };
                wire.say(What::Aside(format!("{why}: connecting again"))).await;
                return Some(Some(live.cluster.context.clone()));
            }
            // ended tasks are collected so that the set does not grow
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
}

/// The kind whose feed brings the news of this kind: silences and guardrails come with the alerts.
fn feeder(kind: KindId) -> KindId {
    let alerts = || kinds::ids().find(|id| matches!(kinds::spec(*id).api, Api::Poll(Service::Alerts)));
    match kinds::spec(kind).api {
        Api::Poll(Service::Silences | Service::Guardrails) => alerts().unwrap_or(kind),
        _ => kind,
    }
}
