//! What the feeds of one cluster share.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};

use super::Clock;
use crate::clients::api::ApiMap;
use crate::clients::cluster::Cluster;
use crate::clients::discovery::Discovered;
use crate::domain::change::Batch;
use crate::domain::interner::Interner;
use crate::domain::profile::Profiles;

/// Everything the feeds of one cluster share.
#[derive(Debug, Clone)]
pub struct Shared {
    pub cluster: Arc<Cluster>,
    pub interner: Rc<RefCell<Interner>>,
    pub news: mpsc::Sender<Batch>,
    /// What is served; `None` until discovery has answered.
    pub served: watch::Receiver<Option<Arc<ApiMap>>>,
    /// Whether the API server answers; why not.
    pub link: watch::Receiver<Option<String>>,
    /// Notified when a feed finds that the API server may be unreachable.
    pub suspect: Rc<Notify>,
    /// Read when the whole cluster may not be.
    pub namespaces: Rc<[String]>,
    /// The platform profiles that are on.
    pub profiles: watch::Receiver<Arc<Profiles>>,
    /// The services that were found.
    pub looked: watch::Receiver<Arc<Looked>>,
    pub clock: Clock,
}

/// The result of looking for the services, shared with everybody who asks one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    pub found: Discovered,
    /// Why the last look found out nothing; what was found before stays.
    pub problem: Option<String>,
    /// There was a first look.
    pub done: bool,
}
