//! What every request of one demo shares: the state behind one lock, the clock's ticks, the faults in force.
//! The lock is held for one computation at a time, never across an await.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::control::RequestSeen;
use super::faults::Faults;
use super::story::Story;
use super::world::World;

/// Requests remembered for [`super::Control::requests`].
const SEEN: usize = 10_000;

/// Milliseconds after which both Alertmanagers know what one of them has received.
const GOSSIP: i64 = 1000;

pub struct State {
    pub world: World,
    pub story: Box<dyn Story>,
    /// How far the story has been played, in whole seconds.
    pub told: Duration,
    pub requests: VecDeque<RequestSeen>,
    /// Requests passed to services: they take turns among a service's pods.
    pub proxied: usize,
}

pub struct Shared {
    state: Mutex<State>,
    faults: Mutex<Faults>,
    begun: Timestamp,
    started: Instant,
    ahead: Mutex<Duration>,
    /// Rises with each tick of the clock and each change of the faults: whoever waits for either looks again.
    pub pulse: watch::Sender<u64>,
    /// Rises when every connection must end.
    pub hang_up: watch::Sender<u64>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("begun", &self.begun).finish_non_exhaustive()
    }
}

impl Shared {
    #[must_use]
    pub fn new(mut story: Box<dyn Story>, seed: u64, pods: usize, faults: Faults, address: SocketAddr) -> Shared {
        let begun = super::clock::wall();
        let mut world = World::new(seed, begun);
        world.desk.address = Some(address);
        story.begin(&mut world);
        world.platform.set_gossip(GOSSIP);
        world.begin_load(pods);
        let state = State { world, story, told: Duration::ZERO, requests: VecDeque::new(), proxied: 0 };
        Shared {
            state: Mutex::new(state),
            faults: Mutex::new(faults),
            begun,
            started: super::clock::monotonic(),
            ahead: Mutex::new(Duration::ZERO),
            pulse: watch::Sender::new(0),
            hang_up: watch::Sender::new(0),
        }
    }

    /// The state, with the world's clock set. A panic elsewhere while it was held does not end the demo.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        state.world.set_now(now);
        state
    }

    /// The time since the story began, with what [`super::Control::advance`] added.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed() + *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The demo's time.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.begun.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Tells the story up to now, second by second, so that the same seed tells the same story however late we wake.
    pub fn tell(&self) {
        let elapsed = self.elapsed();
        let mut guard = self.state();
        let state = &mut *guard;
        while state.told + Duration::from_secs(1) <= elapsed {
            state.told += Duration::from_secs(1);
            let told = SignedDuration::try_from(state.told).unwrap_or(SignedDuration::MAX);
            state.world.set_now(self.begun.checked_add(told).unwrap_or(Timestamp::MAX));
            state.story.tick(&mut state.world, state.told);
            super::controllers::tick(&mut state.world);
            super::clock::housekeeping(&mut state.world, state.told);
        }
        drop(guard);
        self.beat();
    }

    /// Puts the story's clock forward and tells what happened meanwhile.
    pub fn advance(&self, by: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
        self.tell();
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_faults(&self, mut faults: Faults) {
        faults.begin(self.elapsed());
        *self.faults() = faults;
        self.beat();
    }

    pub fn beat(&self) {
        self.pulse.send_modify(|beat| *beat = beat.wrapping_add(1));
    }

    pub fn seen(&self, request: RequestSeen) {
        let mut state = self.state();
        if state.requests.len() == SEEN {
            state.requests.pop_front();
        }
        state.requests.push_back(request);
    }
}
