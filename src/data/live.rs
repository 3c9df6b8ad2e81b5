//! Everything that runs for one connection once it has answered: its feeds, its profiles, the looks at its services and
//! at what it serves.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::acting::{self, Acting};
use super::trusting::{Confirm, Trusting};
use super::watching::{discover, probe, standing};
use super::wire::{Wire, clean};
use super::{Connected, What};
use crate::clients::api::ApiMap;
use crate::clients::cluster::Cluster;
use crate::clients::trust::Trust;
use crate::config::profiles::{self as library, Library};
use crate::config::{ServiceName, Settings};
use crate::domain::change::Batch;
use crate::domain::interner::Interner;
use crate::domain::profile::Profiles;
use crate::domain::record::KindId;
use crate::domain::served::Unwatched;
use crate::effects::runner::Recorder;
use crate::kinds::{self, Api, unwatched};
use crate::sources::shared::{Looked, Shared};
use crate::sources::{profiles, services, watch as feed};

/// What of a connection can be asked.
pub(super) struct Live {
    pub cluster: Arc<Cluster>,
    pub served: watch::Receiver<Option<Arc<ApiMap>>>,
    shared: Shared,
    pub feeds: HashMap<KindId, AbortHandle>,
    /// Asks for a discovery now.
    pub look: Rc<Notify>,
    pub acting: Acting,
    /// Takes the operator's word for a Service.
    pub confirm: mpsc::UnboundedSender<Confirm>,
    /// Another cluster answers at its address.
    pub replaced: Rc<Cell<bool>>,
}

/// Starts everything that belongs to a connection; of the lazy kinds only those that are wanted already.
pub(super) fn live(
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
    let shared = Shared {
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
    pub fn start(&mut self, kind: KindId, tasks: &mut JoinSet<()>) {
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
/// reported, and those that are built in remain.
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
