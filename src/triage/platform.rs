//! The state of the components of the enabled platforms: every signal that the store holds of one, joined, and the
//! worst of them first. Unknown is never healthy: a feed that cannot be read is a signal too. It reads only.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::domain::change::FeedState;
use crate::domain::health::Health;
use crate::domain::interner::Sym;
use crate::domain::profile::{Component, Profile, Profiles};
use crate::domain::record::{Cell, KindId, Link, Record, Relation};
use crate::kinds::{self, Family, alerts, backup_storage_locations, guardrails, probes, seals, workload};
use crate::store::{RowId, Store};

use super::Triage;

/// One component and all its signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Index among the active profiles.
    pub profile: usize,
    pub component: String,
    /// `None`: there is no trace of it here.
    pub health: Option<Health>,
    /// The worst, in words; empty when all is healthy.
    pub why: String,
    /// Pods that its workloads have ready, and want; `None` without workloads.
    pub ready: Option<(u32, u32)>,
    /// The `HelmRelease`.
    pub release: Option<RowId>,
    /// Checks that pass, and all of them: endpoints and guardrails.
    pub checks: (u32, u32),
    /// The worst first.
    pub parts: Vec<Part>,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The row, where it is one.
    pub id: Option<RowId>,
    pub what: What,
    /// `Deployment loki-gateway`
    pub name: String,
    pub health: Health,
    /// Empty when there is nothing to say.
    pub words: String,
}

impl Part {
    /// What is wrong, and with what, in one line; empty when all is healthy. A component has one release: its name says
    /// nothing new.
    fn told(&self) -> String {
        match (&*self.words, self.what) {
            _ if self.health == Health::Ok => String::new(),
            ("", _) => format!("{}: {}", self.name, self.health.word()),
            (words, What::Release) => words.to_owned(),
            (words, _) => format!("{}: {words}", self.name),
        }
    }
}

/// What kind of signal; of two that are equally bad, the first one is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Release,
    /// An object of a kind that the profile watches.
    Watched,
    Workload,
    Pods,
    Endpoint,
    Guardrail,
    Alert,
    /// A feed that reports nothing.
    Feed,
}

/// The component that a row belongs to: the join that rules use.
pub fn component_of<'p>(store: &Store, profiles: &'p Profiles, id: RowId) -> Option<(&'p Profile, &'p Component)> {
    let record = &store.row(id)?.record;
    let text = |sym| store.strings.get(sym);
    let managers: Vec<(&str, &str)> = record
        .links
        .iter()
        .filter(|l| l.relation == Relation::ManagedBy && text(l.kind) == kinds::name(kinds::HELM_RELEASE))
        .map(|l| (text(l.namespace), text(l.name)))
        .collect();
    let namespace = text(record.namespace);
    match id.kind {
        // a pod belongs to the component of its workload, whose name the profile knows
        kinds::POD => {
            let owner = record.link(Relation::Owner);
            let by_owner = owner.and_then(|l| by_object(profiles, text(l.kind), namespace, text(l.name), &managers));
            by_owner.or_else(|| by_object(profiles, kinds::name(id.kind), namespace, &record.name, &managers))
        }
        kinds::ALERT => {
            let is_object = |l: &&Link| l.relation == Relation::About && text(l.kind) != kinds::name(kinds::SILENCE);
            let about = record.links.iter().find(is_object);
            let about = about.and_then(|l| by_object(profiles, text(l.kind), text(l.namespace), text(l.name), &[]));
            about.or_else(|| by_object(profiles, kinds::name(id.kind), namespace, &record.name, &[]))
        }
        kinds::PROBE => named(
            profiles,
            record.text(probes::PROFILE, &store.strings),
            record.text(probes::COMPONENT, &store.strings),
        ),
        kinds::GUARDRAIL => named(
            profiles,
            record.text(guardrails::PROFILE, &store.strings),
            record.text(guardrails::COMPONENT, &store.strings),
        ),
        kind => by_object(profiles, kinds::name(kind), namespace, &record.name, &managers),
    }
}

/// The component that an object belongs to: by the `HelmRelease` that it is, by the names of its workloads, by the
/// release that manages it, or as what lives in the namespace of one component alone. `managers` are
/// `(namespace, name)` of the releases.
fn by_object<'p>(
    profiles: &'p Profiles,
    kind: &str,
    namespace: &str,
    name: &str,
    managers: &[(&str, &str)],
) -> Option<(&'p Profile, &'p Component)> {
    let all = || profiles.active.iter().flat_map(|p| p.components.iter().map(move |c| (p, c)));
    let released = |at: (&str, &str)| all().find(|(_, c)| c.is_released_by(at.0, at.1));
    let known = kinds::by_name(kind);
    if known == Some(kinds::HELM_RELEASE) {
        return released((namespace, name));
    }
    let here = || all().filter(|(_, c)| c.namespace == namespace && !namespace.is_empty());
    let named = here().find(|(_, c)| c.names(kind, name) || (known == Some(kinds::POD) && c.names_pod(name)));
    let managed = || managers.iter().find_map(|at| released(*at));
    // a Flux object belongs to what it installs, not to the component in whose namespace Flux lives
    let is_flux = known.is_some_and(|kind| kinds::spec(kind).is_flux());
    let alone = || here().next().filter(|_| here().count() == 1 && !is_flux);
    named.or_else(managed).or_else(alone)
}

fn named<'p>(profiles: &'p Profiles, profile: &str, component: &str) -> Option<(&'p Profile, &'p Component)> {
    let profile = profiles.active.iter().find(|p| p.name == profile)?;
    Some((profile, profile.component(component)?))
}

/// Every component of every active profile, in the order of the profiles and in upgrade order.
pub fn states(store: &Store, triage: &Triage, profiles: &Profiles, lost: bool) -> Vec<State> {
    let mut gather = Gather::new(store, triage, profiles);
    gather.releases();
    for kind in kinds::of_family(Family::Workload) {
        gather.workloads(kind);
    }
    gather.pods();
    gather.watched();
    gather.checks(kinds::PROBE, What::Endpoint);
    gather.checks(kinds::GUARDRAIL, What::Guardrail);
    gather.alerts();
    gather.finish(lost)
}

struct Gather<'a> {
    store: &'a Store,
    triage: &'a Triage,
    profiles: &'a Profiles,
    states: Vec<State>,
    /// The state of a component, by the address of what the profile says of it.
    index: HashMap<(&'a str, &'a str), usize, FixedState>,
    /// Namespaces in which some component lives.
    here: Vec<Sym>,
}

impl<'a> Gather<'a> {
    fn new(store: &'a Store, triage: &'a Triage, profiles: &'a Profiles) -> Self {
        let mut states = Vec::new();
        let mut index = HashMap::default();
        let mut here = Vec::new();
        for (at, profile) in profiles.active.iter().enumerate() {
            for component in profile.in_order() {
                index.insert((profile.name.as_str(), component.name.as_str()), states.len());
                here.extend(store.strings.find(profile.namespace_of(component)));
                states.push(State {
                    profile: at,
                    component: component.name.clone(),
                    health: None,
                    why: String::new(),
                    ready: None,
                    release: None,
                    checks: (0, 0),
                    parts: Vec::new(),
                });
            }
        }
        here.sort_unstable();
        here.dedup();
        Self { store, triage, profiles, states, index, here }
    }

    /// The rows of a kind that belong to some component, with its index.
    fn rows(&self, kind: KindId, anywhere: bool) -> Vec<(usize, RowId)> {
        let rows = self.store.table(kind).iter();
        let here = rows.filter(|(_, row)| anywhere || self.here.binary_search(&row.record.namespace).is_ok());
        here.filter_map(|(slot, _)| {
            let id = RowId { kind, slot };
            let (profile, component) = component_of(self.store, self.profiles, id)?;
            Some((*self.index.get(&(profile.name.as_str(), component.name.as_str()))?, id))
        })
        .collect()
    }

    /// A row as a signal, with the words of its finding, else its own.
    fn part(&self, id: RowId, what: What) -> Option<Part> {
        let row = self.store.row(id)?;
        let (record, strings) = (&row.record, &self.store.strings);
        let words = match self.triage.of(id).first() {
            Some(finding) => finding.why.to_string(),
            None if row.health == Health::Ok => String::new(),
            None => match (strings.get(record.status), &*record.note) {
                ("", note) => note.to_owned(),
                (status, "") => status.to_owned(),
                (status, note) => format!("{status}: {note}"),
            },
        };
        let name = format!("{} {}", kinds::spec(id.kind).name, record.name);
        Some(Part { id: Some(id), what, name, health: row.health, words })
    }

    fn releases(&mut self) {
        for (at, id) in self.rows(kinds::HELM_RELEASE, true) {
            self.states[at].release = Some(id);
            let part = self.part(id, What::Release);
            self.states[at].parts.extend(part);
        }
    }

    fn workloads(&mut self, kind: KindId) {
        for (at, id) in self.rows(kind, false) {
            let Some(part) = self.part(id, What::Workload) else { continue };
            if let Some(Cell::Ratio(ready, wanted)) = self.store.row(id).map(|row| row.record.cell(workload::READY)) {
                let sum = self.states[at].ready.get_or_insert((0, 0));
                sum.0 += u32::from(ready.min(wanted));
                sum.1 += u32::from(wanted);
            }
            self.states[at].parts.push(part);
        }
    }

    /// Pods that fail are one signal: there may be many.
    fn pods(&mut self) {
        let kind = kinds::POD;
        let mut failing: HashMap<usize, (u32, RowId), FixedState> = HashMap::default();
        let bad = |health| matches!(health, Health::Failed | Health::Warning);
        for (slot, row) in self.store.table(kind).iter() {
            if !bad(row.health) || self.here.binary_search(&row.record.namespace).is_err() {
                continue;
            }
            let id = RowId { kind, slot };
            let Some((profile, component)) = component_of(self.store, self.profiles, id) else { continue };
            if let Some(at) = self.index.get(&(profile.name.as_str(), component.name.as_str())) {
                let entry = failing.entry(*at).or_insert((0, id));
                entry.0 += 1;
                let worst = |id: RowId| self.store.row(id).map(|row| row.health.concern());
                if worst(id) > worst(entry.1) {
                    entry.1 = id;
                }
            }
        }
        for (at, (count, id)) in failing {
            let Some(part) = self.part(id, What::Pods) else { continue };
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            self.states[at].parts.push(Part { name: format!("{}{more}", part.name), health: Health::Warning, ..part });
        }
    }

    /// Objects of the kinds that a component watches: in its namespace, or of the cluster.
    fn watched(&mut self) {
        for at in 0..self.states.len() {
            let Some((profile, component)) = self.of(at) else { continue };
            let namespace = profile.namespace_of(component);
            let alone = self.profiles.active.iter().flat_map(|p| &p.components).filter(|c| c.namespace == namespace);
            let alone = alone.count() == 1;
            for word in &component.watch {
                let Some(kind) = kinds::by_name(word) else { continue };
                for (slot, row) in self.store.table(kind).iter() {
                    let home = self.store.strings.get(row.record.namespace);
                    let name = &row.record.name;
                    let own = alone || component.names("*", name) || name.contains(&*component.name) || {
                        component.workloads.iter().any(|w| crate::domain::profile::globs(&w.name, name))
                    };
                    if home.is_empty() || (home == namespace && own) {
                        let id = RowId { kind, slot };
                        let Some(mut part) = self.part(id, What::Watched) else { continue };
                        if part.health == Health::Failed && is_spare(self.store, id) {
                            part.health = Health::Warning;
                        }
                        self.states[at].parts.push(part);
                    }
                }
            }
        }
    }

    fn checks(&mut self, kind: KindId, what: What) {
        for (at, id) in self.rows(kind, true) {
            let Some(part) = self.part(id, what) else { continue };
            self.states[at].checks.0 += u32::from(part.health == Health::Ok);
            self.states[at].checks.1 += 1;
            self.states[at].parts.push(part);
        }
    }

    /// An alert about something of a component is a warning at most: whether it fails, its own objects say.
    fn alerts(&mut self) {
        for (at, id) in self.rows(kinds::ALERT, true) {
            let Some(row) = self.store.row(id) else { continue };
            let fires = matches!(
                alerts::State::of(&row.record, &self.store.strings),
                alerts::State::Firing | alerts::State::Active
            );
            if !fires || !matches!(row.health, Health::Failed | Health::Warning) {
                continue;
            }
            if let Some(part) = self.part(id, What::Alert) {
                self.states[at].parts.push(Part { health: Health::Warning, ..part });
            }
        }
    }

    fn of(&self, at: usize) -> Option<(&'a Profile, &'a Component)> {
        let profile = self.profiles.active.get(self.states[at].profile)?;
        Some((profile, profile.component(&self.states[at].component)?))
    }

    fn finish(mut self, lost: bool) -> Vec<State> {
        for at in 0..self.states.len() {
            let Some((profile, component)) = self.of(at) else { continue };
            let namespace = profile.namespace_of(component);
            let feeds = self.feeds(component, namespace, lost);
            let asked = self.states[at].parts.iter().any(|part| part.what == What::Endpoint);
            let unasked = if asked { 0 } else { component.endpoints.len() };
            let told = self.states[at].parts.iter().any(|part| !is_silent(part));
            let blind = !feeds.is_empty();
            let inhabited = !told && !blind && self.is_inhabited(namespace);
            let state = &mut self.states[at];
            state.checks.1 += u32::try_from(unasked).unwrap_or(0);
            state.parts.extend(feeds);
            state.parts.sort_by_key(|part| (is_silent(part), std::cmp::Reverse(part.health.concern()), part.what));
            if !told && !blind && (!inhabited || component.optional) {
                state.health = None;
                state.why = format!("nothing of it in {namespace}");
                continue;
            }
            if !told && !blind {
                state.health = Some(Health::Unknown);
                state.why = format!("no signal: {}", missing(component, namespace));
                continue;
            }
            let worst = state.parts.first();
            state.health = Some(worst.map_or(Health::Unknown, |part| part.health));
            state.why = worst.map_or_else(String::new, Part::told);
        }
        self.states
    }

    /// The feeds that a component's state needs and that are incomplete.
    fn feeds(&self, component: &Component, namespace: &str, lost: bool) -> Vec<Part> {
        let release = (!component.release.is_empty()).then_some(kinds::HELM_RELEASE);
        let watched = component.watch.iter().filter_map(|name| kinds::by_name(name));
        let needed = kinds::of_family(Family::Workload).chain([kinds::POD]).chain(release).chain(watched);
        let mut out: Vec<Part> = Vec::new();
        for kind in needed {
            let (health, words) = self.told_by(kind, namespace, lost);
            if health == Health::Ok {
                continue;
            }
            // all of them mostly have the same reason
            if let Some(same) = out.iter_mut().find(|part| part.words == words) {
                same.name = format!("{}, {}", same.name, kinds::spec(kind).title);
                continue;
            }
            let name = kinds::spec(kind).title.to_owned();
            out.push(Part { id: None, what: What::Feed, name, health, words });
        }
        out
    }

    fn told_by(&self, kind: KindId, namespace: &str, lost: bool) -> (Health, String) {
        let feed = &self.store.table(kind).feed;
        let why = feed.error.as_deref().map_or(String::new(), |error| format!(": {error}"));
        let apps = kinds::spec(kind).family == Family::Workload || kind == kinds::POD;
        match feed.state {
            _ if lost => (Health::Stale, "no connection: what is known is old".to_owned()),
            FeedState::Live if !feed.only.is_empty() && !feed.only.iter().any(|only| **only == *namespace) => {
                (Health::Unknown, format!("may not be read in {namespace}"))
            }
            // a lazy kind is asked for when it is first looked at
            FeedState::Live | FeedState::Off | FeedState::Idle => (Health::Ok, String::new()),
            // a platform without Flux has no releases; but every cluster has workloads
            FeedState::NotInstalled if !apps => (Health::Ok, String::new()),
            FeedState::Waiting | FeedState::Listing { .. } => (Health::Unknown, "still being read".to_owned()),
            FeedState::Stale => (Health::Stale, format!("what is known is old{why}")),
            state => (Health::Unknown, format!("{}{why}", state.word())),
        }
    }

    /// Whether anything at all is known in a namespace.
    fn is_inhabited(&self, namespace: &str) -> bool {
        let Some(sym) = self.store.strings.find(namespace) else { return false };
        // probes and guardrails are ours, and alerts may be about what is gone
        let own = |kind| matches!(kind, kinds::PROBE | kinds::GUARDRAIL | kinds::ALERT);
        let is_in = |record: &Record| record.namespace == sym;
        self.store.tables().any(|(kind, table)| !own(kind) && table.iter().any(|(_, row)| is_in(&row.record)))
    }
}

/// A check that cannot be made: the count of passed checks shows it, and the others decide the state.
fn is_silent(part: &Part) -> bool {
    matches!(part.what, What::Guardrail | What::Endpoint) && part.health == Health::Unknown
}

/// One replica or one more location that fails is redundancy that is gone; the whole has a record of its own.
fn is_spare(store: &Store, id: RowId) -> bool {
    let Some(row) = store.row(id) else { return false };
    match id.kind {
        kinds::SEAL => !row.record.flag(seals::IS_CLUSTER),
        kinds::BACKUP_STORAGE_LOCATION => !row.record.flag(backup_storage_locations::DEFAULT),
        _ => false,
    }
}

fn missing(component: &Component, namespace: &str) -> String {
    let mut wanted: Vec<String> = component
        .workloads
        .iter()
        .map(|w| if w.kind == "*" { w.name.clone() } else { format!("{}/{}", w.kind, w.name) })
        .collect();
    if !component.release.is_empty() {
        wanted.insert(0, format!("{} {}", kinds::name(kinds::HELM_RELEASE), component.release));
    }
    if wanted.is_empty() {
        return format!("nothing in {namespace} is known to be of it");
    }
    format!("none of {} in {namespace}", wanted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::{Certainty, Workload};

    fn part(name: &str, namespace: &str, on: &[&str]) -> Component {
        Component {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            depends_on: on.iter().map(ToString::to_string).collect(),
            core: name == "base",
            release: name.to_owned(),
            ..Component::default()
        }
    }

    fn named(mut component: Component, pattern: &str) -> Component {
        component.workloads.push(Workload { kind: "*".to_owned(), name: pattern.to_owned() });
        component
    }

    fn chain() -> Profile {
        Profile {
            name: "p".to_owned(),
            components: vec![
                part("apps", "", &["mesh", "base"]),
                part("base", "base", &[]),
                named(part("mesh", "mesh", &["base"]), "mesh*"),
                named(part("gate", "mesh", &["mesh"]), "gate"),
            ],
            upgrade_order: vec!["base".to_owned(), "mesh".to_owned()],
            ..Profile::default()
        }
    }

    #[test]
    fn an_object_belongs_to_its_name_then_to_its_release_then_to_its_namespace() {
        let profiles =
            Profiles { active: vec![chain().at("home")], certainty: Certainty::Certain, ..Profiles::default() };
        let of = |kind: &str, namespace: &str, name: &str, managers: &[(&str, &str)]| {
            by_object(&profiles, kind, namespace, name, managers).map(|(_, c)| c.name.clone())
        };
        assert_eq!(of("HelmRelease", "flux-system", "mesh", &[]).as_deref(), Some("mesh"));
        assert_eq!(of("HelmRelease", "other", "mesh", &[]), None);
        assert_eq!(of("Deployment", "mesh", "x", &[("flux-system", "gate")]).as_deref(), Some("gate"));
        assert_eq!(of("Deployment", "mesh", "mesh-proxy", &[]).as_deref(), Some("mesh"));
        assert_eq!(of("Pod", "mesh", "gate-5f7d9-x2x4k", &[]).as_deref(), Some("gate"));
        assert_eq!(of("Pod", "mesh", "unknown-0", &[]), None);
        assert_eq!(of("Pod", "base", "anything", &[]).as_deref(), Some("base"));
        assert_eq!(of("HelmRepository", "base", "charts", &[]), None);
        // one release may bring many components
        assert_eq!(of("Deployment", "mesh", "gate", &[("mesh", "mesh")]).as_deref(), Some("gate"));
        assert_eq!(of("Node", "", "n1", &[]), None);
    }
}
