//! What screens see: the store, the judgements, the settings, and the facts of the connection. Read only.

use std::sync::Arc;

use crate::domain::ages::Time;
use crate::domain::candidate::Candidate;
use crate::domain::change::FeedState;
use crate::domain::context::Context;
use crate::domain::health::Health;
use crate::domain::interner::Sym;
use crate::domain::locked::Locked;
use crate::domain::outcome::{Outcome, Unfinished};
use crate::domain::plan::Plan;
use crate::domain::profile::Profiles;
use crate::domain::record::{self, KindId, Relation};
use crate::domain::reply::Standing;
use crate::domain::served::Unwatched;
use crate::domain::thresholds::Thresholds;
use crate::domain::way::Way;
use crate::intent::{Command, Effect, Place, RunId};
use crate::kinds::column::Show;
use crate::kinds::{self, Api};
use crate::store::table::{Row, Table};
use crate::store::{RowId, Store};
use crate::triage::timeline::Timeline;
use crate::triage::{Settings, Triage};

use super::keys::{Keys, Layer, Typed};

/// Everything a screen may read.
#[derive(Debug)]
pub struct World {
    pub store: Store,
    pub triage: Triage,
    pub preferences: Preferences,
    pub facts: Facts,
    /// What is or was done in this session, the oldest first.
    pub plans: Vec<PlanRun>,
    /// What an earlier session left in the middle.
    pub unfinished: Vec<Unfinished>,
    /// What happened, as far as it was seen or written down.
    pub timeline: Timeline,
}

/// The state of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// Trying for the first time.
    #[default]
    Connecting,
    Up,
    /// No answer, since when and why.
    Down {
        since: Time,
        headline: String,
        detail: String,
        /// It is waited for: for a person who logs in, or because the server said when to come back.
        passing: bool,
    },
}

/// What the settings say, and what is this process' own: kept when another connection begins.
#[derive(Debug, Clone, Default)]
pub struct Preferences {
    /// Namespaces for the digits 1 to 9, in the settings of the context that is shown; none: the first that are seen.
    pub namespaces: Vec<String>,
    /// Namespaces of core components, in the settings of the context that is shown.
    pub core_namespaces: Vec<String>,
    pub utc: bool,
    /// The bell rings when a new P1 appears.
    pub bell: bool,
    pub thresholds: Thresholds,
    /// The keymap in force.
    pub keys: Arc<Keys>,
    /// What can be typed after `:` besides kinds and screens.
    pub typed: Vec<Typed>,
    /// A number that other consoles do not have.
    pub salt: u32,
}

/// What is known of the present connection, and the choices that were made in it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The present, by the API server's clock where that is another one.
    pub now: Time,
    pub context: String,
    /// How a command gets to the cluster that is shown, once it is connected.
    pub way: Way,
    pub contexts: Vec<Context>,
    /// Problems of kubeconfig files: file, line, reason.
    pub kubeconfig_problems: Vec<String>,
    /// The namespace to which everything is restricted.
    pub namespace: Option<String>,
    /// Whether there is such a namespace, as far as that was asked.
    pub standing: Option<Standing>,
    /// What should be known of the way to this cluster.
    pub warnings: Vec<String>,
    /// The first namespaces that were seen, for the digits where the settings name none.
    pub first_namespaces: Vec<String>,
    /// Why nothing may be written here, where that is so.
    pub locked: Option<Locked>,
    /// Until when it may be written all the same.
    pub unlocked_until: Option<Time>,
    /// Who we are to the API server.
    pub operator: String,
    /// Namespaces of core components: those of the settings, and those of the profiles that are on.
    pub core: Vec<String>,
    /// The platforms that are known, and those that are here.
    pub profiles: Arc<Profiles>,
    /// What is served, matters, and is not read.
    pub unwatched: Vec<Unwatched>,
    /// The Services that are used as Prometheus, Alertmanager or OpenBao, and those that only look like one.
    pub candidates: Vec<Candidate>,
    /// What is weaker than it should be, shown on every screen: `TLS NOT CHECKED`.
    pub alarms: Vec<String>,
    pub link: Link,
    /// Server's clock minus ours, in seconds.
    pub skew: i64,
    pub server_version: String,
}

/// How a moment is written: seen from when, and in which zone.
#[derive(Debug, Clone, Copy)]
pub struct Dates {
    pub now: Time,
    pub utc: bool,
}

impl Preferences {
    /// The settings that judging uses.
    pub fn judging<'a>(&'a self, facts: &'a Facts) -> Settings<'a> {
        Settings { thresholds: &self.thresholds, core: &facts.core, profiles: &facts.profiles }
    }
}

impl Facts {
    /// The facts of the connection that begins now, in this namespace: of the old one only the time and the known
    /// profiles are true of it, too. Which of them are on there is not known yet.
    #[must_use]
    pub fn renewed(&self, namespace: Option<String>) -> Self {
        let profiles = Arc::new(Profiles::of(self.profiles.known.clone()));
        Self { now: self.now, namespace, profiles, ..Self::default() }
    }

    /// Whether something may be changed now; why not.
    pub fn may_write(&self) -> Result<(), String> {
        match (&self.locked, self.unlocked_until) {
            (Some(locked), Some(until)) if self.now < until && locked.instead.is_none() => Ok(()),
            (Some(locked), _) => Err(format!("read-only: {}", locked.why)),
            (None, _) => Ok(()),
        }
    }

    /// What to do where nothing may be written; `unlock` is how one unlocks here.
    pub fn way_out(&self, unlock: &str) -> String {
        self.locked.as_ref().map_or_else(String::new, |locked| locked.way_out(unlock))
    }

    /// Why nothing may be written now, with the way out; `None` when it may.
    pub fn locked_out(&self) -> Option<String> {
        let why = self.may_write().err()?;
        Some(format!("{why}; {}", self.way_out(":unlock REASON")))
    }
}

/// A plan of this session, and its state.
#[derive(Debug)]
pub struct PlanRun {
    pub id: RunId,
    pub plan: Box<Plan>,
    pub step: usize,
    pub note: String,
    pub outcome: Option<Outcome>,
    /// The texts that it fetched, sanitised.
    pub output: Vec<String>,
    pub started: Time,
    pub ended: Option<Time>,
    /// Whether what was done still holds, as far as others can revert it.
    pub held: Held,
    /// The targets that the watch has shown as the plan left them.
    pub shown: Vec<record::Uid>,
}

/// What has become of a suspend since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Held {
    /// Not seen yet.
    #[default]
    Unseen,
    Yes,
    /// Somebody has taken it back.
    Reverted,
}

impl World {
    pub fn new(preferences: Preferences, facts: Facts) -> Self {
        let mut world = Self {
            store: Store::new(kinds::KINDS.len()),
            triage: Triage::default(),
            preferences,
            facts,
            plans: Vec::new(),
            unfinished: Vec::new(),
            timeline: Timeline::default(),
        };
        world.set_core();
        world.idle();
        world
    }

    /// Another connection begins: of the old one nothing remains, and the preferences stay.
    pub fn renew(&mut self, facts: Facts) {
        *self = Self::new(std::mem::take(&mut self.preferences), facts);
    }

    /// Takes in which profiles are on, and with them whose namespaces are core.
    pub fn set_profiles(&mut self, profiles: Arc<Profiles>) {
        self.facts.profiles = profiles;
        self.set_core();
    }

    /// Takes in what the settings say of the context that is shown.
    pub fn set_context_settings(&mut self, namespaces: Vec<String>, core: Vec<String>) {
        self.preferences.namespaces = namespaces;
        self.preferences.core_namespaces = core;
        self.set_core();
    }

    fn set_core(&mut self) {
        let mut core = self.preferences.core_namespaces.clone();
        for name in self.facts.profiles.core_namespaces() {
            if !core.contains(&name) {
                core.push(name);
            }
        }
        self.facts.core = core;
    }

    /// The namespaces behind the digits 1 to 9: those of the settings, else the first that were seen.
    pub fn favourites(&self) -> impl Iterator<Item = &String> {
        let configured = &self.preferences.namespaces;
        let all = if configured.is_empty() { &self.facts.first_namespaces } else { configured };
        all.iter().take(9)
    }

    pub fn dates(&self) -> Dates {
        Dates { now: self.facts.now, utc: self.preferences.utc }
    }

    /// The server's clock minus ours in seconds, where that is more than the network explains.
    pub fn notable_skew(&self) -> Option<i64> {
        Some(self.facts.skew).filter(|skew| skew.abs() > self.preferences.thresholds.clock_skew)
    }

    /// Takes in what this machine's clock says. Ages and expiry follow the API server's, where that is another one.
    pub fn set_time(&mut self, ours: Time) {
        self.facts.now = self.notable_skew().map_or(ours, |skew| ours.plus(skew));
    }

    /// Lazy kinds without any news yet wait until somebody opens them.
    pub fn idle(&mut self) {
        for kind in kinds::ids().filter(|kind| kinds::spec(*kind).lazy) {
            let feed = &mut self.store.table_mut(kind).feed;
            if feed.state == FeedState::Waiting {
                feed.state = FeedState::Idle;
            }
        }
    }

    /// What starts the feed of a kind, when nobody has looked at that kind yet.
    pub fn watch(&mut self, kind: KindId) -> Option<Effect> {
        let feed = &mut self.store.table_mut(kind).feed;
        (feed.state == FeedState::Idle).then(|| {
            feed.state = FeedState::Waiting;
            Effect::Watch(kind)
        })
    }

    pub fn show(&self) -> Show<'_> {
        Show { strings: &self.store.strings, now: self.facts.now }
    }

    /// The chosen namespace as interned, `None` without a choice; `Some(Sym(u32::MAX))` when nothing is in it.
    pub fn namespace(&self) -> Option<Sym> {
        let name = self.facts.namespace.as_deref()?;
        Some(self.store.strings.find(name).unwrap_or(Sym(u32::MAX)))
    }

    /// The row at the other end of a link, where it is known.
    pub fn linked(&self, link: &record::Link) -> Option<RowId> {
        let text = |sym| self.store.strings.get(sym);
        self.store.find(kinds::by_name(text(link.kind))?, text(link.namespace), text(link.name))
    }

    /// Goes to what a row is linked with, or says why not.
    pub fn go_to(&self, row: &Row, relation: Relation) -> Effect {
        let Some(link) = row.record.link(relation) else {
            let what = if relation == Relation::Node { "node" } else { "owner" };
            return Effect::Complain(format!("{} has no {what}", row.record.name));
        };
        match self.linked(link).and_then(|id| self.store.key(id)) {
            Some(key) => Effect::Go(Place::Describe(key)),
            None => {
                let text = |sym| self.store.strings.get(sym);
                // which one it is is known once its kind is read
                let lazy = kinds::by_name(text(link.kind));
                if let Some(kind) = lazy.filter(|kind| self.store.table(*kind).feed.state == FeedState::Idle) {
                    return Effect::Go(Place::Table(kind));
                }
                Effect::Complain(format!("{} {} is not among what is shown here", text(link.kind), text(link.name)))
            }
        }
    }

    /// The namespaces that are all we may see, when no feed sees the whole cluster.
    pub fn only(&self) -> Vec<&str> {
        let mut only = std::collections::BTreeSet::new();
        for (_, table) in self.store.tables() {
            let feed = &table.feed;
            // nodes are of no namespace, and services are asked by other rights
            if feed.only.is_empty() && feed.state.is_live() && table.is_namespaced() {
                return Vec::new();
            }
            only.extend(feed.only.iter().map(|name| &**name));
        }
        only.into_iter().collect()
    }

    /// Whether an object of this place would be seen, if it were there.
    pub fn would_see(&self, kind: KindId, namespace: &str) -> bool {
        let feed = &self.store.table(kind).feed;
        feed.state.is_live()
            && (namespace.is_empty() || feed.only.is_empty() || feed.only.iter().any(|only| **only == *namespace))
    }

    /// What is said of an object that no table holds. That it is not there is said only where it would be seen.
    pub fn absence(&self, kind: KindId, namespace: &str, name: &str) -> String {
        let spec = kinds::spec(kind);
        let feed = &self.store.table(kind).feed;
        let object = match namespace {
            "" => format!("{} {name}", spec.name),
            namespace => format!("{} {namespace}/{name}", spec.name),
        };
        let place = if namespace.is_empty() { String::new() } else { format!(" in {namespace}") };
        match feed.state {
            _ if self.would_see(kind, namespace) => format!("{object} is not there"),
            FeedState::NoAccess | FeedState::Live => {
                format!("{object} cannot be seen: you may not list {}{place}", spec.title)
            }
            FeedState::NotInstalled => format!("{object} is not there: this cluster knows no {}", spec.title),
            state => {
                format!("{object} is not there as far as is known: the feed of {} is {}", spec.title, state.word())
            }
        }
    }

    /// Whether nothing at all can be seen, and not only because it is still coming.
    pub fn is_blind(&self) -> bool {
        let sees = |kind: KindId, t: &Table| match t.feed.state {
            // a polled kind may have nobody to ask, and its rows then say only that
            FeedState::Live => {
                let knows = |row: &Row| row.record.health != Health::Unknown;
                matches!(kinds::spec(kind).api, Api::Watch { .. }) || t.iter().any(|(_, row)| knows(row))
            }
            FeedState::Listing { seen } => seen > 0,
            _ => false,
        };
        let mut tables = self.store.tables();
        !self.store.tables().any(|(kind, t)| sees(kind, t)) && tables.any(|(_, t)| t.feed.state.is_blind())
    }

    /// All namespaces that some object is in, sorted.
    pub fn namespaces(&self) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        for (_, table) in self.store.tables() {
            for (_, row) in table.iter() {
                seen.insert(row.record.namespace);
            }
        }
        let mut names: Vec<String> =
            seen.into_iter().map(|s| self.store.strings.get(s).to_owned()).filter(|n| !n.is_empty()).collect();
        names.sort();
        names
    }

    /// The chord of a command as shown in hints: the first one.
    pub fn chord(&self, command: Command) -> Option<&str> {
        self.preferences.keys.chords(command, Layer::Base).next().map(|written| &*written.text)
    }

    /// The same in a sentence.
    pub fn key(&self, command: Command) -> &str {
        self.preferences.keys.first(command, Layer::Base)
    }
}
