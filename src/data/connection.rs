//! One connection after another: its feeds, and what is asked of it meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::acting::{self, Acting};
use super::connecting::connect;
use super::keeping::Keeper;
use super::trusting::{Confirm, Trusting};
use super::watching::{discover, probe, standing, watch_place};
use super::{Ask, Connected, News, What};
use crate::clients::api::{ApiMap, Found};
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::trust::Trust;
use crate::config::profiles::{self as library, Library};
use crate::config::{ServiceName, Settings};
use crate::domain::change::Batch;
use crate::domain::interner::Interner;
use crate::domain::outcome::{Outcome, Progress};
use crate::domain::plan::Act;
use crate::domain::profile::Profiles;
use crate::domain::record::{Key, KindId};
use crate::domain::redact;
use crate::domain::reply::Reply;
use crate::domain::served::Unwatched;
use crate::domain::text;
use crate::effects::runner::Recorder;
use crate::effects::{asking, logs, read};
use crate::intent::{Fetch, LogQuery, Ticket};
use crate::kinds::{self, Api, Service, unwatched};
use crate::sources::services::Looked;
use crate::sources::{Clock, profiles, services, watch as feed};

/// What every task of one connection needs.
#[derive(Clone)]
pub(super) struct Wire {
    generation: u64,
    tell: mpsc::Sender<News>,
    pub clock: Clock,
}

impl Wire {
    pub async fn say(&self, what: What) -> bool {
        self.tell.send(News { generation: self.generation, what }).await.is_ok()
    }

    pub async fn say_all(&self, all: Vec<What>) {
        for what in all {
            self.say(what).await;
        }
    }

    /// The same without waiting; what finds no room is news that the next will make old.
    pub fn mention(&self, what: What) {
        let _ = self.tell.try_send(News { generation: self.generation, what });
    }
}

/// What of a connection can be asked.
struct Live {
    cluster: Arc<Cluster>,
    served: watch::Receiver<Option<Arc<ApiMap>>>,
    shared: feed::Shared,
    feeds: HashMap<KindId, AbortHandle>,
    /// Asks for a discovery now.
    look: Rc<Notify>,
    acting: Acting,
    /// Takes the operator's word for a Service.
    confirm: mpsc::UnboundedSender<Confirm>,
    /// Another cluster answers at its address.
    replaced: Rc<Cell<bool>>,
}

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
        let wire = Wire { generation, tell: tell.clone(), clock };
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

/// Starts everything that belongs to a connection; of the lazy kinds only those that are wanted already.
fn live(
    mut cluster: Cluster,
    wire: &Wire,
    recorder: &Rc<RefCell<Recorder>>,
    (wanted, namespace): (&HashSet<KindId>, Option<String>),
    tasks: &mut JoinSet<()>,
) -> Live {
    let (decide_trust, trust) = watch::channel(Arc::new(Trust::waiting()));
    cluster.trust = trust;
    let cluster = Arc::new(cluster);
    let (serve, served) = watch::channel(None);
    let (link_tell, link) = watch::channel(None);
    // feeds speak batches; here they become news of this generation
    let (news, mut batches) = mpsc::channel::<Batch>(8);
    let forward = wire.clone();
    tasks.spawn_local(async move {
        while let Some(batch) = batches.recv().await {
            if !forward.say(What::Batch(batch)).await {
                return;
            }
        }
    });
    tasks.spawn_local(announce(cluster.clone(), wire.clone()));
    let asked_for = namespace.clone();
    tasks.spawn_local(standing(cluster.clone(), namespace, wire.clone()));
    let look = Rc::new(Notify::new());
    tasks.spawn_local(discover(cluster.clone(), serve, link.clone(), look.clone()));
    let suspect = Rc::new(Notify::new());
    let replaced = Rc::new(Cell::new(false));
    tasks.spawn_local(probe(cluster.clone(), link_tell, suspect.clone(), replaced.clone(), wire.clone()));
    let library = library(&cluster.settings, wire);
    let (decide, profiles) = watch::channel(Arc::new(Profiles::of(library.profiles())));
    let mut namespaces = cluster.settings.namespaces.clone();
    for name in [Some(cluster.namespace.clone()), asked_for].into_iter().flatten() {
        if !name.is_empty() && !namespaces.contains(&name) {
            namespaces.insert(0, name);
        }
    }
    let namespaces: Rc<[String]> = namespaces.into();
    let (look_in, look_at) = (namespaces.clone(), cluster.clone());
    tasks.spawn_local(async move { profiles::keep(look_at, library, &look_in, decide).await });
    tasks.spawn_local(tell_profiles(profiles.clone(), wire.clone()));
    tasks.spawn_local(tell_unwatched(served.clone(), wire.clone()));
    let (tell_looked, looked) = watch::channel(Arc::new(Looked::default()));
    let (confirm, confirms) = mpsc::unbounded_channel();
    let trusting = Trusting {
        cluster: cluster.clone(),
        file: cluster.settings.confirmed_file(),
        profiles: profiles.clone(),
        decide: decide_trust,
        tell: tell_looked,
        wire: wire.clone(),
        clock: wire.clock,
    };
    tasks.spawn_local(trusting.keep(confirms));
    let shared = feed::Shared {
        cluster: cluster.clone(),
        interner: Rc::new(RefCell::new(Interner::default())),
        news,
        served: served.clone(),
        link,
        suspect,
        namespaces,
        profiles,
        looked,
        clock: wire.clock,
    };
    let acting = Acting::new(cluster.clone(), recorder.clone(), wire.clock);
    tasks.spawn_local(acting::greet(acting.runner.clone(), wire.clone()));
    let mut live = Live { cluster, served, shared, feeds: HashMap::new(), look, acting, confirm, replaced };
    for kind in kinds::ids().filter(|kind| !kinds::spec(*kind).lazy || wanted.contains(kind)) {
        live.start(kind, tasks);
    }
    live
}

impl Live {
    /// Starts the feed of a kind, in place of the one that runs.
    fn start(&mut self, kind: KindId, tasks: &mut JoinSet<()>) {
        if let Some(old) = self.feeds.remove(&kind) {
            old.abort();
        }
        let shared = self.shared.clone();
        let task = match kinds::spec(kind).api {
            Api::Watch { .. } => tasks.spawn_local(feed::run(kind, shared)),
            Api::Poll(service) => tasks.spawn_local(services::run(kind, service, shared)),
        };
        self.feeds.insert(kind, task);
    }
}

/// The profiles that may be on. Files that cannot be used were refused at the start; what has happened to them since is
/// told, and those that are built in remain.
fn library(settings: &Settings, wire: &Wire) -> Library {
    library::load(settings).unwrap_or_else(|error| {
        wire.mention(What::Complain(clean(&error.to_string())));
        library::built_in()
    })
}

/// What is served and not read, whenever that changes.
async fn tell_unwatched(mut served: watch::Receiver<Option<Arc<ApiMap>>>, wire: Wire) {
    let mut told = None;
    while served.changed().await.is_ok() {
        let Some(map) = served.borrow_and_update().clone() else { continue };
        let missed = |(group, kind)| {
            let misses = unwatched::misses(group, kind)?;
            Some(Unwatched { group: clean(group).into(), kind: clean(kind).into(), misses })
        };
        let all: Vec<Unwatched> = map.kinds().filter_map(missed).collect();
        if told.as_ref() != Some(&all) {
            if !wire.say(What::Unwatched(all.clone())).await {
                return;
            }
            told = Some(all);
        }
    }
}

async fn tell_profiles(mut profiles: watch::Receiver<Arc<Profiles>>, wire: Wire) {
    while profiles.changed().await.is_ok() {
        let now = profiles.borrow_and_update().clone();
        if !wire.say(What::Profiles(now)).await {
            return;
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

async fn announce(cluster: Arc<Cluster>, wire: Wire) {
    let connected = Connected {
        context: clean(&cluster.context),
        way: cluster.way.clone(),
        namespace: clean(&cluster.namespace),
        version: clean(cluster.version.as_ref().map_or("", |v| &v.git_version)),
        alarms: alarms(&cluster),
        warnings: cluster.warnings.iter().map(|warning| clean(warning)).collect(),
        namespaces: cluster.settings.namespaces.clone(),
        core_namespaces: cluster.settings.core_namespaces.clone(),
    };
    // before anything is judged by it
    if let Some(skew) = cluster.stats.skew_seconds().filter(|skew| skew.abs() > 1) {
        wire.say(What::Skew(skew)).await;
    }
    wire.say(What::Connected(Box::new(connected))).await;
}

/// What is weaker than it should be, in the words of the header.
fn alarms(cluster: &Cluster) -> Vec<String> {
    let own = [(cluster.insecure, "TLS NOT CHECKED"), (cluster.withheld, "HTTP: LOGIN NOT SENT")];
    let services = ServiceName::ALL
        .into_iter()
        .filter_map(|name| Some(format!("{} {}", name.key(), cluster.alarm_of(&cluster.settings.service(name))?)));
    own.into_iter().filter(|(is, _)| *is).map(|(_, words)| words.to_owned()).chain(services).collect()
}

async fn fetch(
    cluster: Arc<Cluster>,
    served: watch::Receiver<Option<Arc<ApiMap>>>,
    (dry, folder): (bool, Option<PathBuf>),
    ticket: Ticket,
    what: Fetch,
    wire: Wire,
) {
    let failed = |error: RequestError| clean(&error.told());
    let mut asked: Vec<String> = Vec::new();
    let reply = match what {
        Fetch::Object(key) => {
            let (object, path) = object(&cluster, &served, &key).await;
            asked.extend(path);
            Reply::Object(object)
        }
        Fetch::Events(key) => {
            let events = read::events(&cluster, kinds::spec(key.kind).name, &key.namespace, &key.name, key.uid).await;
            Reply::Events(events.map_err(failed))
        }
        Fetch::Paths(paths) => Reply::Read(asking::read(&cluster, paths).await),
        Fetch::Check(plan) => {
            let checked = asking::check(&cluster, &plan, dry).await;
            asked.extend(plan.steps.iter().filter_map(|step| match &step.act {
                Act::Send(request) => Some(request.path.clone()),
                _ => None,
            }));
            Reply::Checked(checked)
        }
        Fetch::Audit => Reply::Audit(acting::audit_lines(folder)),
    };
    wire.say(What::Reply(ticket, reply)).await;
    // what the server said beside its answer belongs to whoever asked
    if let Some(warning) = asked.iter().find_map(|path| cluster.stats.warnings_about(path).into_iter().next()) {
        wire.say(What::Aside(format!("the server warns: {}", clean(&warning)))).await;
    }
}

/// The object, and the path that was asked for it.
async fn object(
    cluster: &Cluster,
    served: &watch::Receiver<Option<Arc<ApiMap>>>,
    key: &Key,
) -> (Result<serde_json::Value, String>, Option<String>) {
    let spec = kinds::spec(key.kind);
    let Api::Watch { group, versions, .. } = spec.api else {
        let why = format!("{} come from a service, not from the API server: there is no YAML of one", spec.title);
        return (Err(why), None);
    };
    let found = served.borrow().as_ref().map(|map| map.find(group, spec.name, versions));
    let Some(Found::Served(served)) = found else { return (Err(format!("{} is not served now", spec.name)), None) };
    let object = read::object(cluster, &served, &key.namespace, &key.name).await;
    let object = object.map_err(|error| clean(&error.told()));
    (object, Some(served.object(&key.namespace, &key.name)))
}

/// Text of others as one harmless line.
pub(super) fn clean(raw: &str) -> String {
    text::line(&redact::urls(raw)).into_owned()
}

async fn log(cluster: Arc<Cluster>, ticket: Ticket, query: LogQuery, wire: Wire) {
    let wire = &wire;
    logs::follow(&cluster, &query, |news| async move { wire.say(What::Reply(ticket, Reply::Log(news))).await }).await;
}
