//! The demo platform: a server that speaks the true Kubernetes wire protocol over loopback HTTP, and a story that lives in it.
//! It imports nothing else of this crate, so the console cannot tell it from a cluster; it never listens beyond the address it is given.

mod access;
mod birth;
mod bodies;
mod clock;
mod columns;
mod control;
mod controllers;
mod discovery;
mod events;
pub mod faults;
mod gate;
mod kubeconfig;
mod list;
mod load;
mod logs;
mod metrics;
mod negotiate;
mod objects;
mod overlay;
mod pod_cells;
mod proxy;
mod resources;
mod reviews;
mod route;
mod selector;
mod server;
pub mod services;
mod shared;
mod status;
pub mod story;
mod table;
mod watch;
pub mod world;
mod write;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

pub use control::{Control, RequestSeen};
pub use faults::{Faults, FaultsError};
pub use world::World;

/// What `watchkeeper demo` is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes any free port. Meant for loopback: there is no TLS.
    pub listen: SocketAddr,
    /// Synthetic pods in addition to the story's own.
    pub pods: usize,
    /// One of [`story::NAMES`].
    pub story: String,
    /// The same seed tells the same story.
    pub seed: u64,
    /// MODIFIED pods per second, paced evenly; 0 for none.
    pub churn: f64,
    /// A TOML file of [`Faults`].
    pub faults: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            pods: 0,
            story: "platform".to_owned(),
            seed: 1,
            churn: 0.0,
            faults: None,
        }
    }
}

/// Why the demo did not start.
#[derive(Debug)]
pub enum DemoError {
    UnknownStory(String),
    Faults(FaultsError),
    Listen(SocketAddr, std::io::Error),
    Runtime(std::io::Error),
    Kubeconfig(std::io::Error),
    /// A churn that is negative, not a number or beyond 100,000 per second.
    Churn(f64),
}

impl std::fmt::Display for DemoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DemoError::UnknownStory(name) => {
                write!(f, "no story is called {name:?}; there are: {}", story::NAMES.join(", "))
            }
            DemoError::Faults(error) => error.fmt(f),
            DemoError::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            DemoError::Runtime(error) => write!(f, "cannot start the demo's thread: {error}"),
            DemoError::Kubeconfig(error) => write!(f, "cannot write the demo's kubeconfig: {error}"),
            DemoError::Churn(rate) => write!(f, "a churn of {rate} per second is not possible (0 to 100000)"),
        }
    }
}

impl std::error::Error for DemoError {}

/// A running demo on its own thread and runtime. Dropping it ends every connection and removes its kubeconfig.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    kubeconfig: kubeconfig::Kubeconfig,
    shared: Arc<shared::Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Demo {
    /// Tells the story's beginning and listens; when this returns, the first request will be answered.
    ///
    /// # Errors
    /// An unknown story, a bad faults file, an address that cannot be bound.
    pub fn start(options: Options) -> Result<Demo, DemoError> {
        let faults = match &options.faults {
            Some(path) => Faults::load(path).map_err(DemoError::Faults)?,
            None => Faults::default(),
        };
        if !(0.0..=100_000.0).contains(&options.churn) {
            return Err(DemoError::Churn(options.churn));
        }
        let Some(story) = story::by_name(&options.story, options.seed) else {
            return Err(DemoError::UnknownStory(options.story));
        };
        let listener = std::net::TcpListener::bind(options.listen)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| DemoError::Listen(options.listen, error))?;
        let address = listener.local_addr().map_err(|error| DemoError::Listen(options.listen, error))?;
        let kubeconfig = kubeconfig::Kubeconfig::write(address).map_err(DemoError::Kubeconfig)?;
        let shared = Arc::new(shared::Shared::new(story, options.seed, options.pods, faults, address));

        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("demo".to_owned())
            .spawn(move || run(listener, serving, options.churn, stopped, &ready))
            .map_err(DemoError::Runtime)?;
        match is_ready.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(DemoError::Runtime(error)),
            Err(mpsc::RecvError) => return Err(DemoError::Runtime(std::io::Error::other("its thread ended at once"))),
        }
        Ok(Demo { address, kubeconfig, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig (0600) with the contexts `sre-demo`, `readonly`, `namespaced` and `nobody`; removed on drop.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// A handle that outlives this borrow: changes the world, injects faults, turns the clock.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended already; then nobody listens.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic over there was already printed by its hook.
            let _ = thread.join();
        }
    }
}

/// The demo's thread: serves until it is stopped; dropping the runtime then ends every open watch.
fn run(
    listener: std::net::TcpListener,
    shared: Arc<shared::Shared>,
    churn: f64,
    stopped: tokio::sync::oneshot::Receiver<()>,
    ready: &mpsc::Sender<std::io::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async move {
        let gate = match gate::Gate::new(listener, Arc::clone(&shared)) {
            Ok(gate) => gate,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(()));
        tokio::select! {
            () = server::serve(gate, Arc::clone(&shared)) => {}
            () = clock::run(Arc::clone(&shared)) => {}
            () = clock::churn(shared, churn) => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}
