//! The handle by which tests and the console's own demo mode change a running demo. It never touches sockets itself.

use std::sync::Arc;
use std::time::Duration;

use super::faults::Faults;
use super::shared::Shared;
use super::world::World;

/// One request as it arrived, before any fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSeen {
    pub method: String,
    pub path: String,
    pub query: String,
    pub user_agent: String,
}

/// A handle to a running demo; it may outlive the server, then it changes a world that nobody sees.
#[derive(Clone, Debug)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub(super) fn new(shared: Arc<Shared>) -> Control {
        Control { shared }
    }

    /// Looks at or changes the world; watches see the changes at once.
    pub fn with_world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut self.shared.state().world)
    }

    /// Injects these faults from now on; times in the rules count from this call. `Faults::default()` heals everything:
    /// requests that were left hanging are answered then.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.set_faults(faults);
    }

    /// The last 10,000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.shared.state().requests.iter().cloned().collect()
    }

    /// Puts the story's clock forward and tells what happened meanwhile; the server's Date moves along.
    pub fn advance(&self, by: Duration) {
        self.shared.advance(by);
    }

    /// How long one step of a controller takes: a pod that starts, a release that is upgraded. Two seconds at first.
    pub fn set_step(&self, step: Duration) {
        let step = jiff::SignedDuration::try_from(step).unwrap_or(jiff::SignedDuration::MAX);
        self.shared.state().world.desk.step = step;
    }

    /// Cuts every open connection, as a restarted load balancer does.
    pub fn disconnect(&self) {
        self.shared.hang_up.send_modify(|count| *count = count.wrapping_add(1));
    }
}
